"""The things of this room. All frozen; times are Unix ms; authors are ids of keys.

AppSpec (draft) --freeze--> Content --number, author, parent--> Release --Rollout--> Placement in an Environment
"""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trimtab.governance.audit import Actor
from trimtab.prompts.types import Bundle

APP: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
ENVIRONMENT: Final = r"[a-z][a-z0-9-]{0,39}"
SEEDED: Final = ("development", "staging", "production")
"""Every project's first environments."""
PRODUCTION: Final = "production"
"""What a client means that names no environment, where the project says nothing else."""

Kind = Literal["direct", "canary", "ab", "shadow", "segments"]
State = Literal["running", "held", "promoted", "rolled_back", "stopped"]
OPEN: Final = ("running", "held")
Variant = Literal["", "stable", "candidate", "shadow"]
"""Which arm of a rollout answered; empty where there was none."""
Sticky = Literal["user", "session", "request"]
"""By what calls are assigned: the end user (else the session, else the call), the session (else the call), or the
call."""
Outcome = Literal["better", "not_worse", "worse", "not_enough_data"]
Share = Annotated[float, Meta(ge=0, le=1)]
Json = dict[str, Any]
KnowledgeMode = Literal["hybrid", "meaning", "words"]
OnFailure = Literal["refuse", "answer_without"]


class Knowledge(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A corpus that an app's calls look things up in; a corpus' name alone means it with the defaults.

    ``version`` is the one that a release freezes, the newest finished one where none is said. With ``follow`` nothing
    is frozen: each call searches the newest there is then. ``top`` passages at most, none that is less like the
    question than ``least`` (cosine similarity), and so many that they take at most ``tokens`` (by estimate). ``mode``:
    by meaning and by words (``hybrid``), or by one of them. ``query`` is a template of what is looked for, with
    ``question`` (the last thing the user said) and ``previous`` (what the user said before that); the question itself
    where it is empty. ``on_failure``: a call whose search fails or takes longer than ``timeout_ms`` is refused, or
    answered without."""

    corpus: str
    version: Annotated[int, Meta(ge=1, le=999_999_999)] | None = None
    follow: bool = False
    top: Annotated[int, Meta(ge=1, le=50)] = 4
    least: Share | None = None
    tokens: Annotated[int, Meta(ge=50, le=200_000)] = 2000
    mode: KnowledgeMode = "hybrid"
    query: str = ""
    on_failure: OnFailure = "refuse"
    timeout_ms: Annotated[int, Meta(ge=10, le=60_000)] = 10_000


class AppSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an app declares: the draft of its next release.

    ``prompt`` is a reference (``support``, ``support@3``, ``support@production``); None where clients send all the
    messages. ``route`` is a model's or a route's name, ``provider/model-id``, or a tree (`gateway/routing/types.py`, as
    JSON). ``parameters``, ``tools``, ``output_schema`` and ``policy`` stand over those of the prompt. ``variables`` are
    values that the prompt's variables always have. ``context`` and ``cache`` are as in a call policy. ``knowledge``:
    corpora that its calls search.
    """

    description: str = ""
    prompt: str | None = None
    route: str | Json = ""
    parameters: Json = {}
    tools: tuple[Json, ...] | UnsetType = UNSET
    output_schema: Json | UnsetType = UNSET
    policy: Json = {}
    variables: Json = {}
    context: Json | None = None
    cache: Json | None = None
    knowledge: tuple[str | Knowledge, ...] = ()
    guards: tuple[str, ...] = ()
    metadata: Json = {}


class Pinned(Struct, frozen=True, kw_only=True):
    """What a model's name stood for when the release was made."""

    provider: str
    upstream: str


class PinnedGuard(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A guard as it was when the release was made: ``spec`` is its `guard.types.GuardSpec`, as JSON."""

    name: str
    version: int
    spec: Json


class CorpusVersion(Struct, frozen=True, kw_only=True):
    """A version of a corpus, which never changes. ``digest`` is the hash of its content (``sha256:`` and 64 hex
    digits)."""

    number: int
    digest: str


class PinnedKnowledge(Struct, frozen=True, kw_only=True):
    """A corpus as calls of a release search it. ``version`` and ``digest`` are what was resolved when the release was
    made; 0 and empty where it follows its corpus, which is then not frozen. ``layout`` is the form in which passages
    stand in a call (`gateway/apps/passages.py`). The rest is as in `Knowledge`. All of it is written down, so that no
    later default changes what was released."""

    corpus: str
    version: int = 0
    digest: str = ""
    top: int = 4
    least: float | None = None
    tokens: int = 2000
    mode: KnowledgeMode = "hybrid"
    query: str = ""
    on_failure: OnFailure = "refuse"
    timeout_ms: int = 10_000
    layout: int = 1

    @property
    def follow(self) -> bool:
        return not self.version


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What decides an app's behaviour, with every reference resolved; what the hash of a release is over.

    ``prompt`` with all that it includes. ``route`` is a tree without names of other routes; ``models`` says what each
    of its leaves is, and ``affinity`` is the route's own. ``parameters``, ``tools``, ``output_schema`` and ``policy``
    are in force as they stand, the prompt's own already in them.
    ``guards`` look at the app's calls, each as it was then; ``knowledge`` are versions of corpora, but for those that
    it follows.
    """

    prompt: Bundle | None = None
    route: str | Json = ""
    models: dict[str, Pinned] = {}
    affinity: Json | None = None
    parameters: Json = {}
    tools: tuple[Json, ...] = ()
    output_schema: Json | None = None
    policy: Json = {}
    variables: Json = {}
    context: Json | None = None
    cache: Json | None = None
    knowledge: tuple[PinnedKnowledge, ...] = ()
    guards: tuple[PinnedGuard, ...] = ()
    metadata: Json = {}


class App(Struct, frozen=True, kw_only=True):
    """``newest`` is the number of its newest release, 0 for none. ``revision`` goes up with every edit. ``editors`` are
    those who edited the draft since the newest release."""

    project_id: str
    name: str
    spec: AppSpec
    revision: int
    newest: int
    archived: int | None
    created: int
    updated: int
    editors: tuple[Actor, ...] = ()


class Release(Struct, frozen=True, kw_only=True):
    """``support r12``. ``parent`` is the number of the release that it was made from, None for the first.
    ``editors`` are those beside its author who changed since that what it was made of: the draft, or prompts in it."""

    project_id: str
    app: str
    number: int
    hash: str
    content: Content
    parent: int | None
    author: str
    author_name: str
    message: str
    created: int
    editors: tuple[Actor, ...] = ()

    @property
    def authors(self) -> frozenset[str]:
        """The ids of all who made it what it is: what they say of it is no second opinion."""
        return frozenset((self.author, *(each.id for each in self.editors)))

    @property
    def short(self) -> str:
        return f"r{self.number}"


class Freeze(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """When nothing may be promoted. Either once, ``start`` to ``end`` (RFC 3339), or every week on ``days`` (``mon``
    to ``sun``) from ``after`` to ``before`` (``HH:MM``, over midnight where after > before) in ``timezone``."""

    name: str
    start: str = ""
    end: str = ""
    days: tuple[str, ...] = ()
    after: str = ""
    before: str = ""
    timezone: str = "UTC"


class Protection(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a release must show before it may run in an environment. ``gate``: a verdict ``better`` or ``not_worse``
    about this very content, at most ``gate_days`` old. ``suites``: each of these has been run on it and has passed, and
    is still fresh (the suite's ``freshness_days``). ``approvals``: by so many people other than its author."""

    gate: bool = False
    gate_days: float = 30.0
    suites: tuple[str, ...] = ()
    approvals: Annotated[int, Meta(ge=0, le=20)] = 0
    note: bool = False
    freezes: tuple[Freeze, ...] = ()


class Environment(Struct, frozen=True, kw_only=True):
    """``position`` orders them from development to production. ``default``: the one clients mean that name none."""

    project_id: str
    name: str
    position: int
    default: bool
    protection: Protection
    revision: int
    updated: int


class Placement(Struct, frozen=True, kw_only=True):
    """What an environment runs of an app: ``stable`` is a release's number, ``rollout`` the id of an open rollout."""

    project_id: str
    app: str
    environment: str
    stable: int | None
    rollout: str | None
    revision: int
    updated: int


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``share`` of the traffic for at least ``hold_s`` seconds and ``samples`` calls of the candidate."""

    share: Share
    hold_s: Annotated[float, Meta(ge=0, le=31 * 86_400)] = 300.0
    samples: Annotated[int, Meta(ge=0, le=100_000_000)] = 100


class Segment(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whom the candidate is for: any of what is listed, in each dimension that lists something. A value may end in
    ``*``; ``key`` are ids of keys."""

    user: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    metadata: dict[str, tuple[str, ...]] = {}


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How an environment moves to a release. ``steps`` for a canary; ``share`` for A/B (the candidate's) and shadow
    (of calls that are copied); ``segment`` for segments. ``budget`` bounds what shadow calls may cost, a decimal in the
    book's currency. ``rules`` are those of `rules.py`, as JSON; None for its defaults."""

    kind: Kind = "canary"
    steps: tuple[Step, ...] = ()
    share: Share = 0.5
    segment: Segment | None = None
    sticky: Sticky = "user"
    budget: str | None = None
    rules: Any = None


class Rollout(Struct, frozen=True, kw_only=True):
    """``stable`` is what is replaced (None for an environment that was empty) and ``candidate`` what replaces it, by
    number. ``step`` counts from 0. ``evidence`` is what the last decision was made by (`rules.Decision` as JSON) and
    ``reason`` why it is in this state. ``override``: why it was started without what the environment demands."""

    id: str
    project_id: str
    app: str
    environment: str
    stable: int | None
    candidate: int
    plan: Plan
    state: State
    step: int
    step_started: int
    started: int
    ended: int | None
    author: str
    author_name: str
    note: str
    reason: str
    evidence: Any
    revision: int
    updated: int
    override: str | None = None


class Tried(Struct, frozen=True, kw_only=True):
    """One rollout of a release: where, what came of it, and why. ``ended`` is None while it is open. Unix ms."""

    environment: str
    rollout: str
    kind: Kind
    state: State
    started: int
    ended: int | None
    reason: str


class Approval(Struct, frozen=True, kw_only=True):
    """Somebody stands for a release in an environment."""

    project_id: str
    app: str
    number: int
    environment: str
    author: str
    author_name: str
    note: str
    created: int


class GateVerdict(Struct, frozen=True, kw_only=True):
    """What a gate said of a release's content. ``source`` names who judged; ``detail`` is for people. ``author`` is the
    key that wrote it down, empty where evaluation did by itself."""

    id: str
    project_id: str
    app: str
    number: int
    hash: str
    outcome: Outcome
    source: str
    detail: str
    created: int
    author: str = ""
    author_name: str = ""


class SuiteEvidence(Struct, frozen=True, kw_only=True):
    """What evaluation says beside its outcome: the ``detail`` of its verdicts, as JSON. ``passed`` is by the suite's
    own rule; ``refused`` says why it does not count all the same (a judge that nobody has compared with people). It
    counts before ``fresh_until`` (Unix ms)."""

    experiment: str
    suite: str
    suite_hash: str
    dataset: str
    version: int
    against: str
    passed: bool
    says: str
    fresh_until: int
    refused: str = ""
