"""A whole ledger with a page in front of it, for tests that are not written in Python: a process to be started.

    PYTHONPATH=tests .venv/bin/python -m stage FOLDER [--port N] [--no-relayer]

Prints one line of JSON when everything answers: where the page and the node are, everybody's keys, and what is there
to be seen. Ends when its standard input does. Whoever uses it moves the chain's clock by the node's own evm_ methods.

What is there: an adopted contract (examples/safe_assistant.legal) with bonded oracles; a final, a pending and a forged
epoch; an open adoption of the next version, on which the operator has voted; an open change of rules and bond; an
adoption against a text that is not in force; and an incident. `dropped` is a text that the service does not have.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from rlhf_contract.chain import court, governance, local
from rlhf_contract.chain.actions import Kind, encode
from rlhf_contract.chain.ganache import ganache
from rlhf_contract.chain.governance import COMPILER, Adoption, Proposal
from rlhf_contract.chain.wallet import KeyWallet
from rlhf_contract.hashing import keccak256, to_hex
from rlhf_contract.lang import load
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.prove.prove import prove
from rlhf_contract.prove.query import Budget
from rlhf_contract.prove.report import proof_hash, report
from rlhf_contract.types import Seconds, Wei
from rlhf_contract.web.serving import PageSettings, running
from story import EXAMPLE, ORACLES, Story, begin

BOND = Wei(10**17)
DAY = Seconds(86_400)
INCIDENT = 3


@dataclass
class Stage:
    """What can be seen and clicked."""

    story: Story
    rpc: str
    next: Path
    dropped: Path
    proposals: dict[str, str]
    forged: int

    def document(self, page: str) -> dict[str, object]:
        ledger = self.story.ledger
        return {
            "page": page,
            "rpc": self.rpc,
            "chainId": ledger.node.chain_id,
            "deployment": json.loads(ledger.deployment.encoded),
            "keys": {name: to_hex(account.key) for name, account in self.story.accounts.items()},
            "addresses": {name: account.address for name, account in self.story.accounts.items()},
            "holders": list(self.story.holders),
            "proposals": self.proposals,
            "forged": {"epoch": 3, "row": self.forged},
            "files": {"active": str(self.story.spec), "next": str(self.next), "dropped": str(self.dropped)},
            "data": str(self.story.folder.path),
        }


def set_up(rpc: str, folder: Path) -> Stage:
    """Everything but the page."""
    story = begin(rpc, EXAMPLE, folder / "data")
    story.adopt()
    ledger, accounts = story.ledger, story.accounts
    node, operator = ledger.node, accounts[story.holders[0]]
    for name in ORACLES:
        court.deposit(ledger, accounts["relayer"], accounts[name].address, BOND)
    story.attest()
    local.advance(node, Seconds(DAY + 60))
    story.attest()
    _, forged = story.attest_forged(ORACLES[:2])
    record_incident(story)
    text = EXAMPLE.read_text("utf-8")
    following, dropped = folder / "next.legal", folder / "dropped.legal"
    following.write_text(text.replace("VERSION 1.0.0", "VERSION 1.1.0").replace("PENALTY 0.5", "PENALTY 0.6"), "utf-8")
    dropped.write_text(text.replace("VERSION 1.0.0", "VERSION 1.2.0").replace("0.7 *", "0.6 *"), "utf-8")
    next_version = governance.propose_adoption(ledger, operator, adoption(following), "A higher penalty.")
    calls = [
        encode(Kind.RULES, ledger.deployment, 700_000, 650_000),
        encode(Kind.BOND, ledger.deployment, 2 * BOND),
    ]
    rules = governance.propose_calls(ledger, operator, calls, "Stricter rules", "propose rules")
    stale = stale_adoption(story, dropped)
    story.open_votes()
    governance.vote(ledger, operator, next_version, "for", "operator")
    proposals = {"next": next_version, "rules": rules, "stale": stale}
    return Stage(story, rpc, following, dropped, {n: str(p.id) for n, p in proposals.items()}, forged)


def adoption(spec: Path) -> Adoption:
    """What is voted on for the contract in `spec`, proved."""
    data = spec.read_bytes()
    contract = load(data, str(spec))
    program, budget = compile_contract(contract), Budget()
    proof = proof_hash(report(contract, program, prove(contract, budget), budget))
    return Adoption(keccak256(data), keccak256(program.data), proof, contract.version, COMPILER)


def stale_adoption(story: Story, spec: Path) -> Proposal:
    """Against a parent that has never been in force."""
    ledger, said = story.ledger, adoption(spec)
    parent = keccak256(b"a text that nobody has adopted")
    version = (said.spec_hash, said.program_hash, parent, said.proof_hash, 1, said.version, said.compiler, said.uri)
    call = encode(Kind.ADOPT, ledger.deployment, version)
    proposer = story.accounts[story.holders[0]]
    return governance.propose_calls(ledger, proposer, [call], f"Adopt {said.version}", "propose")


def record_incident(story: Story) -> None:
    """An oracle reports one."""
    from rlhf_contract.oracle import attester

    active = attester.load_active(story.ledger, story.spec)
    fields = active.in_force.oracles.fields
    subject, hash_ = keccak256(b"model 7"), keccak256(b"what happened")
    call = story.ledger.log.functions.record(story.ledger.contract_id, INCIDENT, subject, hash_, fields)
    story.ledger.node.transact(story.accounts["oracle 1"], call, "record an incident")


@contextmanager
def stage(folder: Path, port: int = 0, relayer: LocalAccount | bool = True) -> Iterator[dict[str, object]]:
    """The whole, until the block ends."""
    with ganache() as rpc:
        made = set_up(rpc, folder)
        story = made.story
        wallet = KeyWallet(story.accounts["relayer"]) if relayer else None
        settings = PageSettings(rpc, (EXAMPLE, made.next), port=port, relayer=wallet)
        with running(story.ledger, story.store, settings) as page:
            yield made.document(page)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument("--no-relayer", action="store_true")
    told = asked.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    with stage(told.folder, told.port, not told.no_relayer) as document:
        print(json.dumps(document), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
