"""The cache gives back what was put, or nothing: never something else, and never an error."""

from __future__ import annotations

import os
import shutil
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from rlhf_contract.prove import cache
from rlhf_contract.prove.cache import MAX_ENTRIES, PARTS, ProofCache, default_folder, key, prover_digest

SPEC, SOLVER, OPTIONS = b"CONTRACT c", "z3 4.16.0", {"rlimit": 50_000_000, "seed": 0}
KEY = key(SPEC, "bounded", SOLVER, OPTIONS)
VALUE = {"verdict": "proved", "tier": "relaxed", "witness": [[1, -(2**63), True]], "seconds": 0.25, "words": "≤ …"}


def file_of(folder: Path, name: str = KEY) -> Path:
    return folder / name[:2] / f"{name[2:]}.json"


def test_what_is_put_comes_back(tmp_path: Path) -> None:
    """Also in another object, and after it was put again."""
    store = ProofCache(tmp_path / "deep" / "proofs")
    assert store.get(KEY) is None
    store.put(KEY, {"verdict": "unknown"})
    store.put(KEY, VALUE)

    assert store.get(KEY) == VALUE
    assert ProofCache(tmp_path / "deep" / "proofs").get(KEY) == VALUE


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    folder = tmp_path / "proofs"
    ProofCache(folder).put(KEY, VALUE)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / KEY[:2], file_of(folder))] == [
        0o700,
        0o700,
        0o600,
    ]


@pytest.mark.parametrize(
    "other",
    [
        key(b"CONTRACT d", "bounded", SOLVER, OPTIONS),
        key(SPEC, "ensures.bounded", SOLVER, OPTIONS),
        key(SPEC, "bounded", "z3 4.16.1", OPTIONS),
        key(SPEC, "bounded", SOLVER, OPTIONS | {"seed": 1}),
        key(SPEC, "bounded", SOLVER, OPTIONS | {"seconds": 1}),
        key(SPEC, "bounded", SOLVER, {"rlimit": 50_000_000}),
        key(SPEC, "bounded" + SOLVER, "", OPTIONS),
    ],
)
def test_another_question_is_a_miss(other: str, tmp_path: Path) -> None:
    ProofCache(tmp_path).put(KEY, VALUE)

    assert ProofCache(tmp_path).get(other) is None


def test_keys_are_hashes_of_their_parts() -> None:
    """The order in which options are given does not matter."""
    assert len(bytes.fromhex(KEY)) == 32
    assert key(SPEC, "bounded", SOLVER, {"seed": 0, "rlimit": 50_000_000}) == KEY


def test_every_flipped_bit_is_a_miss(tmp_path: Path) -> None:
    """Damaged entries are removed, and can be put again."""
    store = ProofCache(tmp_path)
    store.put(KEY, VALUE)
    path = file_of(tmp_path)
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        garbled = bytearray(whole)
        garbled[bit // 8] ^= 1 << bit % 8
        path.write_bytes(garbled)

        assert store.get(KEY) is None, garbled
        assert not path.exists()
    store.put(KEY, VALUE)

    assert store.get(KEY) == VALUE


def test_every_truncation_is_a_miss(tmp_path: Path) -> None:
    store = ProofCache(tmp_path)
    store.put(KEY, VALUE)
    whole = file_of(tmp_path).read_bytes()
    for length in range(len(whole)):
        file_of(tmp_path).write_bytes(whole[:length])

        assert store.get(KEY) is None


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"value":' + b"[" * 100_000, b"\xff\xfe", b"null", b"{}", b"\0" * 99]
)
def test_nonsense_is_a_miss(content: bytes, tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir()
    file_of(tmp_path).write_bytes(content)

    assert ProofCache(tmp_path).get(KEY) is None


def test_an_entry_under_another_name_is_a_miss(tmp_path: Path) -> None:
    """Two entries that changed places, each whole in itself."""
    store, other = ProofCache(tmp_path), key(SPEC, "ensures.private", SOLVER, OPTIONS)
    store.put(KEY, VALUE)
    store.put(other, {"verdict": "refuted"})
    file_of(tmp_path).rename(tmp_path / "kept")
    file_of(tmp_path, other).rename(file_of(tmp_path))
    (tmp_path / "kept").rename(file_of(tmp_path, other))

    assert (store.get(KEY), store.get(other)) == (None, None)


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    """A file in the place of a folder, at each level; a folder that may only be read; none at all."""
    (tmp_path / "file").touch()
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / KEY[:2]).touch()
    (tmp_path / "entry").mkdir()
    file_of(tmp_path / "entry").mkdir(parents=True)
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper", tmp_path / "part", tmp_path / "entry", None):
        store = ProofCache(folder)
        store.put(KEY, VALUE)

        assert store.get(KEY) is None


def test_a_folder_that_may_only_be_read_serves_what_it_has(tmp_path: Path) -> None:
    store, other = ProofCache(tmp_path), key(SPEC, "other", SOLVER, OPTIONS)
    store.put(KEY, VALUE)
    for folder in (tmp_path / KEY[:2], tmp_path):
        folder.chmod(0o500)
    try:
        store.put(other, VALUE)
        assert store.get(KEY) == VALUE
        assert os.geteuid() == 0 or store.get(other) is None
    finally:
        for folder in (tmp_path, tmp_path / KEY[:2]):
            folder.chmod(0o700)


def write_and_read(folder: Path) -> set[str]:
    """What one of several processes does, all with the same keys; returns the types of what it read."""
    store, read = ProofCache(folder), set()
    for turn in range(50):
        for number in range(5):
            name = f"{number:064x}"
            store.put(name, VALUE | {"turn": turn, "number": number, "long": "x" * 20_000})
            found = store.get(name)
            read.add("nothing" if found is None else "whole" if found["number"] == number else "wrong")
    return read


def test_processes_may_write_the_same_keys(tmp_path: Path) -> None:
    """Readers see whole entries only, and none goes missing."""
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        read = set().union(*pool.map(write_and_read, [tmp_path] * 8))
    names = [f"{number:064x}" for number in range(5)]

    assert read == {"whole"}
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(file_of(tmp_path, name) for name in names)


def test_the_oldest_entries_go(tmp_path: Path) -> None:
    """Each part keeps its share; reading an entry makes it young again."""
    store, share = ProofCache(tmp_path), MAX_ENTRIES // PARTS
    names = [f"ab{number:062x}" for number in range(share + 10)]
    for age, name in enumerate(names[:share]):
        store.put(name, VALUE)
        os.utime(file_of(tmp_path, name), (age, age))
    assert store.get(names[0]) == VALUE
    for name in names[share:]:
        store.put(name, VALUE)

    assert [name for name in names if store.get(name) is None] == names[1:11]


def test_what_json_cannot_say_is_the_callers_fault(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        ProofCache(tmp_path).put(KEY, {"verdict": object()})


@pytest.fixture
def prover(tmp_path: Path) -> Path:
    """A copy of the prover, in a folder of another name than the last."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in cache.SOURCES:
        source, target = cache.PACKAGE / name, tmp_path / "first" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copyfile(source, target)
    return tmp_path / "first"


def asked(package: Path) -> str:
    return key(SPEC, "bounded", SOLVER, OPTIONS, package)


def test_the_place_of_the_prover_does_not_matter(prover: Path) -> None:
    assert asked(prover) == asked(prover.rename(prover.with_name("second")))


@pytest.mark.parametrize(
    "name", ["lang/check.py", "lang/grammar.lark", "machine/step.py", "prove/cache.py", "types.py"]
)
def test_a_changed_prover_asks_anew(name: str, prover: Path) -> None:
    before = asked(prover)
    changed = prover.with_name("second")
    prover.rename(changed)
    (changed / name).write_bytes((changed / name).read_bytes() + b"\n")

    assert asked(changed) != before


def test_a_renamed_or_new_source_asks_anew(prover: Path) -> None:
    before = asked(prover)
    second = prover.rename(prover.with_name("second"))
    (second / "lang" / "parse.py").rename(second / "lang" / "parse_.py")
    renamed = asked(second)
    third = second.rename(prover.with_name("third"))
    (third / "lang" / "parse_.py").rename(third / "lang" / "parse.py")
    (third / "prove" / "more.py").touch()
    new = asked(third)
    fourth = third.rename(prover.with_name("fourth"))
    (fourth / "prove" / "more.py").rename(fourth / "machine" / "more.py")

    assert len({before, renamed, new, asked(fourth)}) == 4


def test_other_files_do_not_count(prover: Path) -> None:
    before = asked(prover)
    second = prover.rename(prover.with_name("second"))
    (second / "lang" / "notes.txt").touch()
    (second / "oracle").mkdir()
    (second / "oracle" / "new.py").touch()

    assert asked(second) == before


def test_without_sources_nothing_is_ever_found(tmp_path: Path) -> None:
    """A package without its text could be any: its key never comes again, except within the process."""
    (tmp_path / "types.py").mkdir()
    first = prover_digest(tmp_path)
    prover_digest.cache_clear()

    assert prover_digest(tmp_path) != first


@pytest.mark.parametrize(
    "named, folder",
    [("/var/cache/me", "/var/cache/me"), ("", "/home/me/.cache"), ("relative", "/home/me/.cache")],
)
def test_the_default_folder(named: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", named)

    assert default_folder() == Path(folder, "rlhf-contract", "proofs")


def test_a_user_without_a_home_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Any:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)

    assert default_folder() is None
    assert ProofCache(default_folder()).get(KEY) is None
