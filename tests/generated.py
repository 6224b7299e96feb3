"""Hypothesis strategies: well-typed Legal-Blocks files over the whole language, and rows that sit on their edges."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from rlhf_contract.lang.ir import Contract
from rlhf_contract.types import ABSENT, decimal_text

__all__ = ["rows_for", "specs"]

REALS = ("[0, 1]", "[-1, 1]", "[-0.5, 2.25]", "[0, 100]")
INTS = ("[0, 8192]", "[-3, 3]", "[1, 1000]")


@dataclass(frozen=True)
class Names:
    """What an expression may mention."""

    numbers: tuple[str, ...]
    bools: tuple[str, ...]


def literals(low: int = -3_000_000, high: int = 3_000_000) -> st.SearchStrategy[str]:
    """Decimals of up to six digits behind the point, many of them short."""
    return st.one_of(
        st.sampled_from(["0", "1", "2", "0.5", "0.1", "0.000001", "0.999999", "0.25"]),
        st.integers(max(low, 0), high).map(lambda n: decimal_text(n, 6)),
    )


def numbers(names: Names, depth: int) -> st.SearchStrategy[str]:
    leaves = [literals()]
    if names.numbers:
        leaves += [st.sampled_from(names.numbers)] * 3
    leaf = st.one_of(*leaves)
    if depth == 0:
        return leaf
    inner = numbers(names, depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} {} {})".format, inner, st.sampled_from("+-"), inner),
        st.builds("{} * {}".format, st.sampled_from(["0.5", "0.3", "2", "1.5"]), inner.map("({})".format)),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        inner.map("-({})".format),
    )


def conditions(names: Names, depth: int) -> st.SearchStrategy[str]:
    number = numbers(names, min(depth, 1))
    leaves = [st.builds("{} {} {}".format, number, st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), number)]
    if names.bools:
        leaves.append(st.sampled_from(names.bools))
        leaves.append(st.builds("{} = {}".format, st.sampled_from(names.bools), st.sampled_from(names.bools)))
    leaf = st.one_of(*leaves)
    if depth == 0:
        return leaf
    inner = conditions(names, depth - 1).map("({})".format)
    return st.one_of(
        leaf,
        st.builds("{} {} {}".format, inner, st.sampled_from(["AND", "OR", "IMPLIES"]), inner),
        inner.map("NOT {}".format),
    )


@st.composite
def specs(draw: st.DrawFn) -> str:
    """The text of a contract that parses, types and does not overflow (short literals keep scales small)."""
    reals = [f"r{i}" for i in range(draw(st.integers(1, 3)))]
    ints = [f"n{i}" for i in range(draw(st.integers(0, 2)))]
    bools = [f"b{i}" for i in range(draw(st.integers(0, 3)))]
    signals = [f"  {n} : {draw(st.sampled_from(['score', *(f'real {r}' for r in REALS)]))}" for n in reals]
    signals += [f"  {n} : int {draw(st.sampled_from(INTS))}" for n in ints]
    signals += [f"  {n} : bool" for n in bools]
    names = Names((*reals, *ints), tuple(bools))
    lets = []
    for i in range(draw(st.integers(0, 2))):
        lets.append(f"LET let{i} = {draw(numbers(names, 1))}")
        names = Names((*names.numbers, f"let{i}"), names.bools)
    weights = draw(st.sampled_from([("1",), ("0.5", "0.5"), ("0.2", "0.3", "0.5"), ("0.25", "0.25", "0.25", "0.25")]))
    holders = [f"  s{i} WEIGHT {w} WANTS {draw(numbers(names, 2))}" for i, w in enumerate(weights)]
    requires = [f"REQUIRES {draw(conditions(names, 1))}" for _ in range(draw(st.integers(0, 2)))]
    requires = [f"REQUIRES q{i}: {line.removeprefix('REQUIRES ')}" for i, line in enumerate(requires)]
    invariants = []
    for i in range(draw(st.integers(0, 4))):
        line = f"INVARIANT v{i}: {draw(conditions(names, 2))}"
        if draw(st.booleans()):
            line += f" PENALTY {draw(literals())}"
        if draw(st.booleans()):
            line += f" REWARD AT MOST {draw(st.sampled_from(['', '-']))}{draw(literals())}"
        invariants.append(line)
    promises = [
        f"ENSURES e{i}: {draw(conditions(Names((*names.numbers, 'reward'), names.bools), 1))}"
        for i in range(draw(st.integers(0, 1)))
    ]
    promises += [f"PROVE MONOTONE IN {draw(st.sampled_from([*reals, *ints]))}" for _ in range(draw(st.integers(0, 1)))]
    ends = st.sampled_from(["1", "10", "100000"])
    return "\n".join(
        [
            "LEGAL-BLOCKS 1",
            "CONTRACT Generated VERSION 0.0.1",
            f"  REWARD IN [-{draw(ends)}, {draw(ends)}]",
            "SIGNALS",
            *signals,
            *lets,
            "STAKEHOLDERS",
            *holders,
            "AGGREGATE weighted_mean",
            *requires,
            *invariants,
            *promises,
            "",
        ]
    )


def rows_for(contract: Contract, valid: bool = False) -> st.SearchStrategy[list[int]]:
    """A row on the edges: ends of ranges, steps beside thresholds, and (unless `valid`) values that cannot be read."""
    columns = []
    for spec in contract.signals:
        low, high = spec.lowest, spec.highest
        edges = {low, high, low + 1, high - 1, 0, 1, 499_999, 500_000, 500_001, 10**6, 2, 3}
        inside = [st.sampled_from(sorted(e for e in edges if low <= e <= high)), st.integers(low, high)]
        outside = [] if valid else [st.sampled_from([low - 1, high + 1, ABSENT])]
        columns.append(st.one_of(*inside * 3, *outside))
    return st.tuples(*columns).map(list)
