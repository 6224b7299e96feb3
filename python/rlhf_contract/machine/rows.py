"""Rows ready to run: one int64 column for each signal, and why a value could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.types import decimal_text

__all__ = ["Fault", "Rows"]


class Fault(IntEnum):
    """Why a value is not a signal. `OUT_OF_RANGE` values keep their number, the others become ABSENT."""

    NONE = 0
    MISSING = 1
    NAN = 2
    INFINITE = 3
    WRONG_TYPE = 4
    TOO_PRECISE = 5
    OUT_OF_RANGE = 6


_WORDS = {
    Fault.MISSING: "is missing",
    Fault.NAN: "is NaN",
    Fault.INFINITE: "is infinite",
    Fault.TOO_PRECISE: "has more than six decimals",
}
_TYPES = {"bool": "true or false", "int": "a whole number", "real": "a number"}


@dataclass(frozen=True, slots=True)
class Rows:
    """N rows. `signals` is int64 [signals, N] in micro-units, units or 0/1; `faults` uint8 [signals, N] of `Fault`."""

    specs: tuple[SignalSpec, ...]
    signals: npt.NDArray[np.int64]
    faults: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.signals.shape[1])

    def reason(self, row: int) -> str:
        """Why this row is invalid, naming its first unreadable signal; empty if it is valid."""
        bad = np.flatnonzero(self.faults[:, row])
        if not len(bad):
            return ""
        spec = self.specs[int(bad[0])]
        fault = Fault(int(self.faults[bad[0], row]))
        if fault is Fault.WRONG_TYPE:
            return f"{spec.name} is not {_TYPES[spec.kind]}"
        if fault is Fault.OUT_OF_RANGE:
            low, high = (decimal_text(end, spec.scale) for end in (spec.lowest, spec.highest))
            return f"{spec.name} is outside [{low}, {high}]"
        return f"{spec.name} {_WORDS[fault]}"
