"""demo: one reward walked all the way, on a chain that it starts itself. Every step calls what a real user would."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, progress_bar, table
from rlhf_contract.cli.prove import show_results
from rlhf_contract.cli.spec import Json, read_spec
from rlhf_contract.errors import ExitCode, InternalError, SetupError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from rich.console import Console

    from rlhf_contract.audit.audit import Audit
    from rlhf_contract.chain.deployment import Ledger
    from rlhf_contract.chain.governance import Adoption
    from rlhf_contract.machine.from_file import Columns
    from rlhf_contract.oracle.attester import Prepared
    from rlhf_contract.oracle.epoch_file import DataFolder

__all__ = ["demo"]

HOUR, DAY = 3600, 86_400
ORACLES, THRESHOLD = 3, 2
EXAMPLES = Path("examples")


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="Your own JSONL, CSV, Parquet or Arrow file, one column a signal.")
    ] = None,
    spec: Annotated[Path, typer.Option("--spec", help="The contract to adopt.")] = EXAMPLES / "safe_assistant.legal",
    folder: Annotated[Path, typer.Option("--folder", help="Made anew; holds the data afterwards.")] = Path(
        "build/demo"
    ),
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="A running Ganache or anvil, instead of one started here.")
    ] = None,
    page: Annotated[
        bool | None,
        typer.Option("--page/--no-page", help="Serve the page at the end; by default if somebody watches, unless CI."),
    ] = None,
    json: Json = False,
) -> None:
    """Tell the whole story on a local chain: prove, vote, reward, attest, audit.

    Then the page is served, with an open vote on it, until Ctrl-C.

    Example: rlhf-contract demo --data my_samples.parquet
    """
    from rlhf_contract.chain.ganache import ganache
    from rlhf_contract.lang.format import require_canonical
    from rlhf_contract.machine.from_file import read_file, to_rows
    from rlhf_contract.oracle.epoch_file import DataFolder

    leaky = EXAMPLES / "leaky.legal"
    for needed in (spec, leaky):
        if not needed.is_file():
            raise SetupError(f"{needed}: there is no such file; run the demo in the project's folder")
    contract, _, _ = read_spec(spec)
    require_canonical(contract.tree)
    columns = read_file(data or EXAMPLES / "safe_assistant.jsonl")
    to_rows(contract, columns)  # a missing column is said now, not after the vote
    if folder.exists() and not (folder / "data" / "deployment.json").exists() and any(folder.iterdir()):
        raise SetupError(f"{folder} holds something that is not an earlier demo; name another --folder")
    shutil.rmtree(folder, ignore_errors=True)

    story = Story(console(), quiet=json)
    files = DataFolder(folder / "data").create()
    story.out.print("[bold]RLHF-Contract-Wizard[/]: one reward, from words to an audit\n")
    adoption = story.prove(spec, leaky)
    with ExitStack() as chain:
        with story.step("start a local Ethereum chain (Ganache)" if rpc is None else f"use the chain at {rpc}"):
            url = rpc or chain.enter_context(ganache())
        ledger, accounts = story.deploy(url, spec)
        story.vote(ledger, accounts, adoption)
        prepared = story.attest(ledger, accounts, spec, columns, files)
        audited = story.audit(url, files, prepared)
        if json:
            print_json(story.document(ledger, adoption, prepared, audited))
        else:
            story.summary(ledger, adoption, prepared, audited)
            story.out.print(f"\nThe data is in {files.path}. Your own: make demo DATA=file.parquet")
        if page if page is not None else _watched() and not json:
            from rlhf_contract.cli.demo_page import serve_page

            serve_page(story.out, url, ledger, accounts, files, contract)


@dataclass
class Story:
    """The chapters, and how long each step took."""

    out: Console
    quiet: bool
    seconds: list[tuple[str, float]] = field(default_factory=list)
    votes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.out.quiet = self.quiet

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what happens, show that it is alive, and keep the time."""
        start = time.perf_counter()
        with self.out.status(what):
            yield
        took = time.perf_counter() - start
        self.seconds.append((what, took))
        self.out.print(f"  [green]✓[/] {what} [dim]{took:.1f} s[/]")

    def chapter(self, title: str) -> None:
        self.out.print(f"\n[bold]{title}[/]")

    # -- 1

    def prove(self, spec: Path, leaky: Path) -> Adoption:
        """The good contract is proved, the leaky one refused."""
        from rlhf_contract.cli.ballot_paper import adoption_of, derive
        from rlhf_contract.prove.report import exit_code

        self.chapter(f"1 · {spec.name} is proved, {leaky.name} is refused")
        with self.step(f"check and prove {spec}"):
            derived = derive(spec, prove=True, quiet=True)
        show_results(self.out, derived.contract, list(derived.results))
        code = exit_code(derived.results)
        if code is not ExitCode.OK:
            self.out.quiet = False
            self.out.print(f"[red]{spec} does not keep its promises, so it is not put to the vote[/]")
            raise typer.Exit(int(code))
        with self.step(f"check and prove {leaky}"):
            refused = derive(leaky, prove=True, quiet=True)
        show_results(self.out, refused.contract, list(refused.results))
        if exit_code(refused.results) is not ExitCode.REFUTED:
            raise InternalError(f"{leaky} should be refuted and is not")
        self.out.print(f"  [green]✓[/] {leaky.name} is refused: the row above breaks the rule and still earns a reward")
        return adoption_of(derived)

    # -- 2

    def deploy(self, url: str, spec: Path) -> tuple[Ledger, dict[str, LocalAccount]]:
        """The contracts, with the stakeholders of the spec as classes of one member each."""
        from rlhf_contract.chain import local
        from rlhf_contract.chain.deployment import Rules, StakeholderClass, deploy
        from rlhf_contract.chain.node import connect
        from rlhf_contract.types import Seconds

        contract, _, _ = read_spec(spec)
        self.chapter("2 · the stakeholders vote")
        node = connect(url)
        holders = [u.stakeholder for u in contract.utilities]
        oracles = [f"oracle {i + 1}" for i in range(ORACLES)]
        with self.step("give everybody a key of their own"):
            accounts = local.funded_accounts(node, ["deployer", "relayer", *holders, *oracles])
        classes = tuple(
            StakeholderClass(u.stakeholder, u.weight, u.veto, ((accounts[u.stakeholder].address, 1),))
            for u in contract.utilities
        )
        rules = Rules(Seconds(HOUR), Seconds(3 * DAY), Seconds(DAY), Seconds(2 * DAY))
        with self.step("deploy registry, votes, governor, timelock and attestation log"):
            ledger = deploy(node, accounts["deployer"], contract.name, classes, rules)
            local.advance(node, Seconds(2))  # a proposer must have been a member a second ago
        return ledger, accounts

    def vote(self, ledger: Ledger, accounts: dict[str, LocalAccount], adoption: Adoption) -> None:
        """Two proposals, who attests and what is rewarded; all but one vote by transaction, the last by signature."""
        from rlhf_contract.chain import governance, local
        from rlhf_contract.types import Seconds

        node = ledger.node
        holders = [name for name in accounts if name not in ("deployer", "relayer") and not name.startswith("oracle ")]
        proposer, relayer = accounts[holders[0]], accounts["relayer"]
        signers = [accounts[f"oracle {i + 1}"].address for i in range(ORACLES)]
        with self.step("propose the oracles, and the contract by its specHash and programHash"):
            oracles = governance.propose_oracles(ledger, proposer, signers, THRESHOLD, 1)
            spec = governance.propose_adoption(ledger, proposer, adoption)
        local.advance(node, Seconds(HOUR + 1))
        for name in holders[:-1]:
            with self.step(f"{name} votes by transaction"):
                governance.vote(ledger, accounts[name], oracles, "for", f"{name} (oracles)")
                governance.vote(ledger, accounts[name], spec, "for", f"{name} (contract)")
            self.votes.append(f"{name}: for")
        last = holders[-1]
        with self.step(f"{last} signs a ballot (EIP-712), the relayer brings it"):
            governance.vote(ledger, accounts[last], oracles, "for", f"{last} (oracles)")
            deadline = Seconds(node.now() + DAY)
            ballot, signature = governance.sign_ballot(ledger, accounts[last], spec, adoption, "for", deadline)
            governance.relay_ballot(ledger, relayer, ballot, signature, f"{last} (contract)")
        self.votes.append(f"{last}: for, by signature")
        local.advance(node, Seconds(3 * DAY))
        with self.step("both pass; queue them, wait out the timelock of two days, execute"):
            for proposal, name in ((oracles, "oracles"), (spec, "contract")):
                governance.queue(ledger, relayer, proposal, f"queue ({name})")
            local.advance(node, Seconds(2 * DAY + 1))
            for proposal, name in ((oracles, "oracles"), (spec, "contract")):
                governance.execute(ledger, relayer, proposal, f"execute ({name})")
        active = node.read(ledger.registry.functions.active(ledger.contract_id))
        self.out.print(f"  {ledger.deployment.name} {adoption.version} is active: specHash 0x{active.hex()}")

    # -- 3

    def attest(
        self, ledger: Ledger, accounts: dict[str, LocalAccount], spec: Path, columns: Columns, files: DataFolder
    ) -> Prepared:
        """One epoch: checked against the chain, computed, committed, signed by two of three, posted."""
        from rlhf_contract.cli.score import summarise
        from rlhf_contract.oracle import attester
        from rlhf_contract.oracle.durable import write_durably
        from rlhf_contract.oracle.salts import SaltBox

        self.chapter("3 · the oracle computes and attests")
        with self.step("check that the file is what the stakeholders adopted"):
            active = attester.load_active(ledger, spec)
        box = SaltBox(secrets.token_bytes(32), ledger.contract_id)
        write_durably(files.path.with_name("salts.key"), f"{box.key.hex()}\n".encode(), 0o600)  # not beside the data
        with (
            self.step(f"compute {columns.count:,} rewards in NumPy, build the Merkle tree, write the epoch"),
            progress_bar("rewards", columns.count, self.quiet) as progress,
        ):
            prepared = attester.prepare(ledger, active, columns, files, box, "demo run", progress)
        signatures: dict[str, bytes] = {}
        for number in range(1, THRESHOLD + 1):
            oracle = accounts[f"oracle {number}"]
            with self.step(f"oracle {number} of {ORACLES} recomputes every reward and signs"):
                signatures[oracle.address] = attester.cosign(ledger, spec, files, prepared.batch, oracle)
        with self.step(f"post epoch {prepared.batch.epoch} with {THRESHOLD} of {ORACLES} signatures"):
            attester.post(ledger, accounts["relayer"], active, prepared.batch, signatures)
        summary = summarise(active.contract, prepared.outcomes)
        broken = ", ".join(f"{name} {count}" for name, count in summary["violations"].items())
        self.out.print(
            f"  {summary['rewarded']} rewarded from {summary['lowest']} to {summary['highest']}, "
            f"{summary['inadmissible']} inadmissible, {summary['invalid']} invalid; violated: {broken or 'no rules'}"
        )
        return prepared

    # -- 4

    def audit(self, url: str, files: DataFolder, prepared: Prepared) -> Audit:
        """TRUE on what was attested, FALSE on a copy in which one reward has moved by a millionth."""
        from rlhf_contract.audit.audit import audit
        from rlhf_contract.cli.audit import show_audit
        from rlhf_contract.oracle.store import Store

        self.chapter("4 · the auditor trusts nobody")
        with self.step("derive everything again from the RPC URL and the data folder"):
            honest = audit(url, Store.existing(str(files.path)))
        show_audit(self.out, honest)
        with self.step("change one reward in a copy by 0.000001, and audit the copy"):
            copy, row = tampered_copy(files, prepared)
            forged = audit(url, Store.existing(str(copy.path)))
        show_audit(self.out, forged)
        named = any(f.startswith(f"row {row}:") for e in forged.epochs for f in e.findings)
        if not honest.true or forged.true or not named:
            raise InternalError("the audit did not tell the honest data from the forged copy")
        return honest

    # -- the end

    def document(self, ledger: Ledger, adoption: Adoption, prepared: Prepared, audited: Audit) -> dict[str, Any]:
        """The summary as data."""
        attest_gas = ledger.node.sent[-1].gas
        return {
            "contract": ledger.deployment.name,
            "specHash": f"0x{adoption.spec_hash.hex()}",
            "programHash": f"0x{adoption.program_hash.hex()}",
            "proofHash": f"0x{adoption.proof_hash.hex()}",
            "votes": self.votes,
            "rewards": prepared.batch.count,
            "root": f"0x{prepared.batch.root.hex()}",
            "audit": audited.true,
            "gas": [{"transaction": sent.what, "gas": sent.gas} for sent in ledger.node.sent],
            "gasPerReward": round(attest_gas / prepared.batch.count, 4),
            "seconds": {what: round(took, 3) for what, took in self.seconds},
        }

    def summary(self, ledger: Ledger, adoption: Adoption, prepared: Prepared, audited: Audit) -> None:
        """What a person takes home."""
        said = self.document(ledger, adoption, prepared, audited)
        self.chapter("What happened")
        facts = table("", "")
        facts.show_header = False
        facts.add_row("contract", f"{said['contract']} {adoption.version}")
        for name in ("specHash", "programHash", "proofHash"):
            facts.add_row(name, said[name])
        facts.add_row("votes", "; ".join(self.votes))
        facts.add_row("rewards", f"{said['rewards']:,} computed, hashed and attested")
        facts.add_row("root", said["root"])
        facts.add_row("audit", "[bold green]TRUE[/]; of the copy with one changed reward: [bold red]FALSE[/]")
        facts.add_row("gas per reward", f"{said['gasPerReward']} (attestation ÷ rewards; it falls as epochs grow)")
        facts.add_row("seconds", f"{sum(took for _, took in self.seconds):.1f}")
        self.out.print(facts)
        gas = table("transaction", "gas", right=("gas",))
        for sent in ledger.node.sent:
            gas.add_row(sent.what, f"{sent.gas:,}")
        self.out.print(gas)
        steps = table("step", "seconds", right=("seconds",))
        for what, took in self.seconds:
            steps.add_row(what, f"{took:.2f}")
        self.out.print(steps)


def _watched() -> bool:
    """Whether somebody sits there who can look at a page and press Ctrl-C."""
    return not os.environ.get("CI") and sys.stdin.isatty() and sys.stdout.isatty()


def tampered_copy(files: DataFolder, prepared: Prepared) -> tuple[DataFolder, int]:
    """A copy of the data in which the first rewarded row earns one millionth more; and that row."""
    import numpy as np

    from rlhf_contract.oracle.epoch_file import DataFolder, Epoch, read_epoch, write_epoch
    from rlhf_contract.types import Status

    copy = DataFolder(files.path.with_name("forged"))
    shutil.copytree(files.path, copy.path, dirs_exist_ok=True)
    path = copy.epoch(prepared.batch.root)
    header, epoch, _ = read_epoch(path)
    row = int(np.flatnonzero(epoch.status == Status.REWARDED)[0])
    reward = epoch.reward.copy()
    reward[row] += 1
    write_epoch(path, header, Epoch(epoch.samples, epoch.status, epoch.signals, reward))
    return copy, row
