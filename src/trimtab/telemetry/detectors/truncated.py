"""An answer that the output limit cut off."""

from trimtab.telemetry.detectors import Detector, Finding, Memory, Said


def _check(said: Said, memory: Memory) -> Finding | None:
    del memory
    if said.stop != "length" or not (said.answer or said.calls):
        return None
    if said.calls:
        return Finding("tool_call", f"The output limit was reached within a call of {said.calls[-1].name}.")
    return Finding("text", f"The output limit was reached after {len(said.answer)} characters.")


PLUG = Detector(version="1", about="Cut off by the output limit", check=_check, only="odd", alone=True)
