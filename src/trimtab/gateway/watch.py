"""The watch over targets: whether one may be asked now, with which of its keys, and what is learned from each attempt.

`Watch.why_not` is the question the walk asks before an attempt; it says in words why not, and those words stand in the
decision record. What it knows is this worker's own (`staying_up/live.py`), and other workers' advice on open
breakers.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from trimtab.core.errors import TrimtabError
from trimtab.gateway.call import Call
from trimtab.gateway.policy import DEFAULT, FailureClass, Policy
from trimtab.gateway.route import Target
from trimtab.gateway.staying_up.live import KeyState, Live, TargetState
from trimtab.gateway.staying_up.resilience import UNHEALTHY
from trimtab.gateway.staying_up.told_limits import SIGNS, Limited, passed_on, refused, used_up
from trimtab.gateway.targets import ProjectTargets, Provider
from trimtab.gateway.tried import Try

SECOND = 1_000_000_000
KEY_REFUSED_NS = 60 * SECOND
"""A key that the provider refused is left alone for so long, where another key or target is there instead."""

MOST_VARIANTS = 64
"""Targets of one model that are kept with each of its provider's keys: further names of it, and earlier snapshots'."""
MOST_AT_ONCE = 1 << 62


class Passed(NamedTuple):
    """Why a target was passed over, and until when at most (Unix ns; 0 where nobody knows). ``by`` is what stood in the
    way; a refused key does not, where nothing else is left."""

    why: str
    until_ns: int
    by: str


class Watch:
    """Each of ``on_open`` is told when a breaker opens here: which (project id, provider, upstream model), until when
    (Unix ns)."""

    def __init__(self, live: Live, now_ns: Callable[[], int]) -> None:
        self._live = live
        self._now = now_ns
        self.on_open: list[Callable[[tuple[str, str, str], int], None]] = []

    def state(self, call: Call, target: Target) -> TargetState:
        """A target's live state, with the policy and the keys it has in this snapshot."""
        assert call.project is not None
        provider = target.provider
        key = (call.project.id, provider.name, target.model.upstream)
        state = self._live.states.get(key) or self._live.at(key)
        return state if state.target is target else self._follow(state, target, provider)

    def _follow(self, state: TargetState, target: Target, provider: Provider) -> TargetState:
        """Another target than before is asked for the same model: of another snapshot, or by another name."""
        state.target = target
        if state.declared is not provider:
            _take_over(state, provider)
        if target not in state.variants and len(provider.api_keys) > 1:
            if len(state.variants) >= MOST_VARIANTS:
                state.variants.clear()
            state.variants[target] = key_variants(target)
        policy = target.model.resilience or provider.resilience or DEFAULT
        if policy is not state.policy:
            state.policy = policy
            state.breaker.follow(policy.breaker)
        if policy.concurrency is not None:
            upstream = "" if target.model.resilience is None else state.upstream
            state.gate = self._live.gate(state.project, state.provider, upstream, policy.concurrency)
        elif state.gate is not None:
            state.gate = None
        return state

    def why_not(self, state: TargetState, now_ns: int) -> Passed | None:
        """Why a target cannot be asked now; None when it can."""
        breaker = state.breaker
        if breaker.state != "closed" and not breaker.admits(now_ns):
            seconds = breaker.opens_again_in_s(now_ns)
            if breaker.state == "open":
                why = f"Its circuit breaker is open for {seconds:.1f} s more: it kept failing."
            else:
                why = "Its circuit breaker is half open, and the probes it allows are under way."
            return Passed(why, now_ns + round(seconds * SECOND), "breaker")
        for key in state.keys:
            if not key.aside_until_ns(now_ns):
                break
        else:
            return _all_aside(state, now_ns)
        gate = state.gate
        if gate is not None and (gate.waiting or gate.running >= gate.rules.limit):
            return Passed(f"Its {gate.rules.limit} places are taken, and {gate.waiting} calls wait.", 0, "busy")
        return None

    def begin(self, attempt: Try, state: TargetState, now_ns: int) -> None:
        """An attempt begins: it counts as under way until `Try.release`, and has the least busy key that may be used
        (the one that is free soonest where none may)."""
        if state.breaker.state != "closed":
            state.breaker.began()
        state.in_flight += 1
        attempt.state = state
        keys = state.keys
        if len(keys) == 1:
            key = keys[0]
        else:
            at = _choose(keys, now_ns)
            key, known = keys[at], state.variants.get(attempt.target)
            attempt.target = _keyed(state, attempt.target, at) if known is None else known[at]
        attempt.key = key
        key.in_flight += 1

    def answered(self, attempt: Try, now_ns: int, *, stream: bool) -> None:
        """The attempt has begun to answer (a stream's first token, or a whole answer)."""
        state, key = attempt.state, attempt.key
        if state is None or key is None:
            return
        state.answered += 1
        state.breaker.answered(now_ns)
        state.note_latency(now_ns - attempt.started_ns, now_ns, stream=stream)
        if key.limits_in_a_row or key.until_ns:
            key.limits_in_a_row = key.until_ns = 0
        headers = attempt.headers
        if not headers.keys().isdisjoint(SIGNS):
            limited = used_up(headers, now_ns)
            if limited is not None:
                key.set_aside(limited.until_ns, limited.why, now_ns)

    def failed(self, attempt: Try, failure: FailureClass | None, error: TrimtabError) -> None:
        """The attempt came to nothing, or broke off after its first token."""
        state, key, now_ns = attempt.state, attempt.key, self._now()
        if state is None or key is None:
            return
        state.failed += 1
        if failure == "rate_limited":
            key.limits_in_a_row += 1
            limited: Limited = refused(attempt.headers, error.retry_after_s, key.limits_in_a_row, now_ns)
            key.set_aside(limited.until_ns, limited.why, now_ns)
            key.told = passed_on(attempt.headers)
        elif failure == "key":
            key.set_aside(now_ns + KEY_REFUSED_NS, "the provider refused it", now_ns)
            key.refused = True
        if failure in UNHEALTHY:
            was = state.breaker.state
            state.breaker.failed(now_ns, attempt.started_ns)
            if state.breaker.state == "open" and was != "open":
                self._tell(state, now_ns)
        else:
            state.breaker.abandoned()

    def advised(self, target: tuple[str, str, str], until_ns: int) -> None:
        """Another process has found a target failing (`Breaker.advised`)."""
        self._live.of(*target).breaker.advised(until_ns, self._now())

    def keep(self, in_force: Callable[[Provider], bool], targets: Mapping[str, ProjectTargets]) -> None:
        """Forget the keys of providers that were declared anew or are gone; what is known of keys that the new one has,
        too, stays known. ``targets`` are the snapshot's."""
        for _, state in self._live.each():
            if state.target is not None and not in_force(state.target.provider):
                state.target = None
            if state.declared is None or in_force(state.declared):
                continue
            of = targets.get(state.project)
            now = None if of is None else of.providers.get(state.provider)
            if now is not None:
                _take_over(state, now)
            else:
                state.declared, state.variants = None, {}
                state.keys, state.key_names = [KeyState()], ()

    def _tell(self, state: TargetState, now_ns: int) -> None:
        open_ns = round(state.breaker.opens_again_in_s(now_ns) * SECOND)
        for told in self.on_open:
            told((state.project, state.provider, state.upstream), now_ns + open_ns)

    def abandoned(self, attempt: Try) -> None:
        """Nothing was learned: the client left, or another target was faster."""
        if attempt.state is not None:
            attempt.state.breaker.abandoned()


def policy_of(target: Target) -> Policy:
    """A model's own policy, else its provider's, else the default."""
    return target.model.resilience or target.provider.resilience or DEFAULT


def key_variants(target: Target) -> tuple[Target, ...]:
    """The target with each of its provider's keys in turn."""
    provider = target.provider
    return tuple(Target(target.model, replace(provider, api_key=key)) for key in provider.api_keys)


def _keyed(state: TargetState, target: Target, at: int) -> Target:
    """The target with one of its keys, where its provider was declared anew since the call began."""
    provider = state.declared or target.provider
    return Target(target.model, replace(provider, api_key=state.key_names[at]))


def _take_over(state: TargetState, provider: Provider) -> None:
    """The provider was declared anew: what is known of keys that it still has stays known."""
    names = provider.api_keys or (provider.api_key or "",)
    if names != state.key_names:
        known = dict(zip(state.key_names, state.keys, strict=False))
        state.keys = [known.get(name) or KeyState() for name in names]
        state.key_names = names
    state.variants = {}
    state.declared = provider


def _choose(keys: list[KeyState], now_ns: int) -> int:
    """The usable key with the fewest calls under way; the first of equals."""
    best, fewest = -1, MOST_AT_ONCE
    for at, key in enumerate(keys):
        if key.in_flight < fewest and not key.aside_until_ns(now_ns):
            best, fewest = at, key.in_flight
    if best >= 0:
        return best
    return min(range(len(keys)), key=lambda at: keys[at].until_ns)


def _all_aside(state: TargetState, now_ns: int) -> Passed:
    soonest = min(state.keys, key=lambda key: key.until_ns)
    seconds = (soonest.until_ns - now_ns) / SECOND
    which = "Its key" if len(state.keys) == 1 else f"Each of its {len(state.keys)} keys"
    by = "key" if all(key.refused for key in state.keys) else "limit"
    return Passed(f"{which} is set aside for {seconds:.1f} s: {soonest.why}.", soonest.until_ns, by)
