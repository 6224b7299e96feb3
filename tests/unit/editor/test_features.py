"""What an editor shows of a Legal-Blocks file, without a server between."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.workspace import PositionCodec

from rlhf_contract.cli.lsp import lsp
from rlhf_contract.editor import features
from rlhf_contract.editor.document import Document, read
from rlhf_contract.editor.words import AGGREGATIONS, FUNCTIONS, KEYWORDS, TYPES, keywords_of_grammar
from rlhf_contract.errors import SetupError
from rlhf_contract.lang import load
from rlhf_contract.lang.aggregate import RULES
from rlhf_contract.lang.format import format_spec

EVERYTHING = (Path(__file__).parent / "everything.legal").read_text("utf-8")
UTF16, UTF8 = PositionCodec(), PositionCodec(types.PositionEncodingKind.Utf8)
GOOD = read(EVERYTHING, UTF16)


def place(document: Document, words: str, at: str = "|") -> types.Position:
    """The place of the mark in `words`, which stand once in the text."""
    plain = words.replace(at, "")
    assert document.text.count(plain) == 1, plain
    return document.position(document.text.index(plain) + words.index(at))


def hovered(words: str, document: Document = GOOD) -> str:
    shown = features.hover(document, place(document, words))
    return shown.contents.value if shown and isinstance(shown.contents, types.MarkupContent) else ""


def declared(words: str, document: Document = GOOD) -> tuple[int, str] | None:
    """The line (from 1) and the word to which the editor goes from the mark in `words`."""
    found = features.definition(document, place(document, words))
    if found is None:
        return None
    return found.start.line + 1, document.text[document.offset(found.start) : document.offset(found.end)]


MOVABLE = [
    *("helpfulness", "harmlessness", "toxicity", "tokens", "response.polite", "severity"),
    *("statements.truthful", "statements.hedged", "statements.topic", "statements.weight"),
]
"""What a promise may move."""


def offered(old: str, new: str) -> list[str]:
    """What can be written at the mark of `new`, which takes the place of `old`; the text need not parse then."""
    assert EVERYTHING.count(old) == 1, old
    text = EVERYTHING.replace(old, new)
    document = read(text.replace("|", ""), UTF16, GOOD)
    return [item.label for item in features.completion(document, document.position(text.index("|")))]


def line_of(words: str) -> int:
    return EVERYTHING[: EVERYTHING.index(words)].count("\n") + 1


def test_the_file_with_everything_is_right() -> None:
    """The file that these tests are about has no error and is canonical."""
    assert GOOD.diagnostics == ()
    assert format_spec(load(EVERYTHING).tree) == EVERYTHING


# -- diagnostics


def test_everything_wrong_is_shown_at_once() -> None:
    """Each error comes with its code, what is wrong, and what to write instead."""
    text = EVERYTHING.replace("0.7 * helpfulness", "0.7 * helpfullness").replace("0.25  WANTS", "0.24  WANTS")
    shown = features.diagnostics(read(text, UTF16))

    assert [problem.code for problem in shown] == ["unknown-name", "weights-sum"]
    assert shown[0].message == "no signal or LET is named helpfullness\ndid you mean helpfulness?"
    assert all(problem.severity == types.DiagnosticSeverity.Error for problem in shown)


@pytest.mark.parametrize(("codec", "units"), [(UTF16, 2), (UTF8, 4)], ids=["utf-16", "utf-8"])
def test_columns_are_counted_as_the_editor_counts(codec: PositionCodec, units: int) -> None:
    """A character beyond the first 65,536 before a mistake on its line moves it by the units of the encoding."""
    text = EVERYTHING.replace('CITES "GDPR Art. 5(1)(c)"', 'CITES "😀" PENALTY -1')
    (problem,) = features.diagnostics(read(text, codec))
    line = text.split("\n")[problem.range.start.line]

    assert line.index("-1", line.index("😀")) + units - 1 == problem.range.start.character
    assert problem.range.start.character + 2 == problem.range.end.character


def test_places_there_and_back() -> None:
    """Every character is found again at its place."""
    places = [GOOD.position(offset) for offset in range(len(EVERYTHING) + 1)]

    assert list(range(len(EVERYTHING) + 1)) == [GOOD.offset(p) for p in places]


@pytest.mark.parametrize("text", ["", "\n", "\0", "\r\n\r\n", "a\u2028b", "LET x", "#", '"', "(" * 999, "s." * 999])
def test_any_text_has_answers(text: str) -> None:
    """No question about a text that is no contract fails, at any place in it."""
    document = read(text, UTF16)
    assert features.diagnostics(document)
    assert features.formatting(document) == []
    for offset in {0, 1, len(text) // 2, len(text)}:
        position = types.Position(min(offset, 3), offset)
        features.completion(document, position)
        features.hover(document, position)
        features.definition(document, position)


# -- hover


def test_hover_says_type_range_and_choices() -> None:
    """Signals, fields and LETs say what values they have, in plain words."""
    assert hovered("1 - tok|ens * 0.0001") == "**tokens**: a signal, a whole number in [0, 8192]"
    assert hovered("0.7 * |helpfulness").endswith("a number from 0 to 1 with six decimals")
    assert hovered("min(harmlessness|,").endswith("made by `acme/harmless-rm@sha256:9f…`")
    assert hovered("grave = sever|ity = severe") == "**severity**: a signal, one of `none`, `mild`, `severe`"
    assert hovered("severity = sev|ere OR") == "**severe**: a choice of `severity`"
    assert hovered("0.3 * br|evity").startswith("**brevity**: a LET, a number in [0.1808, 1], exact to 4 decimals")
    assert hovered("NEVER     gr|ave").startswith("**grave**: a LET, true or false")
    assert hovered("|s.truthful OR") == "**s**: each entry of `statements` in turn"
    assert hovered("s.truth|ful OR") == "**truthful**: a field of `statements`, true or false"
    assert "- `weight`: a number in [-0.5, 1] with six decimals" in hovered("FORALL s IN state|ments")
    assert "promised to lie in [-20, 20]" in hovered("IMPLIES rew|ard")
    assert "weight 0.35, with a veto" in hovered("safety_|board")
    assert "INVARIANT" in hovered("no_p|ii")
    assert hovered("MONOTONE IN statements.we|ight").startswith("**weight**: a field of `statements`, a number")
    assert hovered("INFLUENCE OF oper|ator") == "**operator**: a stakeholder, weight 0.4"


def test_hover_explains_words() -> None:
    """Functions, aggregations and keywords are defined in one line, and only where they are what they look like."""
    assert hovered("THEN gentle / 2 ELSE cl|ip").startswith("**clip(x, low, high)**")
    assert hovered("AGGREGATE nash|_product").endswith(AGGREGATIONS["nash_product"])
    assert hovered("toxicity        : re|al").endswith(KEYWORDS["real"])
    assert hovered("LEGAL-|BLOCKS").endswith(KEYWORDS["LEGAL-BLOCKS"])
    assert hovered("VIOLATION NEVER PA|YS").endswith(KEYWORDS["PAYS"])
    assert hovered('"Rewards 😀 for the sup|port') == ""
    assert hovered("# measured by the sco|rers") == ""
    assert hovered("0.0|001") == ""


def test_a_signal_may_be_called_as_a_type_or_function() -> None:
    """Outside of the types, `score` is the signal of that name, and `min` without arguments is one too."""
    text = EVERYTHING.replace("toxicity", "score").replace("helpfulness", "min")
    document = read(text, UTF16)

    assert document.diagnostics == ()
    assert hovered("curve(sc|ore", document).startswith("**score**: a signal")
    assert hovered("0.7 * mi|n", document).startswith("**min**: a signal")


def test_hover_survives_a_mistake() -> None:
    """While the text does not parse, the last one that did is remembered."""
    document = read(EVERYTHING.replace("0.7 * helpfulness", "0.7 *"), UTF16, GOOD)

    assert [problem.code for problem in features.diagnostics(document)] == ["syntax"]
    assert "exact to 4 decimals" in hovered("0.3 * br|evity", document)
    assert hovered("1 - tok|ens * 0.0001", document) == "**tokens**: a signal, a whole number in [0, 8192]"


# -- definition


@pytest.mark.parametrize(
    ("words", "declaration", "name"),
    [
        ("0.7 * helpful|ness", "  helpfulness ", "helpfulness"),
        ("NOT response.|polite", "  response.polite", "response.polite"),
        ("0.3 * brevity|", "LET brevity", "brevity"),
        ("s.|truthful OR", "{ truthful", "truthful"),
        ("t.|weight", "weight: real", "weight"),
        ("sum(u IN statements: |u.weight", "sum(u IN", "u"),
        ("OR |s.hedged", "INVARIANT honest", "s"),
        ("s.topic = la|w", "one of law", "law"),
        ("FORALL s IN |statements", "  statements ", "statements"),
        ("MONOTONE IN |helpfulness", "  helpfulness ", "helpfulness"),
        ("MONOTONE IN state|ments.weight", "  statements ", "statements"),
        ("MONOTONE IN statements.|weight", "weight: real", "weight"),
        ("PAYS OF |honest", "INVARIANT honest", "honest"),
        ("INFLUENCE OF |operator", "  operator ", "operator"),
        ("SENSITIVITY TO |tokens", "  tokens ", "tokens"),
        ("|no_pii", "no_pii", "no_pii"),
        ("users| ", "  users ", "users"),
    ],
)
def test_definition(words: str, declaration: str, name: str) -> None:
    """The editor goes from a name to where it is declared."""
    assert (line_of(declaration), name) == declared(words)


def test_variables_of_the_same_name_are_told_apart() -> None:
    """Each `s` belongs to the quantifier that it stands in, and outside of one it is nothing."""
    rule = "ALWAYS    (FORALL s IN statements: s.hedged) AND count(s IN statements: s.truthful) > 0"
    document = read(EVERYTHING.replace("ALWAYS    NOT (grave AND toxicity > 0.9)", rule + "\nALWAYS s.hedged"), UTF16)
    starts = []
    for words in ("statements: |s.hedged) AND", "statements: |s.truthful) > 0"):
        found = features.definition(document, place(document, words))
        assert found
        starts.append(found.start.character)

    assert [rule.index("s IN statements: s.hedged)"), rule.index("s IN statements: s.truthful")] == starts
    assert None is features.definition(document, place(document, "ALWAYS |s.hedged"))


def test_words_are_declared_nowhere() -> None:
    """There is nowhere to go from a keyword, a function, a comment or a number."""
    for words in ("WA|NTS 0.7", "THEN gentle / 2 ELSE cl|ip", "# measured by the sco|rers", "0.0|001"):
        assert None is declared(words)


# -- formatting


def test_formatting() -> None:
    """A text without errors becomes canonical; a canonical one and one with errors stay as they are."""
    messy = EVERYTHING.replace("  ", " ").replace("0.4 ", "0.400 ")
    (edit,) = features.formatting(read(messy, UTF16))

    assert format_spec(load(messy).tree) == edit.new_text
    assert (types.Position(0, 0), types.Position(messy.count("\n"), 0)) == (edit.range.start, edit.range.end)
    assert features.formatting(GOOD) == []
    assert features.formatting(read(messy.replace("0.400", "0.5"), UTF16)) == []


# -- completion


def test_completion_in_an_expression() -> None:
    """Names come first, then functions and keywords; a variable is offered only where it means something."""
    items = offered("0.7 * helpfulness", "0.7 * |")

    assert {"helpfulness", "response.polite", "brevity", "min", "IF", "FORALL"} <= set(items)
    assert not {"s", "reward", "real", "operator"} & set(items)
    assert "t" in offered("t.weight < 0.5 AND", "t.weight < 0.5 AND |")
    assert "reward" in offered("IMPLIES reward", "IMPLIES r|")


@pytest.mark.parametrize(
    ("old", "new", "items"),
    [
        ("s.truthful OR", "s.| OR", ["truthful", "hedged", "topic", "weight"]),
        ("s.truthful OR s.hedged", "s.tru|", ["truthful", "hedged", "topic", "weight"]),
        ("s.topic = law", "s.topic = |", ["law", "health"]),
        ("severity != none", "severity != |", ["none", "mild", "severe"]),
        ("AGGREGATE nash_product", "AGGREGATE |", list(AGGREGATIONS)),
        ("FORALL s IN statements: s.truthful OR s.hedged", "FORALL s IN |", ["statements"]),
        ("count(s IN statements", "count(s IN st|", ["statements"]),
        ("MONOTONE IN helpfulness", "MONOTONE IN |", MOVABLE),
        ("DECREASING IN severity", "DECREASING IN statements.|", MOVABLE),
        ("SENSITIVITY TO tokens", "SENSITIVITY TO |", ["helpfulness", "harmlessness", "toxicity", "tokens"]),
        ("INFLUENCE OF operator", "INFLUENCE OF |", ["operator", "safety_board", "users"]),
        ("PAYS OF honest", "PAYS OF |", ["no_pii", "honest", "weighed"]),
        ("PROVE     PARETO", "PROVE |",
         ["MONOTONE", "DECREASING", "VIOLATION", "FIXING", "PARETO", "INFLUENCE", "SENSITIVITY"]),
        ("FIXING ALWAYS PAYS OF", "FIXING ALWAYS |", ["PAYS"]),
        ("toxicity        : real [0, 1]", "toxicity        : |", list(TYPES)),
        ("# measured by", "# measured |by", []),
        ('"acme/harmless', '"ac|me/harmless', []),
    ],
)  # fmt: skip
def test_completion_knows_its_place(old: str, new: str, items: list[str]) -> None:
    """Where only some words make sense, only these are offered, also while the text does not parse."""
    assert items == offered(old, new)


def test_completion_of_a_text_that_never_parsed() -> None:
    """Names are found in a text that was broken from the start."""
    document = read("SIGNALS\n  x : score\n  l : list [2] of { y: bool }\nLET b = (\nALWAYS EXISTS e IN l: e.", UTF16)
    last = document.position(len(document.text))

    assert [item.label for item in features.completion(document, last)] == ["y"]
    assert {"x", "b", "l"} <= {i.label for i in features.completion(document, types.Position(4, 7))}


def test_completion_replaces_what_is_typed() -> None:
    """The new word takes the place of what stands before the cursor, dots included."""
    document = read(EVERYTHING.replace("NOT response.polite", "NOT response.po"), UTF16, GOOD)
    position = place(document, "NOT response.po|")
    (item,) = [i for i in features.completion(document, position) if i.label == "response.polite"]

    assert isinstance(item.text_edit, types.TextEdit)
    assert document.text[document.offset(item.text_edit.range.start) : document.offset(position)] == "response.po"


# -- words


def test_every_word_has_a_sentence() -> None:
    """Each keyword, function and aggregation of the language is explained, and no other."""
    assert set(keywords_of_grammar()) == set(KEYWORDS)
    assert set(RULES) == set(AGGREGATIONS)
    assert features.diagnostics(GOOD) == []
    for function in FUNCTIONS:
        assert f"{function}(" in EVERYTHING


def test_without_pygls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pygls is not installed, the command says what to install."""
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.delitem(sys.modules, "rlhf_contract.editor.server", raising=False)
    monkeypatch.delitem(sys.modules, "pygls.lsp.server", raising=False)
    with pytest.raises(SetupError, match=r"pip install rlhf-contract-wizard\[editor\]"):
        lsp()
