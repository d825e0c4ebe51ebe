"""Where at a provider a call that passes through goes, and what every request to it says of us."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from trimtab import __version__
from trimtab.gateway.targets import Provider
from trimtab.llm.auth import headers_of, query_of
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.entra import OPTIONS as ENTRA
from trimtab.llm.entra import TOKENS, source_of
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.reach import leads_nowhere


def address(provider: Provider, rest: str, query: str = "") -> str:
    """Where ``rest`` (the path behind ``/v1``) is at a provider."""
    kind = PROVIDER_KINDS.get(provider.kind)
    auth = kind.auth or DIALECTS.get(provider.dialect).auth
    asked = {name: provider.options[option] for name, option in kind.query.items() if provider.options.get(option)}
    whole = "&".join(part for part in (query, urlencode(asked), query_of(auth, provider.api_key)) if part)
    return f"{provider.base_url}{quote(rest)}{f'?{whole}' if whole else ''}"


async def own_headers(provider: Provider) -> dict[str, str]:
    """What every request to a provider says of us. Raises `UpstreamFailure` where a token is to be shown, and none can
    be had."""
    shown: dict[str, str] = {}
    if PROVIDER_KINDS.get(provider.kind).key_options == ENTRA and (
        source := source_of(provider.options, provider.api_key)
    ):
        await TOKENS.ready(source)
        shown = {"authorization": TOKENS.header(source)}
    auth = PROVIDER_KINDS.get(provider.kind).auth or DIALECTS.get(provider.dialect).auth
    return {
        "user-agent": f"trimtab/{__version__}",
        "accept-encoding": "identity",
        **DIALECTS.get(provider.dialect).headers,
        **headers_of(auth, provider.api_key),
        **shown,
        **{name.lower(): value for name, value in provider.headers.items()},
    }


def patience(provider: Provider) -> httpx.Timeout:
    bounds = provider.timeouts
    return httpx.Timeout(bounds.idle, connect=bounds.connect, read=max(bounds.first_token, bounds.idle))


async def look_where(event: str, told: Mapping[str, Any]) -> None:
    """Of each new connection, before anything is sent: it must not lead where no provider is (`llm/reach.py`)."""
    if event != "connection.connect_tcp.complete":
        return
    stream = told["return_value"]
    if leads_nowhere(stream.get_extra_info("server_addr")):
        await stream.aclose()
        raise httpx.ConnectError("the address is one where no provider is")


def due_in(bound: asyncio.Timeout, seconds: float) -> None:
    """The last byte has been sent: from now on it is the provider's time that runs."""
    bound.reschedule(asyncio.get_running_loop().time() + seconds)


def nothing() -> None:
    """Nobody waits for the last byte."""
