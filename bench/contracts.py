"""Contracts for the benchmark: as many invariants as asked for, always the same text.

Thresholds vary with the number of the invariant, so that no two are equal and Z3 cannot share them. The row that
`GOOD` describes keeps every one of them, so none contradicts the others. Bounds that promises speak of have room, many
times the 10⁻⁶ that an encoding gains or loses which rounds each product.
"""

from __future__ import annotations

from rlhf_contract.types import decimal_text

__all__ = ["SIZES", "lists", "mixed", "nash", "strict"]

SIZES = (5, 20, 50, 100, 200)

_SIGNALS = """
SIGNALS
  helpfulness  : score
  harmlessness : score
  toxicity     : real [0, 1]
  tone         : real [-1, 1]
  tokens       : int [0, 8192]
  citations    : int [0, 20]
  contains_pii : bool
  refused      : bool

LET brevity = 1 - tokens * 0.0001
LET calm    = IF toxicity > 0.5 THEN 0.5 * (1 - toxicity) ELSE 1 - toxicity
LET care    = IF harmlessness > 0.5 THEN harmlessness ELSE 0.5 * harmlessness

STAKEHOLDERS
  operator     WEIGHT 0.4  WANTS 0.7 * helpfulness + 0.3 * brevity
  safety_board WEIGHT 0.4  WANTS 0.5 * min(harmlessness, 1 - toxicity) + 0.5 * calm
  users        WEIGHT 0.2  WANTS 0.9 * care + 0.1 * tone

AGGREGATE weighted_mean

REQUIRES answered: tokens > 0
REQUIRES usable:   helpfulness + harmlessness >= 0.4
"""

GOOD = {"helpfulness": 0.9, "harmlessness": 0.9, "toxicity": 0.05, "tone": 0.2, "tokens": 800, "citations": 8}
"""Neither `contains_pii` nor `refused`."""

_PROMISES = """
ENSURES civil:     toxicity > 0.9 IMPLIES reward <= 0.8
ENSURES generous:  helpfulness > 0.5 IMPLIES reward >= 0

PROVE MONOTONE IN helpfulness
PROVE MONOTONE IN harmlessness
PROVE MONOTONE IN tokens
PROVE DECREASING IN tokens
PROVE DECREASING IN toxicity
PROVE DECREASING IN tone
PROVE VIOLATION NEVER PAYS
PROVE VIOLATION NEVER PAYS OF rule_3
PROVE FIXING ALWAYS PAYS
PROVE PARETO
PROVE INFLUENCE OF operator AT MOST 0.41
PROVE INFLUENCE OF users AT MOST 0.05
PROVE SENSITIVITY TO tone AT MOST 0.1
PROVE SENSITIVITY TO helpfulness AT MOST 0.2
"""


def _condition(k: int) -> str:
    """Condition of invariant `k`: seven shapes, each kept by `GOOD`."""
    turn = k // 7
    fine = 1009 * turn % 9973  # less than 0.01 in millionths, another in each turn

    def near(value: int) -> str:
        return decimal_text(value * 10_000 + fine, 6)

    match k % 7:
        case 0:
            return f"toxicity <= {near(30 + turn % 50)}"
        case 1:
            return f"0.6 * helpfulness + 0.4 * harmlessness >= {near(20 + turn % 40)}"
        case 2:
            return f"contains_pii IMPLIES toxicity < {near(10 + turn % 60)}"
        case 3:
            return (
                f"(refused OR helpfulness > {near(10 + turn % 50)}) AND NOT (contains_pii AND tokens > {900 + 7 * k})"
            )
        case 4:
            return f"tokens <= {2000 + 20 * turn} OR citations >= {1 + turn % 7} OR tone < {near(10 + turn % 50)}"
        case 5:
            return f"0.3 * harmlessness + 0.25 * helpfulness - 0.5 * toxicity >= 0.00002 * tokens + {near(turn % 30)}"
    return f"tone > {near(turn % 50)} IMPLIES harmlessness >= {near(25 + turn % 45)}"


def _invariants(count: int, strict: bool) -> str:
    lines = []
    for k in range(1, count + 1):
        says = [f"PENALTY {decimal_text(100_000 + 1_000 * (k % 9), 6)}"] if k % 2 else []
        if strict:
            says.append("REWARD AT MOST 0.1")
        elif not k % 3:
            says.append(f"REWARD AT MOST {decimal_text(-1_000_000 + 1_000 * (k % 5), 6)}")
        elif not k % 2:
            says.append("PENALTY 0.2")
        lines.append(f"INVARIANT rule_{k}: {_condition(k)}  {'  '.join(says)}")
    return "\n".join(lines)


def _contract(name: str, lowest: int, body: str) -> str:
    return f"LEGAL-BLOCKS 1\nCONTRACT {name} VERSION 1.0.0\n  REWARD IN [{lowest}, 1]\n{body}"


def mixed(count: int) -> str:
    """Penalties and caps. Some of its promises hold, some do not: breaking a rule that only costs a penalty may pay."""
    return _contract("Mixed", -2 - count // 4, f"{_SIGNALS}\n{_invariants(count, False)}\n{_PROMISES}")


def strict(count: int) -> str:
    """Every broken rule caps the reward at 0.1, so that no violation pays; a row that keeps all of them earns more.

    The least that such a row earns is known only from REQUIRES and the utilities together.
    """
    return _contract(
        "Strict", -2 - count // 4, f"{_SIGNALS}\n{_invariants(count, True)}\n\nPROVE VIOLATION NEVER PAYS\n"
    )


def lists(count: int = 16) -> str:
    """Rules and a utility over a list of `count`."""
    return _contract(
        "Lists",
        -3,
        f"""
SIGNALS
  helpfulness : score
  statements  : list [{count}] of {{ truthful: bool, hedged: bool, weight: score }}

STAKEHOLDERS
  operator WEIGHT 0.7 WANTS helpfulness
  readers  WEIGHT 0.3 WANTS 0.05 * sum(s IN statements: IF s.truthful THEN s.weight ELSE 0)

AGGREGATE weighted_mean

REQUIRES  says_something: EXISTS s IN statements: s.weight > 0
INVARIANT honest:  FORALL s IN statements: s.truthful OR s.hedged                      PENALTY 1
INVARIANT sparing: count(s IN statements: s.hedged) <= 8                               PENALTY 0.5
INVARIANT weighty: sum(s IN statements: IF s.truthful THEN 0 ELSE s.weight) <= 4       REWARD AT MOST -0.5

ENSURES truthful: (FORALL s IN statements: NOT s.truthful) IMPLIES reward <= 0.7
ENSURES rewarded: (FORALL s IN statements: s.truthful) IMPLIES reward >= 0.1

PROVE MONOTONE IN helpfulness
PROVE MONOTONE IN statements.weight
PROVE DECREASING IN statements.hedged
PROVE VIOLATION NEVER PAYS
PROVE FIXING ALWAYS PAYS
PROVE PARETO
PROVE INFLUENCE OF readers AT MOST 0.25
PROVE SENSITIVITY TO helpfulness AT MOST 0.7
""",
    )


def nash() -> str:
    """nash_product of three."""
    return _contract(
        "Nash",
        -3,
        """
SIGNALS
  helpfulness  : score
  harmlessness : score
  toxicity     : real [0, 1]
  tokens       : int [0, 8192]
  contains_pii : bool

STAKEHOLDERS
  operator     WEIGHT 0.4  WANTS 0.7 * helpfulness + 0.3 * (1 - tokens * 0.0001)
  safety_board WEIGHT 0.4  WANTS min(harmlessness, 1 - toxicity)
  users        WEIGHT 0.2  WANTS helpfulness

AGGREGATE nash_product

REQUIRES  answered: tokens > 0
INVARIANT no_pii:   NOT contains_pii    REWARD AT MOST -1
INVARIANT civil:    toxicity <= 0.5     PENALTY 0.8

ENSURES   private:  contains_pii IMPLIES reward <= -1
ENSURES   toxic:    toxicity > 0.9 IMPLIES reward <= -0.3
ENSURES   useful:   helpfulness > 0.5 AND harmlessness > 0.5 IMPLIES reward >= 0

PROVE MONOTONE IN helpfulness
PROVE DECREASING IN toxicity
PROVE MONOTONE IN tokens
PROVE VIOLATION NEVER PAYS
PROVE VIOLATION NEVER PAYS OF no_pii
PROVE FIXING ALWAYS PAYS
PROVE PARETO
PROVE INFLUENCE OF users AT MOST 1
""",
    )
