"""What is proved is attacked; what is refuted was replayed by `prove` itself, which raises if it does not hold up."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generated import specs
from rlhf_contract.lang import load
from rlhf_contract.lang.ir import Contract
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.prove.decide import Budget, Verdict, prove
from rlhf_contract.types import Status

ROWS = 10_000


def attack_rows(contract: Contract, random: np.random.Generator) -> np.ndarray:
    """Rows at range ends, around small numbers, and anywhere."""
    columns = []
    for spec in contract.signals:
        edges = np.array([spec.lowest, spec.highest, spec.lowest + 1, spec.highest - 1, 0, 1, 500_000, 500_001])
        edges = edges[(edges >= spec.lowest) & (edges <= spec.highest)]
        anywhere = random.integers(spec.lowest, spec.highest, ROWS, endpoint=True)
        columns.append(np.where(random.random(ROWS) < 0.5, random.choice(edges, ROWS), anywhere))
    return np.ascontiguousarray(columns, np.int64)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(), st.integers(0, 2**32 - 1))
def test_nothing_proved_breaks(source: str, seed: int) -> None:
    """No proved promise is broken by any of 10,000 random and boundary rows."""
    contract = load(source)
    program = compile_contract(contract, promises=True)
    results = {r.id: r for r in prove(contract, Budget(rlimit=5_000_000, seconds=10))}
    signals = attack_rows(contract, np.random.default_rng(seed))
    outcomes = to_numpy.run(program, signals)
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
            raised = signals.copy()
            top = contract.signals[promise.signal].highest
            raised[promise.signal] = np.random.default_rng(seed + 1).integers(
                raised[promise.signal], top, endpoint=True
            )
            higher = to_numpy.run(program, raised)
            rules = slice(0, len(contract.rules))
            new = (higher.breaches[rules] & ~outcomes.breaches[rules]).any(axis=0)
            both = rewarded & (higher.status == Status.REWARDED) & ~new
            assert (higher.reward[both] >= outcomes.reward[both]).all()
