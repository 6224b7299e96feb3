"""What goes wrong in life: each ends in an error that names the thing, and nothing is attested."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from rlhf_contract.chain import attestation, governance, local
from rlhf_contract.chain.deployment import Deployment, attach
from rlhf_contract.chain.node import connect
from rlhf_contract.cli.main import app
from rlhf_contract.errors import ChainError, DataError, EpochError, Refused, SpecError, SpecMismatch, WrongChain
from rlhf_contract.machine.from_file import Columns, read_file
from rlhf_contract.oracle import attester
from rlhf_contract.types import Seconds, Status
from story import SAMPLES, Story, begin


@contextmanager
def nothing_attested(story: Story) -> Iterator[None]:
    """The log has the same last epoch afterwards."""
    before = attestation.latest(story.ledger)
    yield
    assert before == attestation.latest(story.ledger)


def changed_spec(story: Story, tmp_path: Path, old: str, new: str) -> Path:
    """A copy of the adopted file with one change."""
    text = story.spec.read_text("utf-8")
    assert old in text
    path = tmp_path / "changed.legal"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_a_spec_changed_by_one_byte_after_the_vote(story: Story, tmp_path: Path) -> None:
    """The oracle refuses a file whose hash is not the adopted one, and shows both hashes."""
    spec = changed_spec(story, tmp_path, "PENALTY 0.5", "PENALTY 0.4")
    with nothing_attested(story), pytest.raises(SpecMismatch) as caught:
        attester.load_active(story.ledger, spec)

    assert f"0x{attestation.in_force(story.ledger).spec_hash.hex()}" in str(caught.value)
    assert str(spec) in str(caught.value)


def test_even_a_space_is_another_contract(story: Story, tmp_path: Path) -> None:
    """The hash is over bytes: a changed comment is a change too."""
    spec = changed_spec(story, tmp_path, "# length of the answer", "# length of the answer ")
    with nothing_attested(story), pytest.raises(SpecMismatch):
        attester.load_active(story.ledger, spec)


def test_a_wrong_chain_id(story: Story, rpc: str) -> None:
    """A node of another chain is refused by both numbers."""
    with nothing_attested(story), pytest.raises(WrongChain, match="serves chain 1337, but chain 1 is meant"):
        connect(rpc, 1)
    elsewhere = msgspec.structs.replace(story.ledger.deployment, chain_id=1)
    with (
        nothing_attested(story),
        pytest.raises(WrongChain, match="chain 1337, but SafeAssistant was deployed on chain 1"),
    ):
        attach(connect(rpc), elsewhere)


def test_a_signature_for_another_chain_is_worthless(story: Story) -> None:
    """What an oracle signed for another chain recovers to nobody here."""
    from rlhf_contract.chain.typed_data import batch_message, sign

    prepared = story.prepare()
    signatures = story.sign(prepared.batch, "oracle 1")
    other = story.accounts["oracle 2"]
    signatures[other.address] = sign(other, batch_message(prepared.batch, 1, story.ledger.log.address))
    with nothing_attested(story), pytest.raises(Refused, match="SignerMismatch"):
        story.post(prepared.batch, signatures)


def test_a_nan_signal_is_never_zero(story: Story, tmp_path: Path) -> None:
    """A NaN makes the row invalid, with the reason; it gets no reward, and the leaf says so."""
    good = json.loads(SAMPLES.read_text("utf-8").splitlines()[0])
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps(good) + "\n" + json.dumps({**good, "toxicity": float("nan")}) + "\n", "utf-8")
    prepared = story.attest(read_file(data))

    assert prepared.outcomes.status.tolist() == [Status.REWARDED, Status.INVALID]
    assert prepared.rows.reason(1) == "toxicity is NaN"
    assert prepared.outcomes.reward[1] == -(2**63)


def test_an_unknown_signal_name(story: Story, tmp_path: Path) -> None:
    """A misspelt signal is refused with the near one, before any hash is compared."""
    spec = changed_spec(story, tmp_path, "WANTS helpfulness", "WANTS helpfullness")
    with nothing_attested(story), pytest.raises(SpecError, match="did you mean helpfulness"):
        story.propose(spec)


def test_weights_that_sum_to_99_percent(story: Story, tmp_path: Path) -> None:
    """The compiler refuses weights that do not sum to one; so does the chain."""
    spec = changed_spec(story, tmp_path, "WEIGHT 0.2 ", "WEIGHT 0.19 ")
    with nothing_attested(story), pytest.raises(SpecError, match=r"the weights sum to 0\.99, not 1"):
        story.propose(spec)


def test_one_signature_where_two_are_needed(story: Story) -> None:
    """The log names the threshold and the number it got."""
    prepared = story.prepare()
    with nothing_attested(story), pytest.raises(Refused, match=r"TooFewSignatures\(2, 1\)"):
        story.post(prepared.batch, story.sign(prepared.batch, "oracle 2"))


def test_the_same_epoch_attested_twice(story: Story) -> None:
    """The second one is refused by number."""
    prepared = story.prepare()
    signatures = story.sign(prepared.batch, "oracle 1", "oracle 2")
    story.post(prepared.batch, signatures)
    with nothing_attested(story), pytest.raises(Refused, match=r"EpochNotNext\(2, 1\)"):
        story.post(prepared.batch, signatures)


def test_a_data_file_with_a_missing_column(story: Story, tmp_path: Path) -> None:
    """The column is named, with the near one."""
    data = tmp_path / "data.csv"
    data.write_text("helpfulness,harmlesness,toxicity,tokens,contains_pii,truthful,hedged\n1,1,0,5,false,true,false\n")
    with nothing_attested(story), pytest.raises(DataError, match=r"- harmlessness \(there is harmlesness"):
        story.prepare(read_file(data))


def test_nothing_adopted_yet(rpc: str, story: Story, tmp_path: Path) -> None:
    """Without an adopted version, or without oracles, nobody can attest."""
    fresh = begin(rpc, story.spec, tmp_path / "fresh")
    with pytest.raises(ChainError, match="has no active version"):
        attester.load_active(fresh.ledger, fresh.spec)
    fresh.pass_and_execute(fresh.propose(fresh.spec)[1])
    with pytest.raises(ChainError, match="has no oracles"):
        attester.load_active(fresh.ledger, fresh.spec)


def test_an_oracle_that_is_none(story: Story) -> None:
    """A key outside the set in force refuses to sign, rather than sign for nothing."""
    prepared = story.prepare()
    with nothing_attested(story), pytest.raises(EpochError, match="is not one of the oracles in force"):
        story.sign(prepared.batch, "stranger")


def test_a_batch_that_comes_too_late(story: Story) -> None:
    """After its deadline a signed batch is worthless."""
    prepared = story.prepare()
    signatures = story.sign(prepared.batch, "oracle 1", "oracle 2")
    local.advance(story.ledger.node, Seconds(attester.SIGNING_SECONDS + 60))
    with nothing_attested(story), pytest.raises(Refused, match="BatchExpired"):
        story.post(prepared.batch, signatures)


def test_a_node_that_does_not_answer() -> None:
    """Nobody at the URL is said so, with the URL."""
    with pytest.raises(ChainError, match=r"asking http://127\.0\.0\.1:9 for its chain: the node does not answer"):
        connect("http://127.0.0.1:9")


def test_a_stranger_cannot_propose(story: Story) -> None:
    """Only stakeholders propose."""
    from story import adoption_of

    with pytest.raises(Refused, match="GovernorInsufficientProposerVotes"):
        governance.propose_adoption(story.ledger, story.accounts["stranger"], adoption_of(story.spec))


def test_addresses_without_contracts(rpc: str, story: Story) -> None:
    """A deployment file that names an empty address is refused."""
    empty = msgspec.structs.replace(story.ledger.deployment, log=story.accounts["stranger"].address)
    with pytest.raises(ChainError, match=r"there is no contract at .* \(log\)"):
        attach(connect(rpc), empty)


# -- the same through the command line


def run(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", shlex.split(command))
    with pytest.raises(SystemExit) as exit_:
        app()
    out, err = capsys.readouterr()
    return int(exit_.value.code or 0), out + err


def test_the_audit_command(
    story: Story, rpc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """audit ends with 0 for TRUE, 5 for FALSE, 6 without a chain, 1 without a data folder."""
    story.attest()
    data = story.folder.path
    code, shown = run(f"rlhf-contract audit --rpc {rpc} --data {data}", monkeypatch, capsys)
    assert (code, "TRUE: all 333 rewards of SafeAssistant" in shown) == (0, True)

    code, shown = run(f"rlhf-contract audit --rpc {rpc} --data {data} --json", monkeypatch, capsys)
    assert (code, json.loads(shown)["verdict"]) == (0, True)

    next((data / "epochs").iterdir()).write_bytes(b"not an epoch")
    code, shown = run(f"rlhf-contract audit --rpc {rpc} --data {data}", monkeypatch, capsys)
    assert (code, "not an epoch file" in shown) == (5, True)

    code, shown = run(f"rlhf-contract audit --rpc http://127.0.0.1:9 --data {data}", monkeypatch, capsys)
    assert (code, "the node does not answer" in shown) == (6, True)

    code, shown = run(f"rlhf-contract audit --rpc {rpc} --data {tmp_path / 'nowhere'}", monkeypatch, capsys)
    assert (code, "deployment.json" in shown) == (1, True)

    (data / "deployment.json").write_text('{"chain_id": "x"}')
    code, shown = run(f"rlhf-contract audit --rpc {rpc} --data {data}", monkeypatch, capsys)
    assert (code, "not a deployment: Expected `int`, got `str`" in shown) == (1, True)


def test_deployment_round_trip(story: Story, tmp_path: Path) -> None:
    """deployment.json says what was deployed."""
    story.ledger.deployment.write(tmp_path / "deployment.json")

    assert Deployment.read(tmp_path / "deployment.json") == story.ledger.deployment


def test_columns_without_texts_are_committed_too(story: Story) -> None:
    """Data without prompts and answers gets rewards all the same."""
    example = read_file(SAMPLES)
    bare = Columns({k: v for k, v in example.columns.items() if k not in ("prompt", "answer")}, example.count, "bare")

    assert story.attest(bare).batch.count == example.count
