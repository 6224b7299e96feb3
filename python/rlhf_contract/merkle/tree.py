"""A Merkle tree in OpenZeppelin's array layout with commutative keccak256 inner nodes.

    nodes[0] is the root, the children of nodes[i] are nodes[2i + 1] and nodes[2i + 2], and leaf i of N is
    nodes[2N − 2 − i]. A pair is hashed in ascending order, so a proof needs no left and right.

`SimpleMerkleTree` of @openzeppelin/merkle-tree builds the same root from the same leaf hashes with `sortLeaves: false`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from mmap import PAGESIZE

import numpy as np
import numpy.typing as npt

from rlhf_contract.hashing import keccak256
from rlhf_contract.merkle.batch import hash_pairs

__all__ = ["Tree", "build", "fill", "naive_root", "room", "verify"]

Bytes = npt.NDArray[np.uint8]

PROOFS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Tree:
    """All 2N − 1 nodes, uint8 [2N − 1, 32]."""

    nodes: Bytes

    @property
    def root(self) -> bytes:
        return bytes(self.nodes[0])

    def __len__(self) -> int:
        return (len(self.nodes) + 1) // 2

    @property
    def leaves(self) -> Bytes:
        """The leaf hashes in their order, uint8 [N, 32]: a view of the nodes, which lie the other way round."""
        return self.nodes[len(self) - 1 :][::-1]

    def proof(self, index: int) -> list[bytes]:
        """The siblings on the way from leaf `index` to the root.

        Raises IndexError when there is no such leaf.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"there is no leaf {index} in a tree of {len(self)}")
        node = len(self.nodes) - 1 - index
        siblings = []
        while node:
            siblings.append(self.nodes[node + 1 if node % 2 else node - 1].tobytes())
            node = (node - 1) // 2
        return siblings

    def proofs(self) -> Iterator[tuple[int, Bytes, npt.NDArray[np.int64]]]:
        """The proofs of all leaves, 65,536 at a time: first index, siblings [n, depth, 32], and how many of them count.

        Leaves stand at two depths at most, so a shallower leaf's last sibling is zeros.
        """
        count = len(self)
        depth = (len(self.nodes)).bit_length() - 1
        for first in range(0, count, PROOFS_AT_ONCE):
            node = len(self.nodes) - 1 - np.arange(first, min(first + PROOFS_AT_ONCE, count))
            siblings = np.zeros((len(node), depth, 32), np.uint8)
            lengths = np.zeros(len(node), np.int64)
            for level in range(depth):
                below = node > 0
                sibling = np.where(node % 2 == 1, node + 1, node - 1)
                siblings[below, level] = self.nodes[sibling[below]]
                lengths += below
                node = np.where(below, (node - 1) // 2, 0)
            yield first, siblings, lengths


def build(leaf_hashes: Bytes | Sequence[bytes], progress: Callable[[int], None] | None = None) -> Tree:
    """The tree over N ≥ 1 leaf hashes in their order, uint8 [N, 32] or 32 bytes each.

    `progress` is told how many inner nodes are hashed.

    Raises ValueError for no leaves.
    """
    if not isinstance(leaf_hashes, np.ndarray):
        leaf_hashes = np.frombuffer(b"".join(leaf_hashes), np.uint8).reshape(-1, 32)
    tree = room(len(leaf_hashes))
    tree.leaves.view(np.uint64)[:] = np.ascontiguousarray(leaf_hashes).view(np.uint64)
    return fill(tree, progress)


def room(count: int) -> Tree:
    """A tree whose `leaves` are still to be written, and then filled: so no leaf hash is ever copied.

    One byte of each page is written here, by one thread: when all threads are the first to touch new memory, they wait
    for each other in the kernel, for several times as long.

    Raises ValueError for no leaves.
    """
    if not count:
        raise ValueError("a tree has at least one leaf")
    nodes = np.empty((2 * count - 1, 32), np.uint8)
    nodes.reshape(-1)[::PAGESIZE] = 0
    return Tree(nodes)


def fill(tree: Tree, progress: Callable[[int], None] | None = None) -> Tree:
    """Hash all inner nodes of `tree` in place; returns it. `progress` is told how many are done."""
    inner = last = len(tree) - 1
    while last:
        first = last // 2  # its children begin at 2·first + 1 ≥ last: they are complete
        hash_pairs(tree.nodes, first, last, 2 * inner)
        last = first
        if progress:
            progress(inner - last)
    return tree


def verify(root: bytes, leaf_hash: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` leads from `leaf_hash` to `root`, as OpenZeppelin's MerkleProof decides it."""
    node = leaf_hash
    for sibling in proof:
        node = keccak256(node + sibling if node < sibling else sibling + node)
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
