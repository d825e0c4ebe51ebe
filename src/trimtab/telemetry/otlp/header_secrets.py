"""Credentials in headers that instrumentation put on spans: hidden at the door, before anything is kept.

OpenTelemetry's conventions name them ``http.request.header.<name>``, ``http.response.header.<name>`` and
``rpc.grpc.request.metadata.<name>`` (https://opentelemetry.io/docs/specs/semconv/registry/attributes/http/), and say
themselves that headers may hold secrets. Only names that carry credentials are hidden; the others say what happened.
"""

import re
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec

HIDDEN: Final = "[hidden]"
_marks: Final = re.compile(rb"\.(?:header|metadata)\.").search
"""One pass by an expression takes half as long as one for each of the two words."""
_CREDENTIALS: Final = frozenset(
    (
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "apikey",
        "x-goog-api-key", "x-auth-token", "x-access-token", "x-amz-security-token", "x-csrf-token",
        "x-forwarded-access-token", "authentication",
    )
)  # fmt: skip
_named: Final = re.compile(
    rb"\.(?:header|metadata)\.(?:%s)(?![a-z0-9_-])" % "|".join(sorted(_CREDENTIALS)).replace("-", "[-_]").encode(),
    re.IGNORECASE,
).search


def may_hold(body: bytes) -> bool:
    """Whether it is worth looking: few bodies have headers at all."""
    return _marks(body) is not None


def hides(key: str) -> bool:
    """Whether an attribute of this name is a header with a credential."""
    for mark in (".header.", ".metadata."):
        _, found, name = key.rpartition(mark)
        if found and name.lower().replace("_", "-") in _CREDENTIALS:
            return True
    return False


def hide_json(attributes: dict[str, Any]) -> None:
    """In place."""
    for key in attributes:
        if hides(key):
            attributes[key] = HIDDEN


def hide_wire(spans: Iterable[Any]) -> bool:
    """In place, of protobuf ``Span`` messages and their events; whether there was anything to hide."""
    found = False
    for span in spans:
        for holder in (span, *span.events):
            for pair in holder.attributes:
                if hides(pair.key):
                    pair.value.Clear()
                    pair.value.string_value = HIDDEN
                    found = True
    return found


def hidden_in(wire: bytes) -> bytes | None:
    """What could not be read, as it came: as JSON without the credentials in it; None for other bytes with one, in
    which nobody can say where it ends."""
    if not may_hold(wire):
        return wire
    try:
        content = msgspec.json.decode(wire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None if _named(wire) else wire
    left: list[Any] = [content]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            given = cast("dict[str, Any]", each)
            hide_json(given)
            if "value" in given and isinstance(key := given.get("key"), str) and hides(key):
                given["value"] = {"stringValue": HIDDEN}
            left += given.values()
        elif isinstance(each, list):
            left += cast("list[Any]", each)
    return msgspec.json.encode(content)
