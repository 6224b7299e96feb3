"""Legal-Blocks: text → syntax tree → typed, exact intermediate representation."""

from rlhf_contract.lang.check import check
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.parse import parse

__all__ = ["Contract", "check", "load", "parse"]


def load(source: str | bytes, filename: str = "<spec>") -> Contract:
    """Parse and check `source`; the usual way in.

    Raises SpecError with everything that is wrong.
    """
    return check(parse(source, filename))
