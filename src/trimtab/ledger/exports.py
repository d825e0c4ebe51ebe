"""Providers' usage exports as lines we can compare: JSON of their admin APIs, CSV of their consoles, or any CSV.

- OpenAI: ``/v1/organization/usage/completions`` and ``/v1/organization/costs`` (buckets with ``results``; see
  https://platform.openai.com/docs/api-reference/usage), and the dashboard's CSV of either (the same fields as columns,
  ``amount_value`` and ``line_item`` for costs). ``input_tokens`` there include cached and written ones, output includes
  reasoning.
- Anthropic: ``/v1/organizations/usage_report/messages`` and ``/v1/organizations/cost_report`` (amounts are cents as
  decimal strings; see https://docs.claude.com/en/api/usage-cost-api), and the console's CSV of either
  (``usage_input_tokens_no_cache`` and so on; ``cost_usd`` by ``token_type``).
- generic: any CSV with a header, and a mapping from our names to its columns.

Days are as the export has them; of a time with a zone, the UTC day. What a format does not say is None, never 0.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, Literal, cast

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.export_shapes import (
    BEYOND,
    BLANK,
    Columns,
    DecimalMark,
    Pages,
    Row,
    csv_rows,
    decimal_mark,
    json_pages,
    sign_of,
    with_points,
)
from trimtab.llm.tiers import tier_of

ASPECTS: Final = ("service", "batch", "speed", "place")
"""What of a service tier an export may tell apart."""
Vendor = Literal["openai", "anthropic", "generic"]
MOST_LINES: Final = 500_000
UNREAD: Final = 10
FIELDS: Final = ("requests", "input", "cache_read", "cache_write", "output", "cost")
_NUMBERS: Final[Mapping[Vendor, Columns]] = {
    "openai": Columns(
        counts=frozenset(
            {
                "input_tokens", "output_tokens", "input_cached_tokens", "input_uncached_tokens",
                "input_cache_write_tokens", "input_text_tokens", "output_text_tokens", "input_audio_tokens",
                "output_audio_tokens", "num_model_requests",
            }
        ),
        money=frozenset({"amount_value"}),
    ),
    "anthropic": Columns(
        counts=frozenset(
            {
                "usage_input_tokens_no_cache", "usage_input_tokens_cache_write_5m", "usage_output_tokens",
                "usage_input_tokens_cache_write_1h", "usage_input_tokens_cache_read",
            }
        ),
        money=frozenset({"cost_usd"}),
    ),
}  # fmt: skip
"""The columns of vendors' CSV that have numbers."""
_WORDS: Final[Mapping[Vendor, frozenset[str]]] = {
    "openai": frozenset(
        {
            "start_time_iso", "start_time", "date", "amount", "amount_currency", "line_item", "model", "service_tier",
            "batch",
        }
    ),
    "anthropic": frozenset(
        {
            "starting_at", "usage_date_utc", "model", "model_version", "service_tier", "usage_type", "speed",
            "inference_geo", "amount", "currency", "uncached_input_tokens", "cache_read_input_tokens", "output_tokens",
            "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "cache_creation_input_tokens",
        }
    ),
}  # fmt: skip
"""What is read of them besides, as it stands there."""
COLUMNS: Final = ("day", "model", *FIELDS)
"""What a mapping of a generic CSV may name."""


class Line(Struct, frozen=True, kw_only=True):
    """Sums of one row of an export. ``day`` is ``2026-01-31`` or empty; ``cost`` picodollars. Exclusive buckets;
    ``output`` includes hidden reasoning. ``tier`` is the service tier it is of (`llm.tiers`), as far as the export
    tells tiers apart: by ``told``, some of `ASPECTS`."""

    day: str = ""
    model: str = ""
    tier: str = ""
    told: frozenset[str] = frozenset()
    requests: int | None = None
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    cost: int | None = None


class Export(Struct, frozen=True, kw_only=True):
    """``unread``: what could not be read, with its place; the first few of ``unread_rows``. ``idle`` are days of which
    it says that nothing was used. ``repeated`` rows stand in it once more, word for word. ``open``: it goes on."""

    lines: tuple[Line, ...]
    unread: tuple[str, ...] = ()
    unread_rows: int = 0
    idle: tuple[str, ...] = ()
    repeated: int = 0
    open: bool = False


class _Unreadable(Exception):
    """A row that makes no sense."""


class _Idle(Exception):
    """A row that says of its day that nothing was used."""


def read(
    vendor: Vendor, content: str, columns: Mapping[str, str] | None = None, decimal: DecimalMark | None = None
) -> Export:
    """The lines of an export. ``decimal`` is what stands before decimals in a CSV; by default its numbers tell. Raises
    `InvalidRequest` for what is no such export at all."""
    text = content.removeprefix("\ufeff")
    if "\n" not in text:  # as a spreadsheet saves a CSV for Macintosh
        text = text.replace("\r", "\n")
    if not text.strip():
        raise InvalidRequest("The export is empty.", fix="Download it again.", param="content")
    if text.startswith("PK\x03\x04"):
        raise InvalidRequest("This is a spreadsheet or an archive.", fix="Save it as CSV.", param="content")
    mapped = columns or {}
    if text.lstrip()[:1] in ("{", "["):
        if vendor == "generic":
            raise InvalidRequest(
                "A generic export is a CSV.", fix="Convert it, or say --vendor openai or anthropic.", param="vendor"
            )
        pages = json_pages(text)
        rows: Iterable[tuple[int, Row]] = pages.rows
    else:
        rows, pages = _numbered(text, vendor, mapped, decimal), Pages(rows=())
    parse = _generic(mapped) if vendor == "generic" else _openai if vendor == "openai" else _anthropic
    reading = _Reading(parse)
    for bucket in pages.empty:
        reading.without_use(bucket)
    for number, row in rows:
        reading.take(number, row)
    return reading.export(vendor, goes_on=pages.open)


def _numbered(
    text: str, vendor: Vendor, mapped: Mapping[str, str], decimal: DecimalMark | None
) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV, their numbers as we read them."""
    found = _NUMBERS.get(vendor) or Columns(
        counts=frozenset(column for name, column in mapped.items() if name in FIELDS and name != "cost"),
        money=frozenset(column for name, column in mapped.items() if name == "cost"),
    )
    used = found.all | _WORDS.get(vendor, frozenset()) | set(mapped.values())
    mark = decimal or decimal_mark(csv_rows(text, used), found, sign_of(text))
    return with_points(csv_rows(text, used), found.all, mark)


class _Reading:
    """Takes rows one by one."""

    def __init__(self, parse: Callable[[Row], Line | None]) -> None:
        self._parse = parse
        self._idle: set[str] = set()
        self._lines: list[Line] = []
        self._unread: list[str] = []
        self._unread_rows = 0
        self._seen: set[int] = set()
        self._repeated = 0

    def without_use(self, bucket: Row) -> None:
        """A bucket without a row. One without a day says nothing."""
        with contextlib.suppress(_Unreadable):
            self._idle.add(_day(_first(bucket, *_DAYS)))

    def take(self, number: int, row: Row) -> None:
        if len(self._lines) >= MOST_LINES:
            raise InvalidRequest(
                f"The export has more than {MOST_LINES} rows.", fix="Export a shorter time.", param="content"
            )
        try:
            if BEYOND in row:  # as where a decimal comma stands in a cell without quotes: whose is what?
                raise _Unreadable(f"it has more cells than the header: {str(row[BEYOND])[:40]!r} is of no column")
            line = self._parse(row)
        except _Idle as idle:
            self._idle.add(str(idle))
        except (_Unreadable, ValueError, OverflowError) as error:
            self._unread_rows += 1
            if len(self._unread) < UNREAD:
                self._unread.append(f"row {number}: {error}")
        else:
            if line is not None:
                self._lines.append(line)
                mark = hash(str(row))
                self._repeated += mark in self._seen
                self._seen.add(mark)

    def export(self, vendor: Vendor, *, goes_on: bool) -> Export:
        """Raises `InvalidRequest` where nothing was read."""
        if not self._lines and (self._unread or not self._idle):
            raise InvalidRequest(
                f"Nothing in it reads like a usage export of {vendor}.",
                fix=f"The first problem: {self._unread[0]}."
                if self._unread
                else "See docs/costs.md for the formats that are known.",
                param="content",
            )
        return Export(
            lines=tuple(self._lines),
            unread=tuple(self._unread),
            unread_rows=self._unread_rows,
            idle=tuple(sorted(self._idle)),
            repeated=self._repeated,
            open=goes_on,
        )


# --- vendors -------------------------------------------------------------------------------------------------------


_DAYS: Final = ("start_time_iso", "start_time", "date", "starting_at", "usage_date_utc")


def _openai(row: Row) -> Line | None:
    day = _day(_first(row, "start_time_iso", "start_time", "date"))
    amount = row.get("amount")
    if isinstance(amount, dict):
        money = cast("dict[str, Any]", amount)
        return Line(day=day, model=_line_item(row), cost=_dollars(money.get("value"), money.get("currency")))
    if row.get("amount_value") not in (None, ""):
        return Line(day=day, model=_line_item(row), cost=_dollars(row["amount_value"], row.get("amount_currency")))
    if row.get("input_tokens") in (None, ""):
        if "amount_value" in row or "input_tokens" in row:
            raise _Idle(day)
        return None  # of another kind: pictures, seconds of sound
    return replace(_openai_used(row, day), **_openai_tier(row))


def _openai_used(row: Row, day: str) -> Line:
    """Exports of before 2026 count audio beside ``input_tokens``. Later ones have it in there, which they show by
    splitting them up: into what was and was not from the cache, and into text, audio and pictures."""
    whole, output = _count(row["input_tokens"]) or 0, _count(row.get("output_tokens")) or 0
    if all(_first(row, name) is None for name in _SPLIT):
        whole += _count(row.get("input_audio_tokens")) or 0
        output += _count(row.get("output_audio_tokens")) or 0
    cached = _count(row.get("input_cached_tokens")) or 0
    written = _count(row.get("input_cache_write_tokens")) or 0
    if cached + written > whole:
        raise _Unreadable("more cached tokens than input tokens")
    return Line(
        day=day,
        model=str(row.get("model") or ""),
        requests=_count(row.get("num_model_requests")),
        input=whole - cached - written,
        cache_read=cached,
        cache_write=written,
        output=output,
    )


def _openai_tier(row: Row) -> dict[str, Any]:
    """Both only where it is grouped by them, else null. ``fast`` is what answers call ``priority``."""
    tier, batch = row.get("service_tier"), row.get("batch")
    if batch in (None, "", "null"):
        batch = None
    told = {"service"} if tier not in (None, "", "null") else set[str]()
    told |= {"batch"} if batch is not None or told else set()
    word = "priority" if tier == "fast" else tier
    return _tier(told, word, "batch" if str(batch).lower() == "true" else "")


def _anthropic_tier(row: Row) -> dict[str, Any]:
    """The console's CSV tells batches as a ``usage_type``."""
    tier, kind = row.get("service_tier"), row.get("usage_type")
    told = {"service", "batch"} if tier not in (None, "") else {"batch"} if kind not in (None, "") else set[str]()
    told |= {"speed"} if row.get("speed") not in (None, "") else set()
    told |= {"place"} if row.get("inference_geo") not in (None, "") else set()
    return _tier(told, tier, "batch" if "batch" in str(kind) else "", row.get("speed"), row.get("inference_geo"))


def _tier(told: set[str], *words: Any) -> dict[str, Any]:
    return {"tier": tier_of(*words), "told": frozenset(told)} if told else {}


_SPLIT: Final = ("input_uncached_tokens", "input_cache_write_tokens", "input_text_tokens", "output_text_tokens")


def _line_item(row: Row) -> str:
    """``gpt-4o-mini-2024-07-18, input`` is of that model, ``gpt-image-1 image, output`` of ``gpt-image-1``; what is no
    model's (``web search tool calls``) goes by its own name."""
    item = str(row.get("line_item") or "")
    name, mark, _ = item.partition(",")
    if not mark:
        return str(row.get("model") or item).strip()
    return _MODALITY.sub("", name.strip())


_MODALITY: Final = re.compile(r" (?:text|image|audio)$")


_SPENT_IN: Final = {
    "input": ("uncached_input_tokens", "usage_input_tokens_no_cache"),
    "cache_read": ("cache_read_input_tokens", "usage_input_tokens_cache_read"),
    "output": ("output_tokens", "usage_output_tokens"),
}


def _anthropic(row: Row) -> Line | None:
    day = _day(_first(row, "starting_at", "usage_date_utc"))
    model = str(_first(row, "model", "model_version") or "")
    tier = _anthropic_tier(row)
    if row.get("cost_usd") not in (None, ""):
        return Line(day=day, model=model, cost=_dollars(row["cost_usd"], "USD"), **tier)
    if row.get("amount") not in (None, ""):
        return Line(day=day, model=model, cost=_dollars(row["amount"], row.get("currency"), per_dollar=100), **tier)
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
        **tier,
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
            there = ", ".join(list(row)[:20])
            raise _Unreadable(f"it has no column {missing[0]!r}; there are {there[:400]}")
        given = {name: row[column] for name, column in self._columns.items()}
        if all(value in (None, "") for value in given.values()):
            return None
        counts: dict[str, Any] = {name: _count(given[name]) for name in FIELDS if name in given and name != "cost"}
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
    number = _decimal(value)
    if number is None or number != number.to_integral_value() or not 0 <= number < 10**15:
        raise _Unreadable(f"{value!r} is no count")
    return int(number)


def _dollars(value: Any, currency: Any, per_dollar: int = 1) -> int:
    """Picodollars; of finer amounts, the nearest."""
    if currency is not None and str(currency).upper() not in ("USD", "US$", "$", ""):
        raise _Unreadable(f"it is in {currency}; only US dollars can be compared")
    number = _decimal(value)
    if number is None or abs(number) >= 10**9 * per_dollar:
        raise _Unreadable(f"{value!r} is no amount of US dollars")
    return int((number * 10**12 / per_dollar).to_integral_value())


def _decimal(value: Any) -> Decimal | None:
    """A number without its blanks and thousands' commas; None for what is none."""
    said = str(value)
    if "_" in said:  # Python's own way to part thousands, and nobody else's
        return None
    try:
        number = Decimal(BLANK.sub("", said).replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.adjusted() < _MOST_DIGITS else None


_MOST_DIGITS: Final = 40
"""More than any amount has; beyond the decimal module's bounds nothing can be computed."""


_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_SLASHED: Final = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})")
_DOTTED: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


def _day(value: Any) -> str:
    """The day of Unix seconds, an ISO date or time, ``2026/1/31`` or ``31.1.2026``."""
    if value is None:
        raise _Unreadable("it has no date")
    return _day_of(str(value).strip())


@lru_cache(maxsize=4096)
def _day_of(text: str) -> str:
    """An export names the same few days again and again."""
    day = _written_day(text)
    if not "2000" <= day[:4] < "3000" or len(day) != 10:
        raise _Unreadable(f"{text[:40]!r} is of no time in which models were called")
    return day


def _written_day(text: str) -> str:
    try:
        if re.fullmatch(r"\d{9,11}", text):
            return datetime.fromtimestamp(int(text), tz=UTC).strftime("%Y-%m-%d")
        if _DAY.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d")
        slashed, dotted = _SLASHED.fullmatch(text), _DOTTED.fullmatch(text)
        if slashed or dotted:
            year, month, day = (int(part) for part in (slashed.groups() if slashed else dotted.groups()[::-1]))  # pyright: ignore[reportOptionalMemberAccess]
            return datetime(year, month, day, tzinfo=UTC).strftime("%Y-%m-%d")
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, OverflowError, OSError):
        raise _Unreadable(f"{text[:40]!r} is no day; write 2026-01-31, 2026/1/31 or 31.1.2026") from None
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).strftime("%Y-%m-%d")
