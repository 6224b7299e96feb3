"""Contracts written in Python: declare signals, write functions over them, get the canonical text.

    contract = RewardContract("Polite", version="1.0.0", reward=("-1", "1"))
    toxicity = contract.real("toxicity", 0, 1)

    @contract.reward_function("users", weight=1)
    def users(s):
        return 1 - s.toxicity

    contract.aggregate("weighted_mean")
    contract.invariant("civil", lambda s: s.toxicity <= "0.5", penalty=1)
    print(contract.source())

The text is what counts: it is what people read, vote on and prove. Python is one way to write it.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeVar, overload

from rlhf_contract.lang import ast
from rlhf_contract.lang.functions import (
    abs_,
    clip,
    count,
    curve,
    exists,
    floor,
    forall,
    if_then_else,
    max_,
    min_,
    sum_,
)
from rlhf_contract.lang.parse import parse
from rlhf_contract.lang.python_values import NOWHERE, NotTraceable, bool_, choice_, int_, real_, score_
from rlhf_contract.lang.reward_contract import CARRIED, RewardContract
from rlhf_contract.lang.symbols import constant

__all__ = [
    "LegalBlocks",
    "NotTraceable",
    "RewardContract",
    "abs_",
    "bool_",
    "choice_",
    "clip",
    "constant",
    "count",
    "curve",
    "exists",
    "floor",
    "forall",
    "if_then_else",
    "int_",
    "max_",
    "min_",
    "real_",
    "score_",
    "sum_",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Decorated = TypeVar("_Decorated")
_FENCE = re.compile(r"```legal-blocks\n(.*?)```", re.DOTALL)


class LegalBlocks:
    """Decorators that attach Legal-Blocks to Python."""

    @staticmethod
    def specification(text: str) -> Callable[[_Decorated], _Decorated]:
        """Attach a text. A whole contract becomes `.contract`, with the constraints of a decorated class added to it.

        A fragment (REQUIRES, INVARIANT, ENSURES, LET, PROVE) joins the contract that the function is added to, by
        @contract.reward_function or contract.add; its comments stay in Python.

        Raises SpecError if the text is not Legal-Blocks.
        """
        text = textwrap.dedent(text).strip("\n") + "\n"
        whole = re.match(r"(\s|#[^\n]*\n)*LEGAL-BLOCKS\b", text)

        def attach(target: _Decorated) -> _Decorated:
            if not whole:
                return _carry(target, _fragment(text))
            contract = RewardContract.from_source(text)
            for member in vars(target).values() if inspect.isclass(target) else ():
                function = getattr(member, "__func__", member)
                if hasattr(function, CARRIED):
                    contract.add(function)
            target.contract = contract  # type: ignore[attr-defined]
            return target

        return attach

    @overload
    @staticmethod
    def constraint(function: _Function, /) -> _Function: ...
    @overload
    @staticmethod
    def constraint(
        *,
        kind: Literal["invariant", "requires", "ensures"] = "invariant",
        name: str | None = None,
        **clauses: Any,
    ) -> Callable[[_Function], _Function]: ...
    @staticmethod
    def constraint(function: Any = None, /, *, kind: Any = "invariant", name: str | None = None, **clauses: Any) -> Any:
        """Make a function a rule that is named after it; penalty, at_most and cites are those of `invariant`.

        A docstring with a ```legal-blocks fence says the rules instead, and then the function is never called.

        Raises SpecError if that text is not Legal-Blocks.
        """
        if kind not in ("invariant", "requires", "ensures"):
            raise NotTraceable(f"{kind!r} is no kind of rule: use invariant, requires or ensures")

        def carry(function: _Function) -> _Function:
            def join(contract: RewardContract) -> None:
                getattr(contract, kind)(name or function.__name__, function, **clauses)

            fences = _FENCE.findall(inspect.getdoc(function) or "")
            return _carry(function, *map(_fragment, fences)) if fences else _carry(function, join)

        return carry if function is None else carry(function)


def _carry(target: _Decorated, *joins: Callable[[RewardContract], None]) -> _Decorated:
    setattr(target, CARRIED, (*getattr(target, CARRIED, ()), *joins))
    return target


def _fragment(text: str) -> Callable[[RewardContract], None]:
    """What adds the blocks of a text without a header to a contract, as if they were written nowhere."""
    blocks = parse(f"LEGAL-BLOCKS 1 CONTRACT Fragment VERSION 0.0.0 REWARD IN [0, 1]\n{text}", "<fragment>").blocks
    for block in blocks:
        if isinstance(block, ast.Signals | ast.Stakeholders | ast.Aggregate):
            raise NotTraceable("a fragment has only LET, rules and promises: declare the rest on the contract")

    def join(contract: RewardContract) -> None:
        for block in blocks:
            contract.append(replace(block, span=NOWHERE))

    return join
