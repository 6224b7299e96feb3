"""TRL (GRPOTrainer, RLOOTrainer): an instance of `TRLReward` is a reward function.

It can be pickled, threads may share it, and its `__name__` is stable, so the metric is `rewards/<name>/mean` in every
run under this contract. This file imports neither TRL nor torch; the callback is in `trl_callback.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rlhf_contract.machine.replay import logged_signals
from rlhf_contract.trainers.client import RewardClient
from rlhf_contract.trainers.contract_reward import ContractReward
from rlhf_contract.trainers.monitor import Monitor
from rlhf_contract.trainers.scored import ScoredBatch

__all__ = ["AsyncTRLReward", "TRLReward", "completion_tokens"]

Rewards = list[float | None]
Made = TypeVar("Made", bound="TRLReward")


def completion_tokens(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[int]:
    """The lengths of the completions in tokens, for a signal: `signals={"tokens": completion_tokens}`."""
    return [len(ids) for ids in completion_ids]


class TRLReward:
    """`reward` as TRL calls it. Rows without a reward are None, which TRL leaves out of their group."""

    def __init__(self, reward: ContractReward, *, monitor: Monitor | None = None) -> None:
        self.reward = reward
        self.monitor = monitor or Monitor()
        self.__name__ = reward.name

    @classmethod
    def from_file(cls: type[Made], path: str | Path, **options: Any) -> Made:
        """The contract in a file, in this process; `options` are those of `ContractReward`."""
        return cls(ContractReward.from_file(path, **options))

    @classmethod
    def from_oracle(cls: type[Made], url: str | RewardClient, *, run: str, **options: Any) -> Made:
        """The contract that an oracle applies, which attests every reward under `run`."""
        return cls(ContractReward.from_oracle(url, run=run, **options))

    def settle(self, seconds: float) -> None:
        """As `ContractReward.settle`; a callback that is given this reward calls it."""
        self.reward.settle(seconds)

    def __call__(
        self,
        prompts: Sequence[object],
        completions: Sequence[object],
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        trainer_state: object = None,
        **columns: Any,
    ) -> Rewards:
        """A reward or None for each completion; the dataset's columns are signals where the contract reads them."""
        batch = self.reward.score(prompts, completions, **columns)
        return self._tell(batch, log_metric, log_extra)

    def _tell(
        self,
        batch: ScoredBatch,
        log_metric: Callable[[str, float], None] | None,
        log_extra: Callable[[str, list[Any]], None] | None,
    ) -> Rewards:
        said = self.monitor.observe(batch)
        if log_metric is not None:
            for name, value in said.items():
                log_metric(name, value)
        if log_extra is not None:
            count = len(batch)
            log_extra("spec_hash", [batch.spec_hash] * count)
            log_extra("digest", [batch.digest] * count)
            log_extra("batch_rows", [count] * count)
            log_extra("sample", batch.samples or [None] * count)  # always there: TRL's columns must have one length
            log_extra("reward_micro", batch.micro)
            log_extra("status", batch.status)
            log_extra("violated", [", ".join(names) for names in batch.violations])
            for name, values in logged_signals(batch.rows).items():  # so that `replay` can compute them again
                log_extra(name, values)
        return batch.rewards


class AsyncTRLReward(TRLReward):
    """The same for a trainer that runs its reward functions side by side: a thread waits, not the event loop."""

    async def __call__(  # type: ignore[override]
        self,
        prompts: Sequence[object],
        completions: Sequence[object],
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        trainer_state: object = None,
        **columns: Any,
    ) -> Rewards:
        """As `TRLReward`."""
        batch = await self.reward.score_async(prompts, completions, **columns)
        return self._tell(batch, log_metric, log_extra)
