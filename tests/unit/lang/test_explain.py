"""Plain English: nothing of the source is missing, nothing is ambiguous, and it is the same everywhere."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from generated_syntax import texts
from rlhf_contract.errors import Span
from rlhf_contract.lang import ast, phrase
from rlhf_contract.lang.explain import explain, to_html, to_markdown
from rlhf_contract.lang.explanation import Entry, Explanation, Section, visible
from rlhf_contract.lang.parse import parse
from rlhf_contract.types import decimal_text

ROOT = Path(__file__).parents[3]

SAFE_ASSISTANT = """\
LEGAL-BLOCKS 1
CONTRACT SafeAssistant VERSION 1.2.0
  TITLE "Rewards for the support assistant"
  JURISDICTION EU, US-CA
  REWARD IN [-2, 1]

SIGNALS
  helpfulness    : score                                    # score = real [0, 1]
  harmlessness   : score            BY "acme/harmless-rm@sha256:9f…"   # which scorer makes it, pinned
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
"""

ODD_PLACES = """\
# Above everything.

LEGAL-BLOCKS # behind the first word, CONTRACT of nothing
1 CONTRACT C VERSION 0.0.1 REWARD IN [0, 1] SIGNALS a : score # of LET
  PROVED : bool
LET # LET
  lets = 1 LET x.y = a AGGREGATE # PROVE AGGREGATE
  maximin
# before the rule
ALWAYS a > 0 PROVE # PROVE
  MONOTONE IN a

# at the end
"""


def of(blocks: str = "", signals: str = "", holder: str = "WEIGHT 1 WANTS x", aggregate: str = "weighted_mean") -> str:
    """A contract with numbers x y z, conditions b c, a choice k and a list xs."""
    return (
        'LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  TITLE "t"\n  REWARD IN [-1, 1]\nSIGNALS\n'
        "  x : score\n  y : real [-1.5, 2]\n  z : int [0, 9]\n  b : bool\n  c : bool\n  k : one of none, mild\n"
        f"  xs : list [3] of {{ ok: bool, n: int [0, 5], k: one of none, mild }}\n{signals}\n"
        f"STAKEHOLDERS\n  who {holder}\nAGGREGATE {aggregate}\n{blocks}\n"
    )


def entries(source: str) -> list[Entry]:
    return [entry for section in explain(parse(source)).sections for entry in section.entries]


def lines(sentences: tuple[Any, ...], indent: str = "") -> list[str]:
    """Sentences with what is listed below them, as plain text."""
    return [line for s in sentences for line in (indent + s.text, *lines(s.items, indent + "- "))]


# -- nothing is missing

WORDS = {
    "+": ("plus", "the total of"), "-": ("minus",), "*": ("times", "the product of"), "/": ("divided by",),
    "<": ("is below",), "<=": ("is at most",), ">": ("is above",), ">=": ("is at least",),
    "=": ("equals", "exactly when", " is "), "!=": ("does not equal", "but not both", "is not"),
    "AND": (" and ", "all of these hold"), "OR": (" or ", "at least one of these holds"),
    "IMPLIES": ("whenever ",), "FORALL": ("for every entry",), "EXISTS": ("for at least one entry",),
    "count": ("the number of entries",), "sum": ("the sum, over all entries",),
    "min": ("the small", "`min` of"), "max": ("the large", "`max` of"), "abs": ("the absolute value", "`abs` of"),
    "clip": ("but at least", "`clip` of"), "floor": ("rounded down to", "`floor` of"),
    "curve": ("the curve through", "`curve` of"), "no_such_function": ("`no_such_function` of",),
    "score": ("a score",), "real": ("a number",), "int": ("a whole number",), "bool": ("true or false",),
    "choice": ("one of these choices",), "list": ("is a list",),
    "NEVER": ("NEVER",), "ALWAYS": ("keeps",), "INVARIANT": ("keeps",),
    "monotone": ("never lowers",), "decreasing": ("never raises",), "violation_never_pays": ("earns more than any",),
    "fixing_always_pays": ("never earns less",), "pareto": ("at least as good for every",),
    "influence": ("equally good for every stakeholder but",), "sensitivity": ("times as much",),
}  # fmt: skip
LANGUAGE = {"operator", "kind", "form", "function"}
TEXTS = {"title", "by", "cites", "version", "jurisdiction"}
PLACES = {"span", "list_span", "function_span", "header_span", "depth", "source", "filename", "blocks", "comments"}


def leaves(node: Any) -> Iterator[tuple[str, str]]:
    """Every name, number, text and word of the language in a tree: ("name", "tokens"), ("number", "0.9"), …"""
    if isinstance(node, (ast.Number, ast.Decimal)):
        yield "number", decimal_text(node.value, node.scale)
    elif isinstance(node, ast.Unary) and node.operator == "NOT":
        yield from leaves(node.operand)
    elif isinstance(node, ast.Unary) and isinstance(node.operand, ast.Number):
        yield "number", f"-{decimal_text(node.operand.value, node.operand.scale)}"
    elif isinstance(node, ast.Name) and node.id == "reward":
        yield "word", "the reward"
    elif dataclasses.is_dataclass(node):
        for f in dataclasses.fields(node):
            if f.name not in PLACES:
                value = getattr(node, f.name)
                for child in value if isinstance(value, tuple) else (value,):
                    yield from leaf(f.name, child) if isinstance(child, (str, bool, int)) else leaves(child)
    else:
        assert node is None


def leaf(field: str, value: str | bool | int) -> Iterator[tuple[str, str]]:
    if field in LANGUAGE:
        yield "word", str(value)
    elif field == "veto":
        yield "word", "a VETO" if value else "no veto"
    elif isinstance(value, int):
        yield from [("number", str(value))] if value else []
    elif value:
        yield "text" if field in TEXTS else "name", str(value)


def things(spec: ast.Spec) -> list[tuple[int, Any]]:
    """What has an entry of its own, with the line it stands in."""
    found: list[tuple[Span, Any]] = [(Span(1, 1, 1, 1), spec)]
    for block in spec.blocks:
        match block:
            case ast.Signals():
                found += [(s.span, s) for s in block.signals]
            case ast.Stakeholders():
                found += [(s.span, s) for s in block.stakeholders]
            case _:
                found.append((block.span, block))
    return [(span.line, node) for span, node in found]


def english(explanation: Explanation, entry: Entry) -> str:
    """The Markdown of one entry without its source."""
    alone = Section("", (), (dataclasses.replace(entry, source=""),))
    markdown = to_markdown(dataclasses.replace(explanation, name="", version="", title="", sections=(alone,)))
    return markdown.split("```\n\n```\n", 1)[1].rpartition("specHash")[0]


def unescaped(markdown: str) -> str:
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)


def missing(source: str) -> list[str]:
    """What stands in the source of an entry more often than in its English."""
    spec = parse(source)
    explanation = explain(spec)
    found = [entry for section in explanation.sections for entry in section.entries]
    lacks = []
    for (_, node), entry in zip(things(spec), found, strict=True):
        markdown = english(explanation, entry)
        text = unescaped(markdown)
        prose = re.sub(r"\\.|`[^`]*`", "", markdown)
        for (what, leaf_), times in Counter(leaves(node)).items():
            match what:
                case "name":
                    there = markdown.count(f"`{leaf_}`")
                case "number":
                    there = len(re.findall(rf"(?<![\d.]){re.escape(leaf_)}(?!\d|\.\d)", prose))
                case "text":
                    there = text.count(visible(leaf_))
                case _:
                    there = times if any(words in text for words in WORDS.get(leaf_, (leaf_,))) else 0
            if there < times:
                lacks.append(f"{what} {leaf_}: {there} of {times} in {text}")
    notes = unescaped("\n".join(english(explanation, entry) for entry in found))
    lacks += [c.text for c in spec.comments if visible(c.text.strip()) not in notes]
    return lacks


@pytest.mark.parametrize(
    "source",
    [
        *(path.read_text("utf-8") for path in sorted((ROOT / "examples").glob("*.legal"))),
        SAFE_ASSISTANT,
        ODD_PLACES,
        of("NEVER b WITHOUT c PENALTY 0.5 REWARD AT MOST 0.25 CITES \"law\""),
        of(aggregate="lexicographic(7)"),
        of(holder="WEIGHT 1 WANTS x FLOOR 0.125 VETO", aggregate="nash_product"),
    ],
)  # fmt: skip
def test_nothing_is_missing(source: str) -> None:
    """Every name, number, text, choice and comment of a block is in the English of this block, as often as there."""

    assert missing(source) == []


@settings(max_examples=40, deadline=None)
@given(texts())
def test_nothing_is_missing_of_generated_contracts(source: str) -> None:
    """The same for contracts of every form, however nested, with texts and comments of any characters."""

    assert missing(source) == []
    assert "".join(entry.source for entry in entries(source)) == source


@pytest.mark.parametrize("source", [SAFE_ASSISTANT, ODD_PLACES])
def test_the_source_is_shown_whole(source: str) -> None:
    """The stretches of source beside the English are the file, without gap or repetition."""

    assert "".join(entry.source for entry in entries(source)) == source


def test_stretches_of_source() -> None:
    """A comment belongs to the block on its line, or else to the block below; a keyword in it opens no block."""
    shown = [(e.first_line, e.last_line, e.source.split()[0], e.notes) for e in entries(ODD_PLACES)]

    assert shown == [
        (1, 4, "#", ("Above everything.", "behind the first word, CONTRACT of nothing")),
        (4, 4, "SIGNALS", ("of LET",)),
        (5, 5, "PROVED", ()),
        (6, 7, "LET", ("LET",)),
        (7, 7, "LET", ()),
        (7, 8, "AGGREGATE", ("PROVE AGGREGATE",)),
        (9, 10, "#", ("before the rule",)),
        (10, 13, "PROVE", ("PROVE", "at the end")),
    ]


# -- nothing is ambiguous


@pytest.mark.parametrize("long", [phrase.LONG, 0], ids=["lines", "lists"])
def test_different_expressions_read_differently(long: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All small expressions: no two trees share their English, neither in one line nor as lists."""
    monkeypatch.setattr(phrase, "LONG", long)
    xs, bs = ["x", "1", "-1"], ["b", "c", "NOT b"]
    n1 = [f"({a} {o} {b})" for a, o, b in product(xs, "+-*/", xs)]
    n1 += [f"{f}({a}, {b})" for f, a, b in product(["min", "max", "floor"], xs, xs)]
    n1 += [f"-({a})" for a in xs] + [f"abs({a})" for a in xs] + [f"sum(s IN xs: {a})" for a in xs]
    n1 += [f"(IF {c} THEN {a} ELSE {b})" for c, a, b in product(bs, xs, xs)]
    c1 = [f"({a} {o} {b})" for a, o, b in product(xs, ["<", "<=", ">", ">=", "=", "!="], xs)]
    c1 += [f"({a} {o} {b})" for a, o, b in product(["b", "c"], ["AND", "OR", "IMPLIES", "=", "!="], ["b", "c"])]
    c1 += [f"({q} s IN xs: {b})" for q, b in product(["FORALL", "EXISTS"], ["b", "s.ok"])]
    n2 = [f"{a} {o} {b}" for a, o, b in [*product(n1, "+-*/", ["x"]), *product(["x"], "+-*/", n1)]]
    n2 += [f"-{a}" for a in n1] + [f"min({a}, x, y)" for a in n1] + [f"min(x, {a}, y)" for a in n1]
    n2 += [f"clip({a}, x, 1)" for a in n1] + [f"IF b THEN {a} ELSE x" for a in n1]
    n2 += (
        [f"sum(s IN xs: {a})" for a in n1]
        + [f"count(s IN xs: {c})" for c in c1]
        + [f"(IF {c} THEN x ELSE y)" for c in c1]
    )
    c2 = [
        f"{a} {o} {b}" for o in ["AND", "OR", "IMPLIES", "=", "!="] for a, b in [*product(c1, "b"), *product("b", c1)]
    ]
    c2 += [f"NOT {c}" for c in c1] + [f"FORALL s IN xs: {c}" for c in c1] + [f"x < {a}" for a in n1]
    texts_ = [*n1, *n2, *c1, *c2]
    meant: dict[tuple[str, ...], ast.Expression] = {}
    for first in range(0, len(texts_), 500):
        spec = parse(of("\n".join(f"LET l = {text}" for text in texts_[first : first + 500])))
        for let, entry in zip(spec.lets, explain(spec).sections[-2].entries, strict=True):
            words = tuple(lines(entry.sentences))

            assert meant.setdefault(words, let.body) == let.body, words


# -- it is the same everywhere, and quick


def test_determinism() -> None:
    """Another process with another hash seed writes the same bytes."""
    script = (
        "import sys; from rlhf_contract.lang.explain import *; from rlhf_contract.lang.parse import parse;"
        "made = explain(parse(sys.stdin.read())); print(to_markdown(made) + to_html(made), end='')"
    )
    written = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=SAFE_ASSISTANT.encode(),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    here = explain(parse(SAFE_ASSISTANT))

    assert written == {(to_markdown(here) + to_html(here)).encode()}


@pytest.mark.parametrize(
    "body",
    [
        "x" + " + x" * 7_000,
        "(" * 2_500 + "x" + " + 1) * 2" * 2_500,
        "b" + " AND b" * 7_000,
        "-(" * 60 + "x" + ")" * 60,
    ],
    ids=["sum", "mixed", "and", "deep"],
)
def test_the_longest_expressions(body: str) -> None:
    """What fills a file is still explained within seconds and without deep recursion."""
    tree = parse(of(f"LET l = {body}"))
    start = time.perf_counter()
    made = explain(tree)
    pages = to_markdown(made), to_html(made)

    assert time.perf_counter() - start < 5
    assert all(len(page) > len(body) for page in pages)
