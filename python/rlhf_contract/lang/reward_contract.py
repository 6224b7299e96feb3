"""A contract that grows by Python calls: a syntax tree under construction, and the symbols of its names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from rlhf_contract.lang import ast
from rlhf_contract.lang.check import check
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.format import format_spec
from rlhf_contract.lang.parse import parse
from rlhf_contract.lang.python_values import (
    NOWHERE,
    FieldType,
    NotTraceable,
    bool_,
    choice_,
    exact,
    int_,
    matching,
    named,
    quotable,
    real_,
    score_,
)
from rlhf_contract.lang.symbols import ListOf, Names, Symbol, Value, expression

__all__ = ["CARRIED", "RewardContract"]

CARRIED = "__legal_blocks__"
"""The attribute under which a function carries what adds its rules to a contract."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Decorated = TypeVar("_Decorated")
Body = Callable[[Any], Any] | Symbol
"""A function from the names (`s.tokens`) to an expression, or the expression itself."""

# RewardContract.int and .bool hide the types of these names from annotations.
_Whole = int
_Flag = bool


class RewardContract:
    """A contract that grows by its methods. Each raises NotTraceable for what cannot become Legal-Blocks.

    Names, types and ranges are checked as those of a file: by `check`.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str,
        reward: tuple[Value, Value],
        title: str = "",
        jurisdiction: str | Sequence[str] = (),
    ) -> None:
        regions = (jurisdiction,) if isinstance(jurisdiction, str) else tuple(jurisdiction)
        for region in regions:
            matching(region, r"[A-Z]{2}(-[A-Z0-9]{1,3})?", "a region such as EU or US-CA")
        self._spec = ast.Spec(
            name=named(name),
            version=matching(version, r"[0-9]+\.[0-9]+\.[0-9]+", "a version such as 1.0.0"),
            title=quotable(title),
            jurisdiction=regions,
            lowest=exact(reward[0]),
            highest=exact(reward[1]),
            blocks=(),
            comments=(),
            source="",
            filename=f"<{name}>",
            header_span=NOWHERE,
        )
        self._known: dict[str, Symbol | ListOf] = {}

    @classmethod
    def from_source(cls, text: str | bytes, filename: str = "<spec>") -> RewardContract:
        """The contract that `text` says; its comments stay where they are.

        Raises SpecError if it is not Legal-Blocks.
        """
        return cls.from_spec(parse(text, filename))

    @classmethod
    def from_spec(cls, spec: ast.Spec) -> RewardContract:
        """The contract of a syntax tree."""
        made = cls.__new__(cls)
        made._spec = spec
        made._known = {}
        for signal in spec.signals:
            made._declare(signal)
        for let in spec.lets:
            made._know(let.name)
        return made

    @property
    def names(self) -> Names:
        """What a function of this contract may mention: signals, LETs and, in a promise, `reward`."""
        return Names(self._known | {"reward": Symbol(ast.Name("reward", NOWHERE), self._known)})

    def spec(self) -> ast.Spec:
        """The syntax tree as it stands."""
        return self._spec

    def source(self) -> str:
        """The canonical text."""
        return format_spec(self._spec)

    def check(self) -> Contract:
        """The typed contract.

        Raises SpecError with everything that is wrong, shown in the canonical text.
        """
        return check(parse(self.source(), self._spec.filename))

    # -- signals

    def score(self, name: str, *, by: str = "") -> Symbol:
        """Declare a real from 0 to 1; `by` pins the scorer that makes it."""
        return self._simple(name, score_(), by)

    def real(self, name: str, lowest: Value, highest: Value, *, by: str = "") -> Symbol:
        """Declare a decimal with six digits."""
        return self._simple(name, real_(lowest, highest), by)

    def int(self, name: str, lowest: Value, highest: Value, *, by: str = "") -> Symbol:
        """Declare a whole number."""
        return self._simple(name, int_(lowest, highest), by)

    def bool(self, name: str, *, by: str = "") -> Symbol:
        """Declare a condition."""
        return self._simple(name, bool_(), by)

    def choice(self, name: str, *choices: str, by: str = "") -> Symbol:
        """Declare one of several names; compare it with text, as in s.severity == "severe"."""
        return self._simple(name, choice_(*choices), by)

    def list(
        self,
        name: str,
        length: _Whole,
        records: Mapping[str, FieldType] | None = None,
        /,
        *,
        by: str = "",
        **fields: Any,
    ) -> ListOf:
        """Declare a list of at most `length` records, whose fields are given by name: truthful=bool_()."""
        if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= 256:
            raise NotTraceable("the length of a list lies between 1 and 256")
        made = []
        for field, kind in {**(records or {}), **fields}.items():
            if not isinstance(kind, FieldType) or "." in named(field):
                raise NotTraceable(
                    f"{field} is no field of a list: write {field.replace('.', '_')}=bool_() or the like"
                )
            made.append(ast.Field(field, kind.kind, kind.lowest, kind.highest, kind.choices, NOWHERE))
        if not made:
            raise NotTraceable(f"the records of {name} need at least one field, such as truthful=bool_()")
        signal = ast.Signal(named(name), "list", None, None, (), length, tuple(made), quotable(by), NOWHERE)
        self._add_signal(signal)
        return ListOf(name, tuple(f.name for f in made))

    def _simple(self, name: str, kind: FieldType, by: str) -> Symbol:
        ends = kind.lowest, kind.highest
        self._add_signal(ast.Signal(named(name), kind.kind, *ends, kind.choices, 0, (), quotable(by), NOWHERE))
        return self._know(name)

    def _add_signal(self, signal: ast.Signal) -> None:
        for number, block in enumerate(self._spec.blocks):
            if isinstance(block, ast.Signals):
                self._put(number, replace(block, signals=(*block.signals, signal)))
                break
        else:
            self.append(ast.Signals((signal,), NOWHERE))
        self._declare(signal)

    def _declare(self, signal: ast.Signal) -> None:
        if signal.kind == "list":
            self._known[signal.name] = ListOf(signal.name, tuple(f.name for f in signal.fields))
        else:
            self._know(signal.name)

    def _know(self, name: str) -> Symbol:
        symbol = Symbol(ast.Name(name, NOWHERE), self._known)
        self._known[name] = symbol
        return symbol

    # -- what is wanted

    def let(self, name: str, body: Body) -> Symbol:
        """Name an expression."""
        self.append(ast.Let(named(name), self._traced(body), NOWHERE))
        return Symbol(ast.Name(name, NOWHERE), self._known)

    def reward_function(
        self, stakeholder: str, *, weight: Value, veto: _Flag = False, floor: Value | None = None
    ) -> Callable[[_Function], _Function]:
        """Decorate the function that says what a stakeholder wants. Rules that it carries join the contract."""

        def add(function: _Function) -> _Function:
            least = None if floor is None else exact(floor)
            wants = self._traced(function)
            holder = ast.Stakeholder(named(stakeholder), exact(weight), wants, least, veto, NOWHERE)
            for number, block in enumerate(self._spec.blocks):
                if isinstance(block, ast.Stakeholders):
                    self._put(number, replace(block, stakeholders=(*block.stakeholders, holder)))
                    break
            else:
                self.append(ast.Stakeholders((holder,), NOWHERE))
            if hasattr(function, CARRIED):
                self.add(function)
            return function

        return add

    def aggregate(self, rule: str, levels: _Whole | None = None) -> None:
        """Say how the stakeholders' utilities become one."""
        self.append(ast.Aggregate(named(rule), levels, NOWHERE))

    # -- rules and promises

    def requires(self, name: str | None, condition: Body) -> None:
        """Reward only rows that fulfil the condition."""
        self.append(ast.Requires(name and named(name), self._traced(condition), NOWHERE))

    def invariant(self, name: str | None, condition: Body, **clauses: Any) -> None:
        """A rule; a row that breaks it loses `penalty` and gets at most `at_most`. `cites` says where it comes from."""
        self._rule("INVARIANT", name and named(name), self._traced(condition), None, **clauses)

    def always(self, condition: Body, **clauses: Any) -> None:
        """A rule without a name, with the clauses of `invariant`."""
        self._rule("ALWAYS", None, self._traced(condition), None, **clauses)

    def never(self, condition: Body, *, without: Body, **clauses: Any) -> None:
        """The rule that one thing does not come without another, with the clauses of `invariant`."""
        self._rule("NEVER", None, self._traced(condition), self._traced(without), **clauses)

    def _rule(
        self,
        form: Literal["INVARIANT", "ALWAYS", "NEVER"],
        name: str | None,
        condition: ast.Expression,
        unless: ast.Expression | None,
        *,
        penalty: Value | None = None,
        at_most: Value | None = None,
        cites: str = "",
    ) -> None:
        lost, most = (None if cap is None else exact(cap) for cap in (penalty, at_most))
        self.append(ast.Invariant(form, name, condition, unless, lost, most, quotable(cites), NOWHERE))

    def ensures(self, name: str | None, condition: Body) -> None:
        """Promise that every rewarded row fulfils the condition, which may mention s.reward."""
        self.append(ast.Ensures(name and named(name), self._traced(condition), NOWHERE))

    def prove_monotone(self, signal: str) -> None:
        """Promise that raising the signal (or "list.field") alone never lowers the reward."""
        self._prove("monotone", signal)

    def prove_decreasing(self, signal: str) -> None:
        """Promise that raising the signal (or "list.field") alone never raises the reward."""
        self._prove("decreasing", signal)

    def prove_violation_never_pays(self, *, of: str | None = None) -> None:
        """Promise that no row that breaks a rule, or the one named, earns more than one that breaks none."""
        self._prove("violation_never_pays", of)

    def prove_fixing_always_pays(self, *, of: str | None = None) -> None:
        """Promise that a row never earns less once a violation, or that of the rule named, is mended."""
        self._prove("fixing_always_pays", of)

    def prove_pareto(self) -> None:
        """Promise that what is at least as good for every stakeholder never earns less."""
        self._prove("pareto", None)

    def prove_influence(self, stakeholder: str, *, at_most: Value) -> None:
        """Promise that this stakeholder's utility alone moves the reward by at most so much."""
        self._prove("influence", stakeholder, at_most)

    def prove_sensitivity(self, signal: str, *, at_most: Value) -> None:
        """Promise that moving the signal alone moves the reward by at most so many times as much."""
        self._prove("sensitivity", signal, at_most)

    def _prove(self, form: ast.PromiseForm, subject: str | None, at_most: Value | None = None) -> None:
        most = None if at_most is None else exact(at_most)
        self.append(ast.Prove(form, "" if subject is None else named(subject), most, NOWHERE))

    def add(self, function: _Decorated) -> _Decorated:
        """Add the rules that a function carries from @LegalBlocks.constraint or a fragment of Legal-Blocks."""
        joins = getattr(function, CARRIED, None)
        if joins is None:
            raise NotTraceable(f"{function!r} carries no rule: decorate it with @LegalBlocks.constraint")
        for join in joins:
            join(self)
        return function

    def append(self, block: ast.Block) -> None:
        """Add a block as it stands."""
        self._spec = replace(self._spec, blocks=(*self._spec.blocks, block))
        if isinstance(block, ast.Let):
            self._know(block.name)

    def _traced(self, body: Body) -> ast.Expression:
        if isinstance(body, Symbol):
            return body.tree
        if not callable(body):
            raise NotTraceable(f"{body!r} is neither a function such as lambda s: s.tokens > 0 nor an expression")
        return expression(body(self.names))

    def _put(self, number: _Whole, block: ast.Block) -> None:
        blocks = self._spec.blocks
        self._spec = replace(self._spec, blocks=(*blocks[:number], block, *blocks[number + 1 :]))
