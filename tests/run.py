"""Run every lane of tests, one after the other, and say in one table what came of each.

    .venv/bin/python tests/run.py                 # all lanes: what `make test` does
    .venv/bin/python tests/run.py unit contracts  # only these

A lane that fails does not stop the others. A lane that is missing, that crashes or that runs no test at all
counts as one failure: silence is not success. Lint counts when it fails and adds nothing when it passes,
because "passed" counts tests. Only the standard library is used.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (".venv/bin/python", "-m", "pytest")


@dataclass(frozen=True)
class Lane:
    """One command; `folder` holds its tests (None: the command is a check, not a test run)."""

    name: str
    command: tuple[str, ...]
    folder: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of a lane."""

    lane: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    note: str = ""


def lanes() -> list[Lane]:
    """The lanes, quickest first."""
    return [
        Lane("lint", ("make", "--no-print-directory", "lint")),
        Lane("unit", (*PYTEST, "--disable-socket", "--allow-unix-socket"), "tests/unit"),
        Lane("golden", (*PYTEST, "--disable-socket", "--allow-unix-socket"), "tests/golden"),
        Lane("differential", PYTEST, "tests/differential"),
        Lane("attacks", PYTEST, "tests/attacks"),
        Lane("e2e", PYTEST, "tests/e2e"),
        Lane("contracts", (".venv-brownie/bin/brownie", "test"), "tests/contracts", brownie_environment()),
    ]


def brownie_environment() -> dict[str, str]:
    """A port nobody uses, and a home of its own: Brownie keeps networks and caches in ~/.brownie."""
    home = ROOT / ".venv-brownie" / "home"
    home.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Stateful tests make many transactions each, so a single test may take longer here than elsewhere.
    return {"GANACHE_PORT": str(port), "HOME": str(home), "PYTEST_TIMEOUT": "900"}


def run(lane: Lane, report: Path) -> Outcome:
    """Run one lane to its end; its own output goes straight to the terminal."""
    print(f"\n──── {lane.name} {'─' * (74 - len(lane.name))}", flush=True)
    if lane.folder is not None and not (ROOT / lane.folder).is_dir():
        return Outcome(lane.name, 0, 1, 0, 0.0, f"there is no folder {lane.folder}")
    command = list(lane.command)
    if lane.folder is not None:
        command += [lane.folder, "-q", f"--junitxml={report}"]

    start = time.monotonic()
    try:
        status = subprocess.run(
            command, cwd=ROOT, env=environment(lane), stdin=subprocess.DEVNULL, check=False
        ).returncode
    except OSError as error:
        return Outcome(lane.name, 0, 1, 0, 0.0, f"{error.strerror}: {command[0]} (make setup)")
    seconds = time.monotonic() - start

    if lane.folder is None:
        return Outcome(lane.name, 0, int(status != 0), 0, seconds, f"exit status {status}" if status else "ok")
    passed, failed, skipped = count(report)
    if passed + failed == 0:
        return Outcome(lane.name, 0, 1, skipped, seconds, f"no test ran, exit status {status}")
    if status != 0 and failed == 0:
        return Outcome(lane.name, passed, 1, skipped, seconds, f"no test failed, but exit status {status}")
    return Outcome(lane.name, passed, failed, skipped, seconds)


def environment(lane: Lane) -> dict[str, str]:
    """The caller's environment with this checkout's compiler and Ganache, without an outer make's flags."""
    values = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    values["SOLCX_BINARY_PATH"] = str(ROOT / "toolchain")
    values["PATH"] = f"{ROOT / 'node_modules' / '.bin'}{os.pathsep}{values.get('PATH', '')}"
    return values | lane.environment


def count(report: Path) -> tuple[int, int, int]:
    """Passed, failed, skipped tests of a JUnit report; a test whose teardown fails too failed once."""
    if not report.is_file():
        return 0, 0, 0
    worst: dict[tuple[str, str], int] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        key = (case.get("classname", ""), case.get("name", ""))
        tags = {child.tag for child in case}
        rank = 2 if tags & {"failure", "error"} else 1 if "skipped" in tags else 0
        worst[key] = max(rank, worst.get(key, 0))
    ranks = list(worst.values())
    return ranks.count(0), ranks.count(2), ranks.count(1)


def table(outcomes: list[Outcome]) -> str:
    """The summary that stands before the last line."""
    lines = [f"{'lane':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"]
    for o in outcomes:
        line = f"{o.lane:<14}{o.passed:>8}{o.failed:>8}{o.skipped:>9}{o.seconds:>9.1f}"
        lines.append(f"{line}   {o.note}".rstrip())
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the lanes named, or all; the last line printed is `N passed, N failed`."""
    known = lanes()
    if unknown := set(arguments) - {lane.name for lane in known}:
        print(f"no lane {', '.join(sorted(unknown))}; there are {', '.join(lane.name for lane in known)}")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        outcomes = [
            run(lane, Path(folder) / f"{lane.name}.xml") for lane in known if not arguments or lane.name in arguments
        ]
    failed = sum(o.failed for o in outcomes)
    print(f"\n{table(outcomes)}\n\n{sum(o.passed for o in outcomes)} passed, {failed} failed", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
