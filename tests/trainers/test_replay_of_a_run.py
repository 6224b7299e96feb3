"""A run of TRL's GRPOTrainer, replayed from the completions that it wrote itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from datasets import Dataset
from tiny import save_tiny_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from rlhf_contract.cli.main import commands
from rlhf_contract.trainers.contract_reward import ContractReward
from rlhf_contract.trainers.trl import TRLReward, completion_tokens

STEPS, PER_STEP = 4, 4
SPEC = """LEGAL-BLOCKS 1
CONTRACT Letters VERSION 1.0.0
  REWARD IN [-1, 1]
SIGNALS
  tokens  : int [0, 4096]
  letters : score
  step    : one of warm, cold
STAKEHOLDERS
  readers  WEIGHT 0.7 WANTS letters
  operator WEIGHT 0.3 WANTS 1 - min(tokens, 50) * 0.02
AGGREGATE weighted_mean
REQUIRES  answered: tokens > 3
INVARIANT brief: tokens < 12 PENALTY 0.333333
"""


NAME = ContractReward(SPEC, signals={}).name
"""What TRL calls the column of the rewards."""


def letters(completions: Sequence[str], **_: Any) -> list[float]:
    """The share of each answer that is letters."""
    return [sum(c.isalpha() for c in text) / max(len(text), 1) for text in completions]


def warm(completions: Sequence[str], **_: Any) -> list[str]:
    """A signal that is called as a column of TRL's."""
    return ["warm"] * len(completions)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a run of four steps."""
    torch.set_num_threads(1)
    model, out = save_tiny_model(tmp_path_factory.mktemp("model")), tmp_path_factory.mktemp("output")
    arguments = GRPOConfig(
        output_dir=str(out), max_steps=STEPS, per_device_train_batch_size=PER_STEP, num_generations=PER_STEP,
        max_completion_length=12, logging_steps=1, log_completions=True, save_strategy="no", report_to="none",
        use_cpu=True, bf16=False, beta=0.0, disable_tqdm=True,
    )  # fmt: skip
    made = {"tokens": completion_tokens, "letters": letters, "step": warm}
    reward = TRLReward(ContractReward(SPEC, signals=made))
    GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model),
        processing_class=AutoTokenizer.from_pretrained(model),
        args=arguments,
        reward_funcs=reward,
        train_dataset=Dataset.from_dict({"prompt": ["When?", "Where?", "Why?", "Who?"]}),
    ).train()
    return out


def replayed(output: Path, spec: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = commands(["replay", str(spec), str(output), "--json"], standalone_mode=False)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.timeout(600)
def test_a_run_is_replayed_from_its_own_files(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every reward in TRL's own Parquet is the float32 of the exact one; the next float32 in one row is found."""
    spec = tmp_path / "letters.legal"
    spec.write_text(SPEC, "utf-8")
    code, found = replayed(output, spec, capsys)

    assert (code, found["rows"], found["equal"]) == (0, STEPS * PER_STEP, STEPS * PER_STEP)
    assert found["rewarded"] > 0
    assert found["digests"] == {"agrees": STEPS, "differs": 0, "unknown": 0}
    file = sorted((output / "completions").glob("*.parquet"))[2]
    table = pa.parquet.read_table(file)
    rewards = table[NAME].to_pylist()
    row = next(n for n, reward in enumerate(rewards) if reward is not None and not np.isnan(reward))
    rewards[row] = float(np.nextafter(np.float32(rewards[row]), np.float32(2)))
    at = table.column_names.index(NAME)
    pa.parquet.write_table(table.set_column(at, NAME, pa.array(rewards)), file)
    code, found = replayed(output, spec, capsys)
    assert (code, found["different"]["other"]) == (5, 1)
    assert [(Path(d["file"]).name, d["row"], d["step"]) for d in found["first"]] == [(file.name, row, 3)]


@pytest.mark.timeout(600)
def test_a_text_that_was_changed_after_the_run_is_found(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No reward shows it: the digest of its batch does."""
    spec = tmp_path / "letters.legal"
    spec.write_text(SPEC, "utf-8")
    file = sorted((output / "completions").glob("*.parquet"))[0]
    table = pa.parquet.read_table(file)
    texts = table["completion"].to_pylist()
    pa.parquet.write_table(
        table.set_column(table.column_names.index("completion"), "completion", pa.array(["x" + texts[0], *texts[1:]])),
        file,
    )
    _, found = replayed(output, spec, capsys)

    assert found["digests"] == {"agrees": STEPS - 1, "differs": 1, "unknown": 0}
    assert [(Path(d["file"]).name, d["row"]) for d in found["doubts"]] == [(file.name, 0)]
