"""The promises of PROVE: what they name, and the one sentence that says what each means.

A promise speaks about all admissible rows, most of them about pairs of rows. "Breaks a rule" means: violates an
invariant. The reward is the final one, rounded to six decimals.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlhf_contract.lang import ast
from rlhf_contract.lang.contract import Contract, Promise
from rlhf_contract.lang.explanation import Pieces, code, say
from rlhf_contract.lang.names import Scope
from rlhf_contract.types import decimal_text

__all__ = ["Wording", "resolve", "sentence", "wording"]


def _find(spec: ast.Spec, name: str) -> tuple[int, int | None] | None:
    """The index of the signal called `name`; or of a list and of its field, when `name` is `list.field`."""
    for index, signal in enumerate(spec.signals):
        if signal.name == name:
            return index, None
    head, _, last = name.rpartition(".")
    for index, signal in enumerate(spec.signals):
        if signal.kind == "list" and signal.name == head:
            for number, field in enumerate(signal.fields):
                if field.name == last:
                    return index, number
    return None


# -- what a promise names


def resolve(spec: ast.Spec, scope: Scope) -> tuple[Promise, ...]:
    """The promises of `spec`, each with the index of what it names; what is wrong with one goes to `scope`."""
    made: dict[tuple[str, str], Promise] = {}
    for block in spec.promises:
        key = block.form, block.subject
        if key in made:
            text = f"{ast.promise_words(block)} {block.subject}".rstrip()
            scope.problem("duplicate-block", f"a second PROVE {text}", block.span, "keep one")
        index, field = _named(spec, scope, block) or (None, None)
        at_most = None
        if block.at_most:
            at_most = block.at_most.value * 10 ** (6 - block.at_most.scale)
            if at_most < 0:
                scope.problem("at-most", "a change is never below 0", block.at_most.span, "drop the minus sign")
        made.setdefault(key, Promise(*key, index, field, at_most))
    return tuple(made.values())


def _named(spec: ast.Spec, scope: Scope, block: ast.Prove) -> tuple[int, int | None] | None:
    """The index of what `block` names, and of the field of a list."""
    match block.form:
        case "monotone" | "decreasing" | "sensitivity":
            return _signal(spec, scope, block)
        case "violation_never_pays" | "fixing_always_pays":
            rules = [rule.name or f"invariant_{number}" for number, rule in enumerate(spec.invariants, 1)]
            if not rules:
                hint = "add an INVARIANT, or drop this promise"
                scope.problem("no-invariants", "there is no INVARIANT that a row could violate", block.span, hint)
                return None
            return _one_of(rules, scope, block, "rule") if block.subject else None
        case "influence":
            return _one_of([holder.name for holder in spec.stakeholders], scope, block, "stakeholder")
        case "pareto":
            return None


def _one_of(names: list[str], scope: Scope, block: ast.Prove, what: str) -> tuple[int, None] | None:
    if block.subject in names:
        return names.index(block.subject), None
    scope.unknown(block.subject, block.span, names, what)
    return None


def _signal(spec: ast.Spec, scope: Scope, block: ast.Prove) -> tuple[int, int | None] | None:
    """The signal, or field of a list, that is to be moved."""
    name, word = block.subject, ast.promise_words(block).split()[0]
    found = _find(spec, name)
    if found is None:
        lists = {s.name: [f"{s.name}.{f.name}" for f in s.fields] for s in spec.signals if s.kind == "list"}
        fields = lists.get(name.rpartition(".")[0])
        scope.unknown(name, block.span, fields or [s.name for s in spec.signals], "field" if fields else "signal")
        return None
    index, field = found
    signal = spec.signals[index]
    if word == "SENSITIVITY" and (field is not None or signal.kind in ("bool", "choice", "list")):
        kind = "field of a list" if field is not None else signal.kind
        hint = "name a score, real or int that is no field of a list"
        scope.problem("type", f"{name} is a {kind}; SENSITIVITY needs a number", block.span, hint)
    elif field is None and signal.kind == "list":
        hint = f"name a field: {name}.{signal.fields[0].name}"
        scope.problem("type", f"{name} is a list; {word} needs one of its fields", block.span, hint)
    return found


# -- what a promise means


@dataclass(frozen=True, slots=True)
class Wording:
    """A promise in plain English. `source`: the axiom or paper that it comes from, '' if it has none."""

    sentence: str
    source: str
    assumptions: tuple[str, ...]


_DETERRENCE = "deterrence (Becker, Crime and Punishment: An Economic Approach, Journal of Political Economy 76, 1968)"
_SOURCES: dict[ast.PromiseForm, str] = {
    "violation_never_pays": _DETERRENCE,
    "fixing_always_pays": _DETERRENCE,
    "pareto": "the Pareto principle, for “at least as good” (Arrow, Social Choice and Individual Values, 1951)",
    "influence": "global sensitivity to one participant (Dwork, McSherry, Nissim, Smith, Calibrating Noise to "
    "Sensitivity in Private Data Analysis, TCC 2006)",
    "sensitivity": "a Lipschitz bound, as a brake on reward hacking (Amodei et al., Concrete Problems in AI Safety, "
    "2016; Gao, Schulman, Hilton, Scaling Laws for Reward Model Overoptimization, ICML 2023)",
}

_ADMISSIBLE = "both rows are admissible"
_OTHER_SIGNALS = "every other signal is equal"
_KEPT = "no rule that was kept is broken"
_SAME_RULES = "both rows break the same rules"
_ASSUMPTIONS: dict[ast.PromiseForm, tuple[str, ...]] = {
    "monotone": (_ADMISSIBLE, _OTHER_SIGNALS, _KEPT),
    "decreasing": (_ADMISSIBLE, _OTHER_SIGNALS, _KEPT),
    "violation_never_pays": (_ADMISSIBLE,),
    "fixing_always_pays": (
        _ADMISSIBLE,
        "every stakeholder has the same utility in both rows",
        "apart from the one that is mended, both rows break the same rules",
    ),
    "pareto": (_ADMISSIBLE, "every stakeholder's utility is at least as high in the second row", _KEPT),
    "influence": (_ADMISSIBLE, "every other stakeholder has the same utility in both rows", _SAME_RULES),
    "sensitivity": (_ADMISSIBLE, _OTHER_SIGNALS, _SAME_RULES),
}
_FIELDS = "the list has the same length in both rows, and every other field of its entries is equal"


def wording(contract: Contract, promise: Promise) -> Wording:
    """What `promise` means, with the names and numbers of its contract."""
    most = "" if promise.at_most is None else decimal_text(promise.at_most, 6)
    pieces = _said(contract.tree, promise.form, promise.subject, most)
    assumptions = _ASSUMPTIONS[promise.form]
    if promise.field is not None:
        assumptions = (*assumptions[:2], _FIELDS, *assumptions[2:])
    return Wording("".join(piece.text for piece in pieces), _SOURCES.get(promise.form, ""), assumptions)


def sentence(spec: ast.Spec, promise: ast.Prove) -> Pieces:
    """The sentence of `wording`, in which the author's words are marked."""
    most = "" if promise.at_most is None else decimal_text(promise.at_most.value, promise.at_most.scale)
    return _said(spec, promise.form, promise.subject, most)


def _said(spec: ast.Spec, form: ast.PromiseForm, subject: str, most: str) -> Pieces:
    named = code(subject)
    match form:
        case "monotone":
            return say("{}, never lowers the reward.", _raising(spec, subject))
        case "decreasing":
            return say("{}, never raises the reward.", _raising(spec, subject))
        case "violation_never_pays":
            broken = (named,) if subject else say("a rule")
            return say("No answer that breaks {} earns more than any answer that breaks no rule.", broken)
        case "fixing_always_pays" if subject:
            text = "Of two answers with the same utilities, which break the same rules except that one of them also "
            return say(text + "breaks {}, the other one never earns less.", named)
        case "fixing_always_pays":
            text = "Of two answers with the same utilities, which break the same rules except that one of them breaks "
            return say(text + "one rule more, the other one never earns less.")
        case "pareto":
            names = _listed([holder.name for holder in spec.stakeholders])
            who = say(" ({})", names) if names else ()
            text = "If a second answer is at least as good for every stakeholder{} and breaks no rule that the first "
            return say(text + "one keeps, it never earns less.", who)
        case "influence":
            text = "Of two answers that break the same rules and are equally good for every stakeholder but {}, the "
            return say(text + "rewards differ by at most {}.", named, most)
        case "sensitivity":
            text = "Moving {} alone, with no rule newly broken or mended, moves the reward by at most {} times as "
            return say(text + "much, plus 0.000001 for the rounding.", named, most)


def _raising(spec: ast.Spec, subject: str) -> Pieces:
    """What moves and what does not; a promise about nothing that is declared speaks of it as of a number."""
    index, number = _find(spec, subject) or (None, None)
    declared: ast.Signal | ast.Field | None = None if index is None else spec.signals[index]
    if isinstance(declared, ast.Signal) and number is not None:
        declared = declared.fields[number]
    named, where = code(subject), "" if number is None else " in one or more entries"
    rest = f"{where}, with all else equal and no new violation"
    if declared is not None and declared.kind == "bool":
        return say(f"Turning {{}} from false to true{rest}", named)
    if declared is not None and declared.kind == "choice":
        return say(f"Moving {{}} later in {{}}{rest}", named, _listed(list(declared.choices)))
    return say(f"Raising {{}}{rest}" if where else "Raising {} alone, with no new violation", named)


def _listed(names: list[str]) -> Pieces:
    """The names with commas between."""
    return tuple(piece for name in names for piece in say(", {}", code(name)))[1:]
