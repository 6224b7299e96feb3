"""The journal, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

import journal_life
from journal_life import BATCHES, CONTRACT, ROWS, RUN, SPEC, count_events, live, seal_next, word
from rlhf_contract.errors import JournalError, KeyReused, WrongState
from rlhf_contract.oracle.journal.journal import Journal, Waiting
from rlhf_contract.oracle.journal.records import EpochRecord, NewEpoch, Request, State, Submission
from rlhf_contract.types import BlockNumber, Seconds, Wei

Database = Callable[[], str]


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> Seconds:
        return Seconds(self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(database: Database, clock: Clock) -> Iterator[Journal]:
    opened = Journal.open(database(), clock)
    yield opened
    opened.close()


def accept(journal: Journal, rows: int = 2, spec: bytes = SPEC, run: str = RUN) -> int:
    batch = journal.accept(run, spec, rows, b"payload").batch_id
    assert batch is not None
    return batch


def sealed(journal: Journal) -> EpochRecord:
    accept(journal)
    record = seal_next(journal, 100)
    assert record is not None
    return record


def test_what_was_accepted_waits_in_order(journal: Journal, clock: Clock) -> None:
    """Batches wait by run and spec, in the order they came, and as many are read as fit."""
    first = [accept(journal, 3), accept(journal, 4)]
    clock.now += 5
    accept(journal, 1, run="run 2")
    found = journal.unsealed(RUN, SPEC, 100)

    assert [b.id for b in found] == first
    assert [(b.rows, b.payload, b.received_at) for b in found] == [(3, b"payload", 1000), (4, b"payload", 1000)]
    assert [b.id for b in journal.unsealed(RUN, SPEC, 6)] == first[:1]
    assert [b.id for b in journal.unsealed(RUN, SPEC, 1)] == first[:1]
    assert journal.waiting() == [
        Waiting(RUN, SPEC, 2, 7, Seconds(1000)),
        Waiting("run 2", SPEC, 1, 1, Seconds(1005)),
    ]


def test_a_repeated_request_is_answered_not_done(journal: Journal) -> None:
    """The same key with the same body gets the first answer, with another body an error; another client's is new."""
    request = Request("trainer", "key", word("body"))
    first = journal.accept(RUN, SPEC, 2, b"payload", request, b"answer")
    again = journal.accept(RUN, SPEC, 2, b"payload", request, b"other answer")

    assert (first.answer, again.answer, again.replayed, again.batch_id) == (b"answer", b"answer", True, None)
    with pytest.raises(KeyReused, match="used before with another body"):
        journal.accept(RUN, SPEC, 2, b"payload", replace(request, digest=word("other")), b"")
    assert not journal.accept(RUN, SPEC, 2, b"payload", replace(request, scope="trainer 2"), b"mine").replayed
    assert journal.counters().unsealed_rows == 4


def test_an_answer_expires(journal: Journal, clock: Clock) -> None:
    """After its time a key is free again."""
    request = Request("trainer", "key", word("body"))
    journal.accept(RUN, SPEC, 2, b"payload", request, b"answer")
    clock.now += 100

    assert journal.answers.expire(Seconds(1000)) == 0
    assert journal.answers.get(request) == b"answer"
    assert journal.answers.expire(Seconds(1001)) == 1
    assert journal.answers.get(request) is None


def test_sealing_binds_batches_once(journal: Journal) -> None:
    """A batch that was read by two is sealed by one; the other gets nothing at all."""
    accept(journal), accept(journal)
    batches = journal.unsealed(RUN, SPEC, 100)
    record = seal_next(journal, 2)
    assert record is not None
    second = NewEpoch(CONTRACT, RUN, 2, word("r"), 4, word("d"), SPEC, word("c"), record.root, Seconds(9))
    with pytest.raises(WrongState, match="not as it was read"):
        journal.seal(second, batches)

    assert [b.id for b in journal.batches_of(record.id)] == [batches[0].id]
    assert [e.number for e in journal.epochs.all()] == [1]
    assert journal.counters().unsealed_rows == 2


def test_numbers_roots_and_order_are_kept(journal: Journal) -> None:
    """No two live epochs have one number, and the next continues the root before."""
    record = sealed(journal)
    accept(journal)
    batches = journal.unsealed(RUN, SPEC, 100)
    new = NewEpoch(CONTRACT, RUN, 2, word("r"), 2, word("d"), SPEC, word("c"), record.root, Seconds(9))
    for wrong, match in (
        (replace(new, number=1), "the journal is at epoch 1"),
        (replace(new, prev_root=word("x")), "does not continue"),
        (replace(new, root=record.root), "already in the journal"),
    ):
        with pytest.raises(WrongState, match=match):
            journal.seal(wrong, batches)
    for wrong, match in ((replace(new, count=3), "3 rows"), (replace(new, run="other"), "another run")):
        with pytest.raises(JournalError, match=match):
            journal.seal(wrong, batches)

    assert journal.seal(new, batches).number == 2


def test_an_abandoned_epoch_gives_everything_back(journal: Journal) -> None:
    """Its batches wait again, its number and root are free; a later epoch has to be abandoned first."""
    first, second = sealed(journal), sealed(journal)
    with pytest.raises(WrongState, match="abandon that first"):
        journal.epochs.abandon(first.id, "the spec changed")
    for record in (second, first):
        assert journal.epochs.abandon(record.id, "the spec changed") == 1
    again = seal_next(journal, 2)

    assert again is not None
    assert (again.number, again.root) == (1, first.root)
    assert journal.epochs.get(first.id).last_error == "the spec changed"
    assert journal.epochs.by_root(first.root) == again


def test_an_erased_batch_is_not_sealed_as_it_was_read(journal: Journal) -> None:
    """Between reading and sealing a sample was erased: the sealer has to read again."""
    accept(journal)
    batches = journal.unsealed(RUN, SPEC, 100)
    assert journal.erasures.replace_payload(batches[0], b"less")
    with pytest.raises(WrongState, match="not as it was read"):
        journal.seal(NewEpoch(CONTRACT, RUN, 1, word("r"), 2, SPEC, SPEC, SPEC, bytes(32), Seconds(9)), batches)

    assert not journal.erasures.replace_payload(batches[0], b"lost update")
    assert journal.unsealed(RUN, SPEC, 100)[0].payload == b"less"


def test_the_way_to_finality_and_back(journal: Journal, clock: Clock) -> None:
    """Signatures, transactions, block and times are all there at each step; a reorg takes even a final epoch back."""
    id = sealed(journal).id
    steps = journal.epochs
    steps.add_signature(id, "0xA", b"a" * 65)
    steps.add_signature(id, "0xA", b"a" * 65)
    with pytest.raises(JournalError, match="another signature"):
        steps.add_signature(id, "0xA", b"b" * 65)
    with pytest.raises(WrongState, match="1 of 2"):
        steps.signed(id, 2)
    assert steps.get(id).state is State.SEALED
    steps.add_signature(id, "0xB", b"b" * 65)
    steps.signed(id, 2)
    clock.now += 7
    sent = Submission(word("tx 1"), "0xC", 7, Wei(10**15), Wei(1), b"raw")
    steps.submit(id, sent)
    steps.submit(id, sent)
    steps.submit(id, replace(sent, tx_hash=word("tx 2"), max_fee=Wei(2 * 10**15)))
    steps.submission_failed(id, word("tx 1"), "fee too low")
    steps.failed(id, "the node is silent")
    steps.failed(id, "the node is still silent")
    waiting = steps.get(id)
    steps.mined(id, word("tx 2"), BlockNumber(5), word("block"))
    steps.final(id)
    final = steps.get(id)
    steps.reorged(id)
    back = steps.get(id)

    assert waiting.signatures == {"0xA": b"a" * 65, "0xB": b"b" * 65}
    assert [(s.tx_hash, s.nonce, s.max_fee, s.raw, s.error) for s in waiting.submissions] == [
        (word("tx 1"), 7, 10**15, b"raw", "fee too low"),
        (word("tx 2"), 7, 2 * 10**15, b"raw", ""),
    ]
    assert (waiting.attempts, waiting.last_error, waiting.changed_at) == (2, "the node is still silent", 1007)
    assert (final.state, final.attempts, final.mined_tx, final.block) == (State.FINAL, 0, word("tx 2"), 5)
    assert (back.state, back.mined_tx, back.block, back.block_hash) == (State.SUBMITTED, None, None, None)
    assert [s.block for s in back.submissions] == [None, None]
    assert steps.pending() == [back]


def test_a_reopened_epoch_needs_new_signatures(journal: Journal) -> None:
    """When nobody brought it in time it gets a new deadline, and what was signed is void."""
    id = sealed(journal).id
    journal.epochs.add_signature(id, "0xA", b"a" * 65)
    journal.epochs.signed(id, 1)
    journal.epochs.reopen(id, Seconds(99), word("new oracles"))
    record = journal.epochs.get(id)

    assert (record.state, record.deadline, record.config_digest) == (State.SEALED, 99, word("new oracles"))
    assert record.signatures == {}


def test_payloads_are_forgotten_long_after_finality(journal: Journal, clock: Clock) -> None:
    """Only those of epochs that have been final for long; the counters tell."""
    id = sealed(journal).id
    accept(journal)
    journal.epochs.mined(id, word("tx"), BlockNumber(1), word("b"))
    journal.epochs.final(id)

    assert journal.prune(Seconds(clock.now)) == 0
    assert journal.prune(Seconds(clock.now + 1)) == 1
    assert [b.payload for b in journal.batches_of(id)] == [b""]
    counters = journal.counters()
    assert (counters.unsealed_rows, counters.rewards[State.FINAL]) == (2, 2)


def test_discarded_batches_are_counted_and_never_sealed(journal: Journal) -> None:
    """They say why, and stay out."""
    accept(journal)
    assert journal.discard("another run", SPEC, "the spec was replaced") == 0
    assert journal.discard(RUN, SPEC, "the spec was replaced") == 2
    counters = journal.counters()

    assert journal.unsealed(RUN, SPEC, 100) == []
    assert (counters.discarded_rows, counters.unsealed_rows, counters.oldest_unsealed) == (2, 0, None)


def test_tokens(journal: Journal, clock: Clock) -> None:
    """A token works until it expires or is revoked, and is nowhere in the database."""
    token = journal.tokens.create("trainer 1", "trainer", Seconds(1100))
    other = journal.tokens.create("auditor", "auditor")
    with pytest.raises(JournalError, match="already"):
        journal.tokens.create("auditor", "operator")
    with pytest.raises(JournalError, match="no role"):
        journal.tokens.create("x", "king")  # type: ignore[arg-type]
    found = journal.tokens.verify(token)
    assert found is not None
    assert (found.name, found.role) == ("trainer 1", "trainer")
    assert journal.tokens.verify(token + "x") is None
    clock.now = 1100
    assert journal.tokens.verify(token) is None
    assert journal.tokens.verify(other) is not None
    journal.tokens.revoke("auditor")
    assert journal.tokens.verify(other) is None
    with journal.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM tokens")).all()
    assert token not in str(rows) and token.encode() not in b"".join(bytes(row.digest) for row in rows)


def test_one_holder_of_a_lease(journal: Journal, clock: Clock) -> None:
    """A second daemon with the same key is told who works; it may take over when the first has gone silent."""
    leases = journal.leases
    leases.acquire("0xA", "first", Seconds(30))
    leases.acquire("0xB", "second", Seconds(30))
    with pytest.raises(WrongState, match="first holds the lease for 0xA"):
        leases.acquire("0xA", "second", Seconds(30))
    clock.now += 20
    leases.renew("0xA", "first", Seconds(30))
    clock.now += 29
    with pytest.raises(WrongState, match="alive 29 s ago"):
        leases.acquire("0xA", "second", Seconds(30))
    clock.now += 1
    leases.acquire("0xA", "second", Seconds(30))
    with pytest.raises(WrongState, match="no longer held by first"):
        leases.renew("0xA", "first", Seconds(30))
    leases.release("0xA", "first")
    leases.release("0xA", "second")
    leases.acquire("0xA", "first", Seconds(30))


def test_a_newer_journal_is_refused(database: Database) -> None:
    """An old program does not touch what a newer one wrote."""
    url = database()
    Journal.open(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    engine.dispose()
    with pytest.raises(JournalError, match="has version 99, this program knows versions up to 2"):
        Journal.open(url)


def test_somebody_elses_database_is_refused(database: Database) -> None:
    """Tables of the same names without a version are not ours."""
    url = database()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE epochs (id INTEGER)"))
    engine.dispose()
    with pytest.raises(JournalError, match="tables of something else"):
        Journal.open(url)


# -- processes


def test_a_kill_at_any_moment_loses_nothing(database: Database) -> None:
    """SIGKILL before each statement and each commit of a batch's whole life: taken up again, it ends the same.

    On PostgreSQL before every third: there a database for each costs the most.
    """
    journal = Journal.open(database())
    events = count_events(journal)
    live(journal)
    step = 1 if journal.engine.dialect.name == "sqlite" else 3
    moments = len(range(0, len(events), step))
    wanted = journal.epochs.all()[0]
    journal.close()
    urls = [database() for _ in range(moments)]
    command = [sys.executable, journal_life.__file__, "killed", str(step), *urls]
    killed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert killed.stdout.split() == [str(int(signal.SIGKILL))] * moments
    assert moments > 20
    for url in urls:
        survivor = Journal.open(url)
        for epoch in survivor.epochs.all():
            assert epoch.count == sum(batch.rows for batch in survivor.batches_of(epoch.id))
        live(survivor)
        [epoch] = survivor.epochs.all()
        batches = survivor.batches_of(epoch.id)
        survivor.close()

        assert (epoch.state, epoch.number, epoch.signatures) == (State.FINAL, 1, wanted.signatures)
        assert [s.tx_hash for s in epoch.submissions] == [word("tx")]
        assert [b.rows for b in batches] == [ROWS] * BATCHES


def test_two_sealers_share_the_work(database: Database) -> None:
    """Two processes seal from one journal at once: every batch is in one epoch, the numbers have no gap."""
    url = database()
    journal = Journal.open(url)
    for _ in range(60):
        accept(journal)
    command = [sys.executable, journal_life.__file__, "seal", url]
    sealers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for sealer in sealers:
        assert sealer.stdout is not None
        assert sealer.stdout.readline() == b"ready\n"
    for sealer in sealers:
        assert sealer.stdin is not None
        sealer.stdin.write(b"go\n")
        sealer.stdin.flush()
    for sealer in sealers:
        sealer.communicate(timeout=60)
        assert sealer.returncode == 0
    epochs = journal.epochs.all()
    bound = [batch.id for epoch in epochs for batch in journal.batches_of(epoch.id)]
    journal.close()

    assert sorted(bound) == list(range(1, 61))
    assert [e.number for e in epochs] == list(range(1, len(epochs) + 1))
    assert all(later.prev_root == earlier.root for earlier, later in itertools.pairwise(epochs))
