"""`Client.knowledge`: corpora, their documents and versions, and searches in them."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from msgspec import Struct

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.sdk import knowledge_types as k
from trimtab.sdk.connection import Connection, path

KINDS: Final = {
    ".md": "markdown", ".markdown": "markdown", ".mdx": "markdown", ".html": "html", ".htm": "html", ".txt": "text",
    ".text": "text", ".rst": "text", ".adoc": "text", ".csv": "text", ".json": "text", ".yaml": "text",
}  # fmt: skip
"""By the end of a file's name."""
AT_ONCE: Final = 200
BYTES_AT_ONCE: Final = 8 << 20
_LONGEST_ID: Final = 128
P = TypeVar("P", bound="_Page")


class _Page(Struct):
    cursor: str | None = None


class _Corpora(_Page):
    items: list[k.Corpus] = []


class _Documents(_Page):
    items: list[k.Document] = []


class _Versions(_Page):
    items: list[k.CorpusVersion] = []


class _Noted(Struct):
    noted: int


def document_of(file: Path, **more: Any) -> dict[str, Any]:
    """A file as a document to put: its id is its path with ``:`` for ``/``, its source the path, and it was updated
    when the file was. ``more`` are further fields (``access``, ``about``, ``metadata``), or others in the place of
    these. Raises `InvalidRequest` for one that is no text."""
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise InvalidRequest(
            f"{file} is of a kind that is not read here.",
            fix=f"Give text, Markdown or HTML ({', '.join(KINDS)}); turn others into such first.",
        )
    try:
        text, changed = file.read_text(encoding="utf-8"), file.stat().st_mtime
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.", fix="Name a text file that is there.") from error
    made = {"id": id_of(file), "text": text, "kind": kind, "source": file.as_posix(), "updated": int(changed * 1000)}
    return made | more


def id_of(file: Path) -> str:
    """The id that a file's document has."""
    parts = [part for part in PurePosixPath(file.as_posix()).parts if part not in ("/", ".", "..")]
    return ":".join(parts)[-_LONGEST_ID:]


class Knowledge:
    """``corpus`` is a corpus's name; a document's id is as it was given, or as `id_of` makes it."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    # --- corpora ---

    def list(self, project: str, *, archived: bool = False) -> Iterator[k.Corpus]:
        """In order of name."""
        query = {"archived": "true" if archived else None}
        for page in self._pages(path("projects", project, "corpora"), _Corpora, query):
            yield from page.items

    def get(self, project: str, corpus: str) -> k.Corpus:
        return self._http.ask("GET", path("projects", project, "corpora", corpus), k.Corpus)

    def put(self, project: str, corpus: str, **about: Any) -> k.Corpus:
        """Make it, or change it: ``description``, ``owner``, ``access``, ``chunker``, ``embedder``, ``stale_days`` (0
        for never), ``archived``, ``expected_revision``."""
        return self._http.ask("PUT", path("projects", project, "corpora", corpus), k.Corpus, body=about)

    # --- documents ---

    def documents(self, project: str, corpus: str, *, gone: bool = False) -> Iterator[k.Document]:
        """In order of id; ``gone``: those removed or erased."""
        where = path("projects", project, "corpora", corpus, "documents")
        for page in self._pages(where, _Documents, {"gone": "true" if gone else None}):
            yield from page.items

    def document(self, project: str, corpus: str, document: str) -> k.DocumentText:
        return self._http.ask("GET", self._document(project, corpus, document), k.DocumentText)

    def add(self, project: str, corpus: str, documents: Iterable[Mapping[str, Any] | Path]) -> k.DocumentsPut:
        """Add and change documents: files, or ``{"id": ..., "text": ..., "kind": "markdown", ...}``. Large numbers go
        in several steps, each whole or not at all. What is searched stays as it is until `publish`."""
        whole = k.DocumentsPut(added=[], changed=[], restated=[], same=[])
        where = path("projects", project, "corpora", corpus, "documents")
        given = (document_of(each) if isinstance(each, Path) else each for each in documents)
        for part in _parts(given):
            made = self._http.ask("POST", where, k.DocumentsPut, body={"items": part})
            for name in whole.__struct_fields__:
                getattr(whole, name).extend(getattr(made, name))
        return whole

    def restate(self, project: str, corpus: str, document: str, **about: Any) -> k.DocumentText:
        """Who may see it (``access``), of whom it tells (``about``), when it was ``updated``: in force at once."""
        return self._http.ask("PATCH", self._document(project, corpus, document), k.DocumentText, body=about)

    def delete(self, project: str, corpus: str, document: str, *, keep_versions: bool = False) -> k.DocumentsGone:
        """Erase what it says from every version; or only leave it out of the next."""
        query = {"keep_versions": "true" if keep_versions else None}
        return self._http.ask("DELETE", self._document(project, corpus, document), k.DocumentsGone, query=query)

    # --- versions ---

    def versions(self, project: str, corpus: str) -> Iterator[k.CorpusVersion]:
        """Newest first."""
        for page in self._pages(path("projects", project, "corpora", corpus, "versions"), _Versions, {}):
            yield from page.items

    def version(self, project: str, corpus: str, version: int | str = "latest") -> k.CorpusVersion:
        where = path("projects", project, "corpora", corpus, "versions", str(version))
        return self._http.ask("GET", where, k.CorpusVersion)

    def publish(
        self, project: str, corpus: str, message: str = "", *, wait_s: float | None = None
    ) -> k.CorpusPublished:
        """Make a version of what the documents say now. ``wait_s``: until it can be searched, so many seconds at most;
        raises `Unavailable` where it is not ready then, and `InvalidRequest` where it cannot be built."""
        where = path("projects", project, "corpora", corpus, "versions")
        made = self._http.ask("POST", where, k.CorpusPublished, body={"message": message})
        if wait_s is None:
            return made
        version = self.wait(project, corpus, made.version.number, wait_s)
        return k.CorpusPublished(version=version, created=made.created)

    def wait(self, project: str, corpus: str, number: int, wait_s: float = 600.0) -> k.CorpusVersion:
        """Until a version is built. Raises as `publish` does."""
        until = time.monotonic() + wait_s
        while True:
            found = self.version(project, corpus, number)
            if found.state == "ready":
                return found
            if found.state == "failed":
                raise InvalidRequest(
                    f"Version {number} of {corpus!r} cannot be built: {found.reason}",
                    fix="Mend that, and publish it again.",
                    code="corpus_failed",
                )
            if time.monotonic() > until:
                raise Unavailable(
                    f"Version {number} of {corpus!r} is not ready yet: {found.done} of {found.documents} documents. "
                    f"{found.reason}".rstrip(),
                    fix=f"It goes on: trimtab knowledge versions {corpus}",
                    code="corpus_not_ready",
                )
            time.sleep(0.2)

    # --- searching ---

    def search(
        self,
        project: str,
        corpus: str,
        text: str,
        *,
        version: int | None = None,
        top: int | None = None,
        mode: str | None = None,
        least: float | None = None,
        **seeker: str | Sequence[str],
    ) -> k.FoundPassages:
        """Of the newest version that is ready, or of ``version``. ``mode``: ``hybrid``, ``meaning`` or ``words``;
        ``least``: the lowest cosine similarity. ``seeker``: as whom to search, ``user="ada"`` and
        ``groups=["legal"]``: what an access list keeps from them takes no part in it."""
        body = {"text": text, "version": version, "top": top, "mode": mode, "least": least, **seeker}
        where = path("projects", project, "corpora", corpus, "search")
        return self._http.ask("POST", where, k.FoundPassages, body=body)

    # --- freshness ---

    def freshness(self, project: str, corpus: str) -> k.CorpusFreshness:
        return self._http.ask("GET", path("projects", project, "corpora", corpus, "freshness"), k.CorpusFreshness)

    def note_sources(self, project: str, corpus: str, seen: Mapping[str, str]) -> int:
        """How documents' sources were found to be: ``same``, ``changed``, ``gone`` or ``unknown`` by id; how many of
        these documents there are."""
        where = path("projects", project, "corpora", corpus, "sources")
        return self._http.ask("POST", where, _Noted, body={"items": dict(seen)}).noted

    def _document(self, project: str, corpus: str, document: str) -> str:
        return path("projects", project, "corpora", corpus, "documents", document)

    def _pages(self, where: str, shape: type[P], query: Mapping[str, str | int | None]) -> Iterator[P]:
        cursor: str | None = None
        while True:
            page = self._http.ask("GET", where, shape, query={**query, "limit": 200, "cursor": cursor})
            yield page
            cursor = page.cursor
            if cursor is None:
                return


def _parts(given: Iterable[Mapping[str, Any]]) -> Iterator["list[Mapping[str, Any]]"]:
    part: list[Mapping[str, Any]] = []
    size = 0
    for each in given:
        here = len(str(each.get("text", "")).encode("utf-8", "replace"))
        if part and (len(part) >= AT_ONCE or size + here > BYTES_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(each)
        size += here
    if part:
        yield part
