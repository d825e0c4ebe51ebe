"""Prompts: versions, labels, differences, blame, and rendering. What a template costs is spent in a thread, never
on the event loop; Jinja2 is imported with the first prompt."""

from typing import Any

import msgspec
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.people_store import name_of
from trimtab.prompts import blame, canonical, diff, file, store
from trimtab.prompts.store import LabelRow, PromptRow, Stored, VersionRow
from trimtab.prompts.types import LATEST, Content, PromptError, PromptFile, Source
from trimtab.server import auditing
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auditing import Deed, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.prompt import (
    ConvertedPrompt,
    ConvertPrompt,
    NewPromptVersion,
    PromptBlame,
    PromptBundle,
    PromptDetail,
    PromptDiff,
    PromptLabel,
    PromptPage,
    PromptPlace,
    PromptVersionPage,
    PromptVersionView,
    PromptView,
    PushedPrompt,
    RenderedPrompt,
    RenderPrompt,
    SetPromptLabel,
)
from trimtab.server.prompt_reading import aside, bundle_of, source_of, stored
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "prompts"
BASE = "/api/v1/projects/{project:str}/prompts"
ONE = BASE + "/{name:str}"
MAX_MESSAGE = 2000


def _author(conn: Connection, caller: Caller) -> str:
    return name_of(conn, caller.principal.key_id)


def _label(row: LabelRow) -> PromptLabel:
    return PromptLabel(label=row.label, version=row.version, author=row.author_name, updated=row.updated)


def _view(row: PromptRow, labels: list[LabelRow], newest: VersionRow) -> PromptView:
    return PromptView(
        name=row.name,
        folder=row.folder,
        newest=row.newest,
        author=newest.author_name,
        message=newest.message,
        changed=newest.created,
        labels=[_label(each) for each in labels if each.name == row.name],
        archived=row.archived,
        created=row.created,
        updated=row.updated,
    )


def _seen(conn: Connection, tenant: Project, row: PromptRow) -> PromptView:
    newest = store.newest(conn, tenant.id, [row.name])[row.name]
    return _view(row, store.labels(conn, tenant.id, [row.name]), newest)


def _version(row: VersionRow, labels: list[LabelRow]) -> PromptVersionView:
    return PromptVersionView(
        name=row.name,
        version=row.version,
        parent=row.parent,
        hash=row.hash,
        message=row.message,
        author=row.author_name,
        labels=[each.label for each in labels if each.version == row.version],
        created=row.created,
    )


# --- prompts ---


@route("GET", BASE, "prompt:read", Operation(id="listPrompts", summary="List prompts", tag=TAG, errors=(404,)))
async def list_prompts(
    deps: Deps,
    tenant: Tenant,
    q: FromQuery[str] = "",
    folder: FromQuery[str] = "",
    label: FromQuery[str] = "",
    archived: FromQuery[bool] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> PromptPage:
    """In order of name. ``q``: words in name, folder, description, variables or newest text; ``folder`` with what is in
    it; ``label``: those that have it; ``archived``: only those put away."""
    wanted = store.Wanted(q=_searchable(q), folder=_searchable(folder), label=_searchable(label), archived=archived)
    after = read_cursor(cursor)

    def read(conn: Connection) -> tuple[list[PromptRow], list[LabelRow], dict[str, VersionRow]]:
        rows = store.prompts(conn, tenant.id, wanted, after=after, limit=limit + 1)
        names = [row.name for row in rows]
        return rows, store.labels(conn, tenant.id, names), store.newest(conn, tenant.id, names)

    rows, labels, newest = await deps.db.read(read)
    more = write_cursor(rows[limit - 1].name) if len(rows) > limit else None
    return PromptPage(items=[_view(row, labels, newest[row.name]) for row in rows[:limit]], cursor=more)


def _searchable(text: str) -> str:
    if "\0" in text or len(text) > 1000:
        raise InvalidRequest("What is searched for has at most 1,000 characters, and no NUL.", fix="Shorten it.")
    return text


@route("GET", ONE, "prompt:read", Operation(id="getPrompt", summary="One prompt", tag=TAG, errors=(404,)))
async def get_prompt(deps: Deps, tenant: Tenant, name: FromPath[str]) -> PromptView:
    """Where it lies, its newest version's number and its labels."""

    def read(conn: Connection) -> PromptView:
        return _seen(conn, tenant, store.prompt(conn, tenant.id, name))

    return await deps.db.read(read)


@route(
    "PATCH",
    ONE,
    "prompt:write",
    Operation(id="placePrompt", summary="Move or archive a prompt", tag=TAG, errors=(404, 409)),
)
async def place_prompt(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PromptPlace]
) -> PromptView:
    """An archived prompt can be read and rendered; it is listed only when asked for, and takes no new version."""
    changes: dict[str, Any] = {}
    if data.folder is not None:
        changes["folder"] = canonical.check_folder(data.folder)
    if data.archived is not None:
        changes["archived"] = deps.now() if data.archived else None

    def write(conn: Connection) -> PromptView:
        old = store.prompt(conn, tenant.id, name, lock=True)
        seen, folder = data.expected_version, data.expected_folder
        edits.expect_value(f"The newest version of {name!r}", seen, old.newest, param="expected_version")
        edits.expect_value(f"The folder of {name!r}", folder, old.folder, param="expected_folder")
        return _seen(conn, tenant, store.place(conn, tenant.id, name, changes, deps.now()))

    state = auditing.row(store.PROMPTS, project_id=tenant.id, name=name)
    deed = Deed(project=tenant, action="prompt.placed", subject=f"prompt:{name}", state=state)
    return await written(deps, caller, deed, write)


# --- versions ---


@route(
    "POST",
    ONE + "/versions",
    "prompt:write",
    Operation(id="pushPrompt", summary="Add a version", tag=TAG, status=201, errors=(404, 409)),
)
async def push_prompt(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[NewPromptVersion]
) -> PushedPrompt:
    """The first version makes the prompt. Content that the newest version has makes no new one."""
    given = await aside(deps, _given, name, data)
    digest = canonical.content_hash(given.content)
    await bundle_of(deps, tenant, Source(name=name, version=0, hash=digest, content=given.content))

    def write(conn: Connection) -> tuple[VersionRow, bool]:
        draft = store.Draft(
            project_id=tenant.id,
            name=name,
            content=given.content,
            hash=digest,
            message=data.message,
            author=caller.principal.key_id,
            author_name=_author(conn, caller),
            now=deps.now(),
            expected=data.expected_version,
            folder=given.folder if data.folder is None else canonical.check_folder(data.folder),
        )
        made = store.add(conn, draft)
        if data.dry_run:
            raise _DryRun(made[0])
        return made

    try:
        row, created = await deps.db.write(write)
    except _DryRun as dry:
        row, created = dry.row, False
    return PushedPrompt(name=name, version=row.version, hash=digest, created=created)


class _DryRun(Exception):
    """Takes back what was written."""

    def __init__(self, row: VersionRow) -> None:
        super().__init__(row.version)
        self.row = row


def _given(name: str, data: NewPromptVersion) -> PromptFile:
    canonical.check_name(name)
    message = canonical.text_of(data.message)
    if len(message) > MAX_MESSAGE:
        raise PromptError(f"The message of a version has at most {MAX_MESSAGE:,} characters.", fix="Shorten it.")
    if (data.file is None) == (data.content is None):
        raise PromptError("A version comes as 'file' or as 'content'.", fix="Give exactly one of them.")
    if data.file is None:
        return PromptFile(name=name, content=canonical.normal(data.content or Content()))
    read = file.read(data.file, name)
    if read.name != name:
        raise PromptError(f"The file names the prompt {read.name!r}, not {name!r}.", fix="Push it under its own name.")
    return read


@route(
    "GET",
    ONE + "/versions",
    "prompt:read",
    Operation(id="listPromptVersions", summary="A prompt's history", tag=TAG, errors=(404,)),
)
async def list_versions(
    deps: Deps, tenant: Tenant, name: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> PromptVersionPage:
    """Newest first."""
    last = read_cursor(cursor)
    if last and not (last.isascii() and last.isdecimal() and len(last) < 10):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")

    def read(conn: Connection) -> tuple[list[VersionRow], list[LabelRow]]:
        rows = store.history(conn, tenant.id, name, before=int(last) if last else None, limit=limit + 1)
        return rows, store.labels(conn, tenant.id, [name])

    rows, labels = await deps.db.read(read)
    more = write_cursor(str(rows[limit - 1].version)) if len(rows) > limit else None
    return PromptVersionPage(items=[_version(row, labels) for row in rows[:limit]], cursor=more)


@route(
    "GET",
    ONE + "/versions/{ref:str}",
    "prompt:read",
    Operation(id="getPromptVersion", summary="One version", tag=TAG, errors=(404,)),
)
async def get_version(deps: Deps, tenant: Tenant, name: FromPath[str], ref: FromPath[str]) -> PromptDetail:
    """``ref`` is a number, a label or ``latest``."""

    def read(conn: Connection) -> tuple[Stored, PromptRow, list[LabelRow]]:
        found = store.find(conn, tenant.id, name, ref)
        return found, store.prompt(conn, tenant.id, name), store.labels(conn, tenant.id, [name])

    from trimtab.prompts.check import check

    found, row, labels = await deps.db.read(read)
    text = file.write(PromptFile(name=name, content=found.content, folder=row.folder))
    return PromptDetail(
        version=_version(found.row, labels),
        content=found.content,
        folder=row.folder,
        file=text,
        includes=[str(each) for each in await aside(deps, check, found.content)],
    )


@route(
    "GET",
    ONE + "/bundles/{ref:str}",
    "prompt:read",
    Operation(id="getPromptBundle", summary="A version with what it includes", tag=TAG, errors=(404,)),
)
async def get_bundle(deps: Deps, tenant: Tenant, name: FromPath[str], ref: FromPath[str]) -> PromptBundle:
    """Everything that is needed to render it elsewhere; what the SDK keeps."""
    made = await bundle_of(deps, tenant, source_of(await stored(deps, tenant, name, ref)))
    return msgspec.convert(msgspec.to_builtins(made), PromptBundle)


@route("GET", ONE + "/diff", "prompt:read", Operation(id="diffPrompt", summary="What changed", tag=TAG, errors=(404,)))
async def diff_prompt(
    deps: Deps, tenant: Tenant, name: FromPath[str], after: FromQuery[str] = LATEST, before: FromQuery[str] = ""
) -> PromptDiff:
    """From ``before`` to ``after``, each a number, a label or ``latest``. Without ``before``, from the version that
    ``after`` was made from."""

    def read(conn: Connection) -> tuple[Stored | None, Stored]:
        new = store.find(conn, tenant.id, name, after)
        ref = before or str(new.row.parent or "")
        return store.find(conn, tenant.id, name, ref) if ref else None, new

    old, new = await deps.db.read(read)
    found = await aside(deps, diff.diff, Content() if old is None else old.content, new.content)
    number = 0 if old is None else old.row.version
    return PromptDiff(
        name=name, before=number, after=new.row.version, changes=found.changes, messages=found.messages
    )  # fmt: skip


@route(
    "GET",
    ONE + "/blame/{ref:str}",
    "prompt:read",
    Operation(id="blamePrompt", summary="Who wrote each line", tag=TAG, errors=(404,)),
)
async def blame_prompt(deps: Deps, tenant: Tenant, name: FromPath[str], ref: FromPath[str]) -> PromptBlame:
    """Of each line of each message, the version that wrote it."""

    def read(conn: Connection) -> tuple[int, list[tuple[int, Content]], list[VersionRow], list[LabelRow]]:
        number = store.find(conn, tenant.id, name, ref).row.version
        written = list(store.contents(conn, tenant.id, name, number))
        rows = store.history(conn, tenant.id, name, limit=1_000_000)
        return number, written, rows, store.labels(conn, tenant.id, [name])

    number, written, rows, labels = await deps.db.read(read)
    messages = await aside(deps, blame.blame, written)
    named = {line.version for message in messages for line in message.lines} | {each.version for each in messages}
    versions = [_version(row, labels) for row in rows if row.version in named]
    return PromptBlame(name=name, version=number, messages=messages, versions=versions)


# --- labels ---


@route(
    "PUT",
    ONE + "/labels/{label:str}",
    "prompt:write",
    Operation(id="setPromptLabel", summary="Point a label at a version", tag=TAG, errors=(404, 409)),
)
async def set_label(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    name: FromPath[str],
    label: FromPath[str],
    data: JSONBody[SetPromptLabel],
) -> PromptLabel:
    """A label, such as ``production``, points at one version of a prompt, and can be moved."""
    canonical.check_label(label)

    def write(conn: Connection) -> LabelRow:
        row = LabelRow(
            name=name,
            label=label,
            version=data.version,
            author=caller.principal.key_id,
            author_name=_author(conn, caller),
            updated=moment(conn, deps),
        )
        return store.label(conn, tenant.id, row, data.expected_version)

    if not 0 < data.version < 1 << 31:
        raise NotFound(f"The prompt {name[:80]!r} has no version {data.version}.")
    return _label(await deps.db.write(write))


@route(
    "DELETE",
    ONE + "/labels/{label:str}",
    "prompt:write",
    Operation(id="removePromptLabel", summary="Remove a label", tag=TAG, status=204, errors=(404, 409)),
)
async def remove_label(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    name: FromPath[str],
    label: FromPath[str],
    expected_version: FromQuery[int | None] = None,
) -> None:
    """``expected_version``: where it is to point so far; it is refused (409) where somebody moved it."""

    def write(conn: Connection) -> None:
        who, now = actor_of(conn, caller), moment(conn, deps)
        store.unlabel(conn, tenant.id, name, label, who, now, expected=expected_version)

    await deps.db.write(write)


# --- use ---


@route(
    "POST",
    ONE + "/render",
    "prompt:read",
    Operation(id="renderPrompt", summary="Messages for values", tag=TAG, errors=(404,)),
)
async def render_prompt(
    deps: Deps, tenant: Tenant, name: FromPath[str], data: JSONBody[RenderPrompt]
) -> RenderedPrompt:
    """The messages of a version, or of a file that is not saved, for values of its variables. Steps, time and size are
    bounded."""
    from trimtab.prompts.render import Compiled

    if data.file is None:
        source = source_of(await stored(deps, tenant, name, data.ref))
    else:
        read = await aside(deps, _given, name, NewPromptVersion(file=data.file))
        source = Source(name=name, version=0, hash=canonical.content_hash(read.content), content=read.content)
    bundle = await bundle_of(deps, tenant, source)
    made = await aside(deps, lambda: Compiled(bundle).render(data.variables))
    return msgspec.convert(msgspec.structs.asdict(made), RenderedPrompt)


@route(
    "POST",
    ONE + "/convert",
    "prompt:read",
    Operation(id="convertPrompt", summary="A foreign prompt file in our form", tag=TAG, errors=(404,)),
)
async def convert_prompt(
    deps: Deps, tenant: Tenant, name: FromPath[str], data: JSONBody[ConvertPrompt]
) -> ConvertedPrompt:
    """Of Langfuse (the JSON of its API), prompty or dotprompt. Nothing is saved: push the ``file`` that it gives."""
    from trimtab.prompts.foreign import read

    del tenant
    found = await aside(deps, read, data.format, data.text, canonical.check_name(name))
    return ConvertedPrompt(name=found.prompt.name, file=file.write(found.prompt), notes=list(found.notes))


ROUTES = (
    list_prompts,
    get_prompt,
    place_prompt,
    push_prompt,
    list_versions,
    get_version,
    get_bundle,
    diff_prompt,
    blame_prompt,
    set_label,
    remove_label,
    render_prompt,
    convert_prompt,
)
