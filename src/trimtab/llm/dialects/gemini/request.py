"""A client's generateContent request -> `Request`. https://ai.google.dev/api/generate-content"""

from typing import Any

from msgspec import Raw

from trimtab.llm.dialects._reading import Cursor, Fields, encode, refuse_request, root
from trimtab.llm.dialects.gemini.hot import MOST_TOKENS
from trimtab.llm.dialects.gemini.parts import NAME, Calls, either, parts_of, text_at
from trimtab.llm.dialects.gemini.schemas import json_schema
from trimtab.llm.types import Message, Part, Request, ResponseFormat, Tool, ToolChoice, ToolResult

_TRANSLATED = {
    "model",
    "stream",
    "contents",
    "systemInstruction",
    "system_instruction",
    "tools",
    "toolConfig",
    "tool_config",
    "generationConfig",
    "generation_config",
}
"""All other fields are extras."""

_CONFIG = {
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
}
SHOWS_THOUGHTS = "includeThoughts"
"""The extra that keeps ``thinkingConfig.includeThoughts``."""
_LEVELS = {"minimal", "low", "medium", "high", "xhigh"}
_Config = dict[str, Cursor]


def parse_request(body: bytes) -> Request:
    """Of a body with its URL in it (`framing.framed`), or of one as a provider gets it: then the model is not known."""
    fields = root(body, refuse_request)
    extra = {name: fields.raw(name) for name in fields if name not in _TRANSLATED and fields.get(name) is not None}
    bound = [
        camel
        for camel, snake in (("cachedContent", "cached_content"), ("continuationToken", "continuation_token"))
        if camel in extra or snake in extra
    ]
    tools = _tools(fields, extra, bound)
    choice = _tool_choice(fields, extra, bound)
    config = _config(fields, extra, bound)
    effort, budget = _thinking(config, extra)
    return Request(
        dialect=NAME,
        model=fields.text("model") or "",
        messages=(*_system(fields), *_messages(fields)),
        tools=tools,
        tool_choice=choice,
        response_format=_format(config),
        max_tokens=_integer(config, "maxOutputTokens", 1, MOST_TOKENS),
        temperature=_number(config, "temperature", 0, 2),
        top_p=_number(config, "topP", 0, 1),
        top_k=_whole(config, "topK"),
        stop=tuple(item.text() for item in config["stopSequences"].items()) if "stopSequences" in config else (),
        seed=_integer(config, "seed", -(2**63), 2**63 - 1),
        reasoning_effort=effort,
        reasoning_budget=budget,
        stream=fields.boolean("stream") or False,
        extra=extra,
        binding=tuple(bound),
    )


# --- messages ---


def _system(fields: Fields) -> list[Message]:
    cursor = either(fields, "systemInstruction")
    if cursor is None:
        return []
    parts = tuple(parts_of(cursor.fields().items("parts"), Calls(), client=True))
    return [Message("system", parts)] if parts else []


def _messages(fields: Fields) -> list[Message]:
    items = fields.need("contents").items()
    if not items:
        raise fields.fail("contents", "is empty: a call needs at least one content")
    found: list[Message] = []
    calls = Calls()
    for item in items:
        content = item.fields()
        role = content.text("role") or "user"
        if role not in ("user", "model", "function", "tool"):  # the latter two of functions' responses
            raise content.fail("role", f"is {role[:50]!r}; it must be user or model")
        parts = parts_of(content.need("parts").items(), calls, client=True)
        found += [Message("assistant", tuple(parts))] if role == "model" else _split_results(parts)
    return found


def _split_results(parts: list[Part]) -> list[Message]:
    """A user's turn: each function's response becomes a message of its own; what stands between them stays together."""
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


# --- tools ---


def _tools(fields: Fields, extra: dict[str, Raw], bound: list[str]) -> tuple[Tool, ...]:
    """The functions. If there is any other kind of tool, the whole list also becomes a binding extra."""
    found: list[Tool] = []
    for item in fields.items("tools"):
        tool = item.fields()
        if not set(tool) <= {"functionDeclarations", "function_declarations"}:
            extra["tools"] = fields.raw("tools")
            bound.append(f"tools[].{next(iter(set(tool) - {'functionDeclarations', 'function_declarations'}))}"[:100])
        declared = either(tool, "functionDeclarations")
        found += [_function(each.fields()) for each in ([] if declared is None else declared.items())]
    return tuple(found)


def _function(function: Fields) -> Tool:
    whole, part = either(function, "parametersJsonSchema"), function.get("parameters")
    parameters: dict[str, Any] | None = None
    if whole is not None:
        whole.fields()
        parameters = whole.anything()
    elif part is not None:
        part.fields()
        parameters = json_schema(part.anything())
    return Tool(name=function.need("name").text(), description=function.text("description"), parameters=parameters)


def _tool_choice(fields: Fields, extra: dict[str, Raw], bound: list[str]) -> ToolChoice | None:
    outer = either(fields, "toolConfig")
    inner = None if outer is None else either(outer.fields(), "functionCallingConfig")
    if outer is None or inner is None:
        return None
    config = inner.fields()
    allowed = either(config, "allowedFunctionNames")
    names = [] if allowed is None else [item.text() for item in allowed.items()]
    match (config.text("mode") or "MODE_UNSPECIFIED").upper():
        case "ANY" if len(names) == 1:
            return ToolChoice(mode="tool", name=names[0])
        case "ANY" if not names:
            return ToolChoice(mode="required")
        case "ANY":  # a choice among some: others know all or one
            extra["toolConfig"] = outer.opaque()
            bound.append("toolConfig.functionCallingConfig.allowedFunctionNames")
            return ToolChoice(mode="required")
        case "NONE":
            return ToolChoice(mode="none")
        case "AUTO" | "VALIDATED":
            return ToolChoice(mode="auto")
        case "MODE_UNSPECIFIED":
            return None
        case _:
            raise config.fail("mode", "must be one of AUTO, ANY, NONE, VALIDATED")


# --- generationConfig ---


def _config(fields: Fields, extra: dict[str, Raw], bound: list[str]) -> _Config:
    """Its members by their camel-cased names; those that are not translated stay as an extra."""
    cursor = either(fields, "generationConfig")
    if cursor is None:
        return {}
    config = cursor.fields()
    found: _Config = {}
    rest: dict[str, Raw] = {}
    for given in config:
        member = config.get(given)
        if member is None:
            continue
        head, *more = given.split("_")
        name = head + "".join(word.capitalize() for word in more)
        if name in _CONFIG or (name == "responseFormat" and _text_format(member) is not None):
            found[name] = member
        else:
            rest[name] = member.opaque()
            if _decides(name, member):
                bound.append(f"generationConfig.{name}")
    if rest:
        extra["generationConfig"] = Raw(encode(rest))
    return found


def _decides(name: str, member: Cursor) -> bool:
    """Whether an extra decides what the answer is."""
    value = member.anything()
    match name:
        case "candidateCount":
            return value != 1
        case "responseModalities":
            return value not in ([], ["TEXT"], ["text"])
        case "responseLogprobs" | "logprobs" | "speechConfig" | "translationConfig" | "audioTranscriptionConfig":
            return bool(value)
        case "responseFormat":  # of sound, pictures or films: one of text is translated
            return bool(value)
        case _:
            return False


def _integer(config: _Config, name: str, low: int, high: int) -> int | None:
    return config[name].integer(low, high) if name in config else None


def _number(config: _Config, name: str, low: float, high: float) -> float | None:
    return config[name].number(low, high) if name in config else None


def _whole(config: _Config, name: str) -> int | None:
    """A count that Google types as a number: its SDK sends ``40.0``."""
    return int(config[name].number(0, MOST_TOKENS)) if name in config else None


def _format(config: _Config) -> ResponseFormat | None:
    mime = config["responseMimeType"].text() if "responseMimeType" in config else None
    whole, part = config.get("responseJsonSchema"), config.get("responseSchema")
    if whole is not None:
        whole.fields()
        return ResponseFormat(kind="json_schema", schema=whole.anything())
    if part is not None:
        part.fields()
        return ResponseFormat(kind="json_schema", schema=json_schema(part.anything()))
    if "responseFormat" in config:
        return _text_format(config["responseFormat"])
    if mime is None:
        return None
    return ResponseFormat(kind="json_object" if mime == "application/json" else "text")


def _text_format(member: Cursor) -> ResponseFormat | None:
    """The newer way to ask for JSON (``google.genai.types.TextResponseFormat``): a list of one format, or that format.
    None for formats of anything else."""
    given = member.items() if member.kind == "array" else [member]
    text = given[0].fields().get("text") if len(given) == 1 and given[0].kind == "object" else None
    if text is None or text.kind != "object":
        return None
    wanted = text.fields()
    schema = wanted.schema("schema")
    if schema is not None:
        return ResponseFormat(kind="json_schema", schema=schema)
    mime = (text_at(wanted, "mimeType") or "").lower().replace("_", "/")
    return ResponseFormat(kind="json_object" if mime == "application/json" else "text")


def _thinking(config: _Config, extra: dict[str, Raw]) -> tuple[str | None, int | None]:
    """Effort and budget. Whether thoughts are shown stays with the extra, as does a budget the model chooses (-1)."""
    cursor = config.get("thinkingConfig")
    if cursor is None:
        return None, None
    thinking = cursor.fields()
    budget_at, level = either(thinking, "thinkingBudget"), text_at(thinking, "thinkingLevel")
    budget = None if budget_at is None else budget_at.integer(-1, MOST_TOKENS)
    effort = level.lower() if level is not None and level.lower() in _LEVELS else None
    shows = either(thinking, "includeThoughts")
    if shows is not None:
        extra[SHOWS_THOUGHTS] = shows.opaque()
    if budget == 0:
        return "none", None
    return effort, budget if budget is not None and budget > 0 else None
