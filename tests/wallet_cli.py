"""The wallet commands as their users type them, and wallets to type them with."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from rlhf_contract.cli import main

Run = Callable[[str], tuple[int, str, str]]

PASSPHRASE = "a long phrase, not a word"

SIGNER = """
import json, os, sys
from eth_account import Account
from eth_account.messages import encode_typed_data

question = json.load(sys.stdin)
with open({log!r}, "a") as log:
    log.write(json.dumps(question) + "\\n")
account = Account.from_key({key!r})
match question["method"]:
    case "address":
        result = account.address.lower()
    case "sign_typed_data":
        result = account.sign_message(encode_typed_data(full_message=question["params"])).signature.hex()
    case "sign_transaction":
        result = "0x" + account.sign_transaction(question["params"]).raw_transaction.hex()
{mischief}
print(json.dumps({{"result": result}}))
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give it what follows `rlhf-contract`; it gives exit code, standard output, standard error."""

    def typed(command: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["rlhf-contract", *shlex.split(command)])
        capsys.readouterr()
        try:
            main.app()
            code = 0
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        return code, *capsys.readouterr()

    return typed


def keystore(path: Path, account: LocalAccount, passphrase: str = PASSPHRASE) -> Path:
    """What a wallet writes, with a key derivation that takes no time."""
    path.write_text(json.dumps(Account.encrypt(account.key, passphrase, kdf="pbkdf2", iterations=1)), "utf-8")
    return path


def signer(folder: Path, account: LocalAccount, mischief: str = "") -> str:
    """A command that signs with the key of `account`, after having done `mischief` to `result`."""
    script = folder / "signer.py"
    script.write_text(SIGNER.format(key=account.key.hex(), log=str(folder / "signer.log"), mischief=mischief), "utf-8")
    return shlex.join([sys.executable, str(script)])


def asked(folder: Path) -> list[str]:
    """The methods that a `signer` was asked for so far."""
    log = folder / "signer.log"
    return [json.loads(line)["method"] for line in log.read_text("utf-8").splitlines()] if log.exists() else []
