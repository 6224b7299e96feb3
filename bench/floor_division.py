"""The encoding that one would write first, to measure ours against: every number an integer, rounded at every product.

All numbers are Z3 integers in millionths, and a · b is (a · b) div 10⁶. It is what fixed-point code does, and what the
first design of this project had. Signals lie on their grid without a word more, and no product of scales can grow; but
each product by a constant brings a division, for which Z3 has to find a quotient and a remainder.

The questions are stated here anew, from the text of docs/language.md, and share nothing with `rlhf_contract.prove`. So
where both encodings decide, they also check each other. Their meanings differ by the roundings: a promise that holds or
fails by less than a few millionths may get another verdict here. The contracts of the benchmark leave more room.

Lists, logarithm and power are left out: Unsupported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract, Promise
from rlhf_contract.lang.ir import Node

__all__ = ["Limits", "Unsupported", "decide"]

MICRO = 10**6


class Unsupported(Exception):
    """This encoding has no words for an operation of the contract."""


@dataclass(frozen=True, slots=True)
class Limits:
    """For each question, as in `rlhf_contract.prove.query.Budget`."""

    rlimit: int
    seconds: int


def decide(contract: Contract, id_: str, limits: Limits) -> str:
    """The verdict (proved, refuted, vacuous, unknown) on the obligation that `rlhf_contract.prove` calls `id_`."""
    kind, _, name = id_.partition(".")
    if kind == "rule":
        index = [rule.name for rule in contract.rules].index(name)
        return _rule(contract, index, limits)
    found = _Asked(contract, limits).holds(id_)
    if found is None:
        return "unknown"
    if id_ == "admissible":  # asked the other way round: is there no such row?
        return "vacuous" if found else "proved"
    return "proved" if found else "refuted"


def _rule(contract: Contract, index: int, limits: Limits) -> str:
    """Can it be broken, best without any other; and can it be kept?"""

    def impossible(conditions: Callable[[_Row], list[Any]]) -> bool | None:
        asked = _Asked(contract, limits)
        row = asked.row()
        return asked.unsatisfiable(*row.admissible, *conditions(row))

    never = impossible(lambda row: [z3.Not(c) if i == index else c for i, c in enumerate(row.kept)])
    if never:
        never = impossible(lambda row: [z3.Not(row.kept[index])])
    if never is False:
        never = impossible(lambda row: [row.kept[index]])
    return {None: "unknown", True: "vacuous", False: "proved"}[never]


class _Row:
    """One row: its signals, some of which may be another row's, and the integer term of every node."""

    def __init__(self, contract: Contract, context: z3.Context, prime: str, same: Iterable[int] = ()) -> None:
        self.context, self.contract = context, contract
        same = set(same)
        names = [s.name + ("" if index in same else prime) for index, s in enumerate(contract.signals)]
        self.domain: list[Any] = []
        self.signals = [self._signal(index, name) for index, name in enumerate(names)]
        self.terms: list[Any] = []
        for node in contract.nodes:  # all of them: the reward needs everything but what only an ENSURES says
            self.terms.append(self._term(node, [self.terms[a.order] for a in node.args]))
        self.reward = self[contract.reward]
        self.kept = [self[rule.node] for rule in contract.rules]
        self.utilities = [self[utility.node] for utility in contract.utilities]
        self.admissible = [*self.domain, *(self[requirement.node] for requirement in contract.requirements)]

    def __getitem__(self, node: Node) -> Any:
        return self.terms[node.order]

    def _signal(self, index: int, name: str) -> Any:
        spec = self.contract.signals[index]
        if spec.kind == "list":
            raise Unsupported(spec.kind)
        if spec.kind == "bool":
            return z3.Bool(name, self.context)
        term = z3.Int(name, self.context)
        self.domain += [spec.lowest <= term, term <= spec.highest]
        return term * MICRO if spec.kind == "int" else term

    def _number(self, value: int) -> Any:
        return z3.IntVal(value, self.context)

    def _term(self, node: Node, args: list[Any]) -> Any:
        match node.op:
            case "signal":
                return self.signals[node.value]
            case "const" if node.type == "choice":
                return self._number(node.value)
            case "const":
                return self._number(node.value * MICRO // 10**node.scale)
            case "add":
                return args[0] + args[1]
            case "sub":
                return args[0] - args[1]
            case "mul":
                return (args[0] * args[1]) / MICRO  # on Z3's integers, / is div
            case "div":
                return (args[0] * MICRO) / args[1]
            case "floor" if node.value >= 6:
                return args[0]
            case "floor":
                step = 10 ** (6 - node.value)
                return args[0] / step * step
            case "min":
                return z3.If(args[0] <= args[1], args[0], args[1])
            case "max":
                return z3.If(args[0] >= args[1], args[0], args[1])
            case "select":
                return z3.If(args[0], args[1], args[2])
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
        raise Unsupported(node.op)


class _Asked:
    """One obligation in a fresh context."""

    def __init__(self, contract: Contract, limits: Limits) -> None:
        self.contract, self.limits, self.context = contract, limits, z3.Context()
        self.everything = range(len(contract.signals))

    def row(self, prime: str = "", same: Iterable[int] = ()) -> _Row:
        return _Row(self.contract, self.context, prime, same)

    def pair(self, free: int | None = None) -> tuple[_Row, _Row]:
        """Two rows that share nothing, or all but one signal."""
        same = [] if free is None else [index for index in self.everything if index != free]
        return self.row(), self.row("'", same)

    def unsatisfiable(self, *conditions: Any) -> bool | None:
        solver = z3.Solver(ctx=self.context)
        solver.set("rlimit", self.limits.rlimit)
        solver.set("timeout", self.limits.seconds * 1000)
        solver.add(*conditions)
        answer = solver.check()
        return None if answer == z3.unknown else bool(answer == z3.unsat)

    def holds(self, id_: str) -> bool | None:
        """Whether there is no row, or pair of rows, that breaks the promise."""
        contract, (kind, _, name) = self.contract, id_.partition(".")
        if kind in ("admissible", "bounded", "ensures"):
            row = self.row()
            if kind == "admissible":
                return self.unsatisfiable(*row.admissible)
            if kind == "bounded":
                outside = z3.Or(row.reward < contract.lowest, row.reward > contract.highest)
                return self.unsatisfiable(*row.admissible, outside)
            node = next(e.node for e in contract.ensured if e.name == name)
            return self.unsatisfiable(*row.admissible, z3.Not(row[node]))
        promise = next(p for p in contract.promises if p.id == id_)
        moved = promise.index if kind in ("monotone", "decreasing", "sensitivity") else None
        a, b = self.pair(moved)
        return self.unsatisfiable(*a.admissible, *b.admissible, *self._broken(promise, a, b))

    def _broken(self, promise: Promise, a: _Row, b: _Row) -> list[Any]:
        """What two admissible rows do that break `promise`."""
        at, most = promise.index, promise.at_most
        no_new = [z3.Implies(x, y) for x, y in zip(a.kept, b.kept, strict=True)]
        as_many = [x == y for x, y in zip(a.kept, b.kept, strict=True)]
        mended = [z3.And(z3.Not(x), y) for x, y in zip(a.kept, b.kept, strict=True)]
        equal = [x == y for x, y in zip(a.utilities, b.utilities, strict=True)]
        match promise.form:
            case "monotone" | "decreasing":
                x, y = a.signals[at], b.signals[at]
                rises = z3.And(z3.Not(x), y) if z3.is_bool(x) else x < y
                wrong = b.reward < a.reward if promise.form == "monotone" else b.reward > a.reward
                return [rises, *no_new, wrong]
            case "violation_never_pays":
                broken = [z3.Not(k) for k in (a.kept if at is None else [a.kept[at]])]
                return [z3.Or(broken), *b.kept, a.reward > b.reward]
            case "fixing_always_pays":
                which = z3.Or(mended) if at is None else mended[at]
                return [which, z3.AtMost(*mended, 1), *no_new, *equal, b.reward < a.reward]
            case "pareto":
                better = [x <= y for x, y in zip(a.utilities, b.utilities, strict=True)]
                return [*better, *no_new, b.reward < a.reward]
            case "influence":
                del equal[at]
                return [*equal, *as_many, a.reward - b.reward > most]
            case "sensitivity":
                x, y = a.signals[at], b.signals[at]
                room = (most * (y - x)) / MICRO + 1
                far = z3.Or(a.reward - b.reward > room, b.reward - a.reward > room)
                return [x < y, *as_many, far]
        raise Unsupported(promise.form)
