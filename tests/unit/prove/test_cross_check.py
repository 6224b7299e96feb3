"""cvc5 and Z3 read the same script and answer it alike; a question that is too hard, or garbled, is said to be so."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import pytest
import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf_contract.errors import InternalError, SetupError
from rlhf_contract.prove import cross_check
from rlhf_contract.prove.cross_check import Opinion, cvc5_name, require_cvc5, second_opinion
from rlhf_contract.prove.smt2 import script

HEAD = "(set-logic QF_NRA)(declare-const x Real)(declare-const y Real)"
CUBES = """(set-logic QF_NIA) (declare-const x Int) (declare-const y Int) (declare-const z Int)
(assert (= (+ (* x x x) (* y y y) (* z z z)) 42)) (check-sat)"""
x, y = z3.Reals("x y'")
n, m = z3.Ints("n!6 m")
b, c = z3.Bools("b[0] c")
f = z3.Function("log2", z3.IntSort(), z3.IntSort())


def ask(text: str, *, rlimit: int = 10_000_000, seconds: float = 20, seed: int = 0) -> Opinion:
    return second_opinion(text, rlimit=rlimit, seconds=seconds, seed=seed)


def by_z3(text: str, rlimit: int = 10_000_000) -> str:
    """What Z3 answers to the text."""
    solver = z3.Solver(ctx=z3.Context())
    solver.set("rlimit", rlimit)
    solver.from_string(text)
    return str(solver.check())


def hard(seed: int) -> str:
    """Ten cubic equations over twelve reals; with seed 3, cvc5 does not look at its limits for minutes."""
    numbers = iter(_numbers(seed))
    names = [f"v{k}" for k in range(12)]
    cubes = [
        " ".join(
            f"(* {1 + next(numbers) % 9}.0 {' '.join(names[next(numbers) % 12] for _ in range(3))})" for _ in range(8)
        )
        for _ in range(10)
    ]
    return "\n".join(
        [
            "(set-logic QF_NRA)",
            *(f"(declare-const {name} Real) (assert (< 0.0 {name} 10.0))" for name in names),
            *(f"(assert (= (+ {cube}) {1 + next(numbers) % 99}.0))" for cube in cubes),
            "(check-sat)",
        ]
    )


def _numbers(seed: int) -> Iterator[int]:
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


# ---- cvc5


def test_it_says_its_name() -> None:
    assert cvc5_name() == f"cvc5 {version('cvc5')}"


@pytest.mark.parametrize(
    ("assertion", "answer"),
    [
        ("(< x y)", "sat"),
        ("(< x y x)", "unsat"),
        ("(= (* x x) 2.0)", "sat"),
        ("(= (* x x) (- 2.0))", "unsat"),
        ("(= (/ x y) 2.0)", "sat"),
    ],
)
def test_it_answers(assertion: str, answer: str) -> None:
    opinion = ask(f"{HEAD}(assert {assertion})(check-sat)")

    assert (opinion.answer, opinion.reason) == (answer, "")
    assert 0 < opinion.seconds < 20


@pytest.mark.parametrize("status", ["sat", "unsat", "unknown"])
def test_it_does_not_look_at_the_expected_answer(status: str) -> None:
    """cvc5 by itself would report an error instead of an answer that differs from :status."""
    assert ask(f"(set-info :status {status}){HEAD}(assert (< x y))(check-sat)").answer == "sat"


def test_a_tiny_rlimit_gives_unknown() -> None:
    opinion = ask(CUBES, rlimit=1)

    assert (opinion.answer, opinion.reason) == ("unknown", "out of work units")


def test_a_hard_question_ends_in_time() -> None:
    """The system ends the process; cvc5 would not."""
    for question in (CUBES, hard(2), hard(3)):
        opinion = ask(question, rlimit=10**12, seconds=0.5)

        assert opinion.answer == "unknown"
        assert opinion.reason in ("out of time", "stopped after 0.5 s")
        assert opinion.seconds < 5


def test_the_time_limit_holds_where_the_caller_ignores_alarms() -> None:
    """What a caller ignores, its children ignore too, unless they say otherwise."""
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        assert ask(hard(3), rlimit=10**12, seconds=0.5).seconds < 5
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(set-logic QF_LRA)(assert (foo 1))(check-sat)", "foo"),
        ("(assert ", "EOF"),
        ("nonsense", "nonsense"),
        ("\0", "token"),
        ("(set-logic QF_WHATEVER)(check-sat)", "QF_WHATEVER"),
        (f"{HEAD}(assert x)(check-sat)", "Bool"),
        (f"{HEAD.replace('QF_NRA', 'QF_LRA')}(assert (< (* x y) x))(check-sat)", "linear"),
        ("", "one"),
        ("(set-logic QF_LRA)", "one"),
        ("(set-logic QF_LRA)(check-sat)(check-sat)", "one"),
        ("(set-logic QF_LRA)(check-sat)(frob)", "frob"),
        ("(set-logic QF_LRA)(push 1)(check-sat)", "push"),
        ("(set-option :tlimit-per 0)(check-sat)", "set-option"),
        ("(set-logic QF_LRA)(exit)(check-sat)", "exit"),
    ],
)
def test_a_garbled_script_is_a_fault(text: str, message: str) -> None:
    with pytest.raises(InternalError, match=f"cvc5 cannot read the script: .*{message}"):
        ask(text)


def test_no_limit_is_refused() -> None:
    """For cvc5, 0 is no limit."""
    for limits in ({"rlimit": 0}, {"rlimit": -1}, {"seconds": 0.0}):
        with pytest.raises(ValueError, match="no limit"):
            ask(CUBES, **limits)  # type: ignore[arg-type]


def test_without_cvc5_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for function in (require_cvc5, cvc5_name, lambda: ask(CUBES)):
        with pytest.raises(SetupError, match=r"pip install 'rlhf-contract-wizard\[cross-check\]'"):
            function()


@pytest.mark.parametrize(
    ("status", "reason"), [(-signal.SIGSEGV, "signal 11"), (-signal.SIGKILL, "signal 9"), (127, "status 127")]
)
def test_a_crash_gives_unknown(monkeypatch: pytest.MonkeyPatch, status: int, reason: str) -> None:
    ended = subprocess.CompletedProcess([], status, b"", b"")
    monkeypatch.setattr(cross_check.subprocess, "run", lambda *a, **k: ended)

    opinion = ask(CUBES)

    assert opinion.answer == "unknown"
    assert reason in opinion.reason


def test_a_process_that_cannot_begin_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """cvc5 is there but cannot be loaded, say."""
    monkeypatch.setattr(cross_check, "START", "raise ImportError('libcvc5.so.1')")

    with pytest.raises(InternalError, match="libcvc5"):
        ask(CUBES)


def test_cvc5_is_not_loaded_here() -> None:
    """Neither by the module nor by a question: it is heavy, and may crash."""
    code = (
        "import sys; from rlhf_contract.prove.cross_check import *;"
        "second_opinion('(set-logic QF_LRA)(check-sat)', rlimit=1000, seconds=20); assert 'cvc5' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


# ---- scripts


@pytest.mark.parametrize(
    ("terms", "answer", "logic"),
    [
        ([z3.Or(b, c), z3.Not(c)], "sat", "QF_LRA"),
        ([z3.Xor(b, c), b == c], "unsat", "QF_LRA"),
        ([z3.And([b]), z3.Or([]), z3.And([])], "unsat", "QF_LRA"),
        ([z3.And([]), z3.Or([b]), z3.Sum([x]) >= 2], "sat", "QF_LRA"),
        ([z3.BoolVal(False)], "unsat", "QF_LRA"),
        ([], "sat", "QF_LRA"),
        ([x < z3.Q(-1, 3), x * 3 >= -1], "unsat", "QF_LRA"),
        ([x == z3.Q(1, 10**6), x * 10**6 == z3.RealVal("0.000001") * 10**6], "sat", "QF_LRA"),
        ([z3.If(b, x, -x) > 1, z3.Implies(b, x < 0), z3.Implies(z3.Not(b), x > 0)], "unsat", "QF_LRA"),
        ([x != y, x >= y, y >= x], "unsat", "QF_LRA"),
        ([z3.Sum([z3.If(p, x, 0) for p in (b, c)]) == 6, x == 3], "sat", "QF_LRA"),
        ([x / 7 == 2, x == 14], "sat", "QF_LRA"),
        ([x * 10**6 == z3.ToReal(n), x > 0, x < z3.Q(1, 10**6)], "unsat", "QF_LIRA"),
        ([z3.ToReal(n) * z3.Q(1, 10**6) <= x, x < z3.ToReal(n + 1) * z3.Q(1, 10**6)], "sat", "QF_LIRA"),
        ([z3.ToInt(x) == -2, z3.Not(z3.IsInt(x)), x > -1], "unsat", "QF_LIRA"),
        ([n % 3 == 2, n / 3 == -1, n != -1], "unsat", "QF_LIA"),
        ([n * m == 35, n > 1, m > 1, n < m, n > 5], "unsat", "QF_NIA"),
        ([n * m == 35, n > 1, m > 1], "sat", "QF_NIA"),
        ([x * y == 2, x == y, x > 0], "sat", "QF_NRA"),
        ([x * y == -2, x == y], "unsat", "QF_NRA"),
        ([x / y == 2, x == 3, y == 2], "unsat", "QF_NRA"),
        ([x / y == 2, y == 0, x == 1], "sat", "QF_NRA"),  # what is divided by zero may be anything …
        ([x / y == 2, x / y == 3, y == 0], "unsat", "QF_NRA"),  # … but only one thing
        ([x / 0 == 2, x / 0 == 3], "unsat", "QF_NRA"),
        ([z3.ToReal(n) * x == 1, x == z3.Q(2, 5)], "unsat", "QF_NIRA"),
        ([n == m, f(n) != f(m)], "unsat", "QF_UFLIA"),
        ([n != m, f(n) == f(m), f(f(n)) == 7], "sat", "QF_UFLIA"),
        ([z3.Distinct(n, m, n + 1), n <= m, m <= n + 1], "unsat", "QF_LIA"),
    ],
)
def test_both_solvers_answer_alike(terms: list[Any], answer: str, logic: str) -> None:
    """Every construct that obligations are made of; also when it is written in the smallest logic."""
    text = script(terms, "either", "a title")

    assert f"(set-logic {logic})" in text
    assert by_z3(text) == answer
    assert ask(text).answer == answer


def test_a_script_reads_well() -> None:
    """Comments, what is expected, declarations in order of first use, shared terms once."""
    shared = z3.If(b, x, y)
    text = script([shared <= 1, shared >= z3.Q(-1, 3), n > -2], "unsat", "rule.x: never\nmore", ["", "sat: a row ≤ 1"])

    assert text.splitlines() == [
        "; rule.x: never",
        "; more",
        ";",
        "; sat: a row ≤ 1",
        "(set-info :smt-lib-version 2.6)",
        "(set-info :status unsat)",
        "(set-logic QF_LIRA)",
        "(declare-const |b[0]| Bool)",
        "(declare-const x Real)",
        "(declare-const |y'| Real)",
        "(declare-const n!6 Int)",
        "(define-fun t!1 () Real (ite |b[0]| x |y'|))",
        "(assert (<= t!1 1.0))",
        "(assert (<= (- (/ 1.0 3.0)) t!1))",
        "(assert (> n!6 (- 2)))",
        "(check-sat)",
    ]
    assert ask(text).answer == by_z3(text) == "sat"


def test_what_a_comment_says_is_not_asserted() -> None:
    """A sentence may quote a contract, and contracts are hostile."""
    for line_break in ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028"):
        text = script([b], "sat", f"a{line_break}(assert false)", [f"b{line_break}(assert false)"])

        assert ask(text).answer == by_z3(text) == "sat"


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (z3.Q(1, 10**6), "0.000001"),
        (z3.Q(-3, 2), "(- 1.5)"),
        (z3.Q(12345, 100), "123.45"),
        (z3.Q(10**30, 7), f"(/ {10**30}.0 7.0)"),
        (z3.Q(1, 2**40), f"0.{5**40:040}"),
        (z3.RealVal(0), "0.0"),
        (z3.RealVal(-100), "(- 100.0)"),
    ],
)
def test_numbers_are_exact(number: z3.RatNumRef, written: str) -> None:
    text = script([x == number], "sat", "")

    assert f"(= {written} x)" in text  # in this order: Python asks the narrower class first
    (read,) = z3.parse_smt2_string(text)
    solver = z3.Solver()
    assert solver.check(read.arg(0) != number) == z3.unsat


WORDS = """true false and or not xor ite distinct abs div mod to_real to_int is_int divisible let forall exists match
par as _ assert check-sat exp sin cos tan sqrt pi e real.pi iand int.pow2 int.log2 div_total mod_total select store
bvadd iff implies if rem Bool Int Real sat unsat t!1 x!abs .x @x 5x k! | \\ |a| a\\b a;b a"b é ≤ - --"""


def test_every_name_can_be_written() -> None:
    """Names that mean something to a solver, that have no place in SMT-LIB, or that look alike when written."""
    names = [*WORDS.split(), "", " ", "a b", "a(b", "a?b", "x!abs!2"]
    reals = [z3.Real(name) for name in names] + [z3.Int("abs"), z3.FreshReal()]
    rising = [before < after for before, after in pairwise(reals)]  # sat only if they are different
    shared = z3.If(reals[0] > 0, reals[0], reals[1])
    terms = [*rising, shared < 1, shared > 0]
    text = script(terms, "sat", "")

    assert ask(text).answer == by_z3(text) == "sat"
    text = script([*terms, reals[-1] < reals[0]], "unsat", "")
    assert ask(text).answer == by_z3(text) == "unsat"


def test_one_name_of_two_sorts_is_two_unknowns() -> None:
    text = script([z3.Real("a") > 1, z3.Bool("a"), z3.Int("a") < 0], "sat", "")

    assert {"(declare-const a Real)", "(declare-const a!2 Bool)", "(declare-const a!3 Int)"} < set(text.splitlines())
    assert ask(text).answer == by_z3(text) == "sat"


def test_deep_terms_are_written_flat() -> None:
    """Neither this writer nor any reader needs a deep stack."""
    deep = x
    for k in range(4_000):
        deep = z3.If(b, deep + k % 3, y) if k % 2 else deep - 1
    text = script([deep > 0], "either", "")

    assert max(line.count(")") for line in text.splitlines()) < 40
    assert by_z3(text) == "sat"


def test_a_shared_term_is_written_once() -> None:
    """A doubling that would take 2^60 words as a tree."""
    doubled = x
    for _ in range(60):
        doubled = doubled + doubled
    text = script([doubled == 2**60, x != 1], "unsat", "")

    assert len(text) < 4000
    assert ask(text).answer == by_z3(text) == "unsat"


def _example(context: z3.Context) -> list[Any]:
    xs = [z3.Real(f"x[{k}]", context) for k in range(30)]
    whole = [z3.ToReal(z3.Int(f"n{k}", context)) for k in range(30)]
    facts = [z3.And(a * 10**6 == w, a <= z3.Q(k, 7, context)) for k, (a, w) in enumerate(zip(xs, whole, strict=True))]
    return [*facts, z3.Sum([z3.If(a > 0, a, a * a) for a in xs]) > 5]


def test_the_same_assertions_give_the_same_bytes() -> None:
    """Whatever else the context holds, and in whichever process: addresses and hashes have no say."""
    fresh, used = z3.Context(), z3.Context()
    junk = [z3.Int(f"n{k}", used) * k > 3 for k in reversed(range(50))]
    expected = script(_example(fresh), "either", "t", ["n"])

    assert script(_example(fresh), "either", "t", ["n"]) == expected
    assert script(_example(used), "either", "t", ["n"]) == expected
    assert len(junk) == 50


@pytest.mark.parametrize(
    "term",
    [
        z3.ForAll([x], x > y),
        z3.BitVec("v", 8) == 3,
        z3.Const("s", z3.DeclareSort("S")) == z3.Const("u", z3.DeclareSort("S")),
        x**y == 2,
        z3.Select(z3.Array("a", z3.IntSort(), z3.IntSort()), n) == 1,
    ],
)
def test_what_has_no_place_is_a_fault(term: Any) -> None:
    with pytest.raises(InternalError, match="SMT-LIB"):
        script([term], "either", "")


def test_a_number_with_two_signs_is_no_coefficient() -> None:
    """Z3 reads a product of such terms in a nonlinear logic alone, so the script names one."""
    context = z3.Context()
    once = -z3.Q(1, 3, context)
    twice = -once
    text = script([twice * twice <= z3.Real("x", context)], "either", "")

    assert "(set-logic QF_NRA)" in text
    assert by_z3(text, 300_000) == "sat"


# ---- whatever formula

OPERATIONS: list[tuple[str, str, Callable[..., Any]]] = [
    ("b", "rr", lambda x, y: x <= y),
    ("b", "ii", lambda n, m: n < m),
    ("b", "rr", lambda x, y: x == y),
    ("b", "ii", lambda n, m: n != m),
    ("b", "b", z3.Not),
    ("b", "bb", z3.And),
    ("b", "bb", z3.Or),
    ("b", "bb", z3.Implies),
    ("b", "bb", z3.Xor),
    ("b", "r", z3.IsInt),
    ("i", "ii", lambda n, m: n + m),
    ("i", "ii", lambda n, m: n - m),
    ("i", "i", lambda n: n * -3),
    ("i", "i", lambda n: n / 3),
    ("i", "i", lambda n: n % 3),
    ("i", "r", z3.ToInt),
    ("i", "bii", z3.If),
    ("r", "i", z3.ToReal),
    ("r", "rr", lambda x, y: x + y),
    ("r", "rr", lambda x, y: x - y),
    ("r", "r", lambda x: -x),
    ("r", "r", lambda x: x * z3.Q(-2, 3, x.ctx)),
    ("r", "rr", lambda x, y: x * y),
    ("r", "rr", lambda x, y: x / y),
    ("r", "brr", z3.If),
]
SEVEN = st.integers(0, 7)
programs = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.tuples(SEVEN, SEVEN, SEVEN)), min_size=6, max_size=30)


def built(program: list[Any], context: z3.Context) -> list[Any]:
    """Each step applies an operation to what was made of late; the last five truths are asserted."""
    made = {
        "b": [z3.Bool("p", context), z3.Bool("q[0]", context)],
        "i": [z3.Int("n", context), z3.Int("m!6", context), z3.IntVal(-2, context)],
        "r": [z3.Real("x", context), z3.Real("y'", context), z3.Q(1, 3, context)],
    }
    for (result, sorts, operation), picks in program:
        arguments = [made[sort][-1 - pick % len(made[sort])] for sort, pick in zip(sorts, picks, strict=False)]
        made[result].append(operation(*arguments))
    return made["b"][2:][-5:]


@given(programs)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_z3_and_cvc5_agree_on_any_formula(program: list[Any]) -> None:
    """And the script says what the assertions say, as Z3 itself reads it."""
    context = z3.Context()
    terms = built(program, context)
    text = script(terms, "either", "generated")
    ours, theirs = by_z3(text, 300_000), ask(text, rlimit=10_000, seconds=1).answer
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", 300_000)

    assert {ours, theirs} != {"sat", "unsat"}
    assert {ours, str(solver.check(*terms))} != {"sat", "unsat"}
