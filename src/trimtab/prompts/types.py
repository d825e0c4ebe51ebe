"""What a prompt is. `Content` is the part that has versions and a hash; name, folder, labels and archive belong to the
prompt and may change without a new version."""

import re
from typing import Any, Final, Literal, cast

from msgspec import UNSET, Struct, UnsetType

from trimtab.core.errors import InvalidRequest

Role = Literal["system", "developer", "user", "assistant"]
ROLES: Final = ("system", "developer", "user", "assistant")
VariableType = Literal["string", "integer", "number", "boolean", "array", "object", "messages"]

SUFFIX: Final = ".prompt.md"
"""Of a prompt's file; before it stands the prompt's name."""
MAX_TEXT: Final = 256 * 1024
"""Characters of all message templates of one prompt together."""
MAX_FIELDS: Final = 512 * 1024
"""Bytes of everything else of one version, as JSON."""
MAX_MESSAGES: Final = 100
MAX_VARIABLES: Final = 200
NAME: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
FOLDER: Final = r"(?:[a-z0-9][a-z0-9._-]{0,63}(?:/[a-z0-9][a-z0-9._-]{0,63}){0,7})?"
LABEL: Final = r"[a-z][a-z0-9._-]{0,63}"
VARIABLE: Final = r"[a-zA-Z][a-zA-Z0-9_]{0,63}"
LATEST: Final = "latest"
"""The reference to the newest version; no label may have this name."""
POLICY: Final = "policy"
"""The name by which a template reads the policy; no variable may have it."""


class PromptError(InvalidRequest):
    """A prompt, or what it was given, is wrong. ``line`` counts from 1 in ``where`` (a message, or a file)."""

    code = "prompt_invalid"

    def __init__(
        self,
        message: str,
        *,
        fix: str = "",
        where: str = "",
        line: int | None = None,
        variable: str = "",
        code: str | None = None,
    ) -> None:
        place = ", ".join(part for part in (where, f"line {line}" if line else "") if part)
        super().__init__(f"{place}: {message}" if place else message, fix=fix, param=variable or None, code=code)
        self.bare = message
        self.where = where
        self.line = line
        self.variable = variable


class Variable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One declared input. Without a ``default`` it must be given. ``enum``: the only values allowed, if any."""

    type: VariableType = "string"
    description: str = ""
    default: Any = UNSET
    enum: tuple[Any, ...] = ()
    examples: tuple[Any, ...] = ()

    @property
    def required(self) -> bool:
        return self.default is UNSET


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template with a role, or (``messages`` set) the place where the messages of that variable go."""

    role: Role = "user"
    text: str = ""
    messages: str = ""

    @property
    def title(self) -> str:
        return f"messages {self.messages}" if self.messages else self.role


class Content(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a prompt, normal form (`canonical.normal`). ``parameters`` are of the model call (temperature,
    max_tokens, ...); ``tools`` and ``output_schema`` are JSON as providers take it; ``policy`` are business rules as
    data, which templates read as ``policy``; ``metadata`` is for programs and decides nothing."""

    description: str = ""
    variables: dict[str, Variable] = {}
    messages: tuple[Message, ...] = ()
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | UnsetType = UNSET
    policy: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


class PromptFile(Struct, frozen=True, kw_only=True):
    """A prompt as a file says it. ``folder`` is None where the file does not say; ``starts``: by message, the line of
    the file that its text begins on, for errors."""

    name: str
    content: Content
    folder: str | None = None
    starts: tuple[int, ...] = ()


class Reference(Struct, frozen=True):
    """``support``, ``support@3`` or ``support@production``: a prompt, and a version's number, a label or `LATEST`."""

    name: str
    ref: str = LATEST

    def __str__(self) -> str:
        return self.name if self.ref == LATEST else f"{self.name}@{self.ref}"


class Source(Struct, frozen=True, kw_only=True):
    """One version of a prompt. ``version`` is 0 for one that is not stored."""

    name: str
    version: int
    hash: str
    content: Content


class Bundle(Struct, frozen=True, kw_only=True):
    """A prompt and all that it includes, by the references in its templates: enough to render it anywhere."""

    prompt: Source
    includes: dict[str, Source] = {}


_REFERENCE: Final = re.compile(rf"({NAME})(?:@([1-9][0-9]{{0,8}}|{LABEL}))?")


def reference(text: str) -> Reference:
    """``name``, ``name@3`` or ``name@label``. Raises `PromptError`."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise PromptError(f"{text[:80]!r} names no prompt.", fix="Write 'name', 'name@3' or 'name@label'.")
    return Reference(found[1], found[2] or LATEST)


def kind_of(value: object) -> str:
    """A JSON value's type, in the words of `VariableType`."""
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def check_type(name: str, value: object, wanted: VariableType) -> None:
    """Raises `PromptError` where ``value`` (JSON) is not of the type."""
    found = kind_of(value)
    if wanted == "messages":
        _check_messages(name, value)
    elif found != wanted and not (wanted == "number" and found == "integer"):
        raise PromptError(
            f"The variable {name!r} is of type {wanted}; what was given is of type {found}.",
            fix=f"Give a JSON {wanted}.",
            variable=name,
            code="prompt_variable",
        )


def _check_messages(name: str, value: object) -> None:
    fine = isinstance(value, list)
    for each in cast("list[object]", value) if fine else ():
        message = cast("dict[str, object]", each) if isinstance(each, dict) else {}
        fine = fine and isinstance(message.get("role"), str) and "content" in message
    if not fine:
        raise PromptError(
            f"The variable {name!r} is a list of messages.",
            fix='Give [{"role": "user", "content": "..."}, ...].',
            variable=name,
            code="prompt_variable",
        )
