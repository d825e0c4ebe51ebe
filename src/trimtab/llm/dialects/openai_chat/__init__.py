"""OpenAI's Chat Completions, which most of the field speaks: https://platform.openai.com/docs/api-reference/chat

Checked against the types of the official Python SDK (``openai.types.chat``).
"""

from collections.abc import Mapping

from trimtab.llm.auth import BEARER
from trimtab.llm.dialects import Dialect, Head, Meter, Operation, Splitter, StreamDecoder, StreamEncoder, WholeStreams
from trimtab.llm.dialects.openai_chat import errors, hot, render, request, response, stream, whole_stream
from trimtab.llm.sse import SSESplitter
from trimtab.llm.types import Response


class OpenAIChat(WholeStreams):
    name = "openai_chat"
    operation: Operation = "chat"
    front = True
    auth = BEARER
    headers: Mapping[str, str] = {}

    peek = staticmethod(hot.peek)
    parse_request = staticmethod(request.parse_request)
    render_response = staticmethod(response.render_response)
    forward = staticmethod(hot.forward)
    render_request = staticmethod(render.render_request)
    parse_response = staticmethod(response.parse_response)
    glance = staticmethod(hot.glance)
    render_error = staticmethod(errors.render_error)
    render_stream_error = staticmethod(errors.render_stream_error)
    parse_error = staticmethod(errors.parse_error)

    def parse_stream(self, body: bytes) -> Response | None:
        return whole_stream.parse_stream(body)

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the same for all
        return "/chat/completions"

    def splitter(self) -> Splitter:
        return SSESplitter()

    def stream_encoder(self, head: Head) -> StreamEncoder:
        return stream.OpenAIStreamEncoder(head)

    def stream_decoder(self) -> StreamDecoder:
        return stream.OpenAIStreamDecoder()

    def meter(self, head: Head) -> Meter:
        return hot.OpenAIMeter(head)


PLUG: Dialect = OpenAIChat()
