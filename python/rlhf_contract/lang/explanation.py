"""What an explanation consists of, before it is shown: sentences that know which of their words the author wrote."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Entry",
    "Explanation",
    "Piece",
    "Pieces",
    "Section",
    "Sentence",
    "code",
    "quote",
    "say",
    "visible",
]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a sentence. Ours, or `code` copied from the source, or free text of the author (`quote`)."""

    text: str
    style: Literal["words", "code", "quote"] = "words"


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words, and below them a list of what they announce."""

    pieces: Pieces
    items: tuple[Sentence, ...] = ()

    @property
    def text(self) -> str:
        """The sentence without its items, as plain text."""
        return "".join(f"“{p.text}”" if p.style == "quote" else p.text for p in self.pieces)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stretch of the source, what it means, and the author's notes (comments) in it. Lines count from 1."""

    first_line: int
    last_line: int
    source: str
    sentences: tuple[Sentence, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Neighbouring entries of one kind. `about` says what they have in common."""

    title: str
    about: tuple[Sentence, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A whole file in English. `spec_hash` is the keccak256 of the source, in hexadecimal."""

    name: str
    version: str
    title: str
    spec_hash: str
    about: tuple[Sentence, ...]
    sections: tuple[Section, ...]


def code(text: str) -> Piece:
    """A name or an expression, as it stands in the source."""
    return Piece(text, "code")


def quote(text: str) -> Piece:
    """Free text of the author's."""
    return Piece(text, "quote")


def say(template: str, *parts: str | Piece | Iterable[Piece]) -> Pieces:
    """The words of `template`, with `parts` in the places of its {}."""
    pieces: list[Piece] = []
    words = template.split("{}")
    for number, text in enumerate(words):
        if text:
            pieces.append(Piece(text))
        if number < len(words) - 1:
            part = parts[number]
            if isinstance(part, str):
                pieces.append(Piece(part))
            elif isinstance(part, Piece):
                pieces.append(part)
            else:
                pieces.extend(part)
    return tuple(pieces)


_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def visible(text: str) -> str:
    """`text` with every character that cannot be seen (control codes, changes of direction) written out as ⟨U+202E⟩.

    A reader must see what the file holds: such characters can make a text look like another one.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(f"⟨U+{ord(c):04X}⟩" if c != "\n" and unicodedata.category(c) in _UNSEEN else c for c in text)
