"""OpenAI's Responses: https://platform.openai.com/docs/api-reference/responses

Checked against the types of the official Python SDK (``openai.types.responses``). What an answer is called and where
conversations are kept is not here: `gateway/kept/conversations.py`.
"""

from collections.abc import Mapping

from trimtab.llm.auth import BEARER
from trimtab.llm.dialects import Dialect, Head, Meter, Operation, Splitter, StreamDecoder, StreamEncoder
from trimtab.llm.dialects.openai_responses import errors, hot, render, request, response, stream, writer
from trimtab.llm.sse import SSESplitter


class OpenAIResponses:
    name = "openai_responses"
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

    def path(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the same for all
        return "/responses"

    def splitter(self) -> Splitter:
        return SSESplitter()

    def stream_encoder(self, head: Head) -> StreamEncoder:
        return writer.ResponsesStreamEncoder(head)

    def stream_decoder(self) -> StreamDecoder:
        return stream.ResponsesStreamDecoder()

    def meter(self, head: Head) -> Meter:
        return hot.ResponsesMeter(head)


PLUG: Dialect = OpenAIResponses()
