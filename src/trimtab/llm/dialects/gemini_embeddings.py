"""Gemini's embeddings, as an upstream: https://ai.google.dev/api/embeddings (batchEmbedContents)

It tells no usage on most models: then the gateway estimates what was read.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.auth import Auth
from trimtab.llm.dialects import Dialect, Operation, Quirks
from trimtab.llm.dialects._crossing import refuse_binding
from trimtab.llm.dialects._errors import rejected, words_of
from trimtab.llm.dialects._reading import count, encode_request, loose, refuse_answer
from trimtab.llm.dialects._tolerant import an_object, objects
from trimtab.llm.dialects._unstreamed import Unstreamed
from trimtab.llm.dialects._upstream_only import UpstreamOnly
from trimtab.llm.dialects.openai_embeddings import task_of, texts_of, vector_of
from trimtab.llm.types import Request, Response, Usage, Vectors

NAME = "gemini_embeddings"
_PURPOSES = {
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:  # noqa: ARG001 - one shape for all dialects
    refuse_binding(request, NAME)
    task = task_of(request)
    constant: dict[str, Any] = {"model": f"models/{model.removeprefix('models/')}"}
    if task.dimensions is not None:
        constant["outputDimensionality"] = task.dimensions
    if task.purpose is not None:
        constant["taskType"] = _PURPOSES.get(task.purpose, task.purpose)
    return encode_request({"requests": [constant | {"content": {"parts": [{"text": t}]}} for t in texts_of(request)]})


def parse_response(body: bytes) -> Response:
    seen = loose(body, refuse_answer)
    if "embeddings" not in seen:
        if "error" in seen:
            raise UpstreamFailure(words_of(seen)[0], code="upstream_error_in_answer")
        raise UpstreamFailure("The provider's answer holds no vectors.", code="upstream_garbage")
    told = an_object(seen.get("usageMetadata"))
    read = count(told.get("promptTokenCount"))
    return Response(
        id="",
        model="",
        parts=(),
        stop="stop",
        usage=Usage(input=read) if read else None,
        result=Vectors(tuple(vector_of(each.get("values")) for each in objects(seen["embeddings"]))),
    )


class GeminiEmbeddings(Unstreamed, UpstreamOnly):
    name = NAME
    operation: Operation = "embeddings"
    auth = Auth("header", "x-goog-api-key")
    headers: Mapping[str, str] = {}

    render_request = staticmethod(render_request)
    parse_response = staticmethod(parse_response)
    parse_error = staticmethod(rejected)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - it never streams
        return f"/models/{quote(model.removeprefix('models/'), safe='')}:batchEmbedContents"


PLUG: Dialect = GeminiEmbeddings()
