"""The rewards of a finished run, computed again. A real run of TRL is replayed in tests/trainers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from rlhf_contract.cli.main import commands
from rlhf_contract.errors import DataError
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.lang import load
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.from_file import Columns, read_file, to_rows
from rlhf_contract.machine.replay import Kind, Replay, Version, completion_files, logged_signals, replay
from rlhf_contract.scorers.pinned import text_of
from rlhf_contract.types import Status

ROOT = Path(__file__).parents[3]
SAFE = ROOT / "examples" / "safe_assistant.legal"
SAMPLES = ROOT / "examples" / "safe_assistant.jsonl"


def version(text: str) -> Version:
    contract = load(text)
    return Version(to_hex(keccak256(text.encode())), contract, compile_contract(contract))


SAFE_TEXT = SAFE.read_text("utf-8")
NOW = version(SAFE_TEXT)
LATER = version(SAFE_TEXT.replace("VERSION 1.0.0", "VERSION 1.1.0").replace("PENALTY 0.5", "PENALTY 0.4"))
Table = dict[str, list[Any]]


def run(under: Version = NOW) -> Table:
    """What TRL logs of a step whose completions are our samples: rewards as float32, NaN where there is none."""
    rows = to_rows(under.contract, read_file(SAMPLES))
    outcomes = to_numpy.run(under.program, rows.signals, rows.lists)
    micro = [
        m if s == Status.REWARDED else None for m, s in zip(outcomes.reward.tolist(), outcomes.status, strict=True)
    ]
    count = len(rows)
    return {
        "step": [20] * count,
        "prompt": ["?"] * count,
        "completion": ["!"] * count,
        "SafeAssistant_1a2b3c4d": [float(np.float32("nan" if m is None else m / 10**6)) for m in micro],
        "reward_micro": [float("nan") if m is None else float(m) for m in micro],
        **logged_signals(rows),
        "spec_hash": [under.spec_hash] * count,
        "status": ["abstained" if s == Status.INVALID else "rewarded" for s in outcomes.status],
        "advantage": [0.0] * count,
    }


def replayed(table: Table, folder: Path, *versions: Version, column: str | None = None) -> Replay:
    pa.parquet.write_table(pa.table(table), folder / "completions_00020.parquet")
    found = Replay()
    for file in completion_files(folder):
        replay(found, file, versions or (NOW,), column, text=text_of)
    return found


def change(table: Table, column: str, row: int, value: object) -> Table:
    return {**table, column: [*table[column][:row], value, *table[column][row + 1 :]]}


def test_a_run_is_equal(tmp_path: Path) -> None:
    """Every logged reward is the float32 of the exact one, and rows without a reward have none."""
    table = run()
    found = replayed(table, tmp_path)

    assert found.rows == len(table["step"]) > 300
    assert (found.different, found.first, found.largest) == (0, [], 0.0)
    assert 0 < found.abstained < found.rows - found.rewarded < found.rows


@pytest.mark.parametrize(("tamper", "kind"), [
    (lambda t: change(t, "SafeAssistant_1a2b3c4d", 5, t["SafeAssistant_1a2b3c4d"][5] + 2**-20), Kind.OTHER),
    (lambda t: change(t, "reward_micro", 5, t["reward_micro"][5] + 1), Kind.OTHER),
    (lambda t: change(t, "SafeAssistant_1a2b3c4d", 5, float("nan")) | {"reward_micro": [float("nan")] * 333},
     Kind.WITHHELD),
    (lambda t: change(t, "signal/contains_pii", 5, not t["signal/contains_pii"][5]), Kind.OTHER),
    (lambda t: change(t, "signal/helpfulness", 5, t["signal/helpfulness"][5] - 0.00001), Kind.OTHER),
    (lambda t: change(t, "signal/helpfulness", 5, None), Kind.UNDUE),
])  # fmt: skip
def test_one_changed_value_is_found(tamper: Callable[[Table], Table], kind: Kind, tmp_path: Path) -> None:
    """A reward or a signal that was changed after the run is found, in its row, as what it is."""
    found = replayed(tamper(run()), tmp_path)
    first = next(d for d in found.first if d.row == 5)

    assert (first.kind, first.step, Path(first.file).name) == (kind, 20, "completions_00020.parquet")
    assert found.kinds[kind] >= 1
    assert (first.due == "") == (kind is Kind.UNDUE)
    if kind is not Kind.WITHHELD:
        assert found.different == 1


def test_the_smallest_difference_of_two_float32_is_found(tmp_path: Path) -> None:
    """The next float32 is another reward, also where the run logged no exact millionths; the distance is told."""
    table = run()
    del table["reward_micro"]
    reward = np.float32(table["SafeAssistant_1a2b3c4d"][3])
    found = replayed(change(table, "SafeAssistant_1a2b3c4d", 3, float(np.nextafter(reward, np.float32(2)))), tmp_path)

    assert [(d.row, d.kind) for d in found.first] == [(3, Kind.OTHER)]
    assert 0 < found.largest < 2e-7


def test_a_run_of_two_versions(tmp_path: Path) -> None:
    """Each row is computed under the version that its spec_hash names; an unknown one is refused."""
    old, new = run(NOW), run(LATER)
    table = {name: [*old[name], *new[name]] for name in old}
    found = replayed(table, tmp_path, NOW, LATER)

    assert (found.different, found.rows) == (0, 2 * len(old["step"]))
    with pytest.raises(DataError, match=f"row {len(old['step'])} was rewarded under specHash {LATER.spec_hash}"):
        replayed(table, tmp_path, NOW)


def test_signals_of_the_data_set_will_do(tmp_path: Path) -> None:
    """Without our prefix, a column of a signal's name is that signal."""
    table = {name.removeprefix("signal/"): column for name, column in run().items()}

    assert replayed(table, tmp_path).different == 0


@pytest.mark.parametrize(("spoil", "column", "says"), [
    (lambda t: t, "reward", "there is no column reward"),
    (lambda t: t, "completion", "holds string, no rewards"),
    (lambda t: t | {"SafeAssistant_b": t["advantage"]}, None, "which column has the rewards"),
    (lambda t: {n: c for n, c in t.items() if n != "signal/tokens"}, None, "no column for:\n  - tokens"),
])  # fmt: skip
def test_what_is_missing_is_named(
    spoil: Callable[[Table], Table], column: str | None, says: str, tmp_path: Path
) -> None:
    """A column that is not there, or that could be one of several, is an error and no verdict."""
    with pytest.raises(DataError, match=says):
        replayed(spoil(run()), tmp_path, column=column)


def test_completions_below_an_output_folder(tmp_path: Path) -> None:
    """TRL's output folder will do; one without completions is an error."""
    with pytest.raises(DataError, match="log_completions=True"):
        completion_files(tmp_path)
    (tmp_path / "completions").mkdir()
    (tmp_path / "completions" / "completions_00001.parquet").touch()

    assert [f.name for f in completion_files(tmp_path)] == ["completions_00001.parquet"]


LISTS = """LEGAL-BLOCKS 1
CONTRACT Lists VERSION 1.0.0
  REWARD IN [-1, 1]
SIGNALS
  far  : real [-4000000000000, 4000000000000]
  n    : int [-9000000000000000000, 9000000000000000000]
  tone : one of kind, curt
  said : list [3] of { sure: bool, weight: real [0, 1] }
STAKEHOLDERS
  a WEIGHT 1 WANTS IF tone = kind THEN 1 ELSE 0
AGGREGATE weighted_mean
"""


def test_logged_signals_are_read_as_the_same_integers(tmp_path: Path) -> None:
    """Through Parquet too, whatever the kind of the signal: to the last digit, and unreadable ones stay unreadable."""
    values = {
        "far": [0.1, 3999999999999.999999, -0.000001, None],
        "n": [1, 8999999999999999999, -8999999999999999999, None],
        "tone": ["curt", "kind", None, "rude"],
        "said": [[], [{"sure": True, "weight": 0.3}], [{"sure": False, "weight": None}], None],
    }
    contract = load(LISTS)
    rows = to_rows(contract, Columns(values, 4, "values"))
    file = tmp_path / "logged.parquet"
    pa.parquet.write_table(pa.table({n.removeprefix("signal/"): c for n, c in logged_signals(rows).items()}), file)
    again = to_rows(contract, read_file(file))

    assert again.signals.tolist() == rows.signals.tolist()
    assert again.lists[3].elements.tolist() == rows.lists[3].elements.tolist()
    assert (again.faults != 0).tolist() == (rows.faults != 0).tolist()


def test_rows_are_picked_with_their_lists() -> None:
    """Some rows, in another order and twice: as if they alone had been read, with the words on what is unreadable."""
    values = {
        "far": [0.1, 2, -0.000001, None],
        "n": [1, 2, 3, 4],
        "tone": ["curt", "kind", "kind", "kind"],
        "said": [[{"sure": True, "weight": 0.3}] * 2, [], [{"sure": False, "weight": None}], None],
    }
    contract, places = load(LISTS), [2, 3, 0, 1, 0]
    picked = to_rows(contract, Columns(values, 4, "values")).at(np.array(places))
    alone = to_rows(contract, Columns({n: [v[p] for p in places] for n, v in values.items()}, 5, "values"))

    assert picked.signals.tolist() == alone.signals.tolist()
    assert picked.lists[3].counts.tolist() == alone.lists[3].counts.tolist() == [1, 0, 2, 0, 2]
    assert picked.lists[3].elements.tolist() == alone.lists[3].elements.tolist()
    assert [picked.reason(row) for row in range(5)] == [alone.reason(row) for row in range(5)]
    assert "said" in picked.reason(0) and picked.reason(2) == ""


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 and 5; words for people, one document for machines."""
    table = run()
    for step in (10, 20):
        pa.parquet.write_table(pa.table(table), tmp_path / f"completions_{step:05}.parquet")
    assert commands(["replay", str(SAFE), str(tmp_path)], standalone_mode=False) == 0
    assert "equal: 666 rows in 2 files" in capsys.readouterr().out

    wrong = change(table, "reward_micro", 7, table["reward_micro"][7] + 1)
    pa.parquet.write_table(pa.table(wrong), tmp_path / "completions_00030.parquet")
    assert commands(["replay", str(SAFE), str(tmp_path)], standalone_mode=False) == 5
    said = capsys.readouterr().out
    assert "different: 1 of 999 rows in 3 files" in said
    assert "completions_00030.parquet" in said
    assert commands(["replay", str(SAFE), str(tmp_path), "--json"], standalone_mode=False) == 5
    document = json.loads(capsys.readouterr().out)
    assert (document["different"], document["first"][0]["row"]) == ({"other": 1, "undue": 0, "withheld": 0}, 7)
