"""What a call would weigh before it is made: tokens by our rule of thumb, and the price of reading them. Estimates, and
called so wherever they are shown: the provider's own tokenizer may count a fifth more or less."""

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.gateway.counting import estimated
from trimtab.gateway.route import candidates
from trimtab.governance.access import Project
from trimtab.ledger.types import Cost
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Usage
from trimtab.server.bodies.prompt import CallEstimate
from trimtab.server.dependencies import Dependencies
from trimtab.telemetry.units import dollars

FRONT = "openai_chat"


def estimate(
    deps: Dependencies,
    tenant: Project,
    model: str,
    messages: Sequence[dict[str, Any]],
    tools: Sequence[dict[str, Any]] = (),
) -> CallEstimate:
    """``messages`` and ``tools`` as OpenAI's chat has them; ``model`` is what a client would call, or empty for tokens
    alone. Raises `InvalidRequest` for messages that are none, `NotFound` for a provider that is not there."""
    tokens = _tokens(messages, tools)
    if not model:
        return CallEstimate(tokens=tokens, model="", cost=None, output_cost=None, price="", note="")
    if model in deps.snapshots.current.routes.get(tenant.id, {}):
        note = "A route: what it costs depends on the model that answers."
        return CallEstimate(tokens=tokens, model=model, cost=None, output_cost=None, price="", note=note)
    if model not in deps.snapshots.current.targets[tenant.id].models and "/" not in model:
        note = f"There is no model {model[:80]!r}, so nothing is known of its price."
        return CallEstimate(tokens=tokens, model=model, cost=None, output_cost=None, price="", note=note)
    read = _cost(deps, tenant, model, Usage(input=tokens, estimated=True))
    written = _cost(deps, tenant, model, Usage(output=1000, estimated=True))
    return CallEstimate(
        tokens=tokens,
        model=model,
        cost=dollars(read.amount),
        output_cost=dollars(written.amount),
        price=read.price,
        note="" if read.amount is not None else "No price of this model is known: its cost is unknown, not zero.",
    )


def _tokens(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> int:
    if not messages:
        return 0
    body: dict[str, Any] = {"model": "any", "messages": messages}
    if tools:
        body["tools"] = tools
    return estimated(DIALECTS.get(FRONT).parse_request(msgspec.json.encode(body)))


def _cost(deps: Dependencies, tenant: Project, model: str, usage: Usage) -> Cost:
    target = candidates(deps.snapshots.current.targets[tenant.id], model)[0]
    return deps.prices.cost(
        kind=PROVIDER_KINDS.get(target.provider.kind),
        model=target.model.name,
        upstream=target.model.upstream,
        usage=usage,
        at_ns=deps.clock.now_ns(),
        override=target.model.price,
        dated=target.provider.prices,
    )
