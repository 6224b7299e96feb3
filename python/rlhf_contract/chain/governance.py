"""From a proposal to its effect: propose, vote by transaction or by signature, queue, execute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from eth_account.signers.local import LocalAccount
from web3.contract.contract import ContractFunction

from rlhf_contract import __version__
from rlhf_contract.chain.deployment import Ledger
from rlhf_contract.chain.node import Sender, Sent
from rlhf_contract.chain.typed_data import CHOICES, ExtendedBallot, SpecBallot, ballot_message, sign
from rlhf_contract.hashing import keccak256
from rlhf_contract.types import Seconds

__all__ = [
    "CHOICES",
    "COMPILER",
    "Adoption",
    "Call",
    "Proposal",
    "ProposalState",
    "ballot_call",
    "cancel",
    "execute",
    "is_member",
    "propose",
    "propose_adoption",
    "propose_calls",
    "propose_oracles",
    "queue",
    "relay_ballot",
    "sign_ballot",
    "state",
    "suspend",
    "void_ballots",
    "vote",
]

LANGUAGE = 1


class ProposalState(IntEnum):
    """As OpenZeppelin's IGovernor numbers them."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


@dataclass(frozen=True, slots=True)
class Call:
    """What the timelock shall call, with how many wei."""

    target: str
    calldata: bytes
    value: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """Calls that the timelock shall make, all of them or none. `id` is what the governor calls it."""

    id: int
    calls: tuple[Call, ...]
    description: str

    @property
    def arguments(self) -> tuple[list[str], list[int], list[bytes], bytes]:
        """What queue and execute take, and what the id is the hash of."""
        return (
            [c.target for c in self.calls],
            [c.value for c in self.calls],
            [c.calldata for c in self.calls],
            keccak256(self.description.encode()),
        )


COMPILER = f"rlhf-contract-wizard {__version__}"
"""What a proposal made here says of who compiled its program."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is voted on when a version shall take effect; hashes have 32 bytes."""

    spec_hash: bytes
    program_hash: bytes
    proof_hash: bytes
    version: str
    compiler: str
    uri: str = ""


def propose_adoption(ledger: Ledger, proposer: Sender, adoption: Adoption, note: str = "") -> Proposal:
    """Propose to put `adoption` in force after the version that is active now; `note` goes into the description."""
    node = ledger.node
    parent = node.read(ledger.registry.functions.active(ledger.contract_id))
    version = (
        adoption.spec_hash,
        adoption.program_hash,
        parent,
        adoption.proof_hash,
        LANGUAGE,
        adoption.version,
        adoption.compiler,
        adoption.uri,
    )
    call = ledger.registry.functions.activate(ledger.contract_id, version)
    name = f"{ledger.deployment.name} {adoption.version}"
    words = f"Adopt {name}\n\nspecHash 0x{adoption.spec_hash.hex()}\nprogramHash 0x{adoption.program_hash.hex()}"
    return propose(ledger, proposer, call, f"{words}\n\n{note}" if note else words, f"propose {name}")


def propose_oracles(ledger: Ledger, proposer: Sender, signers: Sequence[str], threshold: int, faults: int) -> Proposal:
    """Propose who may attest: `threshold` of `signers` must sign, at most `faults` of them may be dishonest."""
    ordered = sorted(signers, key=lambda address: int(address, 16))
    call = ledger.registry.functions.setOracles(ledger.contract_id, ordered, threshold, faults)
    words = f"Oracles of {ledger.deployment.name}: {threshold} of {len(ordered)} must sign\n\n" + "\n".join(ordered)
    return propose(ledger, proposer, call, words, "propose the oracles")


def propose(ledger: Ledger, proposer: Sender, call: ContractFunction, words: str, what: str) -> Proposal:
    """Propose one `call` of a contract."""
    calldata = bytes.fromhex(call._encode_transaction_data()[2:])
    return propose_calls(ledger, proposer, (Call(call.address, calldata),), words, what)


def propose_calls(ledger: Ledger, proposer: Sender, calls: Sequence[Call], words: str, what: str) -> Proposal:
    """Propose `calls`. The description ends in #proposer=, so that nobody else can take the proposal over."""
    unnamed = Proposal(0, tuple(calls), f"{words}\n#proposer={proposer.address}")
    targets, values, calldatas, hash_ = unnamed.arguments
    functions = ledger.governor.functions
    id_ = ledger.node.read(functions.hashProposal(targets, values, calldatas, hash_))
    ledger.node.transact(proposer, functions.propose(targets, values, calldatas, unnamed.description), what)
    return replace(unnamed, id=id_)


def state(ledger: Ledger, proposal: Proposal) -> ProposalState:
    """Where the proposal stands now."""
    return ProposalState(ledger.node.read(ledger.governor.functions.state(proposal.id)))


def vote(ledger: Ledger, voter: Sender, proposal: Proposal, choice: str, who: str) -> Sent:
    """Vote by transaction."""
    call = ledger.governor.functions.castVote(proposal.id, CHOICES[choice])
    return ledger.node.transact(voter, call, f"{who} votes {choice}")


def sign_ballot(
    ledger: Ledger, voter: LocalAccount, proposal: Proposal, adoption: Adoption, choice: str, deadline: Seconds
) -> tuple[SpecBallot, bytes]:
    """A vote in words, signed and not yet sent: costs the voter nothing."""
    nonce = ledger.node.read(ledger.governor.functions.nonces(voter.address, proposal.id % 2**192))
    ballot = SpecBallot(
        ledger.deployment.name,
        adoption.version,
        adoption.spec_hash,
        choice,
        proposal.id,
        voter.address,
        nonce,
        deadline,
    )
    message = ballot_message(ballot, ledger.node.chain_id, ledger.governor.address)
    return ballot, sign(voter, message)


def relay_ballot(
    ledger: Ledger, relayer: Sender, ballot: SpecBallot | ExtendedBallot, signature: bytes, who: str
) -> Sent:
    """Bring somebody's signed ballot to the chain; `relayer` pays and decides nothing."""
    call = ballot_call(ledger, ballot, signature)
    return ledger.node.transact(relayer, call, f"{who} votes {ballot.choice} (signed, relayed)")


def ballot_call(ledger: Ledger, ballot: SpecBallot | ExtendedBallot, signature: bytes) -> ContractFunction:
    """The call that counts a signed ballot, whoever makes it."""
    functions = ledger.governor.functions
    if isinstance(ballot, ExtendedBallot):
        fields = (ballot.proposalId, ballot.support, ballot.voter, ballot.reason, ballot.params, signature)
        return functions.castVoteWithReasonAndParamsBySig(*fields)
    return functions.castVoteBySpecBallot(tuple(getattr(ballot, name) for name in ballot.__slots__), signature)


def queue(ledger: Ledger, account: Sender, proposal: Proposal, what: str) -> Sent:
    """Start the timelock of a proposal that has passed."""
    return _after(ledger, account, proposal, "queue", what)


def execute(ledger: Ledger, account: Sender, proposal: Proposal, what: str) -> Sent:
    """Carry out a proposal whose timelock is over."""
    return _after(ledger, account, proposal, "execute", what)


def cancel(ledger: Ledger, account: Sender, proposal: Proposal, what: str) -> Sent:
    """Stop a proposal: as its proposer until voting begins; later as guardian, or as proposer where there is none."""
    return _after(ledger, account, proposal, "cancel", what)


def void_ballots(ledger: Ledger, voter: Sender, proposal: Proposal, who: str) -> Sent:
    """Take back every ballot that `voter` has signed for this proposal and nobody has relayed yet."""
    call = ledger.governor.functions.voidBallots(proposal.id)
    return ledger.node.transact(voter, call, f"{who} takes signed ballots back")


def suspend(ledger: Ledger, member: Sender, class_id: int, who: str) -> Sent:
    """Back the suspension of the contract, as a member of a class with a veto. Raises Refused: ClassMustWait …"""
    call = ledger.registry.functions.suspend(ledger.contract_id, class_id)
    return ledger.node.transact(member, call, f"{who} backs a suspension")


def _after(ledger: Ledger, account: Sender, proposal: Proposal, step: str, what: str) -> Sent:
    call = ledger.governor.functions[step](*proposal.arguments)
    return ledger.node.transact(account, call, what)


def is_member(ledger: Ledger, address: str, time: Seconds) -> bool:
    """Whether `address` (checksummed) was in a stakeholder class at `time`, which has passed."""
    member: bool = ledger.node.read(ledger.votes.functions.membershipAt(address, time))[0]
    return member
