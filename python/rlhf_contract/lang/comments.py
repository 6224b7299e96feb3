"""Which line of the canonical text a comment belongs to. No comment is lost, and none overtakes another.

Every line of canonical text is an *element* that begins at some token of the source. A comment alone on its line, with
nothing but comments between it and the next element, belongs before that element. Any other comment stands inside an
element or behind it: the last of these stays behind it, the others go before it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from rlhf_contract.errors import Span
from rlhf_contract.lang import ast

__all__ = ["Comments", "Start", "place_comments"]

Start = tuple[Span, int] | str
"""Where an element begins: so many tokens before the one at a place, or at this word of the header."""

_TOKEN = re.compile(r'"[^"\n]*"|#[^\n]*|[0-9]+(?:\.[0-9]+)*|[A-Za-z_][A-Za-z0-9_.]*|[^\s]')
_HEADER_WORDS = ("LEGAL-BLOCKS", "CONTRACT", "TITLE", "JURISDICTION", "REWARD")


@dataclass(frozen=True, slots=True)
class Comments:
    """For each element what stands before and behind it, without `#`; and what stands after all of them."""

    before: list[list[str]]
    behind: list[str | None]
    at_end: list[str]


def place_comments(spec: ast.Spec, starts: list[Start]) -> Comments:
    """Give every comment of `spec` to one of the elements that begin at `starts`, in this order, or to the end.

    An element that is not in the source (it was added later) gets none.
    """
    placed = Comments([[] for _ in starts], [None] * len(starts), [])
    if not spec.comments:
        return placed
    tokens = _token_places(spec.source)
    begins = _begins(spec.source, tokens, starts)
    at, elements = [token for token, _ in begins], [element for _, element in begins]
    inside: dict[int, list[ast.Comment]] = {element: [] for element in elements}
    for comment in spec.comments:
        following = bisect_left(tokens, (comment.span.line, comment.span.column))
        owner = bisect_right(at, following - 1) - 1
        next_ = owner + 1
        text = comment.text.rstrip()
        if comment.alone and next_ < len(at) and at[next_] == following:
            placed.before[elements[next_]].append(text)
        elif comment.alone and following == len(tokens):
            placed.at_end.append(text)
        else:
            inside[elements[owner]].append(comment)
    for element, comments in inside.items():
        if comments and not comments[-1].alone:
            placed.behind[element] = comments.pop().text.rstrip()
        placed.before[element] += [comment.text.rstrip() for comment in comments]
    return placed


def _token_places(source: str) -> list[tuple[int, int]]:
    """Line and column of every token that is not a comment, from 1."""
    return [
        (number, match.start() + 1)
        for number, line in enumerate(source.split("\n"), 1)
        for match in _TOKEN.finditer(line)
        if not match.group().startswith("#")
    ]


def _begins(source: str, tokens: list[tuple[int, int]], starts: list[Start]) -> list[tuple[int, int]]:
    """(index of its first token, element) of each element that is in the source, in the order of the source."""
    index = {place: number for number, place in enumerate(tokens)}
    words = _header_words(source, tokens)
    begins = []
    for element, start in enumerate(starts):
        if isinstance(start, str):
            begins.append((words[start], element))
            continue
        span, tokens_before = start
        if (span.line, span.column) in index:
            begins.append((index[span.line, span.column] - tokens_before, element))
    return sorted(begins)


def _header_words(source: str, tokens: list[tuple[int, int]]) -> dict[str, int]:
    """The index of the token at which each part of the header begins.

    LEGAL - BLOCKS 1 CONTRACT name VERSION 1.0.0 come first; a name may be any word, so their places are counted.
    """
    lines = source.split("\n")
    words = {"LEGAL-BLOCKS": 0, "CONTRACT": 4}
    for number, (line, column) in enumerate(tokens[8:], 8):
        match = _TOKEN.match(lines[line - 1], column - 1)
        if match and match.group() in _HEADER_WORDS:
            words.setdefault(match.group(), number)
        if "REWARD" in words:
            break
    return words
