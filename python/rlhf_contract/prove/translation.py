"""Program = meaning: the compiled integers are the exact values of the contract, for all signals. Checked, not trusted.

Proved, from program bytes and a checked contract: both read the same signals; the k-th REQUIRE is 1 where requirement k
holds; the k-th BREACH is 1 where rule k does not; the k-th UTILITY at its scale is exactly utility k; REWARD is exactly
the reward before its last rounding, rounded down to six decimals; and no output is missing, extra or out of order. The
exact values are those of `lang/evaluate.py`.

How: a `_Claim` says that a register stands for a node's value at a power-of-ten scale (a condition: as 1 or 0). From
the claims that the outputs make, instruction and node are read side by side, down to signals and constants. Each claim
follows from the claims about its operands by a lemma that Z3 proves from the meaning of this instruction and of
this operation alone (`translation_lemmas.py`); equal lemmas are asked once. The compiler has no part in it: at which
scale an operand is expected is a guess from the contract's own scales, and a wrong guess can only leave a claim
unproved. A correct program of another shape than our compiler writes may stay unproved, too.

EACH: a claim about a register inside loops holds for every element that they stand at; `loops` says which loop each
variable of the contract is. A register is written anew for each element before it is read, and is read inside only.
The end of a loop is proved by induction over its list, for the empty list too.

Not proved here: that the contract's nodes are what its text means (`tests/differential/test_meaning.py` tests it).

Trusted: this file and its lemmas, Z3, `program.decode` (whose interval check excludes overflow and division by 0, so
that registers are plain integers), and that all executors share the one definition of LOG2 and EXP2 in
`lang/logarithm.py`: they are the same unknown functions here and there. Nothing is assumed of the ranges of nodes, and
nothing of REQUIRES: every claim holds for all integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from rlhf_contract.errors import InternalError
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import Node, SignalSpec
from rlhf_contract.machine.opcodes import ENDS, OPERATIONS, Kind, Opcode
from rlhf_contract.machine.program import Instruction, Program, SignalRange, decode
from rlhf_contract.prove.translation_lemmas import Answer, Lemma, Tie, decide
from rlhf_contract.types import decimal_text

__all__ = ["MAX_CLAIMS", "Translation", "require_translation", "validate_translation"]

MAX_CLAIMS = 50_000
"""More than any program of 24,000 bytes needs; a hostile one could ask for every pair of register and node."""
MAX_QUOTED = 60
_KINDS = {"bool": Kind.BOOL, "int": Kind.INT, "real": Kind.REAL, "choice": Kind.CHOICE, "list": Kind.LIST}
_OUTPUTS = {
    Opcode.REQUIRE: "requirement",
    Opcode.BREACH: "invariant",
    Opcode.UTILITY: "utility",
    Opcode.REWARD: "reward",
}
_REDUCTIONS = ("all", "any", "count", "sum")


@dataclass(frozen=True, slots=True)
class Translation:
    """Whether the program is the contract's meaning.

    `lemmas` counts the claims that were proved, `asked` the different lemmas behind them, which are `shapes`. `failed`
    is a sentence naming the instruction and the part of the source that do not agree; with `unknown` they may, but the
    solver gave up or the program is too large. The two are '' and False where `proved`.
    """

    proved: bool
    lemmas: int
    asked: int
    failed: str = ""
    unknown: bool = False
    shapes: tuple[Lemma, ...] = ()


def validate_translation(
    contract: Contract, program: Program, *, promises: bool = False, rlimit: int = 5_000_000, seed: int = 0
) -> Translation:
    """Prove that `program` computes `contract`, for all signals in range; with `promises`, the ENSURES as well.

    Only `program.data` counts. `rlimit` and `seed` are Z3's, for each question. Raises ProgramError when the bytes are
    no program.
    """
    validation = _Validation(contract, decode(program.data), rlimit, seed)
    failed, unknown = "", False
    try:
        validation.run(promises)
    except _Failed as failure:
        failed, unknown = str(failure), failure.unknown
    shapes = tuple(sorted(validation.asked, key=repr))
    return Translation(not failed, validation.proved, len(shapes), failed, unknown, shapes)


def require_translation(contract: Contract, program: Program) -> Translation:
    """The proof for a program that has just been compiled.

    Raises InternalError when there is none: nobody should vote on the hash of such a program.
    """
    found = validate_translation(contract, program)
    if not found.proved:
        raise InternalError(
            f"{contract.name} {contract.version}: the compiled program is not shown to compute this text: "
            f"{found.failed}. Please report this with the file."
        )
    return found


class _Failed(Exception):
    """A claim that is not proved. The message is a sentence."""

    def __init__(self, message: str, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class _Claim:
    """The register stands for `node` as `tie` says. `loops` gives the EACH of each variable that the node depends on.

    Nodes are compared by identity: equal ones are shared.
    """

    register: int
    node: Node
    tie: Tie
    loops: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class _Step:
    """Why a claim holds: the lemma (None: the two read the same input or constant), and the claims it needs."""

    lemma: Lemma | None = None
    needs: list[_Claim] = field(default_factory=list)


class _Validation:
    def __init__(self, contract: Contract, program: Program, rlimit: int, seed: int) -> None:
        self.contract, self.program = contract, program
        self.rlimit, self.seed = rlimit, seed
        self.writers = {target: at for at, target in enumerate(program.targets) if target >= 0}
        self.starts = {end: start for start, end in program.ends.items()}
        self.enclosing = list(_enclosing(program))
        self.seen: set[_Claim] = set()
        self.asked: set[Lemma] = set()
        self.proved = 0

    def run(self, promises: bool) -> None:
        """Raises _Failed, with the first claim that is not proved."""
        self.inputs()
        self.last_rounding()
        for at, what, claim in self.outputs(promises):
            self.prove(claim, at, what)

    # -- what both see and say

    def inputs(self) -> None:
        signals, ranges = self.contract.signals, self.program.signals
        if len(signals) != len(ranges):
            raise _Failed(f"the contract has {len(signals)} signals, the program reads {len(ranges)}")
        for index, (spec, given) in enumerate(zip(signals, ranges, strict=True)):
            if _range(spec) != given:
                where = f"signal {index} of the program"
                raise _Failed(f"{where} is not {spec.name} (line {spec.span.line}): another kind, range or list")

    def last_rounding(self) -> None:
        """The contract's reward is its exact value rounded down: by a node that says so, or as there is no rest."""
        exact, reward = self.contract.exact, self.contract.reward
        if reward is exact or (reward.op == "floor" and reward.value == 6 and reward.args[0] is exact):
            return
        both = exact.op == reward.op == "const"
        if not (both and _constant(reward) == Fraction(floor(_constant(exact) * 10**6), 10**6)):
            raise _Failed("the contract's reward is not its exact value rounded down to six decimals")

    def outputs(self, promises: bool) -> Iterator[tuple[int, str, _Claim]]:
        """Each output's place in the code, its name, and the claim it makes. Raises _Failed if they do not match."""
        contract = self.contract
        rules = [(r.name, r.node) for r in contract.rules]
        rules += [(e.name, e.node) for e in contract.ensured] if promises else []
        expected = [(Opcode.REQUIRE, r.name, r.node, Tie(None)) for r in contract.requirements]
        expected += [(Opcode.BREACH, name, node, Tie(None, negated=True)) for name, node in rules]
        expected += [(Opcode.UTILITY, u.stakeholder, u.node, Tie(u.node.scale)) for u in contract.utilities]
        expected.append((Opcode.REWARD, "", contract.reward, Tie(6)))
        given = [(at, i) for at, i in enumerate(self.program.code) if i.opcode in _OUTPUTS]
        for opcode, word in _OUTPUTS.items():
            needed, found = sum(e[0] is opcode for e in expected), self.program.count(opcode)
            if needed != found:
                times = f"{opcode.name} {needed} times ({word}), the program has it {found} times"
                raise _Failed(f"the contract needs {times}")
        for (opcode, name, node, tie), (at, instruction) in zip(expected, given, strict=True):
            what = f"{_OUTPUTS[opcode]} {name}".rstrip()
            if instruction.opcode is not opcode:
                raise _Failed(f"{what}: {self.words(at)} stands where {opcode.name} is expected")
            if opcode is Opcode.UTILITY:
                tie = Tie(instruction.operands[1])  # whatever scale the program declares must be right
            yield at, what, _Claim(instruction.operands[0], node, tie)

    # -- claims

    def prove(self, claim: _Claim, at: int, what: str) -> None:
        """Prove `claim`, which the instruction at `at` needs, and all that it follows from."""
        waiting: list[tuple[_Claim, int, _Claim | None]] = [(claim, at, None)]
        while waiting:
            claim, reader, purpose = waiting.pop()
            if claim in self.seen:
                continue
            if len(self.seen) == MAX_CLAIMS:
                raise _Failed(f"{what}: more than {MAX_CLAIMS:,} claims are needed", unknown=True)
            self.seen.add(claim)
            writer = self.writers[claim.register]
            step = self.step(claim, writer)
            answer: Answer = "proved" if step else "refuted"
            if step and step.lemma:
                self.asked.add(step.lemma)
                answer = decide(step.lemma, self.rlimit, self.seed)
            if answer != "proved" or step is None:
                purposes = f" for {self.part(purpose)}" if purpose else ""
                text = f"{self.words(writer)} is not shown to compute {self.part(claim)}, as {self.words(reader)} needs"
                gave_up = answer == "unknown"
                raise _Failed(f"{what}: {text}{purposes}{': the solver gave up' if gave_up else ''}", gave_up)
            self.proved += 1
            waiting += [(need, writer, claim) for need in reversed(step.needs)]

    def step(self, claim: _Claim, at: int) -> _Step | None:
        """What `claim` about the register that instruction `at` writes follows from; None if from nothing we know."""
        node, scale, instruction = claim.node, claim.tie.scale, self.program.code[at]
        if (scale is None) != (node.type == "bool"):
            return None
        if node.op == "not":
            return self.same(claim, node.args[0], Tie(None, not claim.tie.negated))
        if scale is None and instruction.opcode is Opcode.NOT:
            need = _Claim(instruction.operands[0], node, Tie(None, not claim.tie.negated), claim.loops)
            return _Step(Lemma(Opcode.NOT, "same", (need.tie,), claim.tie), [need])
        if node.op == "const":
            right = Fraction(instruction.operands[0]) == _constant(node) * Fraction(10) ** (scale or 0)
            return _Step() if instruction.opcode is Opcode.CONST and right else None
        if scale is not None and scale != node.scale:
            return self.rescaled(claim, instruction) if scale > node.scale else None
        if node.op == "units":
            return self.same(claim, node.args[0], Tie((scale or 0) + node.value))
        if node.op == "decimal":
            return self.same(claim, node.args[0], Tie((scale or 0) - node.value))
        if node.op in ("signal", "field"):
            return _Step() if self.reads(claim, at) else None
        if node.op in _REDUCTIONS:
            return self.reduced(claim, at)
        return self.paired(claim, instruction)

    def same(self, claim: _Claim, argument: Node, tie: Tie) -> _Step:
        """The operation costs no instruction: the register is its argument's too, read in another way."""
        need = self.about(claim.register, argument, tie, claim.loops)
        return _Step(Lemma(None, claim.node.op, (tie,), claim.tie, digits=claim.node.value), [need])

    def rescaled(self, claim: _Claim, instruction: Instruction) -> _Step | None:
        """The same node at a finer scale: a product with a constant."""
        if instruction.opcode is not Opcode.MUL:
            return None
        register, factor = instruction.operands
        constant = self.program.code[self.writers[factor]]
        if constant.opcode is not Opcode.CONST:
            return None
        need = _Claim(register, claim.node, Tie(claim.node.scale), claim.loops)
        return _Step(Lemma(Opcode.MUL, "same", (need.tie,), claim.tie, constant.operands[0]), [need])

    def reads(self, claim: _Claim, at: int) -> bool:
        """Whether the instruction reads the node's signal or field, in its unit; of the element the node means."""
        node, instruction, signals = claim.node, self.program.code[at], self.contract.signals
        if node.op == "signal":
            spec, right = signals[node.value], instruction == Instruction(Opcode.SIGNAL, (node.value,))
        elif instruction.opcode is not Opcode.FIELD:
            return False
        else:
            depth, index = instruction.operands
            each = self.enclosing[at][depth]
            spec = signals[node.list].fields[node.value]
            right = index == node.value and (node.variable, each) in claim.loops
            right = right and self.program.code[each].operands[0] == node.list
        tie = Tie(None) if spec.kind == "bool" else Tie(spec.scale)
        return right and claim.tie == tie

    def reduced(self, claim: _Claim, at: int) -> _Step | None:
        """The end of an EACH over the node's list: induction over its elements, for which the body's claim holds."""
        node, instruction = claim.node, self.program.code[at]
        if instruction.opcode not in ENDS:
            return None
        each = self.starts[at]
        if self.program.code[each].operands[0] != node.list:
            return None
        body = node.args[0]
        tie = Tie(None) if body.type == "bool" else Tie(claim.tie.scale)
        loops = {**dict(claim.loops), node.variable: each}
        need = self.about(instruction.operands[0], body, tie, loops)
        return _Step(Lemma(instruction.opcode, node.op, (tie,), claim.tie), [need])

    def paired(self, claim: _Claim, instruction: Instruction) -> _Step | None:
        """Operand registers beside arguments, in order; the lemma says whether the instruction is the operation."""
        node, opcode, args = claim.node, instruction.opcode, claim.node.args
        if "k" in OPERATIONS[opcode].gives or opcode in (Opcode.CONST, *ENDS):
            return None
        layout, registers = OPERATIONS[opcode].operands, instruction.operands
        immediate = divisor = None
        if layout[-1] == "d":
            registers, immediate = registers[:-1], registers[-1]
        if node.op == "div" and immediate is not None and args[1].op == "const":
            args, divisor = args[:1], _constant(args[1])
        if len(registers) != len(args):
            return None
        ties = tuple(Tie(None) if a.type == "bool" else Tie(s) for a, s in zip(args, _scales(claim), strict=False))
        needs = [self.about(*need, claim.loops) for need in zip(registers, args, ties, strict=True)]
        return _Step(Lemma(opcode, node.op, ties, claim.tie, immediate, divisor, node.value), needs)

    def about(
        self, register: int, node: Node, tie: Tie, loops: Mapping[int, int] | tuple[tuple[int, int], ...]
    ) -> _Claim:
        """The claim, with only the loops that it depends on."""
        kept = tuple(sorted((v, each) for v, each in dict(loops).items() if v in node.free))
        return _Claim(register, node, tie, kept)

    # -- words

    def words(self, at: int) -> str:
        instruction = self.program.code[at]
        return f"instruction {at} ({' '.join([instruction.opcode.name, *map(str, instruction.operands)])})"

    def part(self, claim: _Claim) -> str:
        """The node as the source has it."""
        node, span, signals = claim.node, claim.node.span, self.contract.signals
        at = "" if claim.tie.scale is None else f" at scale {claim.tie.scale}"
        text = self.contract.source.split("\n")[span.line - 1]
        text = text[span.column - 1 : span.end_column - 1 if span.end_line == span.line else None]
        text = text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 1]}…"
        if node.op == "signal":
            text = f"signal {signals[node.value].name}"
        elif node.op == "field":
            text = f"field {signals[node.list].fields[node.value].name} of {signals[node.list].name}"
        elif node.op == "const":  # shared by all places that have it, so its own line says little
            return f"the constant {decimal_text(node.value, node.scale)}{at}"
        else:
            text = f"'{text}' [{node.op}]"
        opposite = "the opposite of " if claim.tie.negated else ""
        return f"{opposite}{text} of line {span.line}{at}"


def _constant(node: Node) -> Fraction:
    return Fraction(node.value) / Fraction(10) ** node.scale


def _scales(claim: _Claim) -> tuple[int, ...]:
    """At which scales the arguments are expected: a guess, which the lemma then judges."""
    node, args = claim.node, claim.node.args
    match node.op:
        case "add" | "sub" | "min" | "max" | "select":
            return (claim.tie.scale or 0,) * len(args)
        case "lt" | "le" | "eq":
            return (max(a.scale for a in args),) * len(args)
        case "div":
            shift = 6 + args[1].scale - args[0].scale
            return args[0].scale + max(shift, 0), args[1].scale + max(-shift, 0)
    return tuple(a.scale for a in args)


def _range(spec: SignalSpec) -> SignalRange:
    return SignalRange(_KINDS[spec.kind], spec.lowest, spec.highest, tuple(_range(f) for f in spec.fields))


def _enclosing(program: Program) -> Iterator[tuple[int, ...]]:
    """For each instruction the EACHs that it stands in, the outermost first."""
    open_: tuple[int, ...] = ()
    for at, instruction in enumerate(program.code):
        if instruction.opcode in ENDS:
            open_ = open_[:-1]  # the result belongs to the loop around
        yield open_
        if instruction.opcode is Opcode.EACH:
            open_ = (*open_, at)
