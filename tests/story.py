"""A real ledger with an adopted contract, for tests that need one: the demo's steps without its words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from eth_account.signers.local import LocalAccount

from rlhf_contract.chain import governance, local
from rlhf_contract.chain.deployment import Ledger, Rules, StakeholderClass, deploy
from rlhf_contract.chain.ganache import ganache
from rlhf_contract.chain.governance import Adoption, Proposal, ProposalState
from rlhf_contract.chain.node import Node, connect
from rlhf_contract.chain.typed_data import RewardBatch, batch_message, sign
from rlhf_contract.hashing import keccak256
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.from_file import Columns, read_file
from rlhf_contract.merkle import tree
from rlhf_contract.oracle import attester
from rlhf_contract.oracle.attester import Prepared
from rlhf_contract.oracle.epoch_file import DataFolder, Epoch, leaf_hashes, read_epoch, write_epoch
from rlhf_contract.oracle.salts import SaltBox
from rlhf_contract.oracle.store import Store
from rlhf_contract.types import Seconds, Status

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "safe_assistant.legal"
SAMPLES = ROOT / "examples" / "safe_assistant.jsonl"

DELAY, PERIOD, TIMELOCK = Seconds(60), Seconds(3600), Seconds(7200)
RULES = Rules(DELAY, PERIOD, Seconds(600), TIMELOCK)
ORACLES = ("oracle 1", "oracle 2", "oracle 3")


@dataclass
class Story:
    """A ledger, everybody's keys by name, the spec's file and where data goes."""

    ledger: Ledger
    accounts: dict[str, LocalAccount]
    holders: tuple[str, ...]
    spec: Path
    folder: DataFolder

    @property
    def store(self) -> Store:
        """The data as an auditor opens them."""
        return Store.existing(str(self.folder.path))

    @property
    def box(self) -> SaltBox:
        """What encrypts the salts of epochs that are prepared here."""
        return SaltBox(b"k" * 32, self.ledger.contract_id)

    def propose(self, spec: Path) -> tuple[Adoption, Proposal]:
        """A proposal to adopt the contract in `spec`."""
        adoption = adoption_of(spec)
        return adoption, governance.propose_adoption(self.ledger, self.accounts[self.holders[0]], adoption)

    def propose_member(self, who: str, class_id: int, shares: int) -> Proposal:
        """A proposal to give somebody, by name or address, these shares of a class (none: to remove them)."""
        address = self.accounts[who].address if who in self.accounts else who
        call = self.ledger.votes.functions.setMember(address, class_id, shares)
        proposer = self.accounts[self.holders[0]]
        return governance.propose(
            self.ledger, proposer, call, f"{who}: {shares} in class {class_id}", "propose a member"
        )

    def open_votes(self) -> None:
        local.advance(self.ledger.node, Seconds(DELAY + 1))

    def pass_and_queue(self, *proposals: Proposal) -> None:
        """All stakeholders vote for, by transaction; then queue, and wait until anyone may execute."""
        node, relayer = self.ledger.node, self.accounts["relayer"]
        self.open_votes()
        for proposal in proposals:
            for name in self.holders:
                governance.vote(self.ledger, self.accounts[name], proposal, "for", name)
        local.advance(node, PERIOD)
        for proposal in proposals:
            governance.queue(self.ledger, relayer, proposal, "queue")
        local.advance(node, Seconds(TIMELOCK + 1))

    def pass_and_execute(self, *proposals: Proposal) -> None:
        """The same, and then execute."""
        self.pass_and_queue(*proposals)
        for proposal in proposals:
            governance.execute(self.ledger, self.accounts["relayer"], proposal, "execute")
            assert governance.state(self.ledger, proposal) is ProposalState.EXECUTED

    def adopt(self, spec: Path | None = None, signers: tuple[str, ...] = ORACLES, threshold: int = 2) -> None:
        """Vote the oracles and the contract into effect."""
        proposer = self.accounts[self.holders[0]]
        addresses = [self.accounts[name].address for name in signers]
        oracles = governance.propose_oracles(self.ledger, proposer, addresses, threshold, threshold - 1)
        _, adoption = self.propose(spec or self.spec)
        self.pass_and_execute(oracles, adoption)

    def prepare(self, columns: Columns | None = None) -> Prepared:
        """The next epoch of `columns` (the project's example), sealed."""
        active = attester.load_active(self.ledger, self.spec)
        return attester.prepare(self.ledger, active, columns or read_file(SAMPLES), self.folder, self.box, "test run")

    def sign(self, batch: RewardBatch, *names: str) -> dict[str, bytes]:
        """Honest co-signatures by these oracles."""
        return {
            self.accounts[n].address: attester.cosign(self.ledger, self.spec, self.folder, batch, self.accounts[n])
            for n in names
        }

    def post(self, batch: RewardBatch, signatures: dict[str, bytes]) -> None:
        active = attester.load_active(self.ledger, self.spec)
        attester.post(self.ledger, self.accounts["relayer"], active, batch, signatures)

    def attest(self, columns: Columns | None = None) -> Prepared:
        """One whole epoch, two signatures."""
        prepared = self.prepare(columns)
        self.post(prepared.batch, self.sign(prepared.batch, "oracle 1", "oracle 3"))
        return prepared

    def attest_forged(self, signers: Sequence[str], place: int = 5, more: int = -1) -> tuple[RewardBatch, int]:
        """An epoch whose rewarded row number `place` earns `more` (micro-units) than it should, and that row.

        `signers` have signed without looking.
        """
        prepared = self.prepare()
        header, right, _ = read_epoch(prepared.path)
        row = int(np.flatnonzero(right.status == Status.REWARDED)[place])
        reward = right.reward.copy()
        reward[row] += more
        forged = Epoch(right.samples, right.status, right.signals, reward)
        root = tree.build(leaf_hashes(forged)).root
        data_hash = write_epoch(self.folder.epoch(root), header, forged)
        batch = replace(prepared.batch, root=root, dataHash=data_hash)
        message = batch_message(batch, self.ledger.node.chain_id, self.ledger.log.address)
        self.post(batch, {self.accounts[n].address: sign(self.accounts[n], message) for n in signers})
        return batch, row


def adoption_of(spec: Path) -> Adoption:
    """What is voted on for the contract in `spec`."""
    data = spec.read_bytes()
    contract = load(data.decode(), str(spec))
    program = compile_contract(contract)
    return Adoption(keccak256(data), keccak256(program.data), keccak256(b"no report"), contract.version, "tests")


def begin(
    url: str, spec: Path, folder: Path, rules: Rules = RULES, more: Mapping[str, Sequence[str]] | None = None
) -> Story:
    """Deploy a ledger for the contract in `spec`; nothing is voted yet.

    Each class has one member, who is called like it, and those in `more`, by address.
    """
    node = connect(url)
    contract = load(spec.read_text("utf-8"), str(spec))
    holders = tuple(u.stakeholder for u in contract.utilities)
    accounts = local.funded_accounts(node, ["deployer", "relayer", "stranger", *holders, *ORACLES])
    classes = tuple(
        StakeholderClass(
            u.stakeholder,
            u.weight,
            u.veto,
            tuple((a, 1) for a in (accounts[u.stakeholder].address, *(more or {}).get(u.stakeholder, ()))),
        )
        for u in contract.utilities
    )
    ledger = deploy(node, accounts["deployer"], contract.name, classes, rules)
    local.advance(node, Seconds(2))  # a proposer must have been a member a second ago
    return Story(ledger, accounts, holders, spec, DataFolder(folder).create())


@pytest.fixture(scope="session")
def rpc() -> Iterator[str]:
    """The URL of a running chain, one for the whole lane."""
    with ganache() as url:
        yield url


@pytest.fixture(scope="session")
def adopted(rpc: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A ledger on which the example contract has been adopted, with three oracles of which two must sign."""
    story = begin(rpc, EXAMPLE, tmp_path_factory.mktemp("adopted"))
    story.adopt()
    return story


@contextmanager
def undone(node: Node) -> Iterator[None]:
    """Whatever is done to the chain in here is undone at the end."""
    request = node.web3.provider.make_request
    snapshot = request("evm_snapshot", [])["result"]  # type: ignore[arg-type]
    yield
    assert request("evm_revert", [snapshot])["result"]  # type: ignore[arg-type]


@pytest.fixture
def story(adopted: Story, tmp_path: Path) -> Iterator[Story]:
    """The adopted ledger with a data folder of its own; whatever the test does to the chain is undone afterwards."""
    with undone(adopted.ledger.node):
        yield replace(adopted, folder=DataFolder(tmp_path / "data").create())
