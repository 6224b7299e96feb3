"""Typed IR → program. Numbers meet at a common scale by exact multiplication; only the IR's own floor rounds."""

from __future__ import annotations

from rlhf_contract.errors import Diagnostic, ProgramError, SpecError
from rlhf_contract.lang.ir import Contract, Node
from rlhf_contract.machine.opcodes import OPERATIONS, Kind, Opcode
from rlhf_contract.machine.program import Instruction, Program, SignalRange, encode

__all__ = ["compile_contract"]

_KINDS = {"bool": Kind.BOOL, "int": Kind.INT, "real": Kind.REAL}
_SAME_SCALE = {
    "add": Opcode.ADD,
    "sub": Opcode.SUB,
    "min": Opcode.MIN,
    "max": Opcode.MAX,
    "lt": Opcode.LT,
    "le": Opcode.LE,
    "eq": Opcode.EQ,
}
_PLAIN = {"mul": Opcode.MUL, "and": Opcode.AND, "or": Opcode.OR, "not": Opcode.NOT}


def compile_contract(contract: Contract, *, promises: bool = False) -> Program:
    """The program of `contract`: requirements first (a false one stops), then invariants, utilities and the reward.

    With `promises`, each ENSURES is watched like one more invariant behind the others: the form in which the prover
    replays a counterexample. Its programHash is never voted on.
    Raises SpecError when the program passes 24,000 bytes.
    """
    emit = _Emitter(contract)
    for requirement in contract.requirements:
        emit.output(Opcode.REQUIRE, emit.register(requirement.node))
    for rule in contract.rules:
        emit.output(Opcode.BREACH, emit.negated(rule.node))
    for ensured in contract.ensured if promises else ():
        emit.output(Opcode.BREACH, emit.negated(ensured.node))
    for utility in contract.utilities:
        emit.output(Opcode.UTILITY, emit.register(utility.node), utility.node.scale)
    emit.output(Opcode.REWARD, emit.at_scale(contract.reward, 6))
    signals = tuple(SignalRange(_KINDS[s.kind], s.lowest, s.highest) for s in contract.signals)
    try:
        return encode(signals, tuple(emit.code))
    except ProgramError as error:
        tree = contract.tree
        problem = Diagnostic("program-size", str(error), tree.header_span, "split the contract or drop rules")
        raise SpecError([problem], tree.source, tree.filename) from None


class _Emitter:
    """Writes each node once. Shared nodes and rescalings are found again by what they are."""

    def __init__(self, contract: Contract) -> None:
        self.code: list[Instruction] = []
        self._count = 0
        self._written: dict[tuple[Opcode, tuple[int, ...]], int] = {}
        self._nodes: dict[int, int] = {}
        self._contract = contract

    def output(self, opcode: Opcode, *operands: int) -> None:
        self.code.append(Instruction(opcode, operands))

    def value(self, opcode: Opcode, *operands: int) -> int:
        """The register that holds this operation's result."""
        assert OPERATIONS[opcode].gives
        key = (opcode, operands)
        if key not in self._written:
            self.code.append(Instruction(opcode, operands))
            self._written[key] = self._count
            self._count += 1
        return self._written[key]

    def register(self, node: Node) -> int:
        """The register of `node` at its own scale; arguments first, without recursion."""
        waiting = [node]
        while waiting:
            top = waiting[-1]
            if top.order in self._nodes:
                waiting.pop()
                continue
            missing = [a for a in top.args if a.order not in self._nodes]
            if missing:
                waiting += reversed(missing)
                continue
            self._nodes[top.order] = self._emit(top)
            waiting.pop()
        return self._nodes[node.order]

    def negated(self, node: Node) -> int:
        """The register of NOT `node`, without a double negation."""
        if node.op == "not":
            return self.register(node.args[0])
        return self.value(Opcode.NOT, self.register(node))

    def at_scale(self, node: Node, scale: int) -> int:
        """The register of `node` as an integer at a scale not below its own."""
        if node.op == "const":
            return self.value(Opcode.CONST, node.value * 10 ** (scale - node.scale))
        register = self.register(node)
        if scale == node.scale:
            return register
        return self.value(Opcode.MUL, register, self.value(Opcode.CONST, 10 ** (scale - node.scale)))

    def _emit(self, node: Node) -> int:
        args = node.args
        if node.op == "signal":
            return self.value(Opcode.SIGNAL, node.value)
        if node.op == "const":
            return self.value(Opcode.CONST, node.value)
        if node.op == "floor":
            return self.value(Opcode.FLOORDIV, self.register(args[0]), 10 ** (args[0].scale - node.value))
        if node.op == "select":
            a, b = (self.at_scale(a, node.scale) for a in args[1:])
            return self.value(Opcode.SELECT, self.register(args[0]), a, b)
        if node.op in _PLAIN:
            return self.value(_PLAIN[node.op], *(self.register(a) for a in args))
        scale = max(a.scale for a in args)
        return self.value(_SAME_SCALE[node.op], *(self.at_scale(a, scale) for a in args))
