"""What test_processes.py asks other processes to do. Imported there, so without pytest, which starts slowly."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

from rlhf_contract.errors import Diagnostic, InternalError, Span, SpecError

seen: list[str] = []


class Wrapped(Exception):
    def __init__(self, words: str) -> None:
        super().__init__(f"wrapped {words}")


def as_text(argument: bytes) -> str:
    return argument.decode()


def locked(argument: bytes) -> str:
    """As `as_text`, and server and children together hold `folder/lock` until the last of them is gone."""
    lock = os.open(Path(argument.decode()) / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return argument.decode()


def loads_forever(argument: bytes) -> str:
    announce(Path(locked(argument)), os.getpid())
    while True:
        pass


def never_loads(argument: bytes) -> str:
    raise InternalError(f"cannot load {argument.decode()}")


def dies_loading(argument: bytes) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def work(state: str, task: str) -> object:
    """`state` is a folder where that matters; `task` is a word, and what follows `:` tells alike tasks apart."""
    word = task.split(":")[0]
    return globals()[word](Path(state))


def echo(folder: Path) -> str:
    return str(folder)


def remember(folder: Path) -> list[str]:
    seen.append("one")
    return list(seen)


def slow(folder: Path) -> str:
    time.sleep(0.3)
    return "slow"


def meet(folder: Path) -> int:
    """Returns only once two such tasks run at the same time."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.01)
    return 2


def crowd(folder: Path) -> int:
    """How many such tasks run at this moment."""
    mark = folder / str(os.getpid())
    mark.touch()
    time.sleep(0.05)
    count = len(list(folder.iterdir()))
    mark.unlink()
    return count


def endless(folder: Path) -> None:
    """Says who started it, and goes on."""
    announce(folder, os.getppid())
    while True:
        pass


def held(folder: Path) -> None:
    """As `endless`, and holds the lock alone."""
    locked(bytes(folder))
    endless(folder)


def announce(folder: Path, server: int) -> None:
    (folder / "server.part").write_text(str(server))
    (folder / "server.part").rename(folder / "server")


def endless_unnoticed(folder: Path) -> None:
    while True:
        pass


def hungry(folder: Path) -> int:
    hoard = []
    while True:
        hoard.append(bytearray(1 << 20))


def big(folder: Path) -> bytes:
    return b"x" * 3_000_000


def segfault(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def killed(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(folder: Path) -> None:
    os._exit(0)


def wrong(folder: Path) -> None:
    raise InternalError("the machine does not agree")


def wrong_number(folder: Path) -> None:
    raise ZeroDivisionError("by nothing")


def unsendable(folder: Path) -> None:
    raise SpecError([Diagnostic("code", "too many words", Span(1, 1, 1, 2))], "text")


def wrapped(folder: Path) -> None:
    raise Wrapped("once")


def quits(folder: Path) -> None:
    sys.exit("enough")


def speak(folder: Path) -> str:
    print("said")
    print("said", file=sys.stderr, flush=True)
    os.write(1, b"written")
    os.write(2, b"written")
    return "spoken"
