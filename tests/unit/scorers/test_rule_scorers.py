"""Lengths, forms, patterns and keywords: what they say of a text, and that no text stalls them."""

from __future__ import annotations

import pickle
import time

import pytest

from rlhf_contract.errors import ScorerError
from rlhf_contract.scorers.builtin import builtin
from rlhf_contract.scorers.formats import Form
from rlhf_contract.scorers.lengths import Length
from rlhf_contract.scorers.rules import Keywords, Patterns
from rlhf_contract.scorers.scorer import Scorer
from scoring import values_of

SECONDS = 20  # for a megabyte on a busy machine; what backtracks needs ages


@pytest.mark.parametrize(("unit", "count"), [("chars", 12), ("words", 3), ("lines", 2), ("bytes", 14)])
def test_lengths(unit: str, count: int) -> None:
    """Code points, words between white space, lines, bytes of UTF-8."""
    assert values_of(Length(unit), ["né \n two  ö?", ""]) == [count, 0]


@pytest.mark.parametrize(("form", "good", "bad"), [
    ("not-empty", ["a", " a "], ["", " \n\t"]),
    ("json", ["{}", ' [1, "a"] ', "3", '{"a": {"b": null}}'], ["", "{", "{'a': 1}", "[1,]", "NaN", "a {}", "[" * 5000]),
    ("think-answer", ["<think>a</think><answer>b</answer>", "<think>\n</think>\n<answer>b</answer>\n"], [
        "", "<answer>b</answer>", "<think>a</think>", "<answer>b</answer><think>a</think>",
        "x<think></think><answer></answer>",
        "<think><think></think><answer></answer>", "<think>a</think><answer>b</answer><answer>c</answer>",
    ]),
    ("boxed", [r"\boxed{1}", r"a \boxed {\frac{1}{2}} b"], ["", r"\boxed", r"\boxed{1", r"boxed{1}"]),
    ("fences", ["no code", "```py\nx\n```", "````\n```\n````", "~~~\n```\n~~~"], [
        "```py\nx", "```\nx\n~~~", "````\nx\n```",
    ]),
])  # fmt: skip
def test_forms(form: str, good: list[str], bad: list[str]) -> None:
    """Each says yes and no where a person would."""
    assert values_of(Form(form), good) == [True] * len(good)
    assert values_of(Form(form), bad) == [False] * len(bad)


def test_patterns() -> None:
    """Any, all, or how many matches."""
    texts = ["cat 12 dog 3", "cat", ""]

    assert values_of(Patterns("a/p", [r"\d+", "cat"]), texts) == [True, True, False]
    assert values_of(Patterns("a/p", [r"\d+", "cat"], "all"), texts) == [True, False, False]
    assert values_of(Patterns("a/p", [r"\d+", "cat"], "count"), texts) == [3, 1, 0]


def test_keywords_are_whole_words_in_either_case() -> None:
    """Not parts of words, in any script; phrases across line breaks; neighbours are both counted."""
    rule = Keywords("a/k", ["no", "as an AI", "straße"], "count")

    assert values_of(rule, ["No, no no!", "nothing noon _no_", "As an\nai I…", "Die STRAßE.", ""]) == [3, 0, 1, 1, 0]
    assert values_of(Keywords("a/k", ["a.b", "(x)"]), ["a.b", "axb", "(x)", "x"]) == [True, False, True, False]
    assert values_of(Keywords("a/k", ["yes", "no"], "all"), ["no, yes", "no"]) == [True, False]


def test_a_prompt_can_be_looked_at() -> None:
    """With `reads="prompt"` the answer does not count."""
    rule = Patterns("a/p", ["x"], reads="prompt")

    assert values_of(rule, ["x"]) == [False]


@pytest.mark.parametrize("pattern", [r"(?=a)", r"(a)\1", "(", "*"])
def test_a_pattern_that_is_none_is_refused_at_once(pattern: str) -> None:
    """Before any text is read, and with what RE2 says of it."""
    with pytest.raises(ScorerError, match="no pattern of RE2"):
        Patterns("a/p", [pattern])


@pytest.mark.parametrize("told", [[], [""], "word", [3]])
def test_rules_need_something_to_look_for(told: list[str]) -> None:
    """An empty keyword would be in every text."""
    with pytest.raises(ScorerError):
        Keywords("a/k", told if told != "word" else [""])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("text", [
    "a" * 1_000_000, r"\boxed{" * 140_000, "(" * 1_000_000, "1," * 500_000, "<think>" * 140_000, "```\n" * 250_000,
    "####" * 250_000, "9" * 1_000_000, "-1/" * 300_000,
], ids=lambda text: text[:7])  # fmt: skip
def test_no_text_stalls_a_rule(text: str) -> None:
    """A megabyte made to hurt takes no longer than a megabyte: what the trained model writes is an attacker's text."""
    rules: list[Scorer] = [s for n, s in builtin().items() if n.split("/")[0] in ("length", "format", "answer")]
    rules += [Patterns("a/p", [r"(a+)+b", r"^(\(|a)*$x"]), Keywords("a/k", ["a a", "no"], "count")]
    for rule in rules:
        begin = time.monotonic()
        values_of(rule, [text], answer=["1"])
        assert time.monotonic() - begin < SECONDS, rule.name


@pytest.mark.parametrize("scorer", builtin().values(), ids=lambda scorer: str(scorer.name))
def test_built_ins_can_be_sent_to_a_process(scorer: Scorer) -> None:
    """Pickled and unpickled they are the same scorer; its libraries need not be here for that."""
    again = pickle.loads(pickle.dumps(scorer))

    assert (again.name, again.config(), again.sources()) == (scorer.name, scorer.config(), scorer.sources())
    assert again.libraries == scorer.libraries
