"""What every same-dialect call pays for: read the few fields that matter, leave the bytes alone."""

import re
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct, field

from trimtab.core.errors import InvalidRequest, TrimtabError, UpstreamFailure
from trimtab.llm import sse
from trimtab.llm.dialects import Glance, Head, Quirks
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import (
    BROKEN,
    Cursor,
    choices_of,
    loose,
    read_event,
    refuse_answer,
    refuse_request,
    root,
)
from trimtab.llm.dialects._signatures import from_base64, holds_foreign
from trimtab.llm.dialects.gemini.framing import unframed
from trimtab.llm.dialects.gemini.parts import UNSIGNED, either
from trimtab.llm.dialects.gemini.stops import stop_of
from trimtab.llm.dialects.gemini.usage import queries_in, usage_of, with_searches
from trimtab.llm.tiers import asked_tier
from trimtab.llm.types import StopReason, Usage

MOST_TOKENS = 2**31 - 1


class _Config(Struct):
    bound: int | None = field(default=None, name="maxOutputTokens")
    bound_too: int | None = field(default=None, name="max_output_tokens")
    choices: Any = field(default=None, name="candidateCount")
    choices_too: Any = field(default=None, name="candidate_count")


class _Request(Struct):
    """The fields `peek` reads; the decoder skips all others without building anything."""

    model: str
    stream: bool | None = None
    config: _Config | None = field(default=None, name="generationConfig")
    config_too: _Config | None = field(default=None, name="generation_config")
    labels: dict[str, Any] | None = None
    tier: Any = field(default=None, name="serviceTier")
    tier_too: Any = field(default=None, name="service_tier")


class _Part(Struct):
    call: Raw | None = field(default=None, name="functionCall")


class _Content(Struct):
    parts: list[_Part] | None = None


class _Candidate(Struct):
    word: str | None = field(default=None, name="finishReason")
    content: _Content | None = None


class _Feedback(Struct):
    word: str | None = field(default=None, name="blockReason")


class _Answer(Struct):
    id: str | None = field(default=None, name="responseId")
    model: str | None = field(default=None, name="modelVersion")
    candidates: list[_Candidate] | None = None
    feedback: _Feedback | None = field(default=None, name="promptFeedback")
    usage: dict[str, Any] | None = field(default=None, name="usageMetadata")
    error: Raw | None = None


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_contents = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_ANSWERING = re.compile(rb'"role"\s*:\s*"(?:tool|function)"')
_NO_ROLE, _USER = Raw(b"null"), Raw(b'"user"')
_encode = msgspec.json.Encoder().encode
_NO_METADATA: dict[str, str] = {}


def peek(body: bytes) -> Head:
    """Of a body that its URL has been put into (`framing.framed`)."""
    try:
        found = _decode_request(body)
    except BROKEN:
        raise _why(body) from None
    bound, choices = None, 1
    for config in (found.config, found.config_too):
        if config is not None:  # each name may be written in two ways: of both the most
            for told in (config.bound, config.bound_too):
                if told is not None and (bound is None or 0 < bound < told):
                    bound = told
            choices = max(choices, choices_of(config.choices), choices_of(config.choices_too))
    if not found.model or (bound is not None and not 0 < bound <= MOST_TOKENS):
        raise _why(body)
    labels = found.labels
    return Head(
        model=found.model,
        stream=found.stream is True,
        max_tokens=bound,
        wants_usage=True,  # this dialect's streams always tell it
        metadata={k: v for k, v in labels.items() if isinstance(v, str)} if labels else _NO_METADATA,
        choices=choices,
        tier=asked_tier(found.tier, found.tier_too),
    )


def _why(body: bytes) -> TrimtabError:
    """What `peek` stumbled over, said well."""
    try:
        fields = root(body, refuse_request)
        if not fields.need("model").text():
            return fields.fail("model", "is empty")
        fields.boolean("stream")
        fields.schema("labels")
        for name in ("generationConfig", "generation_config"):
            config = fields.get(name)
            bound = None if config is None else either(config.fields(), "maxOutputTokens")
            if bound is not None:
                bound.integer(1, MOST_TOKENS)
    except TrimtabError as error:
        return error
    return InvalidRequest("The body is not a valid generateContent request.")


def forward(body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - the URL names the model
    if _ANSWERING.search(body) is not None:
        body = _answered_by_the_user(body)
    sent = unframed(body, head.model, stream=head.stream)
    if sent is not None and not (b'"thought' in sent and holds_foreign("gemini", sent)):
        return sent
    try:
        fields = _decode_fields(body)
    except BROKEN:
        raise _why(body) from None
    fields.pop("model", None)
    fields.pop("stream", None)
    if holds_foreign("gemini", body):
        return _without_foreign(_encode(fields))
    return _encode(fields)


def _answered_by_the_user(body: bytes) -> bytes:
    """The body with functions' responses in turns of the user. Google's own clients' README gives them the role
    ``tool``, older ones say ``function``, and its newest models know neither:
    https://github.com/sashiko-dev/sashiko/pull/500, https://github.com/genkit-ai/genkit/pull/5777"""
    try:
        fields = _decode_fields(body)
        contents = _decode_contents(fields["contents"])
    except (*BROKEN, KeyError):
        return body  # `peek` has read it, and its provider will say what is wrong with it
    for content in contents:
        if bytes(content.get("role", _NO_ROLE)).strip() in (b'"tool"', b'"function"'):
            content["role"] = _USER
    return _encode(fields | {"contents": Raw(_encode(contents))})


def _without_foreign(body: bytes) -> bytes:
    """The body without signatures that another vendor made: Google refuses a call that holds one."""
    whole = msgspec.json.decode(body)
    for content in a_list(an_object(whole).get("contents")):
        for part in a_list(an_object(content).get("parts")):
            for name in ("thoughtSignature", "thought_signature"):
                signed = text(an_object(part).get(name))
                if signed and from_base64(signed) != signed:
                    an_object(part)[name] = UNSIGNED
    return _encode(whole)


def glance(body: bytes) -> Glance:
    try:
        found = _decode_answer(body)
    except BROKEN:
        return _glance_slowly(body)
    if not found.candidates:
        blocked = None if found.feedback is None else found.feedback.word
        if blocked is None:
            raise no_candidate(None if found.error is None else Cursor(found.error, "error", refuse_answer).anything())
        word, called = blocked, False
    else:
        first = found.candidates[0]
        parts = first.content.parts if first.content is not None else None
        word, called = first.word, any(part.call is not None for part in parts or ())
    usage = usage_of(found.usage)
    if b'"webSearchQueries"' in body:
        usage = with_searches(usage, queries_in(loose(body, refuse_answer).get("candidates")), found.model or "")
    return Glance(
        usage=usage,
        id=found.id or "",
        model=found.model or "",
        stop=stop_of(word, called=called),
        stop_raw=word,
    )


def _glance_slowly(body: bytes) -> Glance:
    """An answer with a field of an unexpected type: take what can be taken. Only what is no JSON object is garbage."""
    seen = loose(body, refuse_answer)
    word, called = ending(seen)
    if word is None and not a_list(seen.get("candidates")):
        raise no_candidate(seen.get("error"))
    return Glance(
        usage=with_searches(
            usage_of(seen.get("usageMetadata")), queries_in(seen.get("candidates")), text(seen.get("modelVersion"))
        ),
        id=text(seen.get("responseId")),
        model=text(seen.get("modelVersion")),
        stop=stop_of(word, called=called),
        stop_raw=word,
    )


def no_candidate(error: Any) -> UpstreamFailure:
    """A 200 that holds no answer: some servers wrap their failures in one."""
    if error:
        message, code, _ = words_of(error)
        return UpstreamFailure(message, code=code or "upstream_error_in_answer")
    return UpstreamFailure("The provider's answer holds no candidate.", code="upstream_garbage")


def ending(answer: dict[str, Any]) -> tuple[str | None, bool]:
    """The word with which an answer (or a chunk of one) ends, None while it does not, and whether it holds a call."""
    candidates = a_list(answer.get("candidates"))
    if not candidates:
        return text(an_object(answer.get("promptFeedback")).get("blockReason")) or None, False
    first = an_object(candidates[0])
    parts = a_list(an_object(first.get("content")).get("parts"))
    called = any("functionCall" in an_object(part) for part in parts)
    return text(first.get("finishReason")) or None, called


class GeminiMeter:
    """Watches chunks go by. Every chunk tells usage so far, and the last one is the truth: once the model has begun to
    speak, an ordinary chunk costs four substring searches, and only one with a reason to finish, or with what was
    searched for, is decoded."""

    __slots__ = (
        "_called",
        "_queries",
        "failed",
        "failed_code",
        "finished",
        "id",
        "model",
        "semantic",
        "stop",
        "stop_raw",
        "usage",
    )

    def __init__(self, head: Head) -> None:  # noqa: ARG002 - one shape for all dialects
        self.usage: Usage | None = None
        self.id = ""
        self.model = ""
        self.stop: StopReason = "unknown"
        self.stop_raw: str | None = None
        self.semantic = False
        self.finished = False
        self.failed: str | None = None
        self.failed_code = ""
        self._called = False
        self._queries: set[str] = set()

    def feed(self, block: bytes) -> bytes:
        if (
            not self.semantic
            or b'"finishReason"' in block
            or b'"error"' in block
            or b'"functionCall"' in block
            or b'"webSearchQueries"' in block
        ):
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
        chunk = cast("dict[str, Any]", decoded)
        if chunk.get("error"):
            self.failed, self.failed_code, _ = words_of(chunk)
            return
        self.id = self.id or text(chunk.get("responseId"))
        self.model = self.model or text(chunk.get("modelVersion"))
        self._queries |= queries_in(chunk.get("candidates"))
        self.usage = with_searches(usage_of(chunk.get("usageMetadata")) or self.usage, self._queries, self.model)
        word, called = ending(chunk)
        self._called = self._called or called
        self.semantic = self.semantic or says_something(chunk)
        if word:
            self.stop, self.stop_raw = stop_of(word, called=self._called), word
            self.finished = True


def says_something(chunk: dict[str, Any]) -> bool:
    """Whether a chunk carries model output: a text or thought that is not empty, or any other kind of part."""
    for candidate in a_list(chunk.get("candidates")):
        for each in a_list(an_object(an_object(candidate).get("content")).get("parts")):
            part = an_object(each)
            if any(value for name, value in part.items() if name != "thought"):
                return True
    return False


def an_object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""
