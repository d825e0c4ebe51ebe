"""What was looked up for a call, as rows: a retriever span below its request span for each corpus, with its texts.

    span       kind ``retriever``, named ``retrieve CORPUS@VERSION``; its error says why there was no search
    request    `CANONICAL`: what was looked for, and as ``params`` the corpus and every passage without its text
    response   `CANONICAL`: one message with a part for each passage that the model was given, in order of number

So whatever reads what retrievers of a trace gave (scorers of groundedness, review, cases made of traces) gets the
passages as the model had them, whoever retrieved them. ``params.documents`` has the fields of OpenTelemetry's
``gen_ai.retrieval.documents`` (``id``, ``score``) and more. Mapping a record again makes the same rows.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.llm.types import Message, Text
from trimtab.telemetry.calls.guard_rows import EMPTY
from trimtab.telemetry.foreign.bodies import CANONICAL, Answered, Asked
from trimtab.telemetry.plain_text import preview
from trimtab.telemetry.records import CallRecord, KnowledgeNote, PassageNote
from trimtab.telemetry.rows import SPANS, Rows

SEARCHED: Final = 256 << 10
"""Characters of a span's text that can be searched."""
_json: Final = msgspec.json.Encoder()

Place = Callable[[bytes], tuple[bytes, str]]
"""A body as its row has it, and the reference of its blob (`calls.place`)."""


class LookedUp(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was looked up in one corpus, as the call's decision tells it: nothing that a document or a person said.
    ``span_id`` is its retriever span's, which has the rest. ``found`` passages, of which the model was given
    ``used``."""

    corpus: str
    version: int = 0
    follow: bool = False
    mode: str = ""
    found: int = 0
    used: int = 0
    failed: str = ""
    remarks: tuple[str, ...] = ()
    span_id: str = ""


def looked_up(record: CallRecord) -> tuple[LookedUp, ...]:
    return tuple(
        LookedUp(
            corpus=note.corpus,
            version=note.version,
            follow=note.follow,
            mode=note.mode,
            found=len(note.passages),
            used=len(_used(note)),
            failed=note.failed,
            remarks=note.remarks,
            span_id=_span_id(record, number),
        )
        for number, note in enumerate(record.knowledge)
    )


def _span_id(record: CallRecord, number: int) -> str:
    return blake2b(f"{record.span_id}/knowledge/{number}".encode(), digest_size=8).hexdigest()


def add_knowledge_rows(rows: Rows, owner: int, record: CallRecord, place: Place, how: tuple[bool, bool]) -> None:
    """``how``: whether the project's content is encrypted, so that nothing of it stands in previews, and whether it is
    searched."""
    sealed, indexed = how
    for number, note in enumerate(record.knowledge):
        span_id = _span_id(record, number)
        rows.spans.add(owner, _span(record, note, span_id, sealed=sealed))
        if record.capture:
            rows.span_io.add(owner, _io(record, note, span_id, place, indexed=indexed))


def _span(record: CallRecord, note: KnowledgeNote, span_id: str, *, sealed: bool) -> tuple[Any, ...]:
    used = _used(note)
    shown = record.capture and not sealed
    version = f"@{note.version}" if note.version else ""
    values: dict[str, Any] = {
        **dict.fromkeys(SPANS, ""),
        **EMPTY,
        "project": record.project,
        "trace_id": record.trace_id,
        "span_id": span_id,
        "parent_span_id": record.span_id,
        "request_id": record.request_id,
        "kind": "retriever",
        "name": f"retrieve {note.corpus}{version}",
        "status": "error" if note.failed else "ok",
        "start_ns": note.started_ns,
        "duration_ns": max(0, note.ended_ns - note.started_ns),
        "app": record.app,
        "release": record.release,
        "environment": record.environment,
        "feature": record.feature,
        "session": record.session,
        "user": record.user,
        "key_id": record.key_id,
        "variant": record.variant,
        "metadata": {"corpus": note.corpus, "version": str(note.version), "passages": str(len(used))},
        "error_code": note.code if note.failed else "",
        "error_message": note.failed,
        "error_source": "trimtab" if note.failed else "",
        "captured": int(record.capture),
        "input_preview": preview(note.query) if shown else "",
        "output_preview": preview(", ".join(each.title or each.document for each in used)) if shown else "",
    }
    return tuple(values[name] for name in SPANS)


def _io(record: CallRecord, note: KnowledgeNote, span_id: str, place: Place, *, indexed: bool) -> tuple[Any, ...]:
    used = _used(note)
    asked = Asked(messages=(Message("user", (Text(note.query),)),) if note.query else (), params=_params(note))
    given = Answered(messages=(Message("tool", tuple(Text(each.text) for each in used)),) if used else ())
    request, request_blob = place(_json.encode(asked))
    response, response_blob = place(_json.encode(given))
    plain = "\n".join((note.query, *(each.text for each in used)))[:SEARCHED].lower() if indexed else ""
    return (
        record.project, record.trace_id, span_id, note.started_ns, CANONICAL, CANONICAL, 0, request, response,
        request_blob, response_blob, "", plain,
    )  # fmt: skip


def _used(note: KnowledgeNote) -> list[PassageNote]:
    return sorted((each for each in note.passages if each.number), key=lambda each: each.number)


def _params(note: KnowledgeNote) -> dict[str, Any]:
    left = [each for each in note.passages if not each.number]
    return {
        "corpus": note.corpus,
        "version": note.version,
        "digest": note.digest,
        "follow": note.follow,
        "mode": note.mode,
        "remarks": list(note.remarks),
        "documents": [_document(each) for each in (*_used(note), *left)],
    }


def _document(of: PassageNote) -> dict[str, Any]:
    """In the order of the answer's parts; those that were left out come last and have no part."""
    return {
        "id": of.document,
        "chunk": of.chunk,
        "number": of.number,
        "title": of.title,
        "source": of.source,
        "score": of.score,
        "meaning": of.meaning,
        "words": of.words,
        "start": of.start,
        "end": of.end,
        "updated": of.updated,
        "stale": of.stale,
        "left_out": of.left_out,
        "allowed": of.allowed,
    }
