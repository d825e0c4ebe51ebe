"""A client's Responses request -> `Request`. https://platform.openai.com/docs/api-reference/responses/create

Runs of items that the model made (thoughts, messages, calls) are one message of the assistant.
"""

from collections.abc import Callable
from typing import Any, cast

from msgspec import Raw

from trimtab.llm.dialects._crossing import binding
from trimtab.llm.dialects._reading import Cursor, Fields, refuse_request, root
from trimtab.llm.dialects.openai_responses.hot import MOST_TOKENS
from trimtab.llm.dialects.openai_responses.items import NAME, call_of, content_of, reasoning_of
from trimtab.llm.types import (
    Message,
    Opaque,
    Part,
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
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_output_tokens",
    "temperature",
    "top_p",
    "stream",
    "user",
}
"""All other fields are extras; ``text`` and ``reasoning`` are read as well."""

_BINDING: dict[str, Callable[[Any], bool]] = {
    "previous_response_id": bool,
    "conversation": bool,
    "prompt": bool,
    "background": bool,
    "moderation": bool,
    "top_logprobs": bool,
    "include": lambda asked: isinstance(asked, list) and "message.output_text.logprobs" in cast("list[Any]", asked),
}
"""Extras that decide what the answer is, and when."""

_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user"}


def parse_request(body: bytes) -> Request:
    fields = root(body, refuse_request)
    model = fields.need("model").text()
    if not model:
        raise fields.fail("model", "is empty")
    extra = {name: fields.raw(name) for name in fields if name not in _TRANSLATED and fields.get(name) is not None}
    tools = _tools(fields, extra)
    return Request(
        dialect=NAME,
        model=model,
        messages=_messages(fields),
        tools=tools,
        tool_choice=_tool_choice(fields, extra),
        parallel_tool_calls=fields.boolean("parallel_tool_calls"),
        response_format=_format(fields, extra),
        max_tokens=fields.integer("max_output_tokens", 1, MOST_TOKENS),
        temperature=fields.number("temperature", 0, 2),
        top_p=fields.number("top_p", 0, 1),
        reasoning_effort=_effort(fields, extra),
        stream=fields.boolean("stream") or False,
        user=fields.text("user") or fields.text("safety_identifier"),
        extra=extra,
        binding=binding(fields, extra, _BINDING, _TRANSLATED),
    )


# --- items ---


def _messages(fields: Fields) -> tuple[Message, ...]:
    found: list[Message] = []
    instructions = fields.text("instructions")
    if instructions:
        found.append(Message("system", (Text(instructions),)))
    given = fields.need("input")
    if given.kind == "string":
        found.append(Message("user", (Text(given.text()),)))
        return tuple(found)
    items = given.items()
    if not items:
        raise fields.fail("input", "is empty: a call needs at least one item")
    run: list[Part] = []
    for item in items:
        read = _item(item)
        if isinstance(read, Message):
            if run:
                found.append(Message("assistant", tuple(run)))
                run = []
            found.append(read)
        else:
            run += read
    if run:
        found.append(Message("assistant", tuple(run)))
    return tuple(found)


def _item(cursor: Cursor) -> Message | list[Part]:
    """A message of another than the model, or parts of the model's own."""
    fields = cursor.fields()
    kind = fields.text("type") or ("message" if fields.get("role") is not None else fields.need("type").text())
    match kind:
        case "message":
            return _message(cursor, fields)
        case "function_call":
            return [call_of(fields)]
        case "reasoning":
            return [reasoning_of(fields)]
        case "function_call_output":
            result = ToolResult(fields.need("call_id").text(), content_of(fields.need("output")))
            return Message("tool", (result,))
        case _ if kind.endswith("_output"):  # what another kind of tool gave back
            return Message("tool", (Opaque(NAME, cursor.opaque()),))
        case _:  # built-in tools' calls, references, and what is new since
            return [Opaque(NAME, cursor.opaque())]


def _message(cursor: Cursor, fields: Fields) -> Message | list[Part]:
    role = fields.need("role").text()
    parts = content_of(fields.need("content"))
    if role == "assistant":
        if any(isinstance(part, Opaque) for part in parts):
            return [Opaque(NAME, cursor.opaque())]
        return [part for part in parts if part != Text("")]
    if role not in _ROLES:
        raise fields.fail("role", f"is {role[:50]!r}; it must be one of user, assistant, system, developer")
    return Message(_ROLES[role], parts)


# --- tools, format, effort ---


def _tools(fields: Fields, extra: dict[str, Raw]) -> tuple[Tool, ...]:
    """The functions. If there is any other kind of tool, the whole list also becomes a binding extra."""
    found: list[Tool] = []
    for item in fields.items("tools"):
        tool = item.fields()
        if tool.need("type").text() != "function":
            extra["tools"] = fields.raw("tools")
            continue
        found.append(
            Tool(
                name=tool.need("name").text(),
                description=tool.text("description"),
                parameters=tool.schema("parameters"),
                strict=tool.boolean("strict"),
            )
        )
    return tuple(found)


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
        return ToolChoice(mode="tool", name=choice.need("name").text())
    extra["tool_choice"] = cursor.opaque()  # allowed_tools, custom, a built-in tool
    return None


def _format(fields: Fields, extra: dict[str, Raw]) -> ResponseFormat | None:
    cursor = fields.get("text")
    if cursor is None:
        return None
    text = cursor.fields()
    if set(text) <= {"format"}:
        del extra["text"]
    given = text.get("format")
    if given is None:
        return None
    wanted = given.fields()
    kind = wanted.need("type").text()
    if kind == "text":
        return ResponseFormat(kind="text")
    if kind == "json_object":
        return ResponseFormat(kind="json_object")
    if kind != "json_schema":
        raise wanted.fail("type", "must be one of text, json_object, json_schema")
    return ResponseFormat(
        kind="json_schema",
        name=wanted.need("name").text(),
        schema=wanted.schema("schema"),
        strict=wanted.boolean("strict"),
        description=wanted.text("description"),
    )


def _effort(fields: Fields, extra: dict[str, Raw]) -> str | None:
    cursor = fields.get("reasoning")
    if cursor is None:
        return None
    reasoning = cursor.fields()
    if set(reasoning) <= {"effort"}:
        del extra["reasoning"]
    return reasoning.text("effort")
