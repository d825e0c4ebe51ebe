"""What a provider tells of a batch: how far it is, and what it used.

Where the batch itself tells its usage and its model, that is it
(https://platform.openai.com/docs/api-reference/batch/object). Older batches, Azure's and Groq's do not: then each line
of the output file tells its own, once by its ``custom_id``
(https://platform.openai.com/docs/api-reference/batch/request-output).
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.openai_chat import usage as chat
from trimtab.llm.dialects.openai_responses import usage as responses
from trimtab.llm.tiers import BATCH, length_word, tier_of
from trimtab.llm.types import Usage

LONGEST_LINE: Final = 64 * 1024 * 1024
OVER: Final = frozenset(("completed", "expired", "cancelled", "failed"))
"""What is ``finalizing`` or ``cancelling`` still works."""
Used = list[tuple[str, Usage]]
"""What was used, by the model that answered."""


class Counts(Struct, frozen=True):
    """``completed`` are those that were answered, ``total`` all, where that is told."""

    completed: int = 0
    total: int | None = None


class Told(Struct):
    """A batch, as far as it is read."""

    id: str = ""
    status: str = ""
    model: str | None = None
    usage: dict[str, Any] | None = None
    endpoint: str | None = None
    output_file_id: str | None = None
    request_counts: Counts | None = None

    @property
    def answered(self) -> bool:
        """Whether any of its lines was, by its own word."""
        return self.request_counts is not None and self.request_counts.completed > 0


class _Answered(Struct):
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Response(Struct):
    body: _Answered | None = None


class _Line(Struct):
    custom_id: str = ""
    response: _Response | None = None


_read = msgspec.json.Decoder(Told, strict=False).decode
_read_line = msgspec.json.Decoder(_Line, strict=False).decode


class Unreadable(Exception):
    """What a provider says of a batch is nothing that is known of batches."""


def told_of(body: bytes) -> Told:
    """Raises `Unreadable`."""
    try:
        return _read(body)
    except BROKEN:
        raise Unreadable("It is no batch that can be read.") from None


def usage_told(told: Told) -> Used | None:
    """What the batch says of itself that it used; None where it does not say all of it."""
    used = responses.usage_of(told.usage, BATCH)
    return [(told.model, used)] if used is not None and used.total() and told.model else None


class Lines:
    """The lines of a file of results, counted as they come, each once. ``expected`` is how many there are at least, by
    what the batch counts itself."""

    def __init__(self, expected: int = 0) -> None:
        self.expected = expected
        self.many = 0
        self._used: dict[tuple[str, str], Usage] = {}
        self.unread = 0
        self._seen: set[str] = set()
        self._begun = bytearray()

    @property
    def used(self) -> Used:
        return [(model, used) for (model, _), used in self._used.items()]

    @property
    def missing(self) -> int:
        """How many did not come, though the last one that did was whole."""
        return max(0, self.expected - self.many)

    async def take(self, pieces: AsyncIterator[bytes]) -> None:
        """Raises `Unreadable` for a line that is longer than any answer."""
        async for piece in pieces:
            self.feed(piece)
        self.end()

    def feed(self, piece: bytes) -> None:
        """A piece of them. Raises `Unreadable`."""
        first, *more = piece.split(b"\n")
        self._begun += first
        for line in more:
            self.add(bytes(self._begun))
            self._begun = bytearray(line)
        if len(self._begun) > LONGEST_LINE:
            raise Unreadable(f"A line of its results is longer than {LONGEST_LINE >> 20} MB.")

    def end(self) -> None:
        """They are whole."""
        self.add(bytes(self._begun))
        self._begun = bytearray()

    def add(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            read = self._read(line)
        except BROKEN:
            self.many += 1
            self.unread += 1
            return
        if read.custom_id and read.custom_id in self._seen:
            return
        self._seen.add(read.custom_id)
        self.many += 1
        self.add_new(read)

    _read: Callable[[bytes], Any] = staticmethod(_read_line)

    def add_new(self, read: Any) -> None:
        """One that was read by ``_read``, and whose name none before it has."""
        answered = None if read.response is None else read.response.body
        if answered is None:
            return  # refused, or never begun: nothing was used
        of = chat.usage_of if "prompt_tokens" in (answered.usage or {}) else responses.usage_of
        used = of(answered.usage, BATCH)
        if used is not None:
            self.count(answered.model or "", used)

    def count(self, model: str, used: Usage) -> None:
        """What one line used. Of one so long that it costs more for it the tier says so: all of a tier are booked as
        their sum, which is no call's length."""
        long = length_word(used.input + used.cache_read + used.cache_write)
        used = msgspec.structs.replace(used, tier=tier_of(*used.tier.split("+"), BATCH, long))
        at = model, used.tier
        known = self._used.get(at)
        self._used[at] = used if known is None else _sum(known, used)


def short_of(lines: Lines) -> str:
    """Why what they say cannot be all that a batch took."""
    return f"Its results have {lines.many} lines, and it counts {lines.expected}."


_COUNTED = tuple(name for name in Usage.__struct_fields__ if name not in ("estimated", "tier", "charged"))


def _sum(one: Usage, other: Usage) -> Usage:
    counts = {name: getattr(one, name) + getattr(other, name) for name in _COUNTED}
    charged = None if one.charged is None or other.charged is None else one.charged + other.charged
    return Usage(estimated=one.estimated or other.estimated, tier=one.tier, charged=charged, **counts)
