"""An `Exchange` around another: what changes an answer on its way to the client overrides what it changes."""

from trimtab.gateway.exchange import Exchange


class Around:
    __slots__ = ("_exchange", "body", "started")

    def __init__(self, exchange: Exchange, body: bytes | None = None) -> None:
        self._exchange = exchange
        self.body = exchange.body if body is None else body
        self.started = False

    @property
    def disconnected(self) -> bool:
        return self._exchange.disconnected

    @property
    def quiet(self) -> bool:
        return self._exchange.quiet

    def header(self, name: bytes) -> bytes | None:
        return self._exchange.header(name)

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        self.started = True
        self._exchange.respond(status, headers, body, content_type)

    def start(self, status: int, headers: bytes, content_type: bytes = b"application/json") -> None:
        self.started = True
        self._exchange.start(status, headers, content_type)

    def write(self, data: bytes) -> None:
        self._exchange.write(data)

    def finish(self, data: bytes = b"") -> None:
        self._exchange.finish(data)

    def is_congested(self) -> bool:
        return self._exchange.is_congested()

    async def drain(self) -> None:
        await self._exchange.drain()
