"""What each PROVE means, at its edges: the bound that just holds is proved, one step tighter is refuted."""

from __future__ import annotations

import pytest

from rlhf_contract.lang import load
from rlhf_contract.prove.decide import Decider, Result, Tier, Verdict
from rlhf_contract.prove.query import Budget


def contract(
    *lines: str,
    signals: str = "x : score\n  y : score\n  b : bool\n  c : one of low, mid, high",
    holders: str = "one WEIGHT 0.6 WANTS x\n  two WEIGHT 0.4 WANTS y",
    rule: str = "weighted_mean",
) -> str:
    body = "\n".join(lines)
    return (
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-100, 100]\n"
        f"SIGNALS\n  {signals}\nSTAKEHOLDERS\n  {holders}\nAGGREGATE {rule}\n{body}\n"
    )


def decided(source: str, id_: str) -> Result:
    return Decider(load(source), Budget(rlimit=5_000_000, seconds=20)).decide(id_)


def verdict(source: str, id_: str) -> Verdict:
    return decided(source, id_).verdict


def test_a_bool_rises_from_no_to_yes() -> None:
    """MONOTONE IN a bool compares the row with no to the same row with yes."""
    source = contract("PROVE MONOTONE IN b", "PROVE DECREASING IN b", holders="one WEIGHT 1 WANTS IF b THEN x ELSE 0")

    assert verdict(source, "monotone.b") is Verdict.PROVED
    found = decided(source, "decreasing.b")
    assert found.verdict is Verdict.REFUTED
    assert [w.signals[2] for w in found.witness] == [0, 1]


def test_a_choice_rises_in_the_order_it_is_declared() -> None:
    """low, mid, high: more is wanted of high than of mid, but least of mid."""
    up = contract(
        "PROVE MONOTONE IN c", holders="one WEIGHT 1 WANTS IF c = high THEN 1 ELSE IF c = mid THEN 0.5 ELSE 0"
    )
    dip = contract(
        "PROVE MONOTONE IN c", holders="one WEIGHT 1 WANTS IF c = high THEN 1 ELSE IF c = mid THEN 0 ELSE 0.5"
    )

    assert verdict(up, "monotone.c") is Verdict.PROVED
    found = decided(dip, "monotone.c")
    assert [w.signals[3] for w in found.witness] == [0, 1]


LISTS = "x : score\n  items : list [4] of { good: bool, size: real [0, 1] }"


@pytest.mark.parametrize(
    ("wants", "promise", "expected"),
    [
        ("count(i IN items: i.good)", "MONOTONE IN items.good", Verdict.PROVED),
        ("0 - sum(i IN items: i.size)", "DECREASING IN items.size", Verdict.PROVED),
        ("sum(i IN items: IF i.good THEN i.size ELSE 0 - i.size)", "MONOTONE IN items.good", Verdict.PROVED),
        ("sum(i IN items: IF i.good THEN i.size ELSE 0 - i.size)", "MONOTONE IN items.size", Verdict.REFUTED),
        ("IF EXISTS i IN items: i.good THEN x ELSE 1", "MONOTONE IN items.good", Verdict.REFUTED),
    ],
)
def test_a_field_rises_in_elements_that_stay(wants: str, promise: str, expected: Verdict) -> None:
    """A list's field is raised in one or more elements; their number and everything else stays."""
    source = contract(f"PROVE {promise}", signals=LISTS, holders=f"one WEIGHT 1 WANTS {wants}")
    found = decided(source, promise.split()[0].lower() + "." + promise.split()[-1])

    assert found.verdict is expected
    if found.witness:
        low, high = found.witness
        assert len(low.signals) == len(high.signals)


RULES = (
    "INVARIANT kind: NOT b PENALTY 0.3",
    "INVARIANT calm: x <= 0.5 PENALTY {}",
    "PROVE VIOLATION NEVER PAYS OF calm",
)


@pytest.mark.parametrize(("penalty", "expected"), [("1", Verdict.PROVED), ("0.999999", Verdict.REFUTED)])
def test_violation_never_pays_at_its_edge(penalty: str, expected: Verdict) -> None:
    """The best that breaks calm earns 1 less its penalty, the worst that breaks nothing 0: a penalty of 1 is enough."""
    found = decided(contract(*(r.format(penalty) for r in RULES)), "violation_never_pays.calm")

    assert found.verdict is expected
    if found.witness:
        bad, good = found.witness
        assert 1 in bad.outcome.breaches
        assert not good.outcome.breaches
        assert bad.outcome.reward > good.outcome.reward


def test_violation_never_pays_of_none_asks_for_all() -> None:
    """Without a name, the cheap violation of kind decides."""
    lines = [r.format("1") for r in RULES[:2]]

    assert verdict(contract(*lines, "PROVE VIOLATION NEVER PAYS"), "violation_never_pays") is Verdict.REFUTED


@pytest.mark.parametrize("rule", ["weighted_mean", "maximin", "weighted_median", "lexicographic(5)", "nash_product"])
def test_fixing_and_pareto_hold_for_every_aggregation(rule: str) -> None:
    """Penalties are never negative and every aggregation rises with each utility."""
    lines = ("INVARIANT kind: NOT b PENALTY 0.3", "INVARIANT calm: x <= 0.5 REWARD AT MOST 0.2")
    source = contract(*lines, "PROVE FIXING ALWAYS PAYS", "PROVE FIXING ALWAYS PAYS OF kind", "PROVE PARETO", rule=rule)

    for id_ in ("fixing_always_pays", "fixing_always_pays.kind", "pareto"):
        assert verdict(source, id_) is Verdict.PROVED


@pytest.mark.parametrize(("most", "expected"), [("0.6", Verdict.PROVED), ("0.599999", Verdict.REFUTED)])
def test_influence_at_its_edge(most: str, expected: Verdict) -> None:
    """A weight of 0.6 and a utility between 0 and 1 move the reward by 0.6."""
    found = decided(contract(f"PROVE INFLUENCE OF one AT MOST {most}"), "influence.one")

    assert found.verdict is expected
    if found.witness:
        a, b = found.witness
        assert a.outcome.utilities[1] == b.outcome.utilities[1]
        assert a.outcome.reward - b.outcome.reward > 599_999


def test_influence_counts_only_what_moves_alone() -> None:
    """Who wants what another one wants too never moves alone."""
    source = contract("PROVE INFLUENCE OF one AT MOST 0", holders="one WEIGHT 0.6 WANTS x\n  two WEIGHT 0.4 WANTS x")

    assert verdict(source, "influence.one") is Verdict.PROVED


@pytest.mark.parametrize(("most", "expected"), [("0.6", Verdict.PROVED), ("0.599999", Verdict.REFUTED)])
def test_sensitivity_at_its_edge(most: str, expected: Verdict) -> None:
    """The reward moves by 0.6 for each unit of x, besides the rounding."""
    assert verdict(contract(f"PROVE SENSITIVITY TO x AT MOST {most}"), "sensitivity.x") is expected


def test_sensitivity_does_not_count_rules_that_break() -> None:
    """The jump of a penalty at 0.5 is no sensitivity: a rule is newly broken there."""
    source = contract("INVARIANT calm: x <= 0.5 PENALTY 1", "PROVE SENSITIVITY TO x AT MOST 0.6")

    assert verdict(source, "sensitivity.x") is Verdict.PROVED


def test_sensitivity_sees_a_jump_in_what_people_want() -> None:
    """A condition in WANTS is a cliff, wherever it stands."""
    source = contract("PROVE SENSITIVITY TO x AT MOST 50", holders="one WEIGHT 1 WANTS IF x < 0.25 THEN 0 ELSE 1")
    found = decided(source, "sensitivity.x")

    assert found.verdict is Verdict.REFUTED
    assert [w.signals[0] for w in found.witness][1] >= 250_000 > found.witness[0].signals[0]


@pytest.mark.parametrize(
    ("promise", "tier"),
    [
        ("MONOTONE IN x", Tier.INTERVAL),
        ("DECREASING IN y", Tier.LEMMA),
        ("VIOLATION NEVER PAYS OF calm", Tier.INTERVAL),
        ("PARETO", Tier.INTERVAL),
    ],
)
def test_the_report_says_which_tier_decided(promise: str, tier: Tier) -> None:
    """Cheap ways are tried first, and named."""
    holders = "one WEIGHT 1 WANTS x - 0.5 * y * 1"
    if tier is Tier.LEMMA:
        promise, holders = "MONOTONE IN x", "one WEIGHT 1 WANTS max(x, y) - min(x, y) + 2 * x"
    lines = ("INVARIANT calm: y <= 0.5 REWARD AT MOST -2", f"PROVE {promise}")
    source = contract(*lines, holders=holders)
    id_ = load(source).promises[0].id

    assert (decided(source, id_).verdict, decided(source, id_).tier) == (Verdict.PROVED, tier)
