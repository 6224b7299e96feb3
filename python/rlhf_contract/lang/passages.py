"""Cuts a source into passages, one for each thing that is explained. Together they are the whole source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rlhf_contract.errors import Span
from rlhf_contract.lang import ast

__all__ = ["Passage", "Source"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of source, the lines from its first character that is no blank to its last, and the comments in it."""

    first_line: int
    last_line: int
    text: str
    comments: tuple[ast.Comment, ...]


class Source:
    """The text of a file, and the same text without its comments."""

    def __init__(self, spec: ast.Spec) -> None:
        self._text = spec.source
        self._comments = spec.comments
        self._lines = [0]
        for line in spec.source.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        # Comments become blanks, so that every offset stays the same.
        parts, end = [], 0
        for comment in spec.comments:
            start = self.offset(comment.span)
            parts += [self._text[end:start], " " * (len(comment.text) + 1)]
            end = start + len(comment.text) + 1
        self._code = "".join([*parts, self._text[end:]])

    def offset(self, span: Span) -> int:
        """Where `span` begins, in characters from 0."""
        return self._lines[span.line - 1] + span.column - 1

    def before(self, word: str, span: Span) -> int:
        """Where the last `word` in front of `span` begins; one in a comment is none."""
        return self._code.rindex(word, 0, self.offset(span))

    def formula(self, span: Span) -> str:
        """The code in `span`, in one line and without comments."""
        end = self._lines[span.end_line - 1] + span.end_column - 1
        return " ".join(self._code[self.offset(span) : end].split())

    def passages(self, starts: Sequence[int]) -> list[Passage]:
        """The source from each of `starts` (ascending offsets) to the next.

        A comment belongs to the passage on whose last line it stands, one on lines of its own to the passage below.
        """
        cuts = [0]
        for before, start in pairwise(starts):
            end = before + len(self._code[before:start].rstrip())
            line_end = self._text.find("\n", end)
            cuts.append(line_end + 1 if 0 <= line_end < start else start)
        cuts.append(len(self._text))
        comments = [(self.offset(c.span), c) for c in self._comments]
        made, taken = [], 0
        for low, high in pairwise(cuts):
            first = taken
            while taken < len(comments) and comments[taken][0] < high:
                taken += 1
            text = self._text[low:high]
            line = bisect_right(self._lines, low) + text[: len(text) - len(text.lstrip())].count("\n")
            lines = line, line + text.strip().count("\n")
            made.append(Passage(*lines, text, tuple(c for _, c in comments[first:taken])))
        return made
