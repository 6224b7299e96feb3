"""Flat rows of a counterexample: where a signal lies in one, and what it says in the author's terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.types import decimal_text

__all__ = ["Row", "cells", "place", "readable"]

Row = tuple[int, ...]


def cells(contract: Contract, row: Sequence[int]) -> Iterator[tuple[int, SignalSpec, int]]:
    """Every number of `row`: its place, what it is, the index of its signal. A list's length comes with the list."""
    at = 0
    for index, spec in enumerate(contract.signals):
        yield at, spec, index
        at += 1
        if spec.kind == "list":
            for _ in range(row[at - 1]):
                for field in spec.fields:
                    yield at, field, index
                    at += 1


def place(contract: Contract, row: Sequence[int], signal: int) -> int:
    """Where the signal with this index begins in `row`."""
    return next(at for at, _, index in cells(contract, row) if index == signal)


def readable(contract: Contract, row: Sequence[int]) -> dict[str, Any]:
    """Signals by name: bools as bools, numbers as decimals, choices by name, lists as lists of records."""
    said: dict[str, Any] = {}
    record: dict[str, Any] = {}
    for at, spec, index in cells(contract, row):
        signal = contract.signals[index]
        if spec is signal:
            said[spec.name] = [] if spec.kind == "list" else _value(spec, row[at])
        else:
            if spec is signal.fields[0]:
                record = {}
                said[signal.name].append(record)
            record[spec.name] = _value(spec, row[at])
    return said


def _value(spec: SignalSpec, number: int) -> Any:
    if spec.kind == "bool":
        return bool(number)
    return spec.choices[number] if spec.kind == "choice" else decimal_text(number, spec.scale)
