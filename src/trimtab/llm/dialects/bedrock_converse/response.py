"""A whole Converse answer -> `Response`. It names neither the answer nor the model: whoever asked knows both."""

from typing import Any

from msgspec import Raw

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import encode, loose, refuse_answer
from trimtab.llm.dialects._tolerant import a_text, an_object, objects
from trimtab.llm.dialects.bedrock_converse.render import NAME
from trimtab.llm.dialects.bedrock_converse.stops import stop_of
from trimtab.llm.dialects.bedrock_converse.usage import usage_of
from trimtab.llm.types import Opaque, Part, Reasoning, Response, Text, ToolCall


def parse_response(body: bytes) -> Response:
    seen = loose(body, refuse_answer)
    message = an_object(an_object(seen.get("output")).get("message"))
    if not message:
        if seen.get("message") or seen.get("Message"):
            raise UpstreamFailure(words_of(seen)[0], code="upstream_error_in_answer")
        raise UpstreamFailure("The provider's answer holds no message.", code="upstream_garbage")
    word = a_text(seen.get("stopReason"))
    return Response(
        id="",
        model="",
        parts=tuple(part for block in objects(message.get("content")) if (part := part_of(block)) is not None),
        stop=stop_of(word),
        stop_raw=word or None,
        usage=usage_of(seen.get("usage"), seen.get("serviceTier")),
    )


def part_of(block: dict[str, Any]) -> Part | None:
    """A block of the answer; None for a marker that says nothing (a cache point)."""
    if isinstance(block.get("text"), str):
        return Text(block["text"])
    if "toolUse" in block:
        use = an_object(block["toolUse"])
        value = use.get("input")
        arguments = value if isinstance(value, str) else encode({} if value is None else value).decode("utf-8")
        return ToolCall(a_text(use.get("toolUseId")), a_text(use.get("name")), arguments)
    if "reasoningContent" in block:
        thought = an_object(block["reasoningContent"])
        if isinstance(thought.get("redactedContent"), str):
            return Reasoning(redacted=thought["redactedContent"])
        told = an_object(thought.get("reasoningText"))
        return Reasoning(text=a_text(told.get("text")), signature=a_text(told.get("signature")) or None)
    if "citationsContent" in block:
        content = objects(an_object(block["citationsContent"]).get("content"))
        return Text("".join(a_text(each.get("text")) for each in content))
    if "cachePoint" in block or not block:
        return None
    return Opaque(NAME, Raw(encode(block)))
