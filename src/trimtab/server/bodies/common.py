"""Bodies of the management API. What telemetry answers with is in `telemetry/views.py`.

Routes, all under ``/api/v1`` (permission in brackets; every one but the login routes needs a key or a session):

    POST   /login                                   {key} or {token}  -> Me, sets the session cookie
    POST   /logout                                  [self]
    GET    /me                                      [self] -> Me
    GET    /status                                  [system:read] -> ServerStatus
    POST   /login-links                             [system:write] -> LoginLink
    GET    /projects                                [project:read] -> Page of ProjectView
    POST   /projects                                [project:write] NewProject -> ProjectView
    GET    /projects/{project}                      [project:read]
    PATCH  /projects/{project}                      [project:write] ProjectPatch
    GET    /projects/{project}/keys                 [key:read] -> KeyPage
    POST   /projects/{project}/keys                 [key:write] NewKey -> IssuedKey (the secret, once)
    DELETE /projects/{project}/keys/{key}           [key:write] revoke, effective on every worker when it returns
    GET    /provider-kinds                          [provider:read] -> list[ProviderKindView]
    GET    /projects/{project}/providers            [provider:read]
    POST   /projects/{project}/providers            [provider:write] NewProvider
    PATCH  /projects/{project}/providers/{name}     [provider:write] ProviderPatch
    DELETE /projects/{project}/providers/{name}     [provider:write]
    GET    /projects/{project}/models               [model:read]
    POST   /projects/{project}/models               [model:write] NewModel
    PATCH  /projects/{project}/models/{name}        [model:write] ModelPatch
    DELETE /projects/{project}/models/{name}        [model:write]
    GET    /projects/{project}/models/{name}/card   [model:read] -> CardView (the newest)
    PUT    /projects/{project}/models/{name}/card   [model:write] NewCard -> CardView
    POST   /projects/{project}/models/{name}/test   [model:call] -> TestResult (one real, tiny call, live path)
    GET    /projects/{project}/price?model=         [model:read] -> PriceView (the price row in force now)
    GET    /projects/{project}/traces               [trace:read] q,start,end,cursor,limit -> TracePage
    GET    /projects/{project}/traces/{trace_id}    [trace:read] -> TraceDetail
    GET    /projects/{project}/traces/{trace_id}/spans/{span_id}/io  [trace:read] -> SpanIO
    GET    /projects/{project}/facets               [trace:read] q,start,end -> list[Facet]
    GET    /projects/{project}/overview             [trace:read] q,start,end,group_by -> Overview
    GET    /projects/{project}/aggregate            [trace:read] q,metrics,group_by,interval -> AggregateReport
    GET    /projects/{project}/search/complete      [trace:read] q,cursor -> Completion
    POST   /projects/{project}/sql                  [sql:read] SqlRequest -> SqlResult
    ...    /projects/{project}/views, /dashboards   [view:read, view:write] bodies/board.py

``{project}`` is the project's slug. Lists are pages ``{items, cursor}``; problems are RFC 9457 with our ``code`` and
``fix``.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trimtab.gateway.policy_store import Priority
from trimtab.governance.edits import Meanwhile
from trimtab.telemetry.views import StoreHealth

ExpectedRevision = (
    Annotated[
        int,
        Meta(
            ge=0,
            description="The revision that this was made from: refused (409) where it is another by now. 0: it is to be"
            " new. Left out: it is written over whatever there is.",
        ),
    ]
    | None
)
"""What a write may say. The ``revision`` of a view goes up with every change, by whichever way it comes; it is 0 where
the config file declares the thing, which is edited there."""
SeenRevision = (
    Annotated[int, Meta(ge=1, description="The revision that was seen: refused (409) where it is another by now.")]
    | None
)
"""What a write may say of something that is there already."""
KeyRole = Literal["client", "read_only", "reviewer", "editor", "viewer", "developer", "operator", "auditor"]
Role = Literal["admin", "editor", "reviewer", "read_only", "client", "viewer", "developer", "operator", "auditor"]
"""``admin``: everything, every project. ``editor``, ``developer``: read, and change what one project's apps do
(prompts, releases, rollouts). ``operator``: reads, and changes providers, models, routes, limits and rollouts.
``reviewer``: reads traces and works the review queues of one project. ``read_only``, ``auditor``: all reads of the API;
``viewer``: all but the audit log. ``client``: one project's data plane."""


class LoginRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """One of the two: a ``key``, or the one-time ``token`` of a login link. ``code``: of the authenticator app, or a
    recovery code, where the key has a second factor."""

    key: str | None = None
    token: str | None = None
    code: str | None = None


class Me(Struct, frozen=True, kw_only=True):
    """``id`` is the key's or the person's; ``role`` that of the widest place, ``none`` for nowhere."""

    id: str
    kind: Literal["key", "person", "service"]
    name: str
    email: str
    role: str
    key_prefix: str
    projects: list[str]
    """Slugs this caller may see."""
    organisations: list[str]
    """Slugs of those this caller is a member of as such."""
    permissions: list[str]
    """Held on the whole instance, and so in every project."""
    in_projects: dict[str, list[str]]
    """What is held in each project, by its slug; empty for who holds the same in all of them."""
    in_organisations: dict[str, list[str]]
    """What is held in each of the ``organisations``, by its slug."""
    version: str


class LoginLink(Struct, frozen=True, kw_only=True):
    url: str
    expires: int
    """Unix milliseconds."""


class ProjectView(Struct, frozen=True, kw_only=True):
    id: str
    slug: str
    name: str
    capture_content: bool
    created: int
    organisation: str
    """Its slug."""
    audit_reads: str = "none"
    """Which reads of content stand in the audit log: ``none``, ``all``, or those of this data class and above."""
    revision: int


class ProjectPage(Struct, frozen=True, kw_only=True):
    items: list[ProjectView]
    cursor: str | None = None


class NewProject(Struct, kw_only=True, forbid_unknown_fields=True):
    slug: str
    name: str = ""
    capture_content: bool = True


class ProjectPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    capture_content: bool | UnsetType = UNSET
    audit_reads: str | UnsetType = UNSET
    expected_revision: ExpectedRevision = None


class KeyView(Struct, frozen=True, kw_only=True):
    """``prefix`` is the visible start of the secret. ``state`` is computed now. What narrows it, null for no bound:
    ``environments`` in which its calls may name an app, ``permissions`` of those of its role, ``projects`` (slugs) of a
    key of the instance, ``models`` it may call, the highest ``priority`` that its calls may ask for (``high``: no
    bound). ``owner`` is the id of the person or service account it belongs to. ``last_used`` is the minute of its last
    use by any client, of calls and of the API, some seconds after it; null where none was noted. ``replaces`` is the id
    of the key whose place it took: limits count both as one."""

    id: str
    name: str
    prefix: str
    role: Role
    state: Literal["active", "expired", "revoked"]
    created: int
    expires: int | None
    revoked: int | None
    environments: list[str] | None
    permissions: list[str] | None
    projects: list[str] | None
    models: list[str] | None
    priority: Priority
    owner: str | None
    owner_name: str
    last_used: int | None
    replaces: str | None


class KeyPage(Struct, frozen=True, kw_only=True):
    """``total`` is how many there are on all pages."""

    items: list[KeyView]
    total: int
    cursor: str | None = None


class NewKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expires`` in Unix milliseconds, null for never. What narrows it, null for no bound: ``environments`` in which
    its calls may name an app; ``permissions`` of those of its role; ``projects`` (slugs), for a key of the instance
    alone; ``models``: names it may call, such as ``support`` or ``openai/*``. ``owner``: the id of a service account of
    the project, or one's own as a person; the key then does no more than they may, and ends with them. ``priority``:
    the highest that its calls may ask for, of a project's key; ``high`` is no bound. ``replaces``: the id of the key
    whose place it takes, which may have ended; limits go on with both as one, and nothing else is taken over."""

    name: str
    role: KeyRole = "client"
    expires: int | None = None
    environments: list[str] | None = None
    permissions: list[str] | None = None
    projects: list[str] | None = None
    models: list[str] | None = None
    owner: str | None = None
    priority: Priority = "high"
    replaces: str | None = None


class IssuedKey(Struct, frozen=True, kw_only=True):
    key: KeyView
    secret: str
    """Shown this once; only its hash is kept."""


class TimeoutsBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Seconds."""

    connect: float = 5.0
    first_token: float = 120.0
    idle: float = 60.0
    total: float = 600.0


class OptionView(Struct, frozen=True, kw_only=True):
    """What a kind asks for beside a key."""

    name: str
    about: str
    secret: bool
    required: bool
    default: str


class ProviderKindView(Struct, frozen=True, kw_only=True):
    """``identities`` are what the option ``identity`` may be in the server's config file, which alone may say it: in
    place of a key the server then shows who it is in the provider's cloud."""

    name: str
    title: str
    dialect: str
    base_url: str
    key_variable: str
    needs_key: bool
    options: list["OptionView"]
    identities: list[str]
    models: list[str]
    available: bool
    """False where something it needs is not installed."""


Health = Literal["unknown", "healthy", "failing"]


class ProviderView(Struct, frozen=True, kw_only=True):
    """``source`` says where it is declared; one from the config file is edited there. ``health`` is of this worker's
    last calls; ``key_hint`` the last four characters of the secret, ``****`` of a short one, empty without one;
    ``key_hints`` those of each of several keys, else none."""

    name: str
    kind: str
    dialect: str
    base_url: str
    key_hint: str
    key_hints: list[str]
    headers: dict[str, str]
    options: dict[str, str]
    timeouts: TimeoutsBody
    source: Literal["config", "catalog"]
    health: Health
    last_error: str
    last_seen: int | None
    revision: int


class ProviderPage(Struct, frozen=True, kw_only=True):
    items: list[ProviderView]
    cursor: str | None = None


class NewProvider(Struct, kw_only=True, forbid_unknown_fields=True):
    """``dialect`` and ``base_url`` may be left out where the kind has them. ``api_keys`` are several keys instead of
    the one, used in turn."""

    name: str
    kind: str = "custom"
    dialect: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    api_keys: list[str] = []
    headers: dict[str, str] = {}
    options: dict[str, str] = {}
    timeouts: TimeoutsBody | None = None


class ProviderPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """A null ``api_key`` removes it, and so do ``api_keys`` without one; leaving both out keeps what there is."""

    base_url: str | UnsetType = UNSET
    api_key: str | UnsetType | None = UNSET
    api_keys: list[str] | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    options: dict[str, str] | UnsetType = UNSET
    timeouts: TimeoutsBody | UnsetType = UNSET
    expected_revision: ExpectedRevision = None


class PriceBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None


class PriceView(Struct, frozen=True, kw_only=True):
    """The price row in force. ``known`` false: no price, and cost is null, never 0. Rates: US dollars per million."""

    model: str
    provider: str
    known: bool
    source: str
    """Row and version, as on spans: ``genai-prices/0.2.3:openai/gpt-4o-mini``, ``override:…``, ``local:no-price``."""
    input: str | None
    output: str | None
    cache_read: str | None
    cache_write: str | None
    note: str


class ModelView(Struct, frozen=True, kw_only=True):
    """``capabilities`` are what `trimtab conformance` found, sorted; null where the model was never tried as it is."""

    name: str
    provider: str
    upstream: str
    fallback: list[str]
    price: PriceView
    price_override: PriceBody | None
    source: Literal["config", "catalog"]
    health: Health
    last_error: str
    capabilities: list[str] | None
    revision: int


class CheckResultView(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check through one front dialect. ``evidence``: what was seen; for ``not_supported`` the provider's words."""

    check: str
    front: str
    outcome: Literal["pass", "fail", "not_supported", "could_not_tell"]
    evidence: str


class NewCard(Struct, kw_only=True, forbid_unknown_fields=True):
    """``provider`` and ``upstream`` are what was tried; ``suite`` is the version of the checks."""

    provider: str
    upstream: str
    suite: str
    results: list[CheckResultView]


class CardView(Struct, frozen=True, kw_only=True):
    """``number`` counts the model's cards; ``current`` is false where the model was pointed elsewhere since."""

    model: str
    number: int
    provider: str
    upstream: str
    current: bool
    suite: str
    made: int
    """Unix milliseconds."""
    capabilities: list[str]
    results: list[CheckResultView]


class ModelPage(Struct, frozen=True, kw_only=True):
    items: list[ModelView]
    cursor: str | None = None


class NewModel(Struct, kw_only=True, forbid_unknown_fields=True):
    """``upstream`` is the provider's id for the model; the name itself where left out."""

    name: str
    provider: str
    upstream: str | None = None
    fallback: list[str] = []
    price: PriceBody | None = None


class ModelPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays."""

    provider: str | UnsetType = UNSET
    upstream: str | UnsetType = UNSET
    fallback: list[str] | UnsetType = UNSET
    price: PriceBody | UnsetType | None = UNSET
    expected_revision: ExpectedRevision = None


class TestResult(Struct, frozen=True, kw_only=True):
    ok: bool
    trace_id: str
    latency: float
    """Milliseconds."""
    model_used: str
    text: str
    error_code: str
    error: str


class CheckView(Struct, frozen=True, kw_only=True):
    name: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    fix: str


class ServerStatus(Struct, frozen=True, kw_only=True):
    version: str
    compiled: bool
    """Whether the path of a call runs compiled."""
    started: int
    workers: int
    catalog: CheckView
    telemetry: StoreHealth
    config_file: str
    data_dir: str
    config: CheckView
    """Failed while the config file on disk has mistakes; the one before is then in force."""


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457 (``application/problem+json``) with our stable ``code``, the way out in ``fix`` and the request's id.
    ``meanwhile`` stands in a ``revision_conflict``: where the audit log says what was changed."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    fix: str
    request_id: str
    param: str | None = None
    meanwhile: Meanwhile | None = None
