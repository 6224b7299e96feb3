"""The oracle's HTTP service, as a trainer asks it: it answers within the time allowed, or it is unavailable.

A token never leaves the environment of the process: it is named, read when it is sent, and neither logged nor pickled.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import pybreaker

from rlhf_contract.errors import OracleUnavailable, TrainerError
from rlhf_contract.trainers.deadline import DeadlineSocket
from rlhf_contract.trainers.messages import Adopted, Problem, Sealed, SealedEpoch, Told

__all__ = ["TOKEN_ENV", "RewardClient"]

TOKEN_ENV = "RLHF_CONTRACT_TOKEN"
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
MOST_BYTES = 64 * 2**20
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

Message = TypeVar("Message", bound=msgspec.Struct)


class _Refused(OracleUnavailable):
    """The oracle answers, and will answer the same again."""


class RewardClient:
    """Any number of threads may use one; a copy that was pickled opens connections of its own.

    `seconds` bounds a whole call with all its attempts, even when the oracle sends one byte at a time. After `failures`
    calls in a row without an answer every call fails at once, until `rest` seconds have passed and one may try again.
    """

    def __init__(
        self,
        url: str,
        *,
        token_env: str = TOKEN_ENV,
        seconds: float = 30.0,
        attempts: int = 4,
        failures: int = 3,
        rest: float = 30.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("the oracle's URL must look like https://oracle.example:8700, without name or token in it")
        self.url = url.rstrip("/")
        self.token_env = token_env
        self.seconds = seconds
        self.attempts = attempts
        self._breaker_settings = failures, rest
        self._begin()

    def _begin(self) -> None:
        failures, rest = self._breaker_settings
        self._local = threading.local()
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures, reset_timeout=rest, exclude=[_Refused], throw_new_error_on_trip=False
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_local", "_breaker")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def contract(self) -> Adopted:
        """The contract that the oracle applies now."""
        return self._ask("GET", "/v1/contract", None, Adopted)

    def rewards(self, run: str, columns: Mapping[str, list[Any]]) -> Told:
        """The rewards of rows given by columns; they are in the oracle's journal once, however often this retries."""
        return self.send(self.request(run, columns), uuid.uuid4().hex)

    def request(self, run: str, columns: Mapping[str, list[Any]]) -> bytes:
        """What `send` sends.

        Raises OracleUnavailable: a text is none that an oracle could read; TrainerError: nor is a value JSON's.
        """
        try:
            return msgspec.json.encode({"run": run, "columns": columns})
        except UnicodeEncodeError:
            raise _Refused("a prompt or an answer holds half a character (a surrogate)") from None
        except TypeError as error:
            raise TrainerError(f"a column that a pinned scorer reads cannot be sent to the oracle: {error}") from None

    def send(self, request: bytes, key: str) -> Told:
        """The rewards of a request; under one key it counts once, however often it is sent.

        Raises OracleUnavailable.
        """
        return self._ask("POST", "/v1/rewards", request, Told, key=key)

    def seal(self) -> SealedEpoch | None:
        """Seal what waits; None when nothing does. Needs a token of the role operator. Tried once."""
        return self._ask("POST", "/v1/epochs/seal", b"", Sealed, attempts=1).epoch

    def epoch(self, number: int) -> SealedEpoch:
        """Where an epoch has got to."""
        return self._ask("GET", f"/v1/epochs/{number}", None, SealedEpoch)

    def _ask(
        self, method: str, path: str, body: bytes | None, kind: type[Message], *, key: str = "", attempts: int = 0
    ) -> Message:
        """Raises OracleUnavailable."""
        try:
            data: bytes = self._breaker.call(self._persist, method, path, body, key, attempts or self.attempts)
        except pybreaker.CircuitBreakerError:
            raise OracleUnavailable(f"{self.url} has not answered lately; it is left alone for a while") from None
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise OracleUnavailable(f"{self.url}{path}: the answer is not an oracle's: {error}") from None

    def _persist(self, method: str, path: str, body: bytes | None, key: str, attempts: int) -> bytes:
        """The body of a good answer, after as many attempts and as much time as is allowed."""
        end = time.monotonic() + self.seconds
        headers = self._headers(body, key)
        for attempt in range(1, attempts + 1):
            asked_to_wait = 0.0
            try:
                status, asked_to_wait, data = self._exchange(method, path, body, headers, end)
                if status == 200:
                    return data
                said = _said(status, data)
                if status not in RETRIED:
                    raise _Refused(f"{self.url}{path}: {said}")
            except (OSError, http.client.HTTPException) as error:
                said = "no answer in time" if time.monotonic() >= end else f"{type(error).__name__}: {error}"
            pause = max(asked_to_wait, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * random.uniform(0.5, 1))
            if attempt == attempts or time.monotonic() + pause >= end:
                break
            time.sleep(pause)
        raise OracleUnavailable(f"{self.url}{path}: {said} (attempt {attempt}, {self.seconds:g} s allowed)")

    def _headers(self, body: bytes | None, key: str) -> dict[str, str]:
        token = os.environ.get(self.token_env, "")
        if not token:
            raise _Refused(f"{self.token_env} is not set; put the token of `oracle token create` into it")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        return headers | ({"Idempotency-Key": key} if key else {})

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], end: float
    ) -> tuple[int, float, bytes]:
        """Status, Retry-After in seconds, body."""
        connection = self._connection(end)
        try:
            connection.request(method, urlsplit(self.url).path + path, body, headers)
            response = connection.getresponse()
            data = response.read(MOST_BYTES + 1)
        except BaseException:
            connection.close()
            raise
        if len(data) > MOST_BYTES:
            connection.close()
            raise OSError(f"an answer of more than {MOST_BYTES} bytes")
        waits = response.headers.get("Retry-After", "")
        return response.status, float(waits) if waits.isascii() and waits.isdigit() else 0.0, data

    def _connection(self, end: float) -> http.client.HTTPConnection:
        """This thread's connection, open; whatever waits for it, until `end` at most. Raises TimeoutError."""
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            parts = urlsplit(self.url)
            secure = parts.scheme == "https"
            make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            connection = self._local.connection = make(parts.hostname or "", parts.port)
        kept: Any = connection.sock
        if kept is not None and not kept.silent():  # closed by the oracle while a long step went on: no failed attempt
            connection.close()
        if connection.sock is None:
            connection.timeout = end - time.monotonic()
            if connection.timeout <= 0:
                raise TimeoutError
            try:
                connection.connect()
            except BaseException:
                connection.close()  # a socket whose certificate was refused is still there
                raise
            opened: Any = connection.sock
            kept = connection.sock = DeadlineSocket(opened, end)
        kept.end = end
        return connection


def _said(status: int, data: bytes) -> str:
    """What a refusal says: a problem document's title and detail, or the status alone."""
    try:
        problem = msgspec.json.decode(data, type=Problem)
    except msgspec.DecodeError:
        return f"status {status}"
    return f"{problem.title}: {problem.detail}" if problem.detail else problem.title or f"status {status}"
