"""What an author asks to be proved: one obligation for each PROVE. The words are `lang.promises`'."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import ceil
from typing import Any

import z3

from rlhf_contract.lang.contract import Contract, Promise
from rlhf_contract.lang.ir import Node
from rlhf_contract.lang.promises import wording
from rlhf_contract.machine.step import Outcome
from rlhf_contract.prove.consequences import extremes, no_new, same_rules
from rlhf_contract.prove.intervals import intervals
from rlhf_contract.prove.obligation import Obligation, Question, Rows, exact_utilities
from rlhf_contract.prove.polarity import STILL, Direction, directions, slopes
from rlhf_contract.prove.to_z3 import Free, SymbolicRow
from rlhf_contract.prove.witness import values

__all__ = ["promised"]

Terms = list[Any]


def promised(contract: Contract, promise: Promise) -> Obligation:
    """The obligation of one PROVE."""
    return _FORMS[promise.form](_Promised(contract, promise))


class _Promised:
    """One promise in its contract, and what several forms ask about."""

    def __init__(self, contract: Contract, promise: Promise) -> None:
        self.contract, self.promise = contract, promise
        self.rules = range(len(contract.rules))
        self.utilities = [u.node for u in contract.utilities]
        everything = [r.node for r in contract.rules] + self.utilities
        self.cut = frozenset(node.order for node in everything)
        self.all_free: tuple[Free, ...] = tuple((i, None) for i in range(len(contract.signals)))

    def obligation(
        self, question: Question, broken: Callable[[Rows, tuple[Outcome, ...]], bool], **ways: Any
    ) -> Obligation:
        words = wording(self.contract, self.promise)
        return Obligation(
            self.promise.id,
            words.sentence,
            question,
            broken,
            source=words.source,
            assumptions=words.assumptions,
            **ways,
        )

    def violations(self, outcome: Outcome) -> set[int]:
        return {b for b in outcome.breaches if b in self.rules}

    def moves(self, inputs: dict[int, Direction], rules: Direction) -> Direction:
        """How the reward may move when `inputs` do, and rules only as `rules` allows."""
        contract = self.contract
        alone = directions(contract, inputs)
        given = {rule.node.order: alone[rule.node.order] & rules for rule in contract.rules}
        return directions(contract, given | inputs)[contract.reward.order]

    @property
    def places(self) -> list[int]:
        """The orders of the nodes that read the signal or field of the promise."""
        index, field = self.promise.index, self.promise.field
        if field is None:
            return [n.order for n in self.contract.nodes if n.op == "signal" and n.value == index]
        return [n.order for n in self.contract.nodes if n.op == "field" and (n.list, n.value) == (index, field)]

    def subjects(self, row: SymbolicRow) -> Terms:
        """The terms of the signal of the promise; of a list's field, one for each element."""
        assert self.promise.index is not None
        spec = self.contract.signals[self.promise.index]
        if self.promise.field is None:
            return [row.inputs.scalars[spec.name]]
        name = spec.fields[self.promise.field].name
        return [row.inputs.fields[spec.name, k, name] for k in range(spec.highest)]


def _monotone(of: _Promised) -> Obligation:
    """MONOTONE and DECREASING: two rows that differ in one signal; the higher one violates nothing that is new."""
    promise, contract = of.promise, of.contract
    assert promise.index is not None
    up = promise.form == "monotone"
    free: tuple[Free, ...] = ((promise.index, promise.field),)

    def raised(low: SymbolicRow, high: SymbolicRow) -> Terms:
        pairs = list(zip(of.subjects(low), of.subjects(high), strict=True))
        if z3.is_bool(pairs[0][0]):
            return [*(z3.Implies(a, b) for a, b in pairs), z3.Or([z3.And(z3.Not(a), b) for a, b in pairs])]
        return [*(a <= b for a, b in pairs), z3.Or([a < b for a, b in pairs])]

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        low, high = rows
        wrong = high.reward < low.reward if up else high.reward > low.reward
        return [*raised(low, high), wrong, *no_new(contract, low, high)]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        low, high = outcomes
        assert promise.index is not None
        a, b = (values(contract, row, promise.index, promise.field) for row in rows)
        higher = a != b and all(x <= y for x, y in zip(a, b, strict=True))
        new = of.violations(high) - of.violations(low)
        wrong = high.reward < low.reward if up else high.reward > low.reward
        return higher and not new and wrong

    wanted = Direction.RISES if up else Direction.FALLS
    fine = (Direction.STILL, wanted)

    def quick() -> bool:
        return of.moves(dict.fromkeys(of.places, Direction.RISES), Direction.RISES) in fine

    def lemmas() -> list[list[Question]]:
        """Where a utility's direction cannot be read off, ask for it alone; then the reward's can be."""
        inputs = dict.fromkeys(of.places, Direction.RISES)
        touched = directions(contract, inputs)
        unclear = [n for n in of.utilities if touched[n.order] not in fine]
        assumed = {n.order: wanted if touched[n.order] else Direction.STILL for n in of.utilities}
        if not unclear or not inputs or of.moves(assumed | inputs, Direction.RISES) not in fine:
            return []
        return [[Question(against(node), free) for node in unclear]]

    def against(node: Node) -> Callable[[tuple[SymbolicRow, ...]], Terms]:
        def moved(rows: tuple[SymbolicRow, ...]) -> Terms:
            low, high = rows[0][node], rows[1][node]
            return [*raised(*rows), high < low if up else high > low]

        return moved

    return of.obligation(Question(breaking, free), broken, quick=quick, lemmas=lemmas)


def _violation_never_pays(of: _Promised) -> Obligation:
    """Two rows that share nothing: one violates (the rule that is named), the other nothing."""
    contract, chosen = of.contract, of.promise.index
    suspects = list(of.rules) if chosen is None else [chosen]

    def guilty(row: SymbolicRow) -> Any:
        return z3.Or([row.violated(r) for r in suspects])

    def clean(row: SymbolicRow) -> Terms:
        return [row[contract.rules[r].node] for r in of.rules]

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        bad, good = rows
        return [guilty(bad), *clean(good), bad.reward > good.reward]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        bad, good = outcomes
        found = bool(set(suspects) & set(bad.breaches))
        return found and not of.violations(good) and bad.reward > good.reward

    @cache
    def ends() -> tuple[Fraction, Fraction] | None:
        return extremes(contract, suspects)

    def quick() -> bool:
        found = ends()
        return found is not None and found[1] <= found[0]

    def lemmas() -> list[list[Question]]:
        """A threshold between both: no clean row earns less than it and no violation more, one of them by `ends`."""
        found = ends()
        if found is None:
            return []
        least, most = found
        return [
            [Question(lambda rows: [*clean(rows[0]), rows[0].reward < rows[0].real(most)])],
            [Question(lambda rows: [guilty(rows[0]), rows[0].reward > rows[0].real(least)])],
        ]

    premises = (_violator(of, suspects), _nobody(of))
    return of.obligation(Question(breaking, of.all_free), broken, quick=quick, lemmas=lemmas, premises=premises)


def _violator(of: _Promised, suspects: list[int]) -> Obligation:
    """Some row violates one of `suspects`."""
    what = of.promise.subject or "any rule"

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        return [z3.Or([rows[0].violated(r) for r in suspects])]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        return bool(set(suspects) & set(outcomes[0].breaches))

    sentence = f"no answer that can be rewarded ever breaks {what}"
    return Obligation(of.promise.id, sentence, Question(breaking), broken, exists=True)


def _nobody(of: _Promised) -> Obligation:
    """Some row violates nothing."""

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        return [rows[0][rule.node] for rule in of.contract.rules]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        return not of.violations(outcomes[0])

    sentence = "every answer that can be rewarded breaks a rule"
    return Obligation(of.promise.id, sentence, Question(breaking), broken, exists=True)


def _fixing_always_pays(of: _Promised) -> Obligation:
    """Two rows with equal utilities and the same violations but one, which only the first has."""
    chosen = of.promise.index
    suspects = list(of.rules) if chosen is None else [chosen]

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        a, b = rows
        zero, one = a.real(0, 0), a.real(1, 0)
        mended = [z3.And(a.violated(r), z3.Not(b.violated(r))) for r in of.rules]
        which = mended[chosen] if chosen is not None else z3.Or(mended)
        only = z3.Sum([z3.If(m, one, zero) for m in mended]) <= 1
        same = [a[u] == b[u] for u in of.utilities]
        return [which, only, *same, *no_new(of.contract, a, b), b.reward < a.reward]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        a, b = outcomes
        gone = of.violations(a) - of.violations(b)
        right = len(gone) == 1 and (chosen is None or gone == {chosen})
        same = exact_utilities(a) == exact_utilities(b) and of.violations(b) < of.violations(a)
        return right and same and b.reward < a.reward

    def quick() -> bool:
        given = dict.fromkeys(of.cut, Direction.STILL) | {r.node.order: Direction.RISES for r in of.contract.rules}
        return not directions(of.contract, given)[of.contract.reward.order] & Direction.FALLS

    question, premises = Question(breaking, of.all_free), (_violator(of, suspects),)
    return of.obligation(question, broken, quick=quick, lemmas=_cut(of, breaking), premises=premises)


def _cut(of: _Promised, breaking: Any) -> Callable[[], list[list[Question]]]:
    """One lemma: it holds even of utilities and violations that no row has together."""
    return lambda: [[Question(breaking, of.all_free, of.cut)]]


def _pareto(of: _Promised) -> Obligation:
    """Two rows; in the second nobody is worse off and no rule is newly violated."""

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        a, b = rows
        return [*(a[u] <= b[u] for u in of.utilities), *no_new(of.contract, a, b), b.reward < a.reward]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        a, b = outcomes
        better = all(x <= y for x, y in zip(exact_utilities(a), exact_utilities(b), strict=True))
        return better and of.violations(b) <= of.violations(a) and b.reward < a.reward

    def quick() -> bool:
        moves = directions(of.contract, dict.fromkeys(of.cut, Direction.RISES))
        return not moves[of.contract.reward.order] & Direction.FALLS

    return of.obligation(Question(breaking, of.all_free), broken, quick=quick, lemmas=_cut(of, breaking))


def _influence(of: _Promised) -> Obligation:
    """Two rows that differ in one stakeholder's utility, and violate the same rules."""
    contract, promise = of.contract, of.promise
    assert promise.index is not None and promise.at_most is not None
    most, who = promise.at_most, promise.index
    others = [u for i, u in enumerate(of.utilities) if i != who]

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        a, b = rows
        bound = a.real(most, 6)
        # Rounding both down to the grid that the bound lies on keeps them within it: the lemma of this rounding.
        near = [z3.Implies(a[contract.exact] - b[contract.exact] <= bound, a.reward - b.reward <= bound)]
        return [*(a[u] == b[u] for u in others), *same_rules(contract, a, b), a.reward - b.reward > bound, *near]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        a, b = outcomes
        x, y = list(exact_utilities(a)), list(exact_utilities(b))
        del x[who], y[who]
        return x == y and of.violations(a) == of.violations(b) and a.reward - b.reward > most

    def quick() -> bool:
        low, high = intervals(contract)[of.utilities[who].order]
        given = dict.fromkeys(of.cut, STILL) | {of.utilities[who].order: (Fraction(0), high - low)}
        found = slopes(contract, given)[contract.exact.order]
        return found is not None and ceil(found[1] * 10**6) <= most

    shared = any(u is of.utilities[who] for u in others)  # then nobody's utility moves alone
    return of.obligation(
        Question(breaking, of.all_free), broken, quick=(lambda: True) if shared else quick, lemmas=_cut(of, breaking)
    )


def _sensitivity(of: _Promised) -> Obligation:
    """Two rows that differ in one number, and violate the same rules."""
    contract, promise = of.contract, of.promise
    assert promise.index is not None and promise.at_most is not None
    most, signal = promise.at_most, promise.index
    scale = contract.signals[signal].scale

    def breaking(rows: tuple[SymbolicRow, ...]) -> Terms:
        a, b = rows
        (x,), (y,) = of.subjects(a), of.subjects(b)
        room = a.real(most, 6) * (y - x)
        far = z3.Or(a.reward - b.reward > room + a.real(1, 6), b.reward - a.reward > room + a.real(1, 6))
        return [x < y, far, *same_rules(contract, a, b)]

    def broken(rows: Rows, outcomes: tuple[Outcome, ...]) -> bool:
        a, b = outcomes
        (x,), (y,) = (values(contract, row, signal, None) for row in rows)
        moved = abs(a.reward - b.reward) - 1
        return x < y and of.violations(a) == of.violations(b) and moved * 10**scale > most * (y - x)

    def quick() -> bool:
        rules = {r.node.order: STILL for r in contract.rules}
        given = rules | dict.fromkeys(of.places, (Fraction(1), Fraction(0)))
        found = slopes(contract, given)[contract.exact.order]
        return found is not None and found[0] * 10**6 <= most and found[1] == 0

    return of.obligation(Question(breaking, ((signal, None),)), broken, quick=quick)


_FORMS: dict[str, Callable[[_Promised], Obligation]] = {
    "monotone": _monotone,
    "decreasing": _monotone,
    "violation_never_pays": _violation_never_pays,
    "fixing_always_pays": _fixing_always_pays,
    "pareto": _pareto,
    "influence": _influence,
    "sensitivity": _sensitivity,
}
