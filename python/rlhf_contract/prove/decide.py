"""Decide obligations in three tiers, the cheapest first, and replay whatever is refuted through the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum

import z3

from rlhf_contract.errors import InternalError
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.step import Outcome, run
from rlhf_contract.prove.automatic import admissible, bounded, breakable, ensured, keepable
from rlhf_contract.prove.obligation import Obligation, Question
from rlhf_contract.prove.promised import promised
from rlhf_contract.prove.query import Answer, Budget, ask
from rlhf_contract.prove.search import search
from rlhf_contract.prove.simplify import simplify
from rlhf_contract.prove.to_z3 import Key, TooLarge
from rlhf_contract.prove.witness import Row, differ_only_in
from rlhf_contract.types import Status

__all__ = ["Decider", "Result", "Tier", "Verdict", "Witness"]

MAX_REMEMBERED = 10_000


class Verdict(StrEnum):
    PROVED = "proved"
    REFUTED = "refuted"
    VACUOUS = "vacuous"  # nothing satisfies its assumptions
    UNKNOWN = "unknown"


class Tier(StrEnum):
    """What decided: intervals and polarity; lemmas; the full query, over reals or on the grid; trying rows; nothing."""

    INTERVAL = "interval"
    LEMMA = "lemma"
    REALS = "query over reals"
    GRID = "query on the grid"
    SEARCH = "search"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Witness:
    """One row as the machine saw it: the flat row, and the outcome."""

    signals: tuple[int, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """A verdict. `note` is a remark for people; `change` the smallest change that would make a refuted promise hold.

    `seconds` is wall clock, and no part of a report.
    """

    id: str
    sentence: str
    verdict: Verdict
    tier: Tier
    witness: tuple[Witness, ...] = ()
    source: str = ""
    assumptions: tuple[str, ...] = ()
    note: str = ""
    change: str = ""
    seconds: float = 0.0


class Decider:
    """Decides the obligations of one contract, each within the budget."""

    def __init__(self, contract: Contract, budget: Budget) -> None:
        self.contract, self.budget = contract, budget
        self._replay = compile_contract(contract, promises=True)
        self._outcomes: dict[Row, Outcome] = {}
        asked = [admissible(contract), bounded(contract)]
        asked += [ensured(contract, index) for index in range(len(contract.ensured))]
        self._rules = {f"rule.{rule.name}": index for index, rule in enumerate(contract.rules)}
        asked += [breakable(contract, index) for index in self._rules.values()]
        asked += [promised(contract, promise) for promise in contract.promises]
        self.obligations: dict[str, Obligation] = {o.id: o for o in asked}

    def decide(self, id_: str) -> Result:
        """The result of one obligation; VACUOUS where it would need an admissible row and there is none.

        Raises InternalError when a refutation does not replay: then solver and machine disagree about the meaning.
        """
        start = time.perf_counter()
        obligation = self.obligations[id_]
        rule = self._rules.get(id_)
        result = self.settle(obligation) if rule is None else self._rule(obligation, rule)
        return replace(result, seconds=time.perf_counter() - start)

    def questions(self, id_: str) -> list[tuple[str, Obligation]]:
        """What one obligation asks, each by a name: a rule asks two things, any other one."""
        index = self._rules.get(id_)
        if index is None:
            return [(id_, self.obligations[id_])]
        return [(f"{id_}.broken", self.obligations[id_]), (f"{id_}.kept", keepable(self.contract, index))]

    def settle(self, obligation: Obligation, simplest: bool = True) -> Result:
        """One obligation through the tiers; a counterexample is made as simple as it gets, unless it need not be.

        What holds only because nothing satisfies its premises is VACUOUS.
        """
        result = self._tiers(obligation, simplest)
        if result.verdict is Verdict.PROVED:
            for premise in obligation.premises:
                if self._tiers(premise, simplest=False).verdict is Verdict.VACUOUS:
                    return replace(result, verdict=Verdict.VACUOUS, note=premise.sentence)
        return result

    def _tiers(self, obligation: Obligation, simplest: bool) -> Result:
        if not obligation.exists and obligation.quick():
            return self._result(obligation, Verdict.PROVED, Tier.INTERVAL)
        if not obligation.exists and self._lemmas(obligation):
            return self._result(obligation, Verdict.PROVED, Tier.LEMMA)
        truths: tuple[dict[Key, bool], ...] = ()
        for tier in (Tier.REALS, Tier.GRID):
            answer = self._ask(obligation, tier is Tier.GRID, truths)
            if answer.holds:
                verdict = Verdict.VACUOUS if obligation.exists else Verdict.PROVED
                return self._result(obligation, verdict, tier)
            if answer.rows and self.broken(obligation, answer.rows):
                rows = self._simplest(obligation, answer.rows) if simplest else answer.rows
                return self._result(obligation, Verdict.PROVED if obligation.exists else Verdict.REFUTED, tier, rows)
            if answer.rows and answer.exact:
                raise InternalError(
                    f"{self.contract.name} {self.contract.version}: the solver refutes {obligation.id} with "
                    f"{answer.rows}, but the machine does not agree. Please report this with the file."
                )
            truths = answer.truths
        free, stop = obligation.question.free, time.monotonic() + self.budget.seconds
        rows = search(self.contract, free, lambda rows: self.broken(obligation, rows), stop, self.outcome)
        if rows:
            found = Verdict.PROVED if obligation.exists else Verdict.REFUTED
            return self._result(obligation, found, Tier.SEARCH, self._simplest(obligation, rows))
        return replace(self._result(obligation, Verdict.UNKNOWN, Tier.NONE), note=answer.reason)

    def broken(self, obligation: Obligation, rows: tuple[Row, ...]) -> bool:
        """Whether the machine, run on `rows`, says that they break the promise (or are what was looked for)."""
        free = obligation.question.free
        outcomes = tuple(self.outcome(row) for row in rows)
        if any(outcome.status is not Status.REWARDED for outcome in outcomes):
            return False
        return differ_only_in(self.contract, rows, free or ()) and obligation.broken(rows, outcomes)

    def outcome(self, row: Row) -> Outcome:
        """What the machine says of `row`, remembered. Raises ProgramError for a row of another contract."""
        if row not in self._outcomes:
            if len(self._outcomes) >= MAX_REMEMBERED:
                self._outcomes.clear()
            self._outcomes[row] = run(self._replay, row)
        return self._outcomes[row]

    def witness(self, rows: tuple[Row, ...]) -> tuple[Witness, ...]:
        """`rows` with what the machine says of each. Raises ProgramError for rows of another contract."""
        return tuple(Witness(row, self.outcome(row)) for row in rows)

    def _rule(self, obligation: Obligation, index: int) -> Result:
        """A rule that can never be broken, or never kept, is vacuous; one never broken alone is redundant."""
        found = self.settle(breakable(self.contract, index, alone=True), simplest=False)
        note = ""
        if found.verdict is not Verdict.PROVED:
            redundant = found.verdict is Verdict.VACUOUS
            found = self.settle(obligation, simplest=False)
            if found.verdict is Verdict.VACUOUS:
                return replace(found, note="no answer that can be rewarded ever breaks it")
            if redundant and found.verdict is Verdict.PROVED:
                note = "redundant: whoever breaks it breaks another rule too"
        kept = self.settle(keepable(self.contract, index), simplest=False)
        if kept.verdict is not Verdict.PROVED:
            note = "no answer that can be rewarded ever keeps it"
            return replace(kept, note=note if kept.verdict is Verdict.VACUOUS else "")
        return replace(found, note=note or found.note, witness=(*kept.witness, *found.witness))

    def _lemmas(self, obligation: Obligation) -> bool:
        return any(all(self._holds(obligation, q) for q in questions) for questions in obligation.lemmas())

    def _holds(self, obligation: Obligation, question: Question) -> bool:
        return self._ask(replace(obligation, question=question), False, replay=False).holds is True

    def _ask(
        self, obligation: Obligation, exact: bool, truths: tuple[dict[Key, bool], ...] = (), replay: bool = True
    ) -> Answer:
        """One reading. Near `truths`, what holds in a row that did not replay, one that does is found sooner."""

        def broken(rows: tuple[Row, ...]) -> bool:
            return replay and self.broken(obligation, rows)

        contract, question = self.contract, obligation.question
        try:
            if truths:
                near = ask(contract, question, exact, self.budget, broken, truths)
                if near.rows and broken(near.rows):
                    return near
            return ask(contract, question, exact, self.budget, broken)
        except TooLarge:
            return Answer(None, reason="the lists are too long to be unrolled")
        except z3.Z3Exception as error:
            if "memory" in str(error):
                raise MemoryError from None
            raise

    def _simplest(self, obligation: Obligation, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        free = obligation.question.free or ()
        stop = time.monotonic() + self.budget.seconds
        return simplify(
            self.contract,
            rows,
            free,
            lambda row: len(self.outcome(row).breaches),
            lambda rows: self.broken(obligation, rows),
            stop,
        )

    def _result(self, o: Obligation, verdict: Verdict, tier: Tier, rows: tuple[Row, ...] = ()) -> Result:
        return Result(o.id, o.sentence, verdict, tier, self.witness(rows), o.source, o.assumptions)
