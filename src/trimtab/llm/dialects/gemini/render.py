"""`Request` -> the body of a generateContent request, for a provider that speaks this dialect.

What has no place here is dropped where it is a hint (a tool's ``strict``, the user, another vendor's extras and
thoughts), and refused with `Unsupported` where the answer would not be what was asked for.
"""

from typing import Any

from msgspec import Raw

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._crossing import foreign, opaque_fields, refuse_binding
from trimtab.llm.dialects._documents import gemini_part
from trimtab.llm.dialects._hints import gemini_hints, tier_hint
from trimtab.llm.dialects._limits import check_bound, check_stops, within
from trimtab.llm.dialects._reading import encode_request
from trimtab.llm.dialects.gemini.parts import NAME, Wire, Writer, media_wire, result_wire
from trimtab.llm.dialects.gemini.request import SHOWS_THOUGHTS
from trimtab.llm.types import Image, Message, Opaque, Part, Refusal, Request, Text, Tool, ToolCall, ToolResult

_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
"""Efforts in tokens, for models before Gemini 3: https://ai.google.dev/gemini-api/docs/openai#thinking"""
_LEVELS = {"xhigh": "HIGH", "max": "HIGH"}
"""Efforts that only others know: https://ai.google.dev/gemini-api/docs/thinking#thinking-levels"""
_BUDGETED = ("gemini-1", "gemini-2")
_MOST = 24_576
_MOST_STOPS = 5
"""https://ai.google.dev/api/generate-content#GenerationConfig (``stopSequences``)"""
_RANGES = (("gemini-2.5-pro", 128, 32_768), ("gemini-2.5-flash-lite", 512, _MOST), ("gemini-2.5", 1, _MOST))
"""What the models that think within a budget take: https://ai.google.dev/gemini-api/docs/thinking#set-budget. Pro
cannot be kept from thinking, and knows no minimal level (https://github.com/vellum-ai/vellum-assistant/pull/32687)."""


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    refuse_binding(request, NAME)
    own = request.dialect == NAME
    check_bound(request)
    if not own:
        check_stops(request, _MOST_STOPS)
        request = within(request, model)
    if request.parallel_tool_calls is False and request.tools:
        raise Unsupported(
            "`parallel_tool_calls` false cannot be translated: a Gemini model may call several tools at once.",
            fix="Leave it out, or call a model of a provider that speaks another dialect.",
            param="parallel_tool_calls",
        )
    system, contents = _conversation(request, own=own)
    plain: Wire = {
        "systemInstruction": {"parts": system} if system else None,
        "tools": [{"functionDeclarations": [_function(tool) for tool in request.tools]}] if request.tools else None,
        "toolConfig": _tool_config(request),
        "generationConfig": _config(request, model, own=own) or None,
    }
    body: Wire = {"contents": contents}
    body |= {name: value for name, value in plain.items() if value is not None}
    if own:
        body |= {name: raw for name, raw in request.extra.items() if name not in ("generationConfig", SHOWS_THOUGHTS)}
    elif tier := tier_hint(request, quirks):
        body["serviceTier"] = tier
    return encode_request(body)


# --- messages ---


def _conversation(request: Request, *, own: bool) -> tuple[list[Wire | Raw], list[Wire]]:
    """The system instruction, into which all system messages go, and turns that alternate."""
    system: list[Wire | Raw] = []
    turns: list[tuple[str, list[Wire | Raw]]] = []
    names: dict[str, str] = {}
    for message in request.messages:
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        if message.role in ("system", "developer"):
            system += [_system_part(part) for part in message.parts]
            continue
        role = "model" if message.role == "assistant" else "user"
        parts = _spoken(message, own=own) if role == "model" else _asked(message, names)
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        elif parts:
            turns.append((role, parts))
    if not turns:
        raise InvalidRequest(
            "A call of this provider needs a message that is not a system message and not empty.", param="messages"
        )
    return system, [{"role": role, "parts": parts} for role, parts in turns]


def _system_part(part: Part) -> Wire | Raw:
    if isinstance(part, Opaque) and part.dialect == NAME:
        return part.raw
    if isinstance(part, Opaque):
        raise foreign(part)
    if not isinstance(part, Text | Refusal):
        raise Unsupported("A system message may hold only text for this provider.", param="messages")
    return {"text": part.text}


def _spoken(message: Message, *, own: bool) -> list[Wire | Raw]:
    writer = Writer(provider=True, own=own)
    found: list[Wire | Raw] = []
    for part in message.parts:
        found += writer.write(part)
    return found + writer.rest()


def _asked(message: Message, names: dict[str, str]) -> list[Wire | Raw]:
    found: list[Wire | Raw] = []
    for part in message.parts:
        match part:
            case Text() | Refusal():
                found.append({"text": part.text})
            case Image():
                found.append(media_wire(part))
            case ToolResult():
                # the function's name is demanded here, and other dialects answer by the call's id alone
                found.append(result_wire(part, names.get(part.call_id) or part.call_id))
            case Opaque() if part.dialect == NAME:
                found.append(part.raw)
            case Opaque():
                found.append(gemini_part(part))
            case _:
                raise Unsupported(f"A {type(part).__name__} part has no place in this message.", param="messages")
    return found


# --- tools and configuration ---


def _function(tool: Tool) -> Wire:
    plain: Wire = {"description": tool.description, "parametersJsonSchema": tool.parameters}
    return {"name": tool.name} | {name: value for name, value in plain.items() if value is not None}


def _tool_config(request: Request) -> Wire | None:
    choice = request.tool_choice
    if choice is None:
        return None
    match choice.mode:
        case "auto":
            config: Wire = {"mode": "AUTO"}
        case "none":
            config = {"mode": "NONE"}
        case "required":
            config = {"mode": "ANY"}
        case "tool":
            config = {"mode": "ANY", "allowedFunctionNames": [choice.name or ""]}
    return {"functionCallingConfig": config}


def _config(request: Request, model: str, *, own: bool) -> Wire:
    plain: Wire = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "thinkingConfig": _thinking(request, model, own=own) or None,
    }
    config: Wire = {name: value for name, value in plain.items() if value is not None} | _format(request)
    if not own:
        config |= gemini_hints(request)
    elif "generationConfig" in request.extra:
        config |= opaque_fields(Opaque(NAME, request.extra["generationConfig"]))
    return config


def _format(request: Request) -> Wire:
    wanted = request.response_format
    if wanted is None:
        return {}
    if wanted.kind == "text":
        return {"responseMimeType": "text/plain"}
    if wanted.kind == "json_object":
        return {"responseMimeType": "application/json"}
    schema: dict[str, Any] = {"type": "object"} if wanted.schema is None else wanted.schema
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def _thinking(request: Request, model: str, *, own: bool) -> Wire:
    """A budget, or an effort as a level, or as a budget for older models; never both, which Google refuses."""
    config: Wire = {}
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if not own:
        effort, budget = _as_taken(effort, budget, model)
    if budget is not None:
        config["thinkingBudget"] = budget
        config["includeThoughts"] = True  # who gives thinking a budget elsewhere is shown the thoughts
    elif effort == "none":
        config["thinkingBudget"] = 0
    elif effort is not None and model.startswith(_BUDGETED):
        config["thinkingBudget"] = _BUDGETS.get(effort, _BUDGETS["medium"])
    elif effort is not None:
        config["thinkingLevel"] = effort.upper() if own else _LEVELS.get(effort, effort.upper())
    if own:
        config.pop("includeThoughts", None)
        if SHOWS_THOUGHTS in request.extra:
            config["includeThoughts"] = request.extra[SHOWS_THOUGHTS]
    return config


def _as_taken(effort: str | None, budget: int | None, model: str) -> tuple[str | None, int | None]:
    """What another dialect asks for, as the model takes it."""
    least, most = next(((low, high) for name, low, high in _RANGES if model.startswith(name)), (0, 0))
    if budget is not None and most:
        budget = min(max(budget, least), most)
    if "-pro" in model and effort == "none":
        effort = "low" if not model.startswith(_BUDGETED) else "minimal"
    elif "-pro" in model and effort == "minimal" and not model.startswith(_BUDGETED):
        effort = "low"
    return effort, budget
