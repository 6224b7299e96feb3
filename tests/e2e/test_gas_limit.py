"""A transaction may cost more when it is mined than when the node was asked what it costs."""

from __future__ import annotations

from rlhf_contract.chain import governance
from rlhf_contract.chain.node import gas_limit
from rlhf_contract.types import TRANSACTION_GAS
from story import Story

USERS = 2  # their class


def test_a_second_between_two_changes(story: Story) -> None:
    """A class is changed twice; the estimate is made in the first change's second, the block a minute later.

    In one second the second change overwrites the class's number of shares, later it adds another.
    """
    node, relayer = story.ledger.node, story.accounts["relayer"]
    came, left = story.propose_member("stranger", USERS, 1), story.propose_member("users", USERS, 0)
    story.pass_and_queue(came, left)
    governance.execute(story.ledger, relayer, came, "execute")
    estimate = story.ledger.governor.functions.execute(*left.arguments).estimate_gas({"from": relayer.address})
    node.web3.provider.make_request("evm_increaseTime", [60])  # type: ignore[arg-type]
    sent = governance.execute(story.ledger, relayer, left, "execute")

    assert governance.state(story.ledger, left) is governance.ProposalState.EXECUTED
    assert estimate < sent.gas <= gas_limit(estimate)


def test_not_more_than_one_transaction_has() -> None:
    """Half more, up to what a chain lets one transaction have; an estimate beyond it is the node's to refuse."""
    assert gas_limit(100_000) == 150_000
    assert gas_limit(TRANSACTION_GAS - 5) == TRANSACTION_GAS
    assert gas_limit(TRANSACTION_GAS + 5) == TRANSACTION_GAS + 5
