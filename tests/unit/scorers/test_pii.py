"""Personal data: found where the labelled sentences have some, and not where they only look so."""

from __future__ import annotations

import importlib.metadata
import sys
import time
from decimal import Decimal

import pytest

from benchmarks import module
from rlhf_contract.errors import ScorerError, ScorerMissing
from rlhf_contract.scorers.pii import KINDS, PersonalData
from rlhf_contract.scorers.presidio import Presidio
from scoring import values_of

pii = module("pii")


@pytest.fixture(scope="module")
def measured() -> dict[str, object]:
    """Precision and recall by kind."""
    found: dict[str, object] = pii.document(pii.measured(PersonalData()))
    return found


@pytest.mark.parametrize(("kind", "precision", "recall"), [
    ("email", 0.9, 0.9), ("card", 0.9, 0.8), ("iban", 1.0, 1.0), ("ssn", 1.0, 1.0), ("national-id", 1.0, 0.85),
    ("ip", 0.85, 0.9), ("phone", 0.9, 0.85), ("any", 0.95, 0.9),
])  # fmt: skip
def test_precision_and_recall(
    kind: str, precision: float, recall: float, measured: dict[str, dict[str, float]]
) -> None:
    """At least so much of what is there is found, and so much of what is found is there."""
    assert measured[kind]["precision"] >= precision, measured[kind]
    assert measured[kind]["recall"] >= recall, measured[kind]


def test_the_labelled_sentences_are_enough_of_each_kind() -> None:
    """150 sentences, as many without as with, seven of each kind at least."""
    labelled = list(pii.sentences())
    empty = sum(not kinds for kinds, _ in labelled)

    assert len(labelled) >= 150 and empty >= 70
    assert all(sum(kind in kinds for kinds, _ in labelled) >= 7 for kind in KINDS)
    assert {kind for kinds, _ in labelled for kind in kinds} == set(KINDS)


def test_one_wrong_digit_is_no_card() -> None:
    """Every single wrong digit of a card, an IBAN and an identity card is found by its check digit."""
    for kind, text in (("card", "4526018159083012"), ("iban", "DE44500105175407324931"), ("national-id", "21547280Y")):
        scorer = PersonalData([kind])
        wrong = [f"{text[:i]}{(int(d) + 1) % 10}{text[i + 1 :]}" for i, d in enumerate(text) if d.isdigit()]

        assert values_of(scorer, [text]) == [True]
        assert not any(values_of(scorer, [f"my {one}" for one in wrong])), kind


def test_places_are_counted_once() -> None:
    """What one kind has taken is no candidate of the next: a card's digits are no telephone number."""
    text = "Card 4526 0181 5908 3012, phone (212) 555-0123, mail a@example.com and b@example.com."
    found = PersonalData().find(text)

    assert values_of(PersonalData(count=True), [text, ""]) == [4, 0]
    assert {kind: [text[a:b] for a, b in spans] for kind, spans in found.items() if spans} == {
        "card": ["4526 0181 5908 3012"],
        "phone": ["(212) 555-0123"],
        "email": ["a@example.com", "b@example.com"],
    }


def test_an_unknown_kind_is_refused() -> None:
    """With those that there are; Presidio finds names only with a model."""
    with pytest.raises(ScorerError, match="email, card"):
        PersonalData(["name"])
    with pytest.raises(ScorerError, match=r"person and location need a spaCy model: folder"):
        Presidio(["person"])
    with pytest.raises(ScorerError, match="from 0 to 1"):
        Presidio(threshold=Decimal("1.1"))


def test_without_presidio_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for its pin or for an answer; it is listed all the same."""

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    monkeypatch.setattr(importlib.metadata, "version", absent)
    for asked in (lambda: Presidio().pin, lambda: values_of(Presidio(), ["my e-mail"])):
        with pytest.raises(ScorerMissing, match=r"pip install 'rlhf-contract-wizard\[presidio\]'"):
            asked()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("text", ["a@" * 100_000, "1-" * 100_000, "1.2.3." * 30_000, "a.b" * 60_000, ":1" * 100_000])
def test_no_text_stalls_it(text: str) -> None:
    """Two hundred kilobytes made to hurt."""
    begin = time.monotonic()
    values_of(PersonalData(["email", "card", "iban", "ssn", "national-id", "ip"]), [text])

    assert time.monotonic() - begin < 20
