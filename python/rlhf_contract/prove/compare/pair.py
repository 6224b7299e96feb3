"""Two versions of a contract side by side: the rows that both can be run on, and what each says of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.step import Outcome, run
from rlhf_contract.prove.compare.keys import Table, keys
from rlhf_contract.prove.simplify import simplify
from rlhf_contract.prove.witness import Row, readable
from rlhf_contract.types import ABSENT, MICRO, Status, decimal_text

__all__ = ["Pair", "Side", "pair", "simplest"]

NUMBERS = ("int", "real")


class Side:
    """One version: its program and the keys of its nodes."""

    def __init__(self, contract: Contract, table: Table) -> None:
        self.contract = contract
        self.program: Program = compile_contract(contract)
        roots = [contract.reward, contract.exact, *(r.node for r in contract.requirements)]
        roots += [*(r.node for r in contract.rules), *(u.node for u in contract.utilities)]
        self.keys = keys(contract, roots, table)
        # What an ENSURES says of the reward is compared for any reward, not for the one that this version pays.
        self.free_reward = contract.reward.op not in ("signal", "const")
        promised = [e.node for e in contract.ensured]
        given = {contract.reward.order: "reward"} if self.free_reward else {}
        self.promised = keys(contract, promised, table, given)


@dataclass(frozen=True, slots=True)
class Pair:
    """`old` and `new`. `together` reads a row that has every signal of both, each in both versions' ranges together.

    `apart` says, a sentence each, why there is no such row: then only what is written can be compared.
    """

    old: Side
    new: Side
    together: Contract
    apart: tuple[str, ...]
    alike: tuple[Side, ...]  # those that are given such a row as it is

    def row_of(self, side: Side, row: Row) -> Row:
        """A row of `together` as one version is given it, ABSENT where it cannot be read."""
        if side in self.alike:
            return row
        said, taken = _values(self.together, row), list[int]()
        widest = {spec.name: spec for spec in self.together.signals}
        for spec in side.contract.signals:
            wide, value = widest[spec.name], said[spec.name]
            if not isinstance(value, list):
                taken.append(_read(spec, wide, value))
                continue
            taken.append(len(value))
            if len(value) <= spec.highest:
                fields = {f.name: f for f in wide.fields}
                taken += [_read(f, fields[f.name], record[f.name]) for record in value for f in spec.fields]
        return tuple(taken)

    def outcomes(self, row: Row) -> tuple[Outcome, Outcome]:
        """What both machines say."""
        old, new = (run(side.program, self.row_of(side, row)) for side in (self.old, self.new))
        return old, new

    def words(self, row: Row) -> dict[str, Any]:
        """The row and both outcomes in the authors' terms."""
        said: dict[str, Any] = {"signals": readable(self.together, row)}
        for name, side, outcome in zip(("old", "new"), (self.old, self.new), self.outcomes(row), strict=True):
            contract = side.contract
            rewarded = outcome.status is Status.REWARDED
            failed = outcome.requirement
            said[name] = {
                "status": outcome.status.name.lower(),
                "reward": decimal_text(outcome.reward, 6) if rewarded else None,
                "broken": [contract.rules[b].name for b in outcome.breaches],
                "requires": None if failed is None else contract.requirements[failed].name,
            }
        return said


def pair(old: Contract, new: Contract) -> Pair:
    """Both versions, ready to be compared. What is said of `old` and `new` depends on the two contracts alone."""
    table = Table()
    ours = {s.name: s for s in new.signals}
    names = {s.name for s in old.signals}
    apart: list[str] = []
    wide = [_both(s, ours[s.name], s.name, apart) if s.name in ours else s for s in old.signals]
    wide += [s for s in new.signals if s.name not in names]
    together = replace(new, signals=tuple(wide))
    sides = Side(old, table), Side(new, table)
    alike = tuple(side for side in sides if _layout(side.contract) == _layout(together))
    return Pair(*sides, together, tuple(apart), alike)


def _layout(contract: Contract) -> list[object]:
    """What decides how a row is written."""
    lists = {s.name: s.highest for s in contract.signals if s.kind == "list"}
    return [(s.name, s.scale, [(f.name, f.scale) for f in s.fields], lists.get(s.name)) for s in contract.signals]


def _both(a: SignalSpec, b: SignalSpec, name: str, apart: list[str]) -> SignalSpec:
    """The signal that can be what it is in either version; else the reason goes to `apart`."""
    if a.kind != b.kind and not (a.kind in NUMBERS and b.kind in NUMBERS):
        apart.append(f"{name} is {_kind(a)} in the old version and {_kind(b)} in the new one.")
        return b
    if a.kind == "choice":
        shorter = min(len(a.choices), len(b.choices))
        if a.choices[:shorter] != b.choices[:shorter]:
            apart.append(f"{name} offers other choices: {', '.join(a.choices)} became {', '.join(b.choices)}.")
        return a if len(a.choices) > len(b.choices) else b
    if a.kind == "list":
        return _both_lists(a, b, name, apart)
    scale = max(a.scale, b.scale)
    low, high = ([s.lowest * 10 ** (scale - s.scale), s.highest * 10 ** (scale - s.scale)] for s in (a, b))
    common, ends = (max(low[0], high[0]), min(low[1], high[1])), (min(low[0], high[0]), max(low[1], high[1]))
    step = MICRO if a.kind != b.kind else 1
    if -(-common[0] // step) > common[1] // step:
        apart.append(f"No value of {name} lies in the ranges of both versions.")
    return replace(b, kind="real" if scale else b.kind, lowest=ends[0], highest=ends[1])


def _both_lists(a: SignalSpec, b: SignalSpec, name: str, apart: list[str]) -> SignalSpec:
    ours = {f.name: f for f in b.fields}
    if ours.keys() != {f.name for f in a.fields}:
        was, is_ = (", ".join(f.name for f in s.fields) for s in (a, b))
        apart.append(f"Entries of {name} have other fields: {was} became {is_}.")
        return b
    theirs = {f.name: f for f in a.fields}
    fields = tuple(_both(theirs[f.name], f, f"{name}.{f.name}", apart) for f in b.fields)
    return replace(b, highest=max(a.highest, b.highest), fields=fields)


def _kind(spec: SignalSpec) -> str:
    return {"bool": "a bool", "int": "an int", "real": "a real", "choice": "one of several", "list": "a list"}[
        spec.kind
    ]


def _values(contract: Contract, row: Row) -> dict[str, Any]:
    """Integers by name, as `row` has them; of a list, a dict for each element."""
    said: dict[str, Any] = {}
    at = 0
    for spec in contract.signals:
        number = row[at]
        at += 1
        said[spec.name] = number
        if spec.kind == "list":
            said[spec.name] = []
            for _ in range(number):
                said[spec.name].append({f.name: row[at + i] for i, f in enumerate(spec.fields)})
                at += len(spec.fields)
    return said


def _read(spec: SignalSpec, wide: SignalSpec, value: int) -> int:
    """`value` of `wide` as `spec` reads it."""
    if spec.scale == wide.scale:
        return value
    return ABSENT if value % MICRO else value // MICRO


# -- rows that a person can read


def simplest(pair: Pair, row: Row, still: Callable[[Row], bool]) -> Row:
    """The same finding with shorter lists, fewer broken rules, and rounder numbers."""

    def breaches(candidate: Row) -> int:
        return sum(len(outcome.breaches) for outcome in pair.outcomes(candidate))

    return simplify(pair.together, (row,), (), breaches, lambda rows: still(rows[0]))[0]
