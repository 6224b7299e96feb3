"""Attested rows out of the data folder: figures of an epoch, a row with its proof, a sample wherever it is."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from rlhf_contract.chain.deployment import Ledger
from rlhf_contract.chain.index.follow import Index, build, update
from rlhf_contract.errors import EpochError
from rlhf_contract.hashing import to_hex
from rlhf_contract.machine import to_numpy
from rlhf_contract.merkle.tree import Tree
from rlhf_contract.oracle.epoch_file import Epoch, Header, leaf_of, row_of, tree_of
from rlhf_contract.oracle.store import Store
from rlhf_contract.types import Status, decimal_text
from rlhf_contract.web.library import Library, Text
from rlhf_contract.web.refusal import Refusal

__all__ = ["Epochs"]

BINS = 40
MOST_ROWS_KEPT = 2_000_000
MOST_LEAVES = 50_000
MOST_FIGURES = 200
MOST_ROWS_SEARCHED = 20_000_000
"""160 MB in eight bytes a row."""


@dataclass(frozen=True, slots=True)
class _Read:
    header: Header
    epoch: Epoch
    data_hash: bytes
    tree: Tree


class Epochs:
    """Blocking; called from worker threads. Roots and sample ids have 32 bytes."""

    def __init__(self, store: Store | None, library: Library, ledger: Ledger) -> None:
        self._store, self._library, self._ledger = store, library, ledger
        self._lock = Lock()  # an epoch is read once, however many ask for it
        self._kept: OrderedDict[bytes, _Read] = OrderedDict()
        self._figures: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._words: dict[bytes, npt.NDArray[np.uint64]] = {}
        self._index: Index | None = None

    def statistics(self, root: bytes) -> dict[str, Any]:
        """Figures of an epoch. Raises Refusal: not_found, also when the text that it was computed with is absent."""
        if root not in self._figures:
            read = self._read(root)
            text = self._library.get(bytes.fromhex(read.header.spec_hash[2:]))
            if text is None:
                raise Refusal("not_found", "The service does not have the text that this epoch was computed with.")
            self._figures[root] = _figures(read, text, root)
            while len(self._figures) > MOST_FIGURES:
                self._figures.popitem(last=False)
        return self._figures[root]

    def row(self, root: bytes, row: int) -> dict[str, Any]:
        """One row and its proof."""
        return _sample(self._read(root), root, row)

    def sample(self, sample_id: bytes) -> dict[str, Any]:
        """Where a sample is, from the newest epoch backwards.

        Only an epoch that has the first eight bytes of the id is read: whoever asks for what does not exist must not
        have every file read and hashed again.
        """
        word, searched = np.frombuffer(sample_id, ">u8", 1)[0], 0
        for root in self._roots():
            if searched >= MOST_ROWS_SEARCHED:
                break
            try:
                words = self._words_of(root)
                searched += len(words)
                at = int(np.searchsorted(words, word))
                if at == len(words) or words[at] != word:
                    continue
                read = self._read(root)
            except Refusal:
                continue
            row = row_of(read.epoch, sample_id)
            if row is not None:
                return _sample(read, root, row)
        raise Refusal(
            "not_found", f"No sample of this id is among the last {MOST_ROWS_SEARCHED:,} rows of the data folder."
        )

    def leaves(self, root: bytes) -> bytes:
        """Every leaf in order, each behind its length in four bytes. Raises Refusal: too_large."""
        read = self._read(root)
        if len(read.epoch) > MOST_LEAVES:
            raise Refusal(
                "too_large", f"{len(read.epoch):,} rows are too many for a browser; use `rlhf-contract audit`"
            )
        found = (leaf_of(read.epoch, row) for row in range(len(read.epoch)))
        return b"".join(len(leaf).to_bytes(4, "big") + leaf for leaf in found)

    def _read(self, root: bytes) -> _Read:
        with self._lock:
            if root in self._kept:
                self._kept.move_to_end(root)
                return self._kept[root]
            header, epoch, data_hash = self._load(root)
            read = _Read(header, epoch, data_hash, tree_of(epoch))
            if read.tree.root != root:
                raise Refusal("not_found", "The rows in the data folder are not those that were attested.")
            self._kept[root] = read
            while len(self._kept) > 1 and sum(len(r.epoch) for r in self._kept.values()) > MOST_ROWS_KEPT:
                self._kept.popitem(last=False)
            return read

    def _load(self, root: bytes) -> tuple[Header, Epoch, bytes]:
        if self._store is None:
            raise Refusal("not_found", "The service was started without a data folder.")
        try:
            return self._store.epoch(root)
        except EpochError:
            raise Refusal("not_found", "The data folder has no epoch with this root.") from None

    def _words_of(self, root: bytes) -> npt.NDArray[np.uint64]:
        """The first eight bytes of each sample's id, sorted. Raises Refusal where the folder has no such epoch."""
        with self._lock:
            if root not in self._words:
                epoch = self._kept[root].epoch if root in self._kept else self._load(root)[1]
                if len(epoch) + sum(map(len, self._words.values())) > MOST_ROWS_SEARCHED:
                    self._words.clear()  # new epochs have come since; the search begins anew with the newest
                self._words[root] = np.sort(epoch.samples[:, :8].copy().view(">u8").ravel().astype(np.uint64))
            return self._words[root]

    def _roots(self) -> list[bytes]:
        """Of every attested epoch, the newest first."""
        with self._lock:
            index = self._index
            index = build(self._ledger) if index is None else update(self._ledger, index).index
            self._index = index
        return [epoch.batch.root for _, epoch in sorted(index.state.log.epochs.items(), reverse=True)]


def _sample(read: _Read, root: bytes, row: int) -> dict[str, Any]:
    if not 0 <= row < len(read.epoch):
        raise Refusal("not_found", f"This epoch has the rows 0 to {len(read.epoch) - 1}.")
    return {
        "epoch": read.header.epoch,
        "root": to_hex(root),
        "row": row,
        "leaf": to_hex(leaf_of(read.epoch, row)),
        "proof": [to_hex(h) for h in read.tree.proof(row)],
    }


def _figures(read: _Read, text: Text, root: bytes) -> dict[str, Any]:
    """What an epoch's rows come to, with the program run again for the broken rules."""
    contract, epoch = text.contract, read.epoch
    outcomes = to_numpy.run(text.program, epoch.signals, epoch.lists)
    rewarded = epoch.status == Status.REWARDED
    rewards = epoch.reward[rewarded]
    some = len(rewards) > 0
    return {
        "root": to_hex(root),
        "dataHash": to_hex(read.data_hash),
        "specHash": read.header.spec_hash,
        "count": len(epoch),
        **{status.name.lower(): int((epoch.status == status).sum()) for status in Status},
        "lowest": str(rewards.min()) if some else None,
        "highest": str(rewards.max()) if some else None,
        # Floor of the exact mean: a sum of int64 could overflow, Python's integers do not.
        "mean": str(sum(rewards.tolist()) // len(rewards)) if some else None,
        "histogram": _histogram(rewards),
        "violations": [
            {"name": rule.name, "count": int(broken.sum())}
            for rule, broken in zip(contract.rules, outcomes.breaches, strict=True)
        ],
        "inadmissibleBy": [
            {"name": requirement.name, "count": int((outcomes.requirement == index).sum())}
            for index, requirement in enumerate(contract.requirements)
        ],
        "signals": [
            _column(spec.name, epoch.signals[index][rewarded], spec.scale)
            for index, spec in enumerate(contract.signals)
            if spec.kind in ("bool", "int", "real") and some
        ],
    }


def _column(name: str, values: npt.NDArray[np.int64], scale: int) -> dict[str, str]:
    mean = sum(values.tolist()) * 10 ** (6 - scale) // len(values)
    ends = [decimal_text(int(end), scale) for end in (values.min(), values.max())]
    return {"name": name, "lowest": ends[0], "highest": ends[1], "mean": decimal_text(mean, 6)}


def _histogram(rewards: npt.NDArray[np.int64]) -> dict[str, Any]:
    """At most BINS bins of equal width over the rewards; the last edge is beyond the highest."""
    if not len(rewards):
        return {"edges": [], "counts": []}
    lowest, highest = int(rewards.min()), int(rewards.max())
    width = max(1, -(-(highest - lowest + 1) // BINS))
    bins = (highest - lowest) // width + 1
    counts = np.bincount((rewards - lowest) // width, minlength=bins)
    return {"edges": [str(lowest + i * width) for i in range(bins + 1)], "counts": counts.tolist()}
