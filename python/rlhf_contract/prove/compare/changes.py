"""What two versions say differently: rules, promises, stakeholders, signals. Open conditions are left to a solver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rlhf_contract.lang import ast
from rlhf_contract.lang.contract import Contract, Ensured, Requirement, Rule
from rlhf_contract.lang.format import format_expression
from rlhf_contract.lang.ir import Node, SignalSpec
from rlhf_contract.lang.promises import wording
from rlhf_contract.prove.compare.conditions import Strictness
from rlhf_contract.prove.compare.pair import Pair, Side
from rlhf_contract.types import decimal_text

__all__ = [
    "Change",
    "Difference",
    "PromiseChange",
    "RuleChange",
    "RuleText",
    "differences",
    "open_conditions",
    "promises",
    "rules",
]

MAX_RENAMES = 12


class Change(StrEnum):
    """What became of something that has a name. A promise is STRONGER or WEAKER; RENAMED says the same as before."""

    SAME = "same"
    CHANGED = "changed"
    STRONGER = "stronger"
    WEAKER = "weaker"
    INCOMPARABLE = "incomparable"
    UNKNOWN = "unknown"
    RENAMED = "renamed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class RuleText:
    """One version of a REQUIRES or INVARIANT: its condition as written, and what breaking it costs."""

    condition: str
    penalty: str | None = None
    at_most: str | None = None
    cites: str = ""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """`name` in the new version (in the old one, if it is gone); `was` if it was another. `condition` if in both."""

    kind: str
    name: str
    was: str
    change: Change
    condition: Strictness | None
    old: RuleText | None
    new: RuleText | None


@dataclass(frozen=True, slots=True)
class PromiseChange:
    """A promise: the range of the reward, an ENSURES, or a PROVE. `old` and `new` say it; `was` is its former name."""

    id: str
    was: str
    change: Change
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A plain fact: `what` of `name` was `old` and is `new`; None where there was or is none."""

    kind: str
    name: str
    what: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """A named condition of one version; `auto` if the name is only its place."""

    kind: str
    name: str
    auto: bool
    node: Node
    key: int
    text: RuleText

    @property
    def costs(self) -> tuple[object, object]:
        return self.text.penalty, self.text.at_most


Match = tuple[Item | None, Item | None]


def _items(side: Side, kind: str) -> list[Item]:
    contract, tree = side.contract, side.contract.tree
    parts: list[tuple[Requirement | Ensured | Rule, str | None, RuleText]]
    match kind:
        case "requires":
            pairs = zip(contract.requirements, tree.requires, strict=True)
            parts = [(r, b.name, RuleText(format_expression(b.condition))) for r, b in pairs]
        case "ensures":
            promised = zip(contract.ensured, tree.ensures, strict=True)
            parts = [(e, b.name, RuleText(format_expression(b.condition))) for e, b in promised]
        case _:
            rules = zip(contract.rules, tree.invariants, strict=True)
            parts = [
                (r, b.name, RuleText(_invariant(b), _micro(r.penalty), _micro(r.at_most), b.cites)) for r, b in rules
            ]
    keys = side.promised if kind == "ensures" else side.keys
    return [Item(kind, part.name, name is None, part.node, keys[part.node.order], text) for part, name, text in parts]


def _invariant(block: ast.Invariant) -> str:
    condition = format_expression(block.condition)
    if block.form != "NEVER":
        return condition
    return f"NEVER {condition} WITHOUT {format_expression(block.unless)}" if block.unless else f"NEVER {condition}"


def _micro(value: int | None) -> str | None:
    return None if value is None else decimal_text(value, 6)


def matches(pair: Pair, kind: str) -> list[Match]:
    """Which condition became which: by name; what has no name, or a name that is gone, by what it says and costs."""
    old, new = _items(pair.old, kind), _items(pair.new, kind)
    found: dict[str, Item] = {}  # the old one by the name of the new one

    def match(same: Iterable[tuple[Item, Item]]) -> None:
        for a, b in same:
            if a not in found.values() and b.name not in found:
                found[b.name] = a

    match((a, b) for b in new for a in old if a.name == b.name and not (a.auto or b.auto))
    match((a, b) for b in new for a in old if (a.key, a.costs) == (b.key, b.costs))
    match((a, b) for b in new for a in old if a.name == b.name)
    taken = list(found.values())
    return [*((found.get(b.name), b) for b in new), *((a, None) for a in old if a not in taken)]


def open_conditions(pair: Pair) -> dict[str, tuple[str, Node, Node]]:
    """Pairs of conditions that only a solver can compare: their kind and both nodes, by the name of the task."""
    if pair.apart:
        return {}
    left: dict[str, tuple[str, Node, Node]] = {}
    for kind in ("requires", "invariant", "ensures"):
        gone: list[Item] = []
        new: list[Item] = []
        for a, b in matches(pair, kind):
            if a and b and a.key != b.key:
                left[f"{kind}.{b.name}"] = kind, a.node, b.node
            gone += [a] if a and not b else []
            new += [b] if b and not a else []
        maybe = [(a, b) for a in gone for b in new if a.costs == b.costs] if kind != "ensures" else []
        left |= {f"renamed.{kind}.{a.name}>{b.name}": (kind, a.node, b.node) for a, b in maybe[:MAX_RENAMES]}
    return left


Answers = dict[str, Strictness]


def rules(pair: Pair, answers: Answers) -> tuple[RuleChange, ...]:
    """Every REQUIRES and INVARIANT of both versions; `answers` to the open conditions."""
    return tuple(rule for kind in ("requires", "invariant") for rule in _rules(pair, kind, answers))


def _rules(pair: Pair, kind: str, answers: Answers) -> Iterator[RuleChange]:
    found = matches(pair, kind)
    gone = [a for a, b in found if a and not b]
    for a, b in found:
        if a is None and b is not None:
            names = {f"renamed.{kind}.{c.name}>{b.name}": c for c in gone}
            a = next((c for task, c in names.items() if answers.get(task) is Strictness.SAME), None)
            if a is None:
                yield RuleChange(kind, b.name, "", Change.NEW, None, None, b.text)
                continue
            gone.remove(a)
        if a is not None and b is not None:
            condition = _condition(pair, kind, a, b, answers)
            said = a.costs == b.costs and a.text.cites == b.text.cites
            change = Change.CHANGED
            if condition is Strictness.SAME and said:
                change = Change.SAME if a.name == b.name or (a.auto and b.auto) else Change.RENAMED
            was = a.name if a.name != b.name else ""
            yield RuleChange(kind, b.name, was, change, condition, a.text, b.text)
    yield from (RuleChange(kind, a.name, "", Change.GONE, None, a.text, None) for a in gone)


def _condition(pair: Pair, kind: str, a: Item, b: Item, answers: Answers) -> Strictness:
    if a.key == b.key and (not pair.apart or a.text.condition == b.text.condition):
        return Strictness.SAME
    if f"renamed.{kind}.{a.name}>{b.name}" in answers:
        return Strictness.SAME
    return answers.get(f"{kind}.{b.name}", Strictness.INCOMPARABLE if pair.apart else Strictness.UNKNOWN)


# -- promises

_PROMISED = {
    Strictness.SAME: Change.SAME,
    Strictness.STRICTER: Change.STRONGER,
    Strictness.LOOSER: Change.WEAKER,
    Strictness.INCOMPARABLE: Change.INCOMPARABLE,
    Strictness.UNKNOWN: Change.UNKNOWN,
}


def promises(pair: Pair, answers: Answers) -> tuple[PromiseChange, ...]:
    """Every promise of both versions, those of the new one first."""
    return (*_bounded(pair), *_ensures(pair, answers), *_proves(pair.old.contract, pair.new.contract))


def _bounded(pair: Pair) -> Iterator[PromiseChange]:
    old, new = ((s.contract.lowest, s.contract.highest) for s in (pair.old, pair.new))
    narrower, wider = old[0] <= new[0] and new[1] <= old[1], new[0] <= old[0] and old[1] <= new[1]
    said = [f"Every reward lies between {decimal_text(a, 6)} and {decimal_text(b, 6)}." for a, b in (old, new)]
    yield PromiseChange("bounded", "", _compared(narrower, wider), said[0], said[1])


def _compared(stronger: bool, weaker: bool) -> Change:
    if stronger and weaker:
        return Change.SAME
    return Change.STRONGER if stronger else Change.WEAKER if weaker else Change.INCOMPARABLE


def _ensures(pair: Pair, answers: Answers) -> Iterator[PromiseChange]:
    for a, b in matches(pair, "ensures"):
        was, is_ = (f"Always: {item.text.condition}." if item else None for item in (a, b))
        if a and b:
            change = _PROMISED[_condition(pair, "ensures", a, b, answers)]
            renamed = a.name != b.name and not (a.auto and b.auto)
            change = Change.RENAMED if renamed and change is Change.SAME else change
            yield PromiseChange(f"ensures.{b.name}", f"ensures.{a.name}" if renamed else "", change, was, is_)
        else:
            found = b or a
            assert found
            yield PromiseChange(f"ensures.{found.name}", "", Change.NEW if b else Change.GONE, was, is_)


def _proves(old: Contract, new: Contract) -> Iterator[PromiseChange]:
    ours, theirs = ({p.id: p for p in c.promises} for c in (old, new))
    for id_ in [*theirs, *(i for i in ours if i not in theirs)]:
        a, b = ours.get(id_), theirs.get(id_)
        was, is_ = (wording(c, p).sentence if p else None for c, p in ((old, a), (new, b)))
        if a and b:
            limits = (a.at_most or 0, b.at_most or 0)
            yield PromiseChange(id_, "", _compared(limits[1] <= limits[0], limits[0] <= limits[1]), was, is_)
        else:
            yield PromiseChange(id_, "", Change.NEW if b else Change.GONE, was, is_)


# -- plain facts


def differences(pair: Pair) -> tuple[Difference, ...]:
    """What else is written differently; only what differs."""
    old, new = pair.old.contract, pair.new.contract
    found = [
        Difference("contract", "", "name", old.name, new.name),
        Difference("contract", "", "title", old.title, new.title),
        Difference("contract", "", "jurisdiction", ", ".join(old.jurisdiction), ", ".join(new.jurisdiction)),
        Difference("contract", "", "aggregation", _aggregate(old), _aggregate(new)),
        *_stakeholders(pair),
        *_named("signal", _signals(old.signals), _signals(new.signals)),
    ]
    return tuple(d for d in found if d.old != d.new)


def _aggregate(contract: Contract) -> str:
    block = contract.tree.aggregates[0]
    return block.rule if block.levels is None else f"{block.rule}({block.levels})"


Said = dict[str, dict[str, str | None]]


def _named(kind: str, old: Said, new: Said) -> Iterator[Difference]:
    """What is said of each name, version beside version; under "" what is said of a name that only one version has."""
    for name in [*old, *(n for n in new if n not in old)]:
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            yield Difference(kind, name, "", _whole(a), _whole(b))
        else:
            yield from (Difference(kind, name, what, a.get(what), b.get(what)) for what in {**a, **b})


def _whole(said: dict[str, str | None] | None) -> str | None:
    return None if said is None else ", ".join(f"{what} {value}" for what, value in said.items() if value is not None)


def _stakeholders(pair: Pair) -> Iterator[Difference]:
    """WANTS differ when they do not mean the same; then they are shown as written."""
    keys = [{u.stakeholder: s.keys[u.node.order] for u in s.contract.utilities} for s in (pair.old, pair.new)]
    said: list[Said] = []
    for side, nash in ((s.contract, _aggregate(s.contract) == "nash_product") for s in (pair.old, pair.new)):
        wants = {h.name: format_expression(h.wants) for h in side.tree.stakeholders}
        said.append(
            {
                u.stakeholder: {
                    "weight": decimal_text(u.weight, 6),
                    "wants": wants[u.stakeholder],
                    "veto": "yes" if u.veto else "no",
                    "floor": decimal_text(u.floor, 6) if nash else None,
                }
                for u in side.utilities
            }
        )
    for found in _named("stakeholder", *said):
        same = keys[0].get(found.name) == keys[1].get(found.name) and not pair.apart
        if not (found.what == "wants" and same):
            yield found


def _signals(specs: Sequence[SignalSpec]) -> Said:
    said: Said = {}
    for spec in specs:
        said[spec.name] = _signal(spec)
        said |= {f"{spec.name}.{f.name}": _signal(f) for f in spec.fields}
    return said


def _signal(spec: SignalSpec) -> dict[str, str | None]:
    said: dict[str, str | None] = {"kind": {"choice": "one of"}.get(spec.kind, spec.kind)}
    if spec.kind == "choice":
        said["choices"] = ", ".join(spec.choices)
    elif spec.kind == "list":
        said["length"] = f"at most {spec.highest}"
    elif spec.kind != "bool":
        said["range"] = f"{decimal_text(spec.lowest, spec.scale)} … {decimal_text(spec.highest, spec.scale)}"
    return said | {"scorer": spec.by or None}
