"""From bytes as they travelled back to what was said: canonical messages, their plain text, and what people see.

The store keeps raw bodies and the name of their dialect; messages are rebuilt whenever they are needed, so a better
dialect reads old calls better too. A body that does not parse is no failure here: it gives a note, and its own text.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from trimtab.core.errors import TrimtabError
from trimtab.llm.dialects import DIALECTS, WholeStreams
from trimtab.llm.fold import Fold
from trimtab.llm.types import Message, Refusal, Request, Response, Text
from trimtab.telemetry.plain_text import text_of
from trimtab.telemetry.views import MessageView


class Unread(Struct, frozen=True):
    """A body that its dialect could not read, and why."""

    why: str


def read_request(dialect: str, body: bytes) -> Request | Unread:
    """A client's request."""
    try:
        return DIALECTS.get(dialect).parse_request(body)
    except TrimtabError as error:
        return Unread(error.message)
    except Exception as error:  # noqa: BLE001  a plug is called: its defect must not lose the record
        return Unread(f"{type(error).__name__}: {error}")


def read_response(dialect: str, body: bytes, *, stream: bool) -> Response | Unread:
    """A provider's answer: a JSON body, or the events of a stream up to where it ended."""
    try:
        plug = DIALECTS.get(dialect)
        if not stream:
            return plug.parse_response(body)
        if isinstance(plug, WholeStreams) and (read := plug.parse_stream(body)) is not None:
            return read
        decoder = plug.stream_decoder()
        whole = Fold()
        # What is after the last complete event was cut off by the network: not a message, but kept in the raw bytes.
        for delta in decoder.feed(plug.splitter().feed(body)):
            whole.feed(delta)
        for delta in decoder.close():
            whole.feed(delta)
        return whole.response()
    except TrimtabError as error:
        return Unread(error.message)
    except Exception as error:  # noqa: BLE001  as above
        return Unread(f"{type(error).__name__}: {error}")


# --- plain text ----------------------------------------------------------------------------------------------------


def request_text(request: Request) -> str:
    return "\n".join([text_of(message.parts) for message in request.messages])


def asked(request: Request) -> str:
    """What the call is about, for a preview: the last thing the user (or a tool) said."""
    for message in reversed(request.messages):
        if message.role in ("user", "tool"):
            text = text_of(message.parts)
            if text:
                return text
    return text_of(request.messages[-1].parts) if request.messages else ""


def answered(response: Response) -> str:
    """What came back, for a preview: visible text first, then tool calls, then thinking."""
    visible = text_of([part for part in response.parts if isinstance(part, Text | Refusal)])
    return visible or text_of(response.parts)


# --- what people see -----------------------------------------------------------------------------------------------


def message_views(request: Request) -> list[MessageView]:
    return views_of(request.messages)


def views_of(messages: Iterable[Message]) -> list[MessageView]:
    return [MessageView(role=each.role, parts=builtins_of(each.parts), name=each.name) for each in messages]


def answer_view(response: Response) -> list[MessageView]:
    return [MessageView(role="assistant", parts=builtins_of(response.parts))] if response.parts else []


def tools_view(request: Request) -> list[dict[str, Any]]:
    return builtins_of(request.tools)


def params_view(request: Request) -> dict[str, Any]:
    """How the model was asked to behave: all of the request but messages and tools, without what was left out."""
    whole = msgspec.json.decode(msgspec.json.encode(request), type=dict[str, Any])
    params: dict[str, Any] = {**whole, **whole["extra"]}
    for name in ("model", "messages", "tools", "extra", "dialect"):
        params.pop(name, None)
    return {name: value for name, value in params.items() if value not in (None, [], {})}


def builtins_of(value: Any) -> list[dict[str, Any]]:
    """Parts or tools as plain JSON values."""
    # Through JSON, because opaque parts hold raw JSON.
    return msgspec.json.decode(msgspec.json.encode(value), type=list[dict[str, Any]])
