"""fit: weights from what people prefer, as a new version to vote on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, progress_bar, table, write_text
from rlhf_contract.cli.spec import Json, SpecFile, read_spec
from rlhf_contract.errors import DataError

if TYPE_CHECKING:
    from rlhf_contract.fit.fit import Fit, Weighting
    from rlhf_contract.lang.contract import Contract
    from rlhf_contract.prove.compare.versions import Comparison

__all__ = ["fit_"]


def fit_(
    file: SpecFile,
    pairs: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS",
            help="JSONL, CSV, Parquet, Arrow or a folder of `datasets`: columns chosen.SIGNAL and rejected.SIGNAL.",
            show_default=False,
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", metavar="NEW", help="Write the proposed contract here.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="SVG", help="Draw the fit here.")] = None,
    coefficients: Annotated[
        bool, typer.Option("--coefficients", help="Fit those of each WANTS too that is a sum of positive terms.")
    ] = False,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Pairs equal in this column belong together, e.g. a prompt.")
    ] = None,
    held_out: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Part of the pairs that the fit never sees.")
    ] = 0.2,
    least: Annotated[float, typer.Option(min=0, max=0.5, help="Weight that every stakeholder keeps.")] = 0.01,
    decimals: Annotated[int, typer.Option(min=1, max=6, help="Of the proposed numbers.")] = 3,
    diff: Annotated[bool, typer.Option(help="Say what a vote for the proposal would change.")] = True,
    json: Json = False,
) -> None:
    """Propose WEIGHTs from pairs of answers of which people preferred one. It is a proposal: a vote decides.

    A convex fit (Bradley-Terry) of non-negative weights that sum to 1; how often a reward with them ranks two answers
    as people did is measured on pairs that the fit never saw, beside today's weights and equal ones.

    Example: rlhf-contract fit examples/safe_assistant.legal pairs.jsonl --out new.legal --plot fit.svg
    """
    from rlhf_contract.fit.fit import Options, fit
    from rlhf_contract.fit.pairs import read_pairs
    from rlhf_contract.fit.plot import plot as draw
    from rlhf_contract.machine.from_file import read_file

    contract, _, _ = read_spec(file)
    if out is not None and out.resolve() == file.resolve():
        raise DataError(f"{out}: this is the contract itself; write the proposal to another file")
    compared = None
    with progress_bar("reading", None, quiet=json) as progress:
        read = read_pairs(contract, read_file(pairs, progress), group, progress)
        found = fit(contract, read, Options(held_out, least, decimals, coefficients), progress)
        if out is not None:
            write_text(out, found.source)
        if plot is not None:
            write_text(plot, draw(contract, found))
        if diff:
            compared = _compare(contract, found.contract, progress)
    if json:
        print_json(_document(contract, found, compared, out, plot))
    else:
        _show(contract, found, compared, out)


def _compare(old: Contract, new: Contract, progress: Any) -> Comparison:
    from rlhf_contract.prove.compare.versions import compare

    return compare(old, new, progress=lambda _, count, total: progress(count, total, "comparing"))


def _document(
    old: Contract, found: Fit, compared: Comparison | None, out: Path | None, plot: Path | None
) -> dict[str, Any]:
    from rlhf_contract.prove.compare.versions import to_json

    return {
        "contract": old.name,
        "version": old.version,
        "proposed": found.contract.version,
        "pairs": found.pairs,
        "unread": found.unread,
        "silent": found.silent,
        "fittedOn": found.fitted_on,
        "heldOut": [{**asdict(w.agreement), "weighting": w.name, "weights": _texts(w)} for w in found.weightings],
        "gained": found.gained,
        "lost": found.lost,
        "sharpness": found.sharpness,
        "shares": [asdict(share) for share in found.shares],
        "warnings": list(found.warnings),
        "source": found.source,
        "out": str(out) if out else None,
        "plot": str(plot) if plot else None,
        "diff": to_json(compared) if compared else None,
    }


def _texts(weighting: Weighting) -> dict[str, str]:
    from rlhf_contract.types import decimal_text

    return {name: decimal_text(weight) for name, weight in weighting.weights.items()}


def _show(old: Contract, found: Fit, compared: Comparison | None, out: Path | None) -> None:
    from rich.markup import escape

    from rlhf_contract.cli.diff import show_paper
    from rlhf_contract.prove.compare.words import paper

    screen = console()
    screen.print(f"[bold]{old.name} {old.version} → {found.contract.version}[/], fitted to {found.fitted_on:,} pairs")
    rows = table("part of the whole", "today", "fitted", "95 %", right=("today", "fitted"))
    for s in found.shares:
        interval = "the pairs do not tell" if s.low is None else f"{s.low:.3f} … {s.high:.3f}"
        rows.add_row(escape(s.name), f"{s.now:.3f}", f"{s.fitted:.3f}", interval)
    screen.print(rows)
    rates = table("weights", *found.weightings[0].weights, "agree", "95 %", "ties", right=("agree", "ties"))
    for w in found.weightings:
        a = w.agreement
        interval = f"{a.low:.1%} … {a.high:.1%}"
        rates.add_row(w.name, *_texts(w).values(), f"[bold]{a.rate:.1%}[/]", interval, f"{a.ties:,}")
    screen.print(rates)
    held_out = found.weightings[0].agreement.pairs
    screen.print(f"on {held_out:,} pairs that the fit never saw. Only the proposed weights agree with people on")
    screen.print(f"{found.gained:,} of them, only today's on {found.lost:,}.")
    for warning in found.warnings:
        screen.print(f"[yellow]note[/]: {escape(warning)}")
    if compared is not None:
        screen.print()
        show_paper(paper(compared))
    screen.print()
    if out is None:
        screen.print("nothing written; --out new.legal writes the proposed contract")
    else:
        screen.print(f"written to {out}: prove it, then propose it", markup=False)
