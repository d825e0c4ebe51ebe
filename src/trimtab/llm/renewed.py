"""What a provider is shown that ends after a while, and is had anew before it does: tokens, and temporary credentials.

Each is asked for once however many calls wait for it, and again `EARLY_S` before it ends, beside the calls that go on
with the old one; a call waits only where there is none that still holds. Who is given one that ends soon (a machine's
metadata give the same until a new one is due) asks again in `AGAIN_S`, and not for each call.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from trimtab.core.errors import TrimtabError, UpstreamFailure, UpstreamRejected

logger = logging.getLogger(__name__)

EARLY_S: Final = 300.0
LAST_S: Final = 10.0
"""What ends sooner is not shown any more: the call would be under way when it ends."""
AGAIN_S: Final = 30.0
"""Nobody asks again for so long while the last one holds, whether it was had or not."""
ANSWER_S: Final = 10.0
MOST: Final = 1000

S = TypeVar("S", bound=Hashable)
V = TypeVar("V")


def said(variable: str) -> str:
    """What the environment says, "" for nothing: without the line's end of the file that it was made of."""
    return os.environ.get(variable, "").strip()


class _Kept(Generic[V]):
    __slots__ = ("again", "asking", "ends", "value")

    def __init__(self) -> None:
        self.value: V | None = None
        self.ends = 0.0
        self.again = 0.0
        self.asking: asyncio.Task[None] | None = None


class Renewed(Generic[S, V]):
    """``tell`` gives a value for a source and for how many seconds it holds, or raises `TrimtabError`. One of these
    belongs to one event loop. ``now`` is in seconds."""

    def __init__(self, tell: Callable[[S], Awaitable[tuple[V, float]]], now: Callable[[], float] = time.monotonic):
        self._tell = tell
        self._now = now
        self._kept: dict[S, _Kept[V]] = {}

    async def ready(self, source: S) -> None:
        """See that there is one that holds. Raises `UpstreamFailure` where none can be had."""
        kept = self._kept.get(source)
        if kept is None:
            if len(self._kept) >= MOST:
                self._kept.clear()
            kept = self._kept[source] = _Kept()
        now = self._now()
        holds = kept.ends - LAST_S > now
        if holds and (kept.ends - EARLY_S > now or now < kept.again):
            return
        if kept.asking is None or kept.asking.done():
            kept.asking = asyncio.ensure_future(self._renew(source, kept))
            kept.asking.add_done_callback(_seen)
        if not holds:
            await asyncio.shield(kept.asking)

    def held(self, source: S) -> V | None:
        """The last one, once `ready`."""
        kept = self._kept.get(source)
        return None if kept is None else kept.value

    async def _renew(self, source: S, kept: _Kept[V]) -> None:
        try:
            value, lasts_s = await self._tell(source)
        except TrimtabError as error:
            logger.warning("a provider's credentials could not be renewed: %s", error.sentence())
            raise
        finally:
            kept.again = self._now() + AGAIN_S
        kept.value, kept.ends = value, self._now() + lasts_s


async def fetch(
    method: str, url: str, *, headers: dict[str, str] | None = None, form: dict[str, str] | None = None,
    within_s: float = ANSWER_S,
) -> tuple[int, bytes]:  # fmt: skip
    """The status and body of an answer. Raises `ConnectionError`."""
    import httpx  # none of those who list the kinds of provider needs it

    try:
        async with (
            asyncio.timeout(within_s),
            httpx.AsyncClient(timeout=within_s, trust_env=False, follow_redirects=False) as client,
        ):
            answer = await client.request(method, url, headers=headers, data=form)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:  # a token that fits no header, say
        raise ConnectionError(type(error).__name__) from None
    return answer.status_code, answer.content


def refused(who: str, why: str, fix: str) -> UpstreamRejected:
    """It speaks against the provider's credentials as a refused key does: other targets are asked."""
    error = UpstreamRejected(f"{who} {why}", status=401)
    error.code = "provider_key_refused"
    error.fix = f"Your own key is fine: the operator must {fix}"
    return error


def away(who: str, why: str, fix: str = "Try again.") -> UpstreamFailure:
    return UpstreamFailure(
        f"{who}, which gives this provider's credentials, {why}", fix=fix, code="upstream_unreachable"
    )


def _seen(task: asyncio.Task[None]) -> None:
    """A renewal that failed beside the calls is in the log; nobody waits for its error."""
    if not task.cancelled():
        task.exception()
