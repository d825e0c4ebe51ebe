"""What every same-dialect call pays for: read the few fields that matter, leave the bytes alone."""

import re
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest, TrimtabError, UpstreamFailure
from trimtab.llm import sse
from trimtab.llm.dialects import Glance, Head, Quirks
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import BROKEN, Cursor, loose, read_event, refuse_answer, refuse_request, root
from trimtab.llm.dialects._signatures import holds_foreign
from trimtab.llm.dialects.anthropic_messages.foreign import with_plain_ids, without_foreign_thoughts
from trimtab.llm.dialects.anthropic_messages.stops import stop_of
from trimtab.llm.dialects.anthropic_messages.usage import merged, usage_of
from trimtab.llm.tiers import asked_tier
from trimtab.llm.types import StopReason, Usage

MOST_TOKENS = 2**31 - 1
FEWEST_TOKENS = 0
"""``max_tokens: 0`` fills the prompt cache without an answer: https://docs.claude.com/en/docs/build-with-claude/prompt-caching"""


class _Request(Struct):
    """The fields `peek` reads; the decoder skips all others without building anything."""

    model: str
    max_tokens: int
    stream: bool | None = None
    metadata: dict[str, Any] | None = None
    service_tier: Any = None
    speed: Any = None
    inference_geo: Any = None


class _Block(Struct):
    """A content block, passed over; cheaper than keeping its bytes."""


class _Answer(Struct):
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    content: list[_Block] | None = None
    error: Raw | None = None


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode
_NO_METADATA: dict[str, str] = {}
_UNSIGNED = re.compile(rb'"signature"\s*:\s*(?:""|null)')

_ODD_ID = re.compile(rb'"tool_use_id"\s*:\s*"(?:[a-zA-Z0-9_-]*[^a-zA-Z0-9_"-]|[a-zA-Z0-9_-]{65})')


def peek(body: bytes) -> Head:
    try:
        found = _decode_request(body)
    except BROKEN:
        raise _why(body) from None
    if not found.model or not FEWEST_TOKENS <= found.max_tokens <= MOST_TOKENS:
        raise _why(body)
    metadata = found.metadata
    told = {k: v for k, v in metadata.items() if isinstance(v, str)} if metadata else _NO_METADATA
    return Head(
        model=found.model,
        stream=found.stream is True,
        max_tokens=found.max_tokens,
        user=told.get("user_id") or None,
        wants_usage=True,  # this dialect's streams always tell it
        metadata=told,
        tier=asked_tier(found.service_tier, found.speed, found.inference_geo),
    )


def _why(body: bytes) -> TrimtabError:
    """What `peek` stumbled over, said well."""
    try:
        fields = root(body, refuse_request)
        if not fields.need("model").text():
            return fields.fail("model", "is empty")
        if fields.get("max_tokens") is None:
            return fields.fail("max_tokens", "is missing: say how many tokens the answer may have at most")
        fields.integer("max_tokens", FEWEST_TOKENS, MOST_TOKENS)
        fields.boolean("stream")
        fields.schema("metadata")
    except TrimtabError as error:
        return error
    return InvalidRequest("The body is not a valid Messages request.")


def forward(body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    if b'"thinking"' in body and (_UNSIGNED.search(body) or holds_foreign("anthropic_messages", body)):
        body = without_foreign_thoughts(body)
    if b'"tool_use_id"' in body and _ODD_ID.search(body):
        body = with_plain_ids(body)
    try:
        fields = _decode_fields(body)
        fields["model"] = Raw(_encode(model))
        return _encode(fields)
    except BROKEN:
        raise _why(body) from None


def glance(body: bytes) -> Glance:
    try:
        found = _decode_answer(body)
    except BROKEN:
        return _glance_slowly(body)
    if found.content is None:
        raise no_content(None if found.error is None else Cursor(found.error, "error", refuse_answer).anything())
    word = found.stop_reason
    return Glance(
        usage=usage_of(found.usage), id=found.id or "", model=found.model or "", stop=stop_of(word), stop_raw=word
    )


def _glance_slowly(body: bytes) -> Glance:
    """An answer with a field of an unexpected type: take what can be taken. Only what is no JSON object is garbage."""
    seen = loose(body, refuse_answer)
    if seen.get("content") is None:
        raise no_content(seen.get("error"))
    word = _text(seen.get("stop_reason"))
    return Glance(
        usage=usage_of(seen.get("usage")),
        id=_text(seen.get("id")) or "",
        model=_text(seen.get("model")) or "",
        stop=stop_of(word),
        stop_raw=word,
    )


def no_content(error: Any) -> UpstreamFailure:
    """A 200 that holds no answer: some servers wrap their failures in one."""
    if error:
        message, code, _ = words_of(error)
        return UpstreamFailure(message, code=code or "upstream_error_in_answer")
    return UpstreamFailure("The provider's answer holds no content.", code="upstream_garbage")


class AnthropicMeter:
    """Watches events go by. Once the model has begun to speak, an ordinary delta costs two substring searches; a hit
    within the model's own words costs a needless decode and changes nothing."""

    __slots__ = ("_told", "failed", "failed_code", "finished", "id", "model", "semantic", "stop", "stop_raw", "usage")

    def __init__(self, head: Head) -> None:  # noqa: ARG002 - one shape for all dialects
        self._told: dict[str, Any] = {}
        self.usage: Usage | None = None
        self.id = ""
        self.model = ""
        self.stop: StopReason = "unknown"
        self.stop_raw: str | None = None
        self.semantic = False
        self.finished = False
        self.failed: str | None = None
        self.failed_code = ""

    def feed(self, block: bytes) -> bytes:
        if not self.semantic or b'"message_' in block or b'"error"' in block:
            for data in sse.events(block):
                self._read(data)
        return block

    def _read(self, data: bytes) -> None:
        try:
            decoded = read_event(data)
        except BROKEN:
            decoded = None
        if not isinstance(decoded, dict):
            self.failed = self.failed or "The provider sent a stream event that is not a JSON object."
            return
        event = cast("dict[str, Any]", decoded)
        match event.get("type"):
            case "message_start":
                message = _object(event.get("message"))
                self.id = _text(message.get("id")) or ""
                self.model = _text(message.get("model")) or ""
                self._add(message.get("usage"))
            case "content_block_start":
                # a text or thinking block opens empty; all others say something by opening
                block = _object(event.get("content_block"))
                empty = (
                    block.get("type") in ("text", "thinking") and not block.get("text") and not block.get("thinking")
                )
                self.semantic = self.semantic or not empty
            case "content_block_delta":
                delta = _object(event.get("delta"))
                self.semantic = self.semantic or any(value for name, value in delta.items() if name != "type")
            case "message_delta":
                word = _text(_object(event.get("delta")).get("stop_reason"))
                if word:
                    self.stop, self.stop_raw = stop_of(word), word
                self._add(event.get("usage"))
            case "message_stop":
                self.finished = True
            case "error":
                self.failed, self.failed_code, _ = words_of(event)
            case _:
                pass

    def _add(self, usage: Any) -> None:
        self._told = merged(self._told, usage)
        self.usage = usage_of(self._told)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
