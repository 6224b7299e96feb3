"""What audit.py, cache.py, pii.py and trainer.py measure, as rows. Each writes a report of its own, too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from row import Missing, Other, Row, Run, at_most

HERE = Path(__file__).resolve().parent
TRAINED = {
    "contract": "the contract",
    "journaled": "contract and journal",
    "beside": "contract and journal beside the step",
}


def rows(run: Run) -> list[Row]:
    return [*audit(run), *cache(run), *personal_data(run), *trainer(run)]


def report(run: Run, name: str, *words: str, python: str = sys.executable) -> dict[str, Any]:
    """The document that bench/<name>.py writes. Its tables go to stderr; a missed goal is a row here, too."""
    run.tell(f"bench/{name}.py {' '.join(words)}".strip())
    out = HERE.parent / "build" / "bench" / f"{name}.json" if not run.quick else run.folder / f"{name}.json"
    out.unlink(missing_ok=True)
    done = subprocess.run([python, str(HERE / f"{name}.py"), *words, "--out", str(out)], stdout=sys.stderr)
    if not out.exists():
        raise RuntimeError(f"bench/{name}.py ended with {done.returncode} and wrote nothing")
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def audit(run: Run) -> list[Row]:
    found = report(run, "audit", *(["--rows", "2000"] if run.quick else []))
    whole, count = found["audit"], found["rows"]
    target = None if run.quick else at_most(found["target"]["seconds for a million"], gate=True)
    what = f"audit of {count:,} rewards, by the clock"
    return [
        Row("reports.audit", what, whole["seconds"], "s", target=target, runs=1),
        Row("reports.audit_memory", "peak memory of that audit", whole["megabytes"], "MB", runs=1),
    ]


def cache(run: Run) -> list[Row]:
    """A replayed training run of several epochs, whose texts come again."""
    found = report(run, "cache", *(["--quick"] if run.quick else []))["rows"]
    without = found[0]
    made = []
    for row in found[1:]:
        name = "_".join(re.findall(r"[a-z0-9]+", row["cache"].lower()))
        words = f"scorers of a replayed training run, cache: {row['cache']}; {row['hit_rate']:.0%} not asked again"
        other = Other("the same without a cache", without["seconds"])
        made.append(Row(f"reports.cache_{name}", words, row["seconds"], "s", other, runs=1))
    return made


def personal_data(run: Run) -> list[Row]:
    """On sentences that our rules were written beside: no estimate for other texts, and Presidio had no such chance."""
    found = report(run, "pii", python=trainers())
    return [
        Row(
            f"reports.pii_{name}",
            f"personal data, {name}, on our own labelled sentences",
            100 * found["ours"]["any"][name],
            "%",
            Other("Presidio's patterns, no model", 100 * found["Presidio"]["any"][name]),
            runs=1,
        )
        for name in ("precision", "recall")
    ]


def trainer(run: Run) -> list[Row]:
    """What the contract adds to the step of a trainer, beside a plain function in the same run of TRL."""
    found = report(run, "trainer", *(["--steps", "6"] if run.quick else []), python=trainers())
    return [
        *(
            Row(
                f"reports.trainer_{name}",
                f"a step of TRL's GRPO with a tiny model and {words}, more than with a plain function, of the step",
                100 * found["overhead"][name],
                "% of a step",
                target=None if run.quick else at_most(100 * found["most"]),
                runs=found["steps"][name],
            )
            for name, words in TRAINED.items()
        ),
        Row(
            "reports.trainer_beside_whole",
            f"the same of {TRAINED['beside']}, by whole steps, with the oracle on the same two cores",
            100 * found["whole_step_above_plain"]["beside"],
            "% of a step",
            runs=found["steps"]["beside"],
        ),
        *(
            Row(
                f"reports.trainer_step{suffix}",
                f"how long a step must be for {TRAINED[name]} to be 2 % of it",
                found["seconds_of_a_step_with_that"][name],
                "s",
                runs=found["steps"][name],
            )
            for name, suffix in (("journaled", ""), ("beside", "_beside"))
        ),
    ]


def trainers() -> str:
    """The interpreter of the environment with TRL and Presidio."""
    python = HERE.parent / ".venv-trainers" / "bin" / "python"
    if not python.exists():
        raise Missing("TRL and Presidio are not installed; make .venv-trainers/project")
    return str(python)
