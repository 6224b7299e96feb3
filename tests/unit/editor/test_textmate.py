"""The TextMate grammar against the parser: what the one colours is what the other reads."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from rlhf_contract.editor.words import AGGREGATIONS, FUNCTIONS, keywords_of_grammar
from rlhf_contract.errors import SpecError
from rlhf_contract.lang.parse import _parser, parse

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
GRAMMAR = ROOT / "editors" / "legal-blocks.tmLanguage.json"
EVERYTHING = HERE / "everything.legal"
OPERATORS = {"COMPARISON", "EQUAL", "PLUS", "MINUS", "TIMES", "DIVIDE"}
WORDS = {"FORALL", "EXISTS", "IMPLIES", "OR", "AND", "NOT"}


def coloured(files: list[Path]) -> list[dict[tuple[int, int], str]]:
    """For each file, the scope of every character that has one of its own, by line and column from 0."""
    command = ["node", str(HERE / "tokenise.cjs"), str(GRAMMAR), *map(str, files)]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    return [
        {(line, column): scope for line, start, end, scope in tokens for column in range(start, end)}
        for tokens in json.loads(result.stdout)
    ]


def wanted(terminal: str) -> str:
    """How the scope of a terminal of the parser begins."""
    if terminal.startswith("_") or terminal in WORDS:
        return "keyword.|storage.type."
    if terminal in OPERATORS:
        return "keyword.operator."
    fixed = {
        "NUMBER": "constant.numeric.",
        "SEMVER": "constant.numeric.",
        "STRING": "string.",
        "NAME": "entity.|variable.",
    }
    return {**fixed, "REGION": "constant.other.region."}.get(terminal, "")


def differences(text: str, scopes: dict[tuple[int, int], str]) -> list[str]:
    """Every token of the parser that the grammar takes for something else."""
    wrong = []
    state = _parser().parse_interactive(text, start="start")
    for token in state.exhaust_lexer():
        line = text.split("\n")[token.line - 1]
        column = len(line[: token.column - 1].encode("utf-16-le")) // 2  # the engine counts units of UTF-16
        scope = scopes.get((token.line - 1, column), "")
        good = re.match(wanted(token.type).replace(".", r"\."), scope)
        function = token.type == "NAME" and token.value in (*FUNCTIONS, *AGGREGATIONS) and scope.startswith("support.")
        if not good and not function:
            wrong.append(f"line {token.line}: {token.value!r} ({token.type}) is {scope}")
    return wrong


def test_the_contracts_are_coloured_as_they_are_read(tmp_path: Path) -> None:
    """Every token of the examples, of the golden stories and of a file with everything has its own colour."""
    files = [EVERYTHING, *sorted((ROOT / "examples").rglob("*.legal"))]
    stories = [path.read_text("utf-8") for path in sorted((ROOT / "tests" / "golden").glob("*/*.md"))]
    for number, text in enumerate(
        t for s in stories for t in re.findall(r"^```legal[^\n]*\n(.*?)^```$", s, re.M | re.S)
    ):
        try:
            parse(text)
        except SpecError:
            continue
        files.append(tmp_path / f"{number}.legal")
        files[-1].write_text(text, "utf-8")
    found = {
        file.name: differences(file.read_text("utf-8"), scopes)
        for file, scopes in zip(files, coloured(files), strict=True)
    }

    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert len(files) > 3


def test_everything_has_every_keyword() -> None:
    """The file with everything in it uses each word that the grammar of the parser reserves."""
    text = re.sub(r'#[^\n]*|"[^"\n]*"', "", EVERYTHING.read_text("utf-8"))

    assert set(keywords_of_grammar()) - set(re.findall(r"LEGAL-BLOCKS|[A-Za-z]+", text)) == set()


def test_no_keyword_is_invented() -> None:
    """What the grammar for editors calls a keyword or a type is one."""
    rules = json.loads(GRAMMAR.read_text("utf-8"))["repository"]
    types = rules["signals"]["patterns"][3]["match"]
    coloured_words = re.findall(
        r"LEGAL-BLOCKS|[A-Z]{2,}", "".join(rule["match"] for rule in rules["keyword"]["patterns"])
    )
    coloured_words += re.findall(r"[a-z]{2,}", types.replace("A-Za-z", ""))

    assert set(keywords_of_grammar()) == set(coloured_words)


@pytest.mark.parametrize("words", [FUNCTIONS, AGGREGATIONS], ids=["functions", "aggregations"])
def test_functions_are_coloured(words: dict[str, object]) -> None:
    """The grammar for editors knows each function and each aggregation."""
    rules = json.loads(GRAMMAR.read_text("utf-8"))["repository"]["function"]["patterns"]
    known = {frozenset(re.findall(r"[a-z]+(?:_[a-z]+)?", re.sub(r"\[[^]]*\]", "", rule["match"]))) for rule in rules}

    assert frozenset(words) in {k - {"s"} for k in known}


def test_the_extension_finds_its_files() -> None:
    """What the VS Code extension contributes is there, and about this language."""
    folder = GRAMMAR.parent / "vscode"
    contributed = json.loads((folder / "package.json").read_text("utf-8"))["contributes"]
    (language,), (grammar,) = contributed["languages"], contributed["grammars"]

    assert (folder / grammar["path"]).resolve() == GRAMMAR
    assert grammar["scopeName"] == json.loads(GRAMMAR.read_text("utf-8"))["scopeName"]
    assert language["id"] == grammar["language"]
    assert json.loads((folder / language["configuration"]).read_text("utf-8"))["comments"] == {"lineComment": "#"}
