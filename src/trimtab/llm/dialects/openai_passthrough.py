"""What OpenAI's API has beside models that talk, and what passes through to a provider as it is: images, audio, files,
batches. https://platform.openai.com/docs/api-reference

Only what the books need is read: who is asked, what people would want to see of the question, and what the answer says
it used. Nothing is ever translated.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trimtab.core.errors import InternalError
from trimtab.llm.auth import BEARER
from trimtab.llm.charges import charged_in
from trimtab.llm.dialects import Dialect, Glance, Head, Operation, Quirks
from trimtab.llm.dialects._reading import BROKEN, count, loose, refuse_answer, refuse_request, root
from trimtab.llm.dialects._tolerant import a_list, a_text, an_object
from trimtab.llm.dialects._unstreamed import Unstreamed
from trimtab.llm.dialects.openai_chat import errors
from trimtab.llm.types import Message, Request, Response, Text, Usage

NAME = "openai_passthrough"
_ASKED = ("prompt", "input", "input_file_id", "purpose")
"""Fields that say what a call is about, the first that is there."""
_OBJECT = re.compile(rb"\s*:\s*\{")


def peek(body: bytes) -> Head:
    """Of a JSON body; one without a model has none."""
    fields = root(body, refuse_request)
    return Head(model=fields.text("model") or "", user=fields.text("user"))


def parse_request(body: bytes) -> Request:
    """What of a JSON body a person would want to see."""
    fields = root(body, refuse_request)
    told = next((cursor.text() for name in _ASKED if (cursor := fields.get(name)) and cursor.kind == "string"), "")
    messages = (Message("user", (Text(told),)),) if told else ()
    return Request(dialect=NAME, model=fields.text("model") or "", messages=messages, user=fields.text("user"))


def usage_of(answer: dict[str, Any], *, draws: bool = False) -> Usage | None:
    """Tokens of an image, a transcription or speech; where none are told, the images made. Seconds are not counted:
    https://platform.openai.com/docs/api-reference/images/create, /audio/createTranscription. What a model ``draws`` is
    all that it writes where nothing tells that apart (``openai.types.ImageGenCompletedEvent``). What was read from a
    cache is told as in a realtime session: https://developers.openai.com/api/reference/resources/realtime."""
    usage = an_object(answer.get("usage"))
    made = [each for each in a_list(answer.get("data")) if "b64_json" in an_object(each) or "url" in an_object(each)]
    charged = charged_in(usage)
    if "input_tokens" in usage or "output_tokens" in usage:
        details = an_object(usage.get("input_token_details") or usage.get("input_tokens_details"))
        read = count(usage.get("input_tokens"))
        cached = min(read, count(details.get("cached_tokens")))
        kept = an_object(details.get("cached_tokens_details"))
        kept_audio = min(cached, count(kept.get("audio_tokens")))
        kept_image = min(cached - kept_audio, count(kept.get("image_tokens")))
        fresh = read - cached
        audio = min(fresh, max(0, count(details.get("audio_tokens")) - kept_audio))
        seen = min(fresh - audio, max(0, count(details.get("image_tokens")) - kept_image))
        wrote, told = count(usage.get("output_tokens")), an_object(usage.get("output_tokens_details"))
        drawn = min(wrote, count(told.get("image_tokens"))) if told else wrote if made or draws else 0
        return Usage(
            input=fresh, cache_read=cached, output=wrote, audio_input=audio, image_input=seen, image_output=drawn,
            cache_audio=kept_audio, cache_image=kept_image, charged=charged,
        )  # fmt: skip
    return Usage(images=len(made), charged=charged) if made or charged is not None else None


def usage_in(tail: bytes, *, draws: bool = False) -> Usage | None:
    """The same from the end of an answer too large to be kept, or of a stream of events."""
    return last_usage(tail, lambda told: usage_of({"usage": told}, draws=draws))


def last_usage(tail: bytes, read: Callable[[Any], Usage | None]) -> Usage | None:
    """What ``read`` makes of the last ``usage``, if it is an object: what stands behind a null is something else."""
    at = tail.rfind(b'"usage"')
    found = _OBJECT.match(tail, at + len(b'"usage"')) if at >= 0 else None
    if found is None:
        return None
    start, depth = found.end() - 1, 0
    for end in range(start, len(tail)):
        depth += {ord("{"): 1, ord("}"): -1}.get(tail[end], 0)
        if depth == 0:
            try:
                return read(msgspec.json.decode(tail[start : end + 1]))
            except BROKEN:
                return None
    return None


def parse_response(body: bytes) -> Response:
    seen = loose(body, refuse_answer)
    text = a_text(seen.get("text"))
    return Response(
        id=a_text(seen.get("id")),
        model=a_text(seen.get("model")),
        parts=(Text(text),) if text else (),
        stop="stop",
        usage=usage_of(seen),
    )


def glance(body: bytes) -> Glance:
    found = parse_response(body)
    return Glance(usage=found.usage, id=found.id, model=found.model, stop="stop")


class OpenAIPassthrough(Unstreamed):
    name = NAME
    operation: Operation = "passthrough"
    front = True
    auth = BEARER
    headers: Mapping[str, str] = {}

    peek = staticmethod(peek)
    parse_request = staticmethod(parse_request)
    parse_response = staticmethod(parse_response)
    glance = staticmethod(glance)
    render_error = staticmethod(errors.render_error)
    parse_error = staticmethod(errors.parse_error)

    def render_stream_error(self, error: Any, request_id: str) -> bytes:  # noqa: ARG002 - one shape for all dialects
        """An answer that has begun can only break off: its bytes are the provider's."""
        return b""

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002
        return ""

    def forward(self, body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG002
        raise InternalError("What passes through is not forwarded as a body.")

    def render_request(self, request: Request, model: str, quirks: Quirks) -> bytes:  # noqa: ARG002
        raise InternalError("What passes through is never translated.")

    def render_response(self, response: Response) -> bytes:  # noqa: ARG002
        raise InternalError("What passes through is never translated.")


PLUG: Dialect = OpenAIPassthrough()
