"""Signals that a contract pins to a scorer are made by the service, from the texts of a row."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rlhf_contract.api.answering import as_json
from rlhf_contract.api.reading import ARROW
from rlhf_contract.errors import ScorerError
from rlhf_contract.machine.from_file import Columns
from rlhf_contract.oracle.payload import decode_payload
from rlhf_contract.oracle.rewarder import Answer, Submission
from rlhf_contract.types import ABSENT
from scoring import gold
from service import ServedOracle, scored_oracle

LET_GO = threading.Event()
ROW = {"told": 0.5, "prompt": "say three words", "completion": "one two three"}


def fail(completions: Sequence[str]) -> list[int]:
    """Fails with a text in its words."""
    raise ValueError(f"cannot read {completions[0]}")


def long_ones(completions: Sequence[str]) -> list[int | None]:
    """Has no value for what is short."""
    return [len(text) if len(text) > 3 else None for text in completions]


def hang(completions: Sequence[str]) -> list[int]:
    if "hang" in completions:
        LET_GO.wait(30)
    return [len(text) for text in completions]


def labelled(completions: Sequence[str], label: Sequence[object]) -> list[int]:
    """Reads OpenRLHF's label as it came."""
    return [100 * (c == one) for c, one in zip(completions, label, strict=True)]


def grounded(completions: Sequence[str], ground_truth: Sequence[object]) -> list[int]:
    """Reads eval-protocol's gold answer."""
    return [100 * (c == one) for c, one in zip(completions, ground_truth, strict=True)]


@pytest.fixture
def serving(tmp_path: Path) -> Callable[..., ServedOracle]:
    """An oracle under a contract with `told`, from a column, and `words`, by the scorer of this name."""

    def make(name: str = "length/words", function: Any = None, **options: Any) -> ServedOracle:
        return scored_oracle(tmp_path, name, function, **options)

    return make


def send(oracle: ServedOracle, *rows: Mapping[str, Any], **headers: str) -> Any:
    body = {"run": "r", "rows": list(rows)}
    return oracle.client().post(
        "/v1/rewards", headers={**oracle.token("trainer", secrets.token_hex(4)), **headers}, json=body
    )


def words(oracle: ServedOracle) -> list[int]:
    """The values of `words` that the journal keeps and that will be attested."""
    (waiting,) = oracle.journal.waiting()
    batches = oracle.journal.unsealed(waiting.run, waiting.spec_hash, 1000)
    return [n for b in batches for n in decode_payload(b.payload, "a batch").epoch.signals[1].tolist()]


def test_a_text_goes_in_and_its_signal_is_attested(serving: Callable[..., ServedOracle]) -> None:
    """JSON rows, JSON columns and Arrow: three words are 3, whatever the answer's column is called."""
    oracle = serving()
    client, token = oracle.client(), oracle.token("trainer")
    table = pa.table({"told": [0.25], "response": ["a b"]}).replace_schema_metadata({"run": "r"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    columns = {"told": [0.5, 0.5], "answer": ["one", None]}
    rows = send(oracle, ROW).json()["rewards"]
    some = client.post("/v1/rewards", headers=token, json={"run": "r", "columns": columns}).json()["rewards"]
    arrow = client.post("/v1/rewards", headers={**token, "Content-Type": ARROW}, content=sink.getvalue().to_pybytes())

    assert [r["reward"] for r in rows] == ["0.5"]
    assert [(r["status"], r["reason"]) for r in some] == [("rewarded", None), ("invalid", "words is missing")]
    assert pa.ipc.open_stream(arrow.content).read_all()["reward_micro"].to_pylist() == [250_000]
    assert words(oracle) == [3, 1, ABSENT, 2]


def test_a_signal_that_was_sent_too_is_compared(serving: Callable[..., ServedOracle]) -> None:
    """The same value passes; another one, or one without its text, is refused with both values, and nothing is kept."""
    oracle = serving()
    same = send(oracle, {**ROW, "words": 3})
    other = send(oracle, ROW, {**ROW, "words": 4})
    alone = send(oracle, {"told": 0.5, "words": 3})
    without = send(oracle, ROW, {"told": 0.5, "words": 3})

    assert same.status_code == 200, same.text
    assert [other.status_code, alone.status_code, without.status_code] == [400, 400, 400]
    assert "row 1 says that words is 4; length/words@1 says 3" in other.json()["detail"]
    assert "send prompt and completion" in alone.json()["detail"]
    assert "none, for want of a text" in without.json()["detail"]
    assert oracle.waiting() == 1


def test_a_scorer_that_fails_is_a_503_with_its_name(serving: Callable[..., ServedOracle]) -> None:
    """Nothing is kept, and neither a value nor a text of another client is told."""
    oracle = serving("test/fail", fail)
    answer = send(oracle, ROW, ROW)

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:rlhf-contract:problem:scorer")
    assert "test/fail" in answer.json()["detail"]
    assert "one two three" not in answer.text
    assert oracle.waiting() == 0


def test_abstaining_makes_rows_invalid(serving: Callable[..., ServedOracle]) -> None:
    """Under on_error = "abstain" a row whose scorer fails has no reward, never 0."""
    oracle = serving("test/fail", fail, on_error="abstain")
    told = send(oracle, ROW).json()["rewards"]

    assert [(r["status"], r["reward"], r["reward_micro"]) for r in told] == [("invalid", None, None)]
    assert words(oracle) == [ABSENT]


def test_one_row_without_a_value_is_no_neighbours_fault(serving: Callable[..., ServedOracle]) -> None:
    """Requests that are scored together each get their own answer."""
    oracle = serving("test/long", long_ones)
    columns = [Columns({"told": [0.5], "completion": [text]}, 1, "a test") for text in ("long enough", "no")]
    first, second = oracle.rewarder.reward_all([Submission(c, "r", "someone", as_json) for c in columns])

    assert isinstance(first, Answer)
    assert isinstance(second, ScorerError) and "test/long" in str(second) and "row 0" in str(second)


def test_a_scorer_that_is_late_is_named(serving: Callable[..., ServedOracle]) -> None:
    """The time limit of [scorers] ends before the request does; the service goes on."""
    oracle = serving("test/hang", hang, seconds=0.05)
    late = send(oracle, {**ROW, "completion": "hang"})
    LET_GO.set()
    well = send(oracle, ROW)

    assert late.status_code == 503 and "test/hang" in late.json()["detail"] and "in time" in late.json()["detail"]
    assert well.status_code == 200, well.text


def test_a_scorer_that_is_not_here_is_never_passed_over(serving: Callable[..., ServedOracle]) -> None:
    """No column stands in for it: 503 with its name, /ready with the reason, and no row is kept."""
    oracle = serving(pin=f"length/words@1#sha256:{'0' * 64}")
    answer = send(oracle, {**ROW, "words": 3})
    ready = oracle.client().get("/ready")

    assert answer.status_code == 503 and "length/words" in answer.json()["detail"]
    assert ready.status_code == 503
    (wrong,) = [c for c in ready.json()["conditions"] if not c["holds"]]
    assert wrong["name"] == "scorers" and "0" * 64 in wrong["reason"]
    assert oracle.waiting() == 0


def test_columns_that_a_scorer_reads_are_taken(serving: Callable[..., ServedOracle]) -> None:
    """`answer` is then what it reads, and the text is `completion`; without that column the request is refused."""
    oracle = serving("test/gold", gold)
    right = send(oracle, {**ROW, "completion": "7", "answer": "7"}, {**ROW, "completion": "8", "answer": "7"})
    without = send(oracle, ROW)

    assert right.status_code == 200, right.text
    assert words(oracle) == [100, 0]
    assert without.status_code == 400 and "reads the column answer" in without.json()["detail"]


def test_a_number_that_a_scorer_reads_is_the_same_float_here_and_there(serving: Callable[..., ServedOracle]) -> None:
    """JSON's numbers are read exactly for signals; a scorer sees what it sees in the trainer's process."""
    oracle = serving("test/gold", gold)
    one = send(oracle, {**ROW, "completion": "1e-05", "answer": 1e-05}, {**ROW, "completion": "7.0", "answer": 7.0})

    assert one.status_code == 200, one.text
    assert words(oracle) == [100, 100]


@pytest.mark.parametrize(("function", "path", "body"), [
    (gold, "nemo-gym/verify", {"responses_create_params": {"input": "Why?"}, "response": {"output": "7"},
                               "signals": {"told": 0.5, "answer": "7"}}),
    (gold, "eval-protocol/evaluate", {"messages": [{"role": "user", "content": "Why?"},
                                                   {"role": "assistant", "content": "7"}],
                                      "kwargs": {"told": 0.5, "answer": "7"}}),
    (gold, "openrlhf", {"query": ["Why?7"], "prompts": ["Why?"], "labels": [{"told": 0.5, "answer": "7"}]}),
    (gold, "eval-protocol/evaluate", {"messages": [{"role": "user", "content": "Why?"},
                                                   {"role": "assistant", "content": "7"}],
                                      "told": 0.5, "answer": "7"}),
    (gold, "nemo-gym/verify", {"responses_create_params": {"input": "Why?"}, "response": {"output": "7"},
                               "signals": {"told": 0.5}, "answer": "7"}),
    (grounded, "eval-protocol/evaluate", {"messages": [{"role": "assistant", "content": "7"}], "ground_truth": "7",
                                          "kwargs": {"told": 0.5}}),
], ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""))  # fmt: skip
def test_trainers_protocols_bring_what_scorers_read(
    function: Any, path: str, body: Mapping[str, Any], serving: Callable[..., ServedOracle]
) -> None:
    """A gold answer reaches its scorer through each protocol, and the sample commits to the completion."""
    oracle = serving("test/gold", function)
    headers = oracle.token("trainer")
    answer = oracle.client().post(f"/v1/{path}?run=r", json={**body, "something": "foreign"}, headers=headers)
    (sample,) = oracle.samples()

    assert answer.status_code == 200, answer.text
    assert words(oracle) == [100]
    assert sample is not None and (sample.answer, sample.prompt) == ("7", "" if function is grounded else "Why?")


def test_a_label_that_is_no_object_is_a_column(serving: Callable[..., ServedOracle]) -> None:
    """OpenRLHF's label is often the gold answer itself; a contract that needs more than that gets an invalid row."""
    oracle = serving("test/labelled", labelled)
    body = {"query": ["Why?7"], "prompts": ["Why?"], "labels": ["7"]}
    answer = oracle.client().post("/v1/openrlhf?run=r", json=body, headers=oracle.token("trainer"))

    assert (answer.status_code, "told" in answer.json()["detail"]) == (422, True)
    assert words(oracle) == [100]


def test_the_text_is_the_completion_whatever_else_is_sent(serving: Callable[..., ServedOracle]) -> None:
    """A row with a completion and a gold answer commits to the completion, also where no scorer reads the other."""
    oracle = serving()
    send(oracle, {**ROW, "answer": "gold"})
    (sample,) = oracle.samples()

    assert sample is not None and sample.answer == "one two three"


def test_clients_are_told_what_is_made_here(serving: Callable[..., ServedOracle]) -> None:
    """GET /v1/contract names each signal's scorer, and the OpenAPI document asks for the text in its place."""
    oracle = serving()
    client = oracle.client()
    signals = client.get("/v1/contract", headers=oracle.token("trainer")).json()["signals"]
    schema = json.loads(client.get("/openapi.json").content)["components"]["schemas"]["RewardRequest"]

    assert [(s["name"], bool(s["scorer"])) for s in signals] == [("told", False), ("words", True)]
    assert schema["oneOf"][1]["properties"]["columns"]["required"] == ["told", "completion"]


def test_clients_are_told_what_scorers_read(serving: Callable[..., ServedOracle]) -> None:
    """The OpenAPI document names columns that are neither signals nor texts."""
    oracle = serving("test/labelled", labelled)
    schema = json.loads(oracle.client().get("/openapi.json").content)["components"]["schemas"]["RewardRequest"]
    cells = schema["oneOf"][0]["properties"]["rows"]["items"]["properties"]

    assert cells["label"] == {"description": "what a pinned scorer reads beside the text"}
    assert {"told", "words", "prompt", "completion"} <= cells.keys()


def test_a_text_is_scored_once(serving: Callable[..., ServedOracle]) -> None:
    """The second time its value comes from the cache."""
    oracle = serving()
    for _ in range(2):
        send(oracle, ROW)

    made = oracle.scoring.meters.registry.get_sample_value(
        "rlhf_contract_scorer_rows_total", {"scorer": "length/words"}
    )
    assert (made, words(oracle)) == (1, [3, 3])


def test_requests_of_the_contract_before_do_not_make_scorers_again(
    serving: Callable[..., ServedOracle], tmp_path: Path
) -> None:
    """When another contract comes into force, both have their scorers until the last request is through."""
    oracle = serving()
    before = oracle.in_force()
    made = oracle.scoring.usable(before)
    (tmp_path / "scored.legal").write_text(before.contract.source.replace("1.0.0", "1.1.0"), "utf-8")
    oracle.refresh()

    assert oracle.in_force().contract.version == "1.1.0"
    assert oracle.scoring.usable(oracle.in_force()) is not made
    assert oracle.scoring.usable(before) is made


def test_a_foreign_protocol_brings_what_its_scorer_reads(serving: Callable[..., ServedOracle]) -> None:
    """A label's `answer` is the reference that a pinned scorer reads; the text that is scored is the completion."""
    oracle = serving("test/gold", gold)
    labels = [{"told": 0.5, "answer": "42"}, {"told": 0.5, "answer": "41"}]
    body = {"query": ["6 * 7?42", "6 * 7?42"], "prompts": ["6 * 7?"] * 2, "labels": labels}
    told = oracle.client().post("/v1/openrlhf", params={"run": "r"}, headers=oracle.token("trainer"), json=body)

    assert told.status_code == 200, told.text
    assert words(oracle) == [100, 0]
