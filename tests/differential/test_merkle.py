"""Our tree and leaves against the definition, and against OpenZeppelin's JavaScript library."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_contract.hashing import keccak256
from rlhf_contract.merkle.leaf import encode_leaf, encode_leaves
from rlhf_contract.merkle.tree import build, naive_root, verify
from rlhf_contract.types import ABSENT, INT64_MAX

ROOT = Path(__file__).parents[2]
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 100, 333]


def hashes(count: int) -> list[bytes]:
    return [keccak256(i.to_bytes(4, "big")) for i in range(count)]


@pytest.mark.parametrize("count", SIZES)
def test_fast_equals_naive(count: int) -> None:
    """The loop and the recursive definition give the same root."""
    assert naive_root(hashes(count)) == build(hashes(count)).root


@pytest.mark.parametrize("count", SIZES)
def test_every_proof_verifies_and_no_other(count: int) -> None:
    """Each leaf has a proof; it proves nothing else."""
    leaves = hashes(count)
    tree = build(leaves)
    for index, leaf in enumerate(leaves):
        assert verify(tree.root, leaf, tree.proof(index))
        assert not verify(tree.root, keccak256(leaf), tree.proof(index))
    with pytest.raises(IndexError):
        tree.proof(count)


SCRIPT = """
const { SimpleMerkleTree } = require("@openzeppelin/merkle-tree");
const { leaves, root, proofs } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const tree = SimpleMerkleTree.of(leaves, { sortLeaves: false });
const verified = leaves.every((leaf, i) => SimpleMerkleTree.verify(root, leaf, proofs[i]));
const same = leaves.every((leaf, i) => JSON.stringify(tree.getProof(i)) === JSON.stringify(proofs[i]));
console.log(JSON.stringify({ root: tree.root, verified, same }));
"""


@pytest.mark.parametrize("count", [2, 3, 8, 333])
def test_openzeppelin_javascript_agrees(count: int) -> None:
    """@openzeppelin/merkle-tree builds the same root and proofs, and verifies ours."""
    leaves = hashes(count)
    tree = build(leaves)
    question = {
        "leaves": [f"0x{leaf.hex()}" for leaf in leaves],
        "root": f"0x{tree.root.hex()}",
        "proofs": [[f"0x{s.hex()}" for s in tree.proof(i)] for i in range(count)],
    }
    answer = subprocess.run(
        ["node", "-e", SCRIPT], input=json.dumps(question), capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert json.loads(answer.stdout) == {"root": question["root"], "verified": True, "same": True}


int64 = st.one_of(st.integers(-INT64_MAX, INT64_MAX), st.sampled_from([ABSENT, -1, 0, INT64_MAX]))


def leaf_rows(signals: int) -> st.SearchStrategy[list[tuple[bytes, int, list[int], int]]]:
    sample = st.binary(min_size=32, max_size=32)
    row = st.tuples(sample, st.integers(0, 2), st.lists(int64, min_size=signals, max_size=signals), int64)
    return st.lists(row, min_size=1, max_size=6)


@settings(max_examples=200)
@given(st.integers(1, 12).flatmap(leaf_rows))
def test_leaves_packed_together_equal_leaves_packed_alone(rows: list[tuple[bytes, int, list[int], int]]) -> None:
    """The vectorised packing and the struct of one leaf give the same bytes, never 64 of them."""
    samples = np.frombuffer(b"".join(r[0] for r in rows), np.uint8).reshape(-1, 32)
    status = np.array([r[1] for r in rows], np.uint8)
    signals = np.array([r[2] for r in rows], np.int64).T
    reward = np.array([r[3] for r in rows], np.int64)
    packed = encode_leaves(samples, status, signals, reward)
    alone = [encode_leaf(i, *row) for i, row in enumerate(rows)]

    assert alone == [leaf.tobytes() for leaf in packed]
    assert all(len(leaf) == 46 + 8 * len(rows[0][2]) != 64 for leaf in alone)
