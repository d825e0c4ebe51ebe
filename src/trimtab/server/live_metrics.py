"""Targets, queues and copies of calls for Prometheus. How it is now is of the worker that answers, and is read when
somebody asks. What has been counted is followed by `Metrics`, which tells the sum of all workers: a count that is of
another one each time it is asked for would seem to begin anew.
"""

from collections.abc import Callable, Iterator

from trimtab.gateway.shadow import Shadows
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.staying_up.live import Live
from trimtab.server.metrics import Metrics

MOST_TARGETS = 500
STATES = ("closed", "half_open", "open")


def live_lines(live: Live, server_gate: Gate, slug_of: Callable[[str], str]) -> bytes:
    """Breakers, load and queues. With several workers, of the one that answers: breakers are each worker's own."""
    targets = [
        (f'{{project="{slug_of(project)}",provider="{provider}",model="{_quoted(upstream)}"', state)
        for (project, provider, upstream), state in list(live.each())[:MOST_TARGETS]
    ]
    lines = _head("trimtab_target_breaker", "Circuit breakers: 1 for the state each is in")
    for start, state in targets:
        for name in STATES:
            lines.append(f'trimtab_target_breaker{start},state="{name}"}} {int(state.breaker.state == name)}')
    lines += _head("trimtab_target_in_flight", "Attempts under way at each target")
    lines += [f"trimtab_target_in_flight{start}}} {state.in_flight}" for start, state in targets]
    gates = [
        (f'{{project="{project}",of="{_quoted(of)}"', gate) for project, of, gate in _gates(live, server_gate, slug_of)
    ]
    lines += _head("trimtab_gate_running", "Calls that have a place")
    lines += [f"trimtab_gate_running{start}}} {gate.running}" for start, gate in gates]
    lines += _head("trimtab_gate_waiting", "Calls that wait for a place")
    lines += [f"trimtab_gate_waiting{start}}} {gate.waiting}" for start, gate in gates]
    return ("\n".join(lines) + "\n").encode()


def follow(metrics: Metrics, live: Live, server_gate: Gate, shadows: Shadows, slug_of: Callable[[str], str]) -> None:
    """What this worker has counted of its targets, queues and copies since it started."""

    def openings() -> Iterator[tuple[tuple[str, ...], int]]:
        for (project, provider, upstream), state in list(live.each())[:MOST_TARGETS]:
            yield (slug_of(project), provider, upstream), state.breaker.openings

    def shed() -> Iterator[tuple[tuple[str, ...], int]]:
        for project, of, gate in _gates(live, server_gate, slug_of):
            yield (project, of), gate.shed

    def made() -> Iterator[tuple[tuple[str, ...], int]]:
        for project, count in list(shadows.made.items()):
            yield (slug_of(project),), count

    def dropped() -> Iterator[tuple[tuple[str, ...], int]]:
        for (project, why), count in list(shadows.dropped.items()):
            yield (slug_of(project), why), count

    about = "Times each breaker has opened"
    metrics.follow("trimtab_target_breaker_openings", about, ("project", "provider", "model"), openings)
    about = "Calls refused because they could not be served in time"
    metrics.follow("trimtab_gate_shed", about, ("project", "of"), shed)
    metrics.follow("trimtab_shadow_calls", "Copies of calls for shadow rollouts", ("project",), made)
    metrics.follow("trimtab_shadow_dropped", "Copies of calls that were not made", ("project", "why"), dropped)


def _gates(live: Live, server_gate: Gate, slug_of: Callable[[str], str]) -> Iterator[tuple[str, str, Gate]]:
    """The project, what is guarded, and the gate."""
    yield "", "server", server_gate
    for (project, provider, upstream), gate in live.gates():
        yield slug_of(project), f"{provider}/{upstream}" if upstream else provider, gate


def _head(name: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} gauge"]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
