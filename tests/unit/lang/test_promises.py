"""What each PROVE means, what it may name, and what is said when it is wrong."""

from __future__ import annotations

import pytest

from rlhf_contract.errors import SpecError
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Promise
from rlhf_contract.lang.explain import explain
from rlhf_contract.lang.parse import parse
from rlhf_contract.lang.promises import wording

RULES = "INVARIANT no_pii: NOT leak PENALTY 1\nALWAYS x > 0\n"


def of(blocks: str, rules: str = RULES) -> str:
    """A contract with signals of every kind, two stakeholders and two rules."""
    return (
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-2, 1]\nSIGNALS\n"
        "  x : score\n  n : int [0, 9]\n  leak : bool\n  severity : one of none, mild, severe\n"
        "  claims : list [3] of { true: bool, weight: real [0, 2], kind: one of fact, opinion }\n"
        "  claims.true : score\n  deep.list : list [2] of { n: int [0, 1] }\n"
        f"STAKEHOLDERS\n  operator WEIGHT 0.6 WANTS x\n  users WEIGHT 0.4 WANTS x\nAGGREGATE weighted_mean\n{rules}"
        f"{blocks}\n"
    )


EQUAL = ("both rows are admissible", "every other signal is equal")
SAME_FIELDS = "the list has the same length in both rows, and every other field of its entries is equal"
KEPT = "no rule that was kept is broken"
SAME = "both rows break the same rules"


@pytest.mark.parametrize(("block", "promise", "sentence", "assumptions"), [
    ("MONOTONE IN x", Promise("monotone", "x", 0, None, None),
     "Raising x alone, with no new violation, never lowers the reward.", (*EQUAL, KEPT)),
    ("MONOTONE IN leak", Promise("monotone", "leak", 2, None, None),
     "Turning leak from false to true, with all else equal and no new violation, never lowers the reward.",
     (*EQUAL, KEPT)),
    ("DECREASING IN severity", Promise("decreasing", "severity", 3, None, None),
     "Moving severity later in none, mild, severe, with all else equal and no new violation, never raises the reward.",
     (*EQUAL, KEPT)),
    ("DECREASING IN claims.weight", Promise("decreasing", "claims.weight", 4, 1, None),
     "Raising claims.weight in one or more entries, with all else equal and no new violation, never raises the reward.",
     (*EQUAL, SAME_FIELDS, KEPT)),
    ("MONOTONE IN claims.kind", Promise("monotone", "claims.kind", 4, 2, None),
     "Moving claims.kind later in fact, opinion in one or more entries, with all else equal and no new violation, "
     "never lowers the reward.", (*EQUAL, SAME_FIELDS, KEPT)),
    ("MONOTONE IN claims.true", Promise("monotone", "claims.true", 5, None, None),
     "Raising claims.true alone, with no new violation, never lowers the reward.", (*EQUAL, KEPT)),
    ("MONOTONE IN deep.list.n", Promise("monotone", "deep.list.n", 6, 0, None),
     "Raising deep.list.n in one or more entries, with all else equal and no new violation, never lowers the reward.",
     (*EQUAL, SAME_FIELDS, KEPT)),
    ("VIOLATION NEVER PAYS", Promise("violation_never_pays", "", None, None, None),
     "No answer that breaks a rule earns more than any answer that breaks no rule.", EQUAL[:1]),
    ("VIOLATION NEVER PAYS OF no_pii", Promise("violation_never_pays", "no_pii", 0, None, None),
     "No answer that breaks no_pii earns more than any answer that breaks no rule.", EQUAL[:1]),
    ("FIXING ALWAYS PAYS", Promise("fixing_always_pays", "", None, None, None),
     "Of two answers with the same utilities, which break the same rules except that one of them breaks one rule more, "
     "the other one never earns less.",
     (EQUAL[0], "every stakeholder has the same utility in both rows",
      "apart from the one that is mended, both rows break the same rules")),
    ("FIXING ALWAYS PAYS OF invariant_2", Promise("fixing_always_pays", "invariant_2", 1, None, None),
     "Of two answers with the same utilities, which break the same rules except that one of them also breaks "
     "invariant_2, the other one never earns less.",
     (EQUAL[0], "every stakeholder has the same utility in both rows",
      "apart from the one that is mended, both rows break the same rules")),
    ("PARETO", Promise("pareto", "", None, None, None),
     "If a second answer is at least as good for every stakeholder (operator, users) and breaks no rule that the first "
     "one keeps, it never earns less.",
     (EQUAL[0], "every stakeholder's utility is at least as high in the second row", KEPT)),
    ("INFLUENCE OF users AT MOST 0.25", Promise("influence", "users", 1, None, 250_000),
     "Of two answers that break the same rules and are equally good for every stakeholder but users, the rewards "
     "differ by at most 0.25.",
     (EQUAL[0], "every other stakeholder has the same utility in both rows", SAME)),
    ("SENSITIVITY TO n AT MOST 0.000001", Promise("sensitivity", "n", 1, None, 1),
     "Moving n alone, with no rule newly broken or mended, moves the reward by at most 0.000001 times as much, plus "
     "0.000001 for the rounding.", (*EQUAL, SAME)),
])  # fmt: skip
def test_wording(block: str, promise: Promise, sentence: str, assumptions: tuple[str, ...]) -> None:
    """A promise knows what it names, and one sentence says what it means, here and in the explanation."""
    source = of(f"PROVE {block}")
    contract = load(source)
    made = wording(contract, promise)
    (entry,) = next(s.entries for s in explain(parse(source)).sections if s.title == "Promises")

    assert contract.promises == (promise,)
    assert (made.sentence, made.assumptions) == (sentence, assumptions)
    assert [s.text for s in entry.sentences] == [sentence]


def test_ids_and_sources() -> None:
    """Promises come in the order of the source, each with an id of its own; some go back to an axiom or a paper."""
    blocks = ("MONOTONE IN x", "VIOLATION NEVER PAYS OF no_pii", "VIOLATION NEVER PAYS", "PARETO")
    contract = load(of("\n".join(f"PROVE {block}" for block in blocks)))
    sources = [wording(contract, promise).source for promise in contract.promises]

    assert [p.id for p in contract.promises] == [
        "monotone.x",
        "violation_never_pays.no_pii",
        "violation_never_pays",
        "pareto",
    ]
    assert sources[0] == ""
    assert ["Becker" in sources[1], "Becker" in sources[2], "Arrow" in sources[3]] == [True] * 3


@pytest.mark.parametrize(("block", "code", "message", "hint"), [
    ("MONOTONE IN claims", "type", "claims is a list; MONOTONE needs one of its fields", "name a field: claims.true"),
    ("MONOTONE IN claims.wait", "unknown-name", "no field is named claims.wait", "did you mean claims.weight?"),
    ("DECREASING IN y.z", "unknown-name", "no signal is named y.z", "known: x, n,"),
    ("SENSITIVITY TO severity AT MOST 1", "type", "severity is a choice; SENSITIVITY needs a number", "name a score"),
    ("SENSITIVITY TO claims AT MOST 1", "type", "claims is a list; SENSITIVITY needs a number", "name a score"),
    ("SENSITIVITY TO claims.weight AT MOST 1", "type", "claims.weight is a field of a list; SENSITIVITY needs a number",
     "name a score"),
    ("SENSITIVITY TO x AT MOST 0.1234567", "decimals", "0.1234567 has 7 decimals", "write 0.123456"),
    ("SENSITIVITY TO x AT MOST -1", "at-most", "a change is never below 0", "drop the minus sign"),
    ("VIOLATION NEVER PAYS OF no_pi", "unknown-name", "no rule is named no_pi", "did you mean no_pii?"),
    ("INFLUENCE OF user AT MOST 1", "unknown-name", "no stakeholder is named user", "did you mean users?"),
    ("PARETO PROVE PARETO", "duplicate-block", "a second PROVE PARETO", "keep one"),
    ("INFLUENCE OF users AT MOST 1 PROVE INFLUENCE OF users AT MOST 2", "duplicate-block",
     "a second PROVE INFLUENCE OF users", "keep one"),
    ("VIOLATION PAYS", "syntax", "“PAYS” does not belong here", "expected NEVER"),
    ("VIOLATION NEVER\nNEVER leak WITHOUT leak", "syntax", "this block ends too early", "expected PAYS"),
    ("FIXING\nALWAYS PAYS OF", "syntax", "the file ends too early", "expected a name"),
    ("VIOLATION\nALWAYS x > 0", "syntax", "this block ends too early", "expected NEVER"),
    ("INFLUENCE OF users", "syntax", "the file ends too early", "expected AT"),
    ("OF users", "syntax", "“OF” does not belong here",
     "expected DECREASING, FIXING, INFLUENCE, MONOTONE, PARETO, SENSITIVITY or VIOLATION"),
    ("PARETO OF users", "syntax", "“OF” does not belong here", "expected the next block"),
])  # fmt: skip
def test_what_is_wrong(block: str, code: str, message: str, hint: str) -> None:
    """One mistake gives one diagnostic, at its place, with what to write instead."""
    with pytest.raises(SpecError) as caught:
        load(of(f"PROVE {block}"))
    (problem,) = caught.value.diagnostics

    assert (problem.code, problem.message[: len(message)]) == (code, message)
    assert problem.hint.startswith(hint)


def test_violations_need_rules() -> None:
    """Where nothing can be violated, nothing is promised about it."""
    for block in ("VIOLATION NEVER PAYS", "FIXING ALWAYS PAYS OF no_pii"):
        with pytest.raises(SpecError) as caught:
            load(of(f"PROVE {block}", ""))

        assert [d.code for d in caught.value.diagnostics] == ["no-invariants"]


def test_a_broken_promise_hides_no_other_mistake() -> None:
    """A promise over several lines is one block, whose NEVER or ALWAYS begins none."""
    with pytest.raises(SpecError) as caught:
        parse(of("PROVE VIOLATION\n  NEVER # why\n PAYS\nOF\nPROVE FIXING\nALWAYS\nPAYS OF x y\nALWAYS x >\nLET a ="))

    assert [(d.span.line, d.code) for d in caught.value.diagnostics] == [
        (21, "syntax"),
        (24, "syntax"),
        (25, "syntax"),
        (26, "syntax"),
    ]


def test_the_words_of_promises_are_no_names() -> None:
    """OF is a keyword, `of` the word of a type; both stand in one file, and a region is no keyword."""
    load(of("PROVE FIXING ALWAYS PAYS OF no_pii").replace("VERSION 1.0.0", "VERSION 1.0.0 JURISDICTION TO"))
    for word in ("OF", "TO", "PAYS", "PARETO"):
        with pytest.raises(SpecError):
            parse(of("").replace("x : score", f"{word} : score"))
