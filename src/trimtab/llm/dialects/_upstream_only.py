"""The front's half of a dialect that has none: providers speak it, and no client of ours does."""

from typing import NoReturn

from trimtab.core.errors import InternalError, TrimtabError
from trimtab.llm.dialects import Glance, Head, Meter, Quirks, StreamEncoder
from trimtab.llm.types import Request, Response


class UpstreamOnly:
    """What only a front, or a call that keeps its dialect, would need. The gateway never asks for it."""

    name: str
    front = False

    def _no_front(self) -> NoReturn:
        raise InternalError(f"{self.name} is spoken with providers only: no client can call in it.")

    def peek(self, body: bytes) -> Head:  # noqa: ARG002 - one shape for all dialects, here and below
        self._no_front()

    def parse_request(self, body: bytes) -> Request:  # noqa: ARG002
        self._no_front()

    def render_response(self, response: Response) -> bytes:  # noqa: ARG002
        self._no_front()

    def stream_encoder(self, head: Head) -> StreamEncoder:  # noqa: ARG002
        self._no_front()

    def render_error(self, error: TrimtabError, request_id: str) -> bytes:  # noqa: ARG002
        self._no_front()

    def render_stream_error(self, error: TrimtabError, request_id: str) -> bytes:  # noqa: ARG002
        self._no_front()

    def forward(self, body: bytes, head: Head, model: str, quirks: Quirks) -> bytes:  # noqa: ARG002
        self._no_front()

    def glance(self, body: bytes) -> Glance:  # noqa: ARG002
        self._no_front()

    def meter(self, head: Head) -> Meter:  # noqa: ARG002
        self._no_front()
