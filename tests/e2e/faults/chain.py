"""What a chain does to an oracle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from faults.nodes import proxy
from faults.scene import Outcome, Scene, finish, missing
from oracles import Place, Stepped
from rlhf_contract.chain import local
from rlhf_contract.oracle.journal.records import State, Submission
from rlhf_contract.types import Seconds

GWEI = 10**9


def reorg(scene: Scene) -> Outcome:
    """Two final epochs leave the chain with their blocks; both come back, in order."""
    with scene.oracle() as (place, oracle):
        snapshot = scene.request("evm_snapshot")
        for _ in range(2):
            oracle.reward()
            finish(oracle)
        before = len(oracle.daemon.journal.epochs.all(State.FINAL))
        scene.request("evm_revert", snapshot)
        local.advance(scene.story.ledger.node, Seconds(7))  # other blocks than before
        oracle.cycle()
        reorgs = oracle.metric("reorgs_total")
        finish(oracle)
        wrong = [missing("reorgs", reorgs), "" if before == 2 == reorgs else f"{before} epochs, {reorgs} reorgs"]
    return Outcome(f"{reorgs:.0f} final epochs went back to submitted, and became final again",
                   scene.verdict(place, 10, *wrong))  # fmt: skip


def clock_jump(scene: Scene) -> Outcome:
    """Two hours pass between signing and sending: the batch expires, is signed anew and attested."""
    with scene.oracle() as (place, oracle):
        forward = oracle.daemon.forward
        submitter, forward.submitter = forward.submitter, None  # holds the signed epoch back
        oracle.reward()
        oracle.until(lambda j: bool(j.epochs.all(State.SIGNED)))
        local.advance(scene.story.ledger.node, Seconds(7200))
        forward.submitter = submitter
        finish(oracle)
        reopened = oracle.metric("reopened_epochs_total")
    return Outcome("expired, signed anew, attested", scene.verdict(place, 5, missing("reopened", reopened)))


def nonce_taken(scene: Scene) -> Outcome:
    """The oracle's transaction gets lost, and another process uses its nonce: the epoch gets a new one."""
    lost = threading.Event()
    with proxy(scene.rpc, swallowing=lost) as url, scene.oracle(url) as (place, oracle):
        lost.set()
        oracle.reward()
        submitted = _submit(oracle)
        thief = scene.story.accounts["oracle 1"]
        stolen = thief.sign_transaction({
            "to": thief.address, "value": 0, "gas": 21_000, "nonce": submitted.nonce, "chainId": 1337,
            "maxFeePerGas": submitted.max_fee, "maxPriorityFeePerGas": submitted.priority_fee,
        })  # fmt: skip
        scene.request("eth_sendRawTransaction", f"0x{stolen.raw_transaction.hex().removeprefix('0x')}")
        lost.clear()
        finish(oracle)
        nonces = {s.nonce for r in oracle.daemon.journal.epochs.all() for s in r.submissions}
        taken = oracle.metric("nonces_lost_total")
        wrong = [missing("nonces_lost", taken), "" if len(nonces) == 2 else f"nonces {sorted(nonces)}"]
    return Outcome(f"nonce {min(nonces)} lost, attested with {max(nonces)}", scene.verdict(place, 5, *wrong))


def fee_too_low(scene: Scene) -> Outcome:
    """Nobody mines the transaction: it is sent again with 12.5 % more under the same nonce, and at last is mined."""
    with _unmined(scene, max_fee_gwei=1000.0, cycles=3) as (place, oracle, ignored):
        ignored.clear()
        finish(oracle)
        (record,) = oracle.daemon.journal.epochs.all()
        fees = [s.max_fee for s in record.submissions]
        bumps = oracle.metric("fee_bumps_total")
        wrong = [
            "" if bumps >= 3 else f"{bumps} fee bumps",
            "" if len({s.nonce for s in record.submissions}) == 1 else "more than one nonce",
            "" if all(b * 8 >= a * 9 for a, b in pairwise(fees)) else f"fees {fees}",
        ]
    return Outcome(f"{bumps:.0f} times raised, one nonce", scene.verdict(place, 5, *wrong))


def fee_ceiling(scene: Scene) -> Outcome:
    """A fee that may not rise any more: the epoch waits, says why, and is attested under the ceiling."""
    with _unmined(scene, max_fee_gwei=3.0, cycles=20) as (place, oracle, ignored):
        (record,) = oracle.daemon.journal.epochs.all()
        said, highest = record.last_error, max(s.max_fee for s in record.submissions)
        reached = oracle.metric("fee_ceiling_reached")
        ignored.clear()
        oracle.daemon.forward.submitter.stuck_seconds = 60.0  # sent again as it is
        finish(oracle)
        wrong = [
            missing("fee_ceiling_reached", reached),
            "" if "max_fee_gwei" in said else f"it said {said!r}",
            "" if highest <= 3 * GWEI else f"{highest} wei",
        ]
    return Outcome(f"stopped at {highest / GWEI:.2f} gwei and said so", scene.verdict(place, 5, *wrong))


@contextmanager
def _unmined(scene: Scene, max_fee_gwei: float, cycles: int) -> Iterator[tuple[Place, Stepped, threading.Event]]:
    """An oracle whose transaction was ignored for so many cycles; the event is set as long as all are ignored."""
    ignored = threading.Event()
    settings = {"stuck_seconds": 0.05, "max_fee_gwei": max_fee_gwei}
    with proxy(scene.rpc, swallowing=ignored) as url, scene.oracle(url, chain=settings) as (place, oracle):
        ignored.set()
        oracle.reward()
        _submit(oracle)
        for _ in range(cycles):
            oracle.daemon.cycle()
        yield place, oracle, ignored


def _submit(oracle: Stepped) -> Submission:
    """Cycles without a block until a transaction was sent; that transaction."""
    for _ in range(20):
        oracle.daemon.cycle()
        for record in oracle.daemon.journal.epochs.all(State.SUBMITTED):
            return record.submissions[-1]
    raise AssertionError(oracle.daemon.ready())
