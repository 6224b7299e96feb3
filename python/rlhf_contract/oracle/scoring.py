"""Signals that the contract in force pins to a scorer are made here, from the texts that a row carries.

Nobody is believed about such a signal: who sends it too has it compared, and a row without its text has no value.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rlhf_contract.errors import DataError, RewardContractError, ScorerError, ScorerMissing, ScorerTimeout
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.lang.pin import Pin, read_pin
from rlhf_contract.machine import from_arrow, from_values
from rlhf_contract.machine.from_file import Columns
from rlhf_contract.oracle.attester import Active
from rlhf_contract.oracle.settings import Settings
from rlhf_contract.oracle.voice import log
from rlhf_contract.scorers.cache.layers import Cache
from rlhf_contract.scorers.from_file import read_scorers
from rlhf_contract.scorers.meters import Meters
from rlhf_contract.scorers.pinned import OnError, Scorers, text_of
from rlhf_contract.scorers.scorer import COMPLETION, COMPLETIONS, PROMPT, PROMPTS, text_names
from rlhf_contract.scorers.values import Value
from rlhf_contract.types import ABSENT

__all__ = ["SECONDS", "Scoring", "pins_of"]

SECONDS = 20.0  # below the time of a request, so that a scorer that is late can be named
RETRY_SECONDS = 60.0  # reading a model's files again to find them wrong again is dear


class Scoring:
    """Scorers are made once for each contract. Any number of threads may call it."""

    def __init__(
        self,
        file: Path | None = None,
        seconds: float = SECONDS,
        on_error: OnError = "raise",
        cache: Callable[[], Cache] = Cache,
    ) -> None:
        """`file` is a scorers file, `seconds` the limit of one scorer for one batch. `cache` opens one."""
        self.meters = Meters()
        self._file, self._seconds, self._on_error, self._open_cache = file, seconds, on_error, cache
        self._cache: Cache | None = None
        self._found: dict[bytes, tuple[Scorers | ScorerError, float]] = {}  # by spec hash; when it was made
        self._newest = b""
        self._lock = threading.Lock()

    @classmethod
    def told(cls, settings: Settings) -> Scoring:
        """As the settings say."""
        said, url = settings.scorers, settings.cache_url
        secret = settings.cache_secret.value if settings.cache_secret else b""
        return cls(
            Path(said.file) if said.file else None,
            said.seconds or min(SECONDS, settings.limits.seconds * 2 / 3),
            said.on_error,
            lambda: Cache(said.cache, url.value.decode() if url else None, secret),
        )

    def activate(self, active: Active) -> Scorers:
        """The scorers of this contract, made now if they were not. What was wrong is tried again after a minute.

        Raises ScorerMissing, ScorerMismatch: a pinned scorer is not here, or is another one; ScorerError.
        """
        key = active.in_force.spec_hash
        with self._lock:
            found = self._found.get(key)
            if found is None or (isinstance(found[0], ScorerError) and time.monotonic() - found[1] >= RETRY_SECONDS):
                found = self._made(active.contract), time.monotonic()
                before = {self._newest: self._found[self._newest]} if self._newest in self._found else {}
                self._found = {**before, key: found}  # requests of the contract before may still be on their way
                self._newest = key
        return _or_raised(found[0])

    def check(self) -> None:
        """Raises what keeps the scorers of the contract in force from being used."""
        if self._newest in self._found:
            _or_raised(self._found[self._newest][0])

    def close(self) -> None:
        """Release the cache."""
        if self._cache is not None:
            self._cache.close()

    def _made(self, contract: Contract) -> Scorers | ScorerError:
        self.meters.breakers.clear()  # of a contract that is in force no more
        self.meters.abandoned.clear()
        if not pins_of(contract):
            return Scorers({}, None, self._seconds, self.meters)
        try:
            extra = read_scorers(self._file) if self._file else {}
            if self._cache is None:
                self._cache = self._open_cache()
            return Scorers.of(contract, extra=extra, cache=self._cache, seconds=self._seconds, meters=self.meters)
        except ScorerError as error:
            return error
        except DataError as error:
            return ScorerMissing(str(error))
        except Exception as error:  # a scorer's module may raise anything when it is imported
            return ScorerMissing(f"a pinned scorer cannot be made: {type(error).__name__}: {error}")

    def usable(self, active: Active) -> Scorers:
        """The same for a request: the error names scorers, and no path of this machine. Raises ScorerMissing."""
        found = self._found.get(active.in_force.spec_hash)  # what was wrong is tried again by cycles, not by requests
        try:
            return self.activate(active) if found is None else _or_raised(found[0])
        except ScorerError:
            names = ", ".join(sorted({pin.name for pin in pins_of(active.contract).values()}))
            raise ScorerMissing(
                f"{active.contract.name} pins {names}, and not all of them can be run here; /ready says why"
            ) from None

    def fill(self, active: Active, given: Mapping[int, Columns]) -> dict[int, Columns | RewardContractError]:
        """Each of these columns with the signals that scorers make; or its error.

        DataError: a text or a column is not there, or a signal was sent that is not what its scorer says.
        ScorerError: a scorer is not here; or, unless told to abstain, has failed or was late.
        """
        if not pins_of(active.contract):
            return dict(given)
        results: dict[int, Columns | RewardContractError] = {}
        parts: dict[int, _Part] = {}
        try:
            scorers = self.usable(active)
        except ScorerError as error:
            return dict.fromkeys(given, error)
        for place, columns in given.items():
            try:
                parts[place] = _part(columns, scorers, active.contract)
            except DataError as error:
                results[place] = error
        for group in _groups(parts, scorers.alone):
            results |= self._scored(active.contract, scorers, {place: parts[place] for place in group})
        return results

    def _scored(
        self, contract: Contract, scorers: Scorers, parts: Mapping[int, _Part]
    ) -> dict[int, Columns | RewardContractError]:
        """One call of each scorer for the rows of all parts, which have the same columns."""
        prompts = [text for part in parts.values() for text in part.prompts]
        completions = [text for part in parts.values() for text in part.completions]
        names = next(iter(parts.values())).extra
        extra = {name: [value for part in parts.values() for value in part.extra[name]] for name in names}
        made = scorers.attempt(prompts, completions, extra)
        for signal, (_, error) in made.items():
            if error is not None:  # its own words may quote a text
                cause = type(error.__cause__ or error).__name__
                log.warning("scorer failed", signal=signal, scorer=scorers.pins[signal].name, reason=cause)
        results: dict[int, Columns | RewardContractError] = {}
        start = 0
        for place, part in parts.items():
            stop = start + len(part.rows)
            values = {signal: found[start:stop] for signal, (found, _) in made.items()}
            start = stop
            try:
                if self._on_error == "raise":
                    _all_there(values, {s: e for s, (_, e) in made.items()}, part.rows, scorers.pins)
                results[place] = _joined(contract, part, values, scorers.pins)
            except RewardContractError as error:
                results[place] = error
        return results


def _or_raised(found: Scorers | ScorerError) -> Scorers:
    if isinstance(found, ScorerError):
        raise found.with_traceback(None)
    return found


def pins_of(contract: Contract) -> dict[str, Pin]:
    """The signals that a pinned scorer makes, and which."""
    found = {spec.name: read_pin(spec.by) for spec in contract.signals}
    return {name: pin for name, pin in found.items() if pin is not None}


@dataclass(frozen=True, slots=True)
class _Part:
    """What scorers read of one request: of the `rows` that have a text, their texts and the columns named."""

    columns: Columns
    rows: list[int]
    prompts: list[str] = field(repr=False)
    completions: list[str] = field(repr=False)
    extra: dict[str, list[object]] = field(repr=False)


def _part(columns: Columns, scorers: Scorers, contract: Contract) -> _Part:
    """Raises DataError naming the column that is not there, or the text that is none."""
    reads, needs, here = scorers.reads, scorers.needs, columns.columns
    own = {s.name for s in contract.signals}
    asked = next((n for n in text_names(PROMPTS, own, reads) if n in here), None)
    told = next((n for n in text_names(COMPLETIONS, own, reads) if n in here), None)
    signals = ", ".join(sorted(scorers.signals))
    if told is None:
        raise DataError(f"{columns.where}: pinned scorers make {signals} from the texts: send prompt and completion")
    if asked is None and PROMPT in needs:
        raise DataError(f"{columns.where}: a pinned scorer of {signals} reads the prompt: send that too")
    named = sorted(reads - {PROMPT, COMPLETION})
    missing = [name for name in named if name in needs and name not in here]
    if missing:
        raise DataError(f"{columns.where}: a pinned scorer of {signals} reads the column {missing[0]}: send that too")
    completions = _list(here[told])
    prompts = _list(here[asked]) if asked else [""] * columns.count
    rows = [r for r in range(columns.count) if completions[r] is not None]
    if PROMPT in needs:
        rows = [r for r in rows if prompts[r] is not None]
    try:
        texts = (
            [text_of("" if prompts[r] is None else prompts[r], f"{asked} of row {r}") for r in rows],
            [text_of(completions[r], f"{told} of row {r}") for r in rows],
        )
    except ScorerError as error:
        raise DataError(f"{columns.where}: {error}") from None
    extra = {name: [column[r] for r in rows] for name, column in ((n, _list(here[n])) for n in named if n in here)}
    # A sample id commits to the texts that were scored, under whatever names they came.
    whole = {name: column for name, column in here.items() if name in own or name not in (*PROMPTS, *COMPLETIONS)}
    whole |= {told: completions} | ({asked: prompts} if asked else {})
    return _Part(Columns(whole, columns.count, columns.where, columns.labels), rows, *texts, extra)


def _list(column: Any) -> Sequence[object]:
    values: Sequence[object] = column.to_pylist() if isinstance(column, pa.ChunkedArray | pa.Array) else column
    return values


def _groups(parts: Mapping[int, _Part], together: bool) -> Iterator[list[int]]:
    """Requests that are scored in one call: those with the same columns, where a row's value is its own."""
    groups: dict[Any, list[int]] = {}
    for place, part in parts.items():
        groups.setdefault(tuple(part.extra) if together else place, []).append(place)
    yield from groups.values()


def _all_there(
    values: Mapping[str, Sequence[Value | None]],
    errors: Mapping[str, ScorerError | None],
    rows: Sequence[int],
    pins: Mapping[str, Pin],
) -> None:
    """Raises ScorerError, ScorerTimeout naming the scorer of a value that is not there, and nothing of any text."""
    for signal, found in values.items():
        if None not in found:
            continue
        error, name = errors[signal], pins[signal].name
        if isinstance(error, ScorerTimeout):
            raise ScorerTimeout(f"the scorer {name} of signal {signal} has not answered in time; nothing was kept")
        if error is not None:
            raise ScorerError(f"the scorer {name} of signal {signal} has failed; nothing was kept")
        row = rows[found.index(None)]
        raise ScorerError(f"the scorer {name} of signal {signal} has no value for row {row}; nothing was kept")


def _joined(
    contract: Contract, part: _Part, values: Mapping[str, Sequence[Value | None]], pins: Mapping[str, Pin]
) -> Columns:
    """The columns with what was made. Raises DataError when a signal was sent too and is another one."""
    whole = dict(part.columns.columns)
    for spec in contract.signals:
        if spec.name not in values:
            continue
        made: list[object] = [None] * part.columns.count
        failed = np.zeros(part.columns.count, bool)
        for row, value in zip(part.rows, values[spec.name], strict=True):
            made[row], failed[row] = value, value is None
        if spec.name in whole:
            _compared(spec, whole[spec.name], made, failed, pins[spec.name], part.columns.where)
        whole[spec.name] = made
    return Columns(whole, part.columns.count, part.columns.where, part.columns.labels)


def _compared(spec: SignalSpec, sent: Any, made: list[object], failed: Any, pin: Pin, where: str) -> None:
    """What was sent is what was made, as the integers that are attested; null and what has failed is left out."""
    one, other = _read(spec, sent), _read(spec, made)
    for row in range(len(made)):
        if not failed[row] and one[row] is not None and one[row] != other[row]:
            said = "none, for want of a text" if made[row] is None else str(made[row])[:100]
            raise DataError(
                f"{where}: row {row} says that {spec.name} is {str(_list(sent)[row])[:100]}; "
                f"{pin.name}@{pin.version} says {said}. Leave {spec.name} away: it is made here"
            )


def _read(spec: SignalSpec, column: Any) -> list[object]:
    """Each row as the integers that it is read as; None where it is not there."""
    arrow = isinstance(column, pa.ChunkedArray | pa.Array)
    if spec.kind != "list":
        numbers = (from_arrow.read_column(spec, column) if arrow else from_values.read_values(spec, column))[0]
        return [None if number == ABSENT else number for number in numbers.tolist()]
    read = from_arrow.read_list(spec, column) if arrow else from_values.read_list(spec, column)
    elements, starts = read.column.elements.T.tolist(), read.column.starts
    lengths = read.lengths.tolist()
    return [None if n == ABSENT else elements[starts[row] : starts[row + 1]] for row, n in enumerate(lengths)]
