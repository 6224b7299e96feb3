"""The digests of a finished run: which of them are those of what the run logged beside them.

One call of the reward function is one batch and has one digest. TRL keeps a call's rows together and in their order,
also those of several processes, and keeps so many rows as a generation batch has: where calls of another size came
between, such as an evaluation's, a call may be cut. `batch_rows` says how many rows it had, `sample` has the ids under
which an oracle keeps them, which its digest is made of; without an oracle the digest is made of texts and signals.
"""

from __future__ import annotations

from collections import Counter
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


def check_digests(
    found: Digests,
    columns: Columns,
    spec_hash: str,
    rows: Places,
    read: Callable[[Places], tuple[Rows, Outcomes]],
    text: Text,
) -> None:
    """Add to `found` the batches among `rows` of the file, which were rewarded under `spec_hash` (0x-text).

    `read` gives the signals of some rows and the outcomes that are due; `text` makes a text of a prompt or completion.
    """
    for digest, places, whole in _batches(columns, rows):
        verdict, why = Verdict.UNKNOWN, "the file has only a part of this batch"
        if whole is not False:
            verdict, why = _judged(columns, bytes.fromhex(spec_hash[2:]), digest, places, read, text)
            if verdict is Verdict.DIFFERS and whole is None:
                verdict, why = Verdict.UNKNOWN, "the run logged neither batch_rows nor sample beside it"
        found.verdicts[verdict] += 1
        if verdict is not Verdict.AGREES and len(found.first) < FIRST:
            found.first.append(Doubt(columns.where, int(places[0]), digest, verdict, why))


def _batches(columns: Columns, rows: Places) -> Iterator[tuple[str, Places, bool | None]]:
    """The rows of each batch, and whether these are all of it; None where the file does not say."""
    named = np.array(columns.text("digest"), object)
    sizes = _list(columns, "batch_rows")
    for digest in dict.fromkeys(named[rows].tolist()):
        if not digest:
            continue
        places = rows[named[rows] == digest]
        size = sizes[places[0]] if sizes is not None else None
        if not isinstance(size, int | float) or not size >= 1 or "sample" not in columns.columns:
            yield digest, places, None
        elif len(places) % int(size):
            yield digest, places, False
        else:  # calls with the same texts have the same digest
            for start in range(0, len(places), int(size)):
                yield digest, places[start : start + int(size)], True


def _judged(
    columns: Columns,
    spec_hash: bytes,
    digest: str,
    places: Places,
    read: Callable[[Places], tuple[Rows, Outcomes]],
    text: Text,
) -> tuple[Verdict, str]:
    rows, outcomes = read(places)
    samples = _samples(columns, places)
    if isinstance(samples, bytes):
        made, of = journaled_digest(spec_hash, samples, outcomes.status, outcomes.reward), "samples and rewards"
    elif samples is not None:
        return Verdict.DIFFERS, samples
    elif all(said == "abstained" for said in np.array(columns.text("status"), object)[places]):
        made, of = local_digest(spec_hash, (), rows, nothing(outcomes)), "signals, without a reward"
    else:
        try:
            texts = _texts(columns, places, text)
        except RewardContractError as error:
            return Verdict.UNKNOWN, str(error)
        if texts is None:
            return Verdict.UNKNOWN, "the file has no prompt or no completion"
        made, of = local_digest(spec_hash, texts, rows, outcomes), "texts, signals and rewards"
    if to_hex(made) == digest.lower():
        return Verdict.AGREES, ""
    return Verdict.DIFFERS, f"the {of} beside it are not those that it was made of"


def _samples(columns: Columns, places: Places) -> bytes | str | None:
    """The sample ids; None if there are none; what is wrong with them if they are none."""
    listed = _list(columns, "sample")
    ids = [listed[place] for place in places] if listed is not None else []
    if all(one is None for one in ids):
        return None
    try:
        made = [bytes.fromhex(str(one).removeprefix("0x")) for one in ids]
    except ValueError:
        made = []
    return b"".join(made) if made and all(len(one) == 32 for one in made) else "a sample beside it is no sample id"


def _texts(columns: Columns, places: Places, text: Text) -> list[str] | None:
    prompts, completions = _list(columns, "prompt"), _list(columns, "completion")
    if prompts is None or completions is None:
        return None
    return [text(listed[place]) for listed in (prompts, completions) for place in places]


def _list(columns: Columns, name: str) -> Sequence[object] | None:
    column = columns.columns.get(name)
    if column is None:
        return None
    return column.to_pylist() if isinstance(column, pa.ChunkedArray | pa.Array) else list(column)
