"""The same person asks the same again soon, or the same in slightly other words: the first answer was no good to them.

It is found when the second question comes, and written down of the answer to the first. Who asks is the user, else the
session. Within one trace the same question comes again because a program says it again; so does one behind which tool
calls stand already.
"""

import re
from typing import Final

from trimtab.telemetry.detectors import Asked, Detector, Finding, Memory, Said

SOON_NS: Final = 10 * 60 * 10**9
LEAST: Final = 3
"""Words that a question needs, or "yes" and "go on" would be asked again all the time."""
_WORD: Final = re.compile(r"\w+")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Letters of scripts that write no spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""
LETTERS: Final = 6
"""Such letters that a question needs."""
MOST: Final = 2_000
"""Characters of a question; a document that is pasted twice is work, and no retry."""
ALIKE: Final = 0.6
"""Share of their words that two wordings have in common: |A and B| / |A or B|."""


def _check(said: Said, memory: Memory) -> Finding | None:
    who = said.user or said.session
    if not who or not said.question or len(said.question) > MOST:
        return None
    if said.messages and said.messages[-1].role != "user":
        return None
    words = _words(said.question.lower())
    if len(words) < LEAST:
        return None
    last = memory.asked.get((said.project, who), list)
    now = Asked(words, hash(said.question), said.trace_id, said.span_id, said.at_ns)
    before = last[0] if last else None
    if before is not None and (before.span_id == said.span_id or before.at_ns > said.at_ns):
        return None  # the same record once more
    last[:] = [now]
    if before is None or before.trace_id == said.trace_id or said.at_ns - before.at_ns > SOON_NS:
        return None
    of = (before.trace_id, before.span_id)
    after_s = (said.at_ns - before.at_ns) // 10**9
    if before.text == now.text:
        return Finding("same", f"The same was asked again {after_s} s later (span {said.span_id}).", of)
    common = len(words & before.words) / len(words | before.words)
    if common < ALIKE:
        return None
    why = f"It was asked again {after_s} s later in other words, {common:.0%} of them the same (span {said.span_id})."
    return Finding("edited", why, of)


def _words(question: str) -> frozenset[str]:
    """Without the signs around them; where no spaces are written, each two letters that stand together."""
    if not question.isascii() and len(_UNSPACED.findall(question)) >= LETTERS:
        text = "".join(_WORD.findall(question))
        return frozenset(text[at : at + 2] for at in range(len(text) - 1))
    return frozenset(_WORD.findall(question))


PLUG = Detector(version="2", about="The user asked the same again soon", check=_check, person=True, lean=True)
