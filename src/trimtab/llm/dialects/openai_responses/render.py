"""`Request` -> the body of a Responses request, for a provider that speaks this dialect.

What has no place here is dropped where it is a hint (``top_k``, ``seed``, a thinking budget, another vendor's extras
and thoughts, participants' names), and refused with `Unsupported` where the answer would not be what was asked for
(stop sequences). A call of another dialect is never stored with the provider: its client did not ask for that.
"""

from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._crossing import foreign, opaque_fields, refuse_binding
from trimtab.llm.dialects._gpt import as_taken, reasons, unforced
from trimtab.llm.dialects._hints import responses_hints
from trimtab.llm.dialects._limits import check_bound
from trimtab.llm.dialects._reading import encode_request
from trimtab.llm.dialects._tools import fits_strict, object_schema
from trimtab.llm.dialects.openai_responses.items import NAME, Wire, content_part, sent_reasoning
from trimtab.llm.types import (
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

_LONGEST_ID = 64
_KEEPING = ("anthropic_messages", "gemini")
"""Dialects whose clients hand back what a thought was signed with. What is not stored with OpenAI goes on thinking from
where it was only so: https://developers.openai.com/api/docs/guides/reasoning#encrypted-reasoning-items"""
_LEAST_BOUND = 16
"""Fewer tokens are refused, and clients ask for one to see whether a model is there:
https://github.com/BerriAI/litellm/pull/31536"""


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    refuse_binding(request, NAME)
    own = request.dialect == NAME
    if request.stop:
        raise Unsupported(
            "Stop sequences cannot be translated: a Responses provider has none.",
            fix="Leave them out, or call a model of a provider that speaks another dialect.",
            param="stop",
        )
    check_bound(request)
    if not own:
        request = unforced(as_taken(request, model, _LONGEST_ID), model)
        if request.max_tokens is not None:
            request = replace(request, max_tokens=max(request.max_tokens, _LEAST_BOUND))
    plain: Wire = {
        "max_output_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": [_tool(tool, own=own) for tool in request.tools] or None,
        # refused where there is nothing to choose from
        "tool_choice": _tool_choice(request.tool_choice) if own or request.tools else None,
        "parallel_tool_calls": request.parallel_tool_calls if request.tools else None,
        "text": _text(request, own=own),
        "reasoning": _reasoning(request, own=own),
        "user": None if own and "safety_identifier" in request.extra else request.user,
        "stream": request.stream or None,
        "store": None if own else False,
    }
    body: Wire = {"model": model, "input": _items(request, own=own, quirks=quirks)}
    body |= {name: value for name, value in plain.items() if value is not None}
    if own:
        body |= {name: value for name, value in request.extra.items() if name not in ("text", "reasoning")}
    else:
        hints, verbosity = responses_hints(request, quirks)
        body |= hints
        if quirks.by_responses and request.dialect in _KEEPING and reasons(model):
            body["include"] = ["reasoning.encrypted_content"]
        if verbosity is not None:
            body["text"] = body.get("text", {}) | {"verbosity": verbosity}
    return encode_request(body)


# --- items ---


def _items(request: Request, *, own: bool, quirks: Quirks) -> list[Wire | Raw]:
    found: list[Wire | Raw] = []
    for message in request.messages:
        match message.role:
            case "assistant":
                found += _spoken(message.parts, own=own)
            case "tool":
                found += [_output(part) for part in message.parts]
            case role:
                known = "system" if role == "developer" and not quirks.developer_role else role
                found.append({"role": known, "content": _content(message)})
    return found


def _content(message: Message) -> str | list[Wire | Raw]:
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [content_part(part) for part in parts]


def _spoken(parts: tuple[Part, ...], *, own: bool) -> list[Wire | Raw]:
    """What the model said: a message for each run of text, and an item for all else."""
    found: list[Wire | Raw] = []
    run: list[Wire | Raw] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            run.append(content_part(part, spoken=True))
            continue
        item = _made(part, own=own)
        if item is not None:
            found += _said(run)
            found.append(item)
    return found + _said(run)


def _said(run: list[Wire | Raw]) -> list[Wire | Raw]:
    if not run:
        return []
    message: Wire = {"role": "assistant", "content": list(run)}
    run.clear()
    return [message]


def _made(part: Part, *, own: bool) -> Wire | Raw | None:
    match part:
        case ToolCall():
            return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments}
        case Reasoning():
            return sent_reasoning(part, own=own)
        case Opaque() if part.dialect == NAME:
            return part.raw
        case Opaque():
            raise foreign(part)
        case _:
            raise Unsupported(f"A {type(part).__name__} part has no place in this message.", param="messages")


def _output(part: Part) -> Wire | Raw:
    if isinstance(part, Opaque) and part.dialect == NAME:
        return part.raw
    if isinstance(part, Opaque):
        raise foreign(part)
    if not isinstance(part, ToolResult):
        raise Unsupported(f"A {type(part).__name__} part has no place in a tool's message.", param="messages")
    inner = part.parts
    output: str | list[Wire | Raw]
    output = inner[0].text if len(inner) == 1 and isinstance(inner[0], Text) else [content_part(each) for each in inner]
    if not inner:
        output = ""
    if part.is_error:
        # there is no flag for it here, and a failure that reads like a result misleads the model
        output = f"Error: {output}" if isinstance(output, str) else [{"type": "input_text", "text": "Error:"}, *output]
    return {"type": "function_call_output", "call_id": part.call_id, "output": output}


# --- tools, format, effort ---


def _tool(tool: Tool, *, own: bool) -> Wire:
    """``parameters`` and ``strict`` must be there, if only as null: null lets the server not enforce the schema, as the
    other dialects have it where nothing is said; here the default would be to enforce it."""
    parameters, strict = tool.parameters, tool.strict
    if not own and parameters is not None:
        parameters = object_schema(parameters)
        strict = None if strict and not fits_strict(parameters) else strict  # others let members be left out
    wire: Wire = {"type": "function", "name": tool.name, "parameters": parameters, "strict": strict}
    return wire if tool.description is None else wire | {"description": tool.description}


def _tool_choice(choice: ToolChoice | None) -> str | Wire | None:
    if choice is None:
        return None
    return {"type": "function", "name": choice.name or ""} if choice.mode == "tool" else choice.mode


def _text(request: Request, *, own: bool) -> Wire | None:
    """The format, beside what else stood in ``text`` (verbosity)."""
    kept = _kept(request, "text") if own else {}
    wanted = request.response_format
    if wanted is not None:
        kept["format"] = _format(wanted)
    return kept or None


def _format(wanted: ResponseFormat) -> Wire:
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    # a name and a schema are demanded here, and other vendors have none
    schema = {"type": "object"} if wanted.schema is None else wanted.schema
    wire: Wire = {"type": "json_schema", "name": wanted.name or "answer", "schema": schema}
    plain: Wire = {"description": wanted.description, "strict": wanted.strict}
    return wire | {name: value for name, value in plain.items() if value is not None}


def _reasoning(request: Request, *, own: bool) -> Wire | None:
    kept = _kept(request, "reasoning") if own else {}
    if request.reasoning_effort is not None:
        kept["effort"] = request.reasoning_effort
    return kept or None


def _kept(request: Request, name: str) -> dict[str, Any]:
    raw = request.extra.get(name)
    return {} if raw is None else opaque_fields(Opaque(NAME, raw))
