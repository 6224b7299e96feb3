"""Make a counterexample readable: the same refutation with the simplest numbers that still refute."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.step import run
from rlhf_contract.prove.witness import Row, cells

__all__ = ["simplify"]

Rows = tuple[Row, ...]


def simplify(
    contract: Contract, rows: Rows, free: tuple[int, ...] | None, program: Program, broken: Callable[[Rows], bool]
) -> Rows:
    """Greedy: shorter lists, then signal by signal fewest violated rules and fewest digits.

    All rows have the same lists; a signal not in `free` has the same value in all of them and moves in all of them.
    """

    def breaches(candidate: Rows) -> int:
        return sum(len(run(program, row).breaches) for row in candidate)

    shorter: Rows | None = rows
    while shorter:
        rows = shorter
        shorter = next((c for c in _shortened(contract, rows) if broken(c)), None)
    for at, spec, index in list(cells(contract, rows[0])):
        if spec.kind == "list":
            continue
        moves = [(r,) for r in range(len(rows))] if free and index in free else [tuple(range(len(rows)))]
        for move in moves:
            best, fewest, found = rows, breaches(rows), False
            for value in _simple(spec, rows[move[0]][at]):
                candidate = tuple(
                    (*row[:at], value, *row[at + 1 :]) if r in move else row for r, row in enumerate(rows)
                )
                count = breaches(candidate) if broken(candidate) else fewest + 1
                if count < fewest or (count == fewest and not found):
                    best, fewest, found = candidate, count, True
            rows = best
    return rows


def _shortened(contract: Contract, rows: Rows) -> Iterator[Rows]:
    """The rows without one element of one list."""
    for at, spec, _ in cells(contract, rows[0]):
        if spec.kind == "list":
            width = len(spec.fields)
            for element in range(rows[0][at]):
                start = at + 1 + element * width
                yield tuple((*r[:at], r[at] - 1, *r[at + 1 : start], *r[start + width :]) for r in rows)


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
