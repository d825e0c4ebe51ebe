"""Tokens of Microsoft Entra ID in place of a key of Azure OpenAI's.

By the client credentials of an app registration
(https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow): a form is posted to
``/{tenant}/oauth2/v2.0/token`` of the cloud's authority, and answered with ``access_token`` and ``expires_in``. Or by
the identity of the machine: ``workload``, where Kubernetes writes a token into the file that
``AZURE_FEDERATED_TOKEN_FILE`` names, which stands in the form for the secret
(https://azure.github.io/azure-workload-identity/docs/); and ``managed``, where the machine is asked for the token, at
``IDENTITY_ENDPOINT`` (App Service, Container Apps), else at the instance's metadata
(https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from trimtab.core.errors import UpstreamRejected
from trimtab.llm.renewed import Renewed, away, fetch, refused, said

OPTIONS: Final = ("tenant_id", "client_id", "client_secret")
"""Of a provider, in place of its key."""
IDENTITIES: Final = ("workload", "managed")
"""Of the option ``identity``, in place of both."""
CLOUDS: Final = {
    "": ("https://login.microsoftonline.com", "https://cognitiveservices.azure.com/.default"),
    "us": ("https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"),
    "china": ("https://login.partner.microsoftonline.cn", "https://cognitiveservices.azure.cn/.default"),
}
"""By the option ``cloud``: who gives tokens, and for what."""
_METADATA: Final = "http://169.254.169.254"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_WHO: Final = "Entra ID"
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


class Source(Struct, frozen=True):
    """Whose tokens, and in which cloud. ``way`` is one of `IDENTITIES`, or empty: by the secret."""

    tenant: str
    client: str
    secret: str
    cloud: str = ""
    way: str = ""


class Told(Struct, frozen=True):
    """What is answered; ``expires_in`` in seconds, ``expires_on`` in Unix seconds, which App Service tells instead."""

    access_token: str = ""
    expires_in: float = 0.0
    expires_on: float = 0.0
    error: str = ""
    error_description: str = ""


Ask = Callable[[Source], Awaitable[tuple[int, bytes]]]
"""The status and body of the authority's answer. Raises `ConnectionError`."""
_read = msgspec.json.Decoder(Told, strict=False).decode


def source_of(options: Mapping[str, str], api_key: str | None) -> Source | None:
    """None for a provider with a key, or without all that a token takes."""
    tenant, client, secret = (options.get(name, "") for name in OPTIONS)
    cloud, way = options.get("cloud", ""), options.get("identity", "")
    if api_key:
        return None
    if way == "managed":
        return Source("", client, "", cloud, way)
    if way == "workload":
        return Source(tenant or said("AZURE_TENANT_ID"), client or said("AZURE_CLIENT_ID"), "", cloud, way)
    return Source(tenant, client, secret, cloud) if tenant and client and secret else None


async def ask(source: Source) -> tuple[int, bytes]:
    authority, scope = CLOUDS[source.cloud]
    if source.way == "managed":
        return await _ask_machine(source, scope.removesuffix("/.default"))
    form = {"grant_type": "client_credentials", "client_id": source.client, "scope": scope}
    if source.way == "workload":
        authority = (said("AZURE_AUTHORITY_HOST") or authority).rstrip("/")
        form |= {"client_assertion_type": _ASSERTION, "client_assertion": await asyncio.to_thread(_assertion)}
    else:
        form["client_secret"] = source.secret
    return await fetch("POST", f"{authority}/{source.tenant}/oauth2/v2.0/token", form=form)


async def _ask_machine(source: Source, resource: str) -> tuple[int, bytes]:
    whose = {"client_id": source.client} if source.client else {}
    endpoint, shown = said("IDENTITY_ENDPOINT"), said("IDENTITY_HEADER")
    if endpoint and shown:
        query = urlencode({"api-version": "2019-08-01", "resource": resource, **whose})
        return await fetch("GET", f"{endpoint}?{query}", headers={"x-identity-header": shown})
    host = (said("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _METADATA).rstrip("/")
    query = urlencode({"api-version": "2018-02-01", "resource": resource, **whose})
    return await fetch("GET", f"{host}/metadata/identity/oauth2/token?{query}", headers={"metadata": "true"})


def _assertion() -> str:
    """It is written anew every hour or so."""
    name = said("AZURE_FEDERATED_TOKEN_FILE")
    try:
        return Path(name).read_text("utf-8").strip()
    except (OSError, ValueError):
        raise _misconfigured("the file that AZURE_FEDERATED_TOKEN_FILE names cannot be read", "workload") from None


class EntraTokens(Renewed[Source, str]):
    """One of these serves a process."""

    def __init__(self, asked: Ask = ask, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(self._token, now)
        self._ask = asked

    def header(self, source: Source) -> str:
        """The value of ``authorization``, once `ready`."""
        return f"Bearer {self.held(source) or ''}"

    async def _token(self, source: Source) -> tuple[str, float]:
        if source.cloud not in CLOUDS or (source.way != "managed" and _TENANT.fullmatch(source.tenant) is None):
            raise _misconfigured("its tenant or cloud is none", source.way)
        try:
            status, body = await self._ask(source)
        except ConnectionError as error:
            fix = "See that this server may reach it, or give the provider a key."
            raise away(_WHO, f"cannot be reached ({error}).", fix) from None
        try:
            told = _read(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            told = Told()
        if status == 200 and told.access_token.isascii() and told.access_token.isprintable() and told.access_token:
            return told.access_token, told.expires_in or max(0.0, told.expires_on - time.time())
        if 400 <= status < 500 and status not in (408, 410, 429):
            why = (told.error_description or told.error or f"status {status}").splitlines()[0][:300]
            raise _misconfigured(why, source.way)
        raise away(_WHO, f"answered with status {status} and no token.")


def _misconfigured(why: str, way: str) -> UpstreamRejected:
    fixes = {
        "": "correct the provider's tenant_id, client_id or client_secret.",
        "workload": "see to the workload identity of this server, or the provider's tenant_id and client_id.",
        "managed": "give this machine a managed identity, or correct the provider's client_id.",
    }
    return refused(_WHO, f"gives this provider no token: {why}", fixes[way])


TOKENS: Final = EntraTokens()
"""This process's."""
