"""A trainer's client against a real service over HTTP, and against servers that are slow, broken or lie."""

from __future__ import annotations

import pickle
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from listening import a_millionth_more, answering, drip, self_signed, served, silent
from oracles import free_port
from rlhf_contract.errors import ChainError, OracleDisagrees, OracleUnavailable, TrainerError
from rlhf_contract.hashing import to_hex
from rlhf_contract.machine.logged_digests import Verdict
from rlhf_contract.machine.replay import Replay, Version, replay
from rlhf_contract.oracle.attester import Active
from rlhf_contract.scorers.pinned import text_of
from rlhf_contract.trainers import ContractReward, RewardClient
from rlhf_contract.trainers.client import TOKEN_ENV
from rlhf_contract.trainers.sealer import BackgroundSealer
from rlhf_contract.trainers.trl import TRLReward
from scoring import CONTRACT, gold
from service import EXAMPLE, ROW, ServedOracle, example_active, scored_oracle

GOOD = {name: [value] * 3 for name, value in {**ROW, "harmlessness": 0.8}.items()}
TEXTS = ["p"] * 3, ["a"] * 3


def client(url: str, **options: Any) -> RewardClient:
    return RewardClient(url, **{"seconds": 5.0, "attempts": 2, **options})


def test_rewards_are_those_of_the_oracle_and_in_its_journal(oracle: ServedOracle) -> None:
    """Contract and hash come from the oracle; both compute the same; digest and samples are the journal's."""
    rows = {**GOOD, "toxicity": [0.1234567, None, 0.6], "tokens": [100, 100, 0]}
    with served(oracle) as url:
        reward = ContractReward.from_oracle(client(url), run="run-1", on_error="abstain")
        batch = reward.score(*TEXTS, **rows)
        copy = pickle.loads(pickle.dumps(reward)).score(*TEXTS, **rows)
    here = ContractReward.from_file(EXAMPLE, on_error="abstain").score(*TEXTS, **rows)

    assert reward.source == EXAMPLE.read_bytes()
    assert (batch.micro, batch.status, batch.reasons) == (here.micro, here.status, here.reasons)
    assert batch.attested and len(set(batch.samples)) == 3 and batch.digest != here.digest
    assert copy.micro == batch.micro
    assert oracle.waiting() == 6


def test_an_oracles_digest_is_computed_again_from_what_was_logged(oracle: ServedOracle, tmp_path: Path) -> None:
    """It is made of sample ids and rewards; an edited sample or reward is found, and a batch that abstained agrees."""
    extra: dict[str, list[Any]] = defaultdict(list)
    log = {"log_extra": lambda name, values: extra[name].extend(values)}
    with served(oracle) as url:
        reward = TRLReward.from_oracle(client(url), run="run-1", on_error="abstain")
        rewards = reward(*TEXTS, **log, **GOOD)
    rewards += reward(*TEXTS, **log, **GOOD)
    table = {reward.__name__: rewards, "prompt": TEXTS[0] * 2, "completion": TEXTS[1] * 2, **extra}
    assert extra["status"] == ["rewarded"] * 3 + ["abstained"] * 3
    assert set(extra["sample"][:3]) <= {to_hex(s.id) for s in oracle.samples() if s}

    def digests(changed: dict[str, list[Any]]) -> dict[Verdict, int]:
        found, file = Replay(), tmp_path / "completions_00001.parquet"
        pa.parquet.write_table(pa.table(table | changed), file)
        replay(found, file, [version], text=text_of)
        return dict(found.digests.verdicts)

    version = Version(reward.reward.spec_hash, reward.reward.contract, reward.reward.program)
    other = extra["sample"][::-1]
    assert digests({}) == {Verdict.AGREES: 2}
    assert digests({"sample": [*extra["sample"][1:3], extra["sample"][0], *[None] * 3]}) == {
        Verdict.AGREES: 1, Verdict.DIFFERS: 1,
    }  # fmt: skip
    assert digests({"sample": other}) == {Verdict.DIFFERS: 2}


def test_what_a_pinned_scorer_reads_is_sent_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gold answer in the dataset's column `answer` reaches the oracle's scorer; the text goes as the completion."""
    oracle = scored_oracle(tmp_path, "test/gold", gold)
    monkeypatch.setenv(TOKEN_ENV, oracle.token("trainer")["Authorization"].removeprefix("Bearer "))
    columns = {"told": [0.25, 0.5, 1], "answer": ["7", np.float64(1e-05), 7]}
    with served(oracle) as url:
        reward = ContractReward.from_oracle(client(url), run="run-1", scorers={"test/gold": gold})
        batch = reward.score(["p"] * 3, ["7", "1e-05", "8"], **columns, other=[object()] * 3)
        with pytest.raises(TrainerError, match="cannot be sent"):
            reward.score(["p"], ["7"], told=[0.5], answer=[object()])

    assert (batch.rewards, batch.attested) == ([0.25, 0.5, 1.0], True)
    assert [row.tolist() for row in batch.rows.signals][1] == [100, 100, 0]
    assert [(s.prompt, s.answer) for s in oracle.samples() if s] == [("p", "7"), ("p", "1e-05"), ("p", "8")]


def test_a_signal_may_have_the_name_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is the signal, and the text goes under the next of its names; the sample commits to the texts."""
    spec = tmp_path / "named.legal"
    spec.write_text(CONTRACT.format(signals="  completion : bool\n  query : bool").replace("told", "answer"), "utf-8")
    named = ServedOracle(tmp_path, lambda: example_active(spec))
    with served(named) as url:
        monkeypatch.setenv(TOKEN_ENV, named.token("trainer")["Authorization"].removeprefix("Bearer "))
        reward = ContractReward.from_oracle(client(url), run="run-1")
        batch = reward.score(["asked"], ["said"], answer=[0.5], completion=[True], query=[False])

    assert (batch.rewards, batch.attested) == ([0.5], True)
    assert [(s.prompt, s.answer) for s in named.samples() if s] == [("asked", "said")]


def test_another_contract_than_the_expected_one_is_refused(oracle: ServedOracle) -> None:
    """A trainer that names the hash it was promised does not begin under another contract."""
    with served(oracle) as url, pytest.raises(OracleDisagrees, match="expected was"):
        ContractReward.from_oracle(client(url), run="run-1", spec_hash=f"0x{'00' * 32}")


def test_a_contract_adopted_meanwhile_stops_the_run(oracle: ServedOracle) -> None:
    """Rewards under another contract than the run began with are refused, with "abstain" too."""
    with served(oracle) as url:
        reward = ContractReward.from_oracle(client(url), run="run-1", on_error="abstain")
        active = example_active()
        oracle.in_force.set(Active(active.contract, active.program, _other_hash(active)))
        with pytest.raises(OracleDisagrees, match="applies specHash"):
            reward.score(*TEXTS, **GOOD)


def _other_hash(active: Active) -> Any:
    from dataclasses import replace

    return replace(active.in_force, spec_hash=b"\1" * 32)


def test_an_oracle_that_tells_another_reward_is_found_out(oracle: ServedOracle) -> None:
    """One millionth more than this trainer computes from the same signals, and the run stops."""
    answer = a_millionth_more(ContractReward.from_file(EXAMPLE).score(*TEXTS, **GOOD))
    with answering(lambda connection: (connection.recv(65536), connection.sendall(answer))[0]) as url:
        reward = ContractReward(EXAMPLE.read_bytes(), oracle=client(url), run="run-1")
        with pytest.raises(OracleDisagrees, match="row 0: computed here"):
            reward.score(*TEXTS, **GOOD)


def broken(connection: socket.socket) -> None:
    connection.sendall(b"no HTTP at all\r\n\r\n")


@pytest.mark.parametrize("talk", [drip, silent, broken])
def test_an_oracle_that_does_not_answer_gives_the_policy(
    talk: Callable[[socket.socket], None], oracle: ServedOracle
) -> None:
    """Slow, silent or broken: within the time allowed it raises, or every row abstains. Nothing is 0.0."""
    with answering(talk) as url:
        asked = client(url, seconds=0.5)
        began = time.monotonic()
        with pytest.raises(OracleUnavailable):
            ContractReward(EXAMPLE.read_bytes(), oracle=asked, run="r").score(*TEXTS, **GOOD)
        batch = ContractReward(EXAMPLE.read_bytes(), oracle=asked, run="r", on_error="abstain").score(*TEXTS, **GOOD)

    assert time.monotonic() - began < 10
    assert batch.rewards == [None] * 3
    assert batch.status == ["abstained"] * 3
    assert not batch.attested


def test_tls_is_checked_kept_open_and_bounded(
    oracle: ServedOracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody trusts is refused; a trusted oracle rewards, over one connection; a drip ends."""
    certificate = self_signed(tmp_path)
    with served(oracle, certificate=certificate) as url:
        with pytest.raises(OracleUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            client(url, seconds=1).contract()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        asked = client(url)
        reward = ContractReward.from_oracle(asked, run="run-1")
        kept = asked._local.connection.sock
        batches = [reward.score(*TEXTS, **GOOD) for _ in range(3)]

        assert all(batch.attested for batch in batches)
        assert asked._local.connection.sock is kept

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with answering(lambda connection: drip(context.wrap_socket(connection, server_side=True))) as url:
        began = time.monotonic()
        with pytest.raises(OracleUnavailable, match="no answer in time"):
            client(url.replace("http", "https"), seconds=0.5).contract()

    assert time.monotonic() - began < 5


def test_an_oracle_that_is_down_is_left_alone_until_it_may_be_back(oracle: ServedOracle) -> None:
    """After three calls without an answer the next fails without asking; later one asks, and all is well again."""
    port = free_port()
    asked = RewardClient(f"http://127.0.0.1:{port}", seconds=2, attempts=1, failures=3, rest=1.0)
    for _ in range(3):
        with pytest.raises(OracleUnavailable, match="ConnectionRefused"):
            asked.contract()
    with pytest.raises(OracleUnavailable, match="left alone"):
        asked.contract()
    with served(oracle, port):
        deadline = time.monotonic() + 20
        while True:
            try:
                found = asked.contract()
                break
            except OracleUnavailable:
                assert time.monotonic() < deadline
                time.sleep(0.1)

    assert found.contract == "SafeAssistant"


def test_a_busy_oracle_is_asked_again_and_the_batch_counts_once(oracle: ServedOracle) -> None:
    """503 while nothing is in force; the same key brings the rewards when there is, and the rows are there once."""
    oracle.in_force.set(ChainError("not yet"))
    timer = threading.Timer(0.3, lambda: oracle.in_force.set(example_active()))
    with served(oracle) as url:
        timer.start()
        asked = client(url, seconds=60, attempts=20)
        batch = ContractReward(EXAMPLE.read_bytes(), oracle=asked, run="r").score(*TEXTS, **GOOD)

    assert batch.rewards == [0.8708] * 3
    assert oracle.waiting() == 3


def test_a_connection_that_was_closed_meanwhile_is_no_failed_attempt(oracle: ServedOracle) -> None:
    """A step may take longer than a server keeps a connection: the next call opens one, in its only attempt."""
    port = free_port()
    asked = RewardClient(f"http://127.0.0.1:{port}", seconds=10, attempts=1)
    for _ in range(2):
        with served(oracle, port):
            assert [asked.contract().contract for _ in range(2)] == ["SafeAssistant"] * 2


def test_a_large_body_has_no_more_time_than_a_small_one(oracle: ServedOracle) -> None:
    """A server that reads nothing, and one that reads a little at a time, get no more than the time allowed."""

    def sip(connection: socket.socket) -> None:
        while connection.recv(1000):
            time.sleep(0.05)

    for talk in (silent, sip):
        with answering(talk) as url:
            reward = ContractReward(EXAMPLE.read_bytes(), oracle=client(url, seconds=0.5), run="r")
            began = time.monotonic()
            with pytest.raises(OracleUnavailable, match="no answer in time"):
                reward.score(["p" * 10**7] * 3, ["a"] * 3, **GOOD)

            assert time.monotonic() - began < 5


def test_a_refusal_is_not_repeated_and_says_why(oracle: ServedOracle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong token is said at once; it shows in no message, and a missing variable is named."""
    monkeypatch.setenv(TOKEN_ENV, "not-a-token")
    with served(oracle) as url:
        with pytest.raises(OracleUnavailable, match="unknown, expired or revoked") as refused:
            client(url).contract()
        monkeypatch.delenv(TOKEN_ENV)
        with pytest.raises(OracleUnavailable, match=TOKEN_ENV):
            client(url).contract()

    assert "not-a-token" not in str(refused.value)


def test_no_token_is_pickled_and_none_belongs_into_the_url(oracle: ServedOracle) -> None:
    """A pickle holds the variable's name, not what it holds; a URL with a query or a user is refused."""
    import os

    kept = pickle.dumps(client("https://oracle.example:8700"))

    assert TOKEN_ENV.encode() in kept and os.environ[TOKEN_ENV].encode() not in kept
    for url in ("https://oracle.example/?token=secret", "https://me:secret@oracle.example", "oracle.example"):
        with pytest.raises(ValueError, match="without name or token"):
            client(url)


def test_threads_share_a_client(oracle: ServedOracle) -> None:
    """Sixteen batches from eight threads: each gets its own rewards, all are in the journal."""
    from concurrent.futures import ThreadPoolExecutor

    with served(oracle) as url:
        reward = ContractReward.from_oracle(client(url, seconds=60), run="r")
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda n: reward.score(*TEXTS, **{**GOOD, "tokens": [n] * 3}), range(1, 17)))
    alone = ContractReward.from_file(EXAMPLE)

    assert [b.micro for b in told] == [alone.score(*TEXTS, **{**GOOD, "tokens": [n] * 3}).micro for n in range(1, 17)]
    assert oracle.waiting() == 48


def test_half_a_character_is_said_before_anything_is_sent(oracle: ServedOracle) -> None:
    """A lone surrogate is no text: the trainer hears it from its own process."""
    with served(oracle) as url:
        reward = ContractReward.from_oracle(client(url), run="r")
        with pytest.raises(TrainerError, match="half a character"):
            reward.score(*(["\ud800"] * 3, ["a"] * 3), **GOOD)

    assert oracle.waiting() == 0


def test_a_training_step_never_waits_for_sealing() -> None:
    """Asking returns at once however slow the oracle is; what went wrong is told, and settling ends in time."""
    with answering(silent) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPERATOR", "a token")
        sealer = BackgroundSealer(RewardClient(url, token_env="OPERATOR", seconds=0.4))
        began = time.monotonic()
        for _ in range(100):
            sealer.ask()
        asked = time.monotonic() - began
        settled = sealer.settle(30)

    assert asked < 0.3
    assert settled and sealer.sealed == []
    assert 1 <= len(sealer.problems) <= 3
