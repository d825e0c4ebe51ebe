"""`Request` -> the body of a Messages request, for a provider that speaks this dialect.

What has no place here is dropped where it is a hint (``seed``, penalties, another vendor's extras, its unsigned
thoughts, participants' names), and refused with `Unsupported` where the answer would not be what was asked for. Where
the vendor's own OpenAI-compatible endpoint has a rule, it is followed: https://docs.claude.com/en/api/openai-sdk.
"""

from msgspec import Raw

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._caching import MOST as _MOST_MARKS
from trimtab.llm.dialects._caching import cache_control
from trimtab.llm.dialects._claude import as_taken
from trimtab.llm.dialects._closed import closed_schema
from trimtab.llm.dialects._crossing import foreign, refuse_binding
from trimtab.llm.dialects._limits import check_blank_stops, within
from trimtab.llm.dialects._reading import encode_request
from trimtab.llm.dialects._tools import object_schema
from trimtab.llm.dialects.anthropic_messages.blocks import NAME, Wire, block_of
from trimtab.llm.types import Message, Opaque, Request, ResponseFormat, Text, Tool, ToolChoice

Block = Wire | Raw
_EFFORTS = {"minimal": "low"}
"""Efforts that only others know; https://docs.claude.com/en/docs/build-with-claude/effort"""


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    refuse_binding(request, NAME)
    own = request.dialect == NAME
    if not own:
        check_blank_stops(request)
        request = within(request, model)
    bound = request.max_tokens if request.max_tokens is not None else quirks.default_max_tokens
    if own:
        thinking = _thinking(request)
    else:
        request, thinking = as_taken(request, model, bound)
        thinking = thinking or _off(request)
    system, messages = _conversation(request, own=own)
    tools = [_tool(tool, own=own) for tool in request.tools]
    if tools and request.tools_cache:
        tools[-1]["cache_control"] = cache_control(request.tools_cache)
    if not own:
        _bound_marks([*tools, *system, *(block for message in messages for block in message["content"])])
    plain: Wire = {
        "system": system or None,
        # others go up to 2; the vendor's own translation caps what is above 1
        "temperature": None if request.temperature is None else min(request.temperature, 1.0),
        "top_p": request.top_p,
        "top_k": request.top_k,
        "stop_sequences": list(request.stop) or None,
        "tools": tools or None,
        "tool_choice": _tool_choice(request, own=own),
        "thinking": thinking,
        "output_config": _output_config(request, own=own) or None,
        "metadata": None if request.user is None else {"user_id": request.user},
        "stream": request.stream or None,
    }
    body: Wire = {"model": model, "max_tokens": bound, "messages": messages}
    body |= {name: value for name, value in plain.items() if value is not None}
    if own:
        body |= request.extra
    return encode_request(body)


# --- messages ---


def _conversation(request: Request, *, own: bool) -> tuple[list[Block], list[Wire]]:
    """The system prompt, and turns that alternate.

    System messages of other dialects are all moved to the front, as the vendor's own translation does: only its newest
    models take one in the middle.
    """
    system: list[Block] = []
    turns: list[tuple[str, list[Block]]] = []
    for message in request.messages:
        blocks = _blocks(message, own=own)
        if message.role in ("system", "developer") and (not own or not turns):
            system += blocks
            continue
        role = {"assistant": "assistant", "system": "system"}.get(message.role, "user")
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    if not turns:
        raise InvalidRequest(
            "A call of this provider needs a message that is not a system message and not empty.", param="messages"
        )
    if turns[-1][0] == "assistant" and not own:
        _cut_trailing_space(turns[-1][1][-1])
    return system, [{"role": role, "content": _results_first(blocks)} for role, blocks in turns]


def _bound_marks(blocks: list[Block]) -> None:
    """The last ones stay: each of them holds all that stands before it."""
    marked = [block for block in blocks if isinstance(block, dict) and "cache_control" in block]
    for block in marked[:-_MOST_MARKS]:
        del block["cache_control"]


def _cut_trailing_space(block: Block) -> None:
    """An answer that is begun for the model may not end in white space:
    https://docs.claude.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response"""
    if isinstance(block, dict) and block["type"] == "text":
        block["text"] = block["text"].rstrip()


def _blocks(message: Message, *, own: bool) -> list[Block]:
    if message.role in ("system", "developer"):
        for part in message.parts:
            if isinstance(part, Opaque) and part.dialect != NAME:
                raise foreign(part)
            if not isinstance(part, Text | Opaque):
                raise Unsupported("A system message may hold only text for this provider.", param="messages")
    blocks = (block_of(part, own=own) for part in message.parts)
    return [block for block in blocks if block is not None]


def _results_first(blocks: list[Block]) -> list[Block]:
    """Anthropic demands that tool results open the user's turn."""
    results = [block for block in blocks if isinstance(block, dict) and block["type"] == "tool_result"]
    if not results:
        return blocks
    return results + [block for block in blocks if not (isinstance(block, dict) and block["type"] == "tool_result")]


# --- tools, thinking, format ---


def _tool(tool: Tool, *, own: bool) -> Wire:
    given = tool.parameters if own and tool.parameters is not None else object_schema(tool.parameters)
    wire: Wire = {"name": tool.name, "input_schema": given}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.strict is not None:
        wire["strict"] = tool.strict
    return wire


def _tool_choice(request: Request, *, own: bool) -> Wire | None:
    choice = request.tool_choice
    if not own and not request.tools:
        return None  # refused where there is nothing to choose from
    if choice is None:
        if request.parallel_tool_calls is None or not request.tools:
            return None
        choice = ToolChoice()
    match choice.mode:
        case "none":
            return {"type": "none"}
        case "tool":
            wire: Wire = {"type": "tool", "name": choice.name or ""}
        case "required":
            wire = {"type": "any"}
        case "auto":
            wire = {"type": "auto"}
    if request.parallel_tool_calls is not None:
        wire["disable_parallel_tool_use"] = not request.parallel_tool_calls
    return wire


def _thinking(request: Request) -> Wire | None:
    if request.reasoning_budget is not None:
        return {"type": "enabled", "budget_tokens": request.reasoning_budget}
    return _off(request)


def _off(request: Request) -> Wire | None:
    return {"type": "disabled"} if request.reasoning_effort == "none" else None


def _output_config(request: Request, *, own: bool) -> Wire:
    """Structured output and effort stand here: https://docs.claude.com/en/docs/build-with-claude/structured-outputs"""
    config: Wire = {}
    effort = request.reasoning_effort
    if effort is not None and effort != "none":
        config["effort"] = effort if own else _EFFORTS.get(effort, effort)
    wanted: ResponseFormat | None = request.response_format
    if wanted is not None and wanted.kind == "json_object":
        raise Unsupported(
            "`response_format` json_object cannot be translated: this provider only follows a JSON schema.",
            fix="Use response_format json_schema.",
            param="response_format",
        )
    if wanted is not None and wanted.kind == "json_schema":
        schema = {"type": "object"} if wanted.schema is None else wanted.schema
        config["format"] = {"type": "json_schema", "schema": schema if own else closed_schema(schema)}
    return config
