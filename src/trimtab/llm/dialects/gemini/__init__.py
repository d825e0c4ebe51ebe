"""Google's Gemini API: https://ai.google.dev/api/generate-content

Checked against the types of the official Python SDK (``google.genai.types``). Here the URL says which model is called
and whether it shall stream; inside Trimtab a client's body says both (`framing.py`), so that a body is a whole call.
"""

from collections.abc import Mapping
from urllib.parse import quote

from trimtab.llm.auth import Auth
from trimtab.llm.dialects import Dialect, Head, Meter, Operation, Splitter, StreamDecoder, StreamEncoder
from trimtab.llm.dialects.gemini import errors, hot, render, request, response, stream
from trimtab.llm.sse import SSESplitter

COLLECTIONS = ("models/", "tunedModels/")


class Gemini:
    name = "gemini"
    operation: Operation = "chat"
    front = True
    auth = Auth("header", "x-goog-api-key")
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

    def path(self, model: str, *, stream: bool) -> str:
        collection = next((name for name in COLLECTIONS if model.startswith(name)), "models/")
        place = f"/{collection}{quote(model.removeprefix(collection), safe='')}"
        return f"{place}:streamGenerateContent?alt=sse" if stream else f"{place}:generateContent"

    def splitter(self) -> Splitter:
        return SSESplitter()

    def stream_encoder(self, head: Head) -> StreamEncoder:
        return stream.GeminiStreamEncoder(head)

    def stream_decoder(self) -> StreamDecoder:
        return stream.GeminiStreamDecoder()

    def meter(self, head: Head) -> Meter:
        return hot.GeminiMeter(head)


PLUG: Dialect = Gemini()
