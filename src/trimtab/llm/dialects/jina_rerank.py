"""Jina's reranking and its like, as an upstream: https://jina.ai/reranker, https://docs.voyageai.com/reference/reranker-api

Cohere's body with three differences: usage is told in tokens, documents are given back unless one says no, and some
call the bound ``top_k`` (`Quirks.rank_top_field`) or the results ``data``.
"""

from collections.abc import Mapping

import msgspec

from trimtab.llm.auth import BEARER
from trimtab.llm.dialects import Dialect, Operation, Quirks, cohere_rerank
from trimtab.llm.dialects._errors import rejected
from trimtab.llm.dialects._reading import encode
from trimtab.llm.dialects._unstreamed import Unstreamed
from trimtab.llm.dialects._upstream_only import UpstreamOnly
from trimtab.llm.types import Request


def render_request(request: Request, model: str, quirks: Quirks) -> bytes:
    body = msgspec.json.decode(cohere_rerank.render_request(request, model, quirks))
    return encode(body | {"return_documents": cohere_rerank.task_of(request).documents})


class JinaRerank(Unstreamed, UpstreamOnly):
    name = "jina_rerank"
    operation: Operation = "rerank"
    auth = BEARER
    headers: Mapping[str, str] = {}

    render_request = staticmethod(render_request)
    parse_response = staticmethod(cohere_rerank.parse_response)
    parse_error = staticmethod(rejected)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the same for all
        return "/rerank"


PLUG: Dialect = JinaRerank()
