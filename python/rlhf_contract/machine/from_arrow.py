"""Arrow columns → int64 signals, without a Python object for any row.

The meaning is that of `from_values.py`, the reference beside it: a float is rounded half to even from its *exact* value
times 10⁶, integers and decimals are read exactly.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.rows import Fault
from rlhf_contract.types import ABSENT, INT64_MAX, MICRO

__all__ = ["read_column", "round_micro"]

Read = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]


def read_column(spec: SignalSpec, column: pa.ChunkedArray | pa.Array) -> Read:
    """int64 [N] and `Fault` uint8 [N] of one Arrow column; any type is accepted, unreadable ones as WRONG_TYPE."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if spec.kind == "bool":
        values, faults = _bools(column) if pa.types.is_boolean(kind) else _wrong(column)
    elif pa.types.is_integer(kind):
        values, faults = _integers(column, spec.scale)
    elif pa.types.is_decimal(kind):
        values, faults = _decimals(column, spec.scale)
    elif pa.types.is_floating(kind):
        values, faults = _floats(column, spec.kind)
    else:
        values, faults = _wrong(column)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    faults[missing] = Fault.MISSING
    values[faults != Fault.NONE] = ABSENT
    outside = (faults == Fault.NONE) & ((values < spec.lowest) | (values > spec.highest))
    faults[outside] = Fault.OUT_OF_RANGE
    return values, faults


def _wrong(column: pa.Array) -> Read:
    return np.zeros(len(column), np.int64), np.full(len(column), Fault.WRONG_TYPE, np.uint8)


def _bools(column: pa.Array) -> Read:
    filled = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return filled.astype(np.int64), np.zeros(len(column), np.uint8)


def _floats(column: pa.Array, kind: str) -> Read:
    floats = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    faults = np.zeros(len(floats), np.uint8)
    faults[np.isnan(floats)] = Fault.NAN
    faults[np.isinf(floats)] = Fault.INFINITE
    finite = np.where(faults == Fault.NONE, floats, 0.0)
    if kind == "real":
        return round_micro(finite), faults
    faults[(faults == Fault.NONE) & (finite != np.trunc(finite))] = Fault.WRONG_TYPE
    return _saturate(finite), faults


def round_micro(floats: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Finite float64 [N] → int64 [N]: the exact value times 10⁶, rounded half to even; ABSENT if it passes 64 bits.

    The float product alone would turn values just beside a tie into ties. Its error is recovered exactly (Dekker 1971;
    10⁶ has 20 significant bits, so one factor needs no split).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        product = floats * float(MICRO)
        split = floats * 134217729.0  # 2^27 + 1
        high = split - (split - floats)
        error = (high * MICRO - product) + (floats - high) * MICRO
        rounded = np.rint(product)
        tie = np.abs(product - np.trunc(product)) == 0.5
        rounded = np.where(tie & (error > 0), np.ceil(product), rounded)
        rounded = np.where(tie & (error < 0), np.floor(product), rounded)
    values = _saturate(rounded)
    # From 2^53 on the product is an even integer and the error may hold whole units.
    large = (np.abs(product) >= 2.0**53) & (values != ABSENT)
    values[large] += np.rint(error[large]).astype(np.int64)
    return values


def _saturate(floats: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Integral floats as int64, ABSENT where they do not fit."""
    fits = np.abs(floats) < 2.0**63
    return np.where(fits, np.where(fits, floats, 0.0).astype(np.int64), ABSENT)


def _integers(column: pa.Array, scale: int) -> Read:
    """Whole numbers at `scale`, ABSENT where they pass 64 bits."""
    whole = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    most = INT64_MAX // 10**scale
    fits = whole <= most if whole.dtype.kind == "u" else (whole >= -most) & (whole <= most)
    values = np.where(fits, whole, 0).astype(np.int64) * 10**scale
    values[~fits] = ABSENT
    return values, np.zeros(len(values), np.uint8)


def _decimals(column: pa.Array, scale: int) -> Read:
    """Exact decimals at `scale`: TOO_PRECISE (or, for an int, WRONG_TYPE) where a digit would be lost."""
    lost = Fault.TOO_PRECISE if scale else Fault.WRONG_TYPE
    filled = pc.fill_null(column, 0)
    try:
        exact = filled.cast(pa.decimal128(38, scale), safe=False)
        kept = pc.equal(exact.cast(filled.type, safe=False), filled).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # a value too large for 38 digits: read this rare column one value at a time
        return _large_decimals(filled, scale, lost)
    words = np.frombuffer(exact.buffers()[1], np.int64).reshape(-1, 2)[exact.offset : exact.offset + len(exact)]
    fits = words[:, 1] == words[:, 0] >> 63  # the high word only repeats the sign
    values = np.where(fits, words[:, 0], ABSENT)
    return values, np.where(kept, Fault.NONE, lost).astype(np.uint8)


def _large_decimals(column: pa.Array, scale: int, lost: Fault) -> Read:
    values = np.empty(len(column), np.int64)
    faults = np.zeros(len(column), np.uint8)
    for row, value in enumerate(column.to_pylist()):
        scaled = Fraction(value) * 10**scale
        values[row] = int(scaled) if abs(scaled) <= INT64_MAX else ABSENT
        faults[row] = Fault.NONE if scaled.denominator == 1 else lost
    return values, faults
