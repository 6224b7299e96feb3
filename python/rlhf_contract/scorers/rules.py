"""Rules over text: regular expressions and keywords, in time linear in the text (RE2), so that no answer stalls them.

RE2 has no look-around and no back-references; a pattern that needs them is refused when the scorer is made.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from rlhf_contract.errors import ScorerError
from rlhf_contract.scorers.optional import needed
from rlhf_contract.scorers.scorer import COMPLETION, Scorer, Texts

__all__ = ["Keywords", "Patterns"]

Wanted = Literal["any", "all", "count"]
WANTED = ("any", "all", "count")
NO_WORD = r"[^\pL\pN_]"  # around a keyword; Unicode's letters and digits as RE2 knows them


class _Rule(Scorer):
    """What both kinds share: a list of patterns, what is wanted of them, and where they are looked for."""

    extra = "scorers"
    libraries = ("google-re2",)

    def __init__(self, name: str, told: Sequence[str], wanted: Wanted, reads: str) -> None:
        if not told or not all(isinstance(one, str) and one for one in told):
            raise ScorerError(f"{name}: needs texts to look for, none of them empty")
        if wanted not in WANTED:
            raise ScorerError(f"{name}: wanted is one of {', '.join(WANTED)}")
        self.name = name
        self.reads = frozenset((reads,))
        self.makes = "int" if wanted == "count" else "bool"
        self._told = tuple(told)
        self._wanted = wanted
        self._reads = reads

    def config(self) -> Mapping[str, Any]:
        return {"kind": type(self).__name__, "told": self._told, "wanted": self._wanted, "reads": self._reads}

    def answers(self, texts: Texts) -> Sequence[object]:
        return [self._answer(text) for text in (texts.completions if self._reads == COMPLETION else texts.prompts)]

    @abstractmethod
    def _answer(self, text: str) -> object:
        """What is said of one text."""

    def _compiled(self, patterns: Sequence[str]) -> list[Any]:
        re2 = needed("re2", self.name, self.extra)
        options = re2.Options()
        options.log_errors = False
        made = []
        for pattern in patterns:
            try:
                made.append(re2.compile(pattern, options))
            except re2.error as error:
                said = error.args[0].decode() if isinstance(error.args[0], bytes) else error
                hint = "RE2 has no look-around and no back-references"
                raise ScorerError(f"{self.name}: {pattern!r} is no pattern of RE2: {said}; {hint}") from None
        return made


class Patterns(_Rule):
    """Whether any or all of some RE2 patterns occur, or how many matches there are in all."""

    about = "regular expressions (RE2) that occur, or how often"

    def __init__(self, name: str, patterns: Sequence[str], wanted: Wanted = "any", reads: str = COMPLETION) -> None:
        super().__init__(name, patterns, wanted, reads)
        self._patterns = self._compiled(self._told)

    def __reduce__(self) -> tuple[Any, ...]:
        return Patterns, (self.name, self._told, self._wanted, self._reads)

    def _answer(self, text: str) -> object:
        if self._wanted == "count":
            return sum(sum(1 for _ in pattern.finditer(text)) for pattern in self._patterns)
        found = (pattern.search(text) is not None for pattern in self._patterns)
        return any(found) if self._wanted == "any" else all(found)


class Keywords(_Rule):
    """Whether any or all of some words or phrases occur as whole words, in either case, or how often they do."""

    about = "whole words and phrases that occur, or how often"

    def __init__(self, name: str, words: Sequence[str], wanted: Wanted = "any", reads: str = COMPLETION) -> None:
        super().__init__(name, words, wanted, reads)

    def __reduce__(self) -> tuple[Any, ...]:
        return Keywords, (self.name, self._told, self._wanted, self._reads)

    @cached_property
    def _words(self) -> list[Any]:
        re2 = needed("re2", self.name, self.extra)
        spaced = [r"\s+".join(re2.escape(part) for part in phrase.split()) for phrase in self._told]
        if self._wanted != "all":
            spaced = ["|".join(spaced)]
        return self._compiled([f"(?i){NO_WORD}({one}){NO_WORD}" for one in spaced])

    def _answer(self, text: str) -> object:
        text = f" {text} "
        if self._wanted != "count":
            return all(pattern.search(text) is not None for pattern in self._words)
        (pattern,), count, at = self._words, 0, 0
        while (found := pattern.search(text, at)) is not None:
            count, at = count + 1, found.end(1)  # what follows one word may come before the next
        return count
