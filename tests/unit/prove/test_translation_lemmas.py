"""Single steps: an instruction beside an operation. What Z3 proves of them is tried on integers, without Z3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import floor
from random import Random

import pytest

from rlhf_contract.machine import step
from rlhf_contract.machine.opcodes import Opcode
from rlhf_contract.prove.translation_lemmas import Lemma, Tie, decide


@pytest.mark.parametrize("negated", [False, True])
def test_a_lemma_minds_negation(negated: bool) -> None:
    """NOT turns a tie round, and nothing else does."""
    tie = Tie(None, negated)

    assert decide(Lemma(Opcode.NOT, "same", (tie,), Tie(None, not negated)), 10**6, 0) == "proved"
    assert decide(Lemma(Opcode.NOT, "same", (tie,), tie), 10**6, 0) == "refuted"
    assert decide(Lemma(Opcode.AND, "and", (tie, tie), tie), 10**6, 0) == ("refuted" if negated else "proved")


@pytest.mark.parametrize(("scales", "right"), [((12, 6, 6), True), ((6, 0, 6), True), ((11, 6, 6), False)])
def test_a_quotient_needs_the_right_scales(scales: tuple[int, int, int], right: bool) -> None:
    """a ÷ b has six decimals only if the scale of a is six above that of b."""
    top, bottom, result = scales
    lemma = Lemma(Opcode.DIV, "div", (Tie(top), Tie(bottom)), Tie(result))

    assert decide(lemma, 10**7, 0) == ("proved" if right else "refuted")


def test_a_constant_divisor_is_exact() -> None:
    """x ÷ 0.3 to six decimals is a whole division of x · 10^7 by 3, and of nothing nearby."""
    for divisor, right in ((3, True), (4, False), (30, False)):
        lemma = Lemma(Opcode.FLOORDIV, "div", (Tie(7),), Tie(6), divisor, Fraction(3))
        assert (decide(lemma, 10**7, 0) == "proved") is (divisor == 30)
        shifted = replace(lemma, operands=(Tie(6),))
        assert (decide(shifted, 10**7, 0) == "proved") is right


def test_an_empty_list_is_part_of_the_induction() -> None:
    """ALL and ANY differ on the empty list and beyond it; COUNT and SUM begin at 0."""
    condition, number = Tie(None), Tie(6)
    assert decide(Lemma(Opcode.ALL, "all", (condition,), condition), 10**6, 0) == "proved"
    assert decide(Lemma(Opcode.ANY, "any", (condition,), condition), 10**6, 0) == "proved"
    assert decide(Lemma(Opcode.COUNT, "count", (condition,), Tie(0)), 10**6, 0) == "proved"
    assert decide(Lemma(Opcode.SUM, "sum", (number,), number), 10**6, 0) == "proved"
    assert decide(Lemma(Opcode.SUM, "sum", (number,), Tie(7)), 10**6, 0) == "refuted"
    assert decide(Lemma(Opcode.ALL, "any", (condition,), condition), 10**6, 0) == "refuted"
    assert decide(Lemma(Opcode.ALL, "all", (condition,), Tie(None, True)), 10**6, 0) == "refuted"


MACHINE: dict[Opcode, Callable[[int, int], int]] = {
    Opcode.ADD: step.add,
    Opcode.SUB: step.sub,
    Opcode.MUL: step.mul,
    Opcode.MIN: min,
    Opcode.MAX: max,
    Opcode.DIV: step.div,
    Opcode.LT: step.lt,
    Opcode.LE: step.le,
    Opcode.EQ: step.eq,
}
MEANING: dict[str, Callable[[Fraction, Fraction], Fraction | bool]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "min": min,
    "max": max,
    "div": lambda a, b: Fraction(floor(a / b * 10**6), 10**6),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
}


def stands(register: int, value: Fraction | bool, tie: Tie) -> bool:
    if tie.scale is None:
        return register == (bool(value) is not tie.negated)
    return register == Fraction(value) * 10**tie.scale


@pytest.mark.parametrize("op", MEANING)
def test_what_is_proved_of_two_numbers_holds(op: str) -> None:
    """Every instruction beside every operation, at equal and unequal scales: proved is never wrong, right is proved."""
    random, proved = Random(1), []
    pairs = [(random.randint(-(10**9), 10**9), random.choice([-7, -1, 1, 3, 10**6])) for _ in range(100)]
    for opcode, scales in product(MACHINE, [(0, 0), (6, 6), (3, 6), (12, 6)]):
        results = [Tie(None), Tie(None, True)] if op in ("lt", "le", "eq") else [Tie(0), Tie(6), Tie(9), Tie(12)]
        for result in results:
            if decide(Lemma(opcode, op, (Tie(scales[0]), Tie(scales[1])), result), 10**7, 0) != "proved":
                continue
            proved.append(opcode)
            for x, y in pairs:
                value = MEANING[op](Fraction(x, 10 ** scales[0]), Fraction(y, 10 ** scales[1]))
                assert stands(MACHINE[opcode](x, y), value, result)
    assert set(proved) == {Opcode[op.upper()]}
