"""Syntax tree → the one canonical text. Layout is ours, order and comments are the author's.

Blocks that differ in kind are one blank line apart, columns two spaces. Nothing is wrapped: a rule is a line, so that a
changed line of a diff is a changed rule. The text depends on the tree and its comments alone, never on the old layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import zip_longest

from rlhf_contract.errors import Diagnostic, Span, SpecError
from rlhf_contract.lang import ast
from rlhf_contract.lang.comments import Comments, place_comments
from rlhf_contract.types import decimal_text

__all__ = ["format_expression", "format_spec", "is_canonical", "require_canonical"]


def format_spec(spec: ast.Spec) -> str:
    """The canonical text of `spec`: parsed again, it is the same tree with the same comments.

    A comment in the middle of an element moves to a line of its own before it; the last one of a line stays behind it.
    Trailing spaces of comments go. The text may be longer than what `parse` reads, if the source was almost so long.
    """
    lines = [*_header(spec), *(line for block in spec.blocks for line in _block(block))]
    comments = place_comments(spec, [line.starts for line in lines])
    return "\n".join([*_laid_out(lines, comments), ""])


def is_canonical(spec: ast.Spec) -> bool:
    """Whether the source of `spec` is its canonical text, to the byte."""
    return spec.source == format_spec(spec)


def require_canonical(spec: ast.Spec) -> None:
    """Refuse a text that is not canonical where its hash is to be voted on.

    Raises SpecError at the first line that differs.
    """
    ours, theirs = format_spec(spec).split("\n"), spec.source.split("\n")
    for number, (line, canonical) in enumerate(zip_longest(theirs, ours, fillvalue=""), 1):
        if line != canonical:
            span = Span(min(number, len(theirs)), 1, min(number, len(theirs)), len(line) + 1)
            hint = f"rlhf-contract fmt --write {spec.filename}"
            text = "this is not the canonical text, and only that has a hash to vote on"
            raise SpecError([Diagnostic("not-canonical", text, span, hint)], spec.source, spec.filename)


# -- expressions, with as few parentheses as the grammar allows


class _Level(IntEnum):
    """How tightly an expression binds; the rules of grammar.lark from `expression` to `atom`."""

    EXPRESSION = 0
    DISJUNCTION = 1
    CONJUNCTION = 2
    NEGATION = 3
    COMPARISON = 4
    SUM = 5
    PRODUCT = 6
    FACTOR = 7
    ATOM = 8


_IMPLICATION = (_Level.EXPRESSION, _Level.DISJUNCTION, _Level.EXPRESSION)
_COMPARISON = (_Level.COMPARISON, _Level.SUM, _Level.SUM)
_SUM = (_Level.SUM, _Level.SUM, _Level.PRODUCT)
_PRODUCT = (_Level.PRODUCT, _Level.PRODUCT, _Level.FACTOR)
_BINARY = {  # operator → its own level, and those that its left and right side need
    "IMPLIES": _IMPLICATION,
    "OR": (_Level.DISJUNCTION, _Level.DISJUNCTION, _Level.CONJUNCTION),
    "AND": (_Level.CONJUNCTION, _Level.CONJUNCTION, _Level.NEGATION),
    **dict.fromkeys(("<", "<=", ">", ">=", "=", "!="), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/"), _PRODUCT),
}


def format_expression(expression: ast.Expression) -> str:
    """One expression in canonical form."""
    return _expression(expression, _Level.EXPRESSION)


def _expression(expression: ast.Expression, needed: _Level) -> str:
    """Recursion is bounded by the nesting limit: the left spine of a chain is walked in a loop."""
    spine: list[ast.Binary] = []
    while isinstance(expression, ast.Binary):
        spine.append(expression)
        expression = expression.left
    levels = [needed, *(_BINARY[binary.operator][1] for binary in spine)]
    parts = [_operand(expression, levels.pop())]
    opened = 0
    for binary in reversed(spine):
        own, _, right = _BINARY[binary.operator]
        parts += f" {binary.operator} ", _expression(binary.right, right)
        if own < levels.pop():
            opened += 1
            parts.append(")")
    return "(" * opened + "".join(parts)


def _operand(expression: ast.Expression, needed: _Level) -> str:
    own, text = _Level.ATOM, ""
    match expression:
        case ast.Number(value, scale):
            text = decimal_text(value, scale)
        case ast.Name(name):
            text = name
        case ast.Unary("NOT", operand):
            own, text = _Level.NEGATION, f"NOT {_expression(operand, _Level.NEGATION)}"
        case ast.Unary(_, operand):
            own, text = _Level.FACTOR, f"-{_expression(operand, _Level.FACTOR)}"
        case ast.Conditional(condition, then, otherwise):
            own = _Level.EXPRESSION
            text = " ".join(
                f"{word} {format_expression(part)}"
                for word, part in (("IF", condition), ("THEN", then), ("ELSE", otherwise))
            )
        case ast.Call(function, arguments):
            text = f"{function}({', '.join(map(_argument, arguments))})"
        case ast.Quantifier("FORALL" | "EXISTS" as kind, variable, list_, body):
            own, text = _Level.EXPRESSION, f"{kind} {variable} IN {list_}: {format_expression(body)}"
        case ast.Quantifier(kind, variable, list_, body):
            text = f"{kind}({variable} IN {list_}: {format_expression(body)})"
    return f"({text})" if own < needed else text


def _argument(argument: ast.Expression | ast.Point) -> str:
    if isinstance(argument, ast.Point):
        return f"({format_expression(argument.x)}, {format_expression(argument.y)})"
    return format_expression(argument)


# -- lines: what each element of the file becomes


class _Stop(IntEnum):
    """Where a part of a line begins; the lines of one table share these columns."""

    START = 0
    BODY = 1
    CLAUSE = 2
    SECOND_CLAUSE = 3
    COMMENT = 4


_WIDEST = {_Stop.BODY: 40, _Stop.CLAUSE: 80, _Stop.SECOND_CLAUSE: 100, _Stop.COMMENT: 100}
"""What is longer stands for itself: it pushes its own parts to the right, and those of no other line."""


@dataclass(frozen=True, slots=True)
class _Line:
    """`starts`: the place of a token of its element, and how many tokens before it the element begins."""

    group: str
    parts: dict[_Stop, str]
    starts: tuple[Span, int] | str
    indent: str = ""


def _header(spec: ast.Spec) -> Iterator[_Line]:
    texts = [
        ("LEGAL-BLOCKS", "LEGAL-BLOCKS 1"),
        ("CONTRACT", f"CONTRACT {spec.name} VERSION {spec.version}"),
        ("TITLE", f'TITLE "{spec.title}"' if spec.title else ""),
        ("JURISDICTION", f"JURISDICTION {', '.join(spec.jurisdiction)}" if spec.jurisdiction else ""),
        ("REWARD", f"REWARD IN {_range(spec.lowest, spec.highest)}"),
    ]
    for number, (word, text) in enumerate(texts):
        if text:
            yield _Line("header", {_Stop.START: text}, word, "  " if number > 1 else "")


def _block(block: ast.Block) -> Iterator[_Line]:
    match block:
        case ast.Signals(signals, span):
            yield _Line("signals", {_Stop.START: "SIGNALS"}, (span, 0))
            yield from map(_signal, signals)
        case ast.Let(name, body, span):
            yield _Line("let", {_Stop.START: f"LET {name} = {format_expression(body)}"}, (span, 1))
        case ast.Stakeholders(stakeholders, span):
            yield _Line("stakeholders", {_Stop.START: "STAKEHOLDERS"}, (span, 0))
            yield from map(_stakeholder, stakeholders)
        case ast.Aggregate(rule, levels, span):
            text = f"AGGREGATE {rule}" + ("" if levels is None else f"({levels})")
            yield _Line("aggregate", {_Stop.START: text}, (span, 1))
        case ast.Requires(name, condition, span):
            yield _Line("rules", _condition("REQUIRES", name, condition), (span, 0))
        case ast.Invariant():
            yield _invariant(block)
        case ast.Ensures(name, condition, span):
            yield _Line("promises", _condition("ENSURES", name, condition), (span, 0))
        case ast.Prove():
            yield _promise(block)


def _signal(signal: ast.Signal) -> _Line:
    parts = {_Stop.START: signal.name, _Stop.BODY: f": {_type(signal)}"}
    if signal.by:
        parts[_Stop.CLAUSE] = f'BY "{signal.by}"'
    return _Line("signals", parts, (signal.span, 0), "  ")


def _type(field: ast.Signal | ast.Field) -> str:
    if isinstance(field, ast.Signal) and field.kind == "list":
        fields = ", ".join(f"{f.name}: {_type(f)}" for f in field.fields)
        return f"list [{field.length}] of {{ {fields} }}"
    if field.kind == "choice":
        return f"one of {', '.join(field.choices)}"
    if field.lowest is None or field.highest is None:
        return field.kind
    return f"{field.kind} {_range(field.lowest, field.highest)}"


def _stakeholder(holder: ast.Stakeholder) -> _Line:
    clauses = [f"FLOOR {_decimal(holder.floor)}" if holder.floor else "", "VETO" if holder.veto else ""]
    parts = {
        _Stop.START: holder.name,
        _Stop.BODY: f"WEIGHT {_decimal(holder.weight)}",
        _Stop.CLAUSE: f"WANTS {format_expression(holder.wants)}",
    }
    return _Line("stakeholders", parts | _clauses(_Stop.SECOND_CLAUSE, clauses), (holder.span, 0), "  ")


def _condition(word: str, name: str | None, condition: ast.Expression) -> dict[_Stop, str]:
    return {_Stop.START: f"{word:9} {name}:" if name else f"{word}:", _Stop.BODY: format_expression(condition)}


def _invariant(rule: ast.Invariant) -> _Line:
    if rule.form == "INVARIANT":
        parts = _condition(rule.form, rule.name, rule.condition)
    else:
        unless = f" WITHOUT {format_expression(rule.unless)}" if rule.unless else ""
        parts = {_Stop.START: f"{rule.form:9} {format_expression(rule.condition)}{unless}"}
    clauses = [
        f"PENALTY {_decimal(rule.penalty)}" if rule.penalty else "",
        f"REWARD AT MOST {_decimal(rule.at_most)}" if rule.at_most else "",
        f'CITES "{rule.cites}"' if rule.cites else "",
    ]
    return _Line("rules", parts | _clauses(_Stop.CLAUSE, clauses), (rule.span, 0))


def _promise(promise: ast.Prove) -> _Line:
    words = ast.promise_words(promise)
    parts = [words, promise.subject, f"AT MOST {_decimal(promise.at_most)}" if promise.at_most else ""]
    before = len(words.split()) + 1 if promise.subject else 0
    return _Line("promises", {_Stop.START: f"{'PROVE':9} {' '.join(filter(None, parts))}"}, (promise.span, before))


def _clauses(stop: _Stop, clauses: list[str]) -> dict[_Stop, str]:
    text = "  ".join(filter(None, clauses))
    return {stop: text} if text else {}


def _range(lowest: ast.Decimal, highest: ast.Decimal) -> str:
    return f"[{_decimal(lowest)}, {_decimal(highest)}]"


def _decimal(number: ast.Decimal) -> str:
    return decimal_text(number.value, number.scale)


# -- layout


def _laid_out(lines: list[_Line], comments: Comments) -> Iterator[str]:
    """Every line of the file, comments and blank lines with it."""
    before = lines[0].group
    for line, text, comment in zip(lines, _aligned(lines, comments.behind), comments.before, strict=True):
        if line.group != before:
            yield ""
        before = line.group
        yield from (f"{line.indent}#{words}" for words in comment)
        yield text
    if comments.at_end:
        yield ""
        yield from (f"#{words}" for words in comments.at_end)


def _aligned(lines: list[_Line], behind: list[str | None]) -> list[str]:
    """The text of each line, with the parts of a table in columns."""
    texts = [line.indent + line.parts[_Stop.START] for line in lines]
    parts = [
        line.parts | ({} if comment is None else {_Stop.COMMENT: f"#{comment}"})
        for line, comment in zip(lines, behind, strict=True)
    ]
    for table in _tables(lines):
        for stop, widest in _WIDEST.items():
            members = [n for n in table if stop in parts[n]]
            column = max((len(texts[n]) for n in members if len(texts[n]) <= widest), default=0)
            gap = " " if stop is _Stop.BODY else "  "
            for n in members:
                texts[n] = f"{texts[n]:{column}}{gap}{parts[n][stop]}"
    return texts


def _tables(lines: list[_Line]) -> Iterator[range]:
    """Runs of lines that are aligned with each other; a heading such as SIGNALS is not aligned with its list."""
    first = 0
    for n in range(1, len(lines) + 1):
        if n == len(lines) or _table(lines[n]) != _table(lines[first]):
            yield range(first, n)
            first = n


def _table(line: _Line) -> tuple[str, str]:
    return ("conditions" if line.group in ("rules", "promises") else line.group), line.indent
