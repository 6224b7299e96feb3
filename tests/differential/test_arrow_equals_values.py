"""Columns read by Arrow against values read one by one, and both against exact fractions."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlhf_contract.errors import Span
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.from_arrow import read_column, read_list, round_micro
from rlhf_contract.machine.from_values import read_list as read_list_values
from rlhf_contract.machine.from_values import read_values
from rlhf_contract.types import ABSENT, INT64_MAX

HERE = Span(1, 1, 1, 2)
SPECS = [
    SignalSpec("score", "real", 0, 1_000_000, HERE),
    SignalSpec("wide", "real", -INT64_MAX, INT64_MAX, HERE),
    SignalSpec("tokens", "int", 0, 8192, HERE),
    SignalSpec("whole", "int", -INT64_MAX, INT64_MAX, HERE),
    SignalSpec("flag", "bool", 0, 1, HERE),
    SignalSpec("grade", "choice", 0, 2, HERE, ("low", "middle", "high")),
]

floats = st.one_of(
    st.floats(),
    st.floats(-2, 2),
    st.integers(-4_000_000, 4_000_000).map(lambda n: n / 2_000_000),  # ties at the seventh decimal
    st.integers(-(2**62), 2**62).map(lambda n: n / 1e6),
    st.sampled_from([0.0, -0.0, 1.0, 120.0, 1e300, -1e300, 5e-324, 9007199254.740993, 9223372036854.775]),
)


@settings(max_examples=500)
@given(st.lists(floats.filter(math.isfinite), min_size=1))
@example([0.1234565, 2.5e-06, 1.5e-06, 0.0000005, 4503599627.3704965, 9007199254.740993, 9123456789.123457])
def test_rounding_is_exact(values: list[float]) -> None:
    """round_micro gives the integer nearest to the float's exact value times 10⁶, ties to even."""
    exact = [round(Fraction(v) * 10**6) for v in values]
    expected = [n if abs(n) < 2**63 else ABSENT for n in exact]

    assert expected == round_micro(np.array(values)).tolist()


columns = st.one_of(
    st.tuples(st.just(pa.float64()), st.lists(st.none() | floats)),
    st.tuples(st.just(pa.float32()), st.lists(st.none() | st.floats(width=32))),
    st.tuples(st.just(pa.int64()), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 9000))),
    st.tuples(st.just(pa.uint64()), st.lists(st.none() | st.integers(0, 2**64 - 1))),
    st.tuples(st.just(pa.int8()), st.lists(st.none() | st.integers(-128, 127))),
    st.tuples(st.just(pa.bool_()), st.lists(st.none() | st.booleans())),
    st.tuples(st.just(pa.string()), st.lists(st.none() | st.sampled_from(["high", "low", "0.5", ""]))),
    st.tuples(
        st.just(pa.dictionary(pa.int8(), pa.string())), st.lists(st.none() | st.sampled_from(["high", "low", "other"]))
    ),
    st.tuples(
        st.just(pa.decimal128(38, 9)), st.lists(st.none() | st.decimals(-(10**20), 10**20, places=9, allow_nan=False))
    ),
    st.tuples(st.just(pa.decimal128(9, 2)), st.lists(st.none() | st.decimals(-(10**6), 10**6, places=2))),
    st.tuples(st.just(pa.decimal256(60, 0)), st.lists(st.none() | st.decimals(-(10**50), 10**50, places=0))),
)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(SPECS), columns)
@example(SPECS[0], (pa.decimal128(38, 9), [Decimal("0.123456789"), Decimal("0.5"), None]))
@example(SPECS[1], (pa.decimal256(60, 0), [Decimal(10) ** 40, Decimal(3)]))
def test_arrow_equals_values(spec: SignalSpec, column: tuple[pa.DataType, list[object]]) -> None:
    """A column read whole has the same integers and faults as its values read one by one."""
    kind, values = column
    array = pa.array(values, kind)
    half = len(array) // 2
    numbers, faults = read_column(spec, pa.chunked_array([array.slice(0, half), array.slice(half)]))
    expected_numbers, expected_faults = read_values(spec, array.to_pylist())

    assert expected_faults.tolist() == faults.tolist()
    assert expected_numbers.tolist() == numbers.tolist()


LIST = SignalSpec("claims", "list", 0, 3, HERE, fields=(SPECS[0], SPECS[2], SPECS[4], SPECS[5]))
records = st.fixed_dictionaries(
    {},
    optional={
        "score": st.none() | st.sampled_from([0.0, 0.5, 1.0, 1.5, math.nan]),
        "tokens": st.none() | st.integers(-1, 9000),
        "flag": st.none() | st.booleans(),
        "grade": st.none() | st.sampled_from(["low", "high", "other"]),
    },
)
RECORD = pa.struct([("score", pa.float64()), ("tokens", pa.int64()), ("flag", pa.bool_()), ("grade", pa.string())])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.none() | st.lists(st.none() | records, max_size=5), max_size=8), st.booleans())
def test_lists_are_read_alike(values: list[object], large: bool) -> None:
    """A column of lists of records has the same lengths, elements, faults and notes as its values read one by one."""
    kind = pa.large_list(RECORD) if large else pa.list_(RECORD)
    array = pa.array(values, kind)
    half = len(array) // 2
    whole = read_list(LIST, pa.chunked_array([array.slice(0, half), array.slice(half)], kind))
    alone = read_list_values(LIST, array.to_pylist())

    assert alone.lengths.tolist() == whole.lengths.tolist()
    assert alone.faults.tolist() == whole.faults.tolist()
    assert alone.column.elements.tolist() == whole.column.elements.tolist()
    assert alone.notes == whole.notes


@given(st.sampled_from([pa.array([1, None]), pa.array(["a", None]), pa.array([[1], None])]))
def test_what_is_no_list_of_records(array: pa.Array) -> None:
    """Numbers, texts and lists of numbers are of the wrong type, and a null is missing."""
    assert read_list_values(LIST, array.to_pylist()).faults.tolist() == read_list(LIST, array).faults.tolist() == [4, 1]
