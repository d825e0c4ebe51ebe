"""What replays need of recorded traffic: the facts of calls, what became of each attempt, and the requests' bodies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.telemetry.decided import CallKind, classes_of, kinds
from trimtab.telemetry.search.keys import SCOPE
from trimtab.telemetry.search.query import compile_query, window_params
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
MOST_CALLS: Final = 20_000
PER_TARGET: Final = 2_000
"""Attempts of each target that its distribution is made of, the newest."""
AT_ONCE: Final = 200


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...


class RecordedCall(Struct, frozen=True, array_like=True):
    """One call as it was. Times in ns; ``cost`` picodollars of all its attempts, None where no price was known."""

    request_id: str
    span_id: str
    start_ns: int
    duration_ns: int
    model: str
    session: str
    user: str
    feature: str
    key_id: str
    tags: list[str]
    metadata: dict[str, str]
    stream: int
    status: str
    stop: str
    cost: int | None
    unpriced: int
    trace_id: str = ""


class RecordedAttempt(Struct, frozen=True, array_like=True):
    """One upstream call. ``model`` is the provider's own id for it, ``name`` the project's (empty where it is not on
    record); ``ttft_ns`` None where nothing was streamed."""

    request_id: str
    start_ns: int
    provider: str
    model: str
    status: str
    stop: str
    duration_ns: int
    ttft_ns: int | None
    input_tokens: int
    output_tokens: int
    name: str = ""


class RecordedBody(Struct, frozen=True, array_like=True):
    """``request`` is empty where it was not captured, or was too large for its row."""

    span_id: str
    dialect: str
    request: bytes


_CALL: Final = ", ".join(RecordedCall.__struct_fields__)
_ATTEMPT: Final = (
    "request_id, start_ns, provider, model, status, stop, duration_ns, ttft_ns, "
    "input_tokens + cache_read_tokens + cache_write_tokens, output_tokens + reasoning_tokens"
)
_NAMED: Final = (  # what is asked for is passed as parameters
    f"SELECT {_ATTEMPT}, names.name FROM spans LEFT JOIN (SELECT span_id, any(model_name) AS name FROM ledger "  # noqa: S608
    "WHERE project = {project:String} AND at_ns >= {start_ns:Int64} AND at_ns < {end_ns:Int64} "
    "AND request_id IN (SELECT arrayJoin(splitByChar(',', {ids:String}))) GROUP BY span_id) AS names USING (span_id)"
)
"""Only the books have the project's own name of what was asked."""
# What was passed through as it came (files, batches and what they came to) no route decides, and a batch, one row for
# thousands of answers, says nothing of the length of one.
_PASSED: Final = "startsWith(name, 'pass ')"
_NO_CHAT: Final = (
    f"((kind = 'llm' AND {_PASSED}) OR (kind = 'embedding' AND startsWith(name, 'embed '))"
    " OR (kind = 'reranker' AND startsWith(name, 'rerank ')))"
)
"""Attempts of calls that are no conversation: there are no records to draw their outcome from."""
# Attempts of our own gateway alone: what others called elsewhere says nothing about our targets.
_OF_WINDOW: Final = (
    f"project = {{project:String}} AND entry = 0 AND leaf = 1 AND kind = 'llm' AND request_id != '' AND NOT {_PASSED} "
    "AND start_ns >= {start_ns:Int64} AND start_ns < {end_ns:Int64}"
)
_DECIDED: Final = (
    "attempts > 0 AND kind = 'span' AND request_id NOT IN (SELECT request_id FROM spans WHERE "  # noqa: S608
    f"{SCOPE} AND entry = 0 AND leaf = 1 AND {_NO_CHAT})"
)


_TEXTS: Final = (
    "project = {project:String} AND start_ns >= {start_ns:Int64} AND start_ns <= {end_ns:Int64} "
    "AND span_id IN (SELECT arrayJoin(splitByChar(',', {ids:String})))"
)
_IDS: Final = "SELECT arrayJoin(splitByChar(',', {ids:String}))"
"""Ids are of letters, digits, '_' and '-'."""


class Recorded:
    """Answers of one project only. Raises `Unavailable` while the store is away, `InvalidRequest` for a search that
    does not parse."""

    def __init__(self, asker: Asker, keys: Callable[[], Keyring] = Keyring) -> None:
        self._ask = asker.ask
        self._keys = keys

    async def calls(self, project: str, q: str, window: Window, limit: int) -> list[RecordedCall]:
        """The newest conversations that reached a provider and that a search finds, oldest first."""
        found = compile_query(q, project, window)
        sql = f"SELECT {_CALL} FROM spans WHERE {found.sql} AND {_DECIDED}"  # noqa: S608
        sql += f" ORDER BY start_ns DESC, span_id DESC LIMIT {max(1, min(limit, MOST_CALLS))}"
        return (await self._ask(RecordedCall, sql, found.params))[::-1]

    async def count(self, project: str, q: str, window: Window) -> int:
        """How many calls there are to replay: those that `calls` finds without a limit."""
        found = compile_query(q, project, window)
        sql = f"SELECT count() FROM spans WHERE {found.sql} AND {_DECIDED}"  # noqa: S608
        [(count,)] = await self._ask(tuple[int], sql, found.params)
        return count

    async def attempts(self, project: str, calls: Sequence[RecordedCall]) -> list[RecordedAttempt]:
        """Every attempt of those calls, in the order of time."""
        found: list[RecordedAttempt] = []
        sql = f"{_NAMED} WHERE {_OF_WINDOW} AND request_id IN ({_IDS})"
        for part in _parts(calls):
            params: dict[str, Value] = {"project": project, "start_ns": part[0].start_ns}
            params["end_ns"] = max(call.start_ns + call.duration_ns for call in part) + 1
            params["ids"] = ",".join(call.request_id for call in part)
            found += await self._ask(RecordedAttempt, f"{sql} ORDER BY start_ns, span_id", params)
        return found

    async def by_target(self, project: str, window: Window) -> list[RecordedAttempt]:
        """The newest attempts of every target in the window that nobody cut off."""
        sql = f"SELECT {_ATTEMPT}, '' FROM spans WHERE {_OF_WINDOW} AND status != 'cancelled'"  # noqa: S608
        sql += f" ORDER BY start_ns DESC LIMIT {PER_TARGET} BY provider, model"
        return await self._ask(RecordedAttempt, sql, {"project": project, **window_params(window)})

    async def classes(self, project: str, traces: Sequence[str]) -> list[str]:
        """The data classes that the calls of those traces are of; empty texts for those of none."""
        return await classes_of(self._ask, project, traces)

    async def kinds(self, project: str, q: str, window: Window, seen: Sequence[str]) -> list[CallKind]:
        """Calls by what policies see of them (`decided.kinds`)."""
        return await kinds(self._ask, project, q, window, seen)

    async def trace_of(self, project: str, span_id: str, start_ns: int, end_ns: int) -> str | None:
        """The trace of the span of that id which began between the two moments, where there is one."""
        sql = "SELECT trace_id FROM spans WHERE project = {project:String} AND span_id = {span:String}"
        sql += " AND start_ns >= {start_ns:Int64} AND start_ns < {end_ns:Int64} LIMIT 1"
        params: dict[str, Value] = {"project": project, "span": span_id, "start_ns": start_ns, "end_ns": end_ns}
        rows = await self._ask(tuple[str], sql, params)
        return rows[0][0] if rows else None

    async def bodies(self, project: str, calls: Sequence[RecordedCall]) -> dict[str, RecordedBody]:
        """The clients' requests, by span."""
        found: dict[str, RecordedBody] = {}
        sql = f"SELECT span_id, request_dialect, base64Encode(request) FROM span_io WHERE {_TEXTS}"  # noqa: S608
        for part in _parts(calls):
            params: dict[str, Value] = {"project": project, "start_ns": part[0].start_ns, "end_ns": part[-1].start_ns}
            params["ids"] = ",".join(call.span_id for call in part)
            for body in await self._ask(RecordedBody, sql, params):
                try:
                    request = self._keys().open(body.request)
                except KeyDestroyed:
                    request = b""
                found[body.span_id] = replace(body, request=request)
        return found


def _parts(calls: Sequence[RecordedCall]) -> list[Sequence[RecordedCall]]:
    return [calls[at : at + AT_ONCE] for at in range(0, len(calls), AT_ONCE)]
