"""Cohere's reranking, which most of the field copies: https://docs.cohere.com/v2/reference/rerank

It reads version 1's body too (https://docs.cohere.com/v1/reference/rerank): documents as objects with a ``text``, and
``return_documents``. To clients that is granted in ``server/fronts/rerank.py``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest, TrimtabError, Unsupported, UpstreamFailure
from trimtab.llm.auth import BEARER
from trimtab.llm.dialects import Dialect, Glance, Head, Operation, Quirks
from trimtab.llm.dialects._crossing import binding, foreign, refuse_binding
from trimtab.llm.dialects._errors import rejected, words_of
from trimtab.llm.dialects._reading import (
    BROKEN,
    Cursor,
    clean,
    count,
    encode,
    encode_request,
    loose,
    refuse_answer,
    refuse_request,
    root,
)
from trimtab.llm.dialects._tolerant import a_text, an_object, objects
from trimtab.llm.dialects._unstreamed import Unstreamed
from trimtab.llm.types import Message, Opaque, Part, Rank, Ranked, Ranking, Request, Response, Text, Usage

NAME = "cohere_rerank"
_TRANSLATED = {"model", "query", "documents", "top_n", "return_documents"}


class _Request(Struct):
    model: str
    query: str
    documents: list[Raw]


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def peek(body: bytes) -> Head:
    try:
        found = _decode_request(body)
    except BROKEN:
        raise _why(body) from None
    if not found.model or not found.documents:
        raise _why(body)
    return Head(model=found.model)


def _why(body: bytes) -> TrimtabError:
    try:
        parse_request(body)
    except TrimtabError as error:
        return error
    return InvalidRequest("The body is not a valid rerank request.")


def parse_request(body: bytes) -> Request:
    fields = root(body, refuse_request)
    model = fields.need("model").text()
    if not model:
        raise fields.fail("model", "is empty")
    documents = fields.need("documents").items()
    if not documents:
        raise fields.fail("documents", "is empty: give at least one document")
    query = Message("user", (Text(fields.need("query").text()),))
    extra = {name: fields.raw(name) for name in fields if name not in _TRANSLATED and fields.get(name) is not None}
    return Request(
        dialect=NAME,
        model=model,
        messages=(query, *(Message("user", (_document(each),)) for each in documents)),
        task=Rank(top=fields.integer("top_n", 1), documents=fields.boolean("return_documents") or False),
        extra=extra,
        binding=binding(fields, extra, {"rank_fields": bool}, _TRANSLATED),
    )


def _document(cursor: Cursor) -> Part:
    if cursor.kind == "string":
        return Text(cursor.text())
    fields = cursor.fields()
    return Text(fields.need("text").text()) if list(fields) == ["text"] else Opaque(NAME, cursor.opaque())


def forward(body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    try:
        fields = _decode_fields(body)
        fields["model"] = Raw(encode(model))
        return encode(fields)
    except BROKEN:
        raise _why(body) from None


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    refuse_binding(request, NAME)
    task = task_of(request)
    query, *documents = texts_of(request)
    body: dict[str, Any] = {"model": model, "query": query, "documents": documents}
    if task.top is not None:
        body[quirks.rank_top_field] = task.top
    return encode_request(body)


def task_of(request: Request) -> Rank:
    """What is to be done with the messages. Raises `InvalidRequest` for a request of another operation."""
    if not isinstance(request.task, Rank) or len(request.messages) < 2:
        raise InvalidRequest("This is no request for a ranking.", fix="Call /v1/rerank.")
    return request.task


def texts_of(request: Request) -> list[str]:
    """Query and documents, for vendors that take text only."""
    found: list[str] = []
    for message in request.messages:
        [part] = message.parts if len(message.parts) == 1 else (None,)
        if isinstance(part, Opaque):
            raise foreign(part)
        if not isinstance(part, Text):
            raise Unsupported("Only texts can be ranked by this provider.", param="documents")
        found.append(part.text)
    return found


# --- answers ---


def usage_of(seen: dict[str, Any]) -> Usage | None:
    """Search units, or tokens where the vendor charges by those."""
    billed = an_object(an_object(seen.get("meta")).get("billed_units"))
    if "search_units" in billed:
        return Usage(searches=count(billed.get("search_units")))
    if "input_tokens" in billed:
        return Usage(input=count(billed.get("input_tokens")))
    usage = an_object(seen.get("usage"))
    if "total_tokens" in usage or "prompt_tokens" in usage:
        return Usage(input=count(usage.get("total_tokens")) or count(usage.get("prompt_tokens")))
    return None


def glance(body: bytes) -> Glance:
    seen = loose(body, refuse_answer)
    _results(seen)
    return Glance(usage=usage_of(seen), id=a_text(seen.get("id")), model=a_text(seen.get("model")), stop="stop")


def parse_response(body: bytes) -> Response:
    """Of any vendor of the family: Cohere and Jina say ``results``, Voyage says ``data``."""
    seen = loose(body, refuse_answer)
    found = [
        Ranked(index=count(each.get("index")), score=_score(each), document=_given_back(each))
        for each in objects(_results(seen))
    ]
    return Response(
        id=a_text(seen.get("id")),
        model=a_text(seen.get("model")),
        parts=(),
        stop="stop",
        usage=usage_of(seen),
        result=Ranking(tuple(sorted(found, key=lambda each: -each.score))),
    )


def _results(seen: dict[str, Any]) -> Any:
    found = seen.get("results", seen.get("data"))
    if isinstance(found, list):
        return found  # pyright: ignore[reportUnknownVariableType] - looked at one by one
    if a_text(seen.get("message")) or "error" in seen:
        raise UpstreamFailure(words_of(seen)[0], code="upstream_error_in_answer")
    raise UpstreamFailure("The provider's answer holds no ranking.", code="upstream_garbage")


def _score(each: dict[str, Any]) -> float:
    told = each.get("relevance_score")
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise UpstreamFailure("A result of the provider has no score.", code="upstream_garbage")
    return float(told)


def _given_back(each: dict[str, Any]) -> Raw | None:
    document = each.get("document")
    if document is None:
        return None
    return Raw(encode({"text": document} if isinstance(document, str) else document))


def render_response(response: Response) -> bytes:
    result = response.result
    if not isinstance(result, Ranking):
        raise UpstreamFailure("The provider's answer holds no ranking.", code="upstream_garbage")
    found: list[dict[str, Any]] = []
    for each in result.results:
        told: dict[str, Any] = {"index": each.index, "relevance_score": each.score}
        found.append(told if each.document is None else told | {"document": each.document})
    usage = response.usage or Usage()
    billed: dict[str, int] = {"search_units": usage.searches} if usage.searches else {}
    if usage.input:
        billed["input_tokens"] = usage.input
    meta: dict[str, Any] = {"api_version": {"version": "2"}, "billed_units": billed}
    return encode({"id": response.id, "results": found, "meta": meta})


def render_error(error: TrimtabError, request_id: str) -> bytes:
    """Cohere's errors are an id and a message; code and parameter stand beside them."""
    told: dict[str, Any] = {"id": request_id, "message": clean(error.sentence()), "code": error.code}
    if error.param is not None:
        told["param"] = clean(error.param)
    return encode(told)


class CohereRerank(Unstreamed):
    name = NAME
    operation: Operation = "rerank"
    front = True
    auth = BEARER
    headers: Mapping[str, str] = {}

    peek = staticmethod(peek)
    parse_request = staticmethod(parse_request)
    render_response = staticmethod(render_response)
    forward = staticmethod(forward)
    render_request = staticmethod(render_request)
    parse_response = staticmethod(parse_response)
    glance = staticmethod(glance)
    render_error = staticmethod(render_error)
    parse_error = staticmethod(rejected)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the same for all
        return "/rerank"


PLUG: Dialect = CohereRerank()
