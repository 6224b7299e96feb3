"""How much personal data the scorers find, and how much they find that is none, by kind.

    .venv/bin/python bench/pii.py            # a table, and build/bench/pii.json
    .venv-trainers/bin/python bench/pii.py   # the same with Presidio beside ours: that environment has it

Read from bench/pii.txt: sentences written for this project, each with the kinds that are in it. A sentence counts once
for each kind: found and there, found and not there, there and not found.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rlhf_contract.errors import ScorerMissing
from rlhf_contract.scorers.optional import install, needed
from rlhf_contract.scorers.pii import KINDS, PersonalData
from rlhf_contract.scorers.presidio import Presidio

HERE = Path(__file__).parent
OUT = HERE.parent / "build" / "bench" / "pii.json"


@dataclass
class Tally:
    """Sentences of one kind; `wrong` are those that were judged wrongly, in full."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.misses)


def sentences(path: Path = HERE / "pii.txt") -> Iterator[tuple[frozenset[str], str]]:
    """The kinds in each sentence, and the sentence."""
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kinds, text = line.split("\t")
            yield frozenset(kinds.split(",")) - {"-"}, text


def scorers() -> dict[str, PersonalData | Presidio]:
    """By what the table calls them; Presidio where its extra is installed."""
    try:
        needed("presidio_analyzer", "presidio/any", Presidio.extra)
    except ScorerMissing:
        return {"ours": PersonalData()}
    return {"ours": PersonalData(), "Presidio": Presidio()}


def measured(scorer: PersonalData | Presidio) -> dict[str, Tally]:
    """By kind, and under `any` whether a sentence has some."""
    tallies = {kind: Tally() for kind in (*KINDS, "any")}
    for there, text in sentences():
        found = {kind for kind, spans in scorer.find(text).items() if spans}
        for kind, tally in tallies.items():
            has, says = (bool(there), bool(found)) if kind == "any" else (kind in there, kind in found)
            tally.hits += has and says
            tally.false_alarms += says and not has
            tally.misses += has and not says
            if has != says:
                tally.wrong.append(f"{'missed' if has else 'false alarm'}: {text}")
    return tallies


def document(tallies: dict[str, Tally]) -> dict[str, Any]:
    return {
        kind: {
            "sentences": tally.hits + tally.misses,
            "precision": round(tally.precision, 4),
            "recall": round(tally.recall, 4),
            "wrong": tally.wrong,
        }
        for kind, tally in tallies.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    found = {name: measured(scorer) for name, scorer in scorers().items()}
    columns = [f"{what} ({name})" for name in found for what in ("precision", "recall")]
    rows = Table("kind", "sentences", *columns, title=f"{len(list(sentences()))} sentences")
    for kind in (*KINDS, "any"):
        each = [tallies[kind] for tallies in found.values()]
        shares = [f"{share:.3f}" for tally in each for share in (tally.precision, tally.recall)]
        rows.add_row(kind, str(each[0].hits + each[0].misses), *shares)
    console = Console(width=120)
    console.print(rows)
    for kind, tally in found["ours"].items():
        if kind != "any":
            for line in tally.wrong:
                console.print(f"{kind}: {line}", markup=False)
    if "Presidio" not in found:
        console.print(f"Presidio is not here: {install(Presidio.extra)}", markup=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        json.dumps({name: document(tallies) for name, tallies in found.items()}, indent=2, ensure_ascii=False) + "\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
