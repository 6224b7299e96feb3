"""What is known of one text: its words, what they declare, what is wrong with it, and what it means if it is right.

Words and declarations are found without the parser, so that they are there while somebody types. The tree and the
typed values are those of the last text that parsed and was right.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lsprotocol import types
from pygls.workspace import PositionCodec

from rlhf_contract.errors import Diagnostic, Span, SpecError
from rlhf_contract.lang import Contract, ast, check, parse
from rlhf_contract.lang.expressions import Expressions
from rlhf_contract.lang.ir import Builder, Node
from rlhf_contract.lang.names import ListSignal, Scope
from rlhf_contract.lang.parse import MAX_SOURCE_BYTES

__all__ = ["Declaration", "Document", "Token", "read"]

Kind = Literal["signal", "field", "choice", "LET", "stakeholder", "rule", "variable"]

_TOKEN = re.compile(
    r'"[^"\n]*"?|#[^\n]*|LEGAL-BLOCKS(?![A-Za-z0-9_.-])|[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*'
    r"|[0-9][0-9.]*|[<>!]=|\S"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_BLOCKS = frozenset(
    ("SIGNALS", "LET", "STAKEHOLDERS", "AGGREGATE", "REQUIRES", "INVARIANT", "ALWAYS", "NEVER", "ENSURES", "PROVE")
)

_IN_PROMISES = (("VIOLATION", "NEVER"), ("FIXING", "ALWAYS"))
"""Where a word that begins a block stands in a promise."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign of the text, by its offsets; `block` is the keyword of the block that it stands in."""

    text: str
    start: int
    end: int
    block: str = ""

    @property
    def is_name(self) -> bool:
        return _NAME.fullmatch(self.text) is not None


@dataclass(slots=True)
class Declaration:
    """A name where it gets its meaning.

    `owner`: the list of a field or variable, the signal of a choice. `reach`: where the name may be used.
    """

    kind: Kind
    name: str
    token: Token
    owner: str = ""
    reach: tuple[int, int] = (0, MAX_SOURCE_BYTES)


@dataclass(frozen=True, slots=True)
class Document:
    """One text as the editor shows it."""

    text: str
    lines: tuple[int, ...]
    """Where each line begins."""
    codec: PositionCodec
    tokens: tuple[Token, ...]
    """Without comments and strings."""
    silent: tuple[tuple[int, int], ...]
    """Where comments and strings stand."""
    declarations: tuple[Declaration, ...]
    diagnostics: tuple[Diagnostic, ...]
    tree: ast.Spec | None
    """The last tree that parsed; of this text, if nothing is wrong with it."""
    values: dict[str, Node]
    """The typed LETs of the last text that was right."""

    # -- places: the editor counts lines and units of UTF-16 (or what was agreed on), we count characters

    def position(self, offset: int) -> types.Position:
        """The place of a character as the editor counts."""
        line = bisect_right(self.lines, offset) - 1
        return types.Position(line, self.codec.client_num_units(self.text[self.lines[line] : offset]))

    def range(self, start: int, end: int) -> types.Range:
        """The stretch from one character up to another one."""
        return types.Range(self.position(start), self.position(end))

    def range_of(self, span: Span) -> types.Range:
        """The stretch of a span, which counts lines and columns from 1."""
        return self.range(self._offset(span.line, span.column), self._offset(span.end_line, span.end_column))

    def _offset(self, line: int, column: int) -> int:
        if line > len(self.lines):
            return len(self.text)
        return min(self.lines[line - 1] + column - 1, len(self.text))

    def offset(self, position: types.Position) -> int:
        """The character at a place; one behind the end of a line is that end."""
        if position.line >= len(self.lines):
            return len(self.text)
        start = self.lines[position.line]
        end = self.lines[position.line + 1] - 1 if position.line + 1 < len(self.lines) else len(self.text)
        units, here = 0, start
        while here < end and units < position.character:
            units += self.codec.client_num_units(self.text[here])
            here += 1
        return here

    # -- words

    def index_at(self, offset: int) -> int:
        """The index of the token at a place, or -1. Between two tokens, the right one is meant if it is a name."""
        index = bisect_right(self.tokens, offset, key=lambda token: token.start) - 1
        if index >= 0 and self.tokens[index].start <= offset < self.tokens[index].end and self.tokens[index].is_name:
            return index
        index -= index >= 0 and self.tokens[index].start == offset
        return index if index >= 0 and offset <= self.tokens[index].end else -1

    def is_silent(self, offset: int) -> bool:
        """Whether a comment or a string goes on at a place."""
        index = bisect_right(self.silent, (offset - 1, len(self.text))) - 1
        if index < 0:
            return False
        start, end = self.silent[index]
        closed = self.text[start] == '"' and self.text[start + 1 : end].endswith('"')
        return start < offset < end or (offset == end and not closed)

    # -- names

    def declared(self, name: str, *kinds: Kind) -> Declaration | None:
        """The first declaration of `name`, of the first of `kinds` that has one."""
        for kind in kinds or ("signal", "LET", "rule", "stakeholder", "choice"):
            for declaration in self.declarations:
                if declaration.kind == kind and declaration.name == name:
                    return declaration
        return None

    def variable(self, name: str, offset: int) -> Declaration | None:
        """The quantified variable of this name at a place; the innermost."""
        found = [d for d in self.declarations if d.kind == "variable" and d.name == name]
        return next((d for d in reversed(found) if d.reach[0] <= offset <= d.reach[1]), None)

    def owned(self, kind: Kind, owner: str) -> list[Declaration]:
        """The fields of a list, or the choices of a signal."""
        return [d for d in self.declarations if d.kind == kind and d.owner == owner]

    def resolve(self, token: Token, offset: int) -> Declaration | None:
        """What the name at a place stands for: of `s.truthful` the variable or the field, as `offset` says."""
        for declaration in self.declarations:
            if declaration.token.start == token.start:
                return declaration
        if token.block == "PROVE":
            return self._promised(token, offset)
        head, _, rest = token.text.partition(".")
        variable = self.variable(head, token.start)
        if variable is None:
            return self.declared(token.text)
        if offset <= token.start + len(head):
            return variable
        return next((f for f in self.owned("field", variable.owner) if f.name == rest), None)

    def _promised(self, token: Token, offset: int) -> Declaration | None:
        """What the name in a promise stands for: a signal, `list.field`, rule or stakeholder."""
        index = bisect_right(self.tokens, token.start, key=lambda t: t.start) - 1
        before, last = (self.tokens[n].text if n >= 0 else "" for n in (index - 2, index - 1))
        if last == "OF":
            return self.declared(token.text, "stakeholder" if before == "INFLUENCE" else "rule")
        if last not in ("IN", "TO"):
            return None
        head, _, rest = token.text.rpartition(".")
        signal, owner = self.declared(token.text, "signal"), self.declared(head, "signal")
        if signal is not None or owner is None or offset <= token.start + len(head):
            return signal or owner
        return next((f for f in self.owned("field", head) if f.name == rest), None)


def read(text: str, codec: PositionCodec, before: Document | None = None) -> Document:
    """Everything about `text`; `before` is what was known of the text that it replaces."""
    tree, values = (before.tree, before.values) if before else (None, {})
    diagnostics: tuple[Diagnostic, ...] = ()
    try:
        tree = parse(text)
        values = _lets(check(tree))
    except SpecError as error:
        diagnostics = tuple(error.diagnostics)
    lines = (0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text)))
    tokens: list[Token] = []
    silent: list[tuple[int, int]] = []
    if len(text) <= MAX_SOURCE_BYTES:
        tokens, silent = _tokens(text)
    declarations = tuple(_declarations(tokens))
    return Document(text, lines, codec, tuple(tokens), tuple(silent), declarations, diagnostics, tree, values)


def _lets(contract: Contract) -> dict[str, Node]:
    """Every LET with its type and range. They are typed again, because a contract keeps only what the reward needs."""
    scope = Scope([])
    builder = Builder(contract.source, scope.problems)
    expressions = Expressions(builder, scope)
    for index, signal in enumerate(contract.signals):
        is_list = signal.kind == "list"
        value = ListSignal(index, signal) if is_list else builder.signal(index, signal)
        scope.declare(signal.name, value, signal.span)
    for let in contract.tree.lets:
        scope.declare(let.name, expressions.any(let.body), let.span)
    return {let.name: scope.nodes[let.name] for let in contract.tree.lets}


def _tokens(text: str) -> tuple[list[Token], list[tuple[int, int]]]:
    tokens: list[Token] = []
    silent = []
    block = ""
    for match in _TOKEN.finditer(text):
        if match[0][0] in '#"':
            silent.append(match.span())
            continue
        if match[0] in _BLOCKS and not (tokens and (tokens[-1].text, match[0]) in _IN_PROMISES):
            block = match[0]
        tokens.append(Token(match[0], *match.span(), block))
    return tokens, silent


def _declarations(tokens: list[Token]) -> Iterator[Declaration]:
    """Every declaration, by the few tokens around it."""
    signal = choosing = ""
    in_record = False
    open_variables: list[tuple[Declaration, int]] = []
    depth = 0
    nothing = Token("", 0, 0)
    padded = [nothing, nothing, *tokens, nothing, nothing, nothing]
    for before2, before, token, after, after2, after3 in zip(*(padded[n:] for n in range(6)), strict=False):
        match token.text:
            case "{" | "}":
                in_record = token.text == "{"
            case "(" | ")":
                depth += 1 if token.text == "(" else -1
        if token.text in _BLOCKS:
            depth = 0
        while open_variables and (open_variables[-1][1] > depth or token.text in _BLOCKS):
            variable = open_variables.pop()[0]
            variable.reach = variable.reach[0], token.start
        if not token.is_name:
            continue
        if token.block == "SIGNALS" and after.text == ":":
            choosing = token.text
            if in_record:
                yield Declaration("field", token.text, token, signal)
            else:
                signal = token.text
                yield Declaration("signal", signal, token)
        elif token.block == "SIGNALS" and (before.text == "of" or before.text == ",") and token.text != "one":
            owner = f"{signal}.{choosing}" if in_record else signal
            yield Declaration("choice", token.text, token, owner)
        elif before.text == "LET" and token.block == "LET":
            yield Declaration("LET", token.text, token)
        elif before.text in ("REQUIRES", "INVARIANT", "ENSURES") and after.text == ":":
            yield Declaration("rule", token.text, token)
        elif token.block == "STAKEHOLDERS" and after.text == "WEIGHT":
            yield Declaration("stakeholder", token.text, token)
        elif after.text == "IN" and after3.text == ":" and _quantifies(before2, before):
            declaration = Declaration("variable", token.text, token, after2.text)
            declaration.reach = token.start, MAX_SOURCE_BYTES
            open_variables.append((declaration, depth))
            yield declaration


def _quantifies(before2: Token, before: Token) -> bool:
    """Whether a variable follows these two."""
    return before.text in ("FORALL", "EXISTS") or (before.text == "(" and before2.text in ("count", "sum"))
