"""The import rule of the house: which folder may know which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "rlhf_contract"

BOTTOM = {"errors", "types", "hashing"}
MAY_IMPORT = {
    "errors": set(),
    "types": set(),
    "hashing": set(),
    "lang": BOTTOM,
    "merkle": BOTTOM,
    "chain": BOTTOM,
    "machine": BOTTOM | {"lang"},
    "scorers": BOTTOM | {"lang"},
    "prove": BOTTOM | {"lang", "machine"},
    "fit": BOTTOM | {"lang", "machine"},
    "oracle": BOTTOM | {"chain", "lang", "machine", "prove", "merkle", "scorers"},
    "audit": BOTTOM | {"chain", "lang", "machine", "merkle", "oracle"},
    "trainers": BOTTOM | {"lang", "machine", "scorers"},
    "editor": BOTTOM | {"lang"},
    "api": BOTTOM | {"lang", "machine", "merkle", "oracle", "scorers"},
    "web": BOTTOM | {"api", "chain", "lang", "machine", "merkle", "oracle", "prove"},
    "cli": BOTTOM
    | {"api", "audit", "chain", "editor", "fit", "lang", "machine", "merkle", "oracle", "prove", "scorers", "web"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def folder_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downward(path: Path) -> None:
    """A module imports only from its own folder and from those below it."""
    own = folder_of(path)
    used = {name.split(".")[1] for name in imported(path) if name.startswith("rlhf_contract.")} - {"__version__"}

    assert own == "__init__" or used - {own} <= MAY_IMPORT[own]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_product_does_not_need_brownie(path: Path) -> None:
    """Only scripts and tests import brownie."""
    assert not {name for name in imported(path) if name.split(".")[0] == "brownie"}


def test_every_folder_has_a_rule() -> None:
    """A new folder takes its place in the table above before it takes imports."""
    folders = {folder_of(path) for path in MODULES} - {"__init__"}

    assert folders == set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_small(path: Path) -> None:
    """No module passes 400 lines."""
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_no_catch_all_names() -> None:
    """No folder or module is called manager, helper, utils, base or common."""
    words = {"manager", "helper", "helpers", "utils", "util", "base", "common"}

    assert not [path for path in MODULES if words & set(path.with_suffix("").relative_to(PACKAGE).parts)]
