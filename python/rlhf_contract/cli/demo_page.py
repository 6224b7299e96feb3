"""The end of the demo: the page over the chain that it has started, with a vote on it that is still open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from rich.console import Console

    from rlhf_contract.chain.deployment import Ledger
    from rlhf_contract.lang.contract import Contract
    from rlhf_contract.oracle.epoch_file import DataFolder

__all__ = ["next_version", "serve_page"]

HOUR = 3600
PORT = 8701


def next_version(source: str) -> str:
    """The text with its last version number raised by one, and with its first PENALTY, if it has one, by 0.1."""
    raised = re.sub(r"(?m)^(CONTRACT .*VERSION .*?)(\d+)$", lambda m: f"{m[1]}{int(m[2]) + 1}", source, count=1)
    return re.sub(r"PENALTY 0\.(\d)\b", lambda m: f"PENALTY {(int(m[1]) + 1) / 10:g}", raised, count=1)


def serve_page(
    out: Console,
    rpc: str,
    ledger: Ledger,
    accounts: dict[str, LocalAccount],
    files: DataFolder,
    contract: Contract,
) -> None:
    """Propose the next version, open the vote, and serve the page until Ctrl-C."""
    import logging

    from rlhf_contract.api.logs import configure
    from rlhf_contract.chain.wallet import KeyWallet
    from rlhf_contract.errors import DataError
    from rlhf_contract.hashing import to_hex
    from rlhf_contract.oracle.store import Store
    from rlhf_contract.web.serving import PageSettings, page_server

    following = files.path.with_name("next.legal")
    following.write_text(next_version(contract.source), "utf-8")
    _propose(ledger, accounts[contract.utilities[0].stakeholder], following)
    configure(level=logging.WARNING)
    store, voter = Store.existing(str(files.path)), contract.utilities[-1].stakeholder
    for port in (PORT, 0):
        settings = PageSettings(rpc, (following,), port=port, relayer=KeyWallet(accounts["relayer"]))
        try:
            with page_server(ledger, store, settings) as served:
                out.print(f"\n[bold]The page is at {served.url}[/], with a vote on the next version. Ctrl-C ends it.")
                out.print(
                    f"To vote as {voter}, give your wallet the chain {rpc} (id {ledger.node.chain_id}) and this key, "
                    f"which is worth nothing and ends with the demo: {to_hex(bytes(accounts[voter].key))}",
                    soft_wrap=True,
                )
                served.run()
                return
        except DataError:
            if port == 0:
                raise


def _propose(ledger: Ledger, proposer: LocalAccount, spec: Path) -> None:
    from rlhf_contract.chain import governance, local
    from rlhf_contract.cli.ballot_paper import adoption_of, derive
    from rlhf_contract.types import Seconds

    adoption = adoption_of(derive(spec, prove=True, quiet=True))
    governance.propose_adoption(ledger, proposer, adoption, "Proposed by the demo, for you to vote on.")
    local.advance(ledger.node, Seconds(HOUR + 1))
