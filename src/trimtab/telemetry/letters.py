"""Dead letters, opened: what a record held, as JSON that a person can mend, and the mended record for the spool.

A span that a door refused is shown as the span it was, or as the JSON that came where that could not be read; a call, a
batch of spans or scores as the record it is. What cannot be read at all is shown as its bytes, and can only be sent
again as it is or dropped.
"""

import base64
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.llm.dialects._reading import BROKEN
from trimtab.telemetry.foreign.check import check_span
from trimtab.telemetry.foreign.protobuf import all_spans
from trimtab.telemetry.foreign.spans import REFUSED, ForeignBatch, ForeignSpan, RefusedSpan
from trimtab.telemetry.kinds import decode_any, encode_any
from trimtab.telemetry.otlp.content_off import without_content
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.remap import RemapBatch
from trimtab.telemetry.scores.types import ScoreBatch, check
from trimtab.telemetry.spool.drain import Rejected
from trimtab.telemetry.spool.spool import POSITIONS_FILE

SHOWN_BYTES: Final = 1 << 20
_REFUSED: Final = frozenset({"span", *REFUSED} - {""})
_LAST_NS: Final = (1 << 63) - 1
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


class Letter(Struct, frozen=True, kw_only=True):
    """``kind`` is ``call``, ``spans``, ``scores``, ``remap`` or ``unreadable``; of what a door refused ``span``,
    ``log_record``, ``metrics`` or ``event``.

    ``content`` is what it held, None where it cannot be read or is larger than a megabyte; ``wire`` then has its first
    bytes in base64.
    """

    id: int
    rejected: Rejected
    kind: str
    project: str
    content: Any = None
    wire: str = ""


def kind_of(body: bytes) -> tuple[str, Any]:
    """What kind of record these bytes are, and the record; None where they cannot be read."""
    try:
        record: Any = decode_any(body)
    except BROKEN:
        return "unreadable", None
    if isinstance(record, RefusedSpan):
        return record.what or "span", record
    kinds: dict[Any, str] = {CallRecord: "call", ForeignBatch: "spans", RemapBatch: "remap"}
    return kinds.get(type(record), "scores"), record


def open_letter(directory: Path, number: int, opened: Callable[[bytes], bytes] = bytes) -> Letter:
    """One letter with what it held; ``opened`` opens one that is sealed. Blocks. Raises `NotFound`, `sqlite3.Error`."""
    rejected = _row(directory, number)
    try:
        rejected = msgspec.structs.replace(rejected, body=opened(rejected.body))
    except TrimtabError as error:
        rejected = msgspec.structs.replace(rejected, reason=f"{rejected.reason} ({error.message})")
    kind, record = kind_of(rejected.body)
    content = None
    if isinstance(record, RefusedSpan):
        content = msgspec.json.decode(record.span) if record.span else _as_it_came(record.wire)
    elif isinstance(record, ForeignBatch):
        content = _plain(msgspec.structs.replace(record, otlp=b"", spans=tuple(_spans(record))))
    elif record is not None:
        content = _plain(record)
    wire = b""
    if content is None:
        wire = record.wire if isinstance(record, RefusedSpan) else rejected.body
    return Letter(
        id=number,
        rejected=rejected,
        kind=kind,
        project=getattr(record, "project", ""),
        content=content,
        wire=base64.b64encode(wire[:SHOWN_BYTES]).decode(),
    )


def _as_it_came(wire: bytes) -> Any:
    """An object of JSON; None where it is none, or was cut."""
    try:
        content = msgspec.json.decode(wire)
    except BROKEN:
        return None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None


def _spans(record: ForeignBatch) -> list[ForeignSpan]:
    try:
        return all_spans(record)
    except Exception:  # noqa: BLE001  it is here because it could not be read
        return []


def _plain(record: Struct) -> Any:
    text = msgspec.json.encode(record)
    return msgspec.json.decode(text) if len(text) <= SHOWN_BYTES else None


def again(letter: Letter, content: Any, now_ns: int, *, kept: bool = True) -> bytes:
    """The record to be spooled instead of this letter: as it was, or with ``content`` in place of what it held; foreign
    spans without what was said where their project keeps (``kept``) no content. Raises `InvalidRequest` where that is
    no such record."""
    body = _again(letter, content, now_ns)
    record: Any = body if kept else kind_of(body)[1]
    if not isinstance(record, ForeignBatch):
        return body
    spans = tuple(without_content(span) for span in _spans(record))
    return encode_any(msgspec.structs.replace(record, otlp=b"", spans=spans))


def _again(letter: Letter, content: Any, now_ns: int) -> bytes:
    if letter.kind == "metrics":
        raise _wrong("Metrics are accepted and not kept, so there is nothing to send again.", "Drop it.")
    if letter.kind in _REFUSED:
        return encode_any(_mended_span(letter, letter.content if content is None else content, now_ns))
    if content is None:
        if letter.kind == "unreadable":
            raise _wrong("It cannot be read, so sending it again would only bring it back.", "Drop it.")
        return letter.rejected.body
    record: Any = kind_of(letter.rejected.body)[1]
    if record is None:
        raise _wrong("It cannot be read, and so not be mended.", "Drop it.")
    try:
        mended: Any = msgspec.json.decode(msgspec.json.encode(content), type=cast("type[Any]", type(record)))
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        fix = "Send back what was shown, with what is wrong mended."
        raise _wrong(f"This is no record of that kind: {error}.", fix) from None
    if mended.project != record.project:
        raise _wrong("A record stays in its project.", f"Leave 'project' as it was: {record.project}.")
    if fault := _fault_in(mended, now_ns):
        raise _wrong(f"The record would not be taken: {fault}.", "Mend that in 'content', then replay it.")
    try:
        return encode_any(mended)
    except OverflowError:
        raise _wrong("It has a number of more than 64 bits.", "Mend that in 'content', then replay it.") from None


def _fault_in(record: Any, now_ns: int) -> str:
    """What a door would not have let in, once a person has written it: the writer trusts what is in the spool."""
    if isinstance(record, ForeignBatch):
        return next((fault for span in _spans(record) if (fault := check_span(span, now_ns))), "")
    if not all(0 <= at_ns <= _LAST_NS for at_ns in _times_of(record)):
        return "a time in it is none that can be counted in nanoseconds"
    if isinstance(record, RemapBatch):
        wrong = [trace.trace_id for trace in record.traces if not _TRACE_ID.fullmatch(trace.trace_id)]
        return f"{wrong[0][:40]!r} is no trace id" if wrong else ""
    if isinstance(record, ScoreBatch):
        try:
            for score in record.scores:
                check(score)
        except InvalidRequest as error:
            return error.message.rstrip(".")
    return ""


def _times_of(record: Any) -> list[int]:
    """What is kept of a record beside its rows, where traces are noted (Unix ns)."""
    if isinstance(record, CallRecord):
        return [record.started_ns, record.ended_ns]
    if isinstance(record, RemapBatch):
        return [record.asked_ns, *(at_ns for trace in record.traces for at_ns in (trace.low_ns, trace.high_ns))]
    return []


def _mended_span(letter: Letter, content: Any, now_ns: int) -> ForeignBatch:
    if content is None:
        raise _wrong("This span could not be read, and so not be mended.", "Drop it, or send it anew from its source.")
    try:
        span = _otlp_span(content) or msgspec.json.decode(msgspec.json.encode(content), type=ForeignSpan)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        fix = "Send back what was shown, with what is wrong mended."
        if not isinstance(content, dict) or not {"trace_id", "traceId", "resourceSpans"} & content.keys():
            fix = "Write it as a span of OTLP's JSON, with its traceId; or drop it, and send it anew from its source."
        raise _wrong(f"This is no span: {error}.", fix) from None
    if fault := check_span(span, now_ns):
        raise _wrong(f"The span would be refused again: {fault}.", "Mend that in 'content', then replay it.")
    record = decode_any(letter.rejected.body)
    return ForeignBatch(project=record.project, key_id=record.key_id, arrived_ns=now_ns, spans=(span,))


def _otlp_span(content: Any) -> ForeignSpan | None:
    """A span (by itself, or in a request of its own), or a log record in OTLP's JSON, as it is shown where it could not
    be read; None for anything else. Raises `ValueError` or `TypeError` where it cannot be read still. Imports
    protobuf."""
    if not isinstance(content, dict) or not {"traceId", "resourceSpans"} & content.keys():
        return None
    from trimtab.telemetry.otlp.header_secrets import hide_json
    from trimtab.telemetry.otlp.logs import json_event
    from trimtab.telemetry.otlp.traces import json_span, only_span

    given = cast("dict[str, Any]", content)
    if "resourceSpans" in given:
        span = only_span(given)
    elif "timeUnixNano" in given or "observedTimeUnixNano" in given:
        span = json_event(given)
    else:
        span = json_span(given, ("", ""), {})
    if span is None:
        raise ValueError("it is no event that is kept: one names its span, and its own name begins with gen_ai")
    for holder in (span, *span.events):
        hide_json(holder.attributes)
    return span


def drop(directory: Path, number: int) -> None:
    """Forget a letter. Blocks. Raises `NotFound`, `sqlite3.Error`."""
    with closing(_opened(directory, number)) as db:
        gone = db.execute("DELETE FROM rejected WHERE id = ?", (number,)).rowcount
    if not gone:
        raise _missing(number)


def _row(directory: Path, number: int) -> Rejected:
    with closing(_opened(directory, number)) as db:
        row = db.execute("SELECT segment, seq, at_ms, reason, body FROM rejected WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise _missing(number)
    return Rejected(*row)


def _opened(directory: Path, number: int) -> sqlite3.Connection:
    path = directory / POSITIONS_FILE
    if not 0 < number < 1 << 63 or not path.exists():  # SQLite's numbers have 64 bits
        raise _missing(number)
    return sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=5.0, isolation_level=None)


def _missing(number: int) -> NotFound:
    return NotFound(
        f"There is no dead letter {number}.",
        fix="List them: trimtab dead-letters list, GET /api/v1/system/dead-letters.",
    )


def _wrong(message: str, fix: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param="content")
