"""Running the body of EACH over all elements of all rows at once.

A *lane* is one place at which an operation is evaluated: outside every EACH, a row; inside, one element of the list of
one lane further out. Lanes of one parent lie together, so the end of an EACH is a sum over consecutive lanes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rlhf_contract.machine.opcodes import Opcode

__all__ = ["Lanes", "ListColumn", "open_each"]

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class ListColumn:
    """A list signal of N rows: counts int64 [N] (never negative) and elements int64 [fields, sum of counts]."""

    counts: npt.NDArray[np.int64]
    elements: npt.NDArray[np.int64]

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where each row's elements begin, and behind the last: int64 [N + 1]."""
        return np.concatenate(([0], np.cumsum(self.counts)))

    def at(self, places: npt.NDArray[np.int64]) -> ListColumn:
        """These rows, in this order."""
        elements = [self.elements[:, self.starts[p] : self.starts[p + 1]] for p in places]
        return ListColumn(self.counts[places], np.concatenate([self.elements[:, :0], *elements], axis=1))


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes inside an EACH over list `index`: for each its parent lane, its row, and where its element lies.

    `counts` is by parent lane; `outer` are the lanes of the EACHs around this one.
    """

    index: int
    parent: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    element: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    list: ListColumn
    outer: tuple[Lanes, ...]

    def field(self, index: int, at: int) -> Column:
        """Field `index` of the element of loop number `at` (0 is the outermost), for each of these lanes."""
        loop = (*self.outer, self)[at]
        values: Column = loop.list.elements[index][self._upward(loop.element, at + 1)]
        return values

    def seen(self, column: Column, depth: int) -> Column:
        """A register written at `depth` (0: outside every EACH), for each of these lanes. Constants stay."""
        return column if np.ndim(column) == 0 else self._upward(column, depth)

    def _upward(self, column: Column, depth: int) -> Column:
        chain = (*self.outer, self)[depth:]
        for lanes in chain:
            column = column[lanes.parent]
        return column

    def end(self, opcode: Opcode, body: Column) -> Column:
        """What comes together for each parent lane."""
        count = len(self.parent)
        values = np.broadcast_to(body, (count,)).astype(np.int64)
        running = np.concatenate(([0], np.cumsum(values)))  # may wrap; differences of it are right all the same
        ends = np.cumsum(self.counts)
        total: Column = running[ends] - running[ends - self.counts]
        if opcode is Opcode.ALL:
            total = total == self.counts
        elif opcode is Opcode.ANY:
            total = total > 0
        return total


def open_each(lists: Mapping[int, ListColumn], index: int, rows: int, outer: Sequence[Lanes]) -> Lanes:
    """The lanes of an EACH over list `index`, inside the EACHs `outer`, for a block of `rows` rows."""
    column = lists[index]
    above = outer[-1].row if outer else np.arange(rows)
    counts = column.counts[above]
    parent = np.repeat(np.arange(len(above)), counts)
    within = np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts)
    row = above[parent]
    return Lanes(index, parent, row, column.starts[:-1][row] + within, counts, column, tuple(outer))
