"""A client's call that passes through, as the path sees it, and a recording of its answer for an idempotency key."""

from collections.abc import AsyncIterator
from typing import Protocol

from trimtab.gateway.exchange import Exchange
from trimtab.gateway.kept.recording import Recording


class Carried(Exchange, Protocol):
    """A client's call whose body has not been read, and a way to answer it in pieces."""

    method: str
    path: str
    query: str

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives; once."""
        ...

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None: ...

    async def send(self, data: bytes) -> None:
        """Returns when the client has room for more."""
        ...

    async def end(self, data: bytes) -> None: ...


class CarriedRecording(Recording):
    """A `Recording` of a call that passes through. It outlives its client once the body has arrived."""

    __slots__ = ("_carried", "method", "path", "query")

    def __init__(self, real: Carried) -> None:
        super().__init__(real, survives=True)
        self._carried = real
        self.method, self.path, self.query = real.method, real.path, real.query

    @property
    def disconnected(self) -> bool:
        """Only a client that left while it was sending ends the call."""
        return self._gone is not None and not self._gone.is_set() and self._carried.disconnected

    def pieces(self) -> AsyncIterator[bytes]:
        return self._carried.pieces()

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = True
        self.status = status
        self.content_type = next((value for name, value in headers if name.lower() == b"content-type"), b"")
        await self._carried.begin(status, headers)

    async def send(self, data: bytes) -> None:
        self._keep(data)
        await self._carried.send(data)

    async def end(self, data: bytes) -> None:
        self._keep(data)
        await self._carried.end(data)
