"""The data folder behind any URL that fsspec knows: a local folder, S3, Google Cloud Storage …

Epochs, specs and the deployment are written once: the same bytes again are fine, others are refused. Salts alone are
replaced, by an erasure. A local write is synced before it gets its name; an object store's put is atomic by itself.
Endpoints and credentials of object stores come from their own environment variables (AWS_ENDPOINT_URL …).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import msgspec
from fsspec.core import split_protocol
from fsspec.spec import AbstractFileSystem

from rlhf_contract.chain.deployment import Deployment
from rlhf_contract.errors import EpochError
from rlhf_contract.hashing import keccak256
from rlhf_contract.oracle.durable import write_durably
from rlhf_contract.oracle.epoch_file import (
    DEPLOYMENT,
    FOLDERS,
    Epoch,
    Header,
    decode_epoch,
    encode_epoch,
    epoch_name,
    salts_name,
    spec_name,
)

__all__ = ["Store"]

PRIVATE, PUBLIC = 0o600, 0o644
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Store:
    """An opened data folder. `root` is its path without protocol; roots and hashes have 32 bytes."""

    url: str
    files: AbstractFileSystem
    root: str
    local: bool

    @staticmethod
    def open(url: str) -> Store:
        """The folder behind `url`; a local one is made. A bucket must exist.

        Raises EpochError: no such kind of storage, or a folder that cannot be made.
        """
        store = Store.existing(url)
        if store.local:
            for name in FOLDERS:
                store._try(name, partial(Path(store._path(name)).mkdir, parents=True, exist_ok=True))
        return store

    @staticmethod
    def existing(url: str) -> Store:
        """The same for who only reads: nothing is made. Raises EpochError: no such kind of storage."""
        protocol, _ = split_protocol(url)
        local = protocol in (None, "file", "local")
        # A listing that fsspec remembers would hide what another process has written.
        options: dict[str, Any] = {} if local else {"use_listings_cache": False}
        try:
            files, root = fsspec.url_to_fs(url, **options)
        except (ImportError, ValueError) as error:
            raise EpochError(f"{url}: no such kind of storage: {error}") from None
        return Store(url, files, str(root).rstrip("/"), local)

    # -- what an audit needs

    def deployment(self) -> Deployment:
        """Raises EpochError when the file is absent or not a deployment."""
        try:
            return msgspec.json.decode(self._get(DEPLOYMENT), type=Deployment)
        except msgspec.MsgspecError as error:
            raise EpochError(f"{self.where(DEPLOYMENT)}: not a deployment: {error}") from None

    def put_deployment(self, deployment: Deployment) -> None:
        """Raises EpochError when another one is there."""
        self._put_once(DEPLOYMENT, deployment.encoded)

    def spec(self, spec_hash: bytes) -> bytes:
        """The text with this hash; whoever relies on it hashes it. Raises EpochError when it is absent."""
        return self._get(spec_name(spec_hash))

    def where_spec(self, spec_hash: bytes) -> str:
        """Where this text should lie."""
        return self.where(spec_name(spec_hash))

    def put_spec(self, source: bytes) -> bytes:
        """Keep a text under its hash; returns the hash."""
        spec_hash = keccak256(source)
        self._put_once(spec_name(spec_hash), source)
        return spec_hash

    def epoch(self, root: bytes) -> tuple[Header, Epoch, bytes]:
        """Header, rows and the keccak256 of the file. Raises EpochError: absent, or not such a file."""
        name = epoch_name(root)
        return decode_epoch(self._get(name), self.where(name))

    def where_epoch(self, root: bytes) -> str:
        """Where the file of this epoch should lie."""
        return self.where(epoch_name(root))

    def epoch_bytes(self, root: bytes) -> bytes:
        """The file itself, as a peer is sent it. Raises EpochError when it is absent."""
        return self._get(epoch_name(root))

    def has_epoch(self, root: bytes) -> bool:
        name = epoch_name(root)
        return bool(self._try(name, lambda: self.files.exists(self._path(name))))

    def put_epoch(self, root: bytes, header: Header, epoch: Epoch, replace: bool = False) -> bytes:
        """Write the file of an epoch; returns the keccak256 of its bytes.

        Raises EpochError when another file has this root. `replace` is for one that was written before a crash and is
        in no journal: its header may name another epoch.
        """
        data = encode_epoch(header, epoch)
        if replace:
            self._put(epoch_name(root), data, PUBLIC)
        else:
            self._put_once(epoch_name(root), data)
        return keccak256(data)

    def keep_epoch(self, root: bytes, data: bytes) -> None:
        """Write a peer's file as it came, over one that was of another number and has not been attested."""
        self._put(epoch_name(root), data, PUBLIC)

    # -- what stays with the owner

    def salts(self, root: bytes) -> bytes:
        """The bytes of the epoch's salts file (`oracle.salts` reads them). Raises EpochError when it is absent."""
        return self._get(salts_name(root))

    def put_salts(self, root: bytes, data: bytes) -> None:
        """Write or replace the salts file; locally only its owner can read it."""
        self._put(salts_name(root), data, PRIVATE)

    def salted(self) -> Iterator[bytes]:
        """The roots that have a salts file."""
        folder = salts_name(bytes(32)).split("/")[0]
        try:
            found = self.files.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._said(folder, error) from None
        for path in sorted(found):
            stem, dot, suffix = str(path).rsplit("/", 1)[-1].partition(".")
            if dot and suffix == "arrow" and len(stem) == 66:
                yield bytes.fromhex(stem[2:])

    def check(self) -> None:
        """Whether a file can be written, read and removed. Raises EpochError, saying what cannot."""
        name, data = f"epochs/check-{secrets.token_hex(8)}", secrets.token_bytes(32)
        self._put_once(name, data)
        try:
            if self._get(name) != data:
                raise EpochError(f"{self.where(name)}: what was written is not what is read")
        finally:
            self._try(name, lambda: self.files.rm_file(self._path(name)))

    # -- files

    def where(self, name: str) -> str:
        """A file as people find it."""
        return self._path(name) if self.local else f"{self.url.rstrip('/')}/{name}"

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _get(self, name: str) -> bytes:
        return bytes(self._try(name, lambda: self.files.cat_file(self._path(name))))

    def _put(self, name: str, data: bytes, mode: int) -> None:
        path = self._path(name)
        if self.local:
            self._try(name, lambda: write_durably(Path(path), data, mode))
        else:
            self._try(name, lambda: self.files.pipe_file(path, data))

    def _put_once(self, name: str, data: bytes) -> None:
        path = self._path(name)
        try:
            if self.local:
                self._try(name, lambda: write_durably(Path(path), data, PUBLIC, replace=False))
            else:
                self._try(name, lambda: self.files.pipe_file(path, data, mode="create"))
        except EpochError as error:
            if not isinstance(error.__cause__, FileExistsError) and not self._try(
                name, lambda: self.files.exists(path)
            ):
                raise
            if self._get(name) != data:
                raise EpochError(f"{self.where(name)}: exists with other content, and is never replaced") from None

    def _try(self, name: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except Exception as error:  # each storage library has exceptions of its own, few of them an OSError
            raise self._said(name, error) from error

    def _said(self, name: str, error: Exception) -> EpochError:
        if isinstance(error, FileNotFoundError):
            return EpochError(f"{self.where(name)}: No such file or directory")
        said = getattr(error, "strerror", None) or str(error).split("\n")[0] or type(error).__name__
        return EpochError(f"{self.where(name)}: {said}")
