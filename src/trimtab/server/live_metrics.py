"""Targets and queues of this worker in Prometheus' text format: readings, taken when somebody asks."""

from collections.abc import Callable

from trimtab.gateway.shadow import Shadows
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.staying_up.live import Live

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
    lines += _head("trimtab_target_breaker_openings", "Times each breaker has opened", kind="counter")
    lines += [f"trimtab_target_breaker_openings{start}}} {state.breaker.openings}" for start, state in targets]
    lines += _head("trimtab_target_in_flight", "Attempts under way at each target")
    lines += [f"trimtab_target_in_flight{start}}} {state.in_flight}" for start, state in targets]
    gates = [('{project="",of="server"', server_gate)]
    for (project, provider, upstream), gate in live.gates():
        of = f"{provider}/{_quoted(upstream)}" if upstream else provider
        gates.append((f'{{project="{slug_of(project)}",of="{of}"', gate))
    lines += _head("trimtab_gate_running", "Calls that have a place")
    lines += [f"trimtab_gate_running{start}}} {gate.running}" for start, gate in gates]
    lines += _head("trimtab_gate_waiting", "Calls that wait for a place")
    lines += [f"trimtab_gate_waiting{start}}} {gate.waiting}" for start, gate in gates]
    lines += _head("trimtab_gate_shed", "Calls refused because they could not be served in time", kind="counter")
    lines += [f"trimtab_gate_shed{start}}} {gate.shed}" for start, gate in gates]
    return ("\n".join(lines) + "\n").encode()


def shadow_lines(shadows: Shadows, slug_of: Callable[[str], str]) -> bytes:
    """Copies of calls for shadow rollouts, since this worker started: made, and left out and why."""
    lines = _head("trimtab_shadow_calls", "Copies of calls for shadow rollouts", kind="counter")
    lines += [f'trimtab_shadow_calls{{project="{slug_of(project)}"}} {n}' for project, n in shadows.made.items()]
    lines += _head("trimtab_shadow_dropped", "Copies of calls that were not made", kind="counter")
    lines += [
        f'trimtab_shadow_dropped{{project="{slug_of(project)}",why="{why}"}} {count}'
        for (project, why), count in shadows.dropped.items()
    ]
    return ("\n".join(lines) + "\n").encode()


def _head(name: str, about: str, kind: str = "gauge") -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
