"""The Starlette application: routing, one way for every error to leave, headers, a line in the log for each request."""

from __future__ import annotations

import asyncio
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from structlog.contextvars import bind_contextvars, clear_contextvars

from rlhf_contract.api.logs import log
from rlhf_contract.api.openapi import openapi
from rlhf_contract.api.operating import get_metrics
from rlhf_contract.api.oracle import Oracle
from rlhf_contract.api.problem import Problem, problem_of
from rlhf_contract.api.reading import JSON
from rlhf_contract.api.routes import ROUTES, Route
from rlhf_contract.api.service import Service, ServiceSettings, query
from rlhf_contract.errors import ChainError, RewardContractError, ScorerError

__all__ = ["create_app", "listen", "metrics_only", "serve"]

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
Endpoint = Callable[[Request], Awaitable[Response]]
GRACE_SECONDS = 30


def create_app(oracle: Oracle, settings: ServiceSettings | None = None) -> Starlette:
    """The application over `oracle`. It starts nothing of its own."""
    service = Service(oracle, settings or ServiceSettings())
    routes = [
        StarletteRoute(r.path, _observed(service, r.path, _endpoint(service, r)), methods=[r.method])
        for r in sorted(ROUTES, key=lambda r: "{" in r.path)
    ]

    async def document(request: Request) -> Response:
        query(request)
        try:
            active = service.oracle.rewarder.in_force()
        except ChainError:
            return Response(msgspec.json.encode(openapi(None)), media_type=JSON)
        try:
            reads = service.oracle.rewarder.scoring.usable(active).reads
        except ScorerError:
            reads = frozenset()  # every row is refused until its scorers are here
        return Response(msgspec.json.encode(openapi(active.contract, reads)), media_type=JSON)

    async def nowhere(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        allowed = dict(error.headers or {})

        async def refuse(_: Request) -> Response:
            if error.status_code == 405:
                takes = allowed.get("Allow", "")
                raise Problem("method", f"this address takes {takes}", Allow=takes)
            raise Problem("no-such-thing", "there is nothing at this address; /openapi.json lists what there is")

        return await _observed(service, "unknown", refuse)(request)

    routes.append(StarletteRoute("/openapi.json", _observed(service, "/openapi.json", document), methods=["GET"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: nowhere})
    app.router.redirect_slashes = False
    app.state.service = service
    return app


def metrics_only(app: Starlette) -> Starlette:
    """/metrics of `app` without a token, and nothing else: for an address of its own, on the same event loop."""
    service: Service = app.state.service

    async def page(request: Request) -> Response:
        return await get_metrics(service, request, None)

    return Starlette(routes=[StarletteRoute("/metrics", _observed(service, "/metrics", page), methods=["GET"])])


def _endpoint(service: Service, route: Route) -> Endpoint:
    """Who asks, whether there is room, then the handler."""

    async def endpoint(request: Request) -> Response:
        with nullcontext() if route.always else service.load.request():
            if not route.roles:
                return await route.handler(service, request, None)
            client = await service.doors.client(request, route.roles, route.always)
            bind_contextvars(client=client.name, role=client.role)
            with service.load.client(client.name):
                return await route.handler(service, request, client)

    return endpoint


def _observed(service: Service, path: str, endpoint: Endpoint) -> Endpoint:
    """Every error as a problem document, security headers, time measured, one line in the log."""

    async def observed(request: Request) -> Response:
        began = time.perf_counter()
        request_id = secrets.token_hex(8)
        clear_contextvars()
        bind_contextvars(request=request_id)
        slug = None
        try:
            response = await endpoint(request)
        except Exception as error:
            problem = _problem(error)
            slug = problem.slug
            service.metrics.problems.labels(slug).inc()
            response = problem.response(request_id)
        response.headers["Request-Id"] = request_id
        for name, value in SECURITY.items():
            response.headers[name] = value
        seconds = time.perf_counter() - began
        method = request.method if request.method in ("GET", "HEAD", "POST") else "other"
        service.metrics.requests.labels(path, method, str(response.status_code)).observe(seconds)
        line = {"method": method, "route": path, "status": response.status_code, "seconds": round(seconds, 6)}
        log.info("request", **line, **({"problem": slug} if slug else {}))
        return response

    return observed


def _problem(error: Exception) -> Problem:
    """What the client is told; what only the operator may know goes to the log."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ClientDisconnect):
        return Problem("malformed", "the body ended before it was whole")
    problem = (
        problem_of(error)
        if isinstance(error, RewardContractError)
        else Problem("fault", "the operator finds it in the log under this request's number")
    )
    if problem.kind.status >= 500:
        # An error's own words may quote a client's text, so the log gets its class and its place.
        frame = traceback.extract_tb(error.__traceback__)[-1:]
        where = f"{Path(frame[0].filename).name}:{frame[0].lineno}" if frame else ""
        log.error("failed", fault=type(error).__name__, where=where, problem=problem.slug)
    return problem


def serve(app: Starlette, host: str, port: int) -> uvicorn.Server:
    """A server for `app`, to be run by `server.run()` or within an event loop by `await server.serve()`.

    It takes no signals away from who runs it in a thread, and logs through ours.
    """
    config = uvicorn.Config(
        app,
        host,
        port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
        http="h11",
        ws="none",
        lifespan="off",
    )
    return uvicorn.Server(config)


def listen(servers: Sequence[uvicorn.Server]) -> None:
    """Run them on one event loop, which they share with the application's state; until all were told to exit."""

    async def together() -> None:
        await asyncio.gather(*(server.serve() for server in servers))

    asyncio.run(together())
