"""The same answer to another question of the same session; or one answer that goes round in circles.

A session's last answers are remembered by their hashes. The same question asked again may be answered the same. A loop
is an answer whose last words stood before it several times over: models that lose their way end so, and run on to the
output limit.
"""

from typing import Final

from trimtab.telemetry.detectors import Detector, Finding, Memory, Said

SHORTEST: Final = 40
"""Below this an answer may well be the same: yes, no, thank you."""
REMEMBERED: Final = 16
LOOP_FROM: Final = 400
TAIL: Final = 60
LOOK_BACK: Final = 4_000
TIMES: Final = 4


def _check(said: Said, memory: Memory) -> Finding | None:
    answer = said.answer
    if len(answer) < SHORTEST:
        return None
    if len(answer) >= LOOP_FROM and (found := _loop(answer)):
        return found
    if not said.session:
        return None
    asked = hash(said.question)
    known = memory.answers.get((said.project, said.session), dict)
    mark = hash(answer)
    before = known.get(mark)
    if before is None:
        known[mark] = (said.span_id, asked)
        if len(known) > REMEMBERED:
            del known[next(iter(known))]
        return None
    if before[0] == said.span_id or before[1] == asked:
        return None
    return Finding("session", f"Word for word the answer to another question of this session (span {before[0]}).")


def _loop(answer: str) -> Finding | None:
    tail = answer[-TAIL:]
    if answer.find(tail, max(0, len(answer) - LOOK_BACK), len(answer) - 1) < 0:
        return None
    window = answer[-LOOK_BACK:]
    if window.count(tail) < TIMES or _words(tail) < 3:  # rows of a table, a line drawn
        return None
    return Finding("loop", f"Its last {TAIL} characters stand {window.count(tail)} times in its end: {tail.strip()!r}.")


def _words(text: str) -> int:
    return len({word for word in text.split() if len(word) > 2 and any(map(str.isalpha, word))})


PLUG = Detector(version="1", about="Says again what it said before", check=_check, person=True, lean=True)
