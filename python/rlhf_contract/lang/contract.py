"""A checked contract: what the compiler, the prover and the explainers work on."""

from __future__ import annotations

from dataclasses import dataclass

from rlhf_contract.lang import ast
from rlhf_contract.lang.ir import Node, SignalSpec

__all__ = ["Contract", "Ensured", "MonotoneIn", "Requirement", "Rule", "Utility"]


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
class MonotoneIn:
    """PROVE MONOTONE IN the signal with this index."""

    signal: int
    name: str


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
    promises: tuple[MonotoneIn, ...]
    lets: dict[str, Node]
    nodes: tuple[Node, ...]
    tree: ast.Spec

    @property
    def source(self) -> str:
        return self.tree.source
