"""A simulated Cohere. https://docs.cohere.com/v2/reference/chat and https://docs.cohere.com/v2/docs/streaming

The shapes are those of Cohere's reference and of the types in its Python SDK; the errors those of its error page. That
each call of a tool is followed by its result: https://github.com/ethz-spylab/agentdojo/pull/200.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from trimtab.llm.simulated.answers import Ask, Said, an_object, answer, count, objects, pieces_of
from trimtab.llm.simulated.pictures import colour_of
from trimtab.llm.simulated.scenario import Scenario

PATH = "/v2/chat"
MODELS = ("command-a-03-2025", "command-r7b-12-2024")

_ERRORS: dict[int, str] = {
    400: "invalid request",
    401: "invalid api token",
    404: "model not found",
    422: "request body is not valid",
    429: "You are using a Trial key, which is limited to 20 API calls / minute.",
    498: "invalid token",
    499: "request cancelled by user",
    500: "internal server error",
    503: "service unavailable",
    504: "request timed out",
}
_STOPS = {"stop": "COMPLETE", "stop_sequence": "STOP_SEQUENCE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}


_TOOL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Refused(Exception):
    """The request is one that Cohere would not take."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"id": "00000000-0000-4000-8000-000000000000", "message": message}


def presented_key(headers: dict[str, str]) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def answer_headers(number: int) -> dict[str, str]:
    return {"x-debug-trace-id": f"{number:032x}"}


def error_headers(number: int, status: int) -> dict[str, str]:  # noqa: ARG001 - the same for all
    return answer_headers(number)


def error_body(status: int, number: int, message: str | None = None) -> bytes:
    words = message or _ERRORS.get(status) or _ERRORS[500 if status >= 500 else 400]
    return _dump({"id": _id(number), "message": words})


def stream_error(number: int, message: str | None = None) -> bytes:  # noqa: ARG001 - as the others'
    delta = {"error": message or "internal server error", "finish_reason": "ERROR"}
    return _event({"type": "message-end", "delta": delta})


def check(body: dict[str, Any]) -> None:
    """Raises `Refused` for what the vendor refuses first."""
    if not isinstance(body.get("model"), str):
        raise Refused("model is required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("messages must not be empty")
    for index, message in enumerate(map(an_object, cast("list[Any]", messages))):
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise Refused(f"messages[{index}].role is invalid")
        if message["role"] == "tool" and not message.get("tool_call_id"):
            raise Refused(f"messages[{index}]: tool message must have a tool_call_id")
    _check_turns(objects(messages))
    if len(cast("list[Any]", body.get("stop_sequences") or [])) > 5:
        raise Refused("stop_sequences must have at most 5 elements")
    if not 0 <= body.get("k", 0) <= 500:
        raise Refused("k must be between 0 and 500 inclusive")
    if body.get("max_tokens", 1) < 1:
        raise Refused("max_tokens must be positive")
    thinking = an_object(body.get("thinking"))
    if thinking.get("token_budget", 1) < 1:
        raise Refused("thinking.token_budget must be a positive integer")
    if not 0.01 <= body.get("p", 0.5) <= 0.99:
        raise Refused("p must be between 0.01 and 0.99 inclusive")
    if body.get("tool_choice") not in (None, "REQUIRED", "NONE"):
        raise Refused("tool_choice must be one of REQUIRED, NONE")
    format_ = an_object(body.get("response_format"))
    if format_.get("type") == "json_object" and (body.get("tools") or body.get("documents")):
        raise Refused("response_format is not supported with tools or documents")
    if format_.get("json_schema") is not None:
        _check_schema(format_["json_schema"], root=True)
    for index, tool in enumerate(objects(body.get("tools"))):
        if not _TOOL_NAME.fullmatch(str(an_object(tool.get("function")).get("name"))):
            raise Refused(f"tools[{index}].function.name is invalid")
        if not isinstance(an_object(tool.get("function")).get("parameters"), dict):
            raise Refused(f"tools[{index}].function.parameters is required")


def check_model(body: dict[str, Any], model: str) -> None:
    """https://docs.cohere.com/docs/reasoning: of its models, these do not."""
    if body.get("thinking") is not None and model in ("command-a-03-2025", "command-r7b-12-2024"):
        raise Refused(f"thinking is not supported for model {model}")


def _check_turns(messages: list[dict[str, Any]]) -> None:
    waiting: list[Any] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise Refused(f"messages[{index}]: tool message must follow the call that it answers")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise Refused(f"messages[{index}]: each of the tool calls must be followed by a tool message")
        waiting = [call.get("id") for call in objects(message.get("tool_calls"))]
    if waiting:
        raise Refused("each of the tool calls must be followed by a tool message")


_UNSUPPORTED = (
    *("anyOf", "allOf", "oneOf", "not"),
    *("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "uniqueItems", "additionalProperties"),
)


def _check_schema(given: Any, *, root: bool = False) -> None:
    """https://docs.cohere.com/v2/docs/structured-outputs (specifying a schema)"""
    schema = an_object(given)
    if root and schema.get("type") != "object":
        raise Refused("invalid response_format: the top level type must be object")
    if schema.get("type") == "object" and not schema.get("required"):
        raise Refused("invalid response_format: each object must have at least one required field")
    for name in _UNSUPPORTED:
        if name in schema:
            raise Refused(f"invalid response_format: {name} is not supported")
    if isinstance(schema.get("type"), list):
        raise Refused("invalid response_format: type must be a string")
    for inner in [schema.get("items"), *an_object(schema.get("properties")).values()]:
        if isinstance(inner, dict):
            _check_schema(inner)


def ask_of(body: dict[str, Any]) -> Ask:
    messages = cast("list[dict[str, Any]]", body["messages"])
    texts = [_text(m.get("content")) for m in messages]
    users = [text for m, text in zip(messages, texts, strict=True) if m["role"] == "user" and text]
    format_ = an_object(body.get("response_format"))
    tools = [an_object(t.get("function")) for t in objects(body.get("tools"))]
    return Ask(
        last_text=users[-1] if users else "",
        prompt_tokens=sum(3 + count(text) for text in texts),
        answers_tool=messages[-1]["role"] == "tool",
        tools=tuple((t["name"], t["parameters"]) for t in tools),
        tool_mode={"REQUIRED": "required", "NONE": "none"}.get(body.get("tool_choice", ""), "auto"),  # type: ignore[arg-type]
        schema=format_.get("json_schema"),
        json_object=format_.get("type") == "json_object",
        max_tokens=body.get("max_tokens"),
        stop=tuple(body.get("stop_sequences") or ()),
        system=_texts(messages, "system"),
        before=_texts(messages[:-1], "user", "assistant"),
        tool_text=_texts(messages, "tool"),
        colour=_colour(messages[-1].get("content")),
    )


def whole(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:  # noqa: ARG001 - not said
    said = answer(ask_of(body), scenario)
    message: dict[str, Any] = {"role": "assistant"}
    content: list[dict[str, Any]] = []
    if thought := _thought(body, scenario):
        content.append({"type": "thinking", "thinking": thought})
    if said.calls:
        message["tool_plan"] = _plan(said)
        message["tool_calls"] = [_tool_call(number, i, name, text) for i, (name, text) in enumerate(said.calls)]
    else:
        content.append({"type": "text", "text": "".join(said.pieces)})
    if content:
        message["content"] = content
    told = {"id": _id(number), "message": message, "finish_reason": _STOPS[said.end]}
    return _dump(told | {"usage": _usage(body, said, scenario)})


def stream(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> Iterator[bytes]:  # noqa: ARG001
    """The events of an answer, each whole."""
    said = answer(ask_of(body), scenario)
    yield _event({"type": "message-start", "id": _id(number), "delta": {"message": _empty()}})
    at = 0
    if thought := _thought(body, scenario):
        yield from _block(at, "thinking", pieces_of(thought))
        at += 1
    if said.calls:
        for piece in pieces_of(_plan(said)):
            yield _event({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}})
    else:
        yield from _block(at, "text", said.pieces)
    for index, (name, text) in enumerate(said.calls):
        begun = {"message": {"tool_calls": _tool_call(number, index, name, "")}}
        yield _event({"type": "tool-call-start", "index": index, "delta": begun})
        for start in range(0, len(text), 7):  # the vendor cuts arguments anywhere
            grown = {"message": {"tool_calls": {"function": {"arguments": text[start : start + 7]}}}}
            yield _event({"type": "tool-call-delta", "index": index, "delta": grown})
        yield _event({"type": "tool-call-end", "index": index})
    delta = {"finish_reason": _STOPS[said.end], "usage": _usage(body, said, scenario)}
    yield _event({"type": "message-end", "id": _id(number), "delta": delta})


def _empty() -> dict[str, Any]:
    return {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}


def _block(at: int, kind: str, pieces: tuple[str, ...]) -> Iterator[bytes]:
    begun = {"message": {"content": {"type": kind, kind: ""}}}
    yield _event({"type": "content-start", "index": at, "delta": begun})
    for piece in pieces:
        yield _event({"type": "content-delta", "index": at, "delta": {"message": {"content": {kind: piece}}}})
    yield _event({"type": "content-end", "index": at})


def _plan(said: Said) -> str:
    return f"I will call {said.calls[0][0]}."


def _thought(body: dict[str, Any], scenario: Scenario) -> str:
    if scenario.reasoning_text is not None:
        return scenario.reasoning_text
    return "The tab turns first." if an_object(body.get("thinking")).get("type") == "enabled" else ""


def _tool_call(number: int, index: int, name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": f"{name}_{number:08d}{index:04d}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _usage(body: dict[str, Any], said: Said, scenario: Scenario) -> dict[str, Any]:
    prompt = ask_of(body).prompt_tokens
    output = said.output_tokens + scenario.reasoning
    told: dict[str, Any] = {
        "billed_units": {"input_tokens": prompt, "output_tokens": output},
        "tokens": {"input_tokens": prompt + 60 + scenario.cached, "output_tokens": output},
    }
    return told | ({"cached_tokens": scenario.cached} if scenario.cached else {})


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def _texts(messages: list[dict[str, Any]], *roles: str) -> str:
    return " ".join(_text(message.get("content")) for message in messages if message.get("role") in roles)


def _colour(content: Any) -> str:
    urls = [an_object(part.get("image_url")).get("url") for part in objects(content) if part.get("type") == "image_url"]
    return colour_of(str(urls[-1]).rpartition("base64,")[2]) if urls else ""


def _text(content: Any) -> str:
    """Of a message, or of a tool's result, which comes in documents."""
    if isinstance(content, str):
        return content
    documents = [an_object(part.get("document")).get("data") for part in objects(content)]
    given = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in documents if each]
    return " ".join([*(part["text"] for part in objects(content) if part.get("type") == "text"), *given])


def _event(told: dict[str, Any]) -> bytes:
    return b"event: " + told["type"].encode() + b"\ndata: " + _dump(told) + b"\n\n"


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
