"""`Request` -> the body of a Cohere chat call. https://docs.cohere.com/v2/reference/chat

What has no place here is dropped where it is a hint (signed thoughts of other vendors, participants' names), and
refused with `Unsupported` where the answer would not be what was asked for.
"""

import re
from typing import Any

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._crossing import foreign, refuse_binding
from trimtab.llm.dialects._documents import cohere_text
from trimtab.llm.dialects._hints import cohere_hints
from trimtab.llm.dialects._limits import check_bound, check_stops
from trimtab.llm.dialects._reading import encode_request
from trimtab.llm.dialects.cohere_chat.schemas import may_be_strict, plain_schema
from trimtab.llm.types import (
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

NAME = "cohere_chat"
Wire = dict[str, Any]
_MOST_STOPS = 5
_MOST_K = 500
"""https://docs.cohere.com/v2/reference/chat (``stop_sequences``, ``k``)"""
_PLAIN = re.compile(r"command-(?:r|a-(?:03|vision|translate)|light|nightly)|aya")
_NO_INPUT: Wire = {"type": "object", "properties": {}}


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    refuse_binding(request, NAME)
    check_bound(request)
    check_stops(request, _MOST_STOPS)
    if request.parallel_tool_calls is False and request.tools:
        raise Unsupported(
            "`parallel_tool_calls` false cannot be translated: this provider has no such setting.",
            fix="Leave it out, or call another model.",
            param="parallel_tool_calls",
        )
    tools, choice = _tools(request)
    plain: Wire = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        # 0.01 to 0.99 by the reference; 1 asks for nothing
        "p": None if request.top_p is None or request.top_p > 0.99 else max(request.top_p, 0.01),
        "k": None if request.top_k is None else min(request.top_k, _MOST_K),
        "seed": request.seed if request.seed is not None and request.seed >= 0 else None,
        "stop_sequences": list(request.stop) or None,
        "tools": [_tool(tool) for tool in tools] or None,
        "tool_choice": choice,
        "strict_tools": True if tools and all(tool.strict for tool in tools) and may_be_strict(tools) else None,
        "response_format": _format(request.response_format, tools),
        "thinking": _thinking(request, model),
    }
    plain |= cohere_hints(request)
    body: Wire = {"model": model, "messages": _messages(request), "stream": request.stream}
    return encode_request(body | {name: value for name, value in plain.items() if value is not None})


# --- messages ---


def _messages(request: Request) -> list[Wire]:
    found: list[Wire] = []
    for message in request.messages:
        match message.role:
            case "system" | "developer":
                found.append({"role": "system", "content": [_text_part(part) for part in message.parts]})
            case "user":
                found += _user(message)
            case "assistant":
                found.append(_assistant(message))
            case "tool":
                found += [_tool_message(part) for part in message.parts]
    if not found:
        raise InvalidRequest("A call of this provider needs at least one message.", param="messages")
    return found


def _user(message: Message) -> list[Wire]:
    """Tool results that travel in a user's turn become messages of their own, before it."""
    results = [_tool_message(part) for part in message.parts if isinstance(part, ToolResult)]
    parts = [part for part in message.parts if not isinstance(part, ToolResult)]
    if len(parts) == 1 and isinstance(parts[0], Text):
        return [*results, {"role": "user", "content": parts[0].text}]
    return [*results, {"role": "user", "content": [_user_part(part) for part in parts]}] if parts else results


def _user_part(part: Part) -> Wire:
    if isinstance(part, Image):
        data = f"data:{part.media_type or 'image/png'};base64,{part.data or ''}"
        image: Wire = {"url": part.url if part.url is not None else data}
        if part.detail is not None:
            image["detail"] = part.detail
        return {"type": "image_url", "image_url": image}
    return _text_part(part)


def _text_part(part: Part) -> Wire:
    if isinstance(part, Opaque):
        return {"type": "text", "text": cohere_text(part)}
    if not isinstance(part, Text | Refusal):
        raise Unsupported(f"A {type(part).__name__} part has no place in this message.", param="messages")
    return {"type": "text", "text": part.text}


def _assistant(message: Message) -> Wire:
    content: list[Wire] = []
    calls: list[Wire] = []
    thoughts: list[str] = []
    for part in message.parts:
        match part:
            case ToolCall():
                function = {"name": part.name, "arguments": part.arguments or "{}"}
                calls.append({"id": part.id, "type": "function", "function": function})
            case Reasoning():
                if part.text and part.signature is None:
                    thoughts.append(part.text)
            case _:
                content.append(_text_part(part))
    wire: Wire = {"role": "assistant"}
    if calls:
        wire["tool_calls"] = calls
        # what is said before calls is their plan there: https://docs.cohere.com/v2/docs/tool-use-overview
        plan = ["".join(thoughts), *(part["text"] for part in content)]
        content = []
        if any(plan):
            wire["tool_plan"] = "\n".join(text for text in plan if text)
    else:
        content = [{"type": "thinking", "thinking": text} for text in thoughts] + content
    if content:
        wire["content"] = content
    elif not calls:
        wire["content"] = ""
    return wire


def _tool_message(part: Part) -> Wire:
    if isinstance(part, Opaque):
        raise foreign(part)
    if not isinstance(part, ToolResult):
        raise Unsupported(f"A {type(part).__name__} part has no place in a tool's message.", param="messages")
    texts = [_text_part(inner)["text"] for inner in part.parts]
    content = "\n".join(["Error:", *texts] if part.is_error else texts)  # there is no flag for a failure here
    return {"role": "tool", "tool_call_id": part.call_id, "content": content}


# --- tools and format ---


def _tools(request: Request) -> tuple[tuple[Tool, ...], str | None]:
    """The tools and how to choose. One that must be called by name is the only one offered: there is no other way."""
    choice = request.tool_choice
    if not request.tools or choice is None or choice.mode == "auto":
        return request.tools, None
    if choice.mode == "tool":
        return tuple(tool for tool in request.tools if tool.name == choice.name), "REQUIRED"
    return request.tools, "REQUIRED" if choice.mode == "required" else "NONE"


def _tool(tool: Tool) -> Wire:
    function: Wire = {"name": tool.name, "parameters": _NO_INPUT if tool.parameters is None else tool.parameters}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _format(wanted: ResponseFormat | None, tools: tuple[Tool, ...]) -> Wire | None:
    """Cohere takes none beside tools: https://docs.cohere.com/v2/reference/chat (``response_format``)."""
    if wanted is None or wanted.kind == "text":
        return None
    if tools:
        raise Unsupported(
            "`response_format` beside `tools` cannot be translated: this provider takes one or the other.",
            fix="Leave one of them out, or call another model.",
            param="response_format",
        )
    if wanted.kind == "json_schema" and wanted.schema is not None:
        return {"type": "json_object", "json_schema": plain_schema(wanted.schema)}
    return {"type": "json_object"}


def _thinking(request: Request, model: str) -> Wire | None:
    """Models that do not think are not asked to: https://docs.cohere.com/docs/reasoning (``thinking`` is of the
    reasoning models)."""
    if _PLAIN.search(model):
        return None
    if request.reasoning_budget:
        return {"type": "enabled", "token_budget": request.reasoning_budget}
    if request.reasoning_effort is None:
        return None
    return {"type": "disabled" if request.reasoning_effort == "none" else "enabled"}
