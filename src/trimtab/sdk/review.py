"""`Client.review`: queues of answers for people, their verdicts, and what those add up to; and how judges agree with
people. Answers are dicts as docs/review.md, docs/holds.md and docs/calibration.md describe them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path

Json = dict[str, Any]


class _Page(Struct):
    items: list[Json] = []
    cursor: str | None = None


class _Next(Struct):
    item: Json | None


class Review:
    """``queue`` is a queue's name, ``item`` an item's id."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def queues(self, project: str, *, archived: bool = False) -> list[Json]:
        """With what waits in each (``standing``). ``archived``: with those that were put away, too."""
        return list(self._pages(_at(project, "queues"), {"archived": "true" if archived else None}))

    def queue(self, project: str, queue: str) -> Json:
        return self._http.ask("GET", _at(project, "queues", queue), Json)

    def put_queue(
        self, project: str, queue: str, spec: Mapping[str, Any], expected_revision: int | None = None
    ) -> Json:
        """Make or change it, whole."""
        body = {"spec": dict(spec), "expected_revision": expected_revision}
        return self._http.ask("PUT", _at(project, "queues", queue), Json, body=body)

    def archive_queue(self, project: str, queue: str, *, expected_revision: int | None = None) -> Json:
        """Nothing more is sent to it. Raises `Conflict` where somebody changed it since ``expected_revision``."""
        query = {"expected_revision": expected_revision}
        return self._http.ask("DELETE", _at(project, "queues", queue), Json, query=query)

    def restore_queue(self, project: str, queue: str, *, expected_revision: int | None = None) -> Json:
        """Take it out of the archive as it was put away: its rules send to it again. Raises `Conflict` where somebody
        changed it since ``expected_revision``, or since it was read here."""
        found = self.queue(project, queue)
        seen = found["revision"] if expected_revision is None else expected_revision
        return self.put_queue(project, queue, found["spec"], seen)

    def items(self, project: str, **wanted: str | int | bool | None) -> Iterator[Json]:
        """Newest first. ``wanted``: ``queue``, ``state``, ``app``, ``trace_id``, ``assignee`` (or ``me``), ``free``,
        ``overdue``."""
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in wanted.items()}
        return self._pages(_at(project, "items"), query)

    def item(self, project: str, item: str) -> Json:
        return self._http.ask("GET", _at(project, "items", item), Json)

    def send(self, project: str, queue: str, trace_ids: Sequence[str], reason: str = "by_hand") -> Json:
        """Traces into a queue, by hand: ``items`` that are new, ``known`` and ``missing`` traces."""
        body = {"queue": queue, "trace_ids": list(trace_ids), "reason": reason}
        return self._http.ask("POST", _at(project, "items"), Json, body=body)

    def next(self, project: str, queue: str) -> Json | None:
        """Claim what is most urgent; None where nothing waits for this key."""
        return self._http.ask("POST", _at(project, "next"), _Next, body={"queue": queue}).item

    def claim(self, project: str, item: str) -> Json:
        return self._http.ask("POST", _at(project, "items", item, "claim"), Json)

    def release(self, project: str, item: str) -> Json:
        """Give a claim back."""
        return self._http.ask("POST", _at(project, "items", item, "release"), Json)

    def assign(self, project: str, item: str, **change: Any) -> Json:
        """``assignee`` (a key's id, empty for anybody), ``needed`` opinions, ``priority``, ``drop``."""
        return self._http.ask("POST", _at(project, "items", item, "assign"), Json, body=change)

    def verdict(self, project: str, item: str, decision: str, **said: Any) -> Json:
        """``decision``: approve, correct, reject or skip; ``answers`` by criterion, ``correction``, ``note``,
        ``seconds``, ``second_opinion``."""
        body = {"decision": decision, **said}
        return self._http.ask("POST", _at(project, "items", item, "verdicts"), Json, body=body)

    def to_case(self, project: str, item: str, dataset: str, **more: Any) -> Json:
        """Into a dataset: ``expected``, ``split``, ``tags``, ``message``."""
        return self._http.ask("POST", _at(project, "items", item, "to-case"), Json, body={"dataset": dataset, **more})

    def overrides(self, project: str, **query: str | int | None) -> Json:
        """How often people change answers: ``group_by``, ``queue``, ``start``, ``end``."""
        return self._http.ask("GET", _at(project, "overrides"), Json, query=query)

    def agreement(self, project: str, queue: str, **query: int | None) -> Json:
        """How far reviewers agree: ``start``, ``end``."""
        return self._http.ask("GET", _at(project, "agreement"), Json, query={"queue": queue, **query})

    def holds(self, project: str, state: str | None = None) -> Iterator[Json]:
        """Held answers, newest first."""
        return self._pages(path("projects", project, "holds"), {"state": state})

    def calibrations(self, project: str, judge: str, version: str = "") -> Iterator[Json]:
        """How a judge agreed with people, newest first."""
        return self._pages(path("projects", project, "judges", judge, "calibrations"), {"version": version or None})

    def calibrate(self, project: str, judge: str) -> list[Json]:
        """Hold a judge against people now; one for each of its versions that has labels."""
        where = path("projects", project, "judges", judge, "calibrations")
        return self._http.ask("POST", where, _Page).items

    def _pages(self, where: str, query: Mapping[str, str | int | None]) -> Iterator[Json]:
        cursor: str | None = None
        while True:
            page = self._http.ask("GET", where, _Page, query={**query, "cursor": cursor, "limit": 100})
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return


def _at(project: str, *parts: str) -> str:
    return path("projects", project, "review", *parts)
