"""Z3 terms → one SMT-LIB 2.6 script that any solver can read, so that nobody needs to trust ours.

Z3's own printer is for Z3: it leaves `x'` without quotes, writes `(+ x)` and a bare `or`, and orders declarations by
address. Here the same assertions give the same bytes: unknowns and shared terms are written in order of first use.

A term used twice, or nested deeply, becomes a `define-fun` of its own: no line nests far, and none is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import z3

from rlhf_contract.errors import InternalError

__all__ = ["Expected", "script"]

Expected = Literal["unsat", "sat", "either"]

MAX_DEPTH = 12
_STATUS = {"unsat": "unsat", "sat": "sat", "either": "unknown"}
_SORTS = {z3.Z3_BOOL_SORT: "Bool", z3.Z3_INT_SORT: "Int", z3.Z3_REAL_SORT: "Real"}
_BOOLEAN = {
    z3.Z3_OP_EQ: "=",
    z3.Z3_OP_IFF: "=",
    z3.Z3_OP_DISTINCT: "distinct",
    z3.Z3_OP_AND: "and",
    z3.Z3_OP_OR: "or",
    z3.Z3_OP_XOR: "xor",
    z3.Z3_OP_NOT: "not",
    z3.Z3_OP_IMPLIES: "=>",
    z3.Z3_OP_LE: "<=",
    z3.Z3_OP_GE: ">=",
    z3.Z3_OP_LT: "<",
    z3.Z3_OP_GT: ">",
    z3.Z3_OP_IS_INT: "is_int",
}
_OPERATORS = _BOOLEAN | {
    z3.Z3_OP_ITE: "ite",
    z3.Z3_OP_ADD: "+",
    z3.Z3_OP_SUB: "-",
    z3.Z3_OP_UMINUS: "-",
    z3.Z3_OP_MUL: "*",
    z3.Z3_OP_DIV: "/",
    z3.Z3_OP_IDIV: "div",
    z3.Z3_OP_MOD: "mod",
    z3.Z3_OP_TO_REAL: "to_real",
    z3.Z3_OP_TO_INT: "to_int",
}
_RESULT = dict.fromkeys(_BOOLEAN, "Bool") | {z3.Z3_OP_TO_REAL: "Real", z3.Z3_OP_TO_INT: "Int"}  # else: as the last one
_CONSTANTS = {z3.Z3_OP_TRUE: "true", z3.Z3_OP_FALSE: "false"}
_EMPTY = {z3.Z3_OP_AND: "true", z3.Z3_OP_OR: "false"}
_ALONE = {z3.Z3_OP_AND, z3.Z3_OP_OR, z3.Z3_OP_XOR, z3.Z3_OP_ADD, z3.Z3_OP_MUL}  # of one argument: the argument
_DIVISIONS = {z3.Z3_OP_DIV, z3.Z3_OP_IDIV, z3.Z3_OP_MOD}
_CONVERSIONS = {z3.Z3_OP_TO_REAL, z3.Z3_OP_TO_INT, z3.Z3_OP_IS_INT}

_SIMPLE = re.compile(r"[A-Za-z~!$%^&*_+=<>?/-][0-9A-Za-z~!@$%^&*_+=<>.?/-]*")
_UNWRITABLE = re.compile(r"[^ -~]|[|\\]")
# The language's words and commands, the operators of its theories, and what cvc5 adds to them.
_WORDS = """
! _ as BINARY DECIMAL exists HEXADECIMAL forall let match NUMERAL par STRING
assert check-sat check-sat-assuming declare-const declare-datatype declare-datatypes declare-fun declare-sort
define-const define-fun define-fun-rec define-funs-rec define-sort echo exit get-assertions get-assignment get-info
get-model get-option get-proof get-unsat-assumptions get-unsat-core get-value pop push reset reset-assertions
set-info set-logic set-option
true false not => and or xor = distinct ite + - * / <= < >= > div mod abs to_real to_int is_int divisible
div_total mod_total exp sin cos tan sqrt iand piand int.log2 int.pow2 int.ispow2 real.pi
"""
_RESERVED = frozenset(_WORDS.split())


def script(assertions: Sequence[z3.BoolRef], expected: Expected, title: str, notes: Sequence[str] = ()) -> str:
    """The script that asks whether all `assertions` (of one context) can hold at once.

    It opens with `title` and `notes` as comments, says which answer is `expected`, and names the smallest logic that
    has all its operations: that is where solvers are best.
    Raises InternalError for a term that has no place here, such as a quantifier or a bit vector.
    """
    terms = _Terms()
    roots = [terms.read(assertion.ctx.ref(), assertion.as_ast()) for assertion in assertions]
    lines = [f"; {line}".rstrip() for text in (title, *notes) for line in text.splitlines() or [""]]
    lines += [
        "(set-info :smt-lib-version 2.6)",
        f"(set-info :status {_STATUS[expected]})",
        f"(set-logic {terms.logic})",
        *terms.declared,
        *terms.written(roots),
        "(check-sat)",
    ]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class _Term:
    """A node of the shared graph. `text` is empty until it is written; leaves have it from the start."""

    sort: str
    operator: str = ""
    arguments: list[_Term] = field(default_factory=list)
    text: str = ""
    number: Fraction | None = None
    uses: int = 0
    depth: int = 0


@dataclass
class _Terms:
    """All terms of a script, each once; and what decides its logic."""

    declared: list[str] = field(default_factory=list)  # a line for each unknown
    names: set[str] = field(default_factory=set)
    nonlinear: bool = False
    sorts: set[str] = field(default_factory=set)
    known: dict[int, _Term] = field(default_factory=dict)  # by Z3's number of the term
    functions: dict[int, str] = field(default_factory=dict)  # uninterpreted ones, by Z3's number
    order: list[_Term] = field(default_factory=list)  # operations, arguments first
    defined: int = 0

    @property
    def logic(self) -> str:
        functions, degree = "UF" if self.functions else "", "N" if self.nonlinear else "L"
        numbers = "IRA" if self.sorts == {"Int", "Real"} else "IA" if self.sorts == {"Int"} else "RA"
        return f"QF_{functions}{degree}{numbers}"

    # -- from Z3: its bare functions, which take half the time of the classes around them

    def read(self, context: Any, root: Any) -> _Term:
        """The term of a Z3 handle, with all below it; without recursion, since contracts are hostile."""
        known = self.known
        waiting: list[tuple[Any, int, list[int] | None]] = [(root, z3.Z3_get_ast_id(context, root), None)]
        while waiting:
            handle, number, numbers = waiting.pop()
            if number in known:
                continue
            if numbers is None:
                if z3.Z3_get_ast_kind(context, handle) not in (z3.Z3_APP_AST, z3.Z3_NUMERAL_AST):
                    raise InternalError(f"SMT-LIB: a quantifier in {z3.Z3_ast_to_string(context, handle)[:200]}")
                count = z3.Z3_get_app_num_args(context, handle)
                arguments = [z3.Z3_get_app_arg(context, handle, k) for k in range(count)]
                numbers = [z3.Z3_get_ast_id(context, argument) for argument in arguments]
                missing = [(a, n, None) for a, n in zip(arguments, numbers, strict=True) if n not in known]
                if missing:
                    waiting.append((handle, number, numbers))
                    waiting += reversed(missing)
                    continue
            known[number] = self._node(context, handle, [known[n] for n in numbers])
        return known[z3.Z3_get_ast_id(context, root)]

    def _node(self, context: Any, handle: Any, arguments: list[_Term]) -> _Term:
        decl = z3.Z3_get_app_decl(context, handle)
        kind = z3.Z3_get_decl_kind(context, decl)
        if kind in _CONSTANTS:
            return _Term("Bool", text=_CONSTANTS[kind])
        if kind in (z3.Z3_OP_ANUM, z3.Z3_OP_UNINTERPRETED) and not arguments:
            return self._leaf(context, handle, kind, decl)
        if kind == z3.Z3_OP_UNINTERPRETED:
            return self._operation(self._function(context, handle, decl), self._sort(context, handle), arguments)
        if kind not in _OPERATORS:
            raise InternalError(f"SMT-LIB: no word for {z3.Z3_ast_to_string(context, handle)[:200]}")
        if not arguments:
            return _Term("Bool", text=_EMPTY[kind])
        if len(arguments) == 1 and kind in _ALONE:
            return arguments[0]
        if kind == z3.Z3_OP_MUL:
            self.nonlinear |= sum(a.number is None for a in arguments) > 1
        elif kind in _DIVISIONS:
            self.nonlinear |= not all(a.number for a in arguments[1:])  # 0 is an unknown divisor too
        elif kind in _CONVERSIONS:
            self.sorts |= {"Int", "Real"}
        term = self._operation(_OPERATORS[kind], _RESULT.get(kind) or arguments[-1].sort, arguments)
        if not arguments[0].operator:  # of a numeral alone: a linear logic takes no other term for a number
            term.number = _literal(kind, arguments[0].number)
        return term

    def _operation(self, operator: str, sort: str, arguments: list[_Term]) -> _Term:
        for argument in arguments:
            argument.uses += 1
        term = _Term(sort, operator, arguments)
        self.order.append(term)
        return term

    def _leaf(self, context: Any, handle: Any, kind: int, decl: Any) -> _Term:
        sort = self._sort(context, handle)
        if kind == z3.Z3_OP_UNINTERPRETED:
            name = self._symbol(context, decl)
            self.declared.append(f"(declare-const {name} {sort})")
            return _Term(sort, text=name)
        value = Fraction(z3.Z3_get_numeral_string(context, handle))
        return _Term(sort, text=_number(value, sort), number=value)

    def _function(self, context: Any, handle: Any, decl: Any) -> str:
        number = z3.Z3_get_ast_id(context, z3.Z3_func_decl_to_ast(context, decl))
        if number not in self.functions:
            count = z3.Z3_get_app_num_args(context, handle)
            domain = [self._sort(context, z3.Z3_get_app_arg(context, handle, k)) for k in range(count)]
            name = self.functions[number] = self._symbol(context, decl)
            self.declared.append(f"(declare-fun {name} ({' '.join(domain)}) {self._sort(context, handle)})")
        return self.functions[number]

    def _sort(self, context: Any, handle: Any) -> str:
        sort = _SORTS.get(z3.Z3_get_sort_kind(context, z3.Z3_get_sort(context, handle)))
        if sort is None:
            raise InternalError(f"SMT-LIB: no sort for {z3.Z3_ast_to_string(context, handle)[:200]}")
        if sort != "Bool":
            self.sorts.add(sort)
        return sort

    def _symbol(self, context: Any, decl: Any) -> str:
        symbol = z3.Z3_get_decl_name(context, decl)
        if z3.Z3_get_symbol_kind(context, symbol) == z3.Z3_INT_SYMBOL:
            name = f"k!{z3.Z3_get_symbol_int(context, symbol)}"
        else:
            name = _UNWRITABLE.sub("?", z3.Z3_get_symbol_string(context, symbol))
        if name in _RESERVED or name.startswith(("@", ".")):  # quotes would not make another word of it
            name = f"x!{name}"
        name = self._fresh(name)
        return name if _SIMPLE.fullmatch(name) else f"|{name}|"

    def _fresh(self, name: str) -> str:
        """`name`, or something like it that is not taken."""
        unique, tries = name, 1
        while unique in self.names:
            tries += 1
            unique = f"{name}!{tries}"
        self.names.add(unique)
        return unique

    # -- to text

    def written(self, roots: list[_Term]) -> Iterator[str]:
        """Definitions and assertions, each definition before the first line that needs it."""
        for root in roots:
            root.uses += 1
        lines = [self._line(term) for term in self.order]
        yield from filter(None, lines)
        yield from (f"(assert {root.text})" for root in roots)

    def _line(self, term: _Term) -> str:
        """Write `term`; the line that defines it, or '' when it is written where it is used."""
        text = f"({term.operator} {' '.join([a.text for a in term.arguments])})"
        term.depth = 1 + max(a.depth for a in term.arguments)
        if term.uses < 2 and term.depth < MAX_DEPTH:
            term.text = text
            return ""
        self.defined += 1
        term.text, term.depth = self._fresh(f"t!{self.defined}"), 0
        return f"(define-fun {term.text} () {term.sort} {text})"


def _literal(kind: int, argument: Fraction | None) -> Fraction | None:
    """The number that an operation on a number spells out: its sign, or that it is a real."""
    if argument is None or kind not in (z3.Z3_OP_UMINUS, z3.Z3_OP_TO_REAL):
        return None
    return -argument if kind == z3.Z3_OP_UMINUS else argument


def _number(value: Fraction, sort: str) -> str:
    """A numeral or decimal as the standard has it: without sign, exact; a fraction where no decimal is."""
    if value < 0:
        return f"(- {_number(-value, sort)})"
    if sort == "Int":
        return str(value)
    digits = 0
    rest = value.denominator
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        digits = max(digits, power)
    if rest != 1:
        return f"(/ {value.numerator}.0 {value.denominator}.0)"
    if not digits:
        return f"{value.numerator}.0"
    text = str(value.numerator * 10**digits // value.denominator).zfill(digits + 1)
    return f"{text[:-digits]}.{text[-digits:]}"
