"""Where a call of the transport waits: for a connection, and for what comes on it (`transport.py` does the rest)."""

import asyncio
import ssl
from typing import Protocol, TypeVar, cast

from trimtab.core.errors import UpstreamFailure, UpstreamTimeout
from trimtab.llm.endpoint import Endpoint, Origin
from trimtab.llm.reach import leads_nowhere, why_unreached


class StaleConnection(Exception):
    """A pooled connection turned out to have been closed before the request can have been read at its other end: the
    call may go on a fresh one, and is the same attempt."""


class Answering(Protocol):
    """`transport.Answer`."""

    def has_head(self) -> bool: ...

    def is_whole(self) -> bool: ...

    def has_chunk(self) -> bool: ...

    def take(self) -> bytes: ...

    def take_chunk(self) -> bytes | None: ...

    def news(self) -> "asyncio.Future[None]": ...

    def send(self, endpoint: Endpoint, extra: bytes, body: bytes) -> None: ...

    def peer(self) -> object: ...

    def close(self) -> None: ...


A = TypeVar("A", bound=Answering)


class Pool(Protocol[A]):
    """`transport.Transport`."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def post_on_kept(self, endpoint: Endpoint, body: bytes, extra: bytes) -> A | None: ...

    def fresh(self, origin: Origin) -> A: ...

    def began(self, answer: A) -> None: ...

    def tls(self) -> ssl.SSLContext: ...


class Closing(Protocol):
    def close(self) -> None: ...


async def head(answer: Answering) -> None:
    """See `Answer.head`."""
    while not answer.has_head():
        await answer.news()


async def whole(answer: Answering) -> None:
    """See `Answer.whole`."""
    while not answer.is_whole():
        await answer.news()


async def read(answer: Answering) -> bytes:
    """See `Answer.read`."""
    try:
        while not answer.is_whole():
            await answer.news()
    except BaseException:
        answer.close()
        raise
    return answer.take()


async def chunk(answer: Answering) -> bytes | None:
    """See `Answer.chunk`."""
    while not answer.has_chunk():
        await answer.news()
    return answer.take_chunk()


async def post(pool: Pool[A], endpoint: Endpoint, body: bytes, extra: bytes, connect_within_s: float | None) -> A:
    """See `Transport.post`."""
    kept = pool.post_on_kept(endpoint, body, extra)
    if kept is not None:
        return kept
    bound = endpoint.connect_s if connect_within_s is None else min(endpoint.connect_s, connect_within_s)
    answer = await _connect(pool, endpoint, bound)
    try:
        answer.send(endpoint, extra, body)
    except StaleConnection:
        raise UpstreamFailure("The provider closed the connection at once.", code="upstream_reset") from None
    pool.began(answer)
    return answer


async def aclose(pool: Closing) -> None:
    """See `Transport.aclose`."""
    pool.close()
    await asyncio.sleep(0)


async def _connect(pool: Pool[A], endpoint: Endpoint, within_s: float) -> A:
    origin = endpoint.origin
    context = pool.tls() if origin.scheme == "https" else None
    answer = pool.fresh(origin)
    try:
        async with asyncio.timeout(within_s):
            await pool.loop.create_connection(
                lambda: cast("asyncio.Protocol", answer),
                origin.host,
                origin.port,
                ssl=context,
                server_hostname=origin.host if context else None,
            )
    except TimeoutError:
        raise UpstreamTimeout(
            f"No connection to {origin.host}:{origin.port} within {within_s:g} s.",
            fix="Check the provider's base_url, or raise its 'timeouts.connect'.",
            code="upstream_timeout_connect",
        ) from None
    except (OSError, UnicodeError) as error:  # the latter: a host that is no name, by the rules for names
        why, fix = why_unreached(error)
        raise UpstreamFailure(
            f"No connection to {origin.host}:{origin.port}: {why}.", fix=fix, code="upstream_unreachable"
        ) from None
    if leads_nowhere(answer.peer()):
        answer.close()
        raise UpstreamFailure(
            f"{origin.host} is at an address where no provider is, but perhaps a machine's own secrets.",
            fix="Correct the provider's base_url.",
            code="address_refused",
        )
    return answer
