"""A scorers file: scorers that are told something, in TOML.

    [scorers."acme/refusals"]
    kind = "keywords"              # keywords, patterns, pii, presidio, answer, model or python
    words = ["I cannot help", "as an AI"]
    wanted = "count"

    [scorers."acme/harmless"]
    kind = "model"
    folder = "models/harmless"     # relative to this file
    label = "safe"

Every scorer may have `isolated = true`: it runs in a process of its own.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from rlhf_contract.errors import DataError, ScorerError, ScorerMissing
from rlhf_contract.scorers.callable import CallableScorer
from rlhf_contract.scorers.isolated import Isolated
from rlhf_contract.scorers.model import Model
from rlhf_contract.scorers.numeric import NumericAnswer
from rlhf_contract.scorers.pii import PersonalData
from rlhf_contract.scorers.presidio import Presidio
from rlhf_contract.scorers.rules import Keywords, Patterns
from rlhf_contract.scorers.scorer import Scorer

__all__ = ["KINDS", "read_scorers"]


def _python(name: str, function: str, version: str = "") -> Scorer:
    module, colon, attribute = function.partition(":")
    if not colon:
        raise ScorerError(f"{name}: function is written module:function")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ScorerMissing(f"{name}: {function} cannot be imported: {error}") from None
    return CallableScorer(name, found, version or None)


KINDS: Mapping[str, Callable[..., Scorer]] = {
    "keywords": Keywords,
    "patterns": Patterns,
    "pii": PersonalData,
    "presidio": Presidio,
    "answer": NumericAnswer,
    "model": Model,
    "python": _python,
}


def read_scorers(path: Path) -> dict[str, Scorer]:
    """By name. Raises DataError naming the file and the place; ScorerError, ScorerMissing from a scorer itself."""
    try:
        document = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from None
    tables = document.pop("scorers", {})
    if document or not isinstance(tables, dict):
        raise DataError(f'{path}: write tables [scorers."name"], and nothing else')
    return {name: _made(path, name, table) for name, table in tables.items()}


def _made(path: Path, name: str, table: Any) -> Scorer:
    told: dict[str, Any] = dict(table) if isinstance(table, dict) else {}
    kind, isolated = told.pop("kind", None), told.pop("isolated", False)
    if kind not in KINDS:
        raise DataError(f"{path}: {name}: kind is one of {', '.join(KINDS)}")
    if "folder" in told:
        told["folder"] = path.parent / str(told["folder"])
    try:
        scorer = KINDS[kind](name=name, **told)
    except TypeError as error:
        said = str(error).replace("__init__() ", "").replace("_python() ", "")
        raise DataError(f"{path}: {name}: {said}") from None
    return Isolated(scorer) if isolated else scorer
