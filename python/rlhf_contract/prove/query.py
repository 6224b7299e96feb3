"""One question to Z3, in a fresh context, within a budget; its model comes back as rows of the machine."""

from __future__ import annotations

import time
from bisect import bisect, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.lang.logarithm import exp2, log2
from rlhf_contract.prove.obligation import Question
from rlhf_contract.prove.to_z3 import Key, Rising, SymbolicRow, pair_monotone
from rlhf_contract.prove.witness import Row

__all__ = [
    "Answer",
    "Budget",
    "Posed",
    "Refinement",
    "ask",
    "fraction_of",
    "integer_of",
    "known_at",
    "pose",
    "seed_points",
    "solver_name",
]

MAX_ROUNDS = 100
SEEDS = 32
_VALUES = {"log2": log2, "exp2": exp2}


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for each question. `rlimit` (Z3's work units) decides alike on every machine.

    The clock and the memory only guard: `seconds` of wall clock and `megabytes` for each obligation.
    """

    rlimit: int = 50_000_000
    seconds: int = 60
    megabytes: int = 2048
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Posed:
    """A question as Z3 terms. `approximate`: it knows less of some functions than the machine does."""

    rows: tuple[SymbolicRow, ...]
    assertions: list[Any]

    @property
    def approximate(self) -> bool:
        return any(row.rising for row in self.rows)


@dataclass(frozen=True, slots=True)
class Answer:
    """`holds` is None when the budget was not enough. Otherwise, if False, `rows` are the counterexample.

    `exact` tells whether they must replay; the relaxed reading, and functions known only in part, may be wrong about
    what exists, never about what does not. `reason` says which limit was met, `truths` what holds in each row.
    """

    holds: bool | None
    rows: tuple[Row, ...] = ()
    exact: bool = False
    reason: str = ""
    truths: tuple[dict[Key, bool], ...] = ()


def solver_name() -> str:
    """Name and version of the solver, as it goes into reports."""
    return f"z3 {z3.get_version_string()}"


def pose(contract: Contract, question: Question, exact: bool, context: z3.Context) -> Posed:
    """The terms of `question` under one reading (`to_z3.py`).

    Raises TooLarge.
    """
    rows = [SymbolicRow(contract, "", exact, context, cut=question.cut)]
    if question.free is not None:
        everything = len(question.free) == len(contract.signals) and all(field is None for _, field in question.free)
        partner = None if everything or question.cut else rows[0]
        rows.append(SymbolicRow(contract, "'", exact, context, partner=partner, free=question.free, cut=question.cut))
    posed = question.breaking(tuple(rows))
    if not question.cut:
        posed += [fact for row in rows for fact in row.admissible]
    posed += [fact for row in rows for fact in row.facts]
    if len(rows) == 2:
        posed += pair_monotone(*rows)
    for row in rows:
        for use in row.rising.values():
            posed += [fact for point in seed_points(use) for fact in known_at(row, use, point, point)]
    return Posed(tuple(rows), posed)


def ask(
    contract: Contract,
    question: Question,
    exact: bool,
    budget: Budget,
    broken: Callable[[tuple[Row, ...]], bool],
    truths: tuple[dict[Key, bool], ...] = (),
) -> Answer:
    """Z3's answer; with `truths`, about rows that agree with them only.

    Functions known only in part are refined at the points of a model until it replays or is gone.
    Raises TooLarge.
    """
    context = z3.Context()  # rlimit counts from the context's beginning
    posed = pose(contract, question, exact, context)
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", budget.rlimit)
    solver.set("timeout", budget.seconds * 1000)
    solver.set("random_seed", budget.seed)
    solver.add(*posed.assertions)
    for row, pinned in zip(posed.rows, truths, strict=False):
        solver.add(*row.as_in(pinned))
    refinement, stop = Refinement(), time.monotonic() + budget.seconds
    for _ in range(MAX_ROUNDS):
        answer = solver.check()
        if answer == z3.unsat:
            return Answer(True, (), exact)
        if answer == z3.unknown:
            return Answer(None, reason=_limit(solver.reason_unknown()))
        if question.cut:
            return Answer(False)
        model = solver.model()
        rows = tuple(tuple(flat(contract, row, model)) for row in posed.rows)
        facts = [f for row in posed.rows for use in row.rising.values() for f in refinement.learn(row, use, model)]
        if not facts or broken(rows):
            holds = tuple(row.truths(model) for row in posed.rows)
            return Answer(False, rows, exact and not posed.approximate, truths=holds)
        if time.monotonic() > stop:
            break
        solver.add(*facts)
    return Answer(None, reason=f"{MAX_ROUNDS} rounds of refinement were not enough")


def _limit(reason: str) -> str:
    """Z3's reason in plain words. Raises MemoryError where the process met its cap."""
    if "memory" in reason:
        raise MemoryError(reason)
    return "the work units did not suffice" if "resource" in reason else f"Z3 gave up ({reason})"


class Refinement:
    """What is learned of functions that rise: their values at a model's point and halfway to the points around it.

    With the halves, a model cannot creep along a function step by step. Arguments are whole numbers in every real row.
    """

    def __init__(self) -> None:
        self._points: dict[int, list[int]] = {}

    def learn(self, row: SymbolicRow, use: Rising, model: z3.ModelRef) -> Iterator[Any]:
        """Facts about one use, at points where nothing was known."""
        at = fraction_of(model, use.argument)
        points = self._points.setdefault(id(use), sorted({use.lowest, use.highest, *seed_points(use)}))
        below, above = floor(at), ceil(at)
        yield from known_at(row, use, below, above)
        place = bisect(points, below)
        around = points[max(place - 1, 0) : place + 1]
        for point in {below, above, *((below + known) // 2 for known in around)} - set(around):
            insort(points, point)
            yield from known_at(row, use, point, point)


def known_at(row: SymbolicRow, use: Rising, below: int, above: int) -> Iterator[Any]:
    """It rises, so its values at two whole numbers say something of all other points too."""
    function = _VALUES[use.op]
    yield z3.Implies(use.argument < row.real(below + 1), use.result <= row.real(function(below)))
    yield z3.Implies(use.argument > row.real(above - 1), use.result >= row.real(function(above)))


def seed_points(use: Rising, steps: int = SEEDS) -> list[int]:
    """Points to begin with: even steps over the argument's range, and the powers of two in it."""
    low, high = use.lowest, use.highest
    even = {low + (high - low) * step // steps for step in range(steps + 1)}
    return sorted(even | {2**k for k in range(64) if use.op == "log2" and low <= 2**k <= high})


def flat(contract: Contract, row: SymbolicRow, model: z3.ModelRef) -> list[int]:
    """The row of the model as the machine takes it, rounded to the grid."""
    numbers: list[int] = []
    for spec in contract.signals:
        if spec.kind != "list":
            numbers.append(integer_of(spec, row.inputs.scalars[spec.name], model))
            continue
        present = row.inputs.present[spec.name][: spec.highest]
        length = sum(z3.is_true(model.eval(there, model_completion=True)) for there in present)
        numbers.append(length)
        for k in range(length):
            numbers += [integer_of(s, row.inputs.fields[spec.name, k, s.name], model) for s in spec.fields]
    return numbers


def integer_of(spec: SignalSpec, term: Any, model: z3.ModelRef) -> int:
    """What the model says of a signal, as the machine reads it: on the grid, in range."""
    if spec.kind == "bool":
        return int(z3.is_true(model.eval(term, model_completion=True)))
    nearest: int = round(fraction_of(model, term) * 10**spec.scale)
    return min(max(nearest, spec.lowest), spec.highest)


def fraction_of(model: z3.ModelRef, term: Any) -> Fraction:
    """The exact value of `term` in the model; of an irrational one, twenty digits."""
    value = model.eval(term, model_completion=True)
    exact: Fraction = value.as_fraction() if z3.is_rational_value(value) else value.approx(20).as_fraction()
    return exact
