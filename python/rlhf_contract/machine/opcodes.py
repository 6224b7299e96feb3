"""The table of operations of the reward machine, as `spec/opcodes.md` gives it; a test holds the two together."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = ["OPERATIONS", "Kind", "Opcode", "Operation"]


class Opcode(IntEnum):
    SIGNAL = 0x01
    CONST = 0x02
    ADD = 0x10
    SUB = 0x11
    MUL = 0x12
    MIN = 0x13
    MAX = 0x14
    FLOORDIV = 0x15
    LT = 0x20
    LE = 0x21
    EQ = 0x22
    AND = 0x30
    OR = 0x31
    NOT = 0x32
    SELECT = 0x33
    REQUIRE = 0x40
    BREACH = 0x41
    UTILITY = 0x42
    REWARD = 0x43


class Kind(IntEnum):
    """How a signal is read."""

    BOOL = 0
    INT = 1
    REAL = 2


class Operation(NamedTuple):
    """Operand layout and what the result is.

    `operands` has one letter each: n a register holding a number, b one holding a bool, e either (both the same),
    s a signal index (u16), v a constant (i64), d a divisor (i64 above 0), u a scale (u8).
    `gives` is n, b, k (by the signal's kind) or empty.
    """

    operands: str
    gives: str


OPERATIONS: dict[Opcode, Operation] = {
    Opcode.SIGNAL: Operation("s", "k"),
    Opcode.CONST: Operation("v", "n"),
    Opcode.ADD: Operation("nn", "n"),
    Opcode.SUB: Operation("nn", "n"),
    Opcode.MUL: Operation("nn", "n"),
    Opcode.MIN: Operation("nn", "n"),
    Opcode.MAX: Operation("nn", "n"),
    Opcode.FLOORDIV: Operation("nd", "n"),
    Opcode.LT: Operation("nn", "b"),
    Opcode.LE: Operation("nn", "b"),
    Opcode.EQ: Operation("ee", "b"),
    Opcode.AND: Operation("bb", "b"),
    Opcode.OR: Operation("bb", "b"),
    Opcode.NOT: Operation("b", "b"),
    Opcode.SELECT: Operation("bnn", "n"),
    Opcode.REQUIRE: Operation("b", ""),
    Opcode.BREACH: Operation("b", ""),
    Opcode.UTILITY: Operation("nu", ""),
    Opcode.REWARD: Operation("n", ""),
}
