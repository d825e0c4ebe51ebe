"""Cases out of the catalog as files: JSON lines (whole cases, as `imports.py` reads them), CSV and Parquet (one row a
case: `COLUMNS`; what is no text is JSON), each of one version and so always the same bytes.

In CSV a text that a spreadsheet would run as a formula stands with a quote before it (`inert`): texts of datasets come
from users and models, and whoever opens the file did not write them. Reading our own CSV takes that quote off again.
"""

import csv
import hashlib
import io
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.evaluation import datasets
from trimtab.evaluation.cases import body_of
from trimtab.evaluation.datasets import PAGE, Wanted
from trimtab.evaluation.types import Case, DatasetVersion
from trimtab.storage.database import Database

Format = Literal["jsonl", "csv", "parquet", "croissant"]
MEDIA: Final[dict[Format, str]] = {
    "jsonl": "application/jsonlines",
    "csv": "text/csv",
    "parquet": "application/x-parquet",
    "croissant": "application/ld+json",
}
COLUMNS: Final = (
    "id", "input", "input_json", "expected", "expected_json", "context", "expected_tool_calls", "metadata", "tags",
    "split", "group", "weight", "licence", "uses", "consent", "pii",
    "provenance.origin", "provenance.source", "provenance.span_id",
)  # fmt: skip
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_JSON: Final = ("context", "expected_tool_calls", "metadata", "tags", "uses")


class Out(Struct, frozen=True, kw_only=True):
    """What is exported: a version, which of its cases, and the ids that are left out."""

    of: DatasetVersion
    wanted: Wanted = Wanted()
    leave: frozenset[str] = frozenset()


class Digest(Struct, frozen=True, kw_only=True):
    """Of a CSV: SHA-256 in hex, bytes, and the columns that are not empty."""

    sha256: str
    size: int
    columns: frozenset[str]


def file_name(of: DatasetVersion, fmt: Format) -> str:
    return f"{of.dataset}-v{of.number}.{'json' if fmt == 'croissant' else fmt}"


async def pages(db: Database, out: Out) -> AsyncIterator[list[Case]]:
    """In order of id; every page a transaction of its own, of a version that does not change."""
    after = ""

    def read(conn: Connection) -> list[Case]:
        return datasets.cases(conn, out.of, out.wanted, after=after, limit=PAGE)

    while page := await db.read(read):
        after = page[-1].id
        yield [case for case in page if case.id not in out.leave]


async def lines(db: Database, out: Out) -> AsyncIterator[bytes]:
    """JSON lines."""
    async for page in pages(db, out):
        yield b"".join(body_of(case) + b"\n" for case in page)


async def table(db: Database, out: Out) -> AsyncIterator[bytes]:
    """CSV (RFC 4180), with a header, also of nothing."""
    yield _csv([COLUMNS])
    async for page in pages(db, out):
        yield _csv([list(row_of(case).values()) for case in page])


async def rows(db: Database, out: Out) -> AsyncIterator[bytes]:
    """The rows of `table` as JSON lines: what Parquet is made of."""
    async for page in pages(db, out):
        yield b"".join(msgspec.json.encode(row_of(case)) + b"\n" for case in page)


async def digest(db: Database, out: Out) -> Digest:
    """Of `table`."""
    head = _csv([COLUMNS])
    made, size, columns = hashlib.sha256(head), len(head), set[str]()
    async for page in pages(db, out):
        found = [row_of(case) for case in page]
        part = _csv([list(row.values()) for row in found])
        made.update(part)
        size += len(part)
        for row in found:
            columns.update(name for name, value in row.items() if value is not None)
    return Digest(sha256=made.hexdigest(), size=size, columns=frozenset(columns))


def row_of(case: Case) -> dict[str, Any]:
    """One value for each of `COLUMNS`; a text that is not there is null."""
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    for name in ("input", "expected"):
        value = getattr(case, name)
        if isinstance(value, str):
            found[name] = value
        elif value is not None:
            found[f"{name}_json"] = _json(value)
    for name in _JSON:
        value = getattr(case, name)
        if value:
            found[name] = _json(value)
    for name in ("id", "split", "group", "licence", "consent", "pii"):
        found[name] = getattr(case, name) or None
    found["weight"] = case.weight
    for name in ("origin", "source", "span_id"):
        found[f"provenance.{name}"] = getattr(case.provenance, name) or None
    return found


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def inert(cell: Any) -> Any:
    """The cell of a CSV with a quote before what a spreadsheet would take for a formula, and before a text that has
    such a quote of its own: `original` gives back every text as it was."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def original(cell: str) -> str:
    """The text of a cell that `inert` made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _csv(found: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([inert(cell) for cell in row] for row in found)
    return text.getvalue().encode()
