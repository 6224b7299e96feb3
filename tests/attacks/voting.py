"""Ballots on their way to the chain, and what has been counted there."""

from __future__ import annotations

from collections.abc import Callable

from rlhf_contract.chain import governance
from rlhf_contract.chain.governance import Adoption, Proposal
from rlhf_contract.chain.typed_data import SpecBallot
from story import Story

OpenVote = tuple[Adoption, Proposal]
Amend = Callable[[str], OpenVote]
Ballot = Callable[..., tuple[SpecBallot, bytes]]

OPERATOR, SAFETY_BOARD, USERS = range(3)  # their classes


def bring(story: Story, ballot: SpecBallot, signature: bytes, by: str = "stranger") -> None:
    """A relayer, who need not be a stakeholder, takes a ballot to the governor."""
    governance.relay_ballot(story.ledger, story.accounts[by], ballot, signature, "somebody")


def counted(story: Story, vote: OpenVote, class_id: int = USERS) -> tuple[int, int, int]:
    """Shares of a class against, for and abstaining."""
    against, favour, abstain = story.ledger.node.read(story.ledger.governor.functions.tally(vote[1].id, class_id))
    return against, favour, abstain
