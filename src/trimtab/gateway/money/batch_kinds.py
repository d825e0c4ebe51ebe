"""The two kinds of batches: OpenAI's, whose answers are a file, and Anthropic's of messages, whose answers are its own.

https://platform.claude.com/docs/en/build-with-claude/batch-processing: a batch of messages tells how many of its
requests succeeded, erred, were canceled or expired, and never what they used; each line of its results does. Only what
succeeded costs. Results are there for 29 days.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.gateway.money.batch_meant import MESSAGES
from trimtab.gateway.money.batch_store import Made
from trimtab.gateway.money.batch_told import Counts, Lines, Told, Unreadable, told_of
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.dialects.anthropic_messages.usage import usage_of
from trimtab.llm.dialects.anthropic_passthrough import NAME as ANTHROPIC
from trimtab.llm.dialects.openai_passthrough import NAME as OPENAI

PLACE: Final = "/messages/batches"
_ENDED: Final = "ended"
_RESULTS: Final = "results"
_IDS: Final = "requests:"
_KINDS: Final = frozenset(("succeeded", "errored", "canceled", "expired"))


class _Counts(Struct, frozen=True):
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0


class _All(_Counts, frozen=True):
    processing: int = 0

    @property
    def total(self) -> int:
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


class _Batch(Struct, frozen=True):
    id: str = ""
    processing_status: str = ""
    request_counts: _Counts = _Counts()


class _Message(Struct, frozen=True):
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Result(Struct, frozen=True):
    type: str = ""
    message: _Message | None = None


class _Line(Struct, frozen=True):
    custom_id: str = ""
    result: _Result = _Result()


_read = msgspec.json.Decoder(_Batch, strict=False).decode
_read_line = msgspec.json.Decoder(_Line, strict=False).decode


def of_messages(made: Made) -> bool:
    return made.about.endpoint == MESSAGES


def front_of(made: Made) -> str:
    """The name of the dialect that it was made by."""
    return ANTHROPIC if of_messages(made) else OPENAI


def place_of(made: Made) -> str:
    """Where its provider tells of it, behind ``/v1``."""
    return f"{PLACE if of_messages(made) else '/batches'}/{made.batch_id}"


def told_by(made: Made, body: bytes) -> Told:
    """What its provider says of it. Raises `Unreadable`."""
    return messages_told(body) if of_messages(made) else told_of(body)


def results_of(made: Made, told: Told) -> tuple[str, Lines] | None:
    """Where the results are of one that is over, and what reads them; None where nothing came to an answer. Raises
    `Unreadable` where they are nowhere that can be asked: Azure writes them to one's own blob storage where that is
    wished, https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/batch-blob-storage"""
    if not told.output_file_id:
        if told.answered:
            raise Unreadable("Its answers are in no file of its provider's, so nobody can tell what they took.")
        return None
    counts = told.request_counts or Counts()
    if of_messages(made):
        return f"{place_of(made)}/results", MessageLines(counts.total or 0)
    return f"/files/{told.output_file_id}/content", Lines(counts.completed)


def messages_told(body: bytes) -> Told:
    """A batch of messages in the words of OpenAI's: of one that counts nothing its results say it. Raises
    `Unreadable`."""
    try:
        read = _read(body)
    except BROKEN:
        raise Unreadable("It is no batch of messages that can be read.") from None
    if read.processing_status != _ENDED:
        return Told(id=read.id, status=read.processing_status, endpoint=MESSAGES)
    counts = read.request_counts
    return Told(
        id=read.id,
        status=_state(msgspec.structs.asdict(counts)),
        endpoint=MESSAGES,
        output_file_id=_RESULTS if counts.succeeded or counts == _Counts() else None,
        request_counts=Counts(counts.succeeded, sum(msgspec.structs.astuple(counts))),
    )


def _state(counts: Mapping[str, int]) -> str:
    """One word for what became of its requests: canceled and expired where some were; failed where none succeeded."""
    for kind, word in (("canceled", "cancelled"), ("expired", "expired"), ("succeeded", "completed")):
        if counts.get(kind):
            return word
    return "failed" if counts.get("errored") else "completed"


class Ids:
    """The names of a batch's requests, told from those of other batches in whatever order they come."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, custom_id: str) -> None:
        self.count += 1
        self._sum += int.from_bytes(hashlib.sha256(custom_id.encode()).digest())

    @property
    def mark(self) -> str:
        return f"{_IDS}{self.count}:{self._sum % 2**256:064x}"


def count_in(mark: str) -> int:
    """How many requests a batch has that is known by that mark; 0 for what is no such mark."""
    count = mark.removeprefix(_IDS).partition(":")[0]
    return int(count) if mark.startswith(_IDS) and count.isdigit() else 0


class Listed(Struct, frozen=True):
    """One of a provider's batches of messages, as far as a lost one is found by it."""

    id: str = ""
    processing_status: str = ""
    request_counts: _All = _All()
    created_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.processing_status == _ENDED

    @property
    def at_s(self) -> float:
        return 0.0 if self.created_at is None else self.created_at.timestamp()


class Page(Struct, frozen=True):
    """Newest first."""

    data: list[Listed] = []
    has_more: bool = False


_read_page = msgspec.json.Decoder(Page, strict=False).decode


def page_of(body: bytes) -> Page:
    """Raises `Unreadable`."""
    try:
        return _read_page(body)
    except BROKEN:
        raise Unreadable("Its list of batches of messages cannot be read.") from None


class MessageLines(Lines):
    """The results of a batch of messages. ``state`` is what they say became of it, ``ids`` whose they are."""

    _read = staticmethod(_read_line)

    def __init__(self, expected: int = 0) -> None:
        super().__init__(expected)
        self.ids = Ids()
        self._kinds: dict[str, int] = {}

    @property
    def state(self) -> str:
        return _state(self._kinds)

    def add_new(self, read: _Line) -> None:
        self.ids.add(read.custom_id)
        if read.result.type not in _KINDS:
            self.unread += 1
            return
        self._kinds[read.result.type] = self._kinds.get(read.result.type, 0) + 1
        message = read.result.message
        if read.result.type != "succeeded":
            return
        used = None if message is None else usage_of(message.usage)
        if message is None or used is None:
            self.unread += 1  # it was answered, and that costs
        else:
            self.count(message.model or "", used)
