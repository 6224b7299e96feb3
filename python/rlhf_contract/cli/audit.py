"""audit: everything again, from a node and a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, table
from rlhf_contract.cli.spec import Json
from rlhf_contract.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from rlhf_contract.audit.audit import Audit

__all__ = ["audit_", "show_audit"]


def audit_(
    rpc: Annotated[str, typer.Option("--rpc", help="URL of an Ethereum node.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="The data folder (with deployment.json).", show_default=False)],
    json: Json = False,
) -> None:
    """Derive every attested reward again and say TRUE or FALSE. Needs no key, and trusts no one.

    Exit code 0: TRUE. 5: FALSE, with every finding. 6: the chain cannot be read.

    Example: rlhf-contract audit --rpc http://127.0.0.1:8545 --data ./data
    """
    from rlhf_contract.audit.audit import audit
    from rlhf_contract.oracle.epoch_file import DataFolder

    out = console()
    if json:
        result = audit(rpc, DataFolder(data))
        print_json(_document(result))
    else:
        with out.status("reading the chain") as status:
            result = audit(rpc, DataFolder(data), status.update)
        show_audit(out, result)
    raise typer.Exit(int(ExitCode.OK if result.true else ExitCode.AUDIT_FALSE))


def show_audit(out: Console, result: Audit) -> None:
    """A line for each epoch, every finding, and the verdict."""
    from rich.markup import escape

    rows = table("epoch", "spec", "rewards", "root", "verdict", right=("epoch", "rewards"))
    for epoch in result.epochs:
        verdict = "[green]TRUE[/]" if epoch.true else "[bold red]FALSE[/]"
        rows.add_row(str(epoch.epoch), epoch.version, f"{epoch.rewards:,}", f"0x{epoch.root.hex()[:16]}…", verdict)
    out.print(rows)
    for epoch in result.epochs:
        for finding in epoch.findings:
            out.print(f"[red]epoch {epoch.epoch}[/]: {escape(finding)}")
    for finding in result.findings:
        out.print(f"[red]ledger[/]: {escape(finding)}")
    where = f"{result.deployment.name} on chain {result.deployment.chain_id} at block {result.block}"
    if result.true:
        out.print(f"[bold green]TRUE[/]: all {result.rewards:,} rewards of {where} follow from the adopted contract")
    else:
        out.print(f"[bold red]FALSE[/]: {where} is not as attested")


def _document(result: Audit) -> dict[str, Any]:
    return {
        "verdict": result.true,
        "contract": result.deployment.name,
        "chainId": result.deployment.chain_id,
        "log": result.deployment.log,
        "block": result.block,
        "rewards": result.rewards,
        "findings": list(result.findings),
        "epochs": [
            {
                "epoch": e.epoch,
                "verdict": e.true,
                "version": e.version,
                "specHash": f"0x{e.spec_hash.hex()}",
                "root": f"0x{e.root.hex()}",
                "rewards": e.rewards,
                "gas": e.gas,
                "findings": list(e.findings),
            }
            for e in result.epochs
        ],
    }
