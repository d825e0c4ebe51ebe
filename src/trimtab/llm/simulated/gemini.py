"""A simulated Gemini API. https://ai.google.dev/api/generate-content and /gemini-api/docs/thought-signatures

The shapes are those of Google's reference and of the types in its Python SDK; the errors those of its error page, and
what users were refused (`gemini_rules.py`). Of its models, those named ``gemini-3...`` sign their calls and refuse a
call of theirs that comes back unsigned.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal, cast

from trimtab.llm.simulated import gemini_rules
from trimtab.llm.simulated.answers import Ask, Said, an_object, answer, count, objects
from trimtab.llm.simulated.pictures import colour_of
from trimtab.llm.simulated.scenario import Scenario

MODELS = ("gemini-2.5-flash", "gemini-3-flash")
SIGNATURE = "c2ltdWxhdGVkLXNpZ25hdHVyZQ=="
UNSIGNED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_PATH = re.compile(r"/v1(?:beta|alpha)?/models/(.+):(generateContent|streamGenerateContent)")
COUNT_PATH = re.compile(r"/v1(?:beta|alpha)?/models/(.+):countTokens")
_FIELDS = {
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
}
_BUDGETS: tuple[tuple[str, int, int], ...] = (
    ("gemini-2.5-pro", 128, 32_768),
    ("gemini-2.5-flash-lite", 512, 24_576),
    ("gemini-2.5", 1, 24_576),
)
_MODES: dict[str, Literal["required", "none"]] = {"ANY": "required", "NONE": "none"}
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "Method doesn't allow unregistered callers."),
    404: ("NOT_FOUND", "models/none is not found for API version v1beta."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "The service is unable to finish processing within the deadline."),
}


class Refused(Exception):
    """The request is one that Google would not take."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": status, "message": message, "status": _ERRORS[status][0]}}


def find(path: str) -> dict[str, Any] | None:
    """Model and kind stand in the path."""
    found = _PATH.fullmatch(path)
    return {"model": found[1], "stream": found[2] == "streamGenerateContent"} if found else None


def presented_key(headers: dict[str, str]) -> str | None:
    return headers.get("x-goog-api-key")


def answer_headers(number: int) -> dict[str, str]:
    return {"server-timing": f"gfet4t7; dur={number}"}


def error_headers(number: int, status: int) -> dict[str, str]:  # noqa: ARG001 - the same for all
    return answer_headers(number)


def error_body(status: int, number: int, message: str | None = None) -> bytes:  # noqa: ARG001 - as Anthropic's
    word, words = _ERRORS.get(status) or _ERRORS[500 if status >= 500 else 400]
    error: dict[str, Any] = {"code": status, "message": message or words, "status": word}
    if status == 429:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}]
    return _dump({"error": error})


def stream_error(number: int, message: str | None = None) -> bytes:
    return b"data: " + error_body(503, number, message) + b"\r\n\r\n"


def check(body: dict[str, Any]) -> None:
    """Raises `Refused` for what the vendor refuses first."""
    for name in body:
        if _camel(name) not in _FIELDS:
            raise Refused(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    contents = objects(body.get("contents"))
    if not contents:
        raise Refused("* GenerateContentRequest.contents: contents is not specified\n")
    for index, content in enumerate(contents):
        if content.get("role", "user") not in ("user", "model"):
            raise Refused("Please use a valid role: user, model.")
        if not objects(content.get("parts")):
            raise Refused(f"* GenerateContentRequest.contents[{index}].parts: must not be empty\n")
        _check_responses(contents, index)
    if (why := gemini_rules.refusal(body)) is not None:
        raise Refused(why)
    _check_tools(body)
    config = _config(body)
    if config.get("responseSchema") is not None and config.get("responseJsonSchema") is not None:
        raise Refused("Only one of responseSchema and responseJsonSchema may be set.")
    thinking = _thinking(body)
    if thinking.get("thinkingBudget") is not None and thinking.get("thinkingLevel") is not None:
        raise Refused("You can only set only one of thinking budget and thinking level.")


def _check_tools(body: dict[str, Any]) -> None:
    for at, tool in enumerate(objects(body.get("tools"))):
        for index, declared in enumerate(objects(_list(tool, "functionDeclarations"))):
            if not _NAME.fullmatch(str(declared.get("name"))):
                raise Refused(
                    f"* GenerateContentRequest.tools[{at}].function_declarations[{index}].name: Invalid function name. "
                    "Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), "
                    "dots (.), colons (:), or dashes (-), with a maximum length of 64.\n"
                )


def _check_responses(contents: list[dict[str, Any]], index: int) -> None:
    """Every turn of responses must answer as many calls as the turn before it made, which may be several contents:
    Google's client keeps one for each event of a stream, and its last one is empty."""
    given = [part for part in objects(contents[index].get("parts")) if _member(part, "functionResponse")]
    first = index
    while first and contents[first - 1].get("role") == "model":
        first -= 1
    before = [part for content in contents[first:index] for part in objects(content.get("parts"))]
    calls = [part for part in before if "functionCall" in part or "function_call" in part]
    if given and len(calls) != len(given):
        raise Refused(
            "Please ensure that the number of function response parts is equal to the number of function call parts of "
            "the function call turn."
        )
    if any(not _member(part, "functionResponse").get("name") for part in given):
        raise Refused("* GenerateContentRequest.contents.parts.function_response.name: Name cannot be empty.\n")


def check_model(body: dict[str, Any], model: str) -> None:
    """What only some models refuse. Raises `Refused`."""
    if (why := gemini_rules.choice_refusal(body, model)) is not None:
        raise Refused(why)
    check_by_model(body, model)


def check_by_model(body: dict[str, Any], model: str) -> None:
    """The same, wherever the model is served."""
    if (why := gemini_rules.model_refusal(body, model)) is not None:
        raise Refused(why)
    _check_thinking(_thinking(body), model)
    if not model.startswith("gemini-3"):
        return
    for content in objects(body.get("contents")):
        calls = [part for part in objects(content.get("parts")) if "functionCall" in part]
        signed = calls[0].get("thoughtSignature") if calls else SIGNATURE
        if signed not in (SIGNATURE, *UNSIGNED):
            raise Refused("Function call is missing a thought_signature in functionCall parts.")


def _check_thinking(thinking: dict[str, Any], model: str) -> None:
    """https://ai.google.dev/gemini-api/docs/thinking#set-budget; https://github.com/vercel/ai/issues/8027 and
    https://github.com/vellum-ai/vellum-assistant/pull/32687"""
    budget, level = thinking.get("thinkingBudget"), thinking.get("thinkingLevel")
    least, most = next(((low, high) for name, low, high in _BUDGETS if model.startswith(name)), (0, 0))
    if most and budget == 0 and "-pro" in model:
        raise Refused("Budget 0 is invalid. This model only works in thinking mode.")
    if most and isinstance(budget, int) and budget not in (0, -1) and not least <= budget <= most:
        raise Refused(f"The thinking budget {budget} is invalid. Please choose a value between {least} and {most}.")
    if level is not None and str(level).upper() not in ("MINIMAL", "LOW", "MEDIUM", "HIGH"):
        raise Refused(f"Invalid value at 'generation_config.thinking_config.thinking_level': \"{level}\"")
    if "-pro" in model and str(level).upper() == "MINIMAL":
        raise Refused("Thinking level MINIMAL is not supported for this model.")


def ask_of(body: dict[str, Any]) -> Ask:
    contents = objects(body.get("contents"))
    users = [content for content in contents if content.get("role", "user") != "model"]
    last = objects(users[-1].get("parts")) if users else []
    config, choice = _config(body), _member(_member(body, "toolConfig"), "functionCallingConfig")
    allowed = cast("list[str]", choice.get("allowedFunctionNames") or [])
    tools = [each for tool in objects(body.get("tools")) for each in objects(_list(tool, "functionDeclarations"))]
    results = [_member(part, "functionResponse").get("response") for part in _parts(contents)]
    latest = objects(contents[-1].get("parts"))
    texts = [_text(content) for content in users]
    return Ask(
        last_text=next((text for text in reversed(texts) if text), ""),
        prompt_tokens=counted_tokens(body),
        answers_tool=any(_member(part, "functionResponse") for part in latest),
        tools=tuple((t["name"], _schema(t)) for t in tools),
        tool_mode=_MODES.get(str(choice.get("mode")), "auto"),
        tool_name=allowed[0] if len(allowed) == 1 else None,
        schema=config.get("responseJsonSchema") or _lowered(config.get("responseSchema")),
        json_object=config.get("responseMimeType") == "application/json",
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences") or ()),
        system=_text(_member(body, "systemInstruction")),
        before=" ".join(_text(content) for content in contents[:-1]),
        tool_text=" ".join(json.dumps(result, ensure_ascii=False) for result in results if result),
        colour=_colour(last),
    )


def _schema(tool: dict[str, Any]) -> dict[str, Any]:
    """What a tool takes; like every name of this API, in either of protobuf's spellings."""
    plain = tool.get("parametersJsonSchema") or tool.get("parameters_json_schema")
    return plain or _lowered(tool.get("parameters") or {})


def _parts(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for content in contents for part in objects(content.get("parts"))]


def counted_tokens(body: dict[str, Any]) -> int:
    texts = [_text(content) for content in objects(body.get("contents"))]
    return sum(3 + count(text) for text in [*texts, _text(_member(body, "systemInstruction"))] if text)


def counted(body: dict[str, Any]) -> bytes:
    """The answer of ``:countTokens``."""
    wrapped = _member(body, "generateContentRequest") or body
    return _dump({"totalTokens": counted_tokens(wrapped)})


def whole(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:
    said = answer(ask_of(body), scenario)
    parts: list[dict[str, Any]] = [{"text": "".join(said.pieces)}] if said.pieces else []
    parts += _calls(said, model, number)
    thought = _thought(body, scenario)
    if thought:
        parts.insert(0, {"text": thought, "thought": True})
    usage = _usage(body, said, scenario, said.output_tokens)
    return _dump(_answer(parts, model, number, _word(said)) | {"usageMetadata": usage})


def stream(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> Iterator[bytes]:
    """The chunks of an answer, each an event; every one tells the usage so far."""
    said = answer(ask_of(body), scenario)
    written = 0

    def chunk(part: dict[str, Any], word: str | None = None) -> bytes:
        told = _answer([part], model, number, word) | {"usageMetadata": _usage(body, said, scenario, written)}
        return b"data: " + _dump(told) + b"\r\n\r\n"

    thought = _thought(body, scenario)
    if thought:
        yield chunk({"text": thought, "thought": True})
    for number_of_it, piece in enumerate(said.pieces):
        written = number_of_it + 1
        yield chunk({"text": piece})
    for part in _calls(said, model, number):
        yield chunk(part)
    written = said.output_tokens
    yield chunk({"text": ""}, _word(said))


def _calls(said: Said, model: str, number: int) -> list[dict[str, Any]]:
    """Only the first of several calls is signed."""
    parts: list[dict[str, Any]] = []
    for index, (name, text) in enumerate(said.calls):
        try:
            arguments = json.loads(text)
        except ValueError:
            arguments = {}
        part: dict[str, Any] = {"functionCall": {"name": name, "args": arguments}}
        if model.startswith("gemini-3"):
            part["functionCall"]["id"] = f"call{number:06d}{index:02d}"
            part |= {} if index else {"thoughtSignature": SIGNATURE}
        parts.append(part)
    return parts


def _answer(parts: list[dict[str, Any]], model: str, number: int, word: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    candidate |= {} if word is None else {"finishReason": word}
    return {"candidates": [candidate], "modelVersion": model, "responseId": f"sim{number:019d}"}


def _word(said: Said) -> str:
    return "MAX_TOKENS" if said.end == "length" else "STOP"


def _thinks(body: dict[str, Any], scenario: Scenario) -> bool:
    thinking = _thinking(body)
    asked = bool(thinking.get("thinkingBudget") or thinking.get("thinkingLevel") or thinking.get("includeThoughts"))
    return scenario.defect != "no_thinking" and asked


def _thought(body: dict[str, Any], scenario: Scenario) -> str:
    shown = _thinking(body).get("includeThoughts") and _thinks(body, scenario)
    return scenario.reasoning_text or ("The tab is small; the rudder is great." if shown else "")


def _usage(body: dict[str, Any], said: Said, scenario: Scenario, output: int) -> dict[str, Any]:
    prompt = counted_tokens(body) + scenario.cached
    thoughts = scenario.reasoning or (16 if _thinks(body, scenario) else 0)
    told: dict[str, Any] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": min(output, said.output_tokens),
        "totalTokenCount": prompt + output + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
    }
    if asked := scenario.tier or body.get("serviceTier"):
        told["serviceTier"] = asked
    if scenario.cached:
        told["cachedContentTokenCount"] = scenario.cached
    if thoughts:
        told["thoughtsTokenCount"] = thoughts
    return told


def _config(body: dict[str, Any]) -> dict[str, Any]:
    return {_camel(name): value for name, value in _member(body, "generationConfig").items()}


def _thinking(body: dict[str, Any]) -> dict[str, Any]:
    return {_camel(name): value for name, value in _member(_config(body), "thinkingConfig").items()}


def _member(value: dict[str, Any], name: str) -> dict[str, Any]:
    """An object under a camel-cased name, or its snake-cased twin."""
    return an_object(value.get(name) or value.get(re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name)))


def _list(value: dict[str, Any], name: str) -> Any:
    return value.get(name) or value.get(re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _lowered(schema: Any) -> Any:
    """Google's schema with JSON schema's names of types."""
    if isinstance(schema, list):
        return [_lowered(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    known = an_object(schema)
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _lowered(value)
        for name, value in known.items()
    }


def _text(content: dict[str, Any]) -> str:
    parts = objects(content.get("parts"))
    return " ".join(str(part["text"]) for part in parts if part.get("text") and not part.get("thought"))


def _colour(parts: list[dict[str, Any]]) -> str:
    blobs = [_member(part, "inlineData").get("data") for part in parts if _member(part, "inlineData")]
    return colour_of(str(blobs[-1])) if blobs else ""


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
