"""An explanation as Markdown: each stretch of source in a fence, the English below it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rlhf_contract.lang.explanation import Entry, Explanation, Piece, Sentence, visible

__all__ = ["to_markdown"]


def to_markdown(explanation: Explanation) -> str:
    """One Markdown document. What the author wrote is escaped: it cannot become markup, a link or HTML."""
    return "\n".join(_document(explanation)) + "\n"


def _document(explanation: Explanation) -> Iterator[str]:
    yield f"# {_escaped(explanation.name)} {explanation.version}"
    yield ""
    if explanation.title:
        yield from (f"“{_escaped(explanation.title)}”", "")
    for sentence in explanation.about:
        yield from (_sentence(sentence), "")
    for section in explanation.sections:
        yield from (f"## {section.title}", "")
        if section.entries:
            for sentence in section.about:
                yield from (_sentence(sentence), "")
        else:
            yield from _list(section.about, 0)
            yield ""
        for entry in section.entries:
            yield from _entry(entry)
    yield f"specHash: `{explanation.spec_hash}`"


def _entry(entry: Entry) -> Iterator[str]:
    source = visible(entry.source.strip("\n"))
    fence = "`" * (max([2, *(len(run) for run in re.findall("`+", source))]) + 1)
    yield from (fence, source, fence, "")
    yield from _list(entry.sentences, 0)
    yield ""
    if entry.notes:
        # Quoted, so that no note begins a line with what Markdown takes for a heading or a list.
        notes = "\\\n> ".join(f"“{_escaped(note)}”" for note in entry.notes)
        yield from (f"> Author’s note: {notes}", "")


def _list(sentences: tuple[Sentence, ...], level: int) -> Iterator[str]:
    for sentence in sentences:
        yield f"{'  ' * level}- {_sentence(sentence)}"
        yield from _list(sentence.items, level + 1)


def _sentence(sentence: Sentence) -> str:
    return "".join(_piece(piece) for piece in sentence.pieces)


def _piece(piece: Piece) -> str:
    match piece.style:
        case "code":
            return f"`{piece.text}`"
        case "quote":
            return f"“{_escaped(piece.text)}”"
        case "words":
            return piece.text


# Everything that can begin markup inside a line; also what makes links of bare addresses.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|$@]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", visible(text))
