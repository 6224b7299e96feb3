"""Why a row has the reward it has: every utility, every rule, every rounding, down to the final integer."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from rlhf_contract.errors import InternalError
from rlhf_contract.lang import ast
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.evaluate import ExactRow, Value
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine import step
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.rows import Rows
from rlhf_contract.types import ABSENT, Status, decimal_text

__all__ = ["why"]


def why(contract: Contract, program: Program, rows: Rows, row: int) -> dict[str, Any]:
    """Everything about one row as a JSON-ready dict; numbers are decimal texts, `rewardMicro` the machine's integer.

    Raises InternalError when exact evaluation and the machine disagree.
    """
    flat = rows.flat(row)
    outcome = step.run(program, flat)
    said: dict[str, Any] = {
        "contract": f"{contract.name} {contract.version}",
        "status": outcome.status.name.lower(),
        "why": rows.reason(row),
        "signals": {s.name: _input(rows, i, row) for i, s in enumerate(contract.signals)},
    }
    if outcome.status is Status.INVALID:
        return said
    exact = ExactRow(contract, *_values(contract, rows, row))
    said["lets"] = {let.name: _text(exact[contract.lets[let.name]]) for let in contract.tree.lets}
    said["requires"] = [
        {"name": r.name, "text": contract.quote(b.condition.span), "holds": bool(exact[r.node])}
        for r, b in zip(contract.requirements, contract.tree.requires, strict=True)
    ]
    if outcome.status is Status.INADMISSIBLE:
        said["why"] = f"REQUIRES {contract.requirements[outcome.requirement or 0].name} is false"
        return said
    said["utilities"] = [
        {
            "stakeholder": u.stakeholder,
            "weight": decimal_text(u.weight, 6),
            "wants": contract.quote(h.wants.span),
            "utility": _text(exact[u.node]),
        }
        for u, h in zip(contract.utilities, contract.tree.stakeholders, strict=True)
    ]
    said["aggregate"] = {
        "rule": contract.tree.aggregates[0].rule,
        "result": decimal_text(exact.number(contract.aggregate)),
    }
    said["rules"] = _rules(contract, exact)
    said["roundings"] = [
        {
            "text": "the reward" if r.node is contract.reward else contract.quote(r.node.span),
            "operation": r.node.op,
            "elements": [k for _, k in r.element],
            "exact": decimal_text(r.exact),
            "rounded": decimal_text(r.rounded),
        }
        for r in exact.roundings
    ]
    said["exact"] = decimal_text(exact.number(contract.exact))
    said["reward"] = decimal_text(outcome.reward, 6)
    said["rewardMicro"] = outcome.reward
    if exact.number(contract.reward) * 10**6 != outcome.reward:
        raise InternalError(f"{contract.name}: the machine gives {said['reward']}, its meaning {said['exact']}")
    return said


def _rules(contract: Contract, exact: ExactRow) -> list[dict[str, Any]]:
    """Each invariant, whether it is kept, and what it would take away."""
    return [
        {
            "name": rule.name,
            "text": _rule_text(contract, block),
            "kept": bool(exact[rule.node]),
            "penalty": None if rule.penalty is None else decimal_text(rule.penalty, 6),
            "atMost": None if rule.at_most is None else decimal_text(rule.at_most, 6),
            "cites": block.cites,
        }
        for rule, block in zip(contract.rules, contract.tree.invariants, strict=True)
    ]


def _rule_text(contract: Contract, block: ast.Invariant) -> str:
    """The condition as the author wrote it."""
    text = contract.quote(block.condition.span)
    return text if block.unless is None else f"NEVER {text} WITHOUT {contract.quote(block.unless.span)}"


def _text(value: Value) -> Any:
    return value if isinstance(value, bool) else decimal_text(value)


def _input(rows: Rows, index: int, row: int) -> Any:
    """A signal as its author knows it; None where it could not be read."""
    spec = rows.specs[index]
    if rows.faults[index, row] and int(rows.signals[index, row]) == ABSENT:
        return None
    if spec.kind != "list":
        return _readable(spec, int(rows.signals[index, row]))
    start, stop = rows.lists[index].starts[row : row + 2]
    elements = rows.lists[index].elements[:, start:stop]
    return [{f.name: _readable(f, int(elements[i, k])) for i, f in enumerate(spec.fields)} for k in range(stop - start)]


def _readable(spec: SignalSpec, number: int) -> Any:
    if number == ABSENT:
        return None
    if spec.kind == "bool":
        return bool(number)
    return spec.choices[number] if spec.kind == "choice" else decimal_text(number, spec.scale)


def _values(contract: Contract, rows: Rows, row: int) -> tuple[dict[int, Value], dict[int, list[list[Value]]]]:
    """The row for exact evaluation. A choice is its position."""
    scalars: dict[int, Value] = {}
    lists: dict[int, list[list[Value]]] = {}
    for index, spec in enumerate(contract.signals):
        if spec.kind != "list":
            scalars[index] = _exact(spec, int(rows.signals[index, row]))
            continue
        start, stop = rows.lists[index].starts[row : row + 2]
        elements = rows.lists[index].elements[:, start:stop].T.tolist()
        lists[index] = [[_exact(f, v) for f, v in zip(spec.fields, record, strict=True)] for record in elements]
    return scalars, lists


def _exact(spec: SignalSpec, number: int) -> Value:
    return bool(number) if spec.kind == "bool" else Fraction(number, 10**spec.scale)
