"""Single operations at the edges, and bytes that are no program."""

import struct

import pytest
from assembler import (
    ADD,
    AND,
    BREACH,
    DIV,
    EQ,
    FLOORDIV,
    HIGH,
    INT,
    LE,
    LOW,
    LT,
    MAX,
    MIN,
    MUL,
    NOT,
    OR,
    REAL,
    REQUIRE,
    REWARD,
    SELECT,
    SIGNAL,
    SUB,
    UTILITY,
    const,
    entry,
    op,
    program,
)
from ledger import reverts_with


def reads(signals, *code):
    """A program that loads so many integers into registers 0, 1, …; then `code`."""
    return program([entry(INT)] * signals, *(op(SIGNAL, i) for i in range(signals)), *code)


def run(machine, opcode, *values):
    """The result of one operation on these values."""
    code = op(opcode, *range(len(values)))
    return machine.run(reads(len(values), code, op(REWARD, len(values))), values)


@pytest.mark.parametrize(
    "opcode, values, expected",
    [
        (ADD, (HIGH - 1, 1), HIGH),
        (SUB, (LOW + 1, 1), LOW),
        (MUL, (-(2**32), 2**31), LOW),
        (MIN, (-5, 3), -5),
        (MAX, (-5, 3), 3),
        (LT, (-1, 0), 1),
        (LT, (0, 0), 0),
        (LE, (0, 0), 1),
        (LE, (1, 0), 0),
        (EQ, (HIGH, HIGH), 1),
        (EQ, (HIGH, LOW + 1), 0),
        (AND, (1, 0), 0),
        (AND, (1, 1), 1),
        (OR, (1, 0), 1),
        (OR, (0, 0), 0),
        (NOT, (0,), 1),
        (NOT, (1,), 0),
        (SELECT, (1, 7, 8), 7),
        (SELECT, (0, 7, 8), 8),
    ],
)
def test_one_operation(machine, opcode, values, expected):
    """The meaning of each, at its edges."""
    assert run(machine, opcode, *values) == (0, expected)


DIVIDENDS = [LOW + 1, -7, -6, -1, 0, 1, 6, 7, HIGH]
DIVISORS = [1, 2, 3, 7, 1_000_000, HIGH]


@pytest.mark.parametrize("divisor", DIVISORS)
def test_division_by_a_constant_rounds_down(batch, divisor):
    """Toward minus infinity, as Python's // and not as SDIV."""
    code = reads(1, struct.pack(">BHq", FLOORDIV, 0, divisor), op(REWARD, 1))

    assert batch(code, [[a] for a in DIVIDENDS]) == [(0, a // divisor) for a in DIVIDENDS]


def test_division_by_a_register_rounds_down(batch):
    """All pairs of signs, with and without a remainder."""
    pairs = [[a, sign * b] for a in DIVIDENDS for b in DIVISORS for sign in (1, -1)]
    code = reads(2, op(DIV, 0, 1), op(REWARD, 2))

    assert batch(code, pairs) == [(0, a // b) for a, b in pairs]


@pytest.mark.parametrize(
    "opcode, values, value",
    [(ADD, (HIGH, 1), HIGH + 1), (SUB, (LOW + 1, 2), LOW - 1), (MUL, (2**32, 2**31), 2**63)],
)
def test_overflow_stops(machine, opcode, values, value):
    """The compiler excludes it; the machine does not trust the compiler."""
    with reverts_with("Overflow", value):
        run(machine, opcode, *values)


def test_a_quotient_can_overflow(machine):
    """−2^63 ÷ −1 is the only one."""
    with reverts_with("Overflow", 2**63):
        machine.run(program([entry(INT)], const(LOW), const(-1), op(DIV, 0, 1), op(REWARD, 2)), [0])


def test_requirements_stop_and_reasons_do_not(machine):
    """REQUIRE ends the run with a status; BREACH and UTILITY change nothing."""
    why = op(BREACH, 0) + struct.pack(">BHB", UTILITY, 0, 6)
    code = reads(1, why, op(REQUIRE, 0), op(REWARD, 0))

    assert machine.run(code, [5]) == (0, 5)
    assert machine.run(code, [0]) == (1, LOW)


def test_out_of_range_is_invalid(batch):
    """Each end of the range belongs to it; beyond it, and ABSENT, do not."""
    code = program([entry(REAL, -5, 5)], op(SIGNAL, 0), op(REWARD, 0))

    assert batch(code, [[s] for s in (-5, 5, -6, 6, LOW)]) == [(0, -5), (0, 5)] + [(2, LOW)] * 3


def test_bytes_that_are_no_program(machine):
    """Each way to be malformed has its name."""
    good = reads(1, op(REWARD, 0))
    size = 5 + 17
    with reverts_with("NotAProgram", 0):
        machine.run(b"LB", [1])
    with reverts_with("NotAProgram"):
        machine.run(b"LB\x02" + good[3:], [1])
    with reverts_with("RowLength", 1, 2):
        machine.run(good, [1, 2])
    with reverts_with("RowLength", 1, 0):
        machine.run(good, [])
    with reverts_with("ProgramTruncated", 20):
        machine.run(good[:20], [1])
    with reverts_with("ProgramTruncated", 5):
        machine.run(b"LB\x01\xff\xff", [])
    with reverts_with("ProgramTruncated", size):
        machine.run(good[: size + 2], [1])
    with reverts_with("ProgramTruncated", size + 3):
        machine.run(good[: size + 3], [1])
    for code in (0x00, 0x03, 0x19, 0x23, 0x3A, 0x3F, 0x44, 0xFE, 0xFF):
        with reverts_with("OpcodeUnknown", code, size + 3):
            machine.run(reads(1, bytes([code] * 12)), [1])
    with reverts_with("SignalUnknown", 1, 1):
        machine.run(reads(1, op(SIGNAL, 1)), [1])
    with reverts_with("RegisterUnwritten", 1, 1):
        machine.run(reads(1, op(ADD, 0, 1)), [1])
    with reverts_with("DivisorNotPositive", 0):
        machine.run(reads(1, struct.pack(">BHq", FLOORDIV, 0, 0)), [1])
    with reverts_with("DivisorZero"):
        machine.run(reads(2, op(DIV, 0, 1)), [1, 0])
