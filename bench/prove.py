"""How long proofs take, side by side with the encoding that one would write first (floor_division.py).

    bench/prove.py                      5 to 200 invariants, 8 signals, 3 stakeholders; lists; nash_product: minutes
    bench/prove.py --quick              5 and 20, with small limits: for tests
    bench/prove.py --sizes 100 --only pareto

Each question is asked three times: through the tiers, as users get it; by the full query alone, without intervals and
lemmas; and in the other encoding, with the same Z3 and the same limits. Each time in a process of its own, forked from
this one, which never solves anything; what takes less than a second, five times, and the median counts. Times are of
the processor, which a busy machine disturbs less than the clock. A refuted promise is also made readable (simplify.py),
which the other encoding does not do: that has a column of its own, and is no part of the ratio.

Memory is the peak of the resident set of that process (ru_maxrss), with what it has from the start: the interpreter,
Z3's library and the contract; `above` is what came on top of it.

Exit code 1: with 100 invariants, the geometric mean of the ratios is below 5. Seconds and megabytes are held against
their targets, but a slow machine is no failure.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import floor_division

import contracts
from rlhf_contract.cli.output import console, progress_bar, table
from rlhf_contract.errors import InternalError
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.prove.decide import Decider, Result
from rlhf_contract.prove.prove import prove
from rlhf_contract.prove.query import Budget, solver_name
from rlhf_contract.prove.translation import validate_translation

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "bench" / "prove.json"

FULL = Budget(rlimit=4_000_000_000, seconds=20)
QUICK = 500_000
"""Z3's units of work for the other encoding when there is no time: no seconds, so that a test always decides alike."""
REPEATS, WORTH_REPEATING = 5, 1.0
MEMORY_CAP = 8 << 30

GATED_AT, MIN_RATIO, MAX_SECONDS, MAX_MEGABYTES, MAX_SECONDS_BEYOND = 100, 5.0, 0.1, 200, 10.0


# ---- one measurement


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians of one question. Seconds are of the processor, `wall` of the clock; `simplify` is a part of `seconds`."""

    verdict: str
    tier: str
    seconds: float
    wall: float
    simplify: float
    megabytes: float
    above: float

    @property
    def solving(self) -> float:
        return self.seconds - self.simplify


class Timed(Decider):
    """A Decider that knows how long it took to make counterexamples readable."""

    simplifying = 0.0

    def _simplest(self, *args: Any) -> Any:
        start = time.process_time()
        try:
            return super()._simplest(*args)
        finally:
            self.simplifying += time.process_time() - start


Answer = tuple[str, str, float]  # verdict, tier, seconds to simplify
Ask = Callable[[Timed, str], Answer]


def by_tiers(decider: Timed, id_: str) -> Answer:
    return _answer(decider, decider.decide(id_))


def by_query(decider: Timed, id_: str) -> Answer:
    """The same without intervals and lemmas."""
    obligation = replace(decider.obligations[id_], quick=lambda: False, lemmas=list, premises=())
    return _answer(decider, decider.settle(obligation))


def by_floor_division(decider: Timed, id_: str) -> Answer:
    limits = floor_division.Limits(decider.budget.rlimit, decider.budget.seconds)
    return floor_division.decide(decider.contract, id_, limits), "", 0.0


def _answer(decider: Timed, result: Result) -> Answer:
    return result.verdict.value, result.tier.value, decider.simplifying


def measured(ask: Ask, decider: Timed, id_: str, repeats: int) -> Measured:
    """Ask in a fresh process; as often as `repeats` says if that is quick."""
    found = [_alone(ask, decider, id_)]
    while len(found) < repeats and found[0].wall < WORTH_REPEATING:
        found.append(_alone(ask, decider, id_))
    numbers = {f: statistics.median(getattr(m, f) for m in found) for f in ("seconds", "wall", "simplify")}
    return replace(found[0], megabytes=max(m.megabytes for m in found), above=max(m.above for m in found), **numbers)


def _alone(ask: Ask, decider: Timed, id_: str) -> Measured:
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=_child, args=(theirs, ask, decider, id_), daemon=True)
    start, before = time.perf_counter(), _of_children()
    child.start()
    theirs.close()
    try:  # up to three questions, each within its own time; and Z3 does not always stop when it should
        found = ours.recv() if ours.poll(3 * decider.budget.seconds + 5) else "unknown"
    except EOFError:
        found = "unknown"
    child.kill()
    child.join()
    if isinstance(found, Measured):
        return found
    seconds = _of_children() - before
    return Measured(found, "stopped", seconds, time.perf_counter() - start, 0.0, 0.0, 0.0)


def _of_children() -> float:
    """Seconds of the processor that children which have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _child(answer: Connection, ask: Ask, decider: Timed, id_: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_CAP, MEMORY_CAP))
    before, wall, seconds = _peak(), time.perf_counter(), time.process_time()
    try:
        verdict, tier, simplify = ask(decider, id_)
    except InternalError as error:  # the prover says that it is wrong: worth a row, not the end of the run
        print(f"\n{id_}: {error}", file=sys.stderr)
        answer.send("error")
        return
    seconds, wall = time.process_time() - seconds, time.perf_counter() - wall
    answer.send(Measured(verdict, tier, seconds, wall, simplify, _peak(), _peak() - before))


def _peak() -> float:
    """In megabytes (10⁶ bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


# ---- rows


@dataclass(frozen=True, slots=True)
class Row:
    """One promise of one contract. `query` is None where there is no other way than the query."""

    contract: str
    invariants: int
    id: str
    tiers: Measured
    query: Measured | None
    floors: Measured | None

    @property
    def ratio(self) -> float | None:
        """How many times faster than the other encoding we are; at least that, if it did not answer."""
        return self.floors.solving / self.tiers.solving if self.floors else None

    @property
    def query_ratio(self) -> float | None:
        return self.floors.solving / (self.query or self.tiers).solving if self.floors else None

    @property
    def agree(self) -> bool:
        """No two answers contradict each other."""
        found = {m.verdict for m in (self.tiers, self.query, self.floors) if m} - {"unknown"}
        return len(found) <= 1


@dataclass(frozen=True, slots=True)
class Task:
    """One promise; `beside` is given the other encoding's limits, None if it has no words for the contract."""

    contract: str
    invariants: int
    id: str
    decider: Timed
    beside: Timed | None


def tasks(sizes: list[int], quick: bool, only: str) -> list[Task]:
    """All that is to be asked; of the rules' own questions the first, the middle and the last."""
    made: list[Task] = []

    def add(name: str, source: str, beside: bool) -> None:
        contract = load(source)
        decider = Timed(contract, FULL)
        other = Timed(contract, replace(FULL, rlimit=QUICK) if quick else FULL) if beside else None
        rules = contract.rules
        sample = [f"rule.{rules[at].name}" for at in (0, len(rules) // 2, -1)]
        asked = [id_ for id_ in decider.obligations if id_ in sample or not id_.startswith("rule.")]
        made.extend(Task(name, len(rules), id_, decider, other) for id_ in asked if id_.startswith(only))

    for size in sizes:
        add("mixed", contracts.mixed(size), beside=True)
        add("strict", contracts.strict(size), beside=True)
    add("lists", contracts.lists(), beside=False)
    add("nash", contracts.nash(), beside=False)
    return made


def row(task: Task, repeats: int) -> Row:
    decider, id_ = task.decider, task.id
    tiers = measured(by_tiers, decider, id_, repeats)
    query = None if decider.obligations[id_].exists or not task.beside else measured(by_query, decider, id_, repeats)
    floors = measured(by_floor_division, task.beside, id_, repeats) if task.beside else None
    return Row(task.contract, task.invariants, id_, tiers, query, floors)


# ---- whole contracts


@dataclass(frozen=True, slots=True)
class Whole:
    """Seconds for a whole contract: to read it, check its compiled program, prove all of it in processes (clock)."""

    invariants: int
    load: float
    translation: float
    lemmas: int
    prove: float | None
    promises: int


def whole(size: int, proving: bool) -> Whole:
    start = time.process_time()
    contract = load(contracts.mixed(size))
    loaded = time.process_time()
    translation = validate_translation(contract, compile_contract(contract))
    checked = time.process_time()
    begin = time.perf_counter()
    promises = len(prove(contract)) if proving else 0
    seconds = time.perf_counter() - begin if proving else None
    return Whole(size, loaded - start, checked - loaded, translation.lemmas, seconds, promises)


# ---- what is said of it


def milliseconds(measured: Measured | None, part: str = "seconds") -> str:
    if measured is None:
        return "–"
    value = f"{getattr(measured, part) * 1000:,.{1 if getattr(measured, part) < 0.1 else 0}f}"
    return f"> {value}" if measured.verdict == "unknown" else value


def times(row: Row, ratio: float | None) -> str:
    if ratio is None:
        return "–"
    more = "> " if row.floors and row.floors.verdict == "unknown" else ""
    return f"{more}{ratio:,.1f}×" if row.tiers.verdict != "unknown" else "–"


def show(rows: list[Row], wholes: list[Whole]) -> None:
    out = console()
    numbers = ("tiers", "simplify", "query", "floors", "ratio", "query's", "MB", "above")
    for key in dict.fromkeys((r.contract, r.invariants) for r in rows):
        title = f"{key[0]}, {key[1]} invariants: milliseconds of the processor"
        shown = table("promise", "verdict", "decided by", *numbers, title=title, right=numbers)
        shown.columns[0].no_wrap = True
        for r in rows:
            if (r.contract, r.invariants) == key:
                shown.add_row(
                    r.id,
                    r.tiers.verdict if r.agree else f"{r.tiers.verdict}, DISAGREE",
                    r.tiers.tier.split()[-1],
                    milliseconds(r.tiers),
                    f"{r.tiers.simplify * 1000:,.1f}" if r.tiers.simplify else "",
                    milliseconds(r.query),
                    milliseconds(r.floors),
                    times(r, r.ratio),
                    times(r, r.query_ratio),
                    f"{r.tiers.megabytes:,.0f}" if r.tiers.megabytes else "–",
                    f"{r.tiers.above:,.0f}",
                )
        out.print(shown)
    columns = ("invariants", "read it", "program = meaning", "lemmas", "prove all", "promises")
    shown = table(*columns, title="whole contracts: seconds", right=columns)
    for w in wholes:
        shown.add_row(
            *("–" if v is None else f"{v:.2f}" if isinstance(v, float) else str(v) for v in asdict(w).values())
        )
    out.print(shown)


@dataclass(frozen=True, slots=True)
class Target:
    what: str
    met: bool
    found: str
    gate: bool = False


def targets(rows: list[Row]) -> list[Target]:
    made = []
    linear = [r for r in rows if r.invariants == GATED_AT and r.floors]
    if linear:
        ratios = [r.ratio for r in linear if r.ratio]
        mean = statistics.geometric_mean(ratios)
        known = [r for r in linear if r.tiers.verdict != "unknown"]
        quick = [r for r in known if r.tiers.seconds < MAX_SECONDS]
        bare = [r for r in known if (r.query or r.tiers).solving < MAX_SECONDS]
        small = [r for r in linear if max(r.tiers.megabytes, (r.query or r.tiers).megabytes) < MAX_MEGABYTES]
        faster = [r for r in linear if r.ratio and r.ratio >= MIN_RATIO]
        proofs = [r for r in linear if r.tiers.verdict == "proved" and r.query]
        proved = statistics.geometric_mean([r.ratio for r in proofs if r.ratio]) if proofs else float("nan")
        slowest = max(linear, key=lambda r: r.tiers.seconds)
        largest = max(max(r.tiers.megabytes, (r.query or r.tiers).megabytes) for r in linear)
        at, of = f"{GATED_AT} invariants", len(linear)
        text = f"{len(quick)} of {of}; slowest {slowest.id}, {slowest.tiers.seconds:.2f} s"
        made += [
            Target(f"{at}: each promise below {MAX_SECONDS} s", len(quick) == of, text),
            Target(f"{at}: by the full query alone, without simplifying", len(bare) == of, f"{len(bare)} of {of}"),
            Target(
                f"{at}: below {MAX_MEGABYTES} MB", len(small) == of, f"{len(small)} of {of}; at most {largest:.0f} MB"
            ),
            Target(f"{at}: each {MIN_RATIO:g} times faster", len(faster) == of, f"{len(faster)} of {of}"),
            Target(
                f"{at}: {MIN_RATIO:g} times faster in the geometric mean",
                mean >= MIN_RATIO,
                f"{mean:.1f}; where promises are proved {proved:.1f}",
                gate=True,
            ),
        ]
    for name in ("lists", "nash"):
        beyond = [r for r in rows if r.contract == name]
        decided = [r for r in beyond if r.tiers.verdict != "unknown" and r.tiers.wall < MAX_SECONDS_BEYOND]
        if beyond:
            slowest = max(beyond, key=lambda r: r.tiers.wall)
            text = f"{len(decided)} of {len(beyond)}; slowest {slowest.id}, {slowest.tiers.wall:.2f} s"
            made.append(Target(f"{name}: decided in {MAX_SECONDS_BEYOND:g} s", len(decided) == len(beyond), text))
    agree = [r for r in rows if r.agree]
    made.append(Target("no two answers contradict", len(agree) == len(rows), f"{len(agree)} of {len(rows)}", gate=True))
    return made


def machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "solver": solver_name(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="5 and 20 invariants with small limits")
    parser.add_argument("--sizes", type=int, nargs="*", help="numbers of invariants")
    parser.add_argument("--only", default="", help="only promises whose id starts so")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file for the results (%(default)s)")
    options = parser.parse_args()
    sizes = options.sizes if options.sizes is not None else [5, 20] if options.quick else list(contracts.SIZES)
    repeats = 1 if options.quick else REPEATS

    before = machine()
    todo = tasks(sizes, options.quick, options.only)
    rows: list[Row] = []
    with progress_bar("promises", len(todo)) as tell:
        for done, task in enumerate(todo, 1):
            rows.append(row(task, repeats))
            tell(done)
    # after all the rows: Z3 is used in this process here
    wholes = [] if options.only else [whole(size, size == GATED_AT) for size in sizes]
    found = targets(rows)
    show(rows, wholes)
    said = table("target", "", "found", title="targets")
    for t in found:
        said.add_row(t.what, "met" if t.met else "not met", t.found)
    console().print(said)

    options.out.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": before,
        "limits": {"rlimit": FULL.rlimit, "seconds": FULL.seconds, "repeats": repeats, "quick": options.quick},
        "rows": [asdict(r) | {"ratio": r.ratio, "query_ratio": r.query_ratio, "agree": r.agree} for r in rows],
        "whole": [asdict(w) for w in wholes],
        "targets": [asdict(t) for t in found],
    }
    options.out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 1 if any(t.gate and not t.met for t in found) else 0


if __name__ == "__main__":
    sys.exit(main())
