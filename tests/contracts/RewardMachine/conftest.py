"""The machine on the chain, alone and with many rows in one call."""

from pathlib import Path

import brownie
import pytest
from brownie.project import compile_source

MOCKS = Path(__file__).parent.parent / "mocks"


@pytest.fixture(scope="module")
def machine(module_isolation, actors):
    """The library, deployed: its functions are pure, so it can be called like a contract."""
    return brownie.RewardMachine.deploy({"from": actors.deployer})


@pytest.fixture(scope="module")
def batch(machine, actors):
    """Gives (status, reward) of each row."""
    source = (MOCKS / "MachineBatch.sol").read_text()
    project = compile_source(source, solc_version="0.8.30", evm_version="shanghai")
    contract = project.MachineBatch.deploy(machine, {"from": actors.deployer})
    return lambda program, rows: list(zip(*contract.run(program, rows), strict=True))
