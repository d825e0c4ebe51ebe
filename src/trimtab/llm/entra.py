"""Tokens of Microsoft Entra ID in place of a key of Azure OpenAI's, by the client credentials of an app registration.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow: a form is posted to
``/{tenant}/oauth2/v2.0/token`` of the cloud's authority, and answered with ``access_token`` and ``expires_in``. A token
is asked for once, and again `EARLY_S` before it ends, beside the calls that go on with the old one; a call waits only
where there is none that still holds.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import TrimtabError, UpstreamFailure, UpstreamRejected

logger = logging.getLogger(__name__)

OPTIONS: Final = ("tenant_id", "client_id", "client_secret")
"""Of a provider, in place of its key."""
CLOUDS: Final = {
    "": ("https://login.microsoftonline.com", "https://cognitiveservices.azure.com/.default"),
    "us": ("https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"),
    "china": ("https://login.partner.microsoftonline.cn", "https://cognitiveservices.azure.cn/.default"),
}
"""By the option ``cloud``: who gives tokens, and for what."""
EARLY_S: Final = 300.0
LAST_S: Final = 10.0
"""A token that ends sooner is not sent any more: the call would be under way when it ends."""
AGAIN_S: Final = 30.0
"""After a failure nobody asks again for so long while the old token holds."""
ANSWER_S: Final = 10.0
MOST: Final = 1000
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


class Source(Struct, frozen=True):
    """Whose tokens, and in which cloud."""

    tenant: str
    client: str
    secret: str
    cloud: str = ""


class Told(Struct, frozen=True):
    """What the authority answers; ``expires_in`` in seconds."""

    access_token: str = ""
    expires_in: float = 0.0
    error: str = ""
    error_description: str = ""


Ask = Callable[[Source], Awaitable[tuple[int, bytes]]]
"""The status and body of the authority's answer. Raises `ConnectionError`."""
_read = msgspec.json.Decoder(Told, strict=False).decode


def source_of(options: Mapping[str, str], api_key: str | None) -> Source | None:
    """None for a provider with a key, or without all that a token takes."""
    tenant, client, secret = (options.get(name, "") for name in OPTIONS)
    if api_key or not (tenant and client and secret):
        return None
    return Source(tenant, client, secret, options.get("cloud", ""))


async def ask(source: Source) -> tuple[int, bytes]:
    import httpx  # none of those who list the kinds of provider needs it

    authority, scope = CLOUDS[source.cloud]
    form = {
        "grant_type": "client_credentials",
        "client_id": source.client,
        "client_secret": source.secret,
        "scope": scope,
    }
    try:
        async with (
            asyncio.timeout(ANSWER_S),
            httpx.AsyncClient(timeout=ANSWER_S, trust_env=False, follow_redirects=False) as client,
        ):
            answer = await client.post(f"{authority}/{source.tenant}/oauth2/v2.0/token", data=form)
    except (httpx.HTTPError, TimeoutError) as error:
        raise ConnectionError(type(error).__name__) from None
    return answer.status_code, answer.content


class _Kept:
    __slots__ = ("again", "asking", "ends", "token")

    def __init__(self) -> None:
        self.token = ""
        self.ends = 0.0
        self.again = 0.0
        self.asking: asyncio.Task[None] | None = None


class EntraTokens:
    """One of these serves a process; it belongs to one event loop. ``now`` is in seconds."""

    def __init__(self, asked: Ask = ask, now: Callable[[], float] = time.monotonic) -> None:
        self._ask = asked
        self._now = now
        self._kept: dict[Source, _Kept] = {}

    async def ready(self, source: Source) -> None:
        """See that there is a token that holds. Raises `UpstreamFailure` where none can be had."""
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

    def header(self, source: Source) -> str:
        """The value of ``authorization``, once `ready`."""
        kept = self._kept.get(source)
        return f"Bearer {'' if kept is None else kept.token}"

    async def _renew(self, source: Source, kept: _Kept) -> None:
        try:
            told = await self._told(source)
        except TrimtabError as error:
            kept.again = self._now() + AGAIN_S
            logger.warning("a token of Entra's tenant %s could not be had: %s", source.tenant, error.sentence())
            raise
        kept.token, kept.ends = told.access_token, self._now() + told.expires_in

    async def _told(self, source: Source) -> Told:
        if source.cloud not in CLOUDS or _TENANT.fullmatch(source.tenant) is None:
            raise _misconfigured("its tenant or cloud is none")
        try:
            status, body = await self._ask(source)
        except ConnectionError as error:
            raise UpstreamFailure(
                f"Entra ID, which gives this provider's tokens, cannot be reached ({error}).",
                fix="See that this server may reach it, or give the provider a key.",
                code="upstream_unreachable",
            ) from None
        try:
            told = _read(body)
        except (msgspec.MsgspecError, RecursionError):
            told = Told()
        if status == 200 and told.access_token.isascii() and told.access_token.isprintable() and told.access_token:
            return told
        if 400 <= status < 500 and status not in (408, 429):
            raise _misconfigured((told.error_description or told.error or f"status {status}").splitlines()[0][:300])
        raise UpstreamFailure(
            f"Entra ID, which gives this provider's tokens, answered with status {status} and no token.",
            fix="Try again.",
            code="upstream_unreachable",
        )


def _misconfigured(why: str) -> UpstreamRejected:
    """It speaks against the provider's credentials as a refused key does: other targets are asked."""
    error = UpstreamRejected(f"Entra ID gives this provider no token: {why}", status=401)
    error.code = "provider_key_refused"
    error.fix = "Your own key is fine: the operator must correct the provider's tenant_id, client_id or client_secret."
    return error


def _seen(task: asyncio.Task[None]) -> None:
    """A renewal that failed beside the calls is in the log; nobody waits for its error."""
    if not task.cancelled():
        task.exception()


TOKENS: Final = EntraTokens()
"""This process's."""
