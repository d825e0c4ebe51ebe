"""Recorded calls become cases: what was asked (messages in OpenAI's shape, an app's variables, tools), the texts that
retrievers gave, and as expectation what was answered, or what somebody corrected it to."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import TrimtabError
from trimtab.evaluation.answers import arguments_of
from trimtab.evaluation.cases import NewCase, NewProvenance
from trimtab.evaluation.sampling import Judged, collected
from trimtab.evaluation.types import Consent, Pii, Use
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.types import Message, Request, Tool
from trimtab.telemetry.views import MessageView, ScoreView, SpanIO, SpanRow

Expect = Literal["none", "answer", "correction"]
CORRECTION: Final = "correction"
"""The score whose explanation is what the answer should have been (`telemetry.feedback`)."""
MOST_CONTEXT: Final = 50
_KEPT: Final = ("tool_choice", "response_format")
"""What of an OpenAI request belongs to what is asked."""
_TEXTS: Final = ("content", "page_content", "text", "document", "body", "snippet")
"""Where retrievers keep a document's text."""
_LISTS: Final = ("documents", "results", "matches", "hits", "data", "output")
_TEXT: Final = re.compile(r"\S")


class How(Struct, frozen=True, kw_only=True):
    """What is made of a call, and what its case is given."""

    expected: Expect = "correction"
    split: str = ""
    tags: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ("evaluate",)
    licence: str = ""
    consent: Consent = "unknown"
    pii: Pii = "unknown"


class Recorded(Struct, frozen=True, kw_only=True):
    """A call: its span, its texts, what the retrievers of its trace gave back, and the valid scores of its trace."""

    span: SpanRow
    io: SpanIO
    retrieved: tuple[SpanIO, ...] = ()
    scores: tuple[ScoreView, ...] = ()
    named: bool = False
    """The span was asked for by its id, so that others of its trace may be cases, too."""


def case_of(call: Recorded, how: How) -> NewCase | str:
    """The case, or why there is none."""
    if not call.io.captured:
        return "its content was not kept"
    if not call.io.input:
        return call.io.note or "nothing was asked in it"
    try:
        asked = _input(call.io)
    except (TrimtabError, msgspec.ValidationError) as error:
        return f"its messages cannot be read: {error}"
    tools = None
    expected: Any = None
    if how.expected == "answer":
        if call.span.status != "ok":
            return f"it ended with {call.span.status}, and its answer was to be expected"
        expected, tools = _answer(call.io.output)
    elif how.expected == "correction":
        expected = correction(call.scores, call.span.span_id)
    context = tuple(text for io in call.retrieved for text in documents(io.output))[:MOST_CONTEXT]
    return NewCase(
        id=f"trace-{call.span.trace_id}" + (f"-{call.span.span_id}" if call.named else ""),
        input=asked,
        expected=expected,
        expected_tool_calls=tools,
        context=context or None,
        metadata=_about(call.span),
        group=call.span.session[:200],
        provenance=NewProvenance(origin="trace", source=call.span.trace_id, span_id=call.span.span_id),
        **{name: getattr(how, name) for name in ("split", "tags", "uses", "licence", "consent", "pii")},
    )


def _about(span: SpanRow) -> dict[str, Any]:
    """What answered then. Who asked is left out: a case tells of a question, not of a person."""
    found = {"app": span.app, "release": span.release, "environment": span.environment, "model": span.model_used}
    return {name: value for name, value in found.items() if value}


def _input(io: SpanIO) -> Any:
    raw = _raw(io)
    variables: Any = raw.get("variables")
    chat = DIALECTS.get("openai_chat")
    messages = tuple(
        msgspec.convert({"role": each.role, "parts": each.parts, "name": each.name}, Message) for each in io.input
    )
    request = Request(model="-", messages=messages, tools=msgspec.convert(io.tools, tuple[Tool, ...]))
    body: dict[str, Any] = msgspec.json.decode(chat.render_request(request, "-", Quirks()))
    found: dict[str, Any] = {"messages": body["messages"]}
    if isinstance(variables, dict) and variables:
        found["variables"] = variables
    if body.get("tools"):
        found["tools"] = body["tools"]
    if io.dialect == "openai_chat":
        found |= {name: raw[name] for name in _KEPT if raw.get(name)}
    only: dict[str, Any] = found["messages"][0] if len(found["messages"]) == len(found) == 1 else {}
    text = only.get("content")
    return text if only.get("role") == "user" and isinstance(text, str) and text.strip() else found


def _raw(io: SpanIO) -> Mapping[str, Any]:
    try:
        found: Any = msgspec.json.decode(io.raw_request or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _answer(said: Sequence[MessageView]) -> tuple[str | None, tuple[Any, ...] | None]:
    """The text and the tool calls of an answer."""
    parts = [part for view in said for part in view.parts]
    texts = [part["text"] for part in parts if part.get("type") in ("text", "refusal") and part.get("text")]
    calls = tuple(
        {"name": str(part.get("name", "")), "arguments": arguments_of(str(part.get("arguments", "")))}
        for part in parts
        if part.get("type") == "tool_call"
    )
    return "\n".join(texts) or None, calls or None


def correction(scores: Sequence[ScoreView], span_id: str) -> str | None:
    """What people say the answer should have been: the newest of its trace, or of this span of it."""
    said = [
        each
        for each in scores
        if each.name == CORRECTION and each.explanation.strip() and each.span_id in ("", span_id)
    ]
    return max(said, key=lambda each: each.at).explanation if said else None


def documents(said: Sequence[MessageView]) -> list[str]:
    """The texts that a retriever gave: of JSON the documents in it, of anything else the text itself."""
    found: list[str] = []
    for view in said:
        for part in view.parts:
            text = part.get("text")
            if isinstance(text, str) and _TEXT.search(text):
                found += _documents(text)
    return found


def _documents(text: str) -> list[str]:
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return [text]
    found = list(_inside(value, 0))
    return found or [text]


def _inside(value: Any, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value] if _TEXT.search(value) else []
    if depth > 4:
        return []
    if isinstance(value, list):
        return [text for each in cast("list[Any]", value) for text in _inside(each, depth + 1)]
    if not isinstance(value, dict):
        return []
    fields = cast("dict[str, Any]", value)
    for name in _TEXTS:
        if isinstance(fields.get(name), str):
            return _inside(fields[name], depth + 1)
    for name in (*_LISTS, *_TEXTS):
        if isinstance(fields.get(name), list | dict):
            return _inside(fields[name], depth + 1)
    return []


def judged(scores: Sequence[ScoreView], names: Sequence[str] = ()) -> list[Judged]:
    """Scores whose value is a share, by name; only these names, if there are any. A detector's 1 says that something
    is wrong: that is no pass, but a failure."""
    found: dict[str, list[float]] = {}
    for each in scores:
        if each.value is not None and 0 <= each.value <= 1 and (not names or each.name in names):
            passes = each.source != "detector"
            name, value = (each.name, each.value) if passes else (f"not {each.name}", 1 - each.value)
            found.setdefault(name, []).append(value)
    return collected(found)
