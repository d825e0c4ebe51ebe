"""Access tokens of Google Cloud in place of a key, for who calls Vertex AI in a project of his own.

A service account signs what it asks for with its key (https://developers.google.com/identity/protocols/oauth2/service-account,
HTTP/REST: a JWT that is posted to ``oauth2.googleapis.com/token``). The identity of the machine is what Google's own
clients find by themselves (https://cloud.google.com/docs/authentication/application-default-credentials): the account
in the file that ``GOOGLE_APPLICATION_CREDENTIALS`` names, else that of the instance, of GKE or of Cloud Run, by the
metadata server (https://cloud.google.com/compute/docs/access/authenticate-workloads).
"""

import asyncio
import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import UpstreamRejected
from trimtab.llm.renewed import Renewed, away, fetch, refused, said

OPTIONS: Final = ("client_email", "private_key")
"""Of a provider, in place of its key."""
IDENTITIES: Final = ("machine",)
TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_METADATA: Final = "metadata.google.internal"
_WHO: Final = "Google"
_HOUR_S: Final = 3600


class Account(Struct, frozen=True):
    """A service account; without an address, whoever the machine is. ``key`` is in PEM."""

    email: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return f"Account({self.email!r})"


class Told(Struct, frozen=True):
    """What is answered; ``expires_in`` in seconds."""

    access_token: str = ""
    expires_in: float = 0.0
    error: str = ""
    error_description: str = ""


class _File(Struct, frozen=True):
    type: str = ""
    client_email: str = ""
    private_key: str = ""


_read = msgspec.json.Decoder(Told, strict=False).decode


def account_of(options: Mapping[str, str], api_key: str | None) -> Account | None:
    """None for a provider with a token of its own, or without all that one takes."""
    email, key = (options.get(name, "") for name in OPTIONS)
    if api_key:
        return None
    if options.get("identity"):
        return Account()
    return Account(email, key) if email and key else None


async def token(account: Account) -> tuple[str, float]:
    """A token, and for how many seconds it holds. Raises `UpstreamFailure`."""
    if not account.email and said("GOOGLE_APPLICATION_CREDENTIALS"):
        account = await asyncio.to_thread(_in_file)
    try:
        if account.email:
            assertion = await asyncio.to_thread(_signed, account, int(time.time()))
            form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
            status, body = await fetch("POST", TOKEN_URL, form=form)
        else:
            host = said("GCE_METADATA_HOST") or _METADATA
            url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
            status, body = await fetch("GET", url, headers={"metadata-flavor": "Google"})
    except ConnectionError as error:
        fix = "See that this server may reach it; outside of Google Cloud give client_email and private_key."
        raise away(_WHO, f"cannot be reached ({error}).", fix) from None
    try:
        told = _read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        told = Told()
    if status == 200 and told.access_token and told.access_token.isascii() and told.access_token.isprintable():
        return told.access_token, told.expires_in
    if 400 <= status < 500 and status not in (408, 429):
        raise _misconfigured((told.error_description or told.error or f"status {status}").splitlines()[0][:300])
    raise away(_WHO, f"answered with status {status} and no token.")


def _in_file() -> Account:
    name = "GOOGLE_APPLICATION_CREDENTIALS"
    try:
        told = msgspec.json.decode(Path(said(name)).read_bytes(), type=_File)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        raise _misconfigured(f"the file that {name} names cannot be read") from None
    if told.type != "service_account":
        raise _misconfigured(f"the file that {name} names is of type {told.type[:40]!r}, and not a service account's")
    return Account(told.client_email, told.private_key)


def _signed(account: Account, now: int) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(account.key.replace("\\n", "\n").encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise _misconfigured("its private_key cannot be read")
    claims = {"iss": account.email, "scope": _SCOPE, "aud": TOKEN_URL, "iat": now, "exp": now + _HOUR_S}
    said = f"{_packed({'alg': 'RS256', 'typ': 'JWT'})}.{_packed(claims)}"
    return f"{said}.{_url_safe(key.sign(said.encode(), PKCS1v15(), SHA256()))}"


def _packed(value: dict[str, Any]) -> str:
    return _url_safe(msgspec.json.encode(value))


def _url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _misconfigured(why: str) -> UpstreamRejected:
    fix = "give this machine a service account, or correct the provider's client_email and private_key."
    return refused(_WHO, f"gives this provider no token: {why}", fix)


TOKENS: Final = Renewed[Account, str](token)
"""This process's."""
