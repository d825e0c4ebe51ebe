"""Providers: somewhere calls go. Those of the catalog are changed here, those of the config file in the file."""

from litestar.params import FromPath, JSONBody
from msgspec import UNSET
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.core.known import did_you_mean
from trimtab.gateway import provider_options, store
from trimtab.gateway.provider_options import MASK
from trimtab.gateway.store import ProviderRow, Sealed
from trimtab.gateway.targets import Timeouts
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.kept_secrets import Elsewhere, leads_elsewhere
from trimtab.llm.dialects import dialects
from trimtab.llm.providers import PROVIDER_KINDS, ProviderKind
from trimtab.server import auditing, standings
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.common import (
    NewProvider,
    OptionView,
    ProviderKindView,
    ProviderPage,
    ProviderPatch,
    ProviderView,
    TimeoutsBody,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route

TAG = "providers"
KIND = "provider"


# --- views ---


def _timeouts_view(timeouts: Timeouts) -> TimeoutsBody:
    return TimeoutsBody(
        connect=timeouts.connect, first_token=timeouts.first_token, idle=timeouts.idle, total=timeouts.total
    )


def _hint(secret: str | None) -> str:
    """The last four characters, of a secret long enough that they give nothing away; of a shorter one, that it is
    there."""
    return (secret[-4:] if len(secret) >= 12 else "****") if secret else ""


def _kind(name: str) -> ProviderKind | None:
    return PROVIDER_KINDS.get(name) if name in PROVIDER_KINDS.names() else None


def _catalog_view(deps: Dependencies, row: ProviderRow, revision: int) -> ProviderView:
    standing = standings.of_provider(deps, row.project_id, row.name)
    health, error = standing.health, standing.error
    try:
        secret = store.unseal(deps.secrets, row)
    except Unavailable as unreadable:
        secret, health, error = Sealed(), "failing", unreadable.sentence()
    return ProviderView(
        name=row.name,
        kind=row.kind,
        dialect=row.dialect,
        base_url=row.base_url,
        key_hint=_hint(secret.api_key),
        key_hints=[_hint(key) for key in secret.api_keys],
        headers=provider_options.shown_headers(secret.headers),
        options=provider_options.shown(_kind(row.kind), secret.options),
        timeouts=_timeouts_view(row.timeouts),
        source="catalog",
        health=health,
        last_error=error,
        last_seen=standing.seen,
        revision=revision,
    )


def _config_view(deps: Dependencies, tenant: Project, name: str) -> ProviderView:
    declared = deps.config.providers[name]
    standing = standings.of_provider(deps, tenant.id, name)
    return ProviderView(
        name=name,
        kind=declared.kind,
        dialect=declared.dialect,
        base_url=declared.base_url,
        key_hint=_hint(declared.api_key),
        key_hints=[_hint(key) for key in declared.api_keys],
        headers=provider_options.shown_headers(declared.headers, deps.config.hidden.get(name, frozenset())),
        options=provider_options.shown(_kind(declared.kind), declared.options),
        timeouts=_timeouts_view(declared.timeouts),
        source="config",
        health=standing.health,
        last_error=standing.error,
        last_seen=standing.seen,
        revision=0,
    )


# --- routes ---


@route(
    "GET",
    "/api/v1/provider-kinds",
    "provider:read",
    Operation(id="listProviderKinds", summary="The vendors known here", tag=TAG),
)
async def list_provider_kinds(deps: Deps) -> list[ProviderKindView]:
    return [
        ProviderKindView(
            name=kind.name,
            title=kind.title,
            dialect=kind.dialect,
            base_url=kind.base_url,
            key_variable=kind.key_variable,
            needs_key=kind.needs_key,
            options=[
                OptionView(name=o.name, about=o.about, secret=o.secret, required=o.required, default=o.default)
                for o in kind.options
                if o.name != provider_options.IDENTITY  # which only the config file may say
            ],
            identities=list(kind.identities),
            models=list(kind.models),
            available=deps.available(kind),
        )
        for kind in PROVIDER_KINDS.all().values()
    ]


@route(
    "GET",
    "/api/v1/projects/{project:str}/providers",
    "provider:read",
    Operation(id="listProviders", summary="List a project's providers", tag=TAG, errors=(404,)),
)
async def list_providers(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> ProviderPage:
    """In order of name. One declared in the config file hides one of the same name in the catalog."""

    def read(conn: Connection) -> tuple[dict[str, int], list[ProviderRow]]:
        return edits.revisions(conn, tenant.id, KIND), store.providers(conn, tenant.id)

    revisions, found = await deps.db.read(read)
    rows = {row.name: row for row in found}
    declared = deps.config.declared(tenant.slug).providers
    names, more = cut(sorted(rows.keys() | declared), cursor, limit)
    return ProviderPage(
        items=[
            _config_view(deps, tenant, n) if n in declared else _catalog_view(deps, rows[n], revisions.get(n, FIRST))
            for n in names
        ],
        cursor=more,
    )


@route(
    "POST",
    "/api/v1/projects/{project:str}/providers",
    "provider:write",
    Operation(id="createProvider", summary="Add a provider", tag=TAG, status=201, errors=(404, 409)),
)
async def create_provider(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewProvider]) -> ProviderView:
    """Its key is kept encrypted and never shown again."""
    row = _new_row(deps, tenant, data)
    declared = deps.config.declared(tenant.slug)
    deed = _deed(tenant, "provider.created", row.name)
    made = await edited(deps, caller, deed, lambda conn: store.add_provider(conn, row, declared))
    await deps.snapshots.changed()
    return _catalog_view(deps, row, made.revision)


def _deed(tenant: Project, action: str, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(store.PROVIDERS, project_id=tenant.id, name=name)
    edit = Edit(place=tenant.id, kind=KIND, name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"provider:{name}", state=state, edit=edit)


def _new_row(deps: Dependencies, tenant: Project, data: NewProvider) -> ProviderRow:
    store.check_provider_name(data.name)
    if data.kind not in PROVIDER_KINDS.names():
        raise InvalidRequest(
            f"There is no provider kind {data.kind[:80]!r}.",
            fix=did_you_mean(data.kind, PROVIDER_KINDS.names()),
            param="kind",
        )
    kind = PROVIDER_KINDS.get(data.kind)
    dialect = data.dialect or kind.dialect
    if dialect not in dialects():
        raise InvalidRequest(
            f"There is no dialect {dialect[:80]!r}.", fix=did_you_mean(dialect, dialects()), param="dialect"
        )
    secret = store.with_keys(Sealed(headers=data.headers, options=data.options), data.api_key, data.api_keys)
    store.check_secret(secret)
    provider_options.check_options(kind, secret)
    base_url = data.base_url or provider_options.default_base_url(kind, data.options)
    if base_url or not kind.managed:
        base_url = store.check_base_url(base_url)
    return ProviderRow(
        project_id=tenant.id,
        name=data.name,
        kind=data.kind,
        dialect=dialect,
        base_url=base_url,
        sealed=store.seal(deps.secrets, tenant.id, data.name, secret),
        timeouts=_timeouts(data.timeouts or TimeoutsBody()),
        created=deps.now(),
        updated=deps.now(),
    )


def _timeouts(body: TimeoutsBody) -> Timeouts:
    timeouts = Timeouts(connect=body.connect, first_token=body.first_token, idle=body.idle, total=body.total)
    store.check_timeouts(timeouts)
    return timeouts


@route(
    "PATCH",
    "/api/v1/projects/{project:str}/providers/{name:str}",
    "provider:write",
    Operation(id="changeProvider", summary="Change a provider", tag=TAG, errors=(404, 409)),
)
async def change_provider(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[ProviderPatch]
) -> ProviderView:
    """What is left out stays. A header sent back masked keeps its value. Secrets that are kept go to no other address
    than they were given for: with a ``base_url`` elsewhere they are given again, or the change is refused. An address
    that was made with options (a region, a resource) follows those that are given. With
    ``expected_revision`` it is refused (409) where somebody changed the provider since that revision."""
    declared, now = deps.config.declared(tenant.slug), deps.now()
    made = await edited(
        deps,
        caller,
        _deed(tenant, "provider.changed", name, data.expected_revision),
        lambda conn: store.change_provider(conn, tenant.id, name, declared, lambda old: _changed(deps, old, data, now)),
    )
    await deps.snapshots.changed()
    return _catalog_view(deps, made.made, made.revision)


def _changed(deps: Dependencies, old: ProviderRow, data: ProviderPatch, now: int) -> ProviderRow:
    base_url = _base_url(deps, old, data)
    moved = leads_elsewhere(old.base_url, base_url)
    resealed = any(given is not UNSET for given in (data.api_key, data.api_keys, data.headers, data.options))
    sealed = old.sealed
    if moved or resealed:
        secret = _secret(deps, old, data)
        kept = provider_options.kept_secrets(_kind(old.kind), secret, _anew(data))
        if moved and kept:
            raise Elsewhere(f"The provider {old.name!r}", old.base_url, base_url, kept)
        if resealed:
            sealed = store.seal(deps.secrets, old.project_id, old.name, secret)
    return ProviderRow(
        project_id=old.project_id,
        name=old.name,
        kind=old.kind,
        dialect=old.dialect,
        base_url=base_url,
        sealed=sealed,
        timeouts=old.timeouts if data.timeouts is UNSET else _timeouts(data.timeouts),
        created=old.created,
        updated=now,
    )


def _base_url(deps: Dependencies, old: ProviderRow, data: ProviderPatch) -> str:
    """Where it is from now on: what is given; else, where the address was made with the options there were, as they are
    now."""
    if data.base_url is not UNSET:
        return store.check_base_url(data.base_url)
    kind = _kind(old.kind)
    if data.options is UNSET or kind is None or "{" not in kind.base_url:
        return old.base_url
    try:
        before = provider_options.default_base_url(kind, store.unseal(deps.secrets, old).options)
    except (Unavailable, InvalidRequest):
        return old.base_url
    return provider_options.default_base_url(kind, data.options) if before == old.base_url else old.base_url


def _anew(data: ProviderPatch) -> set[str]:
    """The fields of secrets that a change gives, and does not only keep."""
    fields: set[str] = set() if data.api_key is UNSET and data.api_keys is UNSET else {"api_key"}
    for name, given in (("headers", data.headers), ("options", data.options)):
        if given is not UNSET:
            fields |= {f"{name}.{key}" for key, value in given.items() if value != MASK}
    return fields


def _secret(deps: Dependencies, old: ProviderRow, data: ProviderPatch) -> Sealed:
    """What is kept of the secrets there were, with what is given in its place."""
    try:
        before = store.unseal(deps.secrets, old)
    except Unavailable:
        # The way out that the error names is to enter the secret again: that must work.
        if (data.api_key is UNSET and data.api_keys is UNSET) or data.headers is UNSET:
            raise
        before = Sealed()
    headers = before.headers
    if data.headers is not UNSET:
        headers = {n: before.headers.get(n, v) if v == MASK else v for n, v in data.headers.items()}
    options = before.options
    if data.options is not UNSET:
        options = {n: before.options.get(n, v) if v == MASK else v for n, v in data.options.items()}
    secret = Sealed(api_key=before.api_key, api_keys=before.api_keys, headers=headers, options=options)
    if data.api_key is not UNSET or data.api_keys is not UNSET:
        key = None if data.api_key is UNSET else data.api_key
        secret = store.with_keys(secret, key, [] if data.api_keys is UNSET else data.api_keys)
    store.check_secret(secret)
    if (kind := _kind(old.kind)) is not None and data.options is not UNSET:
        provider_options.check_options(kind, secret)
    return secret


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/providers/{name:str}",
    "provider:write",
    Operation(id="deleteProvider", summary="Remove a provider", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_provider(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """Refused while a model uses it."""
    declared = deps.config.declared(tenant.slug)
    deed = _deed(tenant, "provider.removed", name, expected_revision)
    await written(deps, caller, deed, lambda conn: store.remove_provider(conn, tenant.id, name, declared))
    await deps.snapshots.changed()


ROUTES = (list_provider_kinds, list_providers, create_provider, change_provider, delete_provider)
