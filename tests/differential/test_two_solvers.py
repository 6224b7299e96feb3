"""cvc5, which shares no code with Z3, is asked the same questions; neither contradicts the other nor a verdict."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from two_solvers import checks, loaded

from rlhf_contract.errors import InternalError
from rlhf_contract.lang import load
from rlhf_contract.prove import independent
from rlhf_contract.prove.decide import Verdict
from rlhf_contract.prove.independent import cross_check, export
from rlhf_contract.prove.processes import Limits, Stopped, run_each
from rlhf_contract.prove.prove import prove
from rlhf_contract.prove.query import Budget

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.legal"))
SPECS = int(os.environ.get("FUZZ_SPECS", "200"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples(path: Path, tmp_path: Path) -> None:
    """On every example, cvc5 answers every question and agrees in each."""
    contract, budget = load(path.read_text("utf-8")), Budget()
    results = prove(contract, budget)
    found = cross_check(contract, results, budget)

    assert {check.agrees for check in found} == {True}
    assert {check.name.partition(".")[0] for check in found} == {r.id.partition(".")[0] for r in results}
    assert export(contract, results, tmp_path) == len(list(tmp_path.glob("*.smt2"))) >= len(found)


@pytest.mark.timeout(900)
def test_generated_contracts() -> None:
    """On 200 generated contracts, over the whole language, nothing is contradicted and most questions are answered."""
    seeds = [str(seed) for seed in range(SPECS)]
    found = run_each(loaded, b"", checks, seeds, Limits(60, 2048))
    answered = total = 0
    for seed, outcome in found.items():
        if isinstance(outcome, Stopped):
            continue
        source, opinions = outcome
        wrong = [check for check in opinions if check.agrees is False]
        assert not wrong, f"seed {seed}: {wrong}\n{source}"
        total += len(opinions)
        answered += sum(check.agrees is True for check in opinions)

    assert sum(isinstance(outcome, Stopped) for outcome in found.values()) <= SPECS // 20
    assert answered >= 0.9 * total > SPECS


def test_a_wrong_verdict_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If we said proved of what is false, cvc5 would say so: an internal error that names the question."""
    contract, budget = load(next(p for p in EXAMPLES if p.stem == "leaky").read_text("utf-8")), Budget()
    results = prove(contract, budget)
    lied = [independent.replace(r, verdict=Verdict.PROVED) if r.id == "ensures.private" else r for r in results]

    with pytest.raises(InternalError, match=r"two solvers disagree: ensures\.private\.grid"):
        cross_check(contract, lied, budget)
