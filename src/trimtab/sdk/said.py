"""What users say of answers: ``feedback(completion, thumbs="up")``."""

from typing import Any, Literal, TypedDict

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.sdk.connection import Connection, path


class Said(TypedDict, total=False):
    """What may be said; docs/feedback.md tells what each becomes. The answer is named by one of ``request_id``,
    ``trace_id`` (and ``span_id``) and ``response_id``."""

    request_id: str
    trace_id: str
    span_id: str
    response_id: str
    thumbs: Literal["up", "down"]
    rating: float
    scale: tuple[float, float]
    correction: str
    comment: str
    outcome: str
    good: bool
    user: str
    idempotency_key: str
    at: int


class _Taken(Struct):
    ids: list[list[str]]


def give(http: Connection, answer: Any, project: str | None, said: Said) -> list[str]:
    """`Client.feedback`."""
    body = {**name_of(answer), **said}
    headers = {} if project is None else {"trimtab-project": project}
    (ids,) = http.ask("POST", "/v1/feedback", _Taken, body=body, headers=headers).ids
    return ids


def summary(http: Connection, project: str, query: dict[str, Any]) -> dict[str, Any]:
    """`Client.feedback_summary`."""
    return http.ask("GET", path("projects", project, "feedback", "summary"), dict[str, Any], query=query)


def name_of(answer: Any) -> dict[str, str]:
    """An answer's id: of a text as it looks; of what an official client returned, that of its request (openai and
    anthropic keep it as ``_request_id``), else its own. Raises `InvalidRequest`."""
    if answer is None:
        return {}
    if isinstance(answer, str):
        return {"request_id": answer} if answer.startswith("req_") else {"trace_id": answer}
    request = getattr(answer, "_request_id", None)
    if isinstance(request, str) and request.startswith("req_"):
        return {"request_id": request}
    response = getattr(answer, "id", None) or getattr(answer, "response_id", None)
    if isinstance(response, str) and response:
        return {"response_id": response}
    raise InvalidRequest(
        f"A {type(answer).__name__} has no id of an answer.",
        fix="Give what the client returned, or request_id=..., trace_id=... or response_id=...",
        param="answer",
    )
