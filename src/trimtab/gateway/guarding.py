"""Guards in the path of a call: what is asked is looked at before the cache and any provider, what is answered before
the client has it. docs/guards.md says what a caller sees of them.

    app's release put over the call -> `Guarding.begin` (input, retrieved, tool_result) -> cache -> provider
        -> `CallGuards.whole` | `CallGuards.stream` (output, tool_arguments) -> record -> last byte

Which guards: those whose ``applies_to`` stands for the called name, and those frozen into the release that answers; of
two of one name the former. A guard that stops a call answers in the client's own dialect as that says "a filter stepped
in" (`refusal_of`), and the record says which guard it was, and why; its request id leads there.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Protocol, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import Forbidden, InvalidRequest, TrimtabError
from trimtab.core.ids import new_span_id
from trimtab.gateway.call import Call
from trimtab.gateway.carried_texts import Texts
from trimtab.gateway.carry import Carried
from trimtab.gateway.guard_batches import check_background, check_spoken
from trimtab.gateway.guard_carried import acts, answer_of, family_of
from trimtab.gateway.guard_carried import subject_of as carried_subject
from trimtab.gateway.guard_errors import ANSWERED, over
from trimtab.gateway.guard_stream import AnswerGuard
from trimtab.gateway.guard_texts import (
    answer_pieces,
    answer_unread,
    answer_with,
    is_spoken,
    pieces_of,
    restored,
    rewritten,
    said_once,
    subject_of,
    without,
)
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.kept.cache_store import About
from trimtab.gateway.rewritten import Guarded
from trimtab.gateway.tried import Try
from trimtab.guard.run import Ran, Runner, Swap
from trimtab.guard.spec import Chain
from trimtab.guard.standing_in import StandIns
from trimtab.guard.types import Stage, Subject, Tools, Verdict
from trimtab.ledger.types import Cost
from trimtab.llm.types import Request, Response, Text, Usage
from trimtab.telemetry.records import Attempt, CallRecord, Candidate, GuardLine

logger = logging.getLogger("trimtab.guards")
BLOCKED: Final = Cost(amount=0, price="guard:blocked")
ASKED: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_result")
RESPONSES: Final = "openai_responses"
SECOND: Final = 1_000_000_000


class Escalated(Struct, frozen=True, kw_only=True):
    """A call that a guard sent to people. ``request`` is its body and ``answer`` what a provider had answered, if it
    had, both in the dialect ``front``."""

    project_id: str
    queue: str
    guard: str
    reason: str
    request_id: str
    trace_id: str
    model: str
    release: str
    front: str
    request: bytes
    answer: Response | None


Escalate = Callable[[Escalated], Awaitable[None]]
"""Puts it into its review queue. Raises `TrimtabError` where that cannot be."""


class Passing(Protocol):
    """A call that passes through (`passthrough.Carrier`), as its guards need it."""

    @property
    def family(self) -> str: ...
    @property
    def rest(self) -> str:
        """Its path behind ``/v1``."""
        ...

    async def texts(self, chain: Chain) -> Texts: ...

    def rewrite(self, call: Call, body: bytes) -> None:
        """Send this in place of the client's body."""
        ...


class Guarding:
    """``tools`` are those of a project by its id; ``record`` makes a call's record durable."""

    def __init__(
        self,
        runner: Runner,
        tools: Callable[[str], Tools],
        record: Callable[[Call], Awaitable[None]],
        now_ns: Callable[[], int],
        escalate: Escalate | None = None,
    ) -> None:
        self.runner = runner
        self._tools = tools
        self._record = record
        self._now = now_ns
        self._escalate = escalate

    async def begin(self, call: Call, guards: ProjectGuards) -> bool:
        """Look at what is asked; true where that was the end of the call, and the client has its answer. Raises
        `TrimtabError` for a call that its guards cannot look at."""
        own = () if call.app is None or call.app.release is None else call.app.release.guards
        if not own and not guards.always:
            return False
        found = guards.chain(call.head.model, own)
        if found is None:
            return False
        assert call.project is not None
        made = call.guards = CallGuards(found, self.runner, self._tools(call.project.id), guards, self)
        try:
            ran, stopped_by = await self._asked(call, made)
        except BaseException as error:  # nobody has looked at all of it, so what was to be taken out may be anywhere
            if found.broken or any(each.acts for each in found.at(*ASKED)):
                call.original = b""
            if isinstance(error, RecursionError):
                raise _too_deep() from None
            raise
        if stopped_by is not None:
            await self._refuse(call, made, stopped_by)
            return True
        if made.originals and call.head.choices > 1:
            names = ", ".join(sorted({each.guard for each in ran.verdicts if each.action == "redact"}))
            raise _one_answer(names, call.head.model)
        return False

    async def _asked(self, call: Call, made: "CallGuards") -> tuple[Ran, Verdict | None]:
        """What guards made of what is asked, which the call then asks; and the verdict that stops it, if one does."""
        request = call.front.parse_request(call.body)
        made.request = request
        if acts(made.chain):
            call.body = said_once(call.body)
        _check_choices(call, made.chain)
        check_background(call, made.chain)
        if spoken := is_spoken(request):
            check_spoken(call, made.chain)
        pieces = pieces_of(request)
        made.subject = subject_of(request, pieces)
        stages = (*ASKED, "output") if spoken else ASKED  # what it will be is known, so it need not be made first
        ran = await self.runner.run(made.chain, made.subject, made.tools, *stages)
        made.take(ran)
        stopped_by = ran.stopped
        if ran.swaps:  # also of a call that another guard then stops: its record and whoever looks at it go without
            body = rewritten(call.front, call.body, pieces, ran.pieces)
            kept = call.body if call.original is None else call.original
            call.original = without(kept, ran.swaps)
            call.body = without(call.body, ran.swaps) if body is None else body
            made.subject = replace(made.subject, pieces=ran.pieces)
            if body is None and stopped_by is None:
                stopped_by = _unwritten(ran)
        return ran, stopped_by

    async def begin_carried(self, call: Call, guards: ProjectGuards, found: Chain, asked: Passing) -> None:
        """The same of a call that passes through. Raises `Forbidden` where a guard stops it."""
        assert call.project is not None
        made = call.guards = CallGuards(found, self.runner, self._tools(call.project.id), guards, self)
        try:
            texts = await asked.texts(found)
            made.subject = carried_subject(texts, asked.family, asked.rest)
            ran = await self.runner.run(found, made.subject, made.tools, *ASKED, "output")
            made.take(ran)
            if ran.swaps:
                call.original = without(call.body, ran.swaps) if call.body else None
                made.subject = replace(made.subject, pieces=ran.pieces)
            if ran.swaps or (call.body and acts(found)):  # JSON: each of its members once
                asked.rewrite(call, texts.written(ran.pieces))
        except BaseException as error:  # nobody has looked at all of it
            if acts(found):
                call.original = b""
            if isinstance(error, RecursionError):
                raise _too_deep() from None
            raise
        if ran.stopped is not None:
            await self._refuse(call, made, ran.stopped)

    async def _refuse(self, call: Call, guards: "CallGuards", by: Verdict) -> None:
        """The client's answer in place of one that no provider was asked for."""
        await self.escalated(call, by, None)
        if call.front.operation != "chat":
            raise Forbidden(
                guards.words(call, by), fix="Change what is asked.", code="guard_blocked", param=None
            )  # an answer of another kind has no room for words
        response = refusal_of(call, guards.words(call, by))
        body = rendered(call, response)
        now = self._now()
        call.first_token_ns = now
        call.extra_headers += b"trimtab-guard: %b\r\n" % by.action.encode()
        capture = call.project is not None and call.project.capture_content
        call.attempts.append(
            Attempt(
                span_id=new_span_id(),
                provider="guard",
                kind="guard",
                model=call.head.model[:512],
                dialect=call.front.name,
                started_ns=call.started_ns,
                ended_ns=now,
                first_byte_ns=now,
                first_token_ns=now,
                status=200,
                stream=call.head.stream,
                cost=BLOCKED,
                stop=response.stop,
                response=body if capture else b"",
            )
        )
        reason = f"The guard {by.guard}@{by.version} stopped the call before any provider was asked."
        call.decision.append(Candidate(model=call.head.model[:512], provider="guard", verdict="chosen", reason=reason))
        await self._record(call)
        send(call, body)

    async def escalated(self, call: Call, by: Verdict, answer: Response | None) -> None:
        """Send it to people, where the guard says so. What cannot be sent is stopped all the same, and the record says
        that nobody was told."""
        guards = call.guards
        if by.action != "escalate" or guards is None or call.project is None:
            return
        release = "" if call.app is None else call.app.number
        queue = next((each.spec.queue for each in guards.chain.guards if each.name == by.guard), "") or next(
            (each.spec.queue for each in guards.chain.broken if each.name == by.guard), ""
        )
        new = Escalated(
            project_id=call.project.id,
            queue=queue,
            guard=by.guard,
            reason=by.reason or by.failed,
            request_id=call.request_id,
            trace_id=call.caller.trace_id,
            model=call.head.model,
            release=release,
            front=call.front.name,
            request=call.body,
            answer=answer,
        )
        try:
            if self._escalate is None:
                raise InvalidRequest("this server has no review queues")
            await self._escalate(new)
        except TrimtabError as error:
            logger.warning("%s could not be sent to the review queue %r: %s", call.request_id, queue, error.sentence())
            guards.unsent(by, f"It could not be sent to the review queue {queue!r}: {error.message}")

    async def again(self, call: Call, guards: ProjectGuards, about: About, body: bytes, also: str) -> bytes:
        """An answer that was kept, and is given once more: where it were other guards that looked at it then, those of
        now do. ``also``: another name for what is called."""
        carried = call.front.operation == "passthrough"
        found = guards.chain(call.head.model, (), also)
        if found is None or found.hash == about.guards or not (carried or call.front.operation == "chat"):
            return body
        assert call.project is not None
        made = call.guards = CallGuards(found, self.runner, self._tools(call.project.id), guards, self)
        if carried:
            looked = answer_of(call, *family_of(cast("Carried", call.exchange).path))
            return body if looked is None else await looked.made(None, about.content_type.decode("latin-1"), body)
        made.request = request = call.front.parse_request(call.body)
        made.subject = subject_of(request, pieces_of(request))
        if not about.stream:
            return await made.whole(call, None, body)
        watched = made.stream(call)
        if watched is None:
            return body
        return await watched.feed(body) + await watched.end()


class CallGuards:
    """One call's guards, and what they have decided so far. What stand-ins in it stand for is here and nowhere else:
    it is gone with the call."""

    __slots__ = (
        "_by",
        "_classes",
        "base_class",
        "chain",
        "heard",
        "held",
        "looked",
        "originals",
        "refusals",
        "request",
        "runner",
        "subject",
        "swaps",
        "tools",
        "verdicts",
    )

    def __init__(self, found: Chain, runner: Runner, tools: Tools, guards: ProjectGuards, by: Guarding) -> None:
        self.chain = found
        self.runner = runner
        self.tools = tools
        self.refusals = guards.refusals
        self._classes = guards.classes
        self._by = by
        self.request: Request | None = None
        self.subject = Subject(pieces=())
        self.verdicts: list[Verdict] = []
        self.swaps: list[Swap] = []
        self.originals: dict[str, str] = {}
        self.held = 0
        self.base_class = ""
        """Of what class the call's data was before they looked; empty until that is told, and where nobody tells it."""
        self.heard: set[str] = set()
        """Words of providers that failed, as they left them."""
        self.looked: set[str] = set()
        """The attempts (span ids) whose answer, or what came of it, they have looked at."""

    @property
    def hash(self) -> bytes:
        """Of all that decides what they do."""
        return self.chain.hash.encode()

    @property
    def claims(self) -> list[str]:
        """The classes of which its guards say that the call's data is."""
        return [each.data_class for each in self.verdicts if each.data_class and each.mode == "enforce"]

    def take(self, ran: Ran) -> None:
        self.verdicts += ran.verdicts
        self.swaps += ran.swaps
        self.originals |= {each.instead: each.text for each in ran.swaps if each.restore}

    def unsent(self, by: Verdict, why: str) -> None:
        self.verdicts = [replace(each, failed=why[:500]) if each is by else each for each in self.verdicts]

    def over(self, call: Call) -> None:
        """Before the call's record is made: what attempts left in it that the client has nothing of."""
        over(call, self)

    def told(self, record: CallRecord) -> CallRecord:
        if not self.verdicts:
            return record
        data_class = self._classes.raised(record.data_class, self.claims)  # also what was found in the answer
        return replace(record, guards=tuple(self._lines()), held=self.held, data_class=data_class)

    def _lines(self) -> Iterator[GuardLine]:
        """Each verdict, with what it made of the class of the call's data."""
        now = self.base_class or self._classes.standard
        for each in self.verdicts:
            line, claim = _line(each), each.data_class if each.mode == "enforce" else ""
            if (raised := self._classes.raised(now, [claim])) != now:
                line = replace(line, raised_from=now, raised_to=raised)
            now = raised
            yield line

    def words(self, call: Call, by: Verdict) -> str:
        """What the user is told: by the guard's template, for the app and the language of the call."""
        named = next((each.spec.refusal for each in self.chain.guards if each.name == by.guard), "")
        app = "" if call.app is None else call.app.app
        return self.refusals.words(named, app, language_of(call), call.request_id)

    def _idle(self) -> bool:
        """Whether nothing of theirs is to be done with an answer."""
        return not self.originals and not self.chain.broken and not self.chain.at(*ANSWERED)

    def of_answer(self) -> Subject:
        return replace(self.subject, pieces=(), unread=())

    async def whole(self, call: Call, attempt: Try | None, body: bytes) -> bytes:
        """A whole answer in the client's dialect, as the client may have it."""
        if call.front.operation != "chat" or self._idle():
            return body
        response = call.front.parse_response(body)
        pieces = answer_pieces(response.parts)
        subject = replace(self.of_answer(), pieces=pieces, unread=answer_unread(response.parts), finish=response.stop)
        try:
            ran = await self.runner.run(self.chain, subject, self.tools, *ANSWERED)
        except BaseException:  # the client left meanwhile: what was not looked at is not kept
            if attempt is not None and (self.chain.broken or any(each.acts for each in self.chain.at(*ANSWERED))):
                self.looked.add(attempt.span_id)
                attempt.guarded = Guarded(body=b"", dialect=call.front.name, stop=response.stop)
            raise
        self.verdicts += ran.verdicts
        self.swaps += ran.swaps
        if ran.stopped is not None:
            call.extra_headers += b"trimtab-guard: %b\r\n" % ran.stopped.action.encode()
            await self._by.escalated(call, ran.stopped, response)
            response = stopped(response, self.words(call, ran.stopped))
        elif ran.swaps:
            response = answer_with(response, ran.pieces)
        if attempt is not None:
            self.looked.add(attempt.span_id)
        if ran.stopped is not None or ran.swaps:
            body = call.front.render_response(response)
            if attempt is not None:
                attempt.guarded = Guarded(body=body, dialect=call.front.name, stop=response.stop)
        return self._restored(call, response, body)

    def _restored(self, call: Call, response: Response, body: bytes) -> bytes:
        if not self.originals:
            return body
        known = StandIns(self.originals)
        made = restored(response, known.restored, known.restored_json)
        return body if made.parts == response.parts else call.front.render_response(made)

    def stream(self, call: Call) -> AnswerGuard | None:
        """What an answer that streams goes through; None where it may pass as it is."""
        if call.front.operation != "chat" or self._idle():
            return None
        return AnswerGuard(self, call)

    async def stop(self, call: Call, by: Verdict, answer: Response | None) -> str:
        """A stream is stopped: people are told where that is wanted. Returns what the user is told."""
        await self._by.escalated(call, by, answer)
        return self.words(call, by)


def refusal_of(call: Call, text: str) -> Response:
    """An answer of our own. Each dialect has its word for ``content_filter``: `finish_reason: content_filter`,
    `status: incomplete` with that reason, `stop_reason: refusal`, `finishReason: SAFETY`."""
    own = "resp_" + call.request_id.removeprefix("req_") if call.front.name == RESPONSES else call.request_id
    return Response(
        id=own,
        model=call.head.model,
        parts=(Text(text),),
        stop="content_filter",
        usage=Usage(),
        created=call.started_ns // SECOND,
    )


def stopped(response: Response, text: str) -> Response:
    """A provider's answer that nobody gets: what it used and cost stays what it was."""
    return replace(response, parts=(Text(text),), stop="content_filter", stop_raw=None)


def rendered(call: Call, response: Response) -> bytes:
    if not call.head.stream:
        return call.front.render_response(response)
    from trimtab.llm.fold import unfold

    encoder = call.front.stream_encoder(call.head)
    return b"".join(map(encoder.feed, unfold(response)))


def send(call: Call, body: bytes) -> None:
    if call.head.stream:
        call.exchange.start(200, call.answer_headers())
        call.exchange.finish(body)
    else:
        call.exchange.respond(200, call.answer_headers(), body)


def language_of(call: Call) -> str:
    """``trimtab-language``, else the first of ``accept-language``: ``de`` of ``de-CH,de;q=0.9``."""
    given = call.exchange.header(b"trimtab-language") or call.exchange.header(b"accept-language") or b""
    word = given.decode("latin-1").partition(",")[0].partition(";")[0].strip().lower()
    return word[:16]


def _check_choices(call: Call, found: Chain) -> None:
    """Raises `InvalidRequest` where several answers are asked for and guards might have to act on them."""
    acting = [each for each in found.at(*ANSWERED) if each.acts]
    if call.head.choices > 1 and (acting or found.broken):
        names = ", ".join(each.name for each in acting[:3])
        raise _one_answer(names, call.head.model)


def _one_answer(names: str, model: str) -> InvalidRequest:
    return InvalidRequest(
        f"Guards ({names}) look at the answers of {model[:80]!r}, and they look at one answer a call.",
        fix="Ask for one answer at a time ('n', 'candidateCount').",
        code="guard_unsupported",
        param="n",
    )


def _too_deep() -> InvalidRequest:
    return InvalidRequest(
        "The body is nested more deeply than guards can look.",
        fix="Nest what is asked less deeply: some hundred levels are read.",
        code="guard_unsupported",
    )


def _unwritten(ran: Ran) -> Verdict:
    """Something was to be taken out of a body that could not be written without it."""
    by = next(each for each in reversed(ran.verdicts) if each.action == "redact" and each.mode == "enforce")
    return replace(by, action="block", failed="What it found could not be taken out of the request.")


def _line(verdict: Verdict) -> GuardLine:
    values: dict[str, Any] = {name: getattr(verdict, name) for name in Verdict.__struct_fields__}
    return msgspec.convert(values, GuardLine)
