"""What test_two_solvers.py asks other processes to do. Imported there, so without pytest, which starts slowly."""

from __future__ import annotations

from random import Random

from generated import random_spec
from rlhf_contract.lang import load
from rlhf_contract.prove.cross_check import opinion_here
from rlhf_contract.prove.decide import Decider
from rlhf_contract.prove.independent import Check, compared
from rlhf_contract.prove.prove import in_turn
from rlhf_contract.prove.query import Budget

BUDGET = Budget(rlimit=500_000, seconds=2)


def loaded(argument: bytes) -> None:
    """Import what every child needs."""
    import cvc5  # noqa: F401


def checks(_: None, seed: str) -> tuple[str, list[Check]]:
    """A generated contract, proved and then asked about again."""
    source = random_spec(Random(int(seed)))
    contract = load(source)
    decider = Decider(contract, BUDGET)
    return source, [c for r in in_turn(contract, BUDGET) for c in compared(decider, r, opinion_here)]
