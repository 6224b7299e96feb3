"""Rewards told at once and attested beside the step: by a real service, by one that is down, by one that lies."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from typing import Any

import pytest

from listening import a_millionth_more, answering, served
from oracles import free_port
from rlhf_contract.api.limits import Limits
from rlhf_contract.errors import OracleDisagrees, OracleUnavailable
from rlhf_contract.trainers import ContractReward, RewardClient, beside
from rlhf_contract.trainers.sealer import BackgroundSealer
from service import EXAMPLE, ROW, ServedOracle

ROWS = 3
GOOD = {name: [value] * ROWS for name, value in {**ROW, "harmlessness": 0.8}.items()}
TEXTS = ["p"] * ROWS, ["a"] * ROWS


def reward_beside(url: str, attempts: int = 1, **options: Any) -> ContractReward:
    client = RewardClient(url, seconds=20, attempts=attempts, rest=0.1)
    return ContractReward(EXAMPLE.read_bytes(), oracle=client, run="r", attest="beside", **options)


@contextmanager
def gate(oracle: ServedOracle) -> Iterator[threading.Event]:
    """Open, the oracle answers; until then it has requests and does not. It is open in the end."""
    opened, answer = threading.Event(), oracle.rewarder.reward

    def waits(submission: Any) -> Any:
        opened.wait(60)
        return answer(submission)

    oracle.rewarder.reward = waits  # type: ignore[method-assign]
    try:
        yield opened
    finally:
        opened.set()


def test_every_batch_of_many_threads_arrives_once(oracle: ServedOracle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told at once, as not attested; then in the journal, each once, also when the thread ends between two batches."""
    monkeypatch.setattr(beside, "IDLE_SECONDS", 0.005)
    alone = ContractReward.from_file(EXAMPLE)
    tokens = range(1, 41)
    with served(oracle) as url:
        reward = reward_beside(url, attempts=4, waiting=4)
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda n: reward.score(*TEXTS, **{**GOOD, "tokens": [n] * ROWS}), tokens))
        reward.settle(60)
        assert oracle.waiting() == len(tokens) * ROWS
        for n in range(1, 6):
            reward.score(*TEXTS, **GOOD)
            reward.settle(60)
            assert oracle.waiting() == (len(tokens) + n) * ROWS

    assert [b.micro for b in told] == [alone.score(*TEXTS, **{**GOOD, "tokens": [n] * ROWS}).micro for n in tokens]
    assert not any(batch.attested or batch.samples for batch in told)
    assert reward.waiting == 0


@pytest.mark.parametrize("on_error", ["raise", "abstain"])
def test_a_disagreement_is_raised_by_what_follows(on_error: Any, oracle: ServedOracle) -> None:
    """A millionth more than was told: settling and every later batch say so, and the oracle is asked nothing more."""
    answer = a_millionth_more(ContractReward.from_file(EXAMPLE).score(*TEXTS, **GOOD))
    asked: list[bytes] = []

    def lies(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(answer)

    with answering(lies) as url:
        reward = reward_beside(url, on_error=on_error)
        assert reward.score(*TEXTS, **GOOD).rewards == [0.8708] * ROWS
        for _ in range(2):
            with pytest.raises(
                OracleDisagrees, match=r"told already: row 0.*1 batches that were told are not attested"
            ):
                reward.settle(60)
            with pytest.raises(OracleDisagrees, match="told already: row 0"):
                reward.score(*TEXTS, **GOOD)

    assert len(asked) == 1


@pytest.mark.parametrize("on_error", ["raise", "abstain"])
def test_an_oracle_that_is_down_for_a_while_loses_nothing(on_error: Any, oracle: ServedOracle) -> None:
    """What was told waits, nothing else is told meanwhile (never as 0.0), and all is well when it is back."""
    port = free_port()
    reward = reward_beside(f"http://127.0.0.1:{port}", on_error=on_error)
    told = reward.score(*TEXTS, **GOOD)
    with pytest.raises(
        OracleUnavailable, match=r"1 batches \(3 rows\) that were told are not in the journal: .*Refused"
    ):
        reward.settle(2)
    if on_error == "raise":
        with pytest.raises(OracleUnavailable, match="1 batches that were told are not attested yet"):
            reward.score(*TEXTS, **GOOD)
    else:
        batch = reward.score(*TEXTS, **GOOD)
        assert (batch.rewards, batch.status) == ([None] * ROWS, ["abstained"] * ROWS)
    with served(oracle, port):
        reward.settle(60)
        assert oracle.waiting() == ROWS
        again = reward.score(*TEXTS, **GOOD)
        reward.settle(60)

    assert told.rewards == again.rewards == [0.8708] * ROWS
    assert oracle.waiting() == 2 * ROWS


def test_a_full_queue_waits_and_settling_says_what_is_left(oracle: ServedOracle) -> None:
    """Two on their way: the third call waits for room, and nothing is dropped. A pickled copy begins with none."""
    with served(oracle) as url, gate(oracle) as opened, ThreadPoolExecutor(1) as pool:
        reward = reward_beside(url, waiting=2)
        for _ in range(2):
            reward.score(*TEXTS, **GOOD)
        third = pool.submit(reward.score, *TEXTS, **GOOD)
        with pytest.raises(NotYet):
            third.result(timeout=0.3)
        with pytest.raises(OracleUnavailable, match=r"2 batches \(6 rows\) .* the oracle has not answered yet"):
            reward.settle(0.05)
        copy = pickle.loads(pickle.dumps(reward))
        assert (reward.waiting, copy.waiting) == (2, 0)
        opened.set()
        assert third.result(timeout=60).rewards == [0.8708] * ROWS
        copy.score(*TEXTS, **GOOD)
        for each in (reward, copy):
            each.settle(60)

    assert oracle.waiting() == 4 * ROWS


def test_a_batch_that_is_refused_holds_no_other_up(oracle: ServedOracle) -> None:
    """Too large for this oracle: those behind it arrive, it is said, and it arrives too once its size is allowed."""
    port = free_port()
    with served(oracle, port, Limits(body_bytes=5000)) as url, gate(oracle) as opened:
        reward = reward_beside(url)
        for text in ("a", "a" * 5000, "a"):
            reward.score(["p"] * ROWS, [text] * ROWS, **GOOD)
        opened.set()
        deadline = time.monotonic() + 60
        while reward.waiting > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(OracleUnavailable, match=r"1 batches \(3 rows\) .*too large"):
            reward.settle(0.05)
        with pytest.raises(OracleUnavailable, match="too large"):
            reward.score(*TEXTS, **GOOD)
        assert oracle.waiting() == 2 * ROWS
    with served(oracle, port):
        reward.settle(60)

    assert oracle.waiting() == 3 * ROWS


def test_half_a_character_is_said_before_the_batch_is_told(oracle: ServedOracle) -> None:
    """What can never be attested is not told either."""
    with served(oracle) as url:
        reward = reward_beside(url)
        with pytest.raises(OracleUnavailable, match="half a character"):
            reward.score(["\ud800"] * ROWS, ["a"] * ROWS, **GOOD)

    assert (reward.waiting, oracle.waiting()) == (0, 0)


def test_sealing_waits_for_what_was_told(oracle: ServedOracle) -> None:
    """In its own thread: what was told before the wish is in the journal when the oracle is asked to seal."""
    seen: list[int] = []
    with served(oracle) as url, gate(oracle) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle, "seal", lambda: seen.append(oracle.waiting()))
        patch.setenv("OPERATOR", oracle.token("operator")["Authorization"].removeprefix("Bearer "))
        reward = reward_beside(url)
        sealer = BackgroundSealer(RewardClient(url, token_env="OPERATOR", seconds=60), reward.settle)
        reward.score(*TEXTS, **GOOD)
        sealer.ask()
        assert not sealer.settle(0.2)
        opened.set()
        assert sealer.settle(60)

    assert (seen, sealer.problems) == ([ROWS], [])


SCRIPT = """
import sys
from rlhf_contract.trainers import ContractReward, RewardClient, beside
beside.EXIT_SECONDS = float(sys.argv[2])
reward = ContractReward({source!r}, oracle=RewardClient(sys.argv[1]), run="r", attest="beside")
print(reward.score(*{texts!r}, **{good!r}).rewards)
"""


@pytest.mark.parametrize("there", [True, False])
def test_the_end_of_a_process_waits_for_what_was_told(there: bool, oracle: ServedOracle) -> None:
    """A script that settles nothing loses nothing; with no oracle it says what is left before it ends."""
    script = SCRIPT.format(source=EXAMPLE.read_bytes(), texts=TEXTS, good=GOOD)
    with served(oracle) as url:
        target = url if there else f"http://127.0.0.1:{free_port()}"
        done = subprocess.run(
            [sys.executable, "-c", script, target, "60" if there else "0.5"], capture_output=True, text=True, timeout=90
        )

    assert done.stdout.strip() == "[0.8708, 0.8708, 0.8708]", done.stderr
    assert oracle.waiting() == (ROWS if there else 0)
    assert ("1 batches (3 rows) that were told are not in the journal" in done.stderr) is not there


def test_what_has_no_oracle_cannot_be_attested() -> None:
    """Neither beside a step nor before it: the option is refused instead of forgotten."""
    with pytest.raises(ValueError, match="there is none to attest"):
        ContractReward.from_file(EXAMPLE, attest="beside")
