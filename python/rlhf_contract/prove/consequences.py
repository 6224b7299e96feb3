"""What breaking rules does to the reward: the steps from the aggregate to it, each a penalty or a cap of one rule.

They are read off the nodes, not believed. Two rows that break related rules have related steps; Z3 is slow to see that
of a hundred steps, so it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node
from rlhf_contract.prove.intervals import intervals
from rlhf_contract.prove.to_z3 import SymbolicRow
from rlhf_contract.types import MICRO

__all__ = ["consequences", "extremes", "no_new", "same_rules"]

Terms = list[Any]


def consequences(contract: Contract) -> list[Node]:
    """The steps in order, the one next to the aggregate first; empty if any is neither penalty nor cap.

    A penalty is 0 where its rule is kept, and never negative; a cap leaves what was there where its rule is kept, else
    the least of that and a constant.
    """
    kept = {rule.node for rule in contract.rules}
    found, node = [], contract.exact
    while node is not contract.aggregate:
        before = _before(node, kept)
        if before is None:
            return []
        found.append(node)
        node = before
    return found[::-1]


def _before(node: Node, kept: set[Node]) -> Node | None:
    """What a penalty or a cap of a rule is made from; None for anything else."""
    if node.op == "sub" and node.args[1].op == "select":
        condition, nothing, penalty = node.args[1].args
        constant = nothing.op == penalty.op == "const"
        return node.args[0] if condition in kept and constant and nothing.value == 0 <= penalty.value else None
    if node.op == "select" and node.args[2].op == "min":
        condition, before, (capped, cap) = node.args[0], node.args[1], node.args[2].args
        return before if condition in kept and capped is before and cap.op == "const" else None
    return None


def no_new(contract: Contract, a: SymbolicRow, b: SymbolicRow) -> Terms:
    """What `b` violates, `a` violates too. Over reals also: no penalty is greater then, no cap lets less through."""
    facts = [z3.Implies(b.violated(r), a.violated(r)) for r in range(len(contract.rules))]
    for node in consequences(contract) if not a.exact else ():
        if node.op == "sub":
            facts.append(b[node.args[1]] <= a[node.args[1]])
        else:
            facts.append(z3.Implies(a[node.args[1]] <= b[node.args[1]], a[node] <= b[node]))
    return facts


def same_rules(contract: Contract, a: SymbolicRow, b: SymbolicRow) -> Terms:
    """Both violate the same rules. Over reals also: then penalties are equal, and caps bring rewards only nearer."""
    facts = [a.violated(r) == b.violated(r) for r in range(len(contract.rules))]
    for node in consequences(contract) if not a.exact else ():
        if node.op == "sub":
            facts.append(a[node.args[1]] == b[node.args[1]])
            continue
        for p, q in ((a, b), (b, a)):
            before, after = p[node.args[1]] - q[node.args[1]], p[node] - q[node]
            facts.append(z3.Implies(before >= 0, z3.And(after >= 0, after <= before)))
    return facts


def extremes(contract: Contract, suspects: Sequence[int]) -> tuple[Fraction, Fraction] | None:
    """The least reward where no rule is violated, the most where one of `suspects` is, by the aggregate's range alone.

    None if the steps are not understood.
    """
    steps = consequences(contract)
    if not steps and contract.exact is not contract.aggregate:
        return None
    low, high = intervals(contract)[contract.aggregate.order]
    most = dict.fromkeys((contract.rules[r].node for r in suspects), high)
    for node in steps:
        if node.op == "sub" and node.args[1].args[0] in most:
            condition, _, penalty = node.args[1].args
            most[condition] -= Fraction(penalty.value, 10**penalty.scale)
        elif node.op == "select" and node.args[0] in most:
            cap = node.args[2].args[1]
            most[node.args[0]] = min(most[node.args[0]], Fraction(cap.value, 10**cap.scale))
    return Fraction(floor(low * MICRO), MICRO), Fraction(floor(max(most.values()) * MICRO), MICRO)
