"""How long the command line takes: to start, to read a contract of 500 blocks, to prove the reference contract; and
what the hash kernel adds to the first command that needs it, when it was compiled before and when it was not.

    bench/run.py --only commands

Each is a process of its own, from its start to its end, measured by the clock and by its processors; what counts is the
better of the two, since a busy machine makes a process wait, and several threads make it burn more than one waits.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from reference import SPEC
from row import Missing, Other, Row, Run, at_most

from contracts import mixed

__all__ = ["BLOCKS", "large", "rows"]

BLOCKS = 500
BLOCK = re.compile(r"^(?:CONTRACT|SIGNALS|LET|STAKEHOLDERS|AGGREGATE|REQUIRES|INVARIANT|ENSURES|PROVE)\b", re.MULTILINE)


def rows(run: Run) -> list[Row]:
    spec = run.folder / "large.legal"
    spec.write_text(large(BLOCKS), "utf-8")
    reference = str(SPEC)
    made = []
    for id_, what, words, target in (
        ("help", "rlhf-contract --help", ["--help"], at_most(0.3)),
        ("check_500", f"rlhf-contract check of a contract of {BLOCKS} blocks", ["check", str(spec)], None),
        ("check", "rlhf-contract check of the reference contract", ["check", reference], None),
        (
            "prove",
            "rlhf-contract prove of the reference contract, nothing cached",
            ["prove", "--no-cache", reference],
            None,
        ),
    ):
        run.tell(what)
        made.append(Row(f"commands.{id_}", what, seconds(run, words), "s", target=target, runs=run.repeats))
    return [*made, *kernel(run)]


def kernel(run: Run) -> list[Row]:
    """Loading the hash kernel (numba), from the folder where numba keeps what it has compiled, and without one."""
    if find_spec("numba") is None:
        raise Missing("the kernel needs numba: pip install 'rlhf-contract-wizard[speed]'")
    run.tell("loading the hash kernel")
    kept = run.folder / "numba"
    loading(kept)
    warm = statistics.median(loading(kept) for _ in range(run.repeats))
    beside = statistics.median(loading(kept, hidden="") for _ in range(run.repeats))
    cold = statistics.median(loading(run.folder / f"numba{turn}") for turn in range(run.repeats))
    return [
        Row(
            "commands.kernel",
            "loading the hash kernel, where scipy is not installed",
            warm,
            "s",
            Other("where it is: numba imports scipy.linalg, which we need for `fit` alone", beside),
            at_most(0.5),
            run.repeats,
        ),
        Row("commands.kernel_cold", "compiling it, the first time on a machine", cold, "s", runs=run.repeats),
    ]


LOAD = """
import sys, time
sys.modules.update(dict.fromkeys(sys.argv[1].split()))
from rlhf_contract.merkle import batch
clock, used = time.perf_counter(), time.process_time()
assert batch.kernel_for(batch.WORTH_IT)
print(min(time.perf_counter() - clock, time.process_time() - used))
"""


def loading(folder: Path, hidden: str = "scipy") -> float:
    """Seconds in a process of its own, in which the package `hidden` cannot be imported."""
    words = [sys.executable, "-c", LOAD, hidden]
    said = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"NUMBA_CACHE_DIR": str(folder)})
    if said.returncode:
        raise AssertionError(said.stderr)
    return float(said.stdout)


def large(blocks: int) -> str:
    """A contract of that many blocks, most of them invariants, no two of which are the same."""
    return mixed(blocks - len(BLOCK.findall(mixed(0))))


def seconds(run: Run, words: list[str]) -> float:
    """Median of the runs, the first of which reads the disk and compiles Python's modules, and is not counted."""
    found = []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(run.repeats + 1):
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "rlhf_contract.cli.main", *words], stdout=subprocess.DEVNULL, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        clock = time.perf_counter() - start
        if process.returncode:
            raise AssertionError(f"rlhf-contract {' '.join(words)} ended with {process.returncode}")
        found.append(min(clock, used.ru_utime + used.ru_stime))
    return statistics.median(found[1:])
