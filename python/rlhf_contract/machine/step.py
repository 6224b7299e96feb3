"""The reference: one row, plain Python integers, one function for each operation.

`contracts/libraries/RewardMachine.sol` mirrors this file function by function and name by name; `to_numpy.py` runs the
same program over columns. Read this one first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlhf_contract.errors import ProgramError
from rlhf_contract.lang.logarithm import exp2, log2
from rlhf_contract.machine.opcodes import ENDS, Kind, Opcode
from rlhf_contract.machine.program import Program
from rlhf_contract.types import ABSENT, INT64_MAX, INT64_MIN, Status

__all__ = ["Outcome", "run"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the machine says of one row.

    `reward` is in micro-units, ABSENT unless REWARDED. `requirement` is the index of the false REQUIRE, if any.
    `breaches` are the indices of violated invariants and `utilities` (value, scale) pairs, both empty unless REWARDED.
    `trace` is every register, 0 where none was written.
    """

    status: Status
    reward: int
    requirement: int | None
    breaches: tuple[int, ...]
    utilities: tuple[tuple[int, int], ...]
    trace: tuple[int, ...]


@dataclass(slots=True)
class Loop:
    """An EACH that is running: its place in the code, where its elements lie in the row, and what has come together."""

    start: int
    first: int
    count: int
    width: int
    element: int = 0
    result: int = 0


def run(program: Program, row: Sequence[int]) -> Outcome:
    """Run `program` on one row: a flat sequence of ints as `spec/opcodes.md` describes, ABSENT where unreadable.

    Raises ProgramError: a row of the wrong length, or an overflow (impossible for programs that `decode` accepted).
    """
    places = locate(program, row)
    if not in_range(program, row, places):
        return Outcome(Status.INVALID, ABSENT, None, (), (), ())
    registers = [0] * program.registers
    breaches: list[int] = []
    utilities: list[tuple[int, int]] = []
    loops: list[Loop] = []
    requirement = invariant = at = 0
    while True:
        opcode, operands, target = program.code[at].opcode, program.code[at].operands, program.targets[at]
        if opcode is Opcode.SIGNAL:
            registers[target] = row[places[operands[0]]]
        elif opcode is Opcode.CONST:
            registers[target] = operands[0]
        elif opcode is Opcode.FLOORDIV:
            registers[target] = floordiv(registers[operands[0]], operands[1])
        elif opcode is Opcode.EACH:
            place, fields = places[operands[0]], program.signals[operands[0]].fields
            loops.append(Loop(at, place + 1, row[place], len(fields)))
            if not row[place]:
                at = program.ends[at]
                continue
        elif opcode is Opcode.FIELD:
            loop = loops[operands[0]]
            registers[target] = row[loop.first + loop.element * loop.width + operands[1]]
        elif opcode in ENDS:
            loop = loops[-1]
            if loop.element < loop.count:
                loop.result = _END[opcode](loop.result, registers[operands[0]], loop.element)
                loop.element += 1
            if loop.element < loop.count:
                at = loop.start + 1
                continue
            registers[target] = loop.result if loop.count else int(opcode is Opcode.ALL)
            loops.pop()
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
            registers[target] = _APPLY[opcode](*(registers[r] for r in operands))
        at += 1


def locate(program: Program, row: Sequence[int]) -> list[int]:
    """Where each signal begins in the row. A length out of bounds is followed by no elements."""
    places, at = [], 0
    for signal in program.signals:
        places.append(at)
        if at < len(row) and signal.kind is Kind.LIST and 0 <= row[at] <= signal.highest:
            at += row[at] * len(signal.fields)
        at += 1
    if at != len(row):
        raise ProgramError(f"the program reads {at} numbers from this row, which has {len(row)}")
    return places


def in_range(program: Program, row: Sequence[int], places: Sequence[int]) -> bool:
    """Whether every signal, length and field lies in its range; ABSENT never does."""
    for signal, place in zip(program.signals, places, strict=True):
        if not signal.lowest <= row[place] <= signal.highest:
            return False
        for offset in range(row[place] * len(signal.fields)):
            field = signal.fields[offset % len(signal.fields)]
            if not field.lowest <= row[place + 1 + offset] <= field.highest:
                return False
    return True


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


def div(a: int, b: int) -> int:
    """As floordiv, by a register of either sign."""
    return fits(a // b)


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


def all_(result: int, c: int, element: int) -> int:
    """Whether c held for every element so far."""
    return c if element == 0 else min(result, c)


def any_(result: int, c: int, element: int) -> int:
    """Whether c held for some element so far."""
    return max(result, c)


def sum_(result: int, a: int, element: int) -> int:
    """The sum so far; of a condition, for how many elements it held."""
    return fits(result + a)


_APPLY: dict[Opcode, Callable[..., int]] = {
    Opcode.ADD: add,
    Opcode.SUB: sub,
    Opcode.MUL: mul,
    Opcode.MIN: min,
    Opcode.MAX: max,
    Opcode.DIV: div,
    Opcode.LOG2: log2,
    Opcode.EXP2: lambda a: fits(exp2(a)),
    Opcode.LT: lt,
    Opcode.LE: le,
    Opcode.EQ: eq,
    Opcode.AND: min,
    Opcode.OR: max,
    Opcode.NOT: not_,
    Opcode.SELECT: select,
}
_END: dict[Opcode, Callable[[int, int, int], int]] = {
    Opcode.ALL: all_,
    Opcode.ANY: any_,
    Opcode.COUNT: sum_,
    Opcode.SUM: sum_,
}
