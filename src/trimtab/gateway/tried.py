"""One attempt of a call at one target, while it is under way."""

from collections.abc import Mapping

from trimtab.core.ids import new_span_id
from trimtab.gateway.rewritten import Guarded
from trimtab.gateway.route import Target
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.staying_up.live import KeyState, TargetState
from trimtab.ledger.types import Cost
from trimtab.llm.dialects import Dialect
from trimtab.llm.types import Usage
from trimtab.telemetry.records import Attempt, Fault, Outcome
from trimtab.telemetry.spool.inflight import Slot

NO_HEADERS: Mapping[str, str] = {}
NO_COST = Cost()
MAX_KEPT_BYTES = 16 * 1024 * 1024
"""More of one body than this is not kept in a record; the numbers are."""


class Try:
    """One upstream call under way. Times are Unix ns; 0 means that it has not come to that."""

    __slots__ = (
        "chunks",
        "cost",
        "cut_off",
        "dialect",
        "fault",
        "first_byte_ns",
        "first_token_ns",
        "gate",
        "guarded",
        "headers",
        "kept",
        "key",
        "model_used",
        "noted",
        "outcome",
        "place",
        "renamed",
        "request",
        "response_id",
        "span_id",
        "started_ns",
        "state",
        "status",
        "stop",
        "target",
        "tier_asked",
        "usage",
    )

    def __init__(self, target: Target, started_ns: int) -> None:
        self.target = target
        self.dialect: Dialect | None = None
        self.span_id = new_span_id()
        self.started_ns = started_ns
        self.first_byte_ns = 0
        self.first_token_ns = 0
        self.status = 0
        self.outcome: Outcome = "answer"
        self.fault: Fault | None = None
        self.usage: Usage | None = None
        self.tier_asked = ""
        self.cost = NO_COST
        self.response_id = ""
        self.model_used = ""
        self.stop = ""
        self.request = b""
        self.renamed: dict[str, str] = {}
        """The client's names of tools, by those that its provider was told."""
        self.chunks: list[bytes] = []
        self.kept = 0
        self.noted: Slot | None = None
        self.headers: Mapping[str, str] = NO_HEADERS
        self.state: TargetState | None = None
        self.gate: Gate | None = None
        self.key: KeyState | None = None
        self.place = 0
        """Where its target stands in the walk."""
        self.guarded: Guarded | None = None
        self.cut_off = False
        """Given up although it was asked and may have been working: its input counts as used."""

    def release(self, now_ns: int) -> None:
        """It no longer counts as under way."""
        gate, state, key = self.gate, self.state, self.key
        if gate is not None:
            gate.leave((now_ns - self.started_ns) / 1e9)
            self.gate = None
        if state is not None and key is not None:
            state.in_flight -= 1
            key.in_flight -= 1
            self.state = None

    def keep(self, data: bytes) -> None:
        """Remember bytes of the answer, up to a bound."""
        self.kept = kept = self.kept + len(data)
        if kept <= MAX_KEPT_BYTES:
            self.chunks.append(data)
        if self.noted is not None:
            self.noted.progress(data)

    def received(self) -> bytes:
        return self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)

    def as_attempt(self, ended_ns: int, *, stream: bool, capture: bool) -> Attempt:
        target, guarded, chunks = self.target, self.guarded, self.chunks
        provider = target.provider
        response = b""
        if capture and guarded is None and chunks:
            response = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        made = Attempt(
            span_id=self.span_id,
            provider=provider.name,
            kind=provider.kind,
            model=target.model.upstream,
            dialect=provider.dialect if self.dialect is None else self.dialect.name,
            started_ns=self.started_ns,
            ended_ns=ended_ns,
            first_byte_ns=self.first_byte_ns,
            first_token_ns=self.first_token_ns,
            status=self.status,
            outcome=self.outcome,
            fault=self.fault,
            stream=stream,
            usage=self.usage,
            cost=self.cost,
            response_id=self.response_id,
            model_used=self.model_used,
            stop=self.stop,
            request=self.request if capture or guarded is not None else b"",
            response=response,
            name=target.model.name,
            tier_asked=self.tier_asked,
        )
        return made if guarded is None else guarded.over(made, capture=capture)
