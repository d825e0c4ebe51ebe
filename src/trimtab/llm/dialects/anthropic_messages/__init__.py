"""Anthropic's Messages: https://docs.claude.com/en/api/messages

Checked against the types of the official Python SDK (``anthropic.types``).
"""

from collections.abc import Mapping

from trimtab.llm.auth import Auth
from trimtab.llm.dialects import Dialect, Head, Meter, Operation, Splitter, StreamDecoder, StreamEncoder
from trimtab.llm.dialects.anthropic_messages import errors, hot, render, request, response, stream
from trimtab.llm.sse import SSESplitter

VERSION = "2023-06-01"
"""The API version every request names: https://docs.claude.com/en/api/versioning"""


class AnthropicMessages:
    name = "anthropic_messages"
    operation: Operation = "chat"
    front = True
    auth = Auth("header", "x-api-key")
    headers: Mapping[str, str] = {"anthropic-version": VERSION}

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
        return "/messages"

    def splitter(self) -> Splitter:
        return SSESplitter()

    def stream_encoder(self, head: Head) -> StreamEncoder:
        return stream.AnthropicStreamEncoder(head)

    def stream_decoder(self) -> StreamDecoder:
        return stream.AnthropicStreamDecoder()

    def meter(self, head: Head) -> Meter:
        return hot.AnthropicMeter(head)


PLUG: Dialect = AnthropicMessages()
