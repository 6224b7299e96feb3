"""Named actors, and the ledger deployed the way `scripts/` deploys it, once per module.

operator        class 0, weight 0.40          1 share
ann, ben        class 1, weight 0.40, veto    2 shares and 1
uma, udo        class 2, weight 0.20          3 shares and 1
newcomer, stranger, relayer                   no stakeholders
oracles         three keys, 2 of 3 must sign; no accounts, since anyone relays
"""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from brownie import chain, web3
from brownie.exceptions import decode_typed_error
from brownie.network.transaction import TransactionReceipt
from eth_account import Account
from eth_utils import keccak
from ledger import Ledger
from pace import LONG
from web3.exceptions import TransactionNotFound

from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.step import run
from rlhf_contract.merkle.leaf import encode_leaf

EXAMPLE = Path(__file__).parents[2] / "examples" / "safe_assistant.legal"
# helpfulness, harmlessness, toxicity, tokens, contains_pii, truthful, hedged
GOOD = (800_000, 900_000, 100_000, 300, 0, 1, 0)
MNEMONIC = "test test test test test test test test test test test junk"
GAS = 20_000_000
NAMES = ("deployer", "operator", "ann", "ben", "uma", "udo", "newcomer", "stranger", "relayer")


@pytest.fixture(scope="session", autouse=True)
def patience():
    """Hundreds of rewards in one call take Ganache longer than Brownie's half a minute when the machine is busy."""
    web3.connect(web3.provider.endpoint_uri, timeout=300)
    # Otherwise it asks for the chain's id before every third question.
    web3.provider.cache_allowed_requests, web3.provider.cacheable_requests = True, {"eth_chainId"}


@pytest.fixture(scope="session", autouse=True)
def reasons(patience):
    """Why a transaction was reverted, from one call at the end of its block, where nothing had changed.

    Brownie has the node replay it step by step instead, to show its source; on Ganache that took most of the time of
    these tests. anvil replays fast enough.
    """
    if LONG:
        yield
        return

    def raise_if_reverted(receipt, error):
        if receipt.status:
            return
        call = {"from": str(receipt.sender), "data": receipt.input, "value": hex(receipt.value), "gas": hex(GAS)}
        if receipt.receiver:
            call["to"] = str(receipt.receiver)
        reply = web3.provider.make_request("eth_call", [call, hex(receipt.block_number)])
        data = reply.get("error", {}).get("data", "0x")
        receipt._revert_msg = decode_typed_error(data) if len(data) >= 10 else ""
        raise error._with_attr(revert_msg=receipt._revert_msg)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionReceipt, "_raise_if_reverted", raise_if_reverted)
        patch.setattr(web3, "_supports_traces", False)
        patch.setattr(type(chain), "_add_to_undo_buffer", lambda *_: None)  # nobody undoes; it is a snapshot each time
        yield


@pytest.fixture(scope="session", autouse=True)
def mined_is_known():
    """For a moment anvil counts a transaction as its sender's and has neither it nor its receipt.

    Brownie, which looks at the sender's count first, would call it dropped.
    """

    def patient(ask):
        def asked(transaction_hash):
            end = time.monotonic() + 10
            while True:
                try:
                    return ask(transaction_hash)
                except TransactionNotFound:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.05)

        return asked

    with pytest.MonkeyPatch.context() as patch:
        for name in ("get_transaction", "get_transaction_receipt"):
            patch.setattr(web3.eth, name, patient(getattr(web3.eth, name)))
        yield


@pytest.fixture(autouse=True)
def isolation(fn_isolation):
    """Every test starts from the state its module has set up.

    anvil's clock goes back with the state, Brownie's goes on; a block sets it right.
    """
    chain.mine()


@pytest.fixture(scope="session")
def actors(accounts):
    """Brownie accounts by name."""
    return SimpleNamespace(**dict(zip(NAMES, accounts, strict=False)))


@pytest.fixture(scope="session")
def keys():
    """The same actors as eth-account keys, for those who sign without sending."""
    Account.enable_unaudited_hdwallet_features()
    keys = {n: Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}") for i, n in enumerate(NAMES)}
    return SimpleNamespace(**keys)


@pytest.fixture(scope="session")
def oracles():
    """Four oracle keys in ascending order of address; the fourth is not in the first set."""
    return sorted((Account.from_key(bytes([i]) * 32) for i in range(1, 5)), key=lambda k: int(k.address, 16))


@pytest.fixture(scope="module")
def ledger(module_isolation, actors):
    """All contracts, wired together, with no version and no oracles yet."""
    return Ledger(actors)


@pytest.fixture(scope="module")
def timelock(ledger):
    """The timelock as a sender, for tests of what only it may do."""
    return ledger.timelock_account()


@pytest.fixture(scope="session")
def program():
    """The bytes that voters adopt."""
    return compile_contract(load(EXAMPLE.read_text("utf-8"), str(EXAMPLE)))


@pytest.fixture(scope="session")
def honest(program):
    """The leaf of a row as the reference computes it; `changes` forge it."""

    def honest(index, signals=GOOD, **changes):
        outcome = run(program, signals)
        values = {"index": index, "status": int(outcome.status), "signals": signals, "reward": outcome.reward}
        values |= changes
        sample = keccak(text=f"sample {index}")
        return encode_leaf(values["index"], sample, values["status"], values["signals"], values["reward"])

    return honest
