"""Epochs brought forward by one cycle: reorgs noticed, finality noted, the next step of each open one taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from web3.exceptions import BlockNotFound, TransactionNotFound

from rlhf_contract.chain.deployment import Ledger
from rlhf_contract.chain.typed_data import RewardBatch, batch_document, batch_message, recover
from rlhf_contract.chain.wallet import Wallet
from rlhf_contract.errors import ChainError, EpochError, Refused, WrongState
from rlhf_contract.hashing import to_hex
from rlhf_contract.oracle.attester import Active
from rlhf_contract.oracle.cosigner import objections
from rlhf_contract.oracle.epoch_file import decode_epoch, run_id
from rlhf_contract.oracle.gauges import Gauges
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.journal.records import EpochRecord, State
from rlhf_contract.oracle.peers import Peers
from rlhf_contract.oracle.settings import Chain
from rlhf_contract.oracle.steps import REFUSALS, Decision, Step, decide, seal_of
from rlhf_contract.oracle.store import Store
from rlhf_contract.oracle.submit import Submitter
from rlhf_contract.oracle.voice import log
from rlhf_contract.oracle.watcher import View
from rlhf_contract.types import BlockNumber, Seconds

__all__ = ["Forward", "root_of_last"]

MOST_LOOKED_AT = 1000  # epochs back; a reorg or a challenge beyond them is for the audit to find
NOT_ON_CHAIN = (State.SEALED, State.SIGNED, State.SUBMITTED)


@dataclass
class Forward:
    """Everything here can be done again: a kill between any two lines leaves an epoch that the next cycle takes on.

    `may_act` says whether the lease is still held; without `wallet` nothing is signed or sent.
    """

    journal: Journal
    store: Store
    settings: Chain
    chain_id: int
    log_address: str
    wallet: Wallet | None
    submitter: Submitter | None
    peers: Peers
    gauges: Gauges
    may_act: Callable[[], bool]
    _court_seen: BlockNumber | None = None

    def step(self, view: View, active: Active) -> None:
        """One cycle's work on all epochs. Raises ChainError, JournalError, EpochError: the next cycle goes on."""
        self._notice_reorgs(view)
        self._notice_revocations(view)
        self._note_final(view)
        for record in sorted(self.journal.epochs.all(*NOT_ON_CHAIN), key=lambda r: -r.number):
            decision = self.decide(view, record)
            if decision.step is Step.ABANDON:
                self._abandon(record, decision.reason)
        for record in sorted(self.journal.epochs.all(*NOT_ON_CHAIN), key=lambda r: r.number):
            if not self._advance(view, active, record):
                break  # epochs follow each other; the later ones wait

    # -- looking back

    def _notice_reorgs(self, view: View) -> None:
        """From the newest mined epoch back to the first whose block is still there."""
        for record in self.journal.epochs.recent(MOST_LOOKED_AT, State.MINED, State.FINAL):
            assert record.block is not None
            block = record.block
            there = view.ask(lambda ledger, n=block: _hash_at(ledger, n), f"reading block {block}")  # type: ignore[misc]
            if there == record.block_hash:
                break
            self.journal.epochs.reorged(record.id)
            self.gauges.reorgs.inc()
            log.warning("reorg", epoch=record.number, root=to_hex(record.root), block=block, state=record.state.value)

    def _notice_revocations(self, view: View) -> None:
        """The court's settled events since the last look; from the oldest mined epoch at the first.

        There is no way back from revoked, so a verdict that a reorg may take away does not count yet.
        """
        on_chain = self.journal.epochs.recent(MOST_LOOKED_AT, State.MINED, State.FINAL)
        if not on_chain:
            return
        start = self._court_seen
        if start is None or start > view.deep.number:
            start = BlockNumber(min(r.block for r in on_chain if r.block is not None))
        if start > view.deep.number:
            return
        revoked = view.ask(lambda ledger: _revoked(ledger, start, view.deep.number), "reading the court's events")
        for record in on_chain:
            if record.number in revoked:
                self.journal.epochs.revoked(record.id)
                log.error("revoked", epoch=record.number, root=to_hex(record.root))
        self._court_seen = view.deep.number

    def _note_final(self, view: View) -> None:
        for record in self.journal.epochs.all(State.MINED):
            assert record.block is not None
            if view.now.number - record.block < self.settings.confirmations:
                continue
            if self.settings.await_window:
                until = view.ask(
                    lambda ledger, n=record.number: ledger.node.read(  # type: ignore[misc]
                        ledger.log.functions.challengeableUntil(ledger.contract_id, n), view.now.number
                    ),
                    "reading the challenge window",
                )
                if view.now.time <= until:
                    continue
            self.journal.epochs.final(record.id)
            log.info("final", epoch=record.number, root=to_hex(record.root), rows=record.count)

    # -- going on

    def decide(self, view: View, record: EpochRecord) -> Decision:
        """What comes next for an open epoch; changes nothing."""
        at_number = None
        if record.number <= view.now.last:
            at_number = view.ask(lambda ledger: _seal_at(ledger, record.number, view.now.number), "reading an epoch")
        before = self.journal.epochs.by_number(record.contract_id, record.number - 1)
        return decide(record, view, at_number, None if before is None else seal_of(before))

    def _advance(self, view: View, active: Active, record: EpochRecord) -> bool:
        """As far as this cycle can bring it; whether it is on the chain now."""
        decision = self.decide(view, record)
        if decision.step is Step.NOTE_MINED:
            return self._note_mined(view, record)
        try:
            if decision.step is Step.REOPEN:
                self._reopen(view, record, decision.reason)
                record, decision = self.journal.epochs.get(record.id), Decision(Step.SIGN)
            if decision.step is Step.SIGN and self._sign(view, active, record):
                record, decision = self.journal.epochs.get(record.id), Decision(Step.BRING)
            if decision.step is Step.BRING and self.submitter is not None and self.may_act():
                self.submitter.bring(view, record, self.batch(view, record))
            elif decision.step is Step.WAIT:
                self._note(record, decision.reason)
        except Refused as refused:
            self.gauges.refusals.labels(refused.name).inc()
            self._note(record, str(refused))
            if REFUSALS.get(refused.name) is Step.REOPEN and record.state is not State.SEALED:
                self._reopen(view, record, str(refused))
        except (ChainError, EpochError) as error:
            self._note(record, str(error))
            raise
        return False

    def _note(self, record: EpochRecord, reason: str) -> None:
        """Once for each reason: a waiting epoch must not fill the journal or the log."""
        if reason != record.last_error:
            self.journal.epochs.failed(record.id, reason)
            log.warning("waiting", epoch=record.number, root=to_hex(record.root), reason=reason)

    def _abandon(self, record: EpochRecord, reason: str) -> None:
        try:
            self.journal.epochs.abandon(record.id, reason)
        except WrongState as error:
            self._note(record, str(error))
            return
        self.gauges.abandoned.inc()
        log.warning("abandoned", epoch=record.number, root=to_hex(record.root), reason=reason)

    def _reopen(self, view: View, record: EpochRecord, reason: str) -> None:
        deadline = Seconds(view.now.time + self.settings.signing_seconds)
        self.journal.epochs.reopen(record.id, deadline, view.now.config_digest)
        self.gauges.reopened.inc()
        log.warning("reopened", epoch=record.number, root=to_hex(record.root), reason=reason)

    def _note_mined(self, view: View, record: EpochRecord) -> bool:
        place = view.ask(lambda ledger: _place_of(ledger, record, view.now.number), "looking for an attestation")
        if place is None:
            return False
        self.journal.epochs.mined(record.id, *place)
        if self._court_seen is not None:  # it may have been revoked before we knew that it was mined
            self._court_seen = min(self._court_seen, place[1])
        log.info("mined", epoch=record.number, root=to_hex(record.root), tx=to_hex(place[0]), block=place[1])
        return True

    # -- signatures

    def batch(self, view: View, record: EpochRecord) -> RewardBatch:
        """What is signed for this epoch when it comes next at `view`."""
        return RewardBatch(
            contractId=record.contract_id,
            specHash=record.spec_hash,
            runId=run_id(record.run),
            epoch=record.number,
            root=record.root,
            count=record.count,
            prevSeal=view.now.last_seal,
            dataHash=record.data_hash,
            configDigest=record.config_digest,
            deadline=record.deadline,
        )

    def _sign(self, view: View, active: Active, record: EpochRecord) -> bool:
        """Sign, ask the others, and say whether there are enough."""
        if self.wallet is None or not self.may_act():
            return False
        oracles, batch = view.in_force.oracles, self.batch(view, record)
        message = batch_message(batch, self.chain_id, self.log_address)
        if any(recover(message, signature) != signer for signer, signature in record.signatures.items()):
            # They are of another batch: the chain's end has changed under it. Only a signed epoch can be reopened.
            self.journal.epochs.signed(record.id, 1)
            self._reopen(view, record, "its signatures are of a batch that does not come next any more")
            return False
        file = self.store.epoch_bytes(record.root)
        have = set(record.signatures)
        own = self.wallet.address
        if own not in have:  # else it has looked already, and `decide` at what may have changed since
            found = objections(
                batch, *decode_epoch(file, self.store.where(to_hex(record.root))), active, record.contract_id,
                view.now.last, view.now.last_seal, view.now.time,
            )  # fmt: skip
            if found:
                raise EpochError(f"epoch {record.number} is not signed:\n" + "\n".join(f"  - {f}" for f in found))
        if own in oracles.signers and own not in have:
            signature = self.wallet.sign_typed_data(batch_document(batch, self.chain_id, self.log_address))
            self.journal.epochs.add_signature(record.id, own, signature)
            have.add(own)
        wanted = frozenset(oracles.signers) - have
        answers = self.peers.ask(
            batch, file, self.chain_id, self.log_address, wanted, oracles.threshold - len(have & set(oracles.signers))
        )
        for answer in answers:
            if answer.kind == "signed":
                self.journal.epochs.add_signature(record.id, answer.address, answer.signature)
                have.add(answer.address)
        if len(have & set(oracles.signers)) < oracles.threshold:
            said = "; ".join(f"{a.address} {a.kind}: {a.reason}" for a in answers if a.kind != "signed")
            self._note(record, f"{len(have)} of {oracles.threshold} signatures; {said or 'no other oracle to ask'}")
            return False
        self.journal.epochs.signed(record.id, oracles.threshold)
        log.info("signed", epoch=record.number, root=to_hex(record.root), number=len(have))
        return True


def _hash_at(ledger: Ledger, number: BlockNumber) -> bytes | None:
    try:
        return bytes(ledger.node.web3.eth.get_block(number)["hash"])
    except BlockNotFound:
        return None


def _seal_at(ledger: Ledger, epoch: int, block: BlockNumber) -> bytes:
    seal: bytes = ledger.node.read(ledger.log.functions.epochs(ledger.contract_id, epoch), block)[0]
    return seal


def _revoked(ledger: Ledger, start: BlockNumber, end: BlockNumber) -> set[int]:
    events = ledger.log.events.Revoked.get_logs(
        from_block=start, to_block=end, argument_filters={"contractId": ledger.contract_id}
    )
    return {int(event["args"]["epoch"]) for event in events}


def _place_of(ledger: Ledger, record: EpochRecord, block: BlockNumber) -> tuple[bytes, BlockNumber, bytes] | None:
    """Transaction, block and its hash: from our own receipts, or from the log's event when somebody else brought it."""
    for submission in record.submissions:
        try:
            receipt: Any = ledger.node.web3.eth.get_transaction_receipt(submission.tx_hash)  # type: ignore[arg-type]
        except TransactionNotFound:
            continue
        if receipt["status"] == 1 and receipt["blockNumber"] <= block:
            return submission.tx_hash, BlockNumber(receipt["blockNumber"]), bytes(receipt["blockHash"])
    for event in ledger.log.events.Attested.get_logs(
        from_block=0, to_block=block, argument_filters={"contractId": ledger.contract_id, "epoch": record.number}
    ):
        if event["args"]["batch"]["root"] == record.root:
            return bytes(event["transactionHash"]), BlockNumber(event["blockNumber"]), bytes(event["blockHash"])
    return None


def root_of_last(ledger: Ledger, last: int, block: BlockNumber) -> bytes:
    """The root of the chain's last epoch, from its event; zeros before the first."""
    if last == 0:
        return bytes(32)
    events = ledger.log.events.Attested.get_logs(
        from_block=0, to_block=block, argument_filters={"contractId": ledger.contract_id, "epoch": last}
    )
    if not events:
        raise ChainError(f"the node has no Attested event for epoch {last}; it may be pruned")
    return bytes(events[-1]["args"]["batch"]["root"])
