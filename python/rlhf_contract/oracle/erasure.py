"""Forget one sample: its salt and text, wherever this oracle has them. Every root still verifies without them.

What is out of reach: backups, replicas and snapshots; old versions in a bucket with versioning; blocks that a solid
state disk has set aside; PostgreSQL's own log until it is recycled; peers and trainers, who are asked by the operator.
"""

from __future__ import annotations

from rlhf_contract.errors import DataError
from rlhf_contract.hashing import to_hex
from rlhf_contract.oracle.journal.erasures import Erasure
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.salts import erased_from
from rlhf_contract.oracle.store import Store

__all__ = ["erase"]


def erase(journal: Journal, store: Store, sample: bytes, request: bytes) -> Erasure:
    """Destroy salt and text of `sample` (32 bytes) in the journal and in every salts file; needs no key.

    `request` is the 32-byte hash of what asked for it. It may be repeated: a second time finds what a crash has left.
    Raises DataError when this oracle never had the sample; EpochError and JournalError as they come.
    """
    journal.erasures.request(sample, request)
    in_journal = _from_journal(journal, sample)
    if in_journal:
        journal.erasures.scrub()
    places = in_journal + _from_files(journal, store, sample)
    known = journal.erasures.get(sample)
    if not places and known.done_at is None:
        journal.erasures.withdraw(sample)
        raise DataError(f"{to_hex(sample)}: neither the journal nor {store.url} has a salt or text of this sample")
    journal.erasures.done(sample, places)
    return journal.erasures.get(sample)


def _from_journal(journal: Journal, sample: bytes) -> int:
    places = 0
    for batch in journal.samples.batches(sample):
        if not batch.payload:
            continue
        current = batch
        while (without := erased_from(current.payload, sample, f"batch {batch.id}")) is not None:
            if journal.erasures.replace_payload(current, without):
                places += 1
                break
            again = journal.erasures.payload(batch.id)  # somebody has erased another sample of it, or pruned it
            if again is None:
                break
            current = again
    return places


def _from_files(journal: Journal, store: Store, sample: bytes) -> int:
    """From the salts of its own epoch, and from every file that no live epoch of the journal owns.

    Those are few: what a crash or an abandoned epoch has left, and what was sealed with another journal.
    """
    # Asked anew: one that was in no epoch a moment ago may have been sealed since.
    ids = {batch.epoch_id for batch in journal.samples.batches(sample)}
    own = {journal.epochs.get(id).root for id in ids if id is not None}
    others = journal.epochs.roots() - own
    places = 0
    for root in store.salted():
        if root in others:
            continue
        without = erased_from(store.salts(root), sample, f"the salts of {to_hex(root)}")
        if without is not None:
            store.put_salts(root, without)
            places += 1
    return places
