"""What is proved of generated contracts is attacked by rows that look for an exception; nothing proved may break."""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import numpy as np
import pytest
from breaking import Attack, batch, excess, moved, seen

from generated import random_spec
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract, Promise
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.step import run
from rlhf_contract.prove.decide import Result, Verdict
from rlhf_contract.prove.prove import in_turn
from rlhf_contract.prove.query import Budget

SPECS = int(os.environ.get("FUZZ_SPECS", "60"))  # `make fuzz` sets more
FIRST = 4_000_000
BUDGET = Budget(rlimit=2_000_000, seconds=5)
FORMS = (
    "monotone",
    "decreasing",
    "violation_never_pays",
    "fixing_always_pays",
    "pareto",
    "influence",
    "sensitivity",
)
PROVED_AT_LEAST = 3


def broken_by(contract: Contract, promise: Promise, rows: tuple[tuple[int, ...], ...]) -> bool:
    """Whether two rows break a promise, by the reference machine and the evaluator of `breaking.py`."""
    program = compile_contract(contract, promises=True)
    a, b = (batch(contract, [row]) for row in rows)
    one, two = (seen(contract, [run(program, row)]) for row in rows)
    right, by = moved(contract, promise, a, b)
    return bool(right[0] and excess(contract, promise, one, two, by)[0] > 0)


def promising(random: Random) -> Contract:
    """A generated contract with two promises or three."""
    while True:
        contract = load(random_spec(random))
        if len(contract.promises) > 1:
            return contract


class Findings:
    """Verdicts and pairs by form, and what was found to be wrong."""

    def __init__(self) -> None:
        self.verdicts: Counter[tuple[str, Verdict]] = Counter()
        self.pairs: Counter[str] = Counter()
        self.rows = self.refuted = self.found = 0
        self.wrong: list[str] = []

    def table(self) -> str:
        forms = list(dict.fromkeys(form for form, _ in self.verdicts))
        lines = [f"{'':22}{''.join(f'{v:>10}' for v in Verdict)}{'rows or pairs':>18}"]
        for form in forms:
            counts = "".join(f"{self.verdicts[form, v]:>10}" for v in Verdict)
            lines.append(f"{form:22}{counts}{self.pairs[form]:>18,}")
        return "\n".join(lines)


def attack(contract: Contract, seed: int, results: list[Result], findings: Findings) -> None:
    """Attack whatever is proved or vacuous, and check the witnesses of what is refuted."""
    by_id = {r.id: r for r in results}
    promises = {p.id: p for p in contract.promises}
    known = [w.signals for r in results for w in r.witness]
    attacker = Attack(contract, seed, known)
    s = attacker.seen
    assert len(attacker.rows) >= 10_000
    findings.rows += len(attacker.rows)
    for result in results:
        form = result.id.partition(".")[0]
        findings.verdicts[form, result.verdict] += 1
        if result.verdict in (Verdict.PROVED, Verdict.VACUOUS) and form not in FORMS:
            findings.pairs[form] += int(s.rewarded.sum())

    def verdict(id_: str) -> Verdict:
        return by_id[id_].verdict

    def check(id_: str, holds: bool) -> None:
        if not holds:
            findings.wrong.append(f"seed {seed}: {id_} is {verdict(id_)} by {by_id[id_].tier}\n{contract.source}")

    check("admissible", s.rewarded.any() == (verdict("admissible") is Verdict.PROVED))
    inside = (s.reward >= contract.lowest) & (s.reward <= contract.highest)
    if verdict("bounded") is Verdict.PROVED:
        check("bounded", bool(inside[s.rewarded].all()))
    for index, ensured in enumerate(contract.ensured):
        if verdict(f"ensures.{ensured.name}") is Verdict.PROVED:
            check(f"ensures.{ensured.name}", not s.not_ensured[index].any())
    for index, rule in enumerate(contract.rules):
        id_ = f"rule.{rule.name}"
        broken = s.violated[index][s.rewarded]
        others = np.delete(s.violated, index, axis=0).any(axis=0)[s.rewarded]
        if verdict(id_) is Verdict.VACUOUS:
            check(id_, not broken.any() or bool(broken.all()))
        elif verdict(id_) is Verdict.PROVED:
            check(id_, bool(broken.any() and not broken.all()))  # the witnesses are among the rows
            if by_id[id_].note.startswith("redundant"):
                check(id_, not (broken & ~others).any())
    for id_, promise in promises.items():
        if verdict(id_) is Verdict.PROVED:
            before = attacker.pairs
            check(id_, attacker.worst(promise) <= 0)
            findings.pairs[promise.form] += attacker.pairs - before
        elif verdict(id_) is Verdict.REFUTED:
            a, b = by_id[id_].witness
            check(id_, broken_by(contract, promise, (a.signals, b.signals)))
            findings.refuted += 1
            findings.found += Attack(contract, seed).worst(promise) > 0


@pytest.mark.timeout(300 + 5 * SPECS)
def test_nothing_proved_breaks() -> None:
    """Every proved promise survives 10,000 rows and more, and pairs of them made to break it; every refuted one has
    rows that break it; what is vacuous has no row at all. Each form is proved and refuted, or this says nothing."""
    findings = Findings()
    for seed in range(FIRST, FIRST + SPECS):
        contract = promising(Random(seed))
        attack(contract, seed, in_turn(contract, BUDGET), findings)
    sharp = f"of {findings.refuted} refuted promises the attack alone finds {findings.found}"
    print(f"\n{SPECS} contracts, {findings.rows:,} rows; {sharp}\n{findings.table()}")

    assert not findings.wrong, "\n".join(findings.wrong)
    assert findings.found >= 0.8 * findings.refuted, sharp
    for form in FORMS:
        assert findings.verdicts[form, Verdict.PROVED] >= PROVED_AT_LEAST, form
        assert findings.verdicts[form, Verdict.REFUTED] >= (form not in ("fixing_always_pays", "pareto")), form
        assert findings.pairs[form] > 10_000 * PROVED_AT_LEAST, form
