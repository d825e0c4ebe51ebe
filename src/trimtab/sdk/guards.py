"""`Client.guards`: guards in versions, tried on texts, and what they did."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path
from trimtab.sdk.guard_types import (
    Guard,
    GuardDiff,
    GuardKind,
    GuardPoint,
    GuardPointCheck,
    GuardRefusal,
    GuardReport,
    GuardService,
    GuardTried,
    GuardWhy,
    PushedGuard,
)

PAGE = 100


class _Guards(Struct):
    items: list[Guard]
    cursor: str | None


class _Kinds(Struct):
    items: list[GuardKind]


class _Refusals(Struct):
    items: list[GuardRefusal]


class _Services(Struct):
    items: list[GuardService]


class Guards:
    def __init__(self, http: Connection) -> None:
        self._http = http

    def kinds(self, project: str) -> list[GuardKind]:
        """What there is, with the JSON Schema of each one's options."""
        return self._http.ask("GET", path("projects", project, "guard-kinds"), _Kinds).items

    def list(self, project: str, *, archived: bool = False) -> Iterator[Guard]:
        """The newest version of each, in order of name."""
        return self._pages(path("projects", project, "guards"), {"archived": "true" if archived else "false"})

    def get(self, project: str, name: str, version: int | None = None) -> Guard:
        return self._http.ask("GET", path("projects", project, "guards", name), Guard, query={"version": version})

    def versions(self, project: str, name: str) -> Iterator[Guard]:
        """Newest first."""
        return self._pages(path("projects", project, "guards", name, "versions"), {})

    def push(
        self,
        project: str,
        name: str,
        spec: Mapping[str, Any],
        *,
        message: str = "",
        expected_version: int | None = None,
    ) -> PushedGuard:
        """Add a version; the first makes the guard. ``expected_version``: the one it was made from, 0 for a new one."""
        body = {"spec": dict(spec), "message": message, "expected_version": expected_version}
        return self._http.ask("POST", path("projects", project, "guards", name, "versions"), PushedGuard, body=body)

    def archive(self, project: str, name: str, *, archived: bool = True, expected_version: int | None = None) -> Guard:
        where = path("projects", project, "guards", name)
        return self._http.ask("PATCH", where, Guard, body={"archived": archived, "expected_version": expected_version})

    def diff(self, project: str, name: str, before: int | None = None, after: int | None = None) -> GuardDiff:
        """``after``: None for the newest; ``before``: None for the one before it."""
        where = path("projects", project, "guards", name, "diff")
        return self._http.ask("GET", where, GuardDiff, query={"before": before, "after": after})

    def try_(
        self,
        project: str,
        spec: Mapping[str, Any],
        texts: Sequence[str | Mapping[str, Any]],
        *,
        stage: str = "input",
        system: str = "",
        question: str = "",
        context: Sequence[str] = (),
        schema: Any = None,
    ) -> GuardTried:
        """What a guard would do with texts; nothing is kept. A text may be an object with ``stage``, ``role``, ``tool``
        of its own."""
        told = [{"stage": stage, "text": each} if isinstance(each, str) else dict(each) for each in texts]
        body = {
            "spec": dict(spec),
            "texts": told,
            "system": system,
            "question": question,
            "context": [*context],
            "schema": schema,
        }
        return self._http.ask("POST", path("projects", project, "guards", "try"), GuardTried, body=body)

    def operating_point(self, project: str, name: str, max_false_positives: float, **asked: Any) -> GuardPoint:
        """The threshold whose share of false alarms is within the budget (0.01 for 1 %), on recorded calls and texts of
        your own; ``apply=True`` makes a version with it. ``asked``: ``stage``, ``since``, ``sample``, ``benign``,
        ``attacks``, ``benign_datasets``, ``attack_datasets``, ``message``, ``expected_version``."""
        where = path("projects", project, "guards", name, "operating-point")
        body = {"max_false_positives": max_false_positives, **asked}
        return self._http.ask("POST", where, GuardPoint, body=body)

    def check_operating_point(self, project: str, name: str, **asked: Any) -> GuardPointCheck:
        """The same threshold with the detector as it is now; the answer is kept with the version. ``asked``:
        ``version``, ``since``, ``sample``, ``benign``, ``attacks``."""
        where = path("projects", project, "guards", name, "operating-point", "check")
        return self._http.ask("POST", where, GuardPointCheck, body=asked)

    def report(self, project: str, name: str, start: int | None = None, end: int | None = None) -> GuardReport:
        """Of calls that began in the window (Unix ms; the last 30 days): what it did, or would have done."""
        where = path("projects", project, "guards", name, "report")
        return self._http.ask("GET", where, GuardReport, query={"start": start, "end": end})

    def why(self, project: str, request_id: str) -> GuardWhy:
        """What guards decided about one request: the reference that its user was given."""
        return self._http.ask("GET", path("projects", project, "guard-decisions", request_id), GuardWhy)

    def refusals(self, project: str) -> "Sequence[GuardRefusal]":
        return self._http.ask("GET", path("projects", project, "guard-refusals"), _Refusals).items

    def put_refusal(
        self,
        project: str,
        text: str,
        *,
        name: str = "default",
        app: str = "",
        language: str = "",
        expected_revision: int | None = None,
    ) -> GuardRefusal:
        """What users are told, where this template is named, in that app and language (empty: any). `Conflict` where
        somebody changed it since ``expected_revision`` (0: there is to be none yet)."""
        body = {"name": name, "app": app, "language": language, "text": text, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "guard-refusals"), GuardRefusal, body=body)

    def drop_refusal(
        self,
        project: str,
        *,
        name: str = "default",
        app: str = "",
        language: str = "",
        expected_revision: int | None = None,
    ) -> None:
        query = {"name": name, "app": app, "language": language, "expected_revision": expected_revision}
        self._http.ask("DELETE", path("projects", project, "guard-refusals"), type(None), query=query)

    def services(self, project: str) -> "Sequence[GuardService]":
        """Programs that guards of the kinds `http` and `presidio` ask, in order of name."""
        return self._http.ask("GET", path("projects", project, "guard-services"), _Services).items

    def put_service(
        self,
        project: str,
        name: str,
        url: str,
        *,
        header: str = "authorization",
        secret: str | None = None,
        expected_revision: int | None = None,
    ) -> GuardService:
        """Make it or change it. ``secret`` is the whole value of the header; None: it stays, empty: it is forgotten.
        `Conflict` where somebody changed it since ``expected_revision`` (0: it is to be new)."""
        body: dict[str, Any] = {"url": url, "header": header, "expected_revision": expected_revision}
        if secret is not None:
            body["secret"] = secret
        return self._http.ask("PUT", path("projects", project, "guard-services", name), GuardService, body=body)

    def drop_service(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "guard-services", name), expected_revision)

    def _pages(self, where: str, query: dict[str, Any]) -> Iterator[Guard]:
        asked: dict[str, Any] = {**query, "limit": PAGE}
        while True:
            page = self._http.ask("GET", where, _Guards, query=asked)
            yield from page.items
            if page.cursor is None:
                return
            asked["cursor"] = page.cursor
