"""Prove a contract: every obligation in a process of its own, within the budget, remembered in a cache."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from rlhf_contract.errors import ProgramError
from rlhf_contract.lang import load as load_contract
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.prove.automatic import ADMISSIBLE
from rlhf_contract.prove.cache import ProofCache, key
from rlhf_contract.prove.decide import Decider, Result, Tier, Verdict
from rlhf_contract.prove.mend import smallest_change
from rlhf_contract.prove.processes import Limits, Stopped, run_each
from rlhf_contract.prove.query import Budget, solver_name
from rlhf_contract.prove.translation import validate_translation

__all__ = ["PROGRAM", "in_turn", "load_decider", "prove"]

PROGRAM = "program"
CHANGE = "change "
MEND = Budget(rlimit=2_000_000, seconds=5)
"""Each of the many small questions that a smallest change takes …"""
MEND_SECONDS = 10
"""… and all of them; after that there is no advice."""

Progress = Callable[[str, int, int], None]


def prove(
    contract: Contract,
    budget: Budget | None = None,
    *,
    cache: ProofCache | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """A result for each obligation of `contract`, in a fixed order that does not depend on who finished first.

    At most `jobs` processes (by default one a processor) of `budget.megabytes` each; what passes its limits is UNKNOWN.
    `progress` hears (id, done, of how many). Verdicts found in `cache` are not decided again, but refutations replayed.
    Raises InternalError when a refutation does not replay: then solver and machine disagree about the meaning.
    """
    budget = budget or Budget()
    decider = Decider(contract, budget)
    ids = [*list(decider.obligations)[:1], PROGRAM, *list(decider.obligations)[1:]]
    known = {id_: result for id_ in ids if (result := _remembered(cache, decider, id_))}
    argument = pickle.dumps((contract.source.encode(), budget))
    limits = Limits(budget.seconds * 6, budget.megabytes)  # a few questions and searches, each within its own time

    def run(tasks: Sequence[str], total: int, limits: Limits) -> dict[str, Any]:
        done = total - len(tasks)
        report = (lambda task, count, _: progress(task, done + count, total)) if progress else None
        return run_each(load_decider, argument, _work, tasks, limits, jobs, report)

    found = run([id_ for id_ in ids if id_ not in known], len(ids), limits)
    results = [known.get(id_) or _finished(decider, id_, found[id_]) for id_ in ids]
    results = _vacuous_if_nothing_is_admissible(results)
    mended = {
        r.id: CHANGE + msgspec.json.encode((r.id, _broken_rules(contract, r))).decode()
        for r in results
        if r.verdict is Verdict.REFUTED and r.id not in known
    }
    changes = run(list(mended.values()), len(mended), Limits(MEND_SECONDS, budget.megabytes)) if mended else {}
    results = [
        replace(r, change=_text(changes.get(mended.get(r.id, ""), ""))) if r.id in mended else r for r in results
    ]
    for result in results:
        if cache and result.id in found and result.verdict is not Verdict.UNKNOWN:
            cache.put(_key(decider, result.id), _packed(result))
    return results


def in_turn(contract: Contract, budget: Budget | None = None) -> list[Result]:
    """The same results without processes, cache or limits on memory: for tests and benchmarks."""
    decider = Decider(contract, budget or Budget())
    results = [decider.decide(id_) for id_ in decider.obligations]
    results.insert(1, _translated(contract, decider.budget))
    return _vacuous_if_nothing_is_admissible(results)


# ---- in the process of one obligation


def load_decider(argument: bytes) -> Decider:
    """From a pickled (source, budget)."""
    source, budget = pickle.loads(argument)
    return Decider(load_contract(source), budget)


def _work(decider: Decider, task: str) -> Result | str:
    if task == PROGRAM:
        return _translated(decider.contract, decider.budget)
    if not task.startswith(CHANGE):
        return decider.decide(task)
    id_, broken = msgspec.json.decode(task.removeprefix(CHANGE), type=tuple[str, list[int]])
    return smallest_change(decider.contract, id_, broken, replace(MEND, seed=decider.budget.seed))


def _translated(contract: Contract, budget: Budget) -> Result:
    start = time.perf_counter()
    found = validate_translation(contract, compile_contract(contract), rlimit=budget.rlimit, seed=budget.seed)
    note = f"{found.lemmas} lemmas" if found.proved else found.failed
    result = _program(Verdict.PROVED if found.proved else Verdict.UNKNOWN, note)
    return replace(result, seconds=time.perf_counter() - start)


def _program(verdict: Verdict, note: str) -> Result:
    sentence = "The compiled program computes what this text means: every reward is the exact value, rounded down."
    assumptions = ("every signal is readable", "no operation overflows: the reader of a program checks that")
    return Result(PROGRAM, sentence, verdict, Tier.LEMMA, (), "", assumptions, note)


# ---- here


def _finished(decider: Decider, id_: str, answer: Result | Stopped) -> Result:
    if not isinstance(answer, Stopped):
        return answer
    if id_ == PROGRAM:
        return replace(_program(Verdict.UNKNOWN, answer.reason), tier=Tier.NONE)
    o = decider.obligations[id_]
    return Result(o.id, o.sentence, Verdict.UNKNOWN, Tier.NONE, (), o.source, o.assumptions, answer.reason)


def _vacuous_if_nothing_is_admissible(results: list[Result]) -> list[Result]:
    """What is promised of rows holds of nothing then; the program is as right as ever."""
    first = results[0]
    if first.id != ADMISSIBLE or first.verdict is not Verdict.VACUOUS:
        return results
    note = "no answer can be rewarded at all"
    return [
        r if r.id == PROGRAM else replace(r, verdict=Verdict.VACUOUS, tier=first.tier, witness=(), note=note)
        for r in results
    ]


def _broken_rules(contract: Contract, result: Result) -> list[int]:
    return [b for b in result.witness[0].outcome.breaches if b < len(contract.rules)] if result.witness else []


def _text(change: str | Stopped) -> str:
    return "" if isinstance(change, Stopped) else change


# ---- in the cache


def _key(decider: Decider, id_: str) -> str:
    budget = decider.budget
    options = {"rlimit": budget.rlimit, "seed": budget.seed, "seconds": budget.seconds, "megabytes": budget.megabytes}
    return key(decider.contract.source.encode(), id_, solver_name(), options)


class _Entry(msgspec.Struct):
    """What is remembered of a result; the words are the obligation's."""

    verdict: Verdict
    tier: Tier
    rows: tuple[tuple[int, ...], ...]
    note: str
    change: str


def _packed(result: Result) -> dict[str, Any]:
    rows = tuple(witness.signals for witness in result.witness)
    packed: dict[str, Any] = msgspec.to_builtins(_Entry(result.verdict, result.tier, rows, result.note, result.change))
    return packed


def _remembered(cache: ProofCache | None, decider: Decider, id_: str) -> Result | None:
    """The result that the cache has, its rows run anew; None if it has none, or a refutation that does not replay."""
    entry = cache.get(_key(decider, id_)) if cache else None
    if entry is None:
        return None
    try:
        known = msgspec.convert(entry, _Entry)
        witness = decider.witness(known.rows)
    except (msgspec.ValidationError, ProgramError):
        return None
    if id_ == PROGRAM:
        return replace(_program(known.verdict, known.note), tier=known.tier)
    o = decider.obligations[id_]
    if known.verdict is Verdict.REFUTED and not decider.broken(o, known.rows):
        return None
    return Result(
        id_, o.sentence, known.verdict, known.tier, witness, o.source, o.assumptions, known.note, known.change
    )
