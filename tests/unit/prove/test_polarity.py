"""Directions and slopes of nodes: two rows never contradict them, and by hand they are what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from exact_rows import Values, exact_values

from generated import random_rows, random_spec
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node, SignalSpec
from rlhf_contract.prove.polarity import STILL, Direction, Slope, directions, slopes
from rlhf_contract.prove.witness import cells

SPECS, PAIRS = 25, 5


def moved(random: Random, contract: Contract, row: list[int]) -> list[int]:
    """The row with some of its numbers changed, not the lengths of its lists."""
    changed, share = list(row), random.choice([0.1, 0.4, 1])
    for at, spec, _, _ in cells(contract, row):
        if spec.kind != "list" and random.random() < share:
            changed[at] = _other(random, spec, row[at])
    return changed


def _other(random: Random, spec: SignalSpec, value: int) -> int:
    tries = (value + 1, value - 1, spec.lowest, spec.highest, random.randint(spec.lowest, spec.highest))
    return min(max(random.choice(tries), spec.lowest), spec.highest)


def moves(a: Values, b: Values) -> dict[int, list[Fraction]]:
    """How far every node moved from one row to the other, at each element that both reached."""
    found: dict[int, list[Fraction]] = {}
    for key in a.keys() & b.keys():
        found.setdefault(key[0], []).append(b[key] - a[key])
    return found


def direction(changes: list[Fraction]) -> Direction:
    """What these changes are, taken together."""
    rises = Direction.RISES if any(c > 0 for c in changes) else Direction.STILL
    return rises | (Direction.FALLS if any(c < 0 for c in changes) else Direction.STILL)


def inputs(contract: Contract) -> list[Node]:
    return [n for n in contract.nodes if n.op in ("signal", "field")]


def through(contract: Contract, cut: set[int]) -> set[int]:
    """The nodes that depend on inputs through `cut` alone."""
    found: set[int] = set()
    for node in contract.nodes:
        inside = node.order in cut or node.op == "const"
        if inside or (node.args and node.list < 0 and all(a.order in found for a in node.args)):
            found.add(node.order)
    return found


def assert_directions(contract: Contract, given: Mapping[int, Direction], changes: dict[int, list[Fraction]]) -> None:
    """No node moved in a way that its direction does not allow."""
    found = directions(contract, given)
    for order, steps in changes.items():
        assert not direction(steps) & ~found[order], (contract.source, given, contract.nodes[order])


def assert_slopes(
    contract: Contract, given: Mapping[int, Slope], by: Fraction, changes: dict[int, list[Fraction]]
) -> None:
    """No node moved further than its slope allows."""
    found = slopes(contract, given)
    for order, steps in changes.items():
        slope = found[order]
        if slope is not None:
            reach = slope[0] * by + slope[1]
            assert max(map(abs, steps)) <= reach, (contract.source, given, contract.nodes[order])


@pytest.mark.parametrize("start", range(0, 4 * SPECS, SPECS))
def test_two_rows_obey(start: int) -> None:
    """500 pairs of 100 contracts: with the inputs' moves given, and those of some other nodes, all others follow."""
    for seed in range(start, start + SPECS):
        random = Random(7_000_000 + seed)
        contract = load(random_spec(random))
        for row in random_rows(random, contract, PAIRS, valid=True):
            a, b = exact_values(contract, row), exact_values(contract, moved(random, contract, row))
            changes = moves(a, b)
            places = [n.order for n in inputs(contract)]
            rules = [r.node.order for r in contract.rules]
            others = [n.order for n in contract.nodes if not n.free and random.random() < 0.2]
            for orders in (places, [*places, *rules], [*places, *others]):
                steps = {order: changes.get(order, [Fraction(0)]) for order in orders}
                unseen = {o for o in places if o not in changes}  # a field that only a branch not taken reads
                given = {o: Direction.EITHER if o in unseen else direction(s) for o, s in steps.items()}
                assert_directions(contract, given, changes)
                by = random.choice([Fraction(1, 10**6), Fraction(1), Fraction(7, 3)])
                bound = {o: _slope(random, contract.nodes[o], s, by) for o, s in steps.items()}
                assert_slopes(contract, bound | dict.fromkeys(unseen), by, changes)


def _slope(random: Random, node: Node, steps: list[Fraction], by: Fraction) -> Slope:
    """A bound that these steps keep to, with nothing to spare."""
    most = max(map(abs, steps))
    if most and node.type != "number":
        return None
    part = random.choice([Fraction(0), Fraction(1), Fraction(1, 3)])
    return most * part / by, most * (1 - part)


@pytest.mark.parametrize("start", range(0, 4 * SPECS, SPECS))
def test_two_rows_obey_behind_a_cut(start: int) -> None:
    """Rows that share nothing: from what rules and utilities do alone, the reward's direction and reach follow."""
    for seed in range(start, start + SPECS):
        random = Random(7_500_000 + seed)
        contract = load(random_spec(random))
        cut = {n.order for n in (*(r.node for r in contract.rules), *(u.node for u in contract.utilities))}
        rows = random_rows(random, contract, PAIRS + 1, valid=True)
        values = [exact_values(contract, row) for row in rows]
        for a, b in pairwise(values):
            changes = moves(a, b)
            known = through(contract, cut)
            behind = {order: steps for order, steps in changes.items() if order in known}
            assert contract.reward.order in behind
            assert_directions(contract, {order: direction(changes[order]) for order in cut}, behind)
            slope = {order: _slope(random, contract.nodes[order], changes[order], Fraction(1)) for order in cut}
            assert_slopes(contract, slope, Fraction(1), behind)


# ---- by hand


def wanted(wants: str, *blocks: str, aggregate: str = "weighted_mean") -> Contract:
    """A contract that wants one thing, of a stakeholder who counts half; x is signal 0, y signal 1, b signal 2."""
    return load(
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-1000, 1000]\nSIGNALS\n  x : real [0, 2]\n"
        "  y : real [-4, -1]\n  b : bool\n  l : list [3] of { v : real [-1, 2], ok : bool }\n"
        f"STAKEHOLDERS\n  s WEIGHT 0.5 WANTS {wants}\n  t WEIGHT 0.5 WANTS 0\nAGGREGATE {aggregate}\n"
        + "\n".join(blocks)
        + "\n"
    )


def place(contract: Contract, signal: int, field: int | None = None) -> list[int]:
    if field is None:
        return [n.order for n in contract.nodes if n.op == "signal" and n.value == signal]
    return [n.order for n in contract.nodes if n.op == "field" and (n.list, n.value) == (signal, field)]


R, F, E, S = Direction.RISES, Direction.FALLS, Direction.EITHER, Direction.STILL


@pytest.mark.parametrize(
    ("wants", "expected"),
    [
        ("x + y", R),
        ("y - x", F),
        ("x * y", F),
        ("x * 0", S),
        ("x * x", R),
        ("(x - 1) * x", E),
        ("x / y", F),
        ("y / (x + 1)", R),
        ("(x - 1) / (x + 1)", E),  # it does rise, which is not seen
        ("min(x, y)", R),
        ("abs(x - 1)", E),
        ("clip(x, 0.1, 0.2)", R),
        ("floor(-x, 2)", F),
        ("IF b THEN x ELSE -x", E),
        ("IF b THEN x ELSE y", R),
        ("IF x > 1 THEN 1 ELSE 0", R),
        ("IF x > 1 THEN 0 ELSE 1", F),
        ("IF x > 1 THEN y ELSE 1", F),  # y is never above −1
        ("IF x = 1 THEN 1 ELSE 0", E),
        ("IF x > 1 THEN y ELSE -2", E),
        ("IF x > 1 THEN max(y, -2) ELSE -2", R),
        ("IF x > 1 THEN -2 ELSE max(y, -2)", F),
        ("IF x > 1 THEN y ELSE min(y, -2)", R),
        ("count(e IN l: e.v < x)", R),
        ("sum(e IN l: e.v - x)", F),
        ("IF EXISTS e IN l: e.v > x THEN 1 ELSE 0", F),
        ("y", S),
    ],
)
def test_what_follows_when_x_rises(wants: str, expected: Direction) -> None:
    """One operation each."""
    contract = wanted(wants)

    assert directions(contract, dict.fromkeys(place(contract, 0), R))[contract.utilities[0].node.order] == expected


@pytest.mark.parametrize("rule", ["weighted_mean", "maximin", "lexicographic(3)", "nash_product"])
def test_the_aggregations_rise(rule: str) -> None:
    """When a utility rises, so does the reward; it falls with a rule that is no longer kept."""
    contract = wanted("x", "INVARIANT v: b PENALTY 1 REWARD AT MOST 0.5", aggregate=rule)
    utility, kept = contract.utilities[0].node.order, contract.rules[0].node.order

    assert directions(contract, {utility: R})[contract.reward.order] == R
    assert directions(contract, {kept: F})[contract.reward.order] == F


def test_a_field_rises_at_every_element() -> None:
    """More of what is summed up and counted."""
    contract = wanted("sum(e IN l: e.v) + count(e IN l: e.ok)")
    utility = contract.utilities[0].node.order

    assert directions(contract, dict.fromkeys(place(contract, 3, 0), R))[utility] == R
    assert directions(contract, dict.fromkeys(place(contract, 3, 1), F))[utility] == F
    assert directions(contract, dict.fromkeys(place(contract, 3, 0), S))[utility] == S


@pytest.mark.parametrize(
    ("wants", "expected"),
    [
        ("x", (1, 0)),
        ("0.3 * x - 0.5 * x", ("0.8", 0)),
        ("x * y", (4, 0)),
        ("x * x", (4, 0)),
        ("min(x, 3 * x)", (3, 0)),
        ("floor(0.5 * x, 2)", ("0.5", "0.01")),
        ("x / y", (1, "0.000001")),
        ("y / (x + 1)", None),
        ("IF b THEN x ELSE 2 * x", (2, 0)),
        ("IF x > 1 THEN 1 ELSE 0", None),
        ("sum(e IN l: 0.5 * x)", ("1.5", 0)),
        ("count(e IN l: e.v < x)", None),
        ("y", (0, 0)),
    ],
)
def test_how_far_it_moves_with_x(wants: str, expected: tuple[str | int, str | int] | None) -> None:
    """One operation each; None where it jumps, or no rule bounds it."""
    contract = wanted(wants)
    given: dict[int, Slope] = dict.fromkeys(place(contract, 0), (Fraction(1), Fraction(0)))
    exact = expected and (Fraction(expected[0]), Fraction(expected[1]))

    assert slopes(contract, given)[contract.utilities[0].node.order] == exact


def test_a_rule_that_keeps_still_does_not_jump() -> None:
    """A penalty is a jump, unless the rule is said to keep still."""
    contract = wanted("x", "INVARIANT v: x < 1 PENALTY 1")
    given: dict[int, Slope] = dict.fromkeys(place(contract, 0), (Fraction(1), Fraction(0)))
    rule, exact = contract.rules[0].node.order, contract.exact.order

    assert slopes(contract, given)[exact] is None
    assert slopes(contract, given | {rule: STILL})[exact] == (Fraction(1, 2), Fraction(0))
