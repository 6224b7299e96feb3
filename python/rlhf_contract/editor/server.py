"""The server: which question of the editor is answered by which function, and when a text is read again."""

from __future__ import annotations

import asyncio

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from rlhf_contract import __version__
from rlhf_contract.editor import features
from rlhf_contract.editor.document import Document, read

__all__ = ["Server", "serve"]

QUIET_SECONDS = 0.15
"""A text is read again when nobody has typed for so long: not at every key."""


class Server(LanguageServer):
    """Knows every open document. The whole text comes with every change: a contract has at most 64 KiB."""

    def __init__(self) -> None:
        super().__init__("legal-blocks", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.asked_to_stop = False
        self._documents: dict[str, Document] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def document(self, uri: str) -> Document:
        """What is known of the text as it is now. It is read only if it has changed."""
        shown = self.workspace.get_text_document(uri)
        known = self._documents.get(uri)
        if known is None or known.text != shown.source:
            known = self._documents[uri] = read(shown.source, shown.position_codec, known)
        return known

    def show(self, uri: str) -> None:
        """Tell the editor now what is wrong with a text."""
        self.forget(uri, keep_text=True)
        problems = features.diagnostics(self.document(uri))
        version = self.workspace.get_text_document(uri).version
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, problems, version))

    def show_soon(self, uri: str) -> None:
        """The same, once nobody types."""
        self.forget(uri, keep_text=True)
        self._waiting[uri] = asyncio.get_running_loop().call_later(QUIET_SECONDS, self.show, uri)

    def forget(self, uri: str, keep_text: bool = False) -> None:
        """Do not show what was about to be shown; and drop what is known of the text."""
        if waiting := self._waiting.pop(uri, None):
            waiting.cancel()
        if not keep_text:
            self._documents.pop(uri, None)


def serve() -> bool:
    """Talk to an editor over standard input and output until it ends; whether it said goodbye as the protocol wants."""
    server = _server()
    server.start_io()
    return server.asked_to_stop


def _server() -> Server:
    server = Server()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        server.show(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        server.show_soon(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.forget(uri)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        return features.hover(server.document(params.text_document.uri), params.position)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(params: types.DefinitionParams) -> types.Location | None:
        uri = params.text_document.uri
        place = features.definition(server.document(uri), params.position)
        return types.Location(uri, place) if place else None

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatting(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        return features.formatting(server.document(params.text_document.uri))

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", "="]))
    def completion(params: types.CompletionParams) -> types.CompletionList:
        items = features.completion(server.document(params.text_document.uri), params.position)
        return types.CompletionList(is_incomplete=False, items=items)

    @server.feature(types.SHUTDOWN)
    def shutdown(_: None) -> None:
        server.asked_to_stop = True

    return server
