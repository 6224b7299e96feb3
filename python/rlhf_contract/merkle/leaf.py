"""The leaf of one reward: `0x00 ‖ index ‖ sampleId ‖ status ‖ signals ‖ reward`, big-endian, fixed width, hashed once.

46 + 8·n bytes for n signals: never 64, so no leaf can pass for an inner node (OpenZeppelin issue 3091), and up to
eleven signals fit one keccak permutation (136 bytes). `contracts/libraries/RewardLeaf.sol` reads the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rlhf_contract.hashing import keccak256

__all__ = ["encode_leaf", "encode_leaves", "sample_id"]


def encode_leaf(index: int, sample: bytes, status: int, signals: Sequence[int], reward: int) -> bytes:
    """The bytes of one leaf: `sample` has 32 bytes, signals and reward are int64. The reference for `encode_leaves`."""
    return struct.pack(f">BI32sB{len(signals)}qq", 0, index, sample, status, *signals, reward)


def encode_leaves(
    samples: npt.NDArray[np.uint8],
    status: npt.NDArray[np.uint8],
    signals: npt.NDArray[np.int64],
    reward: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint8]:
    """The leaves of N rows, uint8 [N, 46 + 8·n], from samples [N, 32], status [N], signals [n, N] and reward [N]."""
    count = len(status)
    leaf = np.dtype(
        [
            ("prefix", "u1"),
            ("index", ">u4"),
            ("sample", "u1", (32,)),
            ("status", "u1"),
            ("signals", ">i8", (signals.shape[0],)),
            ("reward", ">i8"),
        ]
    )
    leaves = np.zeros(count, leaf)
    leaves["index"] = np.arange(count)
    leaves["sample"] = samples
    leaves["status"] = status
    leaves["signals"] = signals.T
    leaves["reward"] = reward
    return leaves.view(np.uint8).reshape(count, leaf.itemsize)


def sample_id(salt: bytes, prompt: str, answer: str) -> bytes:
    """A commitment to one sample: keccak256(salt ‖ keccak256(prompt) ‖ keccak256(answer)).

    `salt` has 32 random bytes. Without it the text can be neither checked nor guessed, so deleting the salt erases the
    sample while every root stays provable (GDPR Art. 17).
    """
    return keccak256(salt + keccak256(prompt.encode()) + keccak256(answer.encode()))
