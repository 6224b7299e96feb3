"""audit: everything again, from a node and a folder; and one reward proved to somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlhf_contract.cli.keys import Data
from rlhf_contract.cli.oracle import sample_number
from rlhf_contract.cli.output import console, escaped, print_json, progress_bar, table, write_text
from rlhf_contract.cli.spec import Json
from rlhf_contract.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from rlhf_contract.audit.audit import Audit, Progress
    from rlhf_contract.audit.sample import SampleProof
    from rlhf_contract.oracle.store import Store

__all__ = ["audit_", "show_audit"]


def audit_(
    rpc: Annotated[str, typer.Option("--rpc", help="URL of an Ethereum node.", show_default=False)],
    data: Data,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a report to read.")] = None,
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="ID", help="Only prove the reward of this sample to others.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where that proof goes.")] = None,
    json: Json = False,
) -> None:
    """Derive every attested reward again and say TRUE or FALSE. Needs no key, and trusts no one.

    With --sample, one epoch is derived again, and a small JSON file says how anybody checks one reward of it.

    Exit code 0: TRUE. 5: FALSE, with every finding. 6: the chain cannot be read.

    Example: rlhf-contract audit --rpc http://127.0.0.1:8545 --data ./data --html report.html
    """
    from rlhf_contract.oracle.store import Store

    if sample and html:
        raise typer.BadParameter("a report is about all rewards, not about --sample", param_hint="--html")
    if out and not sample:
        raise typer.BadParameter("name the --sample that is to be proved", param_hint="--out")
    store = Store.existing(data)
    if sample:
        _prove(rpc, store, sample_number(sample), out, json)
    else:
        _audit(rpc, store, html, json)


def _audit(rpc: str, store: Store, html: Path | None, json: bool) -> None:
    from rlhf_contract.audit.audit import audit
    from rlhf_contract.audit.document import to_document
    from rlhf_contract.audit.page import to_html

    with _progress() as progress:
        result = audit(rpc, store, progress)
    if html:
        write_text(html, to_html(result, store.url))
    if json:
        print_json(to_document(result))
    else:
        show_audit(console(), result)
        if html:
            console().print(f"written: {html}", markup=False)
    raise typer.Exit(int(ExitCode.OK if result.true else ExitCode.AUDIT_FALSE))


def _prove(rpc: str, store: Store, sample: bytes, out: Path | None, json: bool) -> None:
    """The proof goes to `out`; without one, or with --json, to stdout. Nothing is written when anything is in doubt."""
    from json import dumps

    from rlhf_contract.audit.sample import prove_sample

    with _progress() as progress:
        found = prove_sample(rpc, store, sample, progress)
    if found.document is None:
        _show_doubts(found, json)
        raise typer.Exit(int(ExitCode.AUDIT_FALSE))
    if out:
        write_text(out, dumps(found.document, indent=2, ensure_ascii=False) + "\n")
    if json or not out:
        print_json(found.document)
        return
    said = found.document["reward"] or f"none ({found.document['status']})"
    words = f"the reward in row {found.document['row']} of epoch {found.epoch.epoch} is {said}; the proof is in {out}"
    console().print(f"[green]TRUE[/]: {escaped(words)}")


def _show_doubts(found: SampleProof, json: bool) -> None:
    if json:
        said = {"epoch": found.epoch.epoch, "findings": list(found.epoch.findings)}
        print_json({"verdict": False, **said, "ledger": list(found.findings)})
        return
    out = console()
    for finding in found.epoch.findings:
        out.print(f"[red]epoch {found.epoch.epoch}[/]: {escaped(finding)}")
    for finding in found.findings:
        out.print(f"[red]ledger[/]: {escaped(finding)}")
    out.print("[bold red]FALSE[/]: nothing is proved from an epoch that is in doubt")


@contextmanager
def _progress() -> Iterator[Progress]:
    """One bar on stderr after the other: blocks, then the rewards of each epoch."""
    with progress_bar("reading the chain", None) as update:
        yield lambda what, done, total: update(done, total, what)


def show_audit(out: Console, result: Audit) -> None:
    """A line for each epoch, every finding, and the verdict."""
    rows = table("epoch", "spec", "rewards", "root", "verdict", right=("epoch", "rewards"))
    for epoch in result.epochs:
        verdict = "[green]TRUE[/]" if epoch.true else "[bold red]FALSE[/]"
        rows.add_row(
            str(epoch.epoch), escaped(epoch.version), f"{epoch.rewards:,}", f"0x{epoch.root.hex()[:16]}…", verdict
        )
    out.print(rows)
    for epoch in result.epochs:
        for finding in epoch.findings:
            out.print(f"[red]epoch {epoch.epoch}[/]: {escaped(finding)}")
    for finding in result.findings:
        out.print(f"[red]ledger[/]: {escaped(finding)}")
    where = f"{escaped(result.deployment.name)} on chain {result.deployment.chain_id} at block {result.block}"
    if result.true:
        out.print(f"[bold green]TRUE[/]: all {result.rewards:,} rewards of {where} follow from the adopted contract")
    else:
        out.print(f"[bold red]FALSE[/]: {where} is not as attested")
