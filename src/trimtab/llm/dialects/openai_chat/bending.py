"""A body bent to what one provider understands: `Quirks.renames`, ``unknown`` and ``tool_id_length``."""

import hashlib
import re
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._reading import encode
from trimtab.llm.types import Part, Request, ToolCall, ToolChoice, ToolResult

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_decode_messages = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_calls = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_decode_text = msgspec.json.Decoder(str).decode


class _Function(Struct, frozen=True):
    name: str = ""


class _Named(Struct, frozen=True):
    """A tool, or the choice of one."""

    function: _Function = _Function()


class _Format(Struct, frozen=True):
    type: str = ""


_decode_choice = _decode_tool = msgspec.json.Decoder(_Named).decode
_decode_tools = msgspec.json.Decoder(list[Raw]).decode
_decode_format = msgspec.json.Decoder(_Format).decode


ANY_OBJECT: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}


def with_the_named_tool(request: Request) -> Request:
    """For a provider of which no tool can be demanded by its name (`Quirks.named_choice`)."""
    choice = request.tool_choice
    if choice is None or choice.mode != "tool":
        return request
    offered = tuple(tool for tool in request.tools if tool.name == choice.name)
    return replace(request, tools=offered or request.tools, tool_choice=ToolChoice(mode="required"))


def name_no_tool(fields: dict[str, Any]) -> None:
    """The same in a client's own body, in place. Raises what the JSON decoder raises for what is none."""
    if "tools" not in fields or not bytes(fields["tool_choice"]).lstrip().startswith(b"{"):
        return
    choice = _decode_choice(fields["tool_choice"])
    if choice.function.name:
        named = [
            tool for tool in _decode_tools(fields["tools"]) if _decode_tool(tool).function.name == choice.function.name
        ]
        fields["tools"] = Raw(encode(named)) if named else fields["tools"]
        fields["tool_choice"] = Raw(b'"required"')


def want_any_object(fields: dict[str, Any]) -> None:
    """`Quirks.json_object`, in a client's own body. Raises as above."""
    if _decode_format(fields["response_format"]).type == "json_object":
        fields["response_format"] = Raw(encode(ANY_OBJECT))


def is_bent(quirks: Quirks) -> bool:
    return bool(quirks.renames or quirks.unknown or quirks.values or quirks.tool_id_length)


def bend(fields: dict[str, Any], quirks: Quirks) -> None:
    """Rename and leave out, in place. A field that the caller also gave under its new name keeps that one."""
    for name, other in quirks.renames.items():
        if name in fields:
            value = fields.pop(name)
            fields.setdefault(other, value)
    for name in quirks.unknown:
        fields.pop(name, None)
    for name, known in quirks.values.items():
        if name in fields and _plainly(fields[name]) not in [b'"%b"' % each.encode() for each in known]:
            del fields[name]


def short_id(told: str, length: int) -> str:
    """An id of just so many letters and digits; the same to the same, so that a call and its result stay together."""
    if len(told) == length and told.isascii() and told.isalnum():
        return told
    number = int.from_bytes(hashlib.sha256(told.encode("utf-8", "replace")).digest(), "big")
    out = ""
    while len(out) < length:
        number, rest = divmod(number, len(_LETTERS))
        out += _LETTERS[rest]
    return out


def with_short_ids(request: Request, length: int) -> Request:
    def shortened(part: Part) -> Part:
        match part:
            case ToolCall():
                return replace(part, id=short_id(part.id, length))
            case ToolResult():
                return replace(part, call_id=short_id(part.call_id, length))
            case _:
                return part

    messages = (replace(each, parts=tuple(map(shortened, each.parts))) for each in request.messages)
    return replace(request, messages=tuple(messages))


def shorten_ids(messages: Raw, length: int) -> Raw:
    """The same in a client's own messages. Raises what the JSON decoder raises where they are no messages."""
    if b'"tool_call' not in bytes(messages):
        return messages
    found = _decode_messages(messages)
    for message in found:
        _shorten(message, "tool_call_id", length)
        if "tool_calls" in message and bytes(message["tool_calls"]) != b"null":
            calls = _decode_calls(message["tool_calls"])
            for call in calls:
                _shorten(call, "id", length)
            message["tool_calls"] = Raw(encode(calls))
    return Raw(encode(found))


def without_developers(messages: Raw) -> Raw:
    """A client's own messages with ``system`` for the role that its provider does not know. Raises as above."""
    found = _decode_messages(messages)
    for message in found:
        if "role" in message and bytes(message["role"]).strip() == b'"developer"':
            message["role"] = Raw(b'"system"')
    return Raw(encode(found))


def with_thoughts(messages: Raw) -> Raw:
    """A client's own messages with ``reasoning_content``, if an empty one, in each of the assistant's, where one of
    them calls tools: most clients drop a field that OpenAI does not have. Raises as above."""
    found = _decode_messages(messages)
    spoken = [message for message in found if bytes(message.get("role", _NONE)).strip() == b'"assistant"']
    if not any(bytes(message.get("tool_calls", _NONE)).strip() not in (b"null", b"[]") for message in spoken):
        return messages
    for message in spoken:
        if bytes(message.get("reasoning_content", _NONE)).strip() == b"null":
            message["reasoning_content"] = Raw(b'""')
    return Raw(encode(found))


def with_thoughts_as(messages: Raw, field: str, *, details: bool) -> Raw:
    """A client's own messages whose thoughts its provider takes: as ``field``, or not at all (``""``). Clients hand
    back what another provider called them, and many a provider refuses a field that it does not know. Raises as above.
    """
    found = _decode_messages(messages)
    for message in found:
        given = [message.pop(name) for name in _THOUGHTS if name in message]
        thought = next((each for each in given if bytes(each).lstrip()[:1] == b'"'), None)
        if field and thought is not None:
            message[field] = thought
        if not details:
            message.pop("reasoning_details", None)
    return Raw(encode(found))


def without_members(messages: Raw, names: tuple[str, ...]) -> Raw:
    """A client's own messages without members that their provider refuses. Clients append answers to a conversation as
    they got them, with ``refusal`` and ``annotations``. The words of a refusal become the content; sound and the form
    of calls before tools stay where there is any, for the provider to refuse. Raises as above."""
    found = _decode_messages(messages)
    for message in found:
        for name in names:
            value = bytes(message.get(name, _NONE)).strip()
            if name not in message or (name in _WEIGHTY and value != b"null"):
                continue
            if name == "name" and bytes(message.get("role", _NONE)).strip() == b'"tool"':
                continue
            del message[name]
            if name == "refusal" and value != b"null" and bytes(message.get("content", _NONE)).strip() == b"null":
                message["content"] = Raw(value)
    return Raw(encode(found))


def in_strict_turns(messages: Raw) -> Raw:
    """A client's own messages as a provider with `Quirks.strict_turns` takes them. Raises as above."""
    found = _decode_messages(messages)
    roles = [_role(message) for message in found]
    if found and _ends_it(found[-1]):
        return Raw(encode(strict_turns(found)))
    empty = any(role == "assistant" and _is_empty(each) for role, each in zip(roles, found, strict=True))
    if not empty and all(after in _MAY_FOLLOW.get(before, (after,)) for before, after in pairwise(roles)):
        return messages
    return Raw(encode(strict_turns(found)))


def strict_turns(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A word of the assistant's comes between a tool's result and the user's, system messages after an answer move up
    to the others, an answer that says nothing and calls nothing is left out, and one that ends the conversation, and is
    not marked as begun, is followed by a wish to go on."""
    above: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for message in messages:
        role, before = _role(message), _role(found[-1]) if found else "system"
        if role == "system" and before in ("assistant", "tool"):
            above.append(message)
        elif role != "assistant" or not _is_empty(message):
            if role == "user" and before == "tool":
                found.append({"role": "assistant", "content": READ})
            found.append(message)
    last = found[-1] if found else {}
    if _ends_it(last):
        found.append({"role": "user", "content": GO_ON})
    first = next((at for at, each in enumerate(found) if _role(each) != "system"), len(found))
    return [*found[:first], *above, *found[first:]]


def _ends_it(message: dict[str, Any]) -> bool:
    begun = "prefix" in message or _plainly(message.get("tool_calls")) not in (b"null", b"[]")
    return _role(message) == "assistant" and not begun


def _role(message: dict[str, Any]) -> str:
    told = message.get("role")
    return _decode_text(told) if isinstance(told, Raw) else str(told)


def _is_empty(message: dict[str, Any]) -> bool:
    """No words and no calls: clients keep such an answer of a call that was cut off."""
    return all(_plainly(message.get(name)) in (b"", b"null", b'""', b"[]") for name in ("content", "tool_calls"))


def _plainly(value: Any) -> bytes:
    return bytes(value).strip() if isinstance(value, Raw) else encode(value)


def nearest_effort(effort: str | None, model: str, efforts: tuple[tuple[str, tuple[str, ...]], ...]) -> str | None:
    """The effort that a model has (`Quirks.efforts`) which is nearest to that one, the higher of two."""
    known = next((each for pattern, each in efforts if re.search(pattern, model)), ())
    if effort is None or effort in known or not known:
        return effort if effort in known else None
    if DEFAULT in known:
        return DEFAULT
    at = _EFFORTS.index(effort) if effort in _EFFORTS else _EFFORTS.index("medium")
    return min(reversed(known), key=lambda each: abs(_EFFORTS.index(each) - at))


def holds_any(body: bytes, names: tuple[str, ...]) -> bool:
    """Whether a client's body may hold members of these names."""
    return any(b'"%b"' % name.encode() in body for name in names)


def holds_thoughts(body: bytes) -> bool:
    """Whether a client's body may hold thoughts of a model. A hit within somebody's words costs a needless reading."""
    return b'"reasoning' in body and any(name in body for name in _NAMED)


_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
DEFAULT = "default"
GO_ON = "Go on."
READ = "I have read the results."
_MAY_FOLLOW: dict[str, tuple[str, ...]] = {"assistant": ("assistant", "user", "tool"), "tool": ("assistant", "tool")}
"""https://github.com/mistralai/mistral-common (``protocol/instruct/validator.py``)"""
_WEIGHTY = ("audio", "function_call")
_THOUGHTS = ("reasoning_content", "reasoning")
_NAMED = (b'"reasoning_content"', b'"reasoning"', b'"reasoning_details"')
_NONE = Raw(b"null")


def _shorten(fields: dict[str, Raw], name: str, length: int) -> None:
    if name in fields and bytes(fields[name]) != b"null":
        fields[name] = Raw(encode(short_id(_decode_text(fields[name]), length)))
