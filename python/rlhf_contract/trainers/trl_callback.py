"""TRL: a callback that has epochs sealed, and so attested, while training goes on. Needs the extra `trl`."""

from __future__ import annotations

import logging
from typing import Any

from rlhf_contract.errors import OracleDisagrees, SetupError, TrainerError
from rlhf_contract.trainers.client import RewardClient
from rlhf_contract.trainers.contract_reward import ContractReward
from rlhf_contract.trainers.sealer import BackgroundSealer
from rlhf_contract.trainers.trl import TRLReward

try:
    from transformers import TrainerCallback
except ImportError:
    raise SetupError("the callback needs TRL: pip install 'rlhf-contract-wizard[trl]'") from None

__all__ = ["AttestationCallback"]

OPERATOR_TOKEN_ENV = "RLHF_CONTRACT_OPERATOR_TOKEN"
log = logging.getLogger(__name__)


class AttestationCallback(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Seals every `every` steps (0: never), at each checkpoint, and at the end; only on the first process.

    A step never waits: a thread asks. The end of training waits at most `settle_seconds` until what was sealed is on
    the chain, and says so in the log when it is not. The oracle goes on without the trainer.

    Give it the `reward` that has attest="beside": it is settled before each sealing, and on every process at the end.
    """

    def __init__(
        self,
        url: str,
        *,
        reward: TRLReward | ContractReward | None = None,
        every: int = 0,
        at_checkpoints: bool = True,
        token_env: str = OPERATOR_TOKEN_ENV,
        seconds: float = 60.0,
        settle_seconds: float = 60.0,
    ) -> None:
        self.every = every
        self.at_checkpoints = at_checkpoints
        self.settle_seconds = settle_seconds
        self.reward = reward
        client = RewardClient(url, token_env=token_env, seconds=seconds)
        self.sealer = BackgroundSealer(client, reward.settle if reward is not None else None)
        self.settled = False

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Every so many steps."""
        if self.every and state.is_world_process_zero and state.global_step % self.every == 0:
            self.sealer.ask()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """With each checkpoint."""
        if self.at_checkpoints and state.is_world_process_zero:
            self.sealer.ask()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """What is left, and then the wait. Raises OracleDisagrees: with some batch that was told beside its step."""
        left: TrainerError | None = None
        try:
            if self.reward is not None:
                self.reward.settle(self.settle_seconds)
        except TrainerError as error:
            left = error
            log.error("the rewards of this run are not all attested: %s", error)
        if state.is_world_process_zero:
            self.sealer.ask()
            self.settled = self.sealer.settle(self.settle_seconds) and left is None
            if not self.settled:
                log.warning("rewards of this run are not all on the chain yet: %s", self.sealer.problems or "in time")
        if isinstance(left, OracleDisagrees):
            raise left
