"""The machine on the chain against the reference, on contracts and rows that nobody wrote."""

from random import Random

import pytest

from generated import random_rows, random_spec
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.step import run

CONTRACTS, ROWS = 80, 25


@pytest.mark.parametrize("seed", range(CONTRACTS))
def test_the_chain_gives_the_integers_of_the_reference(batch, seed):
    """Status and reward of every row, bit for bit."""
    random = Random(seed)
    spec = random_spec(random)
    contract = load(spec)
    program = compile_contract(contract)
    rows = random_rows(random, contract, ROWS)
    outcomes = [run(program, row) for row in rows]
    expected = [(int(outcome.status), outcome.reward) for outcome in outcomes]

    for row, wanted, actual in zip(rows, expected, batch(program.data, rows), strict=True):
        assert wanted == actual, f"{spec}\nrow {row}"
