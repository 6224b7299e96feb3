"""Decide obligations: relaxed first, exact where that is not enough; replay whatever is refuted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import z3

from rlhf_contract.errors import InternalError
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.step import Outcome, run
from rlhf_contract.prove.obligations import ADMISSIBLE, Obligation, obligations
from rlhf_contract.prove.simplify import simplify
from rlhf_contract.prove.to_z3 import SymbolicRow, TooLarge, pair_monotone
from rlhf_contract.prove.witness import Row
from rlhf_contract.types import Status

__all__ = ["Budget", "Result", "Verdict", "Witness", "prove", "solver_name"]


class Verdict(StrEnum):
    PROVED = "proved"
    REFUTED = "refuted"
    VACUOUS = "vacuous"  # holds only because no row is admissible
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for each question. `rlimit` (Z3's work units) decides alike on every machine; the clock only guards."""

    rlimit: int = 50_000_000
    seconds: int = 60
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Witness:
    """One row of a counterexample as the machine saw it: the flat row, and the outcome."""

    signals: tuple[int, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """`tier` says which reading decided: relaxed, exact, or none. `seconds` is wall clock."""

    id: str
    sentence: str
    verdict: Verdict
    tier: str
    witness: tuple[Witness, ...]
    seconds: float


def solver_name() -> str:
    """Name and version of the solver, as it goes into reports."""
    return f"z3 {z3.get_version_string()}"


def prove(
    contract: Contract, budget: Budget | None = None, progress: Callable[[str], None] | None = None
) -> list[Result]:
    """A result for each obligation of `contract`; `progress` hears the id of each before it starts.

    Raises InternalError when a refutation does not replay: then solver and machine disagree about the meaning.
    """
    budget = budget or Budget()
    replay = compile_contract(contract, promises=True)
    results = [_admissible(contract, replay, budget, progress)]
    vacuous = results[0].verdict is Verdict.REFUTED
    for obligation in obligations(contract):
        if progress:
            progress(obligation.id)
        if vacuous:
            results.append(Result(obligation.id, obligation.sentence, Verdict.VACUOUS, "relaxed", (), 0.0))
        else:
            results.append(_decide(contract, replay, obligation, budget))
    return results


def _admissible(contract: Contract, replay: Program, budget: Budget, progress: Callable[[str], None] | None) -> Result:
    """Some row satisfies every REQUIRES: found by looking for a counterexample to 'no row is admissible'."""

    def broken(signals: tuple[tuple[int, ...], ...], outcomes: tuple[Outcome, ...]) -> bool:
        return outcomes[0].status is Status.REWARDED

    if progress:
        progress(ADMISSIBLE)
    nothing = Obligation(ADMISSIBLE, "Some row is admissible.", None, lambda rows: [], broken)
    found = _decide(contract, replay, nothing, budget)
    turned = {Verdict.REFUTED: Verdict.PROVED, Verdict.PROVED: Verdict.REFUTED}
    verdict = turned.get(found.verdict, found.verdict)
    return Result(ADMISSIBLE, nothing.sentence, verdict, found.tier, found.witness, found.seconds)


def _decide(contract: Contract, replay: Program, obligation: Obligation, budget: Budget) -> Result:
    start = time.perf_counter()

    def result(verdict: Verdict, tier: str, rows: tuple[tuple[int, ...], ...] = ()) -> Result:
        witness = tuple(Witness(row, run(replay, row)) for row in rows)
        seconds = time.perf_counter() - start
        return Result(obligation.id, obligation.sentence, verdict, tier, witness, seconds)

    def broken(rows: tuple[tuple[int, ...], ...]) -> bool:
        return obligation.broken(rows, tuple(run(replay, row) for row in rows))

    for exact in (False, True):
        tier = "exact" if exact else "relaxed"
        try:
            answer, rows, approximate = _ask(contract, obligation, exact, budget)
        except TooLarge:
            break
        if answer == z3.unsat:
            return result(Verdict.PROVED, tier)
        if answer == z3.sat and broken(rows):
            return result(Verdict.REFUTED, tier, simplify(contract, rows, obligation.free, replay, broken))
        if answer == z3.sat and exact and not approximate:
            raise InternalError(
                f"{contract.name}: the solver refutes {obligation.id} with {rows}, but the machine does not agree. "
                "Please report this with the file."
            )
    return result(Verdict.UNKNOWN, "none")


def _ask(contract: Contract, obligation: Obligation, exact: bool, budget: Budget) -> tuple[Any, tuple[Row, ...], bool]:
    """Z3's answer; if sat, the rows of its model rounded to the grid; whether the question said less than the machine.

    A fresh context makes rlimit repeatable. Raises TooLarge.
    """
    context = z3.Context()
    rows = [SymbolicRow(contract, "", exact, context)]
    if obligation.free is not None:
        rows.append(SymbolicRow(contract, "'", exact, context, rows[0].inputs, obligation.free))
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", budget.rlimit)
    solver.set("timeout", budget.seconds * 1000)
    solver.set("random_seed", budget.seed)
    for row in rows:
        solver.add(*row.facts)
    if len(rows) == 2:
        solver.add(*pair_monotone(*rows))
    solver.add(*obligation.breaking(tuple(rows)))
    answer = solver.check()
    approximate = any(row.approximate for row in rows)
    if answer != z3.sat:
        return answer, (), approximate
    model = solver.model()
    return answer, tuple(tuple(_flat(contract, row, model)) for row in rows), approximate


def _flat(contract: Contract, row: SymbolicRow, model: z3.ModelRef) -> list[int]:
    """The row of the model as the machine takes it, rounded to the grid."""
    numbers = []
    for index, spec in enumerate(contract.signals):
        if spec.kind != "list":
            numbers.append(_integer(spec, row.inputs.scalars[index], model))
            continue
        length = sum(z3.is_true(model.eval(there, model_completion=True)) for there in row.inputs.present[index])
        numbers.append(length)
        for k in range(length):
            numbers += [_integer(s, row.inputs.fields[index, k, f], model) for f, s in enumerate(spec.fields)]
    return numbers


def _integer(spec: SignalSpec, term: Any, model: z3.ModelRef) -> int:
    value = model.eval(term, model_completion=True)
    if spec.kind == "bool":
        return int(z3.is_true(value))
    fraction: Fraction = value.as_fraction() if z3.is_rational_value(value) else value.approx(20).as_fraction()
    nearest: int = round(fraction * 10**spec.scale)
    return min(max(nearest, spec.lowest), spec.highest)
