"""What a vote changes: relations, largest changes with rows that show them, promises and rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import numpy as np
import pytest

from columns import as_columns
from generated import random_rows, random_spec
from rlhf_contract.errors import InternalError, SpecError
from rlhf_contract.lang import load
from rlhf_contract.lang.format import format_spec
from rlhf_contract.lang.parse import parse
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.step import Outcome, run
from rlhf_contract.prove.compare import pair as pair_module
from rlhf_contract.prove.compare.changes import Change
from rlhf_contract.prove.compare.conditions import Strictness
from rlhf_contract.prove.compare.pair import Pair, pair
from rlhf_contract.prove.compare.versions import Answer, Comparison, Relation, compare, in_turn, to_json
from rlhf_contract.prove.query import Budget
from rlhf_contract.types import Status

EXAMPLES = Path(__file__).parents[3] / "examples"
LEAKY = (EXAMPLES / "leaky.legal").read_text("utf-8")
SAFE = (EXAMPLES / "safe_assistant.legal").read_text("utf-8")
SMALL = Budget(rlimit=2_000_000, seconds=5)

BASE = """LEGAL-BLOCKS 1
CONTRACT C VERSION 1.0.0
  REWARD IN [-2, 1]
SIGNALS
  x  : score
  y  : real [0, 1]
  n  : int [0, 100]
  b  : bool
  c  : one of low, middle, high
  xs : list [3] of { t: bool, v: score }
LET half = 0.5 * x + 0.5 * y
LET mood = curve(n, (0, 0), (10, 0.5), (100, 1))
STAKEHOLDERS
  a WEIGHT 0.3 WANTS half
  d WEIGHT 0.3 WANTS mood
  e WEIGHT 0.4 WANTS y
AGGREGATE weighted_mean
REQUIRES  some:  n > 0
INVARIANT truth: FORALL s IN xs: s.t OR s.v > 0.5  PENALTY 0.5
INVARIANT no_b:  NOT b  PENALTY 0.25
INVARIANT low:   c = low IMPLIES x > 0.2  REWARD AT MOST 0
INVARIANT mid:   c != middle  PENALTY 0.1  REWARD AT MOST 0.1
ENSURES   civil: b IMPLIES reward <= 0.75
PROVE     MONOTONE IN x
PROVE     INFLUENCE OF a AT MOST 0.5
"""
REWRITTEN = """LEGAL-BLOCKS 1
CONTRACT C VERSION 1.0.1
  REWARD IN [-2, 1]
INVARIANT mid:   NOT (c = middle)  PENALTY 0.1  REWARD AT MOST 0.1
SIGNALS
  b  : bool
  y  : real [0, 1]
  x  : score
  xs : list [3] of { v: score, t: bool }
  n  : int [0, 100]
  c  : one of low, middle, high
LET feel = curve(n, (0, 0), (10, 0.5), (100, 1))
LET average = 0.5 * (y + x)
STAKEHOLDERS
  HOLDERS
AGGREGATE weighted_mean
INVARIANT no_b:  NOT b  PENALTY 0.25
INVARIANT low:   0.2 < x OR NOT (c = low)  REWARD AT MOST 0
INVARIANT truth: FORALL each IN xs: each.v > 0.5 OR each.t  PENALTY 0.5
REQUIRES  some:  0 < n
PROVE     INFLUENCE OF a AT MOST 0.5
PROVE     MONOTONE IN x
ENSURES   civil: reward <= 0.75 OR NOT b
"""
HOLDERS = ("a WEIGHT 0.3 WANTS average", "d WEIGHT 0.3 WANTS feel", "e WEIGHT 0.4 WANTS y")


def compared(old: str, new: str, budget: Budget = SMALL) -> Comparison:
    return in_turn(load(old), load(new), budget)


def changed(*replacements: tuple[str, str], base: str = BASE) -> str:
    for was, is_ in replacements:
        assert was in base
        base = base.replace(was, is_)
    return base


def rule(c: Comparison, name: str) -> tuple[Change, Strictness | None, str]:
    (found,) = [r for r in c.rules if r.name == name]
    return found.change, found.condition, found.was


def promise(c: Comparison, id_: str) -> Change:
    (found,) = [p.change for p in c.promises if p.id == id_]
    return found


# -- equivalent


@pytest.mark.parametrize("source", [SAFE, LEAKY, BASE])
def test_a_contract_is_equivalent_to_itself(source: str) -> None:
    """The same text needs no solver, refines itself, and differs in nothing."""
    c = compared(source, source)

    assert (c.relation, c.by_structure, c.refines.answer) == (Relation.EQUIVALENT, True, Answer.YES)
    assert {r.change for r in c.rules} | {p.change for p in c.promises} == {Change.SAME}
    assert c.differences == ()


@pytest.mark.parametrize(
    "aggregation", ["weighted_mean", "maximin", "weighted_median", "nash_product", "lexicographic(5)"]
)
def test_rewritten_is_equivalent(aggregation: str) -> None:
    """Other order, layout, LET names and the same conditions in other words: proved by structure, whatever combines."""
    holders = HOLDERS if "lexicographic" in aggregation else HOLDERS[::-1]
    new = REWRITTEN.replace("\n  HOLDERS", "".join(f"\n  {h}" for h in holders))
    c = compared(*(text.replace("weighted_mean", aggregation) for text in (BASE, new)))

    assert (c.relation, c.by_structure) == (Relation.EQUIVALENT, True)
    assert {r.change for r in c.rules} | {p.change for p in c.promises} == {Change.SAME}
    assert c.differences == ()


def test_the_order_of_a_lexicographic_matters() -> None:
    """Where order has a meaning, another order is another contract."""
    old = BASE.replace("weighted_mean", "lexicographic(2)")
    a, d = "  a WEIGHT 0.3 WANTS half\n", "  d WEIGHT 0.3 WANTS mood\n"
    c = compared(old, changed((a + d, d + a), base=old))

    assert c.relation is Relation.INCOMPARABLE


def test_equivalent_by_the_solver() -> None:
    """What is written quite differently is proved equal by the solver."""
    new = changed(("NOT b  PENALTY 0.25", "IF b THEN x > 2 ELSE x < 2  PENALTY 0.25"))
    c = compared(BASE, new)

    assert (c.relation, c.by_structure) == (Relation.EQUIVALENT, False)
    assert rule(c, "no_b") == (Change.SAME, Strictness.SAME, "")


def test_penalties_of_one_condition_add_up() -> None:
    """Two rules with the same condition are worth one with both penalties."""
    new = changed(("NOT b  PENALTY 0.25", "NOT b  PENALTY 0.15\nINVARIANT nob:   NOT b  PENALTY 0.1"))
    c = compared(BASE, new)

    assert (c.relation, c.by_structure) == (Relation.EQUIVALENT, True)
    assert rule(c, "nob")[0] is Change.NEW


# -- stricter, looser, both


def test_the_examples() -> None:
    """leaky → safe is not simply stricter: whoever breaks several rules loses less by the cap than by the penalty."""
    c = compared(LEAKY, SAFE)

    assert c.relation is Relation.INCOMPARABLE
    assert (c.rise.least, c.rise.most, c.fall.least, c.fall.most) == (500_000, 500_000, 1_499_988, 1_499_988)
    assert c.fall.row and c.fall.row["old"]["reward"] == "0.499988"
    assert c.fall.row["new"] == {"status": "rewarded", "reward": "-1", "broken": ["no_pii"], "requires": None}
    assert c.refines.answer is Answer.NO
    assert rule(c, "no_pii") == (Change.CHANGED, Strictness.SAME, "")


def test_a_raised_penalty_is_stricter() -> None:
    """The largest change is the difference of the penalties, exactly, and a row shows it."""
    c = compared(BASE, changed(("PENALTY 0.25", "PENALTY 0.375")))

    assert (c.relation, c.refines.answer) == (Relation.STRICTER, Answer.YES)
    assert (c.fall.least, c.fall.most, c.rise.most) == (125_000, 125_000, 0)
    assert c.fall.row and c.fall.row["signals"]["b"] is True


def test_a_lowered_penalty_is_looser_and_no_refinement() -> None:
    """What broke the rule earns more now."""
    c = compared(BASE, changed(("PENALTY 0.25", "PENALTY 0.125")))

    assert (c.relation, c.refines.answer) == (Relation.LOOSER, Answer.NO)
    assert (c.rise.least, c.rise.most, c.fall.most) == (125_000, 125_000, 0)
    assert c.refines.row and "no_b" in c.refines.row["old"]["broken"]


def test_more_for_who_broke_nothing_is_a_refinement() -> None:
    """A reward that rises only where no rule is broken leaves the punished where they were."""
    old = "\n".join(line for line in BASE.splitlines() if not re.match("INVARIANT (truth|low|mid)", line)) + "\n"
    c = compared(
        old, changed(("e WEIGHT 0.4 WANTS y", "e WEIGHT 0.4 WANTS IF b THEN y ELSE min(1, y + 0.1)"), base=old)
    )

    assert (c.relation, c.refines.answer) == (Relation.LOOSER, Answer.YES)
    assert (c.rise.least, c.rise.most) == (40_000, 40_000)


def test_one_up_one_down_is_incomparable_with_two_rows() -> None:
    """Both directions are shown."""
    c = compared(BASE, changed(("PENALTY 0.25", "PENALTY 0.125"), ("PENALTY 0.5", "PENALTY 0.625")))

    assert c.relation is Relation.INCOMPARABLE
    assert (c.rise.least, c.rise.most, c.fall.least, c.fall.most) == (125_000,) * 4
    assert c.rise.row and c.fall.row
    assert c.rise.row["signals"]["b"] is True
    assert [e["t"] for e in c.fall.row["signals"]["xs"]] == [False]


def test_a_weight_that_moves() -> None:
    """Weights from one stakeholder to another move the reward by at most what they are of the distance."""
    new = changed(("a WEIGHT 0.3", "a WEIGHT 0.2"), ("e WEIGHT 0.4", "e WEIGHT 0.5"))
    c = compared(BASE, new)

    assert c.relation is Relation.INCOMPARABLE
    assert (c.rise.least, c.rise.most) == (50_000, 50_000)
    assert {(d.name, d.what, d.old, d.new) for d in c.differences} == {
        ("a", "weight", "0.3", "0.2"),
        ("e", "weight", "0.4", "0.5"),
    }


# -- who is rewarded at all


def test_a_narrower_range_is_stricter() -> None:
    """A row that the new version cannot read is shown, and the rewards of the others are the same."""
    c = compared(BASE, changed(("int [0, 100]", "int [0, 90]")))

    assert (c.relation, c.only_old.answer, c.only_new.answer) == (Relation.STRICTER, Answer.YES, Answer.NO)
    assert c.only_old.row and int(c.only_old.row["signals"]["n"]) > 90
    assert (c.only_old.row["old"]["status"], c.only_old.row["new"]["status"]) == ("rewarded", "invalid")
    assert ("n", "range") in {(d.name, d.what) for d in c.differences}


@pytest.mark.parametrize(
    ("was", "is_"),
    [
        ("real [0, 1]", "real [-1, 1]"),
        ("list [3]", "list [5]"),
        ("low, middle, high", "low, middle, high, top"),
        ("v: score", "v: real [0, 2]"),
        ("int [0, 100]", "real [0, 100]"),
    ],
)
def test_a_wider_signal_is_looser_and_no_refinement(was: str, is_: str) -> None:
    """What could not be read before is rewarded now."""
    c = compared(BASE, changed((was, is_)))
    back = compared(changed((was, is_)), BASE)

    assert (c.relation, c.only_new.answer, c.refines.answer) == (Relation.LOOSER, Answer.YES, Answer.NO)
    assert c.only_new.row and c.only_new.row["old"]["status"] == "invalid"
    assert (back.relation, back.refines.answer) == (Relation.STRICTER, Answer.YES)


def test_a_new_requirement_is_stricter() -> None:
    """Some rows are no longer rewarded; it is named which REQUIRES fails."""
    c = compared(BASE, changed(("REQUIRES  some", "REQUIRES  calm: NOT b\nREQUIRES  some")))

    assert (c.relation, c.refines.answer) == (Relation.STRICTER, Answer.YES)
    assert c.only_old.row and c.only_old.row["new"]["requires"] == "calm"
    assert rule(c, "calm") == (Change.NEW, None, "")


def test_a_requirement_that_is_looser() -> None:
    """The condition is compared, and the rows that it admits are shown."""
    c = compared(BASE, changed(("n > 0", "n >= 0")))

    assert c.relation is Relation.LOOSER
    assert rule(c, "some") == (Change.CHANGED, Strictness.LOOSER, "")
    assert c.only_new.row and c.only_new.row["signals"]["n"] == "0"


def test_a_new_signal() -> None:
    """A row has values for the signals of both; a new one that changes nothing leaves the versions equivalent."""
    declared = changed(("  b  : bool\n", "  b  : bool\n  z  : score\n"))
    used = declared.replace("NOT b  PENALTY", "NOT b AND z > 0.5  PENALTY")

    assert compared(BASE, declared).relation is Relation.EQUIVALENT
    assert compared(declared, BASE).relation is Relation.EQUIVALENT
    c = compared(BASE, used)
    assert c.relation is Relation.STRICTER
    assert rule(c, "no_b") == (Change.CHANGED, Strictness.STRICTER, "")
    assert ("signal", "z", None) in {(d.kind, d.name, d.old) for d in c.differences}


@pytest.mark.parametrize(
    ("was", "is_", "reason"),
    [
        ("low, middle, high", "low, medium, high", "other choices"),
        ("b  : bool", "b  : score", "a bool in the old version and a real in the new one"),
        ("t: bool, v: score", "t: bool, v: score, w: bool", "other fields"),
        ("y  : real [0, 1]", "y  : real [2, 3]", "ranges of both"),
    ],
)
def test_rows_that_cannot_be_shared(was: str, is_: str, reason: str) -> None:
    """Then the reason is said, and nothing is claimed about rewards."""
    new = (
        changed((was, is_)).replace("!= middle", "!= low").replace("NOT b ", "x > 0 ").replace("b IMPLIES", "x > 0 OR")
    )
    c = compared(BASE, new)

    assert c.relation is Relation.INCOMPARABLE
    assert any(reason in sentence for sentence in c.apart)
    assert (c.rise.row, c.rise.answer, c.refines.answer, c.unknown) == (None, Answer.UNKNOWN, Answer.UNKNOWN, False)


# -- rules and promises


def test_a_renamed_rule() -> None:
    """A rule that is gone and a new one that says the same are one rule with a new name, also in other words."""
    renamed = compared(BASE, changed(("no_b: ", "plain:")))
    in_words = compared(BASE, changed(("no_b:  NOT b", "plain: IF b THEN x > 2 ELSE x < 2")))

    assert rule(renamed, "plain") == rule(in_words, "plain") == (Change.RENAMED, Strictness.SAME, "no_b")
    assert len(renamed.rules) == len(in_words.rules) == 5


def test_rules_without_names_are_told_by_what_they_say() -> None:
    """Unnamed rules in another order are the same rules."""
    old = changed(("no_b:  ", ": "), ("mid:   ", ": "))
    lines = old.splitlines()
    at = [i for i, line in enumerate(lines) if line.startswith("INVARIANT:") or line.startswith("INVARIANT :")]
    lines[at[0]], lines[at[1]] = lines[at[1]], lines[at[0]]
    c = compared(old, "\n".join(lines) + "\n")

    assert {r.change for r in c.rules} == {Change.SAME}


def test_conditions_that_neither_imply_each_other() -> None:
    """A condition can be stricter here and looser there."""
    c = compared(BASE, changed(("c = low IMPLIES x > 0.2", "c = high IMPLIES x > 0.2")))

    assert rule(c, "low") == (Change.CHANGED, Strictness.INCOMPARABLE, "")


def test_penalty_and_cap_are_shown_from_and_to() -> None:
    """What breaking a rule costs, before and after."""
    c = compared(BASE, changed(("NOT b  PENALTY 0.25", "NOT b  REWARD AT MOST -1")))
    (found,) = [r for r in c.rules if r.name == "no_b"]

    assert found.old and found.new
    assert (found.old.penalty, found.old.at_most, found.new.penalty, found.new.at_most) == ("0.25", None, None, "-1")


@pytest.mark.parametrize(
    ("was", "is_", "id_", "change"),
    [
        ("REWARD IN [-2, 1]", "REWARD IN [-1, 1]", "bounded", Change.STRONGER),
        ("REWARD IN [-2, 1]", "REWARD IN [-3, 1]", "bounded", Change.WEAKER),
        ("REWARD IN [-2, 1]", "REWARD IN [-3, 0.5]", "bounded", Change.INCOMPARABLE),
        ("reward <= 0.75", "reward <= 0.5", "ensures.civil", Change.STRONGER),
        ("reward <= 0.75", "reward < 1", "ensures.civil", Change.WEAKER),
        ("b IMPLIES reward <= 0.75", "x > 0.5 IMPLIES reward <= 0.5", "ensures.civil", Change.INCOMPARABLE),
        ("reward <= 0.75", "NOT (0.75 < reward)", "ensures.civil", Change.SAME),
        ("reward <= 0.75", "2 * reward - 1.5 <= 0", "ensures.civil", Change.SAME),
        ("ENSURES   civil: b IMPLIES reward <= 0.75\n", "", "ensures.civil", Change.GONE),
        ("ENSURES   civil", "ENSURES   more:  x >= 0\nENSURES   civil", "ensures.more", Change.NEW),
        ("ENSURES   civil", "ENSURES   polite", "ensures.polite", Change.RENAMED),
        ("OF a AT MOST 0.5", "OF a AT MOST 0.4", "influence.a", Change.STRONGER),
        ("OF a AT MOST 0.5", "OF a AT MOST 0.6", "influence.a", Change.WEAKER),
        ("PROVE     MONOTONE IN x", "PROVE     MONOTONE IN y", "monotone.y", Change.NEW),
        ("PROVE     MONOTONE IN x", "PROVE     MONOTONE IN y", "monotone.x", Change.GONE),
    ],
)
def test_promises(was: str, is_: str, id_: str, change: Change) -> None:
    """Each promise is new, gone, the same, stronger, weaker or neither."""
    assert promise(compared(BASE, changed((was, is_))), id_) is change


def test_an_ensures_speaks_of_any_reward() -> None:
    """It is the promise that is compared, not what each version happens to pay."""
    cheaper = changed(("PENALTY 0.25", "PENALTY 0.375"))
    c = compared(BASE, cheaper.replace("reward <= 0.75", "reward <= 0.625"))

    assert promise(c, "ensures.civil") is Change.STRONGER


# -- limits, and the whole


def test_a_tiny_budget_knows_little_and_claims_nothing() -> None:
    """What is not proved is unknown, never equivalent."""
    new = changed(("truthful OR hedged", "IF truthful THEN toxicity < 2 ELSE hedged"), base=SAFE)
    c = compared(SAFE, new, Budget(rlimit=1, seconds=1))

    assert (c.relation, c.refines.answer, c.unknown) == (Relation.UNKNOWN, Answer.UNKNOWN, True)
    assert rule(c, "honest")[1] is Strictness.UNKNOWN
    assert compared(SAFE, new).relation is Relation.EQUIVALENT


def test_a_tiny_budget_may_find_rows_by_trying() -> None:
    """A difference that is found is claimed, and that there is none the other way is not."""
    c = compared(LEAKY, SAFE, Budget(rlimit=1, seconds=1))

    assert c.relation in (Relation.UNKNOWN, Relation.INCOMPARABLE)
    assert c.fall.least > 0 and not c.fall.exact
    assert c.unknown is (c.relation is Relation.UNKNOWN or c.refines.answer is Answer.UNKNOWN)


def test_a_refutation_that_does_not_replay_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver's word alone is never enough."""
    new = changed(("PENALTY 0.25", "PENALTY 0.375"))
    both = pair(load(BASE), load(new))
    same = Outcome(Status.REWARDED, 0, None, (), (), ())
    monkeypatch.setattr(pair_module, "run", lambda program, row: same)

    with pytest.raises(InternalError, match="do not confirm"):
        compared(BASE, new)
    assert both.outcomes((0,) * 6) == (same, same)


def test_processes_give_the_same_bytes() -> None:
    """The same files give the same document, however it was computed."""
    old, new = load(LEAKY), load(SAFE)
    heard: list[tuple[int, int]] = []
    c = compare(old, new, SMALL, progress=lambda task, done, total: heard.append((done, total)))

    assert json.dumps(to_json(c)) == json.dumps(to_json(in_turn(old, new, SMALL)))
    assert heard[-1] == (len(heard), len(heard))


# -- generated contracts


def mutated(source: str, random: Random) -> str:
    """`source` with another number somewhere in it; itself if that is hard to find."""
    for _ in range(30):
        places = list(re.finditer(r"(?<![\w.])\d+(\.\d+)?(?![\w.(])", source))
        at = random.choice([p for p in places if not source[: p.start()].rstrip().endswith(("WEIGHT", "VERSION"))])
        new = source[: at.start()] + random.choice(["0", "1", "2", "0.5", "0.1", "0.25"]) + source[at.end() :]
        try:
            load(new)
        except SpecError:
            continue
        return new
    return source


def contradicted(c: Comparison, both: Pair, rows: list[list[int]]) -> list[str]:
    """The claims that some row contradicts."""
    old, new = (
        to_numpy.run(side.program, *as_columns(side.program, [list(both.row_of(side, tuple(row))) for row in rows]))
        for side in (both.old, both.new)
    )
    had, has = old.status == Status.REWARDED, new.status == Status.REWARDED
    more = np.where(had & has, new.reward - old.reward, 0)
    lost, won = had & ~has, has & ~had
    up, down = (more > 0) | won, (more < 0) | lost
    claims = {
        "rise": (more > c.rise.most) if c.rise.most is not None else np.array(False),
        "fall": (-more > c.fall.most) if c.fall.most is not None else np.array(False),
        "only new": won & (c.only_new.answer is Answer.NO),
        "only old": lost & (c.only_old.answer is Answer.NO),
        "not more": up & (c.relation in (Relation.STRICTER, Relation.EQUIVALENT)),
        "not less": down & (c.relation in (Relation.LOOSER, Relation.EQUIVALENT)),
        "refines": (won | (old.breaches.any(axis=0) & (more > 0))) & (c.refines.answer is Answer.YES),
    }
    return [claim for claim, against in claims.items() if against.any()]


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_generated_contracts(start: int) -> None:
    """Reformatted is equivalent by structure; what is claimed of a changed number holds on 2,000 rows."""
    budget = Budget(rlimit=100_000, seconds=1)
    for seed in range(start, start + 10):
        random = Random(9_000_000 + seed)
        source = random_spec(random)
        old = load(source)
        c = in_turn(old, load(format_spec(parse(source))), budget)
        assert (c.relation, c.by_structure) == (Relation.EQUIVALENT, True), f"seed {seed}"

        new = load(mutated(source, random))
        both = pair(old, new)
        c = in_turn(old, new, budget)
        assert contradicted(c, both, random_rows(random, both.together, 2_000, valid=True)) == [], f"seed {seed}"


def test_shown_rows_are_what_the_machines_say() -> None:
    """Read back, the row of a largest change earns what is shown."""
    c = compared(LEAKY, SAFE)
    assert c.rise.row
    for version, source in (("old", LEAKY), ("new", SAFE)):
        contract = load(source)
        signals = c.rise.row["signals"]
        row = [round(float(signals[s.name]) * 10**s.scale) for s in contract.signals]

        assert run(compile_contract(contract), row).reward == round(float(c.rise.row[version]["reward"]) * 10**6)
