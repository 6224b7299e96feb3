"""Syntax tree → typed IR: names, types, limits, exact scales and ranges. Everything wrong is reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import TypeVar

from rlhf_contract.errors import Diagnostic, Span, SpecError
from rlhf_contract.lang import ast
from rlhf_contract.lang.ir import (
    Builder,
    Contract,
    Ensured,
    MonotoneIn,
    Node,
    Requirement,
    Rule,
    SignalSpec,
    Utility,
)
from rlhf_contract.types import INT64_MAX, MICRO, decimal_text

__all__ = ["MAX_BLOCKS", "MAX_SIGNALS", "MAX_STAKEHOLDERS", "check"]

MAX_SIGNALS = 256
MAX_STAKEHOLDERS = 64
MAX_BLOCKS = 512

_COMPARISONS = {"<": ("lt", False), "<=": ("le", False), ">": ("lt", True), ">=": ("le", True), "=": ("eq", False)}
_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul"}
_FUNCTIONS = ("min", "max")


def check(spec: ast.Spec) -> Contract:
    """The typed contract of `spec`.

    Raises SpecError with every diagnostic, sorted by place.
    """
    return _Checker(spec).contract()


_Block = TypeVar("_Block", ast.Requires, ast.Invariant, ast.Ensures)


class _Mistake(Exception):
    """An expression that cannot be typed; its diagnostic is already recorded."""


class _Checker:
    def __init__(self, spec: ast.Spec) -> None:
        self.spec = spec
        self.problems: list[Diagnostic] = []
        self.builder = Builder(self.problems)
        self.scope: dict[str, Node] = {}
        self.declared: dict[str, Span] = {}
        self.block_names: dict[str, Span] = {}
        self.broken: set[str] = set()  # names whose definition failed: using them is not a second mistake

    def contract(self) -> Contract:
        spec = self.spec
        self.limits()
        signals = self.signals()
        for let in spec.lets:
            self.let(let)
        utilities = self.stakeholders()
        exact = self.aggregate(utilities)
        requirements = tuple(Requirement(name, node) for name, node in self.conditions(spec.requires, "REQUIRES"))
        rules = self.rules()
        for rule in rules:
            if rule.penalty:
                exact = self.penalise(exact, rule)
        for rule in rules:
            if rule.at_most is not None:
                exact = self.cap(exact, rule)
        reward = self.builder.floor(exact, 6, spec.header_span)
        self.scope["reward"] = reward
        ensured = tuple(Ensured(name, node) for name, node in self.conditions(spec.ensures, "ENSURES"))
        promises = tuple(m for m in map(self.monotone, spec.promises) if m)
        lowest, highest = self.bounds(spec.lowest, spec.highest, 6, spec.header_span)
        if self.problems:
            raise SpecError(list(dict.fromkeys(self.problems)), spec.source, spec.filename)
        return Contract(
            name=spec.name,
            version=spec.version,
            title=spec.title,
            jurisdiction=spec.jurisdiction,
            lowest=lowest,
            highest=highest,
            signals=signals,
            utilities=utilities,
            requirements=requirements,
            rules=rules,
            exact=exact,
            reward=reward,
            ensured=ensured,
            promises=promises,
            nodes=self.builder.nodes,
            tree=spec,
        )

    # -- blocks

    def limits(self) -> None:
        spec = self.spec
        blocks = list(spec.blocks())
        for what, items, most in (
            ("signals", spec.signals, MAX_SIGNALS),
            ("stakeholders", spec.stakeholders, MAX_STAKEHOLDERS),
            ("blocks", blocks, MAX_BLOCKS),
        ):
            if len(items) > most:
                self.problem(
                    "too-many", f"{len(items)} {what}; at most {most}", items[most].span, f"drop or join {what}"
                )
        if not spec.signals:
            self.problem("no-signals", "the contract reads no signal", spec.header_span, "add a SIGNALS block")
        if not spec.stakeholders:
            self.problem(
                "no-stakeholders",
                "nobody wants anything",
                spec.header_span,
                "add a STAKEHOLDERS block with WEIGHT and WANTS",
            )

    def signals(self) -> tuple[SignalSpec, ...]:
        made = []
        for index, signal in enumerate(self.spec.signals):
            kind = "real" if signal.kind == "score" else signal.kind
            if signal.lowest is None or signal.highest is None:
                lowest, highest = 0, MICRO if kind == "real" else 1
            else:
                lowest, highest = self.bounds(signal.lowest, signal.highest, 6 if kind == "real" else 0, signal.span)
            spec = SignalSpec(signal.name, kind, lowest, highest, signal.span)
            made.append(spec)
            self.declare(signal.name, self.builder.signal(index, spec), signal.span)
        return tuple(made)

    def bounds(self, lowest: ast.Decimal, highest: ast.Decimal, scale: int, span: Span) -> tuple[int, int]:
        """Both ends as integers at `scale`; 0 … 1 when they are not usable."""
        for end in (lowest, highest):
            if end.scale > scale:
                self.problem("range", "the range of an int has whole numbers", end.span, "drop the decimals")
                return 0, 1
        low, high = lowest.value * 10 ** (scale - lowest.scale), highest.value * 10 ** (scale - highest.scale)
        if low >= high:
            text = f"{decimal_text(low, scale)} is not below {decimal_text(high, scale)}"
            self.problem("range", text, lowest.span, "write [lowest, highest]")
            return 0, 1
        if max(abs(low), abs(high)) > INT64_MAX:
            self.problem("range", "the range passes 64 bits", lowest.span, "use a smaller range")
            return 0, 1
        return low, high

    def let(self, let: ast.Let) -> None:
        try:
            self.declare(let.name, self.expression(let.body), let.span)
        except _Mistake:
            self.broken.add(let.name)

    def stakeholders(self) -> tuple[Utility, ...]:
        made: list[Utility] = []
        names: set[str] = set()
        for holder in self.spec.stakeholders:
            if holder.name in names:
                self.problem("duplicate-name", f"stakeholder {holder.name} is named twice", holder.span, "rename one")
            names.add(holder.name)
            weight = holder.weight.value * 10 ** (6 - holder.weight.scale)
            if not 0 < weight <= MICRO:
                self.problem(
                    "weight",
                    f"a WEIGHT lies above 0 and at most 1, not at {decimal_text(weight, 6)}",
                    holder.weight.span,
                )
            try:
                node = self.number(holder.wants)
            except _Mistake:
                continue
            made.append(Utility(holder.name, weight, holder.veto, node))
        return tuple(made)

    def aggregate(self, utilities: tuple[Utility, ...]) -> Node:
        """The stakeholders' utilities as one: the weighted arithmetic mean (Harsanyi 1955), exact."""
        spec, span = self.spec, self.spec.header_span
        if not spec.aggregates:
            self.problem("no-aggregate", "nothing says how utilities combine", span, "add AGGREGATE weighted_mean")
        for extra in spec.aggregates[1:]:
            self.problem("duplicate-block", "a second AGGREGATE", extra.span, "keep one")
        for aggregate in spec.aggregates[:1]:
            span = aggregate.span
            if aggregate.rule != "weighted_mean":
                self.problem(
                    "unknown-aggregate", f"no aggregation is named {aggregate.rule}", span, "use weighted_mean"
                )
        # Weights are summed over the source, so that a stakeholder with a broken WANTS does not also upset the sum.
        total = sum(h.weight.value * 10 ** (6 - h.weight.scale) for h in spec.stakeholders)
        if spec.stakeholders and total != MICRO:
            off = decimal_text(MICRO - total, 6)
            self.problem(
                "weights-sum",
                f"the weights sum to {decimal_text(total, 6)}, not 1",
                spec.stakeholders[-1].weight.span,
                f"{off} is missing" if total < MICRO else f"{off[1:]} is too much",
            )
        parts = [
            self.builder.arithmetic("mul", self.builder.const(u.weight, 6, u.node.span), u.node, u.node.span)
            for u in utilities
        ]
        if not parts:
            return self.builder.const(0, 0, span)
        return reduce(lambda a, b: self.builder.arithmetic("add", a, b, span), parts)

    def rules(self) -> tuple[Rule, ...]:
        made = []
        for block, (name, node) in self.named(self.spec.invariants, "INVARIANT"):
            penalty = at_most = None
            if block.penalty:
                penalty = block.penalty.value * 10 ** (6 - block.penalty.scale)
                if penalty < 0:
                    self.problem("penalty", "a PENALTY is not negative", block.penalty.span, "drop the minus sign")
            if block.at_most:
                at_most = block.at_most.value * 10 ** (6 - block.at_most.scale)
            made.append(Rule(name, node, penalty, at_most))
        return tuple(made)

    def penalise(self, reward: Node, rule: Rule) -> Node:
        span = rule.node.span
        zero, penalty = self.builder.const(0, 0, span), self.builder.const(rule.penalty or 0, 6, span)
        taken = self.builder.select(rule.node, zero, penalty, span)
        return self.builder.arithmetic("sub", reward, taken, span)

    def cap(self, reward: Node, rule: Rule) -> Node:
        span = rule.node.span
        cap = self.builder.const(rule.at_most or 0, 6, span)
        return self.builder.select(rule.node, reward, self.builder.arithmetic("min", reward, cap, span), span)

    def conditions(self, blocks: Iterable[_Block], word: str) -> list[tuple[str, Node]]:
        return [pair for _, pair in self.named(blocks, word)]

    def named(self, blocks: Iterable[_Block], word: str) -> Iterator[tuple[_Block, tuple[str, Node]]]:
        """Each block with its name (given, or its place) and typed condition; no two rules or promises share a name."""
        for number, block in enumerate(blocks, 1):
            name = block.name or f"{word.lower()}_{number}"
            if name in self.block_names:
                first = self.block_names[name].line
                self.problem(
                    "duplicate-name", f"{name} is named twice, first in line {first}", block.span, "rename one"
                )
            self.block_names[name] = block.span
            try:
                yield block, (name, self.condition(block.condition))
            except _Mistake:
                continue

    def monotone(self, promise: ast.Monotone) -> MonotoneIn | None:
        for index, signal in enumerate(self.spec.signals):
            if signal.name == promise.signal:
                if signal.kind == "bool":
                    self.problem("type", f"{signal.name} is a bool; MONOTONE needs a number", promise.span)
                return MonotoneIn(index, signal.name)
        self.unknown(promise.signal, promise.span, [s.name for s in self.spec.signals], "signal")
        return None

    # -- expressions

    def number(self, expression: ast.Expression) -> Node:
        return self.expect(expression, "number")

    def condition(self, expression: ast.Expression) -> Node:
        return self.expect(expression, "bool")

    def expect(self, expression: ast.Expression, type_: str) -> Node:
        node = self.expression(expression)
        self.typed(node, type_, expression.span)
        return node

    def typed(self, node: Node, type_: str, span: Span) -> None:
        if node.type == type_:
            return
        if type_ == "bool":
            message, hint = "this is a number where a condition is needed", "compare it, for example … > 0"
        else:
            message, hint = "this is a condition where a number is needed", "conditions and numbers do not mix"
        self.problem("type", message, span, hint)
        raise _Mistake

    def expression(self, expression: ast.Expression) -> Node:
        """Recursion is bounded by the nesting limit: the left spine of a chain is walked in a loop."""
        spine: list[ast.Binary] = []
        while isinstance(expression, ast.Binary):
            spine.append(expression)
            expression = expression.left
        node = self.operand(expression)
        span = expression.span
        for binary in reversed(spine):
            node = self.binary(binary, node, span, self.expression(binary.right))
            span = binary.span
        return node

    def operand(self, expression: ast.Expression) -> Node:
        match expression:
            case ast.Number(value, scale, span):
                return self.builder.const(value, scale, span)
            case ast.Name(name, span):
                return self.lookup(name, span)
            case ast.Unary("NOT", operand, span):
                return self.builder.logic("not", (self.condition(operand),), span)
            case ast.Unary("-", operand, span):
                return self.builder.arithmetic("sub", self.builder.const(0, 0, span), self.number(operand), span)
            case ast.Call():
                return self.call(expression)
        raise AssertionError(f"no case for {type(expression).__name__}")

    def binary(self, binary: ast.Binary, left: Node, left_span: Span, right: Node) -> Node:
        operator, span = binary.operator, binary.span
        if operator in ("AND", "OR", "IMPLIES"):
            self.typed(left, "bool", left_span)
            self.typed(right, "bool", binary.right.span)
            if operator == "IMPLIES":
                left = self.builder.logic("not", (left,), left_span)
            return self.builder.logic("and" if operator == "AND" else "or", (left, right), span)
        if operator in ("=", "!="):
            if right.type != left.type:
                self.problem("type", "a condition and a number are never equal", span, "compare like with like")
                raise _Mistake
            node = self.builder.compare("eq", left, right, span)
            return self.builder.logic("not", (node,), span) if operator == "!=" else node
        self.typed(left, "number", left_span)
        self.typed(right, "number", binary.right.span)
        if operator in _ARITHMETIC:
            return self.builder.arithmetic(_ARITHMETIC[operator], left, right, span)  # type: ignore[arg-type]
        op, swap = _COMPARISONS[operator]
        return self.builder.compare(op, *((right, left) if swap else (left, right)), span)  # type: ignore[arg-type]

    def call(self, call: ast.Call) -> Node:
        if call.function not in _FUNCTIONS:
            self.unknown(call.function, call.function_span, list(_FUNCTIONS), "function")
            raise _Mistake
        if len(call.arguments) < 2:
            self.problem("arguments", f"{call.function} needs at least two arguments", call.span)
            raise _Mistake
        arguments = [self.number(argument) for argument in call.arguments]
        return reduce(lambda a, b: self.builder.arithmetic(call.function, a, b, call.span), arguments)  # type: ignore[arg-type]

    def lookup(self, name: str, span: Span) -> Node:
        if name in self.scope:
            return self.scope[name]
        if name not in self.broken:
            if name == "reward":
                self.problem("reward-here", "the reward is known only in ENSURES", span, "move this to an ENSURES")
            else:
                self.unknown(name, span, list(self.scope), "signal or LET")
        raise _Mistake

    # -- names and problems

    def declare(self, name: str, node: Node, span: Span) -> None:
        if name == "reward":
            self.problem("reserved-name", "reward is the name of the result", span, "use another name")
        elif name in self.declared:
            first = self.declared[name].line
            self.problem("duplicate-name", f"{name} is named twice, first in line {first}", span, "rename one")
        else:
            self.declared[name] = span
            self.scope[name] = node

    def unknown(self, name: str, span: Span, known: list[str], what: str) -> None:
        near = difflib.get_close_matches(name, known, 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else (f"known: {', '.join(known[:12])}" if known else "")
        self.problem("unknown-name", f"no {what} is named {name}", span, hint)

    def problem(self, code: str, message: str, span: Span, hint: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, hint))
