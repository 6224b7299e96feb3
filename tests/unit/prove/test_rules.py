"""No rule may be one that nobody can break, or nobody can keep; a rule that is never broken alone is said to be."""

from __future__ import annotations

from test_promised import contract

from rlhf_contract.lang import load
from rlhf_contract.prove.decide import Decider, Result, Verdict
from rlhf_contract.prove.query import Budget


def rule(name: str, *lines: str) -> Result:
    return Decider(load(contract(*lines)), Budget()).decide(f"rule.{name}")


def test_a_rule_that_can_be_kept_and_broken_shows_both() -> None:
    """The report has a row that keeps it and one that breaks it."""
    found = rule("calm", "INVARIANT calm: x <= 0.5 PENALTY 1")

    assert (found.verdict, found.note) == (Verdict.PROVED, "")
    assert [w.outcome.breaches for w in found.witness] == [(), (0,)]


def test_a_rule_that_cannot_be_broken_is_vacuous() -> None:
    """x ≤ 1 holds of every score."""
    found = rule("calm", "INVARIANT calm: x <= 1 PENALTY 1")

    assert (found.verdict, found.note) == (Verdict.VACUOUS, "no answer that can be rewarded ever breaks it")


def test_a_rule_that_cannot_be_kept_is_vacuous() -> None:
    """REQUIRES admits only rows that break it."""
    found = rule("calm", "REQUIRES high: x > 0.5", "INVARIANT calm: x <= 0.5 PENALTY 1")

    assert (found.verdict, found.note) == (Verdict.VACUOUS, "no answer that can be rewarded ever keeps it")


def test_a_rule_within_another_is_redundant() -> None:
    """Whoever passes 0.8 has passed 0.5 before."""
    lines = ("INVARIANT calm: x <= 0.5 PENALTY 1", "INVARIANT calmer: x <= 0.8 PENALTY 1")

    assert rule("calmer", *lines).note == "redundant: whoever breaks it breaks another rule too"
    assert rule("calm", *lines).note == ""
