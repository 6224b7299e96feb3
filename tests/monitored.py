"""What the code shows and says: metrics with their labels, log lines with their fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from rlhf_contract.api.metrics import Metrics
from rlhf_contract.oracle.gauges import Gauges
from rlhf_contract.scorers.meters import Meters
from rlhf_contract.trainers.monitor import Monitor

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "rlhf_contract"
SPEAKERS = sorted(p for folder in ("api", "oracle", "cli", "scorers") for p in (PACKAGE / folder).rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
SELECTOR = re.compile(r"\b(rlhf_contract_\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
EVERYWHERE = {"job", "instance"}  # Prometheus adds them
GROUPED = re.compile(r"\b(?:by|on|ignoring)\s*\(([^)]*)\)")


@dataclass(frozen=True)
class Line:
    """A call of a logger: where, its level, its event and the names of its fields."""

    where: str
    level: str
    event: str
    fields: frozenset[str]


def metrics() -> dict[str, set[str]]:
    """Every series name that an oracle's `/metrics` or a trainer can show, with its labels."""
    shown = (Metrics(), Gauges(), Meters(), Monitor())
    return {"up": set()} | {name: labels for one in shown for name, labels in _series(one.registry).items()}


def _series(registry: CollectorRegistry) -> dict[str, set[str]]:
    # The library shows labels only of series that exist, and some exist only after an event.
    collectors: dict[str, Any] = registry._names_to_collectors
    return {
        name: set(collector._labelnames) | ({"le"} if name.endswith("_bucket") else set())
        for name, collector in collectors.items()
        if not name.endswith("_created")
        and not (collector._type in ("counter", "histogram") and name == collector._name)
    }


def families() -> set[str]:
    """Every metric once, without the suffixes of its series."""
    return {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in metrics()} - {"up"}


def selectors(expression: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each series that a PromQL expression reads, with its matchers (label, operator, value)."""
    for name, inside in SELECTOR.findall(expression):
        yield name, MATCHER.findall(inside)


def misread(expression: str) -> list[str]:
    """What an expression reads that the code never shows: series, labels, and values that no source names."""
    known, found, labels = metrics(), [], set()
    if not list(selectors(expression)):
        return ["it reads nothing"]
    for name, matchers in selectors(expression):
        if name not in known:
            found.append(f"no metric {name}")
            continue
        labels |= known[name]
        for label, operator, value in matchers:
            if label not in known[name] | EVERYWHERE:
                found.append(f"{name} has no label {label}")
            elif label not in EVERYWHERE | {"status", "le", "endpoint", "peer", "name", "signal"}:
                alternatives = value.split("|") if "~" in operator else [value]
                found += [f"{name}: {label} is never {one}" for one in alternatives if not said(one)]
    for names in GROUPED.findall(expression):
        found += [f"no label {n.strip()}" for n in names.split(",") if n.strip() not in labels | EVERYWHERE]
    return found


def said(value: str) -> bool:
    """Whether a source of the service has this word as a text of its own."""
    return any(f'"{value}"' in path.read_text("utf-8") for path in SPEAKERS)


def log_lines() -> list[Line]:
    """Every call of a logger in the package."""
    found = []
    for path in SPEAKERS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                owner = node.func.value
                if (owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")) != "log":
                    continue
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                event = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
                fields = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                level = "error" if node.func.attr == "exception" else node.func.attr
                found.append(Line(where, level, str(event), fields))
    return found
