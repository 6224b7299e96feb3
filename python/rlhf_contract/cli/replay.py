"""replay: the rewards of a finished training run, computed again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, progress_bar, table
from rlhf_contract.cli.spec import Json, SpecFile, read_spec
from rlhf_contract.errors import ExitCode

if TYPE_CHECKING:
    from rlhf_contract.machine.logged_digests import Digests
    from rlhf_contract.machine.replay import Replay, Version

__all__ = ["replay_"]


def replay_(
    file: SpecFile,
    completions: Annotated[
        Path,
        typer.Argument(
            metavar="COMPLETIONS", help="A file of TRL's log_completions, or a folder of them.", show_default=False
        ),
    ],
    column: Annotated[
        str | None, typer.Option(help="The column of the rewards; found by itself where there is no doubt.")
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option("--also", metavar="FILE", help="Another version that the run used; repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Compute every reward of a finished TRL run again, from the signals that it logged, and say which rows differ.

    Needs a column for each signal, as our reward functions log them. The digests that they log are computed again, too.
    Exit code 5: some row or digest differs.

    Example: rlhf-contract replay examples/safe_assistant.legal output/completions
    """
    from rlhf_contract.machine.logged_digests import Verdict
    from rlhf_contract.machine.replay import Replay, completion_files, replay
    from rlhf_contract.scorers.pinned import text_of

    versions = [_version(path) for path in (file, *(also or ()))]
    files = completion_files(completions)
    found = Replay()
    with progress_bar("files", len(files), quiet=json) as progress:
        for number, path in enumerate(files, 1):
            replay(found, path, versions, column, text=text_of)
            progress(number)
    if json:
        print_json(_document(versions[0], found))
    else:
        _show(versions[0], found)
    wrong = found.different or found.digests.verdicts[Verdict.DIFFERS]
    raise typer.Exit(int(ExitCode.AUDIT_FALSE if wrong else ExitCode.OK))


def _version(path: Path) -> Version:
    from rlhf_contract.hashing import keccak256, to_hex
    from rlhf_contract.machine.replay import Version

    contract, program, data = read_spec(path)
    return Version(to_hex(keccak256(data)), contract, program)


def _document(version: Version, found: Replay) -> dict[str, Any]:
    from rlhf_contract.machine.logged_digests import Verdict

    return {
        "contract": version.contract.name,
        "version": version.contract.version,
        "specHash": version.spec_hash,
        "files": found.files,
        "rows": found.rows,
        "rewarded": found.rewarded,
        "abstained": found.abstained,
        "equal": found.equal,
        "different": {kind.name.lower(): count for kind, count in found.kinds.items()},
        "largest": _json_number(found.largest),
        "first": [
            {
                "file": d.file,
                "row": d.row,
                "step": d.step,
                "kind": d.kind.name.lower(),
                "logged": None if d.logged is None else _json_number(d.logged),
                "due": d.due or None,
                "why": d.why,
            }
            for d in found.first
        ],
        "digests": {verdict.value: found.digests.verdicts[verdict] for verdict in Verdict},
        "doubts": [
            {"file": d.file, "row": d.row, "digest": d.digest, "verdict": d.verdict.value, "why": d.why}
            for d in found.digests.first
        ],
    }


def _json_number(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else repr(value)


def _show(version: Version, found: Replay) -> None:
    from rich.markup import escape

    out = console()
    out.print(f"[bold]{version.contract.name} {version.contract.version}[/] {version.spec_hash}")
    files = "1 file" if found.files == 1 else f"{found.files:,} files"
    abstained = f"; for {found.abstained:,} nobody knew one at the time" if found.abstained else ""
    if not found.different:
        due = f"{found.rewarded:,} of them have a reward"
        out.print(f"[green]equal[/]: {found.rows:,} rows in {files}, {due}{abstained}")
        _show_digests(found.digests)
        return
    out.print(f"[red]different[/]: {found.different:,} of {found.rows:,} rows in {files}{abstained}")
    for kind, count in found.kinds.items():
        if count:
            out.print(f"  {count:,} with {kind}")
    if found.largest:
        out.print(f"  largest difference of two rewards: {found.largest:.9g}")
    rows = table("file", "row", "step", "logged", "due", "", right=("row", "step", "logged", "due"))
    for d in found.first:
        logged = "–" if d.logged is None else repr(d.logged)
        step = "–" if d.step is None else str(d.step)
        rows.add_row(escape(Path(d.file).name), str(d.row), step, logged, d.due or "–", escape(d.why or d.kind))
    out.print(rows)
    if found.different > len(found.first):
        out.print(f"… and {found.different - len(found.first):,} more")
    _show_digests(found.digests)


def _show_digests(digests: Digests) -> None:
    """How many batches' digests agree, differ, or cannot be known; nothing where none was logged."""
    from rich.markup import escape

    from rlhf_contract.machine.logged_digests import Verdict

    if not digests.verdicts:
        return
    out, colours = console(), {Verdict.AGREES: "green", Verdict.DIFFERS: "red", Verdict.UNKNOWN: "yellow"}
    counts = ((verdict, digests.verdicts[verdict]) for verdict in Verdict)
    said = ", ".join(f"[{colours[verdict]}]{verdict}[/] {count:,}" for verdict, count in counts if count)
    out.print(f"digests of batches: {said}")
    if digests.first:
        rows = table("file", "row", "digest", "", "why", right=("row",))
        for d in digests.first:
            rows.add_row(escape(Path(d.file).name), str(d.row), f"{d.digest[:10]}…", d.verdict, escape(d.why))
        out.print(rows)
