"""A simulated Ollama at its OpenAI-compatible address, by its source (``openai/openai.go`` of ollama/ollama): pictures
come along as PNG, JPEG or WebP, arguments of calls are JSON, an answer without calls has words, and efforts are its own
(https://github.com/ollama/ollama/pull/17141). It does not read ``tool_choice``.
"""

import json
import re
from typing import Any

from trimtab.llm.simulated import openai_chat
from trimtab.llm.simulated.answers import an_object, objects

PATH = "/ollama/v1/chat/completions"
MODELS = ()
presented_key = openai_chat.presented_key
answer_headers, error_headers = openai_chat.answer_headers, openai_chat.error_headers
error_body, stream_error = openai_chat.error_body, openai_chat.stream_error
_EFFORTS = ("high", "medium", "low", "max", "none")
_PICTURE = re.compile(r"data:(?:image/(?:jpeg|jpg|png|webp))?;base64,")


class Refused(Exception):
    """The request is one that Ollama would not take."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.status = 400
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def check(body: dict[str, Any]) -> None:
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        known = '"high", "medium", "low", "max", or "none"'
        raise Refused(f"invalid reasoning value: '{effort}' (must be {known})")
    for message in objects(body.get("messages")):
        if message.get("content") is None and not message.get("tool_calls"):
            raise Refused("invalid message content type: <nil>")
        for call in objects(message.get("tool_calls")):
            _check_arguments(an_object(call.get("function")).get("arguments"))
        for part in objects(message.get("content")):
            _check_part(part)
    openai_chat.check(body)


def _check_arguments(told: Any) -> None:
    try:
        json.loads(told)
    except (ValueError, TypeError):
        raise Refused("invalid tool call arguments") from None


def _check_part(part: dict[str, Any]) -> None:
    if part.get("type") not in ("text", "image_url"):
        raise Refused("invalid message format")
    if part["type"] == "image_url" and not _PICTURE.match(str(an_object(part.get("image_url")).get("url"))):
        raise Refused("invalid image input")


def _read(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("tool_choice", "max_completion_tokens")}


def whole(body: dict[str, Any], model: str, scenario: Any, number: int) -> bytes:
    return openai_chat.whole(_read(body), model, scenario, number)


def stream(body: dict[str, Any], model: str, scenario: Any, number: int) -> Any:
    return openai_chat.stream(_read(body), model, scenario, number)
