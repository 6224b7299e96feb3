"""What Python cannot say in a contract is refused, and the message says what to write instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from rlhf_contract.errors import RewardContractError
from rlhf_contract.lang.from_python import (
    LegalBlocks,
    NotTraceable,
    RewardContract,
    bool_,
    constant,
    curve,
    forall,
    if_then_else,
    real_,
)
from rlhf_contract.lang.python_values import exact


def small() -> RewardContract:
    """Something to break."""
    contract = RewardContract("Small", version="1.0.0", reward=(-1, 1))
    contract.score("x")
    contract.score("y")
    contract.bool("ok")
    contract.bool("response.safe")
    contract.list("items", 3, good=bool_(), weight=real_(0, 1))
    return contract


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.1 + 0.2, '0.30000000000000004 has 17 decimals.*for example "0.3"'),
        (1 / 3, 'at most six.*"0.333333"'),
        (1e-7, "7 decimals"),
        ("0.1234567", "7 decimals"),
        (math.nan, "NaN is not a number that a contract can use"),
        (-math.inf, "-Infinity is not a number"),
        (1e300, "too large"),
        (10**19, "too large"),
        (Decimal("1E+1000000"), "too large"),
        ("1e5", '"1e5" is not a number: write plain decimals'),
        ("", "is not a number"),
        ("٣", "is not a number"),
        (True, "no True and False"),
        (None, "None is not a number"),
        (1j, "is not a number"),
    ],
)  # fmt: skip
def test_inexact_numbers(value: object, message: str) -> None:
    """Whatever is not an exact number of six decimals is refused with what to write."""
    with pytest.raises(NotTraceable, match=message):
        exact(value)


def branching(s: Any) -> Any:
    if s.ok:
        return s.x
    return s.y


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (branching, r"Python's if.* ask for the value of ok, .*if_then_else"),
        (lambda s: s.ok and s.x > 0, "&"),
        (lambda s: not s.ok, "~"),
        (lambda s: 0 < s.x < 1, r"\(a < x\) & \(x < b\)"),
        (lambda s: s.x in (1, 2), "in, min, max"),
        (lambda s: min(s.x, s.y), "min_, max_"),
        (lambda s: bool(s.x), "which only a row will have"),
        (lambda s: int(s.x), "floor"),
        (lambda s: float(s.x), "float"),
        (lambda s: math.sqrt(s.x), "math module"),
        (lambda s: math.floor(s.x), r"floor\(x, 0\)"),
        (lambda s: math.ceil(s.x), r"-floor\(-x, 0\)"),
        (lambda s: math.trunc(s.x), "rounds down"),
        (lambda s: round(s.x, 2), r"floor\(x, 2\)"),
        (lambda s: s.x**2, r"x \* x"),
        (lambda s: 2**s.x, r"x \* x"),
        (lambda s: s.x // 2, r"floor\(x / y, 0\)"),
        (lambda s: s.x % 2, r"floor\(x / y, 0\)"),
        (lambda s: list(s.x), "forall"),
        (lambda s: s.x > 0 & s.ok, "put comparisons in parentheses"),
        (lambda s: s.ok | True, "put comparisons in parentheses"),
        (lambda s: s.ok.implies(True), "needs a condition, and True is none"),
        (lambda s: if_then_else(True, s.x, s.y), "needs a condition"),
        (lambda s: s.ok == True, "no True and False"),  # noqa: E712
        (lambda s: s.x + 0.1234567, "7 decimals"),
        (lambda s: s.x + "much", '"much" is not a number'),
        (lambda s: s.x == "IF", "is not a number"),
        (lambda s: s.x + None, "returns nothing"),
        (lambda s: None, "the function returns nothing"),
        (lambda s: s, "group of names"),
        (lambda s: s.response, "group of names"),
        (lambda s: s["items"] + 1, "unsupported operand"),
        (lambda s: s["items"], "items is a list"),
        (lambda s: [i.good for i in s["items"]], r"count\(items, lambda item: item.good\)"),
        (lambda s: len(s["items"]), "has items only in a row"),
        (lambda s: s["items"][0], "has items only in a row"),
        (lambda s: forall(s.x, lambda i: i.good), "looks at a list signal"),
        (lambda s: forall(s["items"], lambda: s.ok), "function of one item"),
        (lambda s: forall(s["items"], lambda i: i.god), "nothing is named i.god; did you mean i.good?"),
        (lambda s: forall(s["items"], lambda ï: s.ok), "cannot be a name"),
        (lambda s: s.z, "nothing is named z; known: x, y, ok"),
        (lambda s: s.response.save, "nothing is named response.save; did you mean response.safe?"),
        (lambda s: s.x.y, "nothing is named x.y"),
        (lambda s: (s.x + 1).y, "has no .y"),
        (lambda s: curve(s.x, 1, 2), r"1 is not a point of a curve: write \(x, y\)"),
        (lambda s: hash(s.x), "unhashable"),
    ],
)  # fmt: skip
def test_misuse(body: Callable[[Any], Any], message: str) -> None:
    """What needs a value while the function is traced is refused, and the message says what to write."""
    with pytest.raises(TypeError, match=message):
        small().let("it", body)


def test_nesting() -> None:
    """An expression that no file may hold is refused where it is made."""
    deep = constant(1)
    with pytest.raises(NotTraceable, match=r"deeper than 64: name a part with contract.let"):
        for _ in range(65):
            deep = 1 - deep


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: c.score("two words"), "cannot be a name"),
        (lambda c: c.score("IF"), "cannot be a name"),
        (lambda c: c.score("naïve"), "cannot be a name"),
        (lambda c: c.score("x2", by='say "hi"'), "cannot stand in quotes"),
        (lambda c: c.real("x2", 0, 0.1 + 0.2), "17 decimals"),
        (lambda c: c.choice("x2"), "at least one name"),
        (lambda c: c.choice("x2", "a", "b c"), "cannot be a name"),
        (lambda c: c.list("x2", 257, a=bool_()), "between 1 and 256"),
        (lambda c: c.list("x2", 2), "at least one field"),
        (lambda c: c.list("x2", 2, a=bool), "a=bool_"),
        (lambda c: c.list("x2", 2, {"a.b": bool_()}), "a_b=bool_"),
        (lambda c: c.requires("r", True), "neither a function"),
        (lambda c: c.invariant("r", lambda s: s.ok, cites="line\nbreak"), "cannot stand in quotes"),
        (lambda c: c.invariant("r", lambda s: s.ok, penalty="much"), "is not a number"),
        (lambda c: c.add(lambda s: s.ok), "carries no rule"),
        (lambda c: c.prove_decreasing("PAYS"), "cannot be a name"),
        (lambda c: c.prove_violation_never_pays(of=""), "cannot be a name"),
        (lambda c: c.prove_influence("users", at_most=0.1 + 0.2), "17 decimals"),
        (lambda c: RewardContract("C", version="1.0", reward=(0, 1)), "not a version such as 1.0.0"),
        (lambda c: RewardContract("C", version="1.0.0", reward=(0, 1), jurisdiction="Europe"), "not a region"),
        (lambda c: LegalBlocks.constraint(kind="promise"), "no kind of rule"),
        (lambda c: LegalBlocks.specification("SIGNALS x: score")(lambda s: s.x), "declare the rest on the contract"),
    ],
)  # fmt: skip
def test_declarations_that_no_text_could_say(make: Callable[[RewardContract], Any], message: str) -> None:
    """Names, texts, ranges and rules are refused before they make a broken file."""
    with pytest.raises(NotTraceable, match=message):
        make(small())


def test_misuse_is_an_error_of_this_package_and_a_type_error() -> None:
    """Both those who know Python and those who know this package can catch it; hasattr works."""
    assert issubclass(NotTraceable, RewardContractError)
    assert issubclass(NotTraceable, TypeError)
    assert not hasattr(small().names, "z")
