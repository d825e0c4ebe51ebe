"""From an export's text to its rows: what parts the cells of a CSV, how it writes numbers, what a JSON's pages hold.

Spreadsheets write a CSV as their country does: where the comma is the decimal mark, cells are parted by semicolons. How
numbers are written is decided once for a file, from all of them, and where they leave it open it is asked for: to take
``1,234`` for the other thing is to be wrong by a thousand.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest

Row = Mapping[str, Any]
DecimalMark = Literal["point", "comma"]
_SIGNS: Final = ",;\t|"
_SEP: Final = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
"""The line that Excel writes and reads before a CSV's header."""
BEYOND: Final = "\0"
"""Under this, which is no column's name, a row has what stands in it beyond the header's last column."""
BLANK: Final = re.compile(r"[\s'’$]")
"""What may stand in a number and says nothing: blanks and apostrophes between thousands, the sign of dollars."""


class Pages(Struct, frozen=True, kw_only=True):
    """What a JSON export holds beside its rows: ``empty`` are the buckets without a row (a time in which nothing was
    used), ``open`` says that the last page names a next one."""

    rows: tuple[tuple[int, Row], ...]
    empty: tuple[Row, ...] = ()
    open: bool = False


def csv_rows(text: str, used: Collection[str]) -> Iterator[tuple[int, Row]]:
    """Every row by its column's names, with its line's number. Raises `InvalidRequest` for what is no CSV, and where a
    column that is ``used`` stands twice in it."""
    said = _SEP.match(text)
    try:
        lines = io.StringIO(text[said.end() :] if said else text)
        reader = csv.DictReader(lines, delimiter=sign_of(text), strict=True)  # a quote that is not closed hides rows
        one_of_each([str(name).strip() for name in reader.fieldnames or ()], used)
        for number, row in enumerate(reader, start=3 if said else 2):
            more: Any = row.pop(None, None)  # pyright: ignore[reportArgumentType]
            named: dict[str, Any] = {str(key).strip(): value for key, value in row.items()}
            yield number, {**named, BEYOND: " ".join(more)} if more and any(more) else named
    except (csv.Error, TypeError) as error:  # TypeError: a sign that none can be
        raise InvalidRequest(
            f"The export is no CSV: {error}.", fix="Download it again, as CSV or JSON.", param="content"
        ) from None


def one_of_each(names: list[str], used: Collection[str]) -> None:
    """Raises `InvalidRequest` where two columns that are read have one name: a row would have what the last of them
    says."""
    twice = next((name for name in names if name in used and names.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(
            f"Two columns of the export are called {twice[:80]!r}.",
            fix="Give the one that is not meant another name.",
            param="content",
        )


def sign_of(text: str) -> str:
    """What parts the cells of a CSV, by its header."""
    said = _SEP.match(text)
    if said:
        return said[1]
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(_SIGNS, key=lambda each: (_outside(header, each), -_SIGNS.index(each)))


def _outside(header: str, sign: str) -> int:
    """How often a sign stands in a header outside of quotes."""
    return sum(part.count(sign) for part in header.split('"')[::2])


def json_pages(text: str) -> Pages:
    """The results of every bucket, each with its bucket's times. Several pages may stand in a list. Raises
    `InvalidRequest`."""
    try:
        document: Any = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(
            f"The export is no JSON: {error}.", fix="Download it again, as CSV or JSON.", param="content"
        ) from None
    rows: list[tuple[int, Row]] = []
    empty: list[Row] = []
    pages = _objects(cast("object", document if isinstance(document, list) else [document]))
    for bucket in (bucket for page in pages for bucket in _objects(page.get("data"))):
        results = bucket.get("results")
        times = {name: value for name, value in bucket.items() if name != "results"}
        found = _objects(results)
        if results == []:
            empty.append(times)
        rows += [(len(rows) + number, {**times, **result}) for number, result in enumerate(found, start=1)]
    return Pages(rows=tuple(rows), empty=tuple(empty), open=bool(pages) and pages[-1].get("has_more") is True)


def _objects(value: object) -> list[Row]:
    """Those members of a list that are objects."""
    members = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Row", member) for member in members if isinstance(member, dict)]


# --- how a file writes its numbers ---------------------------------------------------------------------------------


def with_points(
    rows: Iterable[tuple[int, Row]], columns: frozenset[str], mark: DecimalMark
) -> Iterator[tuple[int, Row]]:
    """The rows with the numbers of ``columns`` as we read them, where the file writes a comma before decimals."""
    if mark == "point":
        yield from rows
        return
    for number, row in rows:
        yield number, {name: _pointed(value) if name in columns else value for name, value in row.items()}


def _pointed(value: object) -> object:
    return value.replace(".", "").replace(",", ".") if isinstance(value, str) else value


class Columns(Struct, frozen=True, kw_only=True):
    """Which columns of a CSV have numbers; ``counts`` are whole."""

    counts: frozenset[str] = frozenset()
    money: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        return self.counts | self.money


def decimal_mark(rows: Iterable[tuple[int, Row]], columns: Columns, sign: str) -> DecimalMark:
    """What stands before decimals in the numbers of a CSV whose cells ``sign`` parts, by all of them.

    Raises `InvalidRequest` where they contradict each other, or nothing but an amount like ``1,234`` could tell and
    semicolons or tabs say that a spreadsheet wrote it, in whatever country.
    """
    told: dict[DecimalMark, str] = {}
    doubtful = ""
    for number, row in rows:
        for name in columns.all & row.keys():
            value = str(row[name] or "")
            if "," not in value and "." not in value:
                continue
            mark = _mark_of(BLANK.sub("", value), whole=name in columns.counts)
            if mark is None:
                doubtful = doubtful or f"row {number}: {value[:40]!r} under {name[:40]!r}"
            elif mark not in told:
                told[mark] = f"row {number} has {value[:40]!r}"
    if len(told) == 2:
        raise InvalidRequest(
            f"Its numbers are written in two ways: {told['point']}, {told['comma']}.",
            fix="Write them all in one way, or say what stands before decimals: decimal=point or decimal=comma.",
            param="content",
        )
    if not told and doubtful and sign in ";\t":
        raise InvalidRequest(
            f"Nothing tells whether a number in it is a thousand times as much ({doubtful}).",
            fix="Say what stands before decimals: decimal=point or decimal=comma (trimtab reconcile --decimal).",
            param="decimal",
        )
    return "comma" if "comma" in told else "point"


_THOUSANDS: Final = re.compile(r"-?[1-9]\d{0,2}[.,]\d{3}")


def _mark_of(number: str, *, whole: bool) -> DecimalMark | None:
    """Which mark a number's own form shows; None where it could be either (``1,234``, if it need not be whole)."""
    point, comma = number.rfind("."), number.rfind(",")
    if point >= 0 and comma >= 0:
        return "point" if point > comma else "comma"
    if number.count(",") > 1 or number.count(".") > 1:  # only what groups thousands stands twice
        return "point" if comma >= 0 else "comma"
    if _THOUSANDS.fullmatch(number):
        return ("point" if comma >= 0 else "comma") if whole else None
    return "point" if point >= 0 else "comma"
