"""What a name may stand for, and what to say when it stands for nothing."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from rlhf_contract.errors import Diagnostic, Span
from rlhf_contract.lang.ir import Node, SignalSpec

__all__ = ["ListSignal", "Scope"]


@dataclass(frozen=True, slots=True)
class ListSignal:
    """A list signal by its index; it can only be ranged over."""

    index: int
    spec: SignalSpec


@dataclass
class Scope:
    """Signals, LETs and lists in force, and the problems found so far."""

    problems: list[Diagnostic]
    nodes: dict[str, Node] = field(default_factory=dict)
    lists: dict[str, ListSignal] = field(default_factory=dict)
    declared: dict[str, Span] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)  # their definition failed: using them is not a second mistake

    def declare(self, name: str, value: Node | ListSignal, span: Span) -> None:
        """Give `name` its meaning, unless it has one."""
        if name == "reward":
            self.problem("reserved-name", "reward is the name of the result", span, "use another name")
        elif name in self.declared:
            first = self.declared[name].line
            self.problem("duplicate-name", f"{name} is named twice, first in line {first}", span, "rename one")
        else:
            self.declared[name] = span
            if isinstance(value, Node):
                self.nodes[name] = value
            else:
                self.lists[name] = value

    def unknown(self, name: str, span: Span, known: list[str], what: str) -> None:
        """Say that `name` is no `what`, with the near one."""
        near = difflib.get_close_matches(name, known, 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else (f"known: {', '.join(known[:12])}" if known else "")
        self.problem("unknown-name", f"no {what} is named {name[:80]}", span, hint)

    def problem(self, code: str, message: str, span: Span, hint: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, hint))
