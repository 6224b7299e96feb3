"""Verdicts that were found before, by contract, question, solver, options and the prover's own source text.

Whoever can write the folder can make us believe `proved`: an entry carries a checksum against accidents, not a
signature against people. `--no-cache` decides anew, and a refutation is replayed through the machine either way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import msgspec

from rlhf_contract.hashing import keccak256

__all__ = ["ProofCache", "default_folder", "key", "prover_digest"]

PACKAGE = Path(__file__).parents[1]
SOURCES = ("lang", "machine", "prove", "types.py")  # what a verdict depends on
MAX_ENTRIES = 10_000
PARTS = 256  # folders, named by the first two digits of the key; keys are hashes, so they fill alike


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file holds. `checksum` is of the very bytes of `value`."""

    key: str
    checksum: str
    value: msgspec.Raw


def default_folder() -> Path | None:
    """`$XDG_CACHE_HOME/rlhf-contract/proofs`, else below `~/.cache`; None for a user without a home."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():  # the XDG specification says to ignore a relative one
        return named / "rlhf-contract" / "proofs"
    try:
        return Path.home() / ".cache" / "rlhf-contract" / "proofs"
    except RuntimeError:
        return None


def key(spec: bytes, obligation: str, solver: str, options: Mapping[str, int], package: Path = PACKAGE) -> str:
    """The name of a verdict, 64 hex digits: equal only if the same prover was asked the same with the same solver."""
    question = [keccak256(spec).hex(), obligation, solver, options, prover_digest(package).hex()]
    return keccak256(msgspec.json.encode(question, order="deterministic")).hex()


@cache
def prover_digest(package: Path = PACKAGE) -> bytes:
    """32 bytes that change with any source file of the prover in `package`; computed once in a process."""
    try:
        paths = [path for name in SOURCES for path in _sources(package / name)]
        listing = [[path.relative_to(package).as_posix(), keccak256(path.read_bytes()).hex()] for path in sorted(paths)]
    except OSError:
        listing = []
    # where the sources cannot be read, an old verdict must not be believed: a digest that never comes again
    return keccak256(msgspec.json.encode(listing)) if listing else os.urandom(32)


def _sources(path: Path) -> list[Path]:
    return [path] if path.suffix else [p for p in path.rglob("*") if p.suffix in (".py", ".lark")]


class ProofCache:
    """Values by key in `folder`, one file each; without a folder, or with one that cannot be used, always empty.

    Nothing here fails because of the folder: proving goes on without it. Processes may share a folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """What was put under `key`; None if nothing was, or if it is damaged, in which case it is removed."""
        if self.folder is None:
            return None
        path = _path(self.folder, key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        try:
            entry = msgspec.json.decode(content, type=_Entry)
            if entry.key == key and entry.checksum == keccak256(bytes(entry.value)).hex():
                value = msgspec.json.decode(entry.value, type=dict[str, Any])
                with suppress(OSError):
                    os.utime(path)  # used now, so not among the oldest
                return value
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        with suppress(OSError):
            path.unlink()
        return None

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value`, whatever JSON can say, under `key`. Raises TypeError for what JSON cannot."""
        if self.folder is None:
            return
        encoded = msgspec.json.encode(value)
        content = msgspec.json.encode(_Entry(key, keccak256(encoded).hex(), msgspec.Raw(encoded)))
        path = _path(self.folder, key)
        with suppress(OSError):
            self.folder.mkdir(0o700, parents=True, exist_ok=True)
            path.parent.mkdir(0o700, exist_ok=True)
            _write(path, content)
            _trim(path.parent)


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key[2:]}.json"


def _write(path: Path, content: bytes) -> None:
    """All or nothing for every reader. Not synced to the disk: what a power cut garbles, the checksum finds."""
    handle, temporary = mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _trim(part: Path) -> None:
    """Remove the oldest files of one part beyond its share of MAX_ENTRIES, and what killed writers left there."""
    with os.scandir(part) as entries:
        files = [entry.path for entry in entries]
    if len(files) <= MAX_ENTRIES // PARTS:
        return
    ages = {}
    for path in files:
        with suppress(OSError):  # another process may trim as well
            ages[path] = os.stat(path).st_mtime_ns
    for path in sorted(ages, key=ages.__getitem__)[: -(MAX_ENTRIES // PARTS)]:
        with suppress(OSError):
            os.unlink(path)
