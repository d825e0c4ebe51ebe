"""`Client.letters`: what could not be stored, why, and what to do with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path


class DeadLetter(Struct, frozen=True, kw_only=True):
    """``kind`` is call, spans, scores, remap or unreadable; of what a door refused span, log_record, metrics or event
    (of another vendor's own API). ``at`` is Unix ms."""

    id: int
    kind: str
    segment: str
    seq: int
    at: int
    reason: str
    bytes: int
    request_id: str
    project: str


class OpenedLetter(Struct, frozen=True, kw_only=True):
    """``content`` is what it held, None where it cannot be read; ``wire`` is then its bytes in base64."""

    letter: DeadLetter
    content: dict[str, Any] | None
    wire: str


class _Page(Struct):
    items: list[DeadLetter] = []
    cursor: str | None = None


_AT = path("system", "dead-letters")


class Letters:
    """For keys of the whole server."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection

    def list(self, limit: int = 100) -> Iterator[DeadLetter]:
        """Newest first, at most ``limit``."""
        cursor: str | None = None
        left = limit
        while left > 0:
            page = self._http.ask("GET", _AT, _Page, query={"limit": min(left, 100), "cursor": cursor})
            yield from page.items
            left -= len(page.items)
            cursor = page.cursor
            if cursor is None:
                return

    def show(self, letter: int) -> OpenedLetter:
        """With what it held."""
        return self._http.ask("GET", f"{_AT}/{letter}", OpenedLetter)

    def replay(self, letter: int, content: Mapping[str, Any] | None = None) -> None:
        """Send it again, with ``content`` in place of what it held, or as it is."""
        self._http.ask("POST", f"{_AT}/{letter}/replay", type(None), body={"content": content})

    def drop(self, letter: int) -> None:
        """Forget it, for good."""
        self._http.ask("DELETE", f"{_AT}/{letter}", type(None))
