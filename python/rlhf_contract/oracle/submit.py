"""A signed epoch on its way into a block: nonces, fees, sending again. Everything is in the journal before it is sent.

One nonce belongs to one epoch's transactions: the first and its copies with higher fees, of which one can be mined. If
another process takes the nonce, the epoch gets a new one. Two transactions of one epoch may both be on their way then;
the chain takes the epoch once and reverts the other.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from web3 import Web3
from web3.exceptions import TransactionNotFound

from rlhf_contract.chain.attestation import OracleSet, signed_call
from rlhf_contract.chain.deployment import Ledger
from rlhf_contract.chain.node import gas_limit
from rlhf_contract.chain.typed_data import RewardBatch
from rlhf_contract.chain.wallet import Wallet
from rlhf_contract.errors import ChainError, RewardContractError
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.oracle.gauges import Gauges
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.journal.records import EpochRecord, State, Submission
from rlhf_contract.oracle.voice import log
from rlhf_contract.oracle.watcher import View
from rlhf_contract.types import Wei

__all__ = ["Submitter", "raised"]

GWEI = 10**9
FALLBACK_TIP = Wei(GWEI)
MOST_LOOKED_AT = 100  # epochs back, for a transaction of ours that is stuck
REVERTED = "reverted"  # how the journal notes a transaction that was mined and did nothing


def raised(fee: Wei) -> Wei:
    """At least 12.5 % more: nodes replace a transaction for no less than 10 %."""
    return Wei(max(fee + 1, -(-fee * 9 // 8)))


@dataclass
class Submitter:
    """Sends for one key. Times are monotonic seconds; they start anew with the process."""

    journal: Journal
    wallet: Wallet
    stuck_seconds: float
    max_fee: Wei
    gauges: Gauges
    _sent: dict[bytes, float] = field(default_factory=dict)

    def bring(self, view: View, record: EpochRecord, batch: RewardBatch) -> None:
        """One step: send it first, send it again, raise its fee, take a new nonce, or wait.

        Raises Refused when the log would revert, ChainError when no node takes it or the fee may not be higher.
        """
        taken = view.ask(lambda ledger: _count(ledger, self.wallet.address, "latest"), "reading the nonce")
        self._settle(view, record)
        open_ = [s for s in record.submissions if s.nonce >= taken and not s.error.startswith(REVERTED)]
        if not open_:
            if any(not s.error.startswith(REVERTED) for s in record.submissions):
                self.gauges.nonces_lost.inc()
            self._send(view, record, batch, "first" if not record.submissions else "new nonce", None)
            return
        newest = open_[-1]
        since = self._sent.setdefault(newest.tx_hash, time.monotonic())
        known = view.ask(lambda ledger: _known(ledger, newest.tx_hash), "looking for a transaction")
        if newest.error or time.monotonic() - since >= self.stuck_seconds:
            self.gauges.fee_bumps.inc()
            self._send(view, record, batch, "higher fee", newest)
        elif not known:
            self._broadcast(view, record, newest, "again")

    def _settle(self, view: View, record: EpochRecord) -> None:
        """Note which transactions were mined and did nothing."""
        for submission in record.submissions:
            if submission.error.startswith(REVERTED):
                continue
            failed = view.ask(lambda ledger, s=submission: _failed(ledger, s.tx_hash), "looking for a receipt")  # type: ignore[misc]
            if failed:
                self.journal.epochs.submission_failed(record.id, submission.tx_hash, REVERTED)

    def _send(
        self, view: View, record: EpochRecord, batch: RewardBatch, reason: str, replaces: Submission | None
    ) -> None:
        oracles = view.in_force.oracles
        call = view.ask(lambda ledger: _call(ledger, self.wallet.address, batch, oracles, record), "attest")
        tip, fee = view.ask(_fees, "reading the fee")
        nonce, floor = (replaces.nonce, replaces) if replaces else self._nonce(view)
        if floor is not None:
            tip, fee = max(tip, raised(floor.priority_fee)), max(fee, raised(floor.max_fee))
        self.gauges.fee_ceiling.set(fee > self.max_fee)
        if fee > self.max_fee:
            if floor is not None and raised(floor.max_fee) > self.max_fee:
                raise ChainError(
                    f"epoch {record.number} needs a fee of {fee / GWEI:.2f} gwei, but chain.max_fee_gwei allows "
                    f"{self.max_fee / GWEI:g}; it waits"
                )
            fee = self.max_fee
        call |= {"nonce": nonce, "maxFeePerGas": fee, "maxPriorityFeePerGas": min(tip, fee)}
        raw = bytes(self.wallet.sign_transaction(call).raw_transaction)
        submission = Submission(keccak256(raw), self.wallet.address, nonce, fee, Wei(min(tip, fee)), raw)
        self.journal.epochs.submit(record.id, submission)
        self._broadcast(view, record, submission, reason)

    def _nonce(self, view: View) -> tuple[int, Submission | None]:
        """The first nonce that no block has; a later one if the node knows another process's transaction there.

        Where our own transaction of an abandoned epoch is stuck, it has to be outbid: it comes back as the second.
        """
        latest = view.ask(lambda ledger: _count(ledger, self.wallet.address, "latest"), "reading the nonce")
        pending = view.ask(lambda ledger: _count(ledger, self.wallet.address, "pending"), "reading the nonce")
        if pending <= latest:
            return latest, None
        known = self.journal.epochs.recent(MOST_LOOKED_AT, *State)
        own = [s for r in known for s in r.submissions if s.sender == self.wallet.address]
        stuck = {s.nonce: s for s in sorted(own, key=lambda s: s.max_fee) if s.nonce >= latest}
        for nonce in range(latest, pending):
            if nonce in stuck:
                return nonce, stuck[nonce]
        return pending, None

    def _broadcast(self, view: View, record: EpochRecord, submission: Submission, reason: str) -> None:
        """To every node that agrees: one that swallows transactions must not stop an epoch."""
        said: list[str] = []
        self._sent[submission.tx_hash] = time.monotonic()
        for endpoint in view.good:
            try:
                endpoint.ask(lambda ledger: _broadcast(ledger, submission.raw), "sending a transaction")
            except RewardContractError as error:
                said.append(str(error))
        self.gauges.submissions.labels(reason).inc()
        log.info(
            "submitted", epoch=record.number, root=to_hex(record.root), tx=to_hex(submission.tx_hash),
            nonce=submission.nonce, fee_gwei=submission.max_fee / GWEI, reason=reason,
        )  # fmt: skip
        if len(said) == len(view.good):
            self.journal.epochs.submission_failed(record.id, submission.tx_hash, said[0])
            raise ChainError(f"no node takes the transaction of epoch {record.number}: {said[0]}")
        if submission.error:
            self.journal.epochs.submission_failed(record.id, submission.tx_hash, "")


def _call(ledger: Ledger, sender: str, batch: RewardBatch, oracles: OracleSet, record: EpochRecord) -> dict[str, Any]:
    """The transaction without nonce and fees; estimating its gas tells whether it would revert."""
    signed = signed_call(batch, oracles, _enough(oracles, record.signatures))
    call = ledger.log.functions.attest(*signed)
    gas = call.estimate_gas({"from": Web3.to_checksum_address(sender)})
    data = call._encode_transaction_data()
    return {
        "to": ledger.log.address, "value": 0, "data": data, "chainId": ledger.node.chain_id,
        "gas": gas_limit(gas),
    }  # fmt: skip


def _enough(oracles: OracleSet, signatures: Mapping[str, bytes]) -> dict[str, bytes]:
    """As many signatures as are needed: each one more costs gas."""
    present = [signer for signer in oracles.signers if signer in signatures]
    return {signer: signatures[signer] for signer in present[: oracles.threshold]}


def _fees(ledger: Ledger) -> tuple[Wei, Wei]:
    """Tip and maximum a gas: room for the base fee to double."""
    base = int(ledger.node.web3.eth.get_block("latest").get("baseFeePerGas", 0))
    try:
        tip = Wei(int(ledger.node.web3.eth.max_priority_fee))
    except Exception:  # not every node has eth_maxPriorityFeePerGas
        tip = FALLBACK_TIP
    return tip, Wei(2 * base + tip)


def _count(ledger: Ledger, address: str, block: Any) -> int:
    return int(ledger.node.web3.eth.get_transaction_count(Web3.to_checksum_address(address), block))


def _known(ledger: Ledger, tx_hash: bytes) -> bool:
    try:
        return bool(ledger.node.web3.eth.get_transaction(tx_hash))  # type: ignore[arg-type]
    except TransactionNotFound:
        return False


def _failed(ledger: Ledger, tx_hash: bytes) -> bool:
    try:
        return ledger.node.web3.eth.get_transaction_receipt(tx_hash)["status"] != 1  # type: ignore[arg-type]
    except TransactionNotFound:
        return False


def _broadcast(ledger: Ledger, raw: bytes) -> None:
    ledger.node.web3.eth.send_raw_transaction(raw)
