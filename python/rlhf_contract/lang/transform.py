"""Lark's parse tree → our syntax tree, bottom-up and without recursion: the input is hostile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lark import Token, Tree

from rlhf_contract.errors import Diagnostic, Span
from rlhf_contract.lang import ast

__all__ = ["LANGUAGE_VERSION", "MAX_DECIMALS", "MAX_NESTING", "TreeToSpec", "token_span"]

LANGUAGE_VERSION = "1"
MAX_NESTING = 64
MAX_DECIMALS = 6
MAX_DIGITS = 19  # of 2^63: a longer literal could never be used

Range = tuple[ast.Decimal, ast.Decimal]
Promise = tuple[ast.PromiseForm, Token | None, ast.Decimal | None]
Type = tuple[str, Range | tuple[None, None], tuple[str, ...], int, tuple[ast.Field, ...]]


def token_span(token: Token) -> Span:
    """Where a token stands."""
    return Span(token.line or 1, token.column or 1, token.end_line or 1, token.end_column or 1)


def _span(meta: Any) -> Span:
    return Span(meta.line, meta.column, meta.end_line, meta.end_column)


def _comments(text: str) -> Iterator[ast.Comment]:
    """Every comment; only strings can hold a # that starts none."""
    for number, line in enumerate(text.split("\n"), 1):
        for match in re.finditer(r'"[^"]*"|#.*', line):
            if match.group().startswith("#"):
                span = Span(number, match.start() + 1, number, match.end() + 1)
                yield ast.Comment(match.group()[1:], not line[: match.start()].strip(), span)


class TreeToSpec:
    """One method for each rule of the grammar. Limits that are passed go to `problems`."""

    def __init__(self, text: str, filename: str, problems: list[Diagnostic]) -> None:
        self._text, self._filename, self._problems = text, filename, problems

    def transform(self, tree: Tree[Token]) -> ast.Spec:
        """The syntax tree of a parse tree. Lark's own transformer does the same in three times the time."""
        below, waiting = [], [tree]
        while waiting:
            below.append(waiting.pop())
            waiting += (child for child in below[-1].children if isinstance(child, Tree))
        methods = {name: getattr(self, name) for name in {str(node.data) for node in below}}
        made: dict[int, Any] = {}
        for node in reversed(below):  # children before parents
            children = [made.pop(id(child)) if isinstance(child, Tree) else child for child in node.children]
            made[id(node)] = methods[node.data](node.meta, children)
        return made[id(tree)]  # type: ignore[no-any-return]

    # -- file and header

    def start(self, meta: Any, children: list[Any]) -> ast.Spec:
        header, *blocks = children
        for kind, word in ((ast.Signals, "SIGNALS"), (ast.Stakeholders, "STAKEHOLDERS")):
            for again in [b for b in blocks if isinstance(b, kind)][1:]:
                self._problem("duplicate-block", f"a second {word} block", again.span, "merge it with the first")
        comments = tuple(_comments(self._text))
        return ast.Spec(**header, blocks=tuple(blocks), comments=comments, source=self._text, filename=self._filename)

    def head(self, meta: Any, children: list[Any]) -> dict[str, Any]:
        version, header = children
        if str(version) != LANGUAGE_VERSION:
            text = f"this file is written in Legal-Blocks {version}; this reader knows {LANGUAGE_VERSION}"
            self._problem("language-version", text, token_span(version), "use a newer version of rlhf-contract")
        return header  # type: ignore[no-any-return]

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

    def reward_range(self, meta: Any, children: list[Range]) -> Range:
        return children[0]

    def range(self, meta: Any, children: list[Any]) -> Range:
        return children[0], children[1]

    def literal(self, meta: Any, children: list[Any]) -> ast.Decimal:
        minus, number = children
        value, scale = self._decimal(number)
        return ast.Decimal(-value if minus else value, scale, _span(meta))

    # -- signals

    def signals(self, meta: Any, children: list[Any]) -> ast.Signals:
        return ast.Signals(tuple(children), _span(meta))

    def signal(self, meta: Any, children: list[Any]) -> ast.Signal:
        name, (kind, ends, choices, length, fields), by = children
        lowest, highest = ends
        return ast.Signal(str(name), kind, lowest, highest, choices, length, fields, by or "", token_span(name))

    def by(self, meta: Any, children: list[Any]) -> str:
        return str(children[0])[1:-1]

    def field(self, meta: Any, children: list[Any]) -> ast.Field:
        name, (kind, ends, choices, _, _) = children
        lowest, highest = ends
        return ast.Field(str(name), kind, lowest, highest, choices, token_span(name))

    def score_type(self, meta: Any, children: list[Any]) -> Type:
        return "score", (None, None), (), 0, ()

    def bool_type(self, meta: Any, children: list[Any]) -> Type:
        return "bool", (None, None), (), 0, ()

    def real_type(self, meta: Any, children: list[Any]) -> Type:
        return "real", children[0], (), 0, ()

    def int_type(self, meta: Any, children: list[Any]) -> Type:
        return "int", children[0], (), 0, ()

    def choice_type(self, meta: Any, children: list[Any]) -> Type:
        return "choice", (None, None), tuple(str(c) for c in children), 0, ()

    def list_type(self, meta: Any, children: list[Any]) -> Type:
        length, *fields = children
        value, scale = self._decimal(length)
        if scale or not 1 <= value <= 256:
            self._problem("list-length", "the length of a list lies between 1 and 256", token_span(length))
            value = 1
        return "list", (None, None), (), value, tuple(f for f in fields if isinstance(f, ast.Field))

    # -- stakeholders

    def let(self, meta: Any, children: list[Any]) -> ast.Let:
        name, body = children
        return ast.Let(str(name), body, token_span(name))

    def stakeholders(self, meta: Any, children: list[Any]) -> ast.Stakeholders:
        return ast.Stakeholders(tuple(children), _span(meta))

    def stakeholder(self, meta: Any, children: list[Any]) -> ast.Stakeholder:
        name, weight, wants, *clauses = children
        said = self._clauses(clauses)
        return ast.Stakeholder(str(name), weight, wants, said.get("FLOOR"), "VETO" in said, token_span(name))

    def floor_clause(self, meta: Any, children: list[Any]) -> tuple[str, Any, Span]:
        return "FLOOR", children[0], _span(meta)

    def veto_clause(self, meta: Any, children: list[Any]) -> tuple[str, Any, Span]:
        return "VETO", True, _span(meta)

    def aggregate(self, meta: Any, children: list[Any]) -> ast.Aggregate:
        rule, levels = children
        return ast.Aggregate(str(rule), None if levels is None else self._whole(levels), token_span(rule))

    # -- rules and promises

    def requires(self, meta: Any, children: list[Any]) -> ast.Requires:
        name, condition = children
        return ast.Requires(name and str(name), condition, _span(meta))

    def invariant(self, meta: Any, children: list[Any]) -> ast.Invariant:
        name, condition, *clauses = children
        return self._rule("INVARIANT", name and str(name), condition, None, clauses, meta)

    def always(self, meta: Any, children: list[Any]) -> ast.Invariant:
        condition, *clauses = children
        return self._rule("ALWAYS", None, condition, None, clauses, meta)

    def never(self, meta: Any, children: list[Any]) -> ast.Invariant:
        condition, unless, *clauses = children
        return self._rule("NEVER", None, condition, unless, clauses, meta)

    def _rule(self, form: Any, name: Any, condition: Any, unless: Any, clauses: list[Any], meta: Any) -> ast.Invariant:
        said = self._clauses(clauses)
        caps = said.get("PENALTY"), said.get("REWARD AT MOST"), said.get("CITES", "")
        return ast.Invariant(form, name, condition, unless, *caps, _span(meta))

    def penalty(self, meta: Any, children: list[Any]) -> tuple[str, Any, Span]:
        return "PENALTY", children[0], _span(meta)

    def at_most(self, meta: Any, children: list[Any]) -> tuple[str, Any, Span]:
        return "REWARD AT MOST", children[0], _span(meta)

    def cites(self, meta: Any, children: list[Any]) -> tuple[str, Any, Span]:
        return "CITES", str(children[0])[1:-1], _span(meta)

    def _clauses(self, clauses: list[tuple[str, Any, Span]]) -> dict[str, Any]:
        """Clauses by their word; a second one of a kind is a problem."""
        said: dict[str, Any] = {}
        for word, value, span in clauses:
            if word in said:
                self._problem("duplicate-clause", f"a second {word}", span, "keep one")
            said[word] = value
        return said

    def ensures(self, meta: Any, children: list[Any]) -> ast.Ensures:
        name, condition = children
        return ast.Ensures(name and str(name), condition, _span(meta))

    def prove(self, meta: Any, children: list[Any]) -> ast.Prove:
        form, subject, at_most = children[0]
        return ast.Prove(form, str(subject or ""), at_most, token_span(subject) if subject else _span(meta))

    def monotone(self, meta: Any, children: list[Any]) -> Promise:
        return "monotone", children[0], None

    def decreasing(self, meta: Any, children: list[Any]) -> Promise:
        return "decreasing", children[0], None

    def violation_never_pays(self, meta: Any, children: list[Any]) -> Promise:
        return "violation_never_pays", children[0], None

    def fixing_always_pays(self, meta: Any, children: list[Any]) -> Promise:
        return "fixing_always_pays", children[0], None

    def pareto(self, meta: Any, children: list[Any]) -> Promise:
        return "pareto", None, None

    def influence(self, meta: Any, children: list[Any]) -> Promise:
        return "influence", *children

    def sensitivity(self, meta: Any, children: list[Any]) -> Promise:
        return "sensitivity", *children

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

    def conditional(self, meta: Any, children: list[Any]) -> ast.Expression:
        condition, then, otherwise = children
        depth = 1 + max(c.depth for c in children)
        return self._limited(ast.Conditional(condition, then, otherwise, _span(meta), depth))

    def quantifier(self, meta: Any, children: list[Any]) -> ast.Expression:
        return self._quantified(meta, *children)

    def reduction(self, meta: Any, children: list[Any]) -> ast.Expression:
        return self._quantified(meta, *children)

    def _quantified(self, meta: Any, kind: Token, variable: Token, list_: Token, body: Any) -> ast.Expression:
        span = _span(meta)
        made = ast.Quantifier(str(kind), str(variable), str(list_), body, span, token_span(list_), body.depth + 1)
        return self._limited(made)

    def call(self, meta: Any, children: list[Any]) -> ast.Expression:
        function, *arguments = children
        depth = 1 + max(a.depth for a in arguments)
        return self._limited(ast.Call(str(function), tuple(arguments), _span(meta), token_span(function), depth))

    def point(self, meta: Any, children: list[Any]) -> ast.Point:
        x, y = children
        return ast.Point(x, y, _span(meta), max(x.depth, y.depth))

    def parenthesised(self, meta: Any, children: list[ast.Expression]) -> ast.Expression:
        return children[0]

    def _limited(self, made: Any) -> ast.Expression:
        if made.depth == MAX_NESTING + 1:
            self._problem(
                "nesting", f"expressions are nested deeper than {MAX_NESTING}", made.span, "name a part of it with LET"
            )
        return made  # type: ignore[no-any-return]

    def _whole(self, token: Token) -> int:
        value, scale = self._decimal(token)
        if scale:
            self._problem("whole-number", "this is a whole number", token_span(token), "drop the decimals")
        return value

    def _decimal(self, token: Token) -> tuple[int, int]:
        whole, _, fraction = str(token).partition(".")
        fraction = fraction.rstrip("0")
        span = token_span(token)
        if len(fraction) > MAX_DECIMALS:
            text = f"{token} has {len(fraction)} decimals; a number has at most six"
            nearest = f"{whole}.{fraction[:MAX_DECIMALS]}".rstrip("0").rstrip(".")
            self._problem("decimals", text, span, f"write {nearest}")
            return 0, 0
        if len(whole.lstrip("0")) + len(fraction) > MAX_DIGITS:
            self._problem("number-too-large", f"{str(token)[:24]}… is too large", span, "use fewer digits")
            return 0, 0
        return int((whole.lstrip("0") + fraction) or "0"), len(fraction)

    def _problem(self, code: str, message: str, span: Span, hint: str = "") -> None:
        self._problems.append(Diagnostic(code, message, span, hint))
