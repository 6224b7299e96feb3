"""`brownie run deploy`: the ledger of one reward contract, on Brownie's active network.

    brownie run deploy                                              # a development chain, Brownie's accounts as members
    brownie run deploy main my.legal members.json deployer --network sepolia

members.json gives each stakeholder of the spec its members and their shares: {"users": {"0x…": 1}}. `deployer` is an
account of `brownie accounts`; it pays, and keeps no power. The addresses are written to build/deployment.json.
"""

import json
from pathlib import Path

from brownie import accounts, network, web3
from eth_account import Account

from rlhf_contract.chain.deployment import Rules, StakeholderClass, deploy
from rlhf_contract.chain.local import funded_accounts
from rlhf_contract.chain.node import connect
from rlhf_contract.lang import load
from rlhf_contract.types import Seconds

DAY = 86_400
DEVELOPMENT = ("development", "ganache-cli")


def main(spec="examples/safe_assistant.legal", members=None, deployer=None):
    contract = load(Path(spec).read_text("utf-8"), spec)
    holders = [u.stakeholder for u in contract.utilities]
    node = connect(web3.provider.endpoint_uri)
    if members is None and network.show_active() in DEVELOPMENT:
        chosen = {name: {accounts[i + 1].address: 1} for i, name in enumerate(holders)}
        payer = funded_accounts(node, ["deployer"])["deployer"]
    elif members is None or deployer is None:
        raise SystemExit(
            "On a real network: brownie run deploy main SPEC MEMBERS.json DEPLOYER (an account of brownie)"
        )
    else:
        chosen = json.loads(Path(members).read_text("utf-8"))
        payer = Account.from_key(accounts.load(deployer).private_key)
    if set(chosen) != set(holders):
        raise SystemExit(f"{members}: the spec names {', '.join(holders)}, the file {', '.join(chosen)}")
    classes = tuple(
        StakeholderClass(u.stakeholder, u.weight, u.veto, tuple(chosen[u.stakeholder].items()))
        for u in contract.utilities
    )
    rules = Rules(Seconds(3600), Seconds(3 * DAY), Seconds(DAY), Seconds(2 * DAY))
    ledger = deploy(node, payer, contract.name, classes, rules)
    path = Path("build/deployment.json")
    path.parent.mkdir(exist_ok=True)
    ledger.deployment.write(path)
    print(f"{contract.name} {ledger.deployment.contract_id} on chain {node.chain_id}: {path}")
