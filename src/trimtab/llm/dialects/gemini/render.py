"""`Request` -> the body of a generateContent request, for a provider that speaks this dialect.

What has no place here is dropped where it is a hint (a tool's ``strict``, the user, another vendor's extras and
thoughts), and refused with `Unsupported` where the answer would not be what was asked for.
"""

from typing import Any

from trimtab.core.errors import Unsupported
from trimtab.llm.dialects import Quirks
from trimtab.llm.dialects._crossing import opaque_fields, refuse_binding
from trimtab.llm.dialects._hints import gemini_hints, tier_hint
from trimtab.llm.dialects._limits import check_bound
from trimtab.llm.dialects._reading import encode_request
from trimtab.llm.dialects._tools import object_schema
from trimtab.llm.dialects.gemini.google_schema import google_schema
from trimtab.llm.dialects.gemini.parts import NAME, Wire
from trimtab.llm.dialects.gemini.request import SHOWS_THOUGHTS
from trimtab.llm.dialects.gemini.taken import as_taken, budget_of, is_before, takes_penalties, thinking_of
from trimtab.llm.dialects.gemini.turns import conversation
from trimtab.llm.types import Opaque, Request, Tool


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    refuse_binding(request, NAME)
    own = request.dialect == NAME
    check_bound(request)
    if request.parallel_tool_calls is False and request.tools:
        raise Unsupported(
            "`parallel_tool_calls` false cannot be translated: a Gemini model may call several tools at once.",
            fix="Leave it out, or call a model of a provider that speaks another dialect.",
            param="parallel_tool_calls",
        )
    if not own:
        request = as_taken(request, model)
    system, contents = conversation(request, model, quirks, own=own)
    functions = [_function(tool, own=own) for tool in request.tools]
    plain: Wire = {
        "systemInstruction": {"parts": system} if system else None,
        "tools": [{"functionDeclarations": functions}] if functions else None,
        # refused where there is nothing to choose from: https://github.com/pydantic/pydantic-ai/pull/5791
        "toolConfig": _tool_config(request) if own or functions else None,
        "generationConfig": _config(request, model, own=own) or None,
    }
    body: Wire = {"contents": contents}
    body |= {name: value for name, value in plain.items() if value is not None}
    if own:
        body |= {name: raw for name, raw in request.extra.items() if name not in ("generationConfig", SHOWS_THOUGHTS)}
    elif tier := tier_hint(request, quirks):
        body["serviceTier"] = tier
    return encode_request(body)


# --- tools and configuration ---


def _function(tool: Tool, *, own: bool) -> Wire:
    parameters = tool.parameters if own or tool.parameters is None else google_schema(object_schema(tool.parameters))
    plain: Wire = {"description": tool.description, "parametersJsonSchema": parameters}
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
    config: Wire = {name: value for name, value in plain.items() if value is not None} | _format(request, own=own)
    if not own and takes_penalties(model):
        config |= gemini_hints(request)
    elif own and "generationConfig" in request.extra:
        config |= opaque_fields(Opaque(NAME, request.extra["generationConfig"]))
    return config


def _format(request: Request, *, own: bool) -> Wire:
    wanted = request.response_format
    if wanted is None:
        return {}
    if wanted.kind == "text":
        return {"responseMimeType": "text/plain"}
    if wanted.kind == "json_object":
        return {"responseMimeType": "application/json"}
    schema: dict[str, Any] = {"type": "object"} if wanted.schema is None else wanted.schema
    schema = schema if own else google_schema(schema)
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def _thinking(request: Request, model: str, *, own: bool) -> Wire:
    """A budget, or an effort as a level, or as a budget for older models; never both, which Google refuses."""
    if own:
        return _own_thinking(request, model)
    level, budget = thinking_of(request.reasoning_effort, request.reasoning_budget, model)
    if budget is None:
        return {} if level is None else {"thinkingLevel": level.upper()}
    # who gives thinking a budget elsewhere is shown the thoughts
    return {"thinkingBudget": budget} | ({} if request.reasoning_budget is None else {"includeThoughts": True})


def _own_thinking(request: Request, model: str) -> Wire:
    """As the client said it: a budget of 0 has become an effort of none on the way (`request.py`)."""
    effort, budget = request.reasoning_effort, request.reasoning_budget
    config: Wire = {}
    if budget is not None or effort == "none":
        config["thinkingBudget"] = budget or 0
    elif effort is not None and is_before(model, (3, 0)):
        config["thinkingBudget"] = budget_of(effort)
    elif effort is not None:
        config["thinkingLevel"] = effort.upper()
    if SHOWS_THOUGHTS in request.extra:
        config["includeThoughts"] = request.extra[SHOWS_THOUGHTS]
    return config
