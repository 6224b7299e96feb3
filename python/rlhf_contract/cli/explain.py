"""explain: a contract in plain English, beside its source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_contract.cli.output import console, print_json, write_text
from rlhf_contract.cli.spec import Json, SpecFile, read_spec

if TYPE_CHECKING:
    from rlhf_contract.lang.explanation import Explanation, Sentence

__all__ = ["explain_"]


def explain_(
    file: SpecFile,
    html: Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write one web page here.")] = None,
    json: Json = False,
) -> None:
    """Say in plain English what a contract says, block by block.

    Example: rlhf-contract explain examples/safe_assistant.legal
    """
    from rlhf_contract.lang.explain import explain, to_html, to_markdown

    contract, _, _ = read_spec(file)
    explanation = explain(contract.tree)
    if html is not None:
        write_text(html, to_html(explanation))
    if json:
        print_json({**_document(explanation), "html": str(html) if html else None})
        return
    out = console()
    if html is not None:
        out.print("written to", str(html), markup=False)
    elif out.is_terminal:
        from rich.markdown import Markdown

        out.print(Markdown(to_markdown(explanation)))
    else:
        print(to_markdown(explanation), end="")


def _document(explanation: Explanation) -> dict[str, Any]:
    return {
        "contract": explanation.name,
        "version": explanation.version,
        "title": explanation.title,
        "specHash": explanation.spec_hash,
        "about": [_sentence(s) for s in explanation.about],
        "sections": [
            {
                "title": section.title,
                "about": [_sentence(s) for s in section.about],
                "entries": [
                    {
                        "lines": [entry.first_line, entry.last_line],
                        "source": entry.source,
                        "sentences": [_sentence(s) for s in entry.sentences],
                        "notes": list(entry.notes),
                    }
                    for entry in section.entries
                ],
            }
            for section in explanation.sections
        ],
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {"text": sentence.text, "items": [_sentence(s) for s in sentence.items]}
