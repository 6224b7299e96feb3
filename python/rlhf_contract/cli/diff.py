"""diff: what a vote for a new version of a contract changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlhf_contract.cli.output import console, print_json, progress_bar, table, write_text
from rlhf_contract.cli.spec import Json, read_spec
from rlhf_contract.errors import ExitCode

if TYPE_CHECKING:
    from rich.text import Text

    from rlhf_contract.lang.explanation import Pieces
    from rlhf_contract.prove.compare.words import Paper

__all__ = ["diff_", "show_paper"]


def diff_(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A Legal-Blocks file.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Its new version.", show_default=False)],
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of tables.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write one web page here.")] = None,
    rlimit: Annotated[int, typer.Option(min=1, help="Z3's work units for each question.")] = 50_000_000,
    seconds: Annotated[int, typer.Option(min=1, help="Wall clock for each question; only a backstop.")] = 60,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes at once; by default one a processor.")] = None,
) -> None:
    """Say what a new version of a contract changes: rewards, with rows that show it, promises and rules.

    Every claim is proved, or shown by a row that both versions were run on. Exit code 4: something is not known.

    Example: rlhf-contract diff examples/leaky.legal examples/safe_assistant.legal
    """
    from rlhf_contract.prove.compare.pages import to_html, to_markdown
    from rlhf_contract.prove.compare.versions import compare, to_json
    from rlhf_contract.prove.compare.words import paper
    from rlhf_contract.prove.query import Budget

    if json and markdown:
        raise typer.BadParameter("choose one of --json and --markdown")
    before, after = (read_spec(path)[0] for path in (old, new))
    with progress_bar("comparing", None, quiet=json) as done:
        budget = Budget(rlimit=rlimit, seconds=seconds)
        found = compare(before, after, budget, jobs=jobs, progress=lambda _, count, total: done(count, total))
    if html is not None:
        write_text(html, to_html(paper(found)))
    if json:
        print_json(to_json(found))
    elif markdown:
        print(to_markdown(paper(found)), end="")
    elif html is not None:
        console().print("written to", str(html), markup=False)
    else:
        show_paper(paper(found))
    raise typer.Exit(int(ExitCode.UNKNOWN if found.unknown else ExitCode.OK))


def show_paper(paper: Paper) -> None:
    """For people in a terminal."""
    from rlhf_contract.lang.explanation import say

    screen = console()
    screen.print(_text(paper.first, "bold"))
    for sentence in paper.about:
        screen.print(_text(sentence))
    for part in paper.parts:
        screen.print()
        screen.print(_text(say("{}", part.title), "bold"))
        for sentence in part.about:
            screen.print(_text(sentence))
        if part.columns:
            rows = table(*part.columns)
            for number, row in enumerate(part.rows):
                rows.add_row(*(_text(cell, "bold" if number in part.strong else "") for cell in row))
            screen.print(rows)
    for name, value in paper.footer:
        screen.print(_text(say("{} {}", name, value), "dim"))


def _text(pieces: Pieces, style: str = "") -> Text:
    """The words, in which nothing of the authors' can be markup or a control code."""
    from rich.text import Text

    from rlhf_contract.lang.explanation import visible

    made = Text(style=style)
    for piece in pieces:
        words = visible(piece.text)
        made.append(f"“{words}”" if piece.style == "quote" else words, "cyan" if piece.style == "code" else None)
    return made
