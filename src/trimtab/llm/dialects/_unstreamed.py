"""The half of a dialect that its operation has no use for: vectors and rankings are never streamed."""

from typing import NoReturn

from trimtab.core.errors import InternalError, TrimtabError
from trimtab.llm.dialects import Head, Meter, Splitter, StreamDecoder, StreamEncoder
from trimtab.llm.sse import SSESplitter


class Unstreamed:
    """Its front never says that a call streams, so none of these is ever asked for."""

    name: str

    def _no_stream(self) -> NoReturn:
        raise InternalError(f"{self.name} has no streams.")

    def splitter(self) -> Splitter:
        return SSESplitter()

    def stream_encoder(self, head: Head) -> StreamEncoder:  # noqa: ARG002 - one shape for all dialects, here and below
        self._no_stream()

    def stream_decoder(self) -> StreamDecoder:
        self._no_stream()

    def meter(self, head: Head) -> Meter:  # noqa: ARG002
        self._no_stream()

    def render_stream_error(self, error: TrimtabError, request_id: str) -> bytes:  # noqa: ARG002
        self._no_stream()
