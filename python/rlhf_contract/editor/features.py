"""What the editor shows: each function takes a document and gives what the protocol asks for."""

from __future__ import annotations

import re

from lsprotocol import types

from rlhf_contract.editor.document import Declaration, Document, Token
from rlhf_contract.editor.words import AGGREGATIONS, FUNCTIONS, KEYWORDS, TYPES
from rlhf_contract.lang import ast
from rlhf_contract.lang.format import format_expression, format_spec
from rlhf_contract.lang.ir import Node
from rlhf_contract.types import decimal_text

__all__ = ["completion", "definition", "diagnostics", "formatting", "hover"]

_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


def diagnostics(document: Document) -> list[types.Diagnostic]:
    """Everything that is wrong with the text, with what to write instead."""
    return [
        types.Diagnostic(
            range=document.range_of(problem.span),
            message=f"{problem.message}\n{problem.hint}".rstrip(),
            severity=types.DiagnosticSeverity.Error,
            code=problem.code,
            source="legal-blocks",
        )
        for problem in document.diagnostics
    ]


def formatting(document: Document) -> list[types.TextEdit]:
    """The change that makes the text canonical; none if it is, or if anything is wrong with it."""
    if document.diagnostics or document.tree is None:
        return []
    text = format_spec(document.tree)
    return [] if text == document.text else [types.TextEdit(document.range(0, len(document.text)), text)]


def definition(document: Document, position: types.Position) -> types.Range | None:
    """Where the name at `position` is declared."""
    index = document.index_at(offset := document.offset(position))
    if index < 0 or _word(document, index):
        return None
    declaration = document.resolve(document.tokens[index], offset)
    return _range(document, declaration.token) if declaration else None


# -- hover


def hover(document: Document, position: types.Position) -> types.Hover | None:
    """What the word at `position` means: its type, range or choices, or one sentence about it."""
    index = document.index_at(offset := document.offset(position))
    if index < 0:
        return None
    token = document.tokens[index]
    text = _word(document, index)
    if not text and token.text == "reward" and (tree := document.tree) is not None:
        text = f"**reward**: the final reward, promised to lie in {_ends(tree.lowest, tree.highest)}, six decimals"
    if not text and (declaration := document.resolve(token, offset)):
        text = _declared(document, declaration)
    if not text:
        return None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), _range(document, token))


def _word(document: Document, index: int) -> str:
    """What a function, an aggregation or a keyword means; empty if the word is a name of the author."""
    token, name = document.tokens[index], document.tokens[index].text
    if any(declaration.token.start == token.start for declaration in document.declarations):
        return ""
    if name in FUNCTIONS and _text(document, index + 1) == "(":
        form, meaning = FUNCTIONS[name]
        return f"**{form}**\n\n{meaning}"
    if name in AGGREGATIONS and _text(document, index - 1) == "AGGREGATE":
        return f"**{name}**\n\n{AGGREGATIONS[name]}"
    if name in KEYWORDS and (name not in TYPES or token.block == "SIGNALS"):
        return f"**{name}**\n\n{KEYWORDS[name]}"
    return ""


def _declared(document: Document, declaration: Declaration) -> str:
    """A name of the author, as well as the last tree that parsed knows it."""
    name, tree = declaration.name, document.tree
    title = f"**{name}**"
    match declaration.kind:
        case "variable":
            return f"{title}: each entry of `{declaration.owner}` in turn"
        case "choice":
            return f"{title}: a choice of `{declaration.owner}`"
        case "signal":
            signal = _signal(tree, name)
            if signal is None:
                return f"{title}: a signal"
            by = f"\n\nmade by `{signal.by}`" if signal.by else ""
            return f"{title}: a signal, {_type(signal)}{by}"
        case "field":
            owner = _signal(tree, declaration.owner)
            field = next((f for f in owner.fields if f.name == name), None) if owner else None
            kind = f", {_type(field)}" if field else ""
            return f"{title}: a field of `{declaration.owner}`{kind}"
        case "LET":
            let = next((x for x in tree.lets if x.name == name), None) if tree else None
            value = document.values.get(name)
            kind = f", {_value(value)}" if value else ""
            return f"{title}: a LET{kind}" + (f"\n\n`{format_expression(let.body)}`" if let else "")
        case "stakeholder":
            holder = next((h for h in tree.stakeholders if h.name == name), None) if tree else None
            weight = f", weight {_number(holder.weight)}{', with a veto' if holder.veto else ''}" if holder else ""
            return f"{title}: a stakeholder{weight}"
        case "rule":
            block = declaration.token.block
            return f"{title}: the name of this {block}\n\n{KEYWORDS[block]}"


def _signal(tree: ast.Spec | None, name: str) -> ast.Signal | None:
    return next((s for s in tree.signals if s.name == name), None) if tree else None


def _type(declared: ast.Signal | ast.Field) -> str:
    """A type in plain words."""
    match declared.kind:
        case "score":
            return "a number from 0 to 1 with six decimals"
        case "real":
            return f"a number in {_ends(declared.lowest, declared.highest)} with six decimals"
        case "int":
            return f"a whole number in {_ends(declared.lowest, declared.highest)}"
        case "bool":
            return "true or false"
        case "choice":
            return f"one of {', '.join(f'`{choice}`' for choice in declared.choices)}"
        case "list":
            fields = declared.fields if isinstance(declared, ast.Signal) else ()
            length = declared.length if isinstance(declared, ast.Signal) else 0
            entries = "".join(f"\n- `{field.name}`: {_type(field)}" for field in fields)
            return f"a list of up to {length} entries, each with\n{entries}"


def _value(node: Node) -> str:
    """The type and range that the compiler found, in plain words."""
    match node.type:
        case "bool":
            return "true or false"
        case "choice":
            return f"one of {', '.join(f'`{choice}`' for choice in node.choices)}"
        case "number":
            decimals = f"exact to {node.scale} decimals" if node.scale else "whole"
            ends = (decimal_text(end, node.scale) for end in (node.lowest, node.highest))
            return f"a number in [{', '.join(ends)}], {decimals}"


def _ends(lowest: ast.Decimal | None, highest: ast.Decimal | None) -> str:
    return f"[{', '.join(_number(end) for end in (lowest, highest) if end)}]"


def _number(decimal: ast.Decimal) -> str:
    return decimal_text(decimal.value, decimal.scale)


# -- completion


def completion(document: Document, position: types.Position) -> list[types.CompletionItem]:
    """What may be written at `position`, as far as the words before it tell."""
    offset = document.offset(position)
    if document.is_silent(offset):
        return []
    prefix = _PREFIX.search(document.text[max(0, offset - 200) : offset])
    start = offset - len(prefix[0]) if prefix else offset
    before = [token for token in document.tokens if token.end <= start]
    head, dot, _ = prefix[0].rpartition(".") if prefix else ("", "", "")
    variable = document.variable(head, offset) if dot else None
    if variable is not None:
        edited = document.range(start + len(head) + 1, offset)
        return [_name(document, field, edited) for field in document.owned("field", variable.owner)]
    return _completion(document, before, offset, document.range(start, offset))


def _completion(
    document: Document, before: list[Token], offset: int, edited: types.Range
) -> list[types.CompletionItem]:
    """The items after the tokens `before`; each replaces the range `edited`."""
    words = [token.text for token in before[-4:]]
    last, last2, last3, last4 = (["", "", "", "", *words])[:-5:-1]
    block = before[-1].block if before else ""
    if last in ("=", "!=") and last3 != "LET":
        choices = document.owned("choice", _choosing(document, before[-2], last2) if len(before) > 1 else "")
        if choices:
            return [_name(document, choice, edited) for choice in choices]
    if last == "AGGREGATE":
        return [_item(name, types.CompletionItemKind.Function, AGGREGATIONS[name], edited) for name in AGGREGATIONS]
    signals = [d for d in document.declarations if d.kind == "signal"]
    if block == "PROVE" and last in _IN_PROMISE:
        return [_item(word, types.CompletionItemKind.Keyword, KEYWORDS[word], edited) for word in _IN_PROMISE[last]]
    if block == "PROVE" and last in ("IN", "TO", "OF"):
        return _promised(document, last2, edited)
    if last == "IN" and (last3 in ("FORALL", "EXISTS") or last4 in ("count", "sum")):
        return [_name(document, s, edited) for s in signals if document.owned("field", s.name)]
    if block == "SIGNALS" and last in (":", "of"):
        return [_item(word, types.CompletionItemKind.Keyword, KEYWORDS[word], edited) for word in TYPES]
    names = [d for d in document.declarations if d.kind in ("signal", "LET")]
    names += [d for d in document.declarations if d.kind == "variable" and d.reach[0] <= offset <= d.reach[1]]
    items = [_name(document, declaration, edited) for declaration in names]
    if block == "ENSURES":
        items.append(_item("reward", types.CompletionItemKind.Variable, "the final reward", edited))
    items += [_item(f, types.CompletionItemKind.Function, " ".join(FUNCTIONS[f]), edited) for f in FUNCTIONS]
    keywords = [word for word in KEYWORDS if word not in TYPES]
    return items + [_item(word, types.CompletionItemKind.Keyword, KEYWORDS[word], edited) for word in keywords]


_IN_PROMISE = {
    "PROVE": ("MONOTONE", "DECREASING", "VIOLATION", "FIXING", "PARETO", "INFLUENCE", "SENSITIVITY"),
    **dict.fromkeys(("MONOTONE", "DECREASING"), ("IN",)),
    "VIOLATION": ("NEVER",),
    "FIXING": ("ALWAYS",),
    **dict.fromkeys(("NEVER", "ALWAYS"), ("PAYS",)),
    "INFLUENCE": ("OF",),
    "SENSITIVITY": ("TO",),
    "AT": ("MOST",),
}
"""What follows these words in a promise."""


def _promised(document: Document, word: str, edited: types.Range) -> list[types.CompletionItem]:
    """What a promise may name after `word` and IN, TO or OF."""
    declared = document.declarations
    if word == "INFLUENCE":
        return [_name(document, d, edited) for d in declared if d.kind == "stakeholder"]
    if word == "PAYS":
        return [_name(document, d, edited) for d in declared if d.kind == "rule" and d.token.block == "INVARIANT"]
    signals = [d for d in declared if d.kind == "signal"]
    if word == "SENSITIVITY":
        kinds = {s.name: s.kind for s in document.tree.signals} if document.tree else {}
        return [_name(document, s, edited) for s in signals if kinds.get(s.name) not in ("bool", "choice", "list")]
    items = []
    for signal in signals:
        fields = document.owned("field", signal.name)
        items += [_name(document, d, edited, f"{signal.name}.{d.name}") for d in fields]
        items += [] if fields else [_name(document, signal, edited)]
    return items


def _choosing(document: Document, token: Token, name: str) -> str:
    """The signal, or field, whose choices are compared with `name`."""
    head, _, rest = name.partition(".")
    variable = document.variable(head, token.start)
    return f"{variable.owner}.{rest}" if variable else name


_KINDS = {
    "signal": types.CompletionItemKind.Variable,
    "field": types.CompletionItemKind.Field,
    "choice": types.CompletionItemKind.EnumMember,
    "LET": types.CompletionItemKind.Constant,
    "variable": types.CompletionItemKind.Variable,
    "stakeholder": types.CompletionItemKind.Class,
    "rule": types.CompletionItemKind.Function,
}


def _name(document: Document, declaration: Declaration, edited: types.Range, label: str = "") -> types.CompletionItem:
    """A name of the author, written as `label`; names stand before the words of the language."""
    name = label or declaration.name
    item = _item(name, _KINDS[declaration.kind], _declared(document, declaration), edited)
    item.sort_text = f" {name}"
    return item


def _item(label: str, kind: types.CompletionItemKind, about: str, edited: types.Range) -> types.CompletionItem:
    documentation = types.MarkupContent(types.MarkupKind.Markdown, about)
    return types.CompletionItem(label, kind=kind, documentation=documentation, text_edit=types.TextEdit(edited, label))


def _text(document: Document, index: int) -> str:
    return document.tokens[index].text if 0 <= index < len(document.tokens) else ""


def _range(document: Document, token: Token) -> types.Range:
    return document.range(token.start, token.end)
