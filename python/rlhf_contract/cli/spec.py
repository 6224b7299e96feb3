"""check · prove · hash: a Legal-Blocks file alone, without data or chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, table
from rlhf_contract.errors import DataError, ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from rlhf_contract.lang.contract import Contract
    from rlhf_contract.lang.ir import SignalSpec
    from rlhf_contract.machine.program import Program
    from rlhf_contract.prove.decide import Result

__all__ = ["check", "hash_", "plain", "prove", "read_spec", "show_results"]

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
    from rlhf_contract.types import decimal_text

    contract, program, data = read_spec(file)
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
            *(f"monotone in {m.name}" for m in contract.promises),
        ],
        "programBytes": len(program.data),
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
    rows.add_row("program", f"{len(program.data)} bytes, {len(program.code)} instructions")
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

    contract, program, data = read_spec(file)
    require_canonical(contract.tree)
    hashes = {"specHash": to_hex(keccak256(data)), "programHash": to_hex(keccak256(program.data))}
    if json:
        print_json(hashes)
    else:
        for name, value in hashes.items():
            print(f"{name:<12} {value}")


def prove(
    file: SpecFile,
    json: Json = False,
    rlimit: Annotated[int, typer.Option(min=1, help="Z3's work units for each promise.")] = 50_000_000,
    seconds: Annotated[int, typer.Option(min=1, help="Wall clock for each promise; only a backstop.")] = 60,
) -> None:
    """Prove every promise of a contract, or show the row that breaks it.

    Exit code 0: all proved. 3: one is refuted (or holds of nothing). 4: one is unknown, which is never a pass.

    Example: rlhf-contract prove examples/leaky.legal
    """
    from rich.console import Console

    from rlhf_contract.hashing import to_hex
    from rlhf_contract.prove.decide import Budget
    from rlhf_contract.prove.decide import prove as decide
    from rlhf_contract.prove.report import exit_code, proof_hash, report

    contract, program, _ = read_spec(file)
    with Console(stderr=True, quiet=json).status("proving") as status:
        results = decide(
            contract, Budget(rlimit=rlimit, seconds=seconds), lambda promise: status.update(f"proving {promise}")
        )
    document = report(contract, program, results)
    code = exit_code(results)
    if json:
        timings = {r.id: round(r.seconds, 6) for r in results}
        print_json({**document, "proofHash": to_hex(proof_hash(document)), "seconds": timings})
    else:
        out = console()
        show_results(out, contract, results)
        if code is ExitCode.OK:
            out.print(f"[green]all {len(results)} proved[/] by {document['solver']}")
        out.print(f"proofHash {to_hex(proof_hash(document))}")
    raise typer.Exit(int(code))


_STYLES = {"proved": "green", "refuted": "bold red", "vacuous": "red", "unknown": "yellow"}


def show_results(out: Console, contract: Contract, results: list[Result]) -> None:
    """A table of verdicts, then each counterexample as rows a person can read."""
    from rlhf_contract.prove.decide import Verdict

    rows = table("promise", "verdict", "in words", "decided by", "ms", right=("ms",))
    for r in results:
        style = _STYLES[r.verdict.value]
        rows.add_row(r.id, f"[{style}]{r.verdict.value}[/]", r.sentence, r.tier, f"{r.seconds * 1000:.0f}")
    out.print(rows)
    for r in results:
        if r.verdict is Verdict.REFUTED and r.witness:
            show_counterexample(out, contract, r)


def show_counterexample(out: Console, contract: Contract, result: Result) -> None:
    """The row (or both rows) that break a promise, with what they earn and which rules they break."""
    from rlhf_contract.prove.report import row_words

    words = [row_words(contract, w) for w in result.witness]
    heads = ("this row",) if len(words) == 1 else ("this row", "earns more than this one")
    out.print(f"[bold red]refuted[/]: {result.sentence} The machine was run on it:")
    rows = table("signal", *heads)
    for name in words[0]["signals"]:
        values = [plain(w["signals"][name]) for w in words]
        mark = "[bold]" if len(set(values)) > 1 else ""
        rows.add_row(f"{mark}{name}", *(f"{mark}{v}" for v in values))
    rows.add_section()
    rows.add_row("[bold]reward", *(f"[bold]{w['reward']}" for w in words))
    rows.add_row("broken", *(", ".join(w["broken"]) or "nothing" for w in words))
    out.print(rows)


def plain(value: Any) -> str:
    """A value for people: yes and no, lists line by line."""
    if isinstance(value, list):
        records = (", ".join(f"{name} {plain(v)}" for name, v in record.items()) for record in value)
        return "\n".join(f"{i}: {record}" for i, record in enumerate(records)) or "empty"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
