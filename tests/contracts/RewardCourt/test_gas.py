"""Whatever the compiler may emit, the court can run in one transaction: the bound of `spec/opcodes.md` holds here."""

from itertools import chain as chained

import pytest
from eth_utils import keccak
from pace import every

from rlhf_contract.machine import dispute
from rlhf_contract.machine.opcodes import Kind, Opcode
from rlhf_contract.machine.parts import Instruction, SignalRange
from rlhf_contract.machine.program import encode
from rlhf_contract.merkle.leaf import encode_leaf
from rlhf_contract.types import TRANSACTION_GAS

BIG = 2**31
NUMBER = SignalRange(Kind.INT, -BIG, BIG)
FLAG = SignalRange(Kind.BOOL, 0, 1)


def code(*instructions):
    """Instructions from (name, operand, …), with a REWARD of register 0 behind them."""
    return tuple(Instruction(Opcode[name], operands) for name, *operands in (*instructions, ("REWARD", 0)))


def straight(*instruction, times):
    """One instruction again and again, behind two numbers and a flag."""
    signals = [("SIGNAL", i) for i in range(3)]
    return encode((NUMBER, SignalRange(Kind.INT, 1, BIG), FLAG), code(*signals, *[instruction] * times))


def nested(length, depth):
    """EACH in EACH, `depth` deep over one list, and the sum of the sums."""
    opened = [("EACH", 1, 7 + 8 * (depth - 1 - i)) for i in range(depth)]
    summed = [("SUM", 1 + i) for i in range(depth)]
    return encode(
        (NUMBER, SignalRange(Kind.LIST, 0, length, (NUMBER,))),
        code(("SIGNAL", 0), *opened, ("FIELD", depth - 1, 0), *summed),
    )


def wide(values):
    """A row of many values and a program that looks at none of them."""
    fields = 64
    return encode((NUMBER, SignalRange(Kind.LIST, 0, values // fields, (NUMBER,) * fields)), code(("SIGNAL", 0)))


PROGRAMS = {
    "divisions": straight("DIV", 0, 1, times=4_700),
    "divisions by a constant": straight("FLOORDIV", 0, 7, times=2_100),
    "negations": straight("NOT", 2, times=7_900),
    "logarithms": straight("LOG2", 1, times=1_700),
    "powers": straight("EXP2", 1, times=1_400),
    "a loop in a loop": nested(70, 2),
    "a row of many values": wide(16_000),
}


def test_the_programs_are_near_the_limit():
    """None of them is an easy case: each may take most of a transaction, or has nearly as many bytes as it may have."""
    bounds = [dispute.gas(p.signals, p.code, len(p.data)) for p in PROGRAMS.values()]

    assert max(bounds) <= TRANSACTION_GAS
    for bound, program in zip(bounds, PROGRAMS.values(), strict=True):
        assert bound > TRANSACTION_GAS * 2 // 3 or len(program.data) > 23_000


@pytest.mark.parametrize("name", every(3, PROGRAMS))
def test_one_transaction(ledger, timelock, bench, attest, challenge, name):
    """The longest row is tried within the bound, and the bound is not more than four times what it takes.

    Clients agree on gas, or they would not be on one chain: Ganache tries three of these programs.
    """
    program = PROGRAMS[name]
    text = bytes(ledger.registry.active(ledger.contract_id))
    version = ledger.version(name, text, programHash=keccak(program.data))
    ledger.registry.activate(ledger.contract_id, version, {"from": timelock})
    row = list(chained.from_iterable(_longest(signal) for signal in program.signals))
    trial = attest([encode_leaf(i, keccak(text=f"{i}"), 0, row, BIG + 1) for i in range(4)])

    used = challenge(trial, program_=program.data).gas_used

    bound = dispute.gas(program.signals, program.code, len(program.data))
    assert used <= bound < 4 * used


def _longest(signal):
    """The values of a signal at their largest; of a list, as many as it may have."""
    if signal.kind is not Kind.LIST:
        return [signal.highest]
    return [signal.highest, *[field.highest for field in signal.fields] * signal.highest]
