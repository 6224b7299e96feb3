"""lsp: the language server for editors."""

from __future__ import annotations

import typer

from rlhf_contract.errors import SetupError

__all__ = ["lsp"]


def lsp() -> None:
    """Serve an editor over standard input and output: errors, hover, definitions, completion, formatting (LSP).

    Example: rlhf-contract lsp
    """
    try:
        from rlhf_contract.editor.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("lsprotocol", "pygls"):
            raise
        raise SetupError("the language server needs pygls: pip install rlhf-contract-wizard[editor]") from None
    if not serve():
        raise typer.Exit(1)  # the protocol wants it: the editor went without `shutdown`
