"""One epoch of rewards as an Arrow IPC file, and the folder that an auditor is given.

deployment.json          which contracts, on which chain
specs/<specHash>.legal   the text that the stakeholders adopted
epochs/<root>.arrow      one row a reward: sample_id, status, reward_micro, signals
salts/<root>.arrow       what binds a sample_id to its text; private, not needed by an audit, deleted on erasure
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rlhf_contract.errors import EpochError
from rlhf_contract.hashing import keccak256
from rlhf_contract.merkle import tree
from rlhf_contract.merkle.leaf import encode_leaves

__all__ = ["DataFolder", "Epoch", "Header", "leaf_hashes", "read_epoch", "write_epoch"]

METADATA = b"rlhf_contract"
MAX_ROWS = 2**32 - 1  # a leaf's index is a uint32


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says of itself; hashes in 0x hex. The chain's batch says the same, and is what counts."""

    contract_id: str
    spec_hash: str
    program_hash: str
    run_id: str
    epoch: int
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Epoch:
    """N rows: samples uint8 [N, 32], status uint8 [N], signals int64 [n, N], reward int64 [N] (micro-units)."""

    samples: npt.NDArray[np.uint8]
    status: npt.NDArray[np.uint8]
    signals: npt.NDArray[np.int64]
    reward: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.status)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where things lie. Roots and hashes are 32 bytes."""

    path: Path

    def create(self) -> DataFolder:
        for name in ("specs", "epochs", "salts"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        return self

    @property
    def deployment(self) -> Path:
        return self.path / "deployment.json"

    def spec(self, spec_hash: bytes) -> Path:
        return self.path / "specs" / f"0x{spec_hash.hex()}.legal"

    def epoch(self, root: bytes) -> Path:
        return self.path / "epochs" / f"0x{root.hex()}.arrow"

    def salts(self, root: bytes) -> Path:
        return self.path / "salts" / f"0x{root.hex()}.arrow"


def leaf_hashes(epoch: Epoch) -> Iterable[bytes]:
    """keccak256 of each row's leaf, in order."""
    leaves = encode_leaves(epoch.samples, epoch.status, epoch.signals, epoch.reward)
    return (keccak256(leaf.tobytes()) for leaf in leaves)


def root_of(epoch: Epoch) -> bytes:
    """The Merkle root over all rows."""
    return tree.build(list(leaf_hashes(epoch))).root


def write_epoch(path: Path, header: Header, epoch: Epoch) -> bytes:
    """Write the file so that it is either there in whole or not at all; returns the keccak256 of its bytes."""
    fields = [pa.array(column) for column in epoch.signals]
    table = pa.table(
        {
            "sample_id": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(32), len(epoch), [None, pa.py_buffer(np.ascontiguousarray(epoch.samples))]
            ),
            "status": epoch.status,
            "reward_micro": epoch.reward,
            "signals": pa.StructArray.from_arrays(fields, header.signals),
        }
    ).replace_schema_metadata({METADATA: msgspec.json.encode(header)})
    return write_table(path, table)


def write_table(path: Path, table: pa.Table, mode: int = 0o644) -> bytes:
    """Write `table` as an Arrow IPC file, synced before it gets its name; returns the keccak256 of its bytes."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        os.fchmod(file.fileno(), mode)
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return keccak256(path.read_bytes())


def read_epoch(path: Path) -> tuple[Header, Epoch, bytes]:
    """Header, rows and the keccak256 of the file's bytes.

    Raises EpochError: absent, not such a file, a column missing or of another type.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EpochError(f"{path}: {error.strerror}") from None
    try:
        table = pa.ipc.open_file(pa.py_buffer(data)).read_all()
        header = msgspec.json.decode((table.schema.metadata or {})[METADATA], type=Header)
        types = {name: table.schema.field(name).type for name in ("sample_id", "status", "reward_micro", "signals")}
        wanted = {
            "sample_id": pa.binary(32),
            "status": pa.uint8(),
            "reward_micro": pa.int64(),
            "signals": pa.struct([(name, pa.int64()) for name in header.signals]),
        }
        if types != wanted or any(table[name].null_count for name in wanted):
            raise EpochError(f"{path}: the columns are not those of an epoch file")
        columns = {name: table[name].combine_chunks() for name in wanted}
    except (pa.ArrowException, KeyError, msgspec.MsgspecError) as error:
        raise EpochError(f"{path}: not an epoch file: {str(error).splitlines()[0]}") from None
    count = table.num_rows
    if not count:
        raise EpochError(f"{path}: the file has no rows")
    samples = np.frombuffer(b"".join(columns["sample_id"].to_pylist()), np.uint8).reshape(count, 32)
    fields = [columns["signals"].field(i).to_numpy() for i in range(len(header.signals))]
    signals = np.ascontiguousarray(fields, np.int64).reshape(len(fields), count)
    return (
        header,
        Epoch(samples, columns["status"].to_numpy(), signals, columns["reward_micro"].to_numpy()),
        keccak256(data),
    )
