"""What the importers share."""

import json
import re
from collections.abc import Iterable
from typing import Any, cast

from msgspec import Struct

from trimtab.prompts.canonical import normal
from trimtab.prompts.file import MAX_FRONT, load_yaml
from trimtab.prompts.types import MAX_TEXT, ROLES, VARIABLE, Content, Message, PromptError, PromptFile, Role, Variable


class Converted(Struct, frozen=True, kw_only=True):
    """``notes`` say what was changed or could not be carried over."""

    prompt: PromptFile
    notes: tuple[str, ...] = ()


def made(name: str, content: Content, notes: Iterable[str] = ()) -> Converted:
    return Converted(prompt=PromptFile(name=slug(name), content=normal(content)), notes=tuple(dict.fromkeys(notes)))


def slug(name: str) -> str:
    """A name of ours from another's: ``Support Agent/v2`` is ``support-agent-v2``."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.strip().lower()).strip("-._")[:64] or "prompt"


def identifier(name: str) -> str:
    """A variable's name from another's: ``user-name`` is ``user_name``."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", name.strip()).lstrip("_0123456789")[:64]
    if not re.fullmatch(VARIABLE, found):
        raise PromptError(f"{name[:80]!r} cannot be the name of a variable.", fix="Rename it where it comes from.")
    return found


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Front matter and body of a file that begins with ``---``."""
    if len(text) > MAX_TEXT + MAX_FRONT:
        raise PromptError("The file is too large.", fix="Split it.")
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if not lines or lines[0].rstrip() != "---":
        return {}, text
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            value, _ = load_yaml("\n".join(lines[1:number]))
            if not isinstance(value, dict):
                raise PromptError("The front matter is no list of 'field: value'.")
            _check_keys(cast("dict[Any, Any]", value))
            return cast("dict[str, Any]", value), "\n".join(lines[number + 1 :])
    raise PromptError("The front matter has no end.", fix="Close it with '---'.", line=1)


def _check_keys(value: object) -> None:
    """YAML has objects under numbers, booleans and null as well; JSON, and everything behind here, has not."""
    waiting: list[object] = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += cast("list[object]", found)
        elif isinstance(found, dict):
            inner = cast("dict[object, object]", found)
            for key in inner:
                if not isinstance(key, str):
                    raise PromptError(f"{str(key)[:40]!r} is a key that is no text.", fix="Put it in quotes.")
            waiting += inner.values()


def json_of(text: str) -> Any:
    if len(text) > MAX_TEXT + MAX_FRONT:
        raise PromptError("The file is too large.", fix="Split it.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PromptError(f"This is not JSON: {str(error)[:200]}.", fix="Give what the API answers.") from error


def role_of(said: object, notes: list[str]) -> Role:
    if said in ROLES:
        return said
    known: dict[object, Role] = {"human": "user", "ai": "assistant", "model": "assistant"}
    if said in known:
        return known[said]
    notes.append(f"The role {str(said)[:40]!r} is not one of ours; its message became the user's.")
    return "user"


def variables_of(messages: Iterable[Message], known: dict[str, Variable]) -> dict[str, Variable]:
    """``known`` and every name that the templates read beside it, as required text."""
    from trimtab.prompts.check import parsed

    found = dict(known)
    for number, message in enumerate(messages, 1):
        if message.messages:
            found.setdefault(message.messages, Variable(type="messages", default=[]))
            continue
        for name in sorted(parsed(message.text, f"message {number} ({message.role})")[1]):
            found.setdefault(name, Variable())
    return found


def literal(text: str, *, before_tag: bool = False) -> str:
    """A text that means itself in a template, where it holds what Jinja2 would read. ``before_tag``: a tag follows."""
    return re.sub(r"\{(?=[{%#]|\Z)" if before_tag else r"\{(?=[{%#])", "{{ '{' }}", text)


def type_of(value: object) -> str:
    """The type of a sample, for variables that are declared by one."""
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "string"
