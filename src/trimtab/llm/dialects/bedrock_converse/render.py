"""`Request` -> the body of a Converse call.

What has no place here is dropped where it is a hint (a seed, thoughts without a signature, participants' names), and
refused with `Unsupported` where the answer would not be what was asked for. What only Anthropic's models know goes into
``additionalModelRequestFields``, where AWS's documentation puts it:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from itertools import chain
from typing import Any

from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._claude import as_taken
from trimtab.llm.dialects._closed import closed_schema
from trimtab.llm.dialects._crossing import foreign, refuse_binding
from trimtab.llm.dialects._documents import converse_block
from trimtab.llm.dialects._limits import check_blank_stops, check_bound, within
from trimtab.llm.dialects._reading import encode, encode_request
from trimtab.llm.dialects._signatures import is_marked
from trimtab.llm.dialects._tools import object_schema, plain_id, tool_input
from trimtab.llm.dialects.bedrock_converse.caching import marked, settle
from trimtab.llm.dialects.bedrock_converse.documents import place_documents
from trimtab.llm.types import (
    Image,
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

NAME = "bedrock_converse"
GREETING = "Hello."
"""What is said before a conversation that begins with the assistant's words, which Bedrock refuses and others take:
https://github.com/anthropics/anthropic-sdk-typescript/issues/622"""
Wire = dict[str, Any]
_IMAGE_FORMATS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_EFFORTS = {"minimal": "low"}
"""Efforts that only others know; Converse has low, medium, high, xhigh and max."""


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    refuse_binding(request, NAME)
    check_bound(request)
    request = within(_without_unwanted_tools(request), model)
    claude = _is_claude(model)
    thinking = None
    if claude:
        check_blank_stops(request)
        if request.dialect == "anthropic_messages" and request.reasoning_effort == "none":
            request = replace(request, reasoning_effort=None)  # a Claude that is not asked to think, as its client said
        request, thinking = as_taken(request, model, request.max_tokens or None)
    if not request.tools:
        request = _told_calls(request)
    system, messages = _conversation(request)
    if claude:
        _cut_trailing_space(messages[-1])
    place_documents(messages)
    bounds: Wire = {
        "maxTokens": request.max_tokens or None,
        # others go up to 2; Converse takes at most 1
        "temperature": None if request.temperature is None else min(request.temperature, 1.0),
        "topP": request.top_p,
        "stopSequences": list(request.stop) or None,
    }
    additional, tools = _additional(request, thinking, claude=claude), _tool_config(request)
    if tools is not None and "tool_choice" in additional:
        tools.pop("toolChoice", None)  # said once, there
    plain: Wire = {
        "system": system,
        "inferenceConfig": {name: value for name, value in bounds.items() if value is not None},
        "toolConfig": tools,
        "additionalModelRequestFields": additional,
        "outputConfig": _output_config(request),
    }
    body: Wire = {"messages": messages} | {name: value for name, value in plain.items() if value}
    settle(body, request, model)
    return encode_request(body)


def _is_claude(model: str) -> bool:
    """Whether the id is of one of Anthropic's models, also behind an inference profile's prefix."""
    return "anthropic." in model


# --- messages ---


def _cut_trailing_space(last: Wire) -> None:
    """An answer that is begun for one of Anthropic's models may not end in white space:
    https://github.com/aws/aws-sdk-net/pull/4015"""
    block = next(each for each in reversed(last["content"]) if "cachePoint" not in each)
    if last["role"] == "assistant" and "text" in block:
        block["text"] = block["text"].rstrip()


def _conversation(request: Request) -> tuple[list[Wire], list[Wire]]:
    """The system prompt, and turns that alternate; system messages are moved to the front."""
    system: list[Wire] = []
    turns: list[tuple[str, list[Wire]]] = []
    for message in request.messages:
        if message.role in ("system", "developer"):
            told = ((_system_text(part), part) for part in message.parts)
            system += chain.from_iterable(marked({"text": text}, part) for text, part in told if text.strip())
            continue
        made = ((_block(part), part) for part in message.parts)
        blocks = list(chain.from_iterable(marked(block, part) for block, part in made if block is not None))
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    if not turns:
        raise InvalidRequest(
            "A call of this provider needs a message that is not a system message and not empty.", param="messages"
        )
    if turns[0][0] == "assistant":
        turns.insert(0, ("user", [{"text": GREETING}]))
    return system, [{"role": role, "content": blocks} for role, blocks in turns]


def _without_unwanted_tools(request: Request) -> Request:
    """Converse has no choice of none (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html):
    tools that may not be called are not offered."""
    if request.tool_choice is None or request.tool_choice.mode != "none":
        return request
    return replace(request, tools=(), tool_choice=None)


def _told_calls(request: Request) -> Request:
    """Calls and results in words, where no tools are offered: Bedrock refuses them then, and clients leave the tools
    out to have a conversation summed up. https://github.com/pydantic/pydantic-ai/pull/5929"""

    def told(part: Part) -> tuple[Part, ...]:
        match part:
            case ToolCall():
                return (Text(f"[Called {part.name} with {part.arguments.strip() or '{}'}]"),)
            case ToolResult():
                failed = " failed" if part.is_error else ""
                return (Text(f"[What the call{failed} gave back:]"), *part.parts)
            case _:
                return (part,)

    turns = (replace(each, parts=tuple(chain.from_iterable(map(told, each.parts)))) for each in request.messages)
    return replace(request, messages=tuple(turns))


def _system_text(part: Part) -> str:
    if isinstance(part, Opaque):
        raise foreign(part)
    if not isinstance(part, Text):
        raise Unsupported("A system message may hold only text for this provider.", param="messages")
    return part.text


def _block(part: Part) -> Wire | None:
    """The block of a part; None for what would be empty or would be refused, and says nothing."""
    match part:
        case Text() | Refusal():
            return {"text": part.text} if part.text.strip() else None
        case Image():
            return {"image": _image(part)}
        case ToolCall():
            given = tool_input(part.arguments)
            return {"toolUse": {"toolUseId": plain_id(part.id), "name": part.name, "input": given}}
        case ToolResult():
            return {"toolResult": _tool_result(part)}
        case Reasoning():
            return _thinking(part)
        case Opaque():
            return converse_block(part)


def _image(image: Image) -> Wire:
    if image.url is not None:
        if image.url.startswith("s3://"):
            kind = image.url.rpartition(".")[2].lower().replace("jpg", "jpeg")
            return {"format": kind, "source": {"s3Location": {"uri": image.url}}}
        raise Unsupported(
            "An image by its URL cannot be translated: this provider takes its bytes only.",
            fix="Send the image itself, as a data: URL.",
            param="messages",
        )
    kind = _IMAGE_FORMATS.get((image.media_type or "image/png").lower())
    if kind is None:
        raise Unsupported(
            f"Images of the type {(image.media_type or '')[:50]!r} are not taken by this provider.",
            fix="Send it as PNG, JPEG, GIF or WebP.",
            param="messages",
        )
    return {"format": kind, "source": {"bytes": image.data or ""}}


def _tool_result(part: ToolResult) -> Wire:
    inner: list[Wire] = []
    for each in part.parts:
        if not isinstance(each, Text | Image | Opaque):
            raise Unsupported(f"A {type(each).__name__} part has no place in a tool's result.", param="messages")
        block = _block(each)
        if block is not None:
            inner.append(block)
    wire: Wire = {"toolUseId": plain_id(part.call_id), "content": inner}
    if part.is_error:
        wire["status"] = "error"
    return wire


def _thinking(part: Reasoning) -> Wire | None:
    """Anthropic's signatures hold on every platform that serves its models; unsigned thoughts are not taken back."""
    if part.redacted is not None:
        return {"reasoningContent": {"redactedContent": part.redacted}}
    if part.signature is None or is_marked(part.signature):
        return None
    return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}


# --- tools and format ---


def _tool_config(request: Request) -> Wire | None:
    if not request.tools:
        return None
    config: Wire = {"tools": [{"toolSpec": _tool(tool)} for tool in request.tools]}
    choice = request.tool_choice
    match choice.mode if choice is not None else None:
        case "required":
            config["toolChoice"] = {"any": {}}
        case "tool":
            config["toolChoice"] = {"tool": {"name": (choice and choice.name) or ""}}
        case "auto":
            config["toolChoice"] = {"auto": {}}
        case _:
            pass
    return config


def _tool(tool: Tool) -> Wire:
    wire: Wire = {"name": tool.name, "inputSchema": {"json": object_schema(tool.parameters)}}
    if tool.description:
        wire["description"] = tool.description
    if tool.strict is not None:
        wire["strict"] = tool.strict
    return wire


def _additional(request: Request, thinking: Wire | None, *, claude: bool) -> Wire:
    fields: Wire = {}
    if request.parallel_tool_calls is False and request.tools:
        if not claude:
            raise Unsupported(
                "`parallel_tool_calls` false cannot be translated: this model has no such setting.",
                fix="Leave it out, or call another model.",
                param="parallel_tool_calls",
            )
        choice = request.tool_choice
        kind = {"required": "any", "tool": "tool"}.get(choice.mode, "auto") if choice else "auto"
        named: Wire = {"name": choice.name or ""} if choice is not None and kind == "tool" else {}
        fields["tool_choice"] = {"type": kind, "disable_parallel_tool_use": True} | named
    if claude and request.top_k is not None:
        fields["top_k"] = request.top_k
    if thinking is not None:
        fields["thinking"] = thinking
    return fields


def _output_config(request: Request) -> Wire:
    """Structured output and effort: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html"""
    config: Wire = {}
    effort = request.reasoning_effort
    if effort is not None and effort != "none":
        config["effort"] = _EFFORTS.get(effort, effort)
    wanted: ResponseFormat | None = request.response_format
    if wanted is not None and wanted.kind == "json_object":
        raise Unsupported(
            "`response_format` json_object cannot be translated: this provider only follows a JSON schema.",
            fix="Use response_format json_schema.",
            param="response_format",
        )
    if wanted is not None and wanted.kind == "json_schema":
        schema = encode(closed_schema({"type": "object"} if wanted.schema is None else wanted.schema)).decode("utf-8")
        told: Wire = {"schema": schema, "name": wanted.name, "description": wanted.description}
        structure = {"jsonSchema": {name: value for name, value in told.items() if value is not None}}
        config["textFormat"] = {"type": "json_schema", "structure": structure}
    return config
