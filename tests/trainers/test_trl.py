"""TRL trains under a contract, and everything that it was told can be audited."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import torch
from conftest import BRIEF
from datasets import Dataset
from transformers import TrainerControl, TrainerState
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from listening import a_millionth_more, answering
from oracles import Place, mine
from rlhf_contract.audit.audit import audit
from rlhf_contract.errors import OracleDisagrees
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.oracle.epoch_file import read_epoch
from rlhf_contract.oracle.journal.records import State
from rlhf_contract.trainers import ContractReward, RewardClient
from rlhf_contract.trainers.trl import AsyncTRLReward, TRLReward, completion_tokens
from rlhf_contract.trainers.trl_callback import AttestationCallback
from story import ROOT

STEPS = 20
PROMPTS = ["When do you open?", "My parcel is lost!", "How do I reset it?", "Can I pay later?"]
SIGNALS = {"tokens": completion_tokens, "letters": lambda completions, **_: [letters(c) for c in completions]}


def letters(completion: Any) -> float:
    text = completion if isinstance(completion, str) else completion[0]["content"]
    return sum(c.isalpha() or c == " " for c in text) / max(len(text), 1)


def trained(
    kind: type, config: type, reward: TRLReward, model: Path, out: Path, place: Place
) -> tuple[Any, Counter[int]]:
    """A trainer after its run, and the rewards that it computed with; epochs were sealed every eight steps."""
    torch.set_num_threads(1)
    arguments = config(
        output_dir=str(out), max_steps=STEPS, per_device_train_batch_size=4, num_generations=4,
        max_completion_length=12, learning_rate=1e-2, logging_steps=1, log_completions=True, save_strategy="no",
        report_to="none", use_cpu=True, bf16=False, beta=0.0, seed=0, disable_tqdm=True,
    )  # fmt: skip
    data = Dataset.from_dict({"prompt": PROMPTS, "urgent": [p.endswith("!") for p in PROMPTS]})
    callback = AttestationCallback(place.url, reward=reward, every=8, settle_seconds=120)
    trainer = kind(str(model), reward_funcs=reward, args=arguments, train_dataset=data, callbacks=[callback])
    seen: list[int] = []
    compute = trainer._calculate_rewards

    def watched(*arguments: Any) -> torch.Tensor:
        """TRL's tensor of rewards, float32, in which six decimals are still told apart."""
        rewards = compute(*arguments)
        seen.extend(round(r * 10**6) for r in rewards[:, 0].tolist())
        return rewards

    trainer._calculate_rewards = watched
    trainer.train()
    assert callback.settled, callback.sealer.problems
    assert len(callback.sealer.sealed) >= 1
    return trainer, Counter(seen)


def told(out: Path) -> Counter[int | None]:
    """Every reward of a run, as TRL wrote it down."""
    tables = [pyarrow.parquet.read_table(path) for path in sorted((out / "completions").glob("*.parquet"))]
    return Counter(micro for table in tables for micro in table["reward_micro"].to_pylist())


def attested(place: Place, run: str) -> Counter[int]:
    """Every reward of a run in an epoch that is on the chain."""
    journal = place.journal()
    try:
        records = journal.epochs.all(State.MINED, State.FINAL)
    finally:
        journal.close()
    epochs = [read_epoch(place.data.epoch(record.root)) for record in records]
    return Counter(int(r) for header, epoch, *_ in epochs if header.run_id == run_id(run) for r in epoch.reward)


def run_id(run: str) -> str:
    return to_hex(keccak256(run.encode()))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "config", "reward_kind", "attest"),
    [(GRPOTrainer, GRPOConfig, TRLReward, "before"), (RLOOTrainer, RLOOConfig, AsyncTRLReward, "beside")],
    ids=["GRPO", "RLOO"],
)
def test_every_reward_of_a_run_is_attested(
    kind: type, config: type, reward_kind: type[TRLReward], attest: str,
    oracle: Place, rpc: str, model: Path, tmp_path: Path,
) -> None:  # fmt: skip
    """Twenty steps; the curve is logged, every reward that TRL saw is in an attested epoch, and the audit says TRUE.

    So it is when they are attested before they are told, and when beside the step that uses them.
    """
    run = f"{kind.__name__} run"
    reward = reward_kind.from_oracle(oracle.url, run=run, signals=SIGNALS, attest=attest)
    trainer, seen = trained(kind, config, reward, model, tmp_path, oracle)
    mine(oracle.story.ledger, 2)
    result = audit(rpc, oracle.store)
    curve = [line for line in trainer.state.log_history if f"rewards/{reward.__name__}/mean" in line]

    assert len(curve) == STEPS
    assert all(-1 <= line["reward"] <= 1 for line in curve)
    assert {"contract/utility/readers", "contract/violations/in_time", "contract/invalid"} <= set(curve[0])
    assert sum(seen.values()) == 4 * STEPS
    assert attested(oracle, run) == seen
    if kind is GRPOTrainer:  # RLOOTrainer of TRL 1.16 writes no completions
        assert told(tmp_path) == seen
    assert result.true, result
    assert result.rewards >= 4 * STEPS


def test_the_end_of_training_raises_a_disagreement_of_its_last_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call comes after it that could: on every process the callback does, after sealing what is in the journal."""
    for name in ("RLHF_CONTRACT_TOKEN", "RLHF_CONTRACT_OPERATOR_TOKEN"):
        monkeypatch.setenv(name, "a token")
    given = {"tokens": [5], "letters": [1.0], "urgent": [False]}
    alone = ContractReward.from_file(BRIEF)
    answer = a_millionth_more(alone.score(["p"], ["a"], **given))
    with answering(lambda connection: (connection.recv(65536), connection.sendall(answer))[0]) as url:
        reward = ContractReward(alone.source, oracle=RewardClient(url), run="r", attest="beside")
        reward.score(["p"], ["a"], **given)
        for zero in (False, True):
            callback = AttestationCallback(url, reward=reward, seconds=5)
            with pytest.raises(OracleDisagrees, match="told already"):
                callback.on_train_end(None, TrainerState(is_world_process_zero=zero), TrainerControl())
            assert not callback.settled


@pytest.mark.timeout(600)
@pytest.mark.parametrize("processes", [1, 2])
def test_the_example_runs_as_the_readme_shows_it(
    processes: int, oracle: Place, rpc: str, model: Path, tmp_path: Path
) -> None:
    """examples/train_trl.py trains, alone or on two ranks of one run, has its rewards attested, and ends with 0."""
    start = (
        [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "--"]
    )
    run = f"the example on {processes}"
    done = subprocess.run(
        [sys.executable, *start, str(ROOT / "examples" / "train_trl.py"), "--model", str(model), "--oracle", oracle.url,
         "--run", run, "--steps", "3", "--out", str(tmp_path)],
        capture_output=True, text=True, timeout=500, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    assert attested(oracle, run) == told(tmp_path)
    assert sum(told(tmp_path).values()) == 12 * processes
    assert audit(rpc, oracle.store).true
