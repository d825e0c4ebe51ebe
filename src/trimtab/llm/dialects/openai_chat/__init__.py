"""OpenAI's Chat Completions, which most of the field speaks: https://platform.openai.com/docs/api-reference/chat

Checked against the types of the official Python SDK (``openai.types.chat``).
"""

from trimtab.llm.dialects import Dialect, Head, Meter, StreamDecoder, StreamEncoder
from trimtab.llm.dialects.openai_chat import errors, hot, render, request, response, stream


class OpenAIChat:
    name = "openai_chat"
    path = "/chat/completions"

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
        return {"authorization": f"Bearer {api_key}"} if api_key else {}

    def stream_encoder(self, head: Head) -> StreamEncoder:
        return stream.OpenAIStreamEncoder(head)

    def stream_decoder(self) -> StreamDecoder:
        return stream.OpenAIStreamDecoder()

    def meter(self, head: Head) -> Meter:
        return hot.OpenAIMeter(head)


PLUG: Dialect = OpenAIChat()
