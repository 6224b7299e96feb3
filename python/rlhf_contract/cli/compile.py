"""compile: Solidity → the ABIs and bytecode that this package carries. For those who change the project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlhf_contract.cli.output import console, table

__all__ = ["compile_"]


def compile_(
    project: Annotated[Path, typer.Option(help="The project's folder, with contracts/ and node_modules/.")] = Path("."),
) -> None:
    """Compile contracts/ with the pinned solc; `make setup` calls this.

    Example: rlhf-contract compile
    """
    from rlhf_contract.chain.solidity import CONTRACTS, artifact, compile_contracts

    out = console()
    with out.status("compiling Solidity"):
        compile_contracts(project.resolve())
    rows = table("contract", "bytes of 24,576", right=("bytes of 24,576",))
    for name in CONTRACTS:
        rows.add_row(name, f"{artifact(name)['runtime_bytes']:,}")
    out.print(rows)
