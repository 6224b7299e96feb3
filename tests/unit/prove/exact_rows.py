"""Every value of a contract's nodes on one flat row, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.evaluate import ExactRow
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.prove.witness import cells

__all__ = ["Values", "exact_values"]

Values = dict[tuple[int, tuple[tuple[int, int], ...]], Fraction]
"""By the order of the node, and the elements of lists that it stands at; conditions are 0 or 1."""


def exact_values(contract: Contract, row: Sequence[int]) -> Values:
    """All values that a row's reward and rules depend on; of a branch that is not taken, none inside a list."""
    scalars: dict[int, Fraction | bool] = {}
    lists: dict[int, list[list[Fraction | bool]]] = {}
    for at, spec, index, field in cells(contract, row):
        if spec.kind == "list":
            lists[index] = []
        elif field is None:
            scalars[index] = _value(spec, row[at])
        else:
            if field == 0:
                lists[index].append([])
            lists[index][-1].append(_value(spec, row[at]))
    found = ExactRow(contract, scalars, lists)
    return {key: Fraction(value) for key, value in found._values.items()}


def _value(spec: SignalSpec, number: int) -> Fraction | bool:
    return bool(number) if spec.kind == "bool" else Fraction(number, 10**spec.scale)
