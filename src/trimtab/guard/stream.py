"""Guards on an answer that streams: nothing leaves before whoever may take it out has seen it.

Text is held back until as many characters lie behind it as the widest guard's window has (`HoldBack`). What a guard can
see within its window it has therefore seen whole before the first character of it could leave:

    |-- gone --|-- looked at, may go --|------ window: held back ------|
                                       safe                            what has come

**The leak bound.** Of a finding of at most ``window`` characters nothing leaves, if the guard knows it by the text of
the finding alone. A longer one may have begun to leave. Guards look once so many characters more have come as a stride
has, so at most window + stride characters are held back, and a finding that goes on with half as much again. A finding
that touches what is held waits with it until it is whole: `a@b.co` may become `a@b.com`.

**Parts.** An answer's blocks of text are one text, as they are where it comes whole: what begins in one and ends in the
next is seen, with nothing and with a blank between them (`parts.py`). What may leave is told by parts.

Guards that judge whole answers only (``window`` is None) and may act hold all of it back. Those that only flag, or are
in shadow mode, look at the end and hold nothing back.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from trimtab.guard.run import STOPS, Runner, Swap, counts, instead_of, merged
from trimtab.guard.spec import Ready
from trimtab.guard.types import ACTIONS, Finding, Piece, Stage, Subject, Tools, Verdict

STRIDE_LEAST: Final = 16
LOOK_BACK: Final = 1
"""How many windows of what has left already a guard sees before what it judges: words and contexts begin there."""


def windowed(guards: Sequence[Ready]) -> tuple[Ready, ...]:
    """Those of them that may act on a part of an answer."""
    return tuple(each for each in guards if each.acts and each.plug.window is not None)


def whole_only(guards: Sequence[Ready]) -> tuple[Ready, ...]:
    """Those that may act, and must have the whole answer for it."""
    return tuple(each for each in guards if each.acts and each.plug.window is None)


class Share(Struct, frozen=True):
    """A text that may leave, of one part."""

    part: int
    text: str


class HoldBack:
    """One text while it grows, in one part or more. `grow` and `end` give what may leave; after ``stopped`` nothing
    does.

    ``arrived`` counts the pieces of text (tokens, as providers send them) that have come, ``held`` the most of them
    that were held back at a time.
    """

    def __init__(self, runner: Runner, guards: Sequence[Ready], subject: Subject, tools: Tools, stage: Stage) -> None:
        self._runner = runner
        self._guards = guards
        self._subject = subject
        self._tools = tools
        self._stage: Stage = stage
        self.window = max((each.plug.window or 0 for each in guards), default=0)
        self.stride = max(STRIDE_LEAST, self.window // 2)  # half the work of a quarter, for a fifth more delay
        self._text = ""
        self._base = 0
        """Where ``_text`` begins in the whole."""
        self._gone = 0
        """How much of the whole has left, or was replaced."""
        self._looked = 0
        """How much of the whole had come when it was last looked at."""
        self._starts: list[int] = [0]
        self._parts: list[int] = [0]
        """Which parts there are, and where in the whole each begins."""
        self._ends: deque[int] = deque()
        self.stopped: Verdict | None = None
        self.verdicts: dict[str, Verdict] = {}
        self._met: dict[str, set[tuple[int, str]]] = {}
        self.swaps: list[Swap] = []
        self.changed = False
        self.held = 0
        self.arrived = 0

    async def grow(self, text: str, part: int = 0) -> list[Share]:
        """More of that part has come: what may leave now, of this one and those before it."""
        if self.stopped is not None or not text:
            return []
        if not self._guards:
            return [Share(part, text)]
        self._begin(part)
        self._text += text
        self.arrived += 1
        self._ends.append(self._base + len(self._text))
        self.held = max(self.held, len(self._ends))
        come = self._base + len(self._text)
        if come - self._gone < self.window + self.stride or come - self._looked < self._until_next():
            return []
        return await self._look(last=False)

    def holds(self, part: int) -> bool:
        """Whether anything of that part waits."""
        come = self._base + len(self._text)
        ends = (*self._starts[1:], come)
        return any(
            one == part and self._gone < end and start < end
            for one, start, end in zip(self._parts, self._starts, ends, strict=True)
        )

    def _begin(self, part: int) -> None:
        if part != self._parts[-1]:
            self._starts.append(self._base + len(self._text))
            self._parts.append(part)

    def _until_next(self) -> int:
        """How many characters more have to come before it is worth a look. While a finding goes on, ever more: all of
        it is looked at each time, so that each piece of a long one would cost as much as all before it."""
        return max(self.stride, (self._looked - self._gone - self.window) // 2)

    async def end(self) -> list[Share]:
        """No more is to come: the rest, or what stands there instead."""
        if self.stopped is not None or not self._guards or self._gone == self._base + len(self._text):
            return []
        return await self._look(last=True)

    async def _look(self, *, last: bool) -> list[Share]:
        self._looked = self._base + len(self._text)
        found = await self._findings(last=last)
        if self.stopped is not None:
            return []
        out = self._let_go(found, last=last)
        while self._ends and self._ends[0] <= self._gone:
            self._ends.popleft()
        keep = max(self._base, self._gone - LOOK_BACK * self.window)
        self._text = self._text[keep - self._base :]
        self._base = keep
        while len(self._starts) > 1 and self._starts[1] <= keep:
            del self._starts[0], self._parts[0]
        return out

    async def _findings(self, *, last: bool) -> list[Finding]:
        """What is to be taken out, by places in the whole."""
        cuts = tuple(start - self._base for start in self._starts[1:])
        piece = Piece(stage=self._stage, text=self._text, role="assistant", cuts=cuts)
        seen_whole = last and self._base == 0
        subject = Subject(
            pieces=(piece,),
            system=self._subject.system,
            question=self._subject.question,
            context=self._subject.context,
            schema=self._subject.schema if seen_whole else None,
            whole=seen_whole,
        )
        found: list[Finding] = []
        for guard in self._guards:
            seen = await self._runner.look(guard, self._stage, subject, self._tools)
            placed = [
                Finding(
                    piece=0,
                    start=each.start + self._base,
                    end=each.end + self._base,
                    kind=each.kind,
                    score=each.score,
                    instead=each.instead,
                    restore=each.restore,
                )
                for each in seen.findings
            ]
            self._note(guard.name, seen.verdict, placed)
            if seen.verdict.action in STOPS:
                self.stopped = self.verdicts[guard.name]
                return []
            if seen.verdict.action == "redact":
                found += placed
        return found

    def _let_go(self, found: Sequence[Finding], *, last: bool) -> list[Share]:
        end = self._base + len(self._text)
        safe = end if last else max(self._gone, end - self.window)
        out: list[Share] = []
        at = self._gone
        for each in merged(found):
            if each.end <= at:
                continue
            if each.start >= safe:
                break
            if each.end > safe:  # it may go on: it leaves, replaced, once it is whole
                safe = max(at, each.start)
                break
            start = max(at, each.start)
            out += self._shares(at, start)
            instead = instead_of(each)
            out.append(Share(self._part_at(start), instead))
            self.swaps.append(Swap(self._between(start, each.end), instead, restore=False))
            fragments = list(self._shares(start, each.end))
            if len(fragments) > 1:  # for whoever takes it out of a copy that is kept
                self.swaps += [
                    Swap(one.text, "" if number else instead, restore=False) for number, one in enumerate(fragments)
                ]
            self.changed = True
            at = each.end
        out += self._shares(at, max(at, safe))
        self._gone = max(at, safe)
        return out

    def _shares(self, start: int, end: int) -> Iterator[Share]:
        """That stretch of the whole as it is, by parts."""
        first = bisect_right(self._starts, start) - 1
        for at in range(first, len(self._starts)):
            until = min(end, self._starts[at + 1]) if at + 1 < len(self._starts) else end
            if start < until:
                yield Share(self._parts[at], self._between(start, until))
                start = until

    def _part_at(self, place: int) -> int:
        return self._parts[bisect_right(self._starts, place) - 1]

    def _between(self, start: int, end: int) -> str:
        return self._text[start - self._base : end - self._base]

    def _note(self, name: str, verdict: Verdict, found: Sequence[Finding]) -> None:
        """One verdict of a guard for the whole stream: its weightiest, with all that was found."""
        met = self._met.setdefault(name, set())
        fresh = [each for each in found if (each.start, each.kind) not in met]
        met.update((each.start, each.kind) for each in found)
        self.verdicts[name] = summed(self.verdicts.get(name), verdict, counts(fresh))


def summed(before: Verdict | None, now: Verdict, fresh: dict[str, int]) -> Verdict:
    """Two looks of one guard as one verdict: the weightier's words, times and costs together; ``fresh`` is what was
    found now and not before."""
    if before is None:
        return now
    heavier = max(before, now, key=lambda each: (ACTIONS.index(each.action), each.score))
    found = {kind: before.found.get(kind, 0) + fresh.get(kind, 0) for kind in (*before.found, *fresh)}
    values = {name: getattr(heavier, name) for name in heavier.__struct_fields__}
    values["found"] = found if now.action != "allow" else before.found
    values["took_us"] = before.took_us + now.took_us
    values["cost"] = None if before.cost is None or now.cost is None else before.cost + now.cost
    return Verdict(**values)
