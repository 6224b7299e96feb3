"""Batches come in with their answers, are bound to an epoch all at once, and are forgotten when it is final for long.

    journal = Journal.open("sqlite:///journal.db")          # or postgresql+psycopg://…
    journal.accept(run, spec_hash, rows, payload, request, answer)
    batches = journal.unsealed(run, spec_hash, max_rows)
    record = journal.seal(new_epoch, batches)
    journal.epochs.add_signature(record.id, address, signature) …

Every method is one transaction: when it returns, its effect is on the disk; when it raises, there is none. Several
threads and several processes may use one journal at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, func, select, update
from sqlalchemy.exc import IntegrityError

from rlhf_contract.errors import JournalError, KeyReused, WrongState
from rlhf_contract.oracle.journal import schema
from rlhf_contract.oracle.journal.access import Leases, Tokens
from rlhf_contract.oracle.journal.answers import Answers
from rlhf_contract.oracle.journal.epochs import Epochs
from rlhf_contract.oracle.journal.erasures import Erasures
from rlhf_contract.oracle.journal.records import (
    Accepted,
    Batch,
    Counters,
    EpochRecord,
    NewEpoch,
    Offer,
    Request,
    State,
    batch_of,
)
from rlhf_contract.oracle.journal.samples import Samples
from rlhf_contract.oracle.journal.schema import batches, epochs, erasures, reading, writing
from rlhf_contract.types import Seconds

__all__ = ["Journal", "Waiting"]

ADD = batches.insert()  # made once: building a statement costs more than running it
UNSEALED = and_(batches.c.epoch_id.is_(None), batches.c.discarded == "")
DISCARDED = and_(batches.c.epoch_id.is_(None), batches.c.discarded != "")  # never sealed, so an index finds them


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a run has in no epoch yet, under one spec: what a sealing rule looks at."""

    run: str
    spec_hash: bytes
    batches: int
    rows: int
    oldest: Seconds


@dataclass(frozen=True, slots=True)
class Journal:
    """An open journal. `clock` gives whole seconds since 1970."""

    engine: Engine
    clock: Callable[[], Seconds]
    epochs: Epochs
    answers: Answers
    tokens: Tokens
    leases: Leases
    erasures: Erasures
    samples: Samples

    @staticmethod
    def open(url: str, clock: Callable[[], Seconds] = lambda: Seconds(int(time.time()))) -> Journal:
        """The journal behind `url`; its tables are made on first use.

        Raises JournalError: no such database, one that cannot be written, one of a newer version of this program.
        """
        engine = schema.open_engine(url)
        return Journal(
            engine,
            clock,
            Epochs(engine, clock),
            Answers(engine, clock),
            Tokens(engine, clock),
            Leases(engine, clock),
            Erasures(engine, clock),
            Samples(engine),
        )

    def close(self) -> None:
        self.engine.dispose()

    # -- batches come in

    def accept(
        self,
        run: str,
        spec_hash: bytes,
        rows: int,
        payload: bytes,
        request: Request | None = None,
        answer: bytes = b"",
        samples: bytes = b"",
    ) -> Accepted:
        """Keep a computed batch together with the answer that its sender is about to get.

        With `request`, a repetition keeps nothing and returns the first answer. Raises KeyReused when the same key
        came with another body; JournalError.
        """
        (accepted,) = self.accept_all([Offer(run, spec_hash, rows, payload, request, answer, samples)])
        if isinstance(accepted, KeyReused):
            raise accepted
        return accepted

    def accept_all(self, offers: Sequence[Offer]) -> list[Accepted | KeyReused]:
        """As `accept` for each, in one transaction; a reused key is that offer's own affair.

        Raises JournalError, and keeps none.
        """
        empty = [offer.rows for offer in offers if offer.rows < 1]
        if empty:
            raise JournalError(f"a batch has at least one row, not {empty[0]}")
        try:
            return self._keep_all(offers)
        except IntegrityError:  # the same key at the same moment: now its answer is there
            pass
        try:
            return self._keep_all(offers)
        except IntegrityError as error:
            raise JournalError(f"accepting a batch: {error.orig}") from error

    def _keep_all(self, offers: Sequence[Offer]) -> list[Accepted | KeyReused]:
        with writing(self.engine, "accepting a batch") as connection:
            return [self._keep(connection, offer) for offer in offers]

    def _keep(self, connection: Connection, offer: Offer) -> Accepted | KeyReused:
        if offer.request is not None:
            try:
                first = self.answers.find(connection, offer.request)
            except KeyReused as error:
                return error
            if first is not None:
                return Accepted(None, first, replayed=True)
            self.answers.keep(connection, offer.request, offer.answer)
        values = {
            "run": offer.run,
            "received_at": self.clock(),
            "rows": offer.rows,
            "spec_hash": offer.spec_hash,
            "payload": offer.payload,
        }
        added = connection.execute(ADD, values).inserted_primary_key
        assert added is not None
        if offer.samples:
            self.samples.keep(connection, int(added[0]), offer.samples)
        return Accepted(int(added[0]), offer.answer)

    def waiting(self) -> list[Waiting]:
        """What is in no epoch yet, by run and spec, the oldest first."""
        oldest = func.min(batches.c.received_at)
        query = (
            select(batches.c.run, batches.c.spec_hash, func.count(), func.sum(batches.c.rows), oldest)
            .where(UNSEALED)
            .group_by(batches.c.run, batches.c.spec_hash)
            .order_by(oldest, batches.c.run, batches.c.spec_hash)
        )
        with reading(self.engine, "reading what waits") as connection:
            return [
                Waiting(run, bytes(spec), int(count), int(rows), Seconds(int(since)))
                for run, spec, count, rows, since in connection.execute(query)
            ]

    def unsealed(self, run: str, spec_hash: bytes, max_rows: int) -> list[Batch]:
        """Batches of `run` under `spec_hash` in the order they came: as many as have `max_rows` rows, at least one."""
        query = (
            select(batches)
            .where(UNSEALED, batches.c.run == run, batches.c.spec_hash == spec_hash)
            .order_by(batches.c.id)
        )
        found: list[Batch] = []
        with reading(self.engine, "reading unsealed batches") as connection:
            total = 0
            for row in connection.execution_options(yield_per=16).execute(query):
                total += int(row.rows)
                if found and total > max_rows:
                    break
                found.append(batch_of(row))
        return found

    def batches_of(self, epoch_id: int) -> list[Batch]:
        """The batches of an epoch, in the order of its rows."""
        query = select(batches).where(batches.c.epoch_id == epoch_id).order_by(batches.c.id)
        with reading(self.engine, "reading an epoch's batches") as connection:
            return [batch_of(row) for row in connection.execute(query)]

    def discard(self, run: str, spec_hash: bytes, reason: str) -> int:
        """Give up for ever what is unsealed of `run` under `spec_hash`, which is in force no more; returns the rows."""
        if not reason:
            raise JournalError("say why the batches are discarded")
        change = update(batches).where(UNSEALED, batches.c.run == run, batches.c.spec_hash == spec_hash)
        with writing(self.engine, "discarding batches") as connection:
            return sum(connection.scalars(change.values(discarded=reason).returning(batches.c.rows)))

    # -- sealing

    def seal(self, new: NewEpoch, sealed: Sequence[Batch]) -> EpochRecord:
        """Bind these batches, as they were read, to a new epoch. Its file must be on the disk before.

        Raises WrongState, and binds none: one of them is in another epoch, was discarded or has had a sample erased
        since it was read; the number or the root is taken; the epoch does not continue the newest. Then read again.
        JournalError when the rows do not add up, or differ in run or spec.
        """
        if not sealed or sum(batch.rows for batch in sealed) != new.count:
            raise JournalError(
                f"epoch {new.number} has {new.count} rows, its batches have {sum(b.rows for b in sealed)}"
            )
        if any((b.run, b.spec_hash) != (new.run, new.spec_hash) for b in sealed):
            raise JournalError(f"epoch {new.number}: a batch is of another run or was computed under another spec")
        try:
            with writing(self.engine, f"sealing epoch {new.number}") as connection:
                epoch_id = self.epochs.insert(connection, new)
                for batch in sealed:
                    unchanged = and_(UNSEALED, batches.c.id == batch.id, batches.c.revision == batch.revision)
                    bound = connection.execute(update(batches).where(unchanged).values(epoch_id=epoch_id))
                    if bound.rowcount != 1:
                        raise WrongState(
                            f"batch {batch.id} is not as it was read: sealed, discarded or erased from in the meantime"
                        )
        except IntegrityError as error:
            raise WrongState(f"an epoch {new.number}, or one with the same root, is already in the journal") from error
        return self.epochs.get(epoch_id)

    def prune(self, before: Seconds) -> int:
        """Forget the payloads of epochs that have been final or revoked since before `before`; returns the batches.

        Their epoch and salts files must exist; from then on those alone hold the samples.
        """
        settled = select(epochs.c.id).where(
            epochs.c.state.in_([State.FINAL.value, State.REVOKED.value]), epochs.c.changed_at < before
        )
        change = (update(batches).where(batches.c.epoch_id.in_(settled), func.length(batches.c.payload) > 0)).values(
            payload=b""
        )
        with writing(self.engine, "pruning payloads") as connection:
            return connection.execute(change).rowcount

    # -- for metrics

    def counters(self) -> Counters:
        """Everything that `/metrics` shows of the journal, at one moment."""
        with reading(self.engine, "counting") as connection:
            rows, oldest = connection.execute(
                select(func.sum(batches.c.rows), func.min(batches.c.received_at)).where(UNSEALED)
            ).one()
            discarded = connection.execute(select(func.sum(batches.c.rows)).where(DISCARDED)).scalar()
            by_state = connection.execute(
                select(epochs.c.state, func.count(), func.sum(epochs.c.count)).group_by(epochs.c.state)
            ).all()
            open_, gone = erasures.c.done_at.is_(None), erasures.c.done_at.is_not(None)
            of = select(func.count()).select_from(erasures)
            erased = connection.execute(of).scalar_one()
            unfinished = connection.execute(of.where(open_)).scalar_one()
            unrecorded = connection.execute(of.where(gone, erasures.c.tx_hash.is_(None))).scalar_one()
        epochs_in = {State(state): int(n) for state, n, _ in by_state}
        rewards_in = {State(state): int(n) for state, _, n in by_state}
        return Counters(
            int(rows or 0),
            int(discarded or 0),
            None if oldest is None else Seconds(int(oldest)),
            {state: epochs_in.get(state, 0) for state in State},
            {state: rewards_in.get(state, 0) for state in State},
            int(erased),
            int(unfinished),
            int(unrecorded),
        )
