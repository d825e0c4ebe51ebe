"""A simulated OpenAI. https://platform.openai.com/docs/api-reference/chat

The shapes are those of OpenAI's reference and of the types in its Python SDK; the errors those of its error guide.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from trimtab.llm.simulated import gpt
from trimtab.llm.simulated.answers import Ask, Said, an_object, answer, count, objects
from trimtab.llm.simulated.pictures import colour_of
from trimtab.llm.simulated.scenario import Scenario

PATH = "/v1/chat/completions"
_AZURE = re.compile(r"/openai/(?:v1|deployments/([^/]+))/chat/completions")
"""https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference; the same shapes under other paths."""

CREATED = 1_750_000_000
MODELS = ("gpt-4o-mini", "gpt-5-mini")

_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-sim."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", "service_unavailable", "The engine is currently overloaded, please try again later."),
}


class Refused(Exception):
    """The request is one that OpenAI would not take."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def find(path: str) -> dict[str, Any] | None:
    """OpenAI's path, or one of Azure's: there a deployment may stand in for the model."""
    if path == PATH:
        return {}
    found = _AZURE.fullmatch(path)
    return None if found is None else ({"model": found[1]} if found[1] else {})


def presented_key(headers: dict[str, str]) -> str | None:
    if "api-key" in headers:  # Azure's way
        return headers["api-key"]
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def answer_headers(number: int) -> dict[str, str]:
    return {"x-request-id": f"req_{number:032x}"}


def error_headers(number: int, status: int) -> dict[str, str]:  # noqa: ARG001 - the same for all
    return answer_headers(number)


def error_body(status: int, number: int, message: str | None = None) -> bytes:  # noqa: ARG001 - as Anthropic's
    kind, code, words = _ERRORS.get(status) or _ERRORS[500 if status >= 500 else 400]
    return _dump({"error": {"message": message or words, "type": kind, "param": None, "code": code}})


def stream_error(number: int, message: str | None = None) -> bytes:
    return b"data: " + error_body(500, number, message) + b"\n\n"


def check(body: dict[str, Any]) -> None:
    """Raises `Refused` for what the vendor refuses first."""
    if not isinstance(body.get("model"), str):
        raise Refused("you must provide a model parameter")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    known = ("system", "developer", "user", "assistant", "tool", "function")
    for index, message in enumerate(map(an_object, cast("list[Any]", messages))):
        role = message.get("role")
        if role not in known:
            raise Refused(f"Invalid value: '{role}'.", f"messages[{index}].role", "invalid_value")
        if role == "tool" and not message.get("tool_call_id"):
            raise Refused("Missing parameter 'tool_call_id'.", f"messages[{index}].tool_call_id")
        for at, part in enumerate(objects(message.get("content"))):
            _check_file(f"messages[{index}].content[{at}].file", part)
    if body.get("stream_options") is not None and not body.get("stream"):
        raise Refused("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    _check_calls(objects(messages))
    _check_shapes(body)


def check_model(body: dict[str, Any], model: str) -> None:
    """Raises `Refused` for what this model refuses and others do not."""
    refuse(gpt.refusal(body, model, body.get("reasoning_effort"), "reasoning_effort"))
    refuse(gpt.refusal_of_bound(body, model))
    refuse(gpt.refusal_in_chat(body, model))


def refuse(why: gpt.Why | None) -> None:
    if why is not None:
        raise Refused(*why)


def _check_calls(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        refuse(gpt.too_many(message.get("tool_calls"), 128, f"messages[{index}].tool_calls"))
        for at, call in enumerate(objects(message.get("tool_calls"))):
            refuse(gpt.too_long(call.get("id"), 40, f"messages[{index}].tool_calls[{at}].id"))


def _check_shapes(body: dict[str, Any]) -> None:
    refuse(gpt.too_long(body.get("user"), 64, "user"))
    refuse(gpt.too_many(body.get("stop"), 4, "stop"))
    refuse(gpt.refusal_of_types(body))
    for index, tool in enumerate(objects(body.get("tools"))):
        if tool.get("type") == "function" and not an_object(tool.get("function")).get("name"):
            where = f"tools[{index}].function" + (".name" if an_object(tool.get("function")) else "")
            raise Refused(f"Missing required parameter: '{where}'.", where, "missing_required_parameter")
    tools = [(f"tools[{i}].function", an_object(t.get("function"))) for i, t in enumerate(objects(body.get("tools")))]
    refuse(gpt.refusal_of_tools(body, [each for each in tools if each[1]]))
    format_ = an_object(body.get("response_format"))
    wanted = an_object(format_.get("json_schema"))
    refuse(gpt.refusal_of_format(wanted.get("schema"), strict=wanted.get("strict") is True, where="response_format"))
    said = json.dumps(body["messages"]).lower()
    if format_.get("type") == "json_object" and "json" not in said:
        words = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        raise Refused(words, "messages")


def _check_file(where: str, part: dict[str, Any]) -> None:
    """A file is of OpenAI's store, or comes along."""
    file = an_object(part.get("file"))
    if part.get("type") == "file" and not (file.get("file_id") or file.get("file_data")):
        raise Refused("Missing required parameter: 'file_id' or 'file_data'.", where, "missing_required_parameter")


def ask_of(body: dict[str, Any]) -> Ask:
    messages = cast("list[dict[str, Any]]", body["messages"])
    last_user = next((m for m in reversed(messages) if m["role"] == "user"), None)
    choice = body.get("tool_choice")
    forced = an_object(an_object(choice).get("function")).get("name")
    format_ = an_object(body.get("response_format"))
    stop = body.get("stop")
    last_content = last_user.get("content") if last_user else ""
    tools = [an_object(t.get("function")) for t in objects(body.get("tools")) if t.get("type") == "function"]
    return Ask(
        last_text=_text(last_content),
        prompt_tokens=sum(3 + count(_text(m.get("content"))) for m in messages) + 3,
        answers_tool=messages[-1]["role"] == "tool",
        tools=tuple((t["name"], t.get("parameters") or {}) for t in tools),
        tool_mode=choice if choice in ("none", "required") else "auto",
        tool_name=forced,
        schema=an_object(format_.get("json_schema")).get("schema"),
        json_object=format_.get("type") == "json_object",
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        system=_texts(messages, "system", "developer"),
        before=_texts(messages[:-1], "user", "assistant"),
        tool_text=_texts(messages, "tool"),
        colour=_colour(last_content),
        parallel=body.get("parallel_tool_calls") is not False,
    )


def _texts(messages: list[dict[str, Any]], *roles: str) -> str:
    return " ".join(_text(m.get("content")) for m in messages if m["role"] in roles).strip()


def _colour(content: Any) -> str:
    urls = [an_object(p.get("image_url")).get("url") for p in objects(content) if p.get("type") == "image_url"]
    return colour_of(str(urls[-1]).rpartition("base64,")[2]) if urls else ""


def whole(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:
    said = answer(ask_of(body), scenario)
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if said.calls:
        message["tool_calls"] = [_tool_call(number, i, name, text) for i, (name, text) in enumerate(said.calls)]
    else:
        message["content"] = "".join(said.pieces)
    if scenario.reasoning_text is not None:
        message["reasoning_content"] = scenario.reasoning_text
    choices = [
        {"index": i, "message": message, "logprobs": None, "finish_reason": _finish(said)}
        for i in range(body.get("n") or 1)
    ]
    told = _head("chat.completion", model, number, tier_used(body, scenario)) | {"choices": choices}
    if scenario.usage:
        told["usage"] = _usage(body, said, scenario)
    return _dump(told)


def stream(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> Iterator[bytes]:
    """The chunks of an answer, each a whole event."""
    said = answer(ask_of(body), scenario)
    with_usage = bool(an_object(body.get("stream_options")).get("include_usage")) and scenario.usage

    tier = tier_used(body, scenario)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        told = _head("chat.completion.chunk", model, number, tier) | {"choices": [choice]}
        return _event(told | {"usage": None} if with_usage else told)

    yield chunk({"role": "assistant", "content": None if said.calls else "", "refusal": None})
    if scenario.reasoning_text is not None:
        yield chunk({"reasoning_content": scenario.reasoning_text})
    for piece in said.pieces:
        yield chunk({"content": piece})
    for index, (name, text) in enumerate(said.calls):
        first = _tool_call(number, index, name, "") | {"index": index}
        yield chunk({"tool_calls": [first]})
        for start in range(0, len(text), 7):  # the vendor cuts arguments anywhere
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": text[start : start + 7]}}]})
    yield chunk({}, _finish(said))
    if with_usage:
        told: dict[str, Any] = {"choices": [], "usage": _usage(body, said, scenario)}
        yield _event(_head("chat.completion.chunk", model, number, tier) | told)
    yield b"data: [DONE]\n\n"


def tier_used(body: dict[str, Any], scenario: Scenario) -> str:
    """As OpenAI answers: never ``auto``, and ``priority`` for ``fast``, which is another name of it."""
    asked = scenario.tier or body.get("service_tier")
    return {None: "default", "auto": "default", "fast": "priority"}.get(asked, str(asked))


def _head(kind: str, model: str, number: int, tier: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number:029d}",
        "object": kind,
        "created": CREATED,
        "model": model,
        "service_tier": tier,
        "system_fingerprint": "fp_simulated",
    }


def _tool_call(number: int, index: int, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{number:020d}{index:04d}", "type": "function", "function": function}


def _finish(said: Said) -> str:
    return "stop" if said.end == "stop_sequence" else said.end


def _usage(body: dict[str, Any], said: Said, scenario: Scenario) -> dict[str, Any]:
    prompt = ask_of(body).prompt_tokens + scenario.cached + scenario.cache_write
    effort = body.get("reasoning_effort")
    thinks = effort not in (None, "none") and scenario.defect != "no_thinking"
    reasoning = scenario.reasoning or (16 if thinks else 0)
    completion = said.output_tokens * (body.get("n") or 1) + reasoning
    read_side = {"cached_tokens": scenario.cached, "audio_tokens": 0}
    if scenario.cache_write:
        read_side["cache_write_tokens"] = scenario.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": read_side,
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in objects(content) if part.get("type") == "text")


def _event(told: dict[str, Any]) -> bytes:
    return b"data: " + _dump(told) + b"\n\n"


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
