"""The same request with the same key gets the same answer, however often a client repeats it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, bindparam, delete, select

from rlhf_contract.errors import KeyReused
from rlhf_contract.oracle.journal.records import Request
from rlhf_contract.oracle.journal.schema import answers, reading, writing
from rlhf_contract.types import Seconds

__all__ = ["Answers"]

# Made once: every request needs them, and building a statement costs more than running it.
FIND = select(answers.c.digest, answers.c.answer).where(
    answers.c.scope == bindparam("scope"), answers.c.key == bindparam("key")
)
KEEP = answers.insert()


@dataclass(frozen=True, slots=True)
class Answers:
    """Idempotency keys, each within the scope of one client."""

    engine: Engine
    clock: Callable[[], Seconds]

    def get(self, request: Request) -> bytes | None:
        """The answer that this request got before, None if it is new. Ask before computing anything.

        Raises KeyReused when the key came with another body.
        """
        with reading(self.engine, "looking an answer up") as connection:
            return self.find(connection, request)

    def find(self, connection: Connection, request: Request) -> bytes | None:
        """As `get`, inside a transaction."""
        found = connection.execute(FIND, {"scope": request.scope, "key": request.key}).one_or_none()
        if found is None:
            return None
        if bytes(found.digest) != request.digest:
            raise KeyReused(
                f"the idempotency key {request.key!r} was used before with another body; a new request needs a new key"
            )
        return bytes(found.answer)

    def keep(self, connection: Connection, request: Request, answer: bytes) -> None:
        """Inside the transaction that does what the request asks for. Raises IntegrityError when it is there."""
        values = {"scope": request.scope, "key": request.key, "digest": request.digest, "answer": answer}
        connection.execute(KEEP, {**values, "given_at": self.clock()})

    def expire(self, before: Seconds) -> int:
        """Forget answers given before `before`; returns how many. Their keys are free again."""
        with writing(self.engine, "forgetting old answers") as connection:
            return connection.execute(delete(answers).where(answers.c.given_at < before)).rowcount
