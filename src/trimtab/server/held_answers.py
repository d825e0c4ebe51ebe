"""What a client gets in place of an answer that a person must see first: meanwhile, and in the end. Pure; always in the
caller's own dialect, as an answer or as a stream, whichever it asked for."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import Conflict, TrimtabError
from trimtab.llm.dialects import DIALECTS, Dialect, Head
from trimtab.llm.fold import fold, unfold
from trimtab.llm.types import Message, Refusal, Response, Text, ToolCall
from trimtab.review.holds import Held, Hold
from trimtab.review.types import Subject

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream; charset=utf-8"
RETRY_AFTER_S: Final = 5


class Rendered(Struct, frozen=True):
    """``headers`` are those of the hold, beside what every answer carries."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str]


def rendered(hold: Hold, waiting: str) -> Rendered:
    """What the client is told now: 202 while it waits, else 200 with what was decided. Raises `Conflict` where nobody
    can read the answer any more."""
    if not hold.answer.front:
        raise Conflict(
            "The key that this answer was encrypted with was destroyed.",
            fix="Make the call again, as a new one.",
            code="held_answer_gone",
        )
    headers = {"trimtab-hold": hold.id, "trimtab-hold-status": hold.state}
    if hold.state == "pending":
        headers |= {"location": f"/v1/holds/{hold.id}", "retry-after": str(RETRY_AFTER_S)}
        return _as_asked(hold, _worded(hold, waiting, hold.id), 202, headers)
    if hold.state == "approved":
        return Rendered(200, hold.answer.content_type, hold.answer.body, headers)
    if hold.state == "corrected" and hold.said is not None and hold.said.correction:
        return _as_asked(hold, _worded(hold, hold.said.correction), 200, headers)
    return _as_asked(hold, _worded(hold, hold.fallback), 200, headers)


def _as_asked(hold: Hold, response: Response, status: int, headers: dict[str, str]) -> Rendered:
    front = DIALECTS.get(hold.answer.front)
    if hold.answer.stream:
        head = Head(model=hold.answer.model, stream=True, wants_usage=hold.answer.wants_usage)
        encoder = front.stream_encoder(head)
        return Rendered(status, EVENTS, b"".join(map(encoder.feed, unfold(response))), headers)
    body = front.render_response(response)
    return Rendered(status, JSON, _noted(body, hold), headers)


def _noted(body: bytes, hold: Hold) -> bytes:
    """The answer with what it is: clients of every dialect pass over a field that they do not know."""
    fields = msgspec.json.decode(body, type=dict[str, Any])
    fields["trimtab"] = {
        "hold": {
            "id": hold.id,
            "status": hold.state,
            "url": f"/v1/holds/{hold.id}",
            "expires": hold.expires,
        }
    }
    return msgspec.json.encode(fields)


def _worded(hold: Hold, text: str, response_id: str = "") -> Response:
    """The answer with other words; what it used and cost stays what it was."""
    made = read(hold.answer) or Response(id=hold.answer.request, model=hold.answer.model, parts=(), stop="stop")
    return replace(made, id=response_id or made.id, parts=(Text(text),), stop="stop", stop_raw=None)


def read(held: Held) -> Response | None:
    """The answer that is held back; None where its own dialect cannot read it."""
    front = DIALECTS.get(held.front)
    try:
        if held.stream:
            decoder = front.stream_decoder()
            return fold([*decoder.feed(held.body), *decoder.close()])
        return front.parse_response(held.body)
    except TrimtabError:
        return None


class _Choice(Struct):
    index: int | None = None


class _Choices(Struct):
    choices: list[_Choice] | None = None
    candidates: list[_Choice] | None = None


def has_several(held: Held) -> bool:
    """Whether there is more than one answer in it (``n``, ``candidateCount``), of which `read` gives the first."""
    for line in held.body.splitlines() if held.stream else [held.body]:
        try:
            found = msgspec.json.decode(line.removeprefix(b"data:"), type=_Choices)
        except msgspec.DecodeError:  # no event with an answer in it
            continue
        given = [*(found.choices or ()), *(found.candidates or ())]
        if len(given) > 1 or any(each.index for each in given):
            return True
    return False


def subject_of(front: Dialect, request: bytes, answer: Response | None) -> Subject:
    """What the reviewer sees of a call that is not in the store yet."""
    try:
        messages = front.parse_request(request).messages
    except TrimtabError:  # it was answered, so whatever it is the reviewer sees the answer
        messages = ()
    shown = tuple({"role": each.role, "content": text_of(each)} for each in messages)
    parts = () if answer is None else answer.parts
    calls = [part for part in parts if isinstance(part, ToolCall)]
    return Subject(
        input=next((text_of(each) for each in reversed(messages) if each.role == "user"), ""),
        messages=shown,
        answer=text(answer),
        tool_calls=tuple({"name": call.name, "arguments": call.arguments} for call in calls),
        model="" if answer is None else answer.model,
    )


def text_of(message: Message) -> str:
    return "\n".join(part.text for part in message.parts if isinstance(part, Text | Refusal))


def text(answer: Response | None) -> str:
    return "" if answer is None else "".join(p.text for p in answer.parts if isinstance(p, Text | Refusal))


def tools(answer: Response | None) -> list[str]:
    return [] if answer is None else [part.name for part in answer.parts if isinstance(part, ToolCall)]
