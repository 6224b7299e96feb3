"""Batches of the journal become an epoch: joined, hashed, its files on the disk, then bound to it in the journal."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rlhf_contract.oracle.attester import Active, header_of
from rlhf_contract.oracle.epoch_file import root_of
from rlhf_contract.oracle.journal.journal import Journal, Waiting
from rlhf_contract.oracle.journal.records import EpochRecord, NewEpoch
from rlhf_contract.oracle.payload import decode_payload, join, salts_of
from rlhf_contract.oracle.salts import SaltBox
from rlhf_contract.oracle.settings import Sealing
from rlhf_contract.oracle.store import Store
from rlhf_contract.oracle.watcher import View
from rlhf_contract.types import Seconds

__all__ = ["Sealer"]


@dataclass
class Sealer:
    """Seals by size, time or call. One epoch at a time: the next one continues what the chain has."""

    journal: Journal
    store: Store
    box: SaltBox
    rule: Sealing
    signing_seconds: int
    _since: dict[tuple[str, bytes], float] = field(default_factory=dict)

    def due(self, spec_hash: bytes, now: bool) -> Waiting | None:
        """What has to be sealed under this contract; with `now`, whatever waits longest."""
        waiting = [w for w in self.journal.waiting() if w.spec_hash == spec_hash]
        known = {(w.run, w.spec_hash) for w in waiting}
        self._since = {key: since for key, since in self._since.items() if key in known}
        for found in waiting:
            if now or found.rows >= self.rule.max_rows or self._age(found) >= self.rule.max_seconds:
                return found
        return None

    def _age(self, found: Waiting) -> float:
        """By the clock on the wall, which survives a restart, or by ours, which nobody sets back: the longer one."""
        first_seen = self._since.setdefault((found.run, found.spec_hash), time.monotonic())
        return max(self.journal.clock() - found.oldest, time.monotonic() - first_seen)

    def seal(self, view: View, active: Active, waiting: Waiting, prev_root: bytes) -> EpochRecord:
        """The next epoch of what waits. The files come first: a crash leaves files that are written again.

        Raises WrongState when a batch was erased from meanwhile, EpochError and JournalError when nothing can be
        written: then nothing is sealed.
        """
        batches = self.journal.unsealed(waiting.run, waiting.spec_hash, self.rule.max_rows)
        payloads = [decode_payload(batch.payload, f"batch {batch.id}") for batch in batches]
        epoch = join(payloads)
        root = root_of(epoch)
        number = view.now.last + 1
        header = header_of(active, self.box.contract_id, waiting.run, number)
        self.store.put_spec(active.contract.source.encode())
        self.store.put_salts(root, salts_of(self.box, payloads, epoch, root))
        data_hash = self.store.put_epoch(root, header, epoch, replace=self.journal.epochs.by_root(root) is None)
        new = NewEpoch(
            contract_id=self.box.contract_id,
            run=waiting.run,
            number=number,
            root=root,
            count=len(epoch),
            data_hash=data_hash,
            spec_hash=waiting.spec_hash,
            config_digest=view.now.config_digest,
            prev_root=prev_root,
            deadline=Seconds(view.now.time + self.signing_seconds),
        )
        self._since.pop((waiting.run, waiting.spec_hash), None)
        return self.journal.seal(new, batches)

    def discard(self, view: View) -> int:
        """Give up rows computed under a contract that is in force no more; returns how many.

        Their rewards were told and cannot be attested: the chain takes those of the contract in force alone. Not
        before the change is settled, so that a reorg does not cost any.
        """
        if view.deep.spec_hash != view.now.spec_hash:
            return 0
        reason = "another contract came into force before they were attested"
        others = [w for w in self.journal.waiting() if w.spec_hash != view.now.spec_hash]
        return sum(self.journal.discard(w.run, w.spec_hash, reason) for w in others)
