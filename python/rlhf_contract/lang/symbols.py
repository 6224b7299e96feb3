"""Python expressions over signals that have no value yet: every operator writes down what it would compute.

A function is *traced*: it runs once, over symbols, and what it returns is the expression. So it can use Python's
operators, functions and loops over constants, but nothing that needs a signal's value there and then, such as `if`.
Each of those is refused with what to write instead; none of them may silently take one branch.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn, TypeVar

from rlhf_contract.lang import ast
from rlhf_contract.lang.format import format_expression
from rlhf_contract.lang.python_values import NOWHERE, NoSuchName, NotTraceable, exact, is_name
from rlhf_contract.lang.transform import MAX_NESTING

__all__ = ["ListOf", "Names", "Symbol", "Value", "call", "constant", "expression", "limited"]

# -- constants


def constant(value: object) -> Symbol:
    """A number as a symbol, so that operations between constants are written down too.

    Raises NotTraceable if it is not exact.
    """
    number = exact(value)
    made = ast.Number(abs(number.value), number.scale, NOWHERE)
    return Symbol(ast.Unary("-", made, NOWHERE, 2) if number.value < 0 else made)


def expression(value: object) -> ast.Expression:
    """The expression of a symbol or a constant.

    Raises NotTraceable when it is neither.
    """
    if isinstance(value, Symbol):
        return value.tree
    if value is None:
        raise NotTraceable("the function returns nothing: end it with return and an expression")
    if isinstance(value, ListOf):
        raise NotTraceable(f"{value.name} is a list: use forall, exists, count or sum_ over it")
    if isinstance(value, Names):
        raise NotTraceable("this is no expression but a group of names: go on with a dot and a name")
    return constant(value).tree


def _compared(value: object) -> ast.Expression:
    """The other side of = or !=, where a text may also be one of a signal's choices."""
    if isinstance(value, str) and is_name(value):
        return ast.Name(value, NOWHERE)
    return expression(value)


# -- symbols


_Tree = TypeVar("_Tree", ast.Unary, ast.Binary, ast.Conditional, ast.Call, ast.Quantifier)


def limited(tree: _Tree) -> _Tree:
    """`tree`, if it nests no deeper than a file may.

    Raises NotTraceable.
    """
    if tree.depth > MAX_NESTING:
        raise NotTraceable(f"expressions are nested deeper than {MAX_NESTING}: name a part with contract.let(…)")
    return tree


def _binary(operator: str, left: ast.Expression, right: ast.Expression) -> Symbol:
    depth = max(left.depth if isinstance(left, ast.Binary) else left.depth + 1, right.depth + 1)
    return Symbol(limited(ast.Binary(operator, left, right, NOWHERE, depth)))


def _unary(operator: str, operand: ast.Expression) -> Symbol:
    return Symbol(limited(ast.Unary(operator, operand, NOWHERE, operand.depth + 1)))


def _condition(operator: str, other: object) -> ast.Expression:
    if not isinstance(other, Symbol):
        raise NotTraceable(
            f"{operator} stands between conditions, and {other!r} is none: "
            f"put comparisons in parentheses, as in (a > 0) {operator} (b > 0)"
        )
    return other.tree


def call(function: str, *arguments: ast.Expression | ast.Point) -> Symbol:
    """`function` of the arguments.

    Raises NotTraceable when they are nested too deeply.
    """
    depth = 1 + max((a.depth for a in arguments), default=0)
    return Symbol(limited(ast.Call(function, arguments, NOWHERE, NOWHERE, depth)))


class Symbol:
    """An expression that each row will give a value. Arithmetic, comparisons, & | ~ and .implies() make larger ones."""

    __slots__ = ("_known", "tree")
    __array_ufunc__ = None  # NumPy numbers leave the operation to us
    __hash__ = None  # type: ignore[assignment]  # == does not say whether two symbols are the same

    def __init__(self, tree: ast.Expression, known: Mapping[str, Symbol | ListOf] | None = None) -> None:
        self.tree = tree
        self._known = known

    def __getattr__(self, name: str) -> Symbol | ListOf | Names:
        if name.startswith("__"):
            raise AttributeError(name)
        if isinstance(self.tree, ast.Name) and self._known is not None:
            return Names(self._known, f"{self.tree.id}.")[name]
        raise NoSuchName(f"an expression has no .{name}")

    def __repr__(self) -> str:
        return f"<{format_expression(self.tree)}>"

    def __add__(self, other: Value) -> Symbol:
        return _binary("+", self.tree, expression(other))

    def __radd__(self, other: Value) -> Symbol:
        return _binary("+", expression(other), self.tree)

    def __sub__(self, other: Value) -> Symbol:
        return _binary("-", self.tree, expression(other))

    def __rsub__(self, other: Value) -> Symbol:
        return _binary("-", expression(other), self.tree)

    def __mul__(self, other: Value) -> Symbol:
        return _binary("*", self.tree, expression(other))

    def __rmul__(self, other: Value) -> Symbol:
        return _binary("*", expression(other), self.tree)

    def __truediv__(self, other: Value) -> Symbol:
        return _binary("/", self.tree, expression(other))

    def __rtruediv__(self, other: Value) -> Symbol:
        return _binary("/", expression(other), self.tree)

    def __neg__(self) -> Symbol:
        return _unary("-", self.tree)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return call("abs", self.tree)

    def __lt__(self, other: Value) -> Symbol:
        return _binary("<", self.tree, expression(other))

    def __le__(self, other: Value) -> Symbol:
        return _binary("<=", self.tree, expression(other))

    def __gt__(self, other: Value) -> Symbol:
        return _binary(">", self.tree, expression(other))

    def __ge__(self, other: Value) -> Symbol:
        return _binary(">=", self.tree, expression(other))

    def __eq__(self, other: object) -> Symbol:  # type: ignore[override]
        return _binary("=", self.tree, _compared(other))

    def __ne__(self, other: object) -> Symbol:  # type: ignore[override]
        return _binary("!=", self.tree, _compared(other))

    def __and__(self, other: Symbol) -> Symbol:
        return _binary("AND", self.tree, _condition("&", other))

    def __rand__(self, other: Symbol) -> Symbol:
        return _binary("AND", _condition("&", other), self.tree)

    def __or__(self, other: Symbol) -> Symbol:
        return _binary("OR", self.tree, _condition("|", other))

    def __ror__(self, other: Symbol) -> Symbol:
        return _binary("OR", _condition("|", other), self.tree)

    def __invert__(self) -> Symbol:
        return _unary("NOT", self.tree)

    def implies(self, consequence: Symbol) -> Symbol:
        """Where this condition holds, so does `consequence`.

        Raises NotTraceable if that is no condition.
        """
        if not isinstance(consequence, Symbol):
            raise NotTraceable(f".implies() needs a condition, and {consequence!r} is none")
        return _binary("IMPLIES", self.tree, consequence.tree)

    def __bool__(self) -> bool:
        self._refuse(
            "Python's if, and, or, not, in, min, max and chained comparisons ask",
            "if_then_else(condition, a, b), &, |, ~, min_, max_, and (a < x) & (x < b) for a < x < b",
        )

    def __float__(self) -> float:
        self._refuse("float() and the math module ask", "+ - * / min_ max_ abs_ clip floor curve")

    def __int__(self) -> int:
        self._refuse("int() asks", "floor(x, 0), which rounds down")

    def __round__(self, digits: int = 0) -> NoReturn:
        self._refuse("round() asks", f"floor(x, {digits}), which rounds down")

    def __floor__(self) -> NoReturn:
        self._refuse("math.floor() asks", "floor(x, 0)")

    def __ceil__(self) -> NoReturn:
        self._refuse("math.ceil() asks", "-floor(-x, 0)")

    def __trunc__(self) -> NoReturn:
        self._refuse("math.trunc() asks", "floor(x, 0), which rounds down")

    def __iter__(self) -> NoReturn:
        self._refuse("a loop asks", "forall, exists, count or sum_ over a list")

    def __pow__(self, other: object) -> NoReturn:
        self._refuse("** asks", "x * x")

    __rpow__ = __pow__

    def __floordiv__(self, other: object) -> NoReturn:
        self._refuse("// and % ask", "floor(x / y, 0)")

    __rfloordiv__ = __mod__ = __rmod__ = __floordiv__

    def _refuse(self, who: str, instead: str) -> NoReturn:
        raise NotTraceable(
            f"{who} for the value of {format_expression(self.tree)[:80]}, which only a row will have: write {instead}"
        )


Value = Symbol | int | float | str | Decimal


class ListOf:
    """A list of records among the signals: forall, exists, count and sum_ look at its items."""

    __slots__ = ("fields", "name")

    def __init__(self, name: str, fields: tuple[str, ...]) -> None:
        self.name = name
        self.fields = fields

    def _refuse(self, *_: object) -> NoReturn:
        raise NotTraceable(
            f"{self.name} has items only in a row: write forall, exists, count or sum_, "
            f"for example count({self.name}, lambda item: item.{self.fields[0] if self.fields else 'field'})"
        )

    def __iter__(self) -> NoReturn:
        self._refuse()

    def __len__(self) -> int:
        self._refuse()

    def __bool__(self) -> bool:
        self._refuse()

    __getitem__ = _refuse


class Names:
    """What a traced function may mention: `s.tokens`, `s.response.helpful`, or `s["response.helpful"]`."""

    __slots__ = ("__known", "__prefix")

    def __init__(self, known: Mapping[str, Symbol | ListOf], prefix: str = "") -> None:
        self.__known = known
        self.__prefix = prefix

    def __getattr__(self, name: str) -> Symbol | ListOf | Names:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Symbol | ListOf | Names:
        full = f"{self.__prefix}{name}"
        if full in self.__known:
            return self.__known[full]
        if any(known.startswith(f"{full}.") for known in self.__known):
            return Names(self.__known, f"{full}.")
        near = difflib.get_close_matches(full, self.__known, 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(list(self.__known)[:12]) or 'nothing yet'}"
        raise NoSuchName(f"nothing is named {full}; {hint}")
