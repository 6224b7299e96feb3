"""Attacks by those who carry ballots: another order, holding back, and lending or borrowing a name.

Each is performed on a real chain and fails; then the honest ballots count.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from mempool import one_block
from voting import OPERATOR, SAFETY_BOARD, USERS, Amend, Ballot, OpenVote, bring, counted

from rlhf_contract.chain import governance
from rlhf_contract.errors import Refused
from story import Story


def void(story: Story, who: str, vote: OpenVote) -> None:
    """Takes back what `who` has signed on this vote."""
    call = story.ledger.governor.functions.voidBallots(vote[1].id)
    story.ledger.node.transact(story.accounts[who], call, f"{who} takes a ballot back")


def test_a_relayer_reorders_the_ballots_of_several_voters(story: Story, open_vote: OpenVote, ballot: Ballot) -> None:
    """All six orders of three ballots come to the same count."""
    request = story.ledger.node.web3.provider.make_request
    signed = {who: ballot(who, open_vote, c) for who, c in (("operator", "for"), ("users", "against"))}
    signed["safety_board"] = ballot("safety_board", open_vote, "abstain")
    results = []
    for order in permutations(signed):
        snapshot = request("evm_snapshot", [])["result"]  # type: ignore[arg-type]
        for who in order:
            bring(story, *signed[who])
        results.append([counted(story, open_vote, c) for c in (OPERATOR, SAFETY_BOARD, USERS)])
        assert request("evm_revert", [snapshot])["result"]  # type: ignore[arg-type]

    assert results == [[(0, 1, 0), (0, 0, 1), (1, 0, 0)]] * 6


def test_a_relayer_reorders_the_ballots_of_one_voter(story: Story, amend: Amend, ballot: Ballot) -> None:
    """Signed on three proposals, brought last first, each counts: no nonce waits for another (OpenZeppelin#5565)."""
    votes = [amend(version) for version in ("1.1.0", "1.2.0", "1.3.0")]
    story.open_votes()
    choices = ("for", "against", "abstain")
    signed = [ballot("users", vote, choice) for vote, choice in zip(votes, choices, strict=True)]
    for one in reversed(signed):
        bring(story, *one)

    assert [counted(story, vote) for vote in votes] == [(0, 1, 0), (1, 0, 0), (0, 0, 1)]


def test_a_relayer_holds_one_ballot_back(story: Story, amend: Amend, ballot: Ballot) -> None:
    """Taking back a ballot on one proposal voids none on another (OpenZeppelin#5565)."""
    first, second = amend("1.1.0"), amend("1.2.0")
    story.open_votes()
    held, other = ballot("users", first), ballot("users", second)
    void(story, "users", first)
    bring(story, *other)
    with pytest.raises(Refused, match="InvalidAccountNonce"):
        bring(story, *held)

    assert (counted(story, first), counted(story, second)) == ((0, 0, 0), (0, 1, 0))


def test_a_relayer_prefers_the_ballot_that_was_taken_back(story: Story, open_vote: OpenVote, ballot: Ballot) -> None:
    """The voter has changed her mind: the older ballot counts neither before nor after the newer one."""
    older = ballot("users", open_vote, "for")
    void(story, "users", open_vote)
    newer = ballot("users", open_vote, "against")
    with pytest.raises(Refused, match="InvalidAccountNonce"):
        bring(story, *older)
    bring(story, *newer)
    with pytest.raises(Refused, match="InvalidAccountNonce"):
        bring(story, *older)

    assert counted(story, open_vote) == (1, 0, 0)


def test_a_relayer_overtakes_the_voter(story: Story, open_vote: OpenVote, ballot: Ballot) -> None:
    """Whoever holds a ballot can be faster than its recall: it counts once, as signed, and nothing else does."""
    words, signature = ballot("users", open_vote, "for")
    governor, users, stranger = story.ledger.governor.functions, story.accounts["users"], story.accounts["stranger"]
    fields = tuple(getattr(words, name) for name in words.__slots__)
    brought, voided, voted = one_block(
        story.ledger.node,
        (stranger, governor.castVoteBySpecBallot(fields, signature)),
        (users, governor.voidBallots(open_vote[1].id)),
        (users, governor.castVote(open_vote[1].id, governance.CHOICES["against"])),
    )

    assert (brought.refused, voided.refused) == (None, None)
    assert voted.refused is not None and voted.refused.name == "GovernorAlreadyCastVote"
    assert counted(story, open_vote) == (0, 1, 0)


def test_the_relayers_standing_does_not_matter(story: Story, amend: Amend, ballot: Ballot) -> None:
    """Who was voted out cannot vote through a member's hands; and may carry a member's ballot (bnb-chain#667)."""
    story.pass_and_execute(story.propose_member("stranger", USERS, 5))
    story.pass_and_execute(story.propose_member("stranger", USERS, 0))
    vote = amend("1.1.0")
    story.open_votes()
    with pytest.raises(Refused, match="NotAStakeholder"):
        bring(story, *ballot("stranger", vote), by="operator")
    bring(story, *ballot("users", vote), by="stranger")
    with pytest.raises(Refused, match="NotAStakeholder"):
        governance.vote(story.ledger, story.accounts["stranger"], vote[1], "for", "stranger")

    voted = story.ledger.governor.functions.hasVoted
    assert story.ledger.node.read(voted(vote[1].id, story.accounts["users"].address))
    assert not story.ledger.node.read(voted(vote[1].id, story.accounts["operator"].address))
    assert counted(story, vote) == (0, 1, 0)
