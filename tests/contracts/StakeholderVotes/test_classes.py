"""Classes, their weights and vetoes."""

import brownie
import pytest
from brownie import chain
from ledger import CLASSES, reverts_with


def test_the_classes_of_the_first_hour(ledger):
    """Names, weights and vetoes as given to the constructor."""
    v, now = ledger.votes, chain[-1].timestamp
    assert [v.className(i) for i in range(3)] == [name for name, _, _ in CLASSES]
    assert v.classesAt(now) == tuple((weight, veto) for _, weight, veto in CLASSES)
    assert v.classCountAt(now) == 3


def test_a_change_is_a_new_generation(ledger, timelock):
    """Weights, vetoes and the number of classes can be read as they were before and after."""
    v = ledger.votes
    tx = v.setClasses(
        [("operator", 300_000, True), ("board", 300_000, False), ("users", 300_000, False), ("public", 100_000, False)],
        {"from": timelock},
    )
    after = tx.timestamp

    assert [e["name"] for e in tx.events["ClassSet"]] == ["operator", "board", "users", "public"]
    assert v.classesAt(after) == ((300_000, True), (300_000, False), (300_000, False), (100_000, False))
    assert v.classesAt(after - 1) == tuple((weight, veto) for _, weight, veto in CLASSES)
    assert (v.classCountAt(after - 1), v.classCountAt(after)) == (3, 4)
    assert v.className(1) == "board"
    assert v.classAt(3, after) == (100_000, False, 0)


@pytest.mark.parametrize("weights, total", [((400_000, 400_000, 200_001), 1_000_001), ((0, 0, 0), 0)])
def test_weights_are_one_million_together(ledger, timelock, weights, total):
    """Neither more nor less."""
    classes = [(name, weight, veto) for (name, _, veto), weight in zip(CLASSES, weights, strict=True)]
    with reverts_with("WeightsNotWhole", total):
        ledger.votes.setClasses(classes, {"from": timelock})


def test_the_constructor_checks_too(ledger, actors):
    """Weights that sum to 0.99 do not even deploy."""
    classes = [(name, weight - 10_000 * (name == "users"), veto) for name, weight, veto in CLASSES]
    with reverts_with("WeightsNotWhole", 990_000):
        brownie.StakeholderVotes.deploy(ledger.timelock, classes, [], {"from": actors.deployer})


@pytest.mark.parametrize("count", [2, 33])
def test_classes_never_become_fewer_nor_more_than_32(ledger, timelock, count):
    """Members and past proposals point to them by number."""
    with reverts_with("ClassCount", 3, 32, count):
        ledger.votes.setClasses([("c", 0, False)] * count, {"from": timelock})


def test_32_classes_are_fine(ledger, timelock):
    """The most there can be."""
    ledger.votes.setClasses([("c", 31_250, False)] * 32, {"from": timelock})

    assert ledger.votes.classCountAt(chain[-1].timestamp) == 32


def test_only_the_timelock_changes_classes(ledger, actors):
    """Nobody raises his own class."""
    with reverts_with("OnlyTimelock", ledger.timelock.address, actors.operator):
        ledger.votes.setClasses(CLASSES, {"from": actors.operator})


def test_an_unknown_class_is_named(ledger):
    """Both views that take a number check it."""
    with reverts_with("ClassUnknown", 3, 3):
        ledger.votes.className(3)
    with reverts_with("ClassUnknown", 3, 3):
        ledger.votes.classAt(3, chain[-1].timestamp)
