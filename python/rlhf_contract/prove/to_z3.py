"""Typed IR → Z3. A number node is its exact real value; only operations that round need a word of their own.

Two readings of the same row:

relaxed   signals are any reals in range, a rounded value is any real within one step below: plain linear arithmetic. It
          admits more than really happens, so what holds here holds.
exact     signals lie on their grid of 10⁻⁶ (or are whole), a rounded value is an integer number of steps.

Lists are unrolled to their greatest length; of an element it is a Boolean whether it is there. Logarithm and power are
known by their range, that they rise, and by their values at points that a question turns out to need (`rising`).
Terms are written when they are asked for: a question pays for what it mentions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node, SignalSpec

__all__ = ["MAX_TERMS", "Inputs", "Key", "Rising", "SymbolicRow", "TooLarge", "pair_monotone"]

MAX_TERMS = 60_000
REDUCTIONS = ("all", "any", "count", "sum")
Element = frozenset[tuple[int, int]]  # which element each quantified variable stands at
ROW: Element = frozenset()
Key = tuple[int, Element]  # a node by its order, at an element
DECIDING = ("signal", "field", "lt", "le", "eq")
Free = tuple[int, int | None]  # a signal, or a field of a list


class TooLarge(Exception):
    """Unrolling the lists would make too many terms; nothing can be said."""


@dataclass
class Inputs:
    """The unknowns of one row by name: scalars; of lists, whether each element is there, and its fields."""

    scalars: dict[str, Any] = field(default_factory=dict)
    present: dict[str, list[Any]] = field(default_factory=dict)
    fields: dict[tuple[str, int, str], Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rising:
    """A use of log2 or exp2 in a row: its operation, argument (with its range) and result."""

    op: str
    argument: Any
    result: Any
    lowest: int
    highest: int


class SymbolicRow:
    """One row of unknown signals under one contract.

    `partner` is a row that this one equals but for the `free` signals and fields; terms that depend on none of those
    are the partner's. `inputs` are unknowns to be shared with another contract's row. Nodes whose order is in `cut`
    are unknowns too, of which only type and range are known. `domain` says that every signal is readable, `facts` what
    rounded values satisfy; both grow with the terms that are asked for.
    """

    def __init__(
        self,
        contract: Contract,
        name: str,
        exact: bool,
        context: z3.Context,
        *,
        partner: SymbolicRow | None = None,
        free: Collection[Free] = (),
        inputs: Inputs | None = None,
        cut: Collection[int] = (),
    ) -> None:
        self.contract, self.name, self.exact, self.context = contract, name, exact, context
        self.inputs = inputs or Inputs()
        self.domain: list[Any] = []
        self.facts: list[Any] = []
        self.rounded: dict[tuple[int, Element], tuple[Any, Any]] = {}  # (argument, result) of roundings
        self.rising: dict[tuple[int, Element], Rising] = {}
        self._partner, self._cut = partner, frozenset(cut)
        self._own = ~0 if partner is None else sum({1 << signal for signal, _ in free})
        self._support = support(contract) if partner else ()
        self._terms: dict[Key, Any] = {}
        self._constants: dict[Fraction, Any] = {}
        for index, spec in enumerate(contract.signals):
            own: set[int | None] = {f for signal, f in free if signal == index} if partner else {None}
            self._declare(spec, own)

    def __getitem__(self, node: Node) -> Any:
        """The Z3 term of `node` in this row."""
        return self._term(node)

    def violated(self, index: int) -> Any:
        """Whether invariant `index` is violated."""
        return z3.Not(self[self.contract.rules[index].node])

    @property
    def admissible(self) -> list[Any]:
        """Every signal is readable, every REQUIRES holds."""
        return [*self.domain, *(self[requirement.node] for requirement in self.contract.requirements)]

    @property
    def reward(self) -> Any:
        return self[self.contract.reward]

    def real(self, value: int | Fraction, scale: int = 0) -> Any:
        """The exact constant `value` ÷ 10^`scale`."""
        exact = Fraction(value) / 10**scale
        if exact not in self._constants:
            self._constants[exact] = z3.RealVal(f"{exact.numerator}/{exact.denominator}", self.context)
        return self._constants[exact]

    def truths(self, model: z3.ModelRef) -> dict[Key, bool]:
        """Which comparisons and which bools hold in a model, by node and element."""
        nodes = self.contract.nodes
        chosen = [k for k in self._terms if nodes[k[0]].type == "bool" and nodes[k[0]].op in DECIDING]
        return {key: z3.is_true(model.eval(self._terms[key], model_completion=True)) for key in chosen}

    def as_in(self, truths: dict[Key, bool]) -> list[Any]:
        """That the same comparisons and bools hold."""
        known = [(self._terms[key], holds) for key, holds in truths.items() if key in self._terms]
        return [term if holds else z3.Not(term) for term, holds in known]

    # -- inputs

    def _declare(self, spec: SignalSpec, own: set[int | None]) -> None:
        """The unknowns of a signal; `own` has None if all of it, else the fields that are not the partner's."""
        partner = self._partner.inputs if self._partner else None
        name, inputs = spec.name, self.inputs
        if spec.kind != "list":
            if partner and not own:
                inputs.scalars[name] = partner.scalars[name]
            else:
                self._input(inputs.scalars, name, name, spec)
            return
        if partner and None not in own:
            inputs.present[name] = partner.present[name]
        else:
            fresh = [z3.Bool(f"{name}{self.name}[{k}]", self.context) for k in range(spec.highest)]
            present = inputs.present.setdefault(name, fresh)
            self.domain += [z3.Implies(b, a) for a, b in pairwise(present)]
            self.domain += [z3.Not(there) for there in present[spec.highest : spec.highest + 1]]
        for k in range(spec.highest):
            for f, field_spec in enumerate(spec.fields):
                key = name, k, field_spec.name
                if partner and None not in own and f not in own:
                    inputs.fields[key] = partner.fields[key]
                else:
                    self._input(inputs.fields, key, f"{name}[{k}].{field_spec.name}", field_spec)

    def _input(self, known: dict[Any, Any], key: Any, name: str, spec: SignalSpec) -> None:
        if spec.kind == "bool":
            known.setdefault(key, z3.Bool(f"{name}{self.name}", self.context))
            return
        term = known.setdefault(key, z3.Real(f"{name}{self.name}", self.context))
        self.domain += [self.real(spec.lowest, spec.scale) <= term, term <= self.real(spec.highest, spec.scale)]
        if spec.kind == "choice":
            self.domain.append(z3.Or([term == position for position in range(spec.highest + 1)]))
        elif self.exact:
            steps = z3.Int(f"{name}{self.name}!{spec.scale}", self.context)
            self.domain.append(term * 10**spec.scale == z3.ToReal(steps))

    # -- terms

    def _term(self, node: Node) -> Any:
        """The term of `node`, after those of all it depends on, without recursion: specs are hostile."""
        waiting: list[tuple[Node, Element]] = [(node, ROW)]
        while waiting:
            top, element = waiting[-1]
            key = top.order, element
            if key in self._terms:
                waiting.pop()
                continue
            known = self._known(top, element)
            if known is not None:
                self._terms[key] = known
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
        return self._terms[node.order, ROW]

    def _known(self, node: Node, element: Element) -> Any:
        """A term that needs no arguments: an unknown for a cut node, the partner's where nothing differs."""
        if node.order in self._cut and not element:
            name = f"cut{node.order}{self.name}"
            if node.type == "bool":
                return z3.Bool(name, self.context)
            term = z3.Real(name, self.context)
            low, high = self.real(node.lowest, node.scale), self.real(node.highest, node.scale)
            self.facts += [low <= term, term <= high]
            return term
        if self._partner is None or self._cut or self._support[node.order] & self._own or element:
            return None
        return self._partner[node]

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
                return self.inputs.scalars[self.contract.signals[node.value].name]
            case "field":
                over = self.contract.signals[node.list]
                return self.inputs.fields[over.name, dict(element)[node.variable], over.fields[node.value].name]
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
        present = self.inputs.present[self.contract.signals[node.list].name]
        pairs = list(zip(present, bodies, strict=False))  # another contract may know longer lists
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
        self.rounded[node.order, element] = argument, result
        return result

    def _quotient(self, node: Node, element: Element, a: Any, b: Any) -> Any:
        divisor = node.args[1]
        if divisor.op == "const":
            inverse = Fraction(10**divisor.scale, divisor.value)
            return self._rounded(node, element, a * self.real(inverse), 6)
        step = self.real(1, 6)
        result = self._unknown(node, element, self.exact)
        result = result * step if self.exact else result
        low, high = result * b, (result + step) * b
        self.facts += [low <= a, a < high] if divisor.lowest > 0 else [a <= low, high < a]
        self.facts += [self.real(node.lowest, 6) <= result, result <= self.real(node.highest, 6)]
        return result

    def _rising(self, node: Node, element: Element, argument: Any) -> Any:
        result = self._unknown(node, element, self.exact)
        self.facts += [self.real(node.lowest, 0) <= result, result <= self.real(node.highest, 0)]
        self.rising[node.order, element] = Rising(node.op, argument, result, node.args[0].lowest, node.args[0].highest)
        return result


def _restrict(element: Element, node: Node) -> Element:
    return frozenset(pair for pair in element if pair[0] in node.free) if element else ROW


def pair_monotone(a: SymbolicRow, b: SymbolicRow) -> list[Any]:
    """What each row forgets of the other: a function that rises keeps the order, and equal stays equal."""
    facts = []
    pairs = [(a.rounded[key], b.rounded[key]) for key in a.rounded.keys() & b.rounded.keys()]
    uses = [(a.rising[key], b.rising[key]) for key in a.rising.keys() & b.rising.keys()]
    pairs += [((one.argument, one.result), (two.argument, two.result)) for one, two in uses]
    for (x, fx), (y, fy) in pairs:
        facts += [z3.Implies(x <= y, fx <= fy), z3.Implies(y <= x, fy <= fx)]
    return facts


def support(contract: Contract) -> tuple[int, ...]:
    """For each node by its order, the signals that it depends on: bit i for signal i."""
    found: list[int] = []
    for node in contract.nodes:
        own = 1 << node.value if node.op == "signal" else 0
        if node.list >= 0:
            own |= 1 << node.list
        for argument in node.args:
            own |= found[argument.order]
        found.append(own)
    return tuple(found)
