"""Answers to people's questions, from the store through ClickHouse's HTTP interface.

`TelemetryReader` is what the server holds: it talks to the telemetry process's socket (or to a ClickHouse server),
binds every value, and puts project and time window into every statement. While nobody answers, it raises
`Unavailable`; only `health` always says something.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import httpx
import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.core.no_tls import no_tls
from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.telemetry import answers, units
from trimtab.telemetry.answers import IOLine, OwnLine, SeriesLine, SpanLine, TotalsLine, rows_of
from trimtab.telemetry.calls.mapper import SHARED_REQUEST, SHARED_RESPONSE
from trimtab.telemetry.conversation import Bodies, conversation
from trimtab.telemetry.key_names import KeyNames, NoNames, bound
from trimtab.telemetry.score_book import scores_of_trace
from trimtab.telemetry.search.query import TOKENS, Condition, compile_query, reads_texts, reads_words
from trimtab.telemetry.seen.tail import Ended
from trimtab.telemetry.shown import OF_ANY, OF_ENTRIES
from trimtab.telemetry.sql.one_at_a_time import ANSWER_S as PERSONS_ANSWER_S
from trimtab.telemetry.sql.one_at_a_time import NotAnswered, Why
from trimtab.telemetry.sql.turns import Asker
from trimtab.telemetry.stores import ROWS, StoreAway, Value, failure, insert_sql
from trimtab.telemetry.stores.clickhouse import BEHIND_HEADER, PERSONS_HEADER, Address, is_whole
from trimtab.telemetry.views import (
    Facet,
    FacetValue,
    GroupBy,
    GroupRow,
    Overview,
    SpanIO,
    SpanRow,
    StoreHealth,
    TraceDetail,
    TracePage,
    Window,
)

T = TypeVar("T")
MAX_PAGE: Final = 500
NEWEST_PART: Final = 32
MAX_SPANS: Final = 100_000
MAX_GROUPS: Final = 50
SERIES_GROUPS: Final = 10
FACET_VALUES: Final = 20
ANSWER_S: Final = 15.0
PERSONS_S: Final = 4 * PERSONS_ANSWER_S
"""What persons wrote is waited for so long; the store's process tells after half of it how it stands."""
AGAIN_S: Final = 0.1
IDS_AT_ONCE: Final = 200
LONGEST_TAILED_NS: Final = 3_600 * 10**9

_GROUPS: Final[dict[GroupBy, str]] = {
    "none": "''",
    "model": "model",
    "provider": "provider",
    "feature": "feature",
    "key": "key_id",
    "user": "user",
    "app": "app",
    "status": "status",
}
_FACETS: Final = {
    "model": "model",
    "provider": "provider",
    "status": "status",
    "feature": "feature",
    "app": "app",
    "release": "release",
    "environment": "environment",
    "user": "user",
    "key": "key_id",
    "stop": "stop",
    "error": "error_code",
}


class TelemetryReader:
    """Implements `views.Reader`. ``source`` is the telemetry process's socket, or a ClickHouse URL.

    ``waiting`` tells how many records of this process the store does not have yet: its own count is what is known while
    the telemetry process is away, and is ahead of that process's count of the files by a moment at other times. For
    ``patience_s`` seconds from now on it waits for a store that does not answer yet: both processes may be starting.
    """

    def __init__(
        self, source: Path | str, waiting: Callable[[], int] = lambda: 0, *, patience_s: float = 0.0,
        keys: Callable[[], Keyring] = Keyring, indexed: Callable[[str], bool] = lambda _: True,
        key_names: KeyNames | None = None,
    ) -> None:  # fmt: skip
        self.key_names: KeyNames = key_names or NoNames()
        self._keys = keys
        self._indexed = indexed
        self._waiting = waiting
        self._patient_until = time.monotonic() + patience_s
        url = source if isinstance(source, str) else "http://telemetry"
        self._address = Address(url)
        transport = httpx.AsyncHTTPTransport(verify=no_tls(), uds=str(source)) if isinstance(source, Path) else None
        self._http = httpx.AsyncClient(
            base_url=self._address.base,
            headers=self._address.headers,
            transport=transport,
            timeout=httpx.Timeout(ANSWER_S, connect=2.0),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    # --- traces ----------------------------------------------------------------------------------------------------

    async def traces(self, project: str, q: str, window: Window, cursor: str | None, limit: int) -> TracePage:
        """One page, newest first. A cursor is a place in time, so what arrives meanwhile moves no page."""
        limit = max(1, min(limit, MAX_PAGE))
        place = _place(cursor) if cursor is not None else None
        lines: list[SpanLine] = []
        behind_ms = 0
        for part in _parts(compile_query(q, project, window), window, place):
            lines, behind_ms = await self._newest(compile_query(q, project, part), place, limit + 1)
            if len(lines) > limit:
                break
        rows = [answers.span_row(line) for line in lines[:limit]]
        last = lines[limit - 1] if len(lines) > limit else None
        return TracePage(rows=rows, cursor=_cursor(last.start_ns, last.span_id) if last else None, behind_ms=behind_ms)

    async def _newest(
        self, condition: Condition, place: tuple[int, str] | None, limit: int
    ) -> tuple[list[SpanLine], int]:
        where, params = condition.sql, dict(condition.params)
        if place is not None:
            where += " AND (start_ns, span_id) < ({cursor_ns:Int64}, {cursor_span:String})"
            params["cursor_ns"], params["cursor_span"] = place
        sql = f"SELECT {OF_ENTRIES} FROM spans WHERE {where} ORDER BY start_ns DESC, span_id DESC LIMIT {limit}"  # noqa: S608
        data, behind_ms = await self._ask(sql, params, answers.SHOWN_ROWS)
        return answers.span_lines(data), behind_ms

    async def ended(self, project: str, since_ns: int, most: int, now_ns: int) -> tuple[list[Ended], int]:
        """For `tail.Tail`, where both are said. One that ran for more than `LONGEST_TAILED_NS` is not looked for."""
        mark = f"bitShiftRight(cityHash64(status, duration_ns, ifNull(cost, -1), attempts, {TOKENS}), 1)"
        sql = (
            f"SELECT trace_id, span_id, start_ns, {mark} FROM spans WHERE project = {{project:String}} AND entry = 1"  # noqa: S608
            " AND start_ns >= {since:Int64} - {longest:Int64} AND start_ns + duration_ns >= {since:Int64}"
            f" ORDER BY start_ns + duration_ns > {{now:Int64}}, start_ns + duration_ns DESC LIMIT {most}"
        )
        params: dict[str, Value] = {"project": project, "since": max(0, since_ns), "longest": LONGEST_TAILED_NS}
        params["now"] = now_ns
        data, behind_ms = await self._ask(sql, params)
        return rows_of(Ended, data), behind_ms

    async def among(self, project: str, q: str, spans: list[Ended]) -> list[SpanRow]:
        starts = [span.start_ns for span in spans]
        # A window is of milliseconds, and its end is not in it.
        window = Window(start=min(starts) // 1_000_000, end=max(starts) // 1_000_000 + 1)
        condition = compile_query(q, project, window)
        params: dict[str, Value] = {**condition.params}
        names: list[str] = []
        for number, span in enumerate(spans):
            params[f"one{number}"] = span.span_id
            names.append(f"{{one{number}:String}}")
        sql = f"SELECT {OF_ENTRIES} FROM spans WHERE {condition.sql} AND span_id IN ({', '.join(names)})"  # noqa: S608
        data, _ = await self._ask(f"{sql} ORDER BY start_ns DESC, span_id DESC", params, answers.SHOWN_ROWS)
        return [answers.span_row(line) for line in answers.span_lines(data)]

    async def trace(self, project: str, trace_id: str) -> TraceDetail | None:
        asked = self._ask(
            f"SELECT {OF_ANY} FROM spans WHERE project = {{project:String}} AND trace_id = {{trace:String}}"  # noqa: S608
            f" ORDER BY start_ns, entry DESC, span_id LIMIT {MAX_SPANS}",
            {"project": project, "trace": trace_id},
            answers.SHOWN_ROWS,
        )
        (data, _), scores = await asyncio.gather(asked, scores_of_trace(self, self._keys(), project, trace_id))
        if len(data) <= answers.PORTION:
            found = answers.trace_of(trace_id, data)
        else:  # of 30,000 spans it takes a fifth of a second
            found = await asyncio.to_thread(answers.trace_of, trace_id, data)
        return None if found is None else msgspec.structs.replace(found, scores=scores)

    async def span_io(self, project: str, trace_id: str, span_id: str) -> SpanIO | None:
        """The texts of a span; what an attempt shares with its request is read there."""
        span, first_ns, last_ns = await self._own(project, trace_id, span_id)
        if span is None:
            return None
        if not span.captured:
            return SpanIO(
                trace_id=trace_id,
                span_id=span_id,
                captured=False,
                input=[],
                output=[],
                tools=[],
                params={},
                raw_request=None,
                raw_response=None,
                truncated=False,
            )
        if span.shared_io:
            parent, above_ns, ends_ns = await self._own(project, trace_id, span.parent_span_id)
            if parent is not None:
                first_ns, last_ns = min(first_ns, above_ns), max(last_ns, ends_ns)
        found = await self._rows(
            IOLine,
            f"SELECT {answers.IO_COLUMNS} FROM span_io"  # noqa: S608
            " WHERE project = {project:String} AND start_ns >= {first:Int64} AND start_ns <= {last:Int64}"
            " AND trace_id = {trace:String} AND span_id IN ({span:String}, {parent:String})",
            {
                "project": project,
                "trace": trace_id,
                "first": first_ns,
                "last": last_ns,
                "span": span_id,
                "parent": span.parent_span_id if span.shared_io else "",
            },
        )
        bodies = await self._bodies(span, {line.span_id: line for line in found})
        return await asyncio.to_thread(conversation, trace_id, span_id, bodies)

    async def _own(self, project: str, trace_id: str, span_id: str) -> tuple[OwnLine | None, int, int]:
        """What is known of a span, and between which moments its copies began: the rows of a trace lie by their time,
        and one may have 30,000."""
        lines = await self._rows(
            OwnLine,
            f"SELECT {answers.OWN_COLUMNS} FROM spans WHERE project = {{project:String}}"  # noqa: S608
            f" AND trace_id = {{trace:String}} AND span_id = {{span:String}} LIMIT {MAX_SPANS}",
            {"project": project, "trace": trace_id, "span": span_id},
        )
        starts = [line.start_ns for line in lines]
        return (lines[0], min(starts), max(starts)) if lines else (None, 0, 0)

    async def _bodies(self, span: OwnLine, lines: Mapping[str, IOLine]) -> Bodies:
        own = lines.get(span.span_id)
        parent = lines.get(span.parent_span_id)
        asked = parent if span.shared_io & SHARED_REQUEST else own
        answered = parent if span.shared_io & SHARED_RESPONSE else own
        request = await self._content(asked.request, asked.request_blob) if asked else b""
        response = await self._content(answered.response, answered.response_blob) if answered else b""
        return Bodies(
            request_dialect=asked.request_dialect if asked else "",
            request=request,
            response_dialect=answered.response_dialect if answered else "",
            response=response,
            stream=bool(answered and answered.stream),
        )

    async def content(self, inline: bytes, reference: str) -> bytes | None:
        """A body as `span_io` of a span has it, for other files of this room (`forward/material.py`)."""
        return await self._content(inline, reference)

    async def _content(self, inline: bytes, reference: str) -> bytes | None:
        """A body, opened, from its row or from the blobs; None where the blob is gone, or the key it was sealed
        with."""
        stored = await self._stored(inline, reference)
        try:
            return None if stored is None else self._keys().open(stored)
        except KeyDestroyed:
            return None

    async def _stored(self, inline: bytes, reference: str) -> bytes | None:
        if not reference:
            return inline
        try:
            answer = await self._http.get(f"/blobs/{reference}")
        except httpx.HTTPError as error:
            raise _away(error) from error
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise failure(answer.text)
        return answer.content

    # --- sums ------------------------------------------------------------------------------------------------------

    async def facets(self, project: str, q: str, window: Window) -> list[Facet]:
        """The most frequent values of each key among the calls that a search finds; what is empty is left out."""
        condition = compile_query(q, project, window)
        columns = ", ".join(_FACETS.values())
        sets = ", ".join(f"({column})" for column in _FACETS.values())
        # In each grouping set every column but one is empty, so joined together they are that one's value.
        by_key = (
            f"SELECT grouping({columns}) AS which, concat({columns}) AS value, count() AS calls FROM spans"  # noqa: S608
            f" WHERE {condition.sql} GROUP BY GROUPING SETS ({sets}) HAVING value != ''"
            f" ORDER BY calls DESC, value LIMIT {FACET_VALUES} BY which"
        )
        by_tag = (
            f"SELECT 0 AS which, arrayJoin(tags) AS value, count() AS calls FROM spans WHERE {condition.sql}"  # noqa: S608
            f" GROUP BY value ORDER BY calls DESC, value LIMIT {FACET_VALUES}"
        )
        lines, tags = await asyncio.gather(
            self._rows(tuple[int, str, int], by_key, condition.params),
            self._rows(tuple[int, str, int], by_tag, condition.params),
        )
        found = {key: [FacetValue(value=v, count=n) for which, v, n in lines if which == _mask(key)] for key in _FACETS}
        found["tag"] = [FacetValue(value=value, count=count) for _, value, count in tags]
        return [Facet(key=key, values=values) for key, values in found.items() if values]

    async def overview(self, project: str, q: str, window: Window, group_by: GroupBy) -> Overview:
        """Totals of the window and of the one before it, groups with percentiles, and a series."""
        if window.end <= window.start:
            raise InvalidRequest("The window ends before it starts.", fix="Let start be less than end.", param="end")
        condition = compile_query(q, project, window)
        length = window.end - window.start
        before = compile_query(q, project, Window(start=window.start - length, end=window.start))
        now, previous, groups = await asyncio.gather(
            self._totals(condition, "''"),
            self._totals(before, "''"),
            self._totals(condition, _GROUPS[group_by]) if group_by != "none" else _none(),
        )
        step = units.step_ms(length)
        shown = [line.group for line in groups[:SERIES_GROUPS]] if group_by != "none" else [""]
        lines = await self._series(condition, _GROUPS[group_by], step, shown if group_by != "none" else [])
        first, end = window.start // step, -(-window.end // step)
        return Overview(
            window=window,
            step_ms=step,
            totals=answers.totals(now[0] if now else None),
            previous=answers.totals(previous[0] if previous else None),
            series=answers.series(lines, first, end, step, shown),
            groups=[GroupRow(group=line.group, totals=answers.totals(line)) for line in groups],
        )

    async def groups(self, project: str, q: str, window: Window, group_by: GroupBy) -> list[GroupRow]:
        """Totals and percentiles of each value of one dimension, the most frequent first."""
        lines = await self._totals(compile_query(q, project, window), _GROUPS[group_by])
        return [GroupRow(group=line.group, totals=answers.totals(line)) for line in lines]

    async def _totals(self, condition: Condition, group: str) -> list[TotalsLine]:
        sql = f"SELECT {group} AS grouped, {answers.TOTALS_COLUMNS} FROM spans WHERE {condition.sql}"  # noqa: S608
        sql += f" GROUP BY grouped ORDER BY count() DESC, grouped LIMIT {MAX_GROUPS}"
        return await self._rows(TotalsLine, sql, condition.params)

    async def _series(self, condition: Condition, group: str, step: int, groups: list[str]) -> list[SeriesLine]:
        params: dict[str, Value] = {**condition.params, "step_ns": step * 1_000_000}
        where = condition.sql
        if groups:
            names = {f"group{number}": name for number, name in enumerate(groups)}
            params |= names
            where += f" AND {group} IN ({', '.join(f'{{{name}:String}}' for name in names)})"
        sql = (
            f"SELECT intDiv(start_ns, {{step_ns:Int64}}) AS number, {group} AS grouped, {answers.SERIES_COLUMNS}"  # noqa: S608
            f" FROM spans WHERE {where} GROUP BY number, grouped"
        )
        return await self._rows(SeriesLine, sql, params)

    async def health(self) -> StoreHealth:
        """How the telemetry process is; ``down`` while it does not answer."""
        try:
            answer = await self._http.get("/health", timeout=2.0)
            if answer.status_code == 200:
                told = msgspec.json.decode(answer.content, type=StoreHealth)
                return msgspec.structs.replace(told, waiting=max(told.waiting, self._waiting()))
            said = f"it answered {answer.status_code}"
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            said = repr(error)
        detail = f"The telemetry process does not answer ({said}); it is started again, records wait in the spool."
        waiting = self._waiting()
        return StoreHealth(state="down", detail=detail, waiting=waiting, behind_ms=0, rejected=0, spans=0)

    # --- asking ----------------------------------------------------------------------------------------------------

    async def ask(
        self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "", fmt: str = ROWS, *,
        persons: Asker | None = None,
    ) -> list[T]:  # fmt: skip
        """The rows of one statement, for the questions of other files of this room (`costs.py`). ``bounds`` are
        settings of the engine for this statement. ``persons``: they wrote it, so it may do what the engine cannot be
        stopped in: it has a turn, and `NotAnswered` is raised where that does not come, or does not end."""
        data, _ = await self._ask(sql, params, fmt, bounds, persons=persons)
        return rows_of(line, data)

    async def file(self, sql: str, params: Mapping[str, Value], fmt: str, bounds: str) -> bytes:
        """What one statement answers, as a file in a format of the engine's."""
        data, _ = await self._ask(sql, params, fmt, bounds)
        return data

    async def known_requests(self, request_ids: list[str], first_ns: int, last_ns: int) -> set[str]:
        """Those of the calls, begun between the two moments, that the ledger has a row of."""
        found: set[str] = set()
        for at in range(0, len(request_ids), IDS_AT_ONCE):
            params: dict[str, Value] = {"first": first_ns, "last": last_ns}
            names: list[str] = []
            for number, request_id in enumerate(request_ids[at : at + IDS_AT_ONCE]):
                params[f"id{number}"] = request_id
                names.append(f"{{id{number}:String}}")
            sql = (
                "SELECT DISTINCT request_id FROM ledger WHERE at_ns >= {first:Int64} AND at_ns <= {last:Int64}"  # noqa: S608
                f" AND request_id IN ({', '.join(names)})"
            )
            found |= {row[0] for row in await self._rows(tuple[str], sql, params)}
        return found

    async def insert(self, table: str, columns: tuple[str, ...], rows: bytes, token: str) -> None:
        """Rows into the store (MsgPack); a second insert under the same token changes nothing."""
        query = {**self._address.query({}, ROWS), "query": f"{insert_sql(table, columns, token)} FORMAT MsgPack"}
        try:
            answer = await self._http.post("/", params=query, content=rows, timeout=60.0)
        except httpx.HTTPError as error:
            raise _away(error) from error
        if answer.status_code != 200:
            raise failure(answer.text)

    async def _rows(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]:
        data, _ = await self._ask(sql, params)
        return rows_of(line, data)

    async def _ask(
        self, sql: str, params: Mapping[str, Value], fmt: str = ROWS, bounds: str = "", *, persons: Asker | None = None
    ) -> tuple[bytes, int]:
        """The rows as lines (JSON unless said otherwise), and how far behind the store is."""
        self._require_words(sql, params)
        statement = f"{sql} SETTINGS max_execution_time = {int(ANSWER_S) - 5}{', ' if bounds else ''}{bounds}"
        values = await bound(params, self.key_names)
        answer = await self._posted(self._address.query(values, fmt), statement, persons=persons)
        if persons is not None and answer.status_code == 429:
            raise msgspec.json.decode(answer.content, type=_Late).error()
        if answer.status_code != 200:
            raise failure(answer.text)
        if fmt == ROWS and not is_whole(answer.content):
            raise StoreAway(f"The telemetry store answered no rows, or not all: {answer.content[-200:]!r}")
        return answer.content, int(answer.headers.get(BEHIND_HEADER, 0))

    def _require_words(self, sql: str, params: Mapping[str, Value]) -> None:
        """Raises `InvalidRequest` where words are looked for that lie encrypted, or are not indexed: to find nothing
        would say that there is nothing."""
        project = str(params.get("project", ""))
        if reads_texts(sql) and not self._indexed(project):
            raise InvalidRequest(
                "What is said in this project is not indexed, so its words cannot be searched.",
                fix="Search by keys, such as user:, session:, model:, status: or meta.NAME:. To find what comes from "
                "now on by its words: trimtab projects set PROJECT --text-index.",
                param="q",
                code="texts_not_indexed",
            )
        if reads_words(sql) and self._keys().seals(project):
            raise InvalidRequest(
                "What was said in this project is encrypted at rest, so its words cannot be searched.",
                fix="Search by keys instead, such as user:, session:, model:, status: or meta.NAME:.",
                param="q",
                code="content_encrypted",
            )

    async def _posted(self, query: dict[str, str], statement: str, *, persons: Asker | None = None) -> httpx.Response:
        """What is asked while both processes start waits until the other can be reached and has opened the store: the
        one that a killed server left behind may still be met, and end in the middle of an answer."""
        headers = {} if persons is None else {PERSONS_HEADER: persons.written()}
        limit = httpx.USE_CLIENT_DEFAULT if persons is None else httpx.Timeout(PERSONS_S, connect=2.0)
        while True:
            waits = time.monotonic() < self._patient_until
            try:
                answer = await self._http.post("/", params=query, content=statement, headers=headers, timeout=limit)
            except httpx.HTTPError as error:
                if not (waits and isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError))):
                    raise _away(error) from error
            else:
                if not (waits and answer.status_code == 503):
                    return answer
            await asyncio.sleep(AGAIN_S)


class _Late(msgspec.Struct):
    """What the store's process says of a person's statement that it does not answer."""

    why: Why
    after_s: float

    def error(self) -> NotAnswered:
        return NotAnswered(self.why, self.after_s)


async def _none() -> list[TotalsLine]:
    return []


def _mask(key: str) -> int:
    """What ``grouping()`` gives for this facet's set: a bit for each column that is not in it, the first highest."""
    place = len(_FACETS) - 1 - list(_FACETS).index(key)
    return ((1 << len(_FACETS)) - 1) ^ (1 << place)


def _parts(condition: Condition, window: Window, place: tuple[int, str] | None) -> list[Window]:
    """What to look through, in order. A search in texts or scores begins with the newest part: what is frequent fills
    its page there, and those of the whole window are not read for it."""
    if not condition.far:
        return [window]
    end = min(window.end, place[0] // 1_000_000 + 1) if place is not None else window.end
    newest = Window(start=max(window.start, end - max(1, (end - window.start) // NEWEST_PART)), end=end)
    return [newest, Window(start=window.start, end=end)]


def _away(error: httpx.HTTPError) -> StoreAway:
    return StoreAway(
        f"The telemetry store does not answer: {error!r}.",
        fix="Calls go on and their records wait; ask again in a few seconds.",
        retry_after_s=2.0,
    )


def _cursor(start_ns: int, span_id: str) -> str:
    return base64.urlsafe_b64encode(f"{start_ns}.{span_id}".encode()).decode()


def _place(cursor: str) -> tuple[int, str]:
    strange = InvalidRequest("This cursor is not one of ours.", fix="Leave it out.", param="cursor")
    try:
        start, dot, span = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition(".")
        number = int(start)
    except (ValueError, binascii.Error) as error:
        raise strange from error
    if not dot or not 0 <= number < 1 << 63:
        raise strange
    return number, span
