"""Contracts written in Python say what the text would say."""

from __future__ import annotations

import inspect
import operator
import re
import runpy
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from generated_syntax import expressions, texts
from rlhf_contract.errors import SpecError
from rlhf_contract.lang import ast
from rlhf_contract.lang.format import format_expression, format_spec
from rlhf_contract.lang.from_python import (
    LegalBlocks,
    RewardContract,
    abs_,
    bool_,
    choice_,
    clip,
    constant,
    count,
    curve,
    exists,
    floor,
    forall,
    if_then_else,
    int_,
    max_,
    min_,
    real_,
    score_,
    sum_,
)
from rlhf_contract.lang.parse import parse
from rlhf_contract.lang.python_values import KEYWORDS, NOWHERE, exact
from rlhf_contract.lang.symbols import ListOf, Symbol, call
from rlhf_contract.types import decimal_text

ROOT = Path(__file__).parents[3]

WRITTEN = """
LEGAL-BLOCKS 1
CONTRACT SafeAssistant VERSION 1.2.0
  TITLE "Rewards for the support assistant"
  JURISDICTION EU, US-CA
  REWARD IN [-2, 1]

SIGNALS
  helpfulness    : score
  harmlessness   : score            BY "acme/harmless-rm@sha256:9f"
  toxicity       : real [0, 1]
  tokens         : int [0, 8192]
  contains_pii   : bool
  severity       : one of none, mild, severe
  statements     : list [16] of { truthful: bool, hedged: bool }

LET brevity = 1 - tokens * 0.0001

STAKEHOLDERS
  operator       WEIGHT 0.40   WANTS 0.7 * helpfulness + 0.3 * brevity
  safety_board   WEIGHT 0.40   WANTS min(harmlessness, 1 - toxicity)   VETO
  users          WEIGHT 0.20   WANTS helpfulness

AGGREGATE weighted_mean

REQUIRES  answered: tokens > 0
INVARIANT no_pii:   NOT contains_pii                                  REWARD AT MOST -1   CITES "GDPR Art. 5(1)(c)"
INVARIANT honest:   FORALL s IN statements: s.truthful OR s.hedged    PENALTY 1
INVARIANT careful:  severity = severe IMPLIES harmlessness >= 0.8     PENALTY 1
ENSURES   civil:    toxicity > 0.9 IMPLIES reward <= 0.64
PROVE     MONOTONE IN helpfulness
PROVE     MONOTONE IN statements.truthful
PROVE     DECREASING IN severity
PROVE     VIOLATION NEVER PAYS
PROVE     VIOLATION NEVER PAYS OF honest
PROVE     FIXING ALWAYS PAYS
PROVE     FIXING ALWAYS PAYS OF no_pii
PROVE     PARETO
PROVE     INFLUENCE OF users AT MOST 0.25
PROVE     SENSITIVITY TO tokens AT MOST 0.0001
"""


def written_in_python() -> RewardContract:
    """The contract above."""
    contract = RewardContract(
        "SafeAssistant",
        version="1.2.0",
        title="Rewards for the support assistant",
        jurisdiction=["EU", "US-CA"],
        reward=("-2", "1"),
    )
    helpfulness = contract.score("helpfulness")
    contract.score("harmlessness", by="acme/harmless-rm@sha256:9f")
    contract.real("toxicity", 0, 1)
    tokens = contract.int("tokens", 0, 8192)
    contract.bool("contains_pii")
    contract.choice("severity", "none", "mild", "severe")
    statements = contract.list("statements", 16, truthful=bool_(), hedged=bool_())
    brevity = contract.let("brevity", lambda s: 1 - s.tokens * "0.0001")

    @contract.reward_function("operator", weight="0.4")
    def operator(s: Any) -> Any:
        return 0.7 * helpfulness + Decimal("0.3") * brevity

    @contract.reward_function("safety_board", weight=0.4, veto=True)
    def safety_board(s: Any) -> Any:
        return min_(s.harmlessness, 1 - s.toxicity)

    contract.reward_function("users", weight=Decimal("0.2"))(lambda s: s.helpfulness)
    contract.aggregate("weighted_mean")
    contract.requires("answered", tokens > 0)
    contract.invariant("no_pii", lambda s: ~s.contains_pii, at_most="-1", cites="GDPR Art. 5(1)(c)")
    contract.invariant("honest", forall(statements, lambda s: s.truthful | s.hedged), penalty=1)
    contract.invariant("careful", lambda s: (s.severity == "severe").implies(s.harmlessness >= "0.8"), penalty=1.0)
    contract.ensures("civil", lambda s: (s.toxicity > "0.9").implies(s.reward <= "0.64"))
    contract.prove_monotone("helpfulness")
    contract.prove_monotone("statements.truthful")
    contract.prove_decreasing("severity")
    contract.prove_violation_never_pays()
    contract.prove_violation_never_pays(of="honest")
    contract.prove_fixing_always_pays()
    contract.prove_fixing_always_pays(of="no_pii")
    contract.prove_pareto()
    contract.prove_influence("users", at_most=0.25)
    contract.prove_sensitivity("tokens", at_most="0.0001")
    return contract


def small() -> RewardContract:
    """Something to break."""
    contract = RewardContract("Small", version="1.0.0", reward=(-1, 1))
    contract.score("x")
    contract.score("y")
    contract.bool("ok")
    contract.bool("response.safe")
    contract.list("items", 3, good=bool_(), weight=real_(0, 1))
    return contract


def said(body: Callable[[Any], Any]) -> str:
    """What a function over the small contract says in Legal-Blocks."""
    contract = small()
    contract.let("it", body)
    let = contract.spec().lets[0]
    return format_expression(let.body)


def test_python_and_text_say_the_same() -> None:
    """One contract, written twice, is one canonical text."""
    assert format_spec(parse(WRITTEN)) == written_in_python().source()


def test_a_contract_from_python_is_checked_as_its_text() -> None:
    """`check` gives the typed contract, and errors in the canonical text."""
    contract = written_in_python()
    checked = contract.check()
    contract.requires("late", Symbol(ast.Name("tokes", NOWHERE)) > 0)

    assert (checked.name, checked.version) == ("SafeAssistant", "1.2.0")
    with pytest.raises(SpecError, match=r"REQUIRES  late: +tokes > 0(.|\n)*tokens"):
        contract.check()


def test_the_worked_example() -> None:
    """examples/safe_assistant.py builds examples/safe_assistant.legal, comments excepted."""
    built = runpy.run_path(str(ROOT / "examples" / "safe_assistant.py"))["contract"]
    written = parse((ROOT / "examples" / "safe_assistant.legal").read_text("utf-8"))

    assert replace(written, comments=()) == parse(built.source())


@settings(max_examples=200, deadline=None)
@given(texts())
def test_text_to_python_to_text(text: str) -> None:
    """Canonical text goes through Python unchanged, comments included."""
    canonical = format_spec(parse(text))

    assert canonical == RewardContract.from_source(canonical).source()


def test_a_contract_from_text_can_grow() -> None:
    """What Python adds joins the text; its comments stay where they were."""
    text = "# top\nLEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [0, 1]\n\n"
    text += "SIGNALS  # measured\n  a : score  # one\n"
    contract = RewardContract.from_source(text + "\nSTAKEHOLDERS\n  u WEIGHT 0.5  WANTS a  # all of it\n\n# end\n")
    contract.bool("long_name")
    contract.reward_function("w", weight="0.5")(lambda s: if_then_else(s.long_name, s.a, 0))
    contract.always(lambda s: s.a >= 0)

    expected = (
        "# top\nLEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [0, 1]\n\n"
        "SIGNALS  # measured\n  a         : score  # one\n  long_name : bool\n\n"
        "STAKEHOLDERS\n  u WEIGHT 0.5  WANTS a  # all of it\n  w WEIGHT 0.5  WANTS IF long_name THEN a ELSE 0\n\n"
        "ALWAYS    a >= 0\n\n# end\n"
    )
    assert expected == contract.source()


# -- what Python says


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (lambda s: 1 - s.x * "0.0001", "1 - x * 0.0001"),
        (lambda s: "0.5" * s.x + 0.25, "0.5 * x + 0.25"),
        (lambda s: (2 + s.x) / 3 - -s.y, "(2 + x) / 3 - -y"),
        (lambda s: 1 / +s.x, "1 / x"),
        (lambda s: s.x * -1, "x * -1"),
        (lambda s: np.float64(0.5) * s.x, "0.5 * x"),
        (lambda s: abs(s.x) + abs_(-2), "abs(x) + abs(-2)"),
        (lambda s: min_(s.x, 1) + max_(0, s.y, "0.5"), "min(x, 1) + max(0, y, 0.5)"),
        (lambda s: clip(s.x, 0, "0.5") + floor(s.y, 2), "clip(x, 0, 0.5) + floor(y, 2)"),
        (lambda s: curve(s.x, (0, 0), (0.5, s.y), (1, 1)), "curve(x, (0, 0), (0.5, y), (1, 1))"),
        (lambda s: if_then_else(s.x > s.y, s.x, 0) * 2, "(IF x > y THEN x ELSE 0) * 2"),
        (lambda s: (s.x > 0) & (s.x < 1) | ~s.ok, "x > 0 AND x < 1 OR NOT ok"),
        (lambda s: (s.x >= 1).implies((s.y <= 0) & (s.x != s.y)), "x >= 1 IMPLIES y <= 0 AND x != y"),
        (lambda s: s.response.safe & s["response.safe"], "response.safe AND response.safe"),
        (lambda s: exists(s["items"], lambda i: i.good), "EXISTS i IN items: i.good"),
        (lambda s: count(s["items"], lambda i: i.good) > 1, "count(i IN items: i.good) > 1"),
        (lambda s: sum_(s["items"], lambda each: each.weight * s.x), "sum(each IN items: each.weight * x)"),
        (lambda s: constant("0.1") + "0.2", "0.1 + 0.2"),
        (lambda s: 0.7, "0.7"),
        (lambda s: 1e-06 * s.x, "0.000001 * x"),
    ],
)  # fmt: skip
def test_functions_are_traced(body: Callable[[Any], Any], text: str) -> None:
    """Operators and functions write down what they would compute."""
    assert text == said(body)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
    "AND": operator.and_, "OR": operator.or_, "IMPLIES": Symbol.implies,
}  # fmt: skip
REDUCTIONS = {"FORALL": forall, "EXISTS": exists, "count": count, "sum": sum_}


def argument(tree: ast.Expression | ast.Point) -> ast.Expression | ast.Point:
    if isinstance(tree, ast.Point):
        return ast.Point(computed(tree.x).tree, computed(tree.y).tree, NOWHERE)
    return computed(tree).tree


def computed(tree: ast.Expression) -> Symbol:
    """The expression as Python would compute it."""
    match tree:
        case ast.Number(value, scale):
            return constant(decimal_text(value, scale))
        case ast.Unary(sign, operand):
            return -computed(operand) if sign == "-" else ~computed(operand)
        case ast.Binary(symbol, left, right):
            made = OPERATORS[symbol](computed(left), computed(right))
            assert isinstance(made, Symbol)
            return made
        case ast.Conditional(condition, then, otherwise):
            return if_then_else(computed(condition), computed(then), computed(otherwise))
        case ast.Quantifier(kind, variable, list_, body):

            def item(_: Any) -> Symbol:
                return computed(body)

            parameter = inspect.Parameter(variable, inspect.Parameter.POSITIONAL_ONLY)
            item.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]
            return REDUCTIONS[kind](ListOf(list_, ("field",)), item)
        case ast.Call(function, arguments):
            return call(function, *map(argument, arguments))
    assert isinstance(tree, ast.Name)
    return Symbol(tree)


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_operators_build_what_they_say(tree: ast.Expression) -> None:
    """Every expression, computed with Python's operators over symbols, is itself again."""
    assert tree == computed(tree).tree


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, (3, 0)), (-3, (-3, 0)), (0.7, (7, 1)), (-0.0, (0, 0)), (1e-6, (1, 6)), (100.0, (100, 0)),
        ("0.70", (7, 1)), ("-2", (-2, 0)), ("007", (7, 0)), (Decimal("1E+2"), (100, 0)), (Decimal("0.500"), (5, 1)),
        (1e16, (10**16, 0)), (10**19 - 1, (10**19 - 1, 0)), (np.float64(0.1), (1, 1)),
    ],
)  # fmt: skip
def test_exact_numbers(value: object, number: tuple[int, int]) -> None:
    """Ints, Decimals and text are exact; a float counts as it is written."""
    made = exact(value)

    assert number == (made.value, made.scale)


def test_keywords_are_those_of_the_grammar() -> None:
    """A name that the grammar reads as a keyword cannot be declared."""
    grammar = (ROOT / "python" / "rlhf_contract" / "lang" / "grammar.lark").read_text("utf-8")
    quoted = re.findall(r'"([A-Z]+)"', grammar)
    terminals = re.findall(r"^([A-Z]+)\.1:", grammar, re.MULTILINE)

    assert {*quoted, *terminals} == KEYWORDS


# -- every form, and the decorators of the original design


def test_every_form() -> None:
    """Types, clauses and blocks that the example above does not have."""
    contract = RewardContract("Every", version="0.0.1", jurisdiction="EU", reward=(0, 1))
    fields = {"a": score_(), "by": choice_("u", "v"), "n": int_(0, 3)}
    contract.list("xs", 2, fields, by="scorer@1")
    contract.reward_function("w", weight=1, floor="-0.5", veto=True)(lambda s: 1)
    contract.aggregate("lexicographic", 2)
    contract.requires(None, lambda s: forall(s.xs, lambda x: x.by != "u"))
    contract.always(lambda s: exists(s.xs, lambda x: x.n > 0), penalty=1)
    contract.never(lambda s: count(s.xs, lambda x: x.n > 0) > 1, without=lambda s: sum_(s.xs, lambda x: x.a) > 1)

    expected = (
        "LEGAL-BLOCKS 1\nCONTRACT Every VERSION 0.0.1\n  JURISDICTION EU\n  REWARD IN [0, 1]\n\n"
        'SIGNALS\n  xs : list [2] of { a: score, by: one of u, v, n: int [0, 3] }  BY "scorer@1"\n\n'
        "STAKEHOLDERS\n  w WEIGHT 1  WANTS 1  FLOOR -0.5  VETO\n\nAGGREGATE lexicographic(2)\n\n"
        "REQUIRES: FORALL x IN xs: x.by != u\nALWAYS    EXISTS x IN xs: x.n > 0  PENALTY 1\n"
        "NEVER     count(x IN xs: x.n > 0) > 1 WITHOUT sum(x IN xs: x.a) > 1\n"
    )
    assert expected == contract.source()


def test_a_class_with_a_specification() -> None:
    """A class carries a whole contract; its constraints join it in their order."""

    @LegalBlocks.specification("""
        LEGAL-BLOCKS 1
        CONTRACT Polite VERSION 1.0.0
          REWARD IN [-1, 1]
        SIGNALS  # measured
          toxicity : score
        STAKEHOLDERS
          users WEIGHT 1 WANTS 1 - toxicity
        AGGREGATE weighted_mean
    """)
    class Polite:
        contract: RewardContract

        @LegalBlocks.constraint(penalty=1, cites="House rule 1")
        def civil(s: Any) -> Any:
            return s.toxicity <= "0.5"

        @staticmethod
        @LegalBlocks.constraint(kind="ensures", name="not_for_nothing")
        def last(s: Any) -> Any:
            return s.reward <= 1

    rules = 'INVARIANT civil:           toxicity <= 0.5  PENALTY 1  CITES "House rule 1"\n\nENSURES   not_for_nothing:'
    assert rules in Polite.contract.source()
    assert "SIGNALS  # measured\n" in Polite.contract.source()


def test_a_fragment_rides_on_a_reward_function() -> None:
    """A function's REQUIRES, INVARIANT and ENSURES join the contract that it becomes a reward function of."""
    contract = small()

    @contract.reward_function("users", weight=1)
    @LegalBlocks.specification("""
        REQUIRES: response.safe
        LET half = 0.5
        INVARIANT bounded: x >= half
        ENSURES: reward >= 0
    """)
    def users(s: Any) -> Any:
        return s.x

    @contract.add
    @LegalBlocks.constraint
    def never_called(state: Any, action: Any) -> Any:
        """Python says nothing here.

        ```legal-blocks
        NEVER x > half WITHOUT ok
        ```
        """
        raise AssertionError

    expected = (
        "STAKEHOLDERS\n  users WEIGHT 1  WANTS x\n\nREQUIRES: response.safe\n\nLET half = 0.5\n\n"
        "INVARIANT bounded: x >= half\n\nENSURES:           reward >= 0\n\nNEVER     x > half WITHOUT ok\n"
    )
    assert contract.source().endswith(expected)
    assert repr(contract.names.half) == "<half>"


def test_a_function_with_a_whole_specification() -> None:
    """A function can carry a contract too; it stays what it was."""

    @LegalBlocks.specification(WRITTEN)
    def scorer(text: str) -> float:
        return 0.5

    assert scorer("hi") == 0.5
    assert format_spec(parse(WRITTEN)) == scorer.contract.source()  # type: ignore[attr-defined]
