"""Messages as canonical parts, from any shape that emitters write them in.

One reader for all, because emitters mix them: OpenTelemetry GenAI (``role`` and ``parts``), OpenAI's chat and responses
items, Anthropic's blocks, Gemini's contents, Vercel's model messages, LangChain's (serialised or not) and pydantic-ai's
events, Haystack's and LlamaIndex's blocks. What no shape fits is kept as text, so that nothing that was said is lost.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import msgspec

from trimtab.llm.types import Image, Message, Opaque, Part, Reasoning, Refusal, Role, Text, Tool, ToolCall, ToolResult
from trimtab.telemetry.conventions._plain_messages import PlainMessage, plain_list
from trimtab.telemetry.conventions._values import is_list, is_object, label, parsed, text_of_value

MESSAGES: Final = 10_000
"""Messages of one span that are read; the rest stays in the raw attributes."""
_DEEP: Final = 6
"""How many lists and results inside each other are followed."""

Object = dict[str, Any]

_ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "developer", "user": "user", "assistant": "assistant", "tool": "tool",
    "human": "user", "ai": "assistant", "model": "assistant", "function": "tool", "bot": "assistant",
    "humanmessage": "user", "aimessage": "assistant", "systemmessage": "system", "toolmessage": "tool",
    "functionmessage": "tool", "humanmessagechunk": "user", "aimessagechunk": "assistant", "chat": "user",
    "tool-return": "tool", "toolresult": "tool", "gen_ai.system.message": "system", "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant", "gen_ai.tool.message": "tool", "gen_ai.choice": "assistant",
}  # fmt: skip


def _plain_messages(value: Any) -> tuple[PlainMessage, ...] | None:
    """The short way for what most of OpenTelemetry's are: JSON that holds texts and nothing else."""
    if type(value) is not str or '"parts"' not in value[:48]:
        return None
    try:
        return plain_list(value)[:MESSAGES]
    except (msgspec.DecodeError, UnicodeError):
        return None


def _from_plain(found: tuple[PlainMessage, ...]) -> tuple[Message, ...]:
    return tuple([Message(each.role, tuple([Text(p.content) for p in each.parts if p.content])) for each in found])


def answer_of(value: Any) -> tuple[tuple[Message, ...], Any]:
    """OpenTelemetry's output messages, and why the last of them ended, if it says so."""
    plain = _plain_messages(value)
    if plain:
        return _from_plain(plain), plain[-1].finish_reason
    value = parsed(value)
    last = value[-1] if is_list(value) and value else None
    return messages_of(value, "assistant"), last.get("finish_reason") if is_object(last) else None


def messages_of(value: Any, role: Role = "user") -> tuple[Message, ...]:
    """The messages that a value holds: a list, one message, an object with a list in ``messages``, or a text, which
    then is one of ``role``. Empty where it holds none."""
    plain = _plain_messages(value)
    if plain is not None:
        return _from_plain(plain)
    value = parsed(value)
    if type(value) is str:
        return (Message(role, (Text(value),)),) if value else ()
    if type(value) is dict:
        return _from_object(cast("Object", value), role)
    if type(value) is not list:
        return ()
    found: list[Message] = []
    for each in cast("list[Any]", value)[:MESSAGES]:
        each = parsed(each)
        if type(each) is dict:
            message = message_of(cast("Object", each), role)
            if message is not None:
                found.append(message)
        elif type(each) is list:  # LangChain: a list of conversations
            found += messages_of(each, role)[: MESSAGES - len(found)]
        elif type(each) is str and each:
            found.append(Message(role, (Text(each),)))
    return tuple(found)


def looks_like_messages(value: Any) -> bool:
    """Whether an untyped value is a conversation: an object or list whose first message has a role or a shape of its
    own."""
    value = parsed(value)
    if is_object(value):
        for name in _LISTS:
            if type(value.get(name)) is list:
                return looks_like_messages(value[name])
        if is_object(value.get("message")):  # LlamaIndex's answer
            return looks_like_messages(value["message"])
        return "role" in value and any(name in value for name in ("content", "parts", "blocks"))
    if is_list(value) and value:
        head = value[0]
        if type(head) is list:
            return looks_like_messages(head)
        if is_object(head):
            kind = head.get("type")
            known = "role" in head or (type(kind) is str and kind in _ROLES and ("content" in head or "data" in head))
            return known or ("lc" in head and "kwargs" in head)
    return False


_LISTS: Final = ("messages", "contents", "input", "prompt")


def _from_object(value: Object, role: Role) -> tuple[Message, ...]:
    for name in _LISTS:
        inner = value.get(name)
        if type(inner) is list or (type(inner) is str and inner and name in ("prompt", "input")):
            system = value.get("system") or value.get("instructions")
            return with_system(messages_of(inner, role), system)
    message = message_of(value, role)
    return (message,) if message is not None else ()


def with_system(messages: tuple[Message, ...], system: Any) -> tuple[Message, ...]:
    """The messages with their instructions in front, unless they stand there."""
    parts = parts_of(parsed(system))
    if not parts or (messages and messages[0].role == "system" and messages[0].parts == parts):
        return messages
    return (Message("system", parts), *messages)


def message_of(value: Object, role: Role = "user") -> Message | None:
    """One message; None where the object says nothing."""
    plain = _plain(value)
    if plain is not None:
        return plain
    if "lc" in value and type(value.get("kwargs")) is dict:
        return _langchain(value, role)
    inner = value.get("data")
    if is_object(inner) and "content" in inner and "role" not in value:  # LangChain's messages_to_dict
        return message_of({"type": value.get("type"), **inner}, role)
    inner = value.get("message")
    if type(inner) is dict and "role" not in value:  # OpenAI's choice, gen_ai.choice
        return message_of(cast("Object", inner), "assistant")
    kind = value.get("type")
    if type(kind) is str and kind in _PARTS and "content" not in value and "role" not in value:
        found = part_of(value)  # OpenAI's responses: an item that is no message
        spoke: Role = "tool" if type(found) is ToolResult else "assistant"
        return Message(spoke, (found,)) if found is not None else None
    who = _role(value, role)
    parts = _parts_of_message(value, who)
    name = value.get("name")
    if not parts and "content" not in value and "parts" not in value:
        return None
    if who == "user" and parts and all(type(part) is ToolResult for part in parts):
        who = "tool"  # Anthropic's way, and pydantic-ai's up to version 5
    return Message(who, parts, name if type(name) is str and name and who != "tool" else None)


_PLAIN: Final = frozenset({"role", "content", "parts", "finish_reason"})


def _plain(value: Object) -> Message | None:
    """The short way for what nearly every message is: a role that we know, and one text."""
    role = value.get("role")
    who = _ROLES.get(role) if type(role) is str else None
    if who is None or who == "tool" or not value.keys() <= _PLAIN:
        return None
    content = value.get("content")
    parts = value.get("parts")
    if parts is None:
        return Message(who, (Text(content),)) if type(content) is str and content else None
    if content is None and is_list(parts) and len(parts) == 1:
        part = parts[0]
        if is_object(part) and part.get("type") == "text":
            text = part.get("content")
            if type(text) is str and text:
                return Message(who, (Text(text),))
    return None


def _role(value: Object, otherwise: Role) -> Role:
    for name in ("role", "type", "event.name"):
        said = value.get(name)
        if type(said) is str:
            known = _ROLES.get(said) or _ROLES.get(said.lower())
            if known is not None:
                return known
    return otherwise


def _langchain(value: Object, role: Role) -> Message | None:
    inner = cast("Object", value["kwargs"])
    path = value.get("id")
    if is_list(path) and path and type(path[-1]) is str:
        inner = {"type": path[-1], **inner}
    return message_of({name: each for name, each in inner.items() if name not in ("lc",)}, role)


def _parts_of_message(value: Object, role: Role) -> tuple[Part, ...]:
    content = value.get("parts")
    if content is None:
        content = value.get("content")
    if content is None:
        content = value.get("blocks")  # LlamaIndex
    parts = parts_of(content) if type(content) is not str else ((Text(content),) if content else ())
    if role == "tool":
        call = first_label(value, ("tool_call_id", "toolCallId", "call_id", "id"))
        more = value.get("additional_kwargs")
        if type(more) is dict and not call:  # LlamaIndex
            call = label(cast("Object", more).get("tool_call_id"))
        if call and not any(type(part) is ToolResult for part in parts):
            parts = (ToolResult(call, parts, value.get("status") == "error"),)
    before: list[Part] = []
    thought = value.get("reasoning_content") or value.get("reasoning")
    if type(thought) is str and thought:
        before.append(Reasoning(text=thought))
    after: list[Part] = []
    refusal = value.get("refusal")
    if type(refusal) is str and refusal:
        after.append(Refusal(refusal))
    calls = value.get("tool_calls") or value.get("toolCalls")
    more = value.get("additional_kwargs")
    if type(more) is dict and not calls:  # LlamaIndex
        calls = cast("Object", more).get("tool_calls")
    if calls and not any(type(part) is ToolCall for part in parts):
        after += tool_calls_of(calls)
    function = value.get("function_call")
    if type(function) is dict and function:
        after += tool_calls_of([function])
    return (*before, *parts, *after) if before or after else parts


def first_label(value: Object, names: Iterable[str]) -> str:
    for name in names:
        found = value.get(name)
        if found is not None and found != "":
            return label(found)
    return ""


def tool_calls_of(value: Any) -> list[Part]:
    """Calls in OpenAI's, LangChain's or Vercel's list."""
    value = parsed(value)
    listed = value[:MESSAGES] if is_list(value) else []
    return [_tool_call(each) for each in listed if is_object(each)]


def _tool_call(value: Object) -> Part:
    function = value.get("function")
    inner = function if is_object(function) else value
    return ToolCall(
        first_label(value, ("call_id", "id", "toolCallId", "tool_call_id", "tool_use_id", "ref")),
        first_label(inner, ("name", "toolName", "tool_name")) or (function if type(function) is str else ""),
        _arguments(inner),
    )


def _arguments(value: Object) -> str:
    for name in ("arguments", "args", "input", "parameters", "tool_kwargs"):
        found = value.get(name)
        if found is not None:
            return text_of_value(found)
    return ""


# --- parts ---------------------------------------------------------------------------------------------------------


def parts_of(value: Any, deep: int = 0) -> tuple[Part, ...]:
    """The parts that content holds: a text, a part, or a list of both."""
    if type(value) is str:
        return (Text(value),) if value else ()
    if type(value) is dict:
        found = part_of(cast("Object", value), deep)
        return (found,) if found is not None else ()
    if type(value) is not list:
        return () if value is None else (Text(text_of_value(value)),)
    parts: list[Part] = []
    for each in cast("list[Any]", value)[:MESSAGES]:
        if type(each) is dict:
            found = part_of(cast("Object", each), deep)
            if found is not None:
                parts.append(found)
        elif type(each) is str:
            parts.append(Text(each))
        elif each is not None:
            parts.append(Text(text_of_value(each)))
    return tuple(parts)


def part_of(value: Object, deep: int = 0) -> Part | None:
    """One part, by its ``type`` or, where it has none, by what it holds (Gemini, Bedrock)."""
    kind = value.get("type") or value.get("kind") or value.get("part_kind") or value.get("block_type")
    read = _PARTS.get(kind) if type(kind) is str else None
    if read is None:
        read = next((_UNTYPED[name] for name in _UNTYPED if name in value), None)
    if read is not None and deep < _DEEP:
        return read(value, deep)
    return opaque(value)


def opaque(value: Object) -> Part:
    """A part that only its emitter understands, as its JSON."""
    try:
        return Opaque("trimtab", msgspec.Raw(msgspec.json.encode(value)))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return Text(str(value)[:1000])


def _text(value: Object, _deep: int) -> Part | None:
    for name in ("text", "content", "output_text", "summary_text"):
        found = value.get(name)
        if type(found) is str:
            if value.get("thought") is True:  # Gemini
                return Reasoning(text=found)
            return Text(found) if found else None
    return opaque(value) if value.get("content") else None


def _refusal(value: Object, _deep: int) -> Part | None:
    found = value.get("refusal") or value.get("text") or value.get("content")
    return Refusal(found) if type(found) is str and found else None


def _reasoning(value: Object, deep: int) -> Part | None:
    signature = value.get("signature")
    for name in ("thinking", "reasoning", "text", "content", "reasoningText"):
        found = value.get(name)
        if type(found) is dict:
            held = cast("Object", found)
            found = held.get("text") or held.get("reasoning_text")  # Haystack
        if type(found) is str:
            return Reasoning(text=found, signature=signature if type(signature) is str else None)
    data = value.get("data")
    if type(data) is str:
        return Reasoning(redacted=data)
    summary = parts_of(value.get("summary"), deep + 1)
    return Reasoning(text="\n".join(part.text for part in summary if type(part) is Text))


_CALLS: Final = ("functionCall", "function_call", "toolUse", "toolRequest", "tool_call")
_RESULTS: Final = ("functionResponse", "function_response", "toolResult", "toolResponse", "tool_call_result")


def _call(value: Object, _deep: int) -> Part | None:
    inner = next((value[name] for name in _CALLS if value.get(name)), None)
    if type(inner) is not dict:
        return _tool_call(value)
    call = cast("Object", inner)
    return _tool_call({"id": call.get("toolUseId"), **call})


def _result(value: Object, deep: int) -> Part | None:
    inner = next((value[name] for name in _RESULTS if value.get(name)), None)
    if type(inner) is dict:
        value = cast("Object", inner)
    call = first_label(value, ("tool_use_id", "toolUseId", "tool_call_id", "toolCallId", "call_id", "id", "ref"))
    origin = value.get("origin")
    if type(origin) is dict and not call:  # Haystack
        call = label(cast("Object", origin).get("id"))
    said: Any = None
    for name in ("response", "result", "output", "content"):
        if value.get(name) is not None:
            said = value[name]
            break
    failed = bool(value.get("is_error") or value.get("isError") or value.get("status") == "error")
    failed = failed or value.get("error") is True
    return ToolResult(call, _said(said, deep + 1), failed)


def _said(value: Any, deep: int) -> tuple[Part, ...]:
    """What a tool answered: parts where they are such, else the value as text."""
    if is_object(value):
        kind = value.get("type")
        if kind in ("text", "json", "error-text", "error-json", "content") and "value" in value:  # Vercel's outputs
            return _said(value["value"], deep + 1) if deep < _DEEP else (Text(text_of_value(value["value"])),)
        if kind not in _PARTS:
            return (Text(text_of_value(value)),)
    if is_list(value) and not all(is_object(each) and (each.get("type") in _PARTS or _block(each)) for each in value):
        return (Text(text_of_value(value)),)
    return parts_of(value, deep)


def _block(value: Object) -> bool:
    """Whether it is a text as Bedrock writes one: nothing but the text."""
    return len(value) == 1 and type(value.get("text")) is str


def _image(value: Object, _deep: int) -> Part | None:
    found = value.get("image_url") or value.get("image") or value.get("url") or value.get("uri")
    detail = value.get("detail")
    if type(found) is dict:
        holder = cast("Object", found)
        detail = holder.get("detail") or detail
        found = holder.get("url") or holder.get("image.url")
        if type(found) is dict:  # OpenInference: image.image.url
            found = cast("Object", found).get("url")
    if type(found) is str and found:
        return _image_at(found, detail if type(detail) is str else None)
    source = value.get("source")
    if type(source) is dict:
        held = cast("Object", source)
        if type(held.get("url")) is str:
            return Image(url=held["url"])
        if type(held.get("data")) is str:
            return Image(data=held["data"], media_type=label(held.get("media_type")) or None)
    return opaque(value)


def _image_at(address: str, detail: str | None) -> Image:
    if address.startswith("data:"):
        head, _, data = address.partition(",")
        return Image(data=data, media_type=head[5:].partition(";")[0] or None, detail=detail)
    return Image(url=address, detail=detail)


_DATA: Final = ("inlineData", "inline_data", "fileData", "file_data", "media")


def _media(value: Object, _deep: int) -> Part | None:
    """OpenTelemetry's blob, uri and file, Vercel's file, pydantic's binary, Gemini's data, Genkit's media: an image if
    it is one."""
    inner = next((value[name] for name in _DATA if value.get(name)), None)
    held = cast("Object", inner) if type(inner) is dict else value
    kind = first_label(held, ("mime_type", "media_type", "mediaType", "mimeType", "contentType"))
    modality = value.get("modality")
    if not (kind.startswith("image/") or modality == "image"):
        return opaque(value)
    address = held.get("uri") or held.get("url") or held.get("fileUri")
    if type(address) is str and address:
        return _image_at(address, None)
    data = held.get("content") or held.get("data")
    if type(data) is str and data:
        if data.startswith(("http:", "https:", "data:")):
            return _image_at(data, None)
        return Image(data=data, media_type=kind or None)
    return opaque(value)


_PARTS: Final[dict[str, Callable[[Object, int], Part | None]]] = {
    "text": _text, "input_text": _text, "output_text": _text, "summary_text": _text,
    "refusal": _refusal,
    "reasoning": _reasoning, "thinking": _reasoning, "redacted_thinking": _reasoning, "reasoning_content": _reasoning,
    "tool_call": _call, "toolCall": _call, "tool-call": _call, "tool_use": _call, "function_call": _call,
    "function": _call,
    "tool_call_response": _result, "tool-result": _result, "tool_result": _result, "function_call_output": _result,
    "image": _image, "image_url": _image, "input_image": _image, "image-url": _image,
    "blob": _media, "uri": _media, "file": _media, "binary": _media, "media": _media,
}  # fmt: skip
"""By ``type``. What is missing (server tools, audio, documents, compactions) stays opaque."""

_UNTYPED: Final[dict[str, Callable[[Object, int], Part | None]]] = {
    "functionCall": _call, "function_call": _call, "toolUse": _call, "toolRequest": _call, "tool_call": _call,
    "functionResponse": _result, "function_response": _result, "toolResult": _result, "toolResponse": _result,
    "tool_call_result": _result,
    "inlineData": _media, "inline_data": _media, "fileData": _media, "file_data": _media,
    "media": _media, "reasoningContent": _reasoning, "reasoning": _reasoning,
    "text": _text,
}  # fmt: skip


# --- tools ---------------------------------------------------------------------------------------------------------


def tools_of(value: Any) -> tuple[Tool, ...]:
    """Tools that were offered: OpenTelemetry's definitions, OpenAI's, Anthropic's, Bedrock's, Vercel's (JSON texts)."""
    value = parsed(value)
    found: list[Tool] = []
    for each in value[:1000] if is_list(value) else []:
        each = parsed(each)
        if type(each) is dict:
            tool = tool_of(cast("Object", each))
            if tool is not None:
                found.append(tool)
    return tuple(found)


def tool_of(value: Object) -> Tool | None:
    """One tool; None without a name."""
    inner = value.get("function") or value.get("toolSpec")  # Bedrock
    held = inner if is_object(inner) else value
    name = first_label(held, ("name", "toolName"))
    if not name:
        return None
    schema: Any = None
    for key in ("parameters", "input_schema", "inputSchema", "parametersJsonSchema", "parameters_json_schema"):
        schema = parsed(held.get(key))
        if is_object(schema):
            bedrock = schema.get("json")
            schema = bedrock if len(schema) == 1 and is_object(bedrock) else schema
            break
    said = held.get("description")
    return Tool(
        name=name,
        description=said if type(said) is str else None,
        parameters=schema if is_object(schema) else None,
    )
