"""Which way a node moves when something rises, and how far at most: read off the nodes, without a solver (tier 1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from fractions import Fraction

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node
from rlhf_contract.prove.intervals import Interval, intervals

__all__ = ["Direction", "Slope", "directions", "slopes"]

LONGEST_CHAIN = 64


class Direction(IntFlag):
    """What may happen to a value: nothing, it may rise, it may fall, or either."""

    STILL = 0
    RISES = 1
    FALLS = 2
    EITHER = 3


def _flip(direction: Direction) -> Direction:
    return Direction((direction & 1) << 1 | direction >> 1)


def directions(contract: Contract, given: Mapping[int, Direction]) -> list[Direction]:
    """How every node may move, by its order, when the nodes in `given` move as it says and no other input does.

    A condition rises when it becomes true. Sound for any two rows that agree in every input that is not given.
    """
    where = intervals(contract)
    found: list[Direction] = []
    for node in contract.nodes:
        move = given.get(node.order)
        found.append(_direction(node, [found[a.order] for a in node.args], where) if move is None else move)
    return found


def _direction(node: Node, args: list[Direction], where: list[Interval]) -> Direction:
    if not any(args):
        return Direction.STILL
    match node.op:
        case "max" if _never_below(node.args[0], node.args[1], where):  # abs(x) of an x that is never negative is x
            return args[0]
        case "add" | "min" | "max" | "and" | "or" | "floor" | "units" | "decimal" | "log2" | "exp2":
            return args[0] | args[-1]
        case "all" | "any" | "count" | "sum":
            return args[0]
        case "sub":
            return args[0] | _flip(args[1])
        case "not":
            return _flip(args[0])
        case "lt" | "le":
            return _flip(args[0]) | args[1]
        case "mul":
            a, b = (where[x.order] for x in node.args)
            return _times(args[0], b) | _times(args[1], a)
        case "div":
            a, b = (where[x.order] for x in node.args)
            return _times(args[0], b) | _flip(_times(args[1], a))  # b keeps its sign, so 1 ÷ b falls as b rises
        case "select":
            return args[1] | args[2] | _switch(node, args[0], where)
    return Direction.EITHER  # eq


def _times(direction: Direction, factor: Interval) -> Direction:
    """The direction of x · factor."""
    if not direction or factor[0] == factor[1] == 0:
        return Direction.STILL
    if factor[0] >= 0:
        return direction
    return _flip(direction) if factor[1] <= 0 else Direction.EITHER


def _switch(node: Node, condition: Direction, where: list[Interval]) -> Direction:
    """What choosing the other branch does: it rises if the branch chosen when true is never below the other one."""
    if not condition:
        return Direction.STILL
    _, a, b = node.args
    if _never_below(a, b, where):
        return condition
    return _flip(condition) if _never_below(b, a, where) else Direction.EITHER


def _never_below(a: Node, b: Node, where: list[Interval]) -> bool:
    """Whether a ≥ b always, by their intervals or because b is a minimum with a, or a a maximum with b, in it."""
    return where[a.order][0] >= where[b.order][1] or a in _operands(b, "min") or b in _operands(a, "max")


def _operands(node: Node, op: str) -> list[Node]:
    """`node` and what a chain of `op` down from it takes the least or greatest of."""
    found = [node]
    for part in found:
        if part.op == op and len(found) < LONGEST_CHAIN:
            found += part.args
    return found


Slope = tuple[Fraction, Fraction] | None
"""(L, c): a change of the input by δ moves the value by at most L·δ + c. None: no such bound is known."""
STILL: Slope = (Fraction(0), Fraction(0))


def slopes(contract: Contract, given: Mapping[int, Slope]) -> list[Slope]:
    """How far every node may move, by its order, when the nodes in `given` do as it says and no other input moves.

    After the rules for Lipschitz constants of sums, products, minima and compositions.
    """
    where = intervals(contract)
    found: list[Slope] = []
    for node in contract.nodes:
        if node.order in given:
            found.append(given[node.order])
        else:
            found.append(_slope(contract, node, [found[a.order] for a in node.args], where))
    return found


def _slope(contract: Contract, node: Node, args: list[Slope], where: list[Interval]) -> Slope:
    if all(a == STILL for a in args):
        return STILL
    if any(a is None for a in args):
        return None
    known = [a for a in args if a is not None]
    match node.op:
        case "add" | "sub":
            return known[0][0] + known[1][0], known[0][1] + known[1][1]
        case "min" | "max":
            return max(k[0] for k in known), max(k[1] for k in known)
        case "mul":
            a, b = (max(abs(end) for end in where[x.order]) for x in node.args)
            return known[0][0] * b + known[1][0] * a, known[0][1] * b + known[1][1] * a
        case "floor":
            return known[0][0], known[0][1] + Fraction(1, 10**node.value)
        case "div" if known[1] == STILL:
            least = min(abs(end) for end in where[node.args[1].order])
            return known[0][0] / least, known[0][1] / least + Fraction(1, 10**6)
        case "units":
            return known[0][0] * 10**node.value, known[0][1] * 10**node.value
        case "decimal":
            return known[0][0] / 10**node.value, known[0][1] / 10**node.value
        case "select" if known[0] == STILL:
            return max(known[1][0], known[2][0]), max(known[1][1], known[2][1])
        case "sum":
            length = contract.signals[node.list].highest
            return known[0][0] * length, known[0][1] * length
    return None
