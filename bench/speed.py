"""Rewards a second: evaluated, packed and hashed into a tree; beside the bound that hashing sets, and beside hand-made.

All times are of the processors, all threads together, so *per core*. What is compared is measured turn by turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import reference
from eth_utils import keccak as eth_utils_keccak
from row import Missing, Other, Row, Run, at_least

from rlhf_contract.errors import InternalError
from rlhf_contract.hashing import keccak256
from rlhf_contract.machine import step, to_numpy
from rlhf_contract.merkle import batch, tree
from rlhf_contract.merkle.leaf import encode_leaf
from rlhf_contract.oracle.epoch_file import Epoch, leaf_hashes, tree_of

ROWS, SAMPLED, AT_ONCE = 1_000_000, 2_000, 4_096


def rows(run: Run) -> list[Row]:
    kernel = batch.kernel_for(batch.WORTH_IT)
    if kernel is None:
        raise Missing("the kernel needs numba: pip install 'rlhf-contract-wizard[speed]'")
    count = run.size(ROWS)
    cores = os.cpu_count() or 1
    rounds = max(1, 2 * count // AT_ONCE // cores)
    program, epoch = reference.program(), reference.epoch(count)
    outcomes = to_numpy.run(program, epoch.signals)
    if not (np.array_equal(outcomes.status, epoch.status) and np.array_equal(outcomes.reward, epoch.reward)):
        raise InternalError("the machine and the evaluation written by hand give other rewards")

    def whole() -> None:
        found = to_numpy.run(program, epoch.signals)
        tree_of(Epoch(epoch.samples, found.status, epoch.signals, found.reward))

    # What hashing alone takes: two permutations a reward, of blocks that lie ready in the cache; in as many threads as
    # the rest, since a core that shares its units with another that is busy hashes less.
    ready = [(np.zeros((AT_ONCE, 17), np.uint64), np.empty((AT_ONCE, 4), np.uint64)) for _ in range(cores)]

    def bound() -> None:
        list(batch.in_threads(lambda thread: [kernel.hash_rows(*ready[thread]) for _ in range(rounds)], range(cores)))

    made = tree_of(epoch)
    run.tell(f"{count:,} rewards: evaluation, leaves, tree, and what bounds them")
    took = run.beside(
        {
            "evaluate": lambda: to_numpy.run(program, epoch.signals),
            "hand": lambda: reference.by_hand(epoch.signals),
            "leaves": lambda: leaf_hashes(epoch),
            "tree": lambda: tree.fill(made),
            "whole": whole,
            "bound": bound,
        }
    )
    rate = {name: count / seconds for name, seconds in took.items()}
    rate["bound"] *= rounds * cores * AT_ONCE / (2 * count)
    run.tell("the clock, with all cores")
    wall = run.seconds(whole)
    run.tell(f"row by row, {SAMPLED:,} rows")
    alone = per_row(run, epoch)
    return [
        Row(
            "speed.attested",
            f"{count:,} rewards evaluated, packed and hashed into a tree, per core",
            rate["whole"],
            "rewards/s",
            Other("the hash kernel alone, two permutations each", rate["bound"]),
            at_least(0.6),
        ),
        Row(
            "speed.per_core",
            "the same, as a number",
            rate["whole"],
            "rewards/s",
            target=at_least(2_000_000, "value"),
        ),
        Row("speed.all_cores", "the same by the clock, with all cores", count / wall, "rewards/s"),
        Row(
            "speed.evaluate",
            "evaluation alone, per core",
            rate["evaluate"],
            "rewards/s",
            Other(f"NumPy {np.__version__} written by hand for this contract", rate["hand"]),
            at_least(0.8, gate=True),
        ),
        Row("speed.leaves", "leaves packed and hashed, per core", rate["leaves"], "rewards/s"),
        Row("speed.tree", "the tree over hashed leaves, per core", rate["tree"], "rewards/s"),
        Row(
            "speed.row_by_row",
            "evaluated, packed and hashed, per core",
            rate["whole"],
            "rewards/s",
            Other("a Python function for each row, eth_utils.keccak for each leaf and node", 1 / alone["function"]),
            at_least(50),
        ),
        Row(
            "speed.row_by_row_tiny",
            "the same",
            rate["whole"],
            "rewards/s",
            Other("that function with tiny-keccak, the quickest keccak of PyPI", 1 / alone["tiny"]),
        ),
        Row(
            "speed.step",
            "the same",
            rate["whole"],
            "rewards/s",
            Other("step.py, the reference machine, and tiny-keccak", 1 / alone["step"]),
        ),
    ]


def per_row(run: Run, epoch: Epoch) -> dict[str, float]:
    """Seconds a reward of what people write today, and of the reference machine, with two hashes each."""
    program = reference.program()
    chosen = range(min(SAMPLED, len(epoch)))
    samples = [{name: epoch.signals[i, row].item() for i, name in enumerate(NAMES)} for row in chosen]
    for row in chosen:
        if (epoch.status[row], epoch.reward[row]) != function(**samples[row]):
            raise InternalError("the function for one row gives another reward")

    given = [(list(sample.values()), epoch.samples[row].tobytes()) for row, sample in enumerate(samples)]

    def by_function(keccak: Callable[[bytes], bytes]) -> None:
        for row in chosen:
            status, reward = function(**samples[row])
            leaf = keccak(encode_leaf(row, given[row][1], status, given[row][0], reward))
            keccak(leaf + leaf)

    def by_step() -> None:
        for row in chosen:
            found = step.run(program, given[row][0])
            leaf = keccak256(encode_leaf(row, given[row][1], found.status, given[row][0], found.reward))
            keccak256(leaf + leaf)

    found = run.beside(
        {
            "function": lambda: by_function(eth_utils_keccak),
            "tiny": lambda: by_function(keccak256),
            "step": by_step,
        }
    )
    return {name: seconds / len(chosen) for name, seconds in found.items()}


NAMES = (
    "helpfulness",
    "harmlessness",
    "toxicity",
    "tokens",
    "citations",
    "contains_pii",
    "truthful",
    "hedged",
)


def function(
    helpfulness: int,
    harmlessness: int,
    toxicity: int,
    tokens: int,
    citations: int,
    contains_pii: int,
    truthful: int,
    hedged: int,
) -> tuple[int, int]:
    """The contract as a reward function is written today, in the same integers: status and reward of one row."""
    if not all(0 <= score <= 10**6 for score in (helpfulness, harmlessness, toxicity)):
        return 2, -(2**63)
    if not (0 <= tokens <= 8192 and 0 <= citations <= 20):
        return 2, -(2**63)
    if tokens <= 0:
        return 1, -(2**63)
    reward = 48 * helpfulness + 12_000_000 - 1_200 * tokens + 40 * min(harmlessness, 10**6 - toxicity)
    if not (truthful or hedged):
        reward -= 50_000_000
    if toxicity > 500_000:
        reward -= 80_000_000
    if helpfulness < 100_000:
        reward -= 20_000_000
    if tokens > 4_000:
        reward -= 10_000_000
    if tokens > 2_000 and citations < 1:
        reward -= 20_000_000
    if citations > 12:
        reward -= 10_000_000
    if hedged and helpfulness > 950_000:
        reward -= 10_000_000
    if contains_pii and toxicity >= 100_000:
        reward -= 30_000_000
    if contains_pii:
        reward = min(reward, -100_000_000)
    if harmlessness < 250_000:
        reward = min(reward, -50_000_000)
    return 0, reward // 100
