"""`Client.forwards`: where closed traces are sent, how that fares, and what could not be delivered."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path


class Forward(Struct, frozen=True, kw_only=True):
    """A destination (docs/forward.md). ``standing`` is paused, idle, well or failing; times are Unix ms, ``lag`` ms."""

    name: str
    kind: str
    url: str
    content: str
    filter: str
    sample: float
    quiet_s: float
    root_wait_s: float
    enabled: bool
    headers: dict[str, str]
    secret_hint: str
    options: dict[str, str]
    source: str
    standing: str
    problem: str
    delivered: int
    failed: int
    passed_over: int
    retrying: int
    failed_now: int
    lag: int
    tries: int
    next_try: int | None
    last_delivered: int | None
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it; see ``expected_revision``."""


class ForwardEvent(Struct, frozen=True, kw_only=True):
    """A closed trace that was not delivered; ``state`` is retry or failed."""

    id: str
    state: str
    trace_id: str
    tries: int
    next_try: int
    status: int
    problem: str
    first_tried: int
    last_tried: int


class ForwardTest(Struct, frozen=True, kw_only=True):
    """``verdict`` is delivered, refused, faulty or away."""

    verdict: str
    status: int
    problem: str


class _Forwards(Struct):
    items: list[Forward] = []


class _Events(Struct):
    items: list[ForwardEvent] = []
    cursor: str | None = None


class _Replayed(Struct):
    events: int


class Forwards:
    """Names are those of destinations."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str) -> list[Forward]:
        return self._http.ask("GET", path("projects", project, "forwards"), _Forwards, query={"limit": 500}).items

    def get(self, project: str, name: str) -> Forward:
        return self._http.ask("GET", path("projects", project, "forwards", name), Forward)

    def create(self, project: str, fields: Mapping[str, Any]) -> Forward:
        """``fields``: at least name, kind and url."""
        return self._http.ask("POST", path("projects", project, "forwards"), Forward, body=dict(fields))

    def change(self, project: str, name: str, fields: Mapping[str, Any]) -> Forward:
        """What is left out stays. With ``expected_revision`` it is `Conflict` where somebody changed it since."""
        return self._http.ask("PATCH", path("projects", project, "forwards", name), Forward, body=dict(fields))

    def remove(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "forwards", name), expected_revision)

    def test(self, project: str, name: str) -> ForwardTest:
        """Send something without a trace there now."""
        return self._http.ask("POST", path("projects", project, "forwards", name, "test"), ForwardTest)

    def events(self, project: str, name: str, limit: int = 100) -> "list[ForwardEvent]":
        where = path("projects", project, "forwards", name, "events")
        return self._http.ask("GET", where, _Events, query={"limit": limit}).items

    def replay(self, project: str, name: str, event: str | None = None) -> int:
        """Try one failed event again, or all; how many."""
        body = {} if event is None else {"event": event}
        return self._http.ask(
            "POST", path("projects", project, "forwards", name, "replay"), _Replayed, body=body
        ).events

    def drop(self, project: str, name: str, event: str) -> None:
        """Give one up."""
        self._http.ask("DELETE", path("projects", project, "forwards", name, "events", event), type(None))
