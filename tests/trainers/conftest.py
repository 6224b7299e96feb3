"""Real trainers against a real oracle: a chain, an adopted contract, `oracle run` as a process, a tiny model.

These tests run in an environment of their own (`make test` makes it), because torch and trainers are large.
"""

from __future__ import annotations

import os
import platform
import sys

# Before anything imports torch or transformers: one thread, and no network.
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

from collections.abc import Iterator
from pathlib import Path

# Clients that are installed apart, last: there are other packages of common names beside them.
sys.path.append(str(Path(sys.prefix) / "clients"))

import pytest
from tiny import save_tiny_model

from oracles import Place, running
from story import ROOT, Story, begin, rpc

__all__ = ["rpc"]

LATE = sys.version_info >= (3, 13)
collect_ignore = ["test_verl.py"] if LATE else []
"""verl 0.9 cannot be installed on Python 3.13, and OpenRLHF has wheels for Linux on x86-64 below that."""
if LATE or (sys.platform, platform.machine()) != ("linux", "x86_64"):
    collect_ignore.append("test_openrlhf_client.py")

BRIEF = ROOT / "examples" / "brief_answer.legal"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def brief(rpc: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A ledger on which examples/brief_answer.legal is adopted, with one oracle."""
    story = begin(rpc, BRIEF, tmp_path_factory.mktemp("brief"))
    story.adopt(BRIEF, ("oracle 1",), 1)
    return story


@pytest.fixture(scope="session")
def oracle(brief: Story, rpc: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """`rlhf-contract oracle run` over that ledger; it seals only when asked. Tokens are in the environment."""
    sealing = {"max_rows": 100_000, "max_seconds": 86_400}
    place = Place(brief, "oracle 1", tmp_path_factory.mktemp("oracle"), [rpc], {"sealing": sealing})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLHF_CONTRACT_TOKEN", place.token("trainer", "a trainer"))
        patch.setenv("RLHF_CONTRACT_OPERATOR_TOKEN", place.token("operator", "its seals"))
        with running(place):
            place.await_ready()
            yield place
