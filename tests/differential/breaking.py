"""Attacks on promises: rows by the ten thousand, and pairs of rows that come ever nearer to breaking one.

It shares nothing with the prover but the machine: what each promise says of rows is written here once more, over
columns. Rows are random and on edges; pairs are made for each promise, and the nearest ones are changed further.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rlhf_contract.lang.contract import Contract, Promise
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.lanes import ListColumn
from rlhf_contract.machine.opcodes import Opcode
from rlhf_contract.machine.program import Instruction, Program
from rlhf_contract.machine.step import Outcome
from rlhf_contract.types import Status

__all__ = ["Attack", "Batch", "Seen", "batch", "excess", "moved", "seen"]

ROWS = 10_000
KEPT = 1_000
ROUNDS = 4
CROSS = 1_500
"""So many rows are compared each with each."""
NOT = np.iinfo(np.int64).min
"""The excess of a pair that a promise says nothing about."""

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Cell = tuple[int, int | None]
"""A signal (of a list, its length), or a field of one."""


# ---- rows as columns


@dataclass(frozen=True, slots=True)
class Batch:
    """N rows: `signals` [signals, N], of a list its length; `fields` [fields, N, longest] for each list."""

    signals: Ints
    fields: dict[int, Ints]

    def __len__(self) -> int:
        return self.signals.shape[1]

    def take(self, which: Any) -> Batch:
        """The rows that an index or a mask names, copied."""
        return Batch(self.signals[:, which].copy(), {i: f[:, which].copy() for i, f in self.fields.items()})

    def there(self, index: int) -> Bools:
        """Which elements of a list are there: [N, longest]."""
        mask: Bools = np.arange(self.fields[index].shape[2]) < self.signals[index][:, None]
        return mask


def join(*batches: Batch) -> Batch:
    """All rows, in order."""
    fields = {i: np.concatenate([b.fields[i] for b in batches], axis=1) for i in batches[0].fields}
    return Batch(np.concatenate([b.signals for b in batches], axis=1), fields)


def batch(contract: Contract, rows: Sequence[Sequence[int]]) -> Batch:
    """Flat rows, as the machine takes them."""
    signals = np.zeros((len(contract.signals), len(rows)), np.int64)
    lists = [(i, s) for i, s in enumerate(contract.signals) if s.kind == "list"]
    fields = {i: np.zeros((len(s.fields), len(rows), s.highest), np.int64) for i, s in lists}
    for n, row in enumerate(rows):
        left = list(row)
        for index, spec in enumerate(contract.signals):
            signals[index, n] = left.pop(0)
            for k in range(signals[index, n] if spec.kind == "list" else 0):
                for f in range(len(spec.fields)):
                    fields[index][f, n, k] = left.pop(0)
        assert not left
    return Batch(signals, fields)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the machine says of N rows; utilities are integers at their own scales."""

    rewarded: Bools
    reward: Ints
    violated: Bools
    not_ensured: Bools
    utilities: Ints

    def take(self, which: Any) -> Seen:
        """The rows that an index or a mask names."""
        rest = (self.violated[:, which], self.not_ensured[:, which], self.utilities[:, which])
        return Seen(self.rewarded[which], self.reward[which], *rest)


def seen(contract: Contract, outcomes: Sequence[Outcome]) -> Seen:
    """What `machine.step` says of rows, one by one."""
    blocks = len(contract.rules) + len(contract.ensured)
    breaches = np.array([[i in o.breaches for o in outcomes] for i in range(blocks)], np.bool_)
    breaches = breaches.reshape(blocks, len(outcomes))
    utilities = np.array([[value for value, _ in o.utilities] for o in outcomes], np.int64).T
    return Seen(
        np.array([o.status is Status.REWARDED for o in outcomes]),
        np.array([o.reward for o in outcomes], np.int64),
        breaches[: len(contract.rules)],
        breaches[len(contract.rules) :],
        utilities.reshape(len(contract.utilities), -1),
    )


# ---- what a promise says of two rows


def excess(contract: Contract, promise: Promise, a: Seen, b: Seen, by: Ints) -> Any:
    """How far each pair is beyond what is promised: above 0 it is broken, NOT where nothing is said of it.

    `by` is how far the signal of the promise moved. Whether nothing else did is `moved`'s to say.
    """
    change = b.reward - a.reward
    new, gone = b.violated & ~a.violated, a.violated & ~b.violated
    none_new, same_rules = ~new.any(axis=0), (a.violated == b.violated).all(axis=0)
    which = promise.index
    match promise.form:
        case "monotone":
            told, over = none_new, -change
        case "decreasing":
            told, over = none_new, change
        case "sensitivity":
            assert which is not None and promise.at_most is not None
            steps = 10 ** contract.signals[which].scale
            told = same_rules
            over = (np.abs(change).astype(object) - 1) * steps - by.astype(object) * promise.at_most
        case "violation_never_pays":
            guilty = a.violated.any(axis=0) if which is None else a.violated[which]
            told, over = guilty & ~b.violated.any(axis=0), -change
        case "fixing_always_pays":
            one = (gone.sum(axis=0) == 1) & (True if which is None else gone[which])
            told, over = one & none_new & (a.utilities == b.utilities).all(axis=0), -change
        case "pareto":
            told, over = none_new & (a.utilities <= b.utilities).all(axis=0), -change
        case "influence":
            others = [i for i in range(len(contract.utilities)) if i != which]
            told = same_rules & (a.utilities[others] == b.utilities[others]).all(axis=0)
            over = np.abs(change) - promise.at_most
    return np.where(told & a.rewarded & b.rewarded, over, NOT)


def moved(contract: Contract, promise: Promise, a: Batch, b: Batch) -> tuple[Bools, Ints]:
    """Which pairs differ as the promise says, and how far its signal moved in each."""
    right = np.ones(len(a), np.bool_)
    by = np.zeros(len(a), np.int64)
    if promise.form not in ("monotone", "decreasing", "sensitivity"):
        return right, by
    for index, spec in enumerate(contract.signals):
        free = promise.index == index and promise.field is None
        step = b.signals[index] - a.signals[index]
        right &= step > 0 if free else step == 0
        by += step if free else 0
        if spec.kind == "list":
            steps = np.where(a.there(index), b.fields[index] - a.fields[index], 0)
            for f in range(len(spec.fields)):
                if (promise.index, promise.field) == (index, f):
                    right &= (steps[f] >= 0).all(axis=1) & (steps[f] > 0).any(axis=1)
                else:
                    right &= (steps[f] == 0).all(axis=1)
    return right, by


# ---- the attack on one contract


class Attack:
    """Rows for one contract, and the pairs that its promises speak about. `known` are rows to begin with."""

    def __init__(self, contract: Contract, seed: int, known: Sequence[Sequence[int]] = ()) -> None:
        self.contract, self.rng = contract, np.random.default_rng(seed)
        self.program = compile_contract(contract, promises=True)
        self.constants = [(n.value, n.scale) for n in contract.nodes if n.op == "const"]
        self.cells: list[Cell] = []
        for index, spec in enumerate(contract.signals):
            self.cells += [(index, None), *((index, f) for f in range(len(spec.fields)))]
        rows = join(self.random(ROWS), batch(contract, known)) if known else self.random(ROWS)
        self.rows = self._more_admissible(rows)
        self.pairs = 0
        """Pairs tried so far that a promise speaks about."""

    @cached_property
    def seen(self) -> Seen:
        """What the machine says of `rows`."""
        return self.run(self.rows)

    # -- the machine

    def run(self, rows: Batch, utilities: bool = True) -> Seen:
        """`rows` through the batch executor; a utility by the same program, with that for its reward."""
        lists = {}
        for index, fields in rows.fields.items():
            lists[index] = ListColumn(rows.signals[index], fields[:, rows.there(index)])
        found = to_numpy.run(self.program, rows.signals, lists)
        wanted = self._utility_programs if utilities else []
        own = [to_numpy.run(program, rows.signals, lists).reward for program in wanted]
        rules = len(self.contract.rules)
        breaches = found.breaches
        columns = np.array(own, np.int64).reshape(len(own), len(rows))
        return Seen(found.status == Status.REWARDED, found.reward, breaches[:rules], breaches[rules:], columns)

    @cached_property
    def _utility_programs(self) -> list[Program]:
        code = self.program.code
        programs = []
        for at, instruction in enumerate(code):
            if instruction.opcode is Opcode.UTILITY:
                changed = [i for i in code[:-1] if i.opcode is not Opcode.UTILITY]
                changed.append(Instruction(Opcode.REWARD, instruction.operands[:1]))
                targets = [t for t, i in zip(self.program.targets, code, strict=True) if i.opcode is not Opcode.UTILITY]
                programs.append(replace(self.program, code=tuple(changed), targets=tuple(targets)))
            assert (instruction.opcode is Opcode.REWARD) == (at == len(code) - 1)
        return programs

    # -- rows

    def random(self, count: int) -> Batch:
        """Rows whose numbers are anywhere, on edges, or few enough to meet again."""
        r = self.rng
        signals = np.empty((len(self.contract.signals), count), np.int64)
        fields = {}
        for index, spec in enumerate(self.contract.signals):
            if spec.kind == "list":
                few = r.choice(np.array([0, 1, min(2, spec.highest), spec.highest]), count)
                signals[index] = np.where(r.random(count) < 0.6, few, r.integers(0, spec.highest + 1, count))
                values = [self.values(f, count * spec.highest).reshape(count, -1) for f in spec.fields]
                fields[index] = np.array(values)
                continue
            signals[index] = self.values(spec, count)
            if index and r.random() < 0.5 and spec.kind in ("int", "real"):
                same = np.clip(signals[r.integers(index)], spec.lowest, spec.highest)
                signals[index] = np.where(r.random(count) < 0.1, same, signals[index])
        few_values = r.random(count) < 0.3
        for index, spec in enumerate(self.contract.signals):
            if spec.kind != "list":
                signals[index] = np.where(few_values, self._few(spec, count), signals[index])
        return Batch(signals, fields)

    def values(self, spec: SignalSpec, count: int) -> Ints:
        """Values in range: a third anywhere, most of the rest on edges."""
        kind = self.rng.random(count)
        anywhere = self.rng.integers(spec.lowest, spec.highest + 1, count)
        edges = self.rng.choice(self.edges(spec), count)
        return np.where(kind < 0.35, anywhere, np.where(kind < 0.8, edges, self._few(spec, count)))

    def _few(self, spec: SignalSpec, count: int) -> Ints:
        quarter = (spec.highest - spec.lowest) / 4
        return np.int64(spec.lowest) + (self.rng.integers(0, 5, count) * quarter).astype(np.int64)

    def edges(self, spec: SignalSpec) -> Ints:
        """Ends of the range, and a step beside everything that the contract names."""
        found = {spec.lowest, spec.highest, 0, 1, (spec.lowest + spec.highest) // 2}
        for value, scale in self.constants:
            found |= {value * 10**spec.scale // 10**scale, -(-value * 10**spec.scale // 10**scale)}
        near = {f + step for f in found for step in (-1, 0, 1)}
        return np.array(sorted(n for n in near if spec.lowest <= n <= spec.highest), np.int64)

    def _more_admissible(self, rows: Batch) -> Batch:
        """As many rows again, near those that are rewarded, and such as earn the most or the least."""
        for _ in range(ROUNDS):
            found = self.run(rows, utilities=False)
            good = np.flatnonzero(found.rewarded)
            if not len(good):
                return rows
            clean = ~found.violated.any(axis=0)
            ends = []
            for part in (clean[good], ~clean[good]):
                sorted_ = good[part][np.argsort(found.reward[good[part]], kind="stable")]
                ends += [sorted_[: KEPT // 4], sorted_[-KEPT // 4 :]]
            chosen = np.concatenate([*ends, self.rng.choice(good, ROWS // ROUNDS - KEPT)])
            (more,) = self.changed([rows.take(chosen)], self.cells)
            rows = join(rows, more)
        return rows

    def changed(self, batches: Sequence[Batch], cells: Sequence[Cell]) -> list[Batch]:
        """The batches with one of `cells` changed in each row, in all of them to the same value."""
        count, r = len(batches[0]), self.rng
        made = [Batch(b.signals.copy(), {i: f.copy() for i, f in b.fields.items()}) for b in batches]
        if not cells:
            return made
        chosen = r.integers(0, len(cells), count)
        for n, (index, field) in enumerate(cells):
            at = np.flatnonzero(chosen == n)
            signal = self.contract.signals[index]
            spec = signal if field is None else signal.fields[field]
            place: Any = (index, at)
            if field is not None:  # of an element that is there, if one is
                lengths = np.maximum(batches[0].signals[index][at], 1)
                place = (field, at, r.integers(0, lengths))
            old = batches[0].signals if field is None else batches[0].fields[index]
            if spec.kind == "list":
                new = r.integers(0, spec.highest + 1, len(at))
            else:
                near = np.clip(old[place] + r.choice([-1, 1], len(at)), spec.lowest, spec.highest)
                new = np.where(r.random(len(at)) < 0.4, near, self.values(spec, len(at)))
            for b in made:
                (b.signals if field is None else b.fields[index])[place] = new
        return made

    def raised(self, rows: Batch, promise: Promise) -> Batch:
        """The rows with the promise's signal raised: by the least step, to an edge, to the top, or to anywhere."""
        (made,) = self.changed([rows], [])
        index, field = promise.index, promise.field
        assert index is not None
        signal = self.contract.signals[index]
        if field is None:
            made.signals[index] = self._higher(signal, rows.signals[index])
            return made
        old = rows.fields[index][field]
        higher = self._higher(signal.fields[field], old.ravel()).reshape(old.shape)
        share = self.rng.choice([0.1, 0.5, 1], len(rows))[:, None]
        made.fields[index][field] = np.where(self.rng.random(old.shape) < share, higher, old)
        return made

    def _higher(self, spec: SignalSpec, old: Ints) -> Ints:
        r, edges, count = self.rng, self.edges(spec), len(old)
        above = np.searchsorted(edges, old, side="right")
        at = np.minimum(above + r.integers(0, 3, count), len(edges) - 1)
        ways = [
            np.minimum(old + 1, spec.highest),
            np.maximum(edges[at], old),
            np.full(count, spec.highest),
            r.integers(old, spec.highest + 1),
        ]
        return np.choose(r.choice(4, count, p=[0.35, 0.25, 0.1, 0.3]), ways)

    # -- promises

    def worst(self, promise: Promise) -> int:
        """The greatest excess of all pairs that were tried; above 0 the promise is broken, NOT if it says nothing."""
        if promise.form in ("monotone", "decreasing", "sensitivity"):
            return self._climb(promise, self.rows, self.raised(self.rows, promise))
        if promise.form == "violation_never_pays":
            return self._any_against_any(promise)
        if promise.form == "pareto":
            rows = self.rows
            (beside,) = self.changed([rows], self.cells)
            pairs = [(rows, beside), (beside, rows), *self._each_with_each(promise)]
            order = np.lexsort((*self.seen.utilities, self.seen.violated.sum(axis=0)))
            pairs.append((rows.take(order[:-1]), rows.take(order[1:])))
            return self._climb(promise, *(join(*side) for side in zip(*pairs, strict=True)))
        return self._equal_utilities(promise)

    def _climb(self, promise: Promise, a: Batch, b: Batch) -> int:
        """Try the pairs, then pairs beside those that came nearest."""
        worst: int = NOT
        kept: list[Batch] = []
        together = [c for c in self.cells if c != (promise.index, promise.field)]
        moving = promise.form in ("monotone", "decreasing", "sensitivity")
        for _ in range(ROUNDS + 1):
            one, two = self.run(a, not moving), self.run(b, not moving)
            right, by = moved(self.contract, promise, a, b)
            over = np.where(right, excess(self.contract, promise, one, two, by), NOT)
            told = np.flatnonzero(over != NOT)
            self.pairs += len(told)
            if not len(told):
                return worst
            worst = max(worst, int(over[told].max()))
            near = told[np.lexsort((self.rng.random(len(told)), -over[told].astype(float)))][:KEPT]
            kept = [a.take(near), b.take(near)]
            if moving:
                a, b = self.changed(kept, together)
                again = self.changed([kept[0]], self.cells)[0]
                a, b = join(a, again), join(b, self.raised(again, promise))
            else:
                both = self.changed(kept, self.cells)
                first, second = self.changed([kept[0]], self.cells), self.changed([kept[1]], self.cells)
                a, b = join(both[0], first[0], kept[0]), join(both[1], kept[1], second[0])
        return worst

    def _any_against_any(self, promise: Promise) -> int:
        """The best of the guilty against the worst of the innocent: as many pairs as there are of both."""
        s = self.seen
        guilty = s.rewarded & (s.violated.any(axis=0) if promise.index is None else s.violated[promise.index])
        clean = s.rewarded & ~s.violated.any(axis=0)
        self.pairs += int(guilty.sum()) * int(clean.sum())
        if not guilty.any() or not clean.any():
            return NOT
        return int(s.reward[guilty].max() - s.reward[clean].min())

    def _each_with_each(self, promise: Promise) -> list[tuple[Batch, Batch]]:
        """Of all pairs among some rows, those that are told about and come nearest."""
        good = np.flatnonzero(self.seen.rewarded)
        if not len(good):
            return []
        code = self.seen.violated.T @ (1 << np.arange(len(self.seen.violated)))
        values = np.array([*self.seen.utilities, code])[:, good]
        good = good[np.unique(values, axis=1, return_index=True)[1]]
        some = self.rng.choice(good, min(CROSS, len(good)), replace=False)
        s, code = self.seen.take(some), code[some]
        told = (code[:, None] | code[None, :]) == code[:, None]  # what the second violates, the first does too
        for utility in s.utilities:
            told &= utility[:, None] <= utility[None, :]
        np.fill_diagonal(told, False)
        first, second = np.nonzero(told)
        self.pairs += len(first)
        nearest = np.argsort(s.reward[second] - s.reward[first])[:KEPT]
        return [(self.rows.take(some[first[nearest]]), self.rows.take(some[second[nearest]]))]

    def _equal_utilities(self, promise: Promise) -> int:
        """FIXING and INFLUENCE: rows in which (all other) utilities are equal are made so, then found by grouping."""
        holders = range(len(self.contract.utilities))
        others = [i for i in holders if promise.form != "influence" or i != promise.index]
        touching = self._touching()
        apart = [c for c in self.cells if not any(c in touching[i] for i in others)]
        pool, rows = [self.rows], self.rows
        for _ in range(3 if apart else 0):
            (rows,) = self.changed([rows], apart)
            pool.append(rows)
        everything = join(*pool)
        s = self.run(everything)
        good = np.flatnonzero(s.rewarded)
        if not len(good):
            return NOT
        code = s.violated.T @ (1 << np.arange(len(s.violated)))
        group = np.unique(s.utilities[others][:, good], axis=1, return_inverse=True)[1].ravel()
        group = group if others else np.zeros(len(good), np.int64)
        first, second = self._ends(promise, group, code[good], s.reward[good])
        a, b = everything.take(good[first]), everything.take(good[second])
        return self._climb(promise, a, b) if len(first) else NOT

    def _ends(self, promise: Promise, group: Any, code: Any, reward: Any) -> tuple[Any, Any]:
        """Of every group and set of violated rules, the rows that earn most and least; each with each that is told."""
        order = np.lexsort((reward, code, group))
        group, code = group[order], code[order]
        start = np.flatnonzero(np.concatenate(([True], (np.diff(group) != 0) | (np.diff(code) != 0))))
        stop = np.concatenate((start[1:], [len(order)]))
        sizes = stop - start
        if promise.form == "influence":
            self.pairs += int((sizes * (sizes - 1) // 2).sum())
            some = sizes > 1
            return order[stop[some] - 1], order[start[some]]
        at = {(g, c): n for n, (g, c) in enumerate(zip(group[start].tolist(), code[start].tolist(), strict=True))}
        bits = range(len(self.contract.rules)) if promise.index is None else [promise.index]
        without = [(n, (g, c - (1 << bit))) for (g, c), n in at.items() for bit in bits if c >> bit & 1]
        found = [(n, at[key]) for n, key in without if key in at]
        self.pairs += sum(int(sizes[n]) * int(sizes[m]) for n, m in found)
        guilty, mended = np.array(found, np.int64).reshape(-1, 2).T
        return order[stop[guilty] - 1], order[start[mended]]

    def _touching(self) -> list[Collection[Cell]]:
        """The cells that each stakeholder's utility depends on."""
        reach: list[set[Cell]] = []
        for node in self.contract.nodes:
            own = set().union(*(reach[a.order] for a in node.args))
            if node.op == "signal":
                own.add((node.value, None))
            elif node.op == "field":
                own.add((node.list, node.value))
            elif node.list >= 0:
                own.add((node.list, None))
            reach.append(own)
        return [reach[u.node.order] for u in self.contract.utilities]
