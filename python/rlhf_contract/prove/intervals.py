"""Where each node's value lies when some conditions are known: interval arithmetic over exact fractions (tier 1)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node
from rlhf_contract.lang.logarithm import exp2, log2

__all__ = ["Interval", "intervals"]

Interval = tuple[Fraction, Fraction]
FALSE: Interval = (Fraction(0), Fraction(0))
TRUE: Interval = (Fraction(1), Fraction(1))
EITHER: Interval = (Fraction(0), Fraction(1))


def intervals(contract: Contract, known: Mapping[int, bool] | None = None) -> list[Interval]:
    """Bounds of every node of `contract`, by its order; conditions are 0 or 1. `known` fixes conditions by order.

    Every row that agrees with `known` has its values inside. Correlation between nodes is not seen, so bounds may be
    wider than what rows reach.
    """
    known = known or {}
    found: list[Interval] = []
    for node in contract.nodes:
        if node.order in known:
            found.append(TRUE if known[node.order] else FALSE)
            continue
        low, high = _of(contract, node, [found[a.order] for a in node.args])
        if node.type == "number":  # the compiler's own range holds too
            unit = 10**node.scale
            low, high = max(low, Fraction(node.lowest, unit)), min(high, Fraction(node.highest, unit))
        found.append((low, high))
    return found


def _of(contract: Contract, node: Node, args: list[Interval]) -> Interval:
    match node.op:
        case "signal" | "field":
            return Fraction(node.lowest, 10**node.scale), Fraction(node.highest, 10**node.scale)
        case "const":
            return (Fraction(node.value, 10**node.scale),) * 2
        case "add":
            return args[0][0] + args[1][0], args[0][1] + args[1][1]
        case "sub":
            return args[0][0] - args[1][1], args[0][1] - args[1][0]
        case "mul":
            corners = [x * y for x in args[0] for y in args[1]]
            return min(corners), max(corners)
        case "min":
            return min(args[0][0], args[1][0]), min(args[0][1], args[1][1])
        case "max":
            return max(args[0][0], args[1][0]), max(args[0][1], args[1][1])
        case "lt":
            return _condition(args[0][1] < args[1][0], args[0][0] >= args[1][1])
        case "le":
            return _condition(args[0][1] <= args[1][0], args[0][0] > args[1][1])
        case "eq":
            (al, ah), (bl, bh) = args
            return _condition(al == ah == bl == bh, ah < bl or bh < al)
        case "and":
            return min(args[0][0], args[1][0]), min(args[0][1], args[1][1])
        case "or":
            return max(args[0][0], args[1][0]), max(args[0][1], args[1][1])
        case "not":
            return 1 - args[0][1], 1 - args[0][0]
        case "select":
            (low, high), a, b = args
            if low == high:
                return a if low else b
            return min(a[0], b[0]), max(a[1], b[1])
        case "floor":
            return _down(args[0][0], node.value), _down(args[0][1], node.value)
        case "div":
            corners = [x / y for x in args[0] for y in args[1] if y]
            return _down(min(corners), 6), _down(max(corners), 6)
        case "units":
            return args[0][0] * 10**node.value, args[0][1] * 10**node.value
        case "decimal":
            return args[0][0] / 10**node.value, args[0][1] / 10**node.value
        case "log2":
            return Fraction(log2(floor(args[0][0]))), Fraction(log2(floor(args[0][1])))
        case "exp2":
            return Fraction(exp2(floor(args[0][0]))), Fraction(exp2(floor(args[0][1])))
    return _reduced(contract, node, args[0])


def _reduced(contract: Contract, node: Node, body: Interval) -> Interval:
    """Over a list that may be empty, or as long as it may get."""
    length = contract.signals[node.list].highest
    match node.op:
        case "all":
            return body[0], Fraction(1)
        case "any":
            return Fraction(0), body[1]
    return min(Fraction(0), body[0] * length), max(Fraction(0), body[1] * length)


def _condition(always: bool, never: bool) -> Interval:
    return TRUE if always else FALSE if never else EITHER


def _down(value: Fraction, digits: int) -> Fraction:
    return Fraction(floor(value * 10**digits), 10**digits)
