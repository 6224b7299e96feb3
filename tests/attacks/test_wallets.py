"""Attacks through contract wallets (ERC-1271), and the one on them: refusing whatever is longer than 65 bytes.

Each is performed on a real chain and fails; then the wallet's honest vote counts.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import Deploy
from mempool import one_block
from voting import USERS, Amend, Ballot, OpenVote, bring, counted
from web3.contract import Contract

from rlhf_contract.chain import governance
from rlhf_contract.chain.typed_data import SpecBallot, ballot_message, sign
from rlhf_contract.errors import Refused
from story import Story

SHARES = 7


def admitted(story: Story, wallet: Contract) -> Contract:
    """A wallet that a vote has made a member of the users' class."""
    story.pass_and_execute(story.propose_member(wallet.address, USERS, SHARES))
    return wallet


def of_wallet(story: Story, words: SpecBallot, wallet: Contract) -> SpecBallot:
    """The same ballot, but the wallet's own."""
    nonces = story.ledger.governor.functions.nonces
    return replace(
        words, voter=wallet.address, nonce=story.ledger.node.read(nonces(wallet.address, words.proposalId % 2**192))
    )


def opened(story: Story, amend: Amend) -> OpenVote:
    vote = amend("1.1.0")
    story.open_votes()
    return vote


def test_a_signature_longer_than_65_bytes(story: Story, amend: Amend, ballot: Ballot, deploy: Deploy) -> None:
    """130 bytes of two owners count (EAS#170); one owner, the wrong order, or one byte more do not."""
    owners = [story.accounts[name] for name in ("oracle 1", "oracle 2")]
    wallet = admitted(story, deploy("TwoKeyWallet", *(o.address for o in owners)))
    vote = opened(story, amend)
    words = of_wallet(story, ballot("users", vote)[0], wallet)
    message = ballot_message(words, story.ledger.node.chain_id, story.ledger.governor.address)
    first, second = (sign(owner, message) for owner in owners)
    for wrong in (first, second + first, first + first, first + second + b"\0"):
        with pytest.raises(Refused, match="GovernorInvalidSignature"):
            bring(story, words, wrong)
    bring(story, words, first + second)

    assert counted(story, vote) == (0, SHARES, 0)


def test_reentrancy_through_the_signature_check(story: Story, amend: Amend, ballot: Ballot, deploy: Deploy) -> None:
    """Asked for its signature, a wallet votes once more: the chain forbids it, and its shares count once."""
    governor = story.ledger.governor
    wallet = admitted(story, deploy("ReentrantWallet", governor.address))
    vote = opened(story, amend)
    again = governor.functions.castVote(vote[1].id, governance.CHOICES["against"])
    data = bytes.fromhex(again._encode_transaction_data()[2:])
    words = of_wallet(story, ballot("users", vote)[0], wallet)
    stranger, node = story.accounts["stranger"], story.ledger.node

    node.transact(stranger, wallet.functions.prepare(data, True), "a wallet that says yes only if it has voted twice")
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        bring(story, words, b"")
    assert counted(story, vote) == (0, 0, 0)

    node.transact(stranger, wallet.functions.prepare(data, False), "a wallet that says yes anyway")
    bring(story, words, b"")
    assert counted(story, vote) == (0, SHARES, 0)
    with pytest.raises(Refused, match="GovernorAlreadyCastVote"):
        node.transact(stranger, wallet.functions.act(), "the same call at an honest time")


def test_the_call_that_reentrancy_made_is_a_vote(story: Story, amend: Amend, deploy: Deploy) -> None:
    """At an honest time the wallet's call counts: what stopped it above is the static call alone."""
    governor = story.ledger.governor
    wallet = admitted(story, deploy("ReentrantWallet", governor.address))
    vote = opened(story, amend)
    call = governor.functions.castVote(vote[1].id, governance.CHOICES["against"])
    stranger, node = story.accounts["stranger"], story.ledger.node
    data = bytes.fromhex(call._encode_transaction_data()[2:])
    node.transact(stranger, wallet.functions.prepare(data, False), "prepare")
    node.transact(stranger, wallet.functions.act(), "vote")

    assert counted(story, vote) == (SHARES, 0, 0)


def test_a_wallet_that_never_answers(story: Story, amend: Amend, ballot: Ballot, deploy: Deploy) -> None:
    """It costs its relayer the gas that he has given, and nobody a vote: the others' ballots come through."""
    wallet = admitted(story, deploy("EndlessWallet"))
    vote = opened(story, amend)
    words, signature = ballot("users", vote)
    fields = tuple(getattr(of_wallet(story, words, wallet), name) for name in words.__slots__)
    endless = story.ledger.governor.functions.castVoteBySpecBallot(fields, b"")
    (mined,) = one_block(story.ledger.node, (story.accounts["stranger"], endless), gas=250_000)
    assert mined.refused is not None and mined.refused.name == "GovernorInvalidSignature"
    assert 225_000 < mined.gas <= 250_000
    bring(story, words, signature)

    assert counted(story, vote) == (0, 1, 0)
