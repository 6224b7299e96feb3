"""POST /v1/rewards: read, compute, journal, answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from structlog.contextvars import bind_contextvars

from rlhf_contract.api.access import Client
from rlhf_contract.api.answering import as_arrow, as_json, wanted_format
from rlhf_contract.api.limits import read_body
from rlhf_contract.api.messages import RewardRequest
from rlhf_contract.api.problem import Problem
from rlhf_contract.api.reading import ARROW, JSON, arrow_table, columns_of_json, columns_of_table, decode
from rlhf_contract.api.service import Service, query
from rlhf_contract.hashing import to_hex
from rlhf_contract.machine.from_file import Columns
from rlhf_contract.oracle.epoch_file import run_id
from rlhf_contract.oracle.rewarder import Answer, Claim, Rewarded, Submission, counts
from rlhf_contract.oracle.scoring import pins_of
from rlhf_contract.types import Status

__all__ = ["KEY_PATTERN", "LONGEST_RUN", "content_type", "count_rewards", "idempotency_key", "post_rewards"]

KEY_PATTERN = "^[!-~]{1,200}$"
LONGEST_RUN = 200
ENCODE: dict[str, Callable[[Rewarded], bytes]] = {JSON: as_json, ARROW: as_arrow}


async def post_rewards(service: Service, request: Request, client: Client) -> Response:
    """The reward of every row. All of them are in the journal before the answer is sent."""
    query(request)
    kind = content_type(request, JSON, ARROW)
    wanted = wanted_format(request.headers.get("accept"), kind)
    key = idempotency_key(request)
    with service.load.body() as room:
        body = await read_body(request, room, service.limits.body_bytes)
        claim = Claim()
        answer = await service.within_time(_answer(service, client, kind, wanted, key, body, claim), claim)
    if answer.rewarded is None:
        service.metrics.replayed.inc()
        bind_contextvars(replayed=True)
    else:
        count_rewards(service, answer.rewarded)
    return Response(answer.body, media_type=wanted)


async def _answer(
    service: Service, client: Client, kind: str, wanted: str, key: str | None, body: bytes, claim: Claim
) -> Answer:
    def submission() -> Submission:
        run, columns = _read(service, kind, body)
        fingerprint = (
            b"" if key is None else hashlib.sha256(b"\0".join((kind.encode(), wanted.encode(), body))).digest()
        )
        return Submission(columns, run, client.name, ENCODE[wanted], key, fingerprint, claim)

    if kind == JSON and len(body) <= service.limits.small_body_bytes:
        small = submission()
        if small.columns.count == 1:
            return await service.collector.reward(small)
        return await to_thread.run_sync(service.oracle.rewarder.reward, small, limiter=service.workers)
    return await to_thread.run_sync(lambda: service.oracle.rewarder.reward(submission()), limiter=service.workers)


def _read(service: Service, kind: str, body: bytes) -> tuple[str, Columns]:
    """The run's name and the columns."""
    rewarder = service.oracle.rewarder
    active = rewarder.in_force()
    contract = active.contract
    made, read = pins_of(contract), rewarder.scoring.usable(active).reads
    if kind == JSON:
        message = decode(body, RewardRequest, service.limits)
        return message.run, columns_of_json(contract, message, service.limits, made, read)
    table = arrow_table(body, service.limits)
    try:
        run = (table.schema.metadata or {}).get(b"run", b"").decode()
    except UnicodeDecodeError:
        raise Problem("malformed", "the stream's metadata has a run that is not UTF-8") from None
    if not 1 <= len(run) <= LONGEST_RUN:
        raise Problem("malformed", f'the stream\'s metadata must have a "run" of 1 to {LONGEST_RUN} characters')
    return run, columns_of_table(contract, table, read)


def content_type(request: Request, *kinds: str) -> str:
    """The media type of the body. Raises Problem when it is none of `kinds`."""
    said = request.headers.get("content-type", "")
    kind, _, rest = said.partition(";")
    kind, rest = kind.strip().lower(), rest.strip().lower()
    if kind in kinds and rest in ("", "charset=utf-8", 'charset="utf-8"'):
        return kind
    raise Problem("content-type", f"send {' or '.join(kinds)}, in UTF-8; not {said[:100]!r}", Accept=", ".join(kinds))


def idempotency_key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not re.fullmatch(KEY_PATTERN[1:-1], given[0]):
        raise Problem(
            "malformed", "header Idempotency-Key must be given once, with 1 to 200 printable ASCII characters"
        )
    return given[0]


def count_rewards(service: Service, rewarded: Rewarded) -> None:
    """Into the metrics, and into the request's line of the log."""
    outcomes = rewarded.outcomes
    for status in Status:
        service.metrics.rewards.labels(status.name.lower()).inc(int((outcomes.status == status).sum()))
    for rule, broken in counts(rewarded.active, outcomes).items():
        service.metrics.violations.labels(rule).inc(broken)
    bind_contextvars(
        batch=rewarded.batch,
        digest=to_hex(rewarded.digest),
        run_id=to_hex(run_id(rewarded.run)),
        rows=len(rewarded.rows),
        spec=to_hex(rewarded.active.in_force.spec_hash),
    )
