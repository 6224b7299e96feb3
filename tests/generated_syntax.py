"""Hypothesis strategies: any well-formed Legal-Blocks, whether or not it has a meaning, in any layout, with comments.

`trees()` makes syntax trees over the whole grammar. `texts()` writes them down in ways that no formatter would: its
printer is independent of `lang/format.py`, and puts parentheses, line breaks and comments wherever they are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from rlhf_contract.errors import Span
from rlhf_contract.lang import ast

__all__ = ["expressions", "texts", "trees", "written"]

NOWHERE = Span(0, 0, 0, 0)
GLUE = ' \n()[]{},:"+-*/=<>!'  # needs no space beside it
FUNCTIONS = ("min", "max", "abs", "clip", "floor", "curve", "no_such_function")

words = st.sampled_from(["x", "tokens", "score", "real", "of", "one", "list", "reward", "_", "In", "a1", "long" * 12])
names = st.one_of(words, st.builds("{}.{}".format, words, words))
optional_names = st.one_of(st.none(), names)
quoted = st.text(st.characters(exclude_characters='"\n\r', codec="utf-8"), max_size=12)
comment_texts = st.one_of(
    st.sampled_from(["", " why", "#", ' "', " SIGNALS x: score", "  indented", " trailing  "]),
    st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=8),
)


@cache
def decimals(negative: bool = True) -> st.SearchStrategy[ast.Decimal]:
    """A literal: up to thirteen digits, up to six of them behind the point, no zeros at the end."""

    def normal(value: int, scale: int) -> ast.Decimal:
        while scale and value % 10 == 0:
            value, scale = value // 10, scale - 1
        return ast.Decimal(value, scale, NOWHERE)

    small = st.sampled_from([0, 1, 2, 10, 500_000, 999_999])
    values = st.one_of(small, st.integers(-(10**13) if negative else 0, 10**13))
    return st.builds(normal, values, st.integers(0, 6))


# -- expressions


@cache
def expressions(depth: int = 3) -> st.SearchStrategy[ast.Expression]:
    """Every form of expression, nested in every other, at most `depth` deep."""
    numbers = decimals(negative=False).map(lambda d: ast.Number(d.value, d.scale, NOWHERE))
    leaf = st.one_of(numbers, names.map(lambda name: ast.Name(name, NOWHERE)))
    if depth == 0:
        return leaf
    inner = expressions(depth - 1)
    arguments = st.lists(st.one_of(inner, st.builds(ast.Point, inner, inner, st.just(NOWHERE))), min_size=1, max_size=3)
    place = st.just(NOWHERE)
    operators = st.sampled_from(["IMPLIES", "OR", "AND", "<", "<=", ">", ">=", "=", "!=", "+", "-", "*", "/", "-", "/"])
    return st.one_of(
        leaf,
        st.builds(ast.Unary, st.sampled_from(["-", "NOT"]), inner, place),
        st.builds(ast.Binary, operators, inner, inner, place),
        st.builds(ast.Binary, operators, inner, inner, place),
        st.builds(ast.Conditional, inner, inner, inner, place),
        st.builds(ast.Call, st.sampled_from(FUNCTIONS), arguments.map(tuple), place),
        st.builds(ast.Quantifier, st.sampled_from(["FORALL", "EXISTS", "count", "sum"]), words, names, inner, place),
    )


# -- blocks


@cache
def kinds() -> st.SearchStrategy[tuple[Any, ...]]:
    """(kind, lowest, highest, choices) of a type that is no list."""
    nothing = (st.none(), st.none())
    return st.one_of(
        st.tuples(st.sampled_from(["score", "bool"]), *nothing, st.just(())),
        st.tuples(st.sampled_from(["real", "int"]), decimals(), decimals(), st.just(())),
        st.tuples(st.just("choice"), *nothing, st.lists(words, min_size=1, max_size=3).map(tuple)),
    )


@cache
def signals() -> st.SearchStrategy[ast.Signal]:
    by = st.one_of(st.just(""), quoted)
    fields = st.lists(
        st.builds(lambda name, kind: ast.Field(name, *kind, NOWHERE), words, kinds()), min_size=1, max_size=3
    )
    return st.one_of(
        st.builds(lambda name, kind, by: ast.Signal(name, *kind, 0, (), by, NOWHERE), names, kinds(), by),
        st.builds(
            lambda name, length, fields, by: ast.Signal(
                name, "list", None, None, (), length, tuple(fields), by, NOWHERE
            ),
            names,
            st.integers(1, 256),
            fields,
            by,
        ),
    )


@cache
def stakeholders() -> st.SearchStrategy[ast.Stakeholder]:
    floor = st.one_of(st.none(), decimals())
    return st.builds(ast.Stakeholder, names, decimals(), expressions(2), floor, st.booleans(), st.just(NOWHERE))


@cache
def invariants() -> st.SearchStrategy[ast.Invariant]:
    clauses = (st.one_of(st.none(), decimals()), st.one_of(st.none(), decimals()), st.one_of(st.just(""), quoted))
    place, none = st.just(NOWHERE), st.none()
    form = st.builds(ast.Invariant, st.just("INVARIANT"), optional_names, expressions(), none, *clauses, place)
    always = st.builds(ast.Invariant, st.just("ALWAYS"), none, expressions(), none, *clauses, place)
    never = st.builds(ast.Invariant, st.just("NEVER"), none, expressions(2), expressions(2), *clauses, place)
    return st.one_of(form, always, never)


@cache
def promises() -> st.SearchStrategy[ast.Prove]:
    """Every form of PROVE."""
    place, none = st.just(NOWHERE), st.none()
    return st.one_of(
        st.builds(ast.Prove, st.sampled_from(["monotone", "decreasing"]), names, none, place),
        st.builds(
            ast.Prove,
            st.sampled_from(["violation_never_pays", "fixing_always_pays"]),
            st.one_of(st.just(""), names),
            none,
            place,
        ),
        st.builds(ast.Prove, st.just("pareto"), st.just(""), none, place),
        st.builds(ast.Prove, st.sampled_from(["influence", "sensitivity"]), names, decimals(), place),
    )


@cache
def blocks() -> st.SearchStrategy[ast.Block]:
    """Any block of which a contract may have several."""
    place = st.just(NOWHERE)
    return st.one_of(
        invariants(),
        st.builds(ast.Let, names, expressions(), place),
        st.builds(ast.Requires, optional_names, expressions(), place),
        st.builds(ast.Ensures, optional_names, expressions(), place),
        st.builds(ast.Aggregate, names, st.one_of(st.none(), st.integers(0, 64)), place),
        promises(),
    )


@cache
def up_to(most: int, items: Callable[[], st.SearchStrategy[Any]]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items(), max_size=most)


@st.composite
def trees(draw: st.DrawFn) -> ast.Spec:
    """A whole contract without comments, its blocks in any order."""
    made = draw(up_to(5, blocks))
    for several, node in ((signals, ast.Signals), (stakeholders, ast.Stakeholders)):
        items = draw(up_to(3, several))
        if items:
            made.insert(draw(st.integers(0, len(made))), node(tuple(items), NOWHERE))
    return ast.Spec(
        name=draw(names),
        version=draw(st.sampled_from(["0.0.1", "1.20.3"])),
        title=draw(st.one_of(st.just(""), quoted)),
        jurisdiction=tuple(draw(st.lists(st.sampled_from(["EU", "US-CA", "DE-BY", "FR-2A1"]), max_size=2))),
        lowest=draw(decimals()),
        highest=draw(decimals()),
        blocks=tuple(made),
        comments=(),
        source="",
        filename="<generated>",
        header_span=NOWHERE,
    )


# -- writing: tokens first, then what stands between them


def literal(number: ast.Decimal | ast.Number) -> list[str]:
    digits = f"{abs(number.value):0{number.scale + 1}d}"
    whole, fraction = (digits[: -number.scale], digits[-number.scale :]) if number.scale else (digits, "")
    return [*(["-"] if number.value < 0 else []), f"{whole}.{fraction}" if fraction else whole]


class Writer:
    """The tokens of a tree; `random` decides about everything that does not matter."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def spec(self, spec: ast.Spec) -> Iterator[str]:
        yield from ("LEGAL-BLOCKS 1", "CONTRACT", spec.name, "VERSION", spec.version)
        if spec.title or self.random.random() < 0.1:
            yield from ("TITLE", f'"{spec.title}"')
        if spec.jurisdiction:
            yield from ("JURISDICTION", *self.separated([[r] for r in spec.jurisdiction]))
        yield from ("REWARD", "IN", *self.range(spec.lowest, spec.highest))
        for block in spec.blocks:
            yield from self.block(block)

    def block(self, block: ast.Block) -> Iterator[str]:
        match block:
            case ast.Signals(signals):
                yield "SIGNALS"
                for signal in signals:
                    yield from (signal.name, ":", *self.type(signal), *(["BY", f'"{signal.by}"'] if signal.by else []))
            case ast.Let(name, body):
                yield from ("LET", name, "=", *self.expression(body))
            case ast.Stakeholders(holders):
                yield "STAKEHOLDERS"
                for holder in holders:
                    yield from (holder.name, "WEIGHT", *literal(holder.weight), "WANTS", *self.expression(holder.wants))
                    floor = ["FLOOR", *literal(holder.floor)] if holder.floor else []
                    yield from self.shuffled([floor, ["VETO"] if holder.veto else []])
            case ast.Aggregate(rule, levels):
                yield from ("AGGREGATE", rule, *([] if levels is None else ["(", str(levels), ")"]))
            case ast.Requires(name, condition):
                yield from ("REQUIRES", *([name] if name else []), ":", *self.expression(condition))
            case ast.Ensures(name, condition):
                yield from ("ENSURES", *([name] if name else []), ":", *self.expression(condition))
            case ast.Prove(form, subject, at_most):
                named = ["OF", subject] if subject else []
                most = ["AT", "MOST", *literal(at_most)] if at_most else []
                words = {
                    "monotone": ["MONOTONE", "IN", subject],
                    "decreasing": ["DECREASING", "IN", subject],
                    "violation_never_pays": ["VIOLATION", "NEVER", "PAYS", *named],
                    "fixing_always_pays": ["FIXING", "ALWAYS", "PAYS", *named],
                    "pareto": ["PARETO"],
                    "influence": ["INFLUENCE", *named, *most],
                    "sensitivity": ["SENSITIVITY", "TO", subject, *most],
                }
                yield from ("PROVE", *words[form])
            case ast.Invariant():
                yield from self.invariant(block)

    def invariant(self, rule: ast.Invariant) -> Iterator[str]:
        yield rule.form
        if rule.form == "INVARIANT":
            yield from ([rule.name] if rule.name else [])
            yield ":"
        yield from self.expression(rule.condition)
        if rule.unless:
            yield from ("WITHOUT", *self.expression(rule.unless))
        penalty = ["PENALTY", *literal(rule.penalty)] if rule.penalty else []
        at_most = ["REWARD", "AT", "MOST", *literal(rule.at_most)] if rule.at_most else []
        yield from self.shuffled([penalty, at_most, ["CITES", f'"{rule.cites}"'] if rule.cites else []])

    def type(self, field: ast.Signal | ast.Field) -> Iterator[str]:
        if isinstance(field, ast.Signal) and field.kind == "list":
            fields = self.separated([[f"{f.name} :", *self.type(f)] for f in field.fields])
            yield from ("list", "[", str(field.length), "]", "of", "{", *fields, "}")
        elif field.kind == "choice":
            yield from ("one", "of", *self.separated([[c] for c in field.choices]))
        else:
            yield field.kind
            if field.lowest and field.highest:
                yield from self.range(field.lowest, field.highest)

    def expression(self, expression: ast.Expression | ast.Point, bare: bool = True) -> list[str]:
        """With parentheses around every operand that is not a single token, and sometimes around the others."""
        match expression:
            case ast.Number():
                made = literal(expression)
            case ast.Name(name):
                made = [name]
            case ast.Unary(operator, operand):
                made = [operator, *self.expression(operand, bare=False)]
            case ast.Binary(operator, left, right):
                made = [*self.expression(left, bare=False), operator, *self.expression(right, bare=False)]
            case ast.Conditional(condition, then, otherwise):
                made = ["IF", *self.expression(condition), "THEN", *self.expression(then)]
                made += ["ELSE", *self.expression(otherwise)]
            case ast.Call(function, arguments):
                made = [function, "(", *self.separated([self.expression(a) for a in arguments]), ")"]
            case ast.Point(x, y):
                return ["(", *self.separated([self.expression(x), self.expression(y)]), ")"]
            case ast.Quantifier(kind, variable, list_, body):
                made = [variable, "IN", list_, ":", *self.expression(body)]
                made = [kind, *made] if kind.isupper() else [kind, "(", *made, ")"]
        if (not bare and len(made) > 1) or self.random.random() < 0.1:
            made = ["(", *made, ")"]
        return made

    def range(self, lowest: ast.Decimal, highest: ast.Decimal) -> list[str]:
        return ["[", *literal(lowest), ",", *literal(highest), "]"]

    def separated(self, items: list[list[str]]) -> list[str]:
        return [token for n, item in enumerate(items) for token in ([",", *item] if n else item)]

    def shuffled(self, clauses: list[list[str]]) -> list[str]:
        self.random.shuffle(clauses)
        return [token for clause in clauses for token in clause]


def written(spec: ast.Spec, random: Random, comments: list[str], hostile: bool) -> str:
    """`spec` as text: on one line, one token to a line, or anyhow; with `comments` in this order between the tokens."""
    tokens = list(Writer(random).spec(spec))
    places = sorted(random.choices(range(len(tokens) + 1), k=len(comments)))
    waiting = list(zip(places, comments, strict=True))
    breaks = random.choice([[" "], ["\n"], ["", " "]]) if hostile else ["", " ", " ", "\n", "\n  ", "\n\n"]
    text = ""
    for n, token in enumerate([*tokens, ""]):
        while waiting and waiting[0][0] == n:
            before = random.choice(["", " ", "\n", "\n   "])
            text += f"{before}#{waiting.pop(0)[1]}\n"
        between = random.choice(breaks)
        glued = not text or not token or text[-1] in GLUE or token[0] in GLUE
        text += (between or ("" if glued else " ")) + token
    return text + random.choice(["", "\n", "\n\n", "  "])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The text of a contract that parses, laid out by an enemy, with up to eight comments."""
    comments = draw(st.lists(comment_texts, max_size=8))
    return written(draw(trees()), draw(st.randoms(use_true_random=False)), comments, draw(st.booleans()))
