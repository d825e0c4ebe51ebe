"""OpenAI's Chat Completions, which most of the field speaks: https://platform.openai.com/docs/api-reference/chat

Checked against the types of the official Python SDK (``openai.types.chat``).
"""

from trimtab.llm.dialects import Head, Meter
from trimtab.llm.dialects.openai_chat import errors, hot


class OpenAIChat:
    name = "openai_chat"
    path = "/chat/completions"

    peek = staticmethod(hot.peek)
    forward = staticmethod(hot.forward)
    glance = staticmethod(hot.glance)
    render_error = staticmethod(errors.render_error)
    render_stream_error = staticmethod(errors.render_stream_error)
    parse_error = staticmethod(errors.parse_error)

    def auth_headers(self, api_key: str | None) -> dict[str, str]:
        return {"authorization": f"Bearer {api_key}"} if api_key else {}

    def meter(self, head: Head) -> Meter:
        return hot.OpenAIMeter(head)


PLUG = OpenAIChat()
