"""Program bytes are refused unless they are well formed and cannot overflow."""

from __future__ import annotations

import struct

import pytest

from rlhf_contract.errors import ProgramError
from rlhf_contract.machine.opcodes import Kind
from rlhf_contract.machine.opcodes import Opcode as Op
from rlhf_contract.machine.program import Instruction, Program, SignalRange, decode, encode
from rlhf_contract.machine.step import run
from rlhf_contract.types import INT64_MAX

SIGNALS = (SignalRange(Kind.REAL, 0, 1_000_000), SignalRange(Kind.BOOL, 0, 1))
WIDEST = (SignalRange(Kind.INT, -INT64_MAX, INT64_MAX),)


def program(*lines: tuple[int, ...], signals: tuple[SignalRange, ...] = SIGNALS) -> Program:
    return encode(signals, tuple(Instruction(Op(opcode), tuple(operands)) for opcode, *operands in lines))


def test_round_trip() -> None:
    """decode(encode(p)) is p."""
    made = program(
        (Op.SIGNAL, 0), (Op.SIGNAL, 1), (Op.CONST, -5), (Op.SELECT, 1, 0, 2), (Op.UTILITY, 3, 6), (Op.REWARD, 3)
    )

    assert decode(made.data) == made
    assert run(made, [7, 1]).reward == 7
    assert run(made, [7, 0]).reward == -5


MALFORMED = {
    "no REWARD": ([(Op.SIGNAL, 0)], "does not end with REWARD"),
    "code after REWARD": ([(Op.SIGNAL, 0), (Op.REWARD, 0), (Op.REWARD, 0)], "code follows REWARD"),
    "unknown signal": ([(Op.SIGNAL, 2), (Op.REWARD, 0)], "there is no signal 2"),
    "unwritten register": ([(Op.SIGNAL, 0), (Op.ADD, 0, 1), (Op.REWARD, 0)], "register 1 is read before it is written"),
    "itself": ([(Op.NOT, 0), (Op.REWARD, 0)], "register 0 is read before it is written"),
    "bool as number": ([(Op.SIGNAL, 1), (Op.REWARD, 0)], "register 0 has the wrong type"),
    "number as bool": ([(Op.SIGNAL, 0), (Op.REQUIRE, 0), (Op.REWARD, 0)], "register 0 has the wrong type"),
    "mixed EQ": ([(Op.SIGNAL, 0), (Op.SIGNAL, 1), (Op.EQ, 0, 1), (Op.REWARD, 0)], "register 1 has the wrong type"),
    "divisor zero": ([(Op.SIGNAL, 0), (Op.FLOORDIV, 0, 0), (Op.REWARD, 1)], "the divisor 0 is not positive"),
    "operand too wide": ([(Op.SIGNAL, 70_000), (Op.REWARD, 0)], "does not fit its operands"),
}


@pytest.mark.parametrize(("lines", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_code_is_refused(lines: list[tuple[int, ...]], message: str) -> None:
    """Each fault is named with its instruction."""
    with pytest.raises(ProgramError, match=message):
        program(*lines)


GOOD = program((Op.SIGNAL, 0), (Op.REWARD, 0)).data
BYTES = {
    "empty": (b"", "do not start with 'LB'"),
    "another file": (b"\x7fELF" + GOOD, "do not start with 'LB'"),
    "another version": (GOOD[:2] + b"\x02" + GOOD[3:], "version 2 is unknown"),
    "header only": (GOOD[:5], "signal 0 is not all there"),
    "no signals": (b"LB\x01\x00\x00" + GOOD[39:], "announces 0 signals"),
    "cut off": (GOOD[:-1], "REWARD is cut off"),
    "unknown opcode": (GOOD[:39] + b"\xff" + GOOD[39:], "no operation has the code 0xff"),
    "unknown kind": (GOOD[:5] + b"\x09" + GOOD[6:], "unknown kind 9"),
    "empty range": (GOOD[:6] + struct.pack(">qq", 5, 5) + GOOD[22:], "impossible range 5 … 5"),
    "wide bool": (GOOD[:22] + struct.pack(">Bqq", 0, 0, 2) + GOOD[39:], "impossible range 0 … 2"),
    "too large": (GOOD + bytes(24_000), "at most 24,000"),
}


@pytest.mark.parametrize(("data", "message"), BYTES.values(), ids=BYTES.keys())
def test_malformed_bytes_are_refused(data: bytes, message: str) -> None:
    """Bytes that are no program never reach an executor."""
    with pytest.raises(ProgramError, match=message):
        decode(data)


@pytest.mark.parametrize("opcode", [Op.ADD, Op.SUB, Op.MUL])
def test_a_program_that_could_overflow_is_refused(opcode: Op) -> None:
    """Interval arithmetic over the declared ranges excludes overflow before anything runs."""
    other = (Op.CONST, -INT64_MAX) if opcode is Op.SUB else (Op.CONST, 2)
    with pytest.raises(ProgramError, match="passes 64 bits"):
        program((Op.SIGNAL, 0), other, (opcode, 0, 1), (Op.REWARD, 2), signals=WIDEST)


def test_the_widest_numbers_still_run() -> None:
    """±(2^63 − 1) are values like any other."""
    made = program((Op.SIGNAL, 0), (Op.FLOORDIV, 0, INT64_MAX), (Op.REWARD, 1), signals=WIDEST)

    assert [run(made, [v]).reward for v in (-INT64_MAX, -1, 0, 1, INT64_MAX)] == [-1, -1, 0, 0, 1]


def test_a_row_of_the_wrong_length_is_refused() -> None:
    """The machine never guesses a missing signal."""
    with pytest.raises(ProgramError, match="reads 2 numbers from this row, which has 1"):
        run(decode(GOOD), [1])
