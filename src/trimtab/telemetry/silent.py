"""Looking at answers as they are mapped: what detectors find becomes scores, tool calls leave their rows.

One of these lives in the telemetry process. Calls through the gateway are judged at their request span, which has the
answer the client got; model spans of foreign traces at themselves.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, cast

import msgspec

from trimtab.llm.dialects._tool_names import names_told, tools_told_back
from trimtab.llm.types import Message, Part, Refusal, Request, Response, ResponseFormat, Text, Tool, ToolCall
from trimtab.telemetry.detectors import LEFT, Detectors, Said
from trimtab.telemetry.messages import Unread, read_request
from trimtab.telemetry.records import Attempt, CallRecord
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.switches.file import TEXT_INDEX
from trimtab.telemetry.tool_use import misuse

_ANSWERED_BEFORE: Final = ("hit", "replay")
MOST_CALLS: Final = 64
"""Tool calls of one answer that leave a row."""


INDEX_S: Final = 1.0
"""How long is remembered whether a project's texts are indexed: each call asks."""


WAITING_CHARACTERS: Final = 4 << 20
WAITING_OF_ONE: Final = 16
"""Answers of one trace that wait."""
Whose = tuple[str, str]
"""Session and user; empty where nobody said so."""


class Waiting:
    """Answers of foreign traces of which neither session nor user is known yet: mostly the root alone has them, and it
    ends last, so that it comes last. They wait for it, as many as `WAITING_CHARACTERS` hold."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], list[Said]] = OrderedDict()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, said: Said) -> None:
        size = _size(said)
        if size > WAITING_CHARACTERS // 16:
            return
        some = self._kept.setdefault((said.project, said.trace_id), [])
        if len(some) >= WAITING_OF_ONE:
            return
        some.append(_without_tools(said))
        self._size += size
        while self._size > WAITING_CHARACTERS:
            self._size -= sum(map(_size, self._kept.popitem(last=False)[1]))

    def take(self, project: str, trace_id: str) -> list[Said]:
        found = self._kept.pop((project, trace_id), [])
        self._size -= sum(map(_size, found))
        return found


def _size(said: Said) -> int:
    return 200 + len(said.question) + len(said.answer)


def _without_tools(said: Said) -> Said:
    """Who looks at whose answer it is looks at no tools, and of the messages at the last one's role."""
    last = (Message(said.messages[-1].role, ()),) if said.messages else ()
    return Said(  # `replace` takes three times as long, and most foreign answers wait
        said.project, said.trace_id, said.span_id, said.session, said.model, said.feature, said.at_ns, said.stop,
        said.question, said.answer, last, (), said.refused, (), None, said.user,
    )  # fmt: skip


class Silent:
    """Cheap: an answer that is well costs a few microseconds (`docs/detectors.md`)."""

    def __init__(self, detectors: Detectors) -> None:
        self._detectors = detectors
        self._waiting = Waiting()
        self._indexed: dict[str, bool] = {}
        self._until = 0.0

    def indexes(self, project: str) -> bool:
        """Whether what was said there is kept once more for searches, as it was within the last second."""
        now = time.monotonic()
        if now >= self._until:
            self._until = now + INDEX_S
            self._indexed.clear()
        found = self._indexed.get(project)
        if found is None:
            found = self._indexed[project] = TEXT_INDEX not in self._detectors.off(project)
        return found

    def call(
        self, rows: Rows, owner: int, record: CallRecord, attempt: Attempt, talk: tuple[Request, Response, str]
    ) -> None:
        """One call through the gateway: what was asked and answered, and the user's last words. An answer out of the
        cache was looked at when it was made."""
        request, response, question = talk
        left = record.outcome == "cancel" and record.stream and record.first_token_ns > 0
        if (record.outcome != "answer" and not left) or request.task is not None or response.result is not None:
            return
        if record.cache is not None and record.cache.outcome in _ANSWERED_BEFORE:
            return
        answer, calls, refused = _read(response.parts)
        tools, shape = request.tools, request.response_format
        sent = _sent(record, attempt)
        if sent is not None:
            back = names_told(request, attempt.dialect) if attempt.dialect != record.front else {}
            tools, shape = tools_told_back(sent.tools, back), sent.response_format
        said = Said(
            record.project, record.trace_id, record.span_id, record.session, attempt.model_used or attempt.model,
            record.feature, record.ended_ns, LEFT if left else response.stop, question, answer, request.messages, calls,
            refused, tools, shape, record.user,
        )  # fmt: skip
        self._look(rows, owner, said)

    def foreign(self, rows: Rows, owner: int, said: Said, *, waits: bool = False) -> None:
        """One model span of a foreign trace (`said_by`). ``waits``: whose it is may be told later (`named`)."""
        self._look(rows, owner, said)
        if waits:
            self._wait(said)

    def recall(self, rows: Rows, owner: int, said: Said, *, waits: bool = False) -> None:
        """What detectors that remember find in a model span whose rows another process makes."""
        self._detectors.recall(rows, owner, said)
        if waits:
            self._wait(said)

    def named(self, rows: Rows, owner: int, trace: tuple[str, str], whose: Whose) -> None:
        """A span of a foreign trace (its project and id) said whose it is: what waited for that is looked at."""
        if self._waiting:
            for said in self._waiting.take(*trace):
                self._detectors.whose(rows, owner, said_for(said, whose))

    def _wait(self, said: Said) -> None:
        if self._detectors.remembers:
            self._waiting.add(said)

    @property
    def lean(self) -> bool:
        """`Detectors.lean`."""
        return self._detectors.lean

    def _look(self, rows: Rows, owner: int, said: Said) -> None:
        self._detectors.add(rows, owner, said)
        if said.calls and said.stop != LEFT:
            add_tool_rows(rows, owner, said)


def _sent(record: CallRecord, attempt: Attempt) -> Request | None:
    """What an app's release made of the client's request: its schema and its tools are what was asked for. None where
    no app answered, or its body was not kept."""
    if record.app_note is None or not attempt.request:
        return None
    sent = read_request(attempt.dialect, attempt.request)
    return None if isinstance(sent, Unread) else sent


def said_for(said: Said, whose: Whose) -> Said:
    """What does not say whose it is, is its trace's."""
    session, user = whose
    if (said.session or not session) and (said.user or not user):
        return said
    return Said(
        said.project, said.trace_id, said.span_id, said.session or session, said.model, said.feature, said.at_ns,
        said.stop, said.question, said.answer, said.messages, said.calls, said.refused, said.tools, said.format,
        said.user or user,
    )  # fmt: skip


def said_by(
    ids: tuple[str, str, str, str],
    labels: tuple[str, str, int, str],
    messages: tuple[Message, ...],
    output: Sequence[Message],
    tools: tuple[Tool, ...] = (),
    *,
    format: ResponseFormat | None = None,  # noqa: A002  as in `llm.types.Request`'s words
    user: str = "",
) -> Said:
    """From messages, where there was no request: ``ids`` are project, trace, span and session; ``labels`` model,
    feature, the time of the answer (Unix ns) and why it ended."""
    parts = output[0].parts if len(output) == 1 else tuple([part for message in output for part in message.parts])
    answer, calls, refused = _read(parts)
    question = ""
    for message in reversed(messages):
        if message.role == "user":
            question = "\n".join([part.text for part in message.parts if isinstance(part, Text)])
            if question:
                break
    return Said(*ids, *labels, question, answer, messages, calls, refused, tools, format, user)


def asked_format(params: Mapping[str, Any]) -> ResponseFormat | None:
    """The shape that an answer was asked in, of parameters as emitters tell them: ``response_format`` of Chat
    Completions, ``text.format`` of Responses, ``output.type`` of OpenTelemetry."""
    if not params:
        return None
    if params.get("output.type") == "json":
        return _OBJECT
    shape = _object(params.get("response_format")) or _object(_object(params.get("text")).get("format"))
    return _OBJECT if shape.get("type") in ("json_object", "json_schema") else None


_OBJECT: Final = ResponseFormat(kind="json_object")
_decode: Final = msgspec.json.Decoder().decode


def _object(value: Any) -> dict[str, Any]:
    """One that may have been told as text; empty where it is none."""
    if type(value) is str:
        try:
            value = _decode(value)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _read(parts: tuple[Part, ...]) -> tuple[str, tuple[ToolCall, ...], bool]:
    """Visible text, tool calls, and whether a part says that the model refuses."""
    if len(parts) == 1:  # nearly always
        part = parts[0]
        if part.__class__ is Text:
            return part.text, (), False  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    texts = [part.text for part in parts if isinstance(part, Text | Refusal)]
    return (
        "\n".join(texts),
        tuple(part for part in parts if isinstance(part, ToolCall)),
        any(isinstance(part, Refusal) for part in parts),
    )


def add_tool_rows(rows: Rows, owner: int, said: Said) -> None:
    """A row per tool call of an answer; mapping the same answer again makes the same rows."""
    for number, call in enumerate(said.calls[:MOST_CALLS]):
        found = misuse(call, said.tools)
        mark = blake2b(f"{call.name}\0{call.arguments}".encode("utf-8", "replace"), digest_size=8).digest()
        rows.tool_calls.add(
            owner,
            (
                said.project, said.at_ns, said.trace_id, said.span_id, number, said.session, said.model,
                call.name[:200], call.id[:200], int.from_bytes(mark, "little"), found.kind if found else "",
                found.why[:500] if found else "", said.at_ns,
            ),
        )  # fmt: skip
