"""`Request` -> the body of a chat completion request, for a provider that speaks this dialect.

What has no place here is dropped where it is a hint (``top_k``, a thinking budget, another vendor's extras, thinking
blocks of another vendor), and refused with `Unsupported` where the answer would not be what was asked for.
"""

from itertools import chain
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._crossing import foreign, opaque_fields, refuse_binding
from trimtab.llm.dialects._documents import chat_part
from trimtab.llm.dialects._gpt import as_taken, bound_name, in_chat, refused_names, unforced
from trimtab.llm.dialects._hints import chat_hints
from trimtab.llm.dialects._limits import check_bound
from trimtab.llm.dialects._reading import encode_request
from trimtab.llm.dialects._signatures import own_signature
from trimtab.llm.dialects._tools import fits_strict, object_schema
from trimtab.llm.dialects.openai_chat.bending import (
    ANY_OBJECT,
    bend,
    is_bent,
    nearest_effort,
    strict_turns,
    with_short_ids,
    with_the_named_tool,
)
from trimtab.llm.dialects.openai_chat.parts import NAME, image_part, tool_call
from trimtab.llm.dialects.openai_chat.thoughts import details_of
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
    ToolChoice,
    ToolResult,
)

Wire = dict[str, Any]
_LONGEST_ID = 40


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    refuse_binding(request, NAME)
    own = request.dialect == NAME
    check_bound(request)
    if not own:
        request = as_taken(request, model, _LONGEST_ID)
        if quirks.by_responses:
            request = in_chat(request, model)
        request = unforced(request, model, knows_efforts=bool(quirks.efforts))
        if quirks.efforts:
            request = replace(request, reasoning_effort=nearest_effort(request.reasoning_effort, model, quirks.efforts))
    if not quirks.named_choice:
        request = with_the_named_tool(request)
    if quirks.tool_id_length:
        request = with_short_ids(request, quirks.tool_id_length)
    body: Wire = {"model": model, "messages": _messages(request, own=own, quirks=quirks)}
    plain: Wire = {
        bound_name(model, quirks): request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "reasoning_effort": request.reasoning_effort,
        "tools": [_tool(tool, own=own) for tool in request.tools] or None,
        # refused where there is nothing to choose from
        "tool_choice": _tool_choice(request.tool_choice) if own or request.tools else None,
        "parallel_tool_calls": request.parallel_tool_calls if request.tools else None,
        "response_format": _format(request.response_format, quirks),
        "user": None if own and "safety_identifier" in request.extra else request.user,
        "stream": request.stream or None,
    }
    body |= {name: value for name, value in plain.items() if value is not None}
    body |= request.extra if own else chat_hints(request, quirks)
    if not own and (refused := refused_names(model, request.reasoning_effort)):
        body = {name: value for name, value in body.items() if name not in refused}
    if quirks.thinking_switch and not own:
        _switch_thinking(body)
    if request.stream and quirks.stream_usage:
        body["stream_options"] = _ask_for_usage(body.get("stream_options"))
    if is_bent(quirks):
        bend(body, quirks)
    return encode_request(body)


def _switch_thinking(body: Wire) -> None:
    """In place: off where no effort is wanted, and where a tool must be called."""
    if body.get("reasoning_effort") == "none" or body.get("tool_choice") not in (None, "auto", "none"):
        body.pop("reasoning_effort", None)
        body["thinking"] = {"type": "disabled"}


def _ask_for_usage(options: Raw | None) -> Wire:
    known = opaque_fields(Opaque(NAME, options)) if options is not None else {}
    return known | {"include_usage": True}


# --- messages ---


def _messages(request: Request, *, own: bool, quirks: Quirks) -> list[Wire]:
    found: list[Wire] = []
    shown: list[Wire] = []  # images out of tool results, owed as a user message after the run of tool messages
    for message in request.messages:
        if message.role != "tool":
            found += _owed(shown)
        found += _message(message, shown, own=own, quirks=quirks)
    if quirks.thoughts_return and any("tool_calls" in wire for wire in found):
        for wire in found:
            if wire["role"] == "assistant":
                wire.setdefault("reasoning_content", "")
    found += _owed(shown)
    return strict_turns(found) if quirks.strict_turns else found


def _owed(shown: list[Wire]) -> list[Wire]:
    if not shown:
        return []
    owed: Wire = {"role": "user", "content": list(shown)}
    shown.clear()
    return [owed]


def _message(message: Message, shown: list[Wire], *, own: bool, quirks: Quirks) -> list[Wire]:
    match message.role:
        case "assistant":
            wires = [_assistant(message, quirks, thoughts=own or quirks.thoughts_return)]
        case "tool":
            wires = list(chain.from_iterable(_tool_messages(part, shown) for part in message.parts))
        case "developer" if not quirks.developer_role:
            wires = [{"role": "system", "content": _content(message.parts)}]
        case role:
            wires = [{"role": role, "content": _content(message.parts)}]
    if message.name is not None and own and "name" not in quirks.unknown_members:
        for wire in wires:
            wire["name"] = message.name
    return wires


def _content(parts: tuple[Part, ...]) -> str | list[Any]:
    """One text as a string, as nearly every server takes it; anything else as parts."""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part) for part in parts]


def _part(part: Part) -> Wire | Raw:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            return image_part(part)
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Opaque() if part.dialect == NAME:
            return part.raw
        case Opaque():
            return chat_part(part)
        case _:
            raise Unsupported(f"A {type(part).__name__} part has no place in this message.", param="messages")


def _assistant(message: Message, quirks: Quirks, *, thoughts: bool) -> Wire:
    content: list[Part] = []
    calls: list[Wire | Raw] = []
    details: list[Wire] = []
    wire: Wire = {"role": "assistant", "content": None}
    for part in message.parts:
        match part:
            case ToolCall():
                # models that call a tool with nothing may write nothing, which Ollama refuses
                calls.append(tool_call(part if part.arguments.strip() else replace(part, arguments="{}")))
            case Reasoning():
                # not in OpenAI's reference: DeepSeek's and others' own field, so only what came in it goes back in it,
                # but where the provider demands it
                if thoughts and quirks.thoughts_field:
                    wire[quirks.thoughts_field] = wire.get(quirks.thoughts_field, "") + part.text
                if quirks.thoughts_details and (signed := own_signature(NAME, part.signature)) is not None:
                    details += details_of(signed)
            case Refusal() if "refusal" in quirks.unknown_members:
                content.append(Text(part.text))
            case Refusal() if "refusal" not in wire:
                wire["refusal"] = part.text
            case Opaque() if part.dialect == NAME:
                _place(part, wire, content, calls)
            case _:
                content.append(part)
    if content:
        wire["content"] = _content(tuple(content))
    elif not calls and "refusal" not in wire and "function_call" not in wire and "audio" not in wire:
        wire["content"] = ""
    if calls:
        wire["tool_calls"] = calls
    if details:
        wire["reasoning_details"] = details
    return wire


def _place(part: Opaque, wire: Wire, content: list[Part], calls: list[Wire | Raw]) -> None:
    """Put an opaque part back where `parse_request` found it."""
    fields = opaque_fields(part)
    if "type" not in fields:  # a member of the message itself: function_call, audio
        wire |= fields
    elif fields["type"] == "custom":
        calls.append(part.raw)
    else:
        content.append(part)


def _tool_messages(part: Part, shown: list[Wire]) -> list[Wire]:
    if isinstance(part, Opaque) and part.dialect == NAME:  # a message of the old role ``function``, whole
        return [opaque_fields(part)]
    if isinstance(part, Opaque):
        raise foreign(part)
    if not isinstance(part, ToolResult):
        raise Unsupported(f"A {type(part).__name__} part has no place in a tool's message.", param="messages")
    texts: list[Part] = []
    for inner in part.parts:
        if isinstance(inner, Image):
            # tool messages hold text only, and all of them must follow the call without a break
            shown += [{"type": "text", "text": f"An image that tool call {part.call_id} gave back:"}, image_part(inner)]
        elif isinstance(inner, Opaque) and inner.dialect != NAME and (given := chat_part(inner))["type"] != "text":
            shown += [{"type": "text", "text": f"A file that tool call {part.call_id} gave back:"}, given]
        else:
            texts.append(inner)
    content = _content(tuple(texts)) if texts else ""
    if part.is_error:
        # there is no flag for it here, and a failure that reads like a result misleads the model
        content = f"Error: {content}" if isinstance(content, str) else [{"type": "text", "text": "Error:"}, *content]
    return [{"role": "tool", "tool_call_id": part.call_id, "content": content}]


# --- tools and format ---


def _tool(tool: Tool, *, own: bool) -> Wire:
    parameters, strict = tool.parameters, tool.strict
    if not own:
        parameters = object_schema(parameters)
        strict = None if strict and not fits_strict(parameters) else strict  # others let members be left out
    plain: Wire = {"description": tool.description, "parameters": parameters, "strict": strict}
    function = {"name": tool.name} | {name: value for name, value in plain.items() if value is not None}
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice | None) -> str | Wire | None:
    if choice is None:
        return None
    if choice.mode == "tool":
        return {"type": "function", "function": {"name": choice.name or ""}}
    return choice.mode


def _format(wanted: ResponseFormat | None, quirks: Quirks) -> Wire | None:
    if wanted is None:
        return None
    if wanted.kind == "json_object" and not quirks.json_object:
        return ANY_OBJECT
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    plain: Wire = {"description": wanted.description, "schema": wanted.schema, "strict": wanted.strict}
    # a name is demanded here, and other vendors have none
    inner = {"name": wanted.name or "answer"} | {name: value for name, value in plain.items() if value is not None}
    return {"type": "json_schema", "json_schema": inner}
