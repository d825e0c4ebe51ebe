"""Gemini's embeddings: https://ai.google.dev/api/embeddings (batchEmbedContents; of embedContent the front makes one)

It tells no usage on most models: then the gateway estimates what was read. A client's body has the model of its URL as
its member ``model``. Each of its requests has its own purpose and length; other vendors have one of each for all.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest, TrimtabError, UpstreamFailure
from trimtab.llm.auth import Auth
from trimtab.llm.dialects import Dialect, Glance, Head, Operation, Quirks
from trimtab.llm.dialects._crossing import refuse_binding
from trimtab.llm.dialects._errors import rejected, words_of
from trimtab.llm.dialects._reading import (
    BROKEN,
    Fields,
    count,
    encode,
    encode_request,
    loose,
    refuse_answer,
    refuse_request,
    root,
)
from trimtab.llm.dialects._tolerant import an_object, objects
from trimtab.llm.dialects._unstreamed import Unstreamed
from trimtab.llm.dialects.gemini import errors
from trimtab.llm.dialects.gemini.parts import either
from trimtab.llm.dialects.openai_embeddings import MOST_DIMENSIONS, task_of, texts_of, vector_of
from trimtab.llm.types import Embed, Message, Opaque, Part, Request, Response, Text, Usage, Vectors

NAME = "gemini_embeddings"
_PURPOSES = {
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_MEANT = {
    "RETRIEVAL_DOCUMENT": "search_document",
    "RETRIEVAL_QUERY": "search_query",
    "QUESTION_ANSWERING": "search_query",
    "FACT_VERIFICATION": "search_query",
    "CODE_RETRIEVAL_QUERY": "search_query",
    "CLASSIFICATION": "classification",
    "CLUSTERING": "clustering",
}


class _Request(Struct):
    model: str
    requests: list[dict[str, Raw]]


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


# --- the client's face ---


def peek(body: bytes) -> Head:
    try:
        found = _decode_request(body)
    except BROKEN:
        raise _why(body) from None
    if not found.model or not found.requests:
        raise _why(body)
    return Head(model=found.model)


def _why(body: bytes) -> TrimtabError:
    """What `peek` stumbled over, said well."""
    try:
        parse_request(body)
    except TrimtabError as error:
        return error
    return InvalidRequest("The body is not a valid batchEmbedContents request.")


def parse_request(body: bytes) -> Request:
    fields = root(body, refuse_request)
    model = fields.need("model").text()
    if not model:
        raise fields.fail("model", "is empty")
    requests = [item.fields() for item in fields.need("requests").items()]
    if not requests:
        raise fields.fail("requests", "is empty: give at least one content")
    wishes = [_wish(each) for each in requests]
    alike = all(wish == wishes[0] for wish in wishes)
    return Request(
        dialect=NAME,
        model=model,
        messages=tuple(Message("user", (_content(each),)) for each in requests),
        task=wishes[0],
        extra={} if alike else {"requests": fields.raw("requests")},
        binding=() if alike else ("requests",),
    )


def _wish(fields: Fields) -> Embed:
    size, told = either(fields, "outputDimensionality"), either(fields, "taskType")
    purpose = None if told is None else told.text()
    return Embed(
        dimensions=None if size is None else size.integer(1, MOST_DIMENSIONS),
        purpose=None if purpose is None else _MEANT.get(purpose),
    )


def _content(fields: Fields) -> Part:
    """One vector is made of all parts of a content together."""
    content = fields.need("content")
    parts = [part.fields() for part in content.fields().need("parts").items()]
    if not parts:
        raise fields.fail("content", "has no parts")
    texts = [part.text("text") for part in parts]
    if any(text is None for text in texts):
        return Opaque(NAME, content.opaque())
    return Text("\n".join(text or "" for text in texts))


def forward(body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    """The URL names the model, and each request has to name the same."""
    try:
        fields = _decode_fields(body)
        named = Raw(encode(_resource(model)))
        requests = [each | {"model": named} for each in _decode_request(body).requests]
    except BROKEN:
        raise _why(body) from None
    for name in ("model", "stream"):
        fields.pop(name, None)
    return encode(fields | {"requests": requests})


def _resource(model: str) -> str:
    return f"models/{model.removeprefix('models/')}"


def render_response(response: Response) -> bytes:
    result = response.result
    if not isinstance(result, Vectors):
        raise UpstreamFailure("The provider's answer holds no vectors.", code="upstream_garbage")
    told: dict[str, Any] = {"embeddings": [{"values": vector} for vector in result.vectors]}
    if response.usage is not None:
        told["usageMetadata"] = {"promptTokenCount": response.usage.input}
    return encode(told)


def glance(body: bytes) -> Glance:
    return Glance(usage=_vectors_in(body)[1], stop="stop")


# --- the provider's face ---


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    refuse_binding(request, NAME)
    task = task_of(request)
    constant: dict[str, Any] = {"model": _resource(model)}
    if task.dimensions is not None:
        constant["outputDimensionality"] = task.dimensions
    if task.purpose is not None:
        constant["taskType"] = _PURPOSES.get(task.purpose, task.purpose)
    return encode_request({"requests": [constant | {"content": {"parts": [{"text": t}]}} for t in texts_of(request)]})


def parse_response(body: bytes) -> Response:
    embeddings, usage = _vectors_in(body)
    result = Vectors(tuple(vector_of(each.get("values")) for each in embeddings))
    return Response(id="", model="", parts=(), stop="stop", usage=usage, result=result)


def _vectors_in(body: bytes) -> tuple[list[dict[str, Any]], Usage | None]:
    seen = loose(body, refuse_answer)
    found = objects(seen.get("embeddings"))
    if not found:
        if "error" in seen:
            raise UpstreamFailure(words_of(seen)[0], code="upstream_error_in_answer")
        raise UpstreamFailure("The provider's answer holds no vectors.", code="upstream_garbage")
    read = count(an_object(seen.get("usageMetadata")).get("promptTokenCount"))
    return found, Usage(input=read) if read else None


class GeminiEmbeddings(Unstreamed):
    name = NAME
    operation: Operation = "embeddings"
    front = True
    auth = Auth("header", "x-goog-api-key")
    headers: Mapping[str, str] = {}

    peek = staticmethod(peek)
    parse_request = staticmethod(parse_request)
    render_response = staticmethod(render_response)
    forward = staticmethod(forward)
    glance = staticmethod(glance)
    render_request = staticmethod(render_request)
    parse_response = staticmethod(parse_response)
    render_error = staticmethod(errors.render_error)
    parse_error = staticmethod(rejected)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - it never streams
        return f"/models/{quote(model.removeprefix('models/'), safe='')}:batchEmbedContents"


PLUG: Dialect = GeminiEmbeddings()
