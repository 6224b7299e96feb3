"""Program bytes ↔ instructions (`spec/opcodes.md`). What `validate.py` has not accepted never becomes a Program."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from rlhf_contract.errors import ProgramError
from rlhf_contract.machine import dispute
from rlhf_contract.machine.opcodes import OPERATIONS, Kind, Opcode
from rlhf_contract.machine.parts import Instruction, SignalRange
from rlhf_contract.machine.validate import validate
from rlhf_contract.types import ABSENT, TRANSACTION_GAS

__all__ = ["MAX_PROGRAM_BYTES", "Instruction", "Program", "SignalRange", "decode", "encode"]

MAGIC = b"LB"
VERSION = 1
MAX_PROGRAM_BYTES = 24_000
MAX_SIGNALS = 256
MAX_FIELDS = 64
MAX_LENGTH = 256

_FORMAT = dict.fromkeys("nbeslzf", "H") | {"v": "q", "d": "q", "u": "B", "p": "B"}


@dataclass(frozen=True, slots=True)
class Program:
    """A well-formed program. `data` is the encoding whose keccak256 is the programHash.

    `targets` has the register that each instruction writes (−1: none), `ends` the index of the end of each EACH.
    """

    signals: tuple[SignalRange, ...]
    code: tuple[Instruction, ...]
    data: bytes
    targets: tuple[int, ...]
    ends: dict[int, int]

    @property
    def registers(self) -> int:
        """How many registers it writes."""
        return max(self.targets) + 1

    @property
    def lists(self) -> bool:
        """Whether it reads lists, so that rows differ in length."""
        return any(s.kind is Kind.LIST for s in self.signals)

    def count(self, opcode: Opcode) -> int:
        """How many instructions have this opcode."""
        return sum(i.opcode is opcode for i in self.code)


def encode(signals: tuple[SignalRange, ...], code: tuple[Instruction, ...]) -> Program:
    """The program of these parts.

    Raises ProgramError: too large, malformed, or able to overflow.
    """
    parts = [MAGIC, struct.pack(">BH", VERSION, len(signals))]
    for signal in signals:
        if signal.kind is Kind.LIST:
            parts.append(struct.pack(">Bqq", signal.kind, len(signal.fields), signal.highest))
        for entry in signal.fields or (signal,):
            parts.append(struct.pack(">Bqq", entry.kind, entry.lowest, entry.highest))
    for instruction in code:
        try:
            parts.append(struct.pack(_layout(instruction.opcode), instruction.opcode, *instruction.operands))
        except struct.error as error:
            raise ProgramError(f"{instruction.opcode.name} does not fit its operands: {error}") from None
    return decode(b"".join(parts))


def size_of(opcode: Opcode) -> int:
    """How many bytes an instruction takes."""
    return struct.calcsize(_layout(opcode))


def _layout(opcode: Opcode) -> str:
    return ">B" + "".join(_FORMAT[letter] for letter in OPERATIONS[opcode].operands)


def decode(data: bytes) -> Program:
    """Read program bytes.

    Raises ProgramError naming the place: unknown version or opcode, truncated, a register read before it is written or
    of the wrong type, code after REWARD, an EACH that does not end where it says, a result that some row in range could
    push past 64 bits, a row that the court could not run again in one transaction.
    """
    if len(data) > MAX_PROGRAM_BYTES:
        raise ProgramError(f"the program has {len(data):,} bytes; at most {MAX_PROGRAM_BYTES:,} are allowed")
    if data[:2] != MAGIC:
        raise ProgramError("these bytes are not a reward program: they do not start with 'LB'")
    if len(data) < 5 or data[2] != VERSION:
        version = data[2] if len(data) > 2 else "?"
        raise ProgramError(f"program version {version} is unknown; this reader knows {VERSION}")
    (count,) = struct.unpack_from(">H", data, 3)
    if not 1 <= count <= MAX_SIGNALS:
        raise ProgramError(f"the header announces {count} signals, which is not 1 … {MAX_SIGNALS}")
    signals, position = [], 5
    for index in range(count):
        signal, position = _signal(data, position, f"signal {index}")
        signals.append(signal)
    sized = [(i, size_of(i.opcode)) for i in _instructions(data, position)]
    code = tuple(i for i, _ in sized)
    targets, ends = validate(tuple(signals), code, [size for _, size in sized])
    cost = dispute.gas(signals, code, len(data))
    if cost > TRANSACTION_GAS:
        raise ProgramError(
            f"a row with the longest lists can take {cost:,} gas to run again in the court; "
            f"one transaction has at most {TRANSACTION_GAS:,}"
        )
    return Program(tuple(signals), code, data, targets, ends)


def _signal(data: bytes, position: int, what: str, nested: bool = False) -> tuple[SignalRange, int]:
    if position + 17 > len(data):
        raise ProgramError(f"{what} is not all there: the table of signals is cut off")
    kind, lowest, highest = struct.unpack_from(">Bqq", data, position)
    position += 17
    if kind == Kind.LIST and not nested:
        if not (1 <= lowest <= MAX_FIELDS and 1 <= highest <= MAX_LENGTH):
            raise ProgramError(f"{what} is a list of {highest} with {lowest} fields, which is out of bounds")
        fields = []
        for index in range(lowest):
            field, position = _signal(data, position, f"field {index} of {what}", nested=True)
            fields.append(field)
        return SignalRange(Kind.LIST, 0, highest, tuple(fields)), position
    if kind not in (Kind.BOOL, Kind.INT, Kind.REAL, Kind.CHOICE):
        raise ProgramError(f"{what} has the unknown kind {kind}")
    fitting = {Kind.BOOL: (lowest, highest) == (0, 1), Kind.CHOICE: lowest == 0}.get(Kind(kind), True)
    if not (ABSENT < lowest < highest) or not fitting:
        raise ProgramError(f"{what} has the impossible range {lowest} … {highest}")
    return SignalRange(Kind(kind), lowest, highest), position


def _instructions(data: bytes, position: int) -> Iterator[Instruction]:
    while position < len(data):
        try:
            opcode = Opcode(data[position])
        except ValueError:
            raise ProgramError(f"byte {position}: no operation has the code {data[position]:#04x}") from None
        size = size_of(opcode)
        if position + size > len(data):
            raise ProgramError(f"byte {position}: {opcode.name} is cut off")
        yield Instruction(opcode, struct.unpack_from(_layout(opcode), data, position)[1:])
        position += size
