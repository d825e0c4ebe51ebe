"""Cohere's chat, version 2, as an upstream: https://docs.cohere.com/v2/reference/chat

Checked against the types of the official Python SDK (``cohere.v2``).
"""

from collections.abc import Mapping

from trimtab.llm.auth import BEARER
from trimtab.llm.dialects import Dialect, Operation, Splitter, StreamDecoder
from trimtab.llm.dialects._errors import rejected
from trimtab.llm.dialects._upstream_only import UpstreamOnly
from trimtab.llm.dialects.cohere_chat import render, response, stream
from trimtab.llm.sse import SSESplitter


class CohereChat(UpstreamOnly):
    name = "cohere_chat"
    operation: Operation = "chat"
    auth = BEARER
    headers: Mapping[str, str] = {"x-client-name": "trimtab"}

    render_request = staticmethod(render.render_request)
    parse_response = staticmethod(response.parse_response)
    parse_error = staticmethod(rejected)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the same for all
        return "/chat"

    def splitter(self) -> Splitter:
        return SSESplitter()

    def stream_decoder(self) -> StreamDecoder:
        return stream.CohereStreamDecoder()


PLUG: Dialect = CohereChat()
