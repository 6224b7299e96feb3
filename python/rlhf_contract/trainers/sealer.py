"""Sealing epochs beside a training loop: a thread asks the oracle, the loop never waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from rlhf_contract.errors import OracleUnavailable, TrainerError
from rlhf_contract.trainers.client import RewardClient

__all__ = ["BackgroundSealer"]

log = logging.getLogger(__name__)
MINED = frozenset({"mined", "final"})
LOOK_SECONDS = 0.2
MOST_EPOCHS = 8  # for one wish: an epoch holds rows of one run, and others may have rows waiting too


class BackgroundSealer:
    """`ask` returns at once. Wishes that come while one is being fulfilled become one more; none is lost.

    `sealed` has the numbers of the epochs, `problems` what went wrong, in order.
    """

    def __init__(self, client: RewardClient, settle: Callable[[float], None] | None = None) -> None:
        """`settle(seconds)` waits for rewards that are on their way to the journal; what has come by then is sealed."""
        self.client = client
        self._arrived = settle
        self.sealed: list[int] = []
        self.problems: list[str] = []
        self._changed = threading.Condition()
        self._asked = self._done = 0
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Have what waits sealed soon."""
        with self._changed:
            self._asked += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="sealer", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until every wish is fulfilled and every sealed epoch is on the chain; False when time is over."""
        end = time.monotonic() + seconds
        with self._changed:
            if not self._changed.wait_for(lambda: self._done == self._asked, seconds):
                return False
            open_ = set(self.sealed)
        while open_ and time.monotonic() < end:
            try:
                open_ = {number for number in open_ if self.client.epoch(number).state not in MINED}
            except OracleUnavailable as error:
                self.problems.append(str(error))
                return False
            if open_:
                time.sleep(min(LOOK_SECONDS, max(0.0, end - time.monotonic())))
        return not open_

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._done != self._asked)
                asked = self._asked
            self._seal()
            with self._changed:
                self._done = asked
                self._changed.notify_all()

    def _seal(self) -> None:
        """Epoch after epoch, until nothing waits."""
        try:
            if self._arrived is not None:
                self._arrived(self.client.seconds)
        except TrainerError as error:
            log.warning("sealing without batches that are not in the journal: %s", error)
            self.problems.append(str(error))
        for _ in range(MOST_EPOCHS):
            try:
                epoch = self.client.seal()
            except OracleUnavailable as error:
                log.warning("the oracle did not seal: %s", error)
                self.problems.append(str(error))
                return
            if epoch is None:
                return
            self.sealed.append(epoch.number)
