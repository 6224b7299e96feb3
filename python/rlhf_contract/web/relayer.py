"""Bring signed ballots to the chain at the operator's expense: checked first, one at a time, not too many."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msgspec
from web3 import Web3

from rlhf_contract.api.logs import log
from rlhf_contract.chain import governance
from rlhf_contract.chain.ballots import SignedBallot
from rlhf_contract.chain.deployment import Ledger
from rlhf_contract.chain.node import explained, gas_limit
from rlhf_contract.chain.relaying import require_relayable
from rlhf_contract.chain.wallet import Wallet
from rlhf_contract.errors import ChainError, DataError, Refused
from rlhf_contract.hashing import to_hex
from rlhf_contract.web.refusal import Refusal

__all__ = ["Relayer"]

HOUR = 3600.0
MOST_GAS = 1_500_000
"""For one ballot; a contract wallet decides itself what its check takes, and the operator pays."""


@dataclass
class Relayer:
    """`hourly` ballots in an hour at most, of everybody together."""

    ledger: Ledger
    wallet: Wallet
    hourly: int
    _sent: deque[float] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    def relay(self, body: bytes) -> dict[str, Any]:
        """The transaction of the ballot in `body`, once it is mined.

        Raises Refusal: relayer_refused (the ballot would not count, and why), too_many, relayer_down.
        """
        try:
            signed = msgspec.json.decode(body, type=SignedBallot)
            words = signed.words()
        except (msgspec.MsgspecError, DataError) as error:
            raise Refusal("relayer_refused", f"This is no signed ballot: {error}") from None
        with self._lock:
            self._require_room()
            self._require_node()
            try:
                require_relayable(self.ledger, signed, "the ballot")
                call = governance.ballot_call(self.ledger, words, signed.signature_bytes)
                with explained("trying the ballot"):
                    gas = gas_limit(call.estimate_gas({"from": Web3.to_checksum_address(self.wallet.address)}))
            except (ChainError, DataError) as error:
                raise Refusal("relayer_refused", str(error)) from None
            if gas > MOST_GAS:
                raise Refusal(
                    "relayer_refused", f"this ballot may take {gas:,} gas, and at most {MOST_GAS:,} are paid for"
                )
            self._sent.append(time.monotonic())
            try:
                sent = self.ledger.node.transact(self.wallet, call, "relay a ballot", gas=gas)
            except Refused as error:
                raise Refusal("relayer_refused", str(error)) from None
            except ChainError as error:
                log.error("relay failed", fault=type(error).__name__)
                raise Refusal(
                    "relayer_down", "The ballot could not be sent: the node or the relayer's purse."
                ) from None
        log.info("relayed", address=words.voter, tx=to_hex(sent.hash))
        return {"transaction": to_hex(sent.hash), "block": sent.block}

    def _require_room(self) -> None:
        now = time.monotonic()
        while self._sent and self._sent[0] < now - HOUR:
            self._sent.popleft()
        if len(self._sent) >= self.hourly:
            raise Refusal("too_many", f"The service has brought {self.hourly} ballots in the last hour; save yours.")

    def _require_node(self) -> None:
        try:
            with explained("reading the relayer's purse"):
                purse = self.ledger.node.web3.eth.get_balance(Web3.to_checksum_address(self.wallet.address))
        except ChainError:
            raise Refusal("relayer_down", "The service cannot reach the chain.") from None
        if not purse:
            raise Refusal("relayer_down", "The relayer has no ether left; save the ballot, or vote by transaction.")
