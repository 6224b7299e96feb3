"""Oracle sets: their shape, and the digest that stands for them."""

import pytest
from brownie import ZERO_ADDRESS, web3
from eth_abi import encode
from eth_utils import keccak
from ledger import ZERO, reverts_with


def test_a_vote_sets_the_oracles(ledger, oracles):
    """Storage keeps the digest, the event carries the set, and anyone can recompute the one from the other."""
    signers = [o.address for o in oracles[:3]]
    call = ledger.registry.setOracles.encode_input(ledger.contract_id, signers, 2, 1)
    event = ledger.enact((ledger.registry, call)).events["OraclesSet"]

    expected = keccak(
        encode(
            ["uint256", "address", "bytes32", "uint64", "address[]", "uint8", "uint8"],
            [web3.eth.chain_id, ledger.registry.address, ledger.contract_id, 1, signers, 2, 1],
        )
    )
    assert bytes(event["configDigest"]) == expected
    assert event["set"] == (1, signers, 2, 1)
    assert bytes(ledger.registry.attestable(ledger.contract_id)[1]) == expected
    assert bytes(ledger.registry.oracleDigest(ledger.contract_id, event["set"])) == expected


def test_the_same_set_again_has_another_digest(ledger, timelock, oracles):
    """Signatures given under an earlier configuration never come back to life."""
    arguments = (ledger.contract_id, [o.address for o in oracles[:3]], 2, 1, {"from": timelock})
    digests = {bytes(ledger.registry.setOracles(*arguments).events["OraclesSet"]["configDigest"]) for _ in range(3)}

    assert len(digests) == 3
    assert ledger.registry.configCount(ledger.contract_id) == 3


def test_terms_of_oracle_sets(ledger, timelock, oracles):
    """When a set began and ceased to be in force stays readable; zeros for one that never was."""
    first, second = (
        ledger.registry.setOracles(ledger.contract_id, [oracles[i].address], 1, 0, {"from": timelock}) for i in (0, 1)
    )
    digests = [tx.events["OraclesSet"]["configDigest"] for tx in (first, second)]

    assert ledger.registry.termOf(ledger.contract_id, digests[0]) == (first.timestamp, second.timestamp)
    assert ledger.registry.termOf(ledger.contract_id, digests[1]) == (second.timestamp, 0)
    assert ledger.registry.termOf(ledger.contract_id, ZERO) == (0, 0)


def test_only_the_timelock_sets_oracles(ledger, actors, oracles):
    """An oracle cannot appoint itself."""
    with reverts_with("NotTimelock", ledger.contract_id, ledger.timelock.address, actors.stranger):
        ledger.registry.setOracles(ledger.contract_id, [oracles[0].address], 1, 0, {"from": actors.stranger})


def test_nothing_is_attestable_before_anything_is_set(ledger):
    """Zeros, which no batch can match."""
    assert [bytes(x) for x in ledger.registry.attestable(ledger.contract_id)[:2]] == [ZERO, ZERO]
    assert ledger.registry.attestable(ledger.contract_id)[2] == 0


@pytest.mark.parametrize("count", [0, 32])
def test_a_set_has_1_to_31_signers(ledger, timelock, count):
    """Both ends of the range are enforced."""
    signers = [f"0x{i + 1:040x}" for i in range(count)]
    with reverts_with("SignerCount", count):
        ledger.registry.setOracles(ledger.contract_id, signers, 1, 0, {"from": timelock})


def test_31_signers_are_fine(ledger, timelock):
    """The upper end belongs to the range."""
    signers = [f"0x{i + 1:040x}" for i in range(31)]
    tx = ledger.registry.setOracles(ledger.contract_id, signers, 31, 30, {"from": timelock})

    assert len(tx.events["OraclesSet"]["set"][1]) == 31


def test_signers_ascend(ledger, timelock, oracles):
    """Twice the same, out of order, or zero: each is refused with the pair that shows it."""
    a, b = (o.address for o in oracles[:2])
    for signers, pair in (([a, a], (a, a)), ([b, a], (b, a)), ([ZERO_ADDRESS, a], (ZERO_ADDRESS,) * 2)):
        with reverts_with("SignersNotAscending", *pair):
            ledger.registry.setOracles(ledger.contract_id, signers, 1, 0, {"from": timelock})


@pytest.mark.parametrize("threshold, faults", [(1, 1), (0, 0), (4, 1)])
def test_the_threshold_exceeds_the_faults_and_not_the_signers(ledger, timelock, oracles, threshold, faults):
    """Otherwise dishonest oracles alone could attest, or no one could."""
    signers = [o.address for o in oracles[:3]]
    with reverts_with("ThresholdOutOfRange", threshold, faults, 3):
        ledger.registry.setOracles(ledger.contract_id, signers, threshold, faults, {"from": timelock})
