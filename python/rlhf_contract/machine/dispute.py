"""How much gas it can take to run a program again in the court: the formula of `spec/opcodes.md`."""

from __future__ import annotations

from collections.abc import Sequence

from rlhf_contract.machine.opcodes import ENDS, OPERATIONS, Kind, Opcode
from rlhf_contract.machine.parts import Instruction, SignalRange

__all__ = ["gas"]

COURT = 1_000_000
PER_BYTE = 30
PER_ENTRY = 700
PER_VALUE = 900


def gas(signals: Sequence[SignalRange], code: Sequence[Instruction], size: int) -> int:
    """The most gas that a challenge takes, for a row with the longest lists; `size` is the program's bytes."""
    lists = [signal for signal in signals if signal.kind is Kind.LIST]
    entries = len(signals) + sum(len(signal.fields) for signal in lists)
    values = len(signals) + sum(len(signal.fields) * signal.highest for signal in lists)
    total = COURT + PER_BYTE * size + PER_ENTRY * entries + PER_VALUE * values
    times = [1]
    for instruction in code:
        total += times[-1] * OPERATIONS[instruction.opcode].gas
        if instruction.opcode is Opcode.EACH:
            times.append(times[-1] * signals[instruction.operands[0]].highest)
        elif instruction.opcode in ENDS:
            times.pop()
    return total
