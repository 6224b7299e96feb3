"""Rows with lists, EACH and its ends, and the ways to leave them open."""

from itertools import product

import pytest
from assembler import (
    ADD,
    ALL,
    ANY,
    BOOL,
    CHOICE,
    COUNT,
    EACH,
    HIGH,
    INT,
    LOW,
    LT,
    MUL,
    REAL,
    REWARD,
    SELECT,
    SIGNAL,
    SUM,
    const,
    each,
    entry,
    field,
    list_of,
    op,
    program,
)
from ledger import reverts_with

NUMBERS = list_of(256, entry(INT))
RECORDS = list_of(3, entry(BOOL, 0, 1), entry(INT, -9, 9), entry(REAL, 0, 1_000_000), entry(CHOICE, 0, 2))
ROWS = [[], [0], [1], [0, 0], [0, 1], [1, 0], [1, 1], [0] * 256, [1] * 256, [1] * 255 + [0], [0] * 255 + [1]]


def reduced(end):
    """`end` over the only field of the only signal, a list."""
    return program([NUMBERS], each(0, field(0, 0), op(end, 0)), op(REWARD, 1))


@pytest.mark.parametrize("end, reduction", [(ALL, all), (ANY, any), (COUNT, sum), (SUM, sum)])
def test_the_four_ends(batch, end, reduction):
    """Python's all, any and sum; lists that are empty, full and in between."""
    expected = [(0, int(reduction(row))) for row in ROWS]

    assert batch(reduced(end), [[len(row), *row] for row in ROWS]) == expected


def test_sum_of_any_numbers(batch):
    """Both signs, all lengths; the result of one list does not leak into the next row."""
    rows = [list(range(-n, 255 - 2 * n)) for n in range(0, 80, 7)] + [[LOW + 1], [HIGH], [HIGH, LOW + 1]]

    assert batch(reduced(SUM), [[len(row), *row] for row in rows]) == [(0, sum(row)) for row in rows]


@pytest.mark.parametrize("index", range(4))
def test_a_field_of_each_kind(batch, index):
    """Elements lie one behind the other; the signals around the list keep their places."""
    records = [(1, -9, 1_000_000, 2), (0, 9, 1, 1), (1, 0, 0, 0)]
    code = program(
        [entry(INT), RECORDS, entry(INT)],
        op(SIGNAL, 2),
        each(1, field(0, index), op(MUL, 0, 1), op(SUM, 2)),
        op(SIGNAL, 0),
        op(ADD, 3, 4),
        op(REWARD, 5),
    )
    rows = [[77, n, *(v for r in records[:n] for v in r), 10] for n in range(4)]

    assert batch(code, rows) == [(0, 77 + 10 * sum(r[index] for r in records[:n])) for n in range(4)]


def test_each_inside_each(batch):
    """Two lists: Σ over both of a·b, where the inner body reads the outer element."""
    inner = each(1, field(0, 0), field(1, 0), op(MUL, 0, 1), op(SUM, 2))
    code = program([NUMBERS, NUMBERS], each(0, inner, op(SUM, 3)), const(1000), op(ADD, 4, 5), op(REWARD, 6))
    lists = [[], [3], [1, -2], [5, 6, 7]]
    pairs = list(product(lists, lists))

    actual = batch(code, [[len(a), *a, len(b), *b] for a, b in pairs])

    assert actual == [(0, 1000 + sum(a) * sum(b)) for a, b in pairs]


def test_each_inside_each_over_the_same_list(batch):
    """How many ordered pairs rise; every register of the outer body is read behind the inner one."""
    inner = each(0, field(1, 0), op(LT, 0, 1), op(COUNT, 2))
    code = program([NUMBERS], each(0, field(0, 0), inner, op(ADD, 0, 3), op(SUM, 4)), op(REWARD, 5))
    rows = [[], [4], [1, 2, 3], [3, 2, 1], [5, 5, 6, 1]]
    expected = [sum(a + sum(a < b for b in row) for a in row) for row in rows]

    assert batch(code, [[len(row), *row] for row in rows]) == [(0, e) for e in expected]


def test_one_each_after_the_other(batch):
    """An EACH reads what the one before it gave, whether that ran or not."""
    total = each(0, field(0, 0), op(SUM, 0))
    above = each(0, field(0, 0), op(LT, 1, 2), op(ANY, 3))
    code = program([NUMBERS], total, above, op(SELECT, 4, 1, 1), op(REWARD, 5))
    rows = [[], [4], [-3, -4], [1, 2]]

    assert batch(code, [[len(row), *row] for row in rows]) == [(0, sum(row)) for row in rows]


def nested(depth):
    """So many EACH over one list; inside, the product of the elements of all. Gives their sum."""
    body = b"".join(field(level, 0) for level in range(depth)) + const(1)
    body += b"".join(op(MUL, depth + level, level) for level in range(depth))
    registers = 2 * depth
    for _ in range(depth):
        body = each(0, body, op(SUM, registers))
        registers += 1
    return program([NUMBERS], body, op(REWARD, registers))


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_eight_deep(batch, depth):
    """FIELD finds every enclosing element."""
    assert batch(nested(depth), [[0], [1, 3], [2, 2, 3]]) == [(0, 0), (0, 3**depth), (0, 5**depth)]


def test_nine_deep(machine):
    """The ninth is refused when it is reached."""
    with reverts_with("EachTooDeep"):
        machine.run(nested(9), [1, 3])


def test_lengths_and_fields_have_ranges(batch):
    """A length out of bounds has no elements; a field of any element makes the row invalid."""
    code = program([RECORDS, entry(INT)], each(0, field(0, 1), op(SUM, 0)), op(REWARD, 1))
    good = [1, -9, 1_000_000, 2]
    bad = [[2, 0, 0, 0], [0, 10, 0, 0], [0, 0, -1, 0], [0, 0, 0, 3], [LOW] * 4]
    rows = [[length, 0] for length in (-1, 4, LOW, HIGH)]
    rows += [[3, *a, *b, *c, 0] for b in bad for a, b, c in ((b, good, good), (good, b, good), (good, good, b))]

    assert batch(code, rows) == [(2, LOW)] * len(rows)
    assert batch(code, [[3, *good * 3, 0], [0, LOW]]) == [(0, -27), (2, LOW)]


def test_rows_of_another_length(machine):
    """A row fits its own lengths exactly."""
    code = program([RECORDS, entry(INT)], op(SIGNAL, 1), op(REWARD, 0))
    for row, expected in (([], 2), ([0], 2), ([1, 0], 6), ([1] * 5, 6), ([1] * 7, 6), ([4, 0, 0], 2), ([LOW], 2)):
        with reverts_with("RowLength", expected, len(row)):
            machine.run(code, row)


@pytest.mark.parametrize("row", [[0], [1, 5]], ids=["empty", "one element"])
def test_each_without_end(machine, row):
    """Its bytes must end with an end, and nowhere else, whether there are elements or not."""
    start = 5 + 34 + 5
    body = field(0, 0) + op(SUM, 0)
    rest = op(REWARD, 1)
    for size, at in ((4, start + 4), (6, start + 4)):
        with reverts_with("ProgramTruncated", at):
            machine.run(program([NUMBERS], op(EACH, 0, size), body, rest), row)
    with reverts_with("ProgramTruncated", start):
        machine.run(program([NUMBERS], op(EACH, 0, 11), body, rest), row)


def test_an_end_belongs_to_one_each(machine):
    """The inner EACH cannot reach beyond the outer one, nor its end serve both, and none stands elsewhere."""
    start = 5 + 34
    body = field(0, 0) + op(SUM, 0)
    with reverts_with("ProgramTruncated", start + 10):
        machine.run(program([NUMBERS], op(EACH, 0, 12), op(EACH, 0, 8), body, op(REWARD, 1)), [1, 5])
    with reverts_with("ProgramTruncated", start + 17):
        machine.run(program([NUMBERS], op(EACH, 0, 12), op(EACH, 0, 7), body, op(REWARD, 1)), [1, 5])
    for end in (ALL, ANY, COUNT, SUM):
        with reverts_with("EndWithoutEach", start + 12):
            machine.run(program([NUMBERS], const(1), op(end, 0), op(REWARD, 1)), [1, 5])
        with reverts_with("EndWithoutEach", start + 12):
            machine.run(program([NUMBERS], op(EACH, 0, 10), field(0, 0), op(end, 0), op(SUM, 0), op(REWARD, 1)), [1, 5])


def test_fields_and_lists_that_are_not_there(machine):
    """FIELD outside or too far outside, a field that the element lacks, EACH over no list."""
    with reverts_with("FieldOutside", 0, 0):
        machine.run(program([NUMBERS], field(0, 0), op(REWARD, 0)), [1, 5])
    with reverts_with("FieldOutside", 1, 1):
        machine.run(program([NUMBERS], each(0, field(1, 0), op(SUM, 0)), op(REWARD, 1)), [1, 5])
    with reverts_with("FieldOutside", 0, 0):
        machine.run(program([NUMBERS], each(0, field(0, 0), op(SUM, 0)), field(0, 0), op(REWARD, 1)), [1, 5])
    with reverts_with("FieldUnknown", 1, 1):
        machine.run(program([NUMBERS], each(0, field(0, 1), op(SUM, 0)), op(REWARD, 1)), [1, 5])
    for list_ in (1, 2, 65535):
        with reverts_with("ListUnknown", list_):
            machine.run(program([NUMBERS, entry(INT)], each(list_, field(0, 0), op(SUM, 0))), [1, 5, 1])


def test_sum_overflows(machine):
    """Each partial sum must fit."""
    assert machine.run(reduced(SUM), [2, HIGH, 0]) == (0, HIGH)
    with reverts_with("Overflow", HIGH + 1):
        machine.run(reduced(SUM), [2, HIGH, 1])


def test_a_table_cut_inside_its_fields(machine):
    """As long as the header may say, but not as long as the list says."""
    for size in (5 + 17, 5 + 34, 5 + 5 * 17 - 1):
        with reverts_with("ProgramTruncated", size):
            machine.run(program([RECORDS])[:size], [0])


def test_registers_are_written_again(machine):
    """For the next element nothing of the last one is there yet."""
    body = (field(0, 0), op(ADD, 0, 1), op(SUM, 1))
    with reverts_with("RegisterUnwritten", 1, 1):
        machine.run(program([NUMBERS], each(0, *body), op(REWARD, 2)), [2, 5, 6])
