"""A comparison in plain English: sentences and tables, which know which of their words the authors wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rlhf_contract.lang.explanation import Pieces, code, quote, say
from rlhf_contract.prove.compare.changes import Change, Difference, PromiseChange, RuleChange, RuleText
from rlhf_contract.prove.compare.conditions import Strictness
from rlhf_contract.prove.compare.versions import Answer, Comparison, Extent, Relation, Shown
from rlhf_contract.prove.query import solver_name
from rlhf_contract.types import decimal_text

__all__ = ["Paper", "Part", "paper"]


@dataclass(frozen=True, slots=True)
class Part:
    """Some sentences, and a table below them; `strong` are the rows of it that are to stand out."""

    title: str
    about: tuple[Pieces, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Pieces, ...], ...] = ()
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Paper:
    """What a voter is shown. `first` is the answer in one sentence."""

    title: str
    first: Pieces
    about: tuple[Pieces, ...]
    parts: tuple[Part, ...]
    footer: tuple[tuple[str, str], ...]


def paper(c: Comparison) -> Paper:
    """The comparison for people."""
    old, new = _labels(c)
    parts = [_rows(c, old, new), _promises(c), _rules(c), _differences(c)]
    footer = (
        (f"specHash of {old}", c.old.spec_hash),
        (f"specHash of {new}", c.new.spec_hash),
        ("solver", solver_name()),
    )
    title = f"From {c.old.contract} {c.old.version} to {c.new.contract} {c.new.version}"
    return Paper(title, _first(c, old, new), tuple(_about(c, old, new)), tuple(p for p in parts if p), footer)


def _labels(c: Comparison) -> tuple[str, str]:
    """What to call the two."""
    if c.old.contract != c.new.contract:
        return f"{c.old.contract} {c.old.version}", f"{c.new.contract} {c.new.version}"
    if c.old.version != c.new.version:
        return c.old.version, c.new.version
    return "the old text", "the new text"


# -- sentences


def _first(c: Comparison, old: str, new: str) -> Pieces:
    more = _some(c.rise, "more", c.only_new.answer, "some are newly rewarded")
    less = _some(c.fall, "less", c.only_old.answer, "some are no longer rewarded")
    match c.relation:
        case Relation.EQUIVALENT:
            return say(f"{new} is equivalent to {old}: every answer earns the same.")
        case Relation.STRICTER:
            return say(f"{new} is stricter than {old}: no answer earns more, {less}.")
        case Relation.LOOSER:
            return say(f"{new} is looser than {old}: no answer earns less, {more}.")
        case Relation.INCOMPARABLE if c.apart:
            return say(f"{new} and {old} do not read the same rows, so their rewards cannot be compared.")
        case Relation.INCOMPARABLE:
            return say(f"{new} and {old} are incomparable: {more}, and {less}.")
        case _:
            known = "; ".join(_known(c, more, less))
            known = f" Known is: {known}." if known else ""
            return say(f"How {new} compares to {old} is not known: the solver’s budget was not enough.{known}")


def _some(extent: Extent, word: str, admitted: Answer, admitted_words: str) -> str:
    said = []
    if extent.answer is Answer.YES:
        reach = "up to" if extent.exact else "at least"
        said.append(f"some earn {reach} {decimal_text(extent.least, 6)} {word}")
    if admitted is Answer.YES:
        said.append(admitted_words)
    return ", ".join(said)


def _known(c: Comparison, more: str, less: str) -> Iterator[str]:
    """What is known where the relation is not."""
    for extent, admitted, some, word in ((c.rise, c.only_new, more, "more"), (c.fall, c.only_old, less, "less")):
        if some:
            yield some
        elif extent.answer is Answer.NO and admitted.answer is Answer.NO:
            yield f"no answer earns {word}"
        elif extent.answer is Answer.UNKNOWN and extent.most is not None:
            yield f"no answer earns over {decimal_text(extent.most, 6)} {word}"


def _about(c: Comparison, old: str, new: str) -> Iterator[Pieces]:
    if c.old.contract != c.new.contract:
        yield say(f"These are two different contracts, {c.old.contract} and {c.new.contract}.")
    for reason in c.apart:
        yield say(reason)
    if c.by_structure:
        yield say("Both say the same about rewards, apart from order, names and layout; no solver was needed.")
    for extent, word in ((c.rise, "more"), (c.fall, "less")):
        if extent.answer is Answer.YES and not extent.exact:
            limit = "" if extent.most is None else f", but provably by no more than {decimal_text(extent.most, 6)}"
            yield say(f"Some answer may earn still {word} than the largest change that was found{limit}.")
    yield _refines(c, old, new)


def _refines(c: Comparison, old: str, new: str) -> Pieces:
    if c.apart:
        return say(f"Whether {new} refines {old} cannot be asked without common rows.")
    match c.refines.answer, c.refines.row:
        case Answer.YES, _:
            text = "no answer that breaks a rule there earns more here, and none is rewarded that was not"
            return say(f"{new} refines {old}: {text}.")
        case Answer.NO, row if row and row["old"]["status"] == "rewarded":
            broken = ", ".join(row["old"]["broken"])
            moved = f"from {row['old']['reward']} to {row['new']['reward']}"
            return say(f"{new} does not refine {old}: an answer that breaks {{}} goes {moved}.", code(broken))
        case Answer.NO, _:
            return say(f"{new} does not refine {old}: it rewards an answer that was not rewarded.")
    return say(f"Whether {new} refines {old} is not known: the solver’s budget was not enough.")


# -- rows


def _rows(c: Comparison, old: str, new: str) -> Part | None:
    """A column for each row that shows something."""
    shown: list[tuple[str, Shown]] = []
    for title, row in (
        ("rises most", c.rise.row),
        ("falls most", c.fall.row),
        (f"rewarded by {new} only", c.only_new.row),
        (f"rewarded by {old} only", c.only_old.row),
        ("a breach pays more", c.refines.row),
    ):
        if row and all(row != other for _, other in shown):
            shown.append((title, row))
    if not shown:
        return None
    rows = [
        (say("{}", code(name)), *(_value(row["signals"][name]) for _, row in shown)) for name in shown[0][1]["signals"]
    ]
    start = len(rows)
    for key, label in (("old", old), ("new", new)):
        rows.append((say(f"reward in {label}"), *(_reward(row[key]) for _, row in shown)))
    for key, label in (("old", old), ("new", new)):
        rows.append((say(f"broken in {label}"), *(_names(row[key]["broken"]) for _, row in shown)))
    about = say("The programs of both versions were run on these rows.")
    columns = ("signal", *(title for title, _ in shown))
    return Part("Answers that show it", (about,), columns, tuple(rows), frozenset((start, start + 1)))


def _value(value: Any) -> Pieces:
    if isinstance(value, list):
        records = (", ".join(f"{name} {_text(v)}" for name, v in record.items()) for record in value)
        return say("\n".join(f"{i}: {record}" for i, record in enumerate(records)) or "empty")
    return say(_text(value))


def _text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _reward(said: dict[str, Any]) -> Pieces:
    if said["reward"] is not None:
        return say(str(said["reward"]))
    return say("none: {} fails", code(said["requires"])) if said["requires"] else say("none: cannot be read")


def _names(names: list[str]) -> Pieces:
    return say("{}", code(", ".join(names))) if names else say("–")


# -- promises, rules, and the rest


def _promises(c: Comparison) -> Part:
    changed = [p for p in c.promises if p.change is not Change.SAME]
    rest = len(c.promises) - len(changed)
    about = _unchanged(rest, "promise", bool(changed))
    rows = tuple(_promise(p) for p in changed)
    note = say("Whether a promise holds is for prove to say; this compares what is promised.")
    columns = ("promise", "change", "before", "after") if rows else ()
    return Part("Promises", (say(about), note) if rows else (say(about),), columns, rows)


def _unchanged(rest: int, what: str, others: bool) -> str:
    if not others:
        return f"All {_count(rest, what)}: unchanged."
    return f"{_count(rest, what)} unchanged." if rest else f"Every {what} changed."


def _promise(p: PromiseChange) -> tuple[Pieces, ...]:
    name = say("{} (was {})", code(p.id), code(p.was)) if p.was else say("{}", code(p.id))
    return name, say(p.change.value), say(p.old or "–"), say(p.new or "–")


_CONDITIONS = {
    Strictness.SAME: "same",
    Strictness.STRICTER: "stricter: holds on fewer rows",
    Strictness.LOOSER: "looser: holds on more rows",
    Strictness.INCOMPARABLE: "different: neither implies the other",
    Strictness.UNKNOWN: "not known",
}


def _rules(c: Comparison) -> Part | None:
    changed = [r for r in c.rules if r.change is not Change.SAME]
    if not c.rules:
        return None
    rest = len(c.rules) - len(changed)
    about = _unchanged(rest, "rule", bool(changed))
    columns = ("rule", "change", "condition", "before", "after") if changed else ()
    return Part("Rules", (say(about),), columns, tuple(_rule(r, bool(c.apart)) for r in changed))


def _rule(r: RuleChange, apart: bool) -> tuple[Pieces, ...]:
    name = say("{} (was {})", code(r.name), code(r.was)) if r.was else say("{}", code(r.name))
    condition = "–" if r.condition is None else _CONDITIONS[r.condition]
    if apart and r.condition is Strictness.INCOMPARABLE:
        condition = "written differently"
    return name, say(r.change.value), say(condition), _rule_text(r.kind, r.old), _rule_text(r.kind, r.new)


def _rule_text(kind: str, text: RuleText | None) -> Pieces:
    if text is None:
        return say("–")
    parts = [text.condition, f"PENALTY {text.penalty}" if text.penalty else ""]
    parts.append(f"REWARD AT MOST {text.at_most}" if text.at_most else "")
    if kind == "requires":
        parts.insert(0, "REQUIRES")
    said = say("{}", code(" ".join(filter(None, parts))))
    return (*said, *say(", cites {}", quote(text.cites))) if text.cites else said


def _differences(c: Comparison) -> Part | None:
    if not c.differences:
        return None
    rows = tuple(_difference(d) for d in c.differences)
    return Part("What else is written differently", (), ("what", "before", "after"), rows)


def _difference(d: Difference) -> tuple[Pieces, ...]:
    what = say(f"{d.kind} {{}} {d.what}".rstrip(), code(d.name)) if d.name else say(d.what)
    free = d.what in ("title", "jurisdiction", "scorer")
    return what, *(say("–") if not v else (quote(v),) if free else say("{}", code(v)) for v in (d.old, d.new))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
