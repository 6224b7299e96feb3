"""One step of `translation.py` as a question to Z3: does this instruction compute what this node means?

A `Lemma` has no registers and no nodes in it, only what decides: the instruction, the operation, and how registers
stand for values (a `Tie`). So equal steps are one question, for all operands at once:

    for all integers that the operand registers can hold, each standing for the exact value that its tie says,
    the integer that the instruction gives stands for the exact value that the operation gives.

Instructions are written down from `spec/opcodes.md`, operations from `lang/evaluate.py`, each once, below. A tie leaves
nothing open (value = register ÷ 10^scale), so the only unknowns are the registers. Numbers are Z3's unbounded integers
and exact reals: products meet as polynomials, quotients as one shared term, so that every question is decided in
milliseconds. LOG2 and EXP2 are functions of which nothing is known but that program and meaning have the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import z3

from rlhf_contract.machine.opcodes import ENDS, Opcode

__all__ = ["Answer", "Lemma", "Tie", "decide", "questions"]

Answer = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True, slots=True)
class Tie:
    """How a register stands for a value.

    For a number: register = value · 10^scale. For a condition (`scale` None): register = 1 if it holds, else 0; the
    other way round if `negated`.
    """

    scale: int | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Lemma:
    """`opcode` on registers tied by `operands` gives a register tied by `result` to operation `op` on their values.

    Without an `opcode` the register is the operand's own; the `op` "same" gives the operand's value. `immediate` is the
    instruction's last operand where it is a constant, `divisor` the operation's, `digits` those of floor, units and
    decimal. When `opcode` ends an EACH, the operand is the body: the lemma is the induction over the list.
    """

    opcode: Opcode | None
    op: str
    operands: tuple[Tie, ...]
    result: Tie
    immediate: int | None = None
    divisor: Fraction | None = None
    digits: int = 0


@lru_cache(maxsize=4096)
def decide(lemma: Lemma, rlimit: int, seed: int) -> Answer:
    """Z3's answer, in fresh contexts: the same in every process, whatever was asked before."""
    for violation in _violations(lemma):
        context = z3.Context()
        solver = z3.Solver(ctx=context)
        solver.set("rlimit", rlimit)
        solver.set("random_seed", seed)
        solver.add(*violation(lemma, _Terms(context)))
        answer = solver.check()
        if answer != z3.unsat:
            return "refuted" if answer == z3.sat else "unknown"
    return "proved"


def questions(lemma: Lemma, context: z3.Context) -> list[list[Any]]:
    """What `decide` asks: the lemma holds if none of these has a solution."""
    return [violation(lemma, _Terms(context)) for violation in _violations(lemma)]


def _violations(lemma: Lemma) -> list[Callable[[Lemma, _Terms], list[Any]]]:
    """The functions below that together cover the lemma."""
    if lemma.opcode in ENDS:
        return [_list_violation]
    if lemma.opcode is Opcode.DIV and lemma.op == "div":
        return [_other_quotient, _quotient_violation]
    return [_violation]


# -- what Z3 is asked: each function gives the conditions of a counterexample


def _violation(lemma: Lemma, terms: _Terms) -> list[Any]:
    """Operands that are tied, and a result that is not."""
    registers, values = terms.operands(lemma.operands)
    if lemma.immediate is not None:
        registers.append(z3.IntVal(lemma.immediate, terms.context))
    if lemma.divisor is not None:
        values.append(terms.real(lemma.divisor))
    register = registers[0] if lemma.opcode is None else terms.instruction(lemma.opcode, registers)
    facts = [registers[1] != 0] if lemma.opcode is Opcode.DIV else []
    return [*facts, terms.untied(register, lemma.result, terms.operation(lemma.op, values, lemma.digits))]


def _other_quotient(lemma: Lemma, terms: _Terms) -> list[Any]:
    """Two registers whose quotient is not the values' quotient, but for a power of ten: products only, no rounding."""
    top, bottom, ratio = _scales(lemma)
    x, y, quotient, exact = z3.Reals("x y quotient exact", terms.context)
    a, b = x * terms.power(-top), y * terms.power(-bottom)
    return [y != 0, quotient * y == x, exact * b == a, exact != quotient * terms.power(ratio)]


def _quotient_violation(lemma: Lemma, terms: _Terms) -> list[Any]:
    """A quotient that is rounded down to another integer than the exact one; linear, by the lemma before."""
    _, _, ratio = _scales(lemma)
    quotient = z3.Real("quotient", terms.context)
    value = terms.floor(quotient * terms.power(ratio), 6)
    return [terms.untied(z3.ToInt(quotient), lemma.result, value)]


def _scales(lemma: Lemma) -> tuple[int, int, int]:
    top, bottom = (tie.scale or 0 for tie in lemma.operands)
    return top, bottom, bottom - top


def _list_violation(lemma: Lemma, terms: _Terms) -> list[Any]:
    """An element at which the result of the elements so far stops to be tied, or an empty list where it is not.

    The machine's first element is told apart by `step.py` (there is no result yet, and 0 stands for it); the operation
    starts from what it gives of no element.
    """
    context, opcode, op = terms.context, lemma.opcode, lemma.op
    (body,), (value,) = terms.operands(lemma.operands)
    empty = z3.BoolVal(op == "all", context) if lemma.result.scale is None else terms.real(Fraction(0))
    before = z3.Const("before", empty.sort())
    first, so_far = z3.Bool("first", context), terms.register(before, lemma.result)
    so_far = z3.If(first, z3.IntVal(0, context), so_far)
    after = {
        Opcode.ALL: z3.If(first, body, _smaller(so_far, body)),
        Opcode.ANY: _larger(so_far, body),
        Opcode.COUNT: so_far + body,
        Opcode.SUM: so_far + body,
    }[Opcode(opcode or 0)]
    one, zero = terms.real(Fraction(1)), terms.real(Fraction(0))
    exact = {
        "all": lambda: z3.And(before, value),
        "any": lambda: z3.Or(before, value),
        "count": lambda: before + z3.If(value, one, zero),
        "sum": lambda: before + value,
    }[op]()
    tied = [] if lemma.result.scale is None else [z3.IsInt(before * terms.power(lemma.result.scale))]
    nothing = z3.IntVal(int(opcode is Opcode.ALL), context)
    return [
        z3.Implies(first, before == empty),
        *tied,
        z3.Or(terms.untied(after, lemma.result, exact), terms.untied(nothing, lemma.result, empty)),
    ]


def _smaller(a: Any, b: Any) -> Any:
    return z3.If(a <= b, a, b)


def _larger(a: Any, b: Any) -> Any:
    return z3.If(a >= b, a, b)


def _quotient(a: Any, b: Any) -> Any:
    """a ÷ b as an integer, rounded toward −∞; b is not 0."""
    return z3.ToInt(z3.ToReal(a) / z3.ToReal(b))


def _toward_zero(a: Any) -> Any:
    return z3.If(a >= 0, z3.ToInt(a), -z3.ToInt(-a))


class _Terms:
    """Registers (Z3 integers) and values (Z3 reals and Booleans) in one context."""

    def __init__(self, context: z3.Context) -> None:
        self.context = context
        whole = z3.IntSort(context)
        self._log2, self._exp2 = (z3.Function(name, whole, whole) for name in ("log2", "exp2"))

    def real(self, value: Fraction) -> Any:
        return z3.Q(value.numerator, value.denominator, self.context)

    def power(self, exponent: int) -> Any:
        """10^exponent, exactly."""
        return self.real(Fraction(10) ** exponent)

    def floor(self, value: Any, digits: int) -> Any:
        """`value` rounded down to so many decimals."""
        return z3.ToReal(z3.ToInt(value * self.power(digits))) * self.power(-digits)

    # -- ties

    def operands(self, ties: Sequence[Tie]) -> tuple[list[Any], list[Any]]:
        """Any registers, and the values that they stand for."""
        registers, values = [], []
        for index, tie in enumerate(ties):
            if tie.scale is None:
                values.append(z3.Bool(f"c{index}", self.context))
                registers.append(self.register(values[-1], tie))
            else:
                registers.append(z3.Int(f"r{index}", self.context))
                values.append(z3.ToReal(registers[-1]) * self.power(-tie.scale))
        return registers, values

    def register(self, value: Any, tie: Tie) -> Any:
        """The integer that stands for `value`; of a number, only if there is one."""
        if tie.scale is not None:
            return z3.ToInt(value * self.power(tie.scale))
        ends = z3.IntVal(0, self.context), z3.IntVal(1, self.context)
        return z3.If(value, ends[not tie.negated], ends[tie.negated])

    def untied(self, register: Any, tie: Tie, value: Any) -> Any:
        """That `register` does not stand for `value`."""
        if tie.scale is None:
            return register != self.register(value, tie)
        return z3.ToReal(register) != value * self.power(tie.scale)

    # -- instructions and operations

    def instruction(self, opcode: Opcode, r: Sequence[Any]) -> Any:
        """What the instruction gives, as `spec/opcodes.md` says; its operands are integers, a condition 0 or 1."""
        table: dict[Opcode, Callable[..., Any]] = {
            Opcode.ADD: lambda a, b: a + b,
            Opcode.SUB: lambda a, b: a - b,
            Opcode.MUL: lambda a, b: a * b,
            Opcode.MIN: _smaller,
            Opcode.MAX: _larger,
            Opcode.FLOORDIV: _quotient,
            Opcode.DIV: _quotient,
            Opcode.LOG2: self._log2,
            Opcode.EXP2: self._exp2,
            Opcode.LT: lambda a, b: self.register(a < b, Tie(None)),
            Opcode.LE: lambda a, b: self.register(a <= b, Tie(None)),
            Opcode.EQ: lambda a, b: self.register(a == b, Tie(None)),
            Opcode.AND: _smaller,
            Opcode.OR: _larger,
            Opcode.NOT: lambda a: 1 - a,
            Opcode.SELECT: lambda c, a, b: z3.If(c != 0, a, b),
        }
        return table[opcode](*r)

    def operation(self, op: str, v: Sequence[Any], digits: int) -> Any:
        """What the node means, as `lang/evaluate.py` says; of conditions Booleans, of numbers exact reals."""
        table: dict[str, Callable[..., Any]] = {
            "same": lambda a: a,
            "add": lambda a, b: a + b,
            "sub": lambda a, b: a - b,
            "mul": lambda a, b: a * b,
            "min": _smaller,
            "max": _larger,
            "floor": lambda a: self.floor(a, digits),
            "div": lambda a, b: self.floor(a / b, 6),
            "units": lambda a: a * self.power(digits),
            "decimal": lambda a: a * self.power(-digits),
            "log2": lambda a: z3.ToReal(self._log2(_toward_zero(a))),
            "exp2": lambda a: z3.ToReal(self._exp2(_toward_zero(a))),
            "lt": lambda a, b: a < b,
            "le": lambda a, b: a <= b,
            "eq": lambda a, b: a == b,
            "and": z3.And,
            "or": z3.Or,
            "not": z3.Not,
            "select": lambda c, a, b: z3.If(c, a, b),
        }
        return table[op](*v)
