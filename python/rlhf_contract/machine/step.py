"""The reference: one row, plain Python integers, one function for each operation.

`contracts/libraries/RewardMachine.sol` mirrors this file function by function and name by name; `to_numpy.py` runs the
same program over columns. Read this one first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlhf_contract.errors import ProgramError
from rlhf_contract.machine.opcodes import OPERATIONS, Opcode
from rlhf_contract.machine.program import Program
from rlhf_contract.types import ABSENT, INT64_MAX, INT64_MIN, Status

__all__ = ["Outcome", "run"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the machine says of one row.

    `reward` is in micro-units, ABSENT unless REWARDED. `requirement` is the index of the false REQUIRE, if any.
    `breaches` are the indices of violated invariants and `utilities` (value, scale) pairs, both empty unless REWARDED.
    `trace` is every register written.
    """

    status: Status
    reward: int
    requirement: int | None
    breaches: tuple[int, ...]
    utilities: tuple[tuple[int, int], ...]
    trace: tuple[int, ...]


def run(program: Program, signals: Sequence[int]) -> Outcome:
    """Run `program` on one row of signals (one int for each, ABSENT where unreadable).

    Raises ProgramError: wrong number of signals, or an overflow (impossible for programs that `decode` accepted).
    """
    if len(signals) != len(program.signals):
        raise ProgramError(f"the program reads {len(program.signals)} signals, the row has {len(signals)}")
    if not in_range(program, signals):
        return Outcome(Status.INVALID, ABSENT, None, (), (), ())
    registers: list[int] = []
    breaches: list[int] = []
    utilities: list[tuple[int, int]] = []
    requirement = invariant = 0
    for instruction in program.code:
        opcode, operands = instruction.opcode, instruction.operands
        if opcode is Opcode.SIGNAL:
            registers.append(signals[operands[0]])
        elif opcode is Opcode.CONST:
            registers.append(operands[0])
        elif opcode is Opcode.FLOORDIV:
            registers.append(floordiv(registers[operands[0]], operands[1]))
        elif opcode is Opcode.REQUIRE:
            if not registers[operands[0]]:
                return Outcome(Status.INADMISSIBLE, ABSENT, requirement, (), (), tuple(registers))
            requirement += 1
        elif opcode is Opcode.BREACH:
            if registers[operands[0]]:
                breaches.append(invariant)
            invariant += 1
        elif opcode is Opcode.UTILITY:
            utilities.append((registers[operands[0]], operands[1]))
        elif opcode is Opcode.REWARD:
            reward = registers[operands[0]]
            return Outcome(Status.REWARDED, reward, None, tuple(breaches), tuple(utilities), tuple(registers))
        else:
            assert len(operands) == len(OPERATIONS[opcode].operands)
            registers.append(_APPLY[opcode](*(registers[r] for r in operands)))
    raise ProgramError("the program ended without REWARD")


def in_range(program: Program, signals: Sequence[int]) -> bool:
    """Whether every signal lies in its range; ABSENT never does."""
    return all(s.lowest <= value <= s.highest for s, value in zip(program.signals, signals, strict=True))


def fits(value: int) -> int:
    """`value`, or Overflow."""
    if not INT64_MIN <= value <= INT64_MAX:
        raise ProgramError(f"Overflow: {value} passes 64 bits")
    return value


def add(a: int, b: int) -> int:
    return fits(a + b)


def sub(a: int, b: int) -> int:
    return fits(a - b)


def mul(a: int, b: int) -> int:
    return fits(a * b)


def floordiv(a: int, divisor: int) -> int:
    """Rounded toward minus infinity. The EVM's SDIV truncates, so Solidity must correct it; Python's // is right."""
    return a // divisor


def lt(a: int, b: int) -> int:
    return int(a < b)


def le(a: int, b: int) -> int:
    return int(a <= b)


def eq(a: int, b: int) -> int:
    return int(a == b)


def not_(a: int) -> int:
    return 1 - a


def select(condition: int, a: int, b: int) -> int:
    return a if condition else b


_APPLY: dict[Opcode, Callable[..., int]] = {
    Opcode.ADD: add,
    Opcode.SUB: sub,
    Opcode.MUL: mul,
    Opcode.MIN: min,
    Opcode.MAX: max,
    Opcode.LT: lt,
    Opcode.LE: le,
    Opcode.EQ: eq,
    Opcode.AND: min,
    Opcode.OR: max,
    Opcode.NOT: not_,
    Opcode.SELECT: select,
}
