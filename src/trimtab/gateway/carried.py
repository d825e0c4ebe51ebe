"""The body of a call that passes through: where its model is named, found in the first bytes and put right there."""

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.core.errors import InvalidRequest
from trimtab.llm.dialects._reading import BROKEN

_BOUNDARY = re.compile(r'boundary="?([^";]{1,70})"?', re.IGNORECASE)
_MODEL_FIELD = re.compile(rb'name="?model"?\s*(?:;|$)', re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(rb'[; ]name="?([A-Za-z0-9_]{1,64})"?(?=[;\s]|$)', re.IGNORECASE)
LONGEST_HEAD = 4096
"""Bytes of a part's headers, and of a small field's value."""
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class Named(Struct, frozen=True):
    """The model that a body names, and where in its first bytes the name stands."""

    model: str
    start: int
    end: int


def boundary_of(content_type: str) -> bytes | None:
    """The mark between the parts of a multipart body (RFC 7578), else None."""
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    found = _BOUNDARY.search(content_type)
    return b"--" + found[1].encode("latin-1") if found else None


def named_in_form(begun: bytes, boundary: bytes) -> Named | None:
    """The field ``model`` of a multipart body, if it is whole within its first bytes."""
    at = begun.find(boundary)
    while at >= 0:
        head_end = begun.find(b"\r\n\r\n", at)
        following = begun.find(b"\r\n" + boundary, at)
        if head_end < 0 or following < 0:
            return None
        head = begun[at:head_end]
        if _MODEL_FIELD.search(head.replace(b"\r\n", b"\n")) and b"filename" not in head:
            value = begun[head_end + 4 : following]
            return Named(value.decode("utf-8", "replace").strip(), head_end + 4, following)
        at = following + 2
    return None


class SmallFields:
    """Finds small fields of a form while it passes by, wherever they stand and as often as they are said."""

    def __init__(self, boundary: bytes, names: frozenset[str]) -> None:
        self._boundary = boundary
        self._names = names
        self._seen = b""

    def feed(self, piece: bytes) -> list[tuple[str, str]]:
        """Names and values that are whole with this piece."""
        seen, found, keep = self._seen + piece, list[tuple[str, str]](), len(self._boundary) - 1
        at = seen.find(self._boundary)
        while at >= 0:
            head_end = seen.find(b"\r\n\r\n", at, at + LONGEST_HEAD)
            if head_end < 0:
                if len(seen) - at < LONGEST_HEAD:  # the rest of it is still to come
                    self._seen = seen[at:]
                    return found
                at = seen.find(self._boundary, at + 1)
                continue
            named = _FIELD.search(seen, at, head_end)
            name = named[1].decode("latin-1").lower() if named else ""
            if name in self._names:
                end = seen.find(b"\r\n", head_end + 4)
                if end < 0 and len(seen) - head_end < LONGEST_HEAD:
                    self._seen = seen[at:]
                    return found
                found.append((name, seen[head_end + 4 : end if end >= 0 else None].decode("utf-8", "replace").strip()))
            at = seen.find(self._boundary, head_end)
        self._seen = seen[-keep:]
        return found


def renamed_form(begun: bytes, named: Named, model: str) -> bytes:
    return begun[: named.start] + model.encode() + begun[named.end :]


def renamed_json(body: bytes, model: str) -> bytes:
    """Raises `InvalidRequest` for what is no JSON object."""
    try:
        fields: dict[str, Any] = {**_decode_fields(body)}
    except BROKEN:
        raise InvalidRequest("The body is not a JSON object that can be read.") from None
    return msgspec.json.encode(fields | {"model": model})
