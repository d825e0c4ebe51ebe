"""Helicone's headers on the gateway: https://docs.helicone.ai/helicone-headers/header-directory

A client that sends ``Helicone-Auth`` is read as if it had sent ours: that key (``Authorization`` still holds the
provider's, which nobody here needs), and its user, session, properties and cache. Without that header none of them is
looked at, which costs every other call one look into a dictionary (`server/incoming.py`).
"""

from typing import Final

import msgspec

AUTH: Final = b"helicone-auth"
_PROPERTY: Final = b"helicone-property-"
_SAME: Final = ((b"helicone-user-id", b"trimtab-user"), (b"helicone-session-id", b"trimtab-session"))
_METADATA: Final = {
    b"helicone-session-path": "session_path",
    b"helicone-session-name": "session_name",
    b"helicone-request-id": "helicone_request_id",
    b"helicone-prompt-id": "prompt_name",
}
MOST: Final = 64


def translate(headers: dict[bytes, bytes]) -> None:
    """Put our headers beside Helicone's, in place. One of ours that the client sent itself stands, but for the key."""
    headers[b"authorization"] = headers[AUTH]
    for theirs in (b"x-api-key", b"x-goog-api-key"):  # the provider's, for clients that send it so
        headers.pop(theirs, None)
    for theirs, ours in _SAME:
        if theirs in headers:
            headers.setdefault(ours, headers[theirs])
    metadata = _metadata(headers)
    if metadata:
        headers.setdefault(b"trimtab-metadata", msgspec.json.encode(metadata))
    if headers.get(b"helicone-cache-enabled", b"").strip().lower() == b"true":
        headers.setdefault(b"trimtab-cache", _cache(headers))


def _metadata(headers: dict[bytes, bytes]) -> dict[str, str]:
    """Properties by their names, and what else Helicone says of a call."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        if not name.startswith(b"helicone-") or len(found) >= MOST:
            continue
        if name.startswith(_PROPERTY):
            found[_text(name[len(_PROPERTY) :])] = _text(value)
        elif name in _METADATA:
            found[_METADATA[name]] = _text(value)
    found.pop("", None)
    return found


def _cache(headers: dict[bytes, bytes]) -> bytes:
    """Its ``Cache-Control: max-age`` says how long an answer may be kept, ``Helicone-Cache-Seed`` keeps apart."""
    words = [b"exact"]
    for part in headers.get(b"cache-control", b"").split(b","):
        name, _, value = part.strip().partition(b"=")
        if name == b"max-age" and value.isdigit():
            words.append(b"ttl=" + value[:8])
    seed = headers.get(b"helicone-cache-seed", b"").strip()
    if seed and seed.replace(b"-", b"").replace(b"_", b"").isalnum():
        words.append(b"namespace=" + seed[:64])
    return b"; ".join(words)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()
