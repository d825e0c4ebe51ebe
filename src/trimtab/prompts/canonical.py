"""The normal form of a prompt's content, and its hash: the same whether it came from a file, a form or another server.

Normal form: line ends are LF, a message has no blank line at either end, fields that say nothing are left out, numbers
that are whole are whole (1.0 is 1, as JSON of other languages does not tell them apart). The order of variables and of
parameters does not count; within tools, schema and policy it does, since models and templates see it. The hash is
SHA-256 over `MARK` and the normal form as JSON (`fields`): UTF-8, no spaces.
"""

import hashlib
import json
import math
import re
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, structs

from trimtab.prompts.types import (
    FOLDER,
    LABEL,
    LATEST,
    MAX_FIELDS,
    MAX_MESSAGES,
    MAX_TEXT,
    MAX_VARIABLES,
    NAME,
    POLICY,
    VARIABLE,
    Content,
    Message,
    PromptError,
    Variable,
    check_type,
)

MARK: Final = b"trimtab-prompt-1\n"
MAX_DEPTH: Final = 40
"""Levels of lists and objects within each other, in any value."""
_RESERVED: Final = frozenset(
    ("loop", "range", "dict", "namespace", "self", "caller", "true", "false", "none", "varargs", "kwargs", POLICY)
)
_KEYWORDS: Final = frozenset(("and", "or", "not", "if", "else", "in", "is", "for", "recursive", "context"))
_SURROGATE = re.compile("[\ud800-\udfff\0]")


def normal(content: Content) -> Content:
    """The normal form. Raises `PromptError` for what cannot be a prompt; templates are `check.check`'s to judge."""
    if not content.messages:
        raise PromptError("A prompt has at least one message.", fix="Write '@system' or '@user' and a text below it.")
    if len(content.messages) > MAX_MESSAGES or len(content.variables) > MAX_VARIABLES:
        raise PromptError(f"A prompt has at most {MAX_MESSAGES} messages and {MAX_VARIABLES} variables.")
    made = Content(
        description=text_of(content.description).strip(),
        variables={name: _variable(name, content.variables[name]) for name in sorted(content.variables)},
        messages=tuple(_message(number, message, content) for number, message in enumerate(content.messages, 1)),
        parameters={name: plain(content.parameters[name], name) for name in sorted(content.parameters)},
        tools=tuple(plain(tool, "tools") for tool in content.tools),
        output_schema=UNSET if content.output_schema is UNSET else plain(content.output_schema, "output_schema"),
        policy=plain(content.policy, "policy"),
        metadata=plain(content.metadata, "metadata"),
    )
    for key in made.parameters:
        text_of(key)
    if sum(len(message.text) for message in made.messages) > MAX_TEXT:
        raise PromptError(f"The messages of a prompt have at most {MAX_TEXT:,} characters together.")
    if len(canonical(structs.replace(made, messages=()))) > MAX_FIELDS:
        raise PromptError(f"Variables, tools, schema and policy have at most {MAX_FIELDS:,} bytes together.")
    return made


def canonical(content: Content) -> bytes:
    """JSON of a normal form; `decode` reads it."""
    return json.dumps(fields(content), ensure_ascii=False, separators=(",", ":")).encode()


def fields(content: Content) -> dict[str, Any]:
    """A normal form as plain JSON, in the order of the fields, without those that say nothing; a role and a type always
    stand. Spelled out, since this is what hashes are made of: no library's idea of a default may change it."""
    found: dict[str, Any] = {"description": content.description}
    found["variables"] = {name: variable_fields(each) for name, each in content.variables.items()}
    found["messages"] = [
        {"messages": each.messages} if each.messages else {"role": each.role, "text": each.text}
        for each in content.messages
    ]
    found["parameters"] = content.parameters
    found["tools"] = list(content.tools)
    kept = {name: value for name, value in found.items() if value}
    if content.output_schema is not UNSET:
        kept["output_schema"] = content.output_schema
    rest = {"policy": content.policy, "metadata": content.metadata}
    return kept | {name: value for name, value in rest.items() if value}


def variable_fields(variable: Variable) -> dict[str, Any]:
    found: dict[str, Any] = {"type": variable.type}
    if variable.description:
        found["description"] = variable.description
    if variable.default is not UNSET:
        found["default"] = variable.default
    if variable.enum:
        found["enum"] = list(variable.enum)
    if variable.examples:
        found["examples"] = list(variable.examples)
    return found


def content_hash(content: Content) -> str:
    """``sha256:`` and 64 hex digits, of a normal form."""
    return f"sha256:{hashlib.sha256(MARK + canonical(content)).hexdigest()}"


def decode(stored: bytes | str) -> Content:
    return msgspec.json.decode(stored, type=Content)


def text_of(text: str) -> str:
    """With LF as line end. Raises `PromptError` for characters that no encoding can hold."""
    if found := _SURROGATE.search(text):
        raise PromptError(
            f"A text holds the character U+{ord(found[0]):04X}, which cannot be stored.", fix="Take it out."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def plain(value: Any, what: str, depth: int = 0) -> Any:
    """A JSON value in normal form, newly made. Raises `PromptError` naming ``what`` for anything else."""
    if depth > MAX_DEPTH:
        raise PromptError(f"{what!r} is nested deeper than {MAX_DEPTH} levels.", fix="Make it flatter.", variable=what)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text_of(str(value))
    if isinstance(value, int | float):
        return _number(value, what)
    if isinstance(value, list | tuple):
        return [plain(each, what, depth + 1) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        found = cast("dict[object, object]", value)
        if all(isinstance(key, str) for key in found):
            return {text_of(str(key)): plain(each, what, depth + 1) for key, each in found.items()}
        raise PromptError(f"{what!r} has a key that is no text.", fix="Put it in quotes.", variable=what)
    raise PromptError(
        f"{what!r} holds a {type(value).__name__}; only text, numbers, booleans, null, lists and objects are possible.",
        fix="Give it as text.",
        variable=what,
    )


def _number(value: float, what: str) -> int | float:
    if not math.isfinite(value):
        raise PromptError(f"{what!r} holds {value}, which JSON has no number for.", fix="Use null.", variable=what)
    if isinstance(value, int):
        if abs(value) < 1 << 63:
            return int(value)
        raise PromptError(f"{what!r} holds a whole number over 64 bits.", fix="Give it as text.", variable=what)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else float(value)


def _variable(name: str, variable: Variable) -> Variable:
    if not re.fullmatch(VARIABLE, name) or name.lower() in _RESERVED or name in _KEYWORDS:
        raise PromptError(
            f"{name[:80]!r} cannot be the name of a variable.",
            fix="Use letters, digits and '_', beginning with a letter, and no word of the template language.",
            variable=name[:80],
        )
    default: Any = UNSET
    if variable.default is not UNSET:
        default = plain(variable.default, name)
        if default is not None:
            check_type(name, default, variable.type)
    allowed = tuple(plain(each, name) for each in variable.enum)
    examples = tuple(plain(each, name) for each in variable.examples)
    for each in (*allowed, *examples):
        check_type(name, each, variable.type)
    if allowed and any(not one_of(each, allowed) for each in ([default] if default not in (UNSET, None) else [])):
        raise PromptError(f"The default of {name!r} is not among its values.", fix="Add it to 'enum'.", variable=name)
    return Variable(
        type=variable.type,
        description=text_of(variable.description).strip(),
        default=default,
        enum=allowed,
        examples=examples,
    )


def one_of(value: object, allowed: tuple[Any, ...]) -> bool:
    """JSON's equality: True is not 1."""
    return any(isinstance(value, bool) == isinstance(each, bool) and value == each for each in allowed)


def _message(number: int, message: Message, content: Content) -> Message:
    if message.messages:
        if message.text:
            raise PromptError("A message is either a text or the place of other messages.", where=f"message {number}")
        found = content.variables.get(message.messages)
        if found is None or found.type != "messages":
            raise PromptError(
                f"'@messages {message.messages}' needs a variable {message.messages!r} of type messages.",
                fix=f"Declare it: variables: {{{message.messages}: {{type: messages}}}}.",
                where=f"message {number}",
                variable=message.messages,
            )
        return Message(messages=message.messages)
    text = text_of(message.text).strip("\n")
    if not text.strip():
        raise PromptError("has no text.", fix="Write one, or take it out.", where=f"message {number} ({message.role})")
    return Message(role=message.role, text=text)


def check_name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise PromptError(
            f"{name[:80]!r} cannot be the name of a prompt.",
            fix="Use up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
        )
    return name


def check_folder(folder: str) -> str:
    if not re.fullmatch(FOLDER, folder):
        raise PromptError(
            f"{folder[:80]!r} cannot be a folder.", fix="Use names as of prompts, with '/' between, 8 levels at most."
        )
    return folder


def check_label(label: str) -> str:
    if not re.fullmatch(LABEL, label) or label == LATEST:
        raise PromptError(
            f"{label[:80]!r} cannot be a label.",
            fix=f"Use up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter; {LATEST!r} is taken.",
        )
    return label
