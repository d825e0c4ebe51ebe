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
from trimtab.llm.dialects.openai_responses.stops import MESSAGES, stop_of, word_of
from trimtab.llm.dialects.openai_responses.usage import SEARCHES, searches_in, usage_of, with_searches
from trimtab.llm.tiers import asked_tier, tier_of
from trimtab.llm.types import StopReason, Usage

MOST_TOKENS = 2**31 - 1


class _Request(Struct):
    """The fields `peek` reads; the decoder skips all others without building anything."""

    model: str
    stream: bool | None = None
    max_output_tokens: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    service_tier: Any = None


class _Part(Struct):
    type: str = ""


class _Item(Struct):
    type: str = ""
    content: list[_Part] | None = None
    action: Any = None


class _Thought(Struct):
    id: str | None = None
    encrypted_content: str | None = None


class _Input(Struct):
    input: list[Raw] = []


class _Details(Struct):
    reason: str | None = None


class _Answer(Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    incomplete_details: _Details | None = None
    output: list[_Item] | None = None
    usage: dict[str, Any] | None = None
    error: Raw | None = None
    service_tier: Any = None


class _Background(Struct):
    background: bool | None = None
    background_options: Any = None


_WINDOWS = ("2h", "8h")
"""Of ``background_options.completion_window`` (``openai.types.responses.response_create_params``): those that cost
less than ``soonest`` does."""
_decode_background = msgspec.json.Decoder(_Background).decode
_decode_request = msgspec.json.Decoder(_Request).decode
_decode_input = msgspec.json.Decoder(_Input).decode
_decode_thought = msgspec.json.Decoder(_Thought).decode
_OUR_ID = re.compile(r"rs_[0-9a-f]{32}_[0-9]+")
_OURS = re.compile(_OUR_ID.pattern.encode())
"""What answers of other providers' models bear that this server translated (`response.py`)."""
_decode_kind = msgspec.json.Decoder(_Part).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode
_WRITTEN = frozenset(("message", "reasoning", "function_call"))
_NO_METADATA: dict[str, str] = {}


def peek(body: bytes) -> Head:
    try:
        found = _decode_request(body)
    except BROKEN:
        raise _why(body) from None
    bound = found.max_output_tokens
    if not found.model or (bound is not None and not 0 < bound <= MOST_TOKENS):
        raise _why(body)
    metadata = found.metadata
    return Head(
        model=found.model,
        stream=found.stream is True,
        max_tokens=bound,
        user=found.user or found.safety_identifier,
        wants_usage=True,  # this dialect's streams always tell it
        metadata={k: v for k, v in metadata.items() if isinstance(v, str)} if metadata else _NO_METADATA,
        tier="" if found.service_tier is None else asked_tier(found.service_tier),
    )


def _why(body: bytes) -> TrimtabError:
    """What `peek` stumbled over, said well."""
    try:
        fields = root(body, refuse_request)
        if not fields.need("model").text():
            return fields.fail("model", "is empty")
        fields.boolean("stream")
        fields.integer("max_output_tokens", 1, MOST_TOKENS)
        fields.text("user")
        fields.text("safety_identifier")
        fields.schema("metadata")
    except TrimtabError as error:
        return error
    return InvalidRequest("The body is not a valid Responses request.")


def forward(body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    signed = b'"encrypted_content"' in body and holds_foreign("openai_responses", body)
    if signed or (b'"rs_' in body and _OURS.search(body)):
        body = _without_foreign(body)
    try:
        fields = _decode_fields(body)
        fields["model"] = Raw(_encode(model))
        return _encode(fields)
    except BROKEN:
        raise _why(body) from None


def _without_foreign(body: bytes) -> bytes:
    """The body without thoughts that another vendor signed, or nobody: OpenAI refuses a call that holds one."""
    try:
        items = _decode_input(body).input
        kept = [item for item in items if _decode_kind(item).type != "reasoning" or not _is_foreign(item)]
        return _encode(_decode_fields(body) | {"input": Raw(_encode(kept))})
    except BROKEN:  # its provider will say what is wrong with it
        return body


def _is_foreign(reasoning: Raw) -> bool:
    """OpenAI looks a thought without its encrypted content up by the id, and has never seen one that was made here."""
    if holds_foreign("openai_responses", bytes(reasoning)):
        return True
    thought = _decode_thought(reasoning)
    return not thought.encrypted_content and _OUR_ID.fullmatch(thought.id or "") is not None


def glance(body: bytes) -> Glance:
    try:
        found = _decode_answer(body)
    except BROKEN:
        return _glance_slowly(body)
    if found.output is None or found.status == "failed":
        raise no_answer(None if found.error is None else Cursor(found.error, "error", refuse_answer).anything())
    word = word_of(found.status, None if found.incomplete_details is None else found.incomplete_details.reason)
    kinds = [item.type for item in found.output]
    if "message" in kinds:
        kinds += [part.type for item in found.output for part in item.content or () if part.type == "refusal"]
    usage = usage_of(found.usage, tier_of(found.service_tier))
    if not _WRITTEN.issuperset(kinds):  # most answers have no tool of the provider's in them
        usage = with_searches(usage, [(item.type, item.action) for item in found.output if item.type in SEARCHES])
    return Glance(
        usage=usage,
        id=found.id or "",
        model=found.model or "",
        stop=stop_of(word, kinds),
        stop_raw=word,
    )


def _glance_slowly(body: bytes) -> Glance:
    """An answer with a field of an unexpected type: take what can be taken. Only what is no JSON object is garbage."""
    seen = loose(body, refuse_answer)
    if not isinstance(seen.get("output"), list) or seen.get("status") == "failed":
        raise no_answer(seen.get("error"))
    word = word_in(seen)
    return Glance(
        usage=_usage_in(seen),
        id=text(seen.get("id")),
        model=text(seen.get("model")),
        stop=stop_of(word, kinds_in(seen)),
        stop_raw=word,
    )


def _usage_in(response: dict[str, Any]) -> Usage | None:
    """Of a decoded response: its tokens, and the searches among its items."""
    told = usage_of(response.get("usage"), tier_of(response.get("service_tier")))
    return with_searches(told, searches_in(response.get("output")))


def no_answer(error: Any) -> UpstreamFailure:
    """A 200 that holds no answer, or one that failed."""
    if error:
        message, code, _ = words_of(error)
        return UpstreamFailure(message, code=code or "upstream_error_in_answer")
    return UpstreamFailure("The provider's answer holds no output.", code="upstream_garbage")


def word_in(response: dict[str, Any]) -> str | None:
    """What a decoded response says of its end, in one word."""
    return word_of(
        text(response.get("status")) or None, text(an_object(response.get("incomplete_details")).get("reason")) or None
    )


def kinds_in(response: dict[str, Any]) -> list[str]:
    """The types of a decoded response's items, and ``refusal`` where one holds a refusal."""
    kinds: list[str] = []
    for each in a_list(response.get("output")):
        item = an_object(each)
        kinds.append(text(item.get("type")))
        kinds += ["refusal" for part in a_list(item.get("content")) if an_object(part).get("type") == "refusal"]
    return kinds


class ResponsesMeter:
    """Watches events go by. Once the model has begun to speak, an ordinary delta costs two substring searches: every
    event that carries a response, and every error, has one of the two. A hit within the model's own words costs a
    needless decode and changes nothing."""

    __slots__ = ("failed", "failed_code", "finished", "id", "model", "semantic", "stop", "stop_raw", "usage")

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

    def feed(self, block: bytes) -> bytes:
        if not self.semantic or b'"response":' in block or b'"error"' in block:
            for data in sse.events(block):
                self._read(data)
        return block

    def _read(self, data: bytes) -> None:
        try:
            decoded = read_event(data)
        except BROKEN:
            decoded = None
        if not isinstance(decoded, dict):
            if data.strip() != b"[DONE]":  # some compatible servers end as Chat Completions do
                self.failed = self.failed or "The provider sent a stream event that is not a JSON object."
            return
        event = cast("dict[str, Any]", decoded)
        kind = text(event.get("type"))
        match kind:
            case "response.created" | "response.in_progress" | "response.queued":
                self._note(an_object(event.get("response")))
            case "response.completed" | "response.incomplete":
                self._end(an_object(event.get("response")))
            case "response.failed":
                response = an_object(event.get("response"))
                self.failed, self.failed_code, _ = words_of(response)
                self._note(response)
                self.usage = usage_of(response.get("usage"))  # what was made until then is billed
            case "error":
                self.failed, self.failed_code, _ = words_of(event)
            case "response.output_item.added":
                # a message or a thought opens empty; all others say something by opening
                self.semantic = self.semantic or an_object(event.get("item")).get("type") not in MESSAGES
            case _ if kind.endswith(".delta"):
                self.semantic = self.semantic or bool(event.get("delta"))
            case _ if not kind and event.get("error"):
                self.failed, self.failed_code, _ = words_of(event)
            case _:
                pass

    def _note(self, response: dict[str, Any]) -> None:
        self.id = text(response.get("id")) or self.id
        self.model = text(response.get("model")) or self.model

    def _end(self, response: dict[str, Any]) -> None:
        self._note(response)
        self.usage = _usage_in(response)
        self.stop_raw = word_in(response)
        self.stop = stop_of(self.stop_raw, kinds_in(response))
        self.finished = True


def an_object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def in_background(body: bytes) -> bool:
    """Whether a request wants its answer made in the background: whoever asked may leave, and the provider goes on."""
    if b'"background"' not in body:
        return False
    try:
        return bool(_decode_background(body).background)
    except BROKEN:
        return False


def background_tier(body: bytes) -> str:
    """In which tier an answer is made in the background that may take hours: ``background-2h``, ``background-8h``.

    The answer says nothing of it; its rates are lower by what OpenAI's guide tells (`ledger/service_tiers.py`).
    """
    if b'"completion_window"' not in body:
        return ""
    try:
        wanted = _decode_background(body)
    except BROKEN:
        return ""
    options = wanted.background_options
    window = cast("dict[str, Any]", options).get("completion_window") if isinstance(options, dict) else None
    return f"background-{window}" if wanted.background and window in _WINDOWS else ""
