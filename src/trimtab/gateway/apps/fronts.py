"""How a release is said in each dialect that clients call in: its messages, its parameters, its tools.

A release is written once, in the words of OpenAI's Chat Completions (``top_k`` and ``thinking`` besides). For a front
of another dialect it becomes a small canonical `Request`, which that dialect renders; what comes out is put into the
client's own JSON by `overlay.py`. Nothing here knows a client's body.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest, TrimtabError, Unsupported
from trimtab.gateway.apps.prompt import Said
from trimtab.llm.dialects import DIALECTS, Dialect, Quirks
from trimtab.llm.types import Message, Request, Text

CHAT: Final = "openai_chat"
RESPONSES: Final = "openai_responses"
ANTHROPIC: Final = "anthropic_messages"
GEMINI: Final = "gemini"
Json = dict[str, Any]

LISTS: Final = {CHAT: "messages", RESPONSES: "input", ANTHROPIC: "messages", GEMINI: "contents"}
"""Where a dialect keeps the conversation."""
SYSTEMS: Final = {RESPONSES: "instructions", ANTHROPIC: "system", GEMINI: "systemInstruction"}
"""Where it keeps what stands above the conversation, if not within it."""
RESERVED: Final = frozenset(
    ("model", "messages", "input", "contents", "system", "instructions", "stream", "stream_options", "tools",
     "variables", "previous_response_id")
)  # fmt: skip
"""What no release's parameters may set: it has a field of its own, or is the caller's to say."""
_COMPARED: Final = (
    "temperature", "top_p", "top_k", "stop", "seed", "reasoning_effort", "reasoning_budget", "parallel_tool_calls"
)  # fmt: skip
TOUCHY: Final = frozenset(
    ("temperature", "top_p", "top_k", "reasoning_effort", "thinking", "frequency_penalty", "presence_penalty",
     "logit_bias", "logprobs", "top_logprobs")
)  # fmt: skip
"""Parameters that some models refuse and others take (`fitting.py`)."""
_USER: Final = (Message("user", (Text("-"),)),)
_QUIRKS: Final = Quirks()
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode


class Spoken(Struct, frozen=True):
    """A prompt's messages in one dialect: items before the client's own and after them, and what goes into the place
    for the system's words: a dialect's blocks, or (Responses) the text itself."""

    before: tuple[Raw, ...] = ()
    after: tuple[Raw, ...] = ()
    system: tuple[Raw, ...] = ()
    text: str = ""


class Settings(Struct, frozen=True):
    """A release's parameters, schema and tools in one dialect. ``left_out`` names what that dialect cannot say and
    may leave out."""

    fields: dict[str, Raw]
    tools: tuple[Raw, ...] = ()
    names: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()


# --- what a release says, read once ---


def as_request(parameters: Json, tools: Sequence[Json], schema: Json | None) -> tuple[Json, Request]:
    """Parameters, tools and schema as fields of Chat Completions, and as a canonical request without messages. Raises
    `InvalidRequest` for what cannot be."""
    wrong = sorted(RESERVED & parameters.keys())
    if wrong:
        raise InvalidRequest(
            f"{wrong[0]!r} is no parameter of a release.", fix="Take it out: a call says it itself.", param=wrong[0]
        )
    plain = {name: value for name, value in parameters.items() if value is not None}
    if "max_output_tokens" in plain:
        plain.setdefault("max_tokens", plain.pop("max_output_tokens"))
    if tools:
        plain["tools"] = [as_function(tool, number) for number, tool in enumerate(tools, 1)]
    if schema is not None:
        plain["response_format"] = _as_format(schema)
    top_k, thinking = plain.get("top_k"), plain.get("thinking")
    read = {name: value for name, value in plain.items() if name not in ("top_k", "thinking")}
    body = _encode({"model": "-", "messages": [{"role": "user", "content": "-"}], **read})
    request = DIALECTS.get(CHAT).parse_request(body)
    return plain, replace(request, messages=(), top_k=_whole("top_k", top_k), reasoning_budget=_budget(thinking))


def _whole(name: str, value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise InvalidRequest(f"`{name}` must be a whole number.", param=name)


def _budget(thinking: Any) -> int | None:
    """Of Anthropic's ``thinking``; other kinds of it are not known here."""
    if thinking is None:
        return None
    told = cast("Json", thinking) if isinstance(thinking, dict) else {}
    if told.get("type") != "enabled":
        raise InvalidRequest(
            "`thinking` of a release must be {type: enabled, budget_tokens: ...}.",
            fix="Or use 'reasoning_effort'.",
            param="thinking",
        )
    return _whole("thinking.budget_tokens", told.get("budget_tokens"))


def as_function(tool: Json, number: int) -> Json:
    """A function as Chat Completions has it, from any vendor's way to write one. Raises `InvalidRequest`."""
    inner = tool.get("function") if tool.get("type", "function") == "function" else None
    function = cast("Json", inner) if isinstance(inner, dict) else tool
    name = function.get("name")
    kind = tool.get("type", "function")
    if not isinstance(name, str) or not name or kind not in ("function", "custom"):
        raise InvalidRequest(
            f"Tool {number} of the release is no function.",
            fix="Write it as {type: function, function: {name, description, parameters}}.",
            param="tools",
        )
    made: Json = {"name": name}
    for field, names in (("description", ("description",)), ("parameters", ("parameters", "input_schema")),
                         ("strict", ("strict",))):  # fmt: skip
        value = next((function[key] for key in names if function.get(key) is not None), None)
        if value is not None:
            made[field] = value
    return {"type": "function", "function": made}


def _as_format(schema: Json) -> Json:
    """An output schema as a response format; one that is a format already stays one."""
    if schema.get("type") in ("json_schema", "json_object", "text"):
        return schema
    title = schema.get("title")
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in title)[:64] if isinstance(
        title, str
    ) else ""  # fmt: skip
    return {"type": "json_schema", "json_schema": {"name": name or "answer", "schema": schema}}


# --- said in a front's dialect ---


def settings(front: Dialect, plain: Json, request: Request) -> Settings:
    """A release's parameters, schema and tools for that front. Raises `Unsupported` for what it cannot say and must
    not leave out."""
    names = frozenset(tool.name for tool in request.tools)
    if front.name == CHAT:
        fields = {name: Raw(_encode(value)) for name, value in plain.items() if name != "tools"}
        return Settings(fields, tuple(Raw(_encode(tool)) for tool in plain.get("tools", ())), names)
    body = front.render_request(replace(request, messages=_USER), "-", _QUIRKS)
    fields = _fields(body)
    if request.max_tokens is None:
        fields.pop("max_tokens", None)  # Anthropic's, which must always be there
    tools = tuple(_items(fields["tools"])) if "tools" in fields else ()
    for name in ("model", "stream", "store", "tools", LISTS[front.name], SYSTEMS[front.name]):
        fields.pop(name, None)
    return Settings(fields, tools, names, _left_out(front, request, body))


def _left_out(front: Dialect, request: Request, body: bytes) -> tuple[str, ...]:
    """What of the release is not in the body that the front made of it."""
    again = front.parse_request(body)
    lost = [name for name in _COMPARED if _differs(getattr(request, name), getattr(again, name))]
    return tuple(sorted((*lost, *request.extra)))


def _differs(wanted: Any, found: Any) -> bool:
    return wanted not in (None, ()) and wanted != found


def spoken(front: Dialect, said: Said) -> Spoken:
    """A prompt's messages for that front. Raises `InvalidRequest` and `Unsupported` for what cannot be said in it."""
    if front.name == CHAT:
        return Spoken(_raw(said.before), _raw(said.after))
    before, after = _canonical(said.before), _canonical(said.after)
    if front.name == RESPONSES:
        words: list[str] = []
        while before and (text := _plain_system(before[0])) is not None:
            words.append(text)
            before = before[1:]
        return Spoken(_turns(front, before), _turns(front, after), (), "\n\n".join(words))
    above = tuple(message for message in (*before, *after) if _is_system(message))
    return Spoken(
        _turns(front, tuple(message for message in before if not _is_system(message))),
        _turns(front, tuple(message for message in after if not _is_system(message))),
        _system(front, above),
    )


def _raw(messages: Sequence[Mapping[str, Any]]) -> tuple[Raw, ...]:
    return tuple(Raw(_encode(message)) for message in messages)


def _canonical(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    if not messages:
        return ()
    try:
        return DIALECTS.get(CHAT).parse_request(_encode({"model": "-", "messages": messages})).messages
    except TrimtabError as error:
        raise InvalidRequest(
            f"The prompt's messages cannot be sent: {error.message}",
            fix="Variables of type messages hold messages as OpenAI's Chat Completions have them.",
            param="variables",
        ) from error


def _is_system(message: Message) -> bool:
    return message.role in ("system", "developer")


def _plain_system(message: Message) -> str | None:
    """The text of a system message that is nothing but text; None for any other."""
    if not _is_system(message) or not all(isinstance(part, Text) for part in message.parts):
        return None
    return "".join(part.text for part in message.parts if isinstance(part, Text))


def _turns(front: Dialect, messages: tuple[Message, ...]) -> tuple[Raw, ...]:
    if not any(message.parts for message in messages):
        return ()
    body = front.render_request(Request(model="-", messages=messages), "-", _QUIRKS)
    return tuple(_items(_fields(body)[LISTS[front.name]]))


def _system(front: Dialect, messages: tuple[Message, ...]) -> tuple[Raw, ...]:
    if not messages:
        return ()
    body = _fields(front.render_request(Request(model="-", messages=(*messages, *_USER)), "-", _QUIRKS))
    raw = body.get(SYSTEMS[front.name])
    if raw is None:
        return ()
    return tuple(_items(_fields(raw)["parts"] if front.name == GEMINI else raw))


def unsaid(front: Dialect, label: str, error: TrimtabError) -> Unsupported:
    """A release that says what a client's dialect has no words for."""
    return Unsupported(
        f"{label} cannot be called in the dialect {front.name}: {error.message}",
        fix="Call it at another endpoint (/v1/chat/completions knows every parameter), or change the release.",
        param="model",
    )
