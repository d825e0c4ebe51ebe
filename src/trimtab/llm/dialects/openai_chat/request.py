"""A client's chat completion request -> `Request`. https://platform.openai.com/docs/api-reference/chat/create"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Raw, Struct

from trimtab.llm.dialects._caching import ttl_in
from trimtab.llm.dialects._crossing import binding
from trimtab.llm.dialects._reading import BROKEN, Cursor, Fields, refuse_request, root
from trimtab.llm.dialects.openai_chat.hot import MOST_TOKENS
from trimtab.llm.dialects.openai_chat.parts import NAME, call_of, parts_of
from trimtab.llm.dialects.openai_chat.thoughts import signature_of
from trimtab.llm.types import (
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)

_TRANSLATED = {
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "reasoning_effort",
    "stream",
    "user",
}
"""All other fields are extras."""

_BINDING: dict[str, Callable[[Any], bool]] = {
    "n": lambda n: n != 1,
    "functions": bool,
    "function_call": bool,
    "modalities": lambda asked: isinstance(asked, list) and "audio" in cast("list[Any]", asked),
    "audio": bool,
    "logprobs": bool,
    "top_logprobs": bool,
    "web_search_options": lambda _: True,
    "moderation": bool,
}
"""Extras that decide what the answer is, and when."""

_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user"}


class _PlainMessage(Struct, forbid_unknown_fields=True):
    role: Literal["system", "developer", "user", "assistant"]
    content: str


class _PlainRequest(Struct, forbid_unknown_fields=True):
    """A conversation in plain words without tools: most calls. ``stream_options`` is an extra as any other."""

    model: Annotated[str, Meta(min_length=1)]
    messages: Annotated[list[_PlainMessage], Meta(min_length=1)]
    max_tokens: Annotated[int, Meta(ge=1, le=MOST_TOKENS)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1, le=MOST_TOKENS)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stream: bool | None = None
    stream_options: dict[str, bool] | None = None
    user: str | None = None


_plain_request = msgspec.json.Decoder(_PlainRequest)


def parse_request(body: bytes) -> Request:
    """A body of any shape; one that is wrong is refused with the place of what is wrong."""
    return _parse_plain(body) or parse_carefully(body)


def _parse_plain(body: bytes) -> Request | None:
    """The call of a plain body, in a quarter of the time; None for all others, right or wrong."""
    try:
        plain = _plain_request.decode(body)
    except BROKEN:
        return None
    options = plain.stream_options
    bound, newer_bound = plain.max_tokens, plain.max_completion_tokens
    return Request(
        dialect=NAME,
        model=plain.model,
        messages=tuple([_plain_message(message) for message in plain.messages]),
        max_tokens=bound if newer_bound is None else newer_bound,
        temperature=plain.temperature,
        top_p=plain.top_p,
        stream=plain.stream or False,
        user=plain.user or None,
        extra={} if options is None else {"stream_options": Raw(msgspec.json.encode(options))},
    )


def _plain_message(message: _PlainMessage) -> Message:
    if message.role == "assistant" and not message.content:
        return Message("assistant", ())
    return Message(message.role, (Text(message.content),))


def parse_carefully(body: bytes) -> Request:
    """Value by value: what is not plain, and what is wrong and must be told so."""
    fields = root(body, refuse_request)
    model = fields.need("model").text()
    if not model:
        raise fields.fail("model", "is empty")
    extra = {name: fields.raw(name) for name in fields if name not in _TRANSLATED and fields.get(name) is not None}
    tools = _tools(fields, extra)
    bound = fields.integer("max_tokens", 1, MOST_TOKENS)
    newer_bound = fields.integer("max_completion_tokens", 1, MOST_TOKENS)
    return Request(
        dialect=NAME,
        model=model,
        messages=_messages(fields),
        tools=tools,
        tools_cache=_tools_cache(fields),
        tool_choice=_tool_choice(fields, extra),
        parallel_tool_calls=fields.boolean("parallel_tool_calls"),
        response_format=_response_format(fields),
        max_tokens=bound if newer_bound is None else newer_bound,
        temperature=fields.number("temperature", 0, 2),
        top_p=fields.number("top_p", 0, 1),
        stop=_stop(fields),
        seed=fields.integer("seed", -(2**63), 2**63 - 1),
        reasoning_effort=fields.text("reasoning_effort"),
        stream=fields.boolean("stream") or False,
        user=fields.text("user") or fields.text("safety_identifier"),
        extra=extra,
        binding=binding(fields, extra, _BINDING, _TRANSLATED),
    )


# --- messages ---


def _messages(fields: Fields) -> tuple[Message, ...]:
    items = fields.need("messages").items()
    if not items:
        raise fields.fail("messages", "is empty: a call needs at least one message")
    return tuple(_message(item) for item in items)


def _message(cursor: Cursor) -> Message:
    fields = cursor.fields()
    role = fields.need("role").text()
    match role:
        case "assistant":
            return Message("assistant", _assistant_parts(fields), fields.text("name"))
        case "tool":
            result = ToolResult(fields.need("tool_call_id").text(), parts_of(fields.need("content")))
            return Message("tool", (result,), fields.text("name"))
        case "function":  # the form before tools; only OpenAI itself can carry it on
            fields.need("name").text()
            return Message("tool", (Opaque(NAME, cursor.opaque()),))
        case _ if role in _ROLES:
            return Message(_ROLES[role], parts_of(fields.need("content")), fields.text("name"))
        case _:
            known = ", ".join([*_ROLES, "assistant", "tool"])
            raise fields.fail("role", f"is {role[:50]!r}; it must be one of {known}")


def _assistant_parts(fields: Fields) -> tuple[Part, ...]:
    parts: list[Part] = []
    thought = fields.text("reasoning_content") or _plain_text(fields, "reasoning")
    details = fields.get("reasoning_details")
    signature = None if details is None else signature_of(details.anything())
    if thought or signature:
        parts.append(Reasoning(text=thought or "", signature=signature))
    content = fields.get("content")
    if content is not None:
        parts += [part for part in parts_of(content) if part != Text("")]
    refusal = fields.text("refusal")
    if refusal:
        parts.append(Refusal(refusal))
    parts += [call_of(call) for call in fields.items("tool_calls")]
    for name in ("function_call", "audio"):
        if fields.get(name) is not None:
            parts.append(Opaque(NAME, Raw(b'{"%b":%b}' % (name.encode(), bytes(fields.raw(name))))))
    return tuple(parts)


def _plain_text(fields: Fields, name: str) -> str | None:
    """A member that counts only if it is text (``reasoning`` is an object in other APIs)."""
    cursor = fields.get(name)
    return cursor.text() if cursor is not None and cursor.kind == "string" else None


# --- tools, format, stops ---


def _tools(fields: Fields, extra: dict[str, Raw]) -> tuple[Tool, ...]:
    """The functions. If there is any other kind of tool, the whole list also becomes a binding extra."""
    found: list[Tool] = []
    for item in fields.items("tools"):
        tool = item.fields()
        if tool.need("type").text() != "function":
            extra["tools"] = fields.raw("tools")
            continue
        function = tool.need("function").fields()
        found.append(
            Tool(
                name=function.need("name").text(),
                description=function.text("description"),
                parameters=function.schema("parameters"),
                strict=function.boolean("strict"),
            )
        )
    return tuple(found)


def _tools_cache(fields: Fields) -> str | None:
    """How long a prompt cache may keep the tools, by the mark of one: beside the function, or in it."""
    if fields.get("tools") is None or b'"cache_control"' not in bytes(fields.raw("tools")):
        return None
    for item in fields.items("tools"):
        tool = item.fields()
        function = tool.get("function")
        if ttl := ttl_in(tool) or ("" if function is None else ttl_in(function.fields())):
            return ttl
    return None


def _tool_choice(fields: Fields, extra: dict[str, Raw]) -> ToolChoice | None:
    cursor = fields.get("tool_choice")
    if cursor is None:
        return None
    if cursor.kind == "string":
        match cursor.text():
            case "auto" | "none" | "required" as mode:
                return ToolChoice(mode=mode)
            case _:
                raise cursor.fail("must be one of auto, none, required, or name a tool")
    choice = cursor.fields()
    if choice.need("type").text() == "function":
        return ToolChoice(mode="tool", name=choice.need("function").fields().need("name").text())
    extra["tool_choice"] = cursor.opaque()  # allowed_tools, custom
    return None


def _response_format(fields: Fields) -> ResponseFormat | None:
    cursor = fields.get("response_format")
    if cursor is None:
        return None
    wanted = cursor.fields()
    kind = wanted.need("type").text()
    if kind == "text":
        return ResponseFormat(kind="text")
    if kind == "json_object":
        return ResponseFormat(kind="json_object")
    if kind != "json_schema":
        raise wanted.fail("type", "must be one of text, json_object, json_schema")
    inner = wanted.need("json_schema").fields()
    return ResponseFormat(
        kind="json_schema",
        name=inner.need("name").text(),
        schema=inner.schema("schema"),
        strict=inner.boolean("strict"),
        description=inner.text("description"),
    )


def _stop(fields: Fields) -> tuple[str, ...]:
    cursor = fields.get("stop")
    if cursor is None:
        return ()
    return (cursor.text(),) if cursor.kind == "string" else tuple(item.text() for item in cursor.items())
