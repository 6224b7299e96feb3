"""`rlhf-contract web` as its operator meets it: a process over a real ledger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from rlhf_contract.chain.governance import sign_ballot
from rlhf_contract.chain.typed_data import ballot_document
from rlhf_contract.cli.demo_page import next_version
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.oracle.epoch_file import leaf_of
from rlhf_contract.oracle.store import Store
from rlhf_contract.types import Seconds
from rlhf_contract.web.epochs import Epochs
from rlhf_contract.web.library import Library
from rlhf_contract.web.refusal import Refusal
from story import EXAMPLE, ROOT, Story

CLI = Path(sys.executable).with_name("rlhf-contract")


@contextmanager
def served(story: Story, rpc: str, *options: str) -> Iterator[httpx.Client]:
    """The command over the story's data, on a free port; ended by Ctrl-C, and that well."""
    story.ledger.deployment.write(story.folder.deployment)
    command = [str(CLI), "web", "--rpc", rpc, "--data", str(story.folder.path), "--port", "0", "--json", *options]
    keys = {"RELAYER": story.accounts["relayer"].key.hex()}
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | keys, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        with httpx.Client(base_url=json.loads(line)["url"], timeout=60) as client:
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")


def signed(story: Story, name: str, spec: Path) -> tuple[str, dict[str, Any]]:
    """An open proposal of `spec`, and the ballot of `name` for it as the page posts it."""
    ledger = story.ledger
    adoption, proposal = story.propose(spec)
    story.open_votes()
    deadline = Seconds(ledger.node.now() + 600)
    ballot, signature = sign_ballot(ledger, story.accounts[name], proposal, adoption, "for", deadline)
    place = ledger.node.chain_id, ledger.governor.address
    words = ballot_document(ballot, *place)["message"]
    document = {"format": "rlhf-contract ballot 1", "chainId": place[0], "governor": place[1], "ballot": words}
    return str(proposal.id), {**document, "signature": to_hex(signature)}


def test_the_page_over_a_real_ledger(story: Story, rpc: str, tmp_path: Path) -> None:
    """The page, the site, the text in force, a sample found on the chain; a ballot is brought once, and paid for."""
    prepared = story.attest()
    root = to_hex(prepared.batch.root)
    following = tmp_path / "next.legal"
    following.write_text(next_version(EXAMPLE.read_text("utf-8")), "utf-8")
    id_, ballot = signed(story, "users", following)
    with served(story, rpc, "--spec", str(following), "--relayer-key-env", "RELAYER") as page:
        site = page.get("/api/site").json()
        row = page.get(f"/api/epochs/{root}/rows/5").json()
        sample = f"0x{row['leaf'][12:76]}"

        assert "<html" in page.get("/").text
        assert (site["rpc"], site["relayer"], site["data"]) == (rpc, True, True)
        assert site["deployment"] == json.loads(story.ledger.deployment.encoded)
        assert [s["version"] for s in page.get("/api/specs").json()] == ["1.0.1"]
        assert page.get(f"/api/specs/{to_hex(keccak256(EXAMPLE.read_bytes()))}").json()["version"] == "1.0.0"
        assert page.get(f"/api/samples/{sample}").json() == row
        assert page.get(f"/api/samples/0x{'11' * 32}").json()["code"] == "not_found"

        first = page.post("/api/relay", json=ballot)
        again = page.post("/api/relay", json=ballot)
    call = story.ledger.governor.functions.hasVoted(int(id_), story.accounts["users"].address)
    assert (first.status_code, story.ledger.node.read(call)) == (200, True)
    assert (again.status_code, again.json()["code"]) == (409, "relayer_refused")
    assert "has already voted for" in again.json()["detail"]


def test_what_is_nowhere_is_searched_for_in_memory(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody asks for samples that do not exist, each epoch's file is read once; others are found."""
    roots = [story.attest().batch.root for _ in range(2)]
    kept, read, files = Epochs(story.store, Library(story.store), story.ledger), [], Store.epoch

    def epoch(store: Store, root: bytes) -> Any:
        read.append(root)
        return files(store, root)

    monkeypatch.setattr(Store, "epoch", epoch)
    for number in range(5):
        with pytest.raises(Refusal, match="among the last 20,000,000 rows"):
            kept.sample(keccak256(bytes([number])))
    assert sorted(read) == sorted(roots)

    for root in roots:
        rows = files(story.store, root)[1]
        found = [kept.sample(rows.samples[row].tobytes()) for row in (0, len(rows) - 1)]
        assert [f["leaf"] for f in found] == [to_hex(leaf_of(rows, row)) for row in (0, len(rows) - 1)]
        assert {f["root"] for f in found} == {to_hex(root)}


def test_a_relayer_brings_so_many_and_no_more(story: Story, rpc: str) -> None:
    """Beyond --relays-per-hour a ballot is to be saved; without ether the relayer says so."""
    _, ballot = signed(story, "users", EXAMPLE.with_name("leaky.legal"))
    poor = story.accounts["relayer"].address
    node = story.ledger.node
    with served(story, rpc, "--relayer-key-env", "RELAYER", "--relays-per-hour", "1") as page:
        purse = node.web3.eth.get_balance(poor)
        node.web3.provider.make_request("anvil_setBalance", [poor, "0x0"])  # type: ignore[arg-type]
        empty = page.post("/api/relay", json=ballot)
        node.web3.provider.make_request("anvil_setBalance", [poor, hex(purse)])  # type: ignore[arg-type]
        answers = [page.post("/api/relay", json=ballot).status_code for _ in range(2)]

    assert (empty.status_code, empty.json()["code"]) == (503, "relayer_down")
    assert answers == [200, 429]


def test_what_the_command_refuses(story: Story, rpc: str) -> None:
    """An address that others reach needs a public name; a key that is not there, a node that is not, are said."""
    story.ledger.deployment.write(story.folder.deployment)

    def said(options: str) -> tuple[int, str]:
        command = [str(CLI), "web", "--data", str(story.folder.path), *options.split()]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        return told.returncode, told.stdout + told.stderr

    assert said(f"--rpc {rpc} --host 0.0.0.0")[0] == 2
    code, words = said(f"--rpc {rpc} --relayer-key-env NOT_THERE")
    assert (code, "NOT_THERE is not set" in words) == (1, True)
    assert said("--rpc http://127.0.0.1:9")[0] == 6
