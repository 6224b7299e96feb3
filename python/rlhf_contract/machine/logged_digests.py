"""The digests of a finished run: which of them are those of what the run logged beside them.

One call of the reward function is one batch and has one digest. TRL keeps a call's rows together and in their order,
also those of several processes, and keeps so many rows as a generation batch has: where calls of another size came
between, such as an evaluation's, a call may be cut. `batch_rows` says how many rows it had, `sample` has the ids under
which an oracle keeps them, which its digest is made of; without an oracle the digest is made of texts and signals.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rlhf_contract.errors import RewardContractError
from rlhf_contract.hashing import to_hex
from rlhf_contract.machine.digest import journaled_digest, local_digest, nothing
from rlhf_contract.machine.from_file import Columns
from rlhf_contract.machine.rows import Rows
from rlhf_contract.machine.to_numpy import Outcomes

__all__ = ["Digests", "Doubt", "Text", "Verdict", "check_digests"]

Places = npt.NDArray[np.int64]
Text = Callable[[object], str]
FIRST = 20  # doubts that are kept


class Verdict(StrEnum):
    """What can be said of a logged digest."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A batch whose digest does not agree: its first row, from 0, in `file`, and why."""

    file: str
    row: int
    digest: str
    verdict: Verdict
    why: str


@dataclass(slots=True)
class Digests:
    """Batches of all files so far, by what their digests say."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    first: list[Doubt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Logged:
    """What a file has beside its digests, a value for each row; None: there is no such column."""

    digests: list[str]
    statuses: list[str]
    sizes: Sequence[object] | None
    samples: Sequence[object] | None
    prompts: Sequence[object] | None
    completions: Sequence[object] | None


def check_digests(
    found: Digests,
    columns: Columns,
    spec_hash: str,
    rows: Places,
    read: Rows,
    due: Outcomes,
    text: Text,
) -> None:
    """Add to `found` the batches among `rows` of the file, which were rewarded under `spec_hash` (0x-text).

    `read` and `due` are the signals and the outcomes of `rows`; `text` makes a text of a prompt or completion.
    """
    named = ("batch_rows", "sample", "prompt", "completion")
    logged = _Logged(columns.text("digest"), columns.text("status"), *(_list(columns, name) for name in named))
    for digest, at, whole in _batches(logged, rows):
        verdict, why = Verdict.UNKNOWN, "the file has only a part of this batch"
        if whole is not False:
            part = read.at(at), due.status[at], due.reward[at]
            verdict, why = _judged(logged, bytes.fromhex(spec_hash[2:]), digest, rows[at].tolist(), *part, text)
            if verdict is Verdict.DIFFERS and whole is None:
                verdict, why = Verdict.UNKNOWN, "the run logged neither batch_rows nor sample beside it"
        found.verdicts[verdict] += 1
        if verdict is not Verdict.AGREES and len(found.first) < FIRST:
            found.first.append(Doubt(columns.where, int(rows[at[0]]), digest, verdict, why))


def _batches(logged: _Logged, rows: Places) -> Iterator[tuple[str, Places, bool | None]]:
    """Where in `rows` each batch is, and whether this is all of it; None where the file does not say."""
    named: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows.tolist()):
        if logged.digests[row]:
            named[logged.digests[row]].append(at)
    for digest, listed in named.items():
        found = np.array(listed)
        size = logged.sizes[rows[found[0]]] if logged.sizes is not None else None
        if not isinstance(size, int | float) or not size >= 1 or logged.samples is None:
            yield digest, found, None
        elif len(found) % int(size):
            yield digest, found, False
        else:  # calls with the same texts have the same digest
            for start in range(0, len(found), int(size)):
                yield digest, found[start : start + int(size)], True


def _judged(
    logged: _Logged,
    spec_hash: bytes,
    digest: str,
    places: list[int],
    read: Rows,
    status: npt.NDArray[np.uint8],
    reward: npt.NDArray[np.int64],
    text: Text,
) -> tuple[Verdict, str]:
    samples = _samples(logged, places)
    if isinstance(samples, bytes):
        made, of = journaled_digest(spec_hash, samples, status, reward), "samples and rewards"
    elif samples is not None:
        return Verdict.DIFFERS, samples
    elif all(logged.statuses[place] == "abstained" for place in places):
        made, of = local_digest(spec_hash, (), read, *nothing(len(places))), "signals, without a reward"
    elif logged.prompts is None or logged.completions is None:
        return Verdict.UNKNOWN, "the file has no prompt or no completion"
    else:
        try:
            texts = [text(listed[place]) for listed in (logged.prompts, logged.completions) for place in places]
        except RewardContractError as error:
            return Verdict.UNKNOWN, str(error)
        made, of = local_digest(spec_hash, texts, read, status, reward), "texts, signals and rewards"
    if to_hex(made) == digest.lower():
        return Verdict.AGREES, ""
    return Verdict.DIFFERS, f"the {of} beside it are not those that it was made of"


def _samples(logged: _Logged, places: list[int]) -> bytes | str | None:
    """The sample ids; None if there are none; what is wrong with them if they are none."""
    ids = [logged.samples[place] for place in places] if logged.samples is not None else []
    if all(one is None for one in ids):
        return None
    try:
        made = [bytes.fromhex(str(one).removeprefix("0x")) for one in ids]
    except ValueError:
        made = []
    return b"".join(made) if made and all(len(one) == 32 for one in made) else "a sample beside it is no sample id"


def _list(columns: Columns, name: str) -> Sequence[object] | None:
    column = columns.columns.get(name)
    if column is None:
        return None
    return column.to_pylist() if isinstance(column, pa.ChunkedArray | pa.Array) else list(column)
