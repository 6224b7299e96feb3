"""A checked contract: what the compiler, the prover and the explainers work on."""

from __future__ import annotations

from dataclasses import dataclass

from rlhf_contract.errors import Span
from rlhf_contract.lang import ast
from rlhf_contract.lang.ast import PromiseForm
from rlhf_contract.lang.ir import Node, SignalSpec

__all__ = ["Contract", "Ensured", "Promise", "PromiseForm", "Requirement", "Rule", "Utility"]


@dataclass(frozen=True, slots=True)
class Utility:
    """What one stakeholder wants. The weight is in millionths; `floor` in micro-units belongs to nash_product."""

    stakeholder: str
    weight: int
    veto: bool
    floor: int
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
class Promise:
    """A promise of PROVE. `subject` is what it names, '' if nothing; `at_most` is in micro-units.

    `index`: of the signal, rule or stakeholder that it names; `field`: of the field, when that is `list.field`.
    """

    form: PromiseForm
    subject: str
    index: int | None
    field: int | None
    at_most: int | None

    @property
    def id(self) -> str:
        """What tells it from the other promises of its contract."""
        return f"{self.form}.{self.subject}" if self.subject else self.form


@dataclass(frozen=True, slots=True)
class Contract:
    """A checked Legal-Blocks file. `lowest` and `highest` promise the reward's range, in micro-units.

    `aggregate` combines the utilities, `exact` is the reward before the last rounding, `reward` after it; `nodes` are
    all nodes in topological order.
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
    aggregate: Node
    exact: Node
    reward: Node
    ensured: tuple[Ensured, ...]
    promises: tuple[Promise, ...]
    lets: dict[str, Node]
    nodes: tuple[Node, ...]
    tree: ast.Spec

    @property
    def source(self) -> str:
        return self.tree.source

    def quote(self, span: Span) -> str:
        """The author's own words at `span`, on one line, without comments."""
        lines = self.source.split("\n")[span.line - 1 : span.end_line]
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return " ".join(" ".join(line.partition("#")[0].split()) for line in lines).strip()
