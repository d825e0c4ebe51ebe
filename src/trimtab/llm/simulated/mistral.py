"""A simulated Mistral. https://docs.mistral.ai/api, and as users met it.

Its shapes are OpenAI's but for what stands here. It refuses members that its schema does not have (422,
https://github.com/BerriAI/litellm/issues/30835, https://github.com/langchain-ai/langchainjs/issues/5144), turns in
another order (https://github.com/mistralai/mistral-common, ``protocol/instruct/validator.py``), ids of calls that are
not nine letters or digits, and efforts that a model does not have (https://github.com/architects-toolkit/SmartHopper/issues/647,
https://github.com/withceleste/celeste-python/pull/311). Usage comes with the last chunk of a stream unasked.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from trimtab.llm.simulated import openai_chat
from trimtab.llm.simulated.answers import an_object, objects
from trimtab.llm.simulated.scenario import Scenario

PATH = "/mistral/v1/chat/completions"
MODELS = ("mistral-small-latest", "mistral-large-latest")

_BODY = frozenset(
    ("model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata", "tools",
     "tool_choice", "response_format", "presence_penalty", "frequency_penalty", "n", "prediction", "guardrails",
     "parallel_tool_calls", "prompt_mode", "reasoning_effort", "safe_prompt", "prompt_cache_key", "service_tier",
     "top_k", "min_tokens", "repetition_penalty", "logprobs", "top_logprobs", "prompt_logprobs", "top_prompt_logprobs")
)  # fmt: skip
_MEMBERS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
_AFTER = {
    "system": ("user", "assistant", "system"),
    "user": ("assistant", "system", "user"),
    "assistant": ("assistant", "user", "tool"),
    "tool": ("assistant", "tool"),
}
_ID = re.compile(r"[a-zA-Z0-9]{9}")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TWO = re.compile(r"mistral-(?:small|medium)-(?:latest|26|3-5)|magistral-small")

presented_key = openai_chat.presented_key


class Refused(Exception):
    """The request is one that Mistral would not take."""

    def __init__(
        self, message: Any, status: int = 400, code: str = "3230", kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(str(message))
        self.status = status
        self.body = {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def answer_headers(number: int) -> dict[str, str]:
    return {"mistral-correlation-id": f"{number:032x}"}


def error_headers(number: int, status: int) -> dict[str, str]:  # noqa: ARG001 - the same for all
    return answer_headers(number)


def error_body(status: int, number: int, message: str | None = None) -> bytes:  # noqa: ARG001 - as the others'
    if status == 401:
        return json.dumps({"detail": "Unauthorized"}).encode()
    words = message or ("Requests rate limit exceeded" if status == 429 else "Service unavailable.")
    told = {"object": "error", "message": words, "type": "rate_limited" if status == 429 else "internal_server_error"}
    return json.dumps(told | {"param": None, "code": "1300" if status == 429 else "3000"}).encode()


def stream_error(number: int, message: str | None = None) -> bytes:
    return b"data: " + error_body(500, number, message) + b"\n\n"


def check(body: dict[str, Any]) -> None:
    """Raises `Refused` for what the vendor refuses first."""
    messages = objects(body.get("messages"))
    if not messages:
        raise _unprocessable("missing", ["body", "messages"], "Field required", None)
    for name in body:
        if name not in _BODY:
            raise _unprocessable("extra_forbidden", ["body", name], "Extra inputs are not permitted", body[name])
    if body.get("service_tier") not in (None, "auto", "standard_only"):
        words = "Input should be 'auto' or 'standard_only'"
        raise _unprocessable("literal_error", ["body", "service_tier"], words, body["service_tier"])
    for at, message in enumerate(messages):
        role = str(message.get("role"))
        if role not in _MEMBERS:
            raise _unprocessable(
                "union_tag_invalid", ["body", "messages", at], f"Input tag '{role}' is not known", role
            )
        for name in sorted(set(message) - _MEMBERS[role]):
            where = ["body", "messages", at, role, name]
            raise _unprocessable("extra_forbidden", where, "Extra inputs are not permitted", message[name])
    for at, tool in enumerate(objects(body.get("tools"))):
        function = an_object(tool.get("function"))
        if not isinstance(function.get("parameters"), dict):
            where = ["body", "tools", at, "function", "parameters"]
            raise _unprocessable("missing", where, "Field required", function)
        if not _NAME.fullmatch(str(function.get("name"))):
            raise Refused(f"Function name was {function.get('name')} but must be a-z, A-Z, 0-9, or contain underscores")
    _check_turns(messages)


def _unprocessable(kind: str, where: list[Any], words: str, given: Any) -> Refused:
    return Refused({"detail": [{"type": kind, "loc": where, "msg": words, "input": given}]}, 422, "null")


def _check_turns(messages: list[dict[str, Any]]) -> None:
    order = "invalid_request_message_order"
    for before, after in pairwise(message["role"] for message in messages):
        if after not in _AFTER[before]:
            raise Refused(f"Unexpected role '{after}' after role '{before}'", kind=order)
    last = messages[-1]
    if last["role"] == "assistant" and not last.get("prefix"):
        words = "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
        raise Refused(words, kind=order)
    owed = 0
    for message in messages:
        calls = objects(message.get("tool_calls"))
        if message["role"] == "assistant":
            if owed:
                raise Refused("Not the same number of function calls and responses", kind=order)
            if not calls and not message.get("content"):
                raise Refused("Assistant message must have either content or tool_calls, but not none.", code="3240")
            owed = len(calls)
        ids = [call.get("id") for call in calls]
        if message["role"] == "tool":
            owed -= 1
            ids.append(message.get("tool_call_id"))
        for told in ids:
            if not _ID.fullmatch(str(told)):
                words = f"Tool call id was {told} but must be a-z, A-Z, 0-9, with a length of 9."
                raise Refused(words, code="3280", kind="invalid_function_call")
    if owed:
        raise Refused("Not the same number of function calls and responses", kind=order)


def check_model(body: dict[str, Any], model: str) -> None:
    """Raises `Refused` for what this model refuses and others do not."""
    effort = body.get("reasoning_effort")
    if effort is None:
        return
    kind = "invalid_request_invalid_args"
    if not _TWO.match(model):
        raise Refused("reasoning_effort is not enabled for this model", code="3051", kind=kind)
    if effort not in ("none", "high"):
        words = f"reasoning_effort='{effort}' is not supported for this model. Must be one of ('none', 'high')"
        raise Refused(words, code="3051", kind=kind)


def whole(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> bytes:
    told = json.loads(openai_chat.whole(body, model, scenario, number))
    for choice in told["choices"]:
        choice["message"] = _message(choice["message"])
    for name in ("service_tier", "system_fingerprint"):
        told.pop(name)
    return json.dumps(told, ensure_ascii=False).encode()


def _message(message: dict[str, Any]) -> dict[str, Any]:
    calls = [call | {"id": _short(call["id"])} for call in objects(message.get("tool_calls"))]
    return {"role": "assistant", "content": message["content"] or "", "tool_calls": calls or None, "prefix": False}


def _short(told: str) -> str:
    return f"c{told[-8:]}"


def stream(body: dict[str, Any], model: str, scenario: Scenario, number: int) -> Iterator[bytes]:
    """The chunks of an answer; the last one tells usage, asked or not."""
    pieces = list(openai_chat.stream(body | {"stream_options": {"include_usage": True}}, model, scenario, number))
    chunks = [json.loads(piece[6:]) for piece in pieces[:-1]]
    if scenario.usage:
        usage = chunks.pop()["usage"]
        chunks[-1]["usage"] = usage
    for chunk in chunks:
        for name in ("service_tier", "system_fingerprint"):
            chunk.pop(name)
        if chunk.get("usage") is None:
            chunk.pop("usage", None)
        for choice in chunk["choices"]:
            choice["delta"].pop("refusal", None)
            for call in choice["delta"].get("tool_calls", ()):
                if "id" in call:
                    call["id"] = _short(call["id"])
        yield b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
    yield pieces[-1]
