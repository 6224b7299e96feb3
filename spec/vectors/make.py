"""Write `spec/vectors/*.json` with the reference machine: `python spec/vectors/make.py`.

Run it when an operation is added. A changed line in an existing vector is a changed meaning: existing programs would
give other rewards, so it needs a new program version. `tests/unit/machine/test_vectors.py` checks some rows by hand.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

from rlhf_contract.hashing import to_hex
from rlhf_contract.lang import load
from rlhf_contract.lang.logarithm import LN2, tables
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.step import run
from rlhf_contract.types import ABSENT, INT64_MAX

HERE = Path(__file__).parent

ROUNDING = """LEGAL-BLOCKS 1
CONTRACT Rounding VERSION 1.0.0
  REWARD IN [-3, 3]

SIGNALS
  a : real [-1, 1]
  b : real [-1, 1]

LET fine = 0.3333 * a + 0.1 * b

STAKEHOLDERS
  one   WEIGHT 0.3333 WANTS fine * 0.7
  other WEIGHT 0.6667 WANTS min(max(a, b), 0.5) - (-b)

AGGREGATE weighted_mean
"""

LOGIC = """LEGAL-BLOCKS 1
CONTRACT Logic VERSION 1.0.0
  REWARD IN [-100, 10]

SIGNALS
  n : int [-5, 5]
  x : score
  p : bool
  q : bool

STAKEHOLDERS
  all WEIGHT 1 WANTS max(n, x, -2)

AGGREGATE weighted_mean

REQUIRES  sane: n != 5 OR p
REQUIRES  odd:  NOT (n = 4 AND q)
INVARIANT lt:   n < x                   PENALTY 0.1
INVARIANT le:   n <= x                  PENALTY 0.02
INVARIANT gt:   x > n                   PENALTY 0.003
INVARIANT ge:   x >= n                  PENALTY 0.0004
INVARIANT eq:   n = x IMPLIES p         PENALTY 0.00005
INVARIANT same: p = q                   PENALTY 0.000006
INVARIANT not_: NOT p AND NOT q OR p    REWARD AT MOST 2
INVARIANT cap:  x < 0.9                 PENALTY 1  REWARD AT MOST 0.5
"""

WIDE = """LEGAL-BLOCKS 1
CONTRACT Wide VERSION 1.0.0
  REWARD IN [-9000000000000, 9000000000000]

SIGNALS
  big   : real [-9000000000000, 9000000000000]
  whole : int [-9223372036854775807, 9223372036854775807]

STAKEHOLDERS
  all WEIGHT 1 WANTS big

AGGREGATE weighted_mean

INVARIANT whole_small: whole <= 1000  REWARD AT MOST 0
"""


LISTS = """LEGAL-BLOCKS 1
CONTRACT Lists VERSION 1.0.0
  REWARD IN [-100, 100]

SIGNALS
  x     : score
  grade : one of low, middle, high
  a     : list [3] of { truthful: bool, weight: real [-1, 2], kind: one of fact, opinion }
  b     : list [2] of { n: int [0, 9] }

STAKEHOLDERS
  all WEIGHT 1 WANTS sum(s IN a: s.weight * x) / (1 + count(t IN b: t.n > 3))

AGGREGATE weighted_mean

REQUIRES  some:  EXISTS t IN b: t.n > 0
INVARIANT all:   FORALL s IN a: s.truthful OR s.weight < 0.5              PENALTY 0.1
INVARIANT pairs: FORALL s IN a: EXISTS t IN a: s.kind = t.kind AND t.weight > s.weight - x  PENALTY 0.01
INVARIANT high:  grade = high IMPLIES sum(t IN b: t.n) >= 5               PENALTY 0.001
NEVER grade != low WITHOUT FORALL t IN b: (FORALL s IN a: t.n > s.weight) PENALTY 0.0001
"""

NUMBERS = """LEGAL-BLOCKS 1
CONTRACT Numbers VERSION 1.0.0
  REWARD IN [-1000, 1000]

SIGNALS
  x : real [-1, 1]
  y : real [-3, -0.5]

LET bent = curve(x, (-1, -0.3), (-0.2, 0.7), (0.1, 0.7), (0.7, -1))
LET part = IF x / y > 0.1 THEN abs(x) ELSE floor(x, 2)

STAKEHOLDERS
  all WEIGHT 1 WANTS bent + part + clip(x * 3, -0.5, 1.25) + 1 / y + x / 7

AGGREGATE weighted_mean
"""

AGGREGATES = """LEGAL-BLOCKS 1
CONTRACT Aggregates VERSION 1.0.0
  REWARD IN [-10, 10]

SIGNALS
  p : real [-0.5, 2]
  q : real [0, 100]
  r : score

STAKEHOLDERS
  one   WEIGHT 0.5 WANTS p FLOOR -0.25
  two   WEIGHT 0.3 WANTS q
  three WEIGHT 0.2 WANTS r

AGGREGATE nash_product
"""


def rows_of_example() -> list[list[int]]:
    """Good, each rule broken, several broken, thresholds, inadmissible, invalid."""
    good = [900_000, 950_000, 20_000, 120, 0, 1, 0]
    changed = [
        {},
        {4: 1},
        {5: 0},
        {5: 0, 6: 1},
        {2: 500_000},
        {2: 500_001},
        {2: 500_001, 4: 1, 5: 0},
        {3: 0},
        {3: 8192},
        {3: 8193},
        {0: ABSENT},
        {0: 0, 1: 0, 2: 1_000_000},
        {0: 1_000_000, 1: 1_000_000, 2: 0, 3: 1},
        {0: 333_333, 1: 666_667, 3: 7},
        {4: 2},
        {1: -1},
    ]
    return [[change.get(i, value) for i, value in enumerate(good)] for change in changed]


def rows_of_lists() -> list[list[int]]:
    """Empty and full lists, ties, unreadable lengths and fields."""
    elements = [(1, 500_000, 0), (0, 499_999, 1), (0, 2_000_000, 1), (1, -1_000_000, 0)]
    rows = []
    for x, grade, first, second in product((0, 500_000, 1_000_000), (0, 1, 2), range(4), range(3)):
        flat = [number for element in elements[first : first + min(first, 3)] for number in element]
        numbers = [4, 9][:second]
        rows.append([x, grade, len(flat) // 3, *flat, len(numbers), *numbers])
    rows += [
        [0, 0, ABSENT, 1, 5],
        [0, 0, 4, 1, 5],
        [0, 3, 0, 1, 5],
        [0, 0, 0, -1],
        [0, 0, 0, 1, 10],
        [0, 0, 1, 1, 0, 2, 1, 5],
    ]
    return rows


def vectors() -> dict[str, tuple[str, list[list[int]]]]:
    """Name → source and rows."""
    ends = (-1_000_000, -999_999, -500_001, -1, 0, 1, 333_333, 500_000, 500_001, 999_999, 1_000_000)
    example = (HERE.parents[1] / "examples" / "safe_assistant.legal").read_text("utf-8")
    logic = [list(row) for row in product((-5, 0, 1, 4, 5), (0, 899_999, 900_000, 1_000_000), (0, 1), (0, 1))]
    large = 9 * 10**18
    of_three = [
        list(row)
        for row in product(
            (-500_000, -250_000, -249_999, 333_333, 2_000_000), (0, 1, 250_000, 10**8), (0, 1, 499_999, 10**6)
        )
    ]
    return {
        "safe_assistant": (example, rows_of_example()),
        "rounding": (ROUNDING, [[a, b] for a in ends for b in ends]),
        "logic": (LOGIC, logic),
        "wide": (
            WIDE,
            [
                [b, w]
                for b in (-large, -1, 0, large, large + 1, ABSENT)
                for w in (-INT64_MAX, 1000, 1001, INT64_MAX, ABSENT)
            ],
        ),
        "lists": (LISTS, rows_of_lists()),
        "numbers": (NUMBERS, [list(row) for row in product(ends, (-3_000_000, -1_999_999, -700_001, -500_000))]),
        **{
            rule.partition("(")[0]: (AGGREGATES.replace("nash_product", rule).replace(" FLOOR -0.25", floor), of_three)
            for rule, floor in (
                ("nash_product", " FLOOR -0.25"),
                ("maximin", ""),
                ("weighted_median", ""),
                ("lexicographic(5)", ""),
            )
        },
    }


def vector(name: str, source: str, rows: list[list[int]]) -> dict[str, object]:
    program = compile_contract(load(source, name))
    made = []
    for row in rows:
        outcome = run(program, row)
        made.append(
            {
                "signals": [str(s) for s in row],
                "status": int(outcome.status),
                "reward": str(outcome.reward),
                "requirement": outcome.requirement,
                "breaches": list(outcome.breaches),
                "trace": [str(t) for t in outcome.trace],
            }
        )
    return {"name": name, "source": source, "program": to_hex(program.data), "rows": made}


def text(value: dict[str, object]) -> str:
    """One row a line, so that a diff shows which row has changed."""
    rows = ",\n".join(f"  {json.dumps(row)}" for row in value["rows"])  # type: ignore[attr-defined]
    head = {k: v for k, v in value.items() if k != "rows"}
    return json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n{rows}\n ]\n}}\n'


if __name__ == "__main__":
    log, exp = tables()
    table = {"log": log, "exp": exp, "ln2": LN2}
    (HERE.parent / "log2.json").write_text(json.dumps(table) + "\n", "utf-8")
    for name, (source, rows) in vectors().items():
        (HERE / f"{name}.json").write_text(text(vector(name, source, rows)), "utf-8")
        print(f"{name}: {len(rows)} rows")
