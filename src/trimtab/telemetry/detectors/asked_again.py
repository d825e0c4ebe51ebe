"""The same person asks the same again soon, or the same in slightly other words: the first answer was no good to them.

It is found when the second question comes, and written down of the answer to the first, in whatever session that was.
Who asks is the user, else the session. Within one trace the same question comes again because a program says it again;
so does one behind which tool calls stand already.
"""

import re
from typing import Final

from trimtab.telemetry.detectors import Asked, Detector, Finding, Memory, Said

SOON_NS: Final = 10 * 60 * 10**9
LEAST: Final = 3
"""Words that a question needs, or "yes" and "go on" would be asked again all the time."""
_WORD: Final = re.compile(r"\w+")
_SIGNS: Final = {at: " " for at in range(128) if not (chr(at).isalnum() or chr(at) == "_")}
"""What stands between words that are ASCII: to put spaces there and to split takes a third of what `_WORD` takes."""
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Letters of scripts that write no spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""
LETTERS: Final = 6
"""Such letters that a question needs."""
MOST: Final = 2_000
"""Characters of a question; a document that is pasted twice is work, and no retry."""
ALIKE: Final = 0.6
"""Share of their words that two wordings have in common: |A and B| / |A or B|."""


def _check(said: Said, memory: Memory) -> Finding | None:
    who = f"user {said.user}" if said.user else f"session {said.session}"
    if not (said.user or said.session) or not said.question or len(said.question) > MOST:
        return None
    if said.messages and said.messages[-1].role != "user":
        return None
    if not says_something(said.question):
        return None
    last = memory.asked.get((said.project, who), list)
    now = Asked(said.question, said.trace_id, said.span_id, said.at_ns, said.session)
    before = last[0] if last else None
    if before is not None and (before.span_id == said.span_id or before.at_ns > said.at_ns):
        return None  # the same record once more
    if before is not None and before.text == now.text:
        now.words = before.words
    last[:] = [now]
    if before is None or before.trace_id == said.trace_id or said.at_ns - before.at_ns > SOON_NS:
        return None
    of = (before.trace_id, before.span_id, before.session)
    after_s = (said.at_ns - before.at_ns) // 10**9
    if before.text == now.text:
        return Finding("same", f"The same was asked again {after_s} s later (span {said.span_id}).", of)
    ours, theirs = _words_of(now), _words_of(before)
    common = len(ours & theirs) / len(ours | theirs)
    if common < ALIKE:
        return None
    why = f"It was asked again {after_s} s later in other words, {common:.0%} of them the same (span {said.span_id})."
    return Finding("edited", why, of)


def says_something(question: str) -> bool:
    """Whether it has so many different words. Mostly the first ones tell, and the others are not looked at."""
    if is_unspaced(question):
        return len(words_in(question)) >= LEAST
    found: set[str] = set()
    for word in _WORD.finditer(question.lower()):
        found.add(word.group())
        if len(found) >= LEAST:
            return True
    return False


def _words_of(asked: Asked) -> frozenset[str]:
    if asked.words is None:
        asked.words = words_in(asked.text)
    return asked.words


def words_in(question: str) -> frozenset[str]:
    """Without the signs around them; where no spaces are written, each two letters that stand together."""
    question = question.lower()
    if question.isascii():
        return frozenset(question.translate(_SIGNS).split())
    words = _WORD.findall(question)
    if not is_unspaced(question):
        return frozenset(words)
    text = "".join(words)
    return frozenset(text[at : at + 2] for at in range(len(text) - 1))


def is_unspaced(question: str) -> bool:
    return not question.isascii() and len(_UNSPACED.findall(question)) >= LETTERS


PLUG = Detector(version="3", about="The user asked the same again soon", check=_check, person=True, lean=True)
