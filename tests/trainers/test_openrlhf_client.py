"""OpenRLHF's own client: `SingleTurnAgentExecutor` of the release, which asks for a reward after each generation.

The rest of OpenRLHF needs a GPU (vLLM, flash-attn, deepspeed), so the text that a model would have generated is given.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openrlhf.utils.agent import SingleTurnAgentExecutor
from transformers import AutoTokenizer

import rlhf_contract.trainers.openrlhf as adapter
from oracles import Place
from rlhf_contract.trainers import ContractReward
from rlhf_contract.trainers.environment import _load
from story import ROOT

LABEL = {"tokens": 10, "letters": 0.5, "urgent": False}
SAID = " Because."


class Generated:
    """What vLLM would return for a prompt."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids

    async def generate(self, *_: Any, **__: Any) -> Any:
        output = SimpleNamespace(token_ids=self.ids, text=SAID, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


def asked(endpoint: str, model: Path, label: Any) -> dict[str, Any]:
    """What OpenRLHF goes on with after one answer."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    engine = Generated(tokenizer(SAID, add_special_tokens=False)["input_ids"])
    sampling = SimpleNamespace(max_tokens=16, logprobs=None)
    executor = SingleTurnAgentExecutor(endpoint)
    found: dict[str, Any] = asyncio.run(executor.execute("Why?", label, sampling, 128, tokenizer, engine))
    return found


def test_its_http_client_gets_the_oracles_reward(oracle: Place, model: Path) -> None:
    """Through our local server, with reward, score and logs as it keeps them; the row is in the oracle's journal."""
    with adapter.Server(ContractReward.from_oracle(oracle.url, run="openrlhf client")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = asked(f"http://127.0.0.1:{server.server_port}/", model, LABEL)
        server.shutdown()

    assert found["reward"] == [0.62]  # 0.6 · 0.5 + 0.4 · 0.8
    assert found["scores"] == [0.62]
    assert found["extra_logs"]["utility_readers"] == [0.5]


def test_the_file_that_it_loads_itself(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`reward_func` from our file; a row without a reward has none there, and never 0."""
    monkeypatch.setenv("RLHF_CONTRACT", str(ROOT / "examples" / "brief_answer.legal"))
    try:
        good = asked(str(adapter.__file__), model, LABEL)
        none = asked(str(adapter.__file__), model, {**LABEL, "tokens": 0})
    finally:
        _load.cache_clear()

    assert (good["reward"], none["reward"], none["scores"]) == ([0.62], None, None)
