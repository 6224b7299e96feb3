"""Leaves, the tree over them, and proofs that OpenZeppelin's Solidity and JavaScript libraries verify."""
