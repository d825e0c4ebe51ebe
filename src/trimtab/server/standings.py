"""How providers and models stand, as people are shown it: by this worker's last call, and by its breakers. What no call
goes to is not well, however its last call went."""

from collections.abc import Iterable

from msgspec import structs

from trimtab.gateway.staying_up.live import TargetState
from trimtab.gateway.staying_up.standing import Standing
from trimtab.server.dependencies import Dependencies


def of_provider(deps: Dependencies, project_id: str, provider: str) -> Standing:
    states = deps.live.of_provider(project_id, provider)
    return _with_breakers(deps.health.provider(project_id, provider), states, deps.clock.now_ns())


def of_model(deps: Dependencies, project_id: str, provider: str, upstream: str) -> Standing:
    state = deps.live.known(project_id, provider, upstream)
    states = () if state is None else (state,)
    return _with_breakers(deps.health.model(project_id, provider, upstream), states, deps.clock.now_ns())


def _with_breakers(standing: Standing, states: Iterable[TargetState], now: int) -> Standing:
    waits = {state.upstream: state.breaker.opens_again_in_s(now) for state in states if state.breaker.state == "open"}
    shut = {upstream: left for upstream, left in waits.items() if left > 0}
    if not shut or standing.health == "failing":
        return standing
    names = ", ".join(repr(upstream) for upstream in sorted(shut)[:5])
    told = f"It failed too often: no call goes to {names} for {max(shut.values()):.0f} s more (its breaker is open)."
    return structs.replace(standing, health="failing", error=told)
