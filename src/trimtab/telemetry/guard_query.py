"""What guards did with calls: one guard over a window, and all of them with one request."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.telemetry.stores import Value

T = TypeVar("T")
EXAMPLES: Final = 20
ACTIONS: Final = ("escalate", "block", "redact", "flag", "allow")
"""The weightiest first."""
STOPS: Final = ("escalate", "block")
MINDED: Final = ("escalate", "block", "redact", "flag")
_WINDOW: Final = (
    "project = {project:String} AND entry = 1 AND request_id != '' AND start_ns >= {since:Int64}"
    " AND start_ns < {until:Int64}"
)
_UNREAD: Final = "arrayExists(each -> startsWith(each, {own:String}) AND position(each, '|unread|') > 0, guards)"
MS: Final = 1_000_000
HOUR_NS: Final = 3_600 * 10**9


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...


class Example(Struct, frozen=True, kw_only=True):
    """A call in which a guard minded something, or in shadow mode would have. Unix ns."""

    trace_id: str
    request_id: str
    model: str
    start_ns: int
    action: str
    mode: str
    preview: str


class Report(Struct, frozen=True, kw_only=True):
    """``calls`` are those it looked at, each counted once with the weightiest action that it asked for: ``enforced`` by
    action, and ``would_have`` in shadow mode. ``failed`` counts the times it could not tell, ``unread`` the calls that
    had something it cannot read."""

    calls: int
    enforced: dict[str, int]
    would_have: dict[str, int]
    failed: int
    unread: int
    examples: tuple[Example, ...]


class Found(Struct, frozen=True, kw_only=True):
    """One request's span: ``decision`` is its column (`answers.read_decision`)."""

    trace_id: str
    model: str
    start_ns: int
    decision: str


async def report(asker: Asker, project: str, name: str, since_ns: int, until_ns: int) -> Report:
    """Of calls that began in the window. Raises `Unavailable` while the store is away."""
    params: dict[str, Value] = {"project": project, "since": since_ns, "until": until_ns, "own": f"{name}|"}
    looked = f"{_WINDOW} AND arrayExists(each -> startsWith(each, {{own:String}}), guards)"
    sql = (
        f"SELECT {_heaviest('enforce')} AS enforced, {_heaviest('shadow')} AS would, count(), countIf({_UNREAD})"  # noqa: S608  our own text around placeholders
        f" FROM spans WHERE {looked} GROUP BY enforced, would"
    )
    lines = await asker.ask(tuple[str, str, int, int], sql, params)
    params["named"] = f"guard {name}@"
    failed = await asker.ask(
        tuple[int],
        "SELECT count() FROM spans WHERE project = {project:String} AND start_ns >= {since:Int64}"
        " AND start_ns < {until:Int64} AND kind = 'guardrail' AND error_code = 'guard_failed'"
        " AND startsWith(name, {named:String})",
        params,
    )
    return Report(
        calls=sum(count for _, _, count, _ in lines),
        enforced=_by_action((did, count) for did, _, count, _ in lines),
        would_have=_by_action((would, count) for _, would, count, _ in lines),
        failed=failed[0][0] if failed else 0,
        unread=sum(missed for *_, missed in lines),
        examples=await _examples(asker, looked, params),
    )


async def _examples(asker: Asker, looked: str, params: Mapping[str, Value]) -> tuple[Example, ...]:
    """The newest in which it minded something; those that it stopped, or would have, before the others."""
    did, would = _heaviest("enforce"), _heaviest("shadow")
    stopped = f"({did} IN {STOPS} OR {would} IN {STOPS})"
    lines = await asker.ask(
        tuple[str, str, str, int, str, str, str],
        f"SELECT trace_id, request_id, model, start_ns, {did}, {would}, input_preview"  # noqa: S608
        f" FROM spans WHERE {looked} AND ({did} IN {MINDED} OR {would} IN {MINDED})"
        f" ORDER BY {stopped} DESC, start_ns DESC LIMIT {EXAMPLES}",
        params,
    )
    return tuple(
        Example(
            trace_id=trace_id,
            request_id=request_id,
            model=model,
            start_ns=start_ns,
            action=did if did in MINDED else would,
            mode="enforce" if did in MINDED else "shadow",
            preview=preview,
        )
        for trace_id, request_id, model, start_ns, did, would, preview in lines
    )


def _heaviest(mode: str) -> str:
    own = "startsWith(each, {own:String})"
    cases = ", ".join(
        f"arrayExists(each -> {own} AND endsWith(each, '|{action}|{mode}'), guards), '{action}'" for action in ACTIONS
    )
    return f"multiIf({cases}, '')"


def _by_action(found: Iterable[tuple[str, int]]) -> dict[str, int]:
    made: dict[str, int] = {}
    for action, count in found:
        if action:
            made[action] = made.get(action, 0) + count
    return {action: made[action] for action in ACTIONS if action in made}


async def why(asker: Asker, project: str, request_id: str) -> Found | None:
    """The span of a request by its id, which says when it began (a UUIDv7). None where there is none yet."""
    params: dict[str, Value] = {"project": project, "request": request_id, "since": 0, "until": (1 << 63) - 1}
    digits = request_id.removeprefix("req_")[:12]
    try:
        began = int(digits, 16) * MS
    except ValueError:
        return None
    params["since"], params["until"] = max(0, began - HOUR_NS), began + HOUR_NS
    lines = await asker.ask(
        tuple[str, str, int, str],
        f"SELECT trace_id, model, start_ns, decision FROM spans WHERE {_WINDOW}"  # noqa: S608
        " AND request_id = {request:String} ORDER BY start_ns LIMIT 1",
        params,
    )
    for trace_id, model, start_ns, decision in lines:
        return Found(trace_id=trace_id, model=model, start_ns=start_ns, decision=decision)
    return None
