"""A second opinion: cvc5, which shares no code with Z3, answers the same SMT-LIB script.

cvc5 does not always keep its time: in nonlinear arithmetic it can sit for minutes in a routine that looks at no limit.
So each question has a process of its own, which the system ends when its time is up, even if the caller is gone by
then. Linux and macOS.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, Literal

from rlhf_contract.errors import InternalError, SetupError

__all__ = ["Opinion", "answer", "cvc5_name", "opinion_here", "require_cvc5", "second_opinion"]

GRACE_SECONDS = 0.5  # cvc5 notices most often by itself that its time is up
START = "import sys; sys.path[:] = sys.argv[2:]; from rlhf_contract.prove.cross_check import answer; answer()"
_TAKEN = {"set-logic", "declare-const", "declare-fun", "define-fun", "assert"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """`reason` says why the answer is unknown, otherwise ''. `seconds` is wall clock, the start of cvc5 included."""

    answer: Literal["sat", "unsat", "unknown"]
    reason: str
    seconds: float


def require_cvc5() -> None:
    """Raises SetupError without cvc5."""
    if importlib.util.find_spec("cvc5") is None:
        raise SetupError("cvc5 is not installed: pip install 'rlhf-contract-wizard[cross-check]'")


def cvc5_name() -> str:
    """Name and version of the second solver, as it goes into reports. Raises SetupError without it."""
    from importlib.metadata import version  # slow, and cvc5's process does not need it

    require_cvc5()
    return f"cvc5 {version('cvc5')}"


def second_opinion(smt2: str, *, rlimit: int, seconds: float, seed: int = 0) -> Opinion:
    """What cvc5 answers to a script that declares, asserts and asks once.

    `rlimit`, in cvc5's own work units, decides alike on every machine; the clock only guards. Whatever the script says
    of its expected `:status` is not looked at. Raises SetupError without cvc5, InternalError for a script that cvc5
    cannot read, ValueError for a limit that is none.
    """
    if rlimit < 1 or seconds <= 0:
        raise ValueError(f"no limit: rlimit {rlimit}, seconds {seconds}")
    require_cvc5()
    start = time.perf_counter()
    options = json.dumps({"rlimit": rlimit, "seconds": seconds, "seed": seed})
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", START, options, *sys.path], input=smt2.encode(), capture_output=True
    )
    elapsed = time.perf_counter() - start
    if done.returncode == -signal.SIGALRM:
        return Opinion("unknown", f"stopped after {seconds:g} s", elapsed)
    if done.returncode == 1:  # a Python error; whatever else ended it is no fault of the question
        raise InternalError(f"cvc5 did not run: {done.stderr.decode(errors='replace')[-2000:].strip()}")
    if done.returncode:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
        return Opinion("unknown", f"cvc5 crashed ({how})", elapsed)
    found = json.loads(done.stdout)
    if "error" in found:
        raise InternalError(f"cvc5 cannot read the script: {found['error']}")
    return Opinion(found["answer"], found["reason"], elapsed)


def opinion_here(smt2: str, *, rlimit: int, seconds: float, seed: int = 0) -> Opinion:
    """The same in this process, which has to be one that may be killed: cvc5 does not always keep its time."""
    start = time.perf_counter()
    found = _ask(smt2, rlimit, seconds, seed)
    return Opinion(found["answer"], found["reason"], time.perf_counter() - start)  # type: ignore[arg-type]


# ---- in the process of one question


def answer() -> None:
    """Read a script from stdin, write cvc5's answer to stdout as JSON, or its error."""
    options = json.loads(sys.argv[1])
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the caller may ignore it, which exec keeps
    signal.setitimer(signal.ITIMER_REAL, options["seconds"] + GRACE_SECONDS)
    try:
        found = _ask(sys.stdin.buffer.read().decode(), **options)
    except (MemoryError, RuntimeError) as error:  # cvc5 has no class of its own
        full = isinstance(error, MemoryError) or "bad_alloc" in str(error)
        found = {"answer": "unknown", "reason": "out of memory"} if full else {"error": str(error)}
    json.dump(found, sys.stdout)


def _ask(smt2: str, rlimit: int, seconds: float, seed: int) -> dict[str, str]:
    import cvc5

    terms = cvc5.TermManager()
    solver, symbols = cvc5.Solver(terms), cvc5.SymbolManager(terms)
    solver.setOption("rlimit-per", str(rlimit))
    solver.setOption("tlimit-per", str(max(1, round(seconds * 1000))))
    solver.setOption("seed", str(seed))
    solver.setOption("sat-random-seed", str(seed))
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, smt2, "script")
    while not (command := parser.nextCommand()).isNull() and (name := command.getCommandName()) != "check-sat":
        if name == "set-info":  # with :status, cvc5 would call an answer that differs from it an error
            continue
        if name not in _TAKEN:
            raise RuntimeError(f"a command that has no place here: {name}")
        output = command.invoke(solver, symbols)
        if output:
            raise RuntimeError(output.strip())
    if command.isNull() or not parser.nextCommand().isNull():
        raise RuntimeError("it does not end with its one (check-sat)")
    return _found(solver.checkSat())


def _found(result: Any) -> dict[str, str]:
    if result.isSat() or result.isUnsat():
        return {"answer": "sat" if result.isSat() else "unsat", "reason": ""}
    explained = result.getUnknownExplanation().name
    words = {"TIMEOUT": "out of time", "RESOURCEOUT": "out of work units", "MEMOUT": "out of memory"}
    return {"answer": "unknown", "reason": words.get(explained, f"cvc5 gave up ({explained})")}
