"""Programs that differ from a given one in one place and are still well-formed: what a validator must not let pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

from rlhf_contract.errors import ProgramError
from rlhf_contract.machine.opcodes import OPERATIONS, Kind, Opcode
from rlhf_contract.machine.program import Instruction, Program, SignalRange, encode
from rlhf_contract.machine.step import run

__all__ = [
    "Change",
    "Code",
    "becomes",
    "behaviour",
    "differs",
    "mutants",
    "operands",
    "places",
    "random_mutant",
]

OUTPUTS = (Opcode.REQUIRE, Opcode.BREACH, Opcode.UTILITY, Opcode.REWARD)
Code = Sequence[Instruction]
Change = Callable[[Code], Code]


def mutants(program: Program) -> Iterator[Program]:
    """Every operand, opcode, output and range of signals changed, one at a time; what is no program is left out."""
    for signals in _other_signals(program.signals):
        yield from _encoded(signals, program.code)
    for at in range(len(program.code)):
        for code in _other_code(program, at):
            yield from _encoded(program.signals, code)


def random_mutant(random: Random, program: Program) -> Program:
    """One of `mutants`, without making them all."""
    while True:
        code = random.choice(list(_other_code(program, random.randrange(len(program.code)))))
        for found in _encoded(program.signals, code):
            return found


def behaviour(program: Program, row: Sequence[int]) -> tuple[object, ...]:
    """All that the machine says of a row, but for its registers."""
    out = run(program, row)
    utilities = tuple(Fraction(value, 10**scale) for value, scale in out.utilities)
    return out.status, out.reward, out.requirement, out.breaches, utilities


def differs(program: Program, rows: Sequence[Sequence[int]], expected: Sequence[tuple[object, ...]]) -> bool:
    """Whether `program` says something else of some row than `expected`."""
    return any(behaviour(program, row) != e for row, e in zip(rows, expected, strict=True))


def _encoded(signals: tuple[SignalRange, ...], code: Code) -> Iterator[Program]:
    try:
        yield encode(signals, tuple(code))
    except ProgramError:
        return


def _other_signals(signals: tuple[SignalRange, ...]) -> Iterator[tuple[SignalRange, ...]]:
    for index, signal in enumerate(signals):
        others = [replace(signal, highest=signal.highest + 1), replace(signal, lowest=signal.lowest - 1)]
        others += [replace(signal, kind=kind) for kind in Kind if kind not in (signal.kind, Kind.LIST)]
        for fields in _other_signals(signal.fields):
            others.append(replace(signal, fields=fields))
        for other in others:
            yield (*signals[:index], other, *signals[index + 1 :])


def _other_code(program: Program, at: int) -> Iterator[Code]:
    code, instruction = program.code, program.code[at]
    before, after = code[:at], code[at + 1 :]
    for other in _other_instructions(program, instruction):
        yield (*before, other, *after)
    if instruction.opcode in OUTPUTS:
        yield (*before, *after)
        yield (*before, instruction, instruction, *after)
        for later in range(at + 1, len(code)):
            if code[later].opcode in OUTPUTS:
                yield (*before, code[later], *code[at + 1 : later], instruction, *code[later + 1 :])


def _other_instructions(program: Program, instruction: Instruction) -> Iterator[Instruction]:
    opcode, operands = instruction.opcode, instruction.operands
    layout = OPERATIONS[opcode].operands
    for other in Opcode:
        if other is not opcode and len(OPERATIONS[other].operands) == len(layout):
            yield Instruction(other, operands)
    for place, (letter, value) in enumerate(zip(layout, operands, strict=True)):
        for changed in _other_values(program, letter, value):
            yield Instruction(opcode, (*operands[:place], changed, *operands[place + 1 :]))
    for a in range(len(operands)):
        for b in range(a + 1, len(operands)):
            if operands[a] != operands[b]:
                turned = list(operands)
                turned[a], turned[b] = operands[b], operands[a]
                yield Instruction(opcode, tuple(turned))


def _other_values(program: Program, letter: str, value: int) -> set[int]:
    match letter:
        case "n" | "b" | "e":
            found = set(range(program.registers))
        case "s" | "l":
            found = set(range(len(program.signals)))
        case "v" | "d":
            found = {0, 1, -value, value - 1, value + 1, value * 10, value // 10}
        case "p" | "f" | "u":
            found = {max(value - 1, 0), value + 1}
        case _:
            found = set()
    return found - {value}


# -- one change by name


def places(code: Code, opcode: Opcode) -> list[int]:
    return [at for at, i in enumerate(code) if i.opcode is opcode]


def becomes(opcode: Opcode, other: Opcode, which: int = 0) -> Change:
    """The `which`-th `opcode` is replaced by another one with the same operands."""

    def change(code: Code) -> Code:
        at = places(code, opcode)[which]
        return [*code[:at], Instruction(other, code[at].operands), *code[at + 1 :]]

    return change


def operands(opcode: Opcode, turn: Callable[[tuple[int, ...]], tuple[int, ...]], which: int = 0) -> Change:
    """The operands of the `which`-th `opcode` are changed."""

    def change(code: Code) -> Code:
        at = places(code, opcode)[which]
        return [*code[:at], Instruction(opcode, turn(code[at].operands)), *code[at + 1 :]]

    return change
