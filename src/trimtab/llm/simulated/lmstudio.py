"""A simulated LM Studio, as users met it: OpenAI's shapes, but a tool cannot be demanded by its name
(https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/670), and JSON only by a schema
(https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/189). A bound it knows by the older name alone:
https://lmstudio.ai/docs/developer/openai-compat/chat-completions
"""

from typing import Any

from trimtab.llm.simulated import openai_chat
from trimtab.llm.simulated.answers import an_object

PATH = "/lmstudio/v1/chat/completions"
MODELS = ()
presented_key = openai_chat.presented_key
answer_headers, error_headers = openai_chat.answer_headers, openai_chat.error_headers
error_body, stream_error = openai_chat.error_body, openai_chat.stream_error


class Refused(Exception):
    """The request is one that LM Studio would not take."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.status = 400
        self.body = {"error": message}


def check(body: dict[str, Any]) -> None:
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        raise Refused("Invalid tool_choice type: 'object'. Supported string values: none, auto, required")
    if an_object(body.get("response_format")).get("type", "text") not in ("json_schema", "text"):
        raise Refused("'response_format.type' must be 'json_schema' or 'text'")
    openai_chat.check(body)


def _known(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "max_completion_tokens"}


def whole(body: dict[str, Any], model: str, scenario: Any, number: int) -> bytes:
    return openai_chat.whole(_known(body), model, scenario, number)


def stream(body: dict[str, Any], model: str, scenario: Any, number: int) -> Any:
    return openai_chat.stream(_known(body), model, scenario, number)
