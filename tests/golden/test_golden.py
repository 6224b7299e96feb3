"""Each file in good/ and bad/ is a story: a title, input files, commands, and exactly what they print.

    ```legal contract.legal        ← written to an empty folder under this name
    ```console                     ← `$ ` lines are run there with the real command line; the rest is what must appear
                                     (… for the milliseconds of a proof)

`REWRITE_GOLDEN=1 pytest tests/golden` writes what is printed now; read the diff before you commit it.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from rlhf_contract.cli.main import app

HERE = Path(__file__).parent
STORIES = sorted(HERE.glob("*/*.md"))
MILLISECONDS = re.compile(r"(interval|lemma|over reals|on the grid|search) +\d+$")
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the command prints (standard output, then standard error) and its exit code if that is not 0."""
    if command.startswith("cat "):
        return Path(command.removeprefix("cat ")).read_text("utf-8")
    monkeypatch.setattr("sys.argv", shlex.split(command))
    try:
        app()
        code: object = 0
    except SystemExit as exit_:
        code = exit_.code or 0
    out, err = capsys.readouterr()
    lines = [MILLISECONDS.sub(r"\1  …", line.rstrip()) for line in (out + err).splitlines()]
    shown = "".join(f"{line}\n" for line in lines)
    return shown + (f"exit {code}\n" if code else "")


def played(story: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    """The story's text with every console block as it turns out now."""
    monkeypatch.chdir(folder)

    def play(match: re.Match[str]) -> str:
        kind, name, body = match.groups()
        if kind != "console":
            (folder / name).write_text(body, "utf-8")
            return match.group(0)
        commands = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
        shown = "".join(f"$ {command}\n{run(command, capsys, monkeypatch)}" for command in commands)
        return f"```console\n{shown}```"

    return BLOCK.sub(play, story.read_text("utf-8"))


@pytest.mark.parametrize("story", STORIES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_story(
    story: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The commands print exactly what the file says."""
    now = played(story, capsys, monkeypatch, tmp_path)
    if os.environ.get("REWRITE_GOLDEN"):
        story.write_text(now, "utf-8")

    assert story.read_text("utf-8") == now


def test_bad_stories_end_badly() -> None:
    """Every story in bad/ has a command that ends with an exit code of its own."""
    assert all(re.search(r"^exit [1-9]", s.read_text("utf-8"), re.MULTILINE) for s in STORIES if s.parent.name == "bad")
