"""Audit events: checkpoints, model cards, erasures, incidents, from one oracle in force or from a vote."""

import pytest
from eth_utils import keccak
from ledger import reverts_with

CHECKPOINT, MODEL_CARD, ERASURE, INCIDENT = range(4)
SUBJECT, HASH = keccak(text="run"), keccak(text="weights")


@pytest.fixture
def panel(ledger, timelock, actors):
    """Uma and Udo are the oracles in force; gives the set."""
    signers = sorted((a.address for a in (actors.uma, actors.udo)), key=lambda a: int(a, 16))
    tx = ledger.registry.setOracles(ledger.contract_id, signers, 2, 1, {"from": timelock})
    return tuple(tx.events["OraclesSet"]["set"])


@pytest.fixture
def record(ledger):
    """Records an audit event."""
    return lambda kind, set_, by: ledger.log.record(ledger.contract_id, kind, SUBJECT, HASH, set_, {"from": by})


@pytest.mark.parametrize("kind", [CHECKPOINT, MODEL_CARD, ERASURE, INCIDENT])
def test_an_oracle_records(record, panel, actors, kind):
    """One is enough; the event says who."""
    event = record(kind, panel, actors.udo).events["Recorded"]

    assert (event["kind"], bytes(event["subject"]), bytes(event["hash"])) == (kind, SUBJECT, HASH)
    assert event["by"] == actors.udo


def test_a_vote_records(record, timelock):
    """Whatever set it shows."""
    assert record(INCIDENT, (0, [], 0, 0), timelock).events["Recorded"]["by"] == timelock


def test_others_do_not(ledger, record, panel, actors):
    """A stranger with the right set, and one with a set of his own making."""
    for set_ in (panel, (panel[0], [actors.stranger.address], 1, 0)):
        with reverts_with("NotTimelock", ledger.contract_id, ledger.timelock.address, actors.stranger):
            record(INCIDENT, set_, actors.stranger)


def test_former_oracles_do_not(ledger, record, panel, timelock, actors, oracles):
    """A rotation ends this right too."""
    ledger.registry.setOracles(ledger.contract_id, [oracles[0].address], 1, 0, {"from": timelock})
    with reverts_with("NotTimelock"):
        record(CHECKPOINT, panel, actors.uma)


def test_no_such_kind(record, panel, actors):
    """Four kinds, and no fifth."""
    with pytest.raises(Exception, match="revert"):
        record(4, panel, actors.uma)


def test_gas(record, panel, actors):
    """An event and nothing else."""
    assert record(CHECKPOINT, panel, actors.uma).gas_used <= 50_000
