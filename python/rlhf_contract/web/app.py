"""The Starlette application: the page, its questions, one way for every error to leave, headers, limits."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rlhf_contract import __version__
from rlhf_contract.api.limits import Limits, Load, read_body
from rlhf_contract.api.logs import log
from rlhf_contract.chain.deployment import Deployment
from rlhf_contract.chain.governance import COMPILER
from rlhf_contract.lang.parse import MAX_SOURCE_BYTES
from rlhf_contract.web.documents import listing_document, spec_document
from rlhf_contract.web.epochs import Epochs
from rlhf_contract.web.files import Files
from rlhf_contract.web.library import Library, Text
from rlhf_contract.web.refusal import Refusal, refusal_of
from rlhf_contract.web.relayer import Relayer
from rlhf_contract.web.workshop import Workshop

__all__ = ["Page", "create_app"]

JSON = "application/json"
MOST_BALLOT_BYTES = 64 * 1024
WORKERS = 4
T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class Page:
    """Everything behind the page. `rpc` is the node that browsers ask; `hosts` are the names it is reached by."""

    deployment: Deployment
    rpc: str
    hosts: frozenset[str]
    library: Library
    workshop: Workshop
    epochs: Epochs
    files: Files
    relayer: Relayer | None = None
    data: bool = False


def create_app(page: Page) -> Starlette:
    """The application over `page`."""
    return _Service(page).app()


class _Service:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.load = Load(Limits(at_once=128, bytes_at_once=8 * 2**20, body_seconds=15.0))
        self.workers = CapacityLimiter(WORKERS)
        self.relays = CapacityLimiter(1)
        self.headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin-allow-popups",  # some wallets are windows
            "Cross-Origin-Resource-Policy": "same-origin",
            "Content-Security-Policy": content_security_policy(page.rpc),
        }

    def app(self) -> Starlette:
        routes = [
            ("GET", "/api/site", self.site),
            ("GET", "/api/health", self.health),
            ("GET", "/api/specs", self.specs),
            ("POST", "/api/specs", self.submit),
            ("GET", "/api/specs/{hash}", self.spec),
            ("GET", "/api/specs/{hash}/proof", self.proof),
            ("GET", "/api/diff/{old}/{new}", self.diff),
            ("GET", "/api/epochs/{root}", self.statistics),
            ("GET", "/api/epochs/{root}/leaves", self.leaves),
            ("GET", "/api/epochs/{root}/rows/{row}", self.row),
            ("GET", "/api/samples/{sample}", self.sample),
            ("POST", "/api/relay", self.relay),
        ]
        made = [Route(path, self.guarded(path, handler), methods=[method]) for method, path, handler in routes]

        async def nowhere(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)

            async def answer(request: Request) -> Response:
                if error.status_code == 405:
                    raise Refusal("method", "this address takes another method")
                file = self.page.files.answer(request) if request.method in ("GET", "HEAD") else None
                if file is None:
                    raise Refusal("not_found", "there is nothing at this address")
                return file

            return await self.guarded("file", answer)(request)

        app = Starlette(routes=made, exception_handlers={HTTPException: nowhere})
        app.router.redirect_slashes = False
        return app

    def guarded(self, path: str, handler: Handler) -> Handler:
        """Every error as a document, headers, limits, one line in the log."""

        async def answer(request: Request) -> Response:
            began = time.perf_counter()
            try:
                self.require_own(request, path)
                with self.load.request():
                    response = await handler(request)
            except Exception as error:
                refusal = refusal_of(error)
                if refusal.status == 500:
                    log.error("failed", fault=type(error).__name__, route=path)
                response = refusal.response()
            for name, value in self.headers.items():
                response.headers[name] = value
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers["Request-Id"] = secrets.token_hex(8)
            seconds = round(time.perf_counter() - began, 6)
            log.info("request", method=request.method, route=path, status=response.status_code, seconds=seconds)
            return response

        return answer

    def require_own(self, request: Request, path: str) -> None:
        """Only this page asks: neither another site (fetch metadata, Origin) nor another name for this machine."""
        host = request.headers.get("host", "")
        if urlsplit(f"//{host}").hostname not in self.page.hosts:
            raise Refusal("foreign", "this service is not reached by that name (--public-url)")
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        if path != "file" and (site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != host)):
            raise Refusal("foreign", "only the page itself asks this service")

    async def look(self, ask: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
        """A blocking question, off the event loop."""
        return await to_thread.run_sync(ask, limiter=limiter or self.workers)

    # -- what is asked

    async def site(self, request: Request) -> Response:
        page = self.page
        return document(
            {
                "deployment": msgspec.to_builtins(page.deployment),
                "rpc": page.rpc,
                "relayer": page.relayer is not None,
                "data": page.data,
                "version": __version__,
                "compiler": COMPILER,
            }
        )

    async def health(self, request: Request) -> Response:
        return document({"alive": True})

    async def specs(self, request: Request) -> Response:
        return document(listing_document(self.page.library.all()))

    async def submit(self, request: Request) -> Response:
        with self.load.body() as body:
            source = await read_body(request, body, MAX_SOURCE_BYTES)
            return document(await self.look(lambda: spec_document(self.page.library.add(source))))

    async def spec(self, request: Request) -> Response:
        return document(await self.look(lambda: spec_document(self.text(request, "hash"))))

    async def proof(self, request: Request) -> Response:
        return document(await self.look(lambda: self.page.workshop.proof(self.text(request, "hash"))))

    async def diff(self, request: Request) -> Response:
        return document(
            await self.look(lambda: self.page.workshop.comparison(self.text(request, "old"), self.text(request, "new")))
        )

    async def statistics(self, request: Request) -> Response:
        return document(await self.look(lambda: self.page.epochs.statistics(_hash(request, "root"))))

    async def row(self, request: Request) -> Response:
        row = request.path_params["row"]
        if not re.fullmatch("[0-9]{1,10}", row, re.ASCII):
            raise Refusal("malformed", "a row is a whole number")
        return document(await self.look(lambda: self.page.epochs.row(_hash(request, "root"), int(row))))

    async def leaves(self, request: Request) -> Response:
        found = await self.look(lambda: self.page.epochs.leaves(_hash(request, "root")))
        return Response(found, media_type="application/octet-stream")

    async def sample(self, request: Request) -> Response:
        return document(await self.look(lambda: self.page.epochs.sample(_hash(request, "sample"))))

    async def relay(self, request: Request) -> Response:
        relayer = self.page.relayer
        if relayer is None:
            raise Refusal("relayer_down", "This service brings no ballots; save yours for `rlhf-contract relay`.")
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != JSON:
            raise Refusal("content_type", f"a ballot comes as {JSON}")
        with self.load.body() as body:
            ballot = await read_body(request, body, MOST_BALLOT_BYTES)
        return document(await self.look(lambda: relayer.relay(ballot), self.relays))

    def text(self, request: Request, name: str) -> Text:
        found = self.page.library.get(_hash(request, name))
        if found is None:
            raise Refusal("not_found", "The service has no text with this hash. Whoever has the file can open it here.")
        return found


def content_security_policy(rpc: str) -> str:
    """Scripts, styles and questions only to ourselves, and questions to the node."""
    place = urlsplit(rpc)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",  # wallets announce their icons as data: URLs
            "font-src 'self'",
            f"connect-src 'self' {place.scheme}://{place.netloc}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def document(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type=JSON)


def _hash(request: Request, name: str) -> bytes:
    text = request.path_params[name]
    if not re.fullmatch("0x[0-9a-f]{64}", text, re.ASCII):
        raise Refusal("malformed", "a hash is 0x and 64 lower-case hex digits")
    return bytes.fromhex(text[2:])
