"""The syntax tree: what the author wrote, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rlhf_contract.errors import Span

__all__ = [
    "Aggregate",
    "Binary",
    "Call",
    "Decimal",
    "Ensures",
    "Expression",
    "Invariant",
    "Let",
    "Monotone",
    "Name",
    "Number",
    "Requires",
    "Signal",
    "Spec",
    "Stakeholder",
    "Unary",
]


@dataclass(frozen=True, slots=True)
class Decimal:
    """The exact number `value` ÷ 10^`scale`, without trailing zeros."""

    value: int
    scale: int
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    value: int
    scale: int
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Name:
    id: str
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: Expression
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expression
    right: Expression
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Expression, ...]
    span: Span
    function_span: Span
    depth: int


Expression = Number | Name | Unary | Binary | Call


@dataclass(frozen=True, slots=True)
class Signal:
    """A declared input. `lowest` and `highest` are set for `real` and `int`."""

    name: str
    kind: Literal["score", "real", "int", "bool"]
    lowest: Decimal | None
    highest: Decimal | None
    span: Span


@dataclass(frozen=True, slots=True)
class Let:
    name: str
    body: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Stakeholder:
    name: str
    weight: Decimal
    wants: Expression
    veto: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Aggregate:
    rule: str
    span: Span


@dataclass(frozen=True, slots=True)
class Requires:
    name: str | None
    condition: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Invariant:
    name: str | None
    condition: Expression
    penalty: Decimal | None
    at_most: Decimal | None
    span: Span


@dataclass(frozen=True, slots=True)
class Ensures:
    name: str | None
    condition: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Monotone:
    signal: str
    span: Span


Block = Let | Aggregate | Requires | Invariant | Ensures | Monotone


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole file. Blocks of one kind are in the order of the source."""

    name: str
    version: str
    title: str
    jurisdiction: tuple[str, ...]
    lowest: Decimal
    highest: Decimal
    header_span: Span
    signals: tuple[Signal, ...]
    lets: tuple[Let, ...]
    stakeholders: tuple[Stakeholder, ...]
    aggregates: tuple[Aggregate, ...]
    requires: tuple[Requires, ...]
    invariants: tuple[Invariant, ...]
    ensures: tuple[Ensures, ...]
    promises: tuple[Monotone, ...]
    source: str
    filename: str

    def blocks(self) -> Iterator[Block]:
        """Everything that counts against the limit of blocks."""
        for group in (self.lets, self.aggregates, self.requires, self.invariants, self.ensures, self.promises):
            yield from group
