"""What a voter sees before anything is signed: whether the file is what is voted on, what it says, what it changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rlhf_contract.cli.output import console, print_json, progress_bar, table
from rlhf_contract.cli.prove import decided, show_results
from rlhf_contract.cli.spec import read_spec
from rlhf_contract.errors import ExitCode

if TYPE_CHECKING:
    from rlhf_contract.chain.ballots import SavedProposal
    from rlhf_contract.chain.governance import Adoption
    from rlhf_contract.lang.contract import Contract
    from rlhf_contract.machine.program import Program
    from rlhf_contract.prove.decide import Result

__all__ = ["Derived", "Difference", "adoption_of", "derive", "differences", "present"]


@dataclass(frozen=True, slots=True)
class Derived:
    """What a file says, computed here and now; `proof_hash` is None while the proofs have not been asked for."""

    contract: Contract
    program: Program
    spec_hash: bytes
    program_hash: bytes
    results: tuple[Result, ...] = ()
    proof_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which the file is not what is voted on."""

    what: str
    file: str
    proposal: str


def derive(file: Path, prove: bool, quiet: bool) -> Derived:
    """The hashes of `file`; with `prove`, every promise decided and the report's hash."""
    from rlhf_contract.hashing import keccak256
    from rlhf_contract.prove.query import Budget
    from rlhf_contract.prove.report import proof_hash, report

    contract, program, data = read_spec(file)
    hashes = keccak256(data), keccak256(program.data)
    if not prove:
        return Derived(contract, program, *hashes)
    budget = Budget()
    results = decided(contract, budget, quiet=quiet)
    return Derived(contract, program, *hashes, tuple(results), proof_hash(report(contract, program, results, budget)))


def adoption_of(derived: Derived, uri: str = "") -> Adoption:
    """What is voted on: `derived`, whose promises have been decided."""
    from rlhf_contract.chain.governance import COMPILER, Adoption

    assert derived.proof_hash is not None
    hashes = derived.spec_hash, derived.program_hash, derived.proof_hash
    return Adoption(*hashes, derived.contract.version, COMPILER, uri)


def differences(derived: Derived, saved: SavedProposal) -> list[Difference]:
    """Where the file is not what the proposal's own bytes say."""
    from rlhf_contract.hashing import to_hex

    adopted = saved.adopted()
    pairs = [
        ("contract", derived.contract.name, saved.contract_name),
        ("version", derived.contract.version, adopted.version),
        ("specHash", to_hex(derived.spec_hash), to_hex(adopted.spec_hash)),
        ("programHash", to_hex(derived.program_hash), to_hex(adopted.program_hash)),
    ]
    if derived.proof_hash is not None:
        pairs.append(("proofHash", to_hex(derived.proof_hash), to_hex(adopted.proof_hash)))
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def present(file: Path, saved: SavedProposal, active: Path | None, json: bool) -> tuple[Derived, dict[str, Any]]:
    """Re-derive and compare, then say what the file says and changes; also as a document.

    Ends the command with status 1, and says first of all in which hash, if `file` is not what is voted on or `active`
    not what is in force.
    """
    quick = derive(file, prove=False, quiet=json)
    found = differences(quick, saved)
    _refuse_unequal(found, file, saved, json)
    derived = derive(file, prove=True, quiet=json)
    _refuse_unequal(differences(derived, saved), file, saved, json)
    before = _active(active, saved, json)
    document = _document(derived, saved)
    if not json:
        _say(derived, saved)
    if before is not None:
        from rlhf_contract.prove.compare.pages import to_markdown
        from rlhf_contract.prove.compare.versions import compare, to_json
        from rlhf_contract.prove.compare.words import paper

        with progress_bar("comparing", None, quiet=json) as done:
            compared = compare(before, derived.contract, progress=lambda _, count, total: done(count, total))
        document["diff"] = to_json(compared)
        if not json:
            _markdown(to_markdown(paper(compared)))
    elif not json and int(saved.active_spec_hash, 16):
        print(f"To see what changes, give the text in force with --active (specHash {saved.active_spec_hash}).\n")
    return derived, document


def _active(active: Path | None, saved: SavedProposal, json: bool) -> Contract | None:
    """The contract in force, only if its hash is the one in force."""
    from rlhf_contract.hashing import to_hex

    if active is None:
        return None
    derived = derive(active, prove=False, quiet=json)
    hash_ = to_hex(derived.spec_hash)
    if hash_ != saved.active_spec_hash:
        in_force = saved.active_spec_hash if int(saved.active_spec_hash, 16) else "none"
        _refuse_unequal([Difference("active specHash", hash_, in_force)], active, saved, json)
    return derived.contract


def _refuse_unequal(found: list[Difference], file: Path, saved: SavedProposal, json: bool) -> None:
    if not found:
        return
    if json:
        differs = [{"what": d.what, "file": d.file, "proposal": d.proposal} for d in found]
        print_json({"proposalId": saved.proposal_id, "matches": False, "file": str(file), "differs": differs})
        raise typer.Exit(int(ExitCode.INVALID_INPUT))
    from rich.markup import escape

    from rlhf_contract.lang.explanation import visible

    out = console()
    names = ", ".join(d.what for d in found)
    out.print(f"[bold red]REFUSED[/]: {escape(str(file))} is not what proposal {saved.proposal_id} is about: ", end="")
    out.print(f"[bold red]{names}[/]")
    rows = table("", "", "")
    rows.show_header = False
    for d in found:
        rows.add_row(f"[red]{d.what}", "of the file", f"[red]{escape(visible(d.file))}")
        rows.add_row("", "on the chain", escape(visible(d.proposal)))
    out.print(rows)
    if {d.what for d in found} == {"proofHash"}:
        out.print("Text and program are the same. Another version of the solver writes another report.")
    out.print("Nothing was signed.")
    raise typer.Exit(int(ExitCode.INVALID_INPUT))


def _document(derived: Derived, saved: SavedProposal) -> dict[str, Any]:
    from rlhf_contract.hashing import to_hex

    adopted = saved.adopted()
    return {
        "proposalId": saved.proposal_id,
        "matches": True,
        "contract": saved.contract_name,
        "version": adopted.version,
        "specHash": to_hex(adopted.spec_hash),
        "programHash": to_hex(adopted.program_hash),
        "proofHash": to_hex(adopted.proof_hash),
        "parentSpecHash": to_hex(adopted.parent_spec_hash),
        "activeSpecHash": saved.active_spec_hash,
        "chainId": saved.chain_id,
        "governor": saved.governor,
        "description": saved.description,
        "promises": {r.id: r.verdict.value for r in derived.results},
    }


def _say(derived: Derived, saved: SavedProposal) -> None:
    from rich.markup import escape

    from rlhf_contract.lang.explain import explain, to_markdown
    from rlhf_contract.lang.explanation import visible
    from rlhf_contract.prove.report import exit_code

    out, document = console(), _document(derived, saved)
    out.print("[bold green]The file is what is voted on[/]: every hash was derived again from it.")
    rows = table("", "")
    rows.show_header = False
    for name in ("contract", "version", "specHash", "programHash", "proofHash", "governor"):
        rows.add_row(name, escape(visible(document[name])))
    rows.add_row("chain", str(saved.chain_id))
    rows.add_row("proposal", saved.proposal_id)
    out.print(rows)
    if document["parentSpecHash"] != document["activeSpecHash"]:
        out.print(
            "[bold yellow]It was proposed against a text that is not the one in force[/], so it cannot be executed."
        )
    _markdown(to_markdown(explain(derived.contract.tree)))
    if exit_code(derived.results) is ExitCode.OK:
        out.print(f"[green]all {len(derived.results)} promises proved[/]\n")
    else:
        out.print("[bold red]Not every promise is proved[/]:")
        show_results(out, derived.contract, list(derived.results))


def _markdown(text: str) -> None:
    out = console()
    if out.is_terminal:
        from rich.markdown import Markdown

        out.print(Markdown(text))
    else:
        print(text)
