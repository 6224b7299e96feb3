"""What binds the rewards of one batch to what they were computed from: 32 bytes that are logged and computed again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from rlhf_contract.hashing import keccak256
from rlhf_contract.machine.rows import Rows
from rlhf_contract.types import ABSENT, Status

__all__ = ["journaled_digest", "local_digest", "nothing"]


def journaled_digest(
    spec_hash: bytes, samples: bytes, status: npt.NDArray[np.uint8], reward: npt.NDArray[np.int64]
) -> bytes:
    """An oracle's, of rows in its journal: keccak256 of spec hash, sample ids (32 bytes each), statuses and rewards."""
    return keccak256(spec_hash + samples + _results(status, reward))


def local_digest(
    spec_hash: bytes,
    texts: Iterable[str],
    rows: Rows,
    status: npt.NDArray[np.uint8],
    reward: npt.NDArray[np.int64],
) -> bytes:
    """Without an oracle: keccak256 of spec hash, the keccak256 of what came in, statuses and rewards.

    `texts` are all prompts, then all completions.
    """
    inputs = [keccak256(text.encode("utf-8", "surrogatepass")) for text in texts]
    lists = [rows.lists[i].elements.astype(">i8").tobytes() for i in sorted(rows.lists)]
    came_in = keccak256(b"".join([*inputs, rows.signals.astype(">i8").tobytes(), *lists]))
    return keccak256(spec_hash + came_in + _results(status, reward))


def nothing(count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Status and reward that are told of rows for which nobody knows one; their local digest is of no texts."""
    return np.full(count, Status.INVALID, np.uint8), np.full(count, ABSENT, np.int64)


def _results(status: npt.NDArray[np.uint8], reward: npt.NDArray[np.int64]) -> bytes:
    """Statuses, then rewards as int64, big-endian."""
    return status.tobytes() + reward.astype(">i8").tobytes()
