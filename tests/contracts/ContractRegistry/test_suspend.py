"""Suspension: a class with VETO stops a contract at once, for a week, and not again for a month."""

import pytest
from brownie import chain
from ledger import ZERO, reverts_with, wait

OPERATOR, SAFETY_BOARD = 0, 1
DAY = 86_400
MOTION, SUSPENSION, COOLDOWN = DAY, 7 * DAY, 30 * DAY


@pytest.fixture
def suspend(ledger):
    """Backs a suspension, by default as a member of the safety board."""
    return lambda member, class_id=SAFETY_BOARD: ledger.registry.suspend(ledger.contract_id, class_id, {"from": member})


def until(ledger):
    return ledger.registry.suspendedUntil(ledger.contract_id)


def test_more_than_half_of_a_veto_class_suspends(ledger, suspend, actors):
    """Ann has two of three shares: one transaction, seven days, and then it is over by itself."""
    tx = suspend(actors.ann)

    event = tx.events["Suspended"]
    assert (event["classId"], event["until"]) == (SAFETY_BOARD, tx.timestamp + SUSPENSION)
    assert until(ledger) == tx.timestamp + SUSPENSION
    assert ledger.registry.attestable(ledger.contract_id)[2] == tx.timestamp + SUSPENSION
    wait(SUSPENSION)
    assert until(ledger) == 0
    assert ledger.registry.attestable(ledger.contract_id)[2] == 0


def test_a_minority_does_not(ledger, suspend, actors):
    """Ben has one share of three; with Ann's it is enough."""
    event = suspend(actors.ben).events["SuspensionBacked"]
    assert (event["member"], event["shares"], event["totalShares"]) == (actors.ben, 1, 3)
    assert until(ledger) == 0

    assert suspend(actors.ann).events["SuspensionBacked"]["shares"] == 3
    assert until(ledger) > 0


def test_exactly_half_is_not_more_than_half(ledger, suspend, timelock, actors):
    """Two members with a share each must agree."""
    ledger.votes.setMember(actors.ann, SAFETY_BOARD, 1, {"from": timelock})
    wait(1)
    suspend(actors.ben)
    assert until(ledger) == 0


def test_nobody_counts_twice(ledger, suspend, actors):
    """Backing again is refused, and names the motion."""
    opened = suspend(actors.ben).timestamp
    with reverts_with("AlreadyBacked", actors.ben, opened):
        suspend(actors.ben)


def test_shares_that_move_count_once(ledger, suspend, timelock, actors):
    """What Ben has given to a newcomer after his motion began was counted where it was then."""
    suspend(actors.ben)
    ledger.votes.setMember(actors.newcomer, SAFETY_BOARD, 5, {"from": timelock})
    wait(10)
    with reverts_with("NotInClass", actors.newcomer, SAFETY_BOARD):
        suspend(actors.newcomer)


def test_a_motion_lapses(ledger, suspend, actors):
    """After a day, what was gathered is worth nothing; a new motion can be opened."""
    suspend(actors.ben)
    wait(MOTION + 1)
    assert suspend(actors.ben).events["SuspensionBacked"]["shares"] == 1
    assert until(ledger) == 0


def test_who_may_not_suspend(ledger, suspend, actors):
    """A stranger, a member under another class's name, a class without VETO."""
    with reverts_with("NotInClass", actors.stranger, SAFETY_BOARD):
        suspend(actors.stranger)
    with reverts_with("NotInClass", actors.operator, SAFETY_BOARD):
        suspend(actors.operator)
    with reverts_with("ClassWithoutVeto", OPERATOR):
        suspend(actors.operator, OPERATOR)
    with reverts_with("ContractUnknown", b"\x01" * 32):
        ledger.registry.suspend(b"\x01" * 32, SAFETY_BOARD, {"from": actors.ann})


def test_not_for_ever(ledger, suspend, actors):
    """The class must wait 30 days from its last suspension, whoever of it asks; then it may again."""
    rested = suspend(actors.ann).timestamp + COOLDOWN
    for member in (actors.ann, actors.ben):
        with reverts_with("ClassMustWait", SAFETY_BOARD, rested):
            suspend(member)
    wait(rested - chain.time() + 1)
    suspend(actors.ann)
    assert until(ledger) > 0


def test_only_a_vote_resumes(ledger, suspend, actors):
    """Not even those who have suspended."""
    suspend(actors.ann)
    with reverts_with("NotTimelock", ledger.contract_id, ledger.timelock.address, actors.ann):
        ledger.registry.resume(ledger.contract_id, {"from": actors.ann})
    event = ledger.enact((ledger.registry, ledger.registry.resume.encode_input(ledger.contract_id))).events["Resumed"]

    assert bytes(event["contractId"]) == ledger.contract_id
    assert until(ledger) == 0


def test_after_a_vote_has_resumed(ledger, suspend, timelock, actors):
    """The class still waits, unless the vote allows it another suspension."""
    suspend(actors.ann)
    ledger.registry.resume(ledger.contract_id, {"from": timelock})
    with reverts_with("ClassMustWait"):
        suspend(actors.ann)
    with reverts_with("NotTimelock"):
        ledger.registry.allowSuspension(ledger.contract_id, SAFETY_BOARD, {"from": actors.ann})
    tx = ledger.registry.allowSuspension(ledger.contract_id, SAFETY_BOARD, {"from": timelock})
    assert tx.events["SuspensionAllowed"]["classId"] == SAFETY_BOARD
    suspend(actors.ann)
    assert until(ledger) > 0


def test_nothing_to_resume(ledger, suspend, timelock, actors):
    """Neither before a suspension nor when it has ended by itself."""
    with reverts_with("NotSuspended", ledger.contract_id):
        ledger.registry.resume(ledger.contract_id, {"from": timelock})
    suspend(actors.ann)
    wait(SUSPENSION)
    with reverts_with("NotSuspended", ledger.contract_id):
        ledger.registry.resume(ledger.contract_id, {"from": timelock})


def test_two_classes_prolong(ledger, suspend, timelock, actors):
    """Another class with VETO suspends for a week of its own."""
    classes = [("operator", 400_000, True), ("safety_board", 400_000, True), ("users", 200_000, False)]
    ledger.votes.setClasses(classes, {"from": timelock})
    wait(1)
    suspend(actors.ann)
    wait(DAY)
    second = suspend(actors.operator, OPERATOR)
    assert until(ledger) == second.timestamp + SUSPENSION


@pytest.mark.parametrize("ending", ["resume", "expiry", "next version"])
def test_versions_while_suspended(ledger, suspend, timelock, actors, ending):
    """A vote can still adopt one; it is in force, and attestable when the suspension is over, whichever way it ends."""
    registry, id_, sender = ledger.registry, ledger.contract_id, {"from": timelock}
    one, two = ledger.version("1.0.0"), ledger.version("2.0.0", ledger.version("1.0.0")[0])
    registry.activate(id_, one, sender)
    suspend(actors.ann)
    assert bytes(registry.attestable(id_)[0]) == one[0]
    registry.activate(id_, two, sender)
    assert bytes(registry.active(id_)) == two[0]
    assert registry.attestable(id_)[2] == until(ledger) > 0
    if ending == "resume":
        registry.resume(id_, sender)
    else:
        wait(SUSPENSION)
    if ending == "next version":
        two = ledger.version("3.0.0", two[0])
        registry.activate(id_, two, sender)

    assert bytes(registry.attestable(id_)[0]) == two[0]
    assert registry.attestable(id_)[2] == 0


def test_before_the_first_version(ledger, suspend, timelock, actors):
    """There is nothing to stop yet, and nothing breaks."""
    suspend(actors.ann)
    ledger.registry.resume(ledger.contract_id, {"from": timelock})
    assert bytes(ledger.registry.attestable(ledger.contract_id)[0]) == ZERO


def test_programs_by_text(ledger, timelock):
    """programOf answers for adopted texts, and zero for others."""
    version = ledger.version()
    assert bytes(ledger.registry.programOf(ledger.contract_id, version[0])) == ZERO
    ledger.registry.activate(ledger.contract_id, version, {"from": timelock})
    assert bytes(ledger.registry.programOf(ledger.contract_id, version[0])) == version[1]


def test_gas(suspend, actors):
    """Stopping a contract is cheap."""
    assert suspend(actors.ann).gas_used <= 150_000
