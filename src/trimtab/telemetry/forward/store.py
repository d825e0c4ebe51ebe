"""The SQL of forwarding: destinations, how far each has come, and what could not be delivered. Times are Unix ms.

One worker at a time delivers to a destination: it holds the destination's state until ``held_until``. What it writes is
written only while it does, in one transaction with the position, so that a delivery is counted and passed over once.
"""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy import update as sql_update

from trimtab.core.errors import Conflict, NotFound
from trimtab.governance.secrets import SecretBox
from trimtab.storage.schema import METADATA
from trimtab.storage.turns import SKEW_MS
from trimtab.telemetry.forward.types import Content, Destination, Kind, Secrets

FORWARDS = Table(
    "forwards",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("how", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
STATES = Table(
    "forward_states",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("places", Text, nullable=False),
    Column("holder", String(200), nullable=False),
    Column("held_until", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("passed_over", BigInteger, nullable=False),
    Column("last_delivered", BigInteger, nullable=True),
    Column("waiting_since", BigInteger, nullable=True),
)
EVENTS = Table(
    "forward_events",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("trace_id", String(64), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("node", String(64), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("first_tried", BigInteger, nullable=False),
    Column("last_tried", BigInteger, nullable=False),
)
FURTHEST_MS: Final = 7_200_000
"""Nothing is left alone for longer (`senders.LONGEST_WAIT_S`): what is, was before the clock was set back."""
PROBLEM: Final = 1000
"""Characters of a problem that are kept."""

Lane = Literal["rooted", "rootless"]
EventState = Literal["retry", "failed"]
Places = dict[Lane, dict[str, int]]
"""The last ``at_ns`` of each node that a lane has passed."""


class _How(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The columns of a destination that nobody asks by."""

    content: Content = "off"
    filter: str = ""
    sample: float = 1.0
    quiet_s: float = 10.0
    root_wait_s: float = 120.0


class ForwardRow(Struct, frozen=True, kw_only=True):
    """A destination of the catalog, its secrets sealed."""

    project_id: str
    name: str
    kind: Kind
    url: str
    enabled: bool
    how: _How
    sealed: str
    created: int
    updated: int


class State(Struct, frozen=True, kw_only=True):
    """How a destination fares. ``since``: only what arrived later is delivered. ``next_try``: it is left alone until
    then, after ``tries`` failures in a row. ``waiting_since``: when the oldest of what waits was due, None for
    nothing."""

    project_id: str
    name: str
    since: int
    places: Places = {}
    holder: str = ""
    held_until: int = 0
    tries: int = 0
    next_try: int = 0
    problem: str = ""
    delivered: int = 0
    failed: int = 0
    passed_over: int = 0
    last_delivered: int | None = None
    waiting_since: int | None = None


class Event(Struct, frozen=True, kw_only=True):
    """A closed trace that was not delivered: tried again at ``next_try``, or failed for good until it is replayed."""

    id: str
    project_id: str
    name: str
    state: EventState
    trace_id: str
    at_ns: int
    node: str
    tries: int
    next_try: int
    status: int
    problem: str
    first_tried: int
    last_tried: int


# --- destinations ---


def row_of(box: SecretBox, given: Destination, created: int, updated: int) -> ForwardRow:
    """A destination as it rests."""
    how = _How(
        content=given.content,
        filter=given.filter,
        sample=given.sample,
        quiet_s=given.quiet_s,
        root_wait_s=given.root_wait_s,
    )
    return ForwardRow(
        project_id=given.project_id,
        name=given.name,
        kind=given.kind,
        url=given.url,
        enabled=given.enabled,
        how=how,
        sealed=box.seal(msgspec.json.encode(given.secrets).decode(), _context(given.project_id, given.name)),
        created=created,
        updated=updated,
    )


def destination_of(box: SecretBox, row: ForwardRow) -> Destination:
    """Raises `Unavailable` where its secrets were sealed with another key."""
    opened = box.open(row.sealed, _context(row.project_id, row.name))
    return Destination(
        project_id=row.project_id,
        name=row.name,
        kind=row.kind,
        url=row.url,
        enabled=row.enabled,
        secrets=msgspec.json.decode(opened, type=Secrets),
        **msgspec.structs.asdict(row.how),
    )


def _context(project_id: str, name: str) -> str:
    return f"forward/{project_id}/{name}"


def _row(found: object) -> ForwardRow:
    values: dict[str, Any] = {name: getattr(found, name) for name in ForwardRow.__struct_fields__}
    values["how"] = msgspec.json.decode(values["how"], type=_How)
    return ForwardRow(**values)


def _values(row: ForwardRow) -> dict[str, object]:
    return {**msgspec.structs.asdict(row), "how": msgspec.json.encode(row.how).decode()}


def destinations(conn: Connection, project_id: str | None = None) -> list[ForwardRow]:
    """In order of project and name; of one project, or of all."""
    query = select(FORWARDS).order_by(FORWARDS.c.project_id, FORWARDS.c.name)
    if project_id is not None:
        query = query.where(FORWARDS.c.project_id == project_id)
    return [_row(found) for found in conn.execute(query)]


def destination(conn: Connection, project_id: str, name: str) -> ForwardRow:
    """Raises `NotFound`."""
    found = find(conn, project_id, name)
    if found is None:
        raise NotFound(f"There is no destination {name[:80]!r} in this project.", fix="See: trimtab forwards list")
    return found


def find(conn: Connection, project_id: str, name: str) -> ForwardRow | None:
    found = conn.execute(select(FORWARDS).where(*_key(FORWARDS, project_id, name))).one_or_none()
    return None if found is None else _row(found)


def add(conn: Connection, row: ForwardRow) -> None:
    """Raises `Conflict`. What arrives from now on is delivered."""
    if conn.execute(select(FORWARDS.c.name).where(*_key(FORWARDS, row.project_id, row.name))).one_or_none():
        raise Conflict(f"There is a destination {row.name!r} already.", fix="Change it, or take another name.")
    conn.execute(insert(FORWARDS).values(_values(row)))
    conn.execute(delete(STATES).where(*_key(STATES, row.project_id, row.name)))
    conn.execute(delete(EVENTS).where(*_key(EVENTS, row.project_id, row.name)))
    ensure(conn, row.project_id, row.name, row.created)


def change(conn: Connection, row: ForwardRow) -> None:
    """Replace a destination; its position stays, and it is tried again at once."""
    conn.execute(sql_update(FORWARDS).where(*_key(FORWARDS, row.project_id, row.name)).values(_values(row)))
    wake(conn, row.project_id, row.name)


def remove(conn: Connection, project_id: str, name: str) -> None:
    """With its position and its failed events. Raises `NotFound`."""
    destination(conn, project_id, name)
    for table in (FORWARDS, STATES, EVENTS):
        conn.execute(delete(table).where(*_key(table, project_id, name)))


def _key(table: Table, project_id: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.project_id == project_id, table.c.name == name)


# --- state ---


def ensure(conn: Connection, project_id: str, name: str, now: int) -> State:
    """A destination's state, begun now where it has none."""
    found = state(conn, project_id, name)
    if found is not None:
        return found
    fresh = State(project_id=project_id, name=name, since=now)
    conn.execute(insert(STATES).values(_state_values(fresh)))
    return fresh


def state(conn: Connection, project_id: str, name: str) -> State | None:
    found = conn.execute(select(STATES).where(*_key(STATES, project_id, name))).one_or_none()
    return None if found is None else _state(found)


def states(conn: Connection) -> list[State]:
    """Of all projects."""
    return [_state(found) for found in conn.execute(select(STATES).order_by(STATES.c.project_id, STATES.c.name))]


def _state(found: object) -> State:
    values: dict[str, Any] = {name: getattr(found, name) for name in State.__struct_fields__}
    values["places"] = msgspec.json.decode(values["places"], type=Places)
    return State(**values)


def _state_values(given: State) -> dict[str, object]:
    return {**msgspec.structs.asdict(given), "places": msgspec.json.encode(given.places).decode()}


def take(conn: Connection, project_id: str, name: str, holder: str, now: int, *, hold_ms: int, gone: str) -> bool:
    """Hold a destination, if nobody else does; ``gone`` is a holder that is known to have ended (empty: none is)."""
    ensure(conn, project_id, name, now)
    free = (STATES.c.held_until <= now) | (STATES.c.held_until > now + hold_ms + SKEW_MS) | (STATES.c.holder == holder)
    if gone:
        free = free | (STATES.c.holder == gone)
    taken = conn.execute(
        sql_update(STATES).where(*_key(STATES, project_id, name), free).values(holder=holder, held_until=now + hold_ms)
    )
    return taken.rowcount == 1


def let_go(conn: Connection, project_id: str, name: str, holder: str) -> None:
    held = (*_key(STATES, project_id, name), STATES.c.holder == holder)
    conn.execute(sql_update(STATES).where(*held).values(holder="", held_until=0))


def settle(conn: Connection, after: State, holder: str, events: list[Event], done: list[str]) -> bool:
    """What came of one round, all at once: the new state, events to keep, events that are done. False, and nothing is
    written, where the destination is no longer held, or no longer there."""
    values = _state_values(after)
    for name in ("project_id", "name", "since", "holder"):
        del values[name]
    held = (*_key(STATES, after.project_id, after.name), STATES.c.holder == holder)
    if conn.execute(sql_update(STATES).where(*held).values(values)).rowcount != 1:
        return False
    gone = [*done, *(event.id for event in events)]
    for at in range(0, len(gone), 500):
        conn.execute(delete(EVENTS).where(EVENTS.c.id.in_(gone[at : at + 500])))
    if events:
        conn.execute(insert(EVENTS), [msgspec.structs.asdict(event) for event in events])
    return True


def wake(conn: Connection, project_id: str, name: str) -> None:
    """Try a destination again at once, whatever was before."""
    conn.execute(sql_update(STATES).where(*_key(STATES, project_id, name)).values(next_try=0, tries=0))


# --- events ---


def due(conn: Connection, project_id: str, name: str, now: int, limit: int) -> list[Event]:
    """Events that are to be tried again now, the longest due first."""
    tried = (EVENTS.c.next_try <= now) | (EVENTS.c.next_try > now + FURTHEST_MS)
    query = select(EVENTS).where(*_key(EVENTS, project_id, name), EVENTS.c.state == "retry", tried)
    return [_event(row) for row in conn.execute(query.order_by(EVENTS.c.next_try, EVENTS.c.id).limit(limit))]


def counted(conn: Connection, project_id: str, name: str) -> dict[str, int]:
    """How many events there are, by state."""
    query = select(EVENTS.c.state, func.count()).where(*_key(EVENTS, project_id, name)).group_by(EVENTS.c.state)
    return {row[0]: int(row[1]) for row in conn.execute(query)}


def events(conn: Connection, project_id: str, name: str, after: str, limit: int) -> list[Event]:
    """In the order of their ids, those after one."""
    query = select(EVENTS).where(*_key(EVENTS, project_id, name), EVENTS.c.id > after)
    return [_event(row) for row in conn.execute(query.order_by(EVENTS.c.id).limit(limit))]


def replay(conn: Connection, project_id: str, name: str, event_id: str | None, now: int) -> int:
    """Try failed events again: one, or all (None). How many. Raises `NotFound` for one that is not there."""
    which = (*_key(EVENTS, project_id, name), EVENTS.c.state == "failed")
    if event_id is not None:
        which = (*which, EVENTS.c.id == event_id)
    again = conn.execute(sql_update(EVENTS).where(*which).values(state="retry", tries=0, next_try=now)).rowcount
    if event_id is not None and not again:
        raise NotFound(f"There is no failed event {event_id[:80]!r} here.", fix="See: trimtab forwards events NAME")
    return again


def drop(conn: Connection, project_id: str, name: str, event_id: str) -> None:
    """Give one up. Raises `NotFound`."""
    which = (*_key(EVENTS, project_id, name), EVENTS.c.id == event_id)
    if not conn.execute(delete(EVENTS).where(*which)).rowcount:
        raise NotFound(f"There is no event {event_id[:80]!r} here.", fix="See: trimtab forwards events NAME")


def _event(row: object) -> Event:
    return Event(**{name: getattr(row, name) for name in Event.__struct_fields__})
