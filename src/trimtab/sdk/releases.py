"""`Client.apps` and `Client.releases`: drafts, and what was frozen of them. A program that calls an app needs none of
this: it asks for ``model="support"``."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from trimtab.sdk import release_types as t
from trimtab.sdk.connection import Connection, path


class _Apps(Struct):
    items: list[t.App] = []
    cursor: str | None = None


class _Releases(Struct):
    items: list[t.Release] = []
    cursor: str | None = None


class Apps:
    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str, *, archived: bool = False) -> Iterator[t.App]:
        """In order of name. ``archived``: only those put away."""
        query: dict[str, str | int | None] = {"archived": "true" if archived else None, "limit": 500}
        while True:
            page = self._http.ask("GET", path("projects", project, "apps"), _Apps, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, app: str) -> t.AppDetail:
        """With why no release can be made of its draft, where none can."""
        return self._http.ask("GET", path("projects", project, "apps", app), t.AppDetail)

    def put(
        self, project: str, app: str, spec: Mapping[str, Any], *, expected_revision: int | None = None
    ) -> t.AppDetail:
        """Make an app, or replace its draft whole. ``expected_revision`` is the one it was made from, 0 for an app that
        is to be new; raises `Conflict` where another edit came first. ``spec`` as docs/releases.md has it."""
        body = {"spec": spec, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "apps", app), t.AppDetail, body=body)

    def archive(
        self, project: str, app: str, *, restore: bool = False, expected_revision: int | None = None
    ) -> t.AppDetail:
        """An archived app answers no calls. ``expected_revision`` is that of the draft that was seen; raises `Conflict`
        where somebody changed it since."""
        body = {"archived": not restore, "expected_revision": expected_revision}
        return self._http.ask("PATCH", path("projects", project, "apps", app), t.AppDetail, body=body)


class Releases:
    """``ref`` is a number (``12`` or ``r12``), ``latest``, or an environment's name: what is stable in it."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str, app: str) -> Iterator[t.Release]:
        """Newest first, each with what it changed."""
        query: dict[str, str | int | None] = {"limit": 100}
        while True:
            page = self._http.ask("GET", path("projects", project, "apps", app, "releases"), _Releases, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, app: str, ref: str = "latest") -> t.ReleaseDetail:
        return self._http.ask("GET", path("projects", project, "apps", app, "releases", ref), t.ReleaseDetail)

    def create(self, project: str, app: str, message: str = "", **more: Any) -> t.Created:
        """Freeze the draft. ``more``: ``expected_newest`` and ``expected_revision`` (raises `Conflict` where another
        release or edit came first), ``parent``, ``dry_run``."""
        where = path("projects", project, "apps", app, "releases")
        return self._http.ask("POST", where, t.Created, body={"message": message, **more})

    def diff(self, project: str, app: str, before: str = "", after: str = "draft") -> t.ReleaseDiff:
        """Without ``before``, from what ``after`` was made from; ``draft`` is what a release would be now."""
        where = path("projects", project, "apps", app, "diff")
        return self._http.ask("GET", where, t.ReleaseDiff, query={"before": before, "after": after})
