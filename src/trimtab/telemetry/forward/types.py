"""The words of forwarding: a destination, what is sent there, and what came of it."""

import base64
import binascii
import hashlib
import re
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.views import Window

Kind = Literal["otlp", "webhook", "kafka"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Content = Literal["off", "previews", "full"]
CONTENTS: Final[tuple[Content, ...]] = get_args(Content)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_BROKER: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_OURS: Final = frozenset(
    ("content-length", "content-type", "content-encoding", "host", "transfer-encoding", "connection",
     "webhook-id", "webhook-timestamp", "webhook-signature")
)  # fmt: skip
_SHARES: Final = 1 << 64
UNREADABLE: Final = "Its filter cannot be read any more: "
"""How that trouble begins; another one begins otherwise."""
UNREACHABLE: Final = "Nothing can be sent there: "
"""So does one that was seen before anything was sent."""


class Secrets(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sealed at rest: headers to send, the secret that signs a webhook, a Kafka client's options."""

    headers: dict[str, str] = {}
    secret: str = ""
    options: dict[str, str] = {}


class Destination(Struct, frozen=True, kw_only=True):
    """Where a project's closed traces go. ``url``: http(s) for ``otlp`` and ``webhook``,
    ``kafka://host:port,host:port/topic`` for ``kafka``. ``filter`` is a search, empty for all; ``sample`` the share of
    traces in [0, 1]. ``quiet_s``, ``root_wait_s``: see `closing.py`."""

    project_id: str
    name: str
    kind: Kind
    url: str
    content: Content = "off"
    filter: str = ""
    sample: float = 1.0
    quiet_s: float = 10.0
    root_wait_s: float = 120.0
    enabled: bool = True
    secrets: Secrets = Secrets()

    @property
    def brokers(self) -> str:
        """Of a Kafka destination: ``host:port`` with commas between."""
        return self.url.removeprefix("kafka://").rpartition("/")[0]

    @property
    def topic(self) -> str:
        return self.url.rpartition("/")[2]

    def __repr__(self) -> str:
        return f"Destination({self.project_id}/{self.name}, {self.kind})"  # without secrets


Verdict = Literal["delivered", "refused", "faulty", "away"]
"""``refused``: never to be accepted. ``faulty``: it failed on this; ``away``: it fails on everything now."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one delivery; ``retry_after_s`` is what the receiver asked for, 0 for nothing."""

    verdict: Verdict
    status: int = 0
    problem: str = ""
    retry_after_s: float = 0.0


def sampled(trace_id: str, share: float) -> bool:
    """Whether a trace is among the share that is sent: by its id alone, so every process and restart agrees, and what
    a smaller share takes a larger one takes, too."""
    drawn = int.from_bytes(hashlib.blake2b(trace_id.encode(), digest_size=8).digest(), "big")
    return drawn < share * _SHARES


def check_name(name: str) -> None:
    """Raises `InvalidRequest`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be a destination's name.",
            fix="Use up to 63 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit.",
            param="name",
        )


def check(destination: Destination) -> Destination:
    """The destination, or `InvalidRequest` with what to change; ``param`` names the field."""
    check_name(destination.name)
    _check_url(destination)
    for field, low, high in (("quiet_s", 1, 3600), ("root_wait_s", 1, 86_400), ("sample", 0, 1)):
        value = getattr(destination, field)
        if not low <= value <= high:
            raise InvalidRequest(
                f"{field!r} cannot be {value:g}.", fix=f"Give a number from {low} to {high}.", param=field
            )
    if destination.root_wait_s < destination.quiet_s:
        raise InvalidRequest(
            "A trace without a root cannot be given up before it is quiet.",
            fix="Let 'root_wait_s' be at least 'quiet_s'.",
            param="root_wait_s",
        )
    try:
        compile_query(destination.filter, destination.project_id, Window(start=0, end=1))
    except InvalidRequest as error:
        raise InvalidRequest(error.message, fix=error.fix, param="filter") from error
    _check_secrets(destination)
    return destination


def filter_trouble(destination: Destination) -> str:
    """Why a filter that was accepted when it was written cannot be read now, with the way out; empty where it can."""
    try:
        compile_query(destination.filter, destination.project_id, Window(start=0, end=1), stored=True)
    except InvalidRequest as error:
        way = f"Change the filter (trimtab forwards change {destination.name} --filter '...')"
        return f"{UNREADABLE}{error.sentence()} {way}: what came meanwhile is sent then."
    return ""


def _check_url(destination: Destination) -> None:
    url, kind = destination.url, destination.kind
    wrong = InvalidRequest(
        f"The address cannot be used for {kind}.",
        fix="Give kafka://broker-1:9092,broker-2:9092/topic."
        if kind == "kafka"
        else "Give an http or https URL such as https://collector.example.com/v1/traces; keys belong into 'headers'.",
        param="url",
    )
    if len(url) > 2000 or not url.isascii() or not url.isprintable() or " " in url:
        raise wrong
    if kind == "kafka":
        brokers = destination.brokers.split(",") if url.startswith("kafka://") else []
        if not brokers or not all(map(_BROKER.fullmatch, brokers)) or not _TOPIC.fullmatch(destination.topic):
            raise wrong
        return
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise wrong
    if parts.username or parts.password or parts.fragment:
        raise wrong


def _check_secrets(destination: Destination) -> None:
    kind, secrets = destination.kind, destination.secrets
    for name, value in secrets.headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS or len(value) > 4000 or not _plain(value):
            raise InvalidRequest(
                f"The header {name[:80]!r} cannot be sent.",
                fix="Leave out what is set here already, and use printable ASCII.",
                param="headers",
            )
    if kind == "webhook" and not _signs(secrets.secret):
        raise InvalidRequest(
            "A webhook needs a secret of 16 to 500 characters to be signed with.",
            fix='Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"',
            param="secret",
        )
    if kind != "webhook" and secrets.secret:
        raise InvalidRequest(f"{kind} is not signed.", fix="Leave 'secret' out.", param="secret")
    if kind != "kafka" and secrets.options:
        raise InvalidRequest(f"{kind} has no 'options'.", fix="Leave them out; send 'headers'.", param="options")
    if kind == "kafka" and secrets.headers:
        raise InvalidRequest(
            "kafka has no 'headers'.", fix="Put what the client needs into 'options'.", param="headers"
        )


def _signs(secret: str) -> bool:
    """Long enough, and base64 after ``whsec_`` as Standard Webhooks has it."""
    if not 16 <= len(secret) <= 500:
        return False
    try:
        base64.b64decode(secret.removeprefix("whsec_") if secret.startswith("whsec_") else "", validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _plain(value: str) -> bool:
    return value.isascii() and value.isprintable()
