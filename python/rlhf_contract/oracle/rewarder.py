"""What answers a trainer: rewards of the contract in force, in the journal before they are told.

Nothing here is signed or sent. A row is either in the journal and answered, or neither.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from rlhf_contract.errors import ChainError, KeyReused, RewardContractError, Withdrawn
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.digest import journaled_digest
from rlhf_contract.machine.from_file import Columns, to_rows
from rlhf_contract.machine.lanes import ListColumn
from rlhf_contract.machine.rows import Rows
from rlhf_contract.machine.to_numpy import Outcomes
from rlhf_contract.machine.verdict import reasons, violations
from rlhf_contract.oracle import payload
from rlhf_contract.oracle.attester import Active, commit, header_of
from rlhf_contract.oracle.epoch_file import Epoch
from rlhf_contract.oracle.journal.journal import Journal
from rlhf_contract.oracle.journal.records import Accepted, Offer, Request
from rlhf_contract.oracle.salts import SaltBox, Sample
from rlhf_contract.oracle.scoring import Scoring

__all__ = ["Answer", "Claim", "InForce", "Rewarded", "Rewarder", "Submission"]


class Claim:
    """Whether somebody still waits. A request is either withdrawn before its rows are written, or it is written."""

    class _State(Enum):
        OPEN = 0
        TAKEN = 1
        WITHDRAWN = 2

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = Claim._State.OPEN

    def take(self) -> bool:
        """Called just before writing; False when the request has been withdrawn."""
        return self._become(Claim._State.TAKEN)

    def withdraw(self) -> bool:
        """Called when time is over; False when the rows are being written already, and an answer will come."""
        return self._become(Claim._State.WITHDRAWN)

    def _become(self, state: Claim._State) -> bool:
        with self._lock:
            if self._state is Claim._State.OPEN:
                self._state = state
            return self._state is state


@dataclass(frozen=True, slots=True)
class Rewarded:
    """One accepted batch of N rows: what a trainer is told.

    sample_ids  uint8 [N, 32], a commitment to each row's texts
    samples     those texts with their salts
    digest      32 bytes: keccak256 of spec hash, sample ids, statuses and rewards (int64, big-endian)
    """

    batch: str
    run: str
    active: Active
    rows: Rows
    outcomes: Outcomes
    sample_ids: npt.NDArray[np.uint8]
    samples: list[Sample] = field(repr=False)
    digest: bytes

    def reasons(self) -> list[str]:
        """For each row, why it has no reward; empty when it has one."""
        return reasons(self.active.contract, self.rows, self.outcomes)

    def violations(self) -> list[list[str]]:
        """For each row, the rules that it breaks."""
        return violations(self.active.contract, self.outcomes)


@dataclass(frozen=True, slots=True)
class Submission:
    """A request for rewards.

    `owner` is who asks; idempotency keys are each owner's own. `fingerprint` (32 bytes) tells requests apart under one
    key, `encode` makes the bytes that are told, and told again when the key comes again.
    """

    columns: Columns
    run: str
    owner: str
    encode: Callable[[Rewarded], bytes]
    key: str | None = None
    fingerprint: bytes = b""
    claim: Claim = field(default_factory=Claim)

    @property
    def request(self) -> Request | None:
        """As the journal knows requests under a key; None without one."""
        return None if self.key is None else Request(self.owner, self.key, self.fingerprint)


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes to tell. `rewarded` is None when they are those of an earlier request with the same key."""

    body: bytes
    rewarded: Rewarded | None


class InForce:
    """The contract in force as the last look at the chain found it; safe to call from any thread."""

    def __init__(self) -> None:
        self._found: Active | ChainError = ChainError("the chain has not been asked yet which contract is in force")

    def set(self, found: Active | ChainError) -> None:
        """What a cycle found: the contract, or why there is none."""
        self._found = found

    def __call__(self) -> Active:
        """Raises ChainError: nothing is in force; SpecMismatch: it is another text than ours."""
        found = self._found
        if isinstance(found, ChainError):
            raise found.with_traceback(None)
        return found


class Rewarder:
    """Computes, journals, answers. Any number of threads may call it."""

    def __init__(
        self, in_force: Callable[[], Active], journal: Journal, box: SaltBox, scoring: Scoring | None = None
    ) -> None:
        """`box` encrypts salts and texts before the journal sees them, `scoring` makes signals that pin a scorer."""
        self.in_force = in_force
        self.scoring = scoring or Scoring()
        self._journal = journal
        self._box = box
        self._busy: set[tuple[str, str]] = set()
        self._freed = threading.Condition()

    def reward(self, submission: Submission) -> Answer:
        """Raises what `reward_all` returns in place of an answer."""
        (answer,) = self.reward_all([submission])
        if isinstance(answer, RewardContractError):
            raise answer
        return answer

    def reward_all(self, submissions: Sequence[Submission]) -> list[Answer | RewardContractError]:
        """One run of the program and one transaction for all; each gets its own answer or its own error.

        ChainError, SpecMismatch: nothing is in force. DataError: not rows of this contract. KeyReused: the key stands
        for another request. ScorerError: a pinned scorer is not here or has failed. Withdrawn: nobody waits any more.
        JournalError: nothing was written.
        """
        with self._alone({(s.owner, s.key) for s in submissions if s.key is not None}):
            results: dict[int, Answer | RewardContractError] = {}
            first: dict[tuple[str, str], int] = {}
            fresh: list[int] = []
            for place, submission in enumerate(submissions):
                if submission.key is not None:
                    known = self._known(submission)
                    if known is not None:
                        results[place] = known
                        continue
                    if (submission.owner, submission.key) in first:
                        continue
                    first[submission.owner, submission.key] = place
                fresh.append(place)
            results |= self._write(submissions, fresh)
            for place, submission in enumerate(submissions):
                if place not in results:
                    assert submission.key is not None
                    original = first[submission.owner, submission.key]
                    results[place] = _again(submission, submissions[original], results[original])
        return [results[place] for place in range(len(submissions))]

    def _known(self, submission: Submission) -> Answer | RewardContractError | None:
        request = submission.request
        assert request is not None
        try:
            body = self._journal.answers.get(request)
        except RewardContractError as error:
            return error
        return None if body is None else Answer(body, None)

    def _write(self, submissions: Sequence[Submission], places: list[int]) -> dict[int, Answer | RewardContractError]:
        """Compute and journal the submissions at `places` together."""
        results: dict[int, Answer | RewardContractError] = {}
        computed: list[tuple[int, Rewarded]] = []
        try:
            active = self.in_force()
        except ChainError as error:
            return dict.fromkeys(places, error)
        readable: list[tuple[int, Rows]] = []
        filled: dict[int, Columns] = {}
        for place, columns in self.scoring.fill(active, {p: submissions[p].columns for p in places}).items():
            if isinstance(columns, RewardContractError):
                results[place] = columns
                continue
            try:
                readable.append((place, to_rows(active.contract, columns)))
                filled[place] = columns
            except RewardContractError as error:
                results[place] = error
        if readable:
            together = joined([rows for _, rows in readable])
            outcomes = to_numpy.run(active.program, together.signals, together.lists)
            stop = 0
            for place, rows in readable:
                start, stop = stop, stop + len(rows)
                try:
                    rewarded = _rewarded(
                        submissions[place].run, filled[place], active, rows, outcomes.part(start, stop)
                    )
                except RewardContractError as error:
                    results[place] = error
                    continue
                computed.append((place, rewarded))
        offers: list[tuple[int, Rewarded, Offer]] = []
        for place, rewarded in computed:
            submission = submissions[place]
            body, kept_rows = submission.encode(rewarded), self._pack(rewarded)
            if not submission.claim.take():
                results[place] = Withdrawn("time was over before anything was written; send the request again")
                continue
            spec_hash, request = active.in_force.spec_hash, submission.request
            kept = body if request is not None else b""
            ids = rewarded.sample_ids.tobytes()
            offer = Offer(submission.run, spec_hash, len(rewarded.rows), kept_rows, request, kept, ids)
            offers.append((place, rewarded, offer))
            results[place] = Answer(body, rewarded)
        if offers:
            results |= self._keep(offers)
        return results

    def _pack(self, rewarded: Rewarded) -> bytes:
        """What the journal keeps of a batch."""
        rows, outcomes = rewarded.rows, rewarded.outcomes
        header = header_of(rewarded.active, self._box.contract_id, rewarded.run, 0)
        epoch = Epoch(rewarded.sample_ids, outcomes.status, rows.signals, outcomes.reward, rows.lists)
        return payload.compose(self._box, header, epoch, rewarded.samples)

    def _keep(self, offers: list[tuple[int, Rewarded, Offer]]) -> dict[int, Answer | RewardContractError]:
        """What has to be told instead of what was computed: an error, or another process's answer for the same key."""
        try:
            kept = self._journal.accept_all([offer for _, _, offer in offers])
        except RewardContractError as error:
            return {place: error for place, _, _ in offers}
        instead: dict[int, Answer | RewardContractError] = {}
        for (place, _, _), result in zip(offers, kept, strict=True):
            if not isinstance(result, Accepted):
                instead[place] = result
            elif result.replayed:
                instead[place] = Answer(result.answer, None)
        return instead

    @contextmanager
    def _alone(self, keys: set[tuple[str, str]]) -> Iterator[None]:
        """Wait until nobody else works under one of these keys. All are taken at once, so nobody waits in a ring."""
        with self._freed:
            self._freed.wait_for(lambda: not keys & self._busy)
            self._busy |= keys
        try:
            yield
        finally:
            with self._freed:
                self._busy -= keys
                self._freed.notify_all()


def _again(
    duplicate: Submission, original: Submission, result: Answer | RewardContractError
) -> Answer | RewardContractError:
    """What the second of two requests under one key, arriving together, is told."""
    assert duplicate.key is not None
    if duplicate.fingerprint != original.fingerprint:
        return _reused(duplicate.key)
    return Answer(result.body, None) if isinstance(result, Answer) else result


def _reused(key: str) -> KeyReused:
    return KeyReused(f"the idempotency key {key!r} belongs to another request; take a new key for a new request")


def _rewarded(run: str, columns: Columns, active: Active, rows: Rows, outcomes: Outcomes) -> Rewarded:
    samples, ids = commit(columns, active.contract)
    digest = journaled_digest(active.in_force.spec_hash, ids.tobytes(), outcomes.status, outcomes.reward)
    return Rewarded(str(uuid.uuid4()), run, active, rows, outcomes, ids, samples, digest)


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, which are of one contract, one after the other."""
    if len(parts) == 1:
        return parts[0]
    lists: dict[int, ListColumn] = {}
    for index in parts[0].lists:
        columns = [rows.lists[index] for rows in parts]
        lists[index] = ListColumn(
            np.concatenate([c.counts for c in columns]), np.concatenate([c.elements for c in columns], axis=1)
        )
    signals = np.concatenate([rows.signals for rows in parts], axis=1)
    return Rows(parts[0].specs, signals, np.concatenate([rows.faults for rows in parts], axis=1), lists)


def counts(active: Active, outcomes: Outcomes) -> Mapping[str, int]:
    """How many rows break each rule."""
    broken = outcomes.breaches.sum(axis=1)
    return {rule.name: int(n) for rule, n in zip(active.contract.rules, broken, strict=True)}
