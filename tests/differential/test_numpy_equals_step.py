"""The batch executor against the reference, over generated contracts and rows on their edges."""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from columns import as_columns
from generated import random_rows, random_spec, rows_for, smallest, specs
from rlhf_contract.lang import load
from rlhf_contract.machine import step, to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.opcodes import Opcode

SPECS = int(os.environ.get("FUZZ_SPECS", "500"))  # `make fuzz` sets more
ROWS = 200


def disagreement(source: str, rows: list[list[int]]) -> str:
    """The first row on which the two differ, under the smallest contract; empty if there is none."""
    found = first_difference(source, rows)
    if found is None:
        return ""
    shown = smallest(source, lambda shorter: first_difference(shorter, [found[0]]) is not None)
    return f"{shown}\nrow {found[0]}: step and NumPy {first_difference(shown, [found[0]])}"


def first_difference(source: str, rows: list[list[int]]) -> tuple[list[int], object, object] | None:
    """The first row on which the two differ, with both answers."""
    program = compile_contract(load(source), promises=True)
    outcomes = to_numpy.run(program, *as_columns(program, rows))
    for index, row in enumerate(rows):
        one = step.run(program, row)
        requirement = -1 if one.requirement is None else one.requirement
        reference = int(one.status), one.reward, requirement, one.breaches
        batch = (
            int(outcomes.status[index]),
            int(outcomes.reward[index]),
            int(outcomes.requirement[index]),
            tuple(np.flatnonzero(outcomes.breaches[:, index]).tolist()),
        )
        if reference != batch:
            return row, reference, batch
    return None


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(), st.data())
def test_numpy_equals_step(source: str, data: st.DataObject) -> None:
    """Status, reward, requirement and breaches are the same to the last bit; Hypothesis shrinks what is not."""
    rows = data.draw(rows_for(load(source), 25))

    assert disagreement(source, rows) == ""


@pytest.mark.timeout(900 + SPECS)
def test_numpy_equals_step_in_bulk() -> None:
    """The same on 100,000 pairs of contract and row, from fixed seeds."""
    for seed in range(SPECS):
        random = Random(seed)
        source = random_spec(random)

        assert disagreement(source, random_rows(random, load(source), ROWS)) == "", f"seed {seed}"


def test_a_disagreement_is_shown_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wrong executor, the contract that is shown has lost every line that does not matter."""
    monkeypatch.setitem(to_numpy._APPLY, Opcode.MAX, np.minimum)
    source = (
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [0, 1]\nSIGNALS\n  x : score\nLET unused = x * 2\n"
        "STAKEHOLDERS\n  a WEIGHT 1 WANTS max(x, 0.5)\nAGGREGATE weighted_mean\nREQUIRES: x >= 0\n"
        "INVARIANT v: x < 0.9 PENALTY 0.5\n"
    )
    shown = disagreement(source, [[500_000], [250_000], [1]])

    assert "max(x, 0.5)" in shown
    assert "row [250000]" in shown
    assert not any(word in shown for word in ("unused", "REQUIRES", "INVARIANT"))


def test_blocks_do_not_show() -> None:
    """Rows before, at and behind a block's edge get what they get alone, lists included."""
    source = (
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [0, 1]\nSIGNALS\n  x : score\n"
        "  l : list [3] of { y : score }\nSTAKEHOLDERS\n  a WEIGHT 1 WANTS x\nAGGREGATE weighted_mean\n"
        "INVARIANT v: x < 0.9 OR sum(e IN l: e.y) > 1 PENALTY 0.5\n"
    )
    program = compile_contract(load(source))
    random = Random(7)
    rows = random_rows(random, load(source), to_numpy.BLOCK + 7)
    seen: list[int] = []
    whole = to_numpy.run(program, *as_columns(program, rows), seen.append)
    for start in (0, to_numpy.BLOCK - 3, to_numpy.BLOCK, len(rows) - 5):
        part = to_numpy.run(program, *as_columns(program, rows[start : start + 5]))

        assert np.array_equal(whole.reward[start : start + 5], part.reward)
    assert seen == [to_numpy.BLOCK, len(rows)]
