"""The vectors that every engine must match, run on the chain."""

import json
from pathlib import Path

import pytest

VECTORS = sorted((Path(__file__).parent.parent.parent.parent / "spec" / "vectors").glob("*.json"))


def test_there_are_vectors():
    """Silence is not success."""
    assert VECTORS


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_status_and_reward_are_the_same(batch, path):
    """Every row of the file, bit for bit."""
    vector = json.loads(path.read_text())
    expected = [(row["status"], int(row["reward"])) for row in vector["rows"]]
    actual = batch(vector["program"], [[int(s) for s in row["signals"]] for row in vector["rows"]])

    assert actual == expected
