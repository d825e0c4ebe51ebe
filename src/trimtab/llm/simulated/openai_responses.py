"""A simulated OpenAI Responses. https://platform.openai.com/docs/api-reference/responses

The shapes are those of the types in OpenAI's Python SDK (``openai.types.responses``). An answer of its own may be named
as the previous one, and is taken on trust. What it keeps of its answers is in ``kept_responses.py``.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from trimtab.llm.simulated import gpt
from trimtab.llm.simulated.answers import Ask, Said, an_object, answer, count, objects
from trimtab.llm.simulated.openai_chat import (
    CREATED,
    Refused,
    answer_headers,
    error_body,
    error_headers,
    presented_key,
    refuse,
    tier_used,
)
from trimtab.llm.simulated.pictures import colour_of
from trimtab.llm.simulated.scenario import Scenario

__all__ = [
    "MODELS",
    "PATH",
    "Refused",
    "answer_headers",
    "check",
    "check_model",
    "counted",
    "error_body",
    "error_headers",
    "find",
    "items_of",
    "presented_key",
    "stream",
    "stream_error",
    "whole",
]

PATH = "/v1/responses"
_PATHS = (PATH, "/openai/v1/responses")
"""OpenAI's, and Azure's."""
COUNT_PATH = "/v1/responses/input_tokens"
MODELS = ("gpt-5",)
ENCRYPTED = "gAAAAABsimulated=="

_OWN_THOUGHT = re.compile(r"(rs_[0-9a-f]{24,64})?")
_OWN_ID = re.compile(r"resp_[0-9a-f]{48}")
_HOSTED = ("web_search", "web_search_preview")
_KNOWN_ITEMS = (
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "web_search_call",
    "item_reference",
)


def stream_error(number: int, message: str | None = None) -> bytes:
    error = json.loads(error_body(500, number, message))["error"]
    told = {"type": "error", "sequence_number": 2, "error": error}
    return b"event: error\ndata: " + _dump(told) + b"\n\n"


def find(path: str) -> dict[str, Any] | None:
    return {} if path in _PATHS else None


def check(body: dict[str, Any]) -> None:
    """Raises `Refused` for what the vendor refuses first."""
    if not isinstance(body.get("model"), str):
        raise Refused("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    given = body.get("input")
    if given is None or given == [] or not isinstance(given, str | list):
        raise Refused("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    previous = body.get("previous_response_id")
    if previous is not None and not _OWN_ID.fullmatch(str(previous)):
        message = f"Previous response with id '{previous}' not found."
        raise Refused(message, "previous_response_id", "previous_response_not_found")
    calls: set[str] = set()
    for index, item in enumerate(objects(given)):
        _check_item(index, item, calls)
    for index, tool in enumerate(objects(body.get("tools"))):
        if tool.get("type") == "function" and not tool.get("name"):
            raise Refused(f"Missing required parameter: 'tools[{index}].name'.", f"tools[{index}].name")
    for name in ("messages", "max_tokens", "stop", "response_format"):
        if name in body:
            raise Refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    bound = body.get("max_output_tokens")
    if isinstance(bound, int) and bound < 16:
        words = "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got"
        raise Refused(f"{words} {bound} instead.", "max_output_tokens", "integer_below_min_value")
    refuse(gpt.too_long(body.get("user"), 64, "user"))
    tools = [(f"tools[{i}]", tool) for i, tool in enumerate(objects(body.get("tools")))]
    refuse(gpt.refusal_of_tools(body, [each for each in tools if each[1].get("type") == "function"]))
    format_ = an_object(an_object(body.get("text")).get("format"))
    refuse(gpt.refusal_of_format(format_.get("schema"), strict=format_.get("strict") is True, where="text.format"))
    if format_.get("type") == "json_object" and "json" not in json.dumps(given).lower():
        words = "Response input messages must contain the word 'json' in some form to use 'text.format' of type"
        raise Refused(f"{words} 'json_object'.", "input")


def check_model(body: dict[str, Any], model: str) -> None:
    """Raises `Refused` for what this model refuses and others do not."""
    refuse(gpt.refusal(body, model, an_object(body.get("reasoning")).get("effort"), "reasoning.effort"))
    refuse(gpt.refusal_of_bound(body, model))


def _check_item(index: int, item: dict[str, Any], calls: set[str]) -> None:
    kind = item.get("type", "message")
    if kind not in _KNOWN_ITEMS:
        raise Refused(f"Invalid value: '{kind}'.", f"input[{index}].type", "invalid_value")
    if (
        kind == "reasoning"
        and not item.get("encrypted_content")
        and not _OWN_THOUGHT.fullmatch(str(item.get("id", "")))
    ):
        raise Refused(f"Item with id '{item['id']}' not found.", "input")
    if kind == "message":
        spoken = item.get("role") == "assistant"
        for part in objects(item.get("content")):
            if spoken == (part.get("type") in ("input_text", "input_image", "input_file")):
                raise Refused(f"Invalid value: '{part.get('type')}'.", f"input[{index}].content", "invalid_value")
    if kind == "reasoning" and item.get("encrypted_content") not in (None, ENCRYPTED):
        message = "The encrypted content could not be verified."
        raise Refused(message, f"input[{index}].encrypted_content", "invalid_encrypted_content")
    refuse(gpt.too_long(item.get("call_id"), 64, f"input[{index}].call_id"))
    if kind == "function_call":
        calls.add(str(item.get("call_id")))
    if kind == "function_call_output" and calls and item.get("call_id") not in calls:
        raise Refused(f"No tool call found for function call output with call_id {item.get('call_id')}.", "input")


def items_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else objects(given)


def ask_of(body: dict[str, Any]) -> Ask:
    items = items_of(body)
    nobody: dict[str, Any] = {}
    last_user = next((item for item in reversed(items) if item.get("role") == "user"), nobody)
    choice = body.get("tool_choice")
    format_ = an_object(an_object(body.get("text")).get("format"))
    tools = [tool for tool in objects(body.get("tools")) if tool.get("type") == "function"]
    system = [str(body.get("instructions") or ""), *_texts(items, "system", "developer")]
    results = [_text(item.get("output")) for item in items if item.get("type") == "function_call_output"]
    return Ask(
        last_text=_text(last_user.get("content")),
        prompt_tokens=counted_tokens(body),
        answers_tool=items[-1].get("type") == "function_call_output",
        tools=tuple((tool["name"], tool.get("parameters") or {}) for tool in tools),
        tool_mode=choice if choice in ("none", "required") else "auto",
        tool_name=an_object(choice).get("name"),
        schema=format_.get("schema"),
        json_object=format_.get("type") == "json_object",
        max_tokens=body.get("max_output_tokens"),
        system=" ".join(text for text in system if text),
        before=" ".join(_texts(items[:-1], "user", "assistant")),
        tool_text=" ".join(results),
        colour=_colour(last_user.get("content")),
        parallel=body.get("parallel_tool_calls") is not False,
    )


def counted_tokens(body: dict[str, Any]) -> int:
    texts = [str(body.get("instructions") or "")]
    texts += [_text(item.get("content") or item.get("output")) for item in items_of(body)]
    return sum(3 + count(text) for text in texts if text)


def counted(body: dict[str, Any]) -> bytes:
    """The answer of ``/input_tokens``."""
    return _dump({"object": "response.input_tokens", "input_tokens": counted_tokens(body)})


def whole(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:
    if body.get("background"):
        return _dump(_response(body, model, number) | {"status": "queued", "background": True})
    said = answer(ask_of(body), scenario)
    return _dump(_closed(body, model, said, scenario, number))


def _closed(body: dict[str, Any], model: str, said: Said, scenario: Scenario, number: int) -> dict[str, Any]:
    told = _response(body, model, number) | {"output": _output(body, said, scenario, number)}
    told["service_tier"] = tier_used(body, scenario)
    told["status"] = "incomplete" if said.end == "length" else "completed"
    told["incomplete_details"] = {"reason": "max_output_tokens"} if said.end == "length" else None
    told["usage"] = _usage(body, said, scenario)
    return told


def _output(body: dict[str, Any], said: Said, scenario: Scenario, number: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if _thinks(body, scenario):
        shown = scenario.reasoning_text or "The tab is small; the rudder is great."
        shows = scenario.reasoning_text is not None or an_object(body.get("reasoning")).get("summary")
        summary = [{"type": "summary_text", "text": shown}] if shows else []
        items.append({"type": "reasoning", "id": _id("rs", number, 0), "summary": summary})
        if "reasoning.encrypted_content" in (body.get("include") or []):
            items[-1]["encrypted_content"] = ENCRYPTED
    if any(tool.get("type") in _HOSTED for tool in objects(body.get("tools"))):
        action = {"type": "search", "query": "trim tab"}
        item = {"type": "web_search_call", "id": _id("ws", number, len(items)), "status": "completed"}
        items.append(item | {"action": action})
    for name, text in said.calls:
        item = {"type": "function_call", "id": _id("fc", number, len(items)), "status": "completed"}
        items.append(item | {"call_id": _id("call", number, len(items)), "name": name, "arguments": text})
    if not said.calls:
        items.append(_message(_id("msg", number, len(items)), "completed", [_text_part("".join(said.pieces))]))
    return items


def stream(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> Iterator[bytes]:
    said = answer(ask_of(body), scenario)
    final = _closed(body, model, said, scenario, number)
    events = _events(_response(body, model, number), final, said)
    for sequence, (name, told) in enumerate(events):
        yield b"event: %b\ndata: %b\n\n" % (
            name.encode(),
            _dump({"type": name, "sequence_number": sequence} | told),
        )


def _events(begun: dict[str, Any], final: dict[str, Any], said: Said) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for at, item in enumerate(cast("list[dict[str, Any]]", final["output"])):
        where = {"item_id": item["id"], "output_index": at}
        match item["type"]:
            case "message":
                yield from _message_events(where, at, item, said)
            case "function_call":
                yield "response.output_item.added", {"output_index": at, "item": item | _begun(arguments="")}
                text = item["arguments"]
                for start in range(0, len(text), 7):  # the vendor cuts arguments anywhere
                    yield "response.function_call_arguments.delta", where | {"delta": text[start : start + 7]}
                yield "response.function_call_arguments.done", where | {"arguments": text, "name": item["name"]}
            case "reasoning":
                yield "response.output_item.added", {"output_index": at, "item": item | {"summary": []}}
                for index, part in enumerate(item["summary"]):
                    inner = where | {"summary_index": index}
                    yield "response.reasoning_summary_part.added", inner | {"part": part | {"text": ""}}
                    yield "response.reasoning_summary_text.delta", inner | {"delta": part["text"]}
                    yield "response.reasoning_summary_text.done", inner | {"text": part["text"]}
                    yield "response.reasoning_summary_part.done", inner | {"part": part}
            case _:
                yield "response.output_item.added", {"output_index": at, "item": item | _begun()}
                yield "response.web_search_call.in_progress", where
                yield "response.web_search_call.searching", where
                yield "response.web_search_call.completed", where
        yield "response.output_item.done", {"output_index": at, "item": item}
    yield f"response.{final['status']}", {"response": final}


def _message_events(
    where: dict[str, Any], at: int, item: dict[str, Any], said: Said
) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "response.output_item.added", {"output_index": at, "item": item | _begun(content=[])}
    inner = where | {"content_index": 0}
    yield "response.content_part.added", inner | {"part": _text_part("")}
    for piece in said.pieces:
        yield "response.output_text.delta", inner | {"delta": piece, "logprobs": []}
    text = "".join(said.pieces)
    yield "response.output_text.done", inner | {"text": text, "logprobs": []}
    yield "response.content_part.done", inner | {"part": _text_part(text)}


def _begun(**empty: Any) -> dict[str, Any]:
    return {"status": "in_progress"} | empty


def _message(item_id: str, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "message", "id": item_id, "status": status, "role": "assistant", "content": content}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _response(body: dict[str, Any], model: str, number: int) -> dict[str, Any]:
    kept = ("instructions", "max_output_tokens", "metadata", "previous_response_id", "temperature", "top_p", "user")
    told: dict[str, Any] = {
        "id": f"resp_{number:048x}",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": tier_used(body, Scenario()),
        "store": body.get("store", True),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "truncation": body.get("truncation", "disabled"),
        "usage": None,
    }
    return told | {name: body.get(name) for name in kept}


def _thinks(body: dict[str, Any], scenario: Scenario) -> bool:
    effort = an_object(body.get("reasoning")).get("effort")
    return scenario.defect != "no_thinking" and (effort not in (None, "none") or scenario.reasoning_text is not None)


def _usage(body: dict[str, Any], said: Said, scenario: Scenario) -> dict[str, Any]:
    read = counted_tokens(body) + scenario.cached + scenario.cache_write
    reasoning = scenario.reasoning or (16 if _thinks(body, scenario) else 0)
    written = said.output_tokens + reasoning
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": scenario.cached, "cache_write_tokens": scenario.cache_write},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": read + written,
    }


def _texts(items: list[dict[str, Any]], *roles: str) -> list[str]:
    return [_text(item.get("content")) for item in items if item.get("role") in roles]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(part["text"]) for part in objects(content) if "text" in part)


def _colour(content: Any) -> str:
    urls = [part.get("image_url") for part in objects(content) if part.get("type") == "input_image"]
    return colour_of(str(urls[-1]).rpartition("base64,")[2]) if urls else ""


def _id(prefix: str, number: int, index: int) -> str:
    return f"{prefix}_{number:024x}{index:04x}"


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
