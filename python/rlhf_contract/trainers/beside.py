"""Attesting beside a step instead of before it: a thread sends the batches that were told, the step goes on.

What is weaker: a batch may be used before the oracle has it, so a disagreement shows one batch or some later, and a
process that is killed leaves the last ones unattested. What is not: none is dropped. One that was not accepted is sent
again, under the same key, until it is; it is said as long as it is not, and at most so many wait.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlhf_contract.errors import OracleDisagrees, OracleUnavailable, TrainerError
from rlhf_contract.machine.to_numpy import Outcomes
from rlhf_contract.trainers.agreement import agree
from rlhf_contract.trainers.client import RewardClient

__all__ = ["Beside"]

log = logging.getLogger(__name__)
IDLE_SECONDS = 30.0  # without a batch, after which the thread ends; the next batch starts another
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
EXIT_SECONDS = 30.0  # how long the end of the process waits for what is left


@dataclass(slots=True)
class _Batch:
    """A batch on its way: what is sent under which key, and what was computed here."""

    request: bytes
    key: str
    outcomes: Outcomes
    attempts: int = 0
    said: str = ""  # why the last attempt came to nothing


class Beside:
    """Any number of threads may put batches; one sends them. A copy that was pickled has its own, and begins empty.

    While the oracle does not accept a batch, no other is taken: those that it was not told of stay the few that were
    told already. Once it disagrees nothing is sent or taken any more, since the rewards of this run are then in doubt.
    """

    def __init__(self, client: RewardClient, spec_hash: str, most: int) -> None:
        """`most` batches wait at a time, the one that is being sent among them."""
        self.client, self.spec_hash, self.most = client, spec_hash, most
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._open: dict[int, _Batch] = {}  # by number; the first is sent next
        self._given = 0
        self._wrong: Callable[[str], TrainerError] | None = None
        self._thread: threading.Thread | None = None
        _ALL.add(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"client": self.client, "spec_hash": self.spec_hash, "most": self.most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    @property
    def waiting(self) -> int:
        """Batches that were told and are not in the journal, as far as this process knows."""
        return len(self._open)

    def put(self, run: str, columns: Mapping[str, list[Any]], outcomes: Outcomes) -> None:
        """Take a batch over, which may then be told; waits while too many are on their way.

        Raises OracleUnavailable, OracleDisagrees because of a batch before, and has not taken this one.
        """
        batch = _Batch(self.client.request(run, columns), uuid.uuid4().hex, outcomes)
        with self._changed:
            self._changed.wait_for(lambda: self._trouble() or len(self._open) < self.most)
            trouble = self._trouble()
            if trouble is not None:
                raise trouble
            self._given += 1
            self._open[self._given] = batch
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="beside the step", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settle(self, seconds: float) -> None:
        """Wait until every batch that was put so far is in the journal.

        Raises OracleDisagrees; OracleUnavailable when time is over, and says how many are left.
        """
        with self._changed:
            last = self._given
            self._changed.wait_for(lambda: self._wrong or not self._left(last), seconds)
            if self._wrong is not None:
                raise self._wrong(self._count())
            left = self._left(last)
        if left:
            said = next((b.said for b in left if b.said), "the oracle has not answered yet")
            rows = sum(len(b.outcomes.status) for b in left)
            raise OracleUnavailable(
                f"after {seconds:g} s, {len(left)} batches ({rows} rows) that were told are not in the journal: {said}"
            )

    def _left(self, last: int) -> list[_Batch]:
        return [batch for number, batch in self._open.items() if number <= last]

    def _count(self) -> str:
        return f"{len(self._open)} batches that were told are not attested"

    def _trouble(self) -> TrainerError | None:
        """What keeps another batch from being taken."""
        if self._wrong is not None:
            return self._wrong(self._count())
        said = next((batch.said for batch in self._open.values() if batch.said), "")
        return OracleUnavailable(f"{said}; {self._count()} yet and sent again") if said else None

    # -- the thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._open, IDLE_SECONDS)
                if not self._open or self._wrong is not None:
                    self._thread = None
                    return
                number, batch = next(iter(self._open.items()))
            said, wrong = self._sent(batch)
            with self._changed:
                if wrong is not None:
                    self._wrong = wrong
                elif said:
                    if not batch.said:
                        log.warning("the oracle has not taken a batch that was told, it is sent again: %s", said)
                    batch.said, batch.attempts = said, batch.attempts + 1
                    self._open[number] = self._open.pop(number)  # one that it refuses must not hold the others up
                else:
                    del self._open[number]
                self._changed.notify_all()
                resting = bool(self._open) and all(b.said for b in self._open.values())
            if said and resting:
                time.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(batch.attempts - 1, 10)))

    def _sent(self, batch: _Batch) -> tuple[str, Callable[[str], TrainerError] | None]:
        """Why the batch is not in the journal (empty: it is), and the error with which everything ends."""
        try:
            agree(self.client.send(batch.request, batch.key), self.spec_hash, batch.outcomes)
        except OracleUnavailable as error:
            return str(error), None
        except OracleDisagrees as error:
            found = f"of a batch that was told already: {error}"
            log.error("%s", found)
            return found, lambda count: OracleDisagrees(f"{found}; {count}")
        except Exception as error:  # a thread that ends without a word would be a silent loss
            log.exception("a batch that was told cannot be attested")
            found = f"a batch that was told cannot be attested: {type(error).__name__}: {error}"
            return found, lambda count: TrainerError(f"{found}; {count}")
        return "", None


_ALL: weakref.WeakSet[Beside] = weakref.WeakSet()


def _at_exit() -> None:
    """What is left is waited for, and what is then still left is said."""
    ends = time.monotonic() + EXIT_SECONDS
    for beside in [b for b in list(_ALL) if b.waiting]:
        try:
            beside.settle(max(0.0, ends - time.monotonic()))
        except TrainerError as error:
            log.error("the process ends: %s", error)


def _after_fork() -> None:
    """The child sends nothing for its parent, whose thread it has not got."""
    for beside in list(_ALL):
        beside._begin()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
