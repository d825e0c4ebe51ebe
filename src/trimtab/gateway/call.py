"""One call while it is under way: what is known so far, and the record it becomes."""

from typing import Literal

from msgspec.structs import replace

from trimtab.core.errors import DeadlineExceeded, TrimtabError, Unavailable, UpstreamFailure, UpstreamRejected
from trimtab.core.ids import new_span_id, uuid7_hex
from trimtab.gateway.apps.assigned import AppCall
from trimtab.gateway.caller import Caller
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.guarded import Guards
from trimtab.gateway.known import Known
from trimtab.gateway.rewritten import Guarded
from trimtab.gateway.route import MAX_MODEL_NAME, Target
from trimtab.gateway.routing.plan import Plan
from trimtab.gateway.staying_up.gate import NORMAL
from trimtab.gateway.tried import MAX_KEPT_BYTES, Try
from trimtab.governance.access import Principal, Project
from trimtab.ledger.unreserved import Unreserved
from trimtab.llm.dialects import Dialect, Head
from trimtab.telemetry.records import AppNote, Attempt, CacheNote, CallRecord, Candidate, ContextNote, Fault, Outcome
from trimtab.telemetry.spool.inflight import Slot

Verdict = Literal["chosen", "failed", "skipped", "not_needed", "doubted"]
UNREAD = Head(model="")
NOBODY = Caller(trace_id="")
"""What a call has of each until it is known."""
REQUEST = "req_"
"""What the id of a request begins with; the rest is a UUIDv7, and the id of the trace where the call begins one."""
OK = 200
NO_RETRY = b"x-should-retry: false\r\n"
"""What OpenAI's and Anthropic's clients obey before any status."""


class Call:
    """A client's call from admission to record. Fields are filled in the order in which the pipeline learns them.

    ``current`` is the attempt under way, ``rival`` a second one raced against it (`hedge.py`). The whole answer is due
    by ``deadline_ns``, its first token by ``first_by_ns`` (Unix ns; 0: no bound). ``operators_ns`` is that of the
    policy, whoever's is sooner. ``original`` is the
    client's body where ``body`` is another one: shortened (`context.py`), or with a release over it (``app``).
    ``reservation`` is what limits have set aside for it, and ``output_cap`` the bound on its output that a limit
    demands where the client set none. ``data_class`` says of what class its data is: what guards found, until
    `policed.classify` has said it; ``labels`` what guards found in it, as policies may look at it, sorted. ``guards``
    look at it, and ``known`` is what was looked up for it; None where there are none, or nothing. ``prompt``
    (``name@version``) was put before the messages here, where no app did.
    """

    original: bytes | None = None
    ended_ns: int = 0
    principal: Principal | None = None
    project: Project | None = None
    head: Head = UNREAD
    caller: Caller = NOBODY
    current: Try | None = None
    noted: list[Slot] | None = None
    rival: Try | None = None
    deadline_ns: int = 0
    first_by_ns: int = 0
    operators_ns: int = 0
    priority: int = NORMAL
    plan: Plan | None = None
    extra_headers: bytes = b""
    first_token_ns: int = 0
    status: int = 200
    outcome: Outcome = "answer"
    fault: Fault | None = None
    recorded: bool = False
    reservation: Unreserved | None = None
    output_cap: int | None = None
    cache: CacheNote | None = None
    context: ContextNote | None = None
    app: AppCall | None = None
    data_class: str = ""
    labels: tuple[str, ...] = ()
    unguarded: bool = False
    guards: Guards | None = None
    known: Known | None = None
    prompt: str = ""

    def __init__(self, exchange: Exchange, front: Dialect, started_ns: int) -> None:
        self.exchange = exchange
        self.front = front
        self.started_ns = started_ns
        self.body = exchange.body
        self.request_id = REQUEST + uuid7_hex(started_ns)
        self.span_id = new_span_id()
        self.attempts: list[Attempt] = []
        self.decision: list[Candidate] = []
        self.rest: list[Target] = []

    def end_try(self, now_ns: int, attempt: Try | None = None) -> None:
        """Close the attempt under way (or that one of several) and add it to the record."""
        attempt = attempt or self.current
        if attempt is None:
            return
        attempt.release(now_ns)
        attempt.noted = None
        if attempt.fault is not None and attempt.guarded is None and attempt.status == OK and self._kept_back():
            attempt.guarded = Guarded(body=b"", dialect=self.front.name, stop="unknown")  # nobody looked at it
        project = self.project
        capture = project is not None and project.capture_content
        self.attempts.append(attempt.as_attempt(now_ns, stream=self.head.stream, capture=capture))
        if attempt is self.current:
            self.current = None
        if attempt is self.rival:
            self.rival = None

    def _kept_back(self) -> bool:
        """Whether guards may keep anything of an answer back."""
        guards = self.guards
        if guards is None:
            return False
        found = guards.chain
        return bool(found.broken) or any(each.acts for each in found.at("output", "tool_arguments"))

    def answered_by(self, attempt: Try) -> None:
        """The client gets the answer of that attempt, which has ended: the last row is the answer's."""
        last = [row for row in self.attempts if row.span_id == attempt.span_id]
        self.attempts = [row for row in self.attempts if row.span_id != attempt.span_id] + last

    def note(self, target: Target, verdict: Verdict, reason: str, by: str = "") -> None:
        """Add one line to the decision record; ``by`` names what stood in the target's way (`watch.Passed.by`)."""
        name, provider, plan = target.model.name, target.provider.name, self.plan
        if by:
            line = Candidate(
                model=name,
                provider=provider,
                verdict=verdict,
                reason=reason,
                node="" if plan is None else plan.nodes.get(name, ""),
                weighed=None if plan is None else plan.weighed.get(name),
                breaker=reason if by == "breaker" else "",
                limit=reason if by in ("limit", "key") else "",
                budget=reason if by == "budget" else "",
                policy=reason if by == "policy" else "",
            )
        elif plan is None:
            line = Candidate(model=name, provider=provider, verdict=verdict, reason=reason)
        else:
            line = Candidate(
                model=name,
                provider=provider,
                verdict=verdict,
                reason=reason,
                node=plan.nodes.get(name, ""),
                weighed=plan.weighed.get(name),
            )
        self.decision.append(line)

    def note_rest(self) -> None:
        """The targets that were never asked belong in the record too."""
        for target in self.rest:
            self.note(target, "not_needed", "an earlier target answered")

    def answer_headers(self, error: TrimtabError | None = None) -> bytes:
        """The header lines that every answer of ours carries, and what steps of the path have added to them."""
        request_id, trace_id = self.request_id, self.caller.trace_id
        if trace_id:
            lines = (
                f"x-request-id: {request_id}\r\nrequest-id: {request_id}\r\ntrimtab-trace-id: {trace_id}\r\n".encode()
            )
        else:
            lines = f"x-request-id: {request_id}\r\nrequest-id: {request_id}\r\n".encode()
        if self.extra_headers:
            lines += self.extra_headers
        if error is not None and error.retry_after_s is not None:
            lines += b"retry-after: %d\r\n" % max(1, round(error.retry_after_s))
        if isinstance(error, UpstreamRejected) and error.again is False and NO_RETRY not in lines:
            lines += NO_RETRY  # the provider's own word
        return lines

    def as_record(self) -> CallRecord:
        project, principal, caller, head, plan = self.project, self.principal, self.caller, self.head, self.plan
        assert project is not None
        assert principal is not None
        capture, model = project.capture_content, head.model
        asked = self.body if self.original is None else self.original
        record = CallRecord(
            request_id=self.request_id,
            trace_id=caller.trace_id,
            span_id=self.span_id,
            parent_span_id=caller.parent_span_id,
            project=project.id,
            key_id=principal.key_id,
            front=self.front.name,
            model=model if len(model) <= MAX_MODEL_NAME else model[:MAX_MODEL_NAME],
            feature=caller.feature,
            session=caller.session,
            user=caller.user,
            tags=caller.tags,
            metadata=caller.metadata if capture else {},
            stream=head.stream,
            started_ns=self.started_ns,
            ended_ns=self.ended_ns,
            first_token_ns=self.first_token_ns,
            status=self.status,
            outcome=self.outcome,
            fault=self.fault,
            capture=capture,
            request=asked if capture and len(asked) <= MAX_KEPT_BYTES else b"",
            attempts=tuple(self.attempts),
            decision=tuple(self.decision),
            user_agent=caller.user_agent,
            route="" if plan is None else plan.route,
            steps=() if plan is None else tuple(plan.steps),
            cache=self.cache,
            context=self.context,
            limits=() if self.reservation is None else self.reservation.notes(),
            data_class=self.data_class,
        )
        if self.guards is not None:
            record = self.guards.told(record)
        if self.known is not None:
            record = self.known.told(record)
        if self.app is not None:
            return self.app.told(record)
        return replace(record, app_note=AppNote(prompt=self.prompt)) if self.prompt else record


def fault_of(error: TrimtabError) -> Fault:
    """An error as the record tells it: whose doing it was, and how it was told to the client."""
    if isinstance(error, UpstreamRejected):
        source: Literal["client", "trimtab", "provider", "network"] = "provider"
    elif isinstance(error, UpstreamFailure) or (isinstance(error, DeadlineExceeded) and error.hung):
        source = "network"
    elif error.status < 500:
        source = "client"
    else:
        source = "trimtab"
    return Fault(code=error.code, message=error.sentence()[:2000], status=error.status, source=source)


def gone_full(detail: str, again_s: float | None = None) -> Unavailable:
    """The record of a call cannot be written, so the call must not be answered. ``again_s``: it was not even made, and
    may be after so many seconds."""
    full = Unavailable(
        f"This server cannot record calls now ({detail}), and it answers none that it cannot record.",
        fix="Free disk space on the server, or raise TRIMTAB_SPOOL_MAX_MB; then try again.",
        code="spool_unavailable",
        retry_after_s=again_s,
    )
    full.outside = "This server cannot record calls now, and it answers none that it cannot record."
    return full
