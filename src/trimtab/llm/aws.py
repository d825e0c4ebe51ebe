"""Credentials of AWS that the machine has by itself, found as AWS's own clients find them, and renewed before they end.

In the order of https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html: the environment; a role
for the web identity whose token ``AWS_WEB_IDENTITY_TOKEN_FILE`` names (EKS: IRSA), from STS
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html); the container's endpoint (ECS,
EKS Pod Identity: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html); the instance's
metadata, version 2 (https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html). Files of profiles
and sign-in by SSO are for people, and not read.
"""

import asyncio
import ipaddress
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from trimtab.core.errors import UpstreamFailure, UpstreamRejected
from trimtab.llm.renewed import Renewed, away, fetch, refused, said
from trimtab.llm.sigv4 import Credentials, Signer

IDENTITIES: Final = ("machine",)
_METADATA_S: Final = 2.0
"""Where there is no instance, nobody answers at all."""
_CONTAINER: Final = "http://169.254.170.2"
_ALLOWED: Final = frozenset(("169.254.170.2", "169.254.170.23", "fd00:ec2::23"))
_SESSION: Final = re.compile(r"[^\w+=,.@-]+", re.ASCII)
Found = tuple[Credentials, float]
"""Credentials, and for how many seconds they hold."""


async def find(region: str) -> Found:
    """Raises `UpstreamFailure` where there are none, or none can be had now."""
    key, secret, token = (said(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
    if key and secret:
        _check_printable(key=key, secret=secret, token=token)
        return Credentials(access_key_id=key, secret_access_key=secret, session_token=token), float("inf")
    if said("AWS_WEB_IDENTITY_TOKEN_FILE") and said("AWS_ROLE_ARN"):
        return await _by_web_identity(region)
    if url := _container():
        return await _by_container(url)
    return await _by_instance()


def _check_printable(**values: str) -> None:
    """What cannot travel in a header AWS would refuse as another signature, which says nothing of why."""
    names = {"key": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
    for name, value in values.items():
        if not (value.isascii() and (value.isprintable() or not value)) or " " in value:
            raise _none(f"{names[name]} holds blanks, line breaks or other characters that no credential has")


async def _by_web_identity(region: str) -> Found:
    token = await asyncio.to_thread(_read_file, "AWS_WEB_IDENTITY_TOKEN_FILE")
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": said("AWS_ROLE_ARN"),
        "RoleSessionName": _SESSION.sub("-", said("AWS_ROLE_SESSION_NAME") or "trimtab")[:64],
        "WebIdentityToken": token,
    }
    url = said("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.amazonaws.com{'.cn' if region[:3] == 'cn-' else ''}"
    body = await _asked("STS", "POST", url.rstrip("/") + "/", form=form)
    told = body.decode("utf-8", "replace")
    names = {"AccessKeyId": "", "SecretAccessKey": "", "SessionToken": "", "Expiration": ""}
    for name in names:
        found = re.search(rf"<{name}>\s*([^<\s]+)\s*</{name}>", told)
        names[name] = found[1] if found else ""
    return _credentials("STS", names | {"Token": names["SessionToken"]})


def _container() -> str:
    relative, full = (said(f"AWS_CONTAINER_CREDENTIALS_{way}_URI") for way in ("RELATIVE", "FULL"))
    return _CONTAINER + relative if relative else full


async def _by_container(url: str) -> Found:
    if not _is_trusted(url):
        raise _none(f"AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor this machine's: {url[:200]}")
    shown = said("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if said("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        shown = await asyncio.to_thread(_read_file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    body = await _asked("the container", "GET", url, headers={"authorization": shown} if shown else {})
    return _credentials("the container", _object(body))


def _is_trusted(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.scheme == "https":
        return True
    try:
        return parts.scheme == "http" and (host in _ALLOWED or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return host == "localhost"


async def _by_instance() -> Found:
    if said("AWS_EC2_METADATA_DISABLED").lower() == "true":
        raise _none("there is nothing in the environment, no container, and AWS_EC2_METADATA_DISABLED is set")
    base = (said("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254").rstrip("/")
    try:
        status, token = await fetch(
            "PUT",
            f"{base}/latest/api/token",
            headers={"x-aws-ec2-metadata-token-ttl-seconds": "21600"},
            within_s=_METADATA_S,
        )
    except ConnectionError:
        raise _none("there is nothing in the environment, no container, and no instance answers") from None
    if status != 200:
        raise away("the instance's metadata", f"answered with status {status} and no token.")
    shown = {"x-aws-ec2-metadata-token": token.decode("ascii", "replace").strip()}
    roles = f"{base}/latest/meta-data/iam/security-credentials/"
    role = (await _asked("the instance", "GET", roles, headers=shown)).decode("utf-8", "replace").split("\n")[0].strip()
    body = await _asked("the instance", "GET", roles + quote(role, safe=""), headers=shown)
    return _credentials("the instance", _object(body))


async def _asked(
    who: str, method: str, url: str, *, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
) -> bytes:
    try:
        status, body = await fetch(method, url, headers=headers, form=form)
    except ConnectionError as error:
        raise away(who, f"cannot be reached ({error}).", "See that this server may reach it.") from None
    if status == 200:
        return body
    if 400 <= status < 500 and status not in (408, 429):
        found = re.search(rb"<Message>([^<]{1,300})", body)
        raise _none(f"{who} answered with status {status}{': ' + found[1].decode('utf-8', 'replace') if found else ''}")
    raise away(who, f"answered with status {status}.")


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _credentials(who: str, told: dict[str, Any]) -> Found:
    key, secret, token, ends = (told.get(n) for n in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration"))
    fit = all(isinstance(each, str) and each and each.isascii() and each.isprintable() for each in (key, secret, token))
    try:
        ends_s = datetime.fromisoformat(str(ends)).timestamp()
    except ValueError:
        fit, ends_s = False, 0.0
    if not fit:
        raise away(who, "told none that can be read.")
    made = Credentials(access_key_id=str(key), secret_access_key=str(secret), session_token=str(token))
    return made, max(0.0, ends_s - time.time())


def _read_file(variable: str) -> str:
    try:
        return Path(said(variable)).read_text("utf-8").strip()
    except (OSError, ValueError):
        raise _none(f"the file that {variable} names cannot be read") from None


def _none(why: str) -> UpstreamRejected:
    fix = "give this machine a role that may call Bedrock, or the provider a key."
    return refused("AWS", f"gives this server no credentials: {why}.", fix)


class MachineSigner:
    """Signs with the credentials in force. ``signer`` makes what signs with given ones."""

    def __init__(self, region: str, signer: Callable[[Credentials], Signer]) -> None:
        self._region = region
        self._make = signer
        self._made: tuple[Credentials, Signer] | None = None

    def __call__(self, body: bytes, now_ns: int) -> bytes:
        """Raises `UpstreamFailure` where nobody had looked for credentials."""
        held = CREDENTIALS.held(self._region)
        if held is None:
            raise UpstreamFailure("This server has no credentials of AWS yet.", code="upstream_unreachable")
        if self._made is None or self._made[0] is not held:
            self._made = held, self._make(held)
        return self._made[1](body, now_ns)


CREDENTIALS: Final = Renewed[str, Credentials](find)
"""This process's, by region."""
