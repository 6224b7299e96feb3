"""The smallest change of one number in a contract that would make a refuted promise hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any

from rlhf_contract.errors import SpecError
from rlhf_contract.lang import ast
from rlhf_contract.lang import check as check_tree
from rlhf_contract.lang.contract import Contract
from rlhf_contract.prove.decide import Decider, Verdict
from rlhf_contract.prove.intervals import intervals
from rlhf_contract.prove.query import Budget
from rlhf_contract.prove.witness import Row
from rlhf_contract.types import MICRO, decimal_text

__all__ = ["smallest_change"]

MAX_RULES = 8


@dataclass(frozen=True, slots=True)
class Knob:
    """One number of the contract: `attribute` of `block` (None: of the header) is `worst`, and could be up to `best`.

    In micro-units. `words` says the change, with `{}` where the value goes.
    """

    tree: ast.Spec
    block: ast.Invariant | ast.Prove | None
    attribute: str
    worst: int
    best: int
    words: str

    def turned(self, value: int) -> ast.Spec:
        """The contract with `value` for this number."""
        tree, block = self.tree, self.block
        decimal = ast.Decimal(value, 6, tree.header_span if block is None else block.span)
        changed: dict[str, Any] = {self.attribute: decimal}
        if block is None:
            return replace(tree, **changed)
        new = replace(block, **changed)
        return replace(tree, blocks=tuple(new if b is block else b for b in tree.blocks))

    def said(self, value: int) -> str:
        return self.words.format(_text(value))


def smallest_change(contract: Contract, id_: str, broken: Sequence[int], budget: Budget) -> str:
    """What to change, in words; '' if no single number (for VIOLATION NEVER PAYS: of each rule) does it.

    `broken` are the invariants that the counterexample violates. The value named is proved to be enough, and one that
    is a millionth nearer to what stands there is not.
    """
    if id_ == "violation_never_pays":
        said, mended = _each_rule(contract, budget)
    else:
        said, mended = _nearest(contract, id_, broken, budget)
    if not said or id_ == "bounded" or _proved(mended, "bounded", budget) or not _proved(contract, "bounded", budget):
        return "; ".join(said)
    return "; ".join([*said, *_nearest(mended, "bounded", (), budget)[0]])


def _nearest(contract: Contract, id_: str, broken: Sequence[int], budget: Budget) -> tuple[list[str], Contract]:
    """The change of one number that changes it least, and the contract with it. A cap only if no penalty will do."""
    if id_ == "bounded":
        return _range(contract, id_, budget)
    kinds: dict[str, list[Knob]] = {}
    for knob in _knobs(contract, id_, broken):
        kinds.setdefault(knob.attribute, []).append(knob)
    for knobs in kinds.values():
        found = [(knob, value) for knob in knobs if (value := _least(knob, id_, budget)) is not None]
        if found:
            knob, value = min(found, key=lambda pair: abs(pair[1] - pair[0].worst))
            return [knob.said(value)], check_tree(knob.turned(value))
    return [], contract


def _each_rule(contract: Contract, budget: Budget) -> tuple[list[str], Contract]:
    """That no violation pays may take a change for each rule: one after the other, each kept for the next."""
    said: list[str] = []
    mended = contract
    for index, rule in enumerate(contract.rules):
        id_ = f"violation_never_pays.{rule.name}"
        promise = ast.Prove("violation_never_pays", rule.name, None, contract.tree.header_span)
        others = (b for b in mended.tree.blocks if not isinstance(b, ast.Prove))
        alone = check_tree(replace(mended.tree, blocks=(*others, promise)))
        if _proved(alone, id_, budget):
            continue
        change, mended = _nearest(alone, id_, [index], budget)
        if not change or len(said) == MAX_RULES:
            return [], contract
        said += change
    return said, mended


def _knobs(contract: Contract, id_: str, broken: Sequence[int]) -> Iterator[Knob]:
    """What could be turned for this promise: its own number first, then the broken rules' consequences."""
    tree = contract.tree
    ends = intervals(contract)[contract.reward.order]
    low, high = floor(ends[0] * MICRO), ceil(ends[1] * MICRO)
    for promise in tree.promises:
        if promise.at_most and id_ == f"{promise.form}.{promise.subject}":
            now = _micro(promise.at_most)
            words = f"raise AT MOST of {promise.subject} from {_text(now)} to at least {{}}"
            yield Knob(tree, promise, "at_most", now, max(now, MICRO * (high - low)), words)
    rules = [(tree.invariants[i], contract.rules[i].name) for i in broken[:MAX_RULES]]
    for block, name in rules:
        if block.penalty or block.at_most is None:
            now = _micro(block.penalty)
            words = f"raise PENALTY of {name} from {_text(now)} to" if block.penalty else f"give {name} a PENALTY of"
            yield Knob(tree, block, "penalty", now, max(now, high - low + MICRO), f"{words} at least {{}}")
    for block, name in rules:
        cap = _micro(block.at_most) if block.at_most else high
        words = f"lower REWARD AT MOST of {name} to" if block.at_most else f"give {name} REWARD AT MOST"
        yield Knob(tree, block, "at_most", cap, min(cap, low - MICRO), f"{words} {{}} or less")


def _range(contract: Contract, id_: str, budget: Budget) -> tuple[list[str], Contract]:
    """REWARD IN as wide as it has to be: the upper end with the lower one as low as it might go, then that one."""
    ends = intervals(contract)[contract.reward.order]
    tree, now = contract.tree, (contract.lowest, contract.highest)
    bottom, top = min(floor(ends[0] * MICRO), now[0]), max(ceil(ends[1] * MICRO), now[1])
    span = tree.header_span
    low = replace(tree, lowest=ast.Decimal(bottom, 6, span))
    highest = (
        now[1] if _proved(check_tree(low), id_, budget) else _least(_end(low, "highest", now[1], top), id_, budget)
    )
    if highest is None:
        return [], contract
    high = replace(tree, highest=ast.Decimal(highest, 6, span))
    lowest = (
        now[0] if _proved(check_tree(high), id_, budget) else _least(_end(high, "lowest", now[0], bottom), id_, budget)
    )
    if lowest is None:
        return [], contract
    wide = check_tree(replace(high, lowest=ast.Decimal(lowest, 6, span)))
    old, new = (f"[{_text(a)}, {_text(b)}]" for a, b in (now, (lowest, highest)))
    return [f"widen REWARD IN from {old} to {new}"], wide


def _end(tree: ast.Spec, attribute: str, worst: int, best: int) -> Knob:
    return Knob(tree, None, attribute, worst, best, "")


def _least(knob: Knob, id_: str, budget: Budget) -> int | None:
    """The value nearest to `worst` for which the promise is proved, by halving; None if not even `best` does."""
    known: list[tuple[Row, ...]] = []

    def enough(value: int) -> bool:
        try:
            turned = check_tree(knob.turned(value))
        except SpecError:  # for example an overflow: no contract any more
            return False
        return _proved(turned, id_, budget, known)

    if knob.worst == knob.best or not enough(knob.best):
        return None
    bad, good = knob.worst, knob.best
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if enough(middle) else (good, middle)
    return good


def _proved(contract: Contract, id_: str, budget: Budget, known: list[tuple[Row, ...]] | None = None) -> bool:
    """Whether the promise is proved. Counterexamples are added to `known`, and those that are known tried first."""
    decider = Decider(contract, budget)
    obligation = decider.obligations[id_]
    known = [] if known is None else known
    if any(decider.broken(obligation, rows) for rows in known):
        return False
    result = decider.settle(obligation, simplest=False)
    if result.witness:
        known.insert(0, tuple(witness.signals for witness in result.witness))
    return result.verdict is Verdict.PROVED


def _micro(decimal: ast.Decimal | None) -> int:
    return decimal.value * 10 ** (6 - decimal.scale) if decimal else 0


def _text(value: int) -> str:
    return decimal_text(value, 6)
