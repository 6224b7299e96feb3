"""Binary logarithm and power in fixed point, never too high, the same on every machine (`spec/opcodes.md`).

They are what `nash_product` needs. Tables are computed here from exact decimals; `spec/log2.json` publishes them for
other languages, and a test holds the two together.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, localcontext
from functools import cache

__all__ = ["LN2", "ONE", "exp2", "log2", "tables"]

ONE = 2**32
"""One, in the fixed point of a logarithm."""
SEGMENTS = 1024
LN2 = 186_065_279
"""⌊2^28 · ln 2⌋"""


@cache
def tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`log[i]` = ⌊2^32 · log₂(1 + i/1024)⌋ for i in 0 … 1024, `exp[i]` = ⌊2^32 · 2^(i/1024)⌋ for i in 0 … 1023."""
    with localcontext() as context:
        context.prec = 50
        context.rounding = ROUND_FLOOR
        ln2 = Decimal(2).ln()
        log = [int((1 + Decimal(i) / SEGMENTS).ln() / ln2 * ONE) for i in range(1, SEGMENTS)]
        exp = [int((ln2 * i / SEGMENTS).exp() * ONE) for i in range(1, SEGMENTS)]
    return (0, *log, ONE), (ONE, *exp)


def log2(a: int) -> int:
    """log₂ of `a` in units of 2^−32, at most the exact value; 0 if `a` is below 1."""
    if a < 1:
        return 0
    table = tables()[0]
    high = a.bit_length() - 1
    mantissa = (a << (42 - high) if high <= 42 else a >> (high - 42)) - 2**42
    segment, rest = mantissa >> 32, mantissa & (ONE - 1)
    return high * ONE + table[segment] + ((table[segment + 1] - table[segment]) * rest >> 32)


def exp2(a: int) -> int:
    """2^(`a` ÷ 2^32), at most the exact value; 0 if `a` is negative. Beyond 2^95 it only says that it is too large."""
    if a < 0:
        return 0
    whole, part = a >> 32, a & (ONE - 1)
    start, rest = tables()[1][part >> 22], part & (2**22 - 1)
    value = start + ((start * LN2 >> 28) * rest >> 32)
    return value >> (32 - whole) if whole <= 32 else value << min(whole - 32, 63)
