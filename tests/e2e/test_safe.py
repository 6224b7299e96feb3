"""A Safe is a stakeholder: its owners sign its ballot one by one, a stranger relays it; or it sends its vote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eth_account.messages import defunct_hash_message, encode_typed_data
from eth_account.signers.local import LocalAccount
from httpx import Response
from starlette.testclient import TestClient

from oracles import Place, stepped
from rlhf_contract.api.app import create_app
from rlhf_contract.api.service import ServiceSettings
from rlhf_contract.api.serving import ServedDaemon
from rlhf_contract.chain import ballots, governance, local, proposals
from rlhf_contract.chain.ballots import SavedProposal, SignedBallot
from rlhf_contract.chain.contract_wallet import joined, owners_of, refusal, safe_document
from rlhf_contract.chain.governance import CHOICES, Proposal
from rlhf_contract.chain.typed_data import SpecBallot
from rlhf_contract.chain.wallet import KeyWallet
from rlhf_contract.cli.ballot_paper import derive
from rlhf_contract.errors import ChainError, Refused
from safe_wallet import Safe, deploy_safe
from story import Story, adoption_of, undone
from wallet_cli import Run, run

__all__ = ["run"]

USERS = 2  # their place among the classes
SHARES = 7


@dataclass
class Board:
    """A Safe of three owners, two of whom must sign, in the class of users; and an amendment that it may vote on."""

    story: Story
    safe: Safe
    spec: Path
    proposal: Proposal

    @property
    def saved(self) -> SavedProposal:
        return proposals.save(self.story.ledger, self.proposal.id)

    def words(self, choice: str = "for") -> SpecBallot:
        return ballots.fill(self.saved, self.safe.address, choice, self.saved.closes)

    def sign(self, words: SpecBallot, signing: Sequence[LocalAccount]) -> bytes:
        """The signatures that these owners add to the ballot one after the other."""
        signed: SignedBallot | None = None
        for owner in signing:
            signed, _ = ballots.sign_as_owner(self.saved, KeyWallet(owner), words, signed)
        return signed.signature_bytes if signed else b""

    def relay(self, words: SpecBallot, signature: bytes) -> None:
        governance.relay_ballot(self.story.ledger, self.story.accounts["stranger"], words, signature, "the Safe")

    def why_not(self, words: SpecBallot, signature: bytes) -> str:
        ledger = self.story.ledger
        return refusal(ledger.node, words, ledger.governor.address, signature) or ""

    def tally(self) -> list[int]:
        return list(self.story.ledger.node.read(self.story.ledger.governor.functions.tally(self.proposal.id, USERS)))


@pytest.fixture(scope="module")
def seated(adopted: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """The stakeholders have voted the Safe in."""
    ledger, operator = adopted.ledger, adopted.accounts["operator"]
    spec = tmp_path_factory.mktemp("spec") / "next.legal"
    spec.write_text(adopted.spec.read_text("utf-8").replace("VERSION 1.0.0", "VERSION 1.1.0"), "utf-8")
    proved = replace(adoption_of(spec), proof_hash=derive(spec, prove=True, quiet=True).proof_hash)
    with undone(ledger.node):
        owners = tuple(local.funded_accounts(ledger.node, ["ann", "ben", "cem"]).values())
        safe = deploy_safe(ledger.node, adopted.accounts["deployer"], owners, 2)
        adopted.pass_and_execute(adopted.propose_member(safe.address, USERS, SHARES))
        proposal = governance.propose_adoption(ledger, operator, proved)
        adopted.open_votes()
        yield Board(adopted, safe, spec, proposal)


@pytest.fixture
def board(seated: Board) -> Iterator[Board]:
    """The same board for every test, as nobody has voted yet."""
    with undone(seated.story.ledger.node):
        yield seated


@pytest.mark.parametrize("signing", [(0, 1), (1, 0), (2, 0), (0, 1, 2)])
def test_two_owners_sign_and_a_stranger_relays(board: Board, signing: tuple[int, ...]) -> None:
    """Any two of three, in any order, or all of them: 130 bytes of signatures and more."""
    words = board.words("against")
    signature = board.sign(words, [board.safe.owners[i] for i in signing])

    assert len(signature) == 65 * len(signing)
    assert board.why_not(words, signature) == ""
    board.relay(words, signature)
    assert board.tally() == [SHARES, 0, 0]
    with pytest.raises(Refused, match="GovernorAlreadyCastVote"):
        board.relay(words, signature)


def test_one_owner_is_not_enough(board: Board) -> None:
    """Neither once nor twice; and the message says how many are missing."""
    words = board.words()
    once = board.sign(words, board.safe.owners[:1])
    for signature in (once, once + once, b""):
        assert board.why_not(words, signature) != ""
        with pytest.raises(Refused, match="GovernorInvalidSignature"):
            board.relay(words, signature)
    assert "1 of the 2 owners" in board.why_not(words, once)


def test_a_stranger_is_no_owner(board: Board) -> None:
    """A stranger's signature beside an owner's is refused, and named."""
    stranger = board.story.accounts["stranger"]
    words = board.words()
    signature = board.sign(words, [board.safe.owners[0], stranger])

    assert stranger.address in board.why_not(words, signature)
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        board.relay(words, signature)


def test_signatures_for_another_safe_are_refused(board: Board) -> None:
    """The same owners sign for their other Safe: the domain binds the address of the wallet."""
    other = deploy_safe(board.story.ledger.node, board.story.accounts["deployer"], board.safe.owners, 2)
    words = board.words()
    signature = board.sign(replace(words, voter=other.address), board.safe.owners[:2])
    assert "another Safe" in board.why_not(words, signature)
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        board.relay(words, signature)
    elsewhere = replace(words, voter=other.address)
    assert board.why_not(elsewhere, board.sign(elsewhere, other.owners[:2])) == ""
    with pytest.raises(Refused, match="NotAStakeholder"):
        board.relay(elsewhere, board.sign(elsewhere, other.owners[:2]))


def test_signatures_for_other_words_are_refused(board: Board) -> None:
    """A relayer turns the choice round."""
    signature = board.sign(board.words("against"), board.safe.owners[:2])

    assert "other words" in board.why_not(board.words("for"), signature)
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        board.relay(board.words("for"), signature)


def test_owners_out_of_order_are_refused(board: Board) -> None:
    """A Safe wants ascending owners, which is how it sees that they are distinct."""
    words = board.words()
    signature = board.sign(words, board.safe.owners[:2])
    turned = signature[65:] + signature[:65]

    assert "ascending" in board.why_not(words, turned)
    with pytest.raises(Refused, match="GovernorInvalidSignature"):
        board.relay(words, turned)


def test_the_safe_sends_its_vote(board: Board) -> None:
    """By execTransaction, as from the Safe's own web page; one signature is not enough there either."""
    stranger, call = board.story.accounts["stranger"], board.story.ledger.governor.functions.castVote
    vote = call(board.proposal.id, CHOICES["abstain"])
    with pytest.raises(ChainError, match="GS020"):
        board.safe.execute(stranger, vote, board.safe.owners[:1], "the Safe votes")
    board.safe.execute(stranger, vote, board.safe.owners[1:], "the Safe votes")

    assert board.tally() == [0, 0, SHARES]


def test_a_safe_signs_in(board: Board, rpc: str, tmp_path: Path) -> None:
    """Two owners sign the message for their Safe, which may read then, as the stakeholder that it is; one cannot."""
    safe = board.safe
    with stepped(Place(board.story, "oracle 1", tmp_path / "oracle", [rpc])) as oracle:
        oracle.cycle()
        client = TestClient(create_app(ServedDaemon(oracle.daemon), ServiceSettings()))
        message = client.get("/v1/auth/nonce", params={"address": safe.address}).json()["message"]
        document = safe_document(safe.address, safe.node.chain_id, bytes(defunct_hash_message(text=message)))
        signed = {
            owner.address: bytes(owner.sign_message(encode_typed_data(full_message=document)).signature)
            for owner in safe.owners[:2]
        }

        def sign_in(signature: bytes) -> Response:
            return client.post("/v1/auth/wallet", json={"message": message, "signature": f"0x{signature.hex()}"})

        refused = [sign_in(next(iter(signed.values()))), sign_in(bytes(130))]
        session = sign_in(joined(signed)).json()
        read = client.get("/v1/contract", headers={"Authorization": f"Bearer {session['token']}"})
        again = sign_in(joined(signed))

    assert [answer.status_code for answer in (*refused, again)] == [401] * 3
    assert (session["address"], session["member"], read.status_code) == (safe.address, True, 200)


def test_who_is_no_safe(board: Board) -> None:
    """A contract that is no wallet, and a key."""
    for address in (board.story.ledger.registry.address, board.story.accounts["users"].address):
        with pytest.raises(ChainError, match="does not answer as a Safe does"):
            owners_of(board.story.ledger.node, address)
    registry = replace(board.words(), voter=board.story.ledger.registry.address)
    assert "does not accept" in board.why_not(registry, board.sign(registry, board.safe.owners[:2]))


@pytest.fixture
def desk(board: Board, tmp_path: Path, rpc: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Options that name the ledger; the owners' keys are in ANN, BEN and CEM, the stranger's in STRANGER."""
    for name, account in zip(("ANN", "BEN", "CEM"), board.safe.owners, strict=True):
        monkeypatch.setenv(name, account.key.hex())
    monkeypatch.setenv("STRANGER", board.story.accounts["stranger"].key.hex())
    monkeypatch.chdir(tmp_path)
    board.story.ledger.deployment.write(tmp_path / "deployment.json")
    return f"--rpc {rpc} --deployment deployment.json"


def test_owners_at_their_command_lines(board: Board, desk: str, run: Run) -> None:
    """One offline, one online; a ballot with too few signatures is not sent; the stranger who relays pays alone."""
    ballots.write(Path("proposal.json"), board.saved)
    text, vote = board.spec, f"--voter {board.safe.address.lower()} --yes"
    id_, relay = board.proposal.id, f"relay ballot.json {desk} --key-env STRANGER"

    code, out, err = run(f"vote {text} --offline proposal.json --choice for {vote} --key-env BEN --deadline {2**40}")
    assert (code, "hand ballot.json to the next owner" in out) == (0, True), err
    code, _, err = run(relay)
    assert (code, "1 of the 2 owners" in err) == (1, True)
    assert board.tally() == [0, 0, 0]

    online = f"vote {text} --proposal {id_} {desk} {vote} --sign-only"
    code, _, err = run(f"{online} --choice against --key-env ANN")
    assert (code, "is the ballot of another voter, or for other words" in err) == (1, True)
    code, _, err = run(f"{online} --choice for --key-env STRANGER")
    assert (code, "is no owner of the Safe" in err) == (6, True)
    code, _, err = run(f"vote {text} --proposal {id_} {desk} {vote} --choice for --key-env ANN")
    assert (code, "add --sign-only or --offline" in err) == (2, True)
    code, _, err = run(f"vote {text} --offline proposal.json --choice for --voter Safe --yes --key-env ANN")
    assert (code, "is no address" in err) == (2, True)

    code, out, err = run(f"{online} --choice for --key-env ANN --json")
    said = json.loads(out)
    assert (code, said["deadline"], len(said["owners"])) == (0, 2**40, 2), err
    code, out, err = run(relay)
    assert (code, f"{board.safe.address} has voted for" in out) == (0, True), err
    assert board.tally() == [0, SHARES, 0]


def test_a_ballot_that_a_stranger_has_signed_is_not_sent(board: Board, desk: str, run: Run) -> None:
    """Offline nobody can know the owners; whoever relays is told before paying. What is no signature is an error."""
    ballots.write(Path("proposal.json"), board.saved)
    vote = f"vote {board.spec} --offline proposal.json --choice for --voter {board.safe.address} --yes --key-env"
    assert run(f"{vote} ANN")[0] == 0
    assert run(f"{vote} STRANGER")[0] == 0
    before = board.story.ledger.node.web3.eth.get_balance(board.story.accounts["stranger"].address)
    code, _, err = run(f"relay ballot.json {desk} --key-env STRANGER")
    assert (code, board.story.accounts["stranger"].address in err.replace("\n", "")) == (1, True), err
    assert board.story.ledger.node.web3.eth.get_balance(board.story.accounts["stranger"].address) == before

    signed = ballots.read(Path("ballot.json"), SignedBallot)
    for damage in (signed.signature[:-2], "0x" + "ff" * 65, "0x" + "00" * 65 * 300):
        Path("ballot.json").write_text(json.dumps({**json.loads(Path("ballot.json").read_text()), "signature": damage}))
        code, _, err = run(f"{vote} BEN")
        assert (code, "signature is" in err) == (1, True), err
