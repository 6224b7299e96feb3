"""Versions: who puts them in force, in what order, and what history says later."""

from brownie import chain
from ledger import FOR, SUCCEEDED, ZERO, reverts_with, wait


def test_a_vote_puts_a_version_in_force(ledger):
    """The whole way: proposal, votes, timelock, activation, and the event that tells of it."""
    version = ledger.version("1.0.0")
    tx = ledger.enact(ledger.activation("1.0.0"))

    event = tx.events["Activated"]
    assert bytes(event["contractId"]) == ledger.contract_id
    assert bytes(event["specHash"]) == version[0]
    assert event["index"] == 0
    assert bytes(ledger.registry.active(ledger.contract_id)) == version[0]
    assert bytes(ledger.registry.attestable(ledger.contract_id)[0]) == version[0]
    assert ledger.registry.versionAt(ledger.contract_id, 0)[5:] == version[5:]


def test_only_the_timelock_activates(ledger, timelock, actors):
    """Not the deployer, not a stakeholder, not the governor's address itself."""
    for caller in (actors.deployer, actors.operator):
        with reverts_with("NotTimelock", ledger.contract_id, ledger.timelock.address, caller):
            ledger.registry.activate(ledger.contract_id, ledger.version(), {"from": caller})


def test_history_answers_for_any_time(ledger, timelock):
    """activeAt tells what was in force then; a version begins at the timestamp of its block."""
    registry, id_ = ledger.registry, ledger.contract_id
    before = chain.time() - 1
    hashes, times = [ZERO], []
    for text in ("1.0.0", "1.1.0", "2.0.0"):
        version = ledger.version(text, hashes[-1])
        times.append(registry.activate(id_, version, {"from": timelock}).timestamp)
        hashes.append(version[0])
        wait(100)

    assert bytes(registry.activeAt(id_, before)) == ZERO
    assert [bytes(registry.activeAt(id_, t)) for t in times] == hashes[1:]
    assert [bytes(registry.activeAt(id_, t - 1)) for t in times] == hashes[:-1]
    assert bytes(registry.activeAt(id_, 2**48 - 1)) == hashes[-1]
    assert registry.versionCount(id_) == 3
    assert [bytes(registry.versionAt(id_, i)[0]) for i in range(3)] == hashes[1:]


def test_two_amendments_of_one_parent_cannot_both_apply(ledger):
    """Both pass, the first is executed, the second finds another parent in force and reverts."""
    a = ledger.actors
    ledger.enact(ledger.activation("1.0.0"))
    parent = ledger.version("1.0.0")[0]
    rivals = [ledger.propose(ledger.activation(text, parent)) for text in ("1.1.0", "1.1.0-rival")]
    wait(101)
    for rival in rivals:
        ledger.vote(rival, FOR, a.operator, a.ann, a.uma)
    for rival in rivals:
        assert ledger.close(rival) == SUCCEEDED
        ledger.queue(rival)

    ledger.execute(rivals[0])
    with reverts_with("ParentNotActive", ledger.version("1.1.0")[0], parent):
        ledger.execute(rivals[1])


def test_the_first_version_has_no_parent(ledger, timelock):
    """A parent that never was is refused."""
    parent = ledger.version("0.9.0")[0]
    with reverts_with("ParentNotActive", ZERO, parent):
        ledger.registry.activate(ledger.contract_id, ledger.version("1.0.0", parent), {"from": timelock})


def test_a_text_is_adopted_once(ledger, timelock):
    """Going back takes a new VERSION: otherwise an old amendment of that text would come alive again."""
    registry, id_ = ledger.registry, ledger.contract_id
    one, two = ledger.version("1.0.0"), ledger.version("2.0.0", ledger.version("1.0.0")[0])
    registry.activate(id_, one, {"from": timelock})
    registry.activate(id_, two, {"from": timelock})
    with reverts_with("SpecAlreadyAdopted", one[0], 0):
        registry.activate(id_, ledger.version("1.0.0", two[0]), {"from": timelock})


def test_hashes_are_not_zero(ledger, timelock):
    """A version without text or without program is none."""
    for empty in ("specHash", "programHash"):
        with reverts_with("HashIsZero"):
            version = ledger.version(**{empty: ZERO})
            ledger.registry.activate(ledger.contract_id, version, {"from": timelock})


def test_an_unknown_version_is_named(ledger):
    """Asking beyond the history says how long it is."""
    with reverts_with("VersionUnknown", ledger.contract_id, 0, 0):
        ledger.registry.versionAt(ledger.contract_id, 0)
