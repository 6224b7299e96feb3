"""`rlhf-contract fmt`: prints, compares or rewrites a contract."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from rlhf_contract.cli.format import fmt
from rlhf_contract.errors import DataError, ExitCode, SpecError

LOOSE = "LEGAL-BLOCKS 1 CONTRACT C VERSION 1.0.0 REWARD IN [-1.0, 1] # ends\nALWAYS (reward) > 0 # kept\u2028"
CANONICAL = "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-1, 1]  # ends\n\nALWAYS    reward > 0  # kept\n"
DIFFERENCE = """\
--- c.legal
+++ c.legal (canonical)
@@ -1,2 +1,5 @@
-LEGAL-BLOCKS 1 CONTRACT C VERSION 1.0.0 REWARD IN [-1.0, 1] # ends
-ALWAYS (reward) > 0 # kept\u2028
\\ No newline at end of file
+LEGAL-BLOCKS 1
+CONTRACT C VERSION 1.0.0
+  REWARD IN [-1, 1]  # ends
+
+ALWAYS    reward > 0  # kept
"""


@pytest.fixture
def loose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("c.legal")
    path.write_text(LOOSE, "utf-8")
    return path


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output; errors of the package are raised."""
    app = typer.Typer()
    app.command()(fmt)
    result = CliRunner().invoke(app, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_it_prints(loose: Path) -> None:
    """Without options the canonical text is printed and the file left alone."""
    assert run("c.legal") == (0, CANONICAL)
    assert loose.read_text("utf-8") == LOOSE


def test_it_compares(loose: Path) -> None:
    """--check shows what would change and says it with its exit code; of a canonical file it says nothing."""
    different = run("c.legal", "--check")
    loose.write_text(CANONICAL, "utf-8")

    assert different == (ExitCode.INVALID_INPUT, DIFFERENCE)
    assert run("c.legal", "--check") == (0, "")


def test_it_rewrites(loose: Path) -> None:
    """--write replaces the file at once, keeps its permissions, and leaves nothing else behind."""
    loose.chmod(0o640)
    assert run("c.legal", "--write") == (0, "")

    assert loose.read_text("utf-8") == CANONICAL
    assert loose.stat().st_mode & 0o777 == 0o640
    assert os.listdir() == ["c.legal"]


def test_it_leaves_a_canonical_file_untouched(loose: Path) -> None:
    """Nothing is written when nothing changes."""
    loose.write_text(CANONICAL, "utf-8")
    before = loose.stat()
    run("c.legal", "--write")

    assert (before.st_ino, before.st_mtime_ns) == (loose.stat().st_ino, loose.stat().st_mtime_ns)


def test_a_link_stays_a_link(loose: Path) -> None:
    """Through a link, the file it names is rewritten."""
    link = Path("link.legal")
    link.symlink_to(loose)
    run("link.legal", "--write")

    assert (link.is_symlink(), loose.read_text("utf-8")) == (True, CANONICAL)


def test_for_machines(loose: Path) -> None:
    """--json gives the text and whether the file had it."""
    code, out = run("c.legal", "--json", "--check")

    assert code == ExitCode.INVALID_INPUT
    assert json.loads(out) == {"canonical": False, "written": False, "source": CANONICAL}


def test_mistakes(loose: Path) -> None:
    """A file that does not parse stays as it is; one that is not there is named; --check does not --write."""
    loose.write_text("LEGAL-BLOCKS 1 CONTRACT", "utf-8")
    with pytest.raises(SpecError, match="the file ends too early"):
        run("c.legal", "--write")
    with pytest.raises(DataError, match=r"none.legal: No such file"):
        run("none.legal")

    assert loose.read_text("utf-8") == "LEGAL-BLOCKS 1 CONTRACT"
    assert run("c.legal", "--check", "--write")[0] == ExitCode.USAGE


def test_a_text_that_grows_too_long(loose: Path) -> None:
    """A text that nothing could read again is not written."""
    source = f"{LOOSE}\nREQUIRES: {'abcdef+' * 8_000}a"
    loose.write_text(source, "utf-8")
    with pytest.raises(DataError, match=r"canonical text has 72,... bytes; at most 65,536 are read"):
        run("c.legal", "--write")

    assert loose.read_text("utf-8") == source
