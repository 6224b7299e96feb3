"""The real Presidio as a scorer: its patterns over a blank pipeline, and names by a spaCy model made on the spot."""

from __future__ import annotations

import pickle
import socket
from decimal import Decimal
from pathlib import Path

import pytest
import spacy

from benchmarks import module
from rlhf_contract.errors import ScorerError, ScorerMismatch
from rlhf_contract.scorers.isolated import Isolated
from rlhf_contract.scorers.pii import KINDS
from rlhf_contract.scorers.pinned import Scorers
from rlhf_contract.scorers.presidio import Presidio
from scoring import contract, values_of

pii = module("pii")
TEXT = "Card 4526 0181 5908 3012, phone (212) 555-0123, mail a@example.com and b@example.com."


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, float]]:
    """Presidio's precision and recall by kind, on the sentences that ours is measured on."""
    found: dict[str, dict[str, float]] = pii.document(pii.measured(Presidio()))
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A spaCy model that knows two names, in a folder."""
    words = spacy.blank("en")
    ruler = words.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Maria Keller"}, {"label": "GPE", "pattern": "Bergen"}])
    words.to_disk(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(("kind", "precision", "recall"), [
    ("email", 0.9, 0.7), ("card", 0.7, 0.7), ("iban", 1.0, 0.7), ("ssn", 0.7, 0.8), ("national-id", 0.55, 0.55),
    ("ip", 0.35, 1.0), ("phone", 0.7, 0.7), ("any", 0.65, 0.75),
])  # fmt: skip
def test_precision_and_recall(
    kind: str, precision: float, recall: float, measured: dict[str, dict[str, float]]
) -> None:
    """At least so much of what is there is found, and so much of what is found is there."""
    assert measured[kind]["precision"] >= precision, measured[kind]
    assert measured[kind]["recall"] >= recall, measured[kind]


def test_both_are_measured_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark's document has every kind of both."""
    monkeypatch.setattr("sys.argv", ["pii.py", "--out", str(tmp_path / "pii.json")])
    pii.main()
    said = pii.json.loads((tmp_path / "pii.json").read_text("utf-8"))

    assert list(said) == ["ours", "Presidio"]
    assert all(list(one) == [*KINDS, "any"] for one in said.values())


def test_places_are_counted_once() -> None:
    """A card's digits are no telephone number; kinds that are not asked for are not told."""
    assert values_of(Presidio(count=True), [TEXT, ""]) == [4, 0]
    assert values_of(Presidio(["phone"], count=True), [TEXT]) == [1]
    assert values_of(Presidio(["iban"]), [TEXT]) == [False]


def test_a_word_before_a_number_raises_its_score() -> None:
    """The blank pipeline has no lemmas of its own, and Presidio would pass over every word without them."""
    texts = ["My phone number is (212) 555-0123.", "It says (212) 555-0123."]

    assert values_of(Presidio(["phone"], threshold=Decimal("0.7")), texts) == [True, False]


def test_nothing_is_asked_of_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a model nor a list of public suffixes, whatever a cache has or has not."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setenv("TLDEXTRACT_CACHE", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert values_of(Presidio(["email"]), ["mail to a@example.com", "mail to a@example.nosuchsuffix"]) == [True, False]
    assert not list(tmp_path.iterdir())


def test_names_by_a_model_in_a_folder(model: Path) -> None:
    """What its entities are called is Presidio's business; its files are in the hash."""
    scorer = Presidio(["person", "location", "email"], count=True, folder=model)
    before = scorer.pin

    assert values_of(scorer, ["Maria Keller moved to Bergen: m@example.com", "maria moved"]) == [3, 0]
    (model / "meta.json").write_bytes((model / "meta.json").read_bytes() + b" ")
    assert Presidio(["person", "location", "email"], count=True, folder=model).pin.digest != before.digest


def test_a_model_that_changed_since_it_was_hashed(model: Path) -> None:
    """Is refused, and so is a folder without one."""
    scorer = Presidio(["person"], folder=model)
    assert scorer.pin
    (model / "meta.json").write_bytes((model / "meta.json").read_bytes() + b" ")

    with pytest.raises(ScorerMismatch, match="have changed"):
        values_of(scorer, ["Maria Keller"])
    (model / "config.cfg").unlink()
    with pytest.raises(ScorerError, match="no spaCy model"):
        values_of(Presidio(["person"], folder=model), ["Maria Keller"])


def test_what_it_was_told_is_in_its_hash() -> None:
    """And so are the versions of Presidio, spaCy and the list of suffixes."""
    told: list[dict[str, object]] = [
        *({}, {"kinds": ["email"]}, {"regions": ["DE"]}, {"count": True}, {"threshold": Decimal("0.5")}),
    ]
    scorers = [Presidio(**one) for one in told]  # type: ignore[arg-type]

    assert len({one.pin.digest for one in scorers}) == len(told)
    assert Presidio(threshold=Decimal("0.40")).pin == Presidio().pin == pickle.loads(pickle.dumps(Presidio())).pin
    assert {"presidio-analyzer", "regex", "spacy", "tldextract"} <= Presidio().content.libraries.keys()
    assert "PhoneRecognizer" in str(Presidio().content.document["config"])


def test_a_contract_pins_it_and_it_runs_in_a_process_of_its_own() -> None:
    """By the pin that it has here."""
    scorer = Isolated(Presidio())
    scorers = Scorers.of(contract({"s0": f'bool BY "{scorer.pin}"'}))
    assert list(scorers.score([""], [TEXT], {})["s0"]) == [True]
    try:
        assert values_of(scorer, [TEXT, "nothing here"]) == [True, False]
    finally:
        scorer.close()


def test_a_pattern_that_presidio_gives_up_is_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Presidio logs it and goes on, and the text would look clean."""
    monkeypatch.setattr("presidio_analyzer.pattern_recognizer.REGEX_TIMEOUT_SECONDS", 0.05)

    with pytest.raises(ScorerError, match="leaves out a pattern"):
        Presidio(["email"]).find("a-" * 20_000 + " mail to a@example.com")
    assert "timed out" in caplog.text
