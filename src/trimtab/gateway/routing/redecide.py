"""Recorded calls through a compiled route, one after the other in the order of time."""

import contextlib
from collections.abc import Mapping, Sequence
from random import Random

from trimtab.core.errors import TrimtabError
from trimtab.gateway.caller import Caller
from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.compile import Compiled
from trimtab.gateway.routing.replay import Decided, tokens_told, was_doubted
from trimtab.gateway.routing.types import Escalate, If, Node, Semantic, When
from trimtab.gateway.routing.walk import children
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.telemetry.recorded import RecordedAttempt, RecordedBody, RecordedCall

NO_BODY = RecordedBody("", "openai_chat", b"")


async def redecide(
    route: Compiled,
    calls: Sequence[RecordedCall],
    attempts: Mapping[str, Sequence[RecordedAttempt]],
    bodies: Mapping[str, RecordedBody],
    draw: Random,
) -> list[Decided]:
    """Each call that has ``attempts`` (by request, in the order of time), decided as if it came again. ``bodies`` are
    by span; a call without one says nothing."""
    found: list[Decided] = []
    for call in calls:
        made = attempts.get(call.request_id)
        if not made:
            continue
        first, told = made[0], tokens_told(made)
        ask = ask_of_record(call, bodies.get(call.span_id, NO_BODY), draw)
        try:
            plan = await route.decide(ask)
        except TrimtabError:  # the route has no target for it
            found.append(Decided(call=call, first=first, tokens_in=told, target=None, name=""))
            continue
        target = plan.targets[0]
        route.answered(plan, target.model.name, ask.now_ns)
        found.append(
            Decided(
                call=call,
                first=first,
                tokens_in=told,
                target=(target.provider.name, target.model.upstream),
                name=target.model.name,
                sent_up=plan.sent_up,
                difficulty=plan.difficulty,
                doubted=was_doubted(made),
                may_doubt=plan.escalation is not None and not plan.sent_up and not ask.head.stream,
                same_route=plan.route == call.model,
            )
        )
    return found


def ask_of_record(call: RecordedCall, body: RecordedBody, draw: Random) -> Ask:
    """The facts of a call as far as they were recorded: its headers were not."""
    front = DIALECTS.get(body.dialect if body.dialect in DIALECTS.names() else "openai_chat")
    head = Head(model=call.model, stream=bool(call.stream))
    if body.request:
        with contextlib.suppress(TrimtabError):  # it was served then: what cannot be read any more just says less
            head = front.peek(body.request)
    caller = Caller(
        trace_id="",
        session=call.session,
        user=call.user,
        feature=call.feature,
        tags=tuple(call.tags),
        metadata=call.metadata,
    )
    return Ask(
        front=front,
        head=head,
        body=body.request,
        caller=caller,
        key_id=call.key_id,
        header=lambda _name: None,
        now_ns=call.start_ns,
        draw=draw.random,
    )


def reads_text(node: Node) -> bool:
    """Whether a decision may cost an embedding."""
    if isinstance(node, Semantic) or (isinstance(node, Escalate) and node.difficulty is not None):
        return True
    return any(reads_text(child) for child in children(node))


def reads_headers(node: Node) -> bool:
    """Whether a condition looks at headers, which are not recorded."""
    if isinstance(node, When) and any(_looks_at_headers(branch.if_) for branch in node.of):
        return True
    return any(reads_headers(child) for child in children(node))


def _looks_at_headers(condition: If) -> bool:
    return bool(condition.headers) or (condition.not_ is not None and _looks_at_headers(condition.not_))
