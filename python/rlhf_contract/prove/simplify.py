"""Make a counterexample readable: the same refutation with the simplest numbers that still refute."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from math import inf

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.prove.to_z3 import Free
from rlhf_contract.prove.witness import Row, cells

__all__ = ["shortened", "simplify"]

Rows = tuple[Row, ...]
MAX_TRIALS = 10_000
PASSES = 3


def simplify(
    contract: Contract,
    rows: Rows,
    free: Collection[Free],
    breaches: Callable[[Row], int],
    broken: Callable[[Rows], bool],
    stop: float = inf,
) -> Rows:
    """Greedy: shorter lists, then number by number: fewest violated rules, rows as alike as may be, fewest digits.

    What is not `free` has the same value in all rows and moves in all of them. `broken` must hold of `rows`, and does
    of the result. `breaches` counts the rules that a row violates. Rows that take long to run are left as they are at
    `stop` on the monotonic clock.
    """
    trials = 0

    def violated(candidate: Rows) -> int:
        return sum(map(breaches, candidate))

    def still(candidate: Rows) -> bool:
        nonlocal trials
        trials += 1
        return trials <= MAX_TRIALS and time.monotonic() < stop and broken(candidate)

    shorter: Rows | None = rows
    while shorter:
        rows = shorter
        shorter = next((c for c in shortened(contract, rows, free) if still(c)), None)
    for _ in range(PASSES):  # a later number may set an earlier one free
        before = rows
        for group in _groups(contract, rows, free):
            best, fewest, found = rows, violated(rows), False
            first, start, spec = group[0]
            for value in _simple(spec, rows[first][start]):
                candidate = _with(rows, group, value)
                count = violated(candidate) if still(candidate) else fewest + 1
                if count < fewest or (count == fewest and not found):
                    best, fewest, found = candidate, count, True
                if found and not fewest:
                    break
            rows = best
        if rows == before:
            break
    return rows


Cells = list[tuple[int, int, SignalSpec]]  # row, place, what it is


def _groups(contract: Contract, rows: Rows, free: Collection[Free]) -> Iterator[Cells]:
    """Numbers that move together: one cell of each row where the rows agree, single cells where they are free."""
    placed = [list(cells(contract, row)) for row in rows]
    for r, found in enumerate(placed):
        for n, (at, spec, index, field) in enumerate(found):
            if spec.kind == "list":
                continue
            if (index, field) in free or (index, None) in free:
                yield [(r, at, spec)]
            elif r == 0:
                # A free list before it may be longer in another row, so the same cell is found by count.
                same = [[c for c in other if c[2:] == (index, field)] for other in placed]
                nth = sum(c[2:] == (index, field) for c in found[:n])
                yield [(q, s[nth][0], spec) for q, s in enumerate(same)]


def _with(rows: Rows, group: Cells, value: int) -> Rows:
    changed = [list(row) for row in rows]
    for r, at, _ in group:
        changed[r][at] = value
    return tuple(tuple(row) for row in changed)


def shortened(contract: Contract, rows: Rows, free: Collection[Free]) -> Iterator[Rows]:
    """The rows without one element of one list: of all rows, or of one where the list is free."""
    for index, spec in enumerate(contract.signals):
        if spec.kind != "list":
            continue
        starts = [next(at for at, _, i, _ in cells(contract, row) if i == index) for row in rows]
        alone = (index, None) in free
        for chosen in [[r] for r in range(len(rows))] if alone else [list(range(len(rows)))]:
            for element in range(rows[chosen[0]][starts[chosen[0]]]):
                width = len(spec.fields)
                yield tuple(
                    _without(row, starts[r], element, width) if r in chosen else row for r, row in enumerate(rows)
                )


def _without(row: Row, start: int, element: int, width: int) -> Row:
    cut = start + 1 + element * width
    return (*row[:start], row[start] - 1, *row[start + 1 : cut], *row[cut + width :])


def _simple(spec: SignalSpec, value: int) -> Iterator[int]:
    """Values to try, simplest first: the ends if they are round, zero, then `value` cut to ever more digits."""
    if spec.kind in ("bool", "choice"):
        yield from range(spec.lowest, spec.highest + 1)
        return
    candidates = [*(end for end in (spec.highest, spec.lowest) if len(str(abs(end)).rstrip("0")) <= 2), 0]
    digits = len(str(max(abs(spec.lowest), abs(spec.highest))))
    for keep in range(digits, -1, -1):
        step = 10**keep
        candidates += [value // step * step, -(-value // step) * step]
    for candidate in dict.fromkeys(candidates):
        if spec.lowest <= candidate <= spec.highest:
            yield candidate
