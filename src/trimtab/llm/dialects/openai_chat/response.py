"""A whole chat completion, read and written. https://platform.openai.com/docs/api-reference/chat/object"""

from typing import Any

import msgspec
from msgspec import Struct

from trimtab.llm.dialects._reading import BROKEN, Cursor, Fields, encode, loose, refuse_answer, root, tier_in
from trimtab.llm.dialects.openai_chat.hot import no_choice, refuse_failed, unlike_openais
from trimtab.llm.dialects.openai_chat.parts import call_of, part_of, tool_call
from trimtab.llm.dialects.openai_chat.plain import as_usage
from trimtab.llm.dialects.openai_chat.stops import finish_reason, settled_stop
from trimtab.llm.dialects.openai_chat.thoughts import signature_of
from trimtab.llm.dialects.openai_chat.usage import PlainUsage, render_usage, usage_of
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import Part, Reasoning, Refusal, Response, Text, ToolCall


class _PlainMessage(Struct, forbid_unknown_fields=True):
    content: str
    role: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    reasoning_content: None = None
    reasoning: None = None
    annotations: list[Any] | None = None
    audio: None = None


class _PlainChoice(Struct):
    message: _PlainMessage
    finish_reason: str | None = None
    error: None = None


class _PlainAnswer(Struct):
    """An answer that is one text: most answers."""

    choices: tuple[_PlainChoice]
    id: str | None = None
    model: str | None = None
    created: int | None = None
    usage: PlainUsage | None = None
    error: None = None
    service_tier: Any = None


_plain_answer = msgspec.json.Decoder(_PlainAnswer)


def parse_response(body: bytes) -> Response:
    """The first choice. Takes what compatible servers leave out or put elsewhere; raises `UpstreamFailure`."""
    return _parse_plain(body) or parse_carefully(body)


def _parse_plain(body: bytes) -> Response | None:
    """A plain answer, in a third of the time; None for all others, right or wrong."""
    try:
        plain = _plain_answer.decode(body)
    except BROKEN:
        return None
    usage = None
    if plain.usage is not None and (usage := as_usage(plain.usage, tier_of(plain.service_tier))) is None:
        return None
    choice = plain.choices[0]
    parts = (Text(choice.message.content),) if choice.message.content else ()
    return Response(
        id=plain.id or "",
        model=plain.model or "",
        parts=parts,
        stop=settled_stop(choice.finish_reason, parts),
        stop_raw=choice.finish_reason,
        usage=usage,
        created=plain.created or 0,
    )


def parse_carefully(body: bytes) -> Response:
    """Value by value."""
    fields = root(body, refuse_answer)
    choices = fields.items("choices")
    if not choices:
        error = fields.get("error")
        raise no_choice(unlike_openais(loose(body, refuse_answer)) if error is None else error.anything())
    choice = choices[0].fields()
    failure = choice.get("error")
    if failure is not None:
        refuse_failed(failure.anything())
    parts = _parts(choice.need("message").fields())
    word = choice.text("finish_reason")
    usage = fields.get("usage")
    created = fields.get("created")
    return Response(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        parts=parts,
        stop=settled_stop(word, parts),
        stop_raw=word,
        usage=usage_of(usage.anything(), tier_in(fields)) if usage is not None else None,
        created=int(created.number()) if created is not None and created.kind == "number" else 0,
    )


def _parts(message: Fields) -> tuple[Part, ...]:
    parts: list[Part] = []
    thought = message.get("reasoning_content") or message.get("reasoning")
    said = thought.text() if thought is not None and thought.kind == "string" else ""
    details = message.get("reasoning_details")
    signature = None if details is None else signature_of(details.anything())
    if said or signature:
        parts.append(Reasoning(text=said, signature=signature))
    content = message.get("content")
    if content is not None and content.kind == "array":
        thoughts = [item for item in content.items() if item.fields().text("type") == "thinking"]  # Mistral's
        parts += [part for part in map(part_of, thoughts) if isinstance(part, Reasoning) and part.text]
    text = _content(content)
    if text:
        parts.append(Text(text))
    refusal = message.text("refusal")
    if refusal:
        parts.append(Refusal(refusal))
    parts += [call_of(call, f"call_{index}") for index, call in enumerate(message.items("tool_calls"))]
    return tuple(parts)


def _content(content: Cursor | None) -> str:
    if content is None:
        return ""
    if content.kind == "string":
        return content.text()
    parts = [item.fields() for item in content.items()]  # Mistral answers in parts
    return "".join(part.text("text") or "" for part in parts if part.text("type") == "text")


def render_response(response: Response) -> bytes:
    """Parts of other vendors that a client of this dialect could not read (their server tools' blocks) are left out."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    texts = [part.text for part in response.parts if isinstance(part, Text)]
    thoughts = [part.text for part in response.parts if isinstance(part, Reasoning) and part.text]
    refusals = [part.text for part in response.parts if isinstance(part, Refusal)]
    calls = [tool_call(part) for part in response.parts if isinstance(part, ToolCall)]
    if texts or not (calls or refusals):
        message["content"] = "".join(texts)
    if refusals:
        message["refusal"] = "".join(refusals)
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason(response.stop, refused_in_words=bool(refusals)),
    }
    told: dict[str, Any] = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created,
        "model": response.model,
        "choices": [choice],
    }
    if response.usage is not None:
        told["usage"] = render_usage(response.usage)
    return encode(told)
