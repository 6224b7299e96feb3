"""The canonical text: the same tree, the same comments, the same again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generated_syntax import expressions, texts, trees, written
from rlhf_contract.errors import SpecError
from rlhf_contract.lang import ast
from rlhf_contract.lang.format import format_expression, format_spec, is_canonical
from rlhf_contract.lang.parse import parse

EXAMPLES = Path(__file__).parents[3] / "examples"
HEADER = "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-1, 1]\n"

CANONICAL = """\
# Who may read this: everybody.
LEGAL-BLOCKS 1
CONTRACT SafeAssistant VERSION 1.2.0
  TITLE "Rewards for the support assistant"
  JURISDICTION EU, US-CA
  # a promise, not a clamp
  REWARD IN [-2, 1]

SIGNALS  # measured by the scorers
  helpfulness  : score                                    # score = real [0, 1]
  harmlessness : score  BY "acme/harmless-rm@sha256:9f…"  # which scorer makes it, pinned
  toxicity     : real [0, 1]
  # at most as many as the model can write
  tokens       : int [0, 8192]
  severity     : one of none, mild, severe
  statements   : list [16] of { truthful: bool, topic: one of law, health, weight: real [-0.5, 1] }

LET brevity = 1 - tokens * 0.0001
LET gentle = curve(toxicity, (0, 1), (0.5, 0.9), (1, -2))

STAKEHOLDERS
  operator     WEIGHT 0.4   WANTS 0.7 * helpfulness + 0.3 * brevity
  safety_board WEIGHT 0.35  WANTS min(harmlessness, 1 - toxicity)    FLOOR -1.5  VETO
  users        WEIGHT 0.25  WANTS IF tokens > 0 THEN gentle ELSE -1  VETO  # they asked for it

AGGREGATE lexicographic(3)

REQUIRES  answered: tokens > 0
INVARIANT no_pii:   NOT response.contains_pii                       REWARD AT MOST -1  CITES "GDPR Art. 5(1)(c)"
INVARIANT honest:   FORALL s IN statements: s.truthful OR s.hedged  PENALTY 1
INVARIANT:          count(s IN statements: s.truthful) >= 2         PENALTY 0.5  REWARD AT MOST 0
ALWAYS    severity != severe
NEVER     severity = severe WITHOUT harmlessness >= 0.8             PENALTY 1  # the risky ones

ENSURES   civil:    toxicity > 0.9 IMPLIES reward <= 0.64
ENSURES:            reward >= -1 OR tokens = 8192
# the same for tokens?
PROVE     MONOTONE IN helpfulness
PROVE     DECREASING IN statements.weight
PROVE     VIOLATION NEVER PAYS                                                 # whatever it gains
PROVE     VIOLATION NEVER PAYS OF no_pii
# and
PROVE     FIXING ALWAYS PAYS
PROVE     FIXING ALWAYS PAYS OF honest
PROVE     PARETO
PROVE     INFLUENCE OF users AT MOST 0.5                                       # half
PROVE     SENSITIVITY TO tokens AT MOST 0.001

# Nothing follows.
"""

FREE = """# Who may read this: everybody.
LEGAL-BLOCKS 1 CONTRACT SafeAssistant VERSION 1.2.0 TITLE "Rewards for the support assistant" JURISDICTION EU,US-CA
# a promise, not a clamp
REWARD IN [-2.0,1] SIGNALS # measured by the scorers
helpfulness:score# score = real [0, 1]
harmlessness:score BY"acme/harmless-rm@sha256:9f…"# which scorer makes it, pinned
toxicity:real[0,1]
# at most as many as the model can write
tokens:int[0,8192]severity:one of none,mild,severe statements:list[16]of{truthful:bool,topic:one of law,health,
weight:real[-0.50,1]}LET brevity=1-tokens*0.0001 LET gentle=curve(toxicity,(0,1),(0.5,0.9),(1,-2))STAKEHOLDERS
operator WEIGHT 0.40 WANTS((0.7*helpfulness)+(0.3*brevity))safety_board WEIGHT 0.35 WANTS min(harmlessness,(1-toxicity))
VETO FLOOR -1.5 users WEIGHT 0.25 WANTS IF(tokens>0)THEN gentle ELSE -1 VETO # they asked for it
AGGREGATE lexicographic(3)REQUIRES answered:tokens>0 INVARIANT no_pii:NOT(response.contains_pii)
CITES"GDPR Art. 5(1)(c)"REWARD AT MOST -1 INVARIANT honest:FORALL s IN statements:(s.truthful OR s.hedged)PENALTY 1.000
INVARIANT:count(s IN statements:s.truthful)>=2 REWARD AT MOST 0 PENALTY 0.5 ALWAYS severity!=severe
NEVER severity=severe WITHOUT harmlessness>=0.8 PENALTY 1 # the risky ones
ENSURES civil:(toxicity>0.9)IMPLIES(reward<=0.64)ENSURES:(reward>=-1)OR(tokens=8192)
# the same for tokens?
PROVE MONOTONE IN helpfulness PROVE DECREASING IN statements.weight PROVE VIOLATION
NEVER
PAYS # whatever it gains
PROVE VIOLATION NEVER PAYS OF no_pii
# and
PROVE FIXING
ALWAYS PAYS PROVE FIXING ALWAYS PAYS OF honest PROVE PARETO PROVE INFLUENCE OF users AT MOST
0.50 # half
PROVE SENSITIVITY TO tokens AT MOST 00.001
# Nothing follows.
"""


def meaning(spec: ast.Spec) -> ast.Spec:
    """The tree alone. Whether a comment has its line to itself is layout, and its trailing spaces are not kept."""
    return replace(spec, comments=())


def comments(spec: ast.Spec) -> list[str]:
    return [comment.text.rstrip() for comment in spec.comments]


def of_expression(text: str) -> ast.Expression:
    block = parse(f"{HEADER}REQUIRES: {text}").blocks[0]
    assert isinstance(block, ast.Requires)
    return block.condition


def test_the_layout() -> None:
    """One example shows every form as it is laid out."""
    assert format_spec(parse(CANONICAL)) == CANONICAL
    assert format_spec(parse(FREE)) == CANONICAL


def test_is_canonical() -> None:
    """A text is canonical when it is its own format, to the byte."""
    assert is_canonical(parse(CANONICAL))
    assert not is_canonical(parse(CANONICAL + "\n"))
    assert not is_canonical(parse(FREE))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.legal")), ids=lambda p: p.name)
def test_the_examples_keep_their_meaning(path: Path) -> None:
    """Formatting changes no example but in layout."""
    spec = parse(path.read_text("utf-8"))
    again = parse(format_spec(spec))

    assert (meaning(spec), spec.comments) == (meaning(again), again.comments)


@settings(max_examples=400, deadline=None)
@given(texts())
def test_any_text(text: str) -> None:
    """The same tree, every comment in order, nothing left to format, and clean lines, however it was laid out."""
    spec = parse(text)
    formatted = format_spec(spec)
    again = parse(formatted)
    lines = formatted.split("\n")

    assert meaning(spec) == meaning(again)
    assert comments(spec) == comments(again)
    assert formatted == format_spec(again)
    assert is_canonical(again)
    assert [line for line in lines if line != line.rstrip()] == []
    assert (lines[-1], lines[-2] != "") == ("", True)


@settings(max_examples=200, deadline=None)
@given(trees())
def test_any_tree(tree: ast.Spec) -> None:
    """A tree that never was a text becomes one that says it."""
    assert tree == parse(format_spec(tree))


@settings(max_examples=200, deadline=None)
@given(trees(), st.data())
def test_the_layout_of_the_source_is_forgotten(tree: ast.Spec, data: st.DataObject) -> None:
    """Without comments, all texts of one tree have the same format."""
    random, hostile = data.draw(st.randoms(use_true_random=False)), data.draw(st.booleans())

    assert format_spec(tree) == format_spec(parse(written(tree, random, [], hostile)))


@settings(max_examples=200, deadline=None)
@given(expressions())
def test_no_parentheses_can_go(expression: ast.Expression) -> None:
    """Taking away any pair of the parentheses that are left changes the meaning, or leaves nothing that parses."""
    text = format_expression(expression)
    opened: list[int] = []
    for place, character in enumerate(text):
        if character == "(":
            opened.append(place)
        elif character == ")":
            start = opened.pop()
            called = start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_.")
            point = "," in text[start:place]
            if not called and not point:
                shorter = f"{text[:start]} {text[start + 1 : place]} {text[place + 1 :]}"

                assert expression != of_expression_or_nothing(shorter)


def of_expression_or_nothing(text: str) -> ast.Expression | None:
    try:
        return of_expression(text)
    except SpecError:
        return None


@pytest.mark.parametrize(
    ("source", "canonical"),
    [
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("a/(b*c)", "a / (b * c)"),
        ("(a/b)*c", "a / b * c"),
        ("(a*b)+(c*d)", "a * b + c * d"),
        ("(a+b)*c", "(a + b) * c"),
        ("(-a)*b", "-a * b"),
        ("-(a*b)", "-(a * b)"),
        ("a*(-b)", "a * -b"),
        ("a-(-1)", "a - -1"),
        ("-(-(2))", "--2"),
        ("((a AND b) IMPLIES c)", "a AND b IMPLIES c"),
        ("(a IMPLIES b) IMPLIES c", "(a IMPLIES b) IMPLIES c"),
        ("a IMPLIES (b IMPLIES c)", "a IMPLIES b IMPLIES c"),
        ("(a OR b) AND c", "(a OR b) AND c"),
        ("a OR (b AND c)", "a OR b AND c"),
        ("a AND (b AND c)", "a AND (b AND c)"),
        ("NOT (a AND b)", "NOT (a AND b)"),
        ("(NOT a) AND b", "NOT a AND b"),
        ("NOT (a < b)", "NOT a < b"),
        ("(NOT a) = b", "(NOT a) = b"),
        ("(a < b) = (c < d)", "(a < b) = (c < d)"),
        ("(a+1) < (b)", "a + 1 < b"),
        ("(FORALL s IN xs: s.a) AND b", "(FORALL s IN xs: s.a) AND b"),
        ("b IMPLIES (EXISTS s IN xs: s.a OR s.b)", "b IMPLIES EXISTS s IN xs: s.a OR s.b"),
        ("NOT (EXISTS s IN xs: (s.a))", "NOT (EXISTS s IN xs: s.a)"),
        ("(IF a THEN b ELSE c) + 1", "(IF a THEN b ELSE c) + 1"),
        ("IF (IF a THEN b ELSE c) THEN (d) ELSE (IF e THEN f ELSE g)",
         "IF IF a THEN b ELSE c THEN d ELSE IF e THEN f ELSE g"),
        ("min((a), (IF b THEN c ELSE d))", "min(a, IF b THEN c ELSE d)"),
        ("2 * sum(s IN xs: (s.a + 1))", "2 * sum(s IN xs: s.a + 1)"),
        ("0.50 + 007 + 1.000000", "0.5 + 7 + 1"),
    ],
)  # fmt: skip
def test_parentheses_and_numbers(source: str, canonical: str) -> None:
    """As few parentheses as the grammar allows, numbers as short as they are."""
    assert canonical == format_expression(of_expression(source))
    assert of_expression(canonical) == of_expression(source)


@pytest.mark.parametrize(
    ("source", "canonical"),
    [
        ("REQUIRES: # what\n  # why\n  a # when\n", "# what\n# why\nREQUIRES: a  # when\n"),
        ("REQUIRES: a # what\n  # why\n  AND b\n", "# what\n# why\nREQUIRES: a AND b\n"),
        ("REQUIRES: ( # one\n ( # two\n a ) )\n# three", "# one\nREQUIRES: a  # two\n\n# three\n"),
        ("REQUIRES: a REQUIRES: b # both\n", "REQUIRES: a\nREQUIRES: b  # both\n"),
        ("REQUIRES # one\n : a # two\n ALWAYS b #\n", "# one\nREQUIRES: a  # two\nALWAYS    b  #\n"),
    ],
)  # fmt: skip
def test_comments_inside(source: str, canonical: str) -> None:
    """The last comment of an element stays behind it, earlier ones go before it, and none overtakes another."""
    assert f"{HEADER}\n{canonical}" == format_spec(parse(HEADER + source))


def test_long_names_do_not_push_others() -> None:
    """A cell that is too wide moves only what stands behind it."""
    text = HEADER + f"\nSIGNALS\n  a : score\n  {'b' * 110} : bool  # long\n  cc : score  # short\n"
    lines = format_spec(parse(text)).split("\n")

    assert ["  a  : score", f"  {'b' * 110} : bool  # long", "  cc : score  # short"] == lines[5:8]


def test_a_chain_of_thousands() -> None:
    """A long chain is formatted in a loop, with and without parentheses around its beginning."""
    chain, nested = " + ".join(["a"] * 7_000), "(" * 2_300 + "a" + " + b) * c" * 2_300

    assert chain == format_expression(of_expression(chain))
    assert nested == format_expression(of_expression(nested))


def test_a_number_that_runs_into_a_keyword() -> None:
    """What the reader takes apart, the formatter does too: `1CONTRACT` is a number and a keyword."""
    spec = parse(
        'LEGAL-BLOCKS 1CONTRACT C VERSION 1.0.0 TITLE "a" REWARD IN [-1, 1] # c\n'
        "SIGNALS x : score STAKEHOLDERS a WEIGHT 1WANTS x AGGREGATE maximin\n"
    )

    assert parse(format_spec(spec)) == spec
