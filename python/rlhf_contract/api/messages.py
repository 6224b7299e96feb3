"""Every JSON document that goes in or out. The OpenAPI document is made of these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "Batch",
    "Challenge",
    "Condition",
    "ContractInForce",
    "CosignRequest",
    "Cosignature",
    "Epoch",
    "Epochs",
    "EvalProtocolAnswer",
    "EvalProtocolRequest",
    "Health",
    "NeMoGymAnswer",
    "NeMoGymRequest",
    "OpenRLHFAnswer",
    "OpenRLHFRequest",
    "Readiness",
    "Reward",
    "RewardRequest",
    "Rewards",
    "Sample",
    "Sealed",
    "Session",
    "WalletSignIn",
]

Hash = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}$", description="32 bytes in hex")]
Address = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$", description="an Ethereum address")]
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
RunName = Annotated[str, Meta(min_length=1, max_length=200, description="the training run; its keccak256 is attested")]


class RewardRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of signals, either as a list of rows or as a list for each column; exactly one of the two."""

    run: RunName
    rows: Annotated[list[dict[str, Any]], Meta(min_length=1)] | msgspec.UnsetType = msgspec.UNSET
    columns: dict[str, list[Any]] | msgspec.UnsetType = msgspec.UNSET


class Reward(msgspec.Struct, frozen=True):
    """One row's outcome. A row without a reward has null and a reason, never 0."""

    status: Literal["rewarded", "inadmissible", "invalid"]
    reward_micro: Annotated[int | None, Meta(description="exact millionths, an int64")]
    reward: Annotated[str | None, Meta(description="the same as exact decimal text")]
    violated: Annotated[list[str], Meta(description="the rules that the row breaks")]
    reason: str | None
    sample: Annotated[str, Meta(pattern="^0x[0-9a-f]{64}$", description="commitment to the row's texts")]


class Rewards(msgspec.Struct, frozen=True):
    """The answer to a batch, row by row in its order. All rows are in the journal when it is sent."""

    batch: str
    digest: Hash
    run: str
    contract: str
    version: str
    spec_hash: Hash
    program_hash: Hash
    rewards: list[Reward]


class NeMoGymRequest(msgspec.Struct, frozen=True):
    """NeMo Gym's request for verification. `signals` are the dataset row's columns that the contract, or a
    scorer that it pins, reads; they may also be fields beside it, and other fields may come."""

    responses_create_params: dict[str, Any]
    response: dict[str, Any]
    signals: dict[str, Any]


class NeMoGymAnswer(msgspec.Struct, frozen=True):
    """The request's own fields, and these. The components add up to the reward."""

    reward: float
    reward_components: dict[str, float]


class EvalProtocolRequest(msgspec.Struct, frozen=True):
    """eval-protocol's request; `kwargs` carries what the contract and its scorers read; its own client sends that as
    fields beside `messages`. `ground_truth` is a column of that name."""

    messages: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    ground_truth: Any = None
    kwargs: dict[str, Any] = {}


class EvalProtocolAnswer(msgspec.Struct, frozen=True):
    """A row without a reward has a score of null, which is not valid."""

    score: float | None
    is_score_valid: bool
    reason: str
    metrics: dict[str, dict[str, Any]]


class OpenRLHFRequest(msgspec.Struct, frozen=True):
    """OpenRLHF's request: one text, prompt and label each. A label is an object of columns that the contract or its
    scorers read, or its JSON; a scorer that reads `label` gets it whole."""

    query: Annotated[list[str], Meta(min_length=1)]
    prompts: Annotated[list[str], Meta(min_length=1)]
    labels: Annotated[list[Any], Meta(min_length=1)]


class OpenRLHFAnswer(msgspec.Struct, frozen=True):
    """Lists of one length."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


class SignalText(msgspec.Struct, frozen=True):
    """A signal of a row; `range` in words. `scorer` makes it here from the row's texts; null: the row must have it."""

    name: str
    kind: str
    range: str
    scorer: str | None


class ContractInForce(msgspec.Struct, frozen=True):
    """The contract that rewards are computed with now: hashes, adopted text, and what it says in plain English."""

    contract: str
    version: str
    spec_hash: Hash
    program_hash: Hash
    config_digest: Hash
    oracles: list[Address]
    threshold: int
    signals: list[SignalText]
    text: str
    explanation: str


class Epoch(msgspec.Struct, frozen=True):
    """An epoch on its way from sealed to final."""

    number: int
    state: str
    run: str
    count: int
    root: Hash
    data_hash: Hash
    spec_hash: Hash
    signatures: int
    block: int | None


class Epochs(msgspec.Struct, frozen=True):
    """A page of epochs; ask for the next with `after` = `next`."""

    epochs: list[Epoch]
    next: int | None


class Sample(msgspec.Struct, frozen=True):
    """Where a sample has got to. Once its epoch is sealed, leaf and proof lead to the root that the chain holds."""

    sample: Hash
    status: str
    epoch: Epoch | None
    row: int | None
    leaf: str | None
    proof: list[Hash]


class Sealed(msgspec.Struct, frozen=True):
    """The epoch that was sealed; null when no rows were waiting."""

    epoch: Epoch | None


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A `RewardBatch` as oracles sign it, hashes in hex."""

    contract_id: Hash
    spec_hash: Hash
    run_id: Hash
    epoch: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    root: Hash
    count: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    prev_seal: Annotated[str, Meta(pattern="^0x[0-9a-f]{56}$", description="28 bytes in hex")]
    data_hash: Hash
    config_digest: Hash
    deadline: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class CosignRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A peer's batch, and its epoch file in base64."""

    batch: Batch
    epoch_file: Annotated[bytes, Meta(extra_json_schema={"pattern": BASE64})]


class Cosignature(msgspec.Struct, frozen=True):
    """An oracle's signature under an epoch that it has recomputed."""

    signer: Address
    signature: Annotated[str, Meta(pattern="^0x[0-9a-f]{130}$")]


class Challenge(msgspec.Struct, frozen=True):
    """What an EIP-4361 message must say. `message` is that message, when an address was given."""

    nonce: str
    domain: str
    uri: str
    chain_id: int
    statement: str
    expires_at: str
    message: str | None


class WalletSignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An EIP-4361 message and its EIP-191 signature; of a contract wallet, what its `isValidSignature` takes."""

    message: Annotated[str, Meta(min_length=1, max_length=4_000)]
    signature: Annotated[str, Meta(pattern="^0x([0-9a-fA-F]{2}){65,4096}$")]


class Session(msgspec.Struct, frozen=True):
    """A bearer token for reading, shown once. `member`: the wallet belongs to a stakeholder class."""

    token: str
    role: Literal["stakeholder"]
    address: Address
    member: bool
    expires_at: int


class Condition(msgspec.Struct, frozen=True):
    """One thing that must hold; `reason` says why it does not."""

    name: str
    holds: bool
    reason: str | None


class Readiness(msgspec.Struct, frozen=True):
    """Whether the oracle can serve, and everything that keeps it from serving."""

    ready: bool
    conditions: list[Condition]


class Health(msgspec.Struct, frozen=True):
    """The process is alive."""

    status: Literal["alive"]
