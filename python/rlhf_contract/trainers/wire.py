"""Rows as they were read → the columns of `POST /v1/rewards`, such that the oracle reads the same integers.

A decimal goes as text: a float would be read once here and once there, and both would have to round alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.rows import Rows
from rlhf_contract.scorers.scorer import COMPLETIONS, PROMPTS, text_names
from rlhf_contract.types import ABSENT

__all__ = ["wire_columns"]


def wire_columns(
    contract: Contract, rows: Rows, prompts: list[str], completions: list[str], read: Mapping[str, Sequence[object]]
) -> dict[str, list[Any]]:
    """JSON-ready columns of N rows, with the texts that the oracle commits to. What could not be read is null.

    `read` are columns that the contract's pinned scorers read: the oracle runs the same ones.
    """
    columns: dict[str, list[Any]] = {}
    for index, spec in enumerate(contract.signals):
        numbers = rows.signals[index].tolist()
        if spec.kind != "list":
            columns[spec.name] = [_value(spec, number) for number in numbers]
            continue
        elements, starts = rows.lists[index].elements.T.tolist(), rows.lists[index].starts
        columns[spec.name] = [
            None
            if length == ABSENT
            else [
                {f.name: _value(f, v) for f, v in zip(spec.fields, record, strict=True)}
                for record in elements[starts[row] : starts[row + 1]]
            ]
            for row, length in enumerate(numbers)
        ]
    signals = {spec.name for spec in contract.signals}
    columns |= {name: [_plain(value) for value in values] for name, values in read.items() if name not in signals}
    for names, texts in ((PROMPTS, prompts), (COMPLETIONS, completions)):
        columns |= dict.fromkeys(text_names(names, signals, read)[:1], texts)
    return columns


def _plain(value: object) -> Any:
    """NumPy's scalars and arrays, tensors: as the values that they hold."""
    return value.tolist() if hasattr(value, "tolist") else value


def _value(spec: SignalSpec, number: int) -> Any:
    if number == ABSENT:
        return None
    if spec.kind == "bool":
        return bool(number)
    if spec.kind == "choice":
        return spec.choices[number]
    if spec.kind == "int":
        return number
    whole, rest = divmod(abs(number), 10**6)
    return f"{'-' if number < 0 else ''}{whole}.{rest:06d}"
