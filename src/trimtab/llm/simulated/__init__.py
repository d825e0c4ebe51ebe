"""Simulated providers: what the vendors' servers do, without a key, a network or chance.

Why: a gateway is judged by what it does when a provider stalls, resets, lies or trickles, and no real provider does
that on request. These ship with the package, so a team can rehearse an outage with the same tool our tests use.

What enters: HTTP, as the vendors' own clients send it. What leaves: HTTP, as the vendors document it, bent by a
`Scenario`: one for the whole app, or one per call in the model's name (``gpt-4o-mini?fault=stall&after=3``) or in the
header ``x-simulate`` (``fault=429&retry_after=2``). The app is plain ASGI and keeps what it saw in ``app.calls``;
``python -m trimtab.llm.simulated --port 0`` serves it. Nothing here is shared with `llm/dialects`: a mistake made there
must not be made here as well.
"""

from trimtab.llm.simulated.app import Call, SimulatedProviders
from trimtab.llm.simulated.scenario import Scenario

__all__ = ["Call", "Scenario", "SimulatedProviders"]
