"""Who may ask (bearer tokens, hashed) and who may act (a lease: one daemon for each key)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Engine, Row, bindparam, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from rlhf_contract.errors import JournalError, WrongState
from rlhf_contract.oracle.journal.records import Token
from rlhf_contract.oracle.journal.schema import leases, reading, tokens, writing
from rlhf_contract.types import Seconds

__all__ = ["Leases", "Role", "Tokens"]

Role = Literal["trainer", "operator", "auditor", "peer", "monitor"]
TOKEN_BYTES = 32
BY_DIGEST = select(tokens).where(tokens.c.digest == bindparam("digest"))
"""Every request asks it: building a statement costs more than running it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Bearer tokens. Only their SHA-256 is kept: they are 32 random bytes, which no dictionary can guess."""

    engine: Engine
    clock: Callable[[], Seconds]

    def create(self, name: str, role: Role, expires: Seconds | None = None) -> str:
        """A new token, shown this once. Raises JournalError when the name is taken or the role unknown."""
        if role not in get_args(Role):
            raise JournalError(f"no role {role!r}; there are {', '.join(get_args(Role))}")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        values = {"name": name, "digest": _digest(token), "role": role, "created": self.clock(), "expires": expires}
        try:
            with writing(self.engine, "creating a token") as connection:
                connection.execute(tokens.insert().values(**values))
        except IntegrityError:
            raise JournalError(f"there is a token called {name!r} already; names of revoked ones stay taken") from None
        return token

    def verify(self, token: str) -> Token | None:
        """Whose token it is; None if it is unknown, expired or revoked."""
        with reading(self.engine, "verifying a token") as connection:
            row = connection.execute(BY_DIGEST, {"digest": _digest(token)}).one_or_none()
        if row is None or row.revoked is not None or (row.expires is not None and row.expires <= self.clock()):
            return None
        return _token(row)

    def revoke(self, name: str) -> None:
        """At once and for ever. Raises JournalError when there is none of this name; twice is once."""
        with writing(self.engine, "revoking a token") as connection:
            if connection.execute(select(tokens.c.name).where(tokens.c.name == name)).one_or_none() is None:
                raise JournalError(f"there is no token called {name!r}")
            alive = (tokens.c.name == name, tokens.c.revoked.is_(None))
            connection.execute(update(tokens).where(*alive).values(revoked=self.clock()))

    def all(self) -> list[Token]:
        """Every token there ever was, by name."""
        with reading(self.engine, "listing tokens") as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.name))]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _token(row: Row[tuple[object, ...]]) -> Token:
    def seconds(value: int | None) -> Seconds | None:
        return None if value is None else Seconds(int(value))

    return Token(row.name, row.role, Seconds(int(row.created)), seconds(row.expires), seconds(row.revoked))


@dataclass(frozen=True, slots=True)
class Leases:
    """One holder for each name (an oracle's address) until the lease ends.

    It keeps a second daemon with the same key from working against the first. It is no protection against forgery or
    doubles, and need not be: those the chain refuses. The clocks of all holders must agree to within the duration.
    """

    engine: Engine
    clock: Callable[[], Seconds]

    def acquire(self, name: str, holder: str, duration: Seconds) -> None:
        """Take the lease, or prolong one's own. `holder` is unique to a process.

        Raises WrongState naming the other holder.
        """
        now = self.clock()
        values = {"holder": holder, "heartbeat": now, "expires": now + duration}
        free = or_(leases.c.holder == holder, leases.c.expires <= now)
        try:
            with writing(self.engine, "taking the lease") as connection:
                if connection.execute(update(leases).where(leases.c.name == name, free).values(**values)).rowcount:
                    return
                other = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
                if other is None:
                    connection.execute(leases.insert().values(name=name, **values))
                    return
        except IntegrityError:  # somebody else was faster by a moment
            raise WrongState(f"another process has just taken the lease for {name}") from None
        raise WrongState(
            f"{other.holder} holds the lease for {name} and was alive {now - other.heartbeat} s ago; "
            f"stop it, or wait {other.expires - now} s"
        )

    def holder(self, name: str) -> str | None:
        """Who holds the lease or held it last; None when it was released."""
        with reading(self.engine, "reading the lease") as connection:
            return connection.execute(select(leases.c.holder).where(leases.c.name == name)).scalar_one_or_none()

    def renew(self, name: str, holder: str, duration: Seconds) -> None:
        """The heartbeat. Raises WrongState when the lease is no longer the holder's: then stop acting at once."""
        now = self.clock()
        own = (leases.c.name == name, leases.c.holder == holder)
        with writing(self.engine, "renewing the lease") as connection:
            change = update(leases).where(*own).values(heartbeat=now, expires=now + duration)
            if connection.execute(change).rowcount != 1:
                raise WrongState(f"the lease for {name} is no longer held by {holder}")

    def release(self, name: str, holder: str) -> None:
        """On a graceful end; nothing happens when it is somebody else's by now."""
        with writing(self.engine, "releasing the lease") as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
