"""why: one row, taken apart."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, table
from rlhf_contract.cli.prove import plain
from rlhf_contract.cli.spec import Json, SpecFile, read_spec
from rlhf_contract.errors import DataError

if TYPE_CHECKING:
    from rlhf_contract.machine.from_file import Columns

__all__ = ["why_"]


def why_(
    file: SpecFile,
    row: Annotated[str, typer.Argument(metavar="ROW", help="DATA:NUMBER (from 0) or a JSON object.")],
    json: Json = False,
) -> None:
    """Say why a row has the reward it has: utilities, rules, roundings, to the final integer.

    Example: rlhf-contract why examples/safe_assistant.legal examples/safe_assistant.jsonl:17
    """
    from rlhf_contract.machine.from_file import to_rows
    from rlhf_contract.machine.why import why

    contract, program, _ = read_spec(file)
    columns, number = _row(row)
    rows = to_rows(contract, columns)
    if not 0 <= number < len(rows):
        raise DataError(f"{columns.where}: there is no row {number}; rows are 0 … {len(rows) - 1}")
    said = why(contract, program, rows, number)
    if json:
        print_json(said)
    else:
        show(said)


def _row(text: str) -> tuple[Columns, int]:
    """The columns and row number that `text` names."""
    from rlhf_contract.machine.from_file import Columns, read_file

    if text.lstrip().startswith("{"):
        try:
            record = json_.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"ROW is not a JSON object: {error}") from None
        return Columns({name: [value] for name, value in record.items()}, 1, "ROW"), 0
    data, _, number = text.rpartition(":")
    if not data or not number.isdecimal():
        raise DataError(f'{text}: write DATA:NUMBER, such as samples.jsonl:17, or a JSON object {{"signal": value}}')
    return read_file(Path(data)), int(number)


def show(said: dict[str, Any]) -> None:
    """The same for people."""
    from rich.markup import escape

    out = console()
    why = f": {escape(said['why'])}" if said["why"] else ""
    out.print(f"[bold]{said['contract']}[/]: this row is [bold]{said['status']}[/]{why}")
    rows = table("signal", "value")
    for name, value in said["signals"].items():
        rows.add_row(name, "[red]unreadable[/]" if value is None else escape(plain(value)))
    for name, value in said.get("lets", {}).items():
        rows.add_row(f"LET {name}", plain(value))
    out.print(rows)
    if said.get("requires"):
        rows = table("requires", "holds", "text")
        for r in said["requires"]:
            rows.add_row(r["name"], "[green]yes[/]" if r["holds"] else "[red]no[/]", escape(r["text"]))
        out.print(rows)
    if "reward" not in said:
        return
    rows = table("stakeholder", "weight", "utility", "wants", right=("weight", "utility"))
    for u in said["utilities"]:
        rows.add_row(u["stakeholder"], u["weight"], u["utility"], escape(u["wants"]))
    out.print(rows)
    out.print(f"{said['aggregate']['rule']}: {said['aggregate']['result']}")
    if said["rules"]:
        rows = table("invariant", "kept", "takes away", "at most", "text", right=("takes away", "at most"))
        for r in said["rules"]:
            broken = not r["kept"]
            takes, cap = (r["penalty"] or "") if broken else "", (r["atMost"] or "") if broken else ""
            rows.add_row(r["name"], "[red]no[/]" if broken else "[green]yes[/]", takes, cap, escape(r["text"]))
        out.print(rows)
    if said["roundings"]:
        rows = table("rounded down", "exact", "to", right=("exact", "to"))
        for r in said["roundings"]:
            at = f" (element {', '.join(map(str, r['elements']))})" if r["elements"] else ""
            rows.add_row(escape(r["text"]) + at, r["exact"], r["rounded"])
        out.print(rows)
    out.print(
        f"exactly {said['exact']}, so the reward is [bold]{said['reward']}[/] ({said['rewardMicro']:,} millionths)"
    )
