"""Questions about one unknown row under two versions of a contract, and answers that the machines have confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import z3

from rlhf_contract.errors import InternalError
from rlhf_contract.lang.ir import Node, SignalSpec
from rlhf_contract.prove.compare.pair import Pair, Side
from rlhf_contract.prove.query import Budget, Refinement, fraction_of, integer_of, known_at, seed_points
from rlhf_contract.prove.search import search
from rlhf_contract.prove.to_z3 import Element, Inputs, SymbolicRow, TooLarge
from rlhf_contract.prove.witness import Row

__all__ = ["Conditions", "Found", "Reading", "find", "give_up", "unconfirmed"]

MAX_ROUNDS = 40
MAX_PAIRS = 400
SEEDS = 8
Terms = list[Any]


@dataclass(frozen=True, slots=True)
class Found:
    """`row` is a row that the machines have confirmed; else there is proved to be `none`, or nothing is known."""

    row: Row | None = None
    none: bool = False

    @property
    def known(self) -> bool:
        return self.none or self.row is not None


class _VersionRow(SymbolicRow):
    """A row in which some nodes are given: the terms of another version that mean the same, or a free reward."""

    def __init__(self, side: Side, name: str, exact: bool, context: z3.Context, inputs: Inputs) -> None:
        super().__init__(side.contract, name, exact, context, inputs=inputs)
        self.given: dict[int, Callable[[], Any]] = {}

    def _known(self, node: Node, element: Element) -> Any:
        if node.order in self.given and not element:
            return self.given[node.order]()
        return super()._known(node, element)


class Reading:
    """Old and new version on the same unknown row, relaxed or exact (see `to_z3`).

    What only one version can read is no row of both. With `free_reward` both have the same reward, which is any number.
    `only` one version: then nothing is asked of what the other can read.
    """

    def __init__(self, pair: Pair, exact: bool, free_reward: bool = False, only: Side | None = None) -> None:
        self.pair, self.exact = pair, exact
        self.context = z3.Context()
        self.inputs = Inputs()
        self.refinement = Refinement()
        self.learned: Terms = []  # of functions that rise
        self.doubtful = False  # whether the last answer was a row that the machines did not confirm
        for spec in pair.together.signals:
            if spec.kind == "list":
                there = [z3.Bool(f"{spec.name}[{k}]", self.context) for k in range(spec.highest)]
                self.inputs.present[spec.name] = there
        sides = [pair.old, pair.new] if only is None else [only]
        self.rows = [_VersionRow(s, f"'{n}", exact, self.context, self.inputs) for n, s in enumerate(sides)]
        self.old, self.new = self.rows[0], self.rows[-1]
        keys = [side.promised if free_reward else side.keys for side in sides]
        self.reward = z3.Real("reward", self.context) if free_reward else None
        if free_reward:
            for row, side in zip(self.rows, sides, strict=True):
                if side.free_reward:
                    row.given[side.contract.reward.order] = lambda: self.reward
        if only is None:
            self._share(*keys)

    def _share(self, old: dict[int, int], new: dict[int, int]) -> None:
        """A node of the new version that has the same key as one of the old version is the same term."""
        nodes = self.pair.old.contract.nodes
        twins = {key: o for o, key in old.items() if o not in self.old.given and not nodes[o].free}
        for order, key in new.items():
            if key in twins and order not in self.new.given and self._worth_sharing(order):
                self.new.given[order] = lambda twin=nodes[twins[key]]: self.old[twin]  # type: ignore[misc]

    def _worth_sharing(self, order: int) -> bool:
        node = self.pair.new.contract.nodes[order]
        return node.type != "choice" and node.op not in ("signal", "field", "const") and not node.free

    def assertions(self, conditions: Terms, admissible: bool) -> Terms:
        """`conditions` on a row that can be read (and is rewarded, if so asked), and what is known of their parts."""
        posed = [*conditions, *(fact for row in self.rows for fact in row.domain)]
        if admissible:
            posed += [row[r.node] for row in self.rows for r in row.contract.requirements]
        posed += [fact for row in self.rows for fact in row.facts]
        if self.reward is not None and self.exact:
            posed.append(self.reward * 10**6 == z3.ToReal(z3.Int("reward!6", self.context)))
        return posed + (_orders(*self.rows) if len(self.rows) == 2 else [])

    def ask(self, posed: Terms, confirmed: Callable[[Row], bool], budget: Budget) -> tuple[Found, bool]:
        """An answer; and whether a row that the machines do not confirm was an exact one, which must not be."""
        solver = z3.Solver(ctx=self.context)
        solver.set("rlimit", budget.rlimit)
        solver.set("timeout", budget.seconds * 1000)
        solver.set("random_seed", budget.seed)
        rising = [(row, use) for row in self.rows for use in row.rising.values()]
        if not self.learned:
            self.learned += [
                f for row, use in rising for p in seed_points(use, SEEDS) for f in known_at(row, use, p, p)
            ]
        solver.add(*posed, *self.learned)
        stop = time.monotonic() + budget.seconds
        self.doubtful = False
        for _ in range(MAX_ROUNDS):
            answer = solver.check()
            if answer != z3.sat:
                self.doubtful = False
                return Found(none=answer == z3.unsat), False
            model = solver.model()
            found = self.flat(model)
            if confirmed(found):
                return Found(found), False
            self.doubtful = True
            if not rising:
                return Found(), self.exact
            if time.monotonic() > stop:
                break
            facts: Terms = []
            for row, use in rising:
                facts += self.refinement.learn(row, use, model)
            solver.add(*facts)
            self.learned += facts
        return Found(), False

    def flat(self, model: z3.ModelRef) -> Row:
        """The model as a row of both, on the grid; a free reward stands behind it."""
        numbers: list[int] = []
        for spec in self.pair.together.signals:
            if spec.kind != "list":
                numbers.append(_number(spec, self.inputs.scalars.get(spec.name), model))
                continue
            present = self.inputs.present[spec.name]
            length = sum(z3.is_true(model.eval(there, model_completion=True)) for there in present)
            numbers.append(length)
            for k in range(length):
                numbers += [_number(f, self.inputs.fields.get((spec.name, k, f.name)), model) for f in spec.fields]
        if self.reward is not None:
            numbers.append(round(fraction_of(model, self.reward) * 10**6))
        return tuple(numbers)


Conditions = Callable[[Reading], Terms]


def find(
    pair: Pair,
    conditions: Conditions,
    confirmed: Callable[[Row], bool],
    budget: Budget,
    *,
    admissible: bool = True,
    free_reward: bool = False,
    only: Side | None = None,
    trying: bool = True,
) -> Found:
    """A row that satisfies `conditions`, first over reals, then on the grid; at last, if `trying`, by trying rows.

    `confirmed` runs the machines on it.

    Raises InternalError when the solver has an exact row that they do not confirm.
    """
    for exact in (False, True):
        try:
            reading = Reading(pair, exact, free_reward, only)
            posed = reading.assertions(conditions(reading), admissible)
            found, wrong = reading.ask(posed, confirmed, budget)
        except TooLarge:
            break
        if wrong:
            raise unconfirmed(pair)
        if found.known:
            return found
    return give_up(pair, confirmed) if trying else Found()


def unconfirmed(pair: Pair) -> InternalError:
    """What to raise where the solver's exact row is not what the machines say."""
    old, new = pair.old.contract, pair.new.contract
    return InternalError(
        f"{old.name} {old.version} and {new.name} {new.version}: the solver shows a difference that the machines do "
        "not confirm. Please report this with both files."
    )


def give_up(pair: Pair, confirmed: Callable[[Row], bool]) -> Found:
    """Where the solver could not say: a row found by trying, or nothing is known."""
    rows = search(pair.together, None, lambda rows: confirmed(rows[0]))
    return Found(rows[0] if rows else None)


def _orders(old: SymbolicRow, new: SymbolicRow) -> Terms:
    """What each row forgets of the other: rounding and rising keep the order, and equal stays equal."""
    uses: dict[tuple[object, ...], tuple[Terms, Terms]] = {}
    for place, row in enumerate((old, new)):
        for (order, element), known in sorted(row.rounded.items(), key=_place):
            node = row.contract.nodes[order]
            kind = "floor", node.value if node.op == "floor" else 6, element
            uses.setdefault(kind, ([], []))[place].append(known)
        for (_, element), use in sorted(row.rising.items(), key=_place):
            uses.setdefault((use.op, element), ([], []))[place].append((use.argument, use.result))
    facts: Terms = []
    left = MAX_PAIRS
    for ours, theirs in uses.values():
        few = len(ours) * len(theirs) <= min(left, 36)
        pairs = [(a, b) for a in ours for b in theirs] if few else list(zip(ours, theirs, strict=False))[:left]
        for (x, fx), (y, fy) in pairs:
            facts += [z3.Implies(x <= y, fx <= fy), z3.Implies(y <= x, fy <= fx)]
        left -= len(pairs)
    return facts


def _place(item: tuple[tuple[int, Element], object]) -> tuple[int, list[tuple[int, int]]]:
    return item[0][0], sorted(item[0][1])


def _number(spec: SignalSpec, term: Any, model: z3.ModelRef) -> int:
    """A signal of the row; of one that only the other version has, 0 if that is in range."""
    return min(max(0, spec.lowest), spec.highest) if term is None else integer_of(spec, term, model)
