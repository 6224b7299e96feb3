"""What a contract means, computed from the definition of the language alone: an evaluator over exact fractions.

It shares no code with the package: its own reader of the text, its own arithmetic. Everything is exact; where the
language says that something rounds, it rounds down there; the reward is rounded down once at the end. Logarithm and
power follow the published table `spec/log2.json`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Meaning", "meaning"]

TOKEN = re.compile(r"\s*(<=|>=|!=|[-+*/(){}\[\]<>=,:]|[A-Za-z_][\w.]*|\d+(?:\.\d+)?)")
MICRO = 10**6


@dataclass(frozen=True)
class Meaning:
    """Status in words, exact reward (None without one), names of broken invariants."""

    status: str
    reward: Fraction | None
    broken: list[str]


def down(x: Fraction, digits: int = 6) -> Fraction:
    return Fraction(math.floor(x * 10**digits), 10**digits)


class Reader:
    """Recursive descent over tokens: text and values in, number, truth or choice out."""

    def __init__(self, text: str, values: dict[str, Any]) -> None:
        self.tokens, self.at, self.values = TOKEN.findall(text), 0, values

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        assert not expected or token == expected, (token, expected, self.tokens)
        self.at += 1
        return token

    def expression(self) -> Any:
        if self.peek() == "IF":
            self.take()
            condition = self.expression()
            self.take("THEN")
            then = self.expression()
            self.take("ELSE")
            otherwise = self.expression()
            return then if condition else otherwise
        if self.peek() in ("FORALL", "EXISTS"):
            kind = self.take()
            results = self.over_list()
            return all(results) if kind == "FORALL" else any(results)
        left = self.disjunction()
        if self.peek() == "IMPLIES":
            self.take()
            right = self.expression()
            return (not left) or right
        return left

    def over_list(self) -> list[Any]:
        """`variable IN list: body`, evaluated at every element; an empty list still has its body read."""
        variable = self.take()
        self.take("IN")
        elements = self.values[self.take()]
        self.take(":")
        start, results = self.at, []
        for element in elements or [None]:
            self.at = start
            inner = self.values | {f"{variable}.{n}": v for n, v in (element or {}).items()}
            blank = element is None or isinstance(self.values, Blank)
            outer, self.values = self.values, Blank(inner) if blank else inner
            result = self.expression()
            self.values = outer
            results += [] if element is None else [result]
        return results

    def disjunction(self) -> Any:
        value = self.conjunction()
        while self.peek() == "OR":
            self.take()
            other = self.conjunction()
            value = value or other
        return value

    def conjunction(self) -> Any:
        value = self.negation()
        while self.peek() == "AND":
            self.take()
            other = self.negation()
            value = value and other
        return value

    def negation(self) -> Any:
        if self.peek() == "NOT":
            self.take()
            return not self.negation()
        return self.comparison()

    def comparison(self) -> Any:
        left = self.sum()
        if self.peek() in ("<", "<=", ">", ">=", "=", "!="):
            operator, right = self.take(), self.sum()
            return {
                "<": lambda: left < right,
                "<=": lambda: left <= right,
                ">": lambda: left > right,
                ">=": lambda: left >= right,
                "=": lambda: left == right,
                "!=": lambda: left != right,
            }[operator]()
        return left

    def sum(self) -> Any:
        value = self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> Any:
        value = self.factor()
        while self.peek() in ("*", "/"):
            value = value * self.factor() if self.take() == "*" else down(value / self.factor())
        return value

    def factor(self) -> Any:
        if self.peek() == "-":
            self.take()
            return -self.factor()
        token = self.take()
        if token == "(":
            value = self.expression()
            self.take(")")
            return value
        if token[0].isdigit():
            return Fraction(token)
        if self.peek() == "(":
            return self.call(token)
        return self.values.get(token, token)  # what is no name is a choice

    def call(self, function: str) -> Any:
        self.take("(")
        if function in ("count", "sum"):
            results = self.over_list()
            self.take(")")
            return Fraction(sum(results))
        arguments = [self.argument()]
        while self.take() == ",":
            arguments.append(self.argument())
        if function in ("min", "max"):
            return min(arguments) if function == "min" else max(arguments)
        if function == "abs":
            return abs(arguments[0])
        if function == "clip":
            return min(max(arguments[0], arguments[1]), arguments[2])
        if function == "floor":
            return down(arguments[0], int(arguments[1]))
        assert function == "curve"
        return curve(arguments[0], arguments[1:])

    def argument(self) -> Any:
        """An expression, or a point `(x, y)`."""
        start = self.at
        if self.peek() == "(":
            self.take()
            x = self.expression()
            if self.peek() == ",":
                self.take()
                y = self.expression()
                self.take(")")
                return x, y
            self.at = start
        return self.expression()


class Blank(dict[str, Any]):
    """Values for reading past the body of an empty list: every name is one."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, Fraction(1))


def curve(x: Fraction, points: list[tuple[Fraction, Fraction]]) -> Fraction:
    """Straight lines from point to point, each rounded down; flat beyond the ends."""
    if x >= points[-1][0]:
        return points[-1][1]
    previous = points[0]
    for point in points[1:]:
        if x < point[0]:
            along = max(x, previous[0]) - previous[0]
            return down(previous[1] + along * (point[1] - previous[1]) / (point[0] - previous[0]))
        previous = point
    raise AssertionError


@cache
def table() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[2] / "spec" / "log2.json").read_text("utf-8"))


def log2(a: int) -> int:
    """From spec/opcodes.md."""
    log, e = table()["log"], a.bit_length() - 1
    m = math.floor(Fraction(a) * Fraction(2) ** (42 - e)) - 2**42
    i, f = divmod(m, 2**32)
    return e * 2**32 + log[i] + (log[i + 1] - log[i]) * f // 2**32


def exp2(a: int) -> int:
    """From spec/opcodes.md."""
    n, r = divmod(a, 2**32)
    i, f = divmod(r, 2**22)
    start = table()["exp"][i]
    v = start + (start * table()["ln2"] // 2**28) * f // 2**32
    return v * 2**n // 2**32


def aggregate(
    rule: str, levels: int, holders: list[tuple[Fraction, Fraction, Fraction]], ranges: list[Any]
) -> Fraction:
    """`holders` are (weight, utility, floor); `ranges` the utilities' ends, for lexicographic."""
    utilities = [u for _, u, _ in holders]
    if rule == "weighted_mean":
        return sum((w * u for w, u, _ in holders), Fraction(0))
    if rule == "maximin":
        return min(utilities)
    if rule == "weighted_median":
        return next(c for c in sorted(utilities) if sum(w for w, u, _ in holders if u <= c) >= Fraction(1, 2))
    if rule == "lexicographic":
        rank = 0
        for u, (low, high) in zip(utilities, ranges, strict=True):
            tier = 0 if low == high else min(levels - 1, math.floor(down((u - low) * levels / (high - low))))
            rank = rank * levels + tier
        return down(Fraction(rank, levels ** len(utilities) - 1))
    gains = [math.floor((u - f) * MICRO) for _, u, f in holders]
    if min(gains) < 1:
        return Fraction(0)
    power = sum(log2(g) * int(w * MICRO) for g, (w, _, _) in zip(gains, holders, strict=True))
    return Fraction(exp2(power // MICRO), MICRO)


def values_of(source: str, row: list[int]) -> dict[str, Any]:
    """The row's signals by name."""
    values: dict[str, Any] = {}
    at = 0
    for name, kind in re.findall(r"^  (\w+) : (.+)$", source, re.MULTILINE):
        if not kind.startswith("list"):
            values[name] = scalar(kind, row[at])
            at += 1
            continue
        fields = [f.split(" : ") for f in re.split(r", (?=\w+ : )", kind[kind.index("{") + 2 : -2])]
        length, at = row[at], at + 1
        values[name] = []
        for _ in range(length):
            values[name].append({n: scalar(k, row[at + i]) for i, (n, k) in enumerate(fields)})
            at += len(fields)
    return values


def scalar(kind: str, number: int) -> Any:
    if kind == "bool":
        return bool(number)
    if kind.startswith("one of"):
        return kind.removeprefix("one of ").split(", ")[number]
    return Fraction(number, 1 if kind.startswith("int") else MICRO)


def meaning(source: str, row: list[int], ranges: list[Any]) -> Meaning:
    """What becomes of a row whose values are all in range. `ranges` has the ends of each utility."""
    values = values_of(source, row)
    holders: list[tuple[Fraction, Fraction, Fraction]] = []
    broken, caps, penalties, counter = [], [], Fraction(0), 0
    requires = True
    rule, levels = re.findall(r"^AGGREGATE (\w+)(?:\((\d+)\))?$", source, re.MULTILINE)[0]
    for line in source.splitlines():
        if line.startswith("LET "):
            name, body = line.removeprefix("LET ").split(" = ", 1)
            values[name] = Reader(body, values).expression()
        elif match := re.match(r"^  s\d WEIGHT (\S+) WANTS (.*?)(?: FLOOR (\S+))?$", line):
            weight, wants, floor = match.groups()
            holders.append((Fraction(weight), Reader(wants, values).expression(), Fraction(floor or 0)))
        elif line.startswith("REQUIRES "):
            requires = requires and Reader(line.split(": ", 1)[1], values).expression()
        elif match := re.match(
            r"^(INVARIANT (\w+): |ALWAYS |NEVER )(.*?)(?: PENALTY (\S+))?(?: REWARD AT MOST (\S+))?$", line
        ):
            form, name, condition, penalty, cap = match.groups()
            counter += 1
            if form == "NEVER ":
                left, right = condition.split(" WITHOUT ")
                kept = not Reader(left, values).expression() or Reader(right, values).expression()
            else:
                kept = Reader(condition, values).expression()
            if not kept:
                broken.append(name or f"invariant_{counter}")
                penalties += Fraction(penalty or 0)
                caps += [Fraction(cap)] if cap else []
    if not requires:
        return Meaning("inadmissible", None, [])
    reward = min([aggregate(rule, int(levels or 0), holders, ranges) - penalties, *caps])
    return Meaning("rewarded", down(reward), broken)
