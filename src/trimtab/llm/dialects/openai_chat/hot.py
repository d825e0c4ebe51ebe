"""What every same-dialect call pays for: read the few fields that matter, leave the bytes alone."""

from typing import Any, cast

import msgspec
from msgspec import Raw

from trimtab.core.errors import InvalidRequest, TrimtabError, UpstreamFailure
from trimtab.llm import sse
from trimtab.llm.dialects import Glance, Head, Quirks
from trimtab.llm.dialects._errors import rejected, words_of
from trimtab.llm.dialects._gpt import bound_name, reasons
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
from trimtab.llm.dialects.openai_chat.bending import (
    bend,
    holds_any,
    holds_thoughts,
    in_strict_turns,
    is_bent,
    name_no_tool,
    shorten_ids,
    want_any_object,
    with_thoughts,
    with_thoughts_as,
    without_developers,
    without_members,
)
from trimtab.llm.dialects.openai_chat.plain import as_usage
from trimtab.llm.dialects.openai_chat.shapes import decode_answer, decode_request
from trimtab.llm.dialects.openai_chat.stops import stop_of
from trimtab.llm.dialects.openai_chat.usage import usage_of
from trimtab.llm.tiers import asked_tier, tier_of
from trimtab.llm.types import StopReason, Usage

MOST_TOKENS = 2**31 - 1
_MINIMAX = {
    "1001": 504, "1002": 429, "1004": 401, "1008": 402, "1024": 500, "1026": 400, "1027": 400, "1033": 500, "1039": 413,
    "1041": 429, "2013": 400, "2049": 401, "2056": 402,
}  # fmt: skip
"""MiniMax's numbers of what went wrong, as statuses: https://platform.minimax.io/docs/api-reference/errorcode"""


_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode
_WITH_USAGE = Raw(b'{"include_usage":true}')
_NO_METADATA: dict[str, str] = {}


def peek(body: bytes) -> Head:
    try:
        found = decode_request(body)
    except BROKEN:
        raise _why(body) from None
    bound, older = found.max_completion_tokens, found.max_tokens
    if older is not None and (bound is None or 0 < bound < older):  # of both, each provider reads another one
        bound = older
    if not found.model or (bound is not None and not 0 < bound <= MOST_TOKENS):
        raise _why(body)
    options = found.stream_options
    metadata = found.metadata
    return Head(
        model=found.model,
        stream=found.stream is True,
        max_tokens=bound,
        user=found.user or found.safety_identifier,
        wants_usage=options is not None and options.include_usage is True,
        metadata={k: v for k, v in metadata.items() if isinstance(v, str)} if metadata else _NO_METADATA,
        choices=1 if found.n is None else choices_of(found.n),
        tier="" if found.service_tier is None else asked_tier(found.service_tier),
    )


def _why(body: bytes) -> TrimtabError:
    """What `peek` stumbled over, said well."""
    try:
        fields = root(body, refuse_request)
        if not fields.need("model").text():
            return fields.fail("model", "is empty")
        fields.boolean("stream")
        fields.integer("max_tokens", 1, MOST_TOKENS)
        fields.integer("max_completion_tokens", 1, MOST_TOKENS)
        fields.text("user")
        fields.text("safety_identifier")
        fields.schema("metadata")
        options = fields.get("stream_options")
        if options is not None:
            options.fields().boolean("include_usage")
    except TrimtabError as error:
        return error
    return InvalidRequest("The body is not a valid chat completion request.")


def forward(body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:
    try:
        fields = _decode_fields(body)
        fields["model"] = Raw(_encode(model))
        if "max_tokens" in fields and reasons(model) and (name := bound_name(model, quirks)) != "max_tokens":
            bound = fields.pop("max_tokens")  # the same bound by the only name that this model knows
            if name not in fields or bytes(fields[name]) == b"null":
                fields[name] = bound
        if head.stream and not head.wants_usage and quirks.stream_usage:
            fields["stream_options"] = _ask_for_usage(fields.get("stream_options"))
        if not quirks.developer_role and b'"developer"' in body and "messages" in fields:
            fields["messages"] = without_developers(fields["messages"])
        if quirks.thoughts_return and b'"tool_calls"' in body and "messages" in fields:
            fields["messages"] = with_thoughts(fields["messages"])
        if quirks.thoughts_field != "reasoning_content" and "messages" in fields and holds_thoughts(body):
            taken = quirks.thoughts_field
            fields["messages"] = with_thoughts_as(fields["messages"], taken, details=quirks.thoughts_details)
        members = quirks.unknown_members
        if members and "messages" in fields and holds_any(body, members):
            fields["messages"] = without_members(fields["messages"], members)
        if quirks.strict_turns and "messages" in fields:
            fields["messages"] = in_strict_turns(fields["messages"])
        if not quirks.named_choice and "tool_choice" in fields:
            name_no_tool(fields)
        if not quirks.json_object and b'"json_object"' in body and "response_format" in fields:
            want_any_object(fields)
        if is_bent(quirks):
            bend(fields, quirks)
            if quirks.tool_id_length and "messages" in fields:
                fields["messages"] = shorten_ids(fields["messages"], quirks.tool_id_length)
        return _encode(fields)
    except BROKEN:
        raise _why(body) from None


def _ask_for_usage(options: Raw | None) -> Raw:
    if options is None or bytes(options) == b"null":
        return _WITH_USAGE
    known = _decode_fields(options)
    known["include_usage"] = Raw(b"true")
    return Raw(_encode(known))


def glance(body: bytes) -> Glance:
    try:
        found = decode_answer(body)
    except BROKEN:
        return _glance_slowly(body)
    if not found.choices:
        raise _unanswered(body)
    failure = found.choices[0].error
    if failure is not None:
        refuse_failed(Cursor(failure, "error", refuse_answer).anything())
    usage = None if found.usage is None else as_usage(found.usage, tier_of(found.service_tier))
    if usage is None and found.usage is not None:
        return _glance_slowly(body)
    word = found.choices[0].finish_reason
    return Glance(usage=usage, id=found.id or "", model=found.model or "", stop=stop_of(word), stop_raw=word)


def _glance_slowly(body: bytes) -> Glance:
    """An answer with a field of an unexpected type: take what can be taken. Only what is no JSON object is garbage."""
    seen = loose(body, refuse_answer)
    choice = _first_choice(seen)
    if not choice:
        raise _unanswered(body)
    refuse_failed(choice.get("error"))
    word = _text(choice.get("finish_reason"))
    return Glance(
        usage=usage_of(seen.get("usage"), tier_of(seen.get("service_tier"))),
        id=_text(seen.get("id")) or "",
        model=_text(seen.get("model")) or "",
        stop=stop_of(word),
        stop_raw=word,
    )


def no_choice(error: Any) -> UpstreamFailure:
    """A 200 that holds no answer: some servers wrap their failures in one. Where it has the number of a status it is
    the refusal that it would have been with that (OpenRouter: https://openrouter.ai/docs/errors)."""
    if not error:
        return UpstreamFailure("The provider's answer holds no choice.", code="upstream_garbage")
    status = _status_of(error)
    if status:
        return rejected(status, _encode({"error": error}), {})
    message, code, _ = words_of(error)
    return UpstreamFailure(message, code=code or "upstream_error_in_answer")


def _status_of(error: Any) -> int:
    """The HTTP status by an error's own number, else 0."""
    if not isinstance(error, dict):
        return 0
    told = cast("dict[str, Any]", error)
    number = told.get("code")
    if isinstance(number, str):
        return _MINIMAX.get(number, 0)
    return number if isinstance(number, int) and 400 <= number <= 599 else 0


def unlike_openais(answer: Any) -> Any:
    """A failure that is not in ``error``, as one that is: MiniMax's ``base_resp`` (its status is 200, and
    ``choices`` null), and the flat object of SGLang and of vLLM before 0.10. None where there is none."""
    if not isinstance(answer, dict):
        return None
    told = cast("dict[str, Any]", answer)
    base: Any = told.get("base_resp")
    if isinstance(base, dict):
        fields = cast("dict[str, Any]", base)
        if fields.get("status_code"):
            return {"message": fields.get("status_msg") or "", "code": str(fields["status_code"])}
    return told if told.get("object") == "error" else None


def _unanswered(body: bytes) -> UpstreamFailure:
    seen = loose(body, refuse_answer)
    return no_choice(seen.get("error") or unlike_openais(seen))


def refuse_failed(error: Any) -> None:
    """Raises where a choice holds an error: OpenRouter's provider broke off, and it answered with 200 all the same.
    https://openrouter.ai/docs/api-reference/errors"""
    if error:
        raise no_choice(error)


def error_in(chunk: dict[str, Any]) -> Any:
    """What went wrong by a chunk of a stream: its ``error``; Groq's last chunk has it in ``x_groq`` (``groq.types.chat
    .ChatCompletionChunk``). None where nothing did."""
    told = chunk.get("error")
    if not told and ("base_resp" in chunk or chunk.get("object") == "error"):
        return unlike_openais(chunk)
    if told or "x_groq" not in chunk:
        return told or None
    inner = chunk["x_groq"]
    return cast("dict[str, Any]", inner).get("error") or None if isinstance(inner, dict) else None


class OpenAIMeter:
    """Watches chunks go by. Once the model has begun to speak, an ordinary text chunk costs a few substring searches; a
    hit within the model's own words costs a needless decode and changes nothing."""

    __slots__ = (
        "_keep_usage",
        "_tier",
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

    def __init__(self, head: Head) -> None:
        self._tier = ""
        self._keep_usage = head.wants_usage
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
        return block if self.semantic and _is_plain(block) else self._look(block)

    def _look(self, block: bytes) -> bytes:
        swallowed = False
        kept: list[bytes] = []
        for event in sse.split(block):
            if (not self.semantic or not _is_plain(event)) and self._swallow(event):
                swallowed = True
            else:
                kept.append(event)
        return b"".join(kept) if swallowed else block

    def _swallow(self, event: bytes) -> bool:
        """Read one event; whether it must be kept from the client."""
        data = sse.data_of(event)
        if data is None:
            return False
        if data.strip() == b"[DONE]":
            self.finished = True
            return False
        try:
            decoded = read_event(data)
        except BROKEN:
            decoded = None
        if not isinstance(decoded, dict):
            self.failed = self.failed or "The provider sent a stream event that is not a JSON object."
            return False
        chunk = cast("dict[str, Any]", decoded)
        wrong = error_in(chunk)
        if wrong:
            self.failed, self.failed_code, _ = words_of(chunk if chunk.get("error") else wrong)
            return False
        self._note(chunk)
        # the chunk we asked for and the client did not; a chunk that also carries a choice is the provider's own way
        return not self._keep_usage and isinstance(chunk.get("usage"), dict) and not chunk.get("choices")

    def _note(self, chunk: dict[str, Any]) -> None:
        self.id = self.id or _text(chunk.get("id")) or ""
        self.model = self.model or _text(chunk.get("model")) or ""
        self._tier = tier_of(chunk.get("service_tier")) or self._tier
        choice = _first_choice(chunk)
        # Moonshot tells it in the choice: https://platform.moonshot.ai/docs/api/chat
        self.usage = usage_of(chunk.get("usage") or choice.get("usage"), self._tier) or self.usage
        word = _text(choice.get("finish_reason"))
        if word:
            self.stop, self.stop_raw = stop_of(word), word
        delta = choice.get("delta")
        if isinstance(delta, dict) and not self.semantic:
            told = cast("dict[str, Any]", delta)
            self.semantic = any(value for name, value in told.items() if name != "role")


def _is_plain(block: bytes) -> bool:
    """Whether there is nothing in it but more of what the model says."""
    return (
        b'_tokens"' not in block
        and b'"error"' not in block
        and b'"finish_reason":"' not in block
        and b'"finish_reason": "' not in block
        and b"[DONE]" not in block
    )


def _first_choice(answer: dict[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    first: Any = cast("list[Any]", choices)[0] if isinstance(choices, list) and choices else None
    return cast("dict[str, Any]", first) if isinstance(first, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
