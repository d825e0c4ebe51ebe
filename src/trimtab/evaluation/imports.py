"""Files into cases: JSON lines, CSV and Parquet, read a row at a time and checked whole before anything is written.

    file --rows--> NewCase --checked--> lines of canonical JSON in a file of ours --Staging--> one version

A file is somebody else's: size, rows, the length of a line and of each case are bounded, what cannot be read is told
with its row, and one wrong row refuses the file. Columns that are not ours are kept as metadata.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import exports, parquet
from trimtab.evaluation.cases import Author, NewCase, NewProvenance, body_of, hash_of, made, read_body
from trimtab.evaluation.dataset_writes import MOST_CASES
from trimtab.evaluation.types import Case, Consent, Pii, Use

Format = Literal["jsonl", "csv", "parquet"]
MAX_BYTES: Final = 256 << 20
MAX_LINE: Final = 1 << 20
MOST_TOLD: Final = 20
"""Wrong rows that an error names."""
MAX_COLUMNS: Final = 500
FIELDS: Final = frozenset(name for name in NewCase.__struct_fields__)
NESTED: Final = ("variables", "metadata", "provenance")
_AS_JSON: Final = ("context", "expected_tool_calls", "metadata", "provenance", "messages")
_AS_WORDS: Final = ("tags", "uses")
_INPUTS: Final = ("input", "input_json", "messages", "variables")
"""Fields of which one at least makes an input; so does a variable."""
_AS_UTF8: Final = "Save it as UTF-8; Excel calls that 'CSV UTF-8'."
_ZIP: Final = b"PK\x03\x04"
_PROVENANCE: Final = frozenset(NewProvenance.__struct_fields__)


class Plan(Struct, frozen=True, kw_only=True):
    """How a file is read. ``columns``: by our field (``input``, ``expected``, ``variables.NAME``, ``metadata.NAME``
    and so on) the file's column. The rest is said of every case that says nothing of its own. ``source`` is the file's
    name."""

    format: Format
    columns: dict[str, str] = {}
    source: str = ""
    split: str = ""
    tags: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ("evaluate",)
    licence: str = ""
    consent: Consent = "unknown"
    pii: Pii = "unknown"


class Prepared(Struct, frozen=True, kw_only=True):
    """A file of checked cases, each id once; ``twice`` rows said what another had said."""

    file: Path
    cases: int
    twice: int


class _Bad(Exception):
    """A row that cannot be a case, and why."""


def prepare(file: Path, plan: Plan, author: Author, folder: Path) -> Prepared:
    """Read and check a whole file; the result lies in ``folder``. For a thread. Raises `InvalidRequest` that names the
    rows which are wrong."""
    _check_columns(plan)
    _check_kind(file, plan)
    if plan.format == "parquet":
        lines = folder / "rows.jsonl"
        parquet.to_lines(file, lines, most_rows=MOST_CASES)
        file = lines
    rows = _csv_rows(file, plan) if plan.format == "csv" else _json_rows(file)
    place = folder / "cases.jsonl"
    seen: dict[str, str] = {}
    wrong: list[str] = []
    twice = number = 0
    with place.open("wb") as out:
        for number, (where, row) in enumerate(rows, 1):
            if number > MOST_CASES:
                raise InvalidRequest(f"A file has at most {MOST_CASES:,} rows.", fix="Split it into several datasets.")
            try:
                case = _case(row, plan, author)
                digest = hash_of(case)
                if case.id not in seen:
                    seen[case.id] = digest
                    out.write(body_of(case) + b"\n")
                elif seen[case.id] == digest:
                    twice += 1
                else:
                    raise _Bad(f"the id {case.id!r} is that of another row, which says otherwise")
            except _Bad as error:
                wrong.append(f"{where}: {error}")
            if len(wrong) == MOST_TOLD:
                break
    if wrong:
        raise _refused(wrong)
    if not number:
        raise InvalidRequest("The file has no rows.", fix="Send a file with at least one case.", code="empty_file")
    return Prepared(file=place, cases=len(seen), twice=twice)


def read(prepared: Prepared) -> Iterator[Case]:
    with prepared.file.open("rb") as file:
        for line in file:
            yield read_body(line)


def _refused(wrong: list[str]) -> InvalidRequest:
    more = " The file was not read further." if len(wrong) == MOST_TOLD else ""
    told = "1 row is" if len(wrong) == 1 else f"{len(wrong)} rows are"
    return InvalidRequest(
        f"Nothing was imported: {told} wrong.{more} {'; '.join(wrong)[:4000].rstrip('.')}.",
        fix="Correct these rows and send the file again; which column is which field, columns=FIELD:COLUMN says "
        "(on the command line --map FIELD=COLUMN).",
        code="bad_rows",
    )


def _check_kind(file: Path, plan: Plan) -> None:
    """Spreadsheets are sent as they are, now and then; as text they make no sense to anybody."""
    with file.open("rb") as source:
        start = source.read(len(_ZIP))
    if plan.format != "parquet" and start == _ZIP:
        raise InvalidRequest(
            "The file is a workbook or an archive, and no text.",
            fix="Save the sheet as 'CSV UTF-8' and send that.",
            code="bad_rows",
        )


def _check_columns(plan: Plan) -> None:
    for field in plan.columns:
        head, dot, rest = field.partition(".")
        known = head in NESTED and rest if dot else field in FIELDS or field == "messages"
        if not known or (head == "provenance" and dot and rest not in _PROVENANCE):
            raise InvalidRequest(
                f"{field[:80]!r} is no field of a case.",
                fix=f"Fields are {', '.join(sorted(FIELDS))}, messages, variables.NAME and metadata.NAME.",
                param="columns",
            )


# --- rows ---


def _json_rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with file.open("rb") as source:
        number = 0
        while line := source.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise _refused([f"row {number}: it is longer than {MAX_LINE:,} bytes"])
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                row: Any = msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                why = "it is nested too deeply" if isinstance(error, RecursionError) else f"it is not JSON ({error})"
                raise _refused([f"row {number}: {why}"]) from error
            if not isinstance(row, dict):
                raise _refused([f"row {number}: it is not an object of fields"])
            yield f"row {number}", cast("dict[str, Any]", row)


def _csv_rows(file: Path, plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows are counted from the first below the header, and told with the line they end on."""
    with file.open(encoding="utf-8-sig", newline="") as source:
        line = 1
        try:
            first = source.readline(MAX_LINE)
            source.seek(0)
            reader = csv.reader(source, delimiter=_delimiter(first), strict=True)
            columns = next(reader, list[str]())
            _check_header(columns, plan)
            ours = tuple(columns) == exports.COLUMNS  # of others' files a leading quote is a quote
            for number, cells in enumerate(reader, 1):
                if not cells:
                    continue
                line = reader.line_num
                where = f"row {number} (line {line})"
                if len(cells) != len(columns):
                    raise _refused([f"{where}: it has {len(cells)} cells, the header {len(columns)}"])
                texts = map(exports.original, cells) if ours else cells
                yield where, {name: cell for name, cell in zip(columns, texts, strict=True) if cell != ""}
        except csv.Error as error:
            raise _refused([f"behind line {line}: {error}"]) from error
        except UnicodeDecodeError as error:
            raise InvalidRequest("The file is not UTF-8 text.", fix=_AS_UTF8, code="bad_rows") from error


def _delimiter(header: str) -> str:
    return next((sign for sign in (",", ";", "\t") if sign in header), ",")


def _check_header(columns: list[str], plan: Plan) -> None:
    if len(columns) > MAX_COLUMNS or len(set(columns)) != len(columns):
        raise InvalidRequest(
            f"The header names a column twice, or more than {MAX_COLUMNS}.", fix="Correct it.", code="bad_rows"
        )
    missing = [column for column in plan.columns.values() if column not in columns]
    if missing:
        raise InvalidRequest(
            f"There is no column {missing[0][:80]!r}.",
            fix=f"The file has {', '.join(columns)[:500]}.",
            param="columns",
        )
    by_column = {column: field for field, column in plan.columns.items()}
    fields = [by_column.get(column, column) for column in columns]
    if not any(field in _INPUTS or field.startswith("variables.") for field in fields):
        raise InvalidRequest(
            "No column of the file is the input.",
            fix=f"The file has {', '.join(columns)[:500]}. Say which of them is asked: columns=input:COLUMN "
            "(on the command line --map input=COLUMN).",
            param="columns",
            code="bad_rows",
        )


# --- one row ---


def _case(row: Mapping[str, Any], plan: Plan, author: Author) -> Case:
    values = _values(row, plan)
    try:
        new = msgspec.convert(values, NewCase)
        return made(new, author, NewProvenance(origin="file", source=plan.source[:200]))
    except msgspec.ValidationError as error:
        raise _Bad(_said(str(error))) from error
    except InvalidRequest as error:
        raise _Bad(error.message) from error
    except RecursionError as error:
        raise _Bad("it is nested too deeply") from error


def _said(words: str) -> str:
    """msgspec's words without its notation of the place."""
    found = re.fullmatch(r"(.*) - at `\$\.?(.*)`", words)
    return f"{found[2] or 'the row'}: {found[1]}" if found else words


def _values(row: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """A row as the fields of a `NewCase`; columns that are no field become metadata."""
    by_column = {column: field for field, column in plan.columns.items()}
    found: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {name: {} for name in NESTED}
    for column, value in row.items():
        field = by_column.get(column, column)
        head, dot, rest = field.partition(".")
        if value is None:
            continue
        if dot and head in NESTED:
            nested[head][rest] = value
        elif field in FIELDS or field in ("messages", "input_json", "expected_json", "variables"):
            found[field] = _typed(field, value)
            if field in ("metadata", "provenance") and not isinstance(found[field], dict):
                raise _Bad(f"{field}: it is not an object of fields")
        else:
            nested["metadata"][column] = value
    _take_input(found, nested.pop("variables"))
    for name, values in nested.items():
        if values:
            found[name] = {**values, **(found.get(name) or {})}
    if "provenance" in found:
        found["provenance"] = {k: v for k, v in found["provenance"].items() if k in _PROVENANCE}
    for name in ("split", "tags", "uses", "licence", "consent", "pii"):
        found.setdefault(name, getattr(plan, name))
    return found


def _take_input(found: dict[str, Any], variables: dict[str, Any]) -> None:
    """Whatever way the input was given. An answer that ends the messages is what is expected."""
    for name in ("input", "expected"):
        if f"{name}_json" in found:
            found[name] = found.pop(f"{name}_json")
    messages, named = found.pop("messages", None), found.pop("variables", None)
    if isinstance(named, dict):
        variables = {**cast("dict[str, Any]", named), **variables}
    if "input" not in found and isinstance(messages, list):
        found["input"] = {"messages": _without_answer(cast("list[Any]", messages), found)}
    if variables:
        given = found.get("input")
        if given is not None and not isinstance(given, str | dict):
            raise _Bad("input: variables go with a text or an object")
        spoken: dict[str, Any] = {"messages": [{"role": "user", "content": given}]}
        rest = spoken if isinstance(given, str) else cast("dict[str, Any]", given or {})
        found["input"] = {**rest, "variables": variables}
    if "input" not in found:
        raise _Bad("it has no input")


def _without_answer(messages: list[Any], found: dict[str, Any]) -> list[Any]:
    last: Any = messages[-1] if messages else None
    if "expected" in found or not isinstance(last, dict):
        return messages
    answer = cast("dict[str, Any]", last)
    if answer.get("role") != "assistant":
        return messages
    found["expected"] = answer.get("content")
    return messages[:-1]


def _typed(field: str, value: Any) -> Any:
    """What a text of a CSV stands for, where a field is no text."""
    if field in ("id", "group", "split") and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return value
    looks_so = field in (*_AS_JSON, *_AS_WORDS) and value.lstrip()[:1] in ("[", "{")
    if looks_so or field in ("input_json", "expected_json"):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _Bad(f"{field}: it is not JSON ({error})") from error
    if field in _AS_WORDS:
        return [word.strip() for word in re.split(r"[,|;]", value) if word.strip()]
    if field == "context":
        return [value]
    if field == "weight":
        try:
            return float(value)
        except ValueError as error:
            raise _Bad(f"weight: {value[:40]!r} is no number") from error
    return value


def in_pieces(cases: Iterator[Case], size: int) -> list[Case]:
    """The next ``size``; fewer at the end."""
    return list(islice(cases, size))
