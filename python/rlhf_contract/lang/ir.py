"""The typed intermediate representation: one node type, one table of operations, exact ranges on every node.

A number node stands for an exact decimal: an integer at its own power-of-ten scale, found here, so that nothing is ever
lost before `floor`. `lowest` and `highest` bound that integer for all signals in range; a node whose bound would not
fit 64 bits is refused here, so no executor can overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from rlhf_contract.errors import Diagnostic, Span
from rlhf_contract.lang import ast
from rlhf_contract.types import INT64_MAX

__all__ = [
    "Builder",
    "Contract",
    "Ensured",
    "MonotoneIn",
    "Node",
    "Requirement",
    "Rule",
    "SignalSpec",
    "Utility",
]

Operation = Literal[
    "signal", "const", "add", "sub", "mul", "min", "max", "lt", "le", "eq", "and", "or", "not", "select", "floor"
]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation. Equal nodes are the same object (the builder shares them), and `order` is topological.

    `value` is the signal's index, the constant, or the digits that `floor` keeps. `scale`, `lowest` and `highest`
    describe numbers (real value = integer ÷ 10^scale); a bool has scale 0 and the range 0 … 1.
    """

    op: Operation
    args: tuple[Node, ...]
    value: int
    type: Literal["number", "bool"]
    scale: int
    lowest: int
    highest: int
    order: int
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """An input column. The range is in micro-units for `real`, in units for `int`, 0 … 1 for `bool`."""

    name: str
    kind: Literal["bool", "int", "real"]
    lowest: int
    highest: int
    span: Span

    @property
    def scale(self) -> int:
        return 6 if self.kind == "real" else 0


@dataclass(frozen=True, slots=True)
class Utility:
    """What one stakeholder wants. The weight is in millionths."""

    stakeholder: str
    weight: int
    veto: bool
    node: Node


@dataclass(frozen=True, slots=True)
class Requirement:
    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class Rule:
    """An invariant: violated when `node` is false. Penalty and cap are in micro-units."""

    name: str
    node: Node
    penalty: int | None
    at_most: int | None


@dataclass(frozen=True, slots=True)
class Ensured:
    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class MonotoneIn:
    """PROVE MONOTONE IN the signal with this index."""

    signal: int
    name: str


@dataclass(frozen=True, slots=True)
class Contract:
    """A checked Legal-Blocks file. `lowest` and `highest` promise the reward's range, in micro-units.

    `exact` is the reward before the one rounding, `reward` after it; `nodes` are all nodes in topological order.
    """

    name: str
    version: str
    title: str
    jurisdiction: tuple[str, ...]
    lowest: int
    highest: int
    signals: tuple[SignalSpec, ...]
    utilities: tuple[Utility, ...]
    requirements: tuple[Requirement, ...]
    rules: tuple[Rule, ...]
    exact: Node
    reward: Node
    ensured: tuple[Ensured, ...]
    promises: tuple[MonotoneIn, ...]
    nodes: tuple[Node, ...]
    tree: ast.Spec

    @property
    def source(self) -> str:
        return self.tree.source


def _align(a: Node, b: Node) -> tuple[int, int, int, int, int]:
    """The common scale and both ranges at it."""
    scale = max(a.scale, b.scale)
    up, vp = 10 ** (scale - a.scale), 10 ** (scale - b.scale)
    return scale, a.lowest * up, a.highest * up, b.lowest * vp, b.highest * vp


def _add(a: Node, b: Node) -> tuple[int, int, int]:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, al + bl, ah + bh


def _sub(a: Node, b: Node) -> tuple[int, int, int]:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, al - bh, ah - bl


def _mul(a: Node, b: Node) -> tuple[int, int, int]:
    corners = [x * y for x in (a.lowest, a.highest) for y in (b.lowest, b.highest)]
    return a.scale + b.scale, min(corners), max(corners)


def _min(a: Node, b: Node) -> tuple[int, int, int]:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, min(al, bl), min(ah, bh)


def _max(a: Node, b: Node) -> tuple[int, int, int]:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, max(al, bl), max(ah, bh)


def _union(a: Node, b: Node) -> tuple[int, int, int]:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, min(al, bl), max(ah, bh)


_RANGES: dict[str, Callable[[Node, Node], tuple[int, int, int]]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "min": _min,
    "max": _max,
}


class Builder:
    """Makes nodes, sharing equal ones; records an overflow as a diagnostic and goes on with a smaller range."""

    def __init__(self, problems: list[Diagnostic]) -> None:
        self._problems = problems
        self._shared: dict[tuple[object, ...], Node] = {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes so far, every node after its arguments."""
        return tuple(self._shared.values())

    def signal(self, index: int, spec: SignalSpec) -> Node:
        if spec.kind == "bool":
            return self._node("signal", (), index, "bool", 0, 0, 1, spec.span)
        return self._node("signal", (), index, "number", spec.scale, spec.lowest, spec.highest, spec.span)

    def const(self, value: int, scale: int, span: Span) -> Node:
        """The constant `value` ÷ 10^`scale`, stored without trailing zeros so that equal constants are shared."""
        while scale and value % 10 == 0:
            value, scale = value // 10, scale - 1
        return self._node("const", (), value, "number", scale, value, value, span)

    def arithmetic(self, op: Literal["add", "sub", "mul", "min", "max"], a: Node, b: Node, span: Span) -> Node:
        """Exact; constants are folded."""
        scale, lowest, highest = _RANGES[op](a, b)
        if a.op == "const" and b.op == "const":
            return self.const(lowest, scale, span)  # a constant's range is its value
        if op in ("min", "max", "add", "sub"):
            _, al, ah, bl, bh = _align(a, b)
            self._fits(min(al, bl), max(ah, bh), scale, span)
        return self._node(op, (a, b), 0, "number", scale, lowest, highest, span)

    def compare(self, op: Literal["lt", "le", "eq"], a: Node, b: Node, span: Span) -> Node:
        scale, al, ah, bl, bh = _align(a, b)
        self._fits(min(al, bl), max(ah, bh), scale, span)
        return self._node(op, (a, b), 0, "bool", 0, 0, 1, span)

    def logic(self, op: Literal["and", "or", "not"], args: tuple[Node, ...], span: Span) -> Node:
        if op == "not" and args[0].op == "not":
            return args[0].args[0]
        return self._node(op, args, 0, "bool", 0, 0, 1, span)

    def select(self, condition: Node, a: Node, b: Node, span: Span) -> Node:
        scale, lowest, highest = _union(a, b)
        return self._node("select", (condition, a, b), 0, "number", scale, lowest, highest, span)

    def floor(self, a: Node, digits: int, span: Span) -> Node:
        """`a` rounded down to `digits` decimals; the only node that loses anything."""
        if a.scale <= digits:
            return a
        step = 10 ** (a.scale - digits)
        return self._node("floor", (a,), digits, "number", digits, a.lowest // step, a.highest // step, span)

    def _node(
        self,
        op: Operation,
        args: tuple[Node, ...],
        value: int,
        type_: Literal["number", "bool"],
        scale: int,
        lowest: int,
        highest: int,
        span: Span,
    ) -> Node:
        key = (op, tuple(a.order for a in args), value, scale if op == "const" else 0)
        node = self._shared.get(key)
        if node is None:
            if not self._fits(lowest, highest, scale, span):
                scale, lowest, highest = 0, 0, 1  # reported already; a small range keeps the error from repeating
            node = Node(op, args, value, type_, scale, lowest, highest, len(self._shared), span)
            self._shared[key] = node
        return node

    def _fits(self, lowest: int, highest: int, scale: int, span: Span) -> bool:
        if lowest >= -INT64_MAX and highest <= INT64_MAX:
            return True
        worst = max(abs(lowest), abs(highest))
        self._problems.append(
            Diagnostic(
                "overflow",
                f"this can reach {worst / 10**scale:.4g} with {scale} exact decimals, which passes 64 bits",
                span,
                "use fewer decimals, a smaller signal range, or fewer factors in this product",
            )
        )
        return False
