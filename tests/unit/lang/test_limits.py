"""Each limit at and beyond it; a hostile file wastes neither time nor memory."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from rlhf_contract.errors import SpecError
from rlhf_contract.lang import check, load
from rlhf_contract.lang.parse import MAX_SOURCE_BYTES, MAX_TOKENS, parse
from rlhf_contract.machine import dispute
from rlhf_contract.machine.compile import compile_contract
from rlhf_contract.types import TRANSACTION_GAS


def text(signals: str = "  x : score", wants: str = "x", blocks: str = "", holders: str = "") -> str:
    holders = holders or f"  a WEIGHT 1 WANTS {wants}"
    return (
        "LEGAL-BLOCKS 1\nCONTRACT C VERSION 1.0.0\n  REWARD IN [-1000, 1000]\n"
        f"SIGNALS\n{signals}\nSTAKEHOLDERS\n{holders}\nAGGREGATE weighted_mean\n{blocks}\n"
    )


def codes(source: str | bytes) -> set[str]:
    """The codes of everything that is wrong with `source`."""
    with pytest.raises(SpecError) as caught:
        compile_contract(check(parse(source)))
    return {d.code for d in caught.value.diagnostics}


def test_source_size() -> None:
    """64 KiB are read, one byte more is not."""
    source = text()
    padded = source + "#" * (MAX_SOURCE_BYTES - len(source) - 1) + "\n"

    assert load(padded).name == "C"
    assert codes(padded + " ") == {"source-too-large"}


def test_tokens() -> None:
    """16,384 words and signs are read, one more is not; comments do not count."""
    source = text(wants="x" + " + x" * 4_000)
    free = MAX_TOKENS - len(re.findall(r"[A-Za-z0-9_.]+|[^\sA-Za-z0-9_.]", source))
    full = source + " ".join(["LET"] * free) + " # and a comment"

    assert "source-too-large" not in codes(full)
    assert codes(f"{full}\nLET") == {"source-too-large"}


def test_signals() -> None:
    """256 signals are read, 257 are too many."""

    def of(count: int) -> str:
        return text("\n".join(f"  x{i} : score" for i in range(count)), "x0")

    assert len(load(of(256)).signals) == 256
    assert codes(of(257)) == {"too-many"}


def test_stakeholders() -> None:
    """64 stakeholders are read, 65 are too many."""

    def of(count: int) -> str:
        weights = [1_000_000 // count] * (count - 1)
        weights.append(1_000_000 - sum(weights))
        return text(holders="\n".join(f"  s{i} WEIGHT 0.{w:06d} WANTS x" for i, w in enumerate(weights)))

    assert len(load(of(64)).utilities) == 64
    assert codes(of(65)) == {"too-many"}


def test_blocks() -> None:
    """512 blocks are read, 513 are too many."""

    def of(count: int) -> str:
        return text(blocks="\n".join(f"INVARIANT v{i}: x < 0.5" for i in range(count - 1)))

    assert len(load(of(512)).rules) == 511
    assert codes(of(513)) == {"too-many"}


@pytest.mark.parametrize("opening", ["-", "min(1, ", "0.5 * (1 - "])
def test_nesting(opening: str) -> None:
    """Expressions nest 64 deep and no deeper; a long chain is not deep."""
    closing = ")" * opening.count("(")
    per_level = 1 if opening != "0.5 * (1 - " else 2
    deep = 63 // per_level

    load(text(wants=f"min(x, {'-' * 60}x)"))
    assert load(text(wants=" + ".join(["x"] * 200))).name == "C"
    assert "nesting" in codes(text(wants=opening * (deep + 5) + "x" + closing * (deep + 5)))


def test_list_length() -> None:
    """A list has 1 to 256 elements."""
    of = "  x : score\n  l : list [{}] of {{ y : score }}"

    assert load(text(of.format(256))).signals[1].highest == 256
    assert codes(text(of.format(257))) == codes(text(of.format(0))) == {"list-length"}


def test_fields() -> None:
    """A record has at most 64 fields."""

    def of(count: int) -> str:
        return text(f"  x : score\n  l : list [2] of {{ {', '.join(f'f{i} : bool' for i in range(count))} }}")

    assert len(load(of(64)).signals[1].fields) == 64
    assert codes(of(65)) == {"too-many"}


def test_points() -> None:
    """A curve has 2 to 64 points."""

    def of(count: int) -> str:
        return text(wants=f"curve(x, {', '.join(f'({i}, {i % 3})' for i in range(count))})")

    assert load(of(2)).name == load(of(64)).name == "C"
    assert codes(of(1)) == codes(of(65)) == {"arguments"}


def test_quantifiers() -> None:
    """Quantifiers stand at most eight deep, side by side as many as you like."""

    def of(count: int) -> str:
        signals = "  x : score\n  l : list [2] of { y : score }"
        inside = "".join(f"EXISTS v{i} IN l: " for i in range(count))
        return text(signals, blocks=f"ALWAYS {inside}v{count - 1}.y > x\n" + "ALWAYS EXISTS v IN l: v.y > x\n" * 20)

    assert compile_contract(load(of(8))).ends
    assert codes(of(9)) == {"quantifiers"}


def test_dispute() -> None:
    """A row with the longest lists can be run again in one transaction: 60 elements in 60 elements, not 70 in 70."""

    def of(length: int) -> str:
        signals = f"  x : score\n  l : list [{length}] of {{ y : score }}"
        return text(signals, blocks="ALWAYS FORALL v IN l: FORALL w IN l: v.y + w.y > x")

    program = compile_contract(load(of(60)))
    assert dispute.gas(program.signals, program.code, len(program.data)) <= TRANSACTION_GAS == 2**24
    assert codes(of(70)) == {"program-size"}


def test_choices() -> None:
    """One of at most 256 choices, and thousands are refused as soon."""

    def of(count: int) -> str:
        return text(f"  x : score\n  y : one of {', '.join(f'c{i}' for i in range(count))}")

    assert len(load(of(256)).signals[1].choices) == 256
    assert codes(of(257)) == codes(of(8_000)) == {"too-many"}
    assert "duplicate-name" in codes(text("  x : score\n  y : one of " + ", ".join(["c"] * 8_000)))


def test_diagnostics() -> None:
    """The first hundred mistakes are shown in full, the others counted; a hint does not quote a whole file."""
    with pytest.raises(SpecError) as caught:
        load(text(blocks="REQUIRES: " + "*".join(["x"] * 8_000) + " > 0"))

    assert len(caught.value.diagnostics) <= 100
    assert len(str(caught.value)) < 50_000


def test_zeros_before_a_number() -> None:
    """Zeros in front mean nothing, however many."""
    assert load(text(holders=f"  a WEIGHT {'0' * 5_000}1 WANTS x")).utilities[0].weight == 1_000_000


def test_long_chains_compare() -> None:
    """Trees of a long chain are equal and have one hash, without recursion."""
    one, two = (parse(text(wants="x" + " + x" * 4_000)) for _ in range(2))

    assert one == two
    assert hash(one.stakeholders[0].wants) == hash(two.stakeholders[0].wants)
    assert one != parse(text(wants="x" + " + x" * 3_999 + " - x"))


def test_program_size() -> None:
    """A program beyond 24,000 bytes is refused by name."""
    blocks = "\n".join(
        f"INVARIANT v{i}: x * 0.{i + 1:06d} + x < 0.{i + 7:06d} PENALTY 0.{i + 3:06d}" for i in range(500)
    )

    assert codes(text(blocks=blocks)) == {"program-size"}


HOSTILE = {
    "no bytes": (b"", "syntax"),
    "NUL": (b"\0" * 100, "syntax"),
    "not UTF-8": (b"LEGAL-BLOCKS 1\n\xff\xfe", "not-utf-8"),
    "CRLF": (text().replace("\n", "\r\n").encode(), "line-endings"),
    "a lone surrogate": ("LEGAL-BLOCKS 1 \ud800".encode("utf-8", "surrogatepass"), "not-utf-8"),
    "a line of 30,000": (text(wants="x + " * 8_000 + "x").encode()[:29_999], "no-aggregate"),
    "16,000 parentheses": (text(wants="(" * 16_000 + "x").encode(), "syntax"),
    "60,000 parentheses": (text(wants="(" * 60_000 + "x").encode(), "source-too-large"),
    "16,000 minus signs": (text(wants="-" * 16_000 + "x").encode(), "nesting"),
    "60,000 minus signs": (text(wants="-" * 60_000 + "x").encode(), "source-too-large"),
    "8,000 unknown names": (text(wants=" + ".join(f"u{i}" for i in range(8_000))).encode(), "unknown-name"),
    "10,000 errors": (text(blocks="LET\n" * 10_000).encode(), "syntax"),
    "a megabyte": (text().encode() + b"#" * 2**20, "source-too-large"),
    "confusable letters": (text(wants="х").encode(), "syntax"),  # Cyrillic
    "a chain of 8,000": (text(wants="x + " * 8_000 + "x").encode(), "program-size"),
    "a chain of 14,000": (text(wants="x + " * 14_000 + "x").encode(), "source-too-large"),
    "digits": (text(wants="9" * 60_000).encode(), "number-too-large"),
    "no signals": (text().replace("SIGNALS\n  x : score\n", "").encode(), "no-signals"),
    "no stakeholders": (text().replace("STAKEHOLDERS\n  a WEIGHT 1 WANTS x\n", "").encode(), "no-stakeholders"),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("source", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files(source: bytes, code: str) -> None:
    """Each is refused by name, and soon."""
    assert code in codes(source)


def test_messages_stay_short() -> None:
    """An error in a very long line shows the place, not the line."""
    with pytest.raises(SpecError) as caught:
        load(text(wants="x + " * 10_000 + "y"))

    assert len(str(caught.value)) < 2_000


def test_hostile_files_waste_no_memory() -> None:
    """All of them together, in a process of their own, stay below 200 MB."""
    script = (
        "import resource, sys; from rlhf_contract.errors import SpecError; from rlhf_contract.lang import load\n"
        "for source in eval(sys.stdin.read()):\n"
        "    try: load(source)\n"
        "    except SpecError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    sources = repr([source for source, _ in HOSTILE.values()])
    # Through a shell: a process started from this large one would be told this one's peak as its own.
    shell = ["sh", "-c", '"$0" -c "$1"; exit $?', sys.executable, script]
    done = subprocess.run(shell, input=sources, capture_output=True, text=True, check=True)

    assert int(done.stdout) < 200
