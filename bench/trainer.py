"""What a contract costs a training step: GRPO on a CPU with a tiny model, rewarded by turns in four ways.

    .venv-trainers/bin/python bench/trainer.py                 60 steps
    .venv-trainers/bin/python bench/trainer.py --steps 20      fewer

All are in one run of one trainer, which takes them by turns, so that whatever else the machine does meets them alike: a
plain Python function of the same signals, the contract of examples/brief_answer.legal here, and the same with
an oracle's HTTP service behind it, which writes every row into its journal: before the reward is told (journaled), and
while the step goes on (beside). Told is the time in the reward function, as a share of the step around it, and what the
medians of these shares lie above the plain one's: that is the overhead. The model is tiny, so the share is much larger
than in a real training; told is also how long a step must be for the overhead to be 2 %.

What goes on beside a step still takes processor time from it, all the more where trainer and oracle share two cores as
here. So told is also what the medians of whole steps lie above the plain one's, until the last row is in the journal:
before the next step begins, the one with the journal beside it is settled. That is a difference between two large
times, and noisy; it holds for a machine with both on it.

Exit code 1: in both ways with the journal the overhead is 2 % of a step or more.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import platform
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "trainers"))

import structlog
import torch
from datasets import Dataset
from tiny import save_tiny_model
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from oracles import free_port
from rlhf_contract.api.app import create_app, serve
from rlhf_contract.chain.attestation import InForce
from rlhf_contract.hashing import keccak256
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.oracle.attester import Active
from rlhf_contract.trainers.client import TOKEN_ENV
from rlhf_contract.trainers.trl import TRLReward, completion_tokens
from service import ServedOracle, example_active

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "examples" / "brief_answer.legal"
OUT = ROOT / "build" / "bench" / "trainer.json"
MOST = 0.02
PROMPTS = ["When do you open?", "My parcel is lost!", "How do I reset it?", "Can I pay later?"]


def letters(completions: list[str], **_: Any) -> list[float]:
    """The share of letters and spaces."""
    return [sum(c.isalpha() or c == " " for c in text) / max(len(text), 1) for text in completions]


def plain(completions: list[str], completion_ids: list[list[int]], urgent: list[bool], **_: Any) -> list[float]:
    """The contract's reward as people write reward functions."""
    rewards = []
    for share, ids, hurry in zip(letters(completions), completion_ids, urgent, strict=True):
        late = 0.5 if hurry and len(ids) > 40 else 0.0
        rewards.append(0.6 * share + 0.4 * (1 - min(len(ids), 50) * 0.02) - late)
    return rewards


class ByTurns(TrainerCallback):
    """A reward function that takes the ways by turns, and the times of each and of the steps around them."""

    def __init__(self, contract: TRLReward, journaled: TRLReward, beside: TRLReward) -> None:
        self.__name__ = "by_turns"
        self.ways = {"plain": plain, "contract": contract, "journaled": journaled, "beside": beside}
        self.spent: dict[str, list[tuple[float, float, float]]] = {name: [] for name in self.ways}
        self.beside, self.turn = beside, 0

    def __call__(self, **given: Any) -> list[float | None]:
        self.way = list(self.ways)[self.turn % len(self.ways)]
        self.turn += 1
        start = time.perf_counter()
        rewards = self.ways[self.way](**given)
        self.inside = time.perf_counter() - start
        return rewards

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        step = time.perf_counter() - self.began
        self.beside.settle(60)  # raises when a row is not in the journal; nothing is left for the next way's step
        self.spent[self.way].append((self.inside, step, time.perf_counter() - self.began))


def active() -> Active:
    """The contract as an oracle finds it on the chain; this benchmark needs none."""
    source = SPEC.read_bytes()
    contract = load(source, str(SPEC))
    program = compile_contract(contract)
    found: InForce = example_active().in_force
    return Active(contract, program, replace(found, spec_hash=keccak256(source), program_hash=keccak256(program.data)))


def serve_oracle(folder: str, port: int, told: Queue[str]) -> None:
    """The oracle's HTTP service with its journal on disk, until this process is ended; its token is told."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    oracle = ServedOracle(Path(folder), active)
    told.put(oracle.token("trainer")["Authorization"].removeprefix("Bearer "))
    serve(create_app(oracle), "127.0.0.1", port).run()


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """That service in a process of its own, as a trainer would meet it on the same machine."""
    context = multiprocessing.get_context("spawn")
    port, told = free_port(), context.Queue()
    process = context.Process(target=serve_oracle, args=(str(folder), port, told), daemon=True)
    process.start()
    os.environ[TOKEN_ENV] = told.get(timeout=120)
    ends = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        if time.monotonic() > ends or not process.is_alive():
            raise SystemExit("the service did not begin")
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.join()


def measure(steps: int, folder: Path) -> dict[str, list[tuple[float, float, float]]]:
    """Seconds in the reward function, in the step, and until it is settled, by way; without the first two of each."""
    torch.set_num_threads(1)
    with service(folder) as url:
        signals = {"tokens": completion_tokens, "letters": letters}
        turns = ByTurns(
            TRLReward.from_file(SPEC, signals=signals),
            TRLReward.from_oracle(url, run="bench", signals=signals),
            TRLReward.from_oracle(url, run="bench beside", signals=signals, attest="beside"),
        )
        config = GRPOConfig(
            output_dir=str(folder / "out"), max_steps=steps + 2 * len(turns.ways), per_device_train_batch_size=8,
            num_generations=8, max_completion_length=48, save_strategy="no", logging_steps=10**6, report_to="none",
            use_cpu=True, bf16=False, beta=0.0, disable_tqdm=True,
        )  # fmt: skip
        data = Dataset.from_dict({"prompt": PROMPTS, "urgent": [p.endswith("!") for p in PROMPTS]})
        model = save_tiny_model(folder / "model")
        GRPOTrainer(str(model), reward_funcs=turns, args=config, train_dataset=data, callbacks=[turns]).train()
    return {name: times[2:] for name, times in turns.spent.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="What a contract costs a training step.")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out", type=Path, default=OUT)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spent = measure(told.steps, Path(folder))
    shares = {name: statistics.median(inside / step for inside, step, _ in times) for name, times in spent.items()}
    overhead = {name: shares[name] - shares["plain"] for name in shares if name != "plain"}
    whole = {name: statistics.median(settled for *_, settled in times) for name, times in spent.items()}
    inside = {name: statistics.median(i for i, *_ in times) for name, times in spent.items()}
    enough = {name: (inside[name] - inside["plain"]) / MOST for name in overhead}
    document = {
        "machine": {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()},
        "steps": {name: len(times) for name, times in spent.items()},
        "median_seconds_in_reward": inside,
        "median_seconds_of_step": {name: statistics.median(s for _, s, _ in times) for name, times in spent.items()},
        "median_seconds_until_settled": whole,
        "whole_step_above_plain": {name: whole[name] / whole["plain"] - 1 for name in overhead},
        "median_share_of_step": shares,
        "overhead": overhead,
        "most": MOST,
        "seconds_of_a_step_with_that": enough,
    }
    told.out.parent.mkdir(parents=True, exist_ok=True)
    told.out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    for name, share in shares.items():
        print(f"{name:<9} {inside[name] * 1000:8.2f} ms in the reward function, {share:7.2%} of a step (medians)")
    print(
        f"overhead  {overhead['contract']:.2%} of a step, with the journal {overhead['journaled']:.2%}, "
        f"with the journal beside the step {overhead['beside']:.2%}; {told.out}"
    )
    print(", ".join(f"{name} {share:+.1%}" for name, share in document["whole_step_above_plain"].items()), end=" ")
    print("in whole steps (medians)")
    print(f"a step of {enough['journaled']:.2f} s has an overhead of {MOST:.0%} with the journal, one of ", end="")
    print(f"{enough['beside']:.2f} s with the journal beside it")
    return int(min(overhead["journaled"], overhead["beside"]) >= MOST)


if __name__ == "__main__":
    sys.exit(main())
