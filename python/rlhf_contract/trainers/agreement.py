"""What an oracle tells, held against what was computed here."""

from __future__ import annotations

from rlhf_contract.errors import OracleDisagrees
from rlhf_contract.hashing import to_hex
from rlhf_contract.machine.digest import journaled_digest
from rlhf_contract.machine.to_numpy import Outcomes
from rlhf_contract.trainers.messages import Told
from rlhf_contract.trainers.scored import RowStatus
from rlhf_contract.types import Status

__all__ = ["STATUS", "agree"]

STATUS: tuple[RowStatus, ...] = ("rewarded", "inadmissible", "invalid")


def agree(told: Told, spec_hash: str, outcomes: Outcomes) -> None:
    """Raises OracleDisagrees unless the oracle tells the rewards that were computed here, under the same contract."""
    if told.spec_hash != spec_hash:
        raise OracleDisagrees(
            f"the oracle applies specHash {told.spec_hash} now, this run began with {spec_hash}; stop, read what "
            "was adopted, and begin a run with it"
        )
    here = [
        (STATUS[s], m if s == Status.REWARDED else None)
        for s, m in zip(outcomes.status.tolist(), outcomes.reward.tolist(), strict=True)
    ]
    there = [(r.status, r.reward_micro) for r in told.rewards]
    if here != there:
        row = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), len(there))
        raise OracleDisagrees(
            f"row {row}: computed here is {here[row : row + 1]}, the oracle tells {there[row : row + 1]} "
            f"({len(there)} rows of {len(here)})"
        )
    samples = b"".join(bytes.fromhex(r.sample[2:]) for r in told.rewards)
    if told.digest != to_hex(journaled_digest(bytes.fromhex(spec_hash[2:]), samples, outcomes.status, outcomes.reward)):
        raise OracleDisagrees("the oracle's digest is not that of the rewards it tells")
