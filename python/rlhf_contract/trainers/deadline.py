"""A socket whose waits all end at one moment, however many there are: a peer that drips bytes gains no time.

A timeout of the socket alone bounds each wait, not their sum; a timer that cuts the connection would do, but costs a
thread for each request.
"""

from __future__ import annotations

import io
import select
import socket
import time
from typing import Any

__all__ = ["DeadlineSocket"]


class DeadlineSocket:
    """As much of a socket as `http.client` uses. `end` is a moment of `time.monotonic()`."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock = sock
        self.end = end

    def wait(self) -> None:
        """Let the next wait end in time. Raises TimeoutError when time is over."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        """Raises TimeoutError; OSError as it comes."""
        rest = memoryview(data)
        while rest:
            self.wait()
            rest = rest[self._sock.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        """To be read only; the socket stays open until this and the socket itself are closed."""
        assert mode == "rb"
        return io.BufferedReader(_Reading(self, self._sock.makefile("rb", buffering=0)))

    def silent(self) -> bool:
        """Whether nothing has come: between two requests the peer can only have closed, or be no HTTP server."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._sock.close()


class _Reading(io.RawIOBase):
    def __init__(self, sock: DeadlineSocket, raw: socket.SocketIO) -> None:
        self._sock, self._raw = sock, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.wait()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
