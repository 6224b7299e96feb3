"""What becomes of an epoch: pending, final, no longer fresh, or stopped by a suspension. Revocation: RewardCourt/."""

import pytest
from ledger import reverts_with, wait

UNKNOWN, PENDING, FINAL, REVOKED = range(4)
HOUR, DAY = 3_600, 86_400
SAFETY_BOARD = 1


@pytest.fixture
def epoch(ledger):
    """status and isValid of an epoch."""
    log, id_ = ledger.log, ledger.contract_id
    return lambda number=1, max_age=30 * DAY: (log.status(id_, number), log.isValid(id_, number, max_age))


def test_pending_then_final(attest, batch, epoch):
    """A day in which the court hears challenges; only then may the epoch be relied on."""
    assert epoch() == (UNKNOWN, False)
    attest(batch())
    assert epoch() == (PENDING, False)
    wait(DAY - 10)
    assert epoch() == (PENDING, False)
    wait(11)
    assert epoch() == (FINAL, True)


def test_too_old(attest, batch, epoch):
    """Who asks for a fresh epoch does not get an old one."""
    attest(batch())
    wait(2 * DAY)
    assert epoch(max_age=2 * DAY + 60) == (FINAL, True)
    assert epoch(max_age=2 * DAY - 60) == (FINAL, False)


def test_suspension_stops_everything(ledger, attest, batch, epoch, actors):
    """Nothing new is attested, nothing old is valid, until it has passed; the next epoch then continues the last."""
    attest(batch(1))
    wait(DAY + 1)
    until = ledger.registry.suspend(ledger.contract_id, SAFETY_BOARD, {"from": actors.ann}).events["Suspended"]["until"]
    assert epoch() == (FINAL, False)
    with reverts_with("ContractSuspended", until):
        attest(batch(2))
    wait(7 * DAY)
    assert epoch() == (FINAL, True)
    attest(batch(2))


def test_a_vote_sets_the_window(ledger, attest, batch, epoch):
    """By the timelock, and for epochs from then on."""
    call = ledger.log.setWindow.encode_input(ledger.contract_id, 2 * HOUR)
    assert ledger.enact((ledger.log, call)).events["WindowSet"]["duration"] == 2 * HOUR
    attest(batch())
    wait(2 * HOUR + 1)
    assert epoch() == (FINAL, True)


def test_what_is_final_stays_final(ledger, timelock, attest, batch, epoch):
    """A window set later neither opens an old epoch again nor cuts its challenge short."""
    sender = {"from": timelock}
    ledger.log.setWindow(ledger.contract_id, HOUR, sender)
    attest(batch(1))
    wait(HOUR + 1)
    ledger.log.setWindow(ledger.contract_id, 7 * DAY, sender)
    wait(1)
    attest(batch(2))
    wait(1)
    ledger.log.setWindow(ledger.contract_id, HOUR, sender)
    wait(HOUR + 1)

    assert epoch(1) == (FINAL, True)
    assert epoch(2) == (PENDING, False)


@pytest.mark.parametrize("duration", [0, HOUR - 1, 7 * DAY + 1])
def test_windows_are_bounded(ledger, timelock, duration):
    """From an hour to seven days."""
    with reverts_with("WindowOutOfRange", HOUR, 7 * DAY, duration):
        ledger.log.setWindow(ledger.contract_id, duration, {"from": timelock})


def test_only_the_timelock_sets_the_window(ledger, actors):
    """Nobody shortens the time in which he can be caught."""
    with reverts_with("NotTimelock", ledger.contract_id, ledger.timelock.address, actors.stranger):
        ledger.log.setWindow(ledger.contract_id, HOUR, {"from": actors.stranger})


def test_only_the_court_revokes(ledger, timelock, attest, batch):
    """Not even a vote undoes an epoch without proof."""
    attest(batch())
    with reverts_with("NotCourt", ledger.court.address, timelock):
        ledger.log.revoke(ledger.contract_id, 1, bytes(32), {"from": timelock})
