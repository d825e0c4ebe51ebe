"""An answer without a word and without a tool call, although the model says that it was done."""

from trimtab.telemetry.detectors import Detector, Finding, Memory, Said


def _check(said: Said, memory: Memory) -> Finding | None:
    del memory
    if said.calls or (said.answer and not said.answer.isspace()):
        return None
    if said.refused:
        return None
    if said.stop == "length":
        return Finding("thinking_only", "The output limit was reached before the first visible word.")
    return Finding("empty", f"The answer has no visible text and calls no tool; it ended by {said.stop or 'nothing'}.")


PLUG = Detector(version="1", about="No visible text and no tool call", check=_check, only="odd", alone=True)
