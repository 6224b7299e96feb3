"""The proof report: one canonical JSON document, whose keccak256 is the proofHash that stakeholders vote on.

The same spec and solver give the same bytes again on any machine; how long it took, and advice, are no part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rlhf_contract.errors import ExitCode
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.step import Outcome
from rlhf_contract.prove.decide import Result, Verdict, Witness
from rlhf_contract.prove.query import Budget, solver_name
from rlhf_contract.prove.witness import readable
from rlhf_contract.types import Status, decimal_text

__all__ = ["exit_code", "proof_hash", "report", "row_words"]


def report(contract: Contract, program: Program, results: Sequence[Result], budget: Budget) -> dict[str, Any]:
    """The report as a JSON-ready dict. `budget` is the one that the results were decided within."""
    return {
        "contract": contract.name,
        "version": contract.version,
        "specHash": to_hex(keccak256(contract.source.encode())),
        "programHash": to_hex(keccak256(program.data)),
        "solver": {"name": solver_name(), "rlimit": budget.rlimit, "seed": budget.seed},
        "obligations": [
            {
                "id": r.id,
                "sentence": r.sentence,
                "source": r.source,
                "assumptions": list(r.assumptions),
                "verdict": r.verdict.value,
                "decidedBy": r.tier.value,
                "witness": [row_words(contract, w) for w in r.witness],
                "note": r.note,
            }
            for r in results
        ],
    }


def row_words(contract: Contract, witness: Witness) -> dict[str, Any]:
    """A row of a counterexample in the author's terms: signals and reward as decimals, broken rules by name."""
    watched = [r.name for r in contract.rules] + [e.name for e in contract.ensured]
    outcome = witness.outcome
    rewarded = outcome.status is Status.REWARDED
    return {
        "signals": readable(contract, witness.signals),
        "status": outcome.status.name.lower(),
        "reward": decimal_text(outcome.reward, 6) if rewarded else None,
        "broken": [watched[b] for b in outcome.breaches],
        "decides": _decides(contract, outcome) if rewarded else None,
    }


def _decides(contract: Contract, outcome: Outcome) -> str:
    """What the reward comes from: the lowest cap if it binds, else the penalties, else what people want."""
    rules = [contract.rules[b] for b in outcome.breaches if b < len(contract.rules)]
    caps = [rule for rule in rules if rule.at_most is not None and rule.at_most == outcome.reward]
    if caps:
        return f"{caps[0].name} REWARD AT MOST {decimal_text(outcome.reward, 6)}"
    penalties = [f"{rule.name} PENALTY {decimal_text(rule.penalty, 6)}" for rule in rules if rule.penalty]
    return ", ".join(penalties) or f"AGGREGATE {contract.tree.aggregates[0].rule}"


def proof_hash(report: dict[str, Any]) -> bytes:
    """keccak256 of the report with sorted keys and no spaces (RFC 8785 for the values that occur here)."""
    return keccak256(msgspec.json.encode(report, order="deterministic"))


def exit_code(results: Sequence[Result]) -> ExitCode:
    """REFUTED before UNKNOWN before OK; a promise that holds of nothing counts as refuted."""
    verdicts = {r.verdict for r in results}
    if verdicts & {Verdict.REFUTED, Verdict.VACUOUS}:
        return ExitCode.REFUTED
    return ExitCode.UNKNOWN if Verdict.UNKNOWN in verdicts else ExitCode.OK
