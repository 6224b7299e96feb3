"""Bounds of nodes: nothing that a row does lies outside them, and by hand they are what they should be."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from exact_rows import exact_values

from generated import random_rows, random_spec
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.prove.intervals import Interval, intervals

SPECS, ROWS = 25, 5


def assert_inside(contract: Contract, row: list[int], known: dict[int, bool]) -> None:
    """Every value of the row lies in its node's interval."""
    bounds = intervals(contract, known)
    for (order, _), value in exact_values(contract, row).items():
        low, high = bounds[order]
        assert low <= value <= high, (contract.source, row, known, contract.nodes[order])


@pytest.mark.parametrize("start", range(0, 4 * SPECS, SPECS))
def test_every_value_lies_inside(start: int) -> None:
    """500 rows of 100 contracts, every node at every element of a list."""
    for seed in range(start, start + SPECS):
        random = Random(6_000_000 + seed)
        contract = load(random_spec(random))
        for row in random_rows(random, contract, ROWS, valid=True):
            assert_inside(contract, row, {})


@pytest.mark.parametrize("start", range(0, 4 * SPECS, SPECS))
def test_every_value_lies_inside_of_what_is_known(start: int) -> None:
    """The same when some conditions are known to be what they are on that row: rules, or any others."""
    for seed in range(start, start + SPECS):
        random = Random(6_500_000 + seed)
        contract = load(random_spec(random))
        conditions = [n.order for n in contract.nodes if n.type == "bool" and not n.free]
        rules = [r.node.order for r in contract.rules]
        for row in random_rows(random, contract, ROWS, valid=True):
            values = exact_values(contract, row)
            some = random.sample(conditions, random.randint(0, len(conditions)))
            for orders in (rules, some):
                assert_inside(contract, row, {order: values[order, ()] == 1 for order in orders})


def wanted(wants: str, *blocks: str) -> Contract:
    """A contract that wants one thing."""
    return load(
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-1000000, 1000000]\nSIGNALS\n  x : real [-1, 2]\n"
        "  y : real [1, 4]\n  z : real [-4, -2]\n  b : bool\n  c : one of low, high\n"
        "  l : list [3] of { v : real [-1, 2], ok : bool }\n"
        f"STAKEHOLDERS\n  a WEIGHT 1 WANTS {wants}\nAGGREGATE weighted_mean\n" + "\n".join(blocks) + "\n"
    )


def bounds(low: str, high: str) -> Interval:
    return Fraction(low), Fraction(high)


@pytest.mark.parametrize(
    ("wants", "low", "high"),
    [
        ("x + y", "0", "6"),
        ("x - y", "-5", "1"),
        ("-x", "-2", "1"),
        ("x * x", "-2", "4"),  # correlation is not seen
        ("x * z", "-8", "4"),
        ("z * z", "4", "16"),
        ("min(x, y)", "-1", "2"),
        ("max(x, y)", "1", "4"),
        ("abs(x)", "0", "2"),
        ("clip(x, 0, 0.5)", "0", "0.5"),
        ("floor(x * 0.3, 0)", "-1", "0"),
        ("x / y", "-1", "2"),
        ("x / z", "-1", "0.5"),
        ("y / 3", "0.333333", "1.333333"),
        ("y / -3", "-1.333334", "-0.333334"),
        ("IF b THEN x ELSE y", "-1", "4"),
        ("IF x < y THEN x ELSE y", "-1", "4"),
        ("IF z < x THEN x ELSE y", "-1", "2"),
        ("IF z >= x THEN x ELSE y", "1", "4"),
        ("IF z = y THEN x ELSE y", "1", "4"),
        ("IF z != y THEN x ELSE y", "-1", "2"),
        ("IF z < x AND z < y THEN x ELSE y", "-1", "2"),
        ("IF b OR z < y THEN x ELSE y", "-1", "2"),
        ("count(e IN l: e.ok)", "0", "3"),
        ("count(e IN l: z < y)", "0", "3"),
        ("count(e IN l: y < z)", "0", "0"),
        ("sum(e IN l: e.v)", "-3", "6"),
        ("sum(e IN l: y)", "0", "12"),  # the list may be empty
        ("sum(e IN l: z)", "-12", "0"),
        ("IF FORALL e IN l: z < e.v THEN x ELSE y", "-1", "2"),
        ("IF EXISTS e IN l: z > e.v THEN x ELSE y", "1", "4"),
        ("IF FORALL e IN l: z > e.v THEN x ELSE y", "-1", "4"),  # of an empty list it holds
    ],
)
def test_by_hand(wants: str, low: str, high: str) -> None:
    """One operation each; conditions that are decided by ranges choose their branch."""
    contract = wanted(wants)

    assert intervals(contract)[contract.utilities[0].node.order] == bounds(low, high)


def test_what_is_known_of_a_rule_moves_the_reward() -> None:
    """Kept, the rule takes nothing; broken, it takes its penalty, and what is left is at most its cap."""
    contract = wanted("y", "INVARIANT v: b PENALTY 2 REWARD AT MOST 0.5")
    rule, reward = contract.rules[0].node.order, contract.reward.order

    assert intervals(contract)[reward] == bounds("-1", "4")
    assert intervals(contract, {rule: True})[reward] == bounds("1", "4")
    assert intervals(contract, {rule: False})[reward] == bounds("-1", "0.5")


def test_the_reward_is_bounded_after_its_rounding() -> None:
    """Seven decimals in, six out, rounded down at both ends."""
    contract = wanted("0.333339 * 0.1 * y")

    assert intervals(contract)[contract.exact.order] == bounds("0.0333339", "0.1333356")
    assert intervals(contract)[contract.reward.order] == bounds("0.033333", "0.133335")


def test_a_power_is_bounded_by_the_powers_of_the_ends() -> None:
    """nash_product of gains in [1, 4] and [0, 3] lies between nothing and the square root of twelve."""
    source = wanted("y").source.replace("a WEIGHT 1 WANTS y", "a WEIGHT 0.5 WANTS y\n  b1 WEIGHT 0.5 WANTS x FLOOR -1")
    contract = load(source.replace("weighted_mean", "nash_product"))
    low, high = intervals(contract)[contract.reward.order]

    assert low == 0
    assert 3.46 < high <= Fraction("3.464102")
