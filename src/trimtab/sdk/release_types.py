"""What `Client.apps` and `Client.releases` answer. Times are Unix milliseconds."""

from typing import Any

from msgspec import Struct

from trimtab.sdk.prompt_types import Change, MessageChange


class App(Struct, frozen=True, kw_only=True):
    """``spec`` is the draft of its next release as the API has it, ``revision`` counts its edits; ``newest`` is the
    number of the newest release, 0 for none."""

    name: str
    spec: dict[str, Any]
    revision: int
    newest: int
    archived: int | None
    created: int
    updated: int


class AppDetail(App, frozen=True, kw_only=True):
    """``trouble``: why no release can be made of the draft now; ``differs``: whether it would differ from the newest,
    None where that cannot be said; ``running_trouble``: what keeps its calls from being answered as they should be."""

    trouble: str
    running_trouble: str
    differs: bool | None


class Tried(Struct, frozen=True, kw_only=True):
    """One rollout of a release: where, its ``state`` (``rolled_back``, ``promoted``, ...) and why. Unix ms."""

    environment: str
    rollout: str
    kind: str
    state: str
    started: int
    ended: int | None
    reason: str


class Release(Struct, frozen=True, kw_only=True):
    """``support r12``: ``ref`` is ``r12``, ``hash`` names its content, ``parent`` is the number of the release that it
    was made from. ``changes`` say what it changed, one sentence each; ``runs_in`` names environments, and
    ``editors`` who edited its draft or its prompts beside its author."""

    app: str
    number: int
    ref: str
    hash: str
    parent: int | None
    author: str
    author_name: str
    message: str
    created: int
    changes: list[str]
    runs_in: list[str]
    editors: list[str] = []
    tried: list[Tried] = []


class ReleaseDetail(Release, frozen=True, kw_only=True):
    """``content`` as the API has it: everything that decides what the app does."""

    content: dict[str, Any]


class Created(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest release has that content already. Of a dry run both are what would be."""

    release: Release
    created: bool


class ReleaseChange(Struct, frozen=True, kw_only=True):
    """``words`` is a sentence; ``where`` names the field, ``area`` its part of the release."""

    area: str
    what: str
    where: str
    words: str
    before: Any = None
    after: Any = None


class PromptChanges(Struct, frozen=True, kw_only=True):
    """What changed in a prompt: the app's own, where ``reference`` is empty, or one that it includes."""

    reference: str
    name: str
    before: int | None
    after: int | None
    changes: list[Change]
    messages: list[MessageChange]


class ReleaseDiff(Struct, frozen=True, kw_only=True):
    """``before`` and ``after`` are ``r12`` or ``draft``; ``before`` is empty for a first release."""

    app: str
    before: str
    after: str
    changes: list[ReleaseChange]
    prompts: list[PromptChanges]
