"""The smallest change that would make a promise hold: enough as it stands, and not enough a millionth nearer."""

from __future__ import annotations

import re

import pytest
from test_promised import contract

from rlhf_contract.lang import load
from rlhf_contract.prove.decide import Decider, Verdict
from rlhf_contract.prove.mend import smallest_change
from rlhf_contract.prove.query import Budget

BUDGET = Budget(rlimit=2_000_000, seconds=10)


def change(source: str, id_: str) -> str:
    checked = load(source)
    found = Decider(checked, BUDGET).decide(id_)
    assert found.verdict is Verdict.REFUTED
    rules = range(len(checked.rules))
    return smallest_change(checked, id_, [b for b in found.witness[0].outcome.breaches if b in rules], BUDGET)


def proved(source: str, id_: str) -> bool:
    return Decider(load(source), BUDGET).decide(id_).verdict is Verdict.PROVED


CALM = "INVARIANT calm: x <= 0.5 PENALTY {}"


@pytest.mark.parametrize(
    ("lines", "id_", "expected"),
    [
        (
            (CALM, "ENSURES e: x > 0.5 IMPLIES reward <= 0"),
            "ensures.e",
            "raise PENALTY of calm from 0.25 to at least 1",
        ),
        (
            (CALM, "ENSURES e: x > 0.5 IMPLIES reward <= 0.3"),
            "ensures.e",
            "raise PENALTY of calm from 0.25 to at least 0.7",
        ),
        ((CALM, "PROVE VIOLATION NEVER PAYS"), "violation_never_pays", "raise PENALTY of calm from 0.25 to at least 1"),
    ],
)
def test_the_penalty_that_is_enough(lines: tuple[str, ...], id_: str, expected: str) -> None:
    """The value named proves the promise; one millionth less does not."""
    written = [line.format("0.25") for line in lines]
    found = change(contract(*written), id_)

    assert found == expected
    enough = found.rsplit(" ", 1)[1]
    assert proved(contract(*(line.format(enough) for line in lines)), id_)
    less = f"{float(enough) - 0.000001:.6f}"
    assert not proved(contract(*(line.format(less) for line in lines)), id_)


def test_a_cap_where_there_is_no_penalty() -> None:
    """A rule with REWARD AT MOST is mended by a lower one."""
    source = contract("INVARIANT calm: x <= 0.5 REWARD AT MOST 0.3", "ENSURES e: x > 0.5 IMPLIES reward <= 0.1")

    assert change(source, "ensures.e") == "lower REWARD AT MOST of calm to 0.1 or less"


@pytest.mark.parametrize(
    ("now", "needed"), [("[0.1, 0.9]", "[0, 0.9]"), ("[-1, 0.7]", "[-1, 0.75]"), ("[0.1, 0.7]", "[0, 0.75]")]
)
def test_the_range_that_the_reward_needs(now: str, needed: str) -> None:
    """REWARD IN is widened to what is reached: 0 by nothing, 0.75 by everything less a penalty."""
    found = change(contract(CALM.format("0.25")).replace("[-100, 100]", now), "bounded")

    assert found == f"widen REWARD IN from {now} to {needed}"


def test_the_influence_that_there_is() -> None:
    """AT MOST is raised to the true influence."""
    source = contract("PROVE INFLUENCE OF one AT MOST 0.25")

    assert change(source, "influence.one") == "raise AT MOST of one from 0.25 to at least 0.6"


def test_what_the_change_does_to_the_range_is_said_too() -> None:
    """A greater penalty may reach below REWARD IN."""
    source = contract(CALM.format("0.25"), "ENSURES e: x > 0.5 IMPLIES reward <= 0").replace("[-100,", "[-0.25,")
    found = change(source, "ensures.e")

    assert re.fullmatch(r"raise PENALTY .* at least 1; widen REWARD IN from \[-0\.25, 100\] to \[-0\.\d+, 100\]", found)


def test_no_change_is_made_up() -> None:
    """What no single number mends has no suggestion."""
    assert change(contract("PROVE DECREASING IN x"), "decreasing.x") == ""
