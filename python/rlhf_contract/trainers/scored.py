"""What a trainer gets for a batch: rewards, and everything that they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rlhf_contract.errors import NoReward
from rlhf_contract.machine.rows import Rows

__all__ = ["RowStatus", "ScoredBatch"]

RowStatus = Literal["rewarded", "inadmissible", "invalid", "abstained"]


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """N rows in their order. A row without a reward has None, never 0.

    rewards     float, the one nearest to `micro` ÷ 10⁶, or None
    micro       the same in exact millionths, or None
    components  `utility/…` of each stakeholder, `aggregate`, `rule/…` (what a rule took away); float64 [N], NaN without
                a reward
    summands    `aggregate`, `rule/…` and `rounding`: those that add up to the reward
    violations  names of the rules that a row breaks
    status      rewarded; inadmissible (a REQUIRES is false); invalid (a signal is unreadable); abstained (nobody knows)
    reasons     why a row has no reward; empty when it has one
    digest      hex; binds specHash, inputs, statuses and rewards: the oracle's own when `attested`
    attested    whether the rows are in an oracle's journal, on their way to the chain, when they are told: not yet with
                attest="beside"
    samples     the oracle's sample ids in hex, with which a proof can be asked for; empty unless `attested`
    rows        the signals, as the machine read them
    """

    rewards: list[float | None]
    micro: list[int | None]
    components: Mapping[str, npt.NDArray[np.float64]]
    summands: Mapping[str, npt.NDArray[np.float64]]
    violations: list[list[str]]
    status: list[RowStatus]
    reasons: list[str]
    spec_hash: str
    digest: str
    attested: bool
    samples: list[str]
    rows: Rows

    @property
    def signals(self) -> dict[str, npt.NDArray[np.int64]]:
        """By name, int64 [N]; lists are absent."""
        return {s.name: self.rows.signals[i] for i, s in enumerate(self.rows.specs) if s.kind != "list"}

    def __len__(self) -> int:
        return len(self.rewards)

    def numbers(self, without_reward: float | None) -> list[float]:
        """For trainers that take nothing but numbers: `without_reward` stands where a row has no reward.

        Raises NoReward when there is such a row and None was given.
        """
        numbers = []
        for row, reward in enumerate(self.rewards):
            if reward is None and without_reward is None:
                raise NoReward(
                    f"row {row} is {self.status[row]} ({self.reasons[row]}), and this trainer takes nothing but "
                    "numbers; say with without_reward= which number such a row shall get"
                )
            numbers.append(float(without_reward) if reward is None else reward)  # type: ignore[arg-type]
        return numbers
