"""The page's service without a chain: texts, proofs, comparisons, epochs, files, and what it refuses."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from rlhf_contract.chain.deployment import Deployment
from rlhf_contract.errors import SetupError
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.lang.parse import MAX_SOURCE_BYTES
from rlhf_contract.machine import to_numpy
from rlhf_contract.machine.from_file import read_file, to_rows
from rlhf_contract.merkle import tree
from rlhf_contract.oracle.attester import commit
from rlhf_contract.oracle.epoch_file import Epoch, Header, leaf_hashes
from rlhf_contract.oracle.store import Store
from rlhf_contract.prove.cache import ProofCache
from rlhf_contract.web.app import Page, create_app
from rlhf_contract.web.epochs import Epochs
from rlhf_contract.web.files import Files
from rlhf_contract.web.library import MOST_DROPPED, Library
from rlhf_contract.web.refusal import CODES
from rlhf_contract.web.workshop import Workshop

ROOT = Path(__file__).parents[3]
SAFE, LEAKY = ROOT / "examples" / "safe_assistant.legal", ROOT / "examples" / "leaky.legal"
SAMPLES = ROOT / "examples" / "safe_assistant.jsonl"
SAFE_HASH = to_hex(keccak256(SAFE.read_bytes()))
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PLACE = Deployment(1337, "SafeAssistant", to_hex(keccak256(b"id")), *[ADDRESS] * 7)
SECONDS = 60


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>" + "x" * 2000, "utf-8")
    (folder / "assets" / "main-1a2b.js").write_text("export {}" + " " * 2000, "utf-8")
    return folder


@pytest.fixture
def page(tmp_path: Path, static: Path) -> Iterator[Page]:
    """Over a data folder with one epoch of the example's samples, without a chain and without a relayer."""
    store = Store.open(str(tmp_path / "data"))
    store.put_spec(SAFE.read_bytes())
    library = Library(store)
    workshop = Workshop(jobs=1, cache=ProofCache(tmp_path / "cache"))
    hosts = frozenset({"testserver"})
    epochs = Epochs(store, library, None)  # type: ignore[arg-type]  # the chain is asked for samples alone
    yield Page(PLACE, "https://node.example:8545/key", hosts, library, workshop, epochs, Files(static))
    workshop.close()


@pytest.fixture
def client(page: Page) -> TestClient:
    return TestClient(create_app(page))


def attested(page: Page, tmp_path: Path) -> tuple[Epoch, bytes]:
    """An epoch in the data folder, and its root."""
    text = page.library.get(keccak256(SAFE.read_bytes()))
    assert text is not None
    columns = read_file(SAMPLES)
    rows = to_rows(text.contract, columns)
    outcomes = to_numpy.run(text.program, rows.signals)
    epoch = Epoch(commit(columns, text.contract)[1], outcomes.status, rows.signals, outcomes.reward)
    root = tree.build(leaf_hashes(epoch)).root
    names = tuple(s.name for s in text.contract.signals)
    header = Header(PLACE.contract_id, SAFE_HASH, to_hex(text.program_hash), to_hex(bytes(32)), 7, names)
    Store.open(str(tmp_path / "data")).put_epoch(root, header, epoch)
    return epoch, root


def done(client: TestClient, address: str) -> dict[str, Any]:
    """The document at `address` once it is no longer pending."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        said: dict[str, Any] = client.get(address).json()
        if said["state"] != "pending":
            return said
        time.sleep(0.05)
    raise AssertionError(f"{address} is still pending after {SECONDS} s")


# -- texts


def test_a_text_of_the_data_folder_with_its_english(client: TestClient) -> None:
    """It comes exactly, with program, sections, signals and rules in the order of the machine."""
    said = client.get(f"/api/specs/{SAFE_HASH}").json()

    assert said["source"].encode() == SAFE.read_bytes()
    assert to_hex(keccak256(bytes.fromhex(said["program"][2:]))) == said["programHash"]
    assert [s["name"] for s in said["stakeholders"]] == ["operator", "safety_board", "users"]
    lines = {line for s in said["sections"] for e in s["entries"] for line in range(e["firstLine"], e["lastLine"] + 1)}
    assert lines >= {n for n, text in enumerate(said["source"].split("\n"), 1) if text.strip()} - {1}
    assert all(rule["penalty"] or rule["atMost"] for rule in said["rules"])


def test_a_dropped_text_is_kept_and_what_is_wrong_is_said(client: TestClient) -> None:
    """POST gives the same as GET does afterwards; a text with faults is refused with every one of them."""
    given = client.post("/api/specs", content=LEAKY.read_bytes())
    again = client.get(f"/api/specs/{given.json()['specHash']}")
    refused = client.post("/api/specs", content=LEAKY.read_bytes().replace(b"toxicity", b"toxicty", 1))

    assert given.json() == again.json()
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_text")
    assert all("toxic" in problem["message"] and problem["shown"] for problem in refused.json()["problems"])


def test_visitors_cannot_fill_the_memory(page: Page) -> None:
    """The library keeps so many dropped texts and no more; one that is the data folder's comes back from there."""
    source = SAFE.read_bytes()
    for number in range(MOST_DROPPED + 1):
        page.library.add(source + b"# %d\n" % number)

    assert len(page.library.all()) == MOST_DROPPED
    assert page.library.get(keccak256(source + b"# 0\n")) is None
    assert page.library.get(keccak256(source)) is not None


# -- work


def test_a_proof_is_asked_for_until_it_is_done(client: TestClient) -> None:
    """Pending first, then every promise with its verdict and, where it is refuted, the row."""
    leaky = client.post("/api/specs", content=LEAKY.read_bytes()).json()["specHash"]
    first = client.get(f"/api/specs/{leaky}/proof").json()
    said = done(client, f"/api/specs/{leaky}/proof")
    refuted = [p for p in said["promises"] if p["verdict"] == "refuted"]

    assert (first["promises"], first["proofHash"]) == ([], None)
    assert (said["allProved"], len(said["proofHash"])) == (False, 66)
    assert refuted[0]["witness"][0]["signals"]["contains_pii"] is True
    assert "PENALTY" in refuted[0]["change"]


def test_a_comparison_is_made_once(client: TestClient, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what changes, in data and in words; a service that starts anew finds it in the cache."""
    newer = SAFE.read_bytes().replace(b"PENALTY 0.5", b"PENALTY 0.6").replace(b"1.0.0", b"1.1.0")
    new = client.post("/api/specs", content=newer).json()["specHash"]
    said = done(client, f"/api/diff/{SAFE_HASH}/{new}")
    page.workshop._kept.clear()
    monkeypatch.setattr("rlhf_contract.web.workshop.compare", None)
    again = done(client, f"/api/diff/{SAFE_HASH}/{new}")

    assert said["comparison"]["relation"] == "stricter"
    assert said["comparison"]["largestFall"]["row"]["new"]["reward"] is not None
    assert said["paper"]["first"]
    assert again["comparison"] == said["comparison"]


def test_work_that_fails_is_not_waited_for(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as failed, says nothing of the inside, and may be tried again."""
    monkeypatch.setattr("rlhf_contract.web.workshop.prove", None)
    said = done(client, f"/api/specs/{SAFE_HASH}/proof")

    assert said["state"] == "failed"
    assert "NoneType" not in said["detail"]
    monkeypatch.undo()
    client.get(f"/api/specs/{SAFE_HASH}/proof")
    assert done(client, f"/api/specs/{SAFE_HASH}/proof")["state"] == "done"


# -- rewards


def test_figures_and_leaves_of_an_epoch(client: TestClient, page: Page, tmp_path: Path) -> None:
    """Counts, broken rules and bins add up; every leaf is there; a row has a proof that leads to the root."""
    epoch, root = attested(page, tmp_path)
    said = client.get(f"/api/epochs/{to_hex(root)}").json()
    row = client.get(f"/api/epochs/{to_hex(root)}/rows/3").json()
    leaves = client.get(f"/api/epochs/{to_hex(root)}/leaves").content

    assert said["count"] == len(epoch) == said["rewarded"] + said["inadmissible"] + said["invalid"]
    assert sum(said["histogram"]["counts"]) == said["rewarded"]
    edges = [int(edge) for edge in said["histogram"]["edges"]]
    rewards = epoch.reward[epoch.status == 0]
    assert said["histogram"]["counts"] == np.histogram(rewards, np.array(edges))[0].tolist()
    assert edges[0] == rewards.min() and edges[-1] > rewards.max()
    assert sum(v["count"] for v in said["violations"]) > 0
    assert row["epoch"] == 7
    leaf = bytes.fromhex(row["leaf"][2:])
    assert tree.verify(root, keccak256(leaf), [bytes.fromhex(h[2:]) for h in row["proof"]])
    assert leaves.count(leaf) == 1 and len(leaves) == len(epoch) * (4 + len(leaf))


def test_rows_that_are_not_those_attested_are_not_shown(client: TestClient, page: Page, tmp_path: Path) -> None:
    """A file under another epoch's root is as good as none."""
    _, root = attested(page, tmp_path)
    folder = tmp_path / "data" / "epochs"
    other = keccak256(b"other")
    (folder / f"{to_hex(root)}.arrow").rename(folder / f"{to_hex(other)}.arrow")
    said = client.get(f"/api/epochs/{to_hex(other)}/rows/0")

    assert (said.status_code, said.json()["code"]) == (404, "not_found")
    assert "not those that were attested" in said.json()["detail"]


# -- what is refused, and with which headers


@pytest.mark.parametrize(("method", "address", "options", "status", "code"), [
    ("GET", "/api/specs/0x12", {}, 400, "malformed"),
    ("GET", f"/api/specs/0x{'11' * 32}", {}, 404, "not_found"),
    ("GET", f"/api/specs/0x{'11' * 32}/proof", {}, 404, "not_found"),
    ("GET", f"/api/epochs/0x{'11' * 32}", {}, 404, "not_found"),
    ("GET", f"/api/epochs/0x{'11' * 32}/rows/x", {}, 400, "malformed"),
    ("GET", "/api/nothing", {}, 404, "not_found"),
    ("GET", "/../secret", {}, 404, "not_found"),
    ("GET", "/%2e%2e/app.py", {}, 404, "not_found"),
    ("DELETE", "/api/site", {}, 405, "method"),
    ("POST", "/api/relay", {"json": {}}, 503, "relayer_down"),
    ("POST", "/api/specs", {"content": b"x" * (MAX_SOURCE_BYTES + 1)}, 413, "too_large"),
    ("POST", "/api/specs", {"content": b"\xff"}, 400, "invalid_text"),
    ("POST", "/api/specs", {"content": b"x", "headers": {"content-encoding": "gzip"}}, 415, "content_type"),
    ("POST", "/api/specs", {"content": b"x", "headers": {"origin": "https://evil.example"}}, 403, "foreign"),
    ("GET", "/api/site", {"headers": {"sec-fetch-site": "cross-site"}}, 403, "foreign"),
    ("GET", "/", {"headers": {"host": "rebound.example"}}, 403, "foreign"),
])  # fmt: skip
def test_refusals(
    client: TestClient, method: str, address: str, options: dict[str, Any], status: int, code: str
) -> None:
    """Each has its status and its code, and the headers of every other answer."""
    answer = client.request(method, address, **options)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_may_ask_itself_and_the_node_alone(client: TestClient) -> None:
    """The policy names the node's origin without its path, which may hold a key, and allows nothing inline."""
    policy = client.get("/").headers["content-security-policy"]

    assert "connect-src 'self' https://node.example:8545;" in policy
    assert "unsafe" not in policy


def test_files_are_compressed_and_kept_by_their_content(client: TestClient, static: Path) -> None:
    """The page itself is asked for again each time; what has its content in its name is kept for ever."""
    first = client.get("/", headers={"accept-encoding": "gzip"})
    script = client.get("/assets/main-1a2b.js", headers={"accept-encoding": "identity"})
    again = client.get("/", headers={"if-none-match": first.headers["etag"]})

    assert first.content == (static / "index.html").read_bytes()
    assert int(first.headers["content-length"]) == len(gzip.compress(first.content, 9, mtime=0))
    assert (first.headers["cache-control"], again.status_code) == ("no-cache", 304)
    assert "immutable" in script.headers["cache-control"] and script.content.startswith(b"export")


def test_a_page_that_was_not_built(tmp_path: Path) -> None:
    """It says what to do."""
    with pytest.raises(SetupError, match="make setup"):
        Files(tmp_path)


def test_every_code_is_one_that_the_page_knows() -> None:
    """What the service refuses with has words in the page, or is a fault of whoever asks in another way."""
    known = set(re.findall(r"^  '(\w+)',", (ROOT / "app" / "src" / "errors.ts").read_text("utf-8"), re.MULTILINE))

    assert set(CODES) - known == set()
