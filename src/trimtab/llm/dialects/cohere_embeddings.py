"""Cohere's embeddings, version 2, as an upstream: https://docs.cohere.com/v2/reference/embed

Its newer models must be told what a vector is for: where the client does not say, it is for a document to be found.
"""

from collections.abc import Mapping
from typing import Any

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.auth import BEARER
from trimtab.llm.dialects import Dialect, Operation, Quirks
from trimtab.llm.dialects._crossing import refuse_binding
from trimtab.llm.dialects._errors import rejected, words_of
from trimtab.llm.dialects._reading import count, encode_request, loose, refuse_answer
from trimtab.llm.dialects._tolerant import a_list, a_text, an_object
from trimtab.llm.dialects._unstreamed import Unstreamed
from trimtab.llm.dialects._upstream_only import UpstreamOnly
from trimtab.llm.dialects.openai_embeddings import task_of, texts_of, vector_of
from trimtab.llm.types import Request, Response, Usage, Vectors

NAME = "cohere_embeddings"
_PURPOSES = {"document": "search_document", "query": "search_query"}


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    refuse_binding(request, NAME)
    task = task_of(request)
    purpose = task.purpose or "search_document"
    body: dict[str, Any] = {
        "model": model,
        "texts": texts_of(request),
        "input_type": _PURPOSES.get(purpose, purpose),
        "embedding_types": ["float"],
    }
    if task.dimensions is not None:
        body["output_dimension"] = task.dimensions
    return encode_request(body)


def parse_response(body: bytes) -> Response:
    seen = loose(body, refuse_answer)
    vectors = an_object(seen.get("embeddings")).get("float")
    if vectors is None:
        if a_text(seen.get("message")):
            raise UpstreamFailure(words_of(seen)[0], code="upstream_error_in_answer")
        raise UpstreamFailure("The provider's answer holds no vectors.", code="upstream_garbage")
    billed = an_object(an_object(seen.get("meta")).get("billed_units"))
    return Response(
        id=a_text(seen.get("id")),
        model="",
        parts=(),
        stop="stop",
        usage=Usage(input=count(billed.get("input_tokens"))) if "input_tokens" in billed else None,
        result=Vectors(tuple(vector_of(each) for each in a_list(vectors))),
    )


class CohereEmbeddings(Unstreamed, UpstreamOnly):
    name = NAME
    operation: Operation = "embeddings"
    auth = BEARER
    headers: Mapping[str, str] = {"x-client-name": "trimtab"}

    render_request = staticmethod(render_request)
    parse_response = staticmethod(parse_response)
    parse_error = staticmethod(rejected)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the same for all
        return "/embed"


PLUG: Dialect = CohereEmbeddings()
