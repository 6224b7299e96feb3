"""Expressions in English. Parentheses and lists, not rules of precedence, show what belongs together.

An expression is first said in one line. When that line gets long, its outermost operator becomes a list instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rlhf_contract.lang import ast
from rlhf_contract.lang.explanation import Piece, Pieces, Sentence, code, say
from rlhf_contract.types import decimal_text

__all__ = ["Kind", "Phrases"]

Kind = Literal["number", "condition", "choice"]

LONG = 110
"""A line of more characters than this becomes a list."""
MAX_LISTS = 4
"""Lists inside lists; what is nested deeper is said in one line with parentheses."""

_INFIX = {
    "+": "plus",
    "-": "minus",
    "*": "times",
    "/": "divided by",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "AND": "and",
    "OR": "or",
}
_SUM, _PRODUCT, _LOGIC = ("+", "-"), ("*",), ("AND", "OR", "IMPLIES")
_ARITHMETIC = ("+", "-", "*", "/")
_CHAINS = (_SUM, _PRODUCT, ("AND",), ("OR",))

# How tightly a phrase holds together: an operand that is looser than its place allows goes into parentheses.
_WORD, _CLAUSE, _LOOSE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Phrases:
    """Says expressions in which names have these `kinds`; a name without one is a choice."""

    kinds: Mapping[str, Kind]
    fields: Mapping[str, Mapping[str, Kind]]
    """The fields of each list signal."""

    def kind(self, expression: ast.Expression) -> Kind:
        """Whether an expression is a number, a condition or a choice."""
        match expression:
            case ast.Name(id):
                return "number" if id == "reward" else self.kinds.get(id, "choice")
            case ast.Unary(operator):
                return "condition" if operator == "NOT" else "number"
            case ast.Binary(operator):
                return "number" if operator in _ARITHMETIC else "condition"
            case ast.Quantifier(kind):
                return "condition" if kind in ("FORALL", "EXISTS") else "number"
            case ast.Conditional():
                return self.kind(expression.then)
            case _:
                return "number"

    # -- whole sentences

    def claim(self, lead: Pieces, condition: ast.Expression) -> Sentence:
        """“`lead` this is true: …”."""
        return self._sentence(lead, "this is true: ", condition)

    def value(self, lead: Pieces, number: ast.Expression) -> Sentence:
        """“`lead` this: …”."""
        return self._sentence(lead, "this: ", number)

    def equation(self, lead: Pieces, body: ast.Expression) -> Sentence:
        """“`lead` …”."""
        return self._sentence(lead, "", body)

    def _sentence(self, lead: Pieces, announcement: str, body: ast.Expression) -> Sentence:
        head, items = self._outline(body, 0)
        if items:
            return Sentence(say("{} {}:", lead, head), items)
        return Sentence(say(f"{{}} {announcement}{{}}.", lead, head))

    # -- lists

    def _outline(self, expression: ast.Expression, level: int) -> tuple[Pieces, tuple[Sentence, ...]]:
        """A short expression in one line; a long one, and a curve, as a head and the items of a list."""
        line = self.line(expression)
        curve = isinstance(expression, ast.Call) and _curve(expression) is not None
        if level == MAX_LISTS or (not curve and sum(len(p.text) for p in line) <= LONG):
            return line, ()
        match expression:
            case ast.Binary(operator):
                return self._operator_list(expression, operator, level) or (line, ())
            case ast.Unary("NOT", operand):
                head, items = self._outline(operand, level)
                return (say("it is not true that {}", head), items) if items else (line, ())
            case ast.Conditional():
                return self._branches(expression, level)
            case ast.Quantifier():
                head, items = self._inside(expression)._outline(expression.body, level)
                comma = "," if expression.kind in ("FORALL", "EXISTS") else ""
                return (say(f"{{}}{comma} {{}}", _over(expression), head), items) if items else (line, ())
            case ast.Call(function, arguments):
                points = _curve(expression)
                if points is not None:
                    head = say("the curve through these points, read at {} {}", self._part(arguments[0], _WORD), _FLAT)
                    at = [say("at {}: {}", self._part(p.x, _WORD), self._part(p.y, _WORD)) for p in points]
                    return head, tuple(Sentence(a) for a in at)
                numbers = [a for a in arguments if not isinstance(a, ast.Point)]
                if function in _EXTREMES and len(numbers) == len(arguments) > 1:
                    items = tuple(self._item((), a, level) for a in numbers)
                    return say(f"the {_EXTREMES[function][len(items) > 2]} of these"), items
        return line, ()

    def _item(self, lead: Pieces, expression: ast.Expression, level: int, allowed: int = _LOOSE) -> Sentence:
        head, items = self._outline(expression, level + 1)
        if not items:
            head = self._part(expression, allowed)
        return Sentence(say("{}{}:" if items else "{}{}", lead, head), items)

    def _operator_list(
        self, expression: ast.Binary, operator: str, level: int
    ) -> tuple[Pieces, tuple[Sentence, ...]] | None:
        if operator == "IMPLIES":
            sides = (self._item((), expression.left, level), self._item((), expression.right, level))
            return say("the second of these holds whenever the first does"), sides
        heads = {"AND": "all of these hold", "OR": "at least one of these holds", "*": "the product of these"}
        heads |= {"+": "the total of these", "-": "the total of these"}
        if operator not in heads:
            return None
        first, rest = _unchain(expression)
        items = [self._item((), first, level)]
        for link in rest:
            lead = say(f"{_INFIX[link.operator]} ") if operator in _SUM else ()
            items.append(self._item(lead, link.right, level, _WORD if lead else _LOOSE))
        return say(heads[operator]), tuple(items)

    def _branches(self, expression: ast.Conditional, level: int) -> tuple[Pieces, tuple[Sentence, ...]]:
        items = []
        last: ast.Expression = expression
        while isinstance(last, ast.Conditional):
            lead = say("if {}: ", self._part(last.condition, _CLAUSE))
            items.append(self._item(lead, last.then, level))
            last = last.otherwise
        items.append(self._item(say("otherwise: "), last, level))
        what = "condition" if self.kind(expression) == "condition" else "value"
        return say(f"the {what} in the first of these lines that applies"), tuple(items)

    # -- one line

    def line(self, expression: ast.Expression | ast.Point) -> Pieces:
        """An expression in one line."""
        match expression:
            case ast.Number(value, scale):
                return say(decimal_text(value, scale))
            case ast.Name("reward"):
                return say("the reward")
            case ast.Name(id):
                return say("{} is true" if self.kind(expression) == "condition" else "{}", code(id))
            case ast.Unary("NOT", ast.Name(id) as operand) if self.kind(operand) == "condition":
                return say("{} is false", code(id))
            case ast.Unary("NOT", operand):
                return say("it is not true that {}", self._part(operand, _CLAUSE))
            case ast.Unary(_, ast.Number() as operand):
                return say("-{}", self.line(operand))
            case ast.Unary(_, operand):
                return say("minus {}", self._part(operand, _WORD))
            case ast.Binary():
                return self._chain(expression)
            case ast.Conditional(condition, then, otherwise):
                parts = (self._part(part, _CLAUSE) for part in (condition, then, otherwise))
                return say("if {}, then {}, otherwise {}", *parts)
            case ast.Quantifier(kind, _, _, body):
                comma = ":" if kind in ("FORALL", "EXISTS", "sum") else ""
                return say(f"{{}}{comma} {{}}", _over(expression), self._inside(expression).line(body))
            case ast.Point(x, y):
                return say("({}, {})", self._part(x, _WORD), self._part(y, _WORD))
            case ast.Call():
                return self._call(expression)

    def _call(self, call: ast.Call) -> Pieces:
        parts = [self._part(a, _WORD) for a in call.arguments]
        count = len(parts)
        match call.function:
            case "min" | "max" if count > 1:
                return say(f"the {_EXTREMES[call.function][count > 2]} of {{}}", _enumerate(parts))
            case "abs" if count == 1:
                return say("the absolute value of {}", *parts)
            case "clip" if count == 3:
                and_ = "and" if all(_is_literal(a) for a in call.arguments[1:]) else "and in any case"
                return say(f"{{}}, but at least {{}} {and_} at most {{}}", *parts)
            case "floor" if count == 2:
                match call.arguments[1]:
                    case ast.Number(0):
                        return say("{} rounded down to a whole number ({} decimals)", *parts)
                    case ast.Number(1, 0):
                        return say("{} rounded down to {} decimal", *parts)
                return say("{} rounded down to {} decimals", *parts)
            case "curve" if _curve(call) is not None:
                return say("the curve through {}, read at {} {}", _enumerate(parts[1:]), parts[0], _FLAT)
            case _:
                return say("{} of {}", code(call.function), _enumerate(parts))

    def _part(self, expression: ast.Expression | ast.Point, allowed: int) -> Pieces:
        """An operand; in parentheses, if it is looser than `allowed`."""
        line = self.line(expression)
        return line if self._looseness(expression) <= allowed else say("({})", line)

    def _looseness(self, expression: ast.Expression | ast.Point) -> int:
        match expression:
            case ast.Point():
                return _WORD
            case _ if _is_literal(expression):
                return _WORD
            case ast.Name():
                return _CLAUSE if self.kind(expression) == "condition" else _WORD
            case ast.Unary("NOT", ast.Name()):
                return _CLAUSE
            case ast.Binary():
                return self._chain_looseness(expression)
            case _:
                return _LOOSE

    # -- operators: a left spine such as a + b + c + … may be thousands long, so it is walked in a loop

    def _chain(self, expression: ast.Binary) -> Pieces:
        spine = [expression]
        while isinstance(spine[-1].left, ast.Binary):
            spine.append(spine[-1].left)
        pieces: deque[Piece] = deque(self._part(spine[-1].left, self._allowed(spine[-1])))
        before: ast.Binary | None = None
        for link in reversed(spine):
            continues = before is not None and any(link.operator in c and before.operator in c for c in _CHAINS)
            if before is not None and not continues and self._chain_looseness(before) > self._allowed(link):
                pieces.appendleft(Piece("("))
                pieces.append(Piece(")"))
            prefix, infix, suffix = self._operator(link)
            if prefix:
                pieces.appendleft(Piece(prefix))
            pieces.append(Piece(infix))
            pieces.extend(self._part(link.right, self._allowed(link)))
            if suffix:
                pieces.append(Piece(suffix))
            before = link
        return tuple(pieces)

    def _operator(self, link: ast.Binary) -> tuple[str, str, str]:
        """What is said before, between and after the two sides."""
        match link.operator:
            case "IMPLIES":
                return "whenever ", ", ", ""
            case "/":
                return "", " divided by ", ", rounded down to six decimals"
            case "=" | "!=" as operator:
                same = operator == "="
                if self._of_conditions(link):
                    return ("", " exactly when ", "") if same else ("either ", " or ", ", but not both")
                if "choice" in (self.kind(link.left), self.kind(link.right)):
                    return "", " is " if same else " is not ", ""
                return "", " equals " if same else " does not equal ", ""
            case operator:
                return "", f" {_INFIX[operator]} ", ""

    def _allowed(self, link: ast.Binary) -> int:
        return _CLAUSE if link.operator in _LOGIC or self._of_conditions(link) else _WORD

    def _chain_looseness(self, link: ast.Binary) -> int:
        loose = link.operator in (*_ARITHMETIC, *_LOGIC) or self._of_conditions(link)
        return _LOOSE if loose else _CLAUSE

    def _of_conditions(self, link: ast.Binary) -> bool:
        return link.operator in ("=", "!=") and self.kind(link.left) == "condition"

    def _inside(self, quantifier: ast.Quantifier) -> Phrases:
        """The same, with the fields of the quantifier's variable."""
        inside = {f"{quantifier.variable}.{f}": kind for f, kind in self.fields.get(quantifier.list, {}).items()}
        return Phrases({**self.kinds, **inside}, self.fields)


_EXTREMES = {"min": ("smaller", "smallest"), "max": ("larger", "largest")}
_FLAT = "(straight from point to point, flat beyond the ends, rounded down to six decimals)"


def _is_literal(expression: ast.Expression | ast.Point) -> bool:
    return isinstance(expression, ast.Number) or (
        isinstance(expression, ast.Unary) and expression.operator == "-" and isinstance(expression.operand, ast.Number)
    )


def _over(quantifier: ast.Quantifier) -> Pieces:
    """What a quantifier ranges over."""
    words = {
        "FORALL": "for every entry {} of {}",
        "EXISTS": "for at least one entry {} of {}",
        "count": "the number of entries {} of {} for which",
        "sum": "the sum, over all entries {} of {}, of",
    }
    template = words.get(quantifier.kind, f"{quantifier.kind} over all entries {{}} of {{}} of")
    return say(template, code(quantifier.variable), code(quantifier.list))


def _curve(call: ast.Call) -> tuple[ast.Point, ...] | None:
    """The points of a well-formed curve."""
    points = tuple(a for a in call.arguments[1:] if isinstance(a, ast.Point))
    whole = call.function == "curve" and points and len(points) == len(call.arguments) - 1
    return points if whole and not isinstance(call.arguments[0], ast.Point) else None


def _unchain(expression: ast.Binary) -> tuple[ast.Expression, list[ast.Binary]]:
    """The first operand of a chain such as a + b − c, and the links after it."""
    chain = next(c for c in _CHAINS if expression.operator in c)
    links = [expression]
    while isinstance(left := links[-1].left, ast.Binary) and left.operator in chain:
        links.append(left)
    return links[-1].left, links[::-1]


def _enumerate(parts: Sequence[Pieces]) -> Pieces:
    """a, b and c."""
    joined = list(parts[0])
    for number, part in enumerate(parts[1:], 2):
        joined.append(Piece(" and " if number == len(parts) else ", "))
        joined.extend(part)
    return tuple(joined)
