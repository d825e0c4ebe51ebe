"""Anthropic's Messages: https://docs.claude.com/en/api/messages

Checked against the types of the official Python SDK (``anthropic.types``).
"""

from trimtab.llm.dialects import Dialect, Head, Meter, StreamDecoder, StreamEncoder
from trimtab.llm.dialects.anthropic_messages import errors, hot, render, request, response, stream

VERSION = "2023-06-01"
"""The API version every request names: https://docs.claude.com/en/api/versioning"""


class AnthropicMessages:
    name = "anthropic_messages"
    path = "/messages"

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

    def auth_headers(self, api_key: str | None) -> dict[str, str]:
        headers = {"anthropic-version": VERSION}
        if api_key:
            headers["x-api-key"] = api_key
        return headers

    def stream_encoder(self, head: Head) -> StreamEncoder:
        return stream.AnthropicStreamEncoder(head)

    def stream_decoder(self) -> StreamDecoder:
        return stream.AnthropicStreamDecoder()

    def meter(self, head: Head) -> Meter:
        return hot.AnthropicMeter(head)


PLUG: Dialect = AnthropicMessages()
