"""The journal against a model of itself: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from journal_life import CONTRACT, ROWS, RUN, SPEC, seal_next, word
from rlhf_contract.errors import WrongState
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.journal.records import OPEN, State, Submission
from rlhf_contract.types import BlockNumber, Seconds, Wei

# What each step asks for and leads to, written down a second time.
STEPS = {
    "signed": ({"sealed"}, "signed"),
    "submit": ({"signed", "submitted"}, "submitted"),
    "mined": ({"sealed", "signed", "submitted"}, "mined"),
    "final": ({"mined"}, "final"),
    "reorged": ({"mined", "final"}, "submitted"),
    "reopen": ({"signed", "submitted"}, "sealed"),
    "revoked": ({"mined", "final"}, "revoked"),
    "abandon": ({"sealed", "signed", "submitted"}, "abandoned"),
}


@dataclass
class Epoch:
    """What the model knows of one."""

    number: int
    batches: list[int]
    state: str = "sealed"
    signatures: int = 0
    transactions: set[bytes] = field(default_factory=set)


class JournalMachine(RuleBasedStateMachine):
    """Any step, on any epoch, at any time; a restart in between."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.folder.name) / 'journal.db'}"
        self.journal = Journal.open(self.url, lambda: Seconds(1000))
        self.waiting: list[int] = []
        self.epochs: dict[int, Epoch] = {}

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.folder.cleanup()

    @rule()
    def accept(self) -> None:
        batch = self.journal.accept(RUN, SPEC, ROWS, b"payload").batch_id
        assert batch is not None
        self.waiting.append(batch)

    @rule(batches=st.integers(1, 3))
    def seal(self, batches: int) -> None:
        record = seal_next(self.journal, batches * ROWS)
        assert (record is None) == (not self.waiting)
        if record is not None:
            taken, self.waiting = self.waiting[:batches], self.waiting[batches:]
            live = [e.number for e in self.epochs.values() if e.state != "abandoned"]
            assert record.number == max(live, default=0) + 1
            self.epochs[record.id] = Epoch(record.number, taken)

    @precondition(lambda self: self.waiting)
    @rule()
    def discard(self) -> None:
        assert self.journal.discard(RUN, SPEC, "for a test") == len(self.waiting) * ROWS
        self.waiting.clear()

    @precondition(lambda self: self.epochs)
    @rule(data=st.data(), step=st.sampled_from(sorted(STEPS)), transaction=st.sampled_from([b"1", b"2"]))
    def step(self, data: st.DataObject, step: str, transaction: bytes) -> None:
        id = data.draw(st.sampled_from(sorted(self.epochs)))
        epoch, steps = self.epochs[id], self.journal.epochs
        before, after = STEPS[step]
        allowed = epoch.state in before
        if step == "signed" and epoch.state in ("sealed", "signed"):
            steps.add_signature(id, "0xA", b"a" * 65)
            epoch.signatures = 1
        if step == "abandon":
            later = [e for e in self.epochs.values() if e.state != "abandoned" and e.number > epoch.number]
            allowed = allowed and not later
        calls = {
            "signed": lambda: steps.signed(id, 1),
            "submit": lambda: steps.submit(id, Submission(word(repr(transaction)), "0xC", 1, Wei(1), Wei(1))),
            "mined": lambda: steps.mined(id, word("tx"), BlockNumber(1), word("block")),
            "final": lambda: steps.final(id),
            "reorged": lambda: steps.reorged(id),
            "reopen": lambda: steps.reopen(id, Seconds(2000)),
            "revoked": lambda: steps.revoked(id),
            "abandon": lambda: steps.abandon(id, "for a test"),
        }
        try:
            calls[step]()
        except WrongState:
            assert not allowed, (step, epoch)
            return
        assert allowed, (step, epoch)
        epoch.state = after
        if step == "submit":
            epoch.transactions.add(word(repr(transaction)))
        if step == "reopen":
            epoch.signatures = 0
        if step == "abandon":
            self.waiting = sorted(self.waiting + epoch.batches)
            epoch.batches = []

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.journal = Journal.open(self.url, lambda: Seconds(1000))

    @invariant()
    def journal_and_model_agree(self) -> None:
        if not hasattr(self, "journal"):
            return
        records = {record.id: record for record in self.journal.epochs.all()}
        counters = self.journal.counters()

        assert [b.id for b in self.journal.unsealed(RUN, SPEC, 10**6)] == self.waiting
        assert {id: r.state.value for id, r in records.items()} == {id: e.state for id, e in self.epochs.items()}
        for id, epoch in self.epochs.items():
            assert [b.id for b in self.journal.batches_of(id)] == epoch.batches
            assert len(records[id].signatures) == epoch.signatures
            assert {s.tx_hash for s in records[id].submissions} == epoch.transactions
            assert (records[id].block is None) == (epoch.state not in ("mined", "final", "revoked"))
        assert counters.unsealed_rows == ROWS * len(self.waiting)
        states = [epoch.state for epoch in self.epochs.values()]
        assert {s.value: n for s, n in counters.epochs.items()} == {s.value: states.count(s.value) for s in State}
        assert [r.id for r in self.journal.epochs.pending()] == [
            id for id, e in self.epochs.items() if State(e.state) in OPEN
        ]
        newest = self.journal.epochs.newest(CONTRACT)
        live = [e.number for e in self.epochs.values() if e.state != "abandoned"]
        assert (newest.number if newest else None) == (max(live) if live else None)


TestJournal = JournalMachine.TestCase
TestJournal.__doc__ = "The journal and its model agree after every step."
TestJournal.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
