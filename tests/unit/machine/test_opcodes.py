"""spec/opcodes.md, the Python table and the Solidity constants are one table."""

from __future__ import annotations

import re
from pathlib import Path

from rlhf_contract.machine import dispute
from rlhf_contract.machine.opcodes import OPERATIONS, Kind, Opcode
from rlhf_contract.types import TRANSACTION_GAS

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "spec" / "opcodes.md").read_text("utf-8")
SOLIDITY = (ROOT / "contracts" / "libraries" / "RewardMachine.sol").read_text("utf-8")

LETTERS = {
    "reg": "r",
    "index:u16": "s",
    "list:u16": "l",
    "size:u16": "z",
    "depth:u8": "p",
    "field:u16": "f",
    "value:i64": "v",
    "divisor:i64": "d",
    "scale:u8": "u",
}


def documented() -> dict[str, tuple[int, str, str, int]]:
    """name → (code, operand letters with r for registers, what it gives, gas)"""
    columns = r"^\| `([0-9a-f]{2})` \| ([A-Z0-9]+) \| ([^|]+) \| ([^|]+) \| (\d+) \|"
    table = {}
    for code, name, operands, gives, gas in re.findall(columns, DOCUMENT, re.MULTILINE):
        letters = "".join(LETTERS[o if o in LETTERS else o.split(":")[1]] for o in operands.split())
        given = {"number": "n", "bool": "b", "by kind": "k", "–": ""}[gives.strip()]
        table[name] = (int(code, 16), letters, given, int(gas))
    return table


def test_document_and_python_agree() -> None:
    """Every operation has the same code, operands, result and gas in spec/opcodes.md and in opcodes.py."""
    coded = {
        opcode.name: (int(opcode), re.sub("[nbe]", "r", operation.operands), operation.gives, operation.gas)
        for opcode, operation in OPERATIONS.items()
    }

    assert documented() == coded


def test_the_formula_is_documented() -> None:
    """The terms of the bound stand in spec/opcodes.md as the code adds them."""
    terms = (
        f"{dispute.COURT:,} + {dispute.PER_BYTE} · bytes of the program + {dispute.PER_ENTRY} · entries of its table + "
    )

    assert f"{terms}{dispute.PER_VALUE:,} · values of a row + Σ gas" in DOCUMENT
    assert f"2^24 = {TRANSACTION_GAS:,}" in DOCUMENT


def test_solidity_has_the_same_codes() -> None:
    """RewardMachine.sol names every operation with the same code, and no other."""
    constants = dict(re.findall(r"uint8 private constant ([A-Z0-9]+) = (0x[0-9a-f]{2});", SOLIDITY))

    assert {name: int(code, 16) for name, code in constants.items()} == {o.name: int(o) for o in Opcode}


def test_kinds_are_documented() -> None:
    """The kinds of signals in spec/opcodes.md are those of the code."""
    rows = re.findall(r"^\| (\d) \| (\w+) \|", DOCUMENT, re.MULTILINE)

    assert {name.upper(): int(number) for number, name in rows} == {k.name: int(k) for k in Kind}
