"""The batch executor against the reference, over generated contracts and rows on their edges."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generated import rows_for, specs
from rlhf_contract.lang import load
from rlhf_contract.machine import step, to_numpy
from rlhf_contract.machine.compile import compile_contract


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(), st.data())
def test_numpy_equals_step(source: str, data: st.DataObject) -> None:
    """Status, reward, requirement and breaches of every row are the same to the last bit."""
    contract = load(source)
    program = compile_contract(contract, promises=True)
    rows = data.draw(st.lists(rows_for(contract), min_size=1, max_size=25))
    outcomes = to_numpy.run(program, np.ascontiguousarray(np.array(rows, np.int64).T))
    for index, row in enumerate(rows):
        one = step.run(program, row)

        assert (one.status, one.reward) == (outcomes.status[index], outcomes.reward[index])
        assert (-1 if one.requirement is None else one.requirement) == outcomes.requirement[index]
        assert one.breaches == tuple(np.flatnonzero(outcomes.breaches[:, index]))


def test_blocks_do_not_show() -> None:
    """Rows before, at and behind a block's edge get what they get alone."""
    source = "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [0, 1]\nSIGNALS\n  x : score\n"
    source += "STAKEHOLDERS\n  a WEIGHT 1 WANTS x\nAGGREGATE weighted_mean\nINVARIANT v: x < 0.9 PENALTY 0.5\n"
    program = compile_contract(load(source))
    count = 2 * to_numpy.BLOCK + 7
    signals = (np.arange(count, dtype=np.int64) * 7919 % 1_000_001).reshape(1, count)
    seen: list[int] = []
    whole = to_numpy.run(program, signals, seen.append)
    for start in (0, to_numpy.BLOCK - 3, to_numpy.BLOCK, 2 * to_numpy.BLOCK - 1, count - 5):
        part = to_numpy.run(program, np.ascontiguousarray(signals[:, start : start + 5]))

        assert np.array_equal(whole.reward[start : start + 5], part.reward)
    assert seen == [to_numpy.BLOCK, 2 * to_numpy.BLOCK, count]
