"""Members and their shares, now and at any time past."""

from brownie import ZERO_ADDRESS, chain
from ledger import ZERO, reverts_with, wait


def test_members_of_the_first_hour(ledger, actors):
    """The constructor's classes and members are what the views answer."""
    v, now = ledger.votes, chain[-1].timestamp
    assert v.membershipAt(actors.operator, now) == (True, 0, 1)
    assert v.membershipAt(actors.ann, now) == (True, 1, 2)
    assert v.membershipAt(actors.uma, now) == (True, 2, 3)
    assert v.membershipAt(actors.stranger, now) == (False, 0, 0)
    assert v.classAt(1, now) == (400_000, True, 3)


def test_votes_are_the_part_of_the_class_weight_rounded_down(ledger, actors):
    """Two of three shares in a class of 400,000 millionths are 266,666."""
    v = ledger.votes
    wait(10)
    past = chain[-1].timestamp - 1
    expected = {actors.operator: 400_000, actors.ann: 266_666, actors.ben: 133_333, actors.uma: 150_000}

    assert {a: v.getVotes(a) for a in expected} == expected
    assert {a: v.getPastVotes(a, past) for a in expected} == expected
    assert v.getVotes(actors.stranger) == 0
    assert v.getPastTotalSupply(past) == 1_000_000


def test_nothing_had_weight_before_the_contract_was_there(ledger, actors):
    """Long ago there were neither members nor classes."""
    assert ledger.votes.getPastVotes(actors.operator, 1) == 0
    assert ledger.votes.getPastTotalSupply(1) == 0
    assert ledger.votes.classCountAt(1) == 0


def test_moving_between_classes_leaves_the_old_one(ledger, timelock, actors):
    """An account is in one class at a time, and both totals follow."""
    v = ledger.votes
    tx = v.setMember(actors.ben, 2, 5, {"from": timelock})
    after = tx.timestamp

    assert tx.events["MemberSet"] == {"account": actors.ben, "classId": 2, "shares": 5}
    assert v.membershipAt(actors.ben, after) == (True, 2, 5)
    assert v.classAt(1, after)[2] == 2
    assert v.classAt(2, after)[2] == 9
    assert v.membershipAt(actors.ben, after - 1) == (True, 1, 1)
    assert v.classAt(1, after - 1)[2] == 3


def test_shares_change_within_a_class(ledger, timelock, actors):
    """The total is corrected by the difference, not by the sum."""
    v = ledger.votes
    v.setMember(actors.ann, 1, 7, {"from": timelock})

    assert v.classAt(1, chain[-1].timestamp)[2] == 8


def test_no_shares_no_member(ledger, timelock, actors):
    """Setting zero shares removes the account and what it held."""
    v = ledger.votes
    v.setMember(actors.uma, 2, 0, {"from": timelock})

    assert v.membershipAt(actors.uma, chain[-1].timestamp) == (False, 0, 0)
    assert v.classAt(2, chain[-1].timestamp)[2] == 1
    assert v.getVotes(actors.udo) == 200_000


def test_only_the_timelock_changes_members(ledger, actors):
    """Nobody raises his own shares."""
    with reverts_with("OnlyTimelock", ledger.timelock.address, actors.operator):
        ledger.votes.setMember(actors.operator, 0, 100, {"from": actors.operator})


def test_impossible_members_are_refused(ledger, timelock, actors):
    """No account, no such class, or more shares than 64 bits hold."""
    with reverts_with("AccountIsZero"):
        ledger.votes.setMember(ZERO_ADDRESS, 0, 1, {"from": timelock})
    with reverts_with("ClassUnknown", 3, 3):
        ledger.votes.setMember(actors.newcomer, 3, 1, {"from": timelock})
    with reverts_with("SafeCastOverflowedUintDowncast", 64, 2**64):
        ledger.votes.setMember(actors.newcomer, 0, 2**64 - 1, {"from": timelock})


def test_votes_cannot_be_given_away(ledger, actors):
    """Everyone is his own delegate; the standard's delegation reverts by name."""
    assert ledger.votes.delegates(actors.ann) == actors.ann
    with reverts_with("NonTransferable"):
        ledger.votes.delegate(actors.ben, {"from": actors.ann})
    with reverts_with("NonTransferable"):
        ledger.votes.delegateBySig(actors.ben, 0, 0, 0, ZERO, ZERO, {"from": actors.ann})


def test_the_clock_is_time(ledger):
    """ERC-6372, as the governor relies on it."""
    assert ledger.votes.CLOCK_MODE() == "mode=timestamp"
    assert ledger.votes.clock() >= chain[-1].timestamp
    assert ledger.governor.CLOCK_MODE() == "mode=timestamp"


def test_the_future_is_refused(ledger, actors):
    """What can still change has no past votes."""
    for ask in (
        lambda t: ledger.votes.getPastVotes(actors.ann, t),
        lambda t: ledger.votes.getPastTotalSupply(t),
    ):
        with reverts_with("ERC5805FutureLookup"):
            ask(chain.time() + 1_000)
