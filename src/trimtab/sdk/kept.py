"""`Client.kept`: how long data is kept, and erasing what is somebody's."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from trimtab.core.errors import InternalError
from trimtab.sdk.connection import Connection, path


class RetentionRule(Struct, frozen=True, kw_only=True):
    """``days`` None: for ever. ``source`` is default, catalog or config."""

    kind: str
    days: int | None
    source: str


class Removed(Struct, frozen=True, kw_only=True):
    """Rows that began before ``before`` (Unix ms)."""

    kind: str
    table: str
    before: int
    rows: int


class OverAge(Struct, frozen=True, kw_only=True):
    """What a run would remove of one kind now: ``rows`` that began before ``before`` (Unix ms), in all its tables;
    ``before`` None where the kind is kept for ever."""

    kind: str
    before: int | None
    rows: int


class RetentionRun(Struct, frozen=True, kw_only=True):
    id: str
    state: str
    started: int
    finished: int | None
    removed: list[Removed]
    blobs: int
    blob_bytes: int
    problem: str


class Erasure(Struct, frozen=True, kw_only=True):
    """A receipt, once ``state`` is done (docs/erasure.md)."""

    id: str
    project_id: str
    subject: str
    digest: str
    state: str
    step: str
    asked: int
    asked_by: str
    asked_by_name: str = ""
    finished: int | None
    traces: int
    rows: dict[str, int]
    checks: dict[str, str]
    problem: str


class DataKey(Struct, frozen=True, kw_only=True):
    """``state`` is active (seals what is new), old (only opens) or destroyed. Times are Unix ms."""

    id: str
    state: str
    created: int
    retired: int | None
    destroyed: int | None


class CatalogSealing(Struct, frozen=True, kw_only=True):
    """How far what lay in the catalog before is encrypted; ``ended`` is None while it goes on. Times are Unix ms."""

    state: str
    rows: int
    asked: int
    ended: int | None = None


class Encryption(Struct, frozen=True, kw_only=True):
    """Keys newest first (docs/encryption.md). Texts of traces from before ``traces_since`` (Unix ms) lie in the
    clear."""

    enabled: bool
    keys: list[DataKey]
    catalog: CatalogSealing | None = None
    traces_since: int | None = None


class LegalHold(Struct, frozen=True, kw_only=True):
    """``released`` is None while it is in force. Times are Unix ms."""

    id: str
    subject: str
    value: str
    start: int | None
    end: int | None
    reason: str
    author: str
    author_name: str
    created: int
    released: int | None
    released_by: str
    release_reason: str


class SecretKeys(Struct, frozen=True, kw_only=True):
    """The ids of the keys that the instance's secrets are sealed with, the newest first; how many secrets are not under
    the newest yet."""

    keys: list[str]
    from_environment: bool
    behind: int


class _LegalHolds(Struct):
    items: list[LegalHold] = []


class ExportPage(Struct, frozen=True):
    """A whole file of its format; ``cursor`` is None for the last."""

    content: bytes
    rows: int
    cursor: str | None


class Retention(Struct, frozen=True, kw_only=True):
    items: list[RetentionRule] = []
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class _Ahead(Struct):
    items: list[OverAge] = []


class _Runs(Struct):
    items: list[RetentionRun] = []


class _Erasures(Struct):
    items: list[Erasure] = []


class Kept:
    """Days are whole numbers, or None for ever. Times are Unix milliseconds."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def retention(self, project: str) -> list[RetentionRule]:
        return self._http.ask("GET", path("projects", project, "retention"), Retention).items

    def rules(self, project: str) -> Retention:
        """What `retention` gives, and the revision that it is at."""
        return self._http.ask("GET", path("projects", project, "retention"), Retention)

    def set_retention(
        self, project: str, rules: Mapping[str, int | None], *, expected_revision: int | None = None
    ) -> list[RetentionRule]:
        """By kind (content, spans, ledger, scores), whole: a kind that is left out takes its default. `Conflict` where
        somebody changed them since ``expected_revision``."""
        body: dict[str, Any] = {kind: "keep" if days is None else days for kind, days in rules.items()}
        body["expected_revision"] = expected_revision
        return self._http.ask("PUT", path("projects", project, "retention"), Retention, body=body).items

    def preview_retention(self, project: str, rules: Mapping[str, int | None] | None = None) -> list[OverAge]:
        """What a run would remove now, by the rules in force or by these in their place; nothing is removed."""
        query = {kind: "keep" if days is None else str(days) for kind, days in (rules or {}).items()}
        return self._http.ask("GET", path("projects", project, "retention", "preview"), _Ahead, query=query).items

    def retention_runs(self, project: str, limit: int = 20) -> list[RetentionRun]:
        """What was removed, newest first."""
        where = path("projects", project, "retention", "runs")
        return self._http.ask("GET", where, _Runs, query={"limit": limit}).items

    def start_retention_run(self, project: str) -> RetentionRun:
        return self._http.ask("POST", path("projects", project, "retention", "runs"), RetentionRun)

    def erase(self, project: str, subject: str, value: str) -> Erasure:
        """Begin to erase a ``user``, ``session`` or ``trace``; answers at once (`wait_erased` for its end)."""
        body = {"subject": subject, "value": value}
        return self._http.ask("POST", path("projects", project, "erasures"), Erasure, body=body)

    def encryption(self, project: str) -> Encryption:
        return self._http.ask("GET", path("projects", project, "encryption"), Encryption)

    def set_encryption(self, project: str, *, enabled: bool) -> Encryption:
        """Whether what is new is encrypted at rest."""
        body = {"enabled": enabled}
        return self._http.ask("PUT", path("projects", project, "encryption"), Encryption, body=body)

    def rotate_data_key(self, project: str) -> Encryption:
        return self._http.ask("POST", path("projects", project, "encryption", "rotations"), Encryption)

    def destroy_data_key(self, project: str, key: str, confirm: str) -> Encryption:
        """``key`` is an id, or ``all``; ``confirm`` must be ``destroy KEY of PROJECT``. Nothing brings back what was
        encrypted with it."""
        where = path("projects", project, "encryption", "keys", key, "destruction")
        return self._http.ask("POST", where, Encryption, body={"confirm": confirm})

    def legal_holds(self, project: str, limit: int = 100) -> list[LegalHold]:
        """Newest first, released ones too."""
        where = path("projects", project, "legal-holds")
        return self._http.ask("GET", where, _LegalHolds, query={"limit": limit}).items

    def hold(
        self, project: str, subject: str, value: str, reason: str, start: int | None = None, end: int | None = None
    ) -> LegalHold:
        """``subject`` is user, session, trace or project (then ``value`` is empty)."""
        body = {"subject": subject, "value": value, "reason": reason, "start": start, "end": end}
        return self._http.ask("POST", path("projects", project, "legal-holds"), LegalHold, body=body)

    def release_hold(self, project: str, hold_id: str, reason: str) -> LegalHold:
        where = path("projects", project, "legal-holds", hold_id, "release")
        return self._http.ask("POST", where, LegalHold, body={"reason": reason})

    def secret_keys(self) -> SecretKeys:
        return self._http.ask("GET", path("system", "secret-key"), SecretKeys)

    def rotate_secret_key(self, *, forget_old: bool = False) -> SecretKeys:
        """A new key for the instance's secrets, which are sealed with it at once; ``forget_old``: and the others are
        taken out of the key file."""
        body = {"forget_old": forget_old}
        return self._http.ask("POST", path("system", "secret-key", "rotations"), SecretKeys, body=body)

    def erasures(self, project: str, limit: int = 20) -> list[Erasure]:
        """Newest first."""
        return self._http.ask("GET", path("projects", project, "erasures"), _Erasures, query={"limit": limit}).items

    def erasure(self, project: str, erasure_id: str) -> Erasure:
        return self._http.ask("GET", path("projects", project, "erasures", erasure_id), Erasure)

    def export(
        self, project: str, file: str, *, q: str = "", window: tuple[int | None, int | None] = (None, None),
        limit: int | None = None, cursor: str | None = None,
    ) -> ExportPage:  # fmt: skip
        """One page, oldest first. ``file`` is ``spans``, ``content``, ``ledger`` or ``scores``, with ``.parquet`` or
        ``.jsonl``; ``window`` are start and end in Unix ms."""
        query: dict[str, str | int | None] = {"q": q or None, "start": window[0], "end": window[1]}
        query |= {"limit": limit, "cursor": cursor}
        content, headers = self._http.file(path("projects", project, "export", file), query=query)
        return ExportPage(content, int(headers.get("trimtab-rows", "0")), headers.get("trimtab-cursor"))

    def wait_erased(
        self, project: str, erasure_id: str, *, every_s: float = 0.5, tell: Callable[[Erasure], None] | None = None
    ) -> Erasure:
        """The receipt, once it is there; ``tell`` is called with how far it has come. Raises `InternalError` where the
        erasure failed."""
        while True:
            found = self.erasure(project, erasure_id)
            if tell is not None:
                tell(found)
            if found.state == "failed":
                raise InternalError(f"The erasure {found.id} failed: {found.problem}", fix="Ask for it again.")
            if found.state == "done":
                return found
            time.sleep(every_s)
