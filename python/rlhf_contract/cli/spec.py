"""check · hash: a Legal-Blocks file alone, without data or chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, table
from rlhf_contract.errors import DataError

if TYPE_CHECKING:
    from rlhf_contract.lang.contract import Contract
    from rlhf_contract.lang.ir import SignalSpec
    from rlhf_contract.machine.program import Program

__all__ = ["Json", "SpecFile", "check", "hash_", "read_spec"]

SpecFile = Annotated[Path, typer.Argument(metavar="FILE", help="A Legal-Blocks file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of words.")]


def read_spec(path: Path) -> tuple[Contract, Program, bytes]:
    """Contract, program and the file's bytes.

    Raises SpecError, and DataError when the file cannot be read.
    """
    from rlhf_contract.lang import check as check_tree
    from rlhf_contract.lang.parse import MAX_SOURCE_BYTES, parse
    from rlhf_contract.machine.compile import compile_contract

    try:
        with path.open("rb") as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    contract = check_tree(parse(data, str(path)))
    return contract, compile_contract(contract), data


def check(file: SpecFile, json: Json = False) -> None:
    """Read a contract and say everything that is wrong with it.

    Example: rlhf-contract check examples/safe_assistant.legal
    """
    from rich.markup import escape

    from rlhf_contract.hashing import keccak256, to_hex
    from rlhf_contract.prove.translation import require_translation
    from rlhf_contract.types import decimal_text

    contract, program, data = read_spec(file)
    lemmas = require_translation(contract, program).lemmas
    summary: dict[str, Any] = {
        "contract": contract.name,
        "version": contract.version,
        "title": contract.title,
        "reward": [decimal_text(contract.lowest, 6), decimal_text(contract.highest, 6)],
        "signals": {s.name: _signal(s) for s in contract.signals},
        "stakeholders": {u.stakeholder: decimal_text(u.weight, 6) for u in contract.utilities},
        "requires": [r.name for r in contract.requirements],
        "invariants": [r.name for r in contract.rules],
        "promises": [
            "bounded",
            *(e.name for e in contract.ensured),
            *(promise.id for promise in contract.promises),
        ],
        "programBytes": len(program.data),
        "programLemmas": lemmas,
        "specHash": to_hex(keccak256(data)),
        "programHash": to_hex(keccak256(program.data)),
    }
    if json:
        print_json(summary)
        return
    out = console()
    out.print(f"[bold]{contract.name} {contract.version}[/] {escape(contract.title)}")
    rows = table("", "")
    rows.show_header = False
    weights = (f"{name} {weight}" for name, weight in summary["stakeholders"].items())
    vetoes = [u.stakeholder for u in contract.utilities if u.veto]
    rows.add_row("reward", f"{summary['reward'][0]} … {summary['reward'][1]}")
    rows.add_row("signals", ", ".join(summary["signals"]))
    rows.add_row("stakeholders", ", ".join(weights) + (f"; veto: {', '.join(vetoes)}" if vetoes else ""))
    rows.add_row("requires", ", ".join(summary["requires"]) or "nothing")
    rows.add_row("invariants", ", ".join(summary["invariants"]) or "none")
    rows.add_row("promises", f"{', '.join(summary['promises'])} (`prove` decides them)")
    rows.add_row("program", f"{len(program.data)} bytes; {lemmas} lemmas prove that it computes this text")
    rows.add_row("specHash", summary["specHash"])
    rows.add_row("programHash", summary["programHash"])
    out.print(rows)
    out.print("[green]ok[/]: names, types, weights and ranges are right; nothing can overflow")


def _signal(spec: SignalSpec) -> dict[str, Any]:
    """Kind and range, choices or fields of a signal."""
    from rlhf_contract.types import decimal_text

    said: dict[str, Any] = {"kind": spec.kind}
    if spec.kind == "choice":
        said["choices"] = list(spec.choices)
    elif spec.kind == "list":
        said |= {"length": spec.highest, "fields": {f.name: _signal(f) for f in spec.fields}}
    else:
        said["range"] = [decimal_text(spec.lowest, spec.scale), decimal_text(spec.highest, spec.scale)]
    return said | ({"by": spec.by} if spec.by else {})


def hash_(file: SpecFile, json: Json = False) -> None:
    """Print what stakeholders vote on: the hash of the text and of its program. The text must be canonical (see fmt).

    Example: rlhf-contract hash examples/safe_assistant.legal
    """
    from rlhf_contract.hashing import keccak256, to_hex
    from rlhf_contract.lang.format import require_canonical
    from rlhf_contract.prove.translation import require_translation

    contract, program, data = read_spec(file)
    require_canonical(contract.tree)
    require_translation(contract, program)
    hashes = {"specHash": to_hex(keccak256(data)), "programHash": to_hex(keccak256(program.data))}
    if json:
        print_json(hashes)
    else:
        for name, value in hashes.items():
            print(f"{name:<12} {value}")
