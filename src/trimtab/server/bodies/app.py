"""Bodies of the management API about apps and their releases. Times are Unix ms."""

from typing import Any

from msgspec import Struct

from trimtab.releases.diff import PromptChanges, ReleaseChange
from trimtab.releases.types import AppSpec, Pinned, PinnedGuard, PinnedKnowledge, Tried
from trimtab.server.bodies.common import SeenRevision
from trimtab.server.bodies.prompt import PromptBundle


class AppView(Struct, frozen=True, kw_only=True):
    """``spec`` is the draft of its next release, and ``revision`` counts the draft's edits. ``newest`` is the number of
    the newest release, 0 for none. ``archived``: when it was put away, null while it is in use."""

    name: str
    spec: AppSpec
    revision: int
    newest: int
    archived: int | None
    created: int
    updated: int


class AppPage(Struct, frozen=True, kw_only=True):
    items: list[AppView]
    cursor: str | None


class AppDetail(AppView, frozen=True, kw_only=True):
    """``trouble``: why no release can be made of the draft now, empty where one can. ``differs``: whether that release
    would differ from the newest one; null where that cannot be said. ``running_trouble``: what keeps its calls from
    being answered as they should be, as a model of the config file that has its name."""

    trouble: str
    running_trouble: str
    differs: bool | None


class PutApp(Struct, kw_only=True, forbid_unknown_fields=True):
    """``spec`` replaces the draft whole. ``expected_revision`` is the one that it was made from, 0 for an app that is
    to be new: where the draft was edited meanwhile it is refused (409)."""

    spec: AppSpec
    expected_revision: int | None = None


class AppPlace(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expected_revision``: that of the draft that was seen; it is refused (409) where somebody changed it since."""

    archived: bool
    expected_revision: SeenRevision = None


class ReleaseRow(Struct, frozen=True, kw_only=True):
    """``ref`` is how it is named (``r12``), ``hash`` names its content, ``parent`` is the number of the release it was
    made from, null for the first. ``author`` is a key's id; ``editors`` are the names of those who edited its
    draft or prompts beside. ``changes`` say what it changed against its parent, one
    sentence each; ``runs_in`` names the environments whose stable release it is. ``tried`` are its rollouts, newest
    first: where it was promoted, and where it was taken back and why."""

    app: str
    number: int
    ref: str
    hash: str
    parent: int | None
    author: str
    author_name: str
    editors: list[str]
    message: str
    created: int
    changes: list[str]
    runs_in: list[str]
    tried: list[Tried]


class ReleasePage(Struct, frozen=True, kw_only=True):
    items: list[ReleaseRow]
    cursor: str | None


class ReleaseContent(Struct, frozen=True, kw_only=True):
    """Everything that decides what an app does, with every reference resolved. ``route`` is a model's name or a tree
    without names of other routes; ``models`` says what each of its leaves stood for. ``parameters``, ``tools``,
    ``output_schema`` and ``policy`` are in force as they stand, the prompt's own already in them."""

    prompt: PromptBundle | None
    route: str | dict[str, Any]
    models: dict[str, Pinned]
    affinity: dict[str, Any] | None
    parameters: dict[str, Any]
    tools: list[dict[str, Any]]
    output_schema: dict[str, Any] | None
    policy: dict[str, Any]
    variables: dict[str, Any]
    context: dict[str, Any] | None
    cache: dict[str, Any] | None
    knowledge: list[PinnedKnowledge]
    guards: list[PinnedGuard]
    metadata: dict[str, Any]


class ReleaseDetail(ReleaseRow, frozen=True, kw_only=True):
    content: ReleaseContent


class NewAppRelease(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expected_newest`` is the number of the newest release as its maker saw it, 0 for none, and
    ``expected_revision`` the draft's revision: where another release or edit came meanwhile it is refused (409).
    ``parent`` is the release that it was made from, by number; the newest, where none is said. ``dry_run`` makes
    nothing, and says what would come."""

    message: str = ""
    expected_newest: int | None = None
    expected_revision: int | None = None
    parent: int | None = None
    dry_run: bool = False


class CreatedRelease(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest release has that content already. Of a dry run both are what would be."""

    release: ReleaseRow
    created: bool


class ReleaseDiff(Struct, frozen=True, kw_only=True):
    """``before`` and ``after`` are ``r12`` or ``draft``; ``before`` is empty for a first release. ``changes`` are told
    in words and as data; ``prompts`` has, below those about prompts, each line of each message. Both are empty where
    the content is the same."""

    app: str
    before: str
    after: str
    changes: list[ReleaseChange]
    prompts: list[PromptChanges]
