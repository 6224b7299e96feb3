"""Programs written by hand, one instruction at a time; `spec/opcodes.md` is the manual."""

import struct

LOW, HIGH = -(2**63), 2**63 - 1
BOOL, INT, REAL, CHOICE, LIST = range(5)
SIGNAL, CONST, ADD, SUB, MUL, MIN, MAX, FLOORDIV = 0x01, 0x02, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15
DIV, LOG2, EXP2 = 0x16, 0x17, 0x18
LT, LE, EQ, AND, OR, NOT, SELECT = 0x20, 0x21, 0x22, 0x30, 0x31, 0x32, 0x33
EACH, FIELD, ALL, ANY, COUNT, SUM = 0x34, 0x35, 0x36, 0x37, 0x38, 0x39
REQUIRE, BREACH, UTILITY, REWARD = 0x40, 0x41, 0x42, 0x43


def entry(kind, lowest=LOW + 1, highest=HIGH):
    """An entry of the table of signals."""
    return struct.pack(">Bqq", kind, lowest, highest)


def list_of(length, *fields):
    """The entries of a list and its fields."""
    return entry(LIST, len(fields), length) + b"".join(fields)


def program(table, *code):
    """A program that reads the signals of `table`."""
    return struct.pack(">2sBH", b"LB", 1, len(table)) + b"".join(table) + b"".join(code)


def op(opcode, *registers):
    """An instruction whose operands are u16."""
    return struct.pack(f">B{len(registers)}H", opcode, *registers)


def const(value):
    return struct.pack(">Bq", CONST, value)


def field(depth, index):
    return struct.pack(">BBH", FIELD, depth, index)


def each(list_, *body):
    """EACH and its body, whose last instruction ends it."""
    return op(EACH, list_, len(b"".join(body))) + b"".join(body)
