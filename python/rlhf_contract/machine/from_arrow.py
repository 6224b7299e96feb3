"""Arrow columns → int64 signals, without a Python object for any row.

The meaning is that of `from_values.py`, the reference beside it: a float is rounded half to even from its *exact* value
times 10⁶, integers and decimals are read exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.from_values import read_value
from rlhf_contract.machine.lanes import ListColumn
from rlhf_contract.machine.rows import Fault, ListRead, Read, fault_words
from rlhf_contract.types import ABSENT, INT64_MAX, MICRO

__all__ = ["read_column", "read_list", "round_micro"]


def read_column(spec: SignalSpec, column: pa.ChunkedArray | pa.Array) -> Read:
    """int64 [N] and `Fault` uint8 [N] of one Arrow column; any type is accepted, unreadable ones as WRONG_TYPE."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if spec.kind == "bool":
        values, faults = _bools(column) if pa.types.is_boolean(kind) else _wrong(column)
    elif spec.kind == "choice":
        values, faults = _choices(spec, column)
    elif pa.types.is_integer(kind):
        values, faults = _integers(column, spec.scale)
    elif pa.types.is_decimal(kind):
        values, faults = _decimals(spec, column)
    elif pa.types.is_floating(kind):
        values, faults = _floats(column, spec.kind)
    else:
        values, faults = _wrong(column)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    faults[missing] = Fault.MISSING
    values[(faults != Fault.NONE) & (faults != Fault.OUT_OF_RANGE)] = ABSENT
    outside = (faults == Fault.NONE) & ((values < spec.lowest) | (values > spec.highest))
    faults[outside] = Fault.OUT_OF_RANGE
    return values, faults


def read_list(spec: SignalSpec, column: pa.ChunkedArray | pa.Array) -> ListRead:
    """A column of list<struct>. A list that cannot be read at all, or is too long, has no elements."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        missing = column.is_null().to_numpy(zero_copy_only=False)
        faults = np.where(missing, Fault.MISSING, Fault.WRONG_TYPE).astype(np.uint8)
        nothing = ListColumn(np.zeros(len(column), np.int64), np.zeros((len(spec.fields), 0), np.int64))
        return ListRead(np.full(len(column), ABSENT, np.int64), nothing, faults, {})
    lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    faults = np.where(lengths < 0, Fault.MISSING, np.where(lengths > spec.highest, Fault.TOO_LONG, Fault.NONE))
    records = pc.list_flatten(pc.filter(column, pa.array(faults == Fault.NONE)))
    nobody = records.is_null().to_numpy(zero_copy_only=False)  # an element that is no record makes the list no list
    counts = np.where(faults == Fault.NONE, lengths, 0)
    owner = np.repeat(np.arange(len(column)), counts)
    faults[owner[nobody]] = Fault.WRONG_TYPE
    kept = faults[owner] == Fault.NONE
    counts = np.where(faults == Fault.NONE, counts, 0)
    owner = owner[kept]
    elements = np.full((len(spec.fields), len(owner)), ABSENT, np.int64)
    wrong = np.full(elements.shape, Fault.MISSING, np.uint8)
    names = {records.type.field(i).name for i in range(records.type.num_fields)}
    for index, field in enumerate(spec.fields):
        if field.name in names:
            values, field_faults = read_column(field, pc.struct_field(records, field.name))
            elements[index], wrong[index] = values[kept], field_faults[kept]
    starts = np.cumsum(counts) - counts
    notes: dict[int, str] = {}
    for place in np.flatnonzero(wrong.any(axis=0)):
        row, index = int(owner[place]), int(np.flatnonzero(wrong[:, place])[0])
        name = f"{spec.name}[{place - starts[row]}].{spec.fields[index].name}"
        notes.setdefault(row, fault_words(spec.fields[index], Fault(int(wrong[index, place])), name))
        faults[row] = Fault.ELEMENT
    readable = (faults == Fault.NONE) | (faults == Fault.ELEMENT)
    return ListRead(np.where(readable, counts, ABSENT), ListColumn(counts, elements), faults.astype(np.uint8), notes)


def _choices(spec: SignalSpec, column: pa.Array) -> Read:
    """Texts, or dictionary-encoded texts, by their position among the choices."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return _wrong(column)
    positions = pc.index_in(column, pa.array(spec.choices, column.type))
    faults = np.where(positions.is_null().to_numpy(zero_copy_only=False), Fault.NO_CHOICE, Fault.NONE)
    return pc.fill_null(positions, 0).to_numpy(zero_copy_only=False).astype(np.int64), faults.astype(np.uint8)


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
    # From 2^53 on the product is an even integer, and the error may hold whole units, even where the product is ±2^63.
    large = (np.abs(product) >= 2.0**53) & (np.abs(product) <= 2.0**63)
    step = np.copysign(1024.0, product[large])
    units = (step + np.rint(error[large])).astype(np.int64)
    inside = (np.abs(product[large]) < 2.0**63) | (np.rint(error[large]) * step <= -1024.0)
    values[large] = np.where(inside, (product[large] - step).astype(np.int64) + np.where(inside, units, 0), ABSENT)
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


def _decimals(spec: SignalSpec, column: pa.Array) -> Read:
    """Exact decimals: TOO_PRECISE (or, for an int, WRONG_TYPE) where a digit would be lost."""
    scale = spec.scale
    lost = Fault.TOO_PRECISE if scale else Fault.WRONG_TYPE
    filled = pc.fill_null(column, 0)
    largest = pc.max(pc.abs(filled)).as_py()
    if largest is not None and largest > INT64_MAX // 10**scale:  # rare: some value cannot be in any range
        read = [read_value(spec, value) for value in filled.to_pylist()]
        return np.array([number for number, _ in read], np.int64), np.array([fault for _, fault in read], np.uint8)
    exact = filled.cast(pa.decimal128(38, scale), safe=False)
    kept = pc.equal(exact.cast(filled.type, safe=False), filled).to_numpy(zero_copy_only=False)
    words = np.frombuffer(exact.buffers()[1], np.int64).reshape(-1, 2)[exact.offset : exact.offset + len(exact)]
    return words[:, 0].copy(), np.where(kept, Fault.NONE, lost).astype(np.uint8)
