"""The compiled program against the meaning of the language, as `meaning.py` computes it with no code of the package."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from meaning import meaning

from generated import random_rows, random_spec, rows_for, smallest, specs
from rlhf_contract.lang import load
from rlhf_contract.machine import step
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.types import Status


def disagreement(source: str, rows: list[list[int]]) -> str:
    """The first row on which machine and meaning differ, under the smallest contract; empty if there is none."""
    found = first_difference(source, rows)
    if found is None:
        return ""
    shown = smallest(source, lambda shorter: first_difference(shorter, [found[0]]) is not None)
    return f"{shown}\nrow {found[0]}: meaning and machine {first_difference(shown, [found[0]])}"


def first_difference(source: str, rows: list[list[int]]) -> tuple[list[int], object, object] | None:
    """The first row on which the two differ, with both answers."""
    contract = load(source)
    program = compile_contract(contract)
    ends = [(u.node.lowest, u.node.highest, u.node.scale) for u in contract.utilities]
    ranges = [(Fraction(low, 10**scale), Fraction(high, 10**scale)) for low, high, scale in ends]
    for row in rows:
        expected = meaning(source, row, ranges)
        outcome = step.run(program, row)
        reward = Fraction(outcome.reward, 10**6) if outcome.status is Status.REWARDED else None
        actual = outcome.status.name.lower(), reward, [contract.rules[b].name for b in outcome.breaches]
        if (expected.status, expected.reward, expected.broken) != actual:
            return row, expected, actual
    return None


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(), st.data())
def test_program_equals_meaning(source: str, data: st.DataObject) -> None:
    """The machine's integer is the exact value, rounded where the language says so; Hypothesis shrinks what is not."""
    assert disagreement(source, data.draw(rows_for(load(source), 10, valid=True))) == ""


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_program_equals_meaning_in_bulk(start: int) -> None:
    """The same on 400 contracts with 20 rows each, from fixed seeds."""
    for seed in range(start, start + 100):
        random = Random(1_000_000 + seed)
        source = random_spec(random)

        assert disagreement(source, random_rows(random, load(source), 20, valid=True)) == "", f"seed {seed}"
