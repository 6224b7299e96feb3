"""Names for each kind of number and the values that several folders pass around."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum
from fractions import Fraction
from typing import NewType

__all__ = [
    "ABSENT",
    "INT64_MAX",
    "INT64_MIN",
    "MICRO",
    "TRANSACTION_GAS",
    "BlockNumber",
    "Bytes32",
    "Micro",
    "Seconds",
    "Status",
    "Wei",
    "decimal_text",
    "duration_text",
    "ether_text",
    "percent_text",
    "utc_text",
]

Micro = NewType("Micro", int)  # 0.000001 of a signal or a reward
Wei = NewType("Wei", int)
Seconds = NewType("Seconds", int)  # since 1970, or a duration
BlockNumber = NewType("BlockNumber", int)
Bytes32 = NewType("Bytes32", bytes)

MICRO = 1_000_000
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
ABSENT = INT64_MIN
"""A signal that could not be read, and the reward of a row that gets none. Never a valid value of either."""
TRANSACTION_GAS = 2**24
"""What one transaction may use since Osaka (EIP-7825)."""


class Status(IntEnum):
    """What became of a row. Only `REWARDED` rows have a reward."""

    REWARDED = 0
    INADMISSIBLE = 1
    INVALID = 2


def decimal_text(value: int | Fraction, scale: int = 0) -> str:
    """`value` ÷ 10^`scale` in plain decimals without trailing zeros; a fraction that never ends gets 12 digits and `…`.

    >>> decimal_text(-1_500_000, 6)
    '-1.5'
    """
    exact = Fraction(value) / 10**scale
    sign = "-" if exact < 0 else ""
    exact = abs(exact)
    denominator, digits = exact.denominator, 0
    while denominator % 10 == 0:
        denominator //= 10
        digits += 1
    while denominator % 2 == 0 or denominator % 5 == 0:
        denominator //= 2 if denominator % 2 == 0 else 5
        digits += 1
    endless = denominator != 1
    digits = 12 if endless else digits
    whole, rest = divmod(exact.numerator * 10**digits // exact.denominator, 10**digits)
    tail = f"{rest:0{digits}d}".rstrip("0") if digits else ""
    return f"{sign}{whole}{'.' + tail if tail else ''}{'…' if endless else ''}"


def percent_text(millionths: int) -> str:
    """A part of a million as people write it, such as `12.5 %`."""
    return f"{decimal_text(millionths, 4)} %"


def ether_text(wei: int) -> str:
    """An amount in the unit that people think in, exactly, such as `0.5 ether`."""
    return f"{decimal_text(wei, 18)} ether"


def duration_text(seconds: int, units: int = 2) -> str:
    """In the `units` largest units that say something, such as `2 d 3 h`; with 4 nothing is left out."""
    parts = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(max(0, seconds), size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:units]) or "0 s"


def utc_text(time: int) -> str:
    """Seconds since 1970 as date and time, to the second; a time that no calendar has, as the number."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"second {time}"
