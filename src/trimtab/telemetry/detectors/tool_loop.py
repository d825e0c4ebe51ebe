"""The same tool called with the same arguments again and again, though its answer is known already.

Counted over what the conversation shows since the user last spoke, and over the trace where each step is a call of its
own.
"""

from typing import Final

from trimtab.llm.types import ToolCall
from trimtab.telemetry.detectors import Detector, Finding, Memory, Said

TIMES: Final = 3


def _check(said: Said, memory: Memory) -> Finding | None:
    if not said.calls:
        return None
    earlier = _earlier(said)
    known = memory.tools.get((said.project, said.trace_id), dict)
    worst: tuple[int, ToolCall] | None = None
    for call in said.calls:
        mark = hash((call.name, call.arguments))
        spans = known.setdefault(mark, set())
        spans.add(said.span_id)
        times = max(len(spans), 1 + earlier.count(mark))
        if times >= TIMES and (worst is None or times > worst[0]):
            worst = (times, call)
    if worst is None:
        return None
    times, call = worst
    return Finding(call.name[:200], f"{call.name} was called {times} times with the same arguments: {_cut(call)}.")


def _earlier(said: Said) -> list[int]:
    """Calls of the assistant since the user's last words, as hashes."""
    found: list[int] = []
    for message in reversed(said.messages):
        if message.role == "user" and not all(part.__class__.__name__ == "ToolResult" for part in message.parts):
            break
        if message.role == "assistant":
            found += [hash((part.name, part.arguments)) for part in message.parts if isinstance(part, ToolCall)]
    return found


def _cut(call: ToolCall) -> str:
    return call.arguments if len(call.arguments) <= 200 else f"{call.arguments[:200]}…"


PLUG = Detector(
    version="1", about="Calls one tool with the same arguments again and again", check=_check, only="calls", lean=True
)
