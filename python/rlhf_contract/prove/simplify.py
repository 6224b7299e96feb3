"""Make a counterexample readable: the same refutation with the simplest numbers that still refute."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rlhf_contract.lang.ir import Contract, SignalSpec
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.step import run

__all__ = ["simplify"]

Rows = tuple[tuple[int, ...], ...]


def simplify(
    contract: Contract, rows: Rows, free: tuple[int, ...] | None, program: Program, broken: Callable[[Rows], bool]
) -> Rows:
    """Greedy, signal by signal: fewest violated rules, then fewest digits. A signal not in `free` moves in all rows."""

    def breaches(candidate: Rows) -> int:
        return sum(len(run(program, row).breaches) for row in candidate)

    for index, spec in enumerate(contract.signals):
        moves = [(r,) for r in range(len(rows))] if free and index in free else [tuple(range(len(rows)))]
        for move in moves:
            best, fewest = rows, breaches(rows)
            found = False
            for value in _simple(spec, rows[move[0]][index]):
                candidate = tuple(
                    (*row[:index], value, *row[index + 1 :]) if r in move else row for r, row in enumerate(rows)
                )
                count = breaches(candidate) if broken(candidate) else fewest + 1
                if count < fewest or (count == fewest and not found):
                    best, fewest, found = candidate, count, True
            rows = best
    return rows


def _simple(spec: SignalSpec, value: int) -> Iterator[int]:
    """Values to try, simplest first: the ends if they are round, zero, then `value` cut to ever more digits."""
    if spec.kind == "bool":
        yield from (0, 1)
        return
    candidates = [*(end for end in (spec.highest, spec.lowest) if len(str(abs(end)).rstrip("0")) <= 2), 0]
    digits = len(str(max(abs(spec.lowest), abs(spec.highest))))
    for keep in range(digits, -1, -1):
        step = 10**keep
        candidates += [value // step * step, -(-value // step) * step]
    for candidate in dict.fromkeys(candidates):
        if spec.lowest <= candidate <= spec.highest:
            yield candidate
