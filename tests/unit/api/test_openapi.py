"""The OpenAPI document is the routes, and requests made from it find no fault."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from rlhf_contract.api.app import create_app
from rlhf_contract.api.routes import ROUTES
from rlhf_contract.oracle.journal.access import Role
from service import ServedOracle

# A text that is far too long makes a body that is too large: 413 is a refusal as well.
# A row that the contract gives no reward is refused (422) by the protocols that have no word for it, and by no other.
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
            "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422", "5xx"]},
        }
    }
)
NO_WORD_FOR_NONE = ("/v1/nemo-gym/verify", "/v1/openrlhf")
TRAINERS = ("/v1/rewards", "/v1/nemo-gym/verify", "/v1/eval-protocol/evaluate", "/v1/openrlhf")
ROLE_OF: dict[str, Role] = {**dict.fromkeys(TRAINERS, "trainer"), "/v1/cosign": "peer"}


def test_the_document_is_the_route_table(oracle: ServedOracle) -> None:
    """Every route is in the document, nothing else is, and it names the active contract's signals."""
    app = create_app(oracle)
    document = oracle.client().get("/openapi.json").json()
    written = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {(r.path, m) for r in app.routes for m in r.methods - {"HEAD"}}  # type: ignore[attr-defined]

    assert written == served == {(r.path, r.method) for r in ROUTES} | {("/openapi.json", "GET")}
    assert "helpfulness" in str(document["components"]["schemas"]["RewardRequest"])


def expressible(case: Case) -> bool:
    """Two things JSON Schema cannot say: columns have one length, and 7.0 is no integer in what oracles sign."""
    body = case.body if isinstance(case.body, dict) else {}
    if any(isinstance(value, float) for value in (body.get("batch") or {}).values()):
        return False
    if "query" in body and len({len(body[name]) for name in ("query", "prompts", "labels")}) > 1:
        return False
    columns = body.get("columns")
    return not isinstance(columns, dict) or len({len(c) for c in columns.values() if isinstance(c, list)}) <= 1


def forbidden(case: Case) -> bool:
    """Not what the generator calls so: a `run` that it takes out of a query, and puts back as some other name."""
    assert case.meta is not None
    query = case.query or {}
    return case.meta.is_negative_at(ParameterLocation.BODY) or not (
        query.keys() == {"run"} and 1 <= len(str(query["run"])) <= 200
    )


@pytest.mark.parametrize("mode", GenerationMode)
def test_schemathesis_finds_nothing(mode: GenerationMode, oracle: ServedOracle) -> None:
    """Requests that the document allows, or that it forbids: every answer is as documented, and none is a fault."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(oracle), config=CONFIG)
    tokens = {role: oracle.token(role) for role in ("trainer", "operator", "peer")}
    tried: dict[str, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        headers = tokens[ROLE_OF.get(operation.path, "operator")]

        @settings(
            max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode), headers=st.just(headers), path=st.just(operation.path))
        def ask(case: Case, headers: dict[str, str], path: str) -> None:
            assume(forbidden(case) if mode is GenerationMode.NEGATIVE else expressible(case))
            tried[path] = tried.get(path, 0) + 1
            if mode is GenerationMode.POSITIVE and case.headers and "Idempotency-Key" in case.headers:
                case.headers["Idempotency-Key"] = f"key-{sum(tried.values())}"  # never the same twice
            answer = case.call_and_validate(headers=headers)
            assert answer.status_code != 422 or mode is GenerationMode.NEGATIVE or path in NO_WORD_FOR_NONE

        try:
            ask()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # no request to this address can break the document

    assert tried["/v1/rewards"] >= 25
    assert len(tried) >= 4
