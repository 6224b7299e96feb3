"""Look for a counterexample by trying rows on the edges, where the solver's budget was not enough.

It refutes, never proves: functions that Z3 knows only in part are run here as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from math import inf
from random import Random

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.step import Outcome
from rlhf_contract.prove.to_z3 import Free
from rlhf_contract.prove.witness import Row, cells
from rlhf_contract.types import Status

__all__ = ["search"]

TRIALS = 4_000
MAX_GROUPS = 40
Rows = tuple[Row, ...]


def search(
    contract: Contract,
    free: Collection[Free] | None,
    broken: Callable[[Rows], bool],
    stop: float = inf,
    outcome: Callable[[Row], Outcome] | None = None,
) -> Rows:
    """One row, or two that differ in `free` only, for which `broken` holds; empty if none was found.

    The same few thousand rows are tried every time, until `stop` on the monotonic clock. `outcome` runs one:
    with it, two rows that share nothing are also looked for among those that earn most and least.
    """
    random = Random(0)
    tried = _candidates(random, contract, free)
    if outcome and free is not None and _everything(contract, free):
        tried = chain(_extremes(random, contract, outcome, stop), tried)
    for rows in tried:
        if time.monotonic() > stop:
            break
        if broken(rows):
            return rows
    return ()


def _everything(contract: Contract, free: Collection[Free]) -> bool:
    return all((index, None) in free for index in range(len(contract.signals)))


def _candidates(random: Random, contract: Contract, free: Collection[Free] | None) -> Iterator[Rows]:
    for _ in range(TRIALS):
        row = _row(random, contract)
        if free is None:
            yield (row,)
        elif _everything(contract, free):
            # Two rows that share most signals are nearer to a promise about what changes alone than two strangers.
            changed = [(index, None) for index in range(len(contract.signals)) if random.random() < 0.3]
            yield from _moved(random, contract, row, changed)
        else:
            yield from _moved(random, contract, row, free)


def _extremes(random: Random, contract: Contract, outcome: Callable[[Row], Outcome], stop: float) -> Iterator[Rows]:
    """Of the rows that violate the same rules, those that earn most and least, each against each."""
    most: dict[tuple[int, ...], tuple[int, Row]] = {}
    least: dict[tuple[int, ...], tuple[int, Row]] = {}
    for _ in range(TRIALS):
        row = _row(random, contract)
        found = outcome(row)
        if found.status is Status.REWARDED:
            most[found.breaches] = max(most.get(found.breaches, (found.reward, row)), (found.reward, row))
            least[found.breaches] = min(least.get(found.breaches, (found.reward, row)), (found.reward, row))
        if time.monotonic() > stop:
            return
    high, low = sorted(most.values(), reverse=True)[:MAX_GROUPS], sorted(least.values())[:MAX_GROUPS]
    yield from ((a, b) for _, a in high for _, b in low if a != b)


def _row(random: Random, contract: Contract) -> Row:
    return tuple(number for spec in contract.signals for number in _signal(random, spec))


def _moved(random: Random, contract: Contract, row: Row, free: Collection[Free]) -> Iterator[Rows]:
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
