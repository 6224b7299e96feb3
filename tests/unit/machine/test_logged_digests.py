"""The digests that our reward function logs, computed again from what TRL's files have beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from rlhf_contract.cli.main import commands
from rlhf_contract.machine.from_file import read_file
from rlhf_contract.machine.logged_digests import Verdict
from rlhf_contract.trainers.trl import TRLReward
from service import EXAMPLE

SAMPLES = read_file(EXAMPLE.with_suffix(".jsonl"))
REWARD = TRLReward.from_file(EXAMPLE, on_error="abstain")
NAME = REWARD.__name__
Table = dict[str, list[Any]]


def logged(start: int, stop: int, prompts: list[Any] | None = None) -> Table:
    """What TRL logs of one call with these samples."""
    cut = {name: list(values[start:stop]) for name, values in SAMPLES.columns.items()}
    prompts, completions = prompts or cut["prompt"], cut["answer"]
    signals = {s.name: cut[s.name] for s in REWARD.reward.contract.signals}
    extra: Table = {}
    rewards = REWARD(prompts, completions, log_extra=extra.__setitem__, **signals)
    return {"step": [3] * len(rewards), "prompt": prompts, "completion": completions, NAME: rewards, **extra}


def joined(*parts: Table) -> Table:
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def replayed(
    table: Table, folder: Path, capsys: pytest.CaptureFixture[str], spec: Path = EXAMPLE
) -> tuple[int, dict[str, Any]]:
    pa.parquet.write_table(pa.table(table), folder / "completions_00003.parquet")
    capsys.readouterr()
    code = commands(["replay", str(spec), str(folder), "--json"], standalone_mode=False)
    return code, json.loads(capsys.readouterr().out)


def counted(agrees: int = 0, differs: int = 0, unknown: int = 0) -> dict[str, int]:
    return {"agrees": agrees, "differs": differs, "unknown": unknown}


def test_each_call_agrees_whatever_process_it_was_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes' calls, one call twice, rows without a reward, conversations: each batch has its own digest."""
    talk = [[{"role": "user", "content": "a"}, {"role": "user", "content": None}]] * 4
    code, found = replayed(joined(logged(0, 30), logged(0, 30), logged(30, 60)), tmp_path, capsys)
    assert (code, found["digests"], found["doubts"]) == (0, counted(agrees=3), [])
    assert found["rewarded"] < found["rows"] == 90

    code, found = replayed(logged(0, 4, talk), tmp_path, capsys)
    assert (code, found["digests"]) == (0, counted(agrees=1))


@pytest.mark.parametrize(("column", "value"), [
    ("completion", "another answer"), ("prompt", "another question"), ("signal/helpfulness", 0.123),
])  # fmt: skip
def test_what_was_changed_after_the_run_is_found(
    column: str, value: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also a text, which no reward shows; the batch beside it agrees."""
    table = joined(logged(0, 5), logged(5, 9))
    table[column][6] = value
    code, found = replayed(table, tmp_path, capsys)

    assert (code, found["digests"]) == (5, counted(agrees=1, differs=1))
    assert [(d["row"], d["verdict"]) for d in found["doubts"]] == [(5, "differs")]


LISTS = """LEGAL-BLOCKS 1
CONTRACT Lists VERSION 1.0.0
  REWARD IN [-1, 1]
SIGNALS
  tone : one of kind, curt
  said : list [3] of { sure: bool, weight: real [0, 1] }
STAKEHOLDERS
  a WEIGHT 1 WANTS IF tone = kind THEN 1 ELSE 0
AGGREGATE weighted_mean
"""


def test_each_batch_has_its_own_elements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lists of several lengths, the calls' rows among each other; one element is changed, which no reward shows."""
    spec = tmp_path / "lists.legal"
    spec.write_text(LISTS, "utf-8")
    reward, parts = TRLReward.from_file(spec), []
    for call in range(4):
        extra: Table = {}
        said = [[{"sure": call > 1, "weight": 0.25}] * (row % 4) for row in range(6)]
        texts = [f"{call} {row}" for row in range(6)]
        rewards = reward(texts, texts, log_extra=extra.__setitem__, tone=["kind", "curt"] * 3, said=said)
        parts.append({"prompt": texts, "completion": texts, reward.__name__: rewards, **extra})
    table = {name: [part[name][row] for row in range(6) for part in parts] for name in parts[0]}
    code, found = replayed(table, tmp_path, capsys, spec)
    assert (code, found["digests"]) == (0, counted(agrees=4))

    table["signal/said"][3 * 4 + 1] = [{"sure": False, "weight": 0.250001}] * 3
    code, found = replayed(table, tmp_path, capsys, spec)
    assert (code, found["different"]["other"], found["digests"]) == (5, 0, counted(agrees=3, differs=1))
    assert [d["row"] for d in found["doubts"]] == [1]


def test_rows_in_another_order_are_another_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every reward is right, and the digest is not that of these rows."""
    table = {name: values[::-1] for name, values in logged(0, 5).items()}
    code, found = replayed(table, tmp_path, capsys)

    assert (code, found["different"]["other"], found["digests"]) == (5, 0, counted(differs=1))


@pytest.mark.parametrize(("spoil", "why"), [
    (lambda t: {name: values[1:] for name, values in t.items()}, "only a part"),
    (lambda t: {n: v for n, v in t.items() if n != "prompt"}, "no prompt"),
    (lambda t: {n: v[1:] for n, v in t.items() if n not in ("batch_rows", "sample")}, "neither batch_rows nor sample"),
    (lambda t: t | {"completion": [None, *t["completion"][1:]]}, "not a text"),
])  # fmt: skip
def test_what_cannot_be_known_is_not_said_to_differ(
    spoil: Callable[[Table], Table], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call that was cut, a text that is not there, a run of an older version of ours: exit code 0, and the reason."""
    code, found = replayed(spoil(logged(0, 5)), tmp_path, capsys)

    assert (code, found["digests"]) == (0, counted(unknown=1))
    assert why in found["doubts"][0]["why"]


def test_older_files_agree_where_they_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without batch_rows and sample, a batch that is whole is known; without digests, nothing is said of any."""
    older = {n: v for n, v in logged(0, 5).items() if n not in ("batch_rows", "sample")}
    assert replayed(older, tmp_path, capsys)[1]["digests"] == counted(agrees=1)

    del older["digest"]
    assert replayed(older, tmp_path, capsys)[1]["digests"] == counted()


def test_people_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line with the counts, and a row for each batch that does not agree."""
    table = joined(logged(0, 5), logged(5, 9))
    table["completion"][6] = "another answer"
    pa.parquet.write_table(pa.table(table), tmp_path / "completions_00003.parquet")
    code = commands(["replay", str(EXAMPLE), str(tmp_path)], standalone_mode=False)
    said = " ".join(capsys.readouterr().out.split())

    assert code == 5 and "equal: 9 rows" in said and "digests of batches: agrees 1, differs 1" in said
    assert f"{table['digest'][5][:10]}… {Verdict.DIFFERS}" in said
