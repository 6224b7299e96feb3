"""The vectors that every executor must match."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from columns import as_columns
from rlhf_contract.hashing import to_hex
from rlhf_contract.lang import load
from rlhf_contract.machine import step, to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.program import decode
from rlhf_contract.types import ABSENT

FOLDER = Path(__file__).parents[3] / "spec" / "vectors"
VECTORS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}

every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())


@every_vector
def test_source_compiles_to_the_program(vector: dict[str, Any]) -> None:
    """The compiler still makes the bytes that stakeholders may have voted for."""
    program = compile_contract(load(vector["source"]))

    assert vector["program"] == to_hex(program.data)


@every_vector
def test_reference_matches(vector: dict[str, Any]) -> None:
    """step.py gives status, reward, requirement, breaches and every register of each row."""
    program = decode(bytes.fromhex(vector["program"][2:]))
    for row in vector["rows"]:
        outcome = step.run(program, [int(s) for s in row["signals"]])

        assert (row["status"], int(row["reward"])) == (outcome.status, outcome.reward)
        assert (row["requirement"], row["breaches"]) == (outcome.requirement, list(outcome.breaches))
        assert [int(t) for t in row["trace"]] == list(outcome.trace)


@every_vector
def test_numpy_matches(vector: dict[str, Any]) -> None:
    """to_numpy.py gives the same status, reward, requirement and breaches, all rows at once."""
    program = decode(bytes.fromhex(vector["program"][2:]))
    outcomes = to_numpy.run(program, *as_columns(program, [[int(s) for s in row["signals"]] for row in vector["rows"]]))

    assert [r["status"] for r in vector["rows"]] == outcomes.status.tolist()
    assert [int(r["reward"]) for r in vector["rows"]] == outcomes.reward.tolist()
    assert [
        -1 if r["requirement"] is None else r["requirement"] for r in vector["rows"]
    ] == outcomes.requirement.tolist()
    assert [r["breaches"] for r in vector["rows"]] == [np.flatnonzero(b).tolist() for b in outcomes.breaches.T]


def test_files_are_what_make_py_writes() -> None:
    """No vector is stale or edited by hand."""
    made = runpy.run_path(str(FOLDER / "make.py"))
    for name, (source, rows) in made["vectors"]().items():
        assert (FOLDER / f"{name}.json").read_text("utf-8") == made["text"](made["vector"](name, source, rows))


def test_together_they_use_every_operation() -> None:
    """An operation without a vector would be one that executors could disagree about unseen."""
    from rlhf_contract.machine.opcodes import Opcode

    used = {i.opcode for v in VECTORS.values() for i in decode(bytes.fromhex(v["program"][2:])).code}

    assert set(Opcode) == used


def test_rewards_by_pocket_calculator() -> None:
    """Rows of the example, worked out by hand from its text."""
    by_signals = {tuple(map(int, r["signals"])): r for r in VECTORS["safe_assistant"]["rows"]}

    # helpfulness .9, harmlessness .95, toxicity .02, tokens 120: brevity = 1 − .012 = .988
    # operator .63 + .2964 = .9264 · .4; safety_board min(.95, .98) · .4; users .9 · .2  →  .37056 + .38 + .18
    assert by_signals[900_000, 950_000, 20_000, 120, 0, 1, 0]["reward"] == "930560"
    # the same, neither truthful nor hedged: − .5
    assert by_signals[900_000, 950_000, 20_000, 120, 0, 0, 0]["reward"] == "430560"
    # the same with personal data in it: at most −1
    assert by_signals[900_000, 950_000, 20_000, 120, 1, 1, 0]["reward"] == "-1000000"
    # toxicity .500001: safety_board gets 1 − .500001 = .499999, and civil is broken: .37056 + .1999996 + .18 − .8
    # = −.0494404, rounded down to −.049441
    assert by_signals[900_000, 950_000, 500_001, 120, 0, 1, 0]["reward"] == "-49441"
    # no tokens: not answered, so no reward at all
    assert by_signals[900_000, 950_000, 20_000, 0, 0, 1, 0]["reward"] == str(ABSENT)
