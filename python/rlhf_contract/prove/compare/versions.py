"""Compare two versions of a contract: what a voter asks before a vote.

A row gives a value to every signal of both versions. Each version rewards it, with how much, or does not.

              structure: equal keys ──▶ the same, without a solver
    old, new ─┤
              tasks: a few questions, each in a process of its own ──▶ rows that both machines have run, or proofs
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.lang import load as load_contract
from rlhf_contract.lang.contract import Contract
from rlhf_contract.prove.compare.changes import (
    Change,
    Difference,
    PromiseChange,
    RuleChange,
    RuleText,
    differences,
    open_conditions,
    promises,
    rules,
)
from rlhf_contract.prove.compare.conditions import Strictness, strictness
from rlhf_contract.prove.compare.pair import Pair, Side, pair
from rlhf_contract.prove.compare.question import Found
from rlhf_contract.prove.compare.search import Largest, admitted_by_one, largest, open_questions, pays_more_for_a_breach
from rlhf_contract.prove.processes import Limits, Stopped, run_each
from rlhf_contract.prove.query import Budget, solver_name
from rlhf_contract.types import decimal_text

__all__ = ["Answer", "Comparison", "Extent", "Relation", "compare", "compare_task", "in_turn", "tasks", "to_json"]


class Relation(StrEnum):
    """The new version beside the old one.

    STRICTER: not equivalent, and every row that is rewarded was rewarded before, never with less. LOOSER: the mirror
    image. INCOMPARABLE: both happen. UNKNOWN: the budget was not enough.
    """

    EQUIVALENT = "equivalent"
    STRICTER = "stricter"
    LOOSER = "looser"
    INCOMPARABLE = "incomparable"
    UNKNOWN = "unknown"


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


Shown = dict[str, Any]
"""A row in the authors' terms: `signals` by name, and of `old` and `new` their status, reward and broken rules."""


@dataclass(frozen=True, slots=True)
class Version:
    contract: str
    version: str
    spec_hash: str
    program_hash: str


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the reward moves one way, in micro-units: by `least` in `row`, provably by no more than `most`."""

    least: int
    most: int | None
    row: Shown | None

    @property
    def answer(self) -> Answer:
        """Whether it moves at all."""
        return Answer.YES if self.least else Answer.NO if self.most == 0 else Answer.UNKNOWN

    @property
    def exact(self) -> bool:
        return self.least == self.most


@dataclass(frozen=True, slots=True)
class Existence:
    """Whether there is such a row; if so, one."""

    answer: Answer
    row: Shown | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What becomes different. `refines`: the new version never rewards what the old one punished, or more of it.

    `rise` and `fall` are over the rows that both versions reward. `apart` says why rows cannot be shared, if so.
    """

    old: Version
    new: Version
    relation: Relation
    apart: tuple[str, ...]
    by_structure: bool
    refines: Existence
    rise: Extent
    fall: Extent
    only_new: Existence
    only_old: Existence
    promises: tuple[PromiseChange, ...]
    rules: tuple[RuleChange, ...]
    differences: tuple[Difference, ...]

    @property
    def unknown(self) -> bool:
        """Whether something is not known that a larger budget might tell."""
        if self.apart:
            return False
        answers = {self.refines.answer, self.rise.answer, self.fall.answer, self.only_new.answer, self.only_old.answer}
        conditions = any(rule.condition is Strictness.UNKNOWN for rule in self.rules)
        return Answer.UNKNOWN in answers or conditions or any(p.change is Change.UNKNOWN for p in self.promises)


Progress = Callable[[str, int, int], None]
Result = Found | Largest | Strictness


def compare(
    old: Contract,
    new: Contract,
    budget: Budget | None = None,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """The comparison, each task in a process of its own within the budget. `progress` hears (task, done, of how many).

    Raises InternalError when solver and machine disagree about a row.
    """
    both, budget = pair(old, new), budget or Budget()
    argument = pickle.dumps((old.source.encode(), new.source.encode(), budget))
    limits = Limits(budget.seconds * 4, budget.megabytes)
    found = run_each(_load, argument, _work, tasks(both), limits, jobs, progress)
    return _assembled(both, {task: answer for task, answer in found.items() if not isinstance(answer, Stopped)})


def in_turn(old: Contract, new: Contract, budget: Budget | None = None) -> Comparison:
    """The same without processes, or limits on memory: for tests and benchmarks."""
    both, budget = pair(old, new), budget or Budget()
    return _assembled(both, {task: compare_task(both, task, budget) for task in tasks(both)})


def tasks(both: Pair) -> list[str]:
    """What only a solver can say."""
    return [*open_questions(both), *open_conditions(both)]


def compare_task(both: Pair, task: str, budget: Budget) -> Result:
    """The answer to one of `tasks`."""
    match task:
        case "admits.new":
            return admitted_by_one(both, both.new, both.old, budget)
        case "admits.old":
            return admitted_by_one(both, both.old, both.new, budget)
        case "reward.up":
            return largest(both, 1, budget)
        case "reward.down":
            return largest(both, -1, budget)
        case "refines":
            return pays_more_for_a_breach(both, budget)
    kind, old, new = open_conditions(both)[task]
    return strictness(both, old, new, budget, free_reward=kind == "ensures")


def _load(argument: bytes) -> tuple[Pair, Budget]:
    old, new, budget = pickle.loads(argument)
    return pair(load_contract(old), load_contract(new)), budget


def _work(state: tuple[Pair, Budget], task: str) -> Result:
    return compare_task(state[0], task, state[1])


# -- putting the answers together


def _assembled(both: Pair, found: Mapping[str, Result]) -> Comparison:
    """What was asked and has no answer is unknown; what was not asked is answered by structure, or cannot be."""
    asked = tasks(both)

    def existence(task: str) -> Existence:
        answer = found.get(task, Found(none=task not in asked and not both.apart))
        assert isinstance(answer, Found)
        known = Answer.YES if answer.row else Answer.NO if answer.none else Answer.UNKNOWN
        return Existence(known, both.words(answer.row) if answer.row else None)

    def extent(task: str) -> Extent:
        nothing_known = task in asked or both.apart
        answer = found.get(task, Largest(0, None if nothing_known else 0, None))
        assert isinstance(answer, Largest)
        return Extent(answer.least, answer.most, both.words(answer.row) if answer.row else None)

    rise, fall = extent("reward.up"), extent("reward.down")
    only_new, only_old = existence("admits.new"), existence("admits.old")
    more, less = _either(rise.answer, only_new.answer), _either(fall.answer, only_old.answer)
    breach = existence("refines")
    if rise.answer is Answer.NO:  # then nor for a breach
        breach = Existence(Answer.NO, None)
    answers = {task: answer for task, answer in found.items() if isinstance(answer, Strictness)}
    return Comparison(
        old=_version(both.old),
        new=_version(both.new),
        relation=Relation.INCOMPARABLE if both.apart else _RELATIONS.get((more, less), Relation.UNKNOWN),
        apart=both.apart,
        by_structure=not open_questions(both) and not both.apart,
        refines=Existence(_NOT[_either(breach.answer, only_new.answer)], breach.row or only_new.row),
        rise=rise,
        fall=fall,
        only_new=only_new,
        only_old=only_old,
        promises=promises(both, answers),
        rules=rules(both, answers),
        differences=differences(both),
    )


_NOT = {Answer.YES: Answer.NO, Answer.NO: Answer.YES, Answer.UNKNOWN: Answer.UNKNOWN}
_RELATIONS = {
    (Answer.NO, Answer.NO): Relation.EQUIVALENT,
    (Answer.NO, Answer.YES): Relation.STRICTER,
    (Answer.YES, Answer.NO): Relation.LOOSER,
    (Answer.YES, Answer.YES): Relation.INCOMPARABLE,
}


def _either(a: Answer, b: Answer) -> Answer:
    for answer in (Answer.YES, Answer.UNKNOWN):
        if answer in (a, b):
            return answer
    return Answer.NO


def _version(side: Side) -> Version:
    contract = side.contract
    hashes = to_hex(keccak256(contract.source.encode())), to_hex(keccak256(side.program.data))
    return Version(contract.name, contract.version, *hashes)


def to_json(c: Comparison) -> dict[str, Any]:
    """The comparison as a JSON-ready dict; the same files and solver give the same again."""
    return {
        "old": _hashed(c.old),
        "new": _hashed(c.new),
        "relation": c.relation.value,
        "decidedBy": "declarations" if c.apart else "structure" if c.by_structure else "solver",
        "notComparable": list(c.apart),
        "refines": {"answer": c.refines.answer.value, "row": c.refines.row},
        "largestRise": _extent(c.rise),
        "largestFall": _extent(c.fall),
        "rewardedOnlyByNew": {"answer": c.only_new.answer.value, "row": c.only_new.row},
        "rewardedOnlyByOld": {"answer": c.only_old.answer.value, "row": c.only_old.row},
        "promises": [
            {"id": p.id, "was": p.was or None, "change": p.change.value, "old": p.old, "new": p.new} for p in c.promises
        ],
        "rules": [
            {
                "kind": r.kind,
                "name": r.name,
                "was": r.was or None,
                "change": r.change.value,
                "condition": r.condition.value if r.condition else None,
                "old": _rule(r.old),
                "new": _rule(r.new),
            }
            for r in c.rules
        ],
        "differences": [asdict(d) for d in c.differences],
        "solver": solver_name(),
    }


def _rule(text: RuleText | None) -> dict[str, str | None] | None:
    if text is None:
        return None
    return {"condition": text.condition, "penalty": text.penalty, "atMost": text.at_most, "cites": text.cites or None}


def _hashed(version: Version) -> dict[str, str]:
    return {
        "contract": version.contract,
        "version": version.version,
        "specHash": version.spec_hash,
        "programHash": version.program_hash,
    }


def _extent(extent: Extent) -> dict[str, Any]:
    most = None if extent.most is None else decimal_text(extent.most, 6)
    return {"atLeast": decimal_text(extent.least, 6), "atMost": most, "exact": extent.exact, "row": extent.row}
