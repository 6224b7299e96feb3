"""The values of the journal, and which step an epoch may take after which.

    sealed ──▶ signed ──▶ submitted ──▶ mined ──▶ final
       ▲         │            │  ▲       │ │        │
       └─────────┴── reopen ──┘  └─reorg─┘ └────────┴──▶ revoked
    sealed, signed, submitted ──▶ abandoned (its batches are unsealed again)

Anybody may relay a signed batch, so an epoch can be found mined from every state before; and a reorg deeper than the
confirmations that were asked for takes even a final one back. Times are whole seconds since 1970, hashes 32 bytes,
fees wei a gas; ids rise and may have gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rlhf_contract.types import BlockNumber, Seconds, Wei

__all__ = [
    "ALLOWED",
    "OPEN",
    "Accepted",
    "Batch",
    "Counters",
    "EpochRecord",
    "NewEpoch",
    "Offer",
    "Request",
    "State",
    "Submission",
    "Token",
    "batch_of",
]


class State(StrEnum):
    """Where an epoch is on its way."""

    SEALED = "sealed"
    SIGNED = "signed"
    SUBMITTED = "submitted"
    MINED = "mined"
    FINAL = "final"
    REVOKED = "revoked"
    ABANDONED = "abandoned"


ALLOWED: Mapping[State, frozenset[State]] = {
    State.SEALED: frozenset({State.SIGNED, State.MINED, State.ABANDONED}),
    State.SIGNED: frozenset({State.SUBMITTED, State.MINED, State.SEALED, State.ABANDONED}),
    State.SUBMITTED: frozenset({State.MINED, State.SEALED, State.ABANDONED}),
    State.MINED: frozenset({State.FINAL, State.SUBMITTED, State.REVOKED}),
    State.FINAL: frozenset({State.SUBMITTED, State.REVOKED}),
    State.REVOKED: frozenset(),
    State.ABANDONED: frozenset(),
}
"""State → states that may follow."""

OPEN = (State.SEALED, State.SIGNED, State.SUBMITTED, State.MINED)
"""What a daemon has still to bring forward."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One accepted request: `rows` rewards computed under `spec_hash`.

    `payload` is Arrow IPC (see `oracle.payload`), empty once it has been forgotten. `revision` rises with each erasure
    in it. `epoch_id` is the journal's id of the epoch that it is sealed in, `discarded` why it never will be.
    """

    id: int
    run: str
    received_at: Seconds
    rows: int
    spec_hash: bytes
    payload: bytes = field(repr=False)
    revision: int = 0
    epoch_id: int | None = None
    discarded: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be repeated: `scope` says whose (a token's name), `digest` is the SHA-256 of its body."""

    scope: str
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """A computed batch on its way into the journal, with the answer that its sender is about to get.

    `samples` are the ids of its rows, 32 bytes each, by which it can be found again.
    """

    run: str
    spec_hash: bytes
    rows: int
    payload: bytes = field(repr=False)
    request: Request | None = None
    answer: bytes = field(default=b"", repr=False)
    samples: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What `Journal.accept` has done. `replayed`: nothing, because this request had been answered before."""

    batch_id: int | None
    answer: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """An epoch about to be sealed: the fields of the batch that oracles sign, and the run's name."""

    contract_id: bytes
    run: str
    number: int
    root: bytes
    count: int
    data_hash: bytes
    spec_hash: bytes
    config_digest: bytes
    prev_root: bytes
    deadline: Seconds


@dataclass(frozen=True, slots=True)
class Submission:
    """One transaction that carries an epoch. Written before it is sent, so that a crash cannot hide it.

    `raw` is the signed transaction, to send again. `block` and `block_hash` are where it was seen, if anywhere.
    """

    tx_hash: bytes
    sender: str
    nonce: int
    max_fee: Wei
    priority_fee: Wei
    raw: bytes = field(default=b"", repr=False)
    sent_at: Seconds | None = None
    block: BlockNumber | None = None
    block_hash: bytes | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """An epoch as the journal knows it: all that is needed to take its next step after a restart.

    `signatures` are 65 bytes by checksummed address; `submissions` are in the order of sending. `mined_tx`, `block` and
    `block_hash` say where it was seen on the chain (mined, final and revoked only; `mined_tx` may be somebody else's).
    `attempts` counts failures since the last change of state, `last_error` is the newest of them.
    """

    id: int
    state: State
    contract_id: bytes
    run: str
    number: int
    root: bytes
    count: int
    data_hash: bytes
    spec_hash: bytes
    config_digest: bytes
    prev_root: bytes
    deadline: Seconds
    sealed_at: Seconds
    changed_at: Seconds
    attempts: int
    last_error: str
    mined_tx: bytes | None
    block: BlockNumber | None
    block_hash: bytes | None
    signatures: Mapping[str, bytes]
    submissions: tuple[Submission, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token without its secret. `role` is trainer, operator, auditor, peer or monitor."""

    name: str
    role: str
    created: Seconds
    expires: Seconds | None
    revoked: Seconds | None


@dataclass(frozen=True, slots=True)
class Counters:
    """For `/metrics`. `oldest_unsealed` is when the oldest batch came that is in no epoch yet.

    Of the `erasures`, some may be `unfinished` (salt and text are not gone yet), others `unrecorded` on the chain.
    """

    unsealed_rows: int
    discarded_rows: int
    oldest_unsealed: Seconds | None
    epochs: Mapping[State, int]
    rewards: Mapping[State, int]
    erasures: int
    unfinished: int
    unrecorded: int


def batch_of(row: Any) -> Batch:
    """A row of the table `batches`."""
    return Batch(
        int(row.id),
        row.run,
        Seconds(int(row.received_at)),
        int(row.rows),
        bytes(row.spec_hash),
        bytes(row.payload),
        int(row.revision),
        None if row.epoch_id is None else int(row.epoch_id),
        row.discarded,
    )
