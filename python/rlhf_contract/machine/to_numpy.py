"""The same program over columns. It must equal `step.py` bit for bit; `tests/differential` looks for a row where not.

`decode` has proved that no row in range overflows 64 bits. Rows out of range may wrap; they are masked as INVALID.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rlhf_contract.errors import ProgramError
from rlhf_contract.machine.opcodes import Kind, Opcode
from rlhf_contract.machine.program import Program
from rlhf_contract.types import ABSENT, Status

__all__ = ["BLOCK", "Outcomes", "run"]

BLOCK = 32_768
"""Rows at a time: small enough that a block's registers stay in the cache."""

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the machine says of N rows, in their order.

    status       uint8 [N], see `Status`
    reward       int64 [N], micro-units; ABSENT unless REWARDED
    requirement  int16 [N], index of the first false REQUIRE, −1 if none
    breaches     bool [invariants, N]; false unless REWARDED
    """

    status: npt.NDArray[np.uint8]
    reward: npt.NDArray[np.int64]
    requirement: npt.NDArray[np.int16]
    breaches: npt.NDArray[np.bool_]


def run(program: Program, signals: npt.NDArray[np.int64], progress: Callable[[int], None] | None = None) -> Outcomes:
    """Run `program` on `signals`, int64 of shape [signals, N]; `progress` is told how many rows are done.

    Raises ProgramError: wrong shape or dtype.
    """
    if signals.ndim != 2 or signals.shape[0] != len(program.signals) or signals.dtype != np.int64:
        raise ProgramError(
            f"signals must be int64 of shape [{len(program.signals)}, N], not {signals.dtype} of {list(signals.shape)}"
        )
    rows = signals.shape[1]
    out = Outcomes(
        np.empty(rows, np.uint8),
        np.empty(rows, np.int64),
        np.empty(rows, np.int16),
        np.empty((program.count(Opcode.BREACH), rows), np.bool_),
    )
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        _run_block(program, signals[:, block], out, block)
        if progress:
            progress(block.stop)
    return out


def _run_block(program: Program, signals: npt.NDArray[np.int64], out: Outcomes, block: slice) -> None:
    valid = in_range(program, signals)
    requirement = np.full(valid.shape, -1, np.int16)
    breaches: list[Column] = []
    registers: list[Column] = []
    required = 0
    reward: Column = np.empty(0)
    for instruction in program.code:
        opcode, operands = instruction.opcode, instruction.operands
        if opcode is Opcode.SIGNAL:
            column = signals[operands[0]]
            registers.append(column != 0 if program.signals[operands[0]].kind is Kind.BOOL else column)
        elif opcode is Opcode.CONST:
            registers.append(np.int64(operands[0]))  # type: ignore[arg-type]  # broadcasts
        elif opcode is Opcode.FLOORDIV:
            registers.append(registers[operands[0]] // operands[1])
        elif opcode is Opcode.REQUIRE:
            requirement[~registers[operands[0]] & (requirement < 0)] = required
            required += 1
        elif opcode is Opcode.BREACH:
            breaches.append(registers[operands[0]])
        elif opcode is Opcode.REWARD:
            reward = registers[operands[0]]
        elif opcode is not Opcode.UTILITY:
            with np.errstate(over="ignore"):
                registers.append(_APPLY[opcode](*(registers[r] for r in operands)))
    requirement[~valid] = -1
    rewarded = valid & (requirement < 0)
    out.status[block] = np.where(valid, np.where(rewarded, Status.REWARDED, Status.INADMISSIBLE), Status.INVALID)
    out.reward[block] = np.where(rewarded, reward, ABSENT)
    out.requirement[block] = requirement
    for index, breach in enumerate(breaches):
        np.logical_and(breach, rewarded, out=out.breaches[index, block])


def in_range(program: Program, signals: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether every signal of a row lies in its range; ABSENT never does."""
    valid = np.ones(signals.shape[1], np.bool_)
    for declared, column in zip(program.signals, signals, strict=True):
        valid &= (column >= declared.lowest) & (column <= declared.highest)
    return valid


_APPLY: dict[Opcode, Callable[..., Column]] = {
    Opcode.ADD: np.add,
    Opcode.SUB: np.subtract,
    Opcode.MUL: np.multiply,
    Opcode.MIN: np.minimum,
    Opcode.MAX: np.maximum,
    Opcode.LT: np.less,
    Opcode.LE: np.less_equal,
    Opcode.EQ: np.equal,
    Opcode.AND: np.logical_and,
    Opcode.OR: np.logical_or,
    Opcode.NOT: np.logical_not,
    Opcode.SELECT: np.where,
}
