"""A scorers file, and the commands that read it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from rlhf_contract.cli.main import app
from rlhf_contract.errors import DataError, ScorerError, ScorerMissing
from rlhf_contract.lang.pin import read_pin
from rlhf_contract.scorers.builtin import builtin
from rlhf_contract.scorers.from_file import read_scorers
from rlhf_contract.scorers.isolated import Isolated
from rlhf_contract.scorers.rules import Keywords
from scoring import CONTRACT, values_of

FILE = """
[scorers."acme/refusals"]
kind = "keywords"
words = ["I cannot help"]
wanted = "count"

[scorers."acme/digits"]
kind = "patterns"
patterns = ['\\d']

[scorers."acme/contact"]
kind = "pii"
kinds = ["email", "phone"]

[scorers."acme/gold"]
kind = "answer"
place = "boxed"
column = "gold"

[scorers."acme/chars"]
kind = "python"
function = "scoring:count_chars"
isolated = true
"""


def run(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["rlhf-contract", *shlex.split(command)])
    with pytest.raises(SystemExit) as ended:
        app()
        raise SystemExit(0)
    return int(ended.value.code or 0), *capsys.readouterr()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scorers.toml"
    path.write_text(FILE, "utf-8")
    return path


def test_each_kind_is_made_as_told(file: Path) -> None:
    """Those of the file are the scorers that one would make by hand."""
    made = read_scorers(file)

    assert list(made) == ["acme/refusals", "acme/digits", "acme/contact", "acme/gold", "acme/chars"]
    assert made["acme/refusals"].pin == Keywords("acme/refusals", ["I cannot help"], "count").pin
    assert values_of(made["acme/refusals"], ["I cannot help. I cannot\nhelp!"]) == [2]
    assert values_of(made["acme/digits"], ["a1", "a"]) == [True, False]
    assert values_of(made["acme/contact"], ["a@example.com", "4526 0181 5908 3012"]) == [True, False]
    assert values_of(made["acme/gold"], ["\\boxed{2}"], gold=[2]) == [True]
    assert values_of(made["acme/chars"], ["abc"]) == [3]
    chars = made["acme/chars"]
    assert isinstance(chars, Isolated)
    chars.close()


@pytest.mark.parametrize(("text", "says"), [
    ("[scorers", "Expected"),
    ("x = 1", "and nothing else"),
    ("scorers = 3", "and nothing else"),
    ('[scorers."a/b"]\nkind = "magic"', "a/b: kind is one of keywords"),
    ('[scorers."a/b"]\nkind = "keywords"', "missing 1 required positional argument: 'words'"),
    ('[scorers."a/b"]\nkind = "keywords"\nwords = ["x"]\nword = 3', "unexpected keyword argument 'word'"),
])  # fmt: skip
def test_what_is_wrong_in_the_file_is_said(text: str, says: str, tmp_path: Path) -> None:
    """With the file, the scorer and the word."""
    path = tmp_path / "scorers.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=says) as raised:
        read_scorers(path)

    assert str(path) in str(raised.value)


def test_what_a_scorer_refuses_is_its_own_error(tmp_path: Path) -> None:
    """A pattern that is none, a function that is not there, a file that is not there."""
    path = tmp_path / "scorers.toml"
    path.write_text('[scorers."a/b"]\nkind = "patterns"\npatterns = ["("]', "utf-8")
    with pytest.raises(ScorerError, match="no pattern of RE2"):
        read_scorers(path)
    path.write_text('[scorers."a/b"]\nkind = "python"\nfunction = "scoring:nothing"', "utf-8")
    with pytest.raises(ScorerMissing, match="cannot be imported"):
        read_scorers(path)
    with pytest.raises(DataError, match="No such file"):
        read_scorers(tmp_path / "nothing.toml")


def test_scorer_pin_prints_what_a_contract_takes(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The line can be pasted behind a signal, and then it checks."""
    code, out, _ = run(f"scorer pin length/words acme/refusals --scorers {file}", monkeypatch, capsys)
    words, refusals = out.splitlines()
    spec = tmp_path / "pasted.legal"
    spec.write_text(CONTRACT.format(signals=f"  w : int [0, 9] {words}\n  r : int [0, 9] {refusals}"), "utf-8")

    assert (code, words) == (0, f'BY "{builtin()["length/words"].pin}"')
    assert run(f"check {spec}", monkeypatch, capsys)[0] == 0


def test_scorer_pin_shows_what_is_hashed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As the document whose SHA-256 is in the pin."""
    import hashlib

    from rlhf_contract.scorers.content import canonical

    _, out, _ = run("scorer pin pii/any --json", monkeypatch, capsys)
    (said,) = json.loads(out)
    pin = read_pin(said["by"])

    assert pin is not None and hashlib.sha256(canonical(said["content"])).digest() == pin.digest
    assert "phonenumbers" in said["content"]["libraries"]


def test_scorer_pin_of_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that lists them is named."""
    code, _, err = run("scorer pin length/wrods", monkeypatch, capsys)

    assert code == 1 and "scorer list" in err


def test_scorer_list(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them; one that cannot be pinned here says why, and what to install where that is it."""
    file.write_text('[scorers."acme/rm"]\nkind = "model"\nfolder = "nowhere"', "utf-8")
    code, out, _ = run(f"scorer list --scorers {file} --json", monkeypatch, capsys)
    listed = {one["name"]: one for one in json.loads(out)}

    assert code == 0 and listed.keys() == {*builtin(), "acme/rm"}
    assert listed["acme/rm"]["pin"] is None and "nowhere" in listed["acme/rm"]["why_not"]
    for name, scorer in builtin().items():
        if scorer.extra == "presidio" and listed[name]["pin"] is None:
            assert "rlhf-contract-wizard[presidio]" in listed[name]["why_not"]
        else:
            assert listed[name]["pin"] == str(scorer.pin)
    assert "pii/any" in run("scorer list", monkeypatch, capsys)[1]
