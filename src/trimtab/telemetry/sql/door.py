"""A read-only SQL door over one project: the views ``spans``, ``texts``, ``ledger``, ``scores``, and nothing else.

Three walls, one behind the other:

1. the text (`sql/text.py`): one SELECT of known tokens, put into parentheses that it cannot leave;
2. its meaning (`sql/tree.py`): the engine's own parse of what will be run, in which every table and every function is
   looked up in a list;
3. the engine: a filter by project on every table that is read by its name, in whatever part of a statement
   (https://clickhouse.com/docs/operations/settings/settings#additional_table_filters), and read-only.

The views are common table expressions with the project bound. Seconds, memory, rows read and rows answered are bounded.
"""

# ruff: noqa: S608 - the SQL here is our own text around what was checked
import re
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.core.errors import RateLimited, TooLarge
from trimtab.telemetry.rows import COLUMNS
from trimtab.telemetry.sql.one_at_a_time import ANSWER_S, NotAnswered
from trimtab.telemetry.sql.text import checked, refused
from trimtab.telemetry.sql.tree import check, read
from trimtab.telemetry.sql.turns import OF_ONE, Full, Turns
from trimtab.telemetry.sql.turns import Asker as Asked
from trimtab.telemetry.stores import StoreAway, StoreRefused, Value

T = TypeVar("T")
MAX_ROWS: Final = 10_000
_SECOND: Final = "fromUnixTimestamp64Nano({}, 'UTC')"
_BUCKETS: Final = "input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens"


def _usd(column: str) -> str:
    """Whole picodollars as dollars, exactly."""
    return f"toDecimal128({column}, 12) / 1000000000000"


VIEWS: Final[dict[str, str]] = {
    "ledger": (
        f"SELECT {_SECOND.format('at_ns')} AS time, at_ns, request_id, trace_id, span_id, attempt, final, outcome,"
        f" provider, model, model_used, model_name, asked, app, release, environment, feature, segment, session, user,"
        f" key_id AS key, tags, prompt, duration_ns / 1e6 AS duration_ms, {_BUCKETS}, images, tokens_estimated,"
        f" {_usd('cost')} AS cost_usd, price, {_usd('booked_cost')} AS booked_cost_usd, booked_price, response_id,"
        f" tier, tier_asked, searches, file_searches, {_usd('cost_told')} AS cost_told_usd,"
        f" {_usd('cost_counted')} AS cost_counted_usd"
        " FROM ledger FINAL WHERE project = {project:String}"
    ),
    "scores": (
        f"SELECT {_SECOND.format('at_ns')} AS time, at_ns, id, target, trace_id, span_id, session, name, value, label,"
        " explanation, source, evaluator, evaluator_version, author"
        " FROM scores FINAL WHERE project = {project:String} AND valid = 1"
    ),
    "spans": (
        f"SELECT {_SECOND.format('start_ns')} AS time, start_ns, trace_id, span_id, parent_span_id, request_id, entry,"
        " leaf, kind, name, status, duration_ns / 1e6 AS duration_ms, ttft_ns / 1e6 AS ttft_ms, model, model_used,"
        " provider, tried, app, release, environment, feature, session, user, key_id AS key, tags, metadata, stream,"
        f" stop, http_status, error_code, error_message, {_BUCKETS}, tokens_estimated, {_usd('cost')} AS cost_usd,"
        " price, unpriced, attempts, fallbacks, input_preview, output_preview, response_id, data_class, tier"
        " FROM spans WHERE project = {project:String}"
    ),
    "texts": (
        f"SELECT {_SECOND.format('start_ns')} AS time, start_ns, trace_id, span_id, text"
        " FROM span_io WHERE project = {project:String}"
    ),
}  # fmt: skip
"""What can be read, in order of name; docs/search.md tells the columns."""
TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "scores": ("explanation",),
    "spans": ("error_message", "input_preview", "output_preview"),
    "texts": ("text",),
}
"""Columns of the views that hold what was said."""
TABLES: Final = ("spans", "span_io", "ledger", "scores")
"""What the views read."""
OTHERS: Final = tuple(sorted({*COLUMNS} - {*TABLES}))
"""More tables of the store with a project in each row."""

_LIMITS: Final = (
    "max_memory_usage = 1000000000, max_rows_to_read = 200000000, max_result_bytes = 50000000, max_ast_elements = 5000,"
    # The engine looks at the clock between blocks of rows: a small one is done with sooner. `has` of an array of a
    # million for each row ran 69 s in its own blocks of 65,409 rows; what is ordinary costs a few percent more.
    " max_expanded_ast_elements = 50000, max_block_size = 4096, query_plan_remove_redundant_sorting = 0,"
    " output_format_json_quote_decimals = 1, output_format_json_quote_denormals = 0"
)


class SqlColumn(Struct, frozen=True, kw_only=True):
    """``type`` as the store names it, e.g. ``Nullable(Float64)``."""

    name: str
    type: str


class SqlResult(Struct, frozen=True, kw_only=True):
    """``rows`` has an array per row. ``truncated``: there are more than are shown. ``took`` is milliseconds."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    truncated: bool
    took: float


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(
        self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "", fmt: str = "", *,
        persons: Asked | None = None,
    ) -> list[T]: ...  # fmt: skip


def _without_texts(name: str) -> str:
    """A view whose columns of texts are empty."""
    view = VIEWS[name]
    for column in TEXTS.get(name, ()):
        view, found = re.subn(rf"(?<=[ ,]){column}(?=,| FROM)", f"'' AS {column}", view, count=1)
        if not found:
            raise ValueError(f"The view {name} has no column {column}.")
    return view


def statement(sql: str, limit: int, *, texts: bool = True) -> str:
    """The text that is run, with the project as a placeholder; without ``texts`` every column of what was said is
    empty. Raises `InvalidRequest`."""
    views = ", ".join(f"{name} AS ({VIEWS[name] if texts else _without_texts(name)})" for name in VIEWS)
    return f"WITH {views} SELECT * FROM (\n{checked(sql)}\n) LIMIT {limit}"


def walls(project: str) -> str:
    """The engine's settings of a statement; ``project`` is an id of ours."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", project):
        raise ValueError(f"Not a project's id: {project!r}.")
    filters = ", ".join(f"'{table}': 'project = \\'{project}\\''" for table in (*TABLES, *OTHERS))
    return f"additional_table_filters = {{{filters}}}, {_LIMITS}, readonly = 1"


class SqlDoor:
    """Lets projects, and who asks in them, take turns (`turns.py`), one statement at a time from this process; the
    store's process lets in one at a time of all of them (`one_at_a_time.py`)."""

    def __init__(self, asker: Asker, *, answer_s: float = ANSWER_S) -> None:
        self._ask = asker.ask
        self._answer_s = answer_s
        self._turns = Turns()

    async def run(self, project: str, sql: str, limit: int = 1_000, *, texts: bool = True, key: str = "") -> SqlResult:
        """``texts`` as of `statement`; ``key`` is the id of who asks. Raises `InvalidRequest`, `TooLarge`,
        `RateLimited`, `Unavailable`."""
        limit = max(1, min(limit, MAX_ROWS))
        text = statement(sql, limit + 1, texts=texts)
        asked = Asked(project, key)
        try:
            await self._turns.take(asked, self._answer_s)
        except Full as error:
            raise _others(own=error.own) from None
        except TimeoutError:
            raise _others() from None
        try:
            return await self._run(asked, text, limit)
        except NotAnswered as error:
            raise _not_answered(error) from error
        except (StoreRefused, StoreAway) as error:
            raise _told(error) from error
        finally:
            self._turns.give()

    async def _run(self, asked: Asked, text: str, limit: int) -> SqlResult:
        params: dict[str, Value] = {"project": asked.project}
        bounds = walls(asked.project)
        began = time.perf_counter()
        await self._look(text, params)
        found = await self._ask(list[Any], text, params, bounds, "JSONCompactEachRowWithNamesAndTypes", persons=asked)
        names, types, rows = (found[0], found[1], found[2:]) if len(found) > 1 else ([], [], [])
        return SqlResult(
            columns=[SqlColumn(name=str(n), type=str(t)) for n, t in zip(names, types, strict=True)],
            rows=rows[:limit],
            truncated=len(rows) > limit,
            took=round((time.perf_counter() - began) * 1000, 3),
        )

    async def _look(self, text: str, params: Mapping[str, Value]) -> None:
        """What the statement would do, before anything of it is done. Raises `InvalidRequest`."""
        lines = await self._ask(list[str], f"EXPLAIN QUERY TREE run_passes = 0 {text}", params)
        check(read([line[0] for line in lines]), frozenset(VIEWS), frozenset((*TABLES, *OTHERS)))


def _others(*, own: bool = False) -> RateLimited:
    if own:
        fix = f"Wait for its answers: of one key {OF_ONE} statements run or wait at a time."
        return RateLimited("Other SQL of this key is still running.", fix=fix, retry_after_s=5.0)
    fix = "Ask again in a few seconds; one statement runs at a time."
    return RateLimited("Other SQL is still running.", fix=fix, retry_after_s=5.0)


def _not_answered(error: NotAnswered) -> RateLimited | TooLarge:
    if error.why == "running":
        return TooLarge(
            f"The statement takes too much: after {error.after_s:g} s it is in a step that cannot be stopped.",
            fix="Read less, or compare fewer values with each other; until it has ended other SQL waits.",
            code="query_too_large",
        )
    if error.why == "held":
        return RateLimited(
            "A statement of this project did not end: the telemetry process had to be started anew for it.",
            fix=f"SQL of this project is taken again in {error.after_s:.0f} s; compare fewer values with each other.",
            retry_after_s=error.after_s,
        )
    return _others(own=error.why == "own")


# Numbers from ClickHouse's src/Common/ErrorCodes.cpp: time, rows, bytes, memory, size of the statement.
_TOO_MUCH: Final = frozenset((158, 159, 167, 168, 191, 241, 306, 307, 396))
_OURS: Final = frozenset((0, 210, 236, 243, 394, 999))
"""Nothing that the statement did: the network, a store that is closing, a full disk."""


_REST = re.compile(r"\.? In scope |: [Ww]hile |\. Expected one of|[.,] Stack trace| \([A-Z_0-9]+\)$")


def _told(error: StoreRefused | StoreAway) -> Exception:
    """The engine's words about the person's statement, without those about what was put around it."""
    found = re.search(r"Code: (\d+)\. DB::(?:Net)?Exception: (.*)", error.message, re.DOTALL)
    code = int(found[1]) if found else 0
    if found is None or code in _OURS:
        return error
    words = _REST.split(found[2])[0]
    words = re.sub(r"\(line \d+, col \d+\)|at position \d+ ?", "", words).strip()[:400]
    if code in _TOO_MUCH:
        fix = "Read less: add a bound on start_ns, fewer columns or groups."
        return TooLarge(f"The statement takes too much: {words}", fix=fix, code="query_too_large")
    return refused(f"The statement cannot be run: {words}", "docs/search.md tells the tables, columns and functions.")
