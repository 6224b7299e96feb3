"""The fixtures of `tests/story.py` (a real chain, an adopted contract) and `tests/servers.py`; a cache of nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.stage import peers_of

from anvil import anvil
from oracles import Place
from rlhf_contract.trainers.client import TOKEN_ENV
from servers import database, postgresql, s3, storage
from service import ServedOracle, example_active
from story import Story, adopted, story

__all__ = ["adopted", "database", "postgresql", "rpc", "s3", "storage", "story"]


@pytest.fixture(scope="session")
def rpc() -> Iterator[str]:
    """The URL of a running chain, one for the whole lane."""
    with anvil() as url:
        yield url


@pytest.fixture
def oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedOracle:
    """The example contract is in force, and the trainer has a token."""
    made = ServedOracle(tmp_path, example_active)
    monkeypatch.setenv(TOKEN_ENV, made.token("trainer")["Authorization"].removeprefix("Bearer "))
    return made


@pytest.fixture(scope="session")
def peers(adopted: Story, rpc: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Place]]:
    """Two honest oracles, running."""
    with peers_of(adopted, rpc, tmp_path_factory.mktemp("peers")) as places:
        yield places


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Proofs are remembered as long as the tests live, and not in anybody's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
