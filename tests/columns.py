"""Flat rows, as the reference takes them, as columns and list columns, as the batch executor takes them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rlhf_contract.machine.lanes import ListColumn
from rlhf_contract.machine.opcodes import Kind
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.step import locate

__all__ = ["as_columns"]


def as_columns(program: Program, rows: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.int64], dict[int, ListColumn]]:
    """int64 [signals, N], and the elements of each list signal."""
    signals = np.empty((len(program.signals), len(rows)), np.int64)
    elements: dict[int, list[int]] = {i: [] for i, s in enumerate(program.signals) if s.kind is Kind.LIST}
    for number, row in enumerate(rows):
        places = [*locate(program, row), len(row)]
        for index, (start, stop) in enumerate(pairwise(places)):
            signals[index, number] = row[start]
            if index in elements:
                elements[index] += row[start + 1 : stop]
    lists = {}
    for index, flat in elements.items():
        declared = program.signals[index]
        counts = np.where((signals[index] >= 0) & (signals[index] <= declared.highest), signals[index], 0)
        lists[index] = ListColumn(counts, np.array(flat, np.int64).reshape(-1, len(declared.fields)).T)
    return signals, lists
