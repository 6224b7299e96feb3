"""The rewards of a finished run, computed again from the signals that it logged.

TRL's GRPOTrainer with `log_completions=True` writes completions/completions_00020.parquet at each logging step: step,
prompt, completion, a column for each reward function by its `__name__`, one for each name given to `log_extra`, and
advantage. Rewards there are what became of a Python float as a float32; NaN where the function gave None. What our
reward function gives to `log_extra`, and this module reads: spec_hash, reward_micro, status and `logged_signals`; and
digest, batch_rows and sample, which `logged_digests` reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rlhf_contract.errors import DataError
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.from_file import Columns, read_file, to_rows
from rlhf_contract.machine.logged_digests import Digests, Text, check_digests
from rlhf_contract.machine.program import Program
from rlhf_contract.machine.rows import Rows
from rlhf_contract.machine.to_numpy import Outcomes
from rlhf_contract.machine.verdict import reasons
from rlhf_contract.types import ABSENT, MICRO, Status, decimal_text

__all__ = ["Difference", "Kind", "Replay", "Version", "completion_files", "logged_signals", "replay"]

SIGNAL = "signal/"
"""Before a signal's name, so that none of them takes the place of a column of TRL's own."""
NO_REWARDS = ("step", "prompt", "completion", "advantage", "reward_micro", "batch_rows", "sample")
FIRST = 20  # differences that are kept
FLOAT_EXACT = 2**52  # below, a float64 of so many millionths is read as the same millionths


def logged_signals(rows: Rows) -> dict[str, list[Any]]:
    """A column by `signal/` and the name of each signal, for `log_extra`: read again, the same integers.

    What could not be read is None. Numbers too large for a float64 are Decimals.
    """
    return {SIGNAL + spec.name: _logged(rows, index) for index, spec in enumerate(rows.specs)}


def _logged(rows: Rows, index: int) -> list[Any]:
    spec, numbers = rows.specs[index], rows.signals[index]
    if spec.kind != "list":
        return _plain(spec, numbers)
    column = rows.lists[index]
    fields = [_plain(field, values) for field, values in zip(spec.fields, column.elements, strict=True)]
    names = [field.name for field in spec.fields]
    records = [dict(zip(names, values, strict=True)) for values in zip(*fields, strict=True)]
    ends = pairwise(column.starts.tolist())
    return [
        None if n == ABSENT else records[start:stop] for n, (start, stop) in zip(numbers.tolist(), ends, strict=True)
    ]


def _plain(spec: SignalSpec, numbers: npt.NDArray[np.int64]) -> list[Any]:
    values: list[Any] = numbers.tolist()
    if spec.kind == "choice":
        return [None if v == ABSENT else spec.choices[v] for v in values]
    if spec.kind == "bool":
        return [None if v == ABSENT else bool(v) for v in values]
    if all(abs(v) < FLOAT_EXACT or v == ABSENT for v in values):
        return [None if v == ABSENT else v / 10**spec.scale if spec.scale else v for v in values]
    return [None if v == ABSENT else Decimal(v).scaleb(-spec.scale) for v in values]


class Kind(StrEnum):
    """How a logged reward differs from the one that its signals earn."""

    OTHER = "another reward"
    UNDUE = "a reward where none is due"
    WITHHELD = "no reward where one is due"


@dataclass(frozen=True, slots=True)
class Version:
    """A contract that the run may have used, by its specHash as 0x-text."""

    spec_hash: str
    contract: Contract
    program: Program


@dataclass(frozen=True, slots=True)
class Difference:
    """`row` counts from 0 in `file`. `logged` is None for NaN, `due` an exact decimal; if '', `why` says why."""

    file: str
    row: int
    step: int | None
    kind: Kind
    logged: float | None
    due: str
    why: str


@dataclass(slots=True)
class Replay:
    """What came of all files so far. `largest`: the greatest distance of a logged reward from the exact one.

    `abstained`: rows for which nobody knew a reward then, as the run itself says; they are equal if it gave none.
    """

    files: int = 0
    rows: int = 0
    equal: int = 0
    rewarded: int = 0
    abstained: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    largest: float = 0.0
    first: list[Difference] = field(default_factory=list)
    digests: Digests = field(default_factory=Digests)

    @property
    def different(self) -> int:
        return self.rows - self.equal


def completion_files(path: Path) -> list[Path]:
    """The file itself, or the Parquet files of a folder in the order of their names; or of its `completions`.

    Raises DataError: nothing there.
    """
    if not path.is_dir():
        return [path]
    for folder in (path, path / "completions"):
        if files := sorted(folder.glob("*.parquet")):
            return files
    raise DataError(f"{path}: there is no Parquet file in this folder; TRL writes them with log_completions=True")


def replay(found: Replay, file: Path, versions: Sequence[Version], column: str | None = None, *, text: Text) -> None:
    """Add to `found` what came of the rows of `file`. The first of `versions` counts where no column names one.

    `text` makes a text of a prompt or a completion, which may be messages, as it was made for the digests.

    Raises DataError: a column is missing, or a row was rewarded under a contract that is not among `versions`.
    """
    columns = read_file(file)
    known = {version.spec_hash: version for version in versions}
    logged = _numbers(columns, column or _reward_column(columns, versions))
    micro = _numbers(columns, "reward_micro") if "reward_micro" in columns.columns else None
    abstained = np.array(columns.text("status"), object) == "abstained"
    for spec_hash, rows in _by_contract(columns, known).items():
        version = known[spec_hash]
        read, due = _due(version, columns, rows)
        said = _Said(columns, rows, logged[rows], None if micro is None else micro[rows], abstained[rows])
        _compare(found, said, due.reward, due.status == Status.REWARDED, reasons(version.contract, read, due))
        check_digests(found.digests, columns, spec_hash, rows, read, due, text)
    found.files += 1
    found.rows += columns.count


def _reward_column(columns: Columns, versions: Sequence[Version]) -> str:
    """The column of numbers that is neither TRL's own nor a signal; of several the one that begins with our name."""
    signals = {s.name for version in versions for s in version.contract.signals}
    numbers = [
        name
        for name, column in columns.columns.items()
        if name not in signals and name not in NO_REWARDS and not name.startswith(SIGNAL) and _is_number(column)
    ]
    ours = [n for n in numbers if any(n.startswith(version.contract.name) for version in versions)]
    for some in (numbers, ours):
        if len(some) == 1:
            return some[0]
    choice = f"one of {', '.join(numbers)}" if numbers else "there is no column of numbers besides the signals"
    raise DataError(f"{columns.where}: which column has the rewards? Name it with --column ({choice})")


def _is_number(column: object) -> bool:
    return isinstance(column, pa.ChunkedArray) and (
        pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)
    )


def _numbers(columns: Columns, name: str) -> npt.NDArray[np.float64]:
    """float64 [N]; NaN where there is none."""
    if name not in columns.columns:
        raise DataError(f"{columns.where}: there is no column {name}; the file has {', '.join(columns.columns)}")
    column = columns.columns[name]
    array = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([pa.array(column)])
    if not _is_number(array):
        raise DataError(f"{columns.where}: the column {name} holds {array.type}, no rewards")
    floats: npt.NDArray[np.float64] = array.cast(pa.float64()).to_numpy()
    return floats


def _by_contract(columns: Columns, known: Mapping[str, Version]) -> dict[str, npt.NDArray[np.int64]]:
    """The rows of each contract, by its specHash."""
    if "spec_hash" not in columns.columns:
        return {next(iter(known)): np.arange(columns.count)}
    named = np.array([text.lower() for text in columns.text("spec_hash")], object)
    rows = {}
    for spec_hash in dict.fromkeys(named.tolist()):
        where = np.flatnonzero(named == spec_hash)
        if spec_hash not in known:
            given = ", ".join(f"{v.contract.name} {v.contract.version} is {h}" for h, v in known.items())
            raise DataError(
                f"{columns.where}: row {where[0]} was rewarded under specHash {spec_hash or '(none)'}, but {given}; "
                "name the other version too, with --also"
            )
        rows[spec_hash] = where
    return rows


def _due(version: Version, columns: Columns, rows: npt.NDArray[np.int64]) -> tuple[Rows, Outcomes]:
    """Of `rows` of the file: their signals, and what these earn."""
    kept = {}
    for signal in version.contract.signals:
        name = next((n for n in (SIGNAL + signal.name, signal.name) if n in columns.columns), None)
        if name is not None:
            column = columns.columns[name]
            kept[signal.name] = column.take(rows) if isinstance(column, pa.ChunkedArray) else [column[r] for r in rows]
    spare = {name: column for name, column in columns.columns.items() if not name.startswith(SIGNAL)}
    read = to_rows(version.contract, Columns({**spare, **kept}, len(rows), columns.where, columns.labels))
    return read, to_numpy.run(version.program, read.signals, read.lists)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the run says of `rows` of its file: logged float64, NaN for none; exact micro-units, if it logged them."""

    columns: Columns
    rows: npt.NDArray[np.int64]
    logged: npt.NDArray[np.float64]
    micro: npt.NDArray[np.float64] | None
    abstained: npt.NDArray[np.bool_]


def _compare(
    found: Replay,
    said: _Said,
    due: npt.NDArray[np.int64],
    rewarded: npt.NDArray[np.bool_],
    why: list[str],
) -> None:
    """A logged reward is right as the double nearest to the exact one, or as the float32 nearest to that.

    Where exact millionths were logged too, they must be right to the last one.
    """
    exact = np.where(rewarded, due, 0) / MICRO
    given = ~np.isnan(said.logged)
    same = (said.logged == exact) | (said.logged == exact.astype(np.float32))
    if said.micro is not None:
        same &= said.micro == due
        given |= ~np.isnan(said.micro)
    kinds = {
        Kind.OTHER: given & rewarded & ~same,
        Kind.UNDUE: given & ~rewarded,
        Kind.WITHHELD: ~given & rewarded & ~said.abstained,
    }
    different = np.logical_or.reduce(list(kinds.values()))
    for kind, mask in kinds.items():
        found.kinds[kind] += int(mask.sum())
    found.equal += int((~different).sum())
    found.rewarded += int(rewarded.sum())
    found.abstained += int((said.abstained & ~given).sum())
    distances = np.abs(exact - said.logged)[kinds[Kind.OTHER]]
    found.largest = max(found.largest, float(np.nan_to_num(distances, posinf=np.inf).max(initial=0.0)))
    steps = said.columns.columns.get("step")
    for place in np.flatnonzero(different)[: FIRST - len(found.first)]:
        row = int(said.rows[place])
        step = steps[row].as_py() if isinstance(steps, pa.ChunkedArray) else None
        kind = next(kind for kind, mask in kinds.items() if mask[place])
        logged = None if np.isnan(said.logged[place]) else float(said.logged[place])
        earned = decimal_text(int(due[place]), 6) if rewarded[place] else ""
        found.first.append(Difference(said.columns.where, row, step, kind, logged, earned, why[place]))
