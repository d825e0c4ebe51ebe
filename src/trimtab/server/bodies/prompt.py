"""Bodies of the management API about prompts."""

from typing import Any, Literal

from msgspec import Struct

from trimtab.prompts.blame import BlamedMessage
from trimtab.prompts.diff import Change, MessageChange
from trimtab.prompts.types import Content, Variable

Format = Literal["trimtab", "langfuse", "prompty", "dotprompt"]


class CallEstimate(Struct, frozen=True, kw_only=True):
    """``tokens`` of the messages and tools. ``cost``: what reading them costs at ``model``, and ``output_cost`` a
    thousand tokens of its answer; US dollars as decimal strings, null where no price is known (``note`` says why)."""

    tokens: int
    model: str
    cost: str | None
    output_cost: str | None
    price: str
    note: str


class PromptLabel(Struct, frozen=True, kw_only=True):
    """A name that points at a version. ``author`` is the name of the key that set it. Unix ms."""

    label: str
    version: int
    author: str
    updated: int


class PromptView(Struct, frozen=True, kw_only=True):
    """``newest`` is the number of the newest version; ``author``, ``message`` and ``changed`` (Unix ms) are of it.
    ``archived``: when the prompt was put away, null while it is in use."""

    name: str
    folder: str
    newest: int
    author: str
    message: str
    changed: int
    labels: list[PromptLabel]
    archived: int | None
    created: int
    updated: int


class PromptPage(Struct, frozen=True, kw_only=True):
    items: list[PromptView]
    cursor: str | None


class PromptVersionView(Struct, frozen=True, kw_only=True):
    """``parent`` is the version it was made from, null for the first; ``hash`` names its content."""

    name: str
    version: int
    parent: int | None
    hash: str
    message: str
    author: str
    labels: list[str]
    created: int


class PromptVersionPage(Struct, frozen=True, kw_only=True):
    items: list[PromptVersionView]
    cursor: str | None


class PromptDetail(Struct, frozen=True, kw_only=True):
    """One version whole; ``file`` is the same as text."""

    version: PromptVersionView
    content: Content
    folder: str
    file: str
    includes: list[str]


class NewPromptVersion(Struct, kw_only=True, forbid_unknown_fields=True):
    """Either ``file`` (a prompt as a file says it) or ``content``. ``expected_version`` is the version that this was
    made from, 0 for a prompt that is to be new: where another came first it is refused (409).
    ``dry_run`` only checks."""

    file: str | None = None
    content: Content | None = None
    folder: str | None = None
    message: str = ""
    expected_version: int | None = None
    dry_run: bool = False


class PushedPrompt(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest version has that content already, and for a dry run, of which ``version``
    is what it would be."""

    name: str
    version: int
    hash: str
    created: bool


class PromptPlace(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. ``expected_version``: the newest that was seen; ``expected_folder``: where it is to be so
    far, empty for no folder. It is refused (409) where somebody added another, or moved it."""

    folder: str | None = None
    archived: bool | None = None
    expected_version: int | None = None
    expected_folder: str | None = None


class PromptDiff(Struct, frozen=True, kw_only=True):
    """Both lists are empty for two versions of one hash."""

    name: str
    before: int
    after: int
    changes: list[Change]
    messages: list[MessageChange]


class PromptBlame(Struct, frozen=True, kw_only=True):
    """``versions``: of every version named, who wrote it, when and why."""

    name: str
    version: int
    messages: list[BlamedMessage]
    versions: list[PromptVersionView]


class SetPromptLabel(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expected_version`` is where the label points now, 0 for nowhere: a change meanwhile is then refused (409)."""

    version: int
    expected_version: int | None = None


class RenderPrompt(Struct, kw_only=True, forbid_unknown_fields=True):
    """``ref`` is a version's number, a label or ``latest``; ``file`` renders that text instead, unsaved."""

    variables: dict[str, Any] = {}
    ref: str = "latest"
    file: str | None = None


class RenderedPrompt(Struct, frozen=True, kw_only=True):
    """``used``: every included prompt by reference, with its version. ``version`` is 0 of what is not saved."""

    name: str
    version: int
    hash: str
    messages: list[dict[str, Any]]
    parameters: dict[str, Any]
    tools: list[dict[str, Any]]
    output_schema: dict[str, Any] | None
    used: dict[str, int]


class PreviewPrompt(Struct, kw_only=True, forbid_unknown_fields=True):
    """``file`` as it is being written, unsaved. ``model``: what to estimate the cost for; empty for tokens alone."""

    file: str
    variables: dict[str, Any] = {}
    model: str = ""


class PreviewVariable(Struct, frozen=True, kw_only=True):
    """``required``: it must be given. ``source`` is the included prompt that asks for it, empty for its own."""

    name: str
    variable: Variable
    required: bool
    source: str


class PreviewProblem(Struct, frozen=True, kw_only=True):
    """What is wrong with the file or the values. ``line`` counts from 1 in the file, null where it has none;
    ``variable`` names the value that is wrong."""

    message: str
    fix: str
    code: str
    line: int | None
    variable: str


class PromptPreview(Struct, frozen=True, kw_only=True):
    """As far as it goes: ``hash`` is null for a file that cannot be read, ``rendered`` and ``estimate`` for values that
    do not do; then ``problem`` says why."""

    hash: str | None
    variables: list[PreviewVariable]
    rendered: RenderedPrompt | None
    estimate: CallEstimate | None
    problem: PreviewProblem | None


class PromptSource(Struct, frozen=True, kw_only=True):
    name: str
    version: int
    hash: str
    content: Content


class PromptBundle(Struct, frozen=True, kw_only=True):
    """A version with everything it includes, by reference: enough to render it without the server."""

    prompt: PromptSource
    includes: dict[str, PromptSource]


class ConvertPrompt(Struct, kw_only=True, forbid_unknown_fields=True):
    format: Format
    text: str


class ConvertedPrompt(Struct, frozen=True, kw_only=True):
    """``file`` is the prompt in our form; ``notes`` say what could not be carried over as it was."""

    name: str
    file: str
    notes: list[str]
