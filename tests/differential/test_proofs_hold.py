"""What is proved is attacked; what is refuted was replayed by `prove` itself, which raises if it does not hold up."""

from __future__ import annotations

from random import Random

import pytest

from columns import as_columns
from generated import random_rows, random_spec
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.prove.decide import Budget, Verdict, prove
from rlhf_contract.prove.witness import place
from rlhf_contract.types import Status

ROWS = 10_000


def raised(random: Random, contract: Contract, rows: list[list[int]], signal: int) -> list[list[int]]:
    """The rows with one signal raised, sometimes by the least step."""
    higher = []
    for row in rows:
        at = place(contract, row, signal)
        top = contract.signals[signal].highest
        value = random.choice([min(row[at] + 1, top), random.randint(row[at], top), top])
        higher.append([*row[:at], value, *row[at + 1 :]])
    return higher


@pytest.mark.parametrize("seed", range(30))
def test_nothing_proved_breaks(seed: int) -> None:
    """No proved promise is broken by any of 10,000 random and boundary rows."""
    random = Random(seed)
    contract = load(random_spec(random))
    program = compile_contract(contract, promises=True)
    results = {r.id: r for r in prove(contract, Budget(rlimit=2_000_000, seconds=5))}
    rows = random_rows(random, contract, ROWS, valid=True)
    outcomes = to_numpy.run(program, *as_columns(program, rows))
    rewarded = outcomes.status == Status.REWARDED
    if results["admissible"].verdict is Verdict.REFUTED:
        assert not rewarded.any()
    if results["bounded"].verdict is Verdict.PROVED:
        rewards = outcomes.reward[rewarded]
        assert ((rewards >= contract.lowest) & (rewards <= contract.highest)).all()
    for index, ensured in enumerate(contract.ensured):
        if results[f"ensures.{ensured.name}"].verdict is Verdict.PROVED:
            assert not outcomes.breaches[len(contract.rules) + index].any()
    for promise in contract.promises:
        if results[f"monotone.{promise.name}"].verdict is Verdict.PROVED:
            higher = to_numpy.run(program, *as_columns(program, raised(random, contract, rows, promise.signal)))
            rules = slice(0, len(contract.rules))
            new = (higher.breaches[rules] & ~outcomes.breaches[rules]).any(axis=0)
            both = rewarded & (higher.status == Status.REWARDED) & ~new
            assert (higher.reward[both] >= outcomes.reward[both]).all()
