"""Answers of one model and feature that have suddenly become much longer or shorter.

Lengths vary by nature, so no single answer is judged: the median of the last eight is held against the median of the
64 before them, on a logarithmic scale, by as many median absolute deviations as eight answers may stray; and few of
the 64 may lie there already, which is what a feature with short and long answers looks like. It is told once, at the
answer that completes the eight, and from then on the new level is the baseline.
"""

import math
from typing import Final

from trimtab.telemetry.detectors import Detector, Finding, Lengths, Memory, Said

LAST: Final = 8
BASELINE: Final = 64
ENOUGH: Final = 32
FACTOR: Final = 2.5
DEVIATIONS: Final = 5.0
KNOWN: Final = 8
"""A level that an eighth of the baseline has reached is nothing new."""
_LEAST: Final = math.log(FACTOR)
_NORMAL: Final = 1.4826
"""What makes a median absolute deviation comparable with a standard deviation."""


def _check(said: Said, memory: Memory) -> Finding | None:
    if not said.answer or said.calls:
        return None
    kept = memory.lengths.get((said.project, said.model, said.feature), Lengths)
    if kept.last == said.span_id:
        return None
    kept.last = said.span_id
    recent = kept.recent
    recent.append(math.log(len(said.answer)))
    if len(recent) < LAST:
        return None
    found = _shift(kept) if len(kept.baseline) >= ENOUGH else None
    kept.baseline = kept.recent if found else [*kept.baseline, *kept.recent][-BASELINE:]
    kept.recent = []
    return found


def _shift(kept: Lengths) -> Finding | None:
    before, now = _median(kept.baseline), _median(kept.recent)
    if abs(now - before) <= _LEAST:  # nearly always
        return None
    spread = _NORMAL * _median([abs(each - before) for each in kept.baseline])
    # The standard error of a median of n is about 1.2533 standard deviations over the root of n.
    bound = max(_LEAST, DEVIATIONS * 1.2533 * spread / math.sqrt(LAST))
    if abs(now - before) <= bound:
        return None
    longer = now > before
    there = sum(each >= now for each in kept.baseline) if longer else sum(each <= now for each in kept.baseline)
    if there * KNOWN >= len(kept.baseline):
        return None  # answers of two usual lengths, and by chance several of the rarer one
    return Finding(
        "longer" if longer else "shorter",
        f"The last {LAST} answers have {round(math.exp(now))} characters in the middle, the {len(kept.baseline)} before"
        f" them had {round(math.exp(before))}.",
    )


def _median(values: list[float]) -> float:
    """The upper one of an even number."""
    return sorted(values)[len(values) // 2]


PLUG = Detector(version="2", about="Answers have suddenly become much longer or shorter", check=_check, lean=True)
