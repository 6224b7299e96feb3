"""Rewards in the protocols of NeMo Gym, eval-protocol and OpenRLHF: the same journal and rewards, other documents.

Signals come with the request, or are made by the contract's pinned scorers from its texts and from what these read
beside them, such as a gold answer. A row without a reward is refused (`no-reward`) where the protocol has no word for
it: none of them takes null, and 0 would be a lie.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from rlhf_contract.api.access import Client
from rlhf_contract.api.limits import read_body
from rlhf_contract.api.messages import EvalProtocolRequest, NeMoGymRequest, OpenRLHFRequest, RewardRequest
from rlhf_contract.api.problem import Problem
from rlhf_contract.api.reading import JSON, columns_of_json, decode, other_fields
from rlhf_contract.api.rewards import LONGEST_RUN, content_type, count_rewards, idempotency_key
from rlhf_contract.api.service import Service, query
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.contributions import Contributions, contributions
from rlhf_contract.machine.program import Program
from rlhf_contract.oracle.rewarder import Claim, Rewarded, Submission
from rlhf_contract.oracle.scoring import pins_of
from rlhf_contract.scorers.scorer import COMPLETION, COMPLETIONS, PROMPT, PROMPTS, text_names
from rlhf_contract.types import Status

__all__ = ["post_eval_protocol", "post_nemo_gym", "post_openrlhf"]

Message = TypeVar("Message", bound=msgspec.Struct)
UNREWARDED = b"no reward: "


@dataclass(frozen=True, slots=True)
class Row:
    """A sample of a foreign document: its columns, of which the contract may know some, and its texts."""

    columns: Mapping[str, Any]
    prompt: str
    completion: str


async def post_nemo_gym(service: Service, request: Request, client: Client) -> Response:
    """NeMo Gym's `verify`: the request again, with `reward` and the `reward_components` that add up to it."""

    def rows(asked: NeMoGymRequest, body: bytes) -> list[Row]:
        prompt = _texts(asked.responses_create_params.get("input"))
        return [
            Row({**other_fields(body, NeMoGymRequest), **asked.signals}, prompt, _texts(asked.response.get("output")))
        ]

    def say(rewarded: Rewarded, parts: Contributions, body: bytes) -> Any:
        components = {name: float(values[0]) for name, values in parts.summands().items()}
        return {**json.loads(body), "reward": _rewards(rewarded)[0], "reward_components": components}

    return await _adapted(service, request, client, NeMoGymRequest, rows, say)


async def post_eval_protocol(service: Service, request: Request, client: Client) -> Response:
    """eval-protocol's `evaluate`: `score`, `metrics`; a row without a reward has no score, and is not valid."""

    def rows(asked: EvalProtocolRequest, body: bytes) -> list[Row]:
        said = asked.messages
        others = other_fields(body, EvalProtocolRequest)
        columns = {"ground_truth": asked.ground_truth, **others, **asked.kwargs}
        last = max((i for i, m in enumerate(said) if m.get("role") == "assistant"), default=len(said))
        return [Row(columns, _texts(said[:last]), _texts(said[last:]))]

    def say(rewarded: Rewarded, parts: Contributions, body: bytes) -> Any:
        (reward,), (reason,) = _rewards(rewarded), rewarded.reasons()
        metrics = {
            name: {"score": float(values[0]), "is_score_valid": True, "reason": ""}
            for name, values in (parts.floats() if reward is not None else {}).items()
        }
        broken = ", ".join(rewarded.violations()[0])
        return {
            "score": reward,
            "is_score_valid": reward is not None,
            "reason": reason or (f"breaks {broken}" if broken else "breaks no rule"),
            "metrics": metrics,
        }

    return await _adapted(service, request, client, EvalProtocolRequest, rows, say, refuse=False)


async def post_openrlhf(service: Service, request: Request, client: Client) -> Response:
    """OpenRLHF's remote reward: `rewards`, `scores` (the same) and `extra_logs`. A label is columns, or one."""

    def rows(asked: OpenRLHFRequest, body: bytes) -> list[Row]:
        if not len(asked.query) == len(asked.prompts) == len(asked.labels):
            raise Problem("malformed", "query, prompts and labels have different lengths")
        return [
            Row({"label": label, **_label(label)}, prompt, text.removeprefix(prompt))
            for text, prompt, label in zip(asked.query, asked.prompts, asked.labels, strict=True)
        ]

    def say(rewarded: Rewarded, parts: Contributions, body: bytes) -> Any:
        rewards = _rewards(rewarded)
        logs = {name.replace("/", "_"): values.tolist() for name, values in parts.floats().items()}
        return {"rewards": rewards, "scores": rewards, "extra_logs": logs}

    return await _adapted(service, request, client, OpenRLHFRequest, rows, say)


async def _adapted(
    service: Service,
    request: Request,
    client: Client,
    kind: type[Message],
    rows: Callable[[Message, bytes], list[Row]],
    say: Callable[[Rewarded, Contributions, bytes], Any],
    refuse: bool = True,
) -> Response:
    """The rows of a foreign document through the rewarder, and what is said of them; with `refuse`, all or nothing."""
    run = query(request, "run").get("run", "")
    if not 1 <= len(run) <= LONGEST_RUN:
        raise Problem("malformed", f"the query must have a run of 1 to {LONGEST_RUN} characters, such as ?run=run-1")
    content_type(request, JSON)
    key = idempotency_key(request)
    with service.load.body() as room:
        body = await read_body(request, room, service.limits.body_bytes)

        def encode(rewarded: Rewarded) -> bytes:
            if refuse and (rewarded.outcomes.status != Status.REWARDED).any():
                row, reason = next((i, r) for i, r in enumerate(rewarded.reasons()) if r)
                return UNREWARDED + f"row {row}: {reason}".encode()
            parts = contributions(rewarded.active.contract, _parts(rewarded.active.contract.source), rewarded.rows,
                                  rewarded.outcomes)  # fmt: skip
            return msgspec.json.encode(say(rewarded, parts, body))

        def submission() -> Submission:
            active = service.oracle.rewarder.in_force()
            contract, reads = active.contract, service.oracle.rewarder.scoring.usable(active).reads
            given = rows(decode(body, kind, service.limits), body)
            asked = RewardRequest(run, _named(contract, reads, given))
            fingerprint = hashlib.sha256(b"\0".join((kind.__name__.encode(), run.encode(), body))).digest()
            columns = columns_of_json(contract, asked, service.limits, pins_of(contract), reads)
            return Submission(columns, run, client.name, encode, key, fingerprint, claim)

        claim = Claim()
        work = to_thread.run_sync(lambda: service.oracle.rewarder.reward(submission()), limiter=service.workers)
        answer = await service.within_time(work, claim)
    if answer.rewarded is None:
        service.metrics.replayed.inc()
    else:
        count_rewards(service, answer.rewarded)
    if answer.body.startswith(UNREWARDED):
        raise Problem("no-reward", answer.body.removeprefix(UNREWARDED).decode())
    return Response(answer.body, media_type=JSON)


@lru_cache(maxsize=4)
def _parts(source: str) -> Program:
    """The program that takes rewards apart."""
    return compile_contract(load(source), parts=True)


def _named(contract: Contract, reads: Collection[str], rows: Iterable[Row]) -> list[dict[str, Any]]:
    """What the contract and its scorers read, and the texts: foreign documents carry foreign fields."""
    signals = {s.name for s in contract.signals}
    known = (signals | {*reads}) - ({PROMPT, COMPLETION} - signals)
    prompts, completions = (text_names(names, signals, reads)[:1] for names in (PROMPTS, COMPLETIONS))
    return [
        {name: value for name, value in row.columns.items() if name in known}
        | dict.fromkeys(prompts, row.prompt)
        | dict.fromkeys(completions, row.completion)
        for row in rows
    ]


def _rewards(rewarded: Rewarded) -> list[float | None]:
    outcomes = rewarded.outcomes
    return [
        micro / 10**6 if status == Status.REWARDED else None
        for status, micro in zip(outcomes.status.tolist(), outcomes.reward.tolist(), strict=True)
    ]


def _label(label: Any) -> dict[str, Any]:
    if isinstance(label, str):
        try:
            label = msgspec.json.decode(label)
        except msgspec.DecodeError:
            return {}
    return label if isinstance(label, dict) else {}


def _texts(value: Any) -> str:
    """All text of a conversation in the forms of OpenAI's two interfaces, line by line."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _texts(value.get("content", value.get("text")))
    if isinstance(value, list):
        return "\n".join(filter(None, map(_texts, value)))
    return ""
