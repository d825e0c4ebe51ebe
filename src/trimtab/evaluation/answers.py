"""What a case asks of a subject, and what came of asking. Pure."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation.types import Case, Subject
from trimtab.scoring.types import ToolCall

PASSED_ON: Final = ("tools", "tool_choice", "response_format", "temperature", "max_tokens", "seed", "stop")
"""What a case's input may say of the request beside its messages and variables."""


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer, or why there is none (``error``, with its ``code``; ``retry``: asked again it may come).

    ``system`` is the system prompt as the model had it, ``context`` the passages of its app's knowledge that it was
    given (null: it has none, or they are not known any more), ``documents`` what those are of (`cache.document_mark`).
    Times are ms, ``cost`` picodollars (null: unknown) of
    what such an answer costs; ``paid`` is what it cost now: 0 for one that was known."""

    output: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    system: str = ""
    context: tuple[str, ...] | None = None
    documents: tuple[str, ...] = ()
    trace_id: str = ""
    latency_ms: float | None = None
    ttft_ms: float | None = None
    cost: int | None = None
    paid: int | None = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached: bool = False
    error: str = ""
    code: str = ""
    retry: bool = False


class Request(Struct, frozen=True, kw_only=True):
    """One call to make. ``key`` is the same for the same (experiment, subject, case, repeat), so that it is never paid
    twice; ``tags`` and ``metadata`` stand on its trace."""

    project_id: str
    subject: Subject
    body: dict[str, Any]
    key: str
    key_id: str
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    retry_unknown: bool = False


Ask = Callable[[Request], Awaitable[Answer]]
"""Puts a request to the live path. Whatever goes wrong is in the answer."""

Failure = Literal["none", "slow_down", "limit", "passing", "unknown", "final"]


def failure_of(answer: Answer) -> Failure:
    """What kind of failure an answer is: one that goes away with fewer calls at a time, a limit of this project's, one
    that passes, one after which nobody knows whether it was paid for, or one that stays."""
    if not answer.error:
        return "none"
    if answer.code == "limit_reached":
        return "limit"
    if answer.code == "idempotency_outcome_unknown":
        return "unknown"
    if answer.code in ("rate_limited", "overloaded") or "rate_limit" in answer.code or "overloaded" in answer.code:
        return "slow_down"
    return "passing" if answer.retry else "final"


def body_of(subject: Subject, case: Case) -> dict[str, Any]:
    """An OpenAI chat completion request. Raises `InvalidRequest` for an input that is none."""
    given = case.input
    if isinstance(given, str):
        return {"model": subject.model, "messages": [{"role": "user", "content": given}]}
    if isinstance(given, list):
        return {"model": subject.model, "messages": given}
    if not isinstance(given, dict):
        raise InvalidRequest(
            f"The input of the case {case.id!r} is neither a text nor an object.",
            fix="Give a text, messages, or an object with 'messages' and 'variables'.",
            code="case_input",
        )
    fields = cast("dict[str, Any]", given)
    body: dict[str, Any] = {"model": subject.model, "messages": messages_of(case)}
    if fields.get("variables"):
        body["variables"] = fields["variables"]
    return body | {name: fields[name] for name in PASSED_ON if fields.get(name) is not None}


def messages_of(case: Case) -> list[Any]:
    """The messages that are sent, as far as the case says them: a release's prompt may come before."""
    given = case.input
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if isinstance(given, list):
        return cast("list[Any]", given)
    fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    messages = fields.get("messages")
    if isinstance(messages, list):
        return cast("list[Any]", messages)
    for name in ("text", "question", "input"):
        if isinstance(fields.get(name), str):
            return [{"role": "user", "content": fields[name]}]
    return []


def arguments_of(text: str) -> Any:
    """A tool call's arguments as JSON; as they are where they are none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
