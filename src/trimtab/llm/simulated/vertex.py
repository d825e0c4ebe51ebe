"""A simulated Vertex AI: Gemini's models at the paths of a project and of express mode, and what differs there.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference. Ids of calls are unknown to it before
Gemini 3 (https://github.com/mlflow/mlflow/issues/24127, https://github.com/BerriAI/litellm/pull/34603), a bound above
what a model writes is refused (https://github.com/BerriAI/litellm/pull/10548), and a choice without functions is not
(https://github.com/pydantic/pydantic-ai/pull/5791).
"""

import re
from typing import Any

from trimtab.llm.simulated import gemini, gemini_rules
from trimtab.llm.simulated.answers import objects

MODELS = ()
Refused = gemini.Refused
answer_headers, error_headers = gemini.answer_headers, gemini.error_headers
error_body, stream_error = gemini.error_body, gemini.stream_error
check, whole, stream = gemini.check, gemini.whole, gemini.stream
_PLACE = r"/v1(?:beta1)?(?:/projects/[^/]+/locations/[^/]+)?/publishers/google"
_PATH = re.compile(_PLACE + r"/models/(.+):(generateContent|streamGenerateContent)")
_WRITTEN = (((2, 5), 8_192), ((4, 0), 65_535))


def find(path: str) -> dict[str, Any] | None:
    found = _PATH.fullmatch(path)
    return {"model": found[1], "stream": found[2] == "streamGenerateContent"} if found else None


def presented_key(headers: dict[str, str]) -> str | None:
    return gemini.presented_key(headers) or headers.get("authorization", "").removeprefix("Bearer ") or None


def check_model(body: dict[str, Any], model: str) -> None:
    known = gemini_rules.version(model)
    if known < (3, 0):
        _check_ids(objects(body.get("contents")))
    bound = gemini_rules.get(gemini_rules.get(body, "generationConfig"), "maxOutputTokens")
    most = next((most for before, most in _WRITTEN if known < before), None)
    if bound is not None and most is not None and bound > most:
        raise Refused(
            f"Unable to submit request because it has a maxOutputTokens value of {bound} but the supported range is "
            f"from 1 (inclusive) to {most + 1} (exclusive). Update the value and try again."
        )
    gemini.check_by_model(body, model)


def _check_ids(contents: list[dict[str, Any]]) -> None:
    for index, content in enumerate(contents):
        for at, part in enumerate(objects(content.get("parts"))):
            for name, field in (("functionCall", "function_call"), ("functionResponse", "function_response")):
                if "id" in (gemini_rules.get(part, name) or {}):
                    place = f"contents[{index}].parts[{at}].{field}"
                    raise Refused(
                        f"Invalid JSON payload received. Unknown name \"id\" at '{place}': Cannot find field."
                    )
