"""Every obligation as SMT-LIB 2.6, for anyone's solver, and a second opinion on each from cvc5.

An obligation is one or two questions, each in two readings (`to_z3.py`): over reals, which admits more rows than there
are, and on the grid, which is the truth as far as every function in it is known to the solver.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import z3

from rlhf_contract.errors import InternalError
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.prove.cross_check import Opinion, second_opinion
from rlhf_contract.prove.decide import Decider, Result, Tier, Verdict
from rlhf_contract.prove.obligation import Obligation
from rlhf_contract.prove.processes import Limits, Stopped, run_each
from rlhf_contract.prove.prove import PROGRAM, load_decider
from rlhf_contract.prove.query import Budget, pose
from rlhf_contract.prove.smt2 import Expected, script
from rlhf_contract.prove.to_z3 import TooLarge
from rlhf_contract.prove.translation import validate_translation
from rlhf_contract.prove.translation_lemmas import questions

__all__ = ["Check", "Script", "compared", "cross_check", "export", "scripts"]

UNIT = 20
"""About so many of Z3's work units take as long as one of cvc5's."""


@dataclass(frozen=True, slots=True)
class Script:
    """One question in one reading. `status` is what follows from the verdict; `either` where nothing does."""

    name: str
    text: str
    status: Expected


@dataclass(frozen=True, slots=True)
class Check:
    """What both solvers said to one script. `agrees` is None where one of them gave up, with the `reason`."""

    name: str
    z3: str
    cvc5: str
    agrees: bool | None
    reason: str
    seconds: float


def scripts(contract: Contract, results: Sequence[Result]) -> Iterator[Script]:
    """Every obligation of `contract` with the verdict it was given; those too large to be written down are left out."""
    decider = Decider(contract, Budget())
    for result in results:
        if result.id == PROGRAM:
            yield from _translation(contract, result)
        else:
            for name, obligation in decider.questions(result.id):
                for exact in (False, True):
                    made = _script(decider, name, obligation, result, exact)
                    if made:
                        yield made


def export(contract: Contract, results: Sequence[Result], folder: Path) -> int:
    """Write each script to `folder` as NAME.smt2; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for made in scripts(contract, results):
        (folder / f"{made.name}.smt2").write_text(made.text, "utf-8")
        count += 1
    return count


def cross_check(
    contract: Contract,
    results: Sequence[Result],
    budget: Budget,
    progress: Callable[[str, int, int], None] | None = None,
    jobs: int | None = None,
) -> list[Check]:
    """What Z3 and cvc5 say to every script, each obligation in a process of its own.

    Raises InternalError when they contradict each other, or cvc5 a verdict.
    """
    tasks = {msgspec.json.encode((r.id, r.verdict, r.tier)).decode(): r for r in results}
    argument = pickle.dumps((contract.source.encode(), budget))
    limits = Limits(budget.seconds * 6, budget.megabytes)
    found = run_each(load_decider, argument, _work, list(tasks), limits, jobs, progress)
    checks: list[Check] = []
    for task, answer in found.items():
        if isinstance(answer, Stopped):
            checks.append(Check(tasks[task].id, "?", "?", None, answer.reason, 0.0))
        else:
            checks += answer
    wrong = [check for check in checks if check.agrees is False]
    if wrong:
        said = "; ".join(f"{c.name}: z3 {c.z3}, cvc5 {c.cvc5}{c.reason and f' ({c.reason})'}" for c in wrong)
        raise InternalError(f"{contract.name} {contract.version}: two solvers disagree: {said}. Please report this.")
    return checks


def _work(decider: Decider, task: str) -> list[Check]:
    id_, verdict, tier = msgspec.json.decode(task, type=tuple[str, Verdict, Tier])
    return list(compared(decider, Result(id_, "", verdict, tier), second_opinion))


def compared(decider: Decider, result: Result, ask: Callable[..., Opinion]) -> Iterator[Check]:
    """What Z3 and `ask` say to the scripts of one obligation, one after the other, until one settles it."""
    if result.id == PROGRAM:
        for lemma in _translation(decider.contract, result):
            yield _compared(lemma, decider.budget, ask)
        return
    for name, obligation in decider.questions(result.id):
        for exact in (False, True):
            made = _script(decider, name, obligation, replace(result, sentence=obligation.sentence), exact)
            if made is None:
                yield Check(name, "?", "?", None, "too large to be written down", 0.0)
                break
            check = _compared(made, decider.budget, ask)
            yield check
            if check.cvc5 == "unsat" or check.agrees is False or made.status == check.cvc5:
                break  # what has no solution over reals has none on the grid either


def _translation(contract: Contract, result: Result) -> Iterator[Script]:
    """The lemmas that the program was proved by: each has no solution."""
    found = validate_translation(contract, compile_contract(contract))
    status: Expected = "unsat" if result.verdict is Verdict.PROVED else "either"
    for number, lemma in enumerate(found.shapes):
        for part, assertions in enumerate(questions(lemma, z3.Context())):
            name = f"{PROGRAM}.{number:03}{'ab'[part] if part else ''}"
            yield Script(name, script(assertions, status, f"{name}: {lemma}", ["sat: the lemma does not hold"]), status)


def _script(decider: Decider, name: str, obligation: Obligation, result: Result, exact: bool) -> Script | None:
    """The whole question in one reading, whatever tier decided it; None if it is too large."""
    context = z3.Context()
    try:
        posed = pose(decider.contract, obligation.question, exact, context)
    except TooLarge:
        return None
    status = _status(obligation, result, exact, posed.approximate)
    reading = "grid" if exact else "reals"
    notes = ["sat: there is such a row" if obligation.exists else "sat: there is a counterexample"]
    if posed.approximate:
        notes.append("log2 and exp2 are known by their range, that they rise, and some of their values")
    text = script(posed.assertions, status, f"{name}, over {reading}: {result.sentence}", notes)
    return Script(f"{name}.{reading}", text, status)


def _status(obligation: Obligation, result: Result, exact: bool, approximate: bool) -> Expected:
    """What the verdict says of the answer. A row that was found is a model in both readings."""
    found = result.verdict is (Verdict.PROVED if obligation.exists else Verdict.REFUTED)
    if found:
        return "sat"
    if result.verdict is Verdict.UNKNOWN or approximate or (obligation.exists and result.id.startswith("rule.")):
        return "either"
    return "unsat" if exact or result.tier is Tier.REALS else "either"


def _compared(made: Script, budget: Budget, ask: Callable[..., Opinion]) -> Check:
    ours = _z3(made, budget)
    theirs = ask(made.text, rlimit=max(1, budget.rlimit // UNIT), seconds=budget.seconds, seed=budget.seed)
    answers = {ours, theirs.answer}
    agrees: bool | None = None if "unknown" in answers else ours == theirs.answer
    reason = theirs.reason or ("" if agrees is not None else "z3 gave up")
    if theirs.answer != "unknown" and made.status not in (theirs.answer, "either"):
        agrees, reason = False, f"from the verdict follows {made.status}"
    return Check(made.name, ours, theirs.answer, agrees, reason, theirs.seconds)


def _z3(made: Script, budget: Budget) -> str:
    solver = z3.Solver(ctx=z3.Context())
    solver.set("rlimit", budget.rlimit)
    solver.set("timeout", budget.seconds * 1000)
    solver.set("random_seed", budget.seed)
    solver.from_string(made.text)
    return str(solver.check())
