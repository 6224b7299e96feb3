"""The typed intermediate representation: one node type, exact ranges on every node, equal nodes shared.

A number node stands for an exact decimal: an integer at its own power-of-ten scale, found here, so that nothing is ever
lost before an operation that rounds by name. `lowest` and `highest` bound that integer for all signals in range; a node
whose bound would not fit 64 bits is refused here, so no executor can overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Literal

from rlhf_contract.errors import Diagnostic, Span
from rlhf_contract.lang.logarithm import exp2, log2
from rlhf_contract.types import INT64_MAX

__all__ = ["Builder", "Node", "NodeType", "Reduction", "SignalSpec"]

NodeType = Literal["number", "bool", "choice"]
Reduction = Literal["all", "any", "count", "sum"]
ROW = frozenset[int]()
MAX_QUOTED = 60


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation. Equal nodes are the same object, and `order` is topological.

    op          args        value
    signal      –           index of the signal
    field       –           index of the field; `list` and `variable` say whose
    const       –           the integer
    add sub mul min max     two numbers
    div         a, b        floor of a ÷ b to six decimals
    floor       a           the decimals that are kept
    units       a           a · 10^value as a whole number, for a of at most `value` decimals; costs nothing
    decimal     a           the whole number a ÷ 10^value; costs nothing
    log2 exp2   a           see logarithm.py
    lt le eq and or not select
    all any count sum       the body; over `list`, whose element is variable number `variable`

    `scale`, `lowest` and `highest` describe numbers (real value = integer ÷ 10^scale); a bool has scale 0 and 0 … 1, a
    choice the positions of its `choices`. `free` has the numbers of the quantified variables it depends on.
    """

    op: str
    args: tuple[Node, ...]
    value: int
    type: NodeType
    scale: int
    lowest: int
    highest: int
    order: int
    span: Span = field(repr=False)
    choices: tuple[str, ...] = ()
    list: int = -1
    variable: int = -1
    free: frozenset[int] = ROW


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """An input. The range is in micro-units for `real`, in units for `int`, 0 … 1 for `bool`, positions for `choice`.

    A `list` has at most `highest` elements, each with `fields`; a field is a SignalSpec of another kind. `by` is the
    scorer that the contract pins, '' if none.
    """

    name: str
    kind: Literal["bool", "int", "real", "choice", "list"]
    lowest: int
    highest: int
    span: Span
    choices: tuple[str, ...] = ()
    fields: tuple[SignalSpec, ...] = ()
    by: str = ""

    @property
    def scale(self) -> int:
        return 6 if self.kind == "real" else 0


Interval = tuple[int, int, int]  # scale, lowest, highest


def _align(a: Node, b: Node) -> tuple[int, int, int, int, int]:
    """The common scale and both ranges at it."""
    scale = max(a.scale, b.scale)
    up, vp = 10 ** (scale - a.scale), 10 ** (scale - b.scale)
    return scale, a.lowest * up, a.highest * up, b.lowest * vp, b.highest * vp


def _add(a: Node, b: Node) -> Interval:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, al + bl, ah + bh


def _sub(a: Node, b: Node) -> Interval:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, al - bh, ah - bl


def _mul(a: Node, b: Node) -> Interval:
    corners = [x * y for x in (a.lowest, a.highest) for y in (b.lowest, b.highest)]
    return a.scale + b.scale, min(corners), max(corners)


def _min(a: Node, b: Node) -> Interval:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, min(al, bl), min(ah, bh)


def _max(a: Node, b: Node) -> Interval:
    scale, al, ah, bl, bh = _align(a, b)
    return scale, max(al, bl), max(ah, bh)


_RANGES: dict[str, Callable[[Node, Node], Interval]] = {"add": _add, "sub": _sub, "mul": _mul, "min": _min, "max": _max}


class Builder:
    """Makes nodes, sharing equal ones; records an overflow as a diagnostic and goes on with a smaller range."""

    def __init__(self, source: str, problems: list[Diagnostic]) -> None:
        self._lines = source.split("\n")
        self._problems = problems
        self._shared: dict[tuple[object, ...], Node] = {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes so far, every node after its arguments."""
        return tuple(self._shared.values())

    # -- inputs and constants

    def signal(self, index: int, spec: SignalSpec) -> Node:
        return self._input("signal", index, spec)

    def field(self, index: int, spec: SignalSpec, list_: int, variable: int) -> Node:
        """A field of the element that quantifier `variable` (0 is the outermost) stands at."""
        return self._input("field", index, spec, list_, variable)

    def _input(self, op: str, index: int, spec: SignalSpec, list_: int = -1, variable: int = -1) -> Node:
        type_: NodeType = spec.kind if spec.kind in ("bool", "choice") else "number"
        interval = spec.scale, spec.lowest, spec.highest
        return self._node(op, (), index, type_, interval, spec.span, spec.choices, list_, variable)

    def const(self, value: int, scale: int, span: Span) -> Node:
        """The constant `value` ÷ 10^`scale`, stored without trailing zeros so that equal constants are shared."""
        while scale and value % 10 == 0:
            value, scale = value // 10, scale - 1
        return self._node("const", (), value, "number", (scale, value, value), span)

    def choice(self, choices: tuple[str, ...], name: str, span: Span) -> Node:
        """The choice `name` of `choices`."""
        position = choices.index(name)
        return self._node("const", (), position, "choice", (0, position, position), span, choices)

    # -- exact operations

    def arithmetic(self, op: str, a: Node, b: Node, span: Span) -> Node:
        """add, sub, mul, min or max; constants are folded."""
        scale, lowest, highest = _RANGES[op](a, b)
        if a.op == "const" and b.op == "const":
            return self.const(lowest, scale, span)  # a constant's range is its value
        if op != "mul":
            self._aligned(a, b, span)
        return self._node(op, (a, b), 0, "number", (scale, lowest, highest), span)

    def compare(self, op: Literal["lt", "le", "eq"], a: Node, b: Node, span: Span) -> Node:
        self._aligned(a, b, span)
        return self._node(op, (a, b), 0, "bool", (0, 0, 1), span)

    def logic(self, op: Literal["and", "or", "not"], args: tuple[Node, ...], span: Span) -> Node:
        if op == "not" and args[0].op == "not":
            return args[0].args[0]
        return self._node(op, args, 0, "bool", (0, 0, 1), span)

    def select(self, condition: Node, a: Node, b: Node, span: Span) -> Node:
        """`a` if `condition`, else `b`; both numbers."""
        scale, al, ah, bl, bh = _align(a, b)
        return self._node("select", (condition, a, b), 0, "number", (scale, min(al, bl), max(ah, bh)), span)

    def reduce(self, op: Reduction, list_: int, length: int, variable: int, body: Node, span: Span) -> Node:
        """all, any, count or sum of `body` over the elements of a list of at most `length`."""
        interval = 0, 0, 1
        if op == "count":
            interval = 0, 0, length
        elif op == "sum":
            interval = body.scale, min(0, body.lowest * length), max(0, body.highest * length)
        type_: NodeType = "bool" if op in ("all", "any") else "number"
        return self._node(op, (body,), 0, type_, interval, span, list_=list_, variable=variable)

    # -- operations that round, by name

    def floor(self, a: Node, digits: int, span: Span) -> Node:
        """`a` rounded down to `digits` decimals."""
        if a.scale <= digits:
            return a
        step = 10 ** (a.scale - digits)
        if a.op == "const":
            return self.const(a.value // step, digits, span)
        return self._node("floor", (a,), digits, "number", (digits, a.lowest // step, a.highest // step), span)

    def div(self, a: Node, b: Node, span: Span) -> Node:
        """`a` ÷ `b` rounded down to six decimals; `b` is never 0."""
        up, down = 10 ** (b.scale + 6), 10**a.scale
        corners = [Fraction(x * up, y * down) for x in (a.lowest, a.highest) for y in (b.lowest, b.highest)]
        if a.op == "const" and b.op == "const":
            return self.const(floor(corners[0]), 6, span)
        shift = 6 + b.scale - a.scale
        ends = (a.lowest, a.highest, b.lowest, b.highest)
        for end in ends[:2] if shift > 0 else ends[2:]:
            self._fits(end * 10 ** abs(shift), end * 10 ** abs(shift), 6, span, (a, b))
        return self._node("div", (a, b), 0, "number", (6, floor(min(corners)), floor(max(corners))), span)

    def units(self, a: Node, digits: int, span: Span) -> Node:
        """The whole number of 10^−digits in `a`, which is rounded down to so many decimals first."""
        a = self.floor(a, digits, span)
        up = 10 ** (digits - a.scale)
        return self._node("units", (a,), digits, "number", (0, a.lowest * up, a.highest * up), span)

    def decimal(self, a: Node, digits: int, span: Span) -> Node:
        """The whole number `a` read as so many 10^−digits."""
        return self._node("decimal", (a,), digits, "number", (digits, a.lowest, a.highest), span)

    def log2(self, a: Node, span: Span) -> Node:
        return self._node("log2", (a,), 0, "number", (0, log2(a.lowest), log2(a.highest)), span)

    def exp2(self, a: Node, span: Span) -> Node:
        return self._node("exp2", (a,), 0, "number", (0, exp2(a.lowest), exp2(a.highest)), span)

    # -- sharing and bounds

    def _node(
        self,
        op: str,
        args: tuple[Node, ...],
        value: int,
        type_: NodeType,
        interval: Interval,
        span: Span,
        choices: tuple[str, ...] = (),
        list_: int = -1,
        variable: int = -1,
    ) -> Node:
        scale, lowest, highest = interval
        key = (op, tuple(a.order for a in args), value, type_, scale if op == "const" else 0, choices, list_, variable)
        node = self._shared.get(key)
        if node is None:
            if not self._fits(lowest, highest, scale, span, args):
                scale, lowest, highest = 0, 0, 1  # reported already; a small range keeps the error from repeating
            free = frozenset().union(*(a.free for a in args))
            if op == "field":
                free = frozenset((variable,))
            elif variable >= 0:
                free = free - {variable}
            order = len(self._shared)
            node = Node(op, args, value, type_, scale, lowest, highest, order, span, choices, list_, variable, free)
            self._shared[key] = node
        return node

    def _aligned(self, a: Node, b: Node, span: Span) -> None:
        """Both operands must fit at their common scale too: the machine multiplies one of them."""
        scale, al, ah, bl, bh = _align(a, b)
        self._fits(min(al, bl), max(ah, bh), scale, span, (a, b))

    def _fits(self, lowest: int, highest: int, scale: int, span: Span, args: tuple[Node, ...]) -> bool:
        if lowest >= -INT64_MAX and highest <= INT64_MAX:
            return True
        worst = max(abs(lowest), abs(highest))
        self._problems.append(
            Diagnostic(
                "overflow",
                f"this can reach {worst / 10**scale:.4g} with {scale} exact decimals, which passes 64 bits",
                span,
                self._remedy(args),
            )
        )
        return False

    def _remedy(self, args: tuple[Node, ...]) -> str:
        """What to write instead: round the operand with the most decimals, if any has more than six."""
        finest = max(args, key=lambda a: a.scale, default=None)
        if finest is None or finest.scale <= 6:
            return "use smaller ranges, or fewer decimals in the factors, or round a factor with floor(…, 3)"
        span = finest.span
        text = self._lines[span.line - 1][span.column - 1 : span.end_column - 1] if span.line == span.end_line else "…"
        return f"round a part of it: floor({text if len(text) <= MAX_QUOTED else '…'}, 6)"
