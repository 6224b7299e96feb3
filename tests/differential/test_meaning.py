"""The compiled program against the meaning in words: an evaluator over fractions that shares no code with the package.

It is written from the definition of the language alone: exact numbers, penalties subtracted, then the smallest cap,
then one rounding down to six decimals.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generated import rows_for, specs
from rlhf_contract.lang import load
from rlhf_contract.machine import step
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.types import Status

TOKEN = re.compile(r"\s*(<=|>=|!=|[-+*()<>=,]|[A-Za-z_]\w*|\d+(?:\.\d+)?)")


class Reader:
    """A recursive-descent evaluator: text and values in, number or truth out."""

    def __init__(self, text: str, values: dict[str, object]) -> None:
        self.tokens = TOKEN.findall(text)
        self.values = values

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self) -> str:
        return self.tokens.pop(0)

    def expression(self) -> object:
        left = self.disjunction()
        if self.peek() == "IMPLIES":
            self.take()
            right = self.expression()
            return (not left) or right
        return left

    def disjunction(self) -> object:
        value = self.conjunction()
        while self.peek() == "OR":
            self.take()
            other = self.conjunction()
            value = value or other
        return value

    def conjunction(self) -> object:
        value = self.negation()
        while self.peek() == "AND":
            self.take()
            other = self.negation()
            value = value and other
        return value

    def negation(self) -> object:
        if self.peek() == "NOT":
            self.take()
            return not self.negation()
        return self.comparison()

    def comparison(self) -> object:
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

    def sum(self) -> object:
        value = self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> object:
        value = self.factor()
        while self.peek() == "*":
            self.take()
            value = value * self.factor()
        return value

    def factor(self) -> object:
        if self.peek() == "-":
            self.take()
            return -self.factor()
        token = self.take()
        if token == "(":
            value = self.expression()
            self.take()
            return value
        if token[0].isdigit():
            return Fraction(token)
        if token in ("min", "max"):
            self.take()
            values = [self.expression()]
            while self.take() == ",":
                values.append(self.expression())
            return min(values) if token == "min" else max(values)
        return self.values[token]


def meaning(source: str, row: list[int]) -> tuple[str, Fraction | None, list[str]]:
    """Status, reward and broken rules of a row whose values are all in range."""
    lines = [line.strip() for line in source.splitlines()]
    signals = [line.split(" : ") for line in lines if " : " in line]
    values: dict[str, object] = {}
    for (name, kind), number in zip(signals, row, strict=True):
        values[name] = bool(number) if kind == "bool" else Fraction(number, 1 if kind.startswith("int") else 10**6)
    for line in lines:
        if line.startswith("LET "):
            name, body = line.removeprefix("LET ").split(" = ", 1)
            values[name] = Reader(body, values).expression()
    mean = Fraction(0)
    for weight, wants in re.findall(r"^  s\d WEIGHT (\S+) WANTS (.*)$", source, re.MULTILINE):
        mean += Fraction(weight) * Reader(wants, values).expression()
    for condition in re.findall(r"^REQUIRES q\d: (.*)$", source, re.MULTILINE):
        if not Reader(condition, values).expression():
            return "inadmissible", None, []
    broken, caps = [], []
    pattern = r"^INVARIANT (v\d): (.*?)(?: PENALTY (\S+))?(?: REWARD AT MOST (\S+))?$"
    for name, condition, penalty, cap in re.findall(pattern, source, re.MULTILINE):
        if not Reader(condition, values).expression():
            broken.append(name)
            mean -= Fraction(penalty or 0)
            caps += [Fraction(cap)] if cap else []
    mean = min([mean, *caps])
    return "rewarded", Fraction(math.floor(mean * 10**6), 10**6), broken


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(), st.data())
def test_program_equals_meaning(source: str, data: st.DataObject) -> None:
    """The machine's integer is the exact value, rounded down once."""
    contract = load(source)
    program = compile_contract(contract)
    for row in data.draw(st.lists(rows_for(contract, valid=True), min_size=1, max_size=10)):
        status, reward, broken = meaning(source, row)
        outcome = step.run(program, row)

        assert status == outcome.status.name.lower()
        assert broken == [contract.rules[b].name for b in outcome.breaches]
        if outcome.status is Status.REWARDED:
            assert reward == Fraction(outcome.reward, 10**6)
