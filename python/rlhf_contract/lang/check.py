"""Syntax tree → checked contract: blocks, limits, weights, bounds. Everything wrong is reported at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rlhf_contract.errors import Span, SpecError
from rlhf_contract.lang import ast
from rlhf_contract.lang.aggregate import aggregate
from rlhf_contract.lang.contract import Contract, Ensured, Requirement, Rule, Utility
from rlhf_contract.lang.expressions import Expressions, Mistake
from rlhf_contract.lang.ir import Builder, Node, SignalSpec
from rlhf_contract.lang.names import ListSignal, Scope
from rlhf_contract.lang.pin import PinError, read_pin
from rlhf_contract.lang.promises import resolve
from rlhf_contract.types import INT64_MAX, MICRO, decimal_text

__all__ = ["MAX_BLOCKS", "MAX_FIELDS", "MAX_SIGNALS", "MAX_STAKEHOLDERS", "check"]

MAX_SIGNALS = 256
MAX_STAKEHOLDERS = 64
MAX_BLOCKS = 512
MAX_FIELDS = 64
MAX_CHOICES = 256

_Block = TypeVar("_Block", ast.Requires, ast.Invariant, ast.Ensures)


def check(spec: ast.Spec) -> Contract:
    """The typed contract of `spec`.

    Raises SpecError with every diagnostic, sorted by place.
    """
    return _Checker(spec).contract()


class _Checker:
    def __init__(self, spec: ast.Spec) -> None:
        self.spec = spec
        self.scope = Scope([])
        self.builder = Builder(spec.source, self.scope.problems)
        self.expressions = Expressions(self.builder, self.scope)
        self.block_names: dict[str, Span] = {}
        self.problem = self.scope.problem

    def contract(self) -> Contract:
        spec = self.spec
        self.limits()
        signals = tuple(self.signal(index, signal) for index, signal in enumerate(spec.signals))
        for let in spec.lets:
            self.let(let)
        utilities = self.stakeholders()
        combined = self.aggregate(utilities)
        requirements = tuple(Requirement(name, node) for _, (name, node) in self.named(spec.requires, "REQUIRES"))
        rules = self.rules()
        exact = combined
        for rule in rules:
            exact = self.penalise(exact, rule)
        for rule in rules:
            exact = self.cap(exact, rule)
        reward = self.builder.floor(exact, 6, spec.header_span)
        self.scope.nodes["reward"] = reward
        ensured = tuple(Ensured(name, node) for _, (name, node) in self.named(spec.ensures, "ENSURES"))
        promises = resolve(spec, self.scope)
        lowest, highest = self.bounds(spec.lowest, spec.highest, 6)
        if self.scope.problems:
            raise SpecError(list(dict.fromkeys(self.scope.problems)), spec.source, spec.filename)
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
            aggregate=combined,
            exact=exact,
            reward=reward,
            ensured=ensured,
            promises=promises,
            lets={let.name: self.scope.nodes[let.name] for let in spec.lets},
            nodes=self.builder.nodes,
            tree=spec,
        )

    def limits(self) -> None:
        spec = self.spec
        single = [b for b in spec.blocks if not isinstance(b, ast.Signals | ast.Stakeholders)]
        for what, items, most in (
            ("signals", spec.signals, MAX_SIGNALS),
            ("stakeholders", spec.stakeholders, MAX_STAKEHOLDERS),
            ("blocks", single, MAX_BLOCKS),
        ):
            if len(items) > most:
                self.problem("too-many", f"{len(items)} {what}; at most {most}", items[most].span, "drop or join some")
        if not spec.signals:
            self.problem("no-signals", "the contract reads no signal", spec.header_span, "add a SIGNALS block")
        if not spec.stakeholders:
            self.problem("no-stakeholders", "nobody wants anything", spec.header_span, "add a STAKEHOLDERS block")

    # -- signals

    def signal(self, index: int, signal: ast.Signal) -> SignalSpec:
        try:
            read_pin(signal.by)
        except PinError as error:
            self.problem("scorer-pin", str(error), signal.span, error.hint)
        if signal.kind != "list":
            spec = self.scalar(signal, signal.by)
            self.scope.declare(signal.name, self.builder.signal(index, spec), signal.span)
            return spec
        if len(signal.fields) > MAX_FIELDS:
            text = f"{len(signal.fields)} fields; at most {MAX_FIELDS}"
            self.problem("too-many", text, signal.fields[MAX_FIELDS].span, "drop or join some")
        names: dict[str, Span] = {}
        for field in signal.fields:
            if field.name in names:
                self.problem("duplicate-name", f"field {field.name} is named twice", field.span, "rename one")
            if "." in field.name:
                self.problem("field-name", "a field's name has no dot", field.span, "use another name")
            names[field.name] = field.span
        fields = tuple(self.scalar(field, "") for field in signal.fields)
        spec = SignalSpec(signal.name, "list", 0, signal.length, signal.span, (), fields, signal.by)
        self.scope.declare(signal.name, ListSignal(index, spec), signal.span)
        return spec

    def scalar(self, signal: ast.Signal | ast.Field, by: str) -> SignalSpec:
        """A signal or field that is one value."""
        if signal.kind == "choice":
            if len(signal.choices) > MAX_CHOICES:
                text = f"{len(signal.choices)} choices; at most {MAX_CHOICES}"
                self.problem("too-many", text, signal.span, "drop or join some")
            twice = [c for c, times in Counter(signal.choices).items() if times > 1]
            if twice:
                self.problem("duplicate-name", f"{twice[0]} is offered twice", signal.span, "drop one")
            if len(signal.choices) < 2:
                self.problem("choices", "one of a single choice decides nothing", signal.span, "offer two or more")
            highest = max(1, len(signal.choices) - 1)
            return SignalSpec(signal.name, "choice", 0, highest, signal.span, signal.choices, (), by)
        if signal.kind == "bool":
            return SignalSpec(signal.name, "bool", 0, 1, signal.span, by=by)
        lowest, highest = 0, MICRO
        if signal.lowest is not None and signal.highest is not None:
            scale = 0 if signal.kind == "int" else 6
            lowest, highest = self.bounds(signal.lowest, signal.highest, scale)
        return SignalSpec(signal.name, "int" if signal.kind == "int" else "real", lowest, highest, signal.span, by=by)

    def bounds(self, lowest: ast.Decimal, highest: ast.Decimal, scale: int) -> tuple[int, int]:
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
            self.scope.declare(let.name, self.expressions.any(let.body), let.span)
        except Mistake:
            self.scope.broken.add(let.name)

    # -- stakeholders

    def stakeholders(self) -> tuple[Utility, ...]:
        made: list[Utility] = []
        names: set[str] = set()
        for holder in self.spec.stakeholders:
            if holder.name in names:
                self.problem("duplicate-name", f"stakeholder {holder.name} is named twice", holder.span, "rename one")
            names.add(holder.name)
            weight = holder.weight.value * 10 ** (6 - holder.weight.scale)
            if not 0 < weight <= MICRO:
                text = f"a WEIGHT lies above 0 and at most 1, not at {decimal_text(weight, 6)}"
                self.problem("weight", text, holder.weight.span)
            floor = holder.floor.value * 10 ** (6 - holder.floor.scale) if holder.floor else 0
            try:
                node = self.expressions.number(holder.wants)
            except Mistake:
                continue
            made.append(Utility(holder.name, weight, holder.veto, floor, node))
        return tuple(made)

    def aggregate(self, utilities: tuple[Utility, ...]) -> Node:
        """The stakeholders' utilities as one, after checking that weights and rule are there and make sense."""
        spec = self.spec
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
        for extra in spec.aggregates[1:]:
            self.problem("duplicate-block", "a second AGGREGATE", extra.span, "keep one")
        if not spec.aggregates:
            hint = "add AGGREGATE weighted_mean"
            self.problem("no-aggregate", "nothing says how utilities combine", spec.header_span, hint)
            return self.builder.const(0, 0, spec.header_span)
        if spec.aggregates[0].rule != "nash_product":
            for holder in spec.stakeholders:
                if holder.floor:
                    self.problem("floor", "only nash_product has a FLOOR", holder.floor.span, "drop it")
        return aggregate(self.builder, self.scope, spec.aggregates[0], utilities)

    # -- rules and promises

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
        if not rule.penalty:
            return reward
        span = rule.node.span
        zero, penalty = self.builder.const(0, 0, span), self.builder.const(rule.penalty, 6, span)
        return self.builder.arithmetic("sub", reward, self.builder.select(rule.node, zero, penalty, span), span)

    def cap(self, reward: Node, rule: Rule) -> Node:
        if rule.at_most is None:
            return reward
        span = rule.node.span
        capped = self.builder.arithmetic("min", reward, self.builder.const(rule.at_most, 6, span), span)
        return self.builder.select(rule.node, reward, capped, span)

    def named(self, blocks: Iterable[_Block], word: str) -> Iterator[tuple[_Block, tuple[str, Node]]]:
        """Each block with its name (given, or its place) and typed condition; no two rules or promises share a name."""
        for number, block in enumerate(blocks, 1):
            name = block.name or f"{word.lower()}_{number}"
            if name in self.block_names:
                first = self.block_names[name].line
                self.problem("duplicate-name", f"{name} was named in line {first} before", block.span, "rename one")
            self.block_names[name] = block.span
            try:
                node = self.expressions.condition(block.condition)
                if isinstance(block, ast.Invariant) and block.unless is not None:
                    unless = self.expressions.condition(block.unless)
                    node = self.builder.logic("not", (node,), block.span)
                    node = self.builder.logic("or", (node, unless), block.span)
                yield block, (name, node)
            except Mistake:
                continue
