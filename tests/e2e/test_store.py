"""The data folder, on a local disk and on an S3-compatible server alike."""

from __future__ import annotations

from pathlib import Path
from threading import Barrier, Thread

import msgspec
import numpy as np
import pytest

from batches import BOX, HEADER, batch
from rlhf_contract.chain.deployment import Deployment
from rlhf_contract.errors import EpochError
from rlhf_contract.hashing import keccak256
from rlhf_contract.oracle.durable import write_durably
from rlhf_contract.oracle.epoch_file import DataFolder, read_epoch, root_of
from rlhf_contract.oracle.salts import encode_salts
from rlhf_contract.oracle.store import Store


@pytest.fixture
def store(storage: str) -> Store:
    return Store.open(storage)


def test_an_epoch_comes_back(store: Store) -> None:
    """Header, rows and hash are those that were written, lists and unreadable ones included."""
    epoch, _ = batch(4, "a")
    root = root_of(epoch)
    assert not store.has_epoch(root)
    data_hash = store.put_epoch(root, HEADER, epoch)
    header, read, read_hash = store.epoch(root)

    assert store.has_epoch(root)
    assert (header, read_hash, root_of(read)) == (HEADER, data_hash, root)
    assert np.array_equal(read.signals, epoch.signals)


def test_an_epoch_is_written_once(store: Store) -> None:
    """The same again is fine, another file under the same root is not, unless a crash has left the first behind."""
    epoch, _ = batch(4, "a")
    root = root_of(epoch)
    other = msgspec.structs.replace(HEADER, epoch=7)
    data_hash = store.put_epoch(root, HEADER, epoch)

    assert store.put_epoch(root, HEADER, epoch) == data_hash
    with pytest.raises(EpochError, match="exists with other content"):
        store.put_epoch(root, other, epoch)
    assert store.epoch(root)[0] == HEADER
    store.put_epoch(root, other, epoch, replace=True)
    assert store.epoch(root)[0] == other


def test_of_two_writers_one_wins(store: Store) -> None:
    """At the same moment, with different files: one is there in whole, the other writer is told."""
    epoch, _ = batch(64, "a")
    root, barrier = root_of(epoch), Barrier(2)
    outcomes: dict[int, str] = {}

    def write(number: int) -> None:
        barrier.wait()
        try:
            store.put_epoch(root, msgspec.structs.replace(HEADER, epoch=number), epoch)
            outcomes[number] = "written"
        except EpochError as error:
            outcomes[number] = str(error)

    writers = [Thread(target=write, args=(number,)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    winner = store.epoch(root)[0].epoch

    assert outcomes[winner] == "written"
    assert "exists with other content" in outcomes[3 - winner]


def test_specs_and_the_deployment(store: Store) -> None:
    """A text lies under its hash; a folder belongs to one deployment."""
    deployment = Deployment(1337, "Safe", "0x" + "22" * 32, *["0x" + "11" * 20] * 7)
    store.put_deployment(deployment)
    store.put_deployment(deployment)

    assert store.deployment() == deployment
    assert store.put_spec(b"a text") == keccak256(b"a text")
    assert store.spec(keccak256(b"a text")) == b"a text"
    with pytest.raises(EpochError, match="exists with other content"):
        store.put_deployment(msgspec.structs.replace(deployment, chain_id=1))


def test_salts_are_replaced_and_listed(store: Store) -> None:
    """Salts alone change: an erasure writes them anew."""
    roots = [bytes([n]) * 32 for n in (1, 2)]
    for root in roots:
        store.put_salts(root, encode_salts(np.zeros((1, 32), np.uint8), [b"x" * 40], BOX.key_id))
    assert list(store.salted()) == roots
    store.put_salts(roots[0], b"other")

    assert store.salts(roots[0]) == b"other"


def test_what_is_absent_is_said(store: Store) -> None:
    """With its place."""
    root = b"r" * 32
    for read in (store.epoch, store.salts, store.spec):
        with pytest.raises(EpochError, match=rf"0x{root.hex()}.*No such file"):
            read(root)
    with pytest.raises(EpochError, match=r"deployment\.json: No such file"):
        store.deployment()
    assert list(store.salted()) == []


def test_the_check_leaves_nothing_behind(store: Store, storage: str) -> None:
    """A preflight writes, reads and removes one file."""
    store.check()

    assert not [f for f in store.files.find(store.root) if "check" in f]


def test_a_bucket_that_is_not_there(s3: object) -> None:
    """The preflight names the URL."""
    with pytest.raises(EpochError, match="s3://no-such-bucket/x/epochs/check"):
        Store.open("s3://no-such-bucket/x").check()
    with pytest.raises(EpochError, match="no such kind of storage"):
        Store.open("nowhere://x")


def test_a_local_store_is_the_data_folder(tmp_path: Path) -> None:
    """What a store writes is where an auditor's DataFolder reads it; salts are for their owner's eyes."""
    store, folder = Store.open(str(tmp_path)), DataFolder(tmp_path)
    epoch, _ = batch(3, "a")
    root = root_of(epoch)
    data_hash = store.put_epoch(root, HEADER, epoch)
    store.put_salts(root, b"secret")

    assert read_epoch(folder.epoch(root))[2] == data_hash
    assert folder.salts(root).stat().st_mode & 0o777 == 0o600
    assert folder.epoch(root).stat().st_mode & 0o777 == 0o644


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    """When the write fails, neither the file nor a part of it is there."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_durably(tmp_path / "file", bytes(8192))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []
