"""Apps as the data plane holds them in its snapshot."""

from collections.abc import Mapping

from msgspec import Struct

from trimtab.gateway.apps.overlay import Overlay
from trimtab.gateway.apps.prompt import Prompt
from trimtab.gateway.call_policy import CompiledPolicy, ContextPolicy
from trimtab.gateway.routing.compile import Compiled
from trimtab.guard.spec import Broken as BrokenGuard
from trimtab.guard.spec import Ready as ReadyGuard
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.releases.resolve import Lane
from trimtab.releases.types import PinnedKnowledge


class Sought(Struct, frozen=True, kw_only=True):
    """A corpus of a release, ready for calls: ``query`` is the template of what is looked for, None for the question
    itself."""

    pinned: PinnedKnowledge
    query: Prompt | None = None


class Ready(Struct, frozen=True, kw_only=True):
    """A release as calls need it. ``policy`` has its cache policy and, in its salt, its hash; ``context`` is how it
    shortens a client's messages. Without ``overlay`` a client's body stays as it is. ``trouble`` says why the release
    cannot be used, empty where it can."""

    app: str
    number: int
    hash: str
    route: Compiled | None = None
    prompt: Prompt | None = None
    overlay: Overlay | None = None
    policy: CompiledPolicy
    context: ContextPolicy | None = None
    guards: tuple[ReadyGuard | BrokenGuard, ...] = ()
    """Those frozen into it."""
    knowledge: tuple[Sought, ...] = ()
    """What its calls are answered from."""
    trouble: str = ""

    @property
    def short(self) -> str:
        return f"r{self.number}"


class Placed(Struct, frozen=True, kw_only=True):
    """What one environment runs of an app; ``releases`` are those of its lane, by number. ``limits`` is the budget that
    the copies of its calls are paid from, None where none are made."""

    app: str
    environment: str
    lane: Lane
    releases: dict[int, Ready]
    limits: ProjectLimits | None = None


class Named(Struct, frozen=True):
    """What a caller named that no lane stands for: ``ref`` is what stood behind the ``@``, empty for nothing."""

    app: str
    ref: str


class ProjectApps(Struct, frozen=True, kw_only=True):
    """``placed`` by every name that may be called: ``support`` and ``support@staging``. ``newest`` has the number of
    the newest release of every app that is not archived, ``environments`` the names of all environments."""

    placed: dict[str, Placed] = {}
    newest: Mapping[str, int] = {}
    archived: frozenset[str] = frozenset()
    environments: tuple[str, ...] = ()
    default: str = ""

    def find(self, name: str) -> Placed | Named | None:
        """What a called name means here; None for what names no app."""
        found = self.placed.get(name)
        if found is not None:
            return found
        app, _, ref = name.partition("@")
        return Named(app, ref) if app in self.newest or app in self.archived else None
