"""What has to hold for a contract: each promise as one sentence, a Z3 question, and a test on concrete rows.

The question asks for a row (or two) that *breaks* the promise; `broken` decides the same on rows the machine has run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract, MonotoneIn
from rlhf_contract.machine.step import Outcome
from rlhf_contract.prove.to_z3 import SymbolicRow
from rlhf_contract.prove.witness import place
from rlhf_contract.types import Status, decimal_text

__all__ = ["ADMISSIBLE", "Obligation", "obligations"]

Question = Callable[[tuple[SymbolicRow, ...]], list[Any]]
Broken = Callable[[tuple[tuple[int, ...], ...], tuple[Outcome, ...]], bool]

ADMISSIBLE = "admissible"


@dataclass(frozen=True, slots=True)
class Obligation:
    """`id` is stable, `sentence` plain English. `free` lists the signals in which two rows differ; None: one row.

    `breaking` gives the conditions of a counterexample; `broken` sees (signals, outcome) of replayed rows, in which
    ENSURES count as breaches behind the invariants.
    """

    id: str
    sentence: str
    free: tuple[int, ...] | None
    breaking: Question
    broken: Broken


def obligations(contract: Contract) -> list[Obligation]:
    """Everything that must be proved before `contract` may take effect: the automatic promises, then the author's."""
    return [
        _bounded(contract),
        *(_ensured(contract, index) for index in range(len(contract.ensured))),
        *(_monotone(contract, promise) for promise in contract.promises),
    ]


def _bounded(contract: Contract) -> Obligation:
    low, high = contract.lowest, contract.highest

    def breaking(rows: tuple[SymbolicRow, ...]) -> list[Any]:
        (row,) = rows
        return [z3.Or(row.reward < row.real(low, 6), row.reward > row.real(high, 6))]

    def broken(signals: tuple[tuple[int, ...], ...], outcomes: tuple[Outcome, ...]) -> bool:
        return outcomes[0].status is Status.REWARDED and not low <= outcomes[0].reward <= high

    sentence = f"Every reward lies between {decimal_text(low, 6)} and {decimal_text(high, 6)}."
    return Obligation("bounded", sentence, None, breaking, broken)


def _ensured(contract: Contract, index: int) -> Obligation:
    ensured = contract.ensured[index]
    block = contract.tree.ensures[index]
    watched = len(contract.rules) + index

    def breaking(rows: tuple[SymbolicRow, ...]) -> list[Any]:
        return [z3.Not(rows[0][ensured.node])]

    def broken(signals: tuple[tuple[int, ...], ...], outcomes: tuple[Outcome, ...]) -> bool:
        return outcomes[0].status is Status.REWARDED and watched in outcomes[0].breaches

    lines = contract.source.split("\n")
    span = block.condition.span
    text = (
        lines[span.line - 1][span.column - 1 :]
        if span.end_line > span.line
        else (lines[span.line - 1][span.column - 1 : span.end_column - 1])
    )
    return Obligation(f"ensures.{ensured.name}", f"Always: {text}.", None, breaking, broken)


def _monotone(contract: Contract, promise: MonotoneIn) -> Obligation:
    """Two rows that differ in one signal; the second, higher one violates nothing that the first does not."""
    rules = range(len(contract.rules))

    def breaking(rows: tuple[SymbolicRow, ...]) -> list[Any]:
        low, high = rows
        no_new = [z3.Implies(high.violated(r), low.violated(r)) for r in rules]
        raised = low.inputs.scalars[promise.signal] < high.inputs.scalars[promise.signal]
        return [raised, high.reward < low.reward, *no_new]

    def broken(signals: tuple[tuple[int, ...], ...], outcomes: tuple[Outcome, ...]) -> bool:
        low, high = outcomes
        rewarded = low.status is Status.REWARDED and high.status is Status.REWARDED
        at = place(contract, signals[0], promise.signal)
        others = all(a == b for i, (a, b) in enumerate(zip(*signals, strict=True)) if i != at)
        raised = signals[0][at] < signals[1][at]
        new = {b for b in high.breaches if b in rules} - set(low.breaches)
        return rewarded and others and raised and not new and high.reward < low.reward

    sentence = f"Raising {promise.name} alone, with no new violation, never lowers the reward."
    return Obligation(f"monotone.{promise.name}", sentence, (promise.signal,), breaking, broken)
