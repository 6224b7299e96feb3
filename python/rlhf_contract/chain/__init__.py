"""Everything that talks to Ethereum: compiled contracts, transactions, typed signatures, reads at a pinned block."""
