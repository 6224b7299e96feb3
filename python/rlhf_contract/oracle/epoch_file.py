"""One epoch of rewards as an Arrow IPC file, and the folder that an auditor is given.

deployment.json          which contracts, on which chain
specs/<specHash>.legal   the text that the stakeholders adopted
epochs/<root>.arrow      one row a reward: sample_id, status, reward_micro, signals
salts/<root>.arrow       what binds a sample_id to its text; private, not needed by an audit, deleted on erasure
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rlhf_contract.errors import EpochError
from rlhf_contract.hashing import keccak256
from rlhf_contract.machine.lanes import ListColumn
from rlhf_contract.merkle import tree
from rlhf_contract.merkle.leaf import encode_leaf, hash_leaves
from rlhf_contract.oracle.durable import write_durably
from rlhf_contract.types import ABSENT

__all__ = [
    "DataFolder",
    "Epoch",
    "Header",
    "decode_epoch",
    "encode_epoch",
    "leaf_hashes",
    "leaf_of",
    "read_epoch",
    "row_of",
    "run_id",
    "tree_of",
    "write_epoch",
]

METADATA = b"rlhf_contract"
MAX_ROWS = 2**32 - 1  # a leaf's index is a uint32


DEPLOYMENT = "deployment.json"
FOLDERS = ("specs", "epochs", "salts")


def spec_name(spec_hash: bytes) -> str:
    """Where the text with this hash lies in a data folder."""
    return f"specs/0x{spec_hash.hex()}.legal"


def epoch_name(root: bytes) -> str:
    """Where the epoch with this root lies."""
    return f"epochs/0x{root.hex()}.arrow"


def salts_name(root: bytes) -> str:
    """Where its salts lie."""
    return f"salts/0x{root.hex()}.arrow"


def run_id(run: str) -> bytes:
    """How headers and batches name a training run."""
    return keccak256(run.encode())


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says of itself; hashes in 0x hex. The chain's batch says the same, and is what counts."""

    contract_id: str
    spec_hash: str
    program_hash: str
    run_id: str
    epoch: int
    signals: tuple[str, ...]
    lists: dict[str, tuple[str, ...]] = {}  # the fields of each list signal; msgspec copies the default


@dataclass(frozen=True, slots=True)
class Epoch:
    """N rows: samples uint8 [N, 32], status uint8 [N], signals int64 [n, N], reward int64 [N] (micro-units).

    The row of a list signal holds lengths, and `lists` its elements by the signal's index.
    """

    samples: npt.NDArray[np.uint8]
    status: npt.NDArray[np.uint8]
    signals: npt.NDArray[np.int64]
    reward: npt.NDArray[np.int64]
    lists: dict[int, ListColumn] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.status)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where things lie in a local folder; `oracle.store` has the same behind any URL. Roots and hashes are 32 bytes."""

    path: Path

    def create(self) -> DataFolder:
        for name in FOLDERS:
            (self.path / name).mkdir(parents=True, exist_ok=True)
        return self

    @property
    def deployment(self) -> Path:
        return self.path / DEPLOYMENT

    def spec(self, spec_hash: bytes) -> Path:
        return self.path / spec_name(spec_hash)

    def epoch(self, root: bytes) -> Path:
        return self.path / epoch_name(root)

    def salts(self, root: bytes) -> Path:
        return self.path / salts_name(root)


def leaf_hashes(epoch: Epoch, progress: Callable[[int], None] | None = None) -> npt.NDArray[np.uint8]:
    """keccak256 of each row's leaf, uint8 [N, 32]; `progress` is told how many are done."""
    return hash_leaves(epoch.samples, epoch.status, epoch.signals, epoch.reward, epoch.lists, progress)


def leaf_of(epoch: Epoch, row: int) -> bytes:
    """The leaf of one row."""
    numbers: list[int] = []
    for index in range(len(epoch.signals)):
        numbers.append(int(epoch.signals[index, row]))
        if index in epoch.lists:
            column = epoch.lists[index]
            start, stop = column.starts[row : row + 2]
            numbers += column.elements[:, start:stop].T.ravel().tolist()
    return encode_leaf(row, epoch.samples[row].tobytes(), int(epoch.status[row]), numbers, int(epoch.reward[row]))


def row_of(epoch: Epoch, sample: bytes) -> int | None:
    """The row of a sample id (32 bytes), the first if there are several."""
    found = np.flatnonzero((epoch.samples == np.frombuffer(sample, np.uint8)).all(axis=1))
    return int(found[0]) if len(found) else None


def tree_of(epoch: Epoch, progress: Callable[[int], None] | None = None) -> tree.Tree:
    """The Merkle tree over all rows, whose leaves are hashed where they stand in it; `progress` is told how many are
    done. Raises ValueError when there is no row.
    """
    made = tree.room(len(epoch))
    hash_leaves(epoch.samples, epoch.status, epoch.signals, epoch.reward, epoch.lists, progress, made.leaves)
    return tree.fill(made)


def root_of(epoch: Epoch) -> bytes:
    """The Merkle root over all rows."""
    return tree_of(epoch).root


def write_epoch(path: Path, header: Header, epoch: Epoch) -> bytes:
    """Write the file so that it is either there in whole or not at all; returns the keccak256 of its bytes."""
    data = table_bytes(epoch_table(header, epoch))
    write_durably(path, data)
    return keccak256(data)


def encode_epoch(header: Header, epoch: Epoch) -> bytes:
    """The bytes of an epoch file."""
    return table_bytes(epoch_table(header, epoch))


def epoch_table(header: Header, epoch: Epoch) -> pa.Table:
    """The columns of an epoch file."""
    fields = [_signal_array(header, epoch, index) for index in range(len(header.signals))]
    return pa.table(
        {
            "sample_id": sample_array(epoch.samples),
            "status": epoch.status,
            "reward_micro": epoch.reward,
            "signals": pa.StructArray.from_arrays(fields, header.signals),
        }
    ).replace_schema_metadata({METADATA: msgspec.json.encode(header)})


def sample_array(samples: npt.NDArray[np.uint8]) -> pa.Array:
    """Samples uint8 [N, 32] as Arrow."""
    buffer = pa.py_buffer(np.ascontiguousarray(samples))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(samples), [None, buffer])


def _signal_array(header: Header, epoch: Epoch, index: int) -> pa.Array:
    """A signal as Arrow: int64, or a list of records of int64, null where the list could not be read."""
    if index not in epoch.lists:
        return pa.array(epoch.signals[index])
    column = epoch.lists[index]
    names = header.lists[header.signals[index]]
    records = pa.StructArray.from_arrays([pa.array(values) for values in column.elements], names)
    absent = pa.array(epoch.signals[index] == ABSENT)
    return pa.ListArray.from_arrays(pa.array(column.starts, pa.int32()), records, mask=absent)


def _signal_type(header: Header, name: str) -> pa.DataType:
    if name not in header.lists:
        return pa.int64()
    return pa.list_(pa.struct([(field, pa.int64()) for field in header.lists[name]]))


def table_bytes(table: pa.Table) -> bytes:
    """`table` as an Arrow IPC file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_epoch(path: Path) -> tuple[Header, Epoch, bytes]:
    """Header, rows and the keccak256 of the file's bytes.

    Raises EpochError: absent, not such a file, a column missing or of another type.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EpochError(f"{path}: {error.strerror}") from None
    return decode_epoch(data, str(path))


def decode_epoch(data: bytes, path: str) -> tuple[Header, Epoch, bytes]:
    """The same from the file's bytes; `path` is for errors."""
    try:
        table = pa.ipc.open_file(pa.py_buffer(data)).read_all()
        header = msgspec.json.decode((table.schema.metadata or {})[METADATA], type=Header)
        types = {name: table.schema.field(name).type for name in ("sample_id", "status", "reward_micro", "signals")}
        wanted = {
            "sample_id": pa.binary(32),
            "status": pa.uint8(),
            "reward_micro": pa.int64(),
            "signals": pa.struct([(name, _signal_type(header, name)) for name in header.signals]),
        }
        if types != wanted or any(table[name].null_count for name in wanted):
            raise EpochError(f"{path}: the columns are not those of an epoch file")
        columns = {name: _whole(table[name]) for name in wanted}
    except (pa.ArrowException, KeyError, msgspec.MsgspecError) as error:
        raise EpochError(f"{path}: not an epoch file: {str(error).splitlines()[0]}") from None
    count = table.num_rows
    if not count:
        raise EpochError(f"{path}: the file has no rows")
    samples = _sample_bytes(columns["sample_id"])
    signals = np.empty((len(header.signals), count), np.int64)
    lists: dict[int, ListColumn] = {}
    for index, name in enumerate(header.signals):
        array = columns["signals"].field(index)
        if name in header.lists:
            signals[index], lists[index] = _read_list(array, len(header.lists[name]))
        else:
            signals[index] = array.to_numpy()
    status, reward = columns["status"].to_numpy(), columns["reward_micro"].to_numpy()
    return header, Epoch(samples, status, signals, reward, lists), keccak256(data)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """One array; what lies in one piece, as our own files do, is not copied."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _sample_bytes(array: pa.Array) -> npt.NDArray[np.uint8]:
    """Samples uint8 [N, 32] where Arrow has them, without a copy; read-only."""
    return np.frombuffer(array.buffers()[1], np.uint8, 32 * len(array), 32 * array.offset).reshape(-1, 32)


def _read_list(array: pa.Array, fields: int) -> tuple[npt.NDArray[np.int64], ListColumn]:
    """Lengths (ABSENT where null) and elements."""
    lengths = pc.fill_null(pc.list_value_length(array), -1).to_numpy().astype(np.int64)
    records = pc.list_flatten(array)
    elements = np.array([records.field(i).to_numpy() for i in range(fields)], np.int64)
    return np.where(lengths < 0, ABSENT, lengths), ListColumn(np.maximum(lengths, 0), elements)
