"""Numbers, names, texts and types as Python hands them over: exact, or refused with what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from rlhf_contract.errors import NoSuchName, NotTraceable, Span
from rlhf_contract.lang import ast
from rlhf_contract.lang.transform import MAX_DECIMALS, MAX_DIGITS

__all__ = [
    "KEYWORDS",
    "NOWHERE",
    "FieldType",
    "NoSuchName",
    "NotTraceable",
    "bool_",
    "choice_",
    "exact",
    "int_",
    "is_name",
    "matching",
    "named",
    "quotable",
    "real_",
    "score_",
]

NOWHERE = Span(0, 0, 0, 0)
"""Where that stands which no source has."""

KEYWORDS = frozenset(
    {
        *("CONTRACT", "VERSION", "TITLE", "JURISDICTION", "REWARD", "SIGNALS", "BY", "LET", "STAKEHOLDERS", "WEIGHT"),
        *("WANTS", "FLOOR", "VETO", "AGGREGATE", "REQUIRES", "INVARIANT", "ALWAYS", "NEVER", "WITHOUT", "ENSURES"),
        *("PROVE", "MONOTONE", "PENALTY", "AT", "MOST", "CITES", "IF", "THEN", "ELSE", "FORALL", "EXISTS", "IN"),
        *("IMPLIES", "OR", "AND", "NOT", "DECREASING", "VIOLATION", "FIXING", "PAYS", "PARETO", "INFLUENCE", "OF"),
        *("SENSITIVITY", "TO"),
    }
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def exact(value: object) -> ast.Decimal:
    """`value` as an exact decimal: int, Decimal, text such as "0.7", or a float written with at most six decimals.

    Raises NotTraceable for anything else.
    """
    number = _decimal(value)
    if not number.is_finite():
        raise NotTraceable(f"{number} is not a number that a contract can use")
    too_large = NotTraceable(f"{number:.6g} is too large: a number has at most {MAX_DIGITS} digits")
    if number.adjusted() > MAX_DIGITS:
        raise too_large
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # it is finite
    whole, scale = int("".join(map(str, digits))) * 10 ** max(exponent, 0), max(-exponent, 0)
    while scale and whole % 10 == 0:
        whole, scale = whole // 10, scale - 1
    if scale > MAX_DECIMALS:
        nearest = f"{round(number, MAX_DECIMALS):f}".rstrip("0").rstrip(".")
        raise NotTraceable(
            f"{number} has {scale} decimals, and a number has at most six: write what you mean as text, "
            f'for example "{nearest}"'
        )
    if len(str(whole)) > MAX_DIGITS:
        raise too_large
    return ast.Decimal(-whole if sign else whole, scale, NOWHERE)


def _decimal(value: object) -> Decimal:
    """`value` without any rounding."""
    if isinstance(value, bool):
        raise NotTraceable("Legal-Blocks has no True and False: write the condition itself, or ~condition")
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            raise NotTraceable(f'"{value}" is not a number: write plain decimals such as "0.7" or "-2"')
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    if isinstance(value, int | Decimal):
        return Decimal(value)
    raise NotTraceable(f'{value!r} is not a number: write an int, a Decimal or text such as "0.7"')


def is_name(text: str) -> bool:
    """Whether `text` can be a name in a contract."""
    return bool(_NAME.fullmatch(text)) and text not in KEYWORDS


def named(text: str) -> str:
    """`text`, if it can be a name in a contract.

    Raises NotTraceable.
    """
    if not isinstance(text, str) or not is_name(text):
        raise NotTraceable(f"{text!r} cannot be a name: use letters, digits and _, and none of the keywords")
    return text


def matching(text: str, pattern: str, what: str) -> str:
    """`text`, if it has the form of `what`.

    Raises NotTraceable.
    """
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise NotTraceable(f"{text!r} is not {what}")
    return text


def quotable(text: str) -> str:
    """`text`, if it can stand in quotes.

    Raises NotTraceable.
    """
    if not isinstance(text, str) or set(text) & set('"\n\r'):
        raise NotTraceable(f"{text!r} cannot stand in quotes: leave out quotation marks and line breaks")
    return text


# -- types


@dataclass(frozen=True, slots=True)
class FieldType:
    """The type of a signal, or of a field of a list's records."""

    kind: Literal["score", "real", "int", "bool", "choice"]
    lowest: ast.Decimal | None = None
    highest: ast.Decimal | None = None
    choices: tuple[str, ...] = ()


def score_() -> FieldType:
    """A real from 0 to 1."""
    return FieldType("score")


def real_(lowest: object, highest: object) -> FieldType:
    """A decimal with six digits, from `lowest` to `highest`."""
    return FieldType("real", exact(lowest), exact(highest))


def int_(lowest: object, highest: object) -> FieldType:
    """A whole number from `lowest` to `highest`."""
    return FieldType("int", exact(lowest), exact(highest))


def bool_() -> FieldType:
    """True or false."""
    return FieldType("bool")


def choice_(*choices: str) -> FieldType:
    """One of the names.

    Raises NotTraceable if there is none, or one cannot be a name.
    """
    if not choices:
        raise NotTraceable("a choice needs at least one name to choose")
    return FieldType("choice", choices=tuple(map(named, choices)))
