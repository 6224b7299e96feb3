"""`lang/logarithm.py` over columns: the same integers, with every product inside int64."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from rlhf_contract.lang.logarithm import LN2, ONE, tables

__all__ = ["exp2", "log2"]

Integers = npt.NDArray[np.int64]


@cache
def _tables() -> tuple[Integers, Integers]:
    log, exp = tables()
    return np.array(log, np.int64), np.array(exp, np.int64)


def log2(a: Integers) -> Integers:
    """log₂ of each `a` in units of 2^−32, at most the exact value; 0 below 1."""
    log, _ = _tables()
    positive = np.maximum(np.asarray(a, np.int64), 1)
    high = np.asarray(np.frexp(positive.astype(np.float64))[1] - 1, np.int64)
    high -= (positive >> high) == 0  # the float of a large integer may have been rounded up to the next power
    mantissa = np.where(high <= 42, positive << np.maximum(42 - high, 0), positive >> np.maximum(high - 42, 0)) - 2**42
    segment, rest = mantissa >> 32, mantissa & (ONE - 1)
    value: Integers = high * ONE + log[segment] + ((log[segment + 1] - log[segment]) * rest >> 32)
    return np.where(np.asarray(a) < 1, 0, value)


def exp2(a: Integers) -> Integers:
    """2^(each `a` ÷ 2^32), at most the exact value; 0 below 0."""
    _, exp = _tables()
    positive = np.maximum(np.asarray(a, np.int64), 0)
    whole, part = positive >> 32, positive & (ONE - 1)
    start, rest = exp[part >> 22], part & (2**22 - 1)
    value = start + ((start * LN2 >> 28) * rest >> 32)
    shifted = np.where(whole <= 32, value >> np.clip(32 - whole, 0, 63), value << np.clip(whole - 32, 0, 63))
    return np.where(np.asarray(a) < 0, 0, shifted)
