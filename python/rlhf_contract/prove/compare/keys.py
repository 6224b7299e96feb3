"""Canonical keys of nodes: what has the same key has the same value in every row, whatever contract it stands in.

Only exact operations are rearranged: sums become sorted multisets, chains of min, max, AND and OR sorted sets, caps
(`IF c THEN x ELSE min(x, d)`) guarded members of a min. `floor`, `/`, log2 and exp2 keep their place. Names of LETs and
the order of rules, stakeholders and signals leave no trace. What is equal under two keys is the solver's to find.

A number's key is that of its linear form over atoms, a condition's a literal: a positive key or, for NOT, its negative.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node

__all__ = ["TRUE", "Table", "keys"]

MAX_STEPS = 100_000  # of flattening; what comes after is taken as it stands
ENDLESS = 10**6  # decimals
ONE = Fraction(1)


class Table:
    """Gives equal tuples the same number; shared by the contracts that are compared."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {("true",): 1}

    def key(self, *parts: object) -> int:
        return self._numbers.setdefault(parts, len(self._numbers) + 1)


TRUE = 1


@dataclass(frozen=True, slots=True)
class Form:
    """Σ coefficient · atom + constant."""

    constant: Fraction = Fraction(0)
    terms: Mapping[int, Fraction] = field(default_factory=dict)


def keys(
    contract: Contract, roots: Iterable[Node], table: Table, given: Mapping[int, str] | None = None
) -> dict[int, int]:
    """The keys of `roots` and of what they turn out to be made of, by the order of the node.

    `given` nodes are atoms of that name.
    """
    return _Keys(contract, table, given or {}).of(list(roots))


class _Keys:
    """Two passes: from the roots down, which nodes need a key and how they flatten; then the keys, arguments first."""

    def __init__(self, contract: Contract, table: Table, given: Mapping[int, str]) -> None:
        self.contract, self.table, self.given = contract, table, given
        self.steps = 0
        self.sums: dict[int, tuple[Fraction, dict[int, Fraction]]] = {}  # a comparison's: left − right
        self.chains: dict[int, list[tuple[Node, bool]]] = {}
        self.members: dict[int, list[tuple[Node, tuple[tuple[Node, bool], ...]]]] = {}
        self.forms: dict[int, Form] = {}
        self.found: dict[int, int] = {}
        self.decimals: dict[int, int] = {}

    def of(self, roots: list[Node]) -> dict[int, int]:
        wanted = {node.order for node in roots}
        atoms: set[int] = set()
        for node in reversed(self.contract.nodes):
            if node.order in wanted:
                if node.type == "number":
                    self.sums[node.order] = self._sum([(node, ONE)])
                    atoms |= self.sums[node.order][1].keys()
                elif node.type == "bool":
                    wanted |= {n.order for n in self._below(node)}
                    if node.order in self.sums:
                        atoms |= self.sums[node.order][1].keys()
            if node.order in atoms and node.order not in self.given:
                wanted |= {n.order for n in self._parts(node)}
        for node in self.contract.nodes:
            if node.order in atoms:
                self.forms[node.order] = self._atom(node)
            if node.order in wanted:
                if node.type == "number":
                    self.found[node.order] = self._key(self._combined(self.sums[node.order]))
                elif node.type == "bool":
                    self.found[node.order] = self._literal(node)
                else:
                    self.found[node.order] = self._choice(node)
        return self.found

    # -- down: how a node flattens, and what must have a key before it

    def _enough(self) -> bool:
        self.steps += 1
        return self.steps > MAX_STEPS

    def _sum(self, starts: list[tuple[Node, Fraction]]) -> tuple[Fraction, dict[int, Fraction]]:
        """Constant, and coefficients by the order of the atom node: the last node first, so that each is met once."""
        coefficients: dict[int, Fraction] = {}
        constant, waiting, atoms = Fraction(0), list[int](), dict[int, Fraction]()

        def add(node: Node, times: Fraction) -> None:
            if node.order not in coefficients:
                heapq.heappush(waiting, -node.order)
            coefficients[node.order] = coefficients.get(node.order, Fraction(0)) + times

        for node, times in starts:
            add(node, times)
        while waiting:
            node = self.contract.nodes[-heapq.heappop(waiting)]
            times = coefficients.pop(node.order)
            if node.op == "const":
                constant += times * node.value / 10**node.scale
            elif not times:
                continue
            elif node.order in self.given or self._enough():
                atoms[node.order] = times
            elif node.op in ("add", "sub"):
                add(node.args[0], times)
                add(node.args[1], times if node.op == "add" else -times)
            elif node.op in ("units", "decimal"):
                add(node.args[0], times * Fraction(10) ** (node.value if node.op == "units" else -node.value))
            elif node.op == "mul" and "const" in (node.args[0].op, node.args[1].op):
                factor, rest = sorted(node.args, key=lambda n: n.op != "const")
                add(rest, times * factor.value / 10**factor.scale)
            else:
                atoms[node.order] = times
        return constant, atoms

    def _below(self, node: Node) -> list[Node]:
        """What a condition needs keys of."""
        match node.op:
            case "and" | "or":
                self.chains[node.order] = self._chain(node)
                return [leaf for leaf, _ in self.chains[node.order]]
            case "lt" | "le":
                self.sums[node.order] = self._sum([(node.args[0], ONE), (node.args[1], -ONE)])
                return []
            case "eq" if node.args[0].type == "number":
                self.sums[node.order] = self._sum([(node.args[0], ONE), (node.args[1], -ONE)])
                return []
            case "eq" | "not" | "all" | "any":
                return list(node.args)
        return []

    def _chain(self, node: Node) -> list[tuple[Node, bool]]:
        """The members of a conjunction (of a disjunction: of the conjunction that is its opposite)."""
        waiting, seen = [(node, node.op == "and")], set()
        leaves: list[tuple[Node, bool]] = []
        while waiting:
            top, positive = waiting.pop()
            if (top.order, positive) in seen:
                continue
            seen.add((top.order, positive))
            if top.op == "not":
                waiting.append((top.args[0], not positive))
            elif top.op == ("and" if positive else "or") and (top is node or not self._enough()):
                waiting += [(a, positive) for a in top.args]
            else:
                leaves.append((top, positive))
        return leaves

    def _parts(self, node: Node) -> list[Node]:
        """What an atom needs keys of."""
        if node.op in ("min", "max") or (node.op == "select" and _capped(node)):
            self.members[node.order] = self._extreme(node)
            return [n for leaf, guards in self.members[node.order] for n in (leaf, *(g for g, _ in guards))]
        if node.op == "mul":
            self.members[node.order] = self._extreme(node)
            return [leaf for leaf, _ in self.members[node.order]]
        return list(node.args)

    def _extreme(self, node: Node) -> list[tuple[Node, tuple[tuple[Node, bool], ...]]]:
        """The members of a chain of min, max or products; a capped one counts only where its guards are all false."""
        op = "min" if node.op == "select" else node.op
        waiting: list[tuple[Node, tuple[tuple[Node, bool], ...]]] = [(node, ())]
        leaves, seen = [], set()
        while waiting:
            top, guards = waiting.pop()
            if op != "mul" and (top, guards) in seen:
                continue
            seen.add((top, guards))
            cap = _capped(top) if op == "min" and top.op == "select" else None
            flat = top is node or not self._enough()
            if flat and top.op == op and not (op == "mul" and "const" in (a.op for a in top.args)):
                waiting += [(a, guards) for a in top.args]
            elif flat and cap:
                kept, most, unless = cap
                waiting += [(kept, guards), (most, (*guards, unless))]
            else:
                leaves.append((top, guards))
        return leaves

    # -- up: the keys

    def _combined(self, sum_: tuple[Fraction, dict[int, Fraction]]) -> Form:
        constant, terms = sum_[0], dict[int, Fraction]()
        for order, times in sum_[1].items():
            form = self.forms[order]
            constant += times * form.constant
            for atom, coefficient in form.terms.items():
                terms[atom] = terms.get(atom, Fraction(0)) + times * coefficient
        return Form(constant, {atom: terms[atom] for atom in sorted(terms) if terms[atom]})

    def _key(self, form: Form) -> int:
        key = self.table.key("linear", form.constant, *form.terms.items())
        self.decimals[key] = self._finest(form)
        return key

    def _single(self, decimals: int, *parts: object) -> Form:
        """The form of one new atom, a multiple of 10^−`decimals`."""
        atom = self.table.key(*parts)
        self.decimals[atom] = decimals
        return Form(Fraction(0), {atom: ONE})

    def _finest(self, form: Form) -> int:
        return max(_decimals(form.constant), *(_decimals(c) + self.decimals[a] for a, c in form.terms.items()), 0)

    def _number(self, node: Node) -> Form:
        return self._combined(self.sums[node.order])

    def _atom(self, node: Node) -> Form:
        signals, args = self.contract.signals, node.args
        if node.order in self.given:
            return self._single(node.scale, "given", self.given[node.order])
        match node.op:
            case "signal":
                return self._single(signals[node.value].scale, "signal", signals[node.value].name)
            case "field":
                over = signals[node.list]
                spec = over.fields[node.value]
                return self._single(spec.scale, "field", over.name, node.variable, spec.name)
            case "min" | "max":
                return self._extremes(node)
            case "mul":
                return self._product(node)
            case "select":
                return self._extremes(node) if _capped(node) else self._select(node)
            case "floor":
                return self._floor(self._number(args[0]), node.value)
            case "div" if args[1].op == "const":
                inverse, top = Fraction(10 ** args[1].scale, args[1].value), self._number(args[0])
                return self._floor(_times(top, inverse), 6)
            case "sum" | "count":
                scale = self.decimals.get(self.found[args[0].order], 0) if node.op == "sum" else 0
                return self._single(scale, node.op, signals[node.list].name, node.variable, self.found[args[0].order])
        scale = {"div": 6, "log2": 0, "exp2": 0}.get(node.op, node.scale)
        return self._single(scale, node.op, *(self.found[a.order] for a in args))

    def _extremes(self, node: Node) -> Form:
        """Of plain constants only the best counts; a guard that is always true takes its member away."""
        better = max if node.op == "max" else min
        constants: dict[tuple[int, ...], Fraction] = {}
        members: dict[tuple[tuple[int, ...], int], Form] = {}
        for leaf, guards in self.members[node.order]:
            literals = {self.found[g.order] * (1 if positive else -1) for g, positive in guards} - {-TRUE}
            if TRUE in literals or any(-literal in literals for literal in literals):
                continue
            form, unless = self._number(leaf), tuple(sorted(literals))
            if form.terms:
                members[unless, self._key(form)] = form
            else:
                constants[unless] = better(constants.get(unless, form.constant), form.constant)
        members |= {(unless, self._key(Form(value))): Form(value) for unless, value in constants.items()}
        if len(members) == 1:
            (form,) = members.values()
            return form
        scale = max(self._finest(form) for form in members.values())
        return self._single(scale, "max" if node.op == "max" else "min", *sorted(members))

    def _product(self, node: Node) -> Form:
        """Each factor without its content, sorted."""
        times, factors, scale = ONE, [], 0
        for leaf, _ in self.members[node.order]:
            form = self._number(leaf)
            content = next(iter(form.terms.values()), form.constant)
            times *= content
            if form.terms:
                plain = _times(form, 1 / content)
                factors.append(self._key(plain))
                scale += self._finest(plain)
        if not times:
            return Form()
        if not factors:
            return Form(times)
        return _times(self._single(scale, "product", *sorted(factors)), times)

    def _select(self, node: Node) -> Form:
        condition, a, b = self.found[node.args[0].order], self._number(node.args[1]), self._number(node.args[2])
        if condition < 0:
            condition, a, b = -condition, b, a
        if condition == TRUE or a == b:
            return a
        if not a.terms and not b.terms:
            indicator = self._single(0, "indicator", condition)
            return Form(b.constant, dict(_times(indicator, a.constant - b.constant).terms))
        scale = max(self._finest(a), self._finest(b))
        return self._single(scale, "select", condition, self._key(a), self._key(b))

    def _floor(self, form: Form, digits: int) -> Form:
        """What lies on the grid already stands outside."""
        step = 10**digits
        on = {a: c for a, c in form.terms.items() if _decimals(c) + self.decimals[a] <= digits}
        whole = Fraction(form.constant * step // 1, step)
        rest = Form(form.constant - whole, {a: c for a, c in form.terms.items() if a not in on})
        if not rest.terms:
            return Form(whole, on)
        rounded = self._single(digits, "floor", digits, self._key(rest))
        return Form(whole, dict(sorted((on | dict(rounded.terms)).items())))

    def _choice(self, node: Node) -> int:
        if node.op == "const":
            return self.table.key("position", node.value)
        signals = self.contract.signals
        if node.op == "signal":
            return self.table.key("signal", signals[node.value].name)
        over = signals[node.list]
        return self.table.key("field", over.name, node.variable, over.fields[node.value].name)

    def _literal(self, node: Node) -> int:
        match node.op:
            case "not":
                return -self.found[node.args[0].order]
            case "and" | "or":
                members = {self.found[n.order] * (1 if positive else -1) for n, positive in self.chains[node.order]}
                return self._all_of(members) * (1 if node.op == "and" else -1)
            case "lt":
                return self._negative(self._combined(self.sums[node.order]))
            case "le":
                return -self._negative(_times(self._combined(self.sums[node.order]), -ONE))
            case "eq":
                return self._equal(node)
            case "all" | "any":
                body = self.found[node.args[0].order] * (1 if node.op == "all" else -1)
                over = self.contract.signals[node.list].name
                found = TRUE if body == TRUE else self.table.key("all", over, node.variable, body)
                return found if node.op == "all" else -found
        return self._choice(node)  # a signal or field that is a bool

    def _all_of(self, members: set[int]) -> int:
        members = members - {TRUE}
        if -TRUE in members or any(-m in members for m in members):
            return -TRUE
        if len(members) < 2:
            return next(iter(members), TRUE)
        return self.table.key("and", *sorted(members))

    def _negative(self, form: Form) -> int:
        """form < 0, whose coefficients matter up to a positive factor."""
        if not form.terms:
            return TRUE if form.constant < 0 else -TRUE
        form = _times(form, 1 / abs(next(iter(form.terms.values()))))
        return self.table.key("negative", self._key(form))

    def _equal(self, node: Node) -> int:
        if node.order in self.sums:
            form = self._combined(self.sums[node.order])
            if not form.terms:
                return -TRUE if form.constant else TRUE
            return self.table.key("zero", self._key(_times(form, 1 / next(iter(form.terms.values())))))
        a, b = sorted((self.found[n.order] for n in node.args), key=abs)
        if abs(a) == abs(b):
            return TRUE if a == b else -TRUE
        if node.args[0].type == "choice":
            return self.table.key("equal", a, b)
        sign = 1 if (a > 0) == (b > 0) else -1
        return sign * (abs(b) if abs(a) == TRUE else self.table.key("equal", abs(a), abs(b)))


def _capped(node: Node) -> tuple[Node, Node, tuple[Node, bool]] | None:
    """IF c THEN x ELSE min(x, d), or the other way round: x, d, and the condition under which d does not count."""
    condition, a, b = node.args
    for kept, capped, positive in ((a, b, True), (b, a, False)):
        if capped.op == "min" and kept in capped.args:
            return kept, capped.args[capped.args[0] is kept], (condition, positive)
    return None


def _times(form: Form, factor: Fraction) -> Form:
    return Form(form.constant * factor, {a: c * factor for a, c in form.terms.items()})


def _decimals(value: Fraction) -> int:
    """How many decimals it has."""
    denominator, digits = value.denominator, 0
    while denominator % 10 == 0:
        denominator, digits = denominator // 10, digits + 1
    while denominator % 2 == 0 or denominator % 5 == 0:
        denominator, digits = denominator // (2 if denominator % 2 == 0 else 5), digits + 1
    return digits if denominator == 1 else ENDLESS
