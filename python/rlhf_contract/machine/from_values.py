"""Python values (from JSON, CSV or a caller) → int64 signals: the reference for what a value means.

`from_arrow.py` reads whole columns by the same rules; `tests/differential` holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.lanes import ListColumn
from rlhf_contract.machine.rows import Fault, ListRead, Read, fault_words
from rlhf_contract.types import ABSENT, INT64_MAX

__all__ = ["read_list", "read_value", "read_values"]


def read_values(spec: SignalSpec, values: Sequence[object]) -> Read:
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
    is missing. The range is checked on the result. choice: the text of one of the choices.
    """
    if spec.kind == "choice":
        return _choice(spec, value)
    number, fault = _bool(value) if spec.kind == "bool" else _number(value, spec.scale)
    if fault is not Fault.NONE:
        return ABSENT, fault
    if abs(number) > INT64_MAX:
        return ABSENT, Fault.OUT_OF_RANGE
    return number, Fault.NONE if spec.lowest <= number <= spec.highest else Fault.OUT_OF_RANGE


def read_list(spec: SignalSpec, values: Sequence[object]) -> ListRead:
    """N lists of records (mappings by field name). A list that cannot be read, or is too long, has no elements."""
    lengths = np.full(len(values), ABSENT, np.int64)
    faults = np.zeros(len(values), np.uint8)
    elements: list[list[int]] = []
    notes: dict[int, str] = {}
    for row, value in enumerate(values):
        fault = _list_fault(spec, value)
        faults[row] = fault
        if fault is not Fault.NONE:
            continue
        assert isinstance(value, Sequence)
        lengths[row] = len(value)
        for place, record in enumerate(value):
            read = [read_value(f, record.get(f.name)) for f in spec.fields]
            elements.append([number for number, _ in read])
            for field, (_, wrong) in zip(spec.fields, read, strict=True):
                if wrong is not Fault.NONE and row not in notes:
                    notes[row] = fault_words(field, wrong, f"{spec.name}[{place}].{field.name}")
                    faults[row] = Fault.ELEMENT
    column = np.array(elements, np.int64).reshape(-1, len(spec.fields)).T
    return ListRead(lengths, ListColumn(np.maximum(lengths, 0), np.ascontiguousarray(column)), faults, notes)


def _list_fault(spec: SignalSpec, value: object) -> Fault:
    if value is None:
        return Fault.MISSING
    if not isinstance(value, list | tuple):
        return Fault.WRONG_TYPE
    if len(value) > spec.highest:
        return Fault.TOO_LONG
    return Fault.NONE if all(isinstance(record, Mapping) for record in value) else Fault.WRONG_TYPE


def _choice(spec: SignalSpec, value: object) -> tuple[int, Fault]:
    if value is None:
        return ABSENT, Fault.MISSING
    if not isinstance(value, str):
        return ABSENT, Fault.WRONG_TYPE
    if value not in spec.choices:
        return ABSENT, Fault.NO_CHOICE
    return spec.choices.index(value), Fault.NONE


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
