"""propose · execute: the first step of an adoption, and the last."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlhf_contract.cli.keys import (
    DeploymentFile,
    KeyEnv,
    Keystore,
    PassphraseEnv,
    ProposalId,
    Rpc,
    SignerCommand,
    SignerSeconds,
    ledger_of,
    proposal_number,
    require_funds,
    wallet_of,
)
from rlhf_contract.cli.output import console, print_json, progress_bar
from rlhf_contract.cli.propose_changes import say_proposed
from rlhf_contract.cli.prove import show_results
from rlhf_contract.cli.spec import Json, read_spec
from rlhf_contract.errors import ChainError, DataError, ExitCode, Refused
from rlhf_contract.types import duration_text

if TYPE_CHECKING:
    from rlhf_contract.chain.deployment import Ledger
    from rlhf_contract.chain.governance import Proposal
    from rlhf_contract.chain.wallet import Wallet
    from rlhf_contract.cli.ballot_paper import Derived

__all__ = ["DryRun", "execute", "propose"]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and say what would be proposed; sign nothing.")]

PATIENCE = 300  # how many seconds the chain's clock may lose against ours


def propose(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A Legal-Blocks file, or a change file (.toml).", show_default=False)
    ],
    rpc: Rpc = None,
    deployment: DeploymentFile = Path("deployment.json"),
    uri: Annotated[str, typer.Option("--uri", help="Where the text can be found.")] = "",
    description: Annotated[str, typer.Option("--description", help="What you tell the voters about it.")] = "",
    keystore: Keystore = None,
    passphrase_env: PassphraseEnv = None,
    key_env: KeyEnv = None,
    signer: SignerCommand = None,
    signer_seconds: SignerSeconds = 120,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put a contract to the vote. The text must be canonical, and every promise of it proved.

    A change file (.toml) puts members, weights, rules, oracles, bonds or the end of a suspension to the vote instead;
    docs/voting.md shows what can be written there.

    Exit code 3 or 4: a promise is refuted or unknown, and nothing was proposed.

    Example: rlhf-contract propose next.legal --key-env MY_KEY --rpc http://127.0.0.1:8545
    """
    from rich.markup import escape

    from rlhf_contract.chain import governance
    from rlhf_contract.cli.ballot_paper import adoption_of, derive
    from rlhf_contract.cli.change_file import is_change_file
    from rlhf_contract.cli.propose_changes import propose_changes
    from rlhf_contract.lang.format import require_canonical
    from rlhf_contract.prove.report import exit_code

    def opened(ledger: Ledger) -> Wallet:
        wallet = wallet_of(keystore, passphrase_env, key_env, signer, signer_seconds)
        _require_proposer(ledger, wallet.address)
        return wallet

    if is_change_file(file):
        if uri:
            raise typer.BadParameter("a change file adopts no text that could be found there", param_hint="--uri")
        propose_changes(file, ledger_of(rpc, deployment), None if dry_run else opened, description, json)
        return
    require_canonical(read_spec(file)[0].tree)
    ledger = ledger_of(rpc, deployment)
    quick = derive(file, prove=False, quiet=json)
    _require_new(ledger, quick, file)
    derived = derive(file, prove=True, quiet=json)
    code = exit_code(derived.results)
    if code is not ExitCode.OK:
        if json:
            print_json({"proposed": False, "promises": {r.id: r.verdict.value for r in derived.results}})
        else:
            show_results(console(), derived.contract, list(derived.results))
            console().print(f"[bold red]nothing was proposed[/]: {escape(str(file))} does not keep every promise")
        raise typer.Exit(int(code))
    if dry_run:
        if json:
            print_json({"proposed": False, "promises": {r.id: r.verdict.value for r in derived.results}})
        else:
            console().print(f"[green]all {len(derived.results)} promises proved[/]; nothing was signed or proposed")
        return
    wallet = opened(ledger)
    adoption = adoption_of(derived, uri)
    proposed = governance.propose_adoption(ledger, wallet, adoption, description)
    if json:
        hashes = {
            "specHash": adoption.spec_hash,
            "programHash": adoption.program_hash,
            "proofHash": adoption.proof_hash,
        }
        say_proposed(ledger, proposed, file, {name: f"0x{value.hex()}" for name, value in hashes.items()})
        return
    console().print(f"[green]all {len(derived.results)} promises proved[/]")
    say_proposed(ledger, proposed, file, None)


def execute(
    proposal: ProposalId = None,
    rpc: Rpc = None,
    deployment: DeploymentFile = Path("deployment.json"),
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it may be executed, and execute it.")] = False,
    keystore: Keystore = None,
    passphrase_env: PassphraseEnv = None,
    key_env: KeyEnv = None,
    signer: SignerCommand = None,
    signer_seconds: SignerSeconds = 120,
    json: Json = False,
) -> None:
    """Carry out a proposal that has passed, as far as it may be now: queue it, or execute it. May be run again.

    Exit code 0: it is executed, or queued and the time is said. 6: it cannot be, because of how the vote stands.

    Example: rlhf-contract execute --proposal 123 --key-env MY_KEY --rpc http://127.0.0.1:8545
    """
    from rlhf_contract.chain import proposals
    from rlhf_contract.chain.actions import accounts_in
    from rlhf_contract.chain.changes import compared
    from rlhf_contract.chain.state import read_state
    from rlhf_contract.cli.action_paper import rows_of, say_difference

    ledger = ledger_of(rpc, deployment)
    found = proposals.find(ledger, proposal_number(proposal))
    wallet = None
    before = None
    while True:
        stands = proposals.standing(ledger, found.id)
        state = stands.state.name
        now = stands.now
        opened = state in ("PENDING", "ACTIVE")
        then = stands.closes + 1 if opened else stands.ready
        if state not in ("PENDING", "ACTIVE", "SUCCEEDED", "QUEUED") or (state == "QUEUED" and then > now and not wait):
            break
        if opened and then > now and not wait:
            raise ChainError(f"the vote on proposal {found.id} is still open: it closes in {duration_text(then - now)}")
        if then > now:
            _until(ledger, then, "until the vote closes" if opened else "until it may be executed", json)
        else:
            wallet = wallet or wallet_of(keystore, passphrase_env, key_env, signer, signer_seconds)
            if state == "QUEUED" and not found.adopted:
                before = read_state(ledger, accounts_in(found.actions))
            _step(ledger, wallet, found.proposal, state)
    if state not in ("EXECUTED", "QUEUED"):
        why = "a class with a veto is against it" if stands.vetoed and state == "DEFEATED" else f"it is {state.lower()}"
        raise ChainError(f"proposal {found.id} cannot be executed: {why}")
    seconds = stands.ready - stands.now if state == "QUEUED" else 0
    sent = [{"what": s.what, "transaction": f"0x{s.hash.hex()}", "gas": s.gas} for s in ledger.node.sent]
    changed = []
    if before is not None and state == "EXECUTED" and sent:
        changed = compared(before, read_state(ledger, before.members, ledger.node.sent[-1].block))
    if json:
        said = {"proposalId": str(found.id), "state": state.lower(), "secondsLeft": seconds, "transactions": sent}
        print_json(said if found.adopted else said | {"changed": rows_of(changed)})
    elif state == "EXECUTED":
        console().print("[green]executed[/]" if sent else "[green]it had been executed before[/]")
        say_difference(changed, "What has changed", ("before", "now"))
    else:
        console().print(
            f"queued: it may be executed in {duration_text(seconds)}; run this again then, or now with --wait"
        )


def _step(ledger: Ledger, wallet: Wallet, proposal: Proposal, state: str) -> None:
    """Queue or execute; if somebody else was faster, that is as good."""
    from rlhf_contract.chain import governance

    require_funds(ledger, wallet.address)
    step, what = (governance.execute, "execute") if state == "QUEUED" else (governance.queue, "queue")
    try:
        step(ledger, wallet, proposal, f"{what} proposal {proposal.id}")
    except Refused as error:
        if governance.state(ledger, proposal).name == state:
            if error.name == "ParentNotActive":
                raise ChainError(
                    f"proposal {proposal.id} cannot be executed: it was voted against a text that is no longer in "
                    "force; propose it again"
                ) from None
            if error.name == "NotSuspended":
                raise ChainError(
                    f"proposal {proposal.id} cannot be executed: the suspension that it would end is over"
                ) from None
            raise


def _until(ledger: Ledger, then: int, what: str, quiet: bool) -> None:
    """Wait for the chain's clock, which is the one that counts.

    Raises ChainError when it stands still: a local chain without transactions makes no blocks.
    """
    begin, start = ledger.node.now(), time.monotonic()
    with progress_bar(f"{what} ({duration_text(then - begin)})", then - begin, quiet) as advance:
        while (now := ledger.node.now()) < then:
            advance(now - begin)
            if time.monotonic() - start > then - begin + PATIENCE:
                raise ChainError(
                    f"the chain's clock is {duration_text(then - now)} behind: does the chain make blocks?"
                )
            time.sleep(min(5, then - now))


def _require_new(ledger: Ledger, derived: Derived, file: Path) -> None:
    """Nothing that was adopted before, or is being voted on."""
    from rlhf_contract.chain import proposals

    if derived.contract.name != ledger.deployment.name:
        raise DataError(
            f"{file} is the contract {derived.contract.name}, but this is {ledger.deployment.name}'s ledger"
        )
    if derived.spec_hash in proposals.adopted_hashes(ledger):
        raise ChainError(f"{file}: this very text was adopted before, and a text is adopted once; raise its VERSION")
    for listed in proposals.listed(ledger):
        if listed.adopted is None or listed.adopted.spec_hash != derived.spec_hash:
            continue
        state = proposals.standing(ledger, listed.id).state.name
        if state in ("PENDING", "ACTIVE", "SUCCEEDED", "QUEUED"):
            raise ChainError(f"{file} is already proposed, as {listed.id}, which is {state.lower()}")


def _require_proposer(ledger: Ledger, address: str) -> None:
    if not ledger.node.read(ledger.votes.functions.getVotes(address)):
        raise ChainError(f"{address} is not a stakeholder of {ledger.deployment.name}, and only stakeholders propose")
    require_funds(ledger, address)
