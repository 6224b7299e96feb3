"""prove: every promise of a contract, decided; what breaks one, as rows that a person can read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, progress_bar, table
from rlhf_contract.cli.spec import Json, SpecFile, read_spec
from rlhf_contract.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from rlhf_contract.lang.contract import Contract
    from rlhf_contract.prove.decide import Result
    from rlhf_contract.prove.independent import Check
    from rlhf_contract.prove.query import Budget

__all__ = ["decided", "plain", "prove", "show_results"]


def prove(
    file: SpecFile,
    json: Json = False,
    smt2: Annotated[Path | None, typer.Option(metavar="DIR", help="Write every obligation as SMT-LIB 2.6.")] = None,
    cross_check: Annotated[
        bool, typer.Option("--cross-check", help="Ask cvc5 too; no two answers may differ.")
    ] = False,
    rlimit: Annotated[int, typer.Option(min=1, help="Z3's work units for each question.")] = 50_000_000,
    seconds: Annotated[int, typer.Option(min=1, help="Wall clock for each question; only a backstop.")] = 60,
    megabytes: Annotated[int, typer.Option(min=64, help="Memory for each promise; only a backstop.")] = 2048,
    seed: Annotated[int, typer.Option(min=0, help="Z3's random seed.")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes at once; one a processor.")] = None,
    cache: Annotated[bool, typer.Option(help="Remember verdicts in the user's cache folder.")] = True,
) -> None:
    """Prove every promise of a contract, or show the row that breaks it.

    Exit code 0: all proved. 3: one is refuted (or holds of nothing). 4: one is unknown, which is never a pass.

    Example: rlhf-contract prove examples/leaky.legal
    """
    from rlhf_contract.hashing import to_hex
    from rlhf_contract.prove.cross_check import require_cvc5
    from rlhf_contract.prove.query import Budget
    from rlhf_contract.prove.report import exit_code, proof_hash, report

    if cross_check:
        require_cvc5()
    contract, program, _ = read_spec(file)
    budget = Budget(rlimit=rlimit, seconds=seconds, megabytes=megabytes, seed=seed)
    results = decided(contract, budget, jobs=jobs, cached=cache, quiet=json)
    checks = _second_opinions(contract, results, budget, smt2, cross_check, json)
    document = report(contract, program, results, budget)
    code = exit_code(results)
    if json:
        beside: dict[str, Any] = {
            "proofHash": to_hex(proof_hash(document)),
            "changes": {r.id: r.change for r in results if r.change},
            "seconds": {r.id: round(r.seconds, 6) for r in results},
        }
        print_json(document | beside | ({"crossCheck": [asdict(check) for check in checks]} if cross_check else {}))
    else:
        out = console()
        show_results(out, contract, results)
        if code is ExitCode.OK:
            out.print(f"[green]all {len(results)} proved[/] by {document['solver']['name']}")
        _show_checks(out, checks)
        if smt2:
            out.print(f"every obligation as SMT-LIB 2.6: {smt2}")
        out.print(f"proofHash {to_hex(proof_hash(document))}")
    raise typer.Exit(int(code))


def decided(
    contract: Contract,
    budget: Budget | None = None,
    *,
    jobs: int | None = None,
    cached: bool = True,
    quiet: bool = False,
) -> list[Result]:
    """Every result, with a progress bar on stderr."""
    from rlhf_contract.prove.cache import ProofCache, default_folder
    from rlhf_contract.prove.prove import prove as prove_all

    with progress_bar("proving", None, quiet) as advance:
        remembered = ProofCache(default_folder()) if cached else None
        return prove_all(contract, budget, cache=remembered, jobs=jobs, progress=lambda _, *done: advance(*done))


def _second_opinions(
    contract: Contract, results: list[Result], budget: Budget, folder: Path | None, ask: bool, quiet: bool
) -> list[Check]:
    """Write the questions to `folder` and ask cvc5, as far as either is wanted."""
    from rlhf_contract.prove.independent import cross_check, export

    if folder:
        export(contract, results, folder)
    if not ask:
        return []
    with progress_bar("asking cvc5", None, quiet) as advance:
        return cross_check(contract, results, budget, lambda _, *done: advance(*done))


_STYLES = {"proved": "green", "refuted": "bold red", "vacuous": "red", "unknown": "yellow"}


def show_results(out: Console, contract: Contract, results: list[Result]) -> None:
    """A table of verdicts, then each counterexample as rows a person can read."""
    from rich.markup import escape

    from rlhf_contract.prove.decide import Verdict

    rows = table("promise", "verdict", "in words", "decided by", "ms", right=("ms",))
    rows.columns[-1].min_width = 6
    for r in results:
        style = _STYLES[r.verdict.value]
        words = escape(r.sentence) + (f"\n[dim]{escape(r.note)}[/]" if r.note else "")
        rows.add_row(r.id, f"[{style}]{r.verdict.value}[/]", words, r.tier.value, f"{r.seconds * 1000:.0f}")
    out.print(rows)
    for r in results:
        if r.verdict is Verdict.REFUTED and r.witness:
            show_counterexample(out, contract, r)


def show_counterexample(out: Console, contract: Contract, result: Result) -> None:
    """The row (or both rows) that break a promise, with what they earn and which rules they break."""
    from rich.markup import escape

    from rlhf_contract.prove.report import row_words

    words = [row_words(contract, w) for w in result.witness]
    heads = ("this row",) if len(words) == 1 else ("this row", "and this row")
    out.print(f"[bold red]refuted[/]: {escape(result.sentence)} The machine was run on it:")
    rows = table("signal", *heads)
    for name in words[0]["signals"]:
        values = [plain(w["signals"][name]) for w in words]
        mark = "[bold]" if len(set(values)) > 1 else ""
        rows.add_row(f"{mark}{name}", *(f"{mark}{v}" for v in values))
    rows.add_section()
    rows.add_row("[bold]reward", *(f"[bold]{w['reward']}" for w in words))
    rows.add_row("broken", *(", ".join(w["broken"]) or "nothing" for w in words))
    rows.add_row("decided by", *(w["decides"] for w in words))
    out.print(rows)
    if result.change:
        out.print(f"[bold]what would make it hold[/]: {escape(result.change)}\n")


def _show_checks(out: Console, checks: list[Check]) -> None:
    if checks:
        agreed = sum(check.agrees is True for check in checks)
        out.print(f"cvc5 agrees in {agreed} of {len(checks)} questions, and contradicts none", style="green")
    for check in checks:
        if check.agrees is None:
            out.print(f"  [yellow]no second opinion[/] on {check.name}: {check.reason}")


def plain(value: Any) -> str:
    """A value for people: yes and no, lists line by line."""
    if isinstance(value, list):
        records = (", ".join(f"{name} {plain(v)}" for name, v in record.items()) for record in value)
        return "\n".join(f"{i}: {record}" for i, record in enumerate(records)) or "empty"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
