"""The scorers that come with this package and need to be told nothing."""

from __future__ import annotations

from collections.abc import Iterator

from rlhf_contract.scorers.formats import FORMS, Form
from rlhf_contract.scorers.lengths import UNITS, Length
from rlhf_contract.scorers.numeric import PLACES, NumericAnswer
from rlhf_contract.scorers.pii import KINDS, PersonalData
from rlhf_contract.scorers.presidio import Presidio
from rlhf_contract.scorers.scorer import Scorer

__all__ = ["builtin"]


def builtin() -> dict[str, Scorer]:
    """By name."""
    return {scorer.name: scorer for scorer in _all()}


def _all() -> Iterator[Scorer]:
    yield from (Length(unit) for unit in UNITS)
    yield from (Form(form) for form in FORMS)
    yield from (NumericAnswer(place) for place in PLACES)
    yield PersonalData()
    yield PersonalData(count=True)
    yield from (PersonalData([kind]) for kind in KINDS)
    yield Presidio()
    yield Presidio(count=True)
