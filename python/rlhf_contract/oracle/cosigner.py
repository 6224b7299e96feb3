"""What an oracle does before it signs somebody's epoch: trust nobody, read the data, compute everything again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlhf_contract.chain.typed_data import RewardBatch
from rlhf_contract.hashing import to_hex
from rlhf_contract.oracle.epoch_file import Epoch, Header
from rlhf_contract.oracle.recompute import findings
from rlhf_contract.types import Seconds

if TYPE_CHECKING:
    from rlhf_contract.oracle.attester import Active

__all__ = ["MOST_SECONDS", "objections"]

MOST_SECONDS = 604_800  # nobody's signature shall be good for longer


def objections(
    batch: RewardBatch,
    header: Header,
    epoch: Epoch,
    data_hash: bytes,
    active: Active,
    contract_id: bytes,
    last: int,
    last_seal: bytes,
    now: Seconds,
) -> list[str]:
    """Everything that keeps an honest oracle from signing; empty when the epoch is right and comes next.

    `data_hash` is that of the file at hand; `last`, `last_seal` and `now` are the chain's.
    """
    in_force = active.in_force
    named = (header.contract_id, header.spec_hash, header.program_hash, header.run_id)
    wanted = (contract_id, in_force.spec_hash, in_force.program_hash, batch.runId)
    found = [
        f"{what} is {_shown(actual)}, expected {_shown(expected)}"
        for what, actual, expected in (
            ("contractId", batch.contractId, contract_id),
            ("specHash", batch.specHash, in_force.spec_hash),
            ("configDigest", batch.configDigest, in_force.config_digest),
            ("epoch", batch.epoch, last + 1),
            ("prevSeal", batch.prevSeal, last_seal),
            ("count", batch.count, len(epoch)),
            ("dataHash", batch.dataHash, data_hash),
            ("the file's epoch", header.epoch, batch.epoch),
        )
        if actual != expected
    ]
    if named != tuple(to_hex(hash_) for hash_ in wanted):
        found.append("the file's header names another contract, spec, program or run than the batch")
    if not now < batch.deadline <= now + MOST_SECONDS:
        found.append(f"deadline is {batch.deadline}, the chain is at {now}")
    return found + findings(active.contract, active.program, header, epoch, batch.root)


def _shown(value: bytes | int) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)
