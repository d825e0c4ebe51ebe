"""A tool call that cannot be carried out as it was written: see `tool_use.misuse`."""

from trimtab.telemetry.detectors import Detector, Finding, Memory, Said
from trimtab.telemetry.tool_use import misuse


def _check(said: Said, memory: Memory) -> Finding | None:
    del memory
    if not said.calls:
        return None
    for call in said.calls:
        found = misuse(call, said.tools)
        if found is not None:
            return Finding(found.kind, f"{call.name[:100]}: {found.why[:400]}.")
    return None


PLUG = Detector(
    version="1", about="Calls a tool in a way that cannot be carried out", check=_check, only="calls", alone=True
)
