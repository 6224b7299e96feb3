"""A contract in plain English, block by block, so that a reader can check it against the source beside it.

Everything in the source is said: each name, number, string, choice and comment. Nothing else is used than the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.lang import ast
from rlhf_contract.lang.explain_html import to_html
from rlhf_contract.lang.explain_markdown import to_markdown
from rlhf_contract.lang.explanation import Entry, Explanation, Pieces, Section, Sentence, code, quote, say
from rlhf_contract.lang.passages import Source
from rlhf_contract.lang.phrase import Kind, Phrases
from rlhf_contract.lang.promises import sentence
from rlhf_contract.types import decimal_text

__all__ = ["explain", "to_html", "to_markdown"]

Told = tuple[str, int, tuple[Sentence, ...]]
"""The title of a section, where its source begins, what is said about it."""

_ABOUT = (
    "The source is the text that is voted on. The English with it was written by a program from that text alone. "
    "Where the two seem to differ, the source is what counts.",
)

_HEADER = "The contract"
_SIGNALS = "What is measured"
_LETS = "Abbreviations"
_STAKEHOLDERS = "Who wants what"
_AGGREGATE = "How the wishes become one number"
_REQUIRES = "Which rows are rewarded at all"
_RULES = "Rules"
_PROMISES = "Promises"

_SECTIONS = {
    _SIGNALS: (
        "Every sample is one row of these signals, and its reward depends on nothing else. Where no scorer is pinned, "
        "the contract leaves open who measures.",
    ),
    _LETS: ("A name that stands for an expression, wherever it is used.",),
    _STAKEHOLDERS: (
        "What a stakeholder wants is a number, computed for every row: its utility. The higher it is, the better for "
        "this stakeholder.",
    ),
    _RULES: (
        "The penalties of all the rules that a row breaks are subtracted. Then its reward is at most the lowest limit "
        "that these rules set. So breaking one more rule never helps.",
    ),
    _PROMISES: (
        "A promise changes no reward. It is to be proved for every possible row, or refuted by a row that breaks it. "
        "It speaks about the final, rounded reward.",
    ),
}

_READING = (
    "A row in which a signal is missing, not a number (NaN), infinite, of the wrong type or out of its range, or in "
    "which a list is too long, gets no reward, and the reason is given. No reward is not a reward of zero.",
    "A row that does not meet a requirement (REQUIRES) gets no reward either, and the reason is given.",
    "Every other row is rewarded in this order: the utility of each stakeholder; their combination; the penalties of "
    "the broken rules; the lowest limit of the broken rules; rounding.",
    "Numbers are exact decimals, and a signal has six. The reward is rounded once, at the end, down to six decimals. "
    "Where anything is rounded before, the English says so. Down is towards the lower number, also below zero.",
    "Parentheses show what belongs together. “Or” allows both. “From” and “to” include both ends. “Whenever” one thing "
    "is true, another is: this demands nothing where the first is false.",
    "A signal is called what its author likes. That it measures what its name says is not part of what is proved.",
    "An author’s note is a comment in the source. It changes no reward, but it is part of the text that is voted on.",
)
_LISTS = (
    "In an empty list, a statement about every entry is true, one about at least one entry is false, and the number "
    "and the sum are 0.",
)


def explain(spec: ast.Spec) -> Explanation:
    """What `spec` says, in English.

    It is for files that `check` accepts; of others it says what is written, not what is wrong with it.
    """
    source = Source(spec)
    told = list(_Teller(spec, source).tell())
    passages = source.passages([start for _, start, _ in told])
    sections, met = [], set()
    for title, group in groupby(zip(told, passages, strict=True), key=lambda pair: pair[0][0]):
        entries = tuple(
            Entry(
                p.first_line,
                p.last_line,
                p.text,
                sentences,
                tuple(c.text.strip() for c in p.comments if c.text.strip()),
            )
            for (_, _, sentences), p in group
        )
        about = () if title in met else _plain(_SECTIONS.get(title, ()))
        met.add(title)
        sections.append(Section(title, about, entries))
    lists = _LISTS if any(s.kind == "list" for s in spec.signals) else ()
    sections.append(Section("How to read this", _plain((*_READING, *lists)), ()))
    spec_hash = to_hex(keccak256(spec.source.encode("utf-8")))
    return Explanation(spec.name, spec.version, spec.title, spec_hash, _plain(_ABOUT), tuple(sections))


def _plain(texts: tuple[str, ...]) -> tuple[Sentence, ...]:
    return tuple(Sentence(say(text)) for text in texts)


def _kinds(spec: ast.Spec) -> Phrases:
    """The kind of every signal, LET and field."""
    kinds: dict[str, Kind] = {s.name: _kind(s) for s in spec.signals if s.kind != "list"}
    fields = {s.name: {f.name: _kind(f) for f in s.fields} for s in spec.signals}
    for let in spec.lets:
        kinds[let.name] = Phrases(kinds, fields).kind(let.body)
    return Phrases(kinds, fields)


def _kind(declared: ast.Signal | ast.Field) -> Kind:
    match declared.kind:
        case "bool":
            return "condition"
        case "choice":
            return "choice"
        case _:
            return "number"


def _number(decimal: ast.Decimal) -> str:
    return decimal_text(decimal.value, decimal.scale)


class _Teller:
    """Goes through the blocks in the order of the source and says each."""

    def __init__(self, spec: ast.Spec, source: Source) -> None:
        self._spec, self._source, self._phrases = spec, source, _kinds(spec)

    def tell(self) -> Iterator[Told]:
        yield _HEADER, 0, tuple(self._header())
        for block in self._spec.blocks:
            yield from self._block(block)

    def _block(self, block: ast.Block) -> Iterator[Told]:
        begins, before = self._source.offset, self._source.before
        match block:
            case ast.Signals():
                for n, signal in enumerate(block.signals):
                    yield _SIGNALS, begins(signal.span if n else block.span), tuple(_signal(signal))
            case ast.Let():
                yield _LETS, before("LET", block.span), (self._let(block),)
            case ast.Stakeholders():
                for n, holder in enumerate(block.stakeholders):
                    yield _STAKEHOLDERS, begins(holder.span if n else block.span), tuple(self._stakeholder(holder))
            case ast.Aggregate():
                yield _AGGREGATE, before("AGGREGATE", block.span), tuple(_aggregate(block))
            case ast.Requires():
                yield _REQUIRES, begins(block.span), tuple(self._requires(block))
            case ast.Invariant():
                yield _RULES, begins(block.span), tuple(self._rule(block))
            case ast.Ensures():
                yield _PROMISES, begins(block.span), (self._ensures(block),)
            case ast.Prove():
                start = before("PROVE", block.span) if block.subject else begins(block.span)
                yield _PROMISES, start, (Sentence(sentence(self._spec, block)),)

    def _header(self) -> Iterator[Sentence]:
        spec = self._spec
        yield Sentence(say("This is the reward contract {}, version {}.", code(spec.name), spec.version))
        yield Sentence(say("Its title is {}.", quote(spec.title)) if spec.title else say("It has no title."))
        regions = ", ".join(spec.jurisdiction)
        yield Sentence(say(f"It names as its jurisdiction: {regions}." if regions else "It names no jurisdiction."))
        ends = _number(spec.lowest), _number(spec.highest)
        yield Sentence(say("It promises that every reward lies in the range from {} to {}.", *ends))
        yield Sentence(say("That is a promise, to be proved for every possible row: no reward is cut off to fit it."))
        yield Sentence(say("It is written in version 1 of the language Legal-Blocks."))

    def _let(self, let: ast.Let) -> Sentence:
        if self._phrases.kind(let.body) == "condition":
            return self._phrases.claim(say("{} is true exactly if", code(let.name)), let.body)
        return self._phrases.equation(say("{} stands for", code(let.name)), let.body)

    def _stakeholder(self, holder: ast.Stakeholder) -> Iterator[Sentence]:
        percent = decimal_text(holder.weight.value * 100, holder.weight.scale)
        yield Sentence(say("{} has a weight of {} % ({}).", code(holder.name), percent, _number(holder.weight)))
        yield self._phrases.value(say("It wants as much as possible of"), holder.wants)
        yield Sentence(say("As a formula: {}", code(self._source.formula(holder.wants.span))))
        nash = any(a.rule == "nash_product" for a in self._spec.aggregates)
        if holder.floor is not None:
            unused = "" if nash else " Only nash_product looks at it, so it has no effect here."
            yield Sentence(say(f"Its FLOOR, the least that it can accept, is {{}}.{unused}", _number(holder.floor)))
        elif nash:
            yield Sentence(say("It names no FLOOR, which counts as 0."))
        yield Sentence(say("It has a VETO: it can stop a proposal alone." if holder.veto else "It has no veto."))

    def _requires(self, block: ast.Requires) -> Iterator[Sentence]:
        lead = say("By requirement {}, a", code(block.name)) if block.name else say("A")
        yield self._phrases.claim(say("{} row is rewarded only if", lead), block.condition)
        yield Sentence(say("Where it is false, the row gets no reward at all (which is not a reward of zero)."))

    def _rule(self, rule: ast.Invariant) -> Iterator[Sentence]:
        condition = rule.condition
        if rule.unless is not None:
            condition = ast.Binary("IMPLIES", rule.condition, rule.unless, rule.span)
        lead = say("rule {}", code(rule.name)) if rule.name else say("this unnamed rule")
        yield self._phrases.claim(say("A row keeps {} if", lead), condition)
        if rule.unless is not None:
            yield Sentence(say("So the first is NEVER true WITHOUT the second."))
        yield Sentence(_consequence(rule))
        if rule.cites:
            yield Sentence(say("It cites {}.", quote(rule.cites)))

    def _ensures(self, block: ast.Ensures) -> Sentence:
        lead = say("Promise {}", code(block.name)) if block.name else say("Unnamed promise")
        return self._phrases.claim(say("{}: for every row that gets a reward,", lead), block.condition)


def _range(declared: ast.Signal | ast.Field) -> str:
    """The values of a type in words; for a list, of nothing."""
    low, high = declared.lowest, declared.highest
    ends = f" from {_number(low)} to {_number(high)}" if low is not None and high is not None else ""
    match declared.kind:
        case "score":
            return "a score, that is a number from 0 to 1"
        case "real":
            return f"a number{ends}"
        case "int":
            return f"a whole number{ends}"
        case "bool":
            return "either true or false"
        case "choice":
            return "one of these choices: "
        case "list":
            return "a list"


def _type(declared: ast.Signal | ast.Field) -> Pieces:
    choices = [piece for choice in declared.choices for piece in say(", {}", code(choice))]
    return say("{}{}", _range(declared), say("{}", code(declared.choices[0])) + tuple(choices[2:]) if choices else ())


def _signal(signal: ast.Signal) -> Iterator[Sentence]:
    if signal.kind == "list":
        fields = tuple(Sentence(say("{}: {}", code(f.name), _type(f))) for f in signal.fields)
        entries = "1 entry" if signal.length == 1 else f"{signal.length} entries"
        yield Sentence(say(f"{{}} is a list of 0 to {entries}. Each entry has:", code(signal.name)), fields)
    else:
        yield Sentence(say("{} is {}.", code(signal.name), _type(signal)))
    if signal.by:
        yield Sentence(say("It is made by this scorer, which is pinned: {}.", quote(signal.by)))
    else:
        yield Sentence(say("No scorer is pinned."))


_NO_WEIGHTS = "The weights have no effect on the reward."
_AGGREGATIONS = {
    "weighted_mean": "the utility of each stakeholder times its weight, all added up.",
    "maximin": f"the worst-off stakeholder decides; the result is the lowest of the utilities. {_NO_WEIGHTS}",
    "weighted_median": "in ascending order of utility, the weights are added up; the result is the utility at which "
    "they reach one half (of two in the middle, the lower one).",
    "lexicographic": "the range of each utility is cut into {} equal tiers. The tier of the stakeholder that is listed "
    "first decides; each later one only breaks ties. The result is the rank that this gives, from 0 (all in the lowest "
    f"tier) to 1 (all in the highest), rounded down to six decimals. {_NO_WEIGHTS}",
    "nash_product": "the weighted geometric mean of what each stakeholder gets above its FLOOR, rounded down; it may "
    "come out a little too low, never too high. It is 0 if anyone gets no more than that.",
}


def _aggregate(block: ast.Aggregate) -> Iterator[Sentence]:
    levels = () if block.levels is None else (str(block.levels),)
    meaning = _AGGREGATIONS.get(block.rule, "")
    if meaning.count("{}") == len(levels):
        yield Sentence(say(f"{{}}: {meaning}", code(block.rule), *levels))
    else:
        yield Sentence(say("{} {}", code(block.rule), "".join(f"({level})" for level in levels)))


def _consequence(rule: ast.Invariant) -> Pieces:
    """What happens to a row that breaks the rule."""
    penalty, limit = rule.penalty, rule.at_most
    if penalty is not None and limit is not None:
        text = "If it is broken, {} is subtracted from the reward, which is then at most {}."
        return say(text, _number(penalty), _number(limit))
    if penalty is not None:
        return say("If it is broken, {} is subtracted from the reward.", _number(penalty))
    if limit is not None:
        return say("If it is broken, the reward is at most {}.", _number(limit))
    return say("If it is broken, that is recorded only: the reward stays as it is.")
