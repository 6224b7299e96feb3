"""One Ethereum node over JSON-RPC: connect to the chain that was meant, send, wait, say why something was refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import requests
from eth_abi import abi as eth_abi
from eth_abi.exceptions import DecodingError
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError, Web3Exception, Web3RPCError
from web3.types import RPCEndpoint, TxParams
from web3.types import Wei as RpcWei

from rlhf_contract.chain.solidity import CONTRACTS, artifact
from rlhf_contract.errors import ChainError, Refused, WrongChain
from rlhf_contract.hashing import keccak256
from rlhf_contract.types import TRANSACTION_GAS, BlockNumber, Seconds, Wei

__all__ = ["Node", "Sender", "Sent", "Signed", "connect", "explained", "gas_limit", "refusal"]

REQUEST_SECONDS = 30
RECEIPT_SECONDS = 180
NOTHING = Wei(0)


class Signed(Protocol):
    """A transaction that may be sent."""

    @property
    def raw_transaction(self) -> bytes: ...


class Sender(Protocol):
    """Who sends and pays: a wallet, or an account of eth-account."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, transaction: Any, /) -> Signed: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """A mined transaction. `what` is said in words, `gas` is what it used."""

    what: str
    hash: bytes
    block: BlockNumber
    gas: int


@dataclass
class Node:
    """A node that has said which chain it serves. `sent` lists every transaction of this object, in order."""

    web3: Web3
    chain_id: int
    sent: list[Sent] = field(default_factory=list)

    def contract(self, name: str, address: str) -> Contract:
        """The compiled contract `name` at `address`."""
        return self.web3.eth.contract(Web3.to_checksum_address(address), abi=artifact(name)["abi"])

    def deploy(self, account: Sender, name: str, *arguments: object) -> Contract:
        """A new `name`, paid by `account`."""
        compiled = artifact(name)
        factory = self.web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        what = f"deploy {name}"
        with explained(what):
            transaction = factory.constructor(*arguments).build_transaction(self._envelope(account))
        receipt = self._send(account, transaction, what)
        return self.contract(name, receipt["contractAddress"])

    def transact(
        self, account: Sender, call: ContractFunction, what: str, value: Wei = NOTHING, gas: int | None = None
    ) -> Sent:
        """Send `call` from `account`, with `value` wei, and wait until it is mined.

        `gas` is the most that it may use; by default `gas_limit` of the node's estimate.

        Raises Refused with the contract's own error, ChainError when the node fails or the time is over.
        """
        with explained(what):
            envelope: TxParams = {**self._envelope(account), "value": RpcWei(value)}
            envelope["gas"] = gas or gas_limit(call.estimate_gas(envelope))
            transaction = call.build_transaction(envelope)
        self._send(account, transaction, what)
        return self.sent[-1]

    def read(self, call: ContractFunction, block: BlockNumber | None = None) -> Any:
        """The answer of a view at `block` (the newest by default)."""
        with explained(f"reading {call.fn_name}"):
            return call.call(block_identifier="latest" if block is None else block)

    def read_many(self, calls: Sequence[tuple[str, bytes, str]], block: BlockNumber) -> list[bytes | Refused]:
        """What the calls (to, data, sender or "") return at `block`, undecoded, in one request.

        Where a contract reverts, its Refused stands for the answer. Raises ChainError when the node fails.
        """
        asked: list[Any] = []
        for to, data, sender in calls:
            transaction = {"to": to, "data": f"0x{data.hex()}"} | ({"from": sender} if sender else {})
            asked.append(("eth_call", [transaction, hex(block)]))
        what = "reading contracts"
        with explained(what):
            said = self.web3.provider.make_batch_request(asked)  # type: ignore[attr-defined]
        found: list[bytes | Refused] = []
        for response in said if isinstance(said, list) else [said] * len(asked):
            if "result" in response:
                found.append(bytes.fromhex(response["result"][2:]))
                continue
            error = _refused(Web3RPCError(str(response.get("error")), rpc_response=response), what)
            if not isinstance(error, Refused):
                raise error
            found.append(error)
        return found

    def now(self) -> Seconds:
        """The newest block's time: what contracts compare deadlines with."""
        with explained("reading the newest block"):
            return Seconds(int(self.web3.eth.get_block("latest")["timestamp"]))

    def block(self) -> BlockNumber:
        """The newest block's number."""
        with explained("reading the block number"):
            return BlockNumber(self.web3.eth.block_number)

    def _envelope(self, account: Sender) -> TxParams:
        address = Web3.to_checksum_address(account.address)
        nonce = self.web3.eth.get_transaction_count(address, "pending")
        return {"from": address, "nonce": nonce, "chainId": self.chain_id}

    def _send(self, account: Sender, transaction: Any, what: str) -> Any:
        with explained(what):
            signed = account.sign_transaction(transaction)
            hash_ = self.web3.eth.send_raw_transaction(signed.raw_transaction)
            receipt = self.web3.eth.wait_for_transaction_receipt(hash_, RECEIPT_SECONDS, 0.05)
        if receipt["status"] != 1:
            raise ChainError(f"{what}: the transaction 0x{bytes(hash_).hex()} was mined and failed")
        self.sent.append(Sent(what, bytes(hash_), BlockNumber(receipt["blockNumber"]), Wei(receipt["gasUsed"])))
        return receipt


def gas_limit(estimate: int) -> int:
    """Half more than a node's estimate, where one transaction may have that much.

    An estimate is made at the newest block's second, and in a later one the same call can write where it would have
    overwritten: two changes of one class a second apart. What is not used is not paid.
    """
    return max(estimate, min(estimate * 3 // 2, TRANSACTION_GAS))


def connect(url: str, chain_id: int | None = None) -> Node:
    """A node at `url`; with `chain_id`, only one that serves this chain.

    Raises ChainError when nobody answers, WrongChain when it is another chain.
    """
    provider = HTTPProvider(
        url,
        request_kwargs={"timeout": REQUEST_SECONDS},
        cache_allowed_requests=True,
        cacheable_requests={RPCEndpoint("eth_chainId")},  # web3 asks it before every call
    )
    web3 = Web3(provider)
    with explained(f"asking {url} for its chain"):
        served = web3.eth.chain_id
    if chain_id is not None and served != chain_id:
        raise WrongChain(f"{url} serves chain {served}, but chain {chain_id} is meant; point --rpc at the right node")
    return Node(web3, served)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn every way in which a node can fail into one ChainError that says what was being done."""
    try:
        yield
    except ContractLogicError as error:
        raise _refused(error, what) from None
    except Web3RPCError as error:
        raise _refused(error, what) from None
    except requests.RequestException as error:
        raise ChainError(f"{what}: the node does not answer ({type(error).__name__}); is it running?") from None
    except Web3Exception as error:
        raise ChainError(f"{what}: {error}") from None


def _refused(error: Any, what: str) -> ChainError:
    data = _revert_data(error)
    if data is None:
        said = (getattr(error, "rpc_response", None) or {}).get("error", {}).get("message")
        return ChainError(f"{what}: {said or error}")
    return refusal(data, what)


def refusal(data: bytes, what: str) -> Refused:
    """What the bytes that a contract reverted with say, in its own error's name and arguments."""
    name, types = _custom_errors().get(data[:4], (f"error {data[:4].hex()}", ()))
    try:
        arguments = eth_abi.decode(types, data[4:])
    except DecodingError:
        arguments = (data[4:],)
    return Refused(name, arguments, what)


def _revert_data(error: Any) -> bytes | None:
    """The bytes that the contract reverted with, wherever this node puts them."""
    response = getattr(error, "rpc_response", None) or {}
    for found in (getattr(error, "data", None), response.get("error", {}).get("data")):
        text = found.get("result") if isinstance(found, dict) else found
        if isinstance(text, str) and text.startswith("0x") and len(text) >= 10:
            return bytes.fromhex(text[2:])
    return None


@cache
def _custom_errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    """Selector → name and argument types of every custom error of our contracts, and Solidity's own two."""
    found: dict[bytes, tuple[str, tuple[str, ...]]] = {
        keccak256(b"Error(string)")[:4]: ("Error", ("string",)),
        keccak256(b"Panic(uint256)")[:4]: ("Panic", ("uint256",)),
    }
    for contract in CONTRACTS:
        for item in artifact(contract)["abi"]:
            if item["type"] == "error":
                types = tuple(_canonical(i) for i in item["inputs"])
                found[keccak256(f"{item['name']}({','.join(types)})".encode())[:4]] = (item["name"], types)
    return found


def _canonical(item: dict[str, Any]) -> str:
    """An ABI input's type with tuples written out."""
    type_: str = item["type"]
    if not type_.startswith("tuple"):
        return type_
    return f"({','.join(_canonical(c) for c in item['components'])}){type_[5:]}"
