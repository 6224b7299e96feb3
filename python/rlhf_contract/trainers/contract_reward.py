"""A contract as a trainer's reward: the same machine as the oracle's, in this process, with or without an oracle.

With an oracle the rewards are computed twice, here and there, from the same integers. They are told only when both
agree, and then they are in its journal; with attest="beside" they are told at once, and held against the oracle's while
the step goes on (`beside.py`). The contract's text comes from the oracle too, and must have the hash that it claims,
and the one that the caller expects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rlhf_contract.errors import DataError, OracleDisagrees, OracleUnavailable, TrainerError
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.contributions import contributions
from rlhf_contract.machine.digest import local_digest, nothing
from rlhf_contract.machine.from_file import Columns, to_rows
from rlhf_contract.machine.rows import Rows
from rlhf_contract.machine.to_numpy import Outcomes
from rlhf_contract.machine.verdict import reasons, violations
from rlhf_contract.scorers.pinned import Scorers, text_of
from rlhf_contract.trainers.agreement import STATUS, agree
from rlhf_contract.trainers.beside import Beside
from rlhf_contract.trainers.client import RewardClient
from rlhf_contract.trainers.messages import Told
from rlhf_contract.trainers.scored import ScoredBatch
from rlhf_contract.trainers.wire import wire_columns
from rlhf_contract.types import Status

__all__ = ["Attest", "ContractReward", "OnError", "SignalFunction"]

OnError = Literal["raise", "abstain"]
Attest = Literal["before", "beside"]
SignalFunction = Callable[..., Sequence[object]]
"""Called as trainers call reward functions: `f(prompts=, completions=, **columns)`, a value for each row."""

WHERE = "the batch"


class ContractReward:
    """Threads may share one, and it can be pickled when `signals` and `scorers` can.

    `on_error` says what happens when a signal cannot be read, a scorer fails or the oracle does not answer: "raise", or
    "abstain", which gives the rows concerned no reward. An inadmissible row is no error: the contract itself gives it
    no reward.

    `attest` says when an oracle attests: "before" a batch is told, or "beside" the step that uses it, while at most
    `waiting` batches are on their way; then `settle` waits for them.
    """

    def __init__(
        self,
        source: str | bytes,
        *,
        spec_hash: str | None = None,
        on_error: OnError = "raise",
        signals: Mapping[str, SignalFunction] | None = None,
        scorers: Mapping[str, Callable[..., Any]] | None = None,
        oracle: RewardClient | None = None,
        run: str = "",
        attest: Attest = "before",
        waiting: int = 16,
        filename: str = "<spec>",
    ) -> None:
        """The contract that `source` says; `spec_hash` (hex), when given, refuses every other text.

        `signals` makes signals of a batch by functions that nobody pinned; `scorers` offers implementations for names
        that the contract pins with BY. `run` is the training run under which the oracle attests.
        Raises SpecError, OracleDisagrees (another hash), and what pinning scorers raises.
        """
        data = source.encode() if isinstance(source, str) else source
        self.spec_hash = to_hex(keccak256(data))
        if spec_hash is not None and spec_hash.lower() != self.spec_hash:
            raise OracleDisagrees(f"{filename} has specHash {self.spec_hash}; expected was {spec_hash}")
        if on_error not in ("raise", "abstain"):
            raise ValueError('on_error is "raise" or "abstain"')
        if oracle is not None and not run:
            raise ValueError("an oracle attests under the name of a training run: give run=")
        if attest not in ("before", "beside") or waiting < 1:
            raise ValueError('attest is "before" or "beside", and at least one batch may be waiting')
        if attest == "beside" and oracle is None:
            raise ValueError('attest="beside" is for a contract with an oracle; there is none to attest')
        self.source, self.filename = data, filename
        self.on_error, self.oracle, self.run = on_error, oracle, run
        self._signal_functions = dict(signals or {})
        self._offered = dict(scorers or {})
        self._beside = Beside(oracle, self.spec_hash, waiting) if oracle is not None and attest == "beside" else None
        self._begin()

    def _begin(self) -> None:
        self.contract: Contract = load(self.source, self.filename)
        self.program = compile_contract(self.contract)
        self._parts = compile_contract(self.contract, parts=True)
        self.scorers = Scorers.of(self.contract, extra=self._offered)

    def __getstate__(self) -> dict[str, Any]:
        made = ("contract", "program", "_parts", "scorers")
        return {name: value for name, value in vars(self).items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    @classmethod
    def from_file(cls, path: str | Path, **options: Any) -> ContractReward:
        """The contract in a file. Raises DataError when there is none; `options` are those of the class."""
        try:
            source = Path(path).read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from None
        return cls(source, filename=str(path), **options)

    @classmethod
    def from_oracle(cls, url: str | RewardClient, *, run: str, **options: Any) -> ContractReward:
        """The contract that an oracle applies now; its rewards are attested under `run`.

        Raises OracleUnavailable, OracleDisagrees.
        """
        client = url if isinstance(url, RewardClient) else RewardClient(url)
        adopted = client.contract()
        made = cls(adopted.text, oracle=client, run=run, filename=f"{client.url}/v1/contract", **options)
        if made.spec_hash != adopted.spec_hash:
            raise OracleDisagrees(f"the oracle shows a text of specHash {made.spec_hash} as {adopted.spec_hash}")
        return made

    @property
    def name(self) -> str:
        """Stable and unique: the contract's name and the first bytes of its hash, as trainers name metrics."""
        return f"{self.contract.name}_{self.spec_hash[2:10]}"

    def score(self, prompts: Sequence[object], completions: Sequence[object], **columns: Any) -> ScoredBatch:
        """The rewards of N completions, texts or conversations; each column has N values. Others than signals are left.

        Raises DataError (a signal has neither column nor scorer), TrainerError (lengths; with "raise" also a signal
        that cannot be read), OracleUnavailable and scorers' errors (with "raise"), OracleDisagrees. With
        attest="beside" the last two are of a batch before, and this one is not told.
        """
        count = len(completions)
        if len(prompts) != count:
            raise TrainerError(f"{len(prompts)} prompts, but {count} completions")
        texts = [text_of(p) for p in prompts], [text_of(c) for c in completions]
        given = self._signals(prompts, completions, columns)
        rows = to_rows(self.contract, Columns(given, count, WHERE))
        outcomes = to_numpy.run(self.program, rows.signals, rows.lists)
        if self.on_error == "raise":
            for row in np.flatnonzero(outcomes.status == Status.INVALID)[:1]:
                raise TrainerError(f'row {row}: {rows.reason(int(row))}; on_error="abstain" gives it no reward')
        told: Told | None = None
        if self.oracle is not None:
            try:
                wired = wire_columns(self.contract, rows, *texts, self._read(columns))
                if self._beside is not None:
                    self._beside.put(self.run, wired, outcomes)
                else:
                    told = self.oracle.rewards(self.run, wired)
                    agree(told, self.spec_hash, outcomes)
            except OracleUnavailable as error:
                if self.on_error == "raise":
                    raise
                return self._abstained(rows, str(error))
        return self._scored(rows, outcomes, texts, told)

    async def score_async(
        self, prompts: Sequence[object], completions: Sequence[object], **columns: Any
    ) -> ScoredBatch:
        """`score` in a thread, so that an event loop goes on meanwhile."""
        return await asyncio.to_thread(self.score, prompts, completions, **columns)

    @property
    def waiting(self) -> int:
        """Batches that were told and are not in the oracle's journal yet, as far as this trainer knows."""
        return 0 if self._beside is None else self._beside.waiting

    def settle(self, seconds: float) -> None:
        """Wait until every batch told so far is in the oracle's journal; at once with attest="before".

        Raises OracleUnavailable when time is over and says what is left; OracleDisagrees.
        """
        if self._beside is not None:
            self._beside.settle(seconds)

    def _signals(
        self,
        prompts: Sequence[object],
        completions: Sequence[object],
        columns: Mapping[str, Any],
    ) -> dict[str, Any]:
        """A column for each signal, wherever it comes from. What is pinned with BY comes from its scorer only."""
        count = len(completions)
        plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in columns.items()}
        made = {n: f(prompts=prompts, completions=completions, **plain) for n, f in self._signal_functions.items()}
        whole = {name: value for name, value in plain.items() if hasattr(value, "__len__") and len(value) == count}
        scored = self.scorers.score(prompts, completions, whole, on_error=self.on_error)
        wanted = {s.name for s in self.contract.signals}
        found = {name: value for name, value in {**plain, **made, **scored}.items() if name in wanted}
        for name, values in found.items():
            if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
                has = f"{len(values)} values" if isinstance(values, Sequence) else type(values).__name__
                raise TrainerError(f"signal {name} has {has} for {count} completions")
        return found

    def _read(self, columns: Mapping[str, Any]) -> dict[str, Sequence[object]]:
        """The columns that pinned scorers read beside the texts; the oracle's need them too."""
        return {name: columns[name] for name in self.scorers.reads & columns.keys()}

    def _scored(
        self, rows: Rows, outcomes: Outcomes, texts: tuple[list[str], list[str]], told: Told | None
    ) -> ScoredBatch:
        parts = contributions(self.contract, self._parts, rows, outcomes)
        micro = [
            m if s == Status.REWARDED else None for m, s in zip(outcomes.reward.tolist(), outcomes.status, strict=True)
        ]
        return ScoredBatch(
            rewards=[None if m is None else m / 10**6 for m in micro],
            micro=micro,
            components=parts.floats(),
            summands=parts.summands(),
            violations=violations(self.contract, outcomes),
            status=[STATUS[s] for s in outcomes.status.tolist()],
            reasons=reasons(self.contract, rows, outcomes),
            spec_hash=self.spec_hash,
            digest=told.digest if told else self._digest(chain(*texts), rows, outcomes.status, outcomes.reward),
            attested=told is not None,
            samples=[r.sample for r in told.rewards] if told else [],
            rows=rows,
        )

    def _digest(
        self, texts: Iterable[str], rows: Rows, status: npt.NDArray[np.uint8], reward: npt.NDArray[np.int64]
    ) -> str:
        return to_hex(local_digest(bytes.fromhex(self.spec_hash[2:]), texts, rows, status, reward))

    def _abstained(self, rows: Rows, reason: str) -> ScoredBatch:
        """Nobody knows: no row has a reward, and none is in a journal as far as this trainer can tell."""
        count = len(rows)
        nan = np.full(count, np.nan)
        names = [f"utility/{u.stakeholder}" for u in self.contract.utilities]
        rules = [f"rule/{r.name}" for r in self.contract.rules]
        return ScoredBatch(
            rewards=[None] * count,
            micro=[None] * count,
            components=dict.fromkeys([*names, "aggregate", *rules], nan),
            summands=dict.fromkeys(["aggregate", *rules, "rounding"], nan),
            violations=[[] for _ in range(count)],
            status=["abstained"] * count,
            reasons=[reason] * count,
            spec_hash=self.spec_hash,
            digest=self._digest((), rows, *nothing(count)),
            attested=False,
            samples=[],
            rows=rows,
        )
