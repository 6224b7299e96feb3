"""fmt: the one canonical text of a Legal-Blocks file."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from rlhf_contract.cli.output import print_json
from rlhf_contract.cli.spec import Json, SpecFile
from rlhf_contract.errors import DataError, ExitCode

__all__ = ["fmt"]


def fmt(
    file: SpecFile,
    check: Annotated[bool, typer.Option("--check", help="Print what would change; exit code 1 if anything.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Rewrite FILE instead of printing.")] = False,
    json: Json = False,
) -> None:
    """Print the canonical text of a contract: the one whose hash is voted on.

    Names and types are not checked, so a contract can be laid out before it is right.

    Example: rlhf-contract fmt --write examples/safe_assistant.legal
    """
    from rlhf_contract.lang.format import format_spec
    from rlhf_contract.lang.parse import MAX_SOURCE_BYTES, parse

    if check and write:
        raise typer.BadParameter("--check only looks and --write rewrites: give one of them")
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}") from None
    spec = parse(data, str(file))
    text = format_spec(spec)
    size = len(text.encode("utf-8"))
    if size > MAX_SOURCE_BYTES:
        raise DataError(
            f"{file}: the canonical text has {size:,} bytes; at most {MAX_SOURCE_BYTES:,} are read: split it"
        )
    canonical = text == spec.source
    if write and not canonical:
        try:
            _rewrite(file, text)
        except OSError as error:
            raise DataError(f"{file}: {error.strerror}") from None
    if json:
        print_json({"canonical": canonical, "written": write and not canonical, "source": text})
    elif check:
        print("".join(_difference(spec.source, text, str(file))), end="")
    elif not write:
        print(text, end="")
    if check and not canonical:
        raise typer.Exit(int(ExitCode.INVALID_INPUT))


def _difference(old: str, new: str, name: str) -> list[str]:
    """A unified diff. Only LF ends a line here: a comment may hold characters at which `splitlines` would cut."""
    before, after = ([f"{line}\n" for line in text.split("\n")] for text in (old, new))
    for lines in (before, after):
        if lines[-1] == "\n":
            lines.pop()
        else:
            lines[-1] += "\\ No newline at end of file\n"
    return list(difflib.unified_diff(before, after, name, f"{name} (canonical)"))


def _rewrite(file: Path, text: str) -> None:
    """Replace a file at once or not at all, and keep its permissions. A link stays a link to the file it names."""
    target = file.resolve()
    with tempfile.NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as new:
        try:
            new.write(text.encode("utf-8"))
            new.flush()
            os.fchmod(new.fileno(), target.stat().st_mode & 0o7777)
            os.fsync(new.fileno())
            os.replace(new.name, target)
        except BaseException:
            os.unlink(new.name)
            raise
