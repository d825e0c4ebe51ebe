"""A route's decision for a call that nobody makes: the same plan from the same facts, and what stands in each way."""

from collections.abc import Callable, Mapping
from typing import cast

from msgspec import Struct

from trimtab.core.ids import new_trace_id
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.plan import Plan
from trimtab.gateway.said import read_caller
from trimtab.gateway.staying_up.live import Live
from trimtab.llm.dialects import DIALECTS
from trimtab.telemetry.records import Candidate


class Sample(Struct, frozen=True, kw_only=True):
    """A request as a client would send it: a body in one dialect, headers by any case, and the id of its key."""

    body: bytes
    dialect: str = "openai_chat"
    headers: Mapping[str, str] = {}
    key_id: str = ""


class _Headers:
    """What reading a caller needs of an exchange."""

    quiet = False

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._values = {name.lower().encode(): value.encode() for name, value in headers.items()}

    def header(self, name: bytes) -> bytes | None:
        return self._values.get(name)


def ask_of(sample: Sample, now_ns: int, draw: Callable[[], float]) -> Ask:
    """The facts of a sample. Raises `InvalidRequest` for a body that its dialect refuses."""
    front = DIALECTS.get(sample.dialect)
    headers = _Headers(sample.headers)
    head = front.peek(sample.body)
    return Ask(
        front=front,
        head=head,
        body=sample.body,
        caller=read_caller(cast("Exchange", headers), head, new_trace_id(now_ns)),
        key_id=sample.key_id,
        header=headers.header,
        now_ns=now_ns,
        draw=draw,
    )


def candidates_of(plan: Plan, project: str, live: Live, now_ns: int) -> list[Candidate]:
    """The plan's targets in order, as the decision record would tell them if each answered: the first that nothing
    stands in the way of is chosen. ``project`` is the project's id."""
    lines: list[Candidate] = []
    chosen = False
    for target in plan.targets:
        name = target.model.name
        breaker, limit = _obstacles(live, project, target.provider.name, target.model.upstream, now_ns)
        if breaker or limit:
            verdict, reason = "skipped", breaker or limit
        elif chosen:
            verdict, reason = "not_needed", "asked only when those before it fail"
        else:
            verdict, reason, chosen = "chosen", "the first that can be asked", True
        lines.append(
            Candidate(
                model=name,
                provider=target.provider.name,
                verdict=verdict,
                reason=reason,
                node=plan.nodes[name],
                weighed=plan.weighed.get(name),
                breaker=breaker,
                limit=limit,
            )
        )
    return lines


def _obstacles(live: Live, project: str, provider: str, upstream: str, now_ns: int) -> tuple[str, str]:
    state = live.known(project, provider, upstream)
    if state is None:
        return "", ""
    breaker = limit = ""
    if not state.breaker.admits(now_ns):
        breaker = f"its breaker is {state.breaker.state.replace('_', ' ')}"
    if until := state.limited_until_ns(now_ns):
        limit = f"all its keys are set aside for {(until - now_ns) / 1e9:.1f} s"
    return breaker, limit
