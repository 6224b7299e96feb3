"""Text → syntax tree, by one LALR(1) grammar (`grammar.lark`). Linear in the input; every limit is a named error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import lark
from lark import Token, v_args
from lark.visitors import Transformer_NonRecursive

from rlhf_contract.errors import Diagnostic, Span, SpecError
from rlhf_contract.lang import ast

__all__ = ["MAX_NESTING", "MAX_SOURCE_BYTES", "parse"]

MAX_SOURCE_BYTES = 64 * 1024
MAX_NESTING = 64
MAX_DECIMALS = 6
MAX_DIGITS = 19  # of 2^63: a longer literal could never be used

LANGUAGE_VERSION = "1"


def parse(source: str | bytes, filename: str = "<spec>") -> ast.Spec:
    """The syntax tree of `source` (bytes are UTF-8).

    Raises SpecError: too large, not UTF-8, another language version, a syntax error, a limit passed.
    """
    text = _text(source, filename)
    problems: list[Diagnostic] = []
    try:
        tree = _parser().parse(text)
        spec: ast.Spec = _TreeToSpec(text, filename, problems).transform(tree)
    except lark.exceptions.UnexpectedInput as error:
        raise SpecError([_syntax_error(error, text)], text, filename) from None
    if problems:
        raise SpecError(problems, text, filename)
    return spec


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


@cache
def _parser() -> lark.Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text("utf-8")
    return lark.Lark(grammar, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True)


_READABLE = {
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
    "$END": "the end of the file",
}


def _syntax_error(error: lark.exceptions.UnexpectedInput, text: str) -> Diagnostic:
    if isinstance(error, lark.exceptions.UnexpectedCharacters):
        line, column = error.line, error.column
        found = text.split("\n")[line - 1][column - 1]
        message, width, expected = f"{_visible(found)} has no meaning here", 1, error.allowed or set()
    elif isinstance(error, lark.exceptions.UnexpectedToken) and error.token.type != "$END":
        token = error.token
        line, column, width = token.line or 1, token.column or 1, len(token.value)
        message, expected = f"“{token.value}” does not belong here", error.accepts or error.expected
    else:
        lines = text.rstrip("\n").split("\n")
        line, column, width = len(lines), len(lines[-1]) + 1, 1
        message = "the file ends too early"
        expected = (error.accepts or error.expected) if isinstance(error, lark.exceptions.UnexpectedToken) else set()
    hint = "indent with spaces" if message.endswith("U+0009 has no meaning here") else _expected(expected)
    return Diagnostic("syntax", message, Span(line, column, line, column + width), hint)


def _visible(character: str) -> str:
    return f"“{character}”" if character.isprintable() else f"the character U+{ord(character):04X}"


def _expected(terminals: Iterable[str]) -> str:
    readable = sorted({_READABLE.get(t, t.replace("_", "-") if t == "LEGAL_BLOCKS" else t) for t in terminals})
    if not readable:
        return ""
    if len(readable) > 1:
        return f"expected {', '.join(readable[:-1])} or {readable[-1]}"
    return f"expected {readable[0]}"


def _span(meta: Any) -> Span:
    return Span(meta.line, meta.column, meta.end_line, meta.end_column)


def _token_span(token: Token) -> Span:
    return Span(token.line or 1, token.column or 1, token.end_line or 1, token.end_column or 1)


@v_args(meta=True)
class _TreeToSpec(Transformer_NonRecursive):  # type: ignore[type-arg]
    """Bottom-up construction; Lark calls one method for each rule of the grammar. Not recursive: input is hostile."""

    def __init__(self, text: str, filename: str, problems: list[Diagnostic]) -> None:
        super().__init__()
        self._text, self._filename, self._problems = text, filename, problems

    # -- file and header

    def start(self, meta: Any, children: list[Any]) -> ast.Spec:
        _, header, *blocks = children
        lists = [b for b in blocks if isinstance(b, tuple)]
        for kind in (ast.Signal, ast.Stakeholder):
            groups = [g for g in lists if isinstance(g[0], kind)]
            for again in groups[1:]:
                word = "SIGNALS" if kind is ast.Signal else "STAKEHOLDERS"
                self._problem("duplicate-block", f"a second {word} block", again[0].span, "merge it with the first")

        def every(kind: Any) -> tuple[Any, ...]:
            flat = [item for b in blocks for item in (b if isinstance(b, tuple) else (b,))]
            return tuple(item for item in flat if isinstance(item, kind))

        return ast.Spec(
            **header,
            signals=every(ast.Signal),
            lets=every(ast.Let),
            stakeholders=every(ast.Stakeholder),
            aggregates=every(ast.Aggregate),
            requires=every(ast.Requires),
            invariants=every(ast.Invariant),
            ensures=every(ast.Ensures),
            promises=every(ast.Monotone),
            source=self._text,
            filename=self._filename,
        )

    def contract(self, meta: Any, children: list[Any]) -> dict[str, Any]:
        name, version, title, jurisdiction, (lowest, highest) = children
        return {
            "name": str(name),
            "version": str(version),
            "title": title or "",
            "jurisdiction": jurisdiction or (),
            "lowest": lowest,
            "highest": highest,
            "header_span": _span(meta),
        }

    def title(self, meta: Any, children: list[Any]) -> str:
        return str(children[0])[1:-1]

    def jurisdiction(self, meta: Any, children: list[Any]) -> tuple[str, ...]:
        return tuple(str(region) for region in children)

    def reward_range(self, meta: Any, children: list[tuple[ast.Decimal, ast.Decimal]]) -> tuple[Any, Any]:
        return children[0]

    def range(self, meta: Any, children: list[Any]) -> tuple[ast.Decimal, ast.Decimal]:
        return children[0], children[1]

    def literal(self, meta: Any, children: list[Any]) -> ast.Decimal:
        minus, number = children
        value, scale = self._decimal(number)
        return ast.Decimal(-value if minus else value, scale, _span(meta))

    # -- blocks

    def signals(self, meta: Any, children: list[ast.Signal]) -> tuple[ast.Signal, ...]:
        return tuple(children)

    def signal(self, meta: Any, children: list[Any]) -> ast.Signal:
        name, (kind, lowest, highest) = children
        return ast.Signal(str(name), kind, lowest, highest, _token_span(name))

    def score_type(self, meta: Any, children: list[Any]) -> tuple[str, None, None]:
        return "score", None, None

    def bool_type(self, meta: Any, children: list[Any]) -> tuple[str, None, None]:
        return "bool", None, None

    def real_type(self, meta: Any, children: list[Any]) -> tuple[str, ast.Decimal, ast.Decimal]:
        return "real", *children[0]

    def int_type(self, meta: Any, children: list[Any]) -> tuple[str, ast.Decimal, ast.Decimal]:
        return "int", *children[0]

    def let(self, meta: Any, children: list[Any]) -> ast.Let:
        name, body = children
        return ast.Let(str(name), body, _token_span(name))

    def stakeholders(self, meta: Any, children: list[ast.Stakeholder]) -> tuple[ast.Stakeholder, ...]:
        return tuple(children)

    def stakeholder(self, meta: Any, children: list[Any]) -> ast.Stakeholder:
        name, weight, wants, veto = children
        return ast.Stakeholder(str(name), weight, wants, veto is not None, _token_span(name))

    def aggregate(self, meta: Any, children: list[Any]) -> ast.Aggregate:
        return ast.Aggregate(str(children[0]), _token_span(children[0]))

    def requires(self, meta: Any, children: list[Any]) -> ast.Requires:
        name, condition = children
        return ast.Requires(name and str(name), condition, _span(meta))

    def invariant(self, meta: Any, children: list[Any]) -> ast.Invariant:
        name, condition, penalty, at_most = children
        return ast.Invariant(name and str(name), condition, penalty, at_most, _span(meta))

    def penalty(self, meta: Any, children: list[ast.Decimal]) -> ast.Decimal:
        return children[0]

    def at_most(self, meta: Any, children: list[ast.Decimal]) -> ast.Decimal:
        return children[0]

    def ensures(self, meta: Any, children: list[Any]) -> ast.Ensures:
        name, condition = children
        return ast.Ensures(name and str(name), condition, _span(meta))

    def prove(self, meta: Any, children: list[Any]) -> ast.Monotone:
        return ast.Monotone(str(children[0]), _token_span(children[0]))

    # -- expressions

    def number(self, meta: Any, children: list[Any]) -> ast.Number:
        value, scale = self._decimal(children[0])
        return ast.Number(value, scale, _span(meta))

    def name(self, meta: Any, children: list[Any]) -> ast.Name:
        return ast.Name(str(children[0]), _span(meta))

    def unary(self, meta: Any, children: list[Any]) -> ast.Expression:
        operator, operand = children
        return self._limited(ast.Unary(str(operator), operand, _span(meta), operand.depth + 1))

    def binary(self, meta: Any, children: list[Any]) -> ast.Expression:
        left, operator, right = children
        # A chain such as a + b + c + … is one level of reading, however long, and `check` walks it without recursion.
        depth = max(left.depth if isinstance(left, ast.Binary) else left.depth + 1, right.depth + 1)
        return self._limited(ast.Binary(str(operator), left, right, _span(meta), depth))

    def call(self, meta: Any, children: list[Any]) -> ast.Expression:
        function, *arguments = children
        depth = 1 + max(a.depth for a in arguments)
        return self._limited(ast.Call(str(function), tuple(arguments), _span(meta), _token_span(function), depth))

    def parenthesised(self, meta: Any, children: list[ast.Expression]) -> ast.Expression:
        return children[0]

    def _limited(self, made: ast.Unary | ast.Binary | ast.Call) -> ast.Expression:
        if made.depth == MAX_NESTING + 1:
            self._problem(
                "nesting", f"expressions are nested deeper than {MAX_NESTING}", made.span, "name a part of it with LET"
            )
        return made

    def _decimal(self, token: Token) -> tuple[int, int]:
        whole, _, fraction = str(token).partition(".")
        fraction = fraction.rstrip("0")
        if len(fraction) > MAX_DECIMALS:
            self._problem(
                "decimals",
                f"{token} has {len(fraction)} decimals; a number has at most six",
                _token_span(token),
                f"write {whole}.{fraction[:MAX_DECIMALS]}".rstrip("0").rstrip("."),
            )
            return 0, 0
        if len(whole.lstrip("0")) + len(fraction) > MAX_DIGITS:
            self._problem(
                "number-too-large", f"{str(token)[:24]}… is too large", _token_span(token), "use fewer digits"
            )
            return 0, 0
        return int(whole + fraction), len(fraction)

    def _problem(self, code: str, message: str, span: Span, hint: str = "") -> None:
        self._problems.append(Diagnostic(code, message, span, hint))
