"""Text → syntax tree, by one LALR(1) grammar (`grammar.lark`). Linear in the input; every limit is a named error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import lark

from rlhf_contract.errors import Diagnostic, Span, SpecError
from rlhf_contract.lang import ast
from rlhf_contract.lang.transform import LANGUAGE_VERSION, TreeToSpec

__all__ = ["MAX_SOURCE_BYTES", "MAX_TOKENS", "parse"]

MAX_SOURCE_BYTES = 64 * 1024
MAX_TOKENS = 16_384
MAX_SYNTAX_ERRORS = 20


def parse(source: str | bytes, filename: str = "<spec>") -> ast.Spec:
    """The syntax tree of `source` (bytes are UTF-8).

    Raises SpecError: too large, not UTF-8, another language version, a syntax error, a limit passed.
    """
    text = _text(source, filename)
    problems: list[Diagnostic] = []
    try:
        tree = _parser().parse(text, start="start")
    except lark.exceptions.UnexpectedInput as error:
        found = _syntax_errors(text) or [_syntax_error(error, text, 0, 0, last=True)]
        raise SpecError(found, text, filename) from None
    spec: ast.Spec = TreeToSpec(text, filename, problems).transform(tree)
    if problems:
        raise SpecError(problems, text, filename)
    return spec


_TOKEN = re.compile(r'#[^\n]*|"[^"\n]*"|[A-Za-z0-9_.]+|[^\s]')


def _text(source: str | bytes, filename: str) -> str:
    """Decode and refuse what no reader should have to look at."""
    start = Span(1, 1, 1, 2)

    def refuse(code: str, message: str, hint: str, span: Span = start, shown: str = "") -> SpecError:
        return SpecError([Diagnostic(code, message, span, hint)], shown, filename)

    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > MAX_SOURCE_BYTES:
        raise refuse(
            "source-too-large", f"the file has {len(data):,} bytes; at most {MAX_SOURCE_BYTES:,} are read", "split it"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refuse("not-utf-8", f"byte {error.start} (line {line}) is not UTF-8", "save the file as UTF-8") from None
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        raise refuse(
            "line-endings",
            f"line {line} has a carriage return",
            "save the file with LF line endings: the hash that is voted on is over these bytes",
        )
    tokens = sum(not token.startswith("#") for token in _TOKEN.findall(text))
    if tokens > MAX_TOKENS:  # the parser takes some ten microseconds for each, so this is a limit on time
        raise refuse(
            "source-too-large", f"the file has {tokens:,} words and signs; at most {MAX_TOKENS:,} are read", "split it"
        )
    version = re.match(r"(?:\s|#[^\n]*\n)*LEGAL-BLOCKS +([0-9.]+)", text)
    if version and version.group(1) != LANGUAGE_VERSION:
        line = text.count("\n", 0, version.start(1)) + 1
        column = version.start(1) - (text.rfind("\n", 0, version.start(1)) + 1) + 1
        raise refuse(
            "language-version",
            f"this file is written in Legal-Blocks {version.group(1)}; this reader knows {LANGUAGE_VERSION}",
            "use a newer version of rlhf-contract",
            Span(line, column, line, column + len(version.group(1))),
            text,
        )
    return text


_QUOTED_WORD = re.compile(r'"([A-Za-z]+)"')


def _terminal(word: str) -> str:
    """The terminal that matches `word`; OF and `of` are two."""
    return f"_{word}" if word.isupper() else f"_TYPE_{word.upper()}"


@cache
def _parser() -> lark.Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text("utf-8")
    words = sorted(set(_QUOTED_WORD.findall(grammar)))
    terminals = "".join(f"{_terminal(word)}.1: /{word}(?![A-Za-z0-9_.])/\n" for word in words)
    # A keyword is never a name, wherever it stands; the words of types are, except where a type stands.
    keywords = "|".join(["FORALL", "EXISTS", "IMPLIES", "OR", "AND", "NOT", *(w for w in words if w.isupper())])
    grammar = grammar.replace("NAME: /", f"NAME: /(?!(?:{keywords})(?![A-Za-z0-9_.]))")
    return lark.Lark(
        _QUOTED_WORD.sub(lambda match: _terminal(match[1]), grammar) + terminals,
        parser="lalr",
        lexer="contextual",
        start=["start", "head", "block"],
        propagate_positions=True,
        maybe_placeholders=True,
    )


_BLOCK_WORDS = (
    *("SIGNALS", "LET", "STAKEHOLDERS", "AGGREGATE"),
    *("REQUIRES", "INVARIANT", "ALWAYS", "NEVER", "ENSURES", "PROVE"),
)
_IN_PROMISE = r"(?!(?:NEVER|ALWAYS)(?:\s|#[^\n]*\n)+PAYS\b)"  # VIOLATION NEVER PAYS, wherever its lines break
_BLOCK_START = re.compile(rf"^ *(?=(?:{'|'.join(_BLOCK_WORDS)})\b){_IN_PROMISE}", re.MULTILINE)


def _syntax_errors(text: str) -> list[Diagnostic]:
    """Read head and blocks one by one, so that a mistake in one hides none in the others."""
    starts = [match.end() for match in _BLOCK_START.finditer(text)]
    ends = [*starts, len(text)]
    problems = []
    for start, end in zip([0, *starts], ends, strict=True):
        try:
            _parser().parse(text[start:end], start="block" if start else "head")
        except lark.exceptions.UnexpectedInput as error:
            line = text.count("\n", 0, start)
            column = start - (text.rfind("\n", 0, start) + 1)
            problems.append(_syntax_error(error, text[start:end], line, column, last=end == len(text)))
            if len(problems) == MAX_SYNTAX_ERRORS:
                break
    return problems


_OPERATORS = {"PLUS", "MINUS", "TIMES", "DIVIDE", "COMPARISON", "EQUAL", "AND", "OR", "IMPLIES"}
_BLOCKS = {f"_{word}" for word in _BLOCK_WORDS}
_TYPES = ("score", "real", "int", "bool", "one", "of", "list")
_READABLE = {
    "_LEGAL_BLOCKS": "LEGAL-BLOCKS",
    **{_terminal(word): word for word in _TYPES},
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": 'a text in "quotes"',
    "SEMVER": "a version such as 1.0.0",
    "REGION": "a region such as EU or US-CA",
    "COLON": "“:”",
    "COMMA": "“,”",
    "LPAR": "“(”",
    "RPAR": "“)”",
    "LSQB": "“[”",
    "RSQB": "“]”",
    "EQUAL": "“=”",
    "COMPARISON": "a comparison such as <=",
    "PLUS": "“+”",
    "MINUS": "“-”",
    "TIMES": "“*”",
    "DIVIDE": "“/”",
    "LBRACE": "“{”",
    "RBRACE": "“}”",
    "FIELD_COMMA": "“,”",
    "$END": "the next block",
}


def _syntax_error(error: lark.exceptions.UnexpectedInput, part: str, line: int, column: int, last: bool) -> Diagnostic:
    """The diagnostic for an error in `part`, which begins at `line` and `column` (from 0) of the text."""
    if isinstance(error, lark.exceptions.UnexpectedCharacters):
        at_line, at_column = error.line, error.column
        rest = part.split("\n")[at_line - 1][at_column - 1 :]
        word = re.match(r"[A-Za-z0-9_.]+", rest)
        width = len(word.group()) if word else 1
        message = f"{_visible(rest[:width])} {'does not belong' if word else 'has no meaning'} here"
        expected = error.allowed or set()
    elif isinstance(error, lark.exceptions.UnexpectedToken):
        token, expected = error.token, error.accepts or error.expected
        if token.type == "$END":
            lines = part.rstrip("\n ").split("\n")
            at_line, at_column, width = len(lines), len(lines[-1]) + 1, 1
            message = "the file ends too early" if last else "this block ends too early"
        else:
            at_line, at_column, width = token.line or 1, token.column or 1, len(token.value)
            message = f"“{token.value}” does not belong here"
    else:
        raise AssertionError(error)
    column = at_column + (column if at_line == 1 else 0)
    hint = "indent with spaces" if message.endswith("U+0009 has no meaning here") else _expected(expected)
    return Diagnostic("syntax", message, Span(line + at_line, column, line + at_line, column + width), hint)


def _visible(characters: str) -> str:
    return f"“{characters}”" if characters.isprintable() else f"the character U+{ord(characters[0]):04X}"


def _expected(terminals: Iterable[str]) -> str:
    names = set(terminals)
    for group, word in ((_OPERATORS, "an operator such as + or AND"), (_BLOCKS, "the next block")):
        if len(names & group) > 2:  # a list of all of them would say less
            names = (names - group) | {word}
    readable = sorted({_READABLE.get(t, t.removeprefix("_")) for t in names})
    if not readable:
        return ""
    if len(readable) > 1:
        return f"expected {', '.join(readable[:-1])} or {readable[-1]}"
    return f"expected {readable[0]}"
