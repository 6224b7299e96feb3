"""Program = meaning: what the compiler writes is proved, and what differs from it in one place is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from generated import random_rows
from mutants import Change, Code, becomes, behaviour, differs, mutants, operands, places
from rlhf_contract.errors import ProgramError
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.machine.opcodes import Opcode
from rlhf_contract.machine.program import Program, encode
from rlhf_contract.prove import translation
from rlhf_contract.prove.translation import Translation, validate_translation
from rlhf_contract.prove.translation_lemmas import decide

EXAMPLES = Path(__file__).parents[3] / "examples"
HEADER = """\
LEGAL-BLOCKS 1
CONTRACT Tiny VERSION 1.0.0
  REWARD IN [-1000000, 1000000]
SIGNALS
  x : real [-2, 3]
  y : real [-1, 1]
  n : int [-5, 8]
  b : bool
  c : bool
  k : one of low, middle, high
  m : one of low, middle, high
  us : list [4] of { p: real [-1, 1], q: bool, r: bool }
  vs : list [3] of { p: int [0, 9], s: one of good, bad }
"""


def tiny(wants: str = "x", *rules: str, rule: str = "maximin", others: str = "") -> str:
    """A contract in which one stakeholder wants `wants`."""
    weight = "0.5" if others else "1"
    second = f"\n  two WEIGHT 0.5 WANTS {others}" if others else ""
    lines = [f"STAKEHOLDERS\n  one WEIGHT {weight} WANTS {wants}{second}", f"AGGREGATE {rule}", *rules]
    return HEADER + "\n".join(lines) + "\n"


def validated(source: str) -> Translation:
    contract = load(source)
    return validate_translation(contract, compile_contract(contract))


@pytest.mark.parametrize("name", ["safe_assistant", "leaky"])
@pytest.mark.parametrize("promises", [False, True])
def test_the_examples_are_their_meaning(name: str, promises: bool) -> None:
    """Both examples are proved, also with the ENSURES watched; many claims come from few questions."""
    contract = load((EXAMPLES / f"{name}.legal").read_text("utf-8"))
    found = validate_translation(contract, compile_contract(contract, promises=promises), promises=promises)

    assert (found.proved, found.failed, found.unknown) == (True, "", False)
    assert found.lemmas > 2 * found.asked > 0


NUMBERS = [
    "x + n - 0.25",
    "0.3 * x",
    "floor(x, 2) * floor(y, 1)",
    "x * n",
    "-x",
    "min(x, n)",
    "max(x, 0.5, y)",
    "abs(y)",
    "clip(x, 0, 1)",
    "floor(x * 0.001, 2)",
    "floor(-1.25 * x, 0)",
    "x / 3",
    "x / 0.003",
    "x / -2.5",
    "n / max(x, 0.5)",
    "n / min(x, -0.5)",
    "(0.0001 * x) / (n + 6)",
    "(0.0001 * x) / 7",
    "1 / (0.001 * x - 5)",
    "curve(x, (-1, 0.25), (0, 1), (0.75, -2.5), (2, 3))",
    "IF b THEN x ELSE 0.5",
    "IF x < y THEN 1 ELSE 0.25 * n",
    "5",
    "count(u IN us: u.q)",
    "count(u IN us: NOT u.q)",
    "sum(u IN us: 0.5 * u.p)",
    "sum(u IN us: x)",
    "sum(u IN us: sum(v IN vs: v.p) * u.p)",
    "sum(u IN us: sum(v IN vs: v.p * u.p + x))",
    "sum(u IN us: sum(w IN us: floor(w.p, 1) * floor(u.p, 1)))",
    "count(u IN us: u.q) / 4",
]
CONDITIONS = [
    "x < y",
    "x <= n",
    "x > 0.5",
    "x >= 0.25 * y",
    "x = n",
    "x != 1",
    "b = c",
    "b != c",
    "(NOT b) = (x < 1)",
    "k = high",
    "k != m",
    "middle = k",
    "b AND NOT c",
    "b OR x < 1",
    "b IMPLIES c",
    "NOT (b AND c)",
    "NOT NOT b",
    "IF b THEN c ELSE x < 1",
    "FORALL u IN us: u.q OR u.r",
    "EXISTS u IN us: u.q AND u.p < x",
    "NOT (EXISTS u IN us: u.q)",
    "FORALL u IN us: EXISTS v IN vs: v.p > u.p AND v.s = bad",
    "EXISTS v IN vs: FORALL u IN us: u.q OR count(w IN vs: w.p < v.p AND u.r) > 1",
    "FORALL u IN us: b",
    "EXISTS u IN us: 0 < 1",
    "FORALL u IN us: (FORALL v IN vs: v.p > 1) OR u.q",
]


@pytest.mark.parametrize("wants", NUMBERS)
def test_every_number_is_proved(wants: str) -> None:
    """Each operation on numbers: exact, rounded, divided by either sign, over lists in lists."""
    found = validated(tiny(wants))

    assert found.proved, found.failed


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("block", ["REQUIRES", "INVARIANT"])
def test_every_condition_is_proved(block: str, condition: str) -> None:
    """Each comparison, connective and quantifier, required and as an invariant, which is negated."""
    found = validated(tiny("x", f"{block} rule: {condition}" + (" PENALTY 0.3" if block == "INVARIANT" else "")))

    assert found.proved, found.failed


@pytest.mark.parametrize("rule", ["weighted_mean", "maximin", "weighted_median", "lexicographic(5)", "nash_product"])
def test_every_aggregation_is_proved(rule: str) -> None:
    """The five aggregations, with penalty and cap."""
    found = validated(
        tiny("x", "INVARIANT a: b PENALTY 0.3 REWARD AT MOST -1", "ALWAYS c", rule=rule, others="floor(0.1 * y, 3)")
    )

    assert found.proved, found.failed


def test_a_let_over_a_list_keeps_its_variable_apart() -> None:
    """A LET that is itself a quantifier, inside another quantifier of the same depth."""
    source = tiny("x", "INVARIANT a: FORALL u IN us: total > u.p", "INVARIANT b2: FORALL u IN us: u.q OR some")
    source = source.replace(
        "STAKEHOLDERS", "LET total = sum(v IN vs: v.p)\nLET some = EXISTS w IN us: w.r\nSTAKEHOLDERS"
    )

    assert validated(source).proved


# -- what is not its meaning

MUTATED = tiny(
    "min(x, 1 - y) - floor(0.125 * x, 2)",
    "REQUIRES asked: n > 0",
    "INVARIANT rated: x < y PENALTY 0.5",
    "INVARIANT told: FORALL u IN us: u.q OR u.p <= n",
    "INVARIANT seen: EXISTS u IN us: EXISTS v IN vs: u.p < v.p",
    "INVARIANT few: count(u IN us: u.q) <= 3 REWARD AT MOST -1",
    "INVARIANT kind: IF k = high THEN b ELSE c",
    others="IF b THEN y ELSE x",
)


def swapped(opcode: Opcode) -> Change:
    """The first two outputs of this kind, in the wrong order."""

    def change(code: Code) -> Code:
        a, b = places(code, opcode)[:2]
        return [*code[:a], *code[a + 1 : b], code[b], code[a], *code[b + 1 :]]

    return change


def dropped(opcode: Opcode) -> Change:
    def change(code: Code) -> Code:
        at = places(code, opcode)[0]
        return [*code[:at], *code[at + 1 :]]

    return change


def later(code: Code) -> Code:
    """The first REQUIRE stands behind the first BREACH."""
    at, behind = places(code, Opcode.REQUIRE)[0], places(code, Opcode.BREACH)[0]
    return [*code[:at], *code[at + 1 : behind + 1], code[at], *code[behind + 1 :]]


def turned(o: tuple[int, ...]) -> tuple[int, ...]:
    return (*o[:-2], o[-1], o[-2])


CHANGES: dict[str, tuple[Change, str]] = {
    "MIN for MAX": (becomes(Opcode.MIN, Opcode.MAX), "MAX"),
    "LE for LT": (becomes(Opcode.LT, Opcode.LE), "LE"),
    "LT for LE": (becomes(Opcode.LE, Opcode.LT), "LT"),
    "EQ for LT": (becomes(Opcode.LT, Opcode.EQ), "EQ"),
    "SUB for ADD": (becomes(Opcode.SUB, Opcode.ADD), "ADD"),
    "AND for OR": (becomes(Opcode.OR, Opcode.AND), "AND"),
    "ANY for ALL": (becomes(Opcode.ALL, Opcode.ANY), "ANY"),
    "ALL for ANY": (becomes(Opcode.ANY, Opcode.ALL), "ALL"),
    "outer ALL for ANY": (becomes(Opcode.ANY, Opcode.ALL, 1), "ALL"),
    "constant": (operands(Opcode.CONST, lambda o: (o[0] + 1,)), "CONST 1"),
    "divisor": (operands(Opcode.FLOORDIV, lambda o: (o[0], o[1] + 1)), "FLOORDIV"),
    "coarser divisor": (operands(Opcode.FLOORDIV, lambda o: (o[0], o[1] * 10)), "FLOORDIV"),
    "SUB turned": (operands(Opcode.SUB, turned), "SUB"),
    "LT turned": (operands(Opcode.LT, turned), "LT"),
    "SELECT turned": (operands(Opcode.SELECT, turned), "SELECT"),
    "another signal": (operands(Opcode.SIGNAL, lambda o: (1,), 1), "SIGNAL 1"),
    "another field": (operands(Opcode.FIELD, lambda o: (o[0], 2)), "FIELD 0 2"),
    "another depth": (operands(Opcode.FIELD, lambda o: (0, 0), 3), "FIELD 0 0"),
    "another list": (operands(Opcode.EACH, lambda o: (7, o[1]), 2), "instruction 26 (ANY 19)"),
    "no NOT": (operands(Opcode.BREACH, lambda o: (o[0] - 1,)), "invariant rated"),
    "finer utility": (operands(Opcode.UTILITY, lambda o: (o[0], o[1] + 1)), "utility one"),
    "coarser utility": (operands(Opcode.UTILITY, lambda o: (o[0], o[1] - 1)), "utility one"),
    "invariants swapped": (swapped(Opcode.BREACH), "invariant rated"),
    "utilities swapped": (swapped(Opcode.UTILITY), "utility one"),
    "invariant dropped": (dropped(Opcode.BREACH), "BREACH"),
    "requirement dropped": (dropped(Opcode.REQUIRE), "REQUIRE"),
    "utility dropped": (dropped(Opcode.UTILITY), "UTILITY"),
    "requirement late": (later, "REQUIRE"),
}


@pytest.fixture(scope="module")
def correct() -> tuple[Contract, Program]:
    contract = load(MUTATED)
    return contract, compile_contract(contract)


def test_the_program_to_be_changed_is_correct(correct: tuple[Contract, Program]) -> None:
    """Before any change it is proved."""
    found = validate_translation(*correct)

    assert found.proved, found.failed


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_is_refuted_with_its_place(correct: tuple[Contract, Program], name: str) -> None:
    """One thing changed in a correct program: refuted, by a sentence that names it."""
    contract, program = correct
    change, named = CHANGES[name]
    changed = encode(program.signals, tuple(change(list(program.code))))
    found = validate_translation(contract, changed)

    assert changed.data != program.data
    assert (found.proved, found.unknown) == (False, False)
    assert named in found.failed


@pytest.mark.parametrize(("opcode", "other"), [(Opcode.COUNT, Opcode.SUM), (Opcode.SUM, Opcode.COUNT)])
def test_count_and_sum_cannot_be_confused(opcode: Opcode, other: Opcode) -> None:
    """COUNT takes a condition and SUM a number, so the one is no program where the other stands."""
    program = compile_contract(load(tiny("sum(u IN us: u.p) + count(u IN us: u.q)")))
    with pytest.raises(ProgramError, match="wrong type"):
        encode(program.signals, tuple(becomes(opcode, other)(list(program.code))))


def test_the_list_of_a_sum_counts() -> None:
    """A sum over another list with a field of the same place and range is refuted."""
    source = tiny("sum(u IN us: u.p)").replace("p: int [0, 9]", "p: real [-1, 1]")
    contract = load(source)
    program = compile_contract(contract)
    changed = encode(program.signals, tuple(operands(Opcode.EACH, lambda o: (8, o[1]))(list(program.code))))

    assert validate_translation(contract, program).proved
    assert "SUM" in validate_translation(contract, changed).failed


def test_the_sentence_names_instruction_and_source() -> None:
    """Output, instruction, the part of the source with its line, and who needs it."""
    contract = load(tiny("min(x, y)"))
    program = compile_contract(contract)
    changed = encode(program.signals, tuple(becomes(Opcode.MIN, Opcode.MAX)(list(program.code))))

    assert validate_translation(contract, changed).failed == (
        "utility one: instruction 2 (MAX 0 1) is not shown to compute 'min(x, y)' [min] of line 15 at scale 6, "
        "as instruction 3 (UTILITY 2 6) needs"
    )


def test_signals_must_be_the_same(correct: tuple[Contract, Program]) -> None:
    """A wider range, another kind, another field or another length is another program."""
    contract, program = correct
    us = program.signals[7]
    for index, other in (
        (0, replace(program.signals[0], highest=4_000_000)),
        (5, replace(program.signals[5], kind=program.signals[2].kind)),
        (7, replace(us, highest=3)),
        (7, replace(us, fields=(replace(us.fields[0], lowest=0), *us.fields[1:]))),
    ):
        signals = (*program.signals[:index], other, *program.signals[index + 1 :])
        failed = validate_translation(contract, encode(signals, program.code)).failed

        assert f"is not {contract.signals[index].name} (line " in failed


def test_the_reward_is_the_exact_value_rounded_down() -> None:
    """A contract whose reward were something else than its exact value rounded down is refused."""
    contract = load(tiny("0.3 * x"))
    program = compile_contract(contract)

    assert validate_translation(contract, program).proved
    assert (
        "rounded down"
        in validate_translation(replace(contract, exact=contract.utilities[0].node.args[1]), program).failed
    )


def test_promises_must_be_asked_for() -> None:
    """A program that watches its ENSURES has an output too many, and one that does not has one too few."""
    contract = load(tiny("x", "ENSURES high: reward > 0"))
    watching, plain = compile_contract(contract, promises=True), compile_contract(contract)

    assert validate_translation(contract, watching, promises=True).proved
    assert "BREACH" in validate_translation(contract, watching).failed
    assert "BREACH" in validate_translation(contract, plain, promises=True).failed


def test_only_the_bytes_count(correct: tuple[Contract, Program]) -> None:
    """A Program whose code is not what its bytes say is judged by its bytes."""
    contract, program = correct
    changed = encode(program.signals, tuple(becomes(Opcode.MIN, Opcode.MAX)(list(program.code))))

    assert not validate_translation(contract, replace(program, data=changed.data)).proved
    assert validate_translation(contract, replace(changed, data=program.data)).proved


def test_too_little_work_is_unknown_not_refuted(correct: tuple[Contract, Program]) -> None:
    """When the solver must give up, nothing is claimed."""
    found = validate_translation(*correct, rlimit=1)

    assert (found.proved, found.unknown) == (False, True)
    assert "gave up" in found.failed


def test_too_many_claims_are_unknown(correct: tuple[Contract, Program], monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of claims is bounded, and passing the bound proves nothing."""
    monkeypatch.setattr(translation, "MAX_CLAIMS", 10)
    found = validate_translation(*correct)

    assert (found.proved, found.unknown, found.lemmas) == (False, True, 10)


def test_the_answer_is_repeatable(correct: tuple[Contract, Program]) -> None:
    """Asked twice, and anew without what is remembered, it is the same answer with the same counts."""
    first, again = validate_translation(*correct), validate_translation(*correct)
    decide.cache_clear()

    assert first == again == validate_translation(*correct)


def test_long_contracts_are_quick_and_no_recursion() -> None:
    """A sum of 1,000 terms inside 300 invariants' company is proved without a deep stack."""
    rules = [f"INVARIANT i{k}: x <= 0.{k:03d} + y PENALTY 0.001" for k in range(300)]
    found = validated(tiny(" + ".join(["0.001 * x"] * 1000), *rules))

    assert found.proved, found.failed
    assert found.lemmas > 2000
    assert found.asked < 40


@pytest.mark.timeout(300)
def test_no_changed_program_passes_that_differs_on_a_row() -> None:
    """All changes of one operand, opcode, output or range in the example: none that some row tells apart is proved."""
    contract = load((EXAMPLES / "safe_assistant.legal").read_text("utf-8"))
    program = compile_contract(contract)
    rows = random_rows(Random(5), contract, 300)
    expected = [behaviour(program, row) for row in rows]
    changed = list(mutants(program))
    passed = [m for m in changed if validate_translation(contract, m).proved]

    assert len(changed) > 1000
    assert not [m.code for m in passed if differs(m, rows, expected)]
    assert len(passed) < len(changed) // 100
