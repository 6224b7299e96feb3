"""The table of what there is: each address, who may ask, what goes in and out, what can go wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from rlhf_contract.api import adapters, messages, operating, reads, rewards
from rlhf_contract.api.access import READERS, ClientRole
from rlhf_contract.api.service import Service

__all__ = ["ROUTES", "Parameter", "Route"]

Handler = Callable[[Service, Request, Any], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """In the path, the query or a header; `schema` is JSON Schema."""

    name: str
    where: str
    schema: dict[str, Any]
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one address. `roles` is empty where nobody needs a token; `answer` is None for plain text."""

    method: str
    path: str
    handler: Handler
    answer: type[msgspec.Struct] | None
    roles: tuple[ClientRole, ...] = ()
    body: type[msgspec.Struct] | None = None
    arrow: bool = False
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    always: bool = field(default=False)  # answered however full the house is

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]


ADDRESS = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
NUMBER = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
BODY = ("slow-body", "too-large", "content-type")
RUN = {"type": "string", "minLength": 1, "maxLength": rewards.LONGEST_RUN}
KEY = Parameter(
    "Idempotency-Key", "header", {"type": "string", "pattern": rewards.KEY_PATTERN},
    "the same key and body get the same bytes again",
)  # fmt: skip
ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/v1/rewards", rewards.post_rewards, messages.Rewards, ("trainer",), messages.RewardRequest, True,
        (KEY,),
        (*BODY, "data", "answer-type", "key-reused", "not-in-force", "scorer", "journal", "time", "unknown-outcome"),
    ),
    *(
        Route(
            "POST", path, handler, answer, ("trainer",), body,
            parameters=(Parameter("run", "query", RUN, "the training run", required=True), KEY),
            problems=(*BODY, "data", "key-reused", "no-reward", "not-in-force", "scorer", "journal", "time",
                      "unknown-outcome"),
        )
        for path, handler, answer, body in (
            ("/v1/nemo-gym/verify", adapters.post_nemo_gym, messages.NeMoGymAnswer, messages.NeMoGymRequest),
            ("/v1/eval-protocol/evaluate", adapters.post_eval_protocol, messages.EvalProtocolAnswer,
             messages.EvalProtocolRequest),
            ("/v1/openrlhf", adapters.post_openrlhf, messages.OpenRLHFAnswer, messages.OpenRLHFRequest),
        )
    ),
    Route("GET", "/v1/contract", reads.get_contract, messages.ContractInForce, READERS, problems=("not-in-force",)),
    Route(
        "GET", "/v1/epochs", reads.get_epochs, messages.Epochs, READERS,
        parameters=(
            Parameter("after", "query", NUMBER, "only epochs with higher numbers"),
            Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": reads.MOST}, "how many at most"),
        ),
        problems=("journal",),
    ),
    Route(
        "GET", "/v1/epochs/{number}", reads.get_epoch, messages.Epoch, READERS,
        parameters=(Parameter("number", "path", {**NUMBER, "minimum": 1}, "the epoch's number on the chain"),),
        problems=("no-such-thing", "journal"),
    ),
    Route(
        "GET", "/v1/samples/{sample}", reads.get_sample, messages.Sample, READERS,
        parameters=(Parameter("sample", "path", {"type": "string", "pattern": "^0x[0-9a-f]{64}$"}, "the sample id"),),
        problems=("no-such-thing", "journal"),
    ),
    Route(
        "POST", "/v1/epochs/seal", operating.post_seal, messages.Sealed, ("operator",),
        problems=("slow-body", "too-large", "content-type", "state", "journal", "chain"),
    ),
    Route(
        "POST", "/v1/cosign", operating.post_cosign, messages.Cosignature, ("peer",), messages.CosignRequest,
        problems=(*BODY, "not-signed", "not-in-force"),
    ),
    Route(
        "GET", "/v1/auth/nonce", operating.get_nonce, messages.Challenge,
        parameters=(Parameter("address", "query", ADDRESS, "whose message to write"),),
    ),
    Route(
        "POST", "/v1/auth/wallet", operating.post_wallet, messages.Session, (), messages.WalletSignIn,
        problems=(*BODY, "sign-in", "chain"),
    ),
    Route("GET", "/health", operating.get_health, messages.Health, always=True),
    Route("GET", "/ready", operating.get_ready, messages.Readiness, always=True),
    Route("GET", "/metrics", operating.get_metrics, None, ("monitor", "operator", "auditor"), always=True),
)  # fmt: skip
