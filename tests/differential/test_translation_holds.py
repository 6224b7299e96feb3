"""Generated contracts: each compile is proved to be its meaning, and no program that some row tells apart is."""

from __future__ import annotations

from random import Random

import pytest

from generated import random_rows, random_spec
from mutants import behaviour, differs, random_mutant
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.prove.translation import validate_translation


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_every_compile_is_proved(start: int) -> None:
    """200 contracts over the whole language, with their promises: every claim by a lemma, nothing unknown."""
    for seed in range(start, start + 50):
        contract = load(random_spec(Random(2_000_000 + seed)))
        found = validate_translation(contract, compile_contract(contract, promises=True), promises=True)

        assert found.proved, f"seed {seed}: {found.failed}"


@pytest.mark.parametrize("start", range(0, 100, 25))
def test_nothing_proved_differs(start: int) -> None:
    """2,000 programs changed in one place: what is proved all the same says the same of every row."""
    refuted = 0
    for seed in range(start, start + 25):
        random = Random(3_000_000 + seed)
        contract = load(random_spec(random))
        program = compile_contract(contract)
        rows = random_rows(random, contract, 50, valid=True)
        expected = [behaviour(program, row) for row in rows]
        for _ in range(20):
            changed = random_mutant(random, program)
            found = validate_translation(contract, changed)
            refuted += not found.proved

            assert not (found.proved and differs(changed, rows, expected)), f"seed {seed}"
    assert refuted > 250
