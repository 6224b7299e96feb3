"""Reading a leaf on the chain, as the court will."""

import struct
from pathlib import Path

import pytest
from brownie.project import compile_source
from ledger import reverts_with

ROOT = Path(__file__).parent.parent.parent.parent
INT64 = (-(2**63), -1, 0, 1, 2**63 - 1)


@pytest.fixture(scope="module")
def reader(module_isolation, actors):
    """A contract that opens the library's internal functions."""
    library = (ROOT / "contracts/libraries/RewardLeaf.sol").read_text()
    harness = (ROOT / "tests/contracts/mocks/LeafReader.sol").read_text()
    project = compile_source(library + harness, solc_version="0.8.30", evm_version="shanghai")
    return project.LeafReader.deploy({"from": actors.deployer})


@pytest.mark.parametrize("count", [0, 1, 8, 256])
def test_every_field_comes_back(reader, count):
    """Big-endian, two's complement, any number of signals."""
    signals = tuple(INT64[i % 5] for i in range(count))
    for reward in INT64:
        data = struct.pack(f">BI32sB{count}qq", 0, 2**32 - 1, b"s" * 32, 2, *signals, reward)

        assert reader.read(data) == (2**32 - 1, f"0x{(b's' * 32).hex()}", 2, signals, reward)


@pytest.mark.parametrize("data", [b"", bytes(45), bytes(64), bytes(55)])
def test_bytes_that_are_no_leaf(reader, data):
    """Nothing is read from them."""
    with reverts_with("LeafLength", len(data)):
        reader.read(data)


def test_another_tag(reader):
    """0x00 or nothing."""
    with reverts_with("LeafTag", b"\xff"):
        reader.read(b"\xff" + bytes(45))
