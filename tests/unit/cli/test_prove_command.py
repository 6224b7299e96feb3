"""`prove` as its users meet it: tables, counterexamples, advice, scripts for other solvers, a second opinion."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from test_cli import LEAKY, SAFE, run

from rlhf_contract.errors import ExitCode

Capture = pytest.CaptureFixture[str]


def test_a_refutation_is_told_to_people(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The row, what it earns, what decides that, and what would mend it."""
    code, out, _ = run(f"prove {LEAKY}", monkeypatch, capsys)

    assert code == ExitCode.REFUTED
    for words in (
        "contains_pii   yes",
        "decided by",
        "no_pii PENALTY 0.5",
        "raise PENALTY of no_pii from 0.5 to at least",
    ):
        assert words in out


def test_scripts_for_other_solvers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """--smt2 writes each obligation in both readings, with the answer that follows from the verdict."""
    folder = tmp_path / "smt2"
    run(f"prove {LEAKY} --smt2 {folder}", monkeypatch, capsys)
    refuted = (folder / "ensures.private.grid.smt2").read_text("utf-8")
    proved = (folder / "bounded.grid.smt2").read_text("utf-8")

    assert "(set-info :status sat)" in refuted
    assert "(set-info :status unsat)" in proved
    assert (folder / "program.000.smt2").exists()


def test_a_second_opinion(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """--cross-check says in how many questions cvc5 agrees; as JSON, each of them."""
    code, out, _ = run(f"prove {SAFE} --cross-check --json", monkeypatch, capsys)
    checks = json.loads(out)["crossCheck"]

    assert code == ExitCode.OK
    assert {check["agrees"] for check in checks} == {True}
    assert len(checks) > 20


def test_without_cvc5(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Who asks for a second opinion without the second solver is told how to get it, before anything is proved."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "cvc5" else found(name, *rest))
    _, out, err = run(f"prove {SAFE} --cross-check", monkeypatch, capsys)

    assert "pip install 'rlhf-contract-wizard[cross-check]'" in err
    assert out == ""


def test_verdicts_are_remembered(own_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A second run says the same from the cache, and --no-cache leaves none."""
    before = set(own_cache.rglob("*.json"))
    run(f"prove {SAFE} --seed 7 --no-cache", monkeypatch, capsys)
    assert set(own_cache.rglob("*.json")) == before

    _, first, _ = run(f"prove {SAFE} --seed 7 --json", monkeypatch, capsys)
    assert set(own_cache.rglob("*.json")) > before
    _, second, _ = run(f"prove {SAFE} --seed 7 --json", monkeypatch, capsys)
    one, two = json.loads(first), json.loads(second)
    assert set(two.pop("seconds").values()) == {0.0}
    assert one | {"seconds": None} == two | {"seconds": None}


def test_a_range_that_is_refuted_says_the_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """REWARD IN that is too narrow: the row beyond it, and the range that would do."""
    narrow = tmp_path / "narrow.legal"
    narrow.write_text(SAFE.read_text("utf-8").replace("REWARD IN [-2, 1]", "REWARD IN [-1, 1]"), "utf-8")
    _, out, _ = run(f"prove {narrow}", monkeypatch, capsys)

    assert "what would make it hold: widen REWARD IN from [-1, 1] to [-1.278304, 1]" in out
