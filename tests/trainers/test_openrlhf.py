"""OpenRLHF's two ways to ask for a reward.

Its own client is run by `test_openrlhf_client.py`. `post` sends what that one sends (0.11.2, `openrlhf/utils/agent.py`:
the same body, no header of its own) and shows the status of a refusal, which OpenRLHF swallows.
"""

from __future__ import annotations

import importlib.util
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import rlhf_contract.trainers.openrlhf as adapter
from oracles import Place
from rlhf_contract.errors import NoReward
from rlhf_contract.trainers.environment import _load
from service import EXAMPLE, ROW

SIGNALS = {**ROW, "harmlessness": 0.8}
ASKED = {"query": ["<s>Why?Because.</s>"], "prompts": ["<s>Why?"], "labels": [json.dumps(SIGNALS)]}


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example contract is named in the environment."""
    monkeypatch.setenv("RLHF_CONTRACT", str(EXAMPLE))
    yield
    _load.cache_clear()


def post(url: str, asked: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=180) as answer:
        return json.load(answer)


def test_the_file_that_remote_url_names(named: None) -> None:
    """Loaded by its path as OpenRLHF loads it, `reward_func` answers with lists of Python floats."""
    spec = importlib.util.spec_from_file_location("reward_func", adapter.__file__)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told = module.reward_func(ASKED["query"], ASKED["prompts"], ASKED["labels"])

    assert told["rewards"] == told["scores"] == [0.8708]
    assert type(told["rewards"][0]) is float
    assert told["extra_logs"]["utility_operator"] == [0.927]
    with pytest.raises(NoReward):
        module.reward_func(["q"], ["q"], [{**SIGNALS, "tokens": 0}])


def test_the_local_server_answers_without_a_token(oracle: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without any header gets rewards of the oracle, whose token stays in the server's environment."""
    from rlhf_contract.trainers import ContractReward

    label = {"tokens": 10, "letters": 0.5, "urgent": False}
    reward = ContractReward.from_oracle(oracle.url, run="openrlhf")
    with adapter.Server(reward) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        told = post(url, {**ASKED, "labels": [label]})
        refused = []
        for wrong in ({**ASKED, "labels": [{**label, "tokens": 0}]}, {"query": ["q"]}):
            with pytest.raises(urllib.error.HTTPError) as error:
                post(url, wrong)
            refused.append(error.value.code)
        server.shutdown()

    assert server.server_address[0] == "127.0.0.1"
    assert told["rewards"] == [0.62]  # 0.6 · 0.5 + 0.4 · 0.8
    assert refused == [503, 400]
