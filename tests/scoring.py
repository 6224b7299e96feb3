"""Scorers and contracts for tests: functions that answer, fail or hang, and a contract that pins them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.scorers.guard import Guarded
from rlhf_contract.scorers.meters import Meters
from rlhf_contract.scorers.pinned import Scorers, known, text_of
from rlhf_contract.scorers.scorer import Scorer, Texts

CONTRACT = """LEGAL-BLOCKS 1
CONTRACT Scored VERSION 1.0.0
  REWARD IN [0, 1]

SIGNALS
  told : score
{signals}

STAKEHOLDERS
  operator WEIGHT 1 WANTS told

AGGREGATE weighted_mean
"""
LONG = "int [0, 1_000_000]".replace("_", "")


def contract(signals: Mapping[str, str]) -> Contract:
    """A contract with these signals, each `type BY …`, and one that comes from a column."""
    return load(CONTRACT.format(signals="\n".join(f"  {name} : {rest}" for name, rest in signals.items())))


def pinned(
    extra: Mapping[str, Callable[..., Any] | Scorer], type_: str = "real [-1000, 1000]", **options: Any
) -> Scorers:
    """Scorers whose signals are s0, s1, … in the order of `extra`, pinned as they are."""
    here = known(extra)
    signals = {f"s{i}": f'{type_} BY "{here[name].pin}"' for i, name in enumerate(extra)}
    return Scorers.of(contract(signals), extra=extra, **options)


def values_of(scorer: Callable[..., Any] | Scorer, completions: Sequence[object], **columns: Sequence[object]) -> Any:
    """What one scorer makes of these completions; None where it has no value."""
    prompts = [""] * len(completions)
    if not isinstance(scorer, Scorer):
        return pinned({"test/one": scorer}).score(prompts, completions, columns)["s0"]
    return Guarded(scorer, 60, Meters()).call(Texts(prompts, [text_of(one) for one in completions], columns))[0]


def count_chars(completions: Sequence[str]) -> list[int]:
    return [len(text) for text in completions]


def gold(completions: Sequence[str], answer: Sequence[object]) -> list[int]:
    """100 where the text is the gold answer, which a column brings."""
    return [100 * (c == str(a)) for c, a in zip(completions, answer, strict=True)]


def backtrack(completions: Sequence[str]) -> list[bool]:
    """Holds the interpreter for ever: Python's `re` does not let go of it."""
    return [re.match(r"(a+)+$", text) is not None for text in completions]


class Counting:
    """The length of each text; how many texts it was asked for is no part of what it is."""

    version = "2"

    def __init__(self) -> None:
        pass

    asked = 0

    def __call__(self, completions: Sequence[str]) -> list[int]:
        type(self).asked += len(completions)
        return [len(text) for text in completions]


class Hanging:
    """Waits until it is let go, on the texts `hang`."""

    let_go = threading.Event()

    def __call__(self, completions: Sequence[str]) -> list[int]:
        if "hang" in completions:
            self.let_go.wait(30)
        return [len(text) for text in completions]
