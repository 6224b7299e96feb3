"""What an obligation is: a promise in one sentence, the question whether a row breaks it, a test on rows that ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rlhf_contract.machine.step import Outcome
from rlhf_contract.prove.to_z3 import Free, SymbolicRow

__all__ = ["Broken", "Obligation", "Question", "exact_utilities"]

Rows = tuple[tuple[int, ...], ...]
Breaking = Callable[[tuple[SymbolicRow, ...]], list[Any]]
Broken = Callable[[Rows, tuple[Outcome, ...]], bool]


@dataclass(frozen=True, slots=True)
class Question:
    """Is there a counterexample? One row if `free` is None; else two that differ in the `free` signals and fields only.

    `breaking` gives the conditions of a counterexample beyond that its rows are admissible. With `cut`, those nodes are
    taken for unknowns, and nothing is asked of the signals: what no row breaks then, no real one does.
    """

    breaking: Breaking
    free: tuple[Free, ...] | None = None
    cut: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Obligation:
    """`id` is stable, `sentence` plain English; `source` a paper or axiom, '' if none.

    Three ways to decide it, the cheapest first: `quick` proves by intervals and polarity alone; `lemmas` are lists of
    questions, of which one proves it when none in it has a counterexample; `question` is the whole of it. `broken`
    decides on rows that the machine has run, in whose outcomes ENSURES count as breaches behind the invariants; they
    must all be rewarded. `exists` turns it round: the promise is that there is such a row. `premises` are such
    obligations, without which there is nothing to promise; their sentences say that there is none.
    """

    id: str
    sentence: str
    question: Question
    broken: Broken
    quick: Callable[[], bool] = lambda: False
    lemmas: Callable[[], list[list[Question]]] = list
    source: str = ""
    assumptions: tuple[str, ...] = ()
    exists: bool = False
    premises: tuple[Obligation, ...] = ()


def exact_utilities(outcome: Outcome) -> tuple[Fraction, ...]:
    """Each stakeholder's utility in this outcome."""
    return tuple(Fraction(value, 10**scale) for value, scale in outcome.utilities)
