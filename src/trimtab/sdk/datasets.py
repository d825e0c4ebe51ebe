"""`Client.datasets`: versioned cases, what differs between versions, and files of them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from trimtab.sdk import dataset_types as d
from trimtab.sdk.connection import Connection, path

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
"""By the end of a file's name."""
_FILE_S = 900.0
"""How long a large file may take."""


class _Datasets(Struct):
    items: list[d.Dataset] = []
    cursor: str | None = None


class _Versions(Struct):
    items: list[d.DatasetVersion] = []
    cursor: str | None = None


class _Cases(Struct):
    items: list[d.Case] = []
    cursor: str | None = None


class _Proposals(Struct):
    items: list[d.Proposal] = []
    cursor: str | None = None


class Datasets:
    """``version`` is a number or ``latest``."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str, *, q: str = "", archived: bool = False) -> Iterator[d.Dataset]:
        """In order of name."""
        query: dict[str, str | int | None] = {"q": q or None, "limit": 500, "archived": "true" if archived else None}
        while True:
            page = self._http.ask("GET", path("projects", project, "datasets"), _Datasets, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def get(self, project: str, name: str) -> d.Dataset:
        return self._http.ask("GET", path("projects", project, "datasets", name), d.Dataset)

    def put(self, project: str, name: str, **about: Any) -> d.Dataset:
        """Make it, or change what it says of itself: ``description``, ``schema``, ``licence``, ``archived``,
        ``expected_revision`` (0 for one that is to be new; raises `Conflict` where it is another)."""
        return self._http.ask("PUT", path("projects", project, "datasets", name), d.Dataset, body=about)

    def versions(self, project: str, name: str) -> Iterator[d.DatasetVersion]:
        """Newest first."""
        query: dict[str, str | int | None] = {"limit": 500}
        while True:
            where = path("projects", project, "datasets", name, "versions")
            page = self._http.ask("GET", where, _Versions, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def cases(
        self, project: str, name: str, version: str | int = "latest", *, use: str | None = None, **wanted: str
    ) -> Iterator[d.Case]:
        """In order of id, of one version also while others are made. ``use``: what for (``evaluate``, ``tune``,
        ``train``); raises `Conflict` where a case must not be used so. ``wanted``: ``split``, ``tag``, ``q``."""
        of = self.version(project, name, version).number
        where = path("projects", project, "datasets", name, "versions", str(of), "cases")
        query: dict[str, str | int | None] = {**wanted, "use": use, "limit": 500}
        while True:
            page = self._http.ask("GET", where, _Cases, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def version(self, project: str, name: str, version: str | int = "latest") -> d.DatasetVersion:
        where = path("projects", project, "datasets", name, "versions", str(version))
        return self._http.ask("GET", where, d.DatasetVersion)

    def change(
        self,
        project: str,
        name: str,
        *,
        add: Sequence[dict[str, Any]] = (),
        change: Sequence[dict[str, Any]] = (),
        remove: Sequence[str] = (),
        message: str = "",
        expected_revision: int | None = None,
    ) -> d.Written:
        """All of it as one new version, or nothing. A case is ``{"input": ..., "expected": ..., ...}``."""
        body = {"add": add, "change": change, "remove": remove, "message": message}
        where = path("projects", project, "datasets", name, "cases")
        return self._http.ask("POST", where, d.Written, body={**body, "expected_revision": expected_revision})

    def split(self, project: str, name: str, shares: dict[str, float], **more: Any) -> d.Written:
        """Divide all cases, and those to come. ``more``: ``seed``, ``message``, ``expected_revision``."""
        where = path("projects", project, "datasets", name, "split")
        return self._http.ask("POST", where, d.Written, body={"shares": shares, **more})

    def diff(self, project: str, name: str, before: str | int = "", after: str | int = "latest") -> d.DatasetDiff:
        """All of it. Without ``before``, from the version before ``after``."""
        where = path("projects", project, "datasets", name, "diff")
        query: dict[str, str | int | None] = {"before": before or None, "after": after, "limit": 500}
        found = self._http.ask("GET", where, d.DatasetDiff, query=query)
        cursor = found.cursor
        while cursor is not None:
            page = self._http.ask("GET", where, d.DatasetDiff, query={**query, "cursor": cursor})
            found.changes.extend(page.changes)
            cursor = page.cursor
        return found

    # --- files ---

    def import_file(
        self, project: str, name: str, file: Path, *, columns: dict[str, str] | None = None, **more: Any
    ) -> d.Written:
        """Cases of a ``.jsonl``, ``.csv`` or ``.parquet`` file. ``columns``: by our field the file's column. ``more``:
        ``format``, ``mode`` (``put``, ``add``, ``replace``), ``message``, ``split``, ``tags``, ``uses``, ``licence``,
        ``consent``, ``pii``, ``expected_revision``."""
        query: dict[str, Any] = {"format": FORMATS.get(file.suffix, "jsonl"), "file": file.name[:200], **more}
        query["columns"] = [f"{field}:{column}" for field, column in (columns or {}).items()]
        where = path("projects", project, "datasets", name, "import")
        return self._http.upload(where, d.Written, file, query=query, timeout=_FILE_S)

    def export(self, project: str, name: str, fmt: str = "jsonl", **more: Any) -> d.Exported:
        """``fmt``: ``jsonl``, ``csv``, ``parquet`` or ``croissant``. ``more``: ``version``, ``use``, ``allowed_only``,
        ``split``, ``tag``."""
        where = path("projects", project, "datasets", name, "export")
        query = {key: str(value).lower() if isinstance(value, bool) else value for key, value in more.items()}
        content, headers = self._http.file(where, query={"format": fmt, **query})
        named = re.search(r'filename="([A-Za-z0-9._-]+)"', headers.get("content-disposition", ""))
        left_out = int(headers.get("trimtab-left-out", "0"))
        return d.Exported(name=named[1] if named else f"{name}.{fmt}", content=content, left_out=left_out)

    # --- making cases ---

    def from_traces(self, project: str, name: str, **asked: Any) -> d.Written:
        """Cases of recorded traffic. ``asked``: ``q`` with ``start`` and ``end``, or ``traces``; ``expected``
        (``none``, ``answer``, ``correction``), ``limit``, ``split``, ``tags``, ``uses``, ``consent``, ``pii``, ..."""
        where = path("projects", project, "datasets", name, "from-traces")
        return self._http.ask("POST", where, d.Written, body=asked)

    def duplicates(self, project: str, name: str, **asked: Any) -> d.Duplicates:
        """Pairs that say the same, or nearly. ``asked``: ``version``, ``method`` (``words``, ``meaning``),
        ``at_least``."""
        where = path("projects", project, "datasets", name, "duplicates")
        return self._http.ask("GET", where, d.Duplicates, query=asked)

    def sample(self, project: str, name: str, strategy: str, size: int, **asked: Any) -> d.Sample:
        """The most informative cases: ``diverse``, ``failing``, ``disputed`` or ``random``. ``asked``: ``version``,
        ``seed``, ``split``, ``tag``, ``scores``, ``experiment``, ``save_as`` (a tag that they are given)."""
        where = path("projects", project, "datasets", name, "sample")
        return self._http.ask("POST", where, d.Sample, body={"strategy": strategy, "size": size, **asked})

    def generate(self, project: str, name: str, model: str, **asked: Any) -> d.Generated:
        """Cases proposed by a model, for a person to review. ``asked``: ``count``, ``about``, ``budget``, ``tags``."""
        where = path("projects", project, "datasets", name, "generate")
        return self._http.ask("POST", where, d.Generated, body={"model": model, **asked})

    def proposals(self, project: str, name: str, state: str = "open") -> Iterator[d.Proposal]:
        """Oldest first."""
        query: dict[str, str | int | None] = {"state": state, "limit": 500}
        while True:
            where = path("projects", project, "datasets", name, "proposals")
            page = self._http.ask("GET", where, _Proposals, query=query)
            yield from page.items
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

    def decide(
        self, project: str, name: str, *, accept: Sequence[Any] = (), reject: Sequence[str] = (), message: str = ""
    ) -> d.Written:
        """Take proposals (by id, or ``{"id": ..., "case": {...}}`` with what it is to be) or leave them."""
        taken = [{"id": each} if isinstance(each, str) else each for each in accept]
        where = path("projects", project, "datasets", name, "proposals")
        return self._http.ask("POST", where, d.Written, body={"accept": taken, "reject": reject, "message": message})
