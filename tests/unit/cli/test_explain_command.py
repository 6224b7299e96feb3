"""`explain` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlhf_contract.cli.explain import explain_
from rlhf_contract.errors import DataError, SpecError
from rlhf_contract.lang.explain import explain, to_html, to_markdown
from rlhf_contract.lang.parse import parse

SAFE = Path(__file__).parents[3] / "examples" / "safe_assistant.legal"
MADE = explain(parse(SAFE.read_text("utf-8")))


def test_markdown_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody watches, the output is the Markdown itself."""
    explain_(SAFE)

    assert capsys.readouterr().out == to_markdown(MADE)


def test_a_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--html writes the page and says where."""
    page = tmp_path / "page.html"
    explain_(SAFE, html=page)

    assert page.read_text("utf-8") == to_html(MADE)
    assert capsys.readouterr().out.startswith("written to ")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """--json holds the same: sections, their source with its lines, sentences and notes."""
    explain_(SAFE, json=True)
    made = json.loads(capsys.readouterr().out)

    assert (made["contract"], made["specHash"], made["html"]) == (MADE.name, MADE.spec_hash, None)
    assert made["sections"][1]["entries"][3] == {
        "lines": [11, 11],
        "source": "  tokens       : int [0, 8192]  # length of the answer\n",
        "sentences": [
            {"text": "tokens is a whole number from 0 to 8192.", "items": []},
            {"text": "No scorer is pinned.", "items": []},
        ],
        "notes": ["length of the answer"],
    }


def test_what_is_wrong_is_not_explained(tmp_path: Path) -> None:
    """A file with a mistake gets its diagnostics, and a page that cannot be written is an error."""
    wrong = tmp_path / "wrong.legal"
    wrong.write_text(SAFE.read_text("utf-8").replace("tokens > 0", "tokenz > 0"), "utf-8")

    with pytest.raises(SpecError, match="tokenz"):
        explain_(wrong)
    with pytest.raises(DataError, match="no_such_folder"):
        explain_(SAFE, html=tmp_path / "no_such_folder" / "page.html")
