"""Attacks on a vote. Each is performed on a real chain, and fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rlhf_contract.chain import governance, local
from rlhf_contract.chain.typed_data import ballot_message, sign
from rlhf_contract.errors import Refused
from rlhf_contract.hashing import keccak256
from rlhf_contract.types import Seconds
from story import Story, adoption_of

OpenVote = tuple[governance.Adoption, governance.Proposal]


@pytest.fixture
def open_vote(story: Story, tmp_path: Path) -> OpenVote:
    """A second version is up for a vote."""
    spec = tmp_path / "next.legal"
    spec.write_text(story.spec.read_text("utf-8").replace("VERSION 1.0.0", "VERSION 1.1.0"), "utf-8")
    adoption, proposal = story.propose(spec)
    story.open_votes()
    return adoption, proposal


def deadline(story: Story) -> Seconds:
    return Seconds(story.ledger.node.now() + 600)


def test_a_ballot_is_used_twice(story: Story, open_vote: OpenVote) -> None:
    """Replay: the same signed ballot counts once."""
    adoption, proposal = open_vote
    ballot, signature = governance.sign_ballot(
        story.ledger, story.accounts["users"], proposal, adoption, "for", deadline(story)
    )
    governance.relay_ballot(story.ledger, story.accounts["stranger"], ballot, signature, "users")
    with pytest.raises(Refused, match="GovernorAlreadyCastVote"):
        governance.relay_ballot(story.ledger, story.accounts["stranger"], ballot, signature, "users")


def test_a_ballot_for_one_proposal_is_used_for_another(story: Story, open_vote: OpenVote, tmp_path: Path) -> None:
    """A relayer swaps the proposal: the words no longer fit, and with fitting words the signature does not."""
    adoption, proposal = open_vote
    spec = tmp_path / "other.legal"
    spec.write_text(story.spec.read_text("utf-8").replace("VERSION 1.0.0", "VERSION 6.6.6"), "utf-8")
    evil, other = story.propose(spec)
    story.open_votes()
    ballot, signature = governance.sign_ballot(
        story.ledger, story.accounts["users"], proposal, adoption, "for", deadline(story)
    )
    swapped = replace(ballot, proposalId=other.id)
    with pytest.raises(Refused, match="WordsMismatch"):
        governance.relay_ballot(story.ledger, story.accounts["stranger"], swapped, signature, "users")
    fitting = replace(swapped, version=evil.version, specHash=evil.spec_hash, nonce=other.id % 2**192 << 64)
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        governance.relay_ballot(story.ledger, story.accounts["stranger"], fitting, signature, "users")


@pytest.mark.parametrize("change", [{"choice": "against"}, {"deadline": 2**40}])
def test_a_relayer_changes_the_ballot(story: Story, open_vote: OpenVote, change: dict[str, object]) -> None:
    """Neither the choice nor the deadline can be changed on the way."""
    adoption, proposal = open_vote
    ballot, signature = governance.sign_ballot(
        story.ledger, story.accounts["users"], proposal, adoption, "for", deadline(story)
    )
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        governance.relay_ballot(story.ledger, story.accounts["stranger"], replace(ballot, **change), signature, "users")


@pytest.mark.parametrize(("chain", "contract"), [(1, "governor"), (1337, "log")])
def test_a_ballot_signed_for_another_place(story: Story, open_vote: OpenVote, chain: int, contract: str) -> None:
    """A signature for another chain or contract is worthless here."""
    adoption, proposal = open_vote
    voter = story.accounts["users"]
    ballot, _ = governance.sign_ballot(story.ledger, voter, proposal, adoption, "for", deadline(story))
    signature = sign(voter, ballot_message(ballot, chain, getattr(story.ledger.deployment, contract)))
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        governance.relay_ballot(story.ledger, story.accounts["stranger"], ballot, signature, "users")


def test_an_old_ballot_comes_late(story: Story, open_vote: OpenVote) -> None:
    """A ballot kept back by a relayer is void after its deadline."""
    adoption, proposal = open_vote
    ballot, signature = governance.sign_ballot(
        story.ledger, story.accounts["users"], proposal, adoption, "for", deadline(story)
    )
    local.advance(story.ledger.node, Seconds(601))
    with pytest.raises(Refused, match="BallotExpired"):
        governance.relay_ballot(story.ledger, story.accounts["stranger"], ballot, signature, "users")


def test_a_stranger_signs_for_a_stakeholder(story: Story, open_vote: OpenVote) -> None:
    """The signature must be the voter's own."""
    adoption, proposal = open_vote
    ballot, _ = governance.sign_ballot(
        story.ledger, story.accounts["users"], proposal, adoption, "for", deadline(story)
    )
    stranger = story.accounts["stranger"]
    signature = sign(stranger, ballot_message(ballot, 1337, story.ledger.governor.address))
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        governance.relay_ballot(story.ledger, stranger, ballot, signature, "users")


def test_a_proposal_is_front_run(story: Story) -> None:
    """Copying a proposal out of the mempool fails: its description names the proposer (GHSA-5h3x-9wvq-w4m2)."""
    adoption = adoption_of(story.spec)
    operator, users = story.accounts["operator"], story.accounts["users"]
    call = story.ledger.registry.functions.activate(
        story.ledger.contract_id, (*[keccak256(b"x")] * 4, 1, "9.9.9", "", "")
    )
    description = f"Adopt something\n#proposer={operator.address}"
    arguments = [call.address], [0], [bytes.fromhex(call._encode_transaction_data()[2:])], description
    with pytest.raises(Refused, match="GovernorRestrictedProposer"):
        story.ledger.node.transact(users, story.ledger.governor.functions.propose(*arguments), "front-run")
    story.ledger.node.transact(operator, story.ledger.governor.functions.propose(*arguments), "propose")
    assert adoption.version == "1.0.0"


def test_nobody_activates_past_the_vote(story: Story) -> None:
    """Deployer, stakeholder and oracle alike are not the timelock."""
    version = (*[keccak256(b"evil")] * 4, 1, "6.6.6", "", "")
    call = story.ledger.registry.functions.activate(story.ledger.contract_id, version)
    for name in ("deployer", "operator", "oracle 1"):
        with pytest.raises(Refused, match="NotTimelock"):
            story.ledger.node.transact(story.accounts[name], call, f"{name} activates")


def test_the_deployer_keeps_no_power(story: Story) -> None:
    """After the deployment nobody but the governor can propose to the timelock."""
    timelock, node = story.ledger.timelock.functions, story.ledger.node
    deployer = story.accounts["deployer"].address
    for role in ("DEFAULT_ADMIN_ROLE", "PROPOSER_ROLE", "CANCELLER_ROLE"):
        assert not node.read(timelock.hasRole(node.read(timelock[role]()), deployer))


def test_of_two_amendments_against_one_parent_only_one_applies(story: Story, tmp_path: Path) -> None:
    """Both pass; the second was voted against a text that is no longer active, so it reverts."""
    proposals = []
    for version in ("1.1.0", "1.2.0"):
        spec = tmp_path / f"{version}.legal"
        spec.write_text(story.spec.read_text("utf-8").replace("VERSION 1.0.0", f"VERSION {version}"), "utf-8")
        proposals.append(story.propose(spec)[1])
    with pytest.raises(Refused, match="ParentNotActive"):
        story.pass_and_execute(*proposals)
