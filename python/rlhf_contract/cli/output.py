"""How results look: tables for people, JSON for machines, errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rlhf_contract.errors import DataError, RewardContractError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

__all__ = ["console", "escaped", "fail", "print_json", "progress_bar", "table", "write_text"]


def console() -> Console:
    """Where people read; wide enough for hashes when nobody watches."""
    from rich.console import Console

    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=130)


def escaped(text: str) -> str:
    """Somebody else's words for the console: what looks like its markup is shown as it stands."""
    from rich.markup import escape

    return escape(text)


def write_text(path: Path, text: str) -> None:
    """Write what was asked for by an option, in UTF-8 with LF. Raises DataError naming the file."""
    try:
        path.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def fail(error: RewardContractError, as_json: bool) -> None:
    """Say what went wrong: on stderr for people, as a document on stdout for machines."""
    if as_json:
        content: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
        if isinstance(error, SpecError):
            content["diagnostics"] = [
                {"code": d.code, "message": d.message, "hint": d.hint, "line": d.span.line, "column": d.span.column}
                for d in error.diagnostics
            ]
        print_json({"error": content})
    else:
        print(f"{'' if isinstance(error, SpecError) else 'error: '}{error}", file=sys.stderr)


def table(*columns: str, title: str | None = None, right: tuple[str, ...] = ()) -> Table:
    """A plain table; the columns named in `right` are aligned right."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


@contextmanager
def progress_bar(what: str, total: int | None, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """A bar on stderr that is told how much is done, of how much if `total` was None, and of what if that changes.

    Silent if nobody watches.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    err = Console(stderr=True)
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, total=total, what=what: progress.update(task, completed=done, total=total, description=what)
