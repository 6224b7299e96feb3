"""Attacks on who weighs how much: voting twice by moving, and weight that exists for one block only.

Each is performed on a real chain and fails; then the honest way works.
"""

from __future__ import annotations

import pytest
from mempool import one_block
from voting import OPERATOR, SAFETY_BOARD, USERS, Amend, Ballot, bring, counted

from rlhf_contract.chain import governance, local
from rlhf_contract.errors import Refused
from rlhf_contract.types import Seconds
from story import Story


def execute(story: Story, *proposals: governance.Proposal) -> None:
    for proposal in proposals:
        governance.execute(story.ledger, story.accounts["relayer"], proposal, "execute")


def test_a_member_moved_between_classes_votes_twice(story: Story, amend: Amend, ballot: Ballot) -> None:
    """Moved in the middle of a vote, after voting: no second time, neither by transaction nor by ballot."""
    move = story.propose_member("users", OPERATOR, 5)
    story.pass_and_queue(move)
    vote = amend("1.1.0")
    story.open_votes()
    governance.vote(story.ledger, story.accounts["users"], vote[1], "for", "users")
    execute(story, move)
    with pytest.raises(Refused, match="GovernorAlreadyCastVote"):
        governance.vote(story.ledger, story.accounts["users"], vote[1], "for", "users")
    with pytest.raises(Refused, match="GovernorAlreadyCastVote"):
        bring(story, *ballot("users", vote))
    assert (counted(story, vote, OPERATOR), counted(story, vote, USERS)) == ((0, 0, 0), (0, 1, 0))

    later = amend("1.2.0")
    story.open_votes()
    governance.vote(story.ledger, story.accounts["users"], later[1], "for", "users")
    assert (counted(story, later, OPERATOR), counted(story, later, USERS)) == ((0, 5, 0), (0, 0, 0))


def test_a_member_moved_before_voting_tips_another_class(story: Story, amend: Amend) -> None:
    """The vote counts in the class of the snapshot, with the shares of the snapshot."""
    move = story.propose_member("users", OPERATOR, 5)
    story.pass_and_queue(move)
    vote = amend("1.1.0")
    story.open_votes()
    execute(story, move)
    governance.vote(story.ledger, story.accounts["users"], vote[1], "against", "users")
    governance.vote(story.ledger, story.accounts["operator"], vote[1], "for", "operator")

    assert (counted(story, vote, OPERATOR), counted(story, vote, USERS)) == ((0, 1, 0), (1, 0, 0))


def test_a_member_votes_again_under_a_new_key(story: Story, amend: Amend) -> None:
    """A key is replaced in the middle of a vote: the new one waits for the next proposal."""
    fresh, gone = story.propose_member("stranger", USERS, 1), story.propose_member("users", USERS, 0)
    story.pass_and_queue(fresh, gone)
    vote = amend("1.1.0")
    story.open_votes()
    governance.vote(story.ledger, story.accounts["users"], vote[1], "for", "users")
    execute(story, fresh, gone)
    with pytest.raises(Refused, match="NotAStakeholder"):
        governance.vote(story.ledger, story.accounts["stranger"], vote[1], "for", "stranger")
    assert counted(story, vote) == (0, 1, 0)

    later = amend("1.2.0")
    story.open_votes()
    governance.vote(story.ledger, story.accounts["stranger"], later[1], "for", "stranger")
    assert counted(story, later) == (0, 1, 0)


def test_weight_for_one_block(story: Story, amend: Amend) -> None:
    """Raised, used and lowered in one block: it can neither vote, nor propose, nor suspend."""
    ledger, stranger, relayer = story.ledger, story.accounts["stranger"], story.accounts["relayer"]
    raised, lowered = (
        story.propose_member("stranger", SAFETY_BOARD, 1_000),
        story.propose_member("stranger", SAFETY_BOARD, 0),
    )
    story.pass_and_queue(raised, lowered)
    vote = amend("1.1.0")
    story.open_votes()
    governor, suspend = ledger.governor.functions, ledger.registry.functions.suspend(ledger.contract_id, SAFETY_BOARD)
    up, voted, proposed, suspended, down = one_block(
        ledger.node,
        (relayer, governor.execute(*raised.arguments)),
        (stranger, governor.castVote(vote[1].id, governance.CHOICES["against"])),
        (stranger, governor.propose([ledger.votes.address], [0], [b""], "mine")),
        (stranger, suspend),
        (relayer, governor.execute(*lowered.arguments)),
    )

    assert (up.refused, down.refused) == (None, None)
    names = [m.refused.name if m.refused else None for m in (voted, proposed, suspended)]
    assert names == ["NotAStakeholder", "GovernorInsufficientProposerVotes", "NotInClass"]
    assert counted(story, vote, SAFETY_BOARD) == (0, 0, 0)
    assert ledger.node.read(ledger.registry.functions.suspendedUntil(ledger.contract_id)) == 0


def test_weight_that_stays_counts_from_the_next_second(story: Story, amend: Amend) -> None:
    """What the block above could not do, a member of a second ago can: the attack failed for its haste alone."""
    ledger, stranger = story.ledger, story.accounts["stranger"]
    story.pass_and_execute(story.propose_member("stranger", SAFETY_BOARD, 1_000))
    local.advance(ledger.node, Seconds(2))
    vote = amend("1.1.0")
    story.open_votes()
    governance.vote(ledger, stranger, vote[1], "against", "stranger")
    ledger.node.transact(
        stranger, ledger.governor.functions.propose([ledger.votes.address], [0], [b""], "mine"), "propose"
    )
    suspend = ledger.registry.functions.suspend(ledger.contract_id, SAFETY_BOARD)
    ledger.node.transact(stranger, suspend, "suspend")

    assert counted(story, vote, SAFETY_BOARD) == (1_000, 0, 0)
    assert ledger.node.read(ledger.registry.functions.suspendedUntil(ledger.contract_id)) > ledger.node.now()


def test_votes_are_lent_for_a_moment(story: Story, amend: Amend) -> None:
    """Nothing can be delegated or transferred, so there is nothing to borrow."""
    ledger, users, stranger = story.ledger, story.accounts["users"], story.accounts["stranger"]
    with pytest.raises(Refused, match="NonTransferable"):
        ledger.node.transact(users, ledger.votes.functions.delegate(stranger.address), "delegate")
    vote = amend("1.1.0")
    story.open_votes()
    with pytest.raises(Refused, match="NotAStakeholder"):
        governance.vote(ledger, stranger, vote[1], "for", "stranger")
    governance.vote(ledger, users, vote[1], "for", "users")
    assert counted(story, vote) == (0, 1, 0)
