"""The right to act for a key: one process at a time among those with the same journal."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from pathlib import Path

from rlhf_contract.errors import JournalError, WrongState
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.voice import log
from rlhf_contract.types import Seconds

__all__ = ["Lease"]


class Lease:
    """Held until `release`, or until it could not be renewed for its duration. Safe to use from several threads."""

    SECONDS = Seconds(30)
    RENEW_SECONDS = 5.0

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal = journal
        self._name = name
        self.holder = f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._until = 0.0
        self._lock = threading.Lock()

    @property
    def held(self) -> bool:
        """By our own clock: a stopped process that wakes up does not believe that it still holds it."""
        return time.monotonic() < self._until

    def take(self) -> None:
        """Take or prolong it. Raises WrongState naming who holds it, JournalError."""
        with self._lock:
            asked = time.monotonic()
            other = self._journal.leases.holder(self._name)
            if other is not None and other != self.holder and _gone(other):
                log.warning("lease taken from a process that is gone", holder=other)
                self._journal.leases.release(self._name, other)
            self._journal.leases.acquire(self._name, self.holder, self.SECONDS)
            self._until = asked + self.SECONDS

    def renew(self) -> None:
        """The heartbeat; without effect when it is not held. What goes wrong is left to the next cycle."""
        with self._lock:
            if not self.held:
                return
            asked = time.monotonic()
            try:
                self._journal.leases.renew(self._name, self.holder, self.SECONDS)
                self._until = asked + self.SECONDS
            except WrongState as error:
                self._until = 0.0
                log.error("lease lost", reason=str(error))
            except JournalError as error:
                log.error("lease not renewed", reason=str(error))

    def release(self) -> None:
        with self._lock:
            if self.held:
                self._until = 0.0
                try:
                    self._journal.leases.release(self._name, self.holder)
                except JournalError as error:
                    log.error("lease not released; it ends by itself", reason=str(error))


def _machine() -> str:
    """This boot of this machine and this container, so that a process number means something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")[:8]
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        boot, space = "", secrets.token_hex(4)  # elsewhere nobody is ever known to be gone
    return f"{socket.gethostname()}/{boot}/{space}"


def _gone(holder: str) -> bool:
    """Whether that process of this machine has ended: then nobody needs to wait for its lease to run out."""
    machine, _, rest = holder.partition(":")
    number = rest.partition(":")[0]
    if machine != _machine() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is there, and somebody else's
    return False
