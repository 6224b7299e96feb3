"""Request bodies → columns. Numbers are read exactly; every refusal names its place.

A JSON number with at most six decimals is that decimal; one with more is the float it stands for, rounded as every
float is. A text of digits is a decimal, so that nothing is lost on the way through a client's floats.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import msgspec
import pyarrow as pa

from rlhf_contract.api.limits import Limits
from rlhf_contract.api.messages import RewardRequest
from rlhf_contract.api.problem import Problem
from rlhf_contract.lang.contract import Contract
from rlhf_contract.lang.ir import SignalSpec
from rlhf_contract.machine.from_file import Columns
from rlhf_contract.scorers.scorer import COMPLETIONS, PROMPTS

__all__ = [
    "ARROW",
    "COMPANIONS",
    "JSON",
    "arrow_table",
    "columns_of_json",
    "columns_of_table",
    "decode",
    "other_fields",
]

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
COMPANIONS = ("id", *PROMPTS, *COMPLETIONS)
"""Columns that may come beside the signals: texts that a sample id commits to, and the client's own row name."""

Names: TypeAlias = Collection[str]
NONE: Mapping[str, object] = MappingProxyType({})
WHERE = "request"
DECIMAL = re.compile(r"[+-]?\d{1,20}(\.\d{0,40})?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
LONGEST_NUMBER = 400

Message = TypeVar("Message", bound=msgspec.Struct)


def _number(text: str) -> Decimal | float:
    if len(text) > LONGEST_NUMBER:
        raise Problem("malformed", f"a number of {len(text)} characters; {LONGEST_NUMBER} are read")
    try:
        exact = Decimal(text)
        exponent = exact.as_tuple().exponent
    except InvalidOperation:
        return float(text)
    return exact if isinstance(exponent, int) and exponent >= -6 else float(text)


def decode(body: bytes, message: type[Message], limits: Limits) -> Message:
    """A JSON body as `message`. Raises Problem: malformed with the place, too-large for too many values."""
    values = sum(body.count(mark) for mark in (b",", b"{", b"["))
    if values > limits.json_values:
        raise Problem("too-large", f"{values:,} values; JSON may have {limits.json_values:,}, Arrow has no such limit")
    deepest, names = structure(body, limits.depth)
    if deepest > limits.depth:
        raise Problem("malformed", f"JSON nested deeper than {limits.depth}")
    try:
        read = msgspec.json.Decoder(message, float_hook=_number).decode(body)
    except msgspec.ValidationError as error:
        raise Problem("malformed", f"the body is not a {message.__name__}: {error}") from None
    except UnicodeDecodeError as error:
        raise Problem("malformed", f"the body is not UTF-8: {error.reason}") from None
    except msgspec.DecodeError as error:
        raise Problem("malformed", f"the body is not JSON: {error}; NaN and Infinity are none, send null") from None
    except RecursionError:
        raise Problem("malformed", "JSON nested too deeply") from None
    # A message may leave out names that it does not know, so another number is only a reason to look closely.
    if names != _names(read) and (name := _twice(body)) is not None:
        # Of two values under one name the decoder keeps the last, another reader of the same bytes the first.
        raise Problem("malformed", f"the name {name!r} stands twice in one object")
    return read


def other_fields(body: bytes, message: type[msgspec.Struct]) -> dict[str, Any]:
    """Of a body that was decoded as `message`, the fields that this one leaves out."""
    read: dict[str, Any] = msgspec.json.Decoder(dict[str, Any], float_hook=_number).decode(body)
    return {name: value for name, value in read.items() if name not in message.__struct_fields__}


_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"([ \t\r\n]*+:)?|[\[{]|[\]}]', re.DOTALL)


def structure(body: bytes, enough: int) -> tuple[int, int]:
    """How deep brackets are nested outside of texts, and how many names stand before a colon.

    Stops counting when it is deeper than `enough`.
    """
    deepest = now = names = 0
    for match in _STRUCTURE.finditer(body):
        mark = body[match.start()]
        if mark in b"[{":
            now += 1
            deepest = max(deepest, now)
            if deepest > enough:
                break
        elif mark in b"]}":
            now -= 1
        elif match[1] is not None:
            names += 1
    return deepest, names


def _names(value: Any) -> int:
    """How many names a decoded message has; a body with more has had one of them twice."""
    if isinstance(value, dict):
        return len(value) + sum(_names(v) for v in value.values() if isinstance(v, (dict, list)))
    if isinstance(value, list):
        return sum(_names(v) for v in value if isinstance(v, (dict, list)))
    if isinstance(value, msgspec.Struct):
        given = [v for v in (getattr(value, n) for n in value.__struct_fields__) if v is not msgspec.UNSET]
        return len(given) + sum(map(_names, given))
    return 0


def _twice(body: bytes) -> str | None:
    """A name that stands twice in one object, if there is one."""
    found: list[str] = []

    def pairs(listed: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in listed:
            if name in seen:
                found.append(name)
            seen.add(name)

    json.loads(body, object_pairs_hook=pairs, parse_int=str, parse_float=str)
    return found[0][:100] if found else None


def columns_of_json(
    contract: Contract, request: RewardRequest, limits: Limits, made: Mapping[str, object] = NONE, read: Names = ()
) -> Columns:
    """Columns by name; a signal that a row does not name is missing in it, and the row invalid.

    `made` are the signals that pinned scorers make here, `read` columns that these read.

    Raises Problem: neither or both of rows and columns, too many rows, columns of different lengths, a name that is
    neither a signal nor a companion.
    """
    if (request.rows is msgspec.UNSET) == (request.columns is msgspec.UNSET):
        raise Problem("malformed", 'give either "rows" or "columns"')
    signals = {s.name: s for s in contract.signals}
    if request.rows is not msgspec.UNSET:
        rows = request.rows
        _count(len(rows), limits)
        for place, row in enumerate(rows):
            _known(row, contract, f"$.rows[{place}]", read)
        named = {name for row in rows for name in row}
        names = [n for n in signals if n in named or n not in made]
        names += [n for n in (*COMPANIONS, *sorted({*read} - {*COMPANIONS})) if n in named and n not in signals]
        values = {name: [row.get(name) for row in rows] for name in names}
        count = len(rows)
    else:
        assert request.columns is not msgspec.UNSET
        values = dict(request.columns)
        _known(values, contract, "$.columns", read)
        lengths = {name: len(column) for name, column in values.items()}
        count = max(lengths.values(), default=0)
        _count(count, limits)
        short = [name for name, length in lengths.items() if length != count]
        if short:
            raise Problem("malformed", f"$.columns.{short[0]} has {lengths[short[0]]} values, another column {count}")
    for name, spec in signals.items():
        if name in values:
            values[name] = [_exact(spec, value) for value in values[name]]
    for name in {*read} & values.keys() - signals.keys():
        values[name] = [_float(value) for value in values[name]]
    return Columns(values, count, WHERE)


def _count(count: int, limits: Limits) -> None:
    if count > limits.rows:
        raise Problem("too-large", f"{count:,} rows; one request may have {limits.rows:,}")
    if not count:
        raise Problem("malformed", "there are no rows")


def _known(names: Iterable[str], contract: Contract, place: str, read: Names) -> None:
    allowed = [s.name for s in contract.signals]
    for name in names:
        if name not in allowed and name not in COMPANIONS and name not in read:
            near = difflib.get_close_matches(name[:100], allowed, 1, 0.6)
            hint = f"; did you mean {near[0]}?" if near else f"; {contract.name} reads {', '.join(allowed)}"
            raise Problem("malformed", f"{place} has the unknown field {name[:100]!r}{hint}")


def _exact(spec: SignalSpec, value: Any) -> Any:
    """Texts of digits as decimals where a number is wanted, in the fields of lists too."""
    if spec.kind == "list":
        if not isinstance(value, list):
            return value
        fields = {f.name: f for f in spec.fields}
        return [
            {name: _exact(fields[name], v) if name in fields else v for name, v in record.items()}
            if isinstance(record, dict)
            else record
            for record in value
        ]
    if spec.kind in ("real", "int") and isinstance(value, str) and DECIMAL.fullmatch(value):
        return Decimal(value)
    return value


def _float(value: Any) -> Any:
    """What a scorer reads is a number as every JSON reader has it: in the trainer's process it is a float, too."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_float(one) for one in value]
    return {name: _float(one) for name, one in value.items()} if isinstance(value, dict) else value


def arrow_table(body: bytes, limits: Limits) -> pa.Table:
    """An Arrow IPC stream, checked before anything looks into it.

    Raises Problem: malformed, too-large (rows, or a stream that unfolds to far more than its bytes).
    """
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
            for batch in stream:
                rows += batch.num_rows
                if rows > limits.rows:
                    raise Problem("too-large", f"more than {limits.rows:,} rows in one request")
                batch.validate(full=True)
                size += batch.nbytes
                if size > 4 * limits.body_bytes:
                    raise Problem("too-large", f"the stream unfolds to more than {4 * limits.body_bytes:,} bytes")
                batches.append(batch)
                if len(batches) > limits.rows:
                    raise Problem("too-large", "more record batches than rows are allowed")
            table = pa.Table.from_batches(batches, stream.schema)
    except Problem:
        raise
    except (
        Exception
    ) as error:  # Arrow raises what it likes on hostile bytes: ArrowInvalid, OSError, UnicodeDecodeError …
        said = str(error).splitlines() or [type(error).__name__]
        raise Problem("malformed", f"the body is no Arrow IPC stream: {said[0][:200]}") from None
    _count(rows, limits)
    return table


def columns_of_table(contract: Contract, table: pa.Table, read: Names = ()) -> Columns:
    """Raises Problem: a column twice, or one that is neither a signal nor a companion."""
    names = table.column_names
    twice = {name for name in names if names.count(name) > 1} if len(names) <= 1000 else {"(over a thousand columns)"}
    if twice:
        raise Problem("malformed", f"column {min(twice)!r} appears twice")
    _known(names, contract, "the stream", read)
    return Columns(dict(zip(names, table.columns, strict=True)), table.num_rows, WHERE)
