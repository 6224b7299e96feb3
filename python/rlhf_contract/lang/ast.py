"""The syntax tree: what the author wrote, and where. Two trees are equal when only places and layout differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rlhf_contract.errors import Span

__all__ = [
    "Aggregate",
    "Binary",
    "Block",
    "Call",
    "Comment",
    "Conditional",
    "Decimal",
    "Ensures",
    "Expression",
    "Field",
    "Invariant",
    "Let",
    "Name",
    "Number",
    "Point",
    "PromiseForm",
    "Prove",
    "Quantifier",
    "Requires",
    "Signal",
    "Signals",
    "Spec",
    "Stakeholder",
    "Stakeholders",
    "Unary",
    "promise_words",
]


@dataclass(frozen=True, slots=True)
class Decimal:
    """The exact number `value` ÷ 10^`scale`, without trailing zeros."""

    value: int
    scale: int
    span: Span = field(compare=False, repr=False)


# -- expressions; `depth` counts how deeply they nest (a chain of operators is one level)


@dataclass(frozen=True, slots=True)
class Number:
    value: int
    scale: int
    span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A signal, a LET, `reward`, a choice, or `variable.field` inside a quantifier."""

    id: str
    span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `NOT x`."""

    operator: str
    operand: Expression
    span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """`+ - * /`, comparisons, `AND OR IMPLIES`. Long chains lean to the left; they are compared in a loop."""

    operator: str
    left: Expression
    right: Expression
    span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Binary):
            return NotImplemented
        a: Expression = self
        b: Expression = other
        while isinstance(a, Binary) and isinstance(b, Binary):
            if a.operator != b.operator or a.right != b.right:
                return False
            a, b = a.left, b.left
        return type(a) is type(b) and a == b

    def __hash__(self) -> int:
        node: Expression = self
        parts = []
        while isinstance(node, Binary):
            parts.append((node.operator, node.right))
            node = node.left
        return hash((node, *parts))


@dataclass(frozen=True, slots=True)
class Conditional:
    """IF condition THEN then ELSE otherwise."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve; both coordinates must turn out to be constants."""

    x: Expression
    y: Expression
    span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """min, max, abs, clip, floor, curve. Only a curve has points."""

    function: str
    arguments: tuple[Expression | Point, ...]
    span: Span = field(compare=False, repr=False)
    function_span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantifier:
    """FORALL or EXISTS `variable` IN `list`: body; or count(…), sum(…) in the same form."""

    kind: str
    variable: str
    list: str
    body: Expression
    span: Span = field(compare=False, repr=False)
    list_span: Span = field(compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


Expression = Number | Name | Unary | Binary | Conditional | Call | Quantifier

# -- blocks


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a list's records. `lowest` and `highest` are set for `real` and `int`, `choices` for `one of`."""

    name: str
    kind: Literal["score", "real", "int", "bool", "choice"]
    lowest: Decimal | None
    highest: Decimal | None
    choices: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Signal:
    """A declared input. A `list` has a `length` and `fields`; `by` pins the scorer that makes it ('' if none)."""

    name: str
    kind: Literal["score", "real", "int", "bool", "choice", "list"]
    lowest: Decimal | None
    highest: Decimal | None
    choices: tuple[str, ...]
    length: int
    fields: tuple[Field, ...]
    by: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Signals:
    signals: tuple[Signal, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Let:
    name: str
    body: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stakeholder:
    """`floor` is what nash_product measures this stakeholder's utility from."""

    name: str
    weight: Decimal
    wants: Expression
    floor: Decimal | None
    veto: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stakeholders:
    stakeholders: tuple[Stakeholder, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`levels` belongs to lexicographic."""

    rule: str
    levels: int | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Requires:
    name: str | None
    condition: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule. ALWAYS x is INVARIANT: x; NEVER a WITHOUT b is INVARIANT: NOT a OR b (`condition` a, `unless` b)."""

    form: Literal["INVARIANT", "ALWAYS", "NEVER"]
    name: str | None
    condition: Expression
    unless: Expression | None
    penalty: Decimal | None
    at_most: Decimal | None
    cites: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ensures:
    name: str | None
    condition: Expression
    span: Span = field(compare=False, repr=False)


PromiseForm = Literal[
    "monotone", "decreasing", "violation_never_pays", "fixing_always_pays", "pareto", "influence", "sensitivity"
]


@dataclass(frozen=True, slots=True)
class Prove:
    """A promise of PROVE. `subject` is the signal, `list.field`, rule or stakeholder that it names, '' if none.

    `span` is where the subject stands; where there is none, the whole promise.
    """

    form: PromiseForm
    subject: str
    at_most: Decimal | None
    span: Span = field(compare=False, repr=False)


_PROMISE_WORDS: dict[PromiseForm, str] = {
    "monotone": "MONOTONE IN",
    "decreasing": "DECREASING IN",
    "violation_never_pays": "VIOLATION NEVER PAYS",
    "fixing_always_pays": "FIXING ALWAYS PAYS",
    "pareto": "PARETO",
    "influence": "INFLUENCE OF",
    "sensitivity": "SENSITIVITY TO",
}


def promise_words(promise: Prove) -> str:
    """The words between PROVE and the subject."""
    words = _PROMISE_WORDS[promise.form]
    return f"{words} OF" if promise.subject and words.endswith("PAYS") else words


Block = Signals | Let | Stakeholders | Aggregate | Requires | Invariant | Ensures | Prove


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment without its `#`. `alone`: nothing stands before it on its line."""

    text: str
    alone: bool = field(compare=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole file; `blocks` in the order of the source."""

    name: str
    version: str
    title: str
    jurisdiction: tuple[str, ...]
    lowest: Decimal
    highest: Decimal
    blocks: tuple[Block, ...]
    comments: tuple[Comment, ...]
    source: str = field(compare=False, repr=False)
    filename: str = field(compare=False, repr=False)
    header_span: Span = field(compare=False, repr=False)

    @property
    def signals(self) -> tuple[Signal, ...]:
        return tuple(s for b in self.blocks if isinstance(b, Signals) for s in b.signals)

    @property
    def stakeholders(self) -> tuple[Stakeholder, ...]:
        return tuple(s for b in self.blocks if isinstance(b, Stakeholders) for s in b.stakeholders)

    @property
    def lets(self) -> tuple[Let, ...]:
        return tuple(b for b in self.blocks if isinstance(b, Let))

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        return tuple(b for b in self.blocks if isinstance(b, Aggregate))

    @property
    def requires(self) -> tuple[Requires, ...]:
        return tuple(b for b in self.blocks if isinstance(b, Requires))

    @property
    def invariants(self) -> tuple[Invariant, ...]:
        return tuple(b for b in self.blocks if isinstance(b, Invariant))

    @property
    def ensures(self) -> tuple[Ensures, ...]:
        return tuple(b for b in self.blocks if isinstance(b, Ensures))

    @property
    def promises(self) -> tuple[Prove, ...]:
        return tuple(b for b in self.blocks if isinstance(b, Prove))
