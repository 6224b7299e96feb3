"""Python values (from JSON, CSV or a caller) → int64 signals: the reference for what a value means.

`from_arrow.py` reads whole columns by the same rules; `tests/differential` holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.rows import Fault
from rlhf_contract.types import ABSENT, INT64_MAX

__all__ = ["read_value", "read_values"]


def read_values(spec: SignalSpec, values: Sequence[object]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """int64 [N] and `Fault` uint8 [N] of N Python values."""
    read = [read_value(spec, value) for value in values]
    return (
        np.fromiter((number for number, _ in read), np.int64, len(read)),
        np.fromiter((fault for _, fault in read), np.uint8, len(read)),
    )


def read_value(spec: SignalSpec, value: object) -> tuple[int, Fault]:
    """The signal that `value` stands for, and why it is none.

    bool: True or False only. int: an int, or a float or Decimal without a fraction. real: a float is rounded half to
    even from its exact value times 10⁶; int and Decimal are read exactly, and more than six decimals are a fault. None
    is missing. The range is checked on the result.
    """
    number, fault = _bool(value) if spec.kind == "bool" else _number(value, spec.scale)
    if fault is not Fault.NONE:
        return ABSENT, fault
    if abs(number) > INT64_MAX:
        return ABSENT, Fault.OUT_OF_RANGE
    return number, Fault.NONE if spec.lowest <= number <= spec.highest else Fault.OUT_OF_RANGE


def _bool(value: object) -> tuple[int, Fault]:
    if value is None:
        return 0, Fault.MISSING
    return (int(value), Fault.NONE) if isinstance(value, bool | np.bool_) else (0, Fault.WRONG_TYPE)


def _number(value: object, scale: int) -> tuple[int, Fault]:
    if value is None:
        return 0, Fault.MISSING
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value) * 10**scale, Fault.NONE
    number = float(value) if isinstance(value, np.floating) else value
    if not isinstance(number, float | Decimal):
        return 0, Fault.WRONG_TYPE
    if math.isnan(number):
        return 0, Fault.NAN
    if math.isinf(number):
        return 0, Fault.INFINITE
    if not -(2**64) < number < 2**64:  # out of every range; do not compute with a Decimal of a million digits
        return 2**64, Fault.NONE
    exact = Fraction(number) * 10**scale
    if exact.denominator == 1:
        return int(exact), Fault.NONE
    if scale == 0:
        return 0, Fault.WRONG_TYPE
    return (0, Fault.TOO_PRECISE) if isinstance(number, Decimal) else (round(exact), Fault.NONE)
