"""A whole answer, read and written. https://ai.google.dev/api/generate-content#GenerateContentResponse"""

from typing import Any

from trimtab.llm.dialects._reading import Fields, encode, refuse_answer, root
from trimtab.llm.dialects.gemini.hot import no_candidate
from trimtab.llm.dialects.gemini.parts import Calls, Wire, Writer, parts_of
from trimtab.llm.dialects.gemini.stops import finish_reason, stop_of
from trimtab.llm.dialects.gemini.usage import queries_in, render_usage, usage_of, with_searches
from trimtab.llm.types import Part, Refusal, Response, Text, ToolCall, Usage


def parse_response(body: bytes) -> Response:
    """The first candidate. A prompt that was blocked is an answer without parts. Raises `UpstreamFailure`."""
    fields = root(body, refuse_answer)
    candidates = fields.items("candidates")
    parts: list[Part] = []
    if candidates:
        first = candidates[0].fields()
        parts = _parts(first)
        word = first.text("finishReason")
    else:
        word = _block_reason(fields)
    usage, model = fields.get("usageMetadata"), fields.text("modelVersion") or ""
    queries = queries_in([cursor.anything() for cursor in candidates]) if b'"webSearchQueries"' in body else set[str]()
    return Response(
        id=fields.text("responseId") or "",
        model=model,
        parts=tuple(parts),
        stop=stop_of(word, called=any(isinstance(part, ToolCall) for part in parts)),
        stop_raw=word,
        usage=with_searches(usage_of(usage.anything()), queries, model) if usage is not None else None,
    )


def _parts(candidate: Fields) -> list[Part]:
    content = candidate.get("content")
    if content is None:
        return []
    found = parts_of(content.fields().items("parts"), Calls(), client=False)
    return [part for part in found if part != Text("")]


def _block_reason(fields: Fields) -> str:
    feedback = fields.get("promptFeedback")
    word = None if feedback is None else feedback.fields().text("blockReason")
    if word is None:
        error = fields.get("error")
        raise no_candidate(None if error is None else error.anything())
    return word


def render_response(response: Response) -> bytes:
    """Parts of other vendors that a client of this dialect could not read are left out."""
    writer = Writer(provider=False)
    parts: list[Any] = []
    for part in response.parts:
        parts += writer.write(part)
    parts += writer.rest()
    refused = any(isinstance(part, Refusal) for part in response.parts)
    word = finish_reason(response.stop, response.stop_raw, refused_in_words=refused)
    return encode(chunk(parts, word, response.usage) | {"modelVersion": response.model, "responseId": response.id})


def chunk(parts: list[Any], word: str | None = None, usage: Usage | None = None) -> Wire:
    """An answer, or one piece of it."""
    candidate: Wire = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if word is not None:
        candidate["finishReason"] = word
    told: Wire = {"candidates": [candidate]}
    return told if usage is None else told | {"usageMetadata": render_usage(usage)}
