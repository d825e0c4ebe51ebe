"""Anthropic's Messages: https://docs.claude.com/en/api/messages

Checked against the types of the official Python SDK (``anthropic.types``).
"""

from trimtab.llm.dialects import Head, Meter
from trimtab.llm.dialects.anthropic_messages import errors, hot

VERSION = "2023-06-01"
"""The API version every request names: https://docs.claude.com/en/api/versioning"""


class AnthropicMessages:
    name = "anthropic_messages"
    path = "/messages"

    peek = staticmethod(hot.peek)
    forward = staticmethod(hot.forward)
    glance = staticmethod(hot.glance)
    render_error = staticmethod(errors.render_error)
    render_stream_error = staticmethod(errors.render_stream_error)
    parse_error = staticmethod(errors.parse_error)

    def auth_headers(self, api_key: str | None) -> dict[str, str]:
        headers = {"anthropic-version": VERSION}
        if api_key:
            headers["x-api-key"] = api_key
        return headers

    def meter(self, head: Head) -> Meter:
        return hot.AnthropicMeter(head)


PLUG = AnthropicMessages()
