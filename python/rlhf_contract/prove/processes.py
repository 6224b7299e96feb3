"""One process per question, so that a hostile contract can neither hang nor exhaust the machine.

The caller starts one clean server process. It shares no thread and no lock with the caller, loads once what every
question needs, then forks a child for each task. A child has limits of its own, one pipe, and ends with its answer.

    caller ──request──▶ server ──fork──▶ child      the pipe of the request stays open: when it closes, the caller
           ◀──answers──        ◀─answer──           is gone, and server and children end

Linux and macOS. The cap on memory is RLIMIT_AS, which macOS does not enforce.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any, NoReturn, TypeVar

from rlhf_contract.errors import InternalError, SetupError

__all__ = ["Limits", "Stopped", "run_each", "serve"]

S = TypeVar("S")
R = TypeVar("R")

GRACE_SECONDS = 0.5  # a solver that keeps time itself answers first
START = "import sys; sys.path[:] = sys.argv[1:]; from rlhf_contract.prove.processes import serve; serve()"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a pool started by an import would not survive fork
MAX_JOBS = 500  # select() takes a thousand pipes
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What each task may use: wall-clock `seconds`, and `megabytes` (2^20 bytes) on top of what loading took."""

    seconds: float
    megabytes: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """A task that gave no answer; `reason` says why, such as `stopped after 60 s`."""

    reason: str


def run_each(
    load: Callable[[bytes], S],
    argument: bytes,
    work: Callable[[S, str], R],
    tasks: Sequence[str],
    limits: Limits,
    jobs: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, R | Stopped]:
    """`work(load(argument), task)` for each task, each in a process of its own; the results in the order of `tasks`.

    `load` and `work` are functions of modules that can be imported. `load` runs once, without limits, and must leave
    no thread behind. At most `jobs` tasks run at once (by default one a processor), so that together they may take
    `jobs` × `limits.megabytes`. `work` says by MemoryError that it met the cap. `progress` hears, in this thread, each
    task that has ended, how many have, and of how many.

    Raises what `load` or the first `work` to fail raised, or InternalError with the traceback where that exception
    cannot be sent; InternalError when the server dies; SetupError on a system without fork; ValueError when a task
    occurs twice or a function cannot be imported. No process outlives the call, however it ends.
    """
    if not hasattr(os, "fork"):
        raise SetupError("proofs run in processes of their own, which needs Linux or macOS (on Windows, use WSL)")
    if len(set(tasks)) != len(tasks):
        raise ValueError(f"a task occurs twice in {list(tasks)}")
    if "__main__" in (load.__module__, work.__module__):
        raise ValueError("load and work must be in a module that can be imported, not in the script that runs")
    if not tasks:
        return {}
    request = pickle.dumps((load, argument, work, tuple(tasks), limits, min(max(1, jobs or _processors()), MAX_JOBS)))
    found: dict[int, R | Stopped] = {}
    with _server(request) as answers:
        while len(found) < len(tasks):
            index, failed, value = _next(answers)
            if failed:
                raise value
            found[index] = value
            if progress:
                progress(tasks[index], len(found), len(tasks))
    return {task: found[index] for index, task in enumerate(tasks)}


def _processors() -> int:
    """How many this process may use; in a container often fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _server(request: bytes) -> Iterator[IO[bytes]]:
    """Start the server and send the request; gives the pipe of its answers. Kills it and its children afterwards.

    A fresh interpreter rather than a fork, or multiprocessing's spawn: it does not run the caller's main module again,
    nor a sitecustomize, and what can be imported here can be imported there. In a session of its own, Ctrl-C reaches
    only the caller, and one signal ends server and children.
    """
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | ONE_THREAD,
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    try:
        with suppress(BrokenPipeError):  # a server that is gone gives no answer either, which _next reports
            process.stdin.write(request)
            process.stdin.flush()
        yield process.stdout
    finally:
        with suppress(ProcessLookupError, PermissionError):  # macOS: PermissionError when only zombies are left
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        process.wait()


def _next(answers: IO[bytes]) -> tuple[int, bool, Any]:
    """The index of the task that ended, whether it failed, and its result, Stopped or exception."""
    try:
        index, message = pickle.load(answers)
    except (EOFError, pickle.UnpicklingError) as error:
        raise InternalError("the process that was to decide the promises died; was there memory enough?") from error
    failed, value = pickle.loads(message)
    return index, failed, value


# ---- in the server


@dataclass(slots=True)
class _Child:
    index: int
    pid: int
    deadline: float
    message: bytearray = field(default_factory=bytearray)


def serve() -> NoReturn:
    """What the server process does: read one request from stdin, write the answers to stdout, end."""
    import resource  # absent on Windows, where this module can still be imported

    for number in (signal.SIGCHLD, signal.SIGINT):  # the caller may ignore them, which exec keeps
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    caller, out = os.dup(0), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # nothing that prints from here on reaches the caller's terminal or its pipe
        os.dup2(silence, standard)
    try:
        with os.fdopen(caller, "rb", closefd=False) as stream:
            request = pickle.load(stream)
        _answer(request, caller, out)
    except BaseException as error:
        with suppress(OSError):
            _send(out, -1, _failure(error))
    os._exit(0)


def _answer(request: Any, caller: int, out: IO[bytes]) -> None:
    load, argument, work, tasks, limits, jobs = request
    loading, loaded = os.pipe()
    watch = threading.Thread(target=_end_with, args=(caller, loading))
    watch.start()
    try:
        state = load(argument)
    finally:
        os.close(loaded)
        watch.join()  # fork copies no threads, so there must be none
        os.close(loading)
    waiting = deque(range(len(tasks)))
    running: dict[int, _Child] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                index = waiting.popleft()
                pipe, end = os.pipe()
                pid = os.fork()
                if not pid:
                    _run(work, state, tasks[index], limits, caller, end, [out.fileno(), *running])
                os.close(end)
                running[pipe] = _Child(index, pid, time.monotonic() + limits.seconds + GRACE_SECONDS)
            patience = min(child.deadline for child in running.values()) - time.monotonic()
            ready, _, _ = select.select([caller, *running], [], [], min(max(0.0, patience), 60.0))
            if caller in ready:  # nothing more is ever written there, so it was closed
                return
            # what has arrived is read before anyone is stopped: this process may have slept past a deadline
            for pipe in ready:
                chunk = os.read(pipe, CHUNK)
                running[pipe].message += chunk
                if not chunk:
                    _end(running, pipe, out)
            for pipe in [p for p, child in running.items() if child.deadline <= time.monotonic()]:
                os.kill(running[pipe].pid, signal.SIGKILL)
                _end(running, pipe, out, f"stopped after {limits.seconds:g} s")
    finally:
        for child in running.values():
            os.kill(child.pid, signal.SIGKILL)


def _end(running: dict[int, _Child], pipe: int, out: IO[bytes], reason: str = "") -> None:
    """Bury a child; pass on what it sent, or why it sent nothing."""
    child = running.pop(pipe)
    os.close(pipe)
    status = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
    if status == 0 and child.message:
        _send(out, child.index, bytes(child.message))
    else:
        _send(out, child.index, pickle.dumps((False, Stopped(reason or _cause(status)))))


def _cause(status: int) -> str:
    if status == -signal.SIGKILL:
        return "killed from outside, perhaps because the machine ran out of memory"
    return f"the solver crashed (signal {-status})" if status < 0 else f"the solver ended with status {status}"


def _send(out: IO[bytes], index: int, message: bytes) -> None:
    pickle.dump((index, message), out)
    out.flush()


# ---- in a child


def _run(
    work: Callable[[Any, str], Any], state: Any, task: str, limits: Limits, caller: int, end: int, others: list[int]
) -> NoReturn:
    """Do one task, write `(failed, value)` to `end`, and never return into the server's code."""
    try:
        for pipe in others:  # held open here, the caller would not see the server die
            os.close(pipe)
        full = pickle.dumps((False, Stopped(f"stopped at {limits.megabytes} MB of memory")))
        threading.Thread(target=_end_with, args=(caller,), daemon=True).start()
        _cap(limits.megabytes)
        try:
            message = pickle.dumps((False, work(state, task)))
        except MemoryError:
            message = full
        except BaseException as error:
            message = _failure(error)
        left = memoryview(message)
        while left:
            left = left[os.write(end, left) :]
        os._exit(0)
    finally:
        os._exit(1)


def _end_with(caller: int, *until: int) -> None:
    """End this process when the caller's pipe closes, which it does however suddenly the caller dies.

    Returns when a pipe of `until` closes. A thread, because a solver in the middle of its work looks at nothing.
    """
    if caller in select.select([caller, *until], [], [])[0]:
        os._exit(1)


def _cap(megabytes: int) -> None:
    """Let this process grow by so much and no more; and let the system, if it must kill, kill this one first."""
    import resource

    with suppress(OSError):  # no /proc on macOS, which would not enforce the cap either
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
        with open("/proc/self/statm") as sizes:
            cap = int(sizes.read().split()[0]) * resource.getpagesize() + (megabytes << 20)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        cap = cap if hard == resource.RLIM_INFINITY else min(cap, hard)
        resource.setrlimit(resource.RLIMIT_AS, (cap, cap))


def _failure(error: BaseException) -> bytes:
    """The message that raises `error` again in the caller, if it survives the journey, else an InternalError."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, Exception):
        with suppress(Exception):
            error.add_note(trace)
            message = pickle.dumps((True, error))
            _, arrived = pickle.loads(message)
            if type(arrived) is type(error) and str(arrived) == str(error):
                return message
    return pickle.dumps((True, InternalError(trace)))
