"""One record of a call into rows: a request span, an llm span per attempt, their texts, and a ledger row per attempt.

Usage is counted once: attempts are leaves and carry it; the request span carries the sums of the whole call for lists
and charts, and is no leaf. Texts are stored once: the request span has the client's body and the answer it got; an
attempt has texts of its own only where they differ (a body in another dialect, an answer the client never saw).
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from trimtab.governance.sealing import Keyring
from trimtab.llm.dialects._tool_names import names_told, told_back
from trimtab.llm.types import Request, Response, Usage
from trimtab.storage.blobs import Blobs
from trimtab.telemetry.calls.guard_rows import add_guard_rows, marks
from trimtab.telemetry.calls.knowledge_rows import add_knowledge_rows, looked_up
from trimtab.telemetry.calls.ledger_rows import LONGEST_INT64, SystemPrompts, add_ledger_rows, amount_of, marks_of
from trimtab.telemetry.messages import Unread, answered, asked, read_request, read_response, request_text
from trimtab.telemetry.plain_text import preview, text_of
from trimtab.telemetry.records import Attempt, CallRecord, Fault
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.silent import Silent

BLOB_BYTES = 64 << 10
"""A payload above this goes to the blobs; its row keeps the reference."""
TEXT_CHARACTERS = 256 << 10
"""How much of a span's text can be searched."""
SHARED_REQUEST, SHARED_RESPONSE = 1, 2
"""Bits of ``shared_io``: which of an attempt's texts are its parent's."""

LABEL, LABELS, MESSAGE = 500, 64, 4_000
"""Characters of a label, entries of a map, characters of an error's sentence that are kept."""

_LABELS = ("model", "app", "environment", "release", "feature", "session", "user", "user_agent")
_MAX_UINT16 = (1 << 16) - 1
_STATUS = {"answer": "ok", "error": "error", "cancel": "cancelled", "crash": "error"}
_NO_USAGE = Usage()
_NO_FAULT = Fault(code="", message="", source="trimtab")
_json = msgspec.json.Encoder()


class CallMapper:
    """Turns records into rows. Pure but for large payloads, which it puts into ``blobs`` (idempotent by content), and
    for what ``silent`` remembers of earlier answers. What ``keys`` seal is encrypted in its rows, without previews and
    without the text that searches read, which is left out as well where ``silent`` says so."""

    def __init__(self, blobs: Blobs, silent: Silent | None = None, keys: Callable[[], Keyring] = Keyring) -> None:
        self._blobs = blobs
        self._keys = keys
        self._silent = silent
        self._prompts = SystemPrompts()

    def add(self, rows: Rows, owner: int, record: CallRecord) -> None:
        """Append everything one record becomes; ``owner`` is its place in the batch. All or nothing."""
        mark = rows.mark()
        record = bounded(record)
        try:
            final = final_attempt(record)
            texts = texts_of(record, final)
            sealed = self._keys().seals(record.project)
            indexed = not sealed and (self._silent is None or self._silent.indexes(record.project))
            shown = texts if indexed else texts._replace(plain="")
            if sealed:
                shown = shown._replace(asked="", answered="")
            self._request_span(rows, owner, record, final, shown)
            for attempt in record.attempts:
                self._attempt_span(rows, owner, record, attempt, attempt is final, shown)
            marks = marks_of(record, texts.request, self._prompts)
            if record.guards:
                add_guard_rows(rows, owner, record)
            if record.knowledge:
                put = partial(place, self._blobs, self._keys(), record.project)
                add_knowledge_rows(rows, owner, record, put, (sealed, indexed))
            add_ledger_rows(rows, owner, record, msgspec.structs.replace(marks, preview="") if sealed else marks)
            if self._silent is not None and final and final.kind != "guard" and texts.request and texts.response:
                self._silent.call(rows, owner, record, final, (texts.request, texts.response, texts.question))
        except BaseException:
            rows.rewind(mark)
            raise

    def _request_span(self, rows: Rows, owner: int, record: CallRecord, final: Attempt | None, texts: "Texts") -> None:
        sums = _sums(record.attempts)
        fault = record.fault or _NO_FAULT
        tried = list(dict.fromkeys(attempt.provider for attempt in record.attempts))
        targets = len({(attempt.provider, attempt.model) for attempt in record.attempts})
        first = record.first_token_ns
        rows.spans.add(
            owner,
            (
                record.project, record.trace_id, record.span_id, record.parent_span_id, record.request_id, 1, 0, "span",
                f"request {record.model}", _STATUS[record.outcome], record.started_ns,
                max(0, record.ended_ns - record.started_ns),
                first - record.started_ns if record.stream and first >= record.started_ns else None, record.model,
                (final.model_used or final.model) if final else "", final.provider if final else "",
                final.kind if final else "", tried, record.app, record.release, record.environment, record.feature,
                record.session, record.user, record.key_id, list(record.tags), record.metadata, int(record.stream),
                final.stop if final else "", _status(record.status), fault.code, fault.message,
                fault.source if record.fault else "", sums.input, sums.cache_read, sums.cache_write, sums.output,
                sums.reasoning, sums.estimated, sums.cost, final.cost.price if final else "", sums.unpriced,
                len(record.attempts), max(0, targets - 1), int(record.capture), 0, texts.asked, texts.answered,
                decision_json(record), final.response_id if final else "", record.user_agent, record.variant,
                record.data_class, marks(record), final.usage.tier if final and final.usage else "",
            ),
        )  # fmt: skip
        if record.capture:
            raw = _Raw(record.span_id, record.started_ns, record.front, record.request, final)
            self._io(rows, owner, record, raw, texts)

    def _attempt_span(
        self, rows: Rows, owner: int, record: CallRecord, attempt: Attempt, final: bool, texts: "Texts"
    ) -> None:
        usage = attempt.usage or _NO_USAGE
        fault = attempt.fault or _NO_FAULT
        shared = (0 if attempt.request else SHARED_REQUEST) | (SHARED_RESPONSE if final else 0)
        first = attempt.first_token_ns
        answer = texts.answered if final else ""
        if not final and record.capture and attempt.response and not self._keys().seals(record.project):
            answer = preview(_answer(attempt, [])[0])
        rows.spans.add(
            owner,
            (
                record.project, record.trace_id, attempt.span_id, record.span_id, record.request_id, 0, 1,
                *_what(record.front, attempt.model), _STATUS[attempt.outcome], attempt.started_ns,
                max(0, attempt.ended_ns - attempt.started_ns),
                first - attempt.started_ns if attempt.stream and first >= attempt.started_ns else None, attempt.model,
                attempt.model_used, attempt.provider, attempt.kind, [attempt.provider], record.app, record.release,
                record.environment, record.feature, record.session, record.user, record.key_id, list(record.tags), {},
                int(attempt.stream), attempt.stop, _status(attempt.status), fault.code, fault.message,
                fault.source if attempt.fault else "", max(0, usage.input), max(0, usage.cache_read),
                max(0, usage.cache_write), max(0, usage.output), max(0, usage.reasoning), int(usage.estimated),
                amount_of(attempt), attempt.cost.price, _unpriced(attempt),
                1, 0, int(record.capture), shared, texts.asked, answer, "", attempt.response_id, "",
                record.variant, record.data_class, [], usage.tier,
            ),
        )  # fmt: skip
        answer_of = None if final else attempt
        if record.capture and (attempt.request or (answer_of and answer_of.response)):
            raw = _Raw(attempt.span_id, attempt.started_ns, attempt.dialect, attempt.request, answer_of)
            self._io(rows, owner, record, raw, None)

    def _io(self, rows: Rows, owner: int, record: CallRecord, raw: "_Raw", texts: "Texts | None") -> None:
        """The texts of one span as they travelled. Only the request span has plain text: a search meets it once."""
        answer = raw.answer
        request, request_blob = place(self._blobs, self._keys(), record.project, raw.request)
        answered = answer.response if answer else b""
        response, response_blob = place(self._blobs, self._keys(), record.project, answered)
        rows.span_io.add(
            owner,
            (
                record.project, record.trace_id, raw.span_id, raw.started_ns, raw.dialect,
                answer.dialect if answer else "", int(_streamed(answer)), request, response, request_blob,
                response_blob, texts.note if texts else "", texts.plain if texts else "",
            ),
        )  # fmt: skip


def place(blobs: Blobs, ring: Keyring, project: str, content: bytes) -> tuple[bytes, str]:
    """A body as its row has it, sealed where the project is: itself, or the reference of its blob."""
    if len(content) <= BLOB_BYTES:
        return ring.seal(project, content), ""
    return b"", blobs.put(ring.seal_same(project, content))


def decision_json(record: CallRecord) -> str:
    """The decision record as its column holds it: a list of candidates; where an app, a route, the cache, a context
    policy, a limit or knowledge had a say, or data has a class, an object with theirs besides. `answers.trace_detail`
    reads both."""
    plain = not record.route and record.cache is None and record.context is None and not record.limits
    plain = plain and not record.knowledge
    if plain and record.app_note is None and not record.guards and not record.data_class:
        return _json.encode(record.decision).decode()
    return _json.encode(
        {
            "route": record.route,
            "steps": record.steps,
            "lines": record.decision,
            "cache": record.cache,
            "context": record.context,
            "limits": record.limits,
            "app": record.app_note,
            "guards": record.guards,
            "held": record.held,
            "data_class": record.data_class,
            "knowledge": looked_up(record),
        }
    ).decode()


def bounded(record: CallRecord) -> CallRecord:
    """The record with its labels cut to `LABEL` characters and its maps to `LABELS` entries. They come from clients and
    providers, and a row with a megabyte in a label is no row for a list. Nearly always the record itself."""
    attempts = record.attempts
    labels = (record.model, record.session, record.user, record.feature, record.app, record.user_agent)
    if sum(map(len, labels)) <= LABEL and len(record.tags) <= 8 and len(record.metadata) <= 8:
        answers = extra = 0  # by loops: this is looked at for every call
        for each in attempts:
            answers += len(each.model_used) + len(each.response_id) + len(each.stop)
        for tag in record.tags:
            extra += len(tag)
        for key, value in record.metadata.items():
            extra += len(key) + len(value)
        if answers <= LABEL and extra <= LABEL and record.fault is None:
            return record
    cut = {name: getattr(record, name)[:LABEL] for name in _LABELS}
    return msgspec.structs.replace(
        record,
        **cut,
        tags=tuple(tag[:LABEL] for tag in record.tags[:LABELS]),
        metadata={key[:LABEL]: value[:LABEL] for key, value in list(record.metadata.items())[:LABELS]},
        fault=_bounded_fault(record.fault),
        attempts=tuple(
            msgspec.structs.replace(
                each,
                model_used=each.model_used[:LABEL],
                response_id=each.response_id[:LABEL],
                stop=each.stop[:LABEL],
                fault=_bounded_fault(each.fault),
            )
            for each in attempts
        ),
    )


def _bounded_fault(fault: Fault | None) -> Fault | None:
    if fault is None or len(fault.message) <= MESSAGE:
        return fault
    return msgspec.structs.replace(fault, code=fault.code[:LABEL], message=fault.message[:MESSAGE])


class _Raw(NamedTuple):
    """One span's bodies: the request in its dialect, and the attempt whose answer it is, if any."""

    span_id: str
    started_ns: int
    dialect: str
    request: bytes
    answer: Attempt | None


class Texts(NamedTuple):
    """What a call said, as text: two previews, everything in lower case for search, and what could not be read."""

    asked: str
    answered: str
    plain: str
    note: str
    request: Request | None
    response: Response | None
    question: str


_NOTHING = Texts("", "", "", "", None, None, "")


def texts_of(record: CallRecord, final: Attempt | None) -> Texts:
    """Parse both bodies once. What does not parse is searched and previewed as the text it is."""
    if not record.capture:
        return _NOTHING
    notes: list[str] = []
    question, body, request = _question(record, notes)
    answer, said, response = (
        _answer(final, notes, (record.front, request)) if final is not None and final.response else ("", "", None)
    )
    whole = f"{body}\n{said}"
    if len(whole) > TEXT_CHARACTERS:  # what the previews show can always be found
        whole = f"{question[:1000]}\n{answer[:1000]}\n{whole}"[:TEXT_CHARACTERS]
    return Texts(preview(question), preview(answer), whole.lower(), " ".join(notes), request, response, question)


def _question(record: CallRecord, notes: list[str]) -> tuple[str, str, Request | None]:
    if not record.request:
        return "", "", None
    request = read_request(record.front, record.request)
    if isinstance(request, Unread):
        notes.append(f"The request could not be read: {request.why}")
        raw = _loose(record.request)
        return raw, raw, None
    return asked(request), request_text(request), request


def _answer(
    attempt: Attempt, notes: list[str], asked: tuple[str, Request | None] = ("", None)
) -> tuple[str, str, Response | None]:
    """``asked``: the client's dialect and its request, whose names of tools the answer is told in."""
    if attempt.status != 200:  # a refusal's body: its message is the span's error; it is kept raw
        return "", _loose(attempt.response), None
    response = read_response(attempt.dialect, attempt.response, stream=_streamed(attempt))
    if isinstance(response, Unread):
        notes.append(f"The answer could not be read: {response.why}")
        raw = _loose(attempt.response)
        return raw, raw, None
    front, request = asked
    if request is not None and attempt.dialect != front:
        response = told_back(response, names_told(request, attempt.dialect))
    return answered(response), text_of(response.parts), response


def _loose(body: bytes) -> str:
    return body[:TEXT_CHARACTERS].decode("utf-8", "replace")


def _streamed(attempt: Attempt | None) -> bool:
    """Whether the answer's bytes are events: a provider refuses a stream with a plain body."""
    return attempt is not None and attempt.stream and attempt.status == 200


def final_attempt(record: CallRecord) -> Attempt | None:
    """The attempt whose answer the client got: the last one, if any was made."""
    return record.attempts[-1] if record.attempts else None


class _Sums(NamedTuple):
    """The exclusive buckets of all attempts together, and their price where at least one is known."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    estimated: int
    cost: int | None
    unpriced: int


def _sums(attempts: tuple[Attempt, ...]) -> _Sums:
    if len(attempts) == 1:  # nearly always
        attempt = attempts[0]
        usage = attempt.usage or _NO_USAGE
        return _Sums(
            max(0, usage.input), max(0, usage.cache_read), max(0, usage.cache_write), max(0, usage.output),
            max(0, usage.reasoning), int(usage.estimated), amount_of(attempt), _unpriced(attempt),
        )  # fmt: skip
    each = [_sums((attempt,)) for attempt in attempts]
    priced = [sums.cost for sums in each if sums.cost is not None]
    return _Sums(
        sum(sums.input for sums in each),
        sum(sums.cache_read for sums in each),
        sum(sums.cache_write for sums in each),
        sum(sums.output for sums in each),
        sum(sums.reasoning for sums in each),
        max((sums.estimated for sums in each), default=0),
        min(sum(priced), LONGEST_INT64) if priced else None,
        sum(sums.unpriced for sums in each),
    )


def _unpriced(attempt: Attempt) -> int:
    return int(attempt.usage is not None and attempt.cost.amount is None)


def _status(status: int) -> int:
    return max(0, min(status, _MAX_UINT16))


_TASKS = {
    "openai_embeddings": ("embedding", "embed"),
    "gemini_embeddings": ("embedding", "embed"),
    "cohere_rerank": ("reranker", "rerank"),
    "openai_passthrough": ("llm", "pass"),
    "anthropic_passthrough": ("llm", "pass"),
}
"""The kind of span, and the first word of its name, of calls that are no chat; by their front."""


def _what(front: str, model: str) -> tuple[str, str]:
    kind, word = _TASKS.get(front, ("llm", "chat"))
    return kind, f"{word} {model}"
