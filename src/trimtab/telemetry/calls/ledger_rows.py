"""A ledger row for each attempt of a record, whatever ended it: what the books and the costs explorer read.

A row says what an attempt used and cost, and by which of its call's values costs are explored: feature, user, segment,
tags, and two digests. ``prompt`` names the system prompt (an app's as ``name@version``), so that calls of one feature
version are seen together; ``fingerprint`` is equal for calls that asked the very same thing, which is what an exact
cache could have answered. Both come from the client's body, so where a project keeps no content they are empty.
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from trimtab.ledger.types import CURRENCY
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.types import Request, Usage
from trimtab.telemetry.plain_text import text_of
from trimtab.telemetry.records import Attempt, CallRecord
from trimtab.telemetry.rows import Rows

ESTIMATED, BOOKED = 0, 1
"""Versions of a row: what was left of a crashed call gives way to its record. A re-pricing's is its time in Unix ms."""
PREVIEW: Final = 80
REMEMBERED: Final = 512
REMEMBERED_LENGTH: Final = 20_000
"""System prompts that are remembered, and of how many characters at most: 10 MB or so if all are as long."""
LONGEST_INT64: Final = (1 << 63) - 1

_NO_USAGE: Final = Usage()
_UINT32: Final = (1 << 32) - 1
_SEGMENTS: Final = ("segment:", "segment=")
_IGNORED: Final = frozenset(
    ("stream", "stream_options", "user", "metadata", "safety_identifier", "store", "service_tier")
)
"""Fields of a body that change how an answer travels or who asked, never what is answered."""
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Marks(msgspec.Struct, frozen=True):
    """By what one call's costs are explored beside its labels."""

    prompt: str = ""
    preview: str = ""
    fingerprint: int = 0


class SystemPrompts:
    """Digest and preview of each system prompt, remembered: most calls of a feature begin with the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}

    def look_up(self, system: str) -> tuple[str, str]:
        found = self._known.get(system)
        if found is None:
            digest = blake2b(system.encode("utf-8", "replace"), digest_size=6).hexdigest()
            found = digest, " ".join(system[: PREVIEW * 4].split())[:PREVIEW]
            if len(system) <= REMEMBERED_LENGTH:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[system] = found
        return found


def marks_of(record: CallRecord, request: Request | None, prompts: SystemPrompts) -> Marks:
    """``request`` is the body as it was read, None where it could not be, or is not kept."""
    name = record.metadata.get("prompt") or record.metadata.get("prompt_name") or ""
    if record.app_note is not None and record.app_note.prompt:
        name = record.app_note.prompt
    digest = beginning = ""
    if request is not None:
        said = [text_of(message.parts) for message in request.messages if message.role in ("system", "developer")]
        if system := said[0] if len(said) == 1 else "\n".join(said):
            digest, beginning = prompts.look_up(system)
    return Marks(name[:200] or digest, beginning, _fingerprint(record.front, record.request))


def _fingerprint(front: str, body: bytes) -> int:
    """0 for nothing to go by. The order of a body's top fields does not matter, what is in them does, byte for byte."""
    if not body:
        return 0
    try:
        fields = _fields.decode(body)
    except BROKEN:
        return 0
    pieces: list[bytes | msgspec.Raw] = [front.encode()]
    for name in sorted(fields):
        if name not in _IGNORED:
            pieces += (b"\0", name.encode(), b"\0", fields[name])
    digest = blake2b(b"".join(pieces), digest_size=8)  # pyright: ignore[reportArgumentType]  a Raw is a buffer
    return int.from_bytes(digest.digest(), "little") or 1


def add_ledger_rows(rows: Rows, owner: int, record: CallRecord, marks: Marks) -> None:
    """One row per attempt, in the order in which they were made."""
    last = len(record.attempts) - 1
    segment = _segment(record)
    for number, attempt in enumerate(record.attempts):
        rows.ledger.add(owner, _row(record, attempt, number, marks, (segment, number == last)))


def _row(record: CallRecord, attempt: Attempt, number: int, marks: Marks, more: tuple[str, bool]) -> tuple[Any, ...]:
    usage = attempt.usage or _NO_USAGE
    segment, final = more
    cost = amount_of(attempt)
    version = ESTIMATED if attempt.outcome == "crash" else BOOKED
    return (
        record.project, attempt.started_ns, record.request_id, record.trace_id, attempt.span_id, number, int(final),
        attempt.outcome, attempt.provider, attempt.kind, attempt.model, attempt.model_used, attempt.name, record.model,
        record.app, record.release, record.environment, record.feature, segment, record.session, record.user,
        record.key_id, list(record.tags), marks.prompt, marks.preview, marks.fingerprint, attempt.response_id,
        max(0, attempt.ended_ns - attempt.started_ns), max(0, usage.input), max(0, usage.cache_read),
        max(0, usage.cache_write), max(0, usage.output), max(0, usage.reasoning), max(0, usage.cache_write_1h),
        max(0, usage.audio_input), max(0, usage.audio_output), _count(usage.images), int(attempt.usage is not None),
        int(usage.estimated), CURRENCY, cost, list(attempt.cost.parts) if cost == attempt.cost.amount else [],
        attempt.cost.price, cost, attempt.cost.price, "", version, usage.tier, attempt.tier_asked,
        max(0, usage.image_input), max(0, usage.image_output), max(0, usage.cache_audio), max(0, usage.cache_image),
        _count(usage.searches), _count(usage.file_searches), held(attempt.cost.told), held(attempt.cost.counted),
    )  # fmt: skip


def _count(number: int) -> int:
    """What a provider told, in a column of 32 bits: the engine would keep the rest of a larger number."""
    return min(max(0, number), _UINT32)


def _segment(record: CallRecord) -> str:
    """Which kind of user asked: ``metadata.segment``, or a tag ``segment:pro``."""
    if given := record.metadata.get("segment"):
        return given[:200]
    for tag in record.tags:
        if tag.startswith(_SEGMENTS):
            return tag[len("segment:") :]
    return ""


def amount_of(attempt: Attempt) -> int | None:
    """What it cost, as a column holds it."""
    return held(attempt.cost.amount)


def held(amount: int | None) -> int | None:
    """Picodollars as a column holds them: nine million dollars for one attempt are a mistake, but no reason to wrap."""
    return None if amount is None else max(-LONGEST_INT64, min(amount, LONGEST_INT64))
