"""What a scorer is: many texts in, one value for each out."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rlhf_contract.errors import ScorerError
from rlhf_contract.lang.pin import NAME, VERSION, Pin
from rlhf_contract.scorers.content import Content, files_of, library_versions, source_hash

__all__ = ["COMPLETION", "COMPLETIONS", "PROMPT", "PROMPTS", "Scorer", "Texts", "text_names"]

PROMPT, COMPLETION = "prompt", "completion"
PROMPTS = (PROMPT, "question", "query")
COMPLETIONS = (COMPLETION, "answer", "response")
"""Names of columns that may hold a prompt or a completion, the ones to write first."""


@dataclass(frozen=True, slots=True)
class Texts:
    """N samples: what was asked, what was answered, and other columns by name, all of length N."""

    prompts: Sequence[str]
    completions: Sequence[str]
    columns: Mapping[str, Sequence[object]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.completions)

    def at(self, rows: Sequence[int]) -> Texts:
        """Some rows, in the order given."""
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        return Texts([self.prompts[row] for row in rows], [self.completions[row] for row in rows], columns)


def text_names(names: Sequence[str], signals: Collection[str], reads: Collection[str] = ()) -> list[str]:
    """Those of PROMPTS or COMPLETIONS that mean the text: no signal has the name, and no scorer reads a column of it.

    A gold answer is often in a column `answer`; then the text is never looked for there.
    """
    return [name for name in names if name not in signals and (name in (PROMPT, COMPLETION) or name not in reads)]


class Scorer(ABC):
    """One scorer, told once what to do; what it was told is in its hash. Several threads may use it.

    name, version  as in a pin
    about          one sentence for `rlhf-contract scorer list`
    makes          the type of signal that its values are for
    reads          what of a sample decides its answer: `prompt`, `completion`, names of columns; None is everything
    optional       columns among `reads` that it can do without
    alone          a row's value depends on that row only, so that it can be cached
    extra          what to install for it: the extra of this package, '' if none
    libraries      distributions whose versions decide its answers
    remote         its answers come over a network, so that a lost connection is worth another try
    """

    name: str
    version: str = "1"
    about: str = ""
    makes: str = "bool"
    reads: frozenset[str] | None = frozenset((COMPLETION,))
    optional: frozenset[str] = frozenset()
    alone: bool = True
    extra: str = ""
    libraries: tuple[str, ...] = ()
    remote: bool = False

    @abstractmethod
    def answers(self, texts: Texts) -> Sequence[object]:
        """For each sample a bool, an int, a Decimal, a Fraction, a float, a text of choices or a list of records; None
        where it cannot tell. Anything that it raises is the failure of all samples."""

    def abandon(self, texts: Texts) -> None:  # noqa: B027 - most have nothing that could be stopped
        """Called when the answers for `texts` (the very object) are late; what can be stopped, should be."""

    def config(self) -> Mapping[str, Any]:
        """What it was told, for the hash: see `content`."""
        return {}

    def sources(self) -> list[str]:
        """Hex digests of the modules that decide; the one with its class unless it says otherwise."""
        return [module_hash(type(self).__module__)]

    def folder(self) -> Path | None:
        """Where its model lies."""
        return None

    @cached_property
    def content(self) -> Content:
        """What decides its answers. Raises ScorerMissing when a library or a model is not here."""
        folder = self.folder()
        files = {} if folder is None else files_of(folder)
        return Content(self.config(), self.sources(), library_versions(self.libraries, self.extra), files)

    @property
    def pin(self) -> Pin:
        """What a contract writes behind BY."""
        if not NAME.fullmatch(self.name) or not VERSION.fullmatch(self.version):
            raise ScorerError(f"{self.name}@{self.version}: no contract can name this; see docs/scorers.md for names")
        return Pin(self.name, self.version, self.content.digest)


def module_hash(name: str) -> str:
    """The digest of an imported module's source. Raises ScorerError when it has none."""
    module = sys.modules[name]
    path = getattr(module, "__file__", None)
    try:
        return source_hash(Path(path or "").read_bytes())
    except OSError:
        read: Any = getattr(getattr(module, "__loader__", None), "get_source", lambda name: None)
        text: str | None = read(name)
        if text is None:
            raise ScorerError(f"the source of module {name} is not here, so that nothing can be pinned") from None
        return source_hash(text.encode())
