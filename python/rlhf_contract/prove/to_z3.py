"""Typed IR → Z3. A number node is its exact real value; only a `floor` needs a word of its own.

Two readings of the same row:

relaxed   signals are any reals in range, a floored value is any real within one step below: plain linear arithmetic. It
          admits more than really happens, so what holds here holds.
exact     signals lie on their grid of 10⁻⁶ (or are whole), a floored value is an integer number of steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import z3

from rlhf_contract.lang.ir import Contract, Node

__all__ = ["SymbolicRow", "pair_floors"]


@dataclass
class SymbolicRow:
    """One row of unknown signals. `signals` are Z3 terms by index; `facts` say what every admissible row satisfies."""

    contract: Contract
    name: str
    exact: bool
    context: z3.Context
    shared: dict[int, Any] = field(default_factory=dict)  # signals that another row has too
    signals: list[Any] = field(init=False)
    facts: list[Any] = field(init=False)
    floors: dict[int, tuple[Any, Any]] = field(init=False)  # node order → (argument, result)
    _values: dict[int, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.facts, self.floors, self._values = [], {}, {}
        self.signals = [self.shared.get(i, None) for i in range(len(self.contract.signals))]
        for index, term in enumerate(self.signals):
            if term is None:
                self.signals[index] = self._signal(index)
        for node in self.contract.nodes:
            self._values[node.order] = self._value(node, [self._values[a.order] for a in node.args])
        self.facts += [self[requirement.node] for requirement in self.contract.requirements]

    def __getitem__(self, node: Node) -> Any:
        """The Z3 term of `node` in this row."""
        return self._values[node.order]

    def violated(self, index: int) -> Any:
        """Whether invariant `index` is violated."""
        return z3.Not(self[self.contract.rules[index].node])

    @property
    def reward(self) -> Any:
        return self[self.contract.reward]

    def real(self, value: int, scale: int) -> Any:
        """The exact constant `value` ÷ 10^`scale`."""
        exact = Fraction(value, 10**scale)
        return z3.Q(exact.numerator, exact.denominator, self.context)

    def _signal(self, index: int) -> Any:
        spec = self.contract.signals[index]
        name = f"{spec.name}{self.name}"
        if spec.kind == "bool":
            return z3.Bool(name, self.context)
        term = z3.Real(name, self.context)
        self.facts += [self.real(spec.lowest, spec.scale) <= term, term <= self.real(spec.highest, spec.scale)]
        if self.exact:
            steps = z3.Int(f"{name}!steps", self.context)
            self.facts.append(term * 10**spec.scale == z3.ToReal(steps))
        return term

    def _value(self, node: Node, args: list[Any]) -> Any:
        match node.op:
            case "signal":
                return self.signals[node.value]
            case "const":
                return self.real(node.value, node.scale)
            case "add":
                return args[0] + args[1]
            case "sub":
                return args[0] - args[1]
            case "mul":
                return args[0] * args[1]
            case "min":
                return z3.If(args[0] <= args[1], args[0], args[1])
            case "max":
                return z3.If(args[0] >= args[1], args[0], args[1])
            case "lt":
                return args[0] < args[1]
            case "le":
                return args[0] <= args[1]
            case "eq":
                return args[0] == args[1]
            case "and":
                return z3.And(*args)
            case "or":
                return z3.Or(*args)
            case "not":
                return z3.Not(args[0])
            case "select":
                return z3.If(args[0], args[1], args[2])
            case "floor":
                return self._floor(node, args[0])
        raise AssertionError(node.op)

    def _floor(self, node: Node, argument: Any) -> Any:
        """One lemma for each rounding: floor(x) ≤ x < floor(x) + step."""
        name = f"floor{node.order}{self.name}"
        step = self.real(1, node.value)
        result = z3.ToReal(z3.Int(name, self.context)) * step if self.exact else z3.Real(name, self.context)
        self.facts += [result <= argument, argument < result + step]
        self.floors[node.order] = (argument, result)
        return result


def pair_floors(a: SymbolicRow, b: SymbolicRow) -> list[Any]:
    """What the relaxed reading forgets between two rows: rounding down keeps the order, and equal stays equal."""
    facts = []
    for order, (x, floor_x) in a.floors.items():
        y, floor_y = b.floors[order]
        facts += [z3.Implies(x <= y, floor_x <= floor_y), z3.Implies(y <= x, floor_y <= floor_x)]
    return facts
