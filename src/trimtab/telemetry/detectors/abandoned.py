"""A client that went away in the middle of a stream: whoever waited for the rest did not want it any more.

A program may do so, too: one that reads until it has what it needs, or whose own time is up.
"""

from trimtab.telemetry.detectors import Detector, Finding, Memory, Said


def _check(said: Said, memory: Memory) -> Finding | None:
    del memory
    return Finding("stream", f"The client left after {len(said.answer):,} characters of the answer.")


PLUG = Detector(version="1", about="The user left in the middle of it", check=_check, only="left", alone=True)
