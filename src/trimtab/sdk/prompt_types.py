"""What `Client.prompts` answers. Times are Unix milliseconds; authors are names of keys."""

from typing import Any

from msgspec import Struct


class PromptLabel(Struct, frozen=True, kw_only=True):
    label: str
    version: int
    author: str
    updated: int


class PromptInfo(Struct, frozen=True, kw_only=True):
    """``newest`` is the number of the newest version; ``archived`` when it was put away."""

    name: str
    folder: str
    newest: int
    labels: list[PromptLabel]
    archived: int | None
    created: int
    updated: int


class PromptVersion(Struct, frozen=True, kw_only=True):
    """``parent`` is the version it was made from; ``hash`` names its content."""

    name: str
    version: int
    parent: int | None
    hash: str
    message: str
    author: str
    labels: list[str]
    created: int


class PromptDetail(Struct, frozen=True, kw_only=True):
    """``content`` as the API has it; ``file`` is the same as text."""

    version: PromptVersion
    content: dict[str, Any]
    folder: str
    file: str
    includes: list[str]


class Pushed(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest version has that content already, and for a dry run."""

    name: str
    version: int
    hash: str
    created: bool


class Line(Struct, frozen=True):
    """``mark`` is same, removed or added; the numbers count lines from 1."""

    mark: str
    text: str
    before: int | None
    after: int | None


class Change(Struct, frozen=True, kw_only=True):
    what: str
    where: str
    words: str
    before: Any = None
    after: Any = None


class MessageChange(Struct, frozen=True, kw_only=True):
    what: str
    words: str
    before: int | None
    after: int | None
    lines: list[Line] = []


class PromptDiff(Struct, frozen=True, kw_only=True):
    name: str
    before: int
    after: int
    changes: list[Change]
    messages: list[MessageChange]


class BlamedLine(Struct, frozen=True):
    version: int
    text: str


class BlamedMessage(Struct, frozen=True, kw_only=True):
    title: str
    version: int
    lines: list[BlamedLine] = []


class PromptBlame(Struct, frozen=True, kw_only=True):
    """``versions``: of every version named, who wrote it, when and why."""

    name: str
    version: int
    messages: list[BlamedMessage]
    versions: list[PromptVersion]


class RenderedPrompt(Struct, frozen=True, kw_only=True):
    name: str
    version: int
    hash: str
    messages: list[dict[str, Any]]
    parameters: dict[str, Any]
    tools: list[dict[str, Any]]
    output_schema: dict[str, Any] | None
    used: dict[str, int]


class Converted(Struct, frozen=True, kw_only=True):
    name: str
    file: str
    notes: list[str]
