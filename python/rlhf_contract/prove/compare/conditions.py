"""Whether one condition is stricter than another: on every row that both versions can read, whatever they reward."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.evaluate import ExactRow
from rlhf_contract.lang.ir import Node, SignalSpec
from rlhf_contract.machine.step import in_range, locate
from rlhf_contract.prove.compare.pair import Pair, Side
from rlhf_contract.prove.compare.question import Found, Reading, find
from rlhf_contract.prove.query import Budget
from rlhf_contract.prove.witness import Row

__all__ = ["Strictness", "strictness"]

Value = Fraction | bool
Element = tuple[tuple[int, int], ...]


class Strictness(StrEnum):
    """The new condition beside the old one. STRICTER: it holds on fewer rows, and only on such as the old one did."""

    SAME = "same"
    STRICTER = "stricter"
    LOOSER = "looser"
    INCOMPARABLE = "incomparable"
    UNKNOWN = "unknown"


def strictness(pair: Pair, old: Node, new: Node, budget: Budget, *, free_reward: bool = False) -> Strictness:
    """`old` and `new` are conditions of the two versions; a free reward is any number, the same in both."""
    lost = _apart(pair, old, new, True, budget, free_reward)
    won = _apart(pair, old, new, False, budget, free_reward)
    if lost.none and won.none:
        return Strictness.SAME
    if lost.row and won.row:
        return Strictness.INCOMPARABLE
    if not lost.known or not won.known:
        return Strictness.UNKNOWN
    return Strictness.STRICTER if lost.row else Strictness.LOOSER


def _apart(pair: Pair, old: Node, new: Node, old_holds: bool, budget: Budget, free_reward: bool) -> Found:
    """A row on which one condition holds and the other does not."""

    def conditions(reading: Reading) -> list[Any]:
        a, b = reading.old[old], reading.new[new]
        return [a, z3.Not(b)] if old_holds else [b, z3.Not(a)]

    def confirmed(row: Row) -> bool:
        reward = Fraction(row[-1], 10**6) if free_reward else None
        row = row[:-1] if free_reward else row
        a, b = _holds(pair, pair.old, old, row, reward), _holds(pair, pair.new, new, row, reward)
        return (a, b) == (old_holds, not old_holds)

    return find(pair, conditions, confirmed, budget, admissible=False, free_reward=free_reward, trying=False)


def _holds(pair: Pair, side: Side, node: Node, row: Row, reward: Fraction | None) -> bool | None:
    """Whether the condition holds; None when this version cannot read the row."""
    contract, given = side.contract, pair.row_of(side, row)
    if not in_range(side.program, given, locate(side.program, given)):
        return None
    free = contract.reward.order if reward is not None and side.free_reward else -1
    return bool(_Evaluated(contract, given, free, reward or Fraction(0))[node])


class _Evaluated(ExactRow):
    """A row evaluated exactly, with one node given."""

    def __init__(self, contract: Contract, row: Sequence[int], free: int, value: Fraction) -> None:
        self._free = free, value
        scalars: dict[int, Value] = {}
        lists: dict[int, list[list[Value]]] = {}
        at = 0
        for index, spec in enumerate(contract.signals):
            if spec.kind != "list":
                scalars[index] = _value(spec, row[at])
            else:
                width = len(spec.fields)
                starts = range(at + 1, at + 1 + row[at] * width, width)
                lists[index] = [[_value(f, row[s + i]) for i, f in enumerate(spec.fields)] for s in starts]
                at += row[at] * width
            at += 1
        super().__init__(contract, scalars, lists)

    def _evaluate(self, node: Node, at: Element) -> Value:
        return self._free[1] if node.order == self._free[0] else super()._evaluate(node, at)


def _value(spec: SignalSpec, number: int) -> Value:
    return bool(number) if spec.kind == "bool" else Fraction(number, 10**spec.scale)
