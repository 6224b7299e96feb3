"""The functions of Legal-Blocks for traced Python: a `_` where Python has a function of that name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rlhf_contract.lang import ast
from rlhf_contract.lang.python_values import NOWHERE, NotTraceable, named
from rlhf_contract.lang.symbols import ListOf, Names, Symbol, Value, call, expression, limited

__all__ = [
    "abs_",
    "clip",
    "count",
    "curve",
    "exists",
    "floor",
    "forall",
    "if_then_else",
    "max_",
    "min_",
    "sum_",
]


def min_(*values: Value) -> Symbol:
    """The smallest of the values."""
    return call("min", *map(expression, values))


def max_(*values: Value) -> Symbol:
    """The largest of the values."""
    return call("max", *map(expression, values))


def abs_(value: Value) -> Symbol:
    """The value without its sign."""
    return call("abs", expression(value))


def clip(value: Value, lowest: Value, highest: Value) -> Symbol:
    """The value, kept between `lowest` and `highest`."""
    return call("clip", expression(value), expression(lowest), expression(highest))


def floor(value: Value, digits: int) -> Symbol:
    """The value rounded down to so many decimals."""
    return call("floor", expression(value), expression(digits))


def curve(value: Value, *points: tuple[Value, Value]) -> Symbol:
    """The piecewise linear function through `points`."""
    made = []
    for point in points:
        if not isinstance(point, tuple) or len(point) != 2:
            raise NotTraceable(f"{point!r} is not a point of a curve: write (x, y)")
        x, y = map(expression, point)
        made.append(ast.Point(x, y, NOWHERE, max(x.depth, y.depth)))
    return call("curve", expression(value), *made)


def if_then_else(condition: Symbol, then: Value, otherwise: Value) -> Symbol:
    """`then` where the condition holds, else `otherwise`."""
    if not isinstance(condition, Symbol):
        raise NotTraceable(f"if_then_else needs a condition, and {condition!r} is none")
    parts = condition.tree, expression(then), expression(otherwise)
    return Symbol(limited(ast.Conditional(*parts, NOWHERE, 1 + max(p.depth for p in parts))))


def forall(items: ListOf, body: Callable[[Any], Any]) -> Symbol:
    """Whether every item of a list fulfils `body`, which gets an item; its parameter names it in the contract."""
    return _quantified("FORALL", items, body)


def exists(items: ListOf, body: Callable[[Any], Any]) -> Symbol:
    """Whether some item of a list fulfils `body`."""
    return _quantified("EXISTS", items, body)


def count(items: ListOf, body: Callable[[Any], Any]) -> Symbol:
    """How many items of a list fulfil `body`."""
    return _quantified("count", items, body)


def sum_(items: ListOf, body: Callable[[Any], Any]) -> Symbol:
    """The sum of `body` over the items of a list."""
    return _quantified("sum", items, body)


def _quantified(kind: str, items: ListOf, body: Callable[[Any], Any]) -> Symbol:
    if not isinstance(items, ListOf):
        raise NotTraceable(f"{kind.lower()} looks at a list signal, and {items!r} is none")
    parameters = list(inspect.signature(body).parameters)
    if len(parameters) != 1:
        raise NotTraceable(f"{kind.lower()} needs a function of one item, such as lambda item: item.field")
    variable = named(parameters[0])
    known: dict[str, Symbol | ListOf] = {}
    known |= {f: Symbol(ast.Name(f, NOWHERE), known) for f in (f"{variable}.{field}" for field in items.fields)}
    inner = expression(body(Names(known, f"{variable}.")))
    tree = ast.Quantifier(kind, variable, items.name, inner, NOWHERE, NOWHERE, inner.depth + 1)
    return Symbol(limited(tree))
