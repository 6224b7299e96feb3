"""Flat rows of a counterexample: what is where in one, and what it says in the author's terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.prove.to_z3 import Free
from rlhf_contract.types import decimal_text

__all__ = ["Row", "cells", "differ_only_in", "readable", "values"]

Row = tuple[int, ...]
Cell = tuple[int, SignalSpec, int, int | None]


def cells(contract: Contract, row: Sequence[int]) -> Iterator[Cell]:
    """Every number of `row`: its place, what it is, the index of its signal, and of its field (None: the signal's own).

    A list's own number is its length.
    """
    at = 0
    for index, spec in enumerate(contract.signals):
        yield at, spec, index, None
        at += 1
        if spec.kind == "list":
            for _ in range(row[at - 1]):
                for f, field in enumerate(spec.fields):
                    yield at, field, index, f
                    at += 1


def values(contract: Contract, row: Sequence[int], signal: int, field: int | None) -> list[int]:
    """The numbers in `row` of a signal, or of one field of a list's elements."""
    return [row[at] for at, _, index, f in cells(contract, row) if (index, f) == (signal, field)]


def differ_only_in(contract: Contract, rows: Sequence[Sequence[int]], free: Collection[Free]) -> bool:
    """Whether all rows are equal but for the `free` signals and fields."""

    def fixed(row: Sequence[int]) -> list[tuple[int, int | None, int]]:
        found = cells(contract, row)
        return [(i, f, row[at]) for at, _, i, f in found if (i, f) not in free and (i, None) not in free]

    return all(fixed(row) == fixed(rows[0]) for row in rows[1:])


def readable(contract: Contract, row: Sequence[int]) -> dict[str, Any]:
    """Signals by name: bools as bools, numbers as decimals, choices by name, lists as lists of records."""
    said: dict[str, Any] = {}
    record: dict[str, Any] = {}
    for at, spec, index, field in cells(contract, row):
        signal = contract.signals[index]
        if field is None:
            said[spec.name] = [] if spec.kind == "list" else _value(spec, row[at])
        else:
            if field == 0:
                record = {}
                said[signal.name].append(record)
            record[spec.name] = _value(spec, row[at])
    return said


def _value(spec: SignalSpec, number: int) -> Any:
    if spec.kind == "bool":
        return bool(number)
    return spec.choices[number] if spec.kind == "choice" else decimal_text(number, spec.scale)
