"""`Sample`s, made of what is known: of an experiment's answer and its case, or of a recorded span. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from trimtab.evaluation.answers import Answer, arguments_of, messages_of
from trimtab.evaluation.types import Case
from trimtab.scoring.types import Sample, Step, ToolCall
from trimtab.telemetry.views import MessageView, SpanIO, SpanRow

PICO: Final = 10**12
STEPS: Final = ("tool", "retriever", "reranker", "agent", "workflow", "llm", "guardrail")
"""Kinds of spans that are steps of a trajectory."""
MOST_STEPS: Final = 500


def of_answer(
    case: Case, answer: Answer, *, repeats: Sequence[str] = (), other: str | None = None,
    paraphrases: Sequence[str] = (),
) -> Sample:  # fmt: skip
    """What the answer was given to rest on stands for what its case says of that. ``repeats`` are the other answers of
    the same subject to this case, ``other`` the answer of the subject it is compared with."""
    messages = messages_of(case)
    fields = cast("dict[str, Any]", case.input) if isinstance(case.input, dict) else {}
    tools = fields.get("tools")
    return Sample(
        input=last_said(messages) or _of_variables(fields),
        output=answer.output,
        messages=tuple(messages),
        expected=case.expected,
        context=case.context if answer.context is None else answer.context,
        tool_calls=answer.tool_calls,
        expected_tool_calls=None
        if case.expected_tool_calls is None
        else tuple(map(_expected, case.expected_tool_calls)),
        tools=tuple(cast("list[Any]", tools)) if isinstance(tools, list) else (),
        repeats=tuple(repeats),
        paraphrases=tuple(paraphrases),
        other=other,
        system=answer.system or system_of(messages),
        output_schema=_schema(fields),
        error=answer.error,
        finish=answer.finish,
        latency_ms=answer.latency_ms,
        ttft_ms=answer.ttft_ms,
        cost=answer.cost,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        metadata=case.metadata,
    )


def _expected(call: Any) -> ToolCall:
    """A case may name a tool alone."""
    return ToolCall(name=call) if isinstance(call, str) else msgspec.convert(call, ToolCall)


def _schema(fields: Mapping[str, Any]) -> Any:
    wanted = fields.get("response_format")
    found = cast("dict[str, Any]", wanted).get("json_schema") if isinstance(wanted, dict) else None
    return cast("dict[str, Any]", found).get("schema") if isinstance(found, dict) else None


def _of_variables(fields: Mapping[str, Any]) -> str:
    """What a case asks that has variables alone: the one text, or all of them by name."""
    values = fields.get("variables")
    if not isinstance(values, dict) or not values:
        return ""
    given = cast("dict[str, Any]", values)
    texts = [value for value in given.values() if isinstance(value, str)]
    if len(given) == 1 and texts:
        return texts[0]
    return "\n".join(f"{name}: {value if isinstance(value, str) else _json(value)}" for name, value in given.items())


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def last_said(messages: Sequence[Any]) -> str:
    """The text of the last user message, in OpenAI's chat shape."""
    for message in reversed(messages):
        if isinstance(message, dict) and cast("dict[str, Any]", message).get("role") == "user":
            return text_of(cast("dict[str, Any]", message).get("content"))
    return ""


def system_of(messages: Sequence[Any]) -> str:
    """What the system and developer messages say."""
    said = [
        text_of(cast("dict[str, Any]", each).get("content"))
        for each in messages
        if isinstance(each, dict) and cast("dict[str, Any]", each).get("role") in ("system", "developer")
    ]
    return "\n\n".join(said)


def text_of(content: Any) -> str:
    """A message's content: a text, or the texts among its parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [cast("dict[str, Any]", part) for part in cast("list[Any]", content) if isinstance(part, dict)]
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))


# --- of what was recorded ---


def of_span(row: SpanRow, io: SpanIO, spans: Sequence[SpanRow] = (), *, context: Sequence[str] | None = None) -> Sample:
    """Of a recorded call. ``spans`` are those of its trace, for its steps; ``context`` what retrievers gave, if it is
    known. What was not captured is unknown: the scorers that need it cannot score."""
    messages = [_message(each) for each in io.input]
    said = io.output
    return Sample(
        input=last_said(messages),
        output=_output(said) if io.captured and row.status == "ok" and said else None,
        messages=tuple(messages),
        context=None if context is None else tuple(context),
        tool_calls=tuple(_calls(said)),
        tools=tuple(io.tools),
        steps=tuple(_step(each) for each in spans if each.kind in STEPS and each.span_id != row.span_id)[:MOST_STEPS],
        system=system_of(messages),
        error=row.error_message if row.status == "error" else "",
        finish=row.stop,
        latency_ms=row.duration,
        ttft_ms=row.ttft,
        cost=None if row.cost is None else _picodollars(row.cost),
        input_tokens=row.tokens.input + row.tokens.cache_read + row.tokens.cache_write,
        output_tokens=row.tokens.output + row.tokens.reasoning,
    )


def _picodollars(text: str) -> int:
    from decimal import Decimal

    return int(Decimal(text) * PICO)


def _message(view: MessageView) -> dict[str, Any]:
    return {"role": view.role, "content": _text(view)}


def _text(view: MessageView) -> str:
    found: list[str] = []
    for part in view.parts:
        if part.get("type") in ("text", "refusal") and isinstance(part.get("text"), str):
            found.append(part["text"])
        elif part.get("type") == "tool_result":
            inner = cast("list[dict[str, Any]]", part.get("parts") or [])
            found += [each["text"] for each in inner if isinstance(each.get("text"), str)]
    return "\n".join(found)


def _output(said: Sequence[MessageView]) -> str:
    return "\n".join(text for text in map(_text, said) if text)


def _calls(said: Sequence[MessageView]) -> list[ToolCall]:
    return [
        ToolCall(name=str(part.get("name", "")), arguments=arguments_of(str(part.get("arguments", ""))))
        for view in said
        for part in view.parts
        if part.get("type") == "tool_call"
    ]


def _step(row: SpanRow) -> Step:
    return Step(
        kind=row.kind, name=row.name, input=row.input_preview, output=row.output_preview, error=row.error_message
    )
