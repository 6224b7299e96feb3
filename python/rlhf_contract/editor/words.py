"""What the words of the language mean, in one sentence each: what an editor shows beside them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from rlhf_contract import lang

__all__ = ["AGGREGATIONS", "FUNCTIONS", "KEYWORDS", "TYPES", "keywords_of_grammar"]

KEYWORDS = {
    "LEGAL-BLOCKS": "The version of the language that this file is written in; a reader refuses one it does not know.",
    "CONTRACT": "The name of the contract.",
    "VERSION": "The version of the contract, as three numbers.",
    "TITLE": "What the contract is about, in the words of its authors.",
    "JURISDICTION": "The regions whose law the contract has in mind.",
    "REWARD": "`REWARD IN [lo, hi]` promises the range of the reward; in a rule, `REWARD AT MOST d` limits what a row "
    "gets that breaks it.",
    "IN": "The range of the reward, the list that a variable goes through, or the signal that a promise is about.",
    "SIGNALS": "What is measured of every sample; the reward depends on nothing else.",
    "BY": "The scorer that makes this signal, pinned.",
    "LET": "A name that stands for an expression.",
    "STAKEHOLDERS": "Who has a say, how much it weighs, and what each one wants.",
    "WEIGHT": "How much this stakeholder counts; the weights of all of them sum to exactly 1.",
    "WANTS": "The utility of this stakeholder: the higher it is, the better for it.",
    "FLOOR": "The least that this stakeholder can accept; `nash_product` measures its gain from there.",
    "VETO": "This stakeholder can stop a proposal alone.",
    "AGGREGATE": "How the utilities of the stakeholders become one number.",
    "REQUIRES": "A row for which this is false is inadmissible: it gets no reward, which is not a reward of 0.",
    "INVARIANT": "A rule. A row that breaks it loses its PENALTY and gets REWARD AT MOST so much.",
    "ALWAYS": "A rule without a name: this must be true. Also in `PROVE FIXING ALWAYS PAYS`.",
    "NEVER": "A rule without a name: `NEVER a WITHOUT b` is broken where a is true and b is false. Also in "
    "`PROVE VIOLATION NEVER PAYS`.",
    "WITHOUT": "What must be true where the condition after NEVER is.",
    "PENALTY": "What a row that breaks the rule loses of its reward.",
    "AT": "`REWARD AT MOST d`: a row that breaks the rule gets no more than d. In a promise: by how much the reward "
    "moves.",
    "MOST": "`REWARD AT MOST d`: a row that breaks the rule gets no more than d. In a promise: by how much the reward "
    "moves.",
    "CITES": "Where the rule comes from.",
    "ENSURES": "A promise about every admissible row and its `reward`, to be proved.",
    "PROVE": "A promise about the whole contract, to be proved.",
    "MONOTONE": "`MONOTONE IN s`: raising this signal, or field of a list, with no rule newly broken never lowers the "
    "reward.",
    "DECREASING": "`DECREASING IN s`: raising this signal, or field of a list, with no rule newly broken never raises "
    "the reward.",
    "VIOLATION": "`VIOLATION NEVER PAYS`: no row that breaks a rule, or the one after OF, earns more than a row that "
    "breaks none.",
    "FIXING": "`FIXING ALWAYS PAYS`: with the same utilities, breaking one rule less, or that after OF, never earns "
    "less.",
    "PAYS": "`VIOLATION NEVER PAYS` and `FIXING ALWAYS PAYS`, of every rule or of the one after OF.",
    "PARETO": "What is at least as good for every stakeholder, with no rule newly broken, never earns less.",
    "INFLUENCE": "`INFLUENCE OF stakeholder AT MOST d`: its utility alone moves the reward by at most d.",
    "SENSITIVITY": "`SENSITIVITY TO s AT MOST d`: moving this signal alone, with no rule newly broken or mended, moves "
    "the reward by at most d times as much.",
    "OF": "The rule or stakeholder that a promise is about.",
    "TO": "The signal that a promise is about.",
    "IMPLIES": "True unless the left side is true and the right side is false.",
    "OR": "True if one side is true, or both.",
    "AND": "True if both sides are true.",
    "NOT": "True if what follows is false.",
    "IF": "`IF c THEN a ELSE b` is a where c is true, else b.",
    "THEN": "The value where the condition after IF is true.",
    "ELSE": "The value where the condition after IF is false.",
    "FORALL": "True if the condition holds for every entry of the list; for an empty list, true.",
    "EXISTS": "True if the condition holds for some entry of the list; for an empty list, false.",
    "score": "A number from 0 to 1 with six decimals, as `real [0, 1]`.",
    "real": "A number in this range, with six decimals.",
    "int": "A whole number in this range.",
    "bool": "True or false.",
    "one": "`one of a, b, c`: exactly one of these choices.",
    "of": "The choices, or the record that is every entry of a list.",
    "list": "`list [n] of { … }`: up to n records with these fields.",
}

TYPES = tuple(word for word in KEYWORDS if word.islower())

FUNCTIONS = {
    "min": ("min(a, b, …)", "The smallest of two or more numbers; exact."),
    "max": ("max(a, b, …)", "The largest of two or more numbers; exact."),
    "abs": ("abs(x)", "The number without its sign; exact."),
    "clip": ("clip(x, low, high)", "The number, kept between low and high; exact."),
    "floor": ("floor(x, digits)", "The number rounded down to so many decimals."),
    "curve": (
        "curve(x, (x0, y0), (x1, y1), …)",
        "Straight lines from point to point, flat beyond the ends; rounded down to six decimals.",
    ),
    "count": ("count(s IN list: condition)", "How many entries of the list fulfil the condition."),
    "sum": ("sum(s IN list: number)", "The sum of the number over the entries of the list; exact."),
}

AGGREGATIONS = {
    "weighted_mean": "Every utility times its weight, added up; exact.",
    "maximin": "The lowest of the utilities: the worst-off stakeholder decides; exact.",
    "weighted_median": "The smallest utility at which the weights, in ascending order of utility, reach a half; exact.",
    "lexicographic": "`lexicographic(n)`: each utility falls into one of n tiers; the tier of the first stakeholder "
    "decides, each later one breaks ties.",
    "nash_product": "The weighted geometric mean of what each stakeholder gets above its FLOOR; rounded down.",
}


@cache
def keywords_of_grammar() -> tuple[str, ...]:
    """Every word that the grammar reserves, upper-case and lower-case."""
    grammar = Path(lang.__file__).with_name("grammar.lark").read_text("utf-8")
    quoted, named = re.findall(r'"([A-Za-z]+)"', grammar), re.findall(r"^([A-Z]+)\.1:", grammar, re.MULTILINE)
    return tuple(dict.fromkeys(("LEGAL-BLOCKS", *quoted, *named)))
