"""Providers' usage exports as lines we can compare: JSON of their admin APIs, CSV of their consoles, or any CSV.

- OpenAI: ``/v1/organization/usage/completions`` and ``/v1/organization/costs`` (buckets with ``results``; see
  https://platform.openai.com/docs/api-reference/usage), and the dashboard's CSV of either (the same fields as columns,
  ``amount_value`` and ``line_item`` for costs). ``input_tokens`` there include cached ones, output includes reasoning.
- Anthropic: ``/v1/organizations/usage_report/messages`` and ``/v1/organizations/cost_report`` (amounts are cents as
  decimal strings; see https://docs.claude.com/en/api/usage-cost-api), and the console's CSV of either
  (``usage_input_tokens_no_cache`` and so on; ``cost_usd`` by ``token_type``).
- generic: any CSV with a header, and a mapping from our names to its columns.

Days are as the export has them; of a time with a zone, the UTC day. What a format does not say is None, never 0.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest

Vendor = Literal["openai", "anthropic", "generic"]
MOST_LINES: Final = 500_000
UNREAD: Final = 10
FIELDS: Final = ("requests", "input", "cache_read", "cache_write", "output", "cost")
COLUMNS: Final = ("day", "model", *FIELDS)
"""What a mapping of a generic CSV may name."""


class Line(Struct, frozen=True, kw_only=True):
    """Sums of one row of an export. ``day`` is ``2026-01-31`` or empty; ``cost`` picodollars. Exclusive buckets;
    ``output`` includes hidden reasoning."""

    day: str = ""
    model: str = ""
    requests: int | None = None
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    cost: int | None = None


class Export(Struct, frozen=True, kw_only=True):
    """``unread``: what could not be read, with its place; the first few."""

    lines: tuple[Line, ...]
    unread: tuple[str, ...] = ()


class _Unreadable(Exception):
    """A row that makes no sense."""


def read(vendor: Vendor, content: str, columns: Mapping[str, str] | None = None) -> Export:
    """The lines of an export. Raises `InvalidRequest` for what is no such export at all."""
    text = content.removeprefix("\ufeff")
    if not text.strip():
        raise InvalidRequest("The export is empty.", fix="Download it again.", param="content")
    rows = _json_rows(text, vendor) if text.lstrip()[:1] in "{[" else _csv_rows(text)
    parse = _generic(columns or {}) if vendor == "generic" else _openai if vendor == "openai" else _anthropic
    lines: list[Line] = []
    unread: list[str] = []
    for number, row in rows:
        if len(lines) >= MOST_LINES:
            raise InvalidRequest(
                f"The export has more than {MOST_LINES} rows.", fix="Export a shorter time.", param="content"
            )
        try:
            line = parse(row)
        except (_Unreadable, InvalidOperation, ValueError, OverflowError) as error:
            if len(unread) < UNREAD:
                unread.append(f"row {number}: {error}")
            continue
        if line is not None:
            lines.append(line)
    if not lines:
        raise InvalidRequest(
            f"Nothing in it reads like a usage export of {vendor}.",
            fix=f"The first problem: {unread[0]}." if unread else "See docs/costs.md for the formats that are known.",
            param="content",
        )
    return Export(lines=tuple(lines), unread=tuple(unread))


# --- shapes --------------------------------------------------------------------------------------------------------

Row = Mapping[str, Any]


def _csv_rows(text: str) -> Iterator[tuple[int, Row]]:
    try:
        reader = csv.DictReader(io.StringIO(text))
        for number, row in enumerate(reader, start=2):
            yield number, {str(key).strip(): value for key, value in row.items() if key is not None}
    except csv.Error as error:
        raise InvalidRequest(
            f"The export is no CSV: {error}.", fix="Download it again, as CSV or JSON.", param="content"
        ) from None


def _json_rows(text: str, vendor: Vendor) -> Iterator[tuple[int, Row]]:
    """The results of every bucket, each with its bucket's times. Several pages may stand in a list."""
    try:
        document: Any = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(
            f"The export is no JSON: {error}.", fix="Download it again, as CSV or JSON.", param="content"
        ) from None
    if vendor == "generic":
        raise InvalidRequest(
            "A generic export is a CSV.", fix="Convert it, or say --vendor openai or anthropic.", param="vendor"
        )
    number = 0
    for page in document if isinstance(document, list) else [document]:  # pyright: ignore[reportUnknownVariableType]
        buckets: Any = page.get("data") if isinstance(page, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        for bucket in buckets if isinstance(buckets, list) else []:  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(bucket, dict):
                continue
            found = cast("dict[str, Any]", bucket)
            results: Any = found.get("results")
            for result in results if isinstance(results, list) else []:  # pyright: ignore[reportUnknownVariableType]
                number += 1
                if isinstance(result, dict):
                    yield number, {**found, **cast("dict[str, Any]", result)}


# --- vendors -------------------------------------------------------------------------------------------------------


def _openai(row: Row) -> Line | None:
    day = _day(_first(row, "start_time_iso", "start_time", "date"))
    amount = row.get("amount")
    if isinstance(amount, dict):
        money = cast("dict[str, Any]", amount)
        return Line(day=day, model=_line_item(row), cost=_dollars(money.get("value"), money.get("currency")))
    if row.get("amount_value") not in (None, ""):
        return Line(day=day, model=_line_item(row), cost=_dollars(row["amount_value"], row.get("amount_currency")))
    if row.get("input_tokens") in (None, ""):
        return None  # a day without use, or a bucket of another kind
    cached = _count(row.get("input_cached_tokens")) or 0
    whole = (_count(row["input_tokens"]) or 0) + (_count(row.get("input_audio_tokens")) or 0)
    if cached > whole:
        raise _Unreadable("more cached tokens than input tokens")
    return Line(
        day=day,
        model=str(row.get("model") or ""),
        requests=_count(row.get("num_model_requests")),
        input=whole - cached,
        cache_read=cached,
        cache_write=0,
        output=(_count(row.get("output_tokens")) or 0) + (_count(row.get("output_audio_tokens")) or 0),
    )


def _line_item(row: Row) -> str:
    """``gpt-4o-mini-2024-07-18, input`` is of that model; other items are of none."""
    item = str(row.get("line_item") or "")
    return item.partition(",")[0].strip() if "," in item else str(row.get("model") or "")


_SPENT_IN: Final = {
    "input": ("uncached_input_tokens", "usage_input_tokens_no_cache"),
    "cache_read": ("cache_read_input_tokens", "usage_input_tokens_cache_read"),
    "output": ("output_tokens", "usage_output_tokens"),
}


def _anthropic(row: Row) -> Line | None:
    day = _day(_first(row, "starting_at", "usage_date_utc"))
    model = str(_first(row, "model", "model_version") or "")
    if row.get("cost_usd") not in (None, ""):
        return Line(day=day, model=model, cost=_dollars(row["cost_usd"], "USD"))
    if row.get("amount") not in (None, ""):
        cents = _dollars(row["amount"], row.get("currency"))
        if cents % 100:
            raise _Unreadable(f"an amount of {row['amount']} cents is finer than we count")
        return Line(day=day, model=model, cost=cents // 100)
    found = {name: _count(_first(row, *names)) for name, names in _SPENT_IN.items()}
    if found["input"] is None and found["output"] is None:
        return None
    creation: Any = row.get("cache_creation")
    made = cast("dict[str, Any]", creation) if isinstance(creation, dict) else row
    writes = (
        _first(made, "ephemeral_5m_input_tokens", "usage_input_tokens_cache_write_5m", "cache_creation_input_tokens"),
        _first(made, "ephemeral_1h_input_tokens", "usage_input_tokens_cache_write_1h"),
    )
    return Line(
        day=day,
        model=model,
        input=found["input"] or 0,
        cache_read=found["cache_read"] or 0,
        cache_write=sum(_count(each) or 0 for each in writes),
        output=found["output"] or 0,
    )


def _generic(columns: Mapping[str, str]) -> "_Mapped":
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or not set(columns) & set(FIELDS):
        raise InvalidRequest(
            f"There is no field {unknown[0]!r} to map." if unknown else "The mapping names no column to compare.",
            fix=f"Map some of {', '.join(COLUMNS)}, e.g. day=Date, model=Model, cost='Cost (USD)'.",
            param="columns",
        )
    return _Mapped(columns)


class _Mapped:
    """Reads a row of any CSV by a mapping."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns

    def __call__(self, row: Row) -> Line | None:
        missing = [column for column in self._columns.values() if column not in row]
        if missing:
            raise _Unreadable(f"it has no column {missing[0]!r}")
        given = {name: row[column] for name, column in self._columns.items()}
        if all(value in (None, "") for value in given.values()):
            return None
        counts = {name: _count(given[name]) for name in FIELDS if name in given and name != "cost"}
        cost = given.get("cost")
        return Line(
            day=_day(given["day"]) if given.get("day") else "",
            model=str(given.get("model") or ""),
            cost=None if cost in (None, "") else _dollars(cost, "USD"),
            **counts,
        )


# --- values --------------------------------------------------------------------------------------------------------


def _first(row: Row, *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _count(value: Any) -> int | None:
    """A whole number, as JSON or with thousands' separators; None where there is none."""
    if value is None or value == "" or value == "null":
        return None
    number = Decimal(str(value).replace(",", "").strip())
    if not number.is_finite() or number != number.to_integral_value() or not 0 <= number < 10**15:
        raise _Unreadable(f"{value!r} is no count")
    return int(number)


_MONEY: Final = re.compile(r"[$\s,]")


def _dollars(value: Any, currency: Any) -> int:
    """Picodollars."""
    if currency is not None and str(currency).upper() not in ("USD", "US$", "$", ""):
        raise _Unreadable(f"it is in {currency}; only US dollars can be compared")
    number = Decimal(_MONEY.sub("", str(value)))
    if not number.is_finite() or abs(number) >= 10**9:
        raise _Unreadable(f"{value!r} is no amount")
    return int((number * 10**12).to_integral_value())


_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _day(value: Any) -> str:
    """The day of Unix seconds, an ISO date or time, or ``2026/1/31``."""
    if value is None:
        raise _Unreadable("it has no date")
    text = str(value).strip()
    if re.fullmatch(r"\d{9,11}", text):
        return datetime.fromtimestamp(int(text), tz=UTC).strftime("%Y-%m-%d")
    if _DAY.fullmatch(text):
        return datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d")
    slashed = re.fullmatch(r"(\d{4})/(\d{1,2})/(\d{1,2})", text)
    if slashed:
        year, month, day = (int(part) for part in slashed.groups())
        return datetime(year, month, day, tzinfo=UTC).strftime("%Y-%m-%d")
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).strftime("%Y-%m-%d")
