"""A Merkle tree in OpenZeppelin's array layout with commutative keccak256 inner nodes.

    nodes[0] is the root, the children of nodes[i] are nodes[2i + 1] and nodes[2i + 2], and leaf i of N is
    nodes[2N − 2 − i]. A pair is hashed in ascending order, so a proof needs no left and right.

`SimpleMerkleTree` of @openzeppelin/merkle-tree builds the same root from the same leaf hashes with `sortLeaves: false`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlhf_contract.hashing import keccak256

__all__ = ["Tree", "build", "naive_root", "verify"]

REPORT_EVERY = 16_384  # hashes between two words to `progress`


@dataclass(frozen=True, slots=True)
class Tree:
    """All 2N − 1 nodes, 32 bytes each."""

    nodes: list[bytes]

    @property
    def root(self) -> bytes:
        return self.nodes[0]

    def __len__(self) -> int:
        return (len(self.nodes) + 1) // 2

    def proof(self, index: int) -> list[bytes]:
        """The siblings on the way from leaf `index` to the root.

        Raises IndexError when there is no such leaf.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"there is no leaf {index} in a tree of {len(self)}")
        node = len(self.nodes) - 1 - index
        siblings = []
        while node:
            siblings.append(self.nodes[node + 1 if node % 2 else node - 1])
            node = (node - 1) // 2
        return siblings


def build(leaf_hashes: Sequence[bytes], progress: Callable[[int], None] | None = None) -> Tree:
    """The tree over N ≥ 1 leaf hashes, in their order; `progress` is told how many inner nodes are hashed.

    Raises ValueError for no leaves.
    """
    if not leaf_hashes:
        raise ValueError("a tree has at least one leaf")
    inner = len(leaf_hashes) - 1
    nodes = [b""] * inner + list(reversed(leaf_hashes))
    for node in range(inner - 1, -1, -1):
        nodes[node] = hash_pair(nodes[2 * node + 1], nodes[2 * node + 2])
        if progress and node % REPORT_EVERY == 0:
            progress(inner - node)
    return Tree(nodes)


def hash_pair(a: bytes, b: bytes) -> bytes:
    """keccak256 of both in ascending order."""
    return keccak256(a + b if a < b else b + a)


def verify(root: bytes, leaf_hash: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` leads from `leaf_hash` to `root`, as OpenZeppelin's MerkleProof decides it."""
    node = leaf_hash
    for sibling in proof:
        node = hash_pair(node, sibling)
    return node == root


def naive_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root by the definition alone, node by node from the top: what `build` is tested against."""
    count = len(leaf_hashes)

    def node(i: int) -> bytes:
        if i >= count - 1:
            return leaf_hashes[2 * count - 2 - i]
        left, right = sorted((node(2 * i + 1), node(2 * i + 2)))
        return keccak256(left + right)

    return node(0)
