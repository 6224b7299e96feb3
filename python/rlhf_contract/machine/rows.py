"""Rows ready to run: one int64 column for each signal, elements for each list, and why a value could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.lanes import ListColumn
from rlhf_contract.types import ABSENT, decimal_text

__all__ = ["Fault", "ListRead", "Read", "Rows", "fault_words"]

Read = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]
"""Values int64 [N] and `Fault` uint8 [N] of a column."""


class Fault(IntEnum):
    """Why a value is not a signal. `OUT_OF_RANGE` values keep their number, the others become ABSENT."""

    NONE = 0
    MISSING = 1
    NAN = 2
    INFINITE = 3
    WRONG_TYPE = 4
    TOO_PRECISE = 5
    OUT_OF_RANGE = 6
    NO_CHOICE = 7
    TOO_LONG = 8
    ELEMENT = 9


_WORDS = {
    Fault.MISSING: "is missing",
    Fault.NAN: "is NaN",
    Fault.INFINITE: "is infinite",
    Fault.TOO_PRECISE: "has more than six decimals",
}
_TYPES = {
    "bool": "true or false",
    "int": "a whole number",
    "real": "a number",
    "choice": "a text",
    "list": "a list of records",
}


def fault_words(spec: SignalSpec, fault: Fault, name: str) -> str:
    """What is wrong with a value of `spec`, in words that name it."""
    if fault is Fault.WRONG_TYPE:
        return f"{name} is not {_TYPES[spec.kind]}"
    if fault is Fault.OUT_OF_RANGE:
        low, high = (decimal_text(end, spec.scale) for end in (spec.lowest, spec.highest))
        return f"{name} is outside [{low}, {high}]"
    if fault is Fault.NO_CHOICE:
        return f"{name} is not one of {', '.join(spec.choices)}"
    if fault is Fault.TOO_LONG:
        return f"{name} has more than {spec.highest} elements"
    return f"{name} {_WORDS[fault]}"


@dataclass(frozen=True, slots=True)
class ListRead:
    """A list signal of N rows as it was read.

    lengths  int64 [N], ABSENT where the list could not be read (then it has no elements)
    column   the elements of all rows
    faults   `Fault` uint8 [N]; ELEMENT where some element's field is not readable
    notes    by row, what is wrong with its first unreadable field
    """

    lengths: npt.NDArray[np.int64]
    column: ListColumn
    faults: npt.NDArray[np.uint8]
    notes: dict[int, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """N rows: `signals` int64 [n, N] in micro-units, units, 0/1, positions or lengths, and `faults` uint8 [n, N].

    `lists` has the elements of list signals by their index, `notes` what is wrong with an element, by signal and row.
    """

    specs: tuple[SignalSpec, ...]
    signals: npt.NDArray[np.int64]
    faults: npt.NDArray[np.uint8]
    lists: dict[int, ListColumn] = field(default_factory=dict)
    notes: dict[tuple[int, int], str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.signals.shape[1])

    def at(self, places: npt.NDArray[np.int64]) -> Rows:
        """These rows, in this order."""
        lists = {index: column.at(places) for index, column in self.lists.items()}
        notes = {
            (i, new): self.notes[i, old] for i in lists for new, old in enumerate(places) if (i, old) in self.notes
        }
        return Rows(self.specs, self.signals[:, places], self.faults[:, places], lists, notes)

    def reason(self, row: int) -> str:
        """Why this row is invalid, naming its first unreadable signal; empty if it is valid."""
        bad = np.flatnonzero(self.faults[:, row])
        if not len(bad):
            return ""
        index = int(bad[0])
        fault = Fault(int(self.faults[index, row]))
        if fault is Fault.ELEMENT:
            return self.notes[index, row]
        return fault_words(self.specs[index], fault, self.specs[index].name)

    def flat(self, row: int) -> list[int]:
        """One row as the machine's reference takes it."""
        numbers: list[int] = []
        for index in range(len(self.specs)):
            numbers.append(int(self.signals[index, row]))
            if index in self.lists and numbers[-1] != ABSENT:
                start, stop = self.lists[index].starts[row : row + 2]
                numbers += self.lists[index].elements[:, start:stop].T.ravel().tolist()
        return numbers
