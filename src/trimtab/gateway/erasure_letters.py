"""Which dead letters are of what is erased."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from trimtab.core.errors import TrimtabError
from trimtab.governance.erasures import Erasure, Subject
from trimtab.llm.dialects._reading import BROKEN
from trimtab.telemetry.records import CallRecord, decode_record

_TRACE_IN: Final = re.compile(rb"[0-9a-f]{32}")


class Letters:
    """Of one erasure. ``opened`` opens a sealed record; raises `TrimtabError` for one whose key is gone."""

    def __init__(self, job: Erasure, opened: Callable[[bytes], bytes]) -> None:
        self._job = job
        self._open = opened

    def is_of_it(self, body: bytes) -> bool:
        """Whether a letter is of what is erased; one that cannot be read is, where it names project and value."""
        job, body = self._job, self._opened(body)
        try:
            record = decode_record(body)
        except BROKEN:
            record = None
        if isinstance(record, CallRecord):
            value = {"user": record.user, "session": record.session, "trace": record.trace_id}[job.subject]
            return record.project == job.project_id and value == job.value
        return job.project_id.encode() in body and any(form in body for form in _forms(job.subject, job.value))

    def names(self, body: bytes, traces: frozenset[str]) -> bool:
        """Whether a letter names one of these traces."""
        body = self._opened(body)
        return self._job.project_id.encode() in body and _names_one(body, traces)

    def _opened(self, body: bytes) -> bytes:
        """As it was before it was sealed; as it is where nobody can open it any more."""
        try:
            return self._open(body)
        except TrimtabError:
            return body


def _forms(subject: Subject, value: str) -> tuple[bytes, ...]:
    """How a value may stand in a record: as text, as text within JSON, a trace's id also in its bytes, as in OTLP."""
    text = value.encode()
    quoted = msgspec.json.encode(value)[1:-1]
    raw = bytes.fromhex(value) if subject == "trace" and re.fullmatch(r"[0-9a-f]{32}", value) else text
    return text, quoted, raw


def _names_one(body: bytes, traces: frozenset[str]) -> bool:
    """Whether a record names one of these traces, as text or, in OTLP, in its bytes."""
    if any(found.decode() in traces for found in _TRACE_IN.findall(body)):
        return True
    return any(
        len(trace) == 32 and bytes.fromhex(trace) in body for trace in traces if _TRACE_IN.fullmatch(trace.encode())
    )
