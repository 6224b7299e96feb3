"""Single operations at the edges, and bytes that are no program."""

import struct

import brownie
import pytest
from ledger import reverts_with

LOW, HIGH = -(2**63), 2**63 - 1
SIGNAL, CONST, ADD, SUB, MUL, MIN, MAX, FLOORDIV = 0x01, 0x02, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15
LT, LE, EQ, AND, OR, NOT, SELECT = 0x20, 0x21, 0x22, 0x30, 0x31, 0x32, 0x33
REQUIRE, BREACH, UTILITY, REWARD = 0x40, 0x41, 0x42, 0x43


@pytest.fixture(scope="module")
def machine(module_isolation, actors):
    """The library, deployed."""
    return brownie.RewardMachine.deploy({"from": actors.deployer})


def program(signals, *code):
    """`signals` of any value, loaded into registers 0, 1, …; then `code`."""
    header = struct.pack(">2sBH", b"LB", 1, signals) + struct.pack(">Bqq", 1, LOW + 1, HIGH) * signals
    return header + b"".join([op(SIGNAL, i) for i in range(signals)] + list(code))


def op(opcode, *registers):
    """An instruction whose operands are u16."""
    return struct.pack(f">B{len(registers)}H", opcode, *registers)


def run(machine, opcode, *values):
    """The result of one operation on these values."""
    code = op(opcode, *range(len(values)))
    return machine.run(program(len(values), code, op(REWARD, len(values))), values)


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


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 1_000_000, HIGH])
@pytest.mark.parametrize("value", [LOW + 1, -7, -6, -1, 0, 1, 6, 7, HIGH])
def test_division_rounds_down(machine, value, divisor):
    """Toward minus infinity, as Python's // and not as SDIV."""
    code = struct.pack(">BHq", FLOORDIV, 0, divisor)

    assert machine.run(program(1, code, op(REWARD, 1)), [value]) == (0, value // divisor)


@pytest.mark.parametrize(
    "opcode, values, value",
    [(ADD, (HIGH, 1), HIGH + 1), (SUB, (LOW + 1, 2), LOW - 1), (MUL, (2**32, 2**31), 2**63)],
)
def test_overflow_stops(machine, opcode, values, value):
    """The compiler excludes it; the machine does not trust the compiler."""
    with reverts_with("Overflow", value):
        run(machine, opcode, *values)


def test_requirements_stop_and_reasons_do_not(machine):
    """REQUIRE ends the run with a status; BREACH and UTILITY change nothing."""
    why = op(BREACH, 0) + struct.pack(">BHB", UTILITY, 0, 6)
    code = program(1, why, op(REQUIRE, 0), op(REWARD, 0))

    assert machine.run(code, [5]) == (0, 5)
    assert machine.run(code, [0]) == (1, LOW)


def test_out_of_range_is_invalid(machine):
    """Each end of the range belongs to it; beyond it, and ABSENT, do not."""
    header = struct.pack(">2sBHBqq", b"LB", 1, 1, 2, -5, 5)
    code = header + op(SIGNAL, 0) + op(REWARD, 0)

    assert [machine.run(code, [s]) for s in (-5, 5, -6, 6, LOW)] == [(0, -5), (0, 5)] + [(2, LOW)] * 3


def test_bytes_that_are_no_program(machine):
    """Each way to be malformed has its name."""
    good = program(1, op(REWARD, 0))
    size = 5 + 17
    with reverts_with("NotAProgram", 0):
        machine.run(b"LB", [1])
    with reverts_with("NotAProgram"):
        machine.run(b"LB\x02" + good[3:], [1])
    with reverts_with("SignalCount", 1, 2):
        machine.run(good, [1, 2])
    with reverts_with("ProgramTruncated", 20):
        machine.run(good[:20], [1])
    with reverts_with("ProgramTruncated", size):
        machine.run(good[: size + 2], [1])
    with reverts_with("ProgramTruncated", size + 3):
        machine.run(good[: size + 3], [1])
    with reverts_with("OpcodeUnknown", 0xFE, size + 3):
        machine.run(program(1, b"\xfe"), [1])
    with reverts_with("SignalUnknown", 1, 1):
        machine.run(program(1, op(SIGNAL, 1)), [1])
    with reverts_with("RegisterUnwritten", 1, 1):
        machine.run(program(1, op(ADD, 0, 1)), [1])
    with reverts_with("DivisorNotPositive", 0):
        machine.run(program(1, struct.pack(">BHq", FLOORDIV, 0, 0)), [1])
