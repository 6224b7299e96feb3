"""What happens to an oracle's process: killed, run twice, out of disk."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable
from typing import Any

import psutil
import requests

from faults.scene import Outcome, Scene, finish
from oracles import Place, Stepped, running, settled, stepped
from rlhf_contract.chain.deployment import attach
from rlhf_contract.chain.node import connect
from rlhf_contract.machine.from_file import Columns
from rlhf_contract.oracle import submit
from rlhf_contract.oracle.journal.epochs import Epochs
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.rewarder import Submission
from rlhf_contract.oracle.store import Store
from service import ROW

TIMES = 5
ROWS = 3
PATIENCE = 40  # cycles until a child must have come to its point

POINTS: tuple[tuple[Any, str, str], ...] = (
    (Journal, "accept_all", "before"),
    (Journal, "accept_all", "after"),
    (Store, "put_salts", "after"),
    (Store, "put_epoch", "after"),
    (Journal, "seal", "after"),
    (Epochs, "add_signature", "after"),
    (Epochs, "signed", "before"),
    (Epochs, "signed", "after"),
    (Epochs, "submit", "before"),
    (Epochs, "submit", "after"),
    (submit, "_broadcast", "after"),
    (Epochs, "mined", "before"),
    (Epochs, "mined", "after"),
    (Epochs, "final", "after"),
)
"""Every transition of the journal, and the files and the sending between them."""


def kills(scene: Scene) -> Outcome:
    """A child process is killed at each point five times; the next one goes on from what it finds."""
    place = scene.place(sealing={"max_rows": 1000, "max_seconds": 1})
    accepted, wrong = 0, []
    with stepped(place) as trainer:
        trainer.daemon.in_force.set(trainer.daemon.watcher.contract(trainer.daemon.watcher.look()))
        for time in range(TIMES):
            for owner, name, when in POINTS:
                key = f"{time}-{name}-{when}"
                if not _killed(scene, place, trainer, key, _deadly(owner, name, when)):
                    wrong.append(f"a child came to its end without passing {when} {name}")
                _reward(trainer, key)  # the trainer got no answer and asks again
                accepted += ROWS
    with stepped(place) as oracle:
        finish(oracle)
    total = TIMES * len(POINTS)
    return Outcome(f"{total} kills at {len(POINTS)} points, {accepted} rows", scene.verdict(place, accepted, *wrong))


def _killed(scene: Scene, place: Place, trainer: Stepped, key: str, arm: Callable[[], None]) -> bool:
    """Whether a child that works as an oracle was killed at its point."""
    child = os.fork()
    if child == 0:
        try:
            arm()
            oracle = place.daemon()
            # The parent's connections must not be shared; what it has compiled may be.
            oracle.ledger = attach(connect(scene.rpc), scene.story.ledger.deployment)
            oracle.daemon.in_force.set(trainer.daemon.in_force())
            oracle.daemon.watcher._loaded = trainer.daemon.watcher._loaded
            _reward(oracle, key)
            threading.Thread(target=oracle.daemon.seal, daemon=True).start()
            for _ in range(PATIENCE):
                oracle.cycle()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _deadly(owner: Any, name: str, when: str) -> Callable[[], None]:
    """Makes the process kill itself, without any clean-up, at a call of this function."""

    def arm() -> None:
        original = getattr(owner, name)

        def deadly(*arguments: Any, **named: Any) -> None:
            if when == "after":
                original(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, name, deadly)

    return arm


def _reward(oracle: Stepped, key: str) -> None:
    columns = Columns({name: [value] * ROWS for name, value in ROW.items()}, ROWS, "a test")
    submission = Submission(columns, "test run", "a trainer", lambda _: b"told", key, b"f" * 32)
    oracle.daemon.rewarder.reward(submission)


def two_daemons(scene: Scene) -> Outcome:
    """A second daemon with the same key and journal waits, naming the first, and takes over when that has ended."""
    place = scene.place()
    first = place.daemon()
    closed = False
    try:
        first.cycle()
        with running(place):
            waits = _readiness(place, "lease")
            first.reward()
            finish(first)
            alone = len(first.daemon.journal.epochs.all())
            first.reward()
            first.close()
            closed = True
            journal = place.journal()
            _settle(scene, place, journal)
            epochs = len(journal.epochs.all())
            journal.close()
    finally:
        if not closed:
            first.close()
    holder = first.daemon.lease.holder
    wrong = [
        "" if holder in waits else f"the second said {waits!r}, not who holds the lease",
        "" if (alone, epochs) == (1, 2) else f"{alone} and {epochs} epochs",
    ]
    return Outcome("the second waited by name, then took over", scene.verdict(place, 10, *wrong))


def _settle(scene: Scene, place: Place, journal: Journal) -> None:
    """Blocks, until the process has nothing left to do; the verdict says whether it has."""
    for _ in range(300):
        if settled(journal):
            break
        scene.request("evm_mine")
        requests.get(f"{place.url}/ready", timeout=5)


def _readiness(place: Place, name: str) -> str:
    """Why this condition does not hold, once a cycle has been made."""
    reason = ""
    for _ in range(100):
        said = requests.get(f"{place.url}/ready", timeout=5).json()["conditions"]
        found = {c["name"]: c["reason"] or "" for c in said}
        reason = found[name]
        if "no cycle" not in found["chain"]:
            break
    return reason


def disk_full(scene: Scene) -> Outcome:
    """No file can grow any more: rewards are refused with a clear error; with space again, all goes on."""
    place = scene.place()
    headers = {"Authorization": f"Bearer {place.token('trainer', 'trainer')}"}
    body = {"run": "test run", "rows": [ROW] * 50}
    with running(place) as (process,):
        told = [_post(place, headers, body)]
        watched = psutil.Process(process.pid)
        watched.rlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        refused = requests.post(f"{place.url}/v1/rewards", json=body, headers=headers, timeout=30)
        watched.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        told.append(_post(place, headers, body))
        journal = place.journal()
        _settle(scene, place, journal)
        journal.close()
        metrics = place.metrics()
    wrong = [
        "" if refused.status_code == 503 and "journal" in refused.json()["type"] else f"refused with {refused.text}",
        "" if told == [200, 200] else f"answered {told}",
        "" if 'problems_total{problem="journal"}' in metrics else "/metrics does not show it",
    ]
    return Outcome("503 while it was full, recovered", scene.verdict(place, 100, *wrong))


def _post(place: Place, headers: dict[str, str], body: dict[str, Any]) -> int:
    for _ in range(200):
        status = requests.post(f"{place.url}/v1/rewards", json=body, headers=headers, timeout=30).status_code
        if status != 503:
            break
        requests.get(f"{place.url}/ready", timeout=5)
    return status
