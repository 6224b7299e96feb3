"""Look for a counterexample by trying rows on the edges, where the solver's budget was not enough.

It refutes, never proves: functions that Z3 knows only in part are run here as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from random import Random

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.prove.to_z3 import Free
from rlhf_contract.prove.witness import Row, cells

__all__ = ["search"]

TRIALS = 4_000


def search(
    contract: Contract, free: Collection[Free] | None, broken: Callable[[tuple[Row, ...]], bool]
) -> tuple[Row, ...]:
    """One row, or two that differ in `free` only, for which `broken` holds; empty if none of 4,000 is it.

    The same rows are tried every time.
    """
    random = Random(0)
    return next((rows for rows in _candidates(random, contract, free) if broken(rows)), ())


def _candidates(random: Random, contract: Contract, free: Collection[Free] | None) -> Iterator[tuple[Row, ...]]:
    for _ in range(TRIALS):
        row = tuple(number for spec in contract.signals for number in _signal(random, spec))
        if free is None:
            yield (row,)
        elif all((index, None) in free for index in range(len(contract.signals))):
            other = tuple(number for spec in contract.signals for number in _signal(random, spec))
            yield from ((row, other), (other, row))
        else:
            yield from _moved(random, contract, row, free)


def _moved(random: Random, contract: Contract, row: Row, free: Collection[Free]) -> Iterator[tuple[Row, ...]]:
    """`row` with a row that has other numbers in the free places, both ways round."""
    changed = list(row)
    for at, spec, index, field in cells(contract, row):
        if ((index, field) in free or (index, None) in free) and spec.kind != "list":
            near = min(max(row[at] + random.choice((-1, 1)), spec.lowest), spec.highest)
            changed[at] = near if random.random() < 0.3 else _value(random, spec)
    yield row, tuple(changed)
    yield tuple(changed), row


def _signal(random: Random, spec: SignalSpec) -> list[int]:
    if spec.kind != "list":
        return [_value(random, spec)]
    length = random.choice((0, 1, min(2, spec.highest), spec.highest))
    return [length, *(_value(random, field) for _ in range(length) for field in spec.fields)]


def _value(random: Random, spec: SignalSpec) -> int:
    if random.random() < 0.4:
        return random.randint(spec.lowest, spec.highest)
    middle = (spec.lowest + spec.highest) // 2
    return random.choice((spec.lowest, spec.highest, spec.lowest + 1, spec.highest - 1, middle))
