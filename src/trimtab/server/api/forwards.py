"""Forwarding closed traces: where to, how it fares, and what could not be delivered."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from litestar.params import FromPath, JSONBody
from msgspec import UNSET
from msgspec.structs import asdict, replace
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, Unavailable
from trimtab.core.ids import new_id
from trimtab.gateway.provider_options import MASK
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.kept_secrets import Elsewhere, leads_elsewhere
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.forward import (
    ForwardEventPage,
    ForwardEventView,
    ForwardPage,
    ForwardPatch,
    ForwardTest,
    ForwardView,
    NewForward,
    Replay,
    Replayed,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.duties.forwarding import lag_ms
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Seen,
    Tenant,
    cut,
    read_cursor,
    route,
    write_cursor,
)
from trimtab.telemetry.forward import guard, kafka, store
from trimtab.telemetry.forward.senders import Packet
from trimtab.telemetry.forward.store import Event, ForwardRow, State
from trimtab.telemetry.forward.types import Destination, Secrets, check, filter_trouble

TAG = "forwards"
_SHOWN = frozenset(("security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.username", "compression.type"))
_SECRETS = ("headers", "secret", "options")
KIND = "forward"


# --- views ---


def _declared(deps: Dependencies, tenant: Project) -> Mapping[str, Destination]:
    return deps.config.forwards if deps.config.project == tenant.slug else {}


def _masked(values: dict[str, str]) -> dict[str, str]:
    return {name: value if name in _SHOWN else MASK for name, value in values.items()}


async def _view(deps: Dependencies, tenant: Project, row: ForwardRow | Destination, revision: int = 0) -> ForwardView:
    state, counts = await deps.db.read(
        lambda conn: (store.state(conn, tenant.id, row.name), store.counted(conn, tenant.id, row.name))
    )
    state = state or State(project_id=tenant.id, name=row.name, since=0)
    problem = state.problem
    if isinstance(row, ForwardRow):
        try:
            to = store.destination_of(deps.secrets, row)
        except Unavailable as unreadable:
            to, problem = _unreadable(row), unreadable.sentence()
    else:
        to = row
    now = deps.now()
    refused = filter_trouble(to)
    problem = refused or problem
    standing = "failing" if state.tries or refused else "well"
    if not to.enabled:
        standing = "paused"
    elif state.held_until <= now:
        standing = "idle"
    shown = {name: value for name, value in asdict(to).items() if name not in ("secrets", "project_id")}
    return ForwardView(
        **shown,
        headers=_masked(to.secrets.headers),
        secret_hint=to.secrets.secret[-4:],
        options=_masked(to.secrets.options),
        source="catalog" if isinstance(row, ForwardRow) else "config",
        standing=standing,
        problem=problem,
        delivered=state.delivered,
        failed=state.failed,
        passed_over=state.passed_over,
        retrying=counts.get("retry", 0),
        failed_now=counts.get("failed", 0),
        lag=lag_ms(state, now),
        tries=state.tries,
        next_try=state.next_try or None,
        last_delivered=state.last_delivered,
        revision=revision,
    )


def _unreadable(row: ForwardRow) -> Destination:
    return Destination(
        project_id=row.project_id, name=row.name, kind=row.kind, url=row.url, enabled=row.enabled, **asdict(row.how)
    )


async def _found(deps: Dependencies, tenant: Project, name: str) -> ForwardRow | Destination:
    """Raises `NotFound`."""
    declared = _declared(deps, tenant).get(name)
    if declared is not None:
        return replace(declared, project_id=tenant.id)
    return await deps.db.read(lambda conn: store.destination(conn, tenant.id, name))


def _refuse_declared(deps: Dependencies, tenant: Project, name: str) -> None:
    if name in _declared(deps, tenant):
        raise Conflict(
            f"The config file declares the destination {name!r}.",
            fix="Change it there, or take another name.",
            code="declared_in_config",
        )


async def _checked(deps: Dependencies, destination: Destination) -> Destination:
    """Raises `InvalidRequest`, also for an address that nothing may be sent to."""
    check(destination)
    allowed = guard.networks(deps.settings.forward_allow)
    if destination.kind == "kafka":
        kafka.check_options(destination.secrets.options)
        if not kafka.is_installed():
            raise InvalidRequest(
                "The Kafka client is not installed here.", fix="Run: pip install 'trimtab[kafka]'", param="kind"
            )
        return destination
    parts = urlsplit(destination.url)
    await guard.check_host(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), allowed)
    return destination


# --- routes ---


def _deed(tenant: Project, action: str, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(store.FORWARDS, project_id=tenant.id, name=name)
    edit = Edit(place=tenant.id, kind=KIND, name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"forward:{name}", state=state, edit=edit)


@route(
    "GET",
    "/api/v1/projects/{project:str}/forwards",
    "forward:read",
    Operation(id="listForwards", summary="Where closed traces go, and how that fares", tag=TAG, errors=(404,)),
)
async def list_forwards(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> ForwardPage:
    """In order of name. One declared in the config file hides one of the same name in the catalog."""

    def read(conn: Connection) -> tuple[dict[str, int], list[ForwardRow]]:
        return edits.revisions(conn, tenant.id, KIND), store.destinations(conn, tenant.id)

    revisions, rows = await deps.db.read(read)
    declared = _declared(deps, tenant)
    known: dict[str, ForwardRow | Destination] = {**{row.name: row for row in rows}, **declared}
    names, more = cut(sorted(known), cursor, limit)
    of = {name: 0 if name in declared else revisions.get(name, FIRST) for name in names}
    return ForwardPage(items=[await _view(deps, tenant, known[name], of[name]) for name in names], cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/forwards",
    "forward:write",
    Operation(
        id="createForward",
        summary="Forward closed traces somewhere",
        tag=TAG,
        status=201,
        errors=(404, 409),
        needs_content=True,
    ),
)
async def create_forward(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewForward]) -> ForwardView:
    """What arrives from now on is delivered. Headers, secret and options are kept encrypted and never shown again."""
    _refuse_declared(deps, tenant, data.name)
    given = {name: value for name, value in asdict(data).items() if name not in _SECRETS}
    secrets = Secrets(headers=data.headers, secret=data.secret, options=data.options)
    made = await _checked(deps, Destination(project_id=tenant.id, secrets=secrets, **given))
    now = deps.now()
    row = store.row_of(deps.secrets, made, now, now)
    deed = _deed(tenant, "forward.created", row.name)
    added = await edited(deps, caller, deed, lambda conn: store.add(conn, row))
    await deps.follow_forwards()
    return await _view(deps, tenant, row, added.revision)


@route(
    "GET",
    "/api/v1/projects/{project:str}/forwards/{name:str}",
    "forward:read",
    Operation(id="getForward", summary="One destination, and how it fares", tag=TAG, errors=(404,)),
)
async def get_forward(deps: Deps, tenant: Tenant, name: FromPath[str]) -> ForwardView:
    edit = Edit(place=tenant.id, kind=KIND, name=name)
    revision = await deps.db.read(lambda conn: edits.current(conn, edit))  # before what it is of, see `edits.revisions`
    row = await _found(deps, tenant, name)
    return await _view(deps, tenant, row, 0 if isinstance(row, Destination) else revision)


@route(
    "PATCH",
    "/api/v1/projects/{project:str}/forwards/{name:str}",
    "forward:write",
    Operation(
        id="changeForward",
        summary="Change, pause or resume a destination",
        tag=TAG,
        errors=(404, 409),
        needs_content=True,
    ),
)
async def change_forward(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[ForwardPatch]
) -> ForwardView:
    """What is left out stays, also where somebody else changes it at the same time. It is tried again at once; while it
    is paused, what arrives waits for it. Secrets that are kept go to no other address than they were given for: with a
    ``url`` elsewhere they are given again, or the change is refused. With ``expected_revision`` it is refused (409)
    where somebody changed it since that revision."""
    _refuse_declared(deps, tenant, name)

    found = await deps.db.read(lambda conn: store.find(conn, tenant.id, name))
    if found is not None:
        await _checked(deps, _changed(_before(deps, found, data), data))

    def write(conn: Connection) -> ForwardRow:
        old = store.destination(conn, tenant.id, name)
        if found is None:  # made since it was looked for: what is to be changed of it was not checked
            raise Conflict(f"The destination {name!r} was made just now.", fix="Send the change again.")
        before = _before(deps, old, data)
        made = _changed(before, data)
        _refuse_elsewhere(before, made, data)
        check(made)
        row = store.row_of(deps.secrets, made, old.created, deps.now())
        store.change(conn, row)
        return row

    made = await edited(deps, caller, _deed(tenant, "forward.changed", name, data.expected_revision), write)
    await deps.follow_forwards()
    return await _view(deps, tenant, made.made, made.revision)


def _before(deps: Dependencies, old: ForwardRow, data: ForwardPatch) -> Destination:
    try:
        return store.destination_of(deps.secrets, old)
    except Unavailable:
        # The way out that the error names is to enter the secrets again: that must work.
        if all(getattr(data, name) is UNSET for name in _SECRETS):
            raise
        return _unreadable(old)


def _changed(before: Destination, data: ForwardPatch) -> Destination:
    given: dict[str, Any] = {name: value for name, value in asdict(data).items() if value is not UNSET}
    given.pop("expected_revision")
    for name in ("headers", "options"):
        if name in given:
            kept: dict[str, str] = getattr(before.secrets, name)
            given[name] = {key: kept.get(key, value) if value == MASK else value for key, value in given[name].items()}
    secrets = replace(before.secrets, **{name: given.pop(name) for name in _SECRETS if name in given})
    return replace(before, secrets=secrets, **given)


def _refuse_elsewhere(before: Destination, made: Destination, data: ForwardPatch) -> None:
    """Raises `Elsewhere` where a secret that was kept would go where it was not given for, or less protected."""
    was, to = (
        {name: each.secrets.options.get(name) for name in kafka.PROTECTING} if each.kind == "kafka" else {}
        for each in (before, made)
    )
    if not leads_elsewhere(before.url, made.url) and was == to:
        return
    headers = {} if data.headers is UNSET else data.headers
    options = {} if data.options is UNSET else data.options
    fields = [f"headers.{name}" for name in made.secrets.headers if headers.get(name, MASK) == MASK]
    fields += ["secret"] if made.secrets.secret and data.secret is UNSET else []
    fields += [
        f"options.{name}" for name in kafka.SECRET & made.secrets.options.keys() if options.get(name, MASK) == MASK
    ]
    if fields:
        raise Elsewhere(f"The destination {before.name!r}", _told(before, was), _told(made, to), sorted(fields))


def _told(destination: Destination, protecting: Mapping[str, str | None]) -> str:
    protocol = protecting.get("security.protocol")
    return f"{destination.url} ({protocol})" if protocol else destination.url


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/forwards/{name:str}",
    "forward:write",
    Operation(id="deleteForward", summary="Forward there no more", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_forward(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """Its position and its failed events go, too."""
    _refuse_declared(deps, tenant, name)
    deed = _deed(tenant, "forward.removed", name, expected_revision)
    await written(deps, caller, deed, lambda conn: store.remove(conn, tenant.id, name))
    await deps.follow_forwards()


@route(
    "POST",
    "/api/v1/projects/{project:str}/forwards/{name:str}/test",
    "forward:write",
    Operation(id="testForward", summary="Send something without a trace there now", tag=TAG, errors=(404,)),
)
async def test_forward(deps: Deps, tenant: Tenant, name: FromPath[str]) -> ForwardTest:
    """A webhook and a topic get ``{"type": "test"}``, a collector an empty request; counts nowhere."""
    found = await _found(deps, tenant, name)
    to = store.destination_of(deps.secrets, found) if isinstance(found, ForwardRow) else found
    event_id = new_id("test")
    body = b"" if to.kind == "otlp" else f'{{"id":"{event_id}","type":"test","at":{deps.now()}}}'.encode()
    sender = deps.make_sender(to)
    try:
        outcome = await sender.send(Packet(event_id, event_id, body))
    finally:
        await sender.aclose()
    return ForwardTest(verdict=outcome.verdict, status=outcome.status, problem=outcome.problem)


# --- events ---


def _event(event: Event) -> ForwardEventView:
    return ForwardEventView(**{name: getattr(event, name) for name in ForwardEventView.__struct_fields__})


@route(
    "GET",
    "/api/v1/projects/{project:str}/forwards/{name:str}/events",
    "forward:read",
    Operation(id="listForwardEvents", summary="What was not delivered", tag=TAG, errors=(404,)),
)
async def list_forward_events(
    deps: Deps, tenant: Tenant, name: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> ForwardEventPage:
    await _found(deps, tenant, name)
    after = read_cursor(cursor)
    found = await deps.db.read(lambda conn: store.events(conn, tenant.id, name, after, limit + 1))
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return ForwardEventPage(items=[_event(event) for event in found[:limit]], cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/forwards/{name:str}/replay",
    "forward:write",
    Operation(id="replayForward", summary="Try again what has failed", tag=TAG, errors=(404,)),
)
async def replay_forward(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[Replay]
) -> Replayed:
    """One failed event, or all of them; answers at once. The destination is tried at once, too."""
    await _found(deps, tenant, name)
    now = deps.now()

    def again(conn: Any) -> int:
        store.wake(conn, tenant.id, name)
        return store.replay(conn, tenant.id, name, data.event, now)

    told = {"event": data.event}
    deed = Deed(project=tenant, action="forward.replayed", subject=f"forward:{name}", detail=told)
    return Replayed(events=await written(deps, caller, deed, again))


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/forwards/{name:str}/events/{event:str}",
    "forward:write",
    Operation(
        id="dropForwardEvent", summary="Give up a trace that was not delivered", tag=TAG, status=204, errors=(404,)
    ),
)
async def drop_forward_event(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], event: FromPath[str]
) -> None:
    deed = Deed(project=tenant, action="forward.event_dropped", subject=f"forward:{name}", detail={"event": event})
    await written(deps, caller, deed, lambda conn: store.drop(conn, tenant.id, name, event))


ROUTES = (
    list_forwards,
    create_forward,
    get_forward,
    change_forward,
    delete_forward,
    test_forward,
    list_forward_events,
    replay_forward,
    drop_forward_event,
)
