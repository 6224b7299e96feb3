"""Each limit at and beyond it; a hostile file wastes neither time nor memory."""

from __future__ import annotations

import pytest

from rlhf_contract.errors import SpecError
from rlhf_contract.lang import check, load
from rlhf_contract.lang.parse import MAX_SOURCE_BYTES, parse
from rlhf_contract.machine.compile import compile_contract


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
    "a line of 60,000": (text(wants="x + " * 15_000 + "x").encode()[:59_999], "no-aggregate"),
    "60,000 parentheses": (text(wants="(" * 60_000 + "x").encode(), "syntax"),
    "60,000 minus signs": (text(wants="-" * 60_000 + "x").encode(), "nesting"),
    "10,000 unknown names": (text(wants=" + ".join(f"u{i % 100}" for i in range(10_000))).encode(), "unknown-name"),
    "a megabyte": (text().encode() + b"#" * 2**20, "source-too-large"),
    "confusable letters": (text(wants="х").encode(), "syntax"),  # Cyrillic
    "a chain of 15,000": (text(wants="x + " * 14_000 + "x").encode(), "program-size"),
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
