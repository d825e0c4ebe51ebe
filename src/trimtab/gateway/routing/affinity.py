"""Which target answered a session, or a prompt that begins the same, so that the next call finds its cache warm.

Providers keep the computed beginning of a prompt for some minutes (OpenAI's and Anthropic's prompt caching), and only
the target that has it can use it. A pin is a small number (a hash of project, route and session, or of the prompt's
beginning) and the target's name with the time it was last used. It lives in this worker's memory, the oldest give way,
and it only reorders targets that the route offers anyway.
"""

from collections import OrderedDict

from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.plan import Plan
from trimtab.gateway.routing.types import Affinity
from trimtab.gateway.staying_up.live import Live
from trimtab.telemetry.records import Step

REMEMBERED = 20_000
"""Pins that a worker keeps (some 200 bytes each)."""
PREFIX_BYTES = 1024
"""How much of a prompt's beginning tells it apart."""
MINUTE_NS = 60_000_000_000
_BEGINNINGS = (b'"system"', b'"messages"', b'"input"', b'"contents"', b'"instructions"')
_LOOKED_AT = 4096


class Pins:
    """Asked at the end of a plan, told when a target has answered. Belongs to one event loop."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._pins: OrderedDict[int, tuple[str, int]] = OrderedDict()
        self._remembered = remembered

    def __len__(self) -> int:
        return len(self._pins)

    def apply(self, affinity: Affinity, project: str, plan: Plan, ask: Ask, live: Live) -> None:
        """Put the pinned target first while it is healthy, and leave on the plan what `keep` remembers it by."""
        if not (affinity.prompt or ask.caller.session or ask.caller.user):
            return
        marks = _marks(affinity, project, plan.route, ask)
        if not marks:
            return
        plan.pins = tuple(mark for mark, _ in marks)
        horizon = ask.now_ns - round(affinity.minutes * MINUTE_NS)
        for mark, by in marks:
            pin = self._pins.get(mark)
            if pin is None or pin[1] < horizon or pin[0] not in plan.nodes:
                continue
            if (pin[0] in plan.strong) != (plan.targets[0].model.name in plan.strong):
                continue  # which of the two should be asked is for `escalate` to say
            place = next(at for at, target in enumerate(plan.targets) if target.model.name == pin[0])
            target = plan.targets[place]
            state = live.known(project, target.provider.name, target.model.upstream)
            if state is not None and not state.is_well(ask.now_ns):
                took = plan.targets[0].model.name
                plan.steps.append(Step(node="affinity", took=took, why=f"{pin[0]} is not well now"))
            elif place:
                plan.targets = (target, *plan.targets[:place], *plan.targets[place + 1 :])
                plan.steps.append(Step(node="affinity", took=pin[0], why=f"it answered this {by} before"))
            else:
                plan.steps.append(Step(node="affinity", took=pin[0], why=f"it answered this {by} before, and is first"))
            return

    def keep(self, plan: Plan, name: str, now_ns: int) -> None:
        """That target has answered a call of this plan."""
        pins = self._pins
        for mark in plan.pins:
            pins[mark] = (name, now_ns)
            pins.move_to_end(mark)
        while len(pins) > self._remembered:
            pins.popitem(last=False)


def kept_together(affinity: Affinity, ask: Ask) -> bytes:
    """What keeps a call with others, the same on every worker and after a restart; empty where nothing does."""
    if affinity.session and (by := ask.caller.session or ask.caller.user):
        return by.encode("utf-8", "surrogatepass")
    if affinity.prompt and len(ask.body) >= affinity.prompt_bytes:
        return _beginning(ask.body)
    return b""


def _marks(affinity: Affinity, project: str, route: str, ask: Ask) -> list[tuple[int, str]]:
    marks: list[tuple[int, str]] = []
    if affinity.session and (by := ask.caller.session or ask.caller.user):
        marks.append((hash((project, route, by)), "session"))
    if affinity.prompt and len(ask.body) >= affinity.prompt_bytes:
        marks.append((hash((project, route, _beginning(ask.body))), "prompt's beginning"))
    return marks


def _beginning(body: bytes) -> bytes:
    """The prompt's first bytes as the client wrote them: one client writes its fields in one order."""
    found = [place for name in _BEGINNINGS if (place := body.find(name, 0, _LOOKED_AT)) >= 0]
    start = min(found, default=0)
    return body[start : start + PREFIX_BYTES]
