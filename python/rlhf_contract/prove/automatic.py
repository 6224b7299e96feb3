"""What is checked of every contract without being asked: some row is admissible, the reward stays in its range, every
ENSURES holds, every INVARIANT can be kept and can be broken."""

from __future__ import annotations

from typing import Any

import z3

from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine.step import Outcome
from rlhf_contract.prove.intervals import intervals
from rlhf_contract.prove.obligation import Obligation, Question, Rows
from rlhf_contract.prove.to_z3 import SymbolicRow
from rlhf_contract.types import decimal_text

__all__ = ["ADMISSIBLE", "admissible", "bounded", "breakable", "ensured", "keepable"]

ADMISSIBLE = "admissible"
ASSUMED = ("the row is admissible: every signal is readable, every REQUIRES holds",)


def admissible(contract: Contract) -> Obligation:
    """Some row satisfies every REQUIRES. If none does, every other promise holds of nothing."""
    anything = Question(lambda rows: [])
    return Obligation(ADMISSIBLE, "Some answer can be rewarded at all.", anything, lambda rows, o: True, exists=True)


def bounded(contract: Contract) -> Obligation:
    low, high = contract.lowest, contract.highest

    def breaking(rows: tuple[SymbolicRow, ...]) -> list[Any]:
        (row,) = rows
        return [z3.Or(row.reward < row.real(low, 6), row.reward > row.real(high, 6))]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        return not low <= outcomes[0].reward <= high

    def quick() -> bool:
        least, most = intervals(contract)[contract.reward.order]
        return least * 10**6 >= low and most * 10**6 <= high

    sentence = f"Every reward lies between {decimal_text(low, 6)} and {decimal_text(high, 6)}."
    lemmas = _whatever_rules_and_people_say(contract, breaking)
    return Obligation("bounded", sentence, Question(breaking), broken, quick, lemmas, assumptions=ASSUMED)


def _whatever_rules_and_people_say(contract: Contract, breaking: Any) -> Any:
    """Forget what the rules say and what people want, keep only how the reward is made of both."""
    cut = frozenset(node.order for node in (*(r.node for r in contract.rules), *(u.node for u in contract.utilities)))
    return lambda: [[Question(breaking, cut=cut)]]


def ensured(contract: Contract, index: int) -> Obligation:
    promise = contract.ensured[index]
    watched = len(contract.rules) + index

    def breaking(rows: tuple[SymbolicRow, ...]) -> list[Any]:
        return [z3.Not(rows[0][promise.node])]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        return watched in outcomes[0].breaches

    def quick() -> bool:
        return intervals(contract)[promise.node.order][0] == 1

    text = contract.quote(contract.tree.ensures[index].condition.span)
    sentence = f"Always: {text}."
    return Obligation(f"ensures.{promise.name}", sentence, Question(breaking), broken, quick, assumptions=ASSUMED)


def breakable(contract: Contract, index: int, alone: bool = False) -> Obligation:
    """Some row violates this invariant; with `alone`, one that violates no other."""
    others = [i for i in range(len(contract.rules)) if i != index] if alone else []

    def breaking(rows: tuple[SymbolicRow, ...]) -> list[Any]:
        return [rows[0].violated(index), *(rows[0][contract.rules[i].node] for i in others)]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        return index in outcomes[0].breaches and not set(others) & set(outcomes[0].breaches)

    return _possible(contract, index, breaking, broken)


def keepable(contract: Contract, index: int) -> Obligation:
    """Some row keeps this invariant."""

    def breaking(rows: tuple[SymbolicRow, ...]) -> list[Any]:
        return [rows[0][contract.rules[index].node]]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        return index not in outcomes[0].breaches

    return _possible(contract, index, breaking, broken)


def _possible(contract: Contract, index: int, breaking: Any, broken: Any) -> Obligation:
    name = contract.rules[index].name
    sentence = f"The rule {name} can be kept, and it can be broken."
    return Obligation(f"rule.{name}", sentence, Question(breaking), broken, exists=True, assumptions=ASSUMED)
