"""`diff` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from rlhf_contract.cli.diff import diff_
from rlhf_contract.errors import DataError, SpecError

EXAMPLES = Path(__file__).parents[3] / "examples"
LEAKY, SAFE = EXAMPLES / "leaky.legal", EXAMPLES / "safe_assistant.legal"


def diff(old: Path, new: Path, **options: Any) -> int:
    """The exit code."""
    with pytest.raises(typer.Exit) as ended:
        diff_(old, new, **{"rlimit": 2_000_000, "seconds": 10, "jobs": 1, **options})
    return ended.value.exit_code


def version(folder: Path, name: str, *replacements: tuple[str, str]) -> Path:
    text = SAFE.read_text("utf-8")
    for was, is_ in replacements:
        assert was in text
        text = text.replace(was, is_)
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_people_read_the_answer_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, then the row that shows the largest change, promises and rules."""
    new = version(tmp_path, "new.legal", ("VERSION 1.0.0", "VERSION 1.1.0"), ("PENALTY 0.5", "PENALTY 0.75"))

    assert diff(SAFE, new) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("1.1.0 is stricter than 1.0.0: no answer earns more, some earn up to 0.25 less.\n")
    assert "1.1.0 refines 1.0.0: no answer that breaks a rule there earns more here" in shown
    assert "falls most" in shown
    assert "truthful OR hedged PENALTY 0.75" in shown
    assert "promises: unchanged." in shown


def test_two_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    """Two different contracts are compared too, and that they are two is said."""
    assert diff(LEAKY, SAFE) == 0
    shown = capsys.readouterr().out
    assert "These are two different contracts, LeakyAssistant and SafeAssistant." in shown
    assert "incomparable: some earn up to 0.5 more, and some earn up to 1.499988 less." in shown


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """--json holds the relation, the largest changes with their rows, and what is promised."""
    assert diff(LEAKY, SAFE, json=True) == 0
    made = json.loads(capsys.readouterr().out)

    assert made["relation"] == "incomparable"
    assert (made["largestFall"]["atLeast"], made["largestFall"]["exact"]) == ("1.499988", True)
    assert made["largestFall"]["row"]["new"]["reward"] == "-1"
    assert {p["id"]: p["change"] for p in made["promises"]}["ensures.private"] == "same"


def test_the_same_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing changes, and no solver is needed to say so."""
    assert diff(SAFE, SAFE) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("the new text is equivalent to the old text: every answer earns the same.\n")


def test_unknown_has_its_own_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the budget is not enough, nothing is claimed and the code is 4."""
    other = "IF truthful THEN toxicity < 2 ELSE hedged"
    new = version(tmp_path, "new.legal", ("VERSION 1.0.0", "VERSION 1.1.0"), ("truthful OR hedged", other))

    assert diff(SAFE, new, rlimit=1, seconds=1) == 4
    assert "How 1.1.0 compares to 1.0.0 is not known" in capsys.readouterr().out


def test_rows_that_cannot_be_shared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is a sentence."""
    new = version(
        tmp_path, "new.legal", ("hedged       : bool", "hedged       : score"), ("OR hedged", "OR hedged > 0")
    )

    assert diff(SAFE, new) == 0
    shown = capsys.readouterr().out
    assert "do not read the same rows" in shown
    assert "hedged is a bool in the old version and a real in the new one." in shown


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_pages_escape_what_authors_wrote(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No title or citation becomes markup, a link or a control code."""
    evil = "<script>alert(1)</script> | [x](javascript:1) `` \u202e"
    new = version(
        tmp_path,
        "new.legal",
        ("Rewards for the support assistant", evil),
        ("REWARD AT MOST -1", f'REWARD AT MOST -1  CITES "{evil}"'),
    )
    out = tmp_path / "page"
    said: dict[str, Any] = {"markdown": True} if form == "markdown" else {"html": out}

    assert diff(SAFE, new, **said) == 0
    shown = capsys.readouterr().out
    page = shown if form == "markdown" else out.read_text("utf-8")
    assert "⟨U+202E⟩" in page and "\u202e" not in page
    assert "<script" not in page.replace("\\<script", "")
    if form == "markdown":
        assert "\\<script\\>alert(1)\\</script\\> \\| \\[x\\](javascript:1) \\`\\`" in page
    else:
        assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")


def test_what_is_wrong_is_not_compared(tmp_path: Path) -> None:
    """Either file with a mistake gets its diagnostics; a page that cannot be written is an error."""
    wrong = version(tmp_path, "wrong.legal", ("tokens > 0", "tokenz > 0"))

    for pair in ((wrong, SAFE), (SAFE, wrong)):
        with pytest.raises(SpecError, match="tokenz"):
            diff_(*pair)
    with pytest.raises(DataError, match="no_such_folder"):
        diff_(SAFE, SAFE, html=tmp_path / "no_such_folder" / "page.html")


def test_one_form_at_a_time() -> None:
    """Options that contradict each other are refused before anything is computed."""
    with pytest.raises(typer.BadParameter):
        diff_(SAFE, SAFE, json=True, markdown=True)
