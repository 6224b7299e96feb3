"""The English itself: what is said of each block and of each form of expression."""

from __future__ import annotations

from typing import Any

import pytest

from rlhf_contract.lang.explain import explain
from rlhf_contract.lang.parse import parse


def of(blocks: str = "", signals: str = "", holder: str = "WEIGHT 1 WANTS x", aggregate: str = "weighted_mean") -> str:
    """A contract with numbers x y z, conditions b c, a choice k and a list xs."""
    return (
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-1.5, 1]\nSIGNALS\n"
        "  x : score\n  y : real [-1.5, 2]\n  z : int [0, 9]\n  b : bool\n  c : bool\n  k : one of none, mild\n"
        f"  xs : list [3] of {{ ok: bool, n: int [0, 5], k: one of none, mild }}\n{signals}\n"
        f"STAKEHOLDERS\n  who {holder}\nAGGREGATE {aggregate}\n{blocks}\n"
    )


def lines(sentences: tuple[Any, ...], indent: str = "") -> list[str]:
    """Sentences with what is listed below them, as plain text."""
    return [line for s in sentences for line in (indent + s.text, *lines(s.items, indent + "- "))]


def said(source: str, section: str) -> list[str]:
    """Everything that is said in the section with this title."""
    return [
        line
        for part in explain(parse(source)).sections
        if part.title == section
        for line in lines((*part.about, *(s for entry in part.entries for s in entry.sentences)))
    ]


# -- blocks


def test_header() -> None:
    """Name, version, title, jurisdiction and range; the range is a promise."""
    full = of().replace("VERSION 1.0.0", 'VERSION 1.0.0 TITLE "A title" JURISDICTION EU, US-CA')
    promise = [
        "It promises that every reward lies in the range from -1.5 to 1.",
        "That is a promise, to be proved for every possible row: no reward is cut off to fit it.",
        "It is written in version 1 of the language Legal-Blocks.",
    ]

    assert said(full, "The contract") == [
        "This is the reward contract C, version 1.0.0.",
        "Its title is “A title”.",
        "It names as its jurisdiction: EU, US-CA.",
        *promise,
    ]
    assert said(of(), "The contract")[1:] == ["It has no title.", "It names no jurisdiction.", *promise]


def test_signals() -> None:
    """Every type with its range in words, and who makes the signal."""
    words = said(
        of(signals='  made : score BY "acme/rm@sha256:9f"\n  one : list [1] of { s: score }'), "What is measured"
    )

    assert words[1:] == [
        "x is a score, that is a number from 0 to 1.",
        "No scorer is pinned.",
        "y is a number from -1.5 to 2.",
        "No scorer is pinned.",
        "z is a whole number from 0 to 9.",
        "No scorer is pinned.",
        "b is either true or false.",
        "No scorer is pinned.",
        "c is either true or false.",
        "No scorer is pinned.",
        "k is one of these choices: none, mild.",
        "No scorer is pinned.",
        "xs is a list of 0 to 3 entries. Each entry has:",
        "- ok: either true or false",
        "- n: a whole number from 0 to 5",
        "- k: one of these choices: none, mild",
        "No scorer is pinned.",
        "made is a score, that is a number from 0 to 1.",
        "It is made by this scorer, which is pinned: “acme/rm@sha256:9f”.",
        "one is a list of 0 to 1 entry. Each entry has:",
        "- s: a score, that is a number from 0 to 1",
        "No scorer is pinned.",
    ]


def test_lets() -> None:
    """An abbreviation stands for a number, or is true exactly under a condition; where it is used, that is known."""
    words = said(of("LET n = x + 1\nLET safe = b AND c\nLET d = NOT safe"), "Abbreviations")

    assert words == [
        "A name that stands for an expression, wherever it is used.",
        "n stands for x plus 1.",
        "safe is true exactly if this is true: b is true and c is true.",
        "d is true exactly if this is true: safe is false.",
    ]


@pytest.mark.parametrize(("holder", "aggregate", "expected"), [
    ("WEIGHT 0.125 WANTS 0.7 * x +  # why\n 0.3 * y VETO", "weighted_mean", [
        "who has a weight of 12.5 % (0.125).",
        "It wants as much as possible of this: (0.7 times x) plus (0.3 times y).",
        "As a formula: 0.7 * x + 0.3 * y",
        "It has a VETO: it can stop a proposal alone.",
    ]),
    ("WEIGHT 1 WANTS x FLOOR 0.25", "nash_product", [
        "who has a weight of 100 % (1).",
        "It wants as much as possible of this: x.",
        "As a formula: x",
        "Its FLOOR, the least that it can accept, is 0.25.",
        "It has no veto.",
    ]),
    ("WEIGHT 1 WANTS x", "nash_product", [
        "who has a weight of 100 % (1).",
        "It wants as much as possible of this: x.",
        "As a formula: x",
        "It names no FLOOR, which counts as 0.",
        "It has no veto.",
    ]),
    ("WEIGHT 1 WANTS x FLOOR -1", "maximin", [
        "who has a weight of 100 % (1).",
        "It wants as much as possible of this: x.",
        "As a formula: x",
        "Its FLOOR, the least that it can accept, is -1. Only nash_product looks at it, so it has no effect here.",
        "It has no veto.",
    ]),
])  # fmt: skip
def test_stakeholders(holder: str, aggregate: str, expected: list[str]) -> None:
    """Weight, wish, formula without comments, FLOOR and VETO."""

    assert said(of(holder=holder, aggregate=aggregate), "Who wants what")[1:] == expected


@pytest.mark.parametrize(("aggregate", "expected"), [
    ("weighted_mean", "weighted_mean: the utility of each stakeholder times its weight, all added up."),
    ("maximin", "maximin: the worst-off stakeholder decides; the result is the lowest of the utilities. The weights "
     "have no effect on the reward."),
    ("weighted_median", "weighted_median: in ascending order of utility, the weights are added up; the result is the "
     "utility at which they reach one half (of two in the middle, the lower one)."),
    ("lexicographic(10)", "lexicographic: the range of each utility is cut into 10 equal tiers. The tier of the "
     "stakeholder that is listed first decides; each later one only breaks ties. The result is the rank that this "
     "gives, from 0 (all in the lowest tier) to 1 (all in the highest), rounded down to six decimals. The weights "
     "have no effect on the reward."),
    ("nash_product", "nash_product: the weighted geometric mean of what each stakeholder gets above its FLOOR, rounded "
     "down; it may come out a little too low, never too high. It is 0 if anyone gets no more than that."),
])  # fmt: skip
def test_aggregations(aggregate: str, expected: str) -> None:
    """Each way to combine the wishes is defined."""

    assert said(of(aggregate=aggregate), "How the wishes become one number") == [expected]


def test_requirements() -> None:
    """What does not meet a requirement gets no reward, which is not zero."""
    nothing = "Where it is false, the row gets no reward at all (which is not a reward of zero)."

    assert said(of("REQUIRES answered: z > 0\nREQUIRES: b"), "Which rows are rewarded at all") == [
        "By requirement answered, a row is rewarded only if this is true: z is above 0.",
        nothing,
        "A row is rewarded only if this is true: b is true.",
        nothing,
    ]


@pytest.mark.parametrize(("rule", "expected"), [
    ("INVARIANT r: b PENALTY 0.5", ["A row keeps rule r if this is true: b is true.",
     "If it is broken, 0.5 is subtracted from the reward."]),
    ('INVARIANT r: NOT b REWARD AT MOST -1 CITES "GDPR Art. 5(1)(c)"', ["A row keeps rule r if this is true: "
     "b is false.", "If it is broken, the reward is at most -1.", "It cites “GDPR Art. 5(1)(c)”."]),
    ("INVARIANT: b PENALTY 2 REWARD AT MOST 0", ["A row keeps this unnamed rule if this is true: b is true.",
     "If it is broken, 2 is subtracted from the reward, which is then at most 0."]),
    ("ALWAYS x > 0.5", ["A row keeps this unnamed rule if this is true: x is above 0.5.",
     "If it is broken, that is recorded only: the reward stays as it is."]),
    ("NEVER b WITHOUT x > 0.5 PENALTY 1", ["A row keeps this unnamed rule if this is true: whenever b is true, "
     "x is above 0.5.", "So the first is NEVER true WITHOUT the second.",
     "If it is broken, 1 is subtracted from the reward."]),
])  # fmt: skip
def test_rules(rule: str, expected: list[str]) -> None:
    """When a rule is kept, what a violation costs, what it cites; and one more violation never helps."""
    about, *words = said(of(rule), "Rules")

    assert words == expected
    assert about.endswith("So breaking one more rule never helps.")


def test_promises() -> None:
    """ENSURES and PROVE are promises about the final reward."""
    about, *words = said(
        of("ENSURES civil: y > 0.9 IMPLIES reward <= 0.64\nENSURES: b\nPROVE MONOTONE IN x\nPROVE PARETO"), "Promises"
    )

    assert words == [
        "Promise civil: for every row that gets a reward, this is true: whenever y is above 0.9, the reward is at most "
        "0.64.",
        "Unnamed promise: for every row that gets a reward, this is true: b is true.",
        "Raising x alone, with no new violation, never lowers the reward.",
        "If a second answer is at least as good for every stakeholder (who) and breaks no rule that the first one "
        "keeps, it never earns less.",
    ]
    assert about.startswith("A promise changes no reward. It is to be proved for every possible row")


def test_reading_rules() -> None:
    """Missing signals, order, rounding, and, if there are lists, the empty one."""
    text = "\n".join(said(of(), "How to read this"))
    short = "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [0, 1]\nSIGNALS\n  x : score\n"
    wanted = [
        "(NaN)",
        "out of its range",
        "No reward is not a reward of zero",
        "down to six decimals",
        "Or”",
    ]

    assert [w for w in wanted if w not in text] == []
    assert ("empty list" in text, "empty list" in "\n".join(said(short, "How to read this"))) == (True, False)


def test_a_section_comes_again() -> None:
    """Sections follow the source; what a kind of block has in common is said once."""
    made = explain(parse(of("LET p = 1\nALWAYS b\nLET q = 2")))

    assert [(s.title, len(s.about)) for s in made.sections[-4:-1]] == [
        ("Abbreviations", 1),
        ("Rules", 1),
        ("Abbreviations", 0),
    ]


# -- expressions


@pytest.mark.parametrize(("expression", "expected"), [
    ("0.50", "0.5"),
    ("-0.5", "-0.5"),
    ("x", "x"),
    ("-x", "minus x"),
    ("-(x + 1)", "minus (x plus 1)"),
    ("x + y - z", "x plus y minus z"),
    ("x - (y - z)", "x minus (y minus z)"),
    ("0.7 * x + 0.3 * y", "(0.7 times x) plus (0.3 times y)"),
    ("2 * (x + y) * z", "2 times (x plus y) times z"),
    ("x * y / z", "(x times y) divided by z, rounded down to six decimals"),
    ("1 + x / y", "1 plus (x divided by y, rounded down to six decimals)"),
    ("min(x, y)", "the smaller of x and y"),
    ("min(x, 1 - y, z)", "the smallest of x, (1 minus y) and z"),
    ("max(x, y)", "the larger of x and y"),
    ("max(x, y, z)", "the largest of x, y and z"),
    ("abs(x - y)", "the absolute value of (x minus y)"),
    ("clip(x, -1, 1)", "x, but at least -1 and at most 1"),
    ("clip(x, y, z)", "x, but at least y and in any case at most z"),
    ("1 - floor(x, 2)", "1 minus (x rounded down to 2 decimals)"),
    ("floor(x, 1)", "x rounded down to 1 decimal"),
    ("floor(x, 0)", "x rounded down to a whole number (0 decimals)"),
    ("count(s IN xs: s.ok)", "the number of entries s of xs for which s.ok is true"),
    ("sum(s IN xs: s.n * 2)", "the sum, over all entries s of xs, of: s.n times 2"),
    ("sum(s IN xs: s.n) - 1", "(the sum, over all entries s of xs, of: s.n) minus 1"),
    ("IF b THEN x ELSE 0", "if b is true, then x, otherwise 0"),
    ("IF b AND c THEN x + 1 ELSE IF c THEN 1 ELSE 0",
     "if (b is true and c is true), then (x plus 1), otherwise (if c is true, then 1, otherwise 0)"),
])  # fmt: skip
def test_numbers(expression: str, expected: str) -> None:
    """Every form of number."""

    assert said(of(f"LET l = {expression}"), "Abbreviations")[1:] == [f"l stands for {expected}."]


@pytest.mark.parametrize(("expression", "expected"), [
    ("b", "b is true"),
    ("NOT b", "b is false"),
    ("NOT NOT b", "it is not true that b is false"),
    ("NOT x > 1", "it is not true that x is above 1"),
    ("NOT (b OR c)", "it is not true that (b is true or c is true)"),
    ("x < y", "x is below y"),
    ("x <= 0.9", "x is at most 0.9"),
    ("x > 0.9", "x is above 0.9"),
    ("x + y >= z", "(x plus y) is at least z"),
    ("x = 1", "x equals 1"),
    ("x != 1", "x does not equal 1"),
    ("k = mild", "k is mild"),
    ("none != k", "none is not k"),
    ("b = c", "b is true exactly when c is true"),
    ("b != (x > 1)", "either b is true or x is above 1, but not both"),
    ("b AND c AND x > 1", "b is true and c is true and x is above 1"),
    ("b AND c OR x > 1", "(b is true and c is true) or x is above 1"),
    ("b AND (c OR x > 1)", "b is true and (c is true or x is above 1)"),
    ("b IMPLIES x <= 0.5", "whenever b is true, x is at most 0.5"),
    ("b AND c IMPLIES c OR b", "whenever (b is true and c is true), (c is true or b is true)"),
    ("b IMPLIES c IMPLIES x > 0", "whenever b is true, (whenever c is true, x is above 0)"),
    ("(b IMPLIES c) IMPLIES x > 0", "whenever (whenever b is true, c is true), x is above 0"),
    ("FORALL s IN xs: s.ok OR s.k = mild", "for every entry s of xs: s.ok is true or s.k is mild"),
    ("EXISTS s IN xs: s.n > 1", "for at least one entry s of xs: s.n is above 1"),
    ("b AND (FORALL s IN xs: s.ok)", "b is true and (for every entry s of xs: s.ok is true)"),
    ("IF b THEN c ELSE x > 1", "if b is true, then c is true, otherwise x is above 1"),
])  # fmt: skip
def test_conditions(expression: str, expected: str) -> None:
    """Every form of condition."""

    assert said(of(f"ALWAYS {expression}"), "Rules")[1] == (
        f"A row keeps this unnamed rule if this is true: {expected}."
    )


LONG = "0.123456 * x + 0.654321 * y + 0.111111 * z"

CURVE = "(straight from point to point, flat beyond the ends, rounded down to six decimals)"


@pytest.mark.parametrize(("block", "expected"), [
    ("LET l = curve(z, (0, 1), (9, -0.5))", [
        f"l stands for the curve through these points, read at z {CURVE}:", "- at 0: 1", "- at 9: -0.5"]),
    ("LET l = 1 - curve(z, (0, 1), (9, 0))", [
        "l stands for the total of these:", "- 1",
        f"- minus the curve through these points, read at z {CURVE}:", "- - at 0: 1", "- - at 9: 0"]),
    (f"LET l = {LONG} - (x + y) + min({LONG}, 0.999999)", [
        "l stands for the total of these:",
        "- 0.123456 times x", "- plus (0.654321 times y)", "- plus (0.111111 times z)", "- minus (x plus y)",
        "- plus (the smaller of ((0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)) and 0.999999)"]),
    (f"LET l = min({LONG}, {LONG} - 1)", [
        "l stands for the smaller of these:",
        "- (0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)",
        "- (0.123456 times x) plus (0.654321 times y) plus (0.111111 times z) minus 1"]),
    (f"LET l = IF b THEN {LONG} ELSE IF c THEN {LONG} ELSE 0", [
        "l stands for the value in the first of these lines that applies:",
        "- if b is true: (0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)",
        "- if c is true: (0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)",
        "- otherwise: 0"]),
    (f"LET l = (FORALL s IN xs: {LONG} > s.n AND (s.ok OR {LONG} > 0.000001 OR {LONG} < 5))", [
        "l is true exactly if for every entry s of xs, all of these hold:",
        "- ((0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)) is above s.n",
        "- at least one of these holds:",
        "- - s.ok is true",
        "- - ((0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)) is above 0.000001",
        "- - ((0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)) is below 5"]),
    (f"LET l = {LONG} > 0.000001 IMPLIES {LONG} < 5", [
        "l is true exactly if the second of these holds whenever the first does:",
        "- ((0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)) is above 0.000001",
        "- ((0.123456 times x) plus (0.654321 times y) plus (0.111111 times z)) is below 5"]),
])  # fmt: skip
def test_long_expressions_become_lists(block: str, expected: list[str]) -> None:
    """A line that would be too long to follow is a list, and so is every curve."""

    assert said(of(block), "Abbreviations")[1:] == expected
