"""Where a provider is asked: the parts of its URL, and the beginning of every request to it."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from msgspec import Struct


class Origin(Struct, frozen=True):
    """Where a connection goes; the key of the pool."""

    scheme: str
    host: str
    port: int


class Endpoint(Struct, frozen=True, kw_only=True):
    """A place to POST to, with everything that is the same for each call already rendered.

    ``head`` is the request line and the constant headers up to ``content-length: ``. Bounds are in seconds. ``sign``,
    where there is one, makes the header lines that depend on the body and the time (Unix ns); ``ready`` is awaited
    before it, where a token may have to be had first.
    """

    origin: Origin
    head: bytes
    connect_s: float
    first_byte_s: float
    idle_s: float
    total_s: float
    sign: Callable[[bytes, int], bytes] | None = None
    ready: Callable[[], Awaitable[None]] | None = None


def split_url(url: str) -> tuple[Origin, str]:
    """A base URL as its origin and path without a trailing slash. Raises ValueError for anything but http(s)."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https URL")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Origin(parts.scheme, parts.hostname, port), parts.path.rstrip("/")


def host_of(origin: Origin) -> str:
    """The value of the header ``host``."""
    default = {"http": 80, "https": 443}[origin.scheme]
    name = f"[{origin.host}]" if ":" in origin.host else origin.host
    return name if origin.port == default else f"{name}:{origin.port}"


def render_head(origin: Origin, path: str, headers: dict[str, str]) -> bytes:
    """The constant start of every request to one endpoint.

    Raises ValueError for a path or a header that could split the request.
    """
    if any(c <= " " or c == "\x7f" for c in path):
        raise ValueError("the path has a space or a control character")
    lines = [f"POST {path} HTTP/1.1", f"host: {host_of(origin)}"]
    for key, value in headers.items():
        if any(c in "\r\n\0" for c in key + value) or not key.isascii() or not value.isascii() or " " in key:
            raise ValueError(f"the header {key!r} has a character that HTTP does not allow")
        lines.append(f"{key}: {value}")
    lines.append("content-length: ")
    return "\r\n".join(lines).encode("ascii")
