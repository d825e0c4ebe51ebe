"""What is asked of identity providers over the network, and how long an answer is believed.

Metadata and keys are kept for an hour; a key that is not among those known is looked for anew, at most once a minute
per provider, which is how providers change keys without a word. No redirect is followed, no more than a megabyte
read, and nothing unpacked: a megabyte of zeros is a kilobyte on the way. Nothing is asked where a cloud tells a machine
its secrets (`llm/reach.py`), wherever a provider's metadata point.
"""

import base64
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from trimtab.core.clock import Clock, SystemClock
from trimtab.core.errors import Unauthenticated, Unavailable
from trimtab.gateway.carried_where import look_where
from trimtab.governance import oidc
from trimtab.governance.oidc import Metadata, refusal
from trimtab.governance.sign_in_store import ProviderRow

KEPT_S: Final = 3600
AGAIN_S: Final = 60
TIMEOUT_S: Final = 10.0
MAX_BYTES: Final = 1 << 20


class Exchange(Struct, frozen=True, kw_only=True):
    """A code and what goes with it."""

    code: str
    redirect_uri: str
    verifier: str
    secret: str | None

    def __repr__(self) -> str:
        return "Exchange()"


class Tokens(Struct, frozen=True, kw_only=True):
    id_token: str
    access_token: str = ""

    def __repr__(self) -> str:
        return "Tokens()"


class _Keys(Struct, frozen=True, kw_only=True):
    keys: list[dict[str, Any]]


class _Known(Struct, kw_only=True):
    metadata: Metadata
    keys: dict[str, Any]
    at_s: int


class OidcClient:
    """One of these serves a whole process. ``get`` and ``post`` are where it meets the network."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._known: dict[str, _Known] = {}

    def _now_s(self) -> int:
        return self._clock.now_ns() // 1_000_000_000

    async def metadata(self, issuer: str) -> Metadata:
        """Raises `Unavailable`."""
        return (await self._provider(issuer)).metadata

    async def keys(self, issuer: str) -> int:
        """How many keys it publishes, read now."""
        self._known.pop(issuer, None)
        return len((await self._provider(issuer)).keys["keys"])

    async def _provider(self, issuer: str, *, because_of_a_key: bool = False) -> _Known:
        known, now = self._known.get(issuer), self._now_s()
        kept_s = AGAIN_S if because_of_a_key else KEPT_S
        if known is not None and now - known.at_s < kept_s:
            return known
        raw = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", {})
        metadata = oidc.read_metadata(raw, issuer)
        try:
            keys = msgspec.json.decode(await self._get(metadata.jwks_uri, {}), type=_Keys)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _away(f"its keys cannot be read: {error}") from None
        made = _Known(metadata=metadata, keys={"keys": keys.keys}, at_s=now)
        self._known[issuer] = made
        return made

    async def exchange(self, row: ProviderRow, wanted: Exchange) -> Tokens:
        """A code for tokens (Core 1.0, section 3.1.3). Raises `Unauthenticated` for a code that is not taken, and
        `Unavailable`."""
        metadata = await self.metadata(row.issuer)
        form = {
            "grant_type": "authorization_code",
            "code": wanted.code,
            "redirect_uri": wanted.redirect_uri,
            "code_verifier": wanted.verifier,
        }
        headers: dict[str, str] = {}
        offered = metadata.token_endpoint_auth_methods_supported
        if wanted.secret is None:
            form["client_id"] = row.client_id
        elif "client_secret_basic" in offered or "client_secret_post" not in offered:
            # RFC 6749, section 2.3.1: both halves are form-encoded before they are joined.
            pair = f"{quote(row.client_id, safe='')}:{quote(wanted.secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": row.client_id, "client_secret": wanted.secret}
        status, raw = await self._send("POST", metadata.token_endpoint, headers, form)
        if status != 200:
            raise refusal("oidc_code", f"The identity provider did not take the code: {_error_of(raw, status)}.")
        try:
            return msgspec.json.decode(raw, type=Tokens)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise refusal("oidc_code", f"The identity provider's answer holds no ID token: {error}.") from None

    async def claims(self, row: ProviderRow, tokens: Tokens, nonce: str) -> dict[str, Any]:
        """The verified claims of an ID token. Raises `Unauthenticated`, `Unavailable`."""
        known = await self._provider(row.issuer)
        try:
            return oidc.verify(tokens.id_token, known.keys, known.metadata, row, nonce, self._now_s())
        except Unauthenticated as error:
            if error.code != "oidc_unknown_key":
                raise
            newer = await self._provider(row.issuer, because_of_a_key=True)
            if newer is known:
                raise
            return oidc.verify(tokens.id_token, newer.keys, newer.metadata, row, nonce, self._now_s())

    async def userinfo(self, row: ProviderRow, tokens: Tokens) -> dict[str, Any]:
        """What else the provider tells of the person; nothing where it has no such endpoint. Raises `Unavailable`."""
        metadata = await self.metadata(row.issuer)
        if metadata.userinfo_endpoint is None or not tokens.access_token:
            return {}
        raw = await self._get(metadata.userinfo_endpoint, {"authorization": f"Bearer {tokens.access_token}"})
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _away("its userinfo is no JSON object") from None

    async def _get(self, url: str, headers: dict[str, str]) -> bytes:
        status, raw = await self._send("GET", url, headers, None)
        if status != 200:
            raise _away(f"{url[:200]} answered {status}")
        return raw

    async def _send(
        self, method: str, url: str, headers: dict[str, str], form: dict[str, str] | None
    ) -> tuple[int, bytes]:
        import httpx

        told = {"accept": "application/json", "accept-encoding": "identity", **headers}
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
                client.stream(method, url, headers=told, data=form, extensions={"trace": look_where}) as answer,
            ):
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise _away(f"{url[:200]} answers packed, which was not asked for")
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise _away(f"{url[:200]} sent more than a megabyte")
                return answer.status_code, bytes(body)
        except httpx.HTTPError as error:
            raise _away(f"{url[:200]} could not be asked ({type(error).__name__})") from None


def _error_of(raw: bytes, status: int) -> str:
    """OAuth's own words for it (RFC 6749, section 5.2), and nothing else of the answer."""
    try:
        found = msgspec.json.decode(raw, type=dict[str, Any]).get("error")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = None
    return found[:80] if isinstance(found, str) and found.isprintable() else f"status {status}"


def _away(why: str) -> Unavailable:
    return Unavailable(
        f"The identity provider does not answer as it should: {why}.",
        fix="Try again; if it lasts, check the provider's issuer and that this server can reach it.",
        code="oidc_provider_away",
    )
