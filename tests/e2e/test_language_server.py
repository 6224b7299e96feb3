"""A real editor session: the server as a process, JSON-RPC over its standard input and output."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from rlhf_contract.lang import load
from rlhf_contract.lang.format import format_spec

COMMAND = (str(Path(sys.executable).with_name("rlhf-contract")), "lsp")
GOOD = (Path(__file__).parents[2] / "examples" / "safe_assistant.legal").read_text("utf-8")
BROKEN = GOOD.replace("tokens > 0", "token > 0").replace("PENALTY 0.5", "PENALTY -0.5", 1)
URI = "file:///contract.legal"
FILE = types.TextDocumentIdentifier(URI)
PATIENCE = 20.0


class Editor(LanguageClient):
    """A client that keeps what the server says, and how its process ends."""

    def __init__(self) -> None:
        super().__init__("test", "1")
        self.published: list[types.PublishDiagnosticsParams] = []
        self.errors: list[object] = []
        self.exit_code: int | None = None
        self.version = 0

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def keep(params: types.PublishDiagnosticsParams) -> None:
            self.published.append(params)

    def report_server_error(self, error: Exception, source: object) -> None:
        self.errors.append(error)

    async def server_exit(self, server: asyncio.subprocess.Process) -> None:
        self.exit_code = server.returncode

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that the server does on its own."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"no {what} within {PATIENCE} s"
            await asyncio.sleep(0.01)

    def open(self, text: str) -> None:
        self.version = 1
        item = types.TextDocumentItem(URI, "legal-blocks", 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, text: str) -> None:
        self.version += 1
        file = types.VersionedTextDocumentIdentifier(self.version, URI)
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(types.DidChangeTextDocumentParams(file, [whole]))

    async def problems(self) -> list[types.Diagnostic]:
        """What is wrong with the text as it is now."""
        await self.until(lambda: bool(self.published) and self.published[-1].version == self.version, "diagnostics")
        return list(self.published[-1].diagnostics)

    async def hovered(self, position: types.Position) -> str:
        shown = await self.text_document_hover_async(types.HoverParams(FILE, position))
        return shown.contents.value if shown and isinstance(shown.contents, types.MarkupContent) else ""


@asynccontextmanager
async def editor() -> AsyncIterator[Editor]:
    """A session from `initialize` to the end of the process."""
    client = Editor()
    await client.start_io(*COMMAND)
    await client.initialize_async(types.InitializeParams(types.ClientCapabilities()))
    client.initialized(types.InitializedParams())
    yield client
    await client.shutdown_async(None)
    client.exit(None)
    await client.until(lambda: client.exit_code is not None, "end of the server")
    await client.stop()

    assert (client.exit_code, client.errors) == (0, [])


def played(session: Callable[[Editor], Awaitable[None]]) -> None:
    """Play a session to its end."""

    async def play() -> None:
        async with editor() as client:
            await session(client)

    asyncio.run(play())


def place(words: str, mark: str = "|") -> types.Position:
    """The place of the mark in `words`, which stand in the good text."""
    before = GOOD[: GOOD.index(words.replace(mark, "")) + words.index(mark)]
    return types.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)


def test_a_session() -> None:
    """Errors come and go with the text; then hover, definition, completion and formatting answer."""

    async def session(client: Editor) -> None:
        client.open(BROKEN)

        assert [problem.code for problem in await client.problems()] == ["unknown-name", "penalty"]

        client.change(GOOD)

        assert await client.problems() == []
        assert await client.hovered(place("1 - tok|ens")) == "**tokens**: a signal, a whole number in [0, 8192]"

        found = await client.text_document_definition_async(types.DefinitionParams(FILE, place("0.3 * |brevity")))

        assert isinstance(found, types.Location)
        assert (URI, place("LET |brevity")) == (found.uri, found.range.start)

        at = types.CompletionParams(FILE, place("0.7 * |helpfulness"))
        offered = await client.text_document_completion_async(at)

        assert isinstance(offered, types.CompletionList)
        assert {"helpfulness", "brevity", "min"} <= {item.label for item in offered.items}

        client.change(GOOD.replace("  ", " "))
        options = types.FormattingOptions(tab_size=2, insert_spaces=True)
        edits = await client.text_document_formatting_async(types.DocumentFormattingParams(FILE, options))

        assert edits and [format_spec(load(GOOD).tree)] == [edit.new_text for edit in edits]

    played(session)


def test_closing_a_file_takes_its_errors_away() -> None:
    """An editor shows nothing of a file that is not open."""

    async def session(client: Editor) -> None:
        client.open(BROKEN)
        await client.problems()
        client.text_document_did_close(types.DidCloseTextDocumentParams(FILE))
        await client.until(lambda: len(client.published) == 2, "empty list")

        assert list(client.published[-1].diagnostics) == []

    played(session)


def test_a_megabyte_does_not_hang() -> None:
    """A file of a megabyte, in one line or in many, is refused by name at once, and questions about it are answered."""

    async def session(client: Editor) -> None:
        for text in ("x" * 1_000_000, GOOD + "# more\n" * 150_000):
            start = time.monotonic()
            client.open(text)

            assert [problem.code for problem in await client.problems()] == ["source-too-large"]
            assert await client.hovered(types.Position(0, 999_999)) == ""
            assert time.monotonic() - start < PATIENCE
            client.text_document_did_close(types.DidCloseTextDocumentParams(FILE))
            client.published.clear()

    played(session)


def test_two_hundred_changes_do_not_hang() -> None:
    """Who types fast waits for nothing: the server reads the text when it stops changing, and answers in between."""

    async def session(client: Editor) -> None:
        client.open(GOOD)
        await client.problems()
        start = time.monotonic()
        for number in range(199):
            client.change(BROKEN + f"# {number}\n")
        client.change(GOOD)

        assert "a whole number" in await client.hovered(place("1 - tok|ens"))
        assert await client.problems() == []
        assert time.monotonic() - start < PATIENCE
        assert len(client.published) < 20

    played(session)


def test_two_hundred_changes_of_a_megabyte_do_not_hang() -> None:
    """The same with a file that is far too large."""

    async def session(client: Editor) -> None:
        client.open(GOOD)
        for number in range(200):
            client.change(f"# {number}\n" + "ALWAYS x\n" * 111_111)

        assert [problem.code for problem in await client.problems()] == ["source-too-large"]

    played(session)


def test_an_editor_that_goes_without_goodbye() -> None:
    """`exit` without `shutdown`, and the end of the input, end the server too, with code 1 as the protocol wants."""

    async def play(say: Callable[[Editor], None]) -> int | None:
        client = Editor()
        await client.start_io(*COMMAND)
        await client.initialize_async(types.InitializeParams(types.ClientCapabilities()))
        say(client)
        await client.until(lambda: client.exit_code is not None, "end of the server")
        await client.stop()
        return client.exit_code

    def hang_up(client: Editor) -> None:
        assert client.protocol.writer is not None
        client.protocol.writer.close()

    assert [asyncio.run(play(say)) for say in (lambda client: client.exit(None), hang_up)] == [1, 1]
