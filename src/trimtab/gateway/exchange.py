"""One client's request and the way to answer it, whatever server stands in front."""

from collections.abc import Coroutine
from typing import Any, Final, Protocol

from trimtab.core.errors import UpstreamFailure

FORWARDED: Final = (b"anthropic-beta", b"openai-beta")
"""Headers by which a client opts into a vendor's previews: they travel with a call that keeps its dialect."""
SAID: Final = frozenset(
    b"trimtab-" + name
    for name in (
        b"cache", b"data-class", b"deadline", b"feature", b"hold", b"metadata", b"priority", b"project", b"session",
        b"tags", b"user",
    )
).union(FORWARDED)  # fmt: skip
"""Headers in which a client may say something of its call; most calls have none of them."""


class ToldFailure(UpstreamFailure):
    """A failure inside a stream that the client has already been told of in the provider's own words."""


class Headers(Protocol):
    def __call__(self, name: bytes, /) -> bytes | None:
        """The first header of that lower-case name."""
        ...


class Exchange(Protocol):
    """A whole request (the body has arrived) and a writer for its answer.

    Answer either with one `respond`, or with `start`, any number of `write`, and one `finish`. ``headers`` are rendered
    lines, each ending in CRLF. Writing after the client has left does nothing. When the client leaves before the answer
    is whole, the task that serves the exchange is cancelled and `disconnected` is true. One that is ``quiet`` has none
    of the headers `SAID`, so that nobody need look for each; of one that is not nobody knows.
    """

    body: bytes
    started: bool

    @property
    def disconnected(self) -> bool: ...

    @property
    def quiet(self) -> bool: ...

    @property
    def header(self) -> Headers: ...

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None: ...

    def start(self, status: int, headers: bytes, content_type: bytes = b"text/event-stream; charset=utf-8") -> None: ...

    def write(self, data: bytes) -> None: ...

    def finish(self, data: bytes = b"") -> None: ...

    def is_congested(self) -> bool:
        """True while the client reads more slowly than we write; `drain` before writing much more."""
        ...

    def drain(self) -> Coroutine[Any, Any, None]: ...
