"""What a document's source says now: a file or an address, read from here and compared with what was put."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, cast

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.retrieval.plain import plain
from trimtab.retrieval.types import MOST_TEXT, Kind
from trimtab.sdk.knowledge_types import DocumentText

State = Literal["same", "changed", "gone", "unknown"]
WITHIN_S: Final = 20.0
MOST_BYTES: Final = 4 * MOST_TEXT


class Source(Struct, frozen=True):
    """Where a document came from; ``root`` is where relative paths begin."""

    place: str
    kind: str
    root: Path


class Compared(Struct, frozen=True):
    """``text`` is what the source says now, where it could be read."""

    state: State
    text: str | None = None


def compared(source: Source, document: Callable[[], DocumentText]) -> Compared:
    """``unknown`` for a source that is none, or that cannot be had now."""
    if source.place.startswith(("http://", "https://")):
        found = _fetched(source.place)
    elif source.place:
        found = _read(source.root / source.place)
    else:
        return Compared("unknown")
    if isinstance(found, Compared):
        return found
    try:
        now, _ = plain(cast("Kind", source.kind), found)
    except InvalidRequest:  # it says nothing any more
        return Compared("changed")
    return Compared("same" if now == document().text else "changed", found)


def _read(file: Path) -> str | Compared:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Compared("gone")
    except (OSError, UnicodeDecodeError):
        return Compared("unknown")


def _fetched(address: str) -> str | Compared:
    import httpx

    try:
        with httpx.stream("GET", address, timeout=WITHIN_S, follow_redirects=True) as answer:
            if answer.status_code in (404, 410):
                return Compared("gone")
            if answer.status_code != 200:
                return Compared("unknown")
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    return Compared("unknown")
            return body.decode(answer.charset_encoding or "utf-8", "replace")
    except (httpx.HTTPError, httpx.InvalidURL, LookupError):
        return Compared("unknown")
