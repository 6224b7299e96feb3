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


def vectors() -> dict[str, tuple[str, list[list[int]]]]:
    """Name → source and rows."""
    ends = (-1_000_000, -999_999, -500_001, -1, 0, 1, 333_333, 500_000, 500_001, 999_999, 1_000_000)
    example = (HERE.parents[1] / "examples" / "safe_assistant.legal").read_text("utf-8")
    logic = [list(row) for row in product((-5, 0, 1, 4, 5), (0, 899_999, 900_000, 1_000_000), (0, 1), (0, 1))]
    large = 9 * 10**18
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
    for name, (source, rows) in vectors().items():
        (HERE / f"{name}.json").write_text(text(vector(name, source, rows)), "utf-8")
        print(f"{name}: {len(rows)} rows")
