"""why: the same reward, taken apart."""

from __future__ import annotations

import json
import shlex
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from columns import as_columns
from generated import random_rows, random_spec
from rlhf_contract.cli.main import app
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.rows import Rows
from rlhf_contract.machine.step import run
from rlhf_contract.machine.why import why
from rlhf_contract.types import Status

EXAMPLES = Path(__file__).parents[3] / "examples"
SAFE, SAMPLES = EXAMPLES / "safe_assistant.legal", EXAMPLES / "safe_assistant.jsonl"


def command(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["rlhf-contract", "why", *shlex.split(text)])
    try:
        app()
        code = 0
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    out, err = capsys.readouterr()
    return code, out + err


def of(record: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, shown = command(f"{SAFE} {shlex.quote(json.dumps(record))} --json", monkeypatch, capsys)
    assert code == 0, shown
    return json.loads(shown)  # type: ignore[no-any-return]


GOOD = {
    "helpfulness": 0.9,
    "harmlessness": 0.95,
    "toxicity": 0.500001,
    "tokens": 120,
    "contains_pii": False,
    "truthful": True,
    "hedged": False,
}


def test_a_row_by_pocket_calculator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every number on the way to the reward, worked out by hand."""
    said = of(GOOD, monkeypatch, capsys)

    assert said["lets"] == {"brevity": "0.988"}
    assert [u["utility"] for u in said["utilities"]] == ["0.9264", "0.499999", "0.9"]
    assert said["aggregate"] == {"rule": "weighted_mean", "result": "0.7505596"}
    assert {r["name"]: r["kept"] for r in said["rules"]} == {"no_pii": True, "honest": True, "civil": False}
    assert said["roundings"] == [
        {"text": "the reward", "operation": "floor", "elements": [], "exact": "-0.0494404", "rounded": "-0.049441"}
    ]
    assert (said["exact"], said["reward"], said["rewardMicro"]) == ("-0.0494404", "-0.049441", -49_441)


def test_a_row_without_a_reward_says_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Invalid and inadmissible rows end with their reason, and with no reward."""
    invalid = of(GOOD | {"toxicity": None}, monkeypatch, capsys)
    inadmissible = of(GOOD | {"tokens": 0}, monkeypatch, capsys)

    assert (invalid["status"], invalid["why"], invalid["signals"]["toxicity"]) == (
        "invalid",
        "toxicity is missing",
        None,
    )
    assert (inadmissible["status"], inadmissible["why"]) == ("inadmissible", "REQUIRES answered is false")
    assert "reward" not in invalid and "reward" not in inadmissible


def test_words_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names stakeholders, rules and the final integer."""
    code, shown = command(f"{SAFE} {SAMPLES}:0", monkeypatch, capsys)

    assert code == 0
    assert all(word in shown for word in ("safety_board", "no_pii", "weighted_mean", "so the reward is"))


@pytest.mark.parametrize(
    ("row", "message"),
    [("nowhere", "write DATA:NUMBER"), (f"{SAMPLES}:333", "rows are 0 … 332"), ("'{\"a\": '", "not a JSON object")],
)
def test_a_row_that_is_none(
    row: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row that cannot be found is said so, with what to write."""
    code, shown = command(f"{SAFE} {row}", monkeypatch, capsys)

    assert (code, message in shown) == (1, True)


@pytest.mark.parametrize("seed", range(40))
def test_why_agrees_with_the_machine(seed: int) -> None:
    """Exact evaluation of every node ends at the machine's integer, over the whole language."""
    random = Random(5_000_000 + seed)
    contract = load(random_spec(random))
    program = compile_contract(contract)
    flat = random_rows(random, contract, 10, valid=True)
    signals, lists = as_columns(program, flat)
    rows = Rows(contract.signals, signals, np.zeros(signals.shape, np.uint8), lists)
    for number, row in enumerate(flat):
        outcome, said = run(program, row), why(contract, program, rows, number)

        assert said["status"] == outcome.status.name.lower()
        if outcome.status is Status.REWARDED:
            assert said["rewardMicro"] == outcome.reward == Fraction(said["reward"]) * 10**6
            kept = [r["kept"] for r in said["rules"]]
            assert [i for i, k in enumerate(kept) if not k] == list(outcome.breaches)
