"""Bodies of the management API about environments, and what a release needs to run in one."""

from msgspec import Struct

from trimtab.releases.protection import Check
from trimtab.releases.types import Outcome, Protection


class EnvironmentView(Struct, frozen=True, kw_only=True):
    """``position`` orders environments from the first that a release goes through to the last. ``default``: what
    clients mean that name none. ``revision`` is 0 for one that is as every project has it. Unix ms."""

    name: str
    position: int
    default: bool
    protection: Protection
    revision: int
    updated: int


class EnvironmentPage(Struct, frozen=True, kw_only=True):
    items: list[EnvironmentView]
    cursor: str | None


class SetEnvironment(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. ``expected_revision`` is the one that this was made from, 0 for an environment that is to
    be new: a change meanwhile is then refused (409)."""

    position: int | None = None
    default: bool | None = None
    protection: Protection | None = None
    expected_revision: int | None = None


class ReadinessView(Struct, frozen=True, kw_only=True):
    """Whether a release may be promoted in an environment now, and every demand by itself; none where it is not
    protected."""

    app: str
    environment: str
    release: int
    ready: bool
    checks: list[Check]


class ApprovalView(Struct, frozen=True, kw_only=True):
    """``author`` is the id of a key and ``author_name`` its name; ``revoked``: that key has ended since, and what it
    gave counts. ``counts`` is false for whoever had a hand in the release; ``own`` says
    whether the caller gave it, who alone can take it back. Unix ms."""

    environment: str
    author: str
    author_name: str
    note: str
    created: int
    revoked: bool
    counts: bool
    own: bool


class ApprovalPage(Struct, frozen=True, kw_only=True):
    items: list[ApprovalView]
    cursor: str | None


class NewApproval(Struct, kw_only=True, forbid_unknown_fields=True):
    """``environment``: left out, the default one."""

    environment: str | None = None
    note: str = ""


class GateView(Struct, frozen=True, kw_only=True):
    """A verdict about a release's content. ``source`` names what judged, ``author`` the key that wrote it down: empty
    for what evaluation found by itself, and where it was not kept. Unix ms."""

    id: str
    release: int
    hash: str
    outcome: Outcome
    source: str
    detail: str
    created: int
    author: str
    author_name: str


class GatePage(Struct, frozen=True, kw_only=True):
    items: list[GateView]
    cursor: str | None


class NewGateVerdict(Struct, kw_only=True, forbid_unknown_fields=True):
    """``hash`` is that of the content which was judged: a verdict about another one is refused (409). Left out, it is
    the release's."""

    outcome: Outcome
    source: str
    detail: str = ""
    hash: str = ""
