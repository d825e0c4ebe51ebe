"""A client's Messages request -> `Request`. https://docs.claude.com/en/api/messages"""

from collections.abc import Callable
from typing import Any, cast

from msgspec import Raw

from trimtab.llm.dialects._caching import ttl_in
from trimtab.llm.dialects._crossing import binding
from trimtab.llm.dialects._reading import Cursor, Fields, refuse_request, root
from trimtab.llm.dialects.anthropic_messages.blocks import NAME, parts_of
from trimtab.llm.dialects.anthropic_messages.hot import FEWEST_TOKENS, MOST_TOKENS
from trimtab.llm.types import Message, Part, Request, ResponseFormat, Role, Tool, ToolChoice, ToolResult

_TRANSLATED = {
    "model",
    "messages",
    "system",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
}
"""All other fields are extras; ``metadata``, ``thinking``, ``output_config`` and ``output_format`` are read as well."""

_BINDING: dict[str, Callable[[Any], bool]] = {
    "mcp_servers": bool,
    "container": bool,
    "thread": bool,  # what was said before is held there, under ids of its own
    "compaction": bool,  # a summary is wanted, and no answer
    "inference_geo": lambda place: place not in (None, "", "global"),
    "billing_policy": lambda told: isinstance(told, dict) and cast("dict[str, Any]", told).get("bill_to") not in _SELF,
}
"""Extras that decide what the answer is, when, where it is made and who pays for it."""
_SELF = (None, "self")

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


def parse_request(body: bytes) -> Request:
    fields = root(body, refuse_request)
    model = fields.need("model").text()
    if not model:
        raise fields.fail("model", "is empty")
    extra = {name: fields.raw(name) for name in fields if name not in _TRANSLATED and fields.get(name) is not None}
    tools = _tools(fields, extra)
    choice, parallel = _tool_choice(fields)
    budget = _thinking_budget(fields, extra)
    effort, response_format = _output(fields, extra)
    if effort is None and _is_off(fields):
        effort = "none"
    return Request(
        dialect=NAME,
        model=model,
        messages=(*_system(fields), *_messages(fields)),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=response_format,
        max_tokens=fields.need("max_tokens").integer(FEWEST_TOKENS, MOST_TOKENS),
        temperature=fields.number("temperature", 0, 1),
        top_p=fields.number("top_p", 0, 1),
        top_k=fields.integer("top_k", 0, MOST_TOKENS),
        stop=tuple(item.text() for item in fields.items("stop_sequences")),
        reasoning_effort=effort,
        reasoning_budget=budget,
        stream=fields.boolean("stream") or False,
        user=_user(fields, extra),
        tools_cache=_tools_cache(fields),
        extra=extra,
        binding=binding(fields, extra, _BINDING, _TRANSLATED),
    )


# --- messages ---


def _system(fields: Fields) -> tuple[Message, ...]:
    cursor = fields.get("system")
    if cursor is None:
        return ()
    parts = parts_of(cursor)
    return (Message("system", parts),) if parts else ()


def _messages(fields: Fields) -> list[Message]:
    items = fields.need("messages").items()
    if not items:
        raise fields.fail("messages", "is empty: a call needs at least one message")
    found: list[Message] = []
    for item in items:
        found += _message(item)
    return found


def _message(cursor: Cursor) -> list[Message]:
    fields = cursor.fields()
    word = fields.need("role").text()
    role = _ROLES.get(word)
    if role is None:
        raise fields.fail("role", f"is {word[:50]!r}; it must be user or assistant")
    parts = parts_of(fields.need("content"))
    return _split_results(parts) if role == "user" else [Message(role, parts)]


def _split_results(parts: tuple[Part, ...]) -> list[Message]:
    """A user's turn: each tool result becomes a message of its own, and what stands between them stays together."""
    found: list[Message] = []
    run: list[Part] = []
    for part in parts:
        if isinstance(part, ToolResult):
            if run:
                found.append(Message("user", tuple(run)))
                run = []
            found.append(Message("tool", (part,)))
        else:
            run.append(part)
    if run or not parts:
        found.append(Message("user", tuple(run)))
    return found


# --- tools, thinking, format ---


def _tools(fields: Fields, extra: dict[str, Raw]) -> tuple[Tool, ...]:
    """The client's own tools. If there is any server tool, the whole list also becomes a binding extra."""
    found: list[Tool] = []
    for item in fields.items("tools"):
        tool = item.fields()
        if tool.text("type") not in (None, "custom"):
            extra["tools"] = fields.raw("tools")
            continue
        tool.need("input_schema")
        found.append(
            Tool(
                name=tool.need("name").text(),
                description=tool.text("description"),
                parameters=tool.schema("input_schema"),
                strict=tool.boolean("strict"),
            )
        )
    return tuple(found)


def _tools_cache(fields: Fields) -> str | None:
    if fields.get("tools") is None or b'"cache_control"' not in bytes(fields.raw("tools")):
        return None
    return next((ttl for item in fields.items("tools") if (ttl := ttl_in(item.fields()))), None)


def _tool_choice(fields: Fields) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether tools may be called side by side (None: not said)."""
    cursor = fields.get("tool_choice")
    if cursor is None:
        return None, None
    choice = cursor.fields()
    alone = choice.boolean("disable_parallel_tool_use")
    parallel = None if alone is None else not alone
    match choice.need("type").text():
        case "auto":
            return ToolChoice(mode="auto"), parallel
        case "any":
            return ToolChoice(mode="required"), parallel
        case "none":
            return ToolChoice(mode="none"), parallel
        case "tool":
            return ToolChoice(mode="tool", name=choice.need("name").text()), parallel
        case _:
            raise choice.fail("type", "must be one of auto, any, tool, none")


def _thinking_budget(fields: Fields, extra: dict[str, Raw]) -> int | None:
    """A fixed budget; any other way of thinking (adaptive, a display) stays an extra."""
    cursor = fields.get("thinking")
    if cursor is None:
        return None
    thinking = cursor.fields()
    if thinking.need("type").text() != "enabled":
        return None
    budget = thinking.need("budget_tokens").integer(1, MOST_TOKENS)
    if set(thinking) == {"type", "budget_tokens"}:
        del extra["thinking"]
    return budget


def _is_off(fields: Fields) -> bool:
    """Whether no thinking is wanted. Nothing said is no wish: what is thought unasked, each model decides itself."""
    cursor = fields.get("thinking")
    return cursor is not None and cursor.fields().text("type") == "disabled"


def _output(fields: Fields, extra: dict[str, Raw]) -> tuple[str | None, ResponseFormat | None]:
    """Effort and format from ``output_config``; ``output_format`` is where the beta had the format."""
    effort: str | None = None
    wanted: ResponseFormat | None = None
    config = fields.get("output_config")
    if config is not None:
        inner = config.fields()
        effort = inner.text("effort")
        format_ = inner.get("format")
        wanted = None if format_ is None else _format(format_)
        if set(inner) <= {"effort", "format"}:
            del extra["output_config"]
    older = fields.get("output_format")
    if older is not None:
        wanted = wanted or _format(older)
        del extra["output_format"]
    return effort, wanted


def _format(cursor: Cursor) -> ResponseFormat:
    fields = cursor.fields()
    if fields.need("type").text() != "json_schema":
        raise fields.fail("type", "must be json_schema")
    fields.need("schema")
    return ResponseFormat(kind="json_schema", schema=fields.schema("schema"))


def _user(fields: Fields, extra: dict[str, Raw]) -> str | None:
    cursor = fields.get("metadata")
    if cursor is None:
        return None
    metadata = cursor.fields()
    if set(metadata) <= {"user_id"}:
        del extra["metadata"]
    return metadata.text("user_id")
