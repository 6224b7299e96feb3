"""Verdicts on promises, and counterexamples that a person can check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlhf_contract.errors import ExitCode, InternalError
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.step import run
from rlhf_contract.prove import decide
from rlhf_contract.prove.decide import Result, Tier, Verdict
from rlhf_contract.prove.prove import in_turn
from rlhf_contract.prove.query import Budget
from rlhf_contract.prove.report import exit_code, proof_hash, report, row_words

EXAMPLES = Path(__file__).parents[3] / "examples"
SAFE = (EXAMPLES / "safe_assistant.legal").read_text("utf-8")
LEAKY = (EXAMPLES / "leaky.legal").read_text("utf-8")


def results(source: str, **budget: int) -> dict[str, Result]:
    return {r.id: r for r in in_turn(load(source), Budget(**budget))}


def test_the_safe_example_keeps_every_promise() -> None:
    """bounded, the ENSURES and the MONOTONE of the example are proved."""
    found = results(SAFE)

    assert list(found) == [
        "admissible",
        "program",
        "bounded",
        "ensures.private",
        "rule.no_pii",
        "rule.honest",
        "rule.civil",
        "monotone.helpfulness",
        "violation_never_pays.no_pii",
        "pareto",
    ]
    assert {r.verdict for r in found.values()} == {Verdict.PROVED}


def test_the_leaky_example_is_refuted_by_a_row_that_replays() -> None:
    """The counterexample leaks and still earns, by the machine's own word."""
    contract = load(LEAKY)
    found = {r.id: r for r in in_turn(contract)}["ensures.private"]
    (witness,) = found.witness
    row = row_words(contract, witness)

    assert found.verdict is Verdict.REFUTED
    assert row["signals"]["contains_pii"] is True
    assert float(row["reward"]) > 0
    assert row["broken"] == ["no_pii", "private"]
    assert run(compile_contract(contract), witness.signals).reward == witness.outcome.reward


def test_the_counterexample_is_simple() -> None:
    """Numbers in it are as round as still refute: no 0.7431 where 1 will do."""
    contract = load(LEAKY)
    found = {r.id: r for r in in_turn(contract)}["ensures.private"]
    signals = row_words(contract, found.witness[0])["signals"]

    assert (signals["helpfulness"], signals["harmlessness"], signals["toxicity"]) == ("1", "1", "0")


def test_monotone_is_refuted_with_two_rows() -> None:
    """More tokens, less reward: two rows that differ in tokens alone."""
    source = SAFE.replace("MONOTONE IN helpfulness", "MONOTONE IN tokens")
    contract = load(source)
    found = {r.id: r for r in in_turn(contract)}["monotone.tokens"]
    low, high = found.witness
    tokens = [s.name for s in contract.signals].index("tokens")

    assert found.verdict is Verdict.REFUTED
    assert [i for i, (a, b) in enumerate(zip(low.signals, high.signals, strict=True)) if a != b] == [tokens]
    assert low.signals[tokens] < high.signals[tokens]
    assert low.outcome.reward > high.outcome.reward


def small(reward: str, *lines: str, wants: str = "x") -> str:
    body = "\n".join(lines)
    return (
        f"LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN {reward}\n"
        "SIGNALS\n  x : score\n  y : score\n  n : int [0, 9]\n"
        f"STAKEHOLDERS\n  a WEIGHT 1 WANTS {wants}\nAGGREGATE weighted_mean\n{body}\n"
    )


def test_bounded_is_about_the_rounded_reward() -> None:
    """0.5·x just below 0.5 is promised at most 0.5 and at least 0; one millionth less is refuted."""
    assert results(small("[0, 0.5]", wants="0.5 * x"))["bounded"].verdict is Verdict.PROVED
    assert results(small("[0, 0.499999]", wants="0.5 * x"))["bounded"].verdict is Verdict.REFUTED


def test_rounding_decides_exactly() -> None:
    """The exact value passes 0.333333, the rounded reward never does; its interval is rounded down too."""
    wants = "0.333333 * x + 0.1 * 0.000009 * y"
    found = results(small("[0, 1]", "ENSURES third: reward <= 0.333333", wants=wants))["ensures.third"]

    assert (found.verdict, found.tier) == (Verdict.PROVED, Tier.INTERVAL)


def test_the_grid_decides_exactly() -> None:
    """2·x = 0.000001 has a real solution and no solution in signals of six decimals."""
    found = results(small("[0, 1]", "ENSURES odd: 2 * x != 0.000001"))["ensures.odd"]

    assert (found.verdict, found.tier) == (Verdict.PROVED, Tier.GRID)


def test_whole_numbers_are_whole() -> None:
    """An int has no halves."""
    assert results(small("[0, 1]", "ENSURES whole: 2 * n != 7"))["ensures.whole"].verdict is Verdict.PROVED
    assert results(small("[0, 1]", "ENSURES seven: n != 7"))["ensures.seven"].verdict is Verdict.REFUTED


def test_a_contradiction_makes_everything_vacuous() -> None:
    """REQUIRES that nothing satisfies: promises hold of nothing, which is no pass. The program is as right as ever."""
    contract = load(small("[0, 1]", "REQUIRES low: x < 0.2", "REQUIRES high: x > 0.8", "PROVE MONOTONE IN x"))
    found = in_turn(contract)

    assert {r.id: r.verdict for r in found} == {
        "admissible": Verdict.VACUOUS,
        "program": Verdict.PROVED,
        "bounded": Verdict.VACUOUS,
        "monotone.x": Verdict.VACUOUS,
    }
    assert exit_code(found) is ExitCode.REFUTED


def test_a_limit_gives_unknown_which_is_no_pass() -> None:
    """With hardly any work allowed, the solver says unknown, and so do we."""
    contract = load(small("[-9, 9]", "ENSURES hard: x * y * (x - y) <= 0.25", wants="x * y"))
    found = in_turn(contract, Budget(rlimit=100))

    assert Verdict.UNKNOWN in {r.verdict for r in found}
    assert exit_code(found) is not ExitCode.OK


def test_monotone_asks_for_no_new_violation() -> None:
    """A cap that more x can break does not refute; a penalty inside the same violation would."""
    kept = small("[-1, 1]", "INVARIANT low: x <= 0.5 PENALTY 1", "PROVE MONOTONE IN x")
    falls = small("[-1, 1]", "PROVE MONOTONE IN x", wants="min(x, 1 - x)")

    assert results(kept)["monotone.x"].verdict is Verdict.PROVED
    assert results(falls)["monotone.x"].verdict is Verdict.REFUTED


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_seeds_do_not_change_verdicts(seed: int) -> None:
    """Three seeds, the same verdicts."""
    assert {r.verdict for r in results(SAFE, seed=seed).values()} == {Verdict.PROVED}
    assert results(LEAKY, seed=seed)["ensures.private"].verdict is Verdict.REFUTED


def test_a_refutation_that_does_not_replay_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If solver and machine ever disagree, nobody is told 'refuted'."""
    monkeypatch.setattr(decide, "run", lambda program, row: run(program, [0] * len(row)))

    with pytest.raises(InternalError, match=r"the solver refutes ensures\.seven"):
        in_turn(load(small("[0, 1]", "ENSURES seven: n != 7")))


def test_the_report_is_canonical() -> None:
    """Two runs give the same bytes, so the same proofHash; a changed verdict gives another."""
    contract, budget = load(SAFE), Budget()
    program = compile_contract(contract)
    first, second = (report(contract, program, in_turn(contract), budget) for _ in range(2))

    assert proof_hash(first) == proof_hash(second)
    assert json.loads(json.dumps(first)) == first
    other = load(LEAKY)
    assert proof_hash(report(other, compile_contract(other), in_turn(other), budget)) != proof_hash(first)
