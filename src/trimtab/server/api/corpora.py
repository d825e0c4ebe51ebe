"""Corpora: what they say of themselves, their documents and versions, how fresh they are, and searches in them."""

from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from trimtab.evaluation import erasing as evaluated
from trimtab.evaluation import erasing_kept
from trimtab.evaluation.cache import document_mark
from trimtab.gateway.apps.knowledge import PinnedCorpus, Seeker, Wanted
from trimtab.governance.access import Principal, Project
from trimtab.governance.permissions import holds_in
from trimtab.retrieval import access, corpora, documents, freshness, versions
from trimtab.retrieval.corpora import Edit
from trimtab.retrieval.documents import By, Restated
from trimtab.retrieval.standing import DAY_MS
from trimtab.retrieval.types import Corpus, CorpusVersion, Document
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auth import Caller
from trimtab.server.bodies.corpus import (
    CorpusFreshness,
    CorpusPage,
    CorpusPublished,
    CorpusVersionPage,
    CorpusVersionView,
    CorpusView,
    DocumentPage,
    DocumentsGone,
    DocumentsPut,
    DocumentText,
    DocumentView,
    PassageView,
    PublishCorpus,
    PutCorpus,
    PutDocuments,
    RestateDocument,
    SearchCorpus,
    SearchResult,
    SourcesNoted,
    SourcesSeen,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.prompt_reading import aside
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

BASE = "/api/v1/projects/{project:str}/corpora"
ONE = BASE + "/{corpus:str}"
DOCUMENT = ONE + "/documents/{document:str}"
TAG = "knowledge"
MAX_BODY = 32 << 20


# --- corpora ---


@route(
    "GET",
    BASE,
    "knowledge:read",
    Operation(id="listCorpora", summary="List a project's corpora", tag=TAG, errors=(404,)),
)
async def list_corpora(
    deps: Deps, caller: CallerNow, tenant: Tenant, archived: FromQuery[bool] = False, cursor: Cursor = None,
    limit: Limit = 100,
) -> CorpusPage:  # fmt: skip
    """In order of name; ``archived``: only those put away. Those that an access list closes to the caller are left
    out."""
    after = read_cursor(cursor)

    def read(conn: Connection) -> tuple[list[Corpus], dict[str, int]]:
        found = corpora.listed(conn, tenant.id, archived=archived, after=after, limit=limit + 1)
        return found, corpora.counts(conn, tenant.id, [each.name for each in found])

    found, counts = await deps.db.read(read)
    more = write_cursor(found[limit - 1].name) if len(found) > limit else None
    shown = [each for each in found[:limit] if _may_search(caller.principal, tenant, each)]
    return CorpusPage(items=[_view(each, counts.get(each.name, 0)) for each in shown], cursor=more)


@route("GET", ONE, "knowledge:read", Operation(id="getCorpus", summary="One corpus", tag=TAG, errors=(404,)))
async def get_corpus(deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str]) -> CorpusView:
    return await deps.db.read(lambda conn: _shown(conn, _seen(conn, caller, tenant, corpus)))


@route(
    "PUT",
    ONE,
    "knowledge:write",
    Operation(id="putCorpus", summary="Make a corpus, or change it", tag=TAG, errors=(404, 409)),
)
async def put_corpus(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], data: JSONBody[PutCorpus]
) -> CorpusView:
    """Who may search it, and what is stale, is in force at once. An archived corpus takes no document and no version;
    versions that are there can be searched still."""

    def write(conn: Connection) -> CorpusView:
        edit = Edit(
            project_id=tenant.id,
            name=corpus,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            expected=data.expected_revision,
            description=data.description,
            owner=data.owner,
            access=data.access,
            chunker=data.chunker,
            embedder=data.embedder,
            stale_days=None if data.stale_days == 0 else data.stale_days,
            archived=data.archived,
        )
        return _shown(conn, corpora.put(conn, edit))

    return await deps.db.write(write)


# --- documents ---


@route(
    "GET",
    ONE + "/documents",
    "knowledge:read",
    Operation(id="listDocuments", summary="The documents of a corpus as they are now", tag=TAG, errors=(404,)),
)
async def list_documents(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], gone: FromQuery[bool] = False,
    cursor: Cursor = None, limit: Limit = 100,
) -> DocumentPage:  # fmt: skip
    """In order of id; ``gone``: only those removed or erased. Those that an access list closes to the caller are left
    out, unless they may change the corpus; a page may so be shorter than asked for."""
    after = read_cursor(cursor)
    now = deps.now()

    def read(conn: Connection) -> tuple[Corpus, list[Document]]:
        found = _seen(conn, caller, tenant, corpus)
        return found, documents.listed(conn, found, deps.keys(), gone=gone, after=after, limit=limit + 1)

    found, rows = await deps.db.read(read)
    more = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    shown = [each for each in rows[:limit] if _may_see(caller.principal, tenant, each)]
    return DocumentPage(items=[_document(found, each, now) for each in shown], cursor=more)


@route("GET", DOCUMENT, "knowledge:read", Operation(id="getDocument", summary="One document", tag=TAG, errors=(404,)))
async def get_document(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], document: FromPath[str]
) -> DocumentText:
    """With its text as it is now."""
    await content_read(deps, caller, tenant, f"corpus:{corpus}")

    def read(conn: Connection) -> DocumentText:
        found = _seen(conn, caller, tenant, corpus)
        one, text = documents.get(conn, found, document, deps.keys())
        if not _may_see(caller.principal, tenant, one):
            raise documents.absent(corpus, document)
        view = _document(found, one, deps.now())
        return DocumentText(
            document=view, text=None if text is None else text.body, metadata={} if text is None else text.metadata
        )

    return await deps.db.read(read)


@route(
    "POST",
    ONE + "/documents",
    "knowledge:write",
    Operation(
        id="putDocuments", summary="Add and change documents", tag=TAG, errors=(404, 409, 413), max_body=MAX_BODY
    ),
)
async def put_documents(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], data: JSONBody[PutDocuments]
) -> DocumentsPut:
    """What is searched stays as it is until the corpus is published again; only who may see a document is in force at
    once. A document that was removed or erased comes back."""

    ready = await aside(deps, documents.read, data.items, deps.now())

    def write(conn: Connection) -> documents.Put:
        found = corpora.to_change(conn, tenant.id, corpus)
        return documents.put(conn, found, ready, _by(conn, deps, caller), deps.keys())

    made = await deps.db.write(write)
    return DocumentsPut(**{name: list(getattr(made, name)) for name in DocumentsPut.__struct_fields__})


@route(
    "PATCH",
    DOCUMENT,
    "knowledge:write",
    Operation(id="restateDocument", summary="Say who may see a document", tag=TAG, errors=(404, 409)),
)
async def restate_document(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    corpus: FromPath[str],
    document: FromPath[str],
    data: JSONBody[RestateDocument],
) -> DocumentText:
    """Or of whom it tells, and when it was updated. In force in every version when this returns. With
    ``expected_access`` it is refused (409) where somebody changed the list meanwhile."""

    def write(conn: Connection) -> DocumentText:
        found = corpora.to_change(conn, tenant.id, corpus)
        wanted = Restated(
            access=data.access, about=data.about, updated=data.updated, expected_access=data.expected_access
        )
        documents.restate(conn, found, document, wanted, _by(conn, deps, caller))
        one, text = documents.get(conn, found, document, deps.keys())
        view = _document(found, one, deps.now())
        return DocumentText(
            document=view, text=None if text is None else text.body, metadata={} if text is None else text.metadata
        )

    return await deps.db.write(write)


@route(
    "DELETE",
    DOCUMENT,
    "knowledge:write",
    Operation(id="deleteDocument", summary="Delete a document", tag=TAG, errors=(404, 409)),
)
async def delete_document(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    corpus: FromPath[str],
    document: FromPath[str],
    keep_versions: FromQuery[bool] = False,
) -> DocumentsGone:
    """What it says is erased from every version and every index; its id and its hashes stay, so that each version still
    has the hash that it had. Answers to experiments that were made with it lose their words. ``keep_versions``:
    versions that have it keep it, and the next one leaves it out."""

    def said(conn: Connection) -> list[str]:
        return documents.said(conn, corpora.get(conn, tenant.id, corpus), [document], deps.keys())

    marks = [] if keep_versions else [document_mark(corpus, document)]
    texts = [] if keep_versions else await deps.db.read(said)
    read = await erasing_kept.ahead_of_documents(deps.db, tenant.id, marks, texts)

    def write(conn: Connection) -> DocumentsGone:
        found = corpora.to_change(conn, tenant.id, corpus)
        by = _by(conn, deps, caller)
        documents.there(conn, found, document)
        if keep_versions:
            return DocumentsGone(removed=documents.remove(conn, found, [document], by), erased=0)
        erased = documents.erase(conn, found, [document], by)
        reached = evaluated.forget_passages(conn, tenant.id, marks, read)
        return DocumentsGone(
            removed=0, erased=erased, answers=reached["evaluation_cache"], cells=reached["experiment_cells"]
        )

    gone = await deps.db.write(write)
    if gone.erased:
        deps.wake_knowledge()
    return gone


# --- versions ---


@route(
    "GET",
    ONE + "/versions",
    "knowledge:read",
    Operation(id="listCorpusVersions", summary="A corpus's versions", tag=TAG, errors=(404,)),
)
async def list_versions(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> CorpusVersionPage:
    """Newest first."""
    last = read_cursor(cursor)
    if last and not (last.isascii() and last.isdecimal() and len(last) < 10):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    before = int(last) if last else None

    def read(conn: Connection) -> list[CorpusVersion]:
        return versions.listed(conn, _seen(conn, caller, tenant, corpus), before=before, limit=limit + 1)

    rows = await deps.db.read(read)
    more = write_cursor(str(rows[limit - 1].number)) if len(rows) > limit else None
    return CorpusVersionPage(items=[_version(row) for row in rows[:limit]], cursor=more)


@route(
    "GET",
    ONE + "/versions/{version:str}",
    "knowledge:read",
    Operation(id="getCorpusVersion", summary="One version of a corpus", tag=TAG, errors=(404,)),
)
async def get_version(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], version: FromPath[str]
) -> CorpusVersionView:
    """``version`` is a number, or ``latest``: the newest that can be searched."""
    return await deps.db.read(
        lambda conn: _version(versions.get(conn, _seen(conn, caller, tenant, corpus), version.replace("\0", "?")))
    )


@route(
    "POST",
    ONE + "/versions",
    "knowledge:write",
    Operation(id="publishCorpus", summary="Make a version of what the documents say now", tag=TAG, errors=(404, 409)),
)
async def publish_corpus(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], data: JSONBody[PublishCorpus]
) -> CorpusPublished:
    """It is built by a job, and can be searched when it is ``ready``. Where nothing has changed there is no new one."""

    def write(conn: Connection) -> versions.Published:
        found = corpora.to_change(conn, tenant.id, corpus)
        return versions.publish(conn, found, data.message, _by(conn, deps, caller))

    made = await deps.db.write(write)
    deps.wake_knowledge()
    return CorpusPublished(version=_version(made.version), created=made.created)


# --- searching ---


@route(
    "POST",
    ONE + "/search",
    "knowledge:search",
    Operation(id="searchCorpus", summary="Search a corpus", tag=TAG, errors=(404, 409)),
)
async def search_corpus(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], data: JSONBody[SearchCorpus]
) -> SearchResult:
    """What its access list, and each document's, keeps from the seeker takes no part in it. Every passage says how it
    was found."""
    await content_read(deps, caller, tenant, f"corpus:{corpus}")
    if deps.knowledge is None:
        raise Unavailable("Nothing can be searched from here.", fix="Ask a whole server.")
    seeker = _seeker(caller.principal, tenant, data)
    pinned = (PinnedCorpus(corpus=corpus.replace("\0", "?"), version=data.version),)
    wanted = Wanted(text=data.text, top=data.top, mode=data.mode, least=data.least)
    made = await deps.knowledge.explain(tenant.id, pinned, wanted, seeker)
    (source,) = made.sources
    return SearchResult(
        corpus=corpus,
        version=source.number,
        hash=source.hash,
        mode=made.found.mode,
        considered=made.found.considered,
        chunks=made.found.chunks,
        notes=list(made.found.notes),
        embed_ms=made.found.embed_ms,
        search_ms=made.found.search_ms,
        passages=[
            PassageView(
                **{name: value for name, value in structs.asdict(hit.passage).items() if name not in _OF_SOURCE},
                meaning_rank=hit.meaning_rank,
                words_rank=hit.words_rank,
                terms=hit.terms,
            )
            for hit in made.hits
        ],
    )


_OF_SOURCE = ("corpus", "version")


# --- freshness ---


@route(
    "GET",
    ONE + "/freshness",
    "knowledge:read",
    Operation(id="corpusFreshness", summary="How old a corpus's documents are", tag=TAG, errors=(404,)),
)
async def corpus_freshness(deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str]) -> CorpusFreshness:
    """Of the documents that the caller may see."""

    def read(conn: Connection) -> freshness.Freshness:
        seen = _seen(conn, caller, tenant, corpus)
        own = None if _writes(caller.principal, tenant) else _own(caller.principal)
        return freshness.of(conn, seen, moment(conn, deps), own)

    found = await deps.db.read(read)
    values = {name: getattr(found, name) for name in CorpusFreshness.__struct_fields__ if name != "worst"}
    return CorpusFreshness(**values, worst=list(found.worst))


@route(
    "POST",
    ONE + "/sources",
    "knowledge:write",
    Operation(id="noteSources", summary="Note how documents' sources were found", tag=TAG, errors=(404, 409)),
)
async def note_sources(
    deps: Deps, caller: CallerNow, tenant: Tenant, corpus: FromPath[str], data: JSONBody[SourcesSeen]
) -> SourcesNoted:
    """By whoever compared the two: ``trimtab knowledge check``. Documents there are not are passed over."""

    def write(conn: Connection) -> int:
        found = corpora.to_change(conn, tenant.id, corpus)
        return documents.note_sources(conn, found, data.items, _by(conn, deps, caller))

    return SourcesNoted(noted=await deps.db.write(write))


# --- who sees what ---


def _writes(principal: Principal, tenant: Project) -> bool:
    return holds_in(principal, "knowledge:write", tenant)


def _own(principal: Principal) -> frozenset[str]:
    return access.labels(Seeker(key=principal.key_id, role=principal.role))


def _may_search(principal: Principal, tenant: Project, found: Corpus) -> bool:
    return _writes(principal, tenant) or access.admits(found.access, _own(principal))


def _may_see(principal: Principal, tenant: Project, found: Document) -> bool:
    return _writes(principal, tenant) or access.admits(found.access, _own(principal))


def _seen(conn: Connection, caller: Caller, tenant: Project, name: str) -> Corpus:
    """A corpus that the caller may look at. Raises `NotFound` for any other."""
    found = corpora.get(conn, tenant.id, name)
    if not _may_search(caller.principal, tenant, found):
        raise NotFound(f"There is no corpus {name[:64]!r} for you in this project.", fix="Ask its owner to let you in.")
    return found


def _seeker(principal: Principal, tenant: Project, data: SearchCorpus) -> Seeker:
    """Raises `Forbidden` where somebody searches as another who may not."""
    named = bool(data.user or data.groups)
    speaks_for_users = not principal.person and holds_in(principal, "model:call", tenant)
    if named and not (speaks_for_users or _writes(principal, tenant)):
        raise Forbidden(
            "You may search as yourself only.",
            fix="Leave 'user' and 'groups' out, or ask an administrator for a role with 'knowledge:write'.",
            code="search_as_another",
        )
    return Seeker(key=principal.key_id, role=principal.role, user=data.user, groups=data.groups)


# --- views ---


def _by(conn: Connection, deps: Dependencies, caller: Caller) -> By:
    return By(actor_of(conn, caller), moment(conn, deps))


def _shown(conn: Connection, found: Corpus) -> CorpusView:
    return _view(found, corpora.counts(conn, found.project_id, [found.name]).get(found.name, 0))


def _view(found: Corpus, number: int) -> CorpusView:
    taken = ("documents", "access")
    values = {name: getattr(found, name) for name in CorpusView.__struct_fields__ if name not in taken}
    return CorpusView(**values, access=list(found.access), documents=number)


def _document(found: Corpus, one: Document, now: int) -> DocumentView:
    taken = ("hash", "stale", "access", "about")
    values = {name: getattr(one, name) for name in DocumentView.__struct_fields__ if name not in taken}
    stale = found.stale_days is not None and now - one.updated > found.stale_days * DAY_MS
    return DocumentView(**values, hash=one.text, stale=stale, access=list(one.access), about=list(one.about))


def _version(found: CorpusVersion) -> CorpusVersionView:
    return CorpusVersionView(**{name: getattr(found, name) for name in CorpusVersionView.__struct_fields__})


ROUTES = (
    list_corpora,
    get_corpus,
    put_corpus,
    list_documents,
    get_document,
    put_documents,
    restate_document,
    delete_document,
    list_versions,
    get_version,
    publish_corpus,
    search_corpus,
    corpus_freshness,
    note_sources,
)
