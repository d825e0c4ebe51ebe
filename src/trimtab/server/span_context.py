"""What a span was asked, as a chat completion request that can be asked again: in the playground, whatever dialect or
tracer it came by."""

from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import NotFound
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.types import Message, Part, Request, Tool
from trimtab.telemetry.views import SpanIO

FRONT = "openai_chat"
NOT_ASKED_AGAIN = ("model", "messages", "tools", "stream", "stream_options", "variables")
"""Fields of a body that are no parameters."""
OF_THE_ASKER = ("user", "safety_identifier", "metadata", "store", "prompt_cache_key")
"""Fields that say who asked; it is somebody else who asks now."""
_PLAIN = ("temperature", "top_p", "max_tokens", "seed", "stop", "reasoning_effort", "parallel_tool_calls")
"""What a canonical call and the front's body name alike."""


class Context(Struct, frozen=True, kw_only=True):
    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    parameters: dict[str, Any]
    variables: dict[str, Any]
    notes: list[str]


def context_of(io: SpanIO) -> Context:
    """Raises `NotFound` (``no_content``) where there is nothing to ask again."""
    if not io.captured:
        raise NotFound(
            "This call's content was not kept: its project keeps content out of traces.",
            fix="Switch it on in the project's settings; calls made after that can be opened.",
            code="no_content",
        )
    notes = ["Some of it was too long to be kept whole."] if io.truncated and io.raw_request is None else []
    body = _body(io, notes)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise NotFound(
            f"There are no messages in this span. {io.note}".strip(),
            fix="Open a span that is a call of a model.",
            code="no_content",
        )
    model, tools, variables = body.get("model"), body.get("tools"), body.get("variables")
    return Context(
        model=model if isinstance(model, str) else "",
        messages=_objects(cast("list[Any]", messages)),
        tools=_objects(cast("list[Any]", tools) if isinstance(tools, list) else []),
        parameters=_parameters(body, notes),
        variables=cast("dict[str, Any]", variables) if isinstance(variables, dict) else {},
        notes=notes,
    )


def _objects(found: list[Any]) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", each) for each in found if isinstance(each, dict)]


def _parameters(body: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    left_out = [name for name in OF_THE_ASKER if name in body]
    if body.get("n") not in (None, 1):
        left_out.append("n")
    if left_out:
        notes.append(f"Left out: {', '.join(left_out)}.")
    gone = {*NOT_ASKED_AGAIN, *OF_THE_ASKER, "n"}
    return {name: value for name, value in body.items() if name not in gone and value is not None}


def _body(io: SpanIO, notes: list[str]) -> dict[str, Any]:
    if io.raw_request is not None and io.dialect in DIALECTS.names():
        dialect = DIALECTS.get(io.dialect)
        if dialect.name == FRONT:
            return _decoded(io.raw_request.encode())
        if dialect.front and dialect.operation == "chat":
            return _translated(dialect.parse_request(io.raw_request.encode()), notes)
    return _translated(_canonical(io), notes)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return {}


def _translated(request: Request, notes: list[str]) -> dict[str, Any]:
    """Raises `Unsupported` for what only its own dialect can ask."""
    body = _decoded(DIALECTS.get(FRONT).render_request(request, request.model, Quirks()))
    if request.dialect and request.dialect != FRONT:
        notes.append(f"It came in {request.dialect}, and is asked again as a chat completion.")
        if request.extra:
            notes.append(f"Only that dialect knows: {', '.join(sorted(request.extra))}.")
    return body


def _canonical(io: SpanIO) -> Request:
    """From the messages as people see them: of spans that other tracers sent, and of bodies too large to be shown."""
    try:
        messages = tuple(
            Message(cast("Any", each.role), tuple(_part(part) for part in each.parts), each.name) for each in io.input
        )
        tools = tuple(msgspec.convert(_known(tool, Tool), Tool) for tool in io.tools)
    except msgspec.ValidationError as error:
        raise NotFound(
            f"The messages of this span cannot be asked again: {error}.", fix="Open another span.", code="no_content"
        ) from error
    model = io.params.get("model")
    said = {name: io.params[name] for name in _PLAIN if name in io.params}
    said |= {"model": model if isinstance(model, str) else "", "messages": []}
    try:
        asked = msgspec.convert(said, Request)
    except msgspec.ValidationError:  # parameters that another tracer wrote in its own way
        asked = Request(model="", messages=())
    return msgspec.structs.replace(asked, messages=messages, tools=tools)


def _known(value: dict[str, Any], kind: Any) -> dict[str, Any]:
    return {name: value[name] for name in kind.__struct_fields__ if name in value}


def _part(part: dict[str, Any]) -> Part:
    """Opaque parts hold JSON of their own dialect: it goes through as text."""
    whole = {**part, "raw": Raw(msgspec.json.encode(part["raw"]))} if part.get("type") == "opaque" else part
    return msgspec.json.decode(msgspec.json.encode(whole), type=Part)
