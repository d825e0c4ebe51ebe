"""What Google refuses of a generateContent call beside what its reference says, as users met it, in its words.

Empty parts https://github.com/router-for-me/CLIProxyAPI/issues/1292, responses of functions
https://github.com/google-gemini/gemini-cli/issues/3814, alone in their turn
https://github.com/anomalyco/opencode/pull/43479, with pictures https://github.com/google-gemini/gemini-cli/issues/19436,
calls at the beginning https://github.com/google-gemini/gemini-cli/issues/11814, an answer at the end
https://github.com/pipecat-ai/pipecat/pull/5821, a choice without functions
https://github.com/pydantic/pydantic-ai/pull/5791, JSON beside functions
https://github.com/googleapis/python-genai/issues/867, stops https://github.com/continuedev/continue/issues/2702,
penalties https://github.com/PublicAffairs/openai-gemini/issues/63, thinking
https://github.com/googleapis/js-genai/issues/681, https://github.com/fishjar/kiss-translator/issues/1048 and
https://github.com/RooCodeInc/Roo-Code/issues/10700, kinds of media https://github.com/googleapis/python-genai/issues/829,
many functions https://github.com/google-gemini/gemini-cli/issues/19083, schemas
https://github.com/anomalyco/opencode/issues/12295, https://github.com/google-gemini/gemini-cli/issues/13326,
https://github.com/probelabs/probe/issues/569 and https://github.com/googleapis/python-genai/issues/2170.
"""

import re
from typing import Any, cast

from trimtab.llm.simulated.answers import an_object, objects

Body = dict[str, Any]
_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_MEDIA = re.compile(r"image/(?:png|jpeg|webp|heic|heif)|application/pdf|text/[\w.+-]+|audio/[\w.+-]+|video/[\w.+-]+")
_MOST_ITEMS = 960
_INT32 = 2**31


def get(value: Any, name: str) -> Any:
    """A member under a camel-cased name, or its snake-cased twin."""
    known = an_object(value)
    return known[name] if name in known else known.get(re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name))


def version(model: str) -> tuple[int, int]:
    found = _VERSION.search(model)
    return (99, 0) if found is None else (int(found[1]), int(found[2] or 0))


def functions(body: Body) -> list[Body]:
    return [each for tool in objects(body.get("tools")) for each in objects(get(tool, "functionDeclarations"))]


def refusal(body: Body) -> str | None:
    """Whatever the model."""
    return _of_contents(objects(body.get("contents"))) or _of_config(get(body, "generationConfig")) or _of_tools(body)


def model_refusal(body: Body, model: str) -> str | None:
    known, config = version(model), get(body, "generationConfig")
    contents = objects(body.get("contents"))
    if known < (3, 0) and functions(body) and get(config, "responseMimeType") == "application/json":
        return "Function calling with a response mime type: 'application/json' is unsupported"
    if known >= (2, 5) and (get(config, "frequencyPenalty") or get(config, "presencePenalty")):
        return f"Penalty is not enabled for models/{model}"
    if known < (3, 0) and any(get(get(part, "functionResponse"), "parts") for part in _parts(contents)):
        return "Unable to submit request because `function_response.parts` is not supported for this model."
    ends = (known >= (3, 6) or (known == (3, 5) and "lite" in model)) and contents[-1].get("role") == "model"
    if ends:
        return "Requests ending with a model turn are not supported."
    return _of_thinking(get(config, "thinkingConfig"), known, model)


def _of_thinking(thinking: Any, known: tuple[int, int], model: str) -> str | None:
    if not thinking:
        return None
    if known < (2, 5):
        return "Unable to submit request because thinking is not supported by this model."
    level = str(get(thinking, "thinkingLevel") or "").lower()
    if level and known < (3, 0):
        return "Thinking level is not supported for this model."
    if level == "minimal" and known >= (3, 7):
        return "'minimal' is not a supported thinking level for this model. Allowed values are: medium, low, high."
    if level == "medium" and known == (3, 0) and "-pro" in model:
        return "Thinking level MEDIUM is not supported for this model."
    return None


def choice_refusal(body: Body, model: str) -> str | None:
    """Only the Gemini API's, and only of models before 3."""
    chosen = get(get(body, "toolConfig"), "functionCallingConfig")
    if chosen and not functions(body) and version(model) < (3, 0):
        return "Function calling config is set without function_declarations."
    return None


def _parts(contents: list[Body]) -> list[Body]:
    return [part for content in contents for part in objects(content.get("parts"))]


def _of_contents(contents: list[Body]) -> str | None:
    for index, content in enumerate(contents):
        parts = objects(content.get("parts"))
        for at, part in enumerate(parts):
            if part == {"text": ""} and content.get("role") != "model":  # Google's own client hands such back
                place = f"GenerateContentRequest.contents[{index}].parts[{at}].data"
                return f"* {place}: required oneof field 'data' must have one initialized field\n"
            kind = get(get(part, "inlineData"), "mimeType") or get(get(part, "fileData"), "mimeType")
            if kind is not None and not _MEDIA.fullmatch(str(kind)):
                return f"Unsupported MIME type: {kind}"
        answers = [part for part in parts if get(part, "functionResponse")]
        if answers and len(answers) != len(parts):
            return (
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
    first = contents[0]
    if first.get("role") == "model" and any(get(part, "functionCall") for part in objects(first.get("parts"))):
        return (
            "Please ensure that function call turn comes immediately after a user turn or after a function response "
            "turn."
        )
    return None


def _of_config(config: Any) -> str | None:
    stops: Any = get(config, "stopSequences") or []
    if len(stops) > 5:
        return "the number of stop_sequences must not exceed 5"
    seed = get(config, "seed")
    if seed is not None and not -_INT32 <= seed < _INT32:
        return f"Invalid value at 'generation_config.seed' (TYPE_INT32), {seed}"
    schema = get(config, "responseJsonSchema")
    return None if schema is None else of_schema(schema, "generation_config.response_json_schema")


def _of_tools(body: Body) -> str | None:
    declared = functions(body)
    if len(declared) > 512:
        return (
            "The GenerateContentRequest proto is invalid:\n  * tools[0].function_declarations: [FIELD_INVALID] At most "
            "512 function declarations can be specified."
        )
    for index, each in enumerate(declared):
        schema = get(each, "parametersJsonSchema")
        if schema is None:
            continue
        place = f"tools[0].function_declarations[{index}].parameters_json_schema"
        if an_object(schema).get("type") != "object":
            name = each.get("name")
            return f"Unable to submit request because {name} functionDeclaration parameters should be of type OBJECT"
        if (why := of_schema(schema, place)) is not None:
            return why
    return None


def of_schema(schema: Any, place: str) -> str | None:
    """Of a JSON schema, for what it is refused."""
    whole = an_object(schema)
    if _bounds(whole) > _MOST_ITEMS:
        return "Request contains an invalid argument."
    return _of_node(whole, an_object(whole.get("$defs")), place)


def _bounds(schema: Any) -> int:
    if isinstance(schema, list):
        return sum(map(_bounds, cast("list[Any]", schema)))
    known = an_object(schema)
    most = known.get("maxItems")
    return (most if isinstance(most, int) else 0) + sum(map(_bounds, known.values()))


def _of_node(schema: Body, defined: Body, place: str) -> str | None:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        beside = [name for name in schema if not name.startswith("$")]
        if beside:
            return f"$ref '{reference}' was set alongside unsupported fields. at {place}"
        known = reference.startswith("#/$defs/") and reference.removeprefix("#/$defs/") in defined
        return None if known else f"reference to undefined schema at {place}"
    values: Any = schema.get("enum")
    plain = not isinstance(values, list) or all(
        isinstance(each, str | int | float) and not isinstance(each, bool) for each in cast("list[Any]", values)
    )
    if not plain:
        return f"Invalid value at '{place}.enum'"
    members = an_object(schema.get("properties"))
    for index, name in enumerate(cast("list[Any]", schema.get("required") or [])):
        if members and name not in members:
            return f"* GenerateContentRequest.{place}.required[{index}]: property is not defined\n"
    inner = [(f"{place}.properties[{name}]", each) for name, each in members.items()]
    inner += [(f"{place}.{name}", schema.get(name)) for name in ("items", "additionalProperties")]
    inner += [(f"{place}.any_of[{at}]", each) for at, each in enumerate(objects(schema.get("anyOf")))]
    inner += [(f"{place}.$defs[{name}]", each) for name, each in an_object(schema.get("$defs")).items()]
    for where, each in inner:
        if isinstance(each, dict) and (why := _of_node(cast("Body", each), defined, where)) is not None:
            return why
    return None
