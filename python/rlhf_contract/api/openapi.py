"""The OpenAPI 3.1 document, made of the route table and the messages; rows are those of the contract in force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import msgspec

from rlhf_contract import __version__
from rlhf_contract.api import messages
from rlhf_contract.api.problem import MEDIA_TYPE, PROBLEMS, ProblemDocument
from rlhf_contract.api.reading import ARROW, COMPANIONS, JSON
from rlhf_contract.api.reads import range_words
from rlhf_contract.api.routes import ROUTES, Route
from rlhf_contract.lang.contract import Contract
from rlhf_contract.oracle.scoring import pins_of
from rlhf_contract.scorers.scorer import COMPLETION, PROMPT

__all__ = ["openapi"]

PUBLIC = ("malformed", "method", "fault", "busy")
GUARDED = ("token", "role", "too-many")


def openapi(contract: Contract | None, reads: Collection[str] = ()) -> dict[str, Any]:
    """The document; without a contract in force, rows may have any names. `reads` are the columns of its scorers."""
    structs = {r.answer for r in ROUTES if r.answer} | {r.body for r in ROUTES if r.body} | {ProblemDocument}
    ordered = sorted(structs, key=lambda s: s.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    if contract is not None:
        schemas["RewardRequest"] = _reward_request(contract, reads)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route in ROUTES:
        paths[route.path][route.method.lower()] = _operation(route)
    paths["/openapi.json"]["get"] = {
        "summary": "This document.",
        "operationId": "get_openapi",
        "security": [],
        "responses": {
            "200": {"description": "OpenAPI 3.1", "content": {JSON: {"schema": {"type": "object"}}}},
            **_problems(PUBLIC),
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RLHF-Contract-Wizard oracle",
            "version": __version__,
            "description": "Rewards by the contract that the stakeholders adopted. Errors are RFC 9457 documents.",
        },
        "security": [{"bearer": []}],
        "paths": dict(paths),
        "components": {"schemas": schemas, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(route: Route) -> dict[str, Any]:
    kinds = [JSON, ARROW] if route.arrow else [JSON]
    answer: dict[str, Any] = {"description": "done"}
    if route.answer is None:
        answer["content"] = {"text/plain": {"schema": {"type": "string"}}}
    else:
        answer["content"] = {JSON: {"schema": _reference(route.answer)}}
        if route.arrow:
            answer["content"][ARROW] = {}
    slugs = (*PUBLIC, *(GUARDED if route.roles else ()), *route.problems)
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "security": [{"bearer": []}] if route.roles else [],
        "responses": {"200": answer, **_problems(slugs)},
    }
    if route.path == "/ready":
        operation["responses"]["503"]["content"][JSON] = {"schema": _reference(messages.Readiness)}
    if route.roles:
        operation["description"] = f"Roles: {', '.join(route.roles)}."
    if route.parameters:
        operation["parameters"] = [
            {
                "name": p.name,
                "in": p.where,
                "required": p.required or p.where == "path",
                "schema": p.schema,
                "description": p.about,
            }
            for p in route.parameters
        ]
    if route.body is not None:
        content: dict[str, Any] = {JSON: {"schema": _reference(route.body)}}
        if ARROW in kinds:
            content[ARROW] = {}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _problems(slugs: tuple[str, ...]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = defaultdict(list)
    for slug in dict.fromkeys(slugs):
        by_status[PROBLEMS[slug].status].append(slug)
    return {
        str(status): {
            "description": "; ".join(f"{slug}: {PROBLEMS[slug].title}" for slug in found),
            "content": {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}},
        }
        for status, found in sorted(by_status.items())
    }


def _reference(struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{struct.__name__}"}


def _reward_request(contract: Contract, reads: Collection[str]) -> dict[str, Any]:
    """Rows by signal. Any value may be sent: one that is no signal makes its row invalid, not the request."""
    about = {s.name: range_words(s) for s in contract.signals}
    companions = dict.fromkeys(COMPANIONS, "a text that the sample id commits to; not part of the reward")
    companions |= dict.fromkeys(sorted({*reads} - {PROMPT, COMPLETION}), "what a pinned scorer reads beside the text")
    companions = {name: words for name, words in companions.items() if name not in about}
    made = pins_of(contract)
    needed = [name for name in about if name not in made] + ([COMPLETION] if made else [])
    for name, pin in made.items():
        about[name] += f"; {pin.name} makes it here from the texts, so it may be left away, and is compared if sent"
    cells = {name: {"description": words} for name, words in (about | companions).items()}
    columns = {
        name: {"type": "array", "minItems": 1, "description": words} for name, words in (about | companions).items()
    }
    run = {"type": "string", "minLength": 1, "maxLength": 200, "description": "the training run"}
    rows = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "properties": cells, "additionalProperties": False},
    }
    return {
        "title": "RewardRequest",
        "description": (messages.RewardRequest.__doc__ or "") + " Columns must have one length.",
        "type": "object",
        "oneOf": [
            {"type": "object", "properties": {"run": run, "rows": rows}, "required": ["run", "rows"],
             "additionalProperties": False},
            {"type": "object", "required": ["run", "columns"], "additionalProperties": False,
             "properties": {"run": run, "columns": {
                 "type": "object", "properties": columns, "required": needed, "additionalProperties": False}}},
        ],
    }  # fmt: skip
