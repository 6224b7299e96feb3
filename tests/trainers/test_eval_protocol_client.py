"""eval-protocol's own client: `RewardFunction(mode="remote")` of the release, against the oracle's endpoint.

The package's `__init__` imports litellm, which no reward needs and which is larger than all the rest; so its modules
are imported below an empty package of that name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from oracles import Place
from rlhf_contract.trainers.client import TOKEN_ENV

MESSAGES = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
SIGNALS = {"tokens": 10, "letters": 0.5, "urgent": False}


@pytest.fixture
def remote(oracle: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Their client of our endpoint; what it calls its key is a trainer's token."""
    spec = find_spec("eval_protocol")
    assert spec and spec.submodule_search_locations
    package = ModuleType("eval_protocol")
    package.__path__ = list(spec.submodule_search_locations)
    monkeypatch.setitem(sys.modules, "eval_protocol", package)
    from eval_protocol.reward_function import RewardFunction

    monkeypatch.setenv("FIREWORKS_API_KEY", os.environ[TOKEN_ENV])
    yield RewardFunction(mode="remote", endpoint=f"{oracle.url}/v1/eval-protocol/evaluate?run=eval-protocol")
    for name in [name for name in sys.modules if name.startswith("eval_protocol.")]:
        del sys.modules[name]


def test_its_client_gets_the_oracles_reward(remote: Any) -> None:
    """It sends signals beside the messages, not below `kwargs`; score, reason and metrics are what it reads."""
    found = remote(MESSAGES, **SIGNALS)

    assert (found.score, found.is_score_valid, found.reason) == (0.62, True, "breaks no rule")
    assert found.metrics["utility/readers"].score == 0.5


def test_a_row_without_a_reward_is_no_number_to_it(remote: Any) -> None:
    """It refuses our answer, whose score is null, and does not learn 0."""
    with pytest.raises(ValidationError, match="score"):
        remote(MESSAGES, **{**SIGNALS, "tokens": 0})
