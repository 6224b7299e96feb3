"""oracle run, check, status, seal: the daemon, and what an operator asks of it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.oracle import SettingsFile
from rlhf_contract.cli.output import console, escaped, print_json, table
from rlhf_contract.cli.spec import Json
from rlhf_contract.errors import ChainError, DataError, ExitCode, SettingsError

if TYPE_CHECKING:
    from rlhf_contract.oracle.journal.records import EpochRecord

__all__ = ["check", "run", "seal", "status"]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Without a key: everything except signing and sending.")]
LISTENING_SECONDS = 10
LEAVING_SECONDS = 35
MOST_EPOCHS = 20


def run(settings: SettingsFile = Path("oracle.toml"), dry_run: DryRun = False) -> None:
    """Answer trainers over HTTP, seal, sign, collect signatures, attest: until SIGTERM or Ctrl-C.

    Example: rlhf-contract oracle run --settings oracle.toml
    """
    import logging

    from rlhf_contract.api import logs
    from rlhf_contract.api.app import listen, metrics_only, serve
    from rlhf_contract.api.serving import application
    from rlhf_contract.oracle.daemon import Daemon
    from rlhf_contract.oracle.journal.journal import Journal
    from rlhf_contract.oracle.settings import Settings
    from rlhf_contract.oracle.store import Store

    told = Settings.read(settings, os.environ, dry_run)
    wallet = told.wallet()
    if wallet is None and not dry_run:
        raise DataError(f"{told.where}: names no key; set one in [key], or use --dry-run")
    logs.configure(level=getattr(logging, told.log.level.upper()))
    journal = Journal.open(told.storage.journal)
    try:
        daemon = Daemon(told, wallet, journal, Store.open(told.storage.data))
        app, http = application(daemon, told), told.http
        places = [(app, http.host, http.port)]
        if http.metrics_port is not None:
            places.append((metrics_only(app), http.metrics_host, http.metrics_port))
        servers = [serve(*place) for place in places]
        listening = threading.Thread(target=listen, args=(servers,), name="http", daemon=True)

        def leave(number: int, _: object) -> None:
            if servers[0].should_exit:
                raise SystemExit(128 + number)  # asked a second time: at once
            for server in servers:
                server.should_exit = True
            daemon.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, leave)
        listening.start()
        waited = threading.Event()
        for _ in range(LISTENING_SECONDS * 20):
            if all(server.started for server in servers) or not listening.is_alive():
                break
            waited.wait(0.05)
        for server, (_, host, port) in zip(servers, places, strict=True):
            if not server.started:
                raise DataError(f"nothing can listen at {host}:{port}; is another process there?")
        logs.log.info("serving", host=http.host, port=http.port, address=wallet.address if wallet else "")
        try:
            daemon.run()
        finally:
            for server in servers:
                server.should_exit = True
            listening.join(LEAVING_SECONDS)
    finally:
        journal.close()


def check(settings: SettingsFile = Path("oracle.toml"), dry_run: DryRun = False, json: Json = False) -> None:
    """Everything that would keep the oracle from working, at once. Signs and sends nothing.

    Example: rlhf-contract oracle check --settings oracle.toml
    """
    from rlhf_contract.oracle.preflight import Finding, preflight
    from rlhf_contract.oracle.settings import Settings

    try:
        told = Settings.read(settings, os.environ, dry_run)
    except SettingsError as error:
        found = [Finding("settings", str(settings), problem) for problem in error.problems]
    else:
        found = [Finding("settings", str(settings)), *preflight(told)]
    wrong = [f for f in found if f.wrong]
    if json:
        print_json({
            "ready": not wrong,
            "findings": [{"name": f.name, "found": f.found, "wrong": f.wrong or None} for f in found],
        })  # fmt: skip
    else:
        shown = table("what", "", "found")
        for f in found:
            shown.add_row(f.name, "[red]wrong[/]" if f.wrong else "[green]ok[/]", escaped(f.wrong or f.found))
        console().print(shown)
        console().print(f"{len(wrong)} of {len(found)} are wrong" if wrong else "the oracle can run")
    if wrong:
        chain = ("node", "chain", "contract", "funds", "membership", "oracle set", "suspension")
        only_chain = all(f.name.split(" ")[0] in chain or f.name in chain for f in wrong)
        raise typer.Exit(int(ExitCode.CHAIN if only_chain else ExitCode.INVALID_INPUT))


def status(settings: SettingsFile = Path("oracle.toml"), json: Json = False) -> None:
    """Where rows and epochs have got to, from the journal; the daemon need not run.

    Example: rlhf-contract oracle status --settings oracle.toml
    """
    from rlhf_contract.oracle.journal.journal import Journal
    from rlhf_contract.oracle.journal.records import State
    from rlhf_contract.oracle.settings import Settings

    told = Settings.read(settings, os.environ, dry_run=True)
    journal = Journal.open(told.storage.journal)
    try:
        counters, now = journal.counters(), journal.clock()
        epochs = journal.epochs.recent(MOST_EPOCHS, *State)
    finally:
        journal.close()
    waits = None if counters.oldest_unsealed is None else now - counters.oldest_unsealed
    rows = {state.value: count for state, count in counters.rewards.items()}
    if json:
        print_json({
            "waiting_rows": counters.unsealed_rows, "oldest_waiting_seconds": waits,
            "discarded_rows": counters.discarded_rows, "rows": rows,
            "epochs": [_epoch(record) for record in epochs],
        })  # fmt: skip
        return
    since = "" if waits is None else f", the oldest for {waits} s"
    console().print(f"{counters.unsealed_rows:,} rows wait{since}; {counters.discarded_rows:,} were discarded")
    shown = table("epoch", "state", "rows", "signatures", "block", "root", "last error", right=("epoch", "rows"))
    for record in epochs:
        said = _epoch(record)
        shown.add_row(*(escaped(str("" if said[n] is None else said[n])) for n in said))
    console().print(shown)


def _epoch(record: EpochRecord) -> dict[str, Any]:
    return {
        "number": record.number, "state": record.state.value, "rows": record.count,
        "signatures": len(record.signatures), "block": record.block, "root": f"0x{record.root.hex()}",
        "last_error": record.last_error,
    }  # fmt: skip


def seal(
    settings: SettingsFile = Path("oracle.toml"),
    token_env: Annotated[
        str, typer.Option("--token-env", metavar="NAME", help="Environment variable with an operator's token.")
    ] = "ORACLE_OPERATOR_TOKEN",
    json: Json = False,
) -> None:
    """Seal what waits into an epoch now; the daemon must run.

    Example: rlhf-contract oracle seal --settings oracle.toml --token-env ORACLE_OPERATOR_TOKEN
    """
    import requests

    from rlhf_contract.oracle.settings import Settings

    told = Settings.read(settings, os.environ, dry_run=True)
    token = os.environ.get(token_env, "").strip()
    if not token:
        raise DataError(f"the environment variable {token_env} is not set; `oracle token create` makes a token")
    url = f"http://{told.http.host}:{told.http.port}/v1/epochs/seal"
    try:
        answer = requests.post(url, headers={"Authorization": f"Bearer {token}"}, timeout=60, allow_redirects=False)
        said = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise ChainError(f"{url} does not answer ({type(error).__name__}); is the daemon running?") from None
    if answer.status_code != 200:
        raise DataError(f"the daemon says: {said.get('detail', answer.status_code)}")
    epoch = said["epoch"]
    if json:
        print_json(said)
    elif epoch is None:
        console().print("nothing waits")
    else:
        console().print(f"[green]sealed[/]: epoch {epoch['number']} with {epoch['count']:,} rewards, {epoch['root']}")
