"""Well-typed Legal-Blocks files over the whole language, and rows that sit on their edges.

`random_spec` and `random_rows` take a `random.Random`: a plain one for bulk, one of Hypothesis's to shrink what fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import strategies as st

from rlhf_contract.errors import ProgramError, SpecError
from rlhf_contract.lang import load
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.types import ABSENT, decimal_text

__all__ = ["random_rows", "random_spec", "rows_for", "smallest", "specs"]

REALS = ("[0, 1]", "[-1, 1]", "[-0.5, 2.25]", "[0, 100]")
INTS = ("[0, 8192]", "[-3, 3]", "[1, 1000]")
CHOICES = ("low", "middle", "high", "none")
AGGREGATES = ("weighted_mean", "weighted_mean", "maximin", "weighted_median", "lexicographic({})", "nash_product")


@dataclass(frozen=True)
class Names:
    """What an expression may mention: numbers, conditions, choices with their options, lists with their fields."""

    numbers: tuple[str, ...] = ()
    bools: tuple[str, ...] = ()
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lists: dict[str, Names] = field(default_factory=dict)
    depth: int = 0

    def inside(self, name: str) -> tuple[str, Names]:
        """A fresh variable for the elements of list `name`, and the names that its body may mention."""
        variable, fields = f"e{self.depth}", self.lists[name]
        return variable, replace(
            self,
            numbers=(*self.numbers, *(f"{variable}.{n}" for n in fields.numbers)),
            bools=(*self.bools, *(f"{variable}.{n}" for n in fields.bools)),
            choices=self.choices | {f"{variable}.{n}": c for n, c in fields.choices.items()},
            lists=self.lists if self.depth < 2 else {},
            depth=self.depth + 1,
        )


class Writer:
    """Writes expressions of a given type, at most so deep."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def literal(self) -> str:
        if self.random.random() < 0.6:
            return self.random.choice(["0", "1", "2", "0.5", "0.1", "0.000001", "0.999999", "0.25", "3"])
        return decimal_text(self.random.randint(0, 3_000_000), self.random.choice([6, 6, 2]))

    def number(self, names: Names, depth: int) -> str:
        r = self.random
        if depth <= 0 or r.random() < 0.25:
            return r.choice(names.numbers) if names.numbers and r.random() < 0.75 else self.literal()
        kind = r.choice(
            ("sum", "scaled", "extreme", "minus", "abs", "clip", "floor", "div", "if", "list", "curve", "product")
        )
        inner = self.number(names, depth - 1)
        match kind:
            case "sum":
                return f"({inner} {r.choice('+-')} {self.number(names, depth - 1)})"
            case "scaled":
                return f"{r.choice(['0.5', '0.3', '2', '1.5'])} * ({inner})"
            case "product":
                return f"floor({inner}, 2) * floor({self.number(names, depth - 1)}, {r.randint(0, 3)})"
            case "extreme":
                others = [self.number(names, depth - 1) for _ in range(r.randint(1, 2))]
                return f"{r.choice(['min', 'max'])}({', '.join([inner, *others])})"
            case "minus":
                return f"-({inner})"
            case "abs":
                return f"abs({inner})"
            case "clip":
                return f"clip({inner}, {r.choice(['-1', '0', '0.25'])}, {r.choice(['0.5', '1', '20'])})"
            case "floor":
                return f"floor({inner}, {r.randint(0, 7)})"
            case "div":
                below = r.choice(["3", "7", "0.3", "-2.5", "max(%s, 0.001)", "min(%s, -0.5)"])
                return f"({inner}) / {below % self.number(names, depth - 2) if '%' in below else below}"
            case "if":
                condition = self.condition(names, depth - 1)
                return f"(IF {condition} THEN {inner} ELSE {self.number(names, depth - 1)})"
            case "curve":
                x, points = r.randint(-200, 100), []
                for _ in range(r.randint(2, 5)):
                    points.append(f"({decimal_text(x, 2)}, {decimal_text(r.randint(-300, 300), 2)})")
                    x += r.randint(1, 150)
                return f"curve({inner}, {', '.join(points)})"
        if not names.lists:
            return inner
        name = r.choice(sorted(names.lists))
        variable, inside = names.inside(name)
        if r.random() < 0.5:
            return f"count({variable} IN {name}: {self.condition(inside, depth - 1)})"
        return f"sum({variable} IN {name}: {self.number(inside, depth - 1)})"

    def condition(self, names: Names, depth: int) -> str:
        r = self.random
        if depth <= 0 or r.random() < 0.35:
            return self.comparison(names, depth)
        inner = self.condition(names, depth - 1)
        kind = r.choice(("and", "or", "implies", "not", "if", "list", "list"))
        if kind == "not":
            return f"NOT ({inner})"
        if kind == "if":
            return f"(IF {inner} THEN {self.condition(names, depth - 1)} ELSE {self.condition(names, depth - 1)})"
        if kind == "list" and names.lists:
            name = r.choice(sorted(names.lists))
            variable, inside = names.inside(name)
            body = self.condition(inside, depth - (0 if r.random() < 0.5 and names.depth == 0 else 1))
            return f"({r.choice(['FORALL', 'EXISTS'])} {variable} IN {name}: {body})"
        return f"({inner}) {r.choice(['AND', 'OR', 'IMPLIES'])} ({self.condition(names, depth - 1)})"

    def comparison(self, names: Names, depth: int) -> str:
        r = self.random
        if names.bools and r.random() < 0.3:
            return r.choice(names.bools) if r.random() < 0.7 else f"{r.choice(names.bools)} != {r.choice(names.bools)}"
        if names.choices and r.random() < 0.3:
            name = r.choice(sorted(names.choices))
            option = r.choice(names.choices[name])
            return f"{name} {r.choice(['=', '!='])} {option}" if r.random() < 0.8 else f"{option} = {name}"
        operator = r.choice(["<", "<=", ">", ">=", "=", "!="])
        return f"{self.number(names, min(depth, 1))} {operator} {self.number(names, min(depth, 1))}"


def _kinds(random: Random, prefix: str, most: int, lines: list[str]) -> Names:
    """Scalar signals (or fields), written to `lines`."""
    reals = [f"{prefix}r{i}" for i in range(random.randint(1, most))]
    ints = [f"{prefix}n{i}" for i in range(random.randint(0, most - 1))]
    bools = [f"{prefix}b{i}" for i in range(random.randint(0, most))]
    choices = {f"{prefix}c{i}": CHOICES[: random.randint(2, 4)] for i in range(random.randint(0, 1))}
    lines += [f"{n} : {random.choice(['score', *(f'real {r}' for r in REALS)])}" for n in reals]
    lines += [f"{n} : int {random.choice(INTS)}" for n in ints]
    lines += [f"{n} : bool" for n in bools]
    lines += [f"{n} : one of {', '.join(options)}" for n, options in choices.items()]
    return Names((*reals, *ints), tuple(bools), choices)


def random_spec(random: Random) -> str:
    """The text of a contract that parses, types, does not overflow and compiles."""
    while True:
        source = _attempt(random)
        try:
            compile_contract(load(source), promises=True)
        except SpecError as error:
            # Only what the compiler finds by its ranges may be wrong; anything else is a mistake of this generator.
            assert {d.code for d in error.diagnostics} <= {"overflow", "division-by-zero", "levels", "program-size"}, (
                error
            )
        else:
            return source


def _attempt(random: Random) -> str:
    write = Writer(random)
    signals: list[str] = []
    names = _kinds(random, "", 3, signals)
    for i in range(random.randint(0, 2)):
        fields: list[str] = []
        names.lists[f"list{i}"] = _kinds(random, "f", 2, fields)
        signals.append(f"list{i} : list [{random.choice([1, 3, 16])}] of {{ {', '.join(fields)} }}")
    lets = []
    for i in range(random.randint(0, 2)):
        lets.append(f"LET let{i} = {write.number(names, 2)}")
        names = replace(names, numbers=(*names.numbers, f"let{i}"))
    weights = random.choice([("1",), ("0.5", "0.5"), ("0.2", "0.3", "0.5"), ("0.25", "0.25", "0.25", "0.25")])
    rule = random.choice(AGGREGATES).format(random.choice([2, 3, 10]))
    floor = f" FLOOR {random.choice(['-1', '0', '0.25'])}" if rule == "nash_product" and random.random() < 0.5 else ""
    holders = [f"  s{i} WEIGHT {w} WANTS {write.number(names, 3)}{floor}" for i, w in enumerate(weights)]
    rules = [f"REQUIRES q{i}: {write.condition(names, 1)}" for i in range(random.randint(0, 2))]
    for i in range(random.randint(0, 4)):
        form = random.random()
        line = f"INVARIANT v{i}: {write.condition(names, 3)}"
        if form < 0.15:
            line = f"ALWAYS {write.condition(names, 2)}"
        elif form < 0.3:
            line = f"NEVER {write.condition(names, 1)} WITHOUT {write.condition(names, 1)}"
        if random.random() < 0.5:
            line += f" PENALTY {write.literal()}"
        if random.random() < 0.5:
            line += f" REWARD AT MOST {random.choice(['', '-'])}{write.literal()}"
        rules.append(line)
    about_reward = replace(names, numbers=(*names.numbers, "reward", "reward"))
    rules += [f"ENSURES e{i}: {write.condition(about_reward, 1)}" for i in range(random.randint(0, 1))]
    rules += _promises(random, names, rules, len(weights))
    low, high = random.choice(["1", "10", "1000000"]), random.choice(["1", "10", "1000000"])
    header = ["LEGAL-BLOCKS 1", "CONTRACT Generated VERSION 0.0.1", f"  REWARD IN [-{low}, {high}]", "SIGNALS"]
    block = [*header, *(f"  {s}" for s in signals), *lets, "STAKEHOLDERS", *holders, f"AGGREGATE {rule}", *rules]
    return "\n".join(block) + "\n"


def _promises(random: Random, names: Names, blocks: list[str], holders: int) -> list[str]:
    """Up to three PROVE of any form, no two of the same about the same."""
    numbers = [n for n in names.numbers if not n.startswith("let")]
    movable = [*numbers, *names.bools, *names.choices]
    movable += [f"{n}.{f}" for n, fs in names.lists.items() for f in (*fs.numbers, *fs.bools, *fs.choices)]
    first = [line.split()[:2] for line in blocks if line.startswith(("INVARIANT", "ALWAYS", "NEVER"))]
    invariants = [b.rstrip(":") if a == "INVARIANT" else f"invariant_{n}" for n, (a, b) in enumerate(first, 1)]
    forms = ["MONOTONE IN {}", "MONOTONE IN {}", "DECREASING IN {}", "PARETO"]
    forms += ["INFLUENCE OF {} AT MOST", "SENSITIVITY TO {} AT MOST"]
    if invariants:
        forms += ["VIOLATION NEVER PAYS", "FIXING ALWAYS PAYS"]
        forms += ["VIOLATION NEVER PAYS OF {}", "FIXING ALWAYS PAYS OF {}"]
    made: dict[str, str] = {}
    for form in (random.choice(forms) for _ in range(random.randint(0, 3))):
        subject = random.choice(movable)
        if "PAYS" in form:
            subject = random.choice(invariants)
        elif "INFLUENCE" in form:
            subject = f"s{random.randrange(holders)}"
        elif "SENSITIVITY" in form:
            subject = random.choice(numbers)
        promise = form.format(subject)
        most = random.choice(
            ["0", "0.000001", "0.25", "0.5", "1", "2", "10", "1000", decimal_text(random.randint(0, 3_000_000), 6)]
        )
        made[promise] = f"PROVE {promise} {most}" if promise.endswith("AT MOST") else f"PROVE {promise}"
    return list(made.values())


def random_rows(random: Random, contract: Contract, count: int, valid: bool = False) -> list[list[int]]:
    """Flat rows on the edges: ends of ranges, steps beside thresholds, and (unless `valid`) unreadable values."""
    rows = []
    for _ in range(count):
        row: list[int] = []
        for spec in contract.signals:
            if spec.kind != "list":
                row.append(_value(random, spec, valid))
                continue
            length = random.choice([0, 1, 2, random.randint(0, spec.highest), spec.highest])
            if not valid and random.random() < 0.03:
                row.append(random.choice([-1, spec.highest + 1, ABSENT]))
                continue
            length = min(length, spec.highest)
            row.append(length)
            row += [_value(random, f, valid or random.random() < 0.9) for _ in range(length) for f in spec.fields]
        rows.append(row)
    return rows


def _value(random: Random, spec: SignalSpec, valid: bool) -> int:
    low, high = spec.lowest, spec.highest
    if not valid and random.random() < 0.04:
        return random.choice([low - 1, high + 1, ABSENT])
    if random.random() < 0.35:
        return random.randint(low, high)
    edges = (low, high, low + 1, high - 1, 0, 1, 499_999, 500_000, 500_001, 10**6, 2, 3)
    return min(max(random.choice(edges), low), high)


def specs() -> st.SearchStrategy[str]:
    """`random_spec`, driven and shrunk by Hypothesis."""
    return st.randoms(use_true_random=False).map(random_spec)


def smallest(source: str, fails: Callable[[str], bool]) -> str:
    """`source` without every line that it can lose while `fails` still says yes."""
    lines = source.splitlines()
    at = 0
    while at < len(lines):
        shorter = "\n".join([*lines[:at], *lines[at + 1 :]]) + "\n"
        try:
            gone = fails(shorter)
        except (SpecError, ProgramError):  # no contract any more, or one that reads other rows
            gone = False
        if gone:
            lines, at = shorter.splitlines(), 0
        else:
            at += 1
    return "\n".join(lines) + "\n"


def rows_for(contract: Contract, count: int, valid: bool = False) -> st.SearchStrategy[list[list[int]]]:
    """`random_rows`, driven and shrunk by Hypothesis."""
    return st.randoms(use_true_random=False).map(lambda random: random_rows(random, contract, count, valid))
