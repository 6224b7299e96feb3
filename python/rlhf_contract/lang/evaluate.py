"""The typed IR evaluated on one row over exact fractions: what `why` shows, node by node.

It is the meaning of the IR, not of the program; `machine/why.py` compares its reward with the machine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node
from rlhf_contract.lang.logarithm import exp2, log2

__all__ = ["ExactRow", "Rounding"]

Value = Fraction | bool
Element = tuple[tuple[int, int], ...]  # which element each quantified variable stands at


@dataclass(frozen=True, slots=True)
class Rounding:
    """A place where something was rounded: by which node, at which elements, from what to what."""

    node: Node
    element: Element
    exact: Fraction
    rounded: Fraction


class ExactRow:
    """One row: `scalars` by signal index, `lists` of records of field values by signal index; all exact."""

    def __init__(
        self, contract: Contract, scalars: Mapping[int, Value], lists: Mapping[int, Sequence[Sequence[Value]]]
    ) -> None:
        self._scalars, self._lists = scalars, lists
        self._values: dict[tuple[int, Element], Value] = {}
        self.roundings: list[Rounding] = []
        for node in contract.nodes:  # every node after its arguments, so nothing deep is left to recursion
            if not node.free:
                self._value(node, ())

    def __getitem__(self, node: Node) -> Value:
        return self._values[node.order, ()]

    def number(self, node: Node) -> Fraction:
        """The value of a number node."""
        return Fraction(self[node])

    def _value(self, node: Node, element: Element) -> Value:
        at = tuple(pair for pair in element if pair[0] in node.free)
        key = node.order, at
        if key not in self._values:
            self._values[key] = self._evaluate(node, at)
        return self._values[key]

    def _evaluate(self, node: Node, at: Element) -> Value:
        match node.op:
            case "signal":
                return self._scalars[node.value]
            case "field":
                return self._lists[node.list][dict(at)[node.variable]][node.value]
            case "const":
                return Fraction(node.value, 10**node.scale)
            case "select":
                return self._value(node.args[1 if self._value(node.args[0], at) else 2], at)
            case "all" | "any" | "count" | "sum":
                return self._reduce(node, at)
        args = [self._value(a, at) for a in node.args]
        if node.op in _LOGIC:
            return _LOGIC[node.op](*args)
        exact, rounded = _NUMBERS[node.op](node, *(Fraction(a) for a in args))
        if exact != rounded:
            self.roundings.append(Rounding(node, at, exact, rounded))
        return rounded

    def _reduce(self, node: Node, at: Element) -> Value:
        count = len(self._lists[node.list])
        results = [self._value(node.args[0], (*at, (node.variable, k))) for k in range(count)]
        if node.op in ("all", "any"):
            return all(results) if node.op == "all" else any(results)
        return Fraction(sum(results))


def _exactly(compute: Callable[..., Fraction]) -> Callable[..., tuple[Fraction, Fraction]]:
    def both(node: Node, *args: Fraction) -> tuple[Fraction, Fraction]:
        value = compute(*args)
        return value, value

    return both


def _down(exact: Fraction, digits: int) -> tuple[Fraction, Fraction]:
    return exact, Fraction(floor(exact * 10**digits), 10**digits)


_LOGIC: dict[str, Callable[..., bool]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
}
_NUMBERS: dict[str, Callable[..., tuple[Fraction, Fraction]]] = {
    "add": _exactly(lambda a, b: a + b),
    "sub": _exactly(lambda a, b: a - b),
    "mul": _exactly(lambda a, b: a * b),
    "min": _exactly(min),
    "max": _exactly(max),
    "floor": lambda node, a: _down(a, node.value),
    "div": lambda node, a, b: _down(a / b, 6),
    "units": lambda node, a: (a * 10**node.value,) * 2,
    "decimal": lambda node, a: (a / 10**node.value,) * 2,
    "log2": _exactly(lambda a: Fraction(log2(int(a)))),
    "exp2": _exactly(lambda a: Fraction(exp2(int(a)))),
}
