"""What is asked about the rewards of two versions: who is rewarded by one only, and how far the rewards move."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import floor
from typing import Any

import z3

from rlhf_contract.lang.contract import Requirement
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.prove.compare.keys import TRUE
from rlhf_contract.prove.compare.pair import Pair, Side, simplest
from rlhf_contract.prove.compare.question import Found, Reading, find, give_up, unconfirmed
from rlhf_contract.prove.intervals import intervals
from rlhf_contract.prove.query import Budget
from rlhf_contract.prove.simplify import shortened
from rlhf_contract.prove.to_z3 import TooLarge
from rlhf_contract.prove.witness import Row, cells
from rlhf_contract.types import Status

__all__ = ["Largest", "admitted_by_one", "largest", "open_questions", "pays_more_for_a_breach"]

MAX_QUESTIONS = 44
MAX_EXACT_QUESTIONS = 12
MAX_TRIALS = 3_000
Terms = list[Any]


@dataclass(frozen=True, slots=True)
class Largest:
    """The reward moves by `least` in `row`, and provably nowhere by more than `most` (None: nothing is known)."""

    least: int
    most: int | None
    row: Row | None

    @property
    def none(self) -> bool:
        return self.most == 0

    @property
    def exact(self) -> bool:
        return self.least == self.most


def open_questions(pair: Pair) -> list[str]:
    """What the structure of the two versions does not answer with no."""
    if pair.apart:
        return []
    old, new = pair.old, pair.new
    found = []
    for name, by, other in (("admits.new", new, old), ("admits.old", old, new)):
        if _new_requirements(by, other) or any(_narrower(by, other)):
            found.append(name)
    if old.keys[old.contract.reward.order] != new.keys[new.contract.reward.order]:
        found += ["reward.up", "reward.down", *(["refines"] if old.contract.rules else [])]
    return found


# -- rows that one version alone rewards


def admitted_by_one(pair: Pair, by: Side, other: Side, budget: Budget) -> Found:
    """A row that `by` rewards and `other` does not: it cannot read it, or one of its REQUIRES fails."""

    def confirmed(row: Row) -> bool:
        outcomes = dict(zip((pair.old, pair.new), pair.outcomes(row), strict=True))
        return outcomes[by].status is Status.REWARDED and outcomes[other].status is not Status.REWARDED

    def unreadable(reading: Reading) -> Terms:
        return [z3.Or(list(_out_of_range(reading, by, other)))]

    def refused(reading: Reading) -> Terms:
        ours, theirs = (reading.old, reading.new) if by is pair.old else (reading.new, reading.old)
        fails = [z3.Not(theirs[r.node]) for r in new]
        return [*(ours[r.node] for r in by.contract.requirements), z3.Or(fails)]

    new = _new_requirements(by, other)
    answers = []
    if any(_narrower(by, other)):
        answers.append(find(pair, unreadable, confirmed, budget, only=by))
    if new and not any(found.row for found in answers):
        answers.append(find(pair, refused, confirmed, budget, admissible=False))
    shown = next((found.row for found in answers if found.row), None)
    if shown:
        return Found(simplest(pair, shown, confirmed))
    return Found(none=all(found.none for found in answers))


def _new_requirements(by: Side, other: Side) -> list[Requirement]:
    known = {TRUE, *(by.keys[r.node.order] for r in by.contract.requirements)}
    return [r for r in other.contract.requirements if other.keys[r.node.order] not in known]


def _narrower(by: Side, other: Side) -> Iterator[tuple[SignalSpec, SignalSpec]]:
    """Signals of both of which `other` cannot read all that `by` can, as each has it."""
    theirs = {spec.name: spec for spec in other.contract.signals}
    for spec in by.contract.signals:
        if spec.name in theirs and _reads_less(theirs[spec.name], spec):
            yield spec, theirs[spec.name]


def _reads_less(other: SignalSpec, spec: SignalSpec) -> bool:
    if spec.kind == "list":
        fields = {f.name: f for f in other.fields}
        return other.highest < spec.highest or any(_reads_less(fields[f.name], f) for f in spec.fields)
    low, high = (Fraction(end, 10**other.scale) for end in (other.lowest, other.highest))
    within = low * 10**spec.scale <= spec.lowest and spec.highest <= high * 10**spec.scale
    return not within or other.scale < spec.scale


def _out_of_range(reading: Reading, by: Side, other: Side) -> Iterator[Any]:
    """The conditions under which `other` cannot read what `by` can."""
    inputs = reading.inputs
    for spec, theirs in _narrower(by, other):
        if spec.kind != "list":
            yield _outside(reading, inputs.scalars[spec.name], spec, theirs)
            continue
        present = inputs.present[spec.name]
        if theirs.highest < spec.highest:
            yield present[theirs.highest]
        fields = {f.name: f for f in theirs.fields}
        for f in spec.fields:
            if _reads_less(fields[f.name], f):
                for k in range(min(spec.highest, theirs.highest)):
                    yield z3.And(present[k], _outside(reading, inputs.fields[spec.name, k, f.name], f, fields[f.name]))


def _outside(reading: Reading, term: Any, spec: SignalSpec, other: SignalSpec) -> Any:
    row = reading.old
    outside = [term < row.real(other.lowest, other.scale), term > row.real(other.highest, other.scale)]
    if other.scale < spec.scale:  # a fraction where a whole number is needed; over reals anything may be one
        outside.append(z3.Not(z3.IsInt(term)) if reading.exact else z3.BoolVal(True, reading.context))
    return z3.Or(outside)


# -- how far the reward moves


def difference(pair: Pair, row: Row, sign: int) -> int | None:
    """By how much the new reward is above the old one (below it, for sign −1); None if not both reward the row."""
    old, new = pair.outcomes(row)
    if not old.status is new.status is Status.REWARDED:
        return None
    return sign * (new.reward - old.reward)


def pays_more_for_a_breach(pair: Pair, budget: Budget) -> Found:
    """A row on which the old version breaks a rule and the new one pays more."""
    old = pair.old

    def confirmed(row: Row) -> bool:
        return bool(pair.outcomes(row)[0].breaches) and (difference(pair, row, 1) or 0) > 0

    def conditions(reading: Reading) -> Terms:
        breach = z3.Or([reading.old.violated(index) for index in range(len(old.contract.rules))])
        return [breach, *_at_least(reading, 1, 1)]

    found = find(pair, conditions, confirmed, budget)
    return Found(simplest(pair, found.row, confirmed)) if found.row else found


def _at_least(reading: Reading, sign: int, change: int) -> Terms:
    """The reward moves by at least `change`. Both are rounded down, so what is rounded moves by almost as much."""
    old, new = reading.old, reading.new
    gap = sign * (new[new.contract.exact] - old[old.contract.exact])
    moved = [gap > old.real(change - 1, 6)]
    if reading.exact:
        moved.append(sign * (new.reward - old.reward) >= old.real(change, 6))
    return moved


def largest(pair: Pair, sign: int, budget: Budget) -> Largest:
    """The largest rise (sign 1) or fall (−1) of the reward over the rows that both versions reward."""
    old, new = pair.old, pair.new
    lower, upper = (old, new) if sign > 0 else (new, old)
    low, high = (intervals(s.contract)[s.contract.reward.order] for s in (lower, upper))
    bound = floor((high[1] - low[0]) * 10**6)
    if bound <= 0:
        return Largest(0, 0, None)
    search = _Search(pair, sign, budget, bound)
    try:
        search.relaxed()
        search.on_the_grid()
    except TooLarge:
        pass
    search.by_trying()
    return search.result()


class _Search:
    """`best` is the difference in `row`; `proved` says whether there is no more than `bound`."""

    def __init__(self, pair: Pair, sign: int, budget: Budget, bound: int) -> None:
        self.pair, self.sign, self.bound = pair, sign, bound
        self.budget = budget
        self.best = 0
        self.row: Row | None = None
        self.stop = time.monotonic() + 2 * budget.seconds

    def relaxed(self) -> None:
        """Bisect over reals. `level` is what the reals reach, of which the last digit may be lost on the grid."""
        self._bisect(False, MAX_QUESTIONS)

    def on_the_grid(self) -> None:
        if self.best < self.bound:
            self._bisect(True, MAX_EXACT_QUESTIONS)

    def _bisect(self, exact: bool, questions: int) -> None:
        reading = Reading(self.pair, exact)
        posed = reading.assertions(_at_least(reading, self.sign, 1), admissible=True)
        level = self.best
        for number in range(questions):
            if level >= self.bound or time.monotonic() > self.stop:
                break
            # One more than the best is often the last question; in between, halve what is left.
            change = level + 1 if number % 2 == 0 or number < 3 else (level + self.bound + 1) // 2
            budget = self.budget if number == 0 else replace(self.budget, rlimit=max(1, self.budget.rlimit // 4))
            wanted = _at_least(reading, self.sign, change)
            found, wrong = reading.ask([*posed, *wanted], partial(self._enough, change), budget)
            if wrong:
                raise unconfirmed(self.pair)
            if found.none:
                self.bound = change - 1
            elif found.row:
                level = max(level, self.best)
            elif reading.doubtful and not exact:
                level = max(change, self.best)  # over reals so much can be, if not in the row that was shown
            else:
                break

    def _enough(self, least: int, row: Row) -> bool:
        found = difference(self.pair, row, self.sign)
        if found is None:
            return False
        if found > self.best:
            self.best, self.row = self._climbed(row, found)
        return max(found, self.best) >= least

    def _climbed(self, row: Row, best: int) -> tuple[int, Row]:
        """Uphill from `row`, one number at a time."""
        trials = MAX_TRIALS
        moved = True
        while moved and trials > 0:
            moved = False
            for candidate in _neighbours(self.pair, row):
                trials -= 1
                found = difference(self.pair, candidate, self.sign)
                if found is not None and found > best:
                    best, row, moved = found, candidate, True
                    break
                if trials <= 0:
                    break
        return best, row

    def by_trying(self) -> None:
        """If the solver found nothing, and no proof that there is nothing."""
        if not self.best and self.bound:
            give_up(self.pair, partial(self._enough, 1))

    def result(self) -> Largest:
        if self.row is None:
            return Largest(0, self.bound, None)
        row = simplest(self.pair, self.row, lambda r: difference(self.pair, r, self.sign) == self.best)
        return Largest(self.best, self.bound, row)


def _neighbours(pair: Pair, row: Row) -> Iterator[Row]:
    for at, spec, _, _ in cells(pair.together, row):
        if spec.kind == "list":
            continue
        values = (
            range(spec.lowest, spec.highest + 1) if spec.kind in ("bool", "choice") else (spec.lowest, spec.highest)
        )
        yield from ((*row[:at], value, *row[at + 1 :]) for value in values if value != row[at])
    yield from (rows[0] for rows in shortened(pair.together, (row,), ()))
