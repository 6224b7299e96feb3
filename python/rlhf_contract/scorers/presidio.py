"""Personal data as Microsoft's Presidio finds them: its pattern recognizers, and names where a spaCy model is given.

Presidio's own engine would download a spaCy model and a list of public suffixes. Here a blank pipeline cuts a text into
words, which is all that its patterns and the words around them need, and the list is the one inside `tldextract`;
names of people and places are looked for only with a model in a folder, whose files are hashed.

`bench/pii.py` measures precision and recall of each kind beside those of `pii`, on the same sentences.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from rlhf_contract.errors import ScorerError, ScorerMismatch
from rlhf_contract.scorers.content import files_of
from rlhf_contract.scorers.optional import needed
from rlhf_contract.scorers.pii import KINDS, Span
from rlhf_contract.scorers.scorer import Scorer, Texts

__all__ = ["NAMED", "Presidio"]

NAMED = {"person": "PERSON", "location": "LOCATION"}
"""Kinds that only a model finds, and what Presidio calls them."""
# The recognizers of each kind, as presidio_analyzer.predefined_recognizers names them; others there find what is no
# kind of ours (dates, web addresses, number plates).
RECOGNIZERS = {
    "email": ("EmailRecognizer",),
    "card": ("CreditCardRecognizer",),
    "iban": ("IbanRecognizer",),
    "ssn": ("UsSsnRecognizer", "UsItinRecognizer"),
    "national-id": (
        *("CaSinRecognizer", "DeTaxIdRecognizer", "EsNieRecognizer", "EsNifRecognizer", "InAadhaarRecognizer"),
        *("ItFiscalCodeRecognizer", "NhsRecognizer", "PlPeselRecognizer"),
    ),
    "ip": ("IpRecognizer",),
    "phone": ("PhoneRecognizer",),
}
THRESHOLD = Decimal("0.4")  # what Presidio gives a telephone number without a word beside it that says so
LANGUAGE = (
    "en"  # a label under which Presidio looks up recognizers; all of them are asked, whatever the text's language
)


class Presidio(Scorer):
    """Whether a completion has personal data of some kinds, or how many places have.

    `threshold` is the least score of Presidio's, 0 to 1, that counts. `folder` holds a spaCy model, which adds the
    kinds `person` and `location`; spaCy unpickles parts of some models, so give it none that you do not trust.
    """

    extra = "presidio"

    def __init__(
        self,
        kinds: Sequence[str] = KINDS,
        regions: Sequence[str] = ("US", "GB"),
        count: bool = False,
        threshold: Decimal = THRESHOLD,
        folder: Path | None = None,
        name: str = "",
    ) -> None:
        self.name = name or ("presidio/count" if count else "presidio/any")
        there = (*KINDS, *(NAMED if folder else ()))
        if not kinds or any(kind not in there for kind in kinds):
            raise ScorerError(
                f"{self.name}: kinds of personal data are {', '.join(there)}"
                + ("" if folder else f"; {' and '.join(NAMED)} need a spaCy model: folder")
            )
        if not isinstance(threshold, Decimal | int) or not 0 <= threshold <= 1:
            raise ScorerError(f"{self.name}: threshold is a number from 0 to 1")
        self.about = f"{'how many' if count else 'any'}, by Presidio: {', '.join(kinds)}"
        self.makes = "int" if count else "bool"
        self.libraries = ("phonenumbers", "presidio-analyzer", "regex", "spacy", "tldextract")
        if folder is not None:
            self.libraries += ("numpy", "thinc")  # what a model computes with
        self._kinds = tuple(kind for kind in there if kind in kinds)
        self._regions, self._count, self._threshold = tuple(regions), count, Decimal(threshold)
        self._folder = None if folder is None else Path(folder)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Presidio, (self._kinds, self._regions, self._count, self._threshold, self._folder, self.name)

    def folder(self) -> Path | None:
        return self._folder

    def config(self) -> Mapping[str, Any]:
        return {
            "kinds": self._kinds,
            "recognizers": [*RECOGNIZERS.values()],
            "regions": self._regions,
            "count": self._count,
            "threshold": self._threshold.normalize(),
        }

    def answers(self, texts: Texts) -> Sequence[object]:
        found = [sum(len(spans) for spans in self.find(text).values()) for text in texts.completions]
        return found if self._count else [number > 0 for number in found]

    def find(self, text: str) -> dict[str, list[Span]]:
        """Where personal data of each kind stand. Of two kinds that claim the same place, the higher score has it.

        Raises ScorerError: a pattern may have been left out, because Presidio gives one up after a time of its own.
        """
        with self._lock:  # a spaCy pipeline is not for several threads
            analyzer, kinds, patience = self._loaded
            wall, work = time.monotonic(), time.process_time()
            results = analyzer.analyze(text, LANGUAGE, entities=[*kinds], score_threshold=float(self._threshold))
            spent = max(time.monotonic() - wall, time.process_time() - work)
        if spent >= patience:
            raise ScorerError(f"{self.name}: a text took {spent:.0f} s; Presidio leaves out a pattern after {patience}")
        found: dict[str, list[Span]] = {kind: [] for kind in self._kinds}
        taken: list[Span] = []
        order = [*KINDS, *NAMED]
        for one in sorted(results, key=lambda one: (-one.score, order.index(kinds[one.entity_type]), one.start)):
            if all(one.end <= start or one.start >= end for start, end in taken):
                taken.append((one.start, one.end))
                found.get(kinds[one.entity_type], []).append((one.start, one.end))
        return {kind: sorted(spans) for kind, spans in found.items()}

    @cached_property
    def _loaded(self) -> tuple[Any, dict[str, str], int]:
        """The analyzer, our kind of each of its entities, and the seconds after which it leaves out a pattern.

        Raises ScorerMissing; ScorerError, ScorerMismatch of the model.
        """
        analyzer = needed("presidio_analyzer", self.name, self.extra)
        engines = needed("presidio_analyzer.nlp_engine", self.name, self.extra)
        recognizers = [(kind, one) for kind, names in RECOGNIZERS.items() for one in self._made(names)]
        if self._folder is not None:
            predefined = needed("presidio_analyzer.predefined_recognizers", self.name, self.extra)
            recognizers += [
                (kind, predefined.SpacyRecognizer(LANGUAGE, supported_entities=[entity]))
                for kind, entity in NAMED.items()
            ]
        engine = engines.SpacyNlpEngine()
        engine.nlp = {LANGUAGE: self._words()}
        registry = analyzer.RecognizerRegistry([one for _, one in recognizers], supported_languages=[LANGUAGE])
        made = analyzer.AnalyzerEngine(registry, engine, supported_languages=[LANGUAGE])
        kinds = {entity: kind for kind, one in recognizers for entity in one.supported_entities}
        patience = needed("presidio_analyzer.pattern_recognizer", self.name, self.extra).REGEX_TIMEOUT_SECONDS
        return made, kinds, patience

    def _made(self, names: Sequence[str]) -> Iterator[Any]:
        predefined = needed("presidio_analyzer.predefined_recognizers", self.name, self.extra)
        for name in names:
            given = {"supported_regions": self._regions} if name == "PhoneRecognizer" else {}
            one = getattr(predefined, name)(supported_language=LANGUAGE, **given)
            if name == "EmailRecognizer":
                suffixes = needed("tldextract", self.name, self.extra)
                inside = suffixes.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)
                one.validate_result = lambda found, inside=inside: inside(found).fqdn != ""
            yield one

    def _words(self) -> Any:
        """The pipeline that cuts a text into words, and tells what the model in the folder finds."""
        spacy = needed("spacy", self.name, self.extra)
        if self._folder is None:
            words = spacy.blank(LANGUAGE)
            spacy.Language.component("rlhf_contract_words", func=_own_lemmas)
            words.add_pipe("rlhf_contract_words")
        else:
            try:
                words = spacy.load(self._folder)
            except (OSError, ValueError) as error:
                raise ScorerError(
                    f"{self.name}: {self._folder} holds no spaCy model that can be loaded: {error}"
                ) from None
            if files_of(self._folder) != self.content.files:
                raise ScorerMismatch(f"{self.name}: the files in {self._folder} have changed since they were hashed")
        words.max_length = 10**9  # no memory is spent by the length: limits are the guard's
        return words


def _own_lemmas(words: Any) -> Any:
    """A blank pipeline knows no lemmas, and Presidio compares lemmas with its telling words: each is its own."""
    for word in words:
        word.lemma_ = word.lower_
    return words
