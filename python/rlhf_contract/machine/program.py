"""Program bytes ↔ instructions (`spec/opcodes.md`). Reading proves well-formedness and that nothing can overflow."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from rlhf_contract.errors import ProgramError
from rlhf_contract.machine.opcodes import OPERATIONS, Kind, Opcode
from rlhf_contract.types import ABSENT, INT64_MAX, INT64_MIN

__all__ = ["MAX_PROGRAM_BYTES", "Instruction", "Program", "SignalRange", "decode", "encode"]

MAGIC = b"LB"
VERSION = 1
MAX_PROGRAM_BYTES = 24_000
MAX_SIGNALS = 256

_FORMAT = {"n": "H", "b": "H", "e": "H", "s": "H", "v": "q", "d": "q", "u": "B"}


@dataclass(frozen=True, slots=True)
class SignalRange:
    """Kind and range of an input; both ends belong to it."""

    kind: Kind
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Instruction:
    opcode: Opcode
    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A well-formed program. `data` is the encoding whose keccak256 is the programHash."""

    signals: tuple[SignalRange, ...]
    code: tuple[Instruction, ...]
    data: bytes

    def registers(self) -> Iterator[tuple[int, Instruction]]:
        """Each instruction that gives a value, with the register it writes."""
        giving = (i for i in self.code if OPERATIONS[i.opcode].gives)
        return enumerate(giving)

    def count(self, opcode: Opcode) -> int:
        """How many instructions have this opcode."""
        return sum(i.opcode is opcode for i in self.code)


def encode(signals: tuple[SignalRange, ...], code: tuple[Instruction, ...]) -> Program:
    """The program of these parts.

    Raises ProgramError: too large, malformed, or able to overflow.
    """
    parts = [MAGIC, struct.pack(">BH", VERSION, len(signals))]
    parts += [struct.pack(">Bqq", s.kind, s.lowest, s.highest) for s in signals]
    for instruction in code:
        layout = "".join(_FORMAT[letter] for letter in OPERATIONS[instruction.opcode].operands)
        try:
            parts.append(struct.pack(f">B{layout}", instruction.opcode, *instruction.operands))
        except struct.error as error:
            raise ProgramError(f"{instruction.opcode.name} does not fit its operands: {error}") from None
    return decode(b"".join(parts))


def decode(data: bytes) -> Program:
    """Read program bytes.

    Raises ProgramError naming the place: unknown version or opcode, truncated, a register read before it is written or
    of the wrong type, code after REWARD, a result that some row in range could push past 64 bits.
    """
    if len(data) > MAX_PROGRAM_BYTES:
        raise ProgramError(f"the program has {len(data):,} bytes; at most {MAX_PROGRAM_BYTES:,} are allowed")
    if data[:2] != MAGIC:
        raise ProgramError("these bytes are not a reward program: they do not start with 'LB'")
    if len(data) < 5 or data[2] != VERSION:
        raise ProgramError(
            f"program version {data[2] if len(data) > 2 else '?'} is unknown; this reader knows {VERSION}"
        )
    (count,) = struct.unpack_from(">H", data, 3)
    start = 5 + 17 * count
    if not 1 <= count <= MAX_SIGNALS or len(data) < start:
        raise ProgramError(f"the header announces {count} signals, which is not 1 … {MAX_SIGNALS} or not all there")
    signals = tuple(_signal(i, *struct.unpack_from(">Bqq", data, 5 + 17 * i)) for i in range(count))
    code = tuple(_instructions(data, start))
    _validate(signals, code)
    return Program(signals, code, data)


def _signal(index: int, kind: int, lowest: int, highest: int) -> SignalRange:
    if kind not in Kind.__members__.values():
        raise ProgramError(f"signal {index} has the unknown kind {kind}")
    bool_ok = kind != Kind.BOOL or (lowest, highest) == (0, 1)
    if not (ABSENT < lowest < highest) or not bool_ok:
        raise ProgramError(f"signal {index} has the impossible range {lowest} … {highest}")
    return SignalRange(Kind(kind), lowest, highest)


def _instructions(data: bytes, position: int) -> Iterator[Instruction]:
    while position < len(data):
        try:
            opcode = Opcode(data[position])
        except ValueError:
            raise ProgramError(f"byte {position}: no operation has the code {data[position]:#04x}") from None
        layout = ">" + "".join(_FORMAT[letter] for letter in OPERATIONS[opcode].operands)
        size = struct.calcsize(layout)
        if position + 1 + size > len(data):
            raise ProgramError(f"byte {position}: {opcode.name} is cut off")
        yield Instruction(opcode, struct.unpack_from(layout, data, position + 1))
        position += 1 + size


def _validate(signals: tuple[SignalRange, ...], code: tuple[Instruction, ...]) -> None:
    """Types, order, and an interval for each register: overflow is excluded for every row in range."""
    if not code or code[-1].opcode is not Opcode.REWARD:
        raise ProgramError("the program does not end with REWARD")
    types: list[str] = []
    ranges: list[tuple[int, int]] = []
    for number, (opcode, operands) in enumerate((i.opcode, i.operands) for i in code):
        where = f"instruction {number} ({opcode.name})"
        if opcode is Opcode.REWARD and number != len(code) - 1:
            raise ProgramError(f"{where}: code follows REWARD")
        seen = ""
        for letter, operand in zip(OPERATIONS[opcode].operands, operands, strict=True):
            if letter == "s" and operand >= len(signals):
                raise ProgramError(f"{where}: there is no signal {operand}")
            if letter == "d" and operand <= 0:
                raise ProgramError(f"{where}: the divisor {operand} is not positive")
            if letter in "nbe":
                if operand >= len(types):
                    raise ProgramError(f"{where}: register {operand} is read before it is written")
                wanted = seen or types[operand] if letter == "e" else letter
                seen = types[operand]
                if seen != wanted:
                    raise ProgramError(f"{where}: register {operand} has the wrong type")
        gives = OPERATIONS[opcode].gives
        if gives:
            is_bool = gives == "b" or (gives == "k" and signals[operands[0]].kind is Kind.BOOL)
            types.append("b" if is_bool else "n")
            ranges.append((0, 1) if is_bool else _interval(opcode, operands, signals, ranges, where))


def _interval(
    opcode: Opcode,
    operands: tuple[int, ...],
    signals: tuple[SignalRange, ...],
    ranges: list[tuple[int, int]],
    where: str,
) -> tuple[int, int]:
    """The lowest and highest result of a number operation (interval arithmetic, Moore 1966)."""
    if opcode is Opcode.SIGNAL:
        return signals[operands[0]].lowest, signals[operands[0]].highest
    if opcode is Opcode.CONST:
        return operands[0], operands[0]
    if opcode is Opcode.FLOORDIV:
        low, high = ranges[operands[0]]
        return low // operands[1], high // operands[1]
    (al, ah), (bl, bh) = (ranges[r] for r in operands[-2:])
    match opcode:
        case Opcode.ADD:
            low, high = al + bl, ah + bh
        case Opcode.SUB:
            low, high = al - bh, ah - bl
        case Opcode.MUL:
            corners = (al * bl, al * bh, ah * bl, ah * bh)
            low, high = min(corners), max(corners)
        case Opcode.MIN:
            low, high = min(al, bl), min(ah, bh)
        case Opcode.MAX:
            low, high = max(al, bl), max(ah, bh)
        case Opcode.SELECT:
            low, high = min(al, bl), max(ah, bh)
        case _:
            raise AssertionError(opcode)
    if low < INT64_MIN or high > INT64_MAX:
        raise ProgramError(f"{where}: the result can reach {low if low < INT64_MIN else high}, which passes 64 bits")
    return low, high
