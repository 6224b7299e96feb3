"""Typed IR → Z3. A number node is its exact real value; only operations that round need a word of their own.

Two readings of the same row:

relaxed   signals are any reals in range, a rounded value is any real within one step below: plain linear arithmetic. It
          admits more than really happens, so what holds here holds.
exact     signals lie on their grid of 10⁻⁶ (or are whole), a rounded value is an integer number of steps.

Lists are unrolled to their greatest length; of an element it is a Boolean whether it is there. Logarithm and power are
known by their range and that they rise (`approximate`): enough for some proofs, and never taken for more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node, SignalSpec

__all__ = ["MAX_TERMS", "SymbolicRow", "TooLarge", "pair_monotone"]

MAX_TERMS = 60_000
REDUCTIONS = ("all", "any", "count", "sum")
Element = frozenset[tuple[int, int]]  # which element each quantified variable stands at
ROW: Element = frozenset()


class TooLarge(Exception):
    """Unrolling the lists would make too many terms; nothing can be said."""


@dataclass
class Inputs:
    """The unknowns of one row: scalar terms by signal; of lists, whether each element is there, and its fields."""

    scalars: dict[int, Any] = field(default_factory=dict)
    present: dict[int, list[Any]] = field(default_factory=dict)
    fields: dict[tuple[int, int, int], Any] = field(default_factory=dict)  # list, element, field
    facts: list[Any] = field(default_factory=list)


@dataclass
class SymbolicRow:
    """One row of unknown signals. `facts` say what every admissible row satisfies."""

    contract: Contract
    name: str
    exact: bool
    context: z3.Context
    shared: Inputs | None = None  # another row's inputs …
    free: tuple[int, ...] = ()  # … of which these signals are this row's own
    inputs: Inputs = field(init=False)
    facts: list[Any] = field(init=False)
    approximate: bool = field(init=False, default=False)
    monotone: dict[tuple[int, Element], tuple[Any, Any]] = field(init=False)  # (argument, result) of rising functions
    _terms: dict[tuple[int, Element], Any] = field(init=False)

    def __post_init__(self) -> None:
        self.monotone, self._terms, self.inputs = {}, {}, Inputs()
        for index, spec in enumerate(self.contract.signals):
            if self.shared is None or index in self.free:
                self._declare(index, spec)
            elif spec.kind == "list":
                self.inputs.present[index] = self.shared.present[index]
                self.inputs.fields |= {k: v for k, v in self.shared.fields.items() if k[0] == index}
            else:
                self.inputs.scalars[index] = self.shared.scalars[index]
        self.facts = self.inputs.facts
        contract = self.contract
        roots = [contract.reward, *(r.node for r in contract.requirements), *(r.node for r in contract.rules)]
        for root in (*roots, *(e.node for e in contract.ensured)):  # an unused LET asks nothing of Z3
            self._term(root)
        self.facts += [self[requirement.node] for requirement in self.contract.requirements]

    def __getitem__(self, node: Node) -> Any:
        """The Z3 term of `node` in this row."""
        return self._terms[node.order, ROW]

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

    # -- inputs

    def _declare(self, index: int, spec: SignalSpec) -> None:
        name = f"{spec.name}{self.name}"
        if spec.kind != "list":
            self.inputs.scalars[index] = self._input(name, spec)
            return
        present = [z3.Bool(f"{name}[{k}]", self.context) for k in range(spec.highest)]
        self.inputs.facts += [z3.Implies(b, a) for a, b in pairwise(present)]
        self.inputs.present[index] = present
        for k in range(spec.highest):
            for f, field_spec in enumerate(spec.fields):
                self.inputs.fields[index, k, f] = self._input(f"{name}[{k}].{field_spec.name}", field_spec)

    def _input(self, name: str, spec: SignalSpec) -> Any:
        if spec.kind == "bool":
            return z3.Bool(name, self.context)
        term, facts = z3.Real(name, self.context), self.inputs.facts
        facts += [self.real(spec.lowest, spec.scale) <= term, term <= self.real(spec.highest, spec.scale)]
        if spec.kind == "choice":
            facts.append(z3.Or([term == position for position in range(spec.highest + 1)]))
        elif self.exact:
            facts.append(term * 10**spec.scale == z3.ToReal(z3.Int(f"{name}!steps", self.context)))
        return term

    # -- terms

    def _term(self, node: Node) -> None:
        """Write the term of `node` and of all it depends on, without recursion: specs are hostile."""
        waiting: list[tuple[Node, Element]] = [(node, ROW)]
        while waiting:
            top, element = waiting[-1]
            key = top.order, element
            if key in self._terms:
                waiting.pop()
                continue
            needed = self._needed(top, element)
            missing = [(n, e) for n, e in needed if (n.order, e) not in self._terms]
            if missing:
                waiting += missing
                continue
            if len(self._terms) > MAX_TERMS:
                raise TooLarge
            self._terms[key] = self._value(top, element, [self._terms[n.order, e] for n, e in needed])
            waiting.pop()

    def _needed(self, node: Node, element: Element) -> list[tuple[Node, Element]]:
        """The arguments of `node`, each with the elements it depends on; for a reduction, the body at every element."""
        if node.op not in REDUCTIONS:
            return [(a, _restrict(element, a)) for a in node.args]
        body = node.args[0]
        length = self.contract.signals[node.list].highest
        return [(body, _restrict(element | {(node.variable, k)}, body)) for k in range(length)]

    def _value(self, node: Node, element: Element, args: list[Any]) -> Any:
        match node.op:
            case "signal":
                return self.inputs.scalars[node.value]
            case "field":
                return self.inputs.fields[node.list, dict(element)[node.variable], node.value]
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
                return self._rounded(node, element, args[0], node.value)
            case "div":
                return self._quotient(node, element, *args)
            case "units":
                return args[0] * 10**node.value
            case "decimal":
                return args[0] * self.real(1, node.value)
            case "log2" | "exp2":
                return self._rising(node, element, args[0])
        return self._reduced(node, args)

    def _reduced(self, node: Node, bodies: list[Any]) -> Any:
        present = self.inputs.present[node.list]
        pairs = list(zip(present, bodies, strict=True))
        if node.op == "all":
            return z3.And([z3.Implies(there, body) for there, body in pairs])
        if node.op == "any":
            return z3.Or([z3.And(there, body) for there, body in pairs])
        zero, one = self.real(0, 0), self.real(1, 0)
        if node.op == "count":
            return z3.Sum([z3.If(z3.And(there, body), one, zero) for there, body in pairs])
        return z3.Sum([z3.If(there, body, zero) for there, body in pairs])

    def _unknown(self, node: Node, element: Element, whole: bool) -> Any:
        """A fresh number for the result of a rounding operation."""
        at = ".".join(f"{v}:{k}" for v, k in sorted(element))
        name = f"{node.op}{node.order}@{at}{self.name}"
        return z3.ToReal(z3.Int(name, self.context)) if whole else z3.Real(name, self.context)

    def _rounded(self, node: Node, element: Element, argument: Any, digits: int) -> Any:
        """One lemma for each rounding: floor(x) ≤ x < floor(x) + step."""
        step = self.real(1, digits)
        result = self._unknown(node, element, self.exact)
        result = result * step if self.exact else result
        self.facts += [result <= argument, argument < result + step]
        self.monotone[node.order, element] = argument, result
        return result

    def _quotient(self, node: Node, element: Element, a: Any, b: Any) -> Any:
        divisor = node.args[1]
        if divisor.op == "const":
            inverse = Fraction(10**divisor.scale, divisor.value)
            return self._rounded(node, element, a * z3.Q(inverse.numerator, inverse.denominator, self.context), 6)
        step = self.real(1, 6)
        result = self._unknown(node, element, self.exact)
        result = result * step if self.exact else result
        low, high = result * b, (result + step) * b
        self.facts += [low <= a, a < high] if divisor.lowest > 0 else [a <= low, high < a]
        self.facts += [self.real(node.lowest, 6) <= result, result <= self.real(node.highest, 6)]
        return result

    def _rising(self, node: Node, element: Element, argument: Any) -> Any:
        self.approximate = True
        result = self._unknown(node, element, self.exact)
        self.facts += [self.real(node.lowest, 0) <= result, result <= self.real(node.highest, 0)]
        self.monotone[node.order, element] = argument, result
        return result


def _restrict(element: Element, node: Node) -> Element:
    return frozenset(pair for pair in element if pair[0] in node.free) if element else ROW


def pair_monotone(a: SymbolicRow, b: SymbolicRow) -> list[Any]:
    """What each row forgets of the other: a function that rises keeps the order, and equal stays equal."""
    facts = []
    for key, (x, fx) in a.monotone.items():
        y, fy = b.monotone[key]
        facts += [z3.Implies(x <= y, fx <= fy), z3.Implies(y <= x, fy <= fx)]
    return facts
