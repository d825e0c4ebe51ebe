"""A chain of guards over a subject: in order, each with its threshold, timeout, failure mode and budget.

    Subject + guards --look, one after the other--> verdicts, and the pieces as they may go on (`Ran`)

A guard sees what those before it left: a redaction is done before the next one looks. The first that stops the call
ends the chain. What a guard in shadow mode finds is written down and changes nothing. One that fails (cannot tell,
takes too long, has a defect, has spent its budget) acts as if it had found something, unless it is declared to fail
open: it does what its own action says; where that is `redact`, it blocks, since nobody knows what to take out.
"""

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import TrimtabError
from trimtab.guard.parts import apart, back, both, moved, split
from trimtab.guard.seams import added, between
from trimtab.guard.spec import Broken, Chain, Ready
from trimtab.guard.types import (
    STAGES,
    Action,
    CannotTell,
    Finding,
    Look,
    Notes,
    Outcome,
    Piece,
    Stage,
    Subject,
    Tools,
    Verdict,
)

AT_ONCE: Final = 8_000
"""Characters that are looked at on the event loop; more goes to a thread, so that other calls go on."""
THREADS: Final = 2
TIMEOUT_S: Final = {"cpu": 10.0, "embed": 10.0, "model": 30.0, "service": 5.0}
"""Where the team says nothing."""
STOPS: Final[tuple[Action, ...]] = ("block", "escalate")
MOST_REASON: Final = 500

Clock = Callable[[], int]
"""Monotonic ns."""


class Swap(Struct, frozen=True):
    """A text that was taken out and what stands there now; ``restore``: it goes back into the answer."""

    text: str
    instead: str
    restore: bool


class Ran(Struct, frozen=True, kw_only=True):
    """What a chain made of a subject. ``pieces`` are those of the subject, redacted; ``stopped`` is the verdict that
    ended it, None where the call goes on."""

    pieces: tuple[Piece, ...]
    verdicts: tuple[Verdict, ...] = ()
    swaps: tuple[Swap, ...] = ()
    stopped: Verdict | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """One guard's look at some pieces of one stage: its verdict, and the findings that count, of the subject's own
    pieces."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()


class Runner:
    """For one event loop."""

    def __init__(self, clock: Clock = time.monotonic_ns) -> None:
        self._clock = clock
        self._threads: ThreadPoolExecutor | None = None

    async def run(self, chain: Chain, subject: Subject, tools: Tools, *stages: Stage) -> Ran:
        """The guards of the chain for those stages (all, if none is given)."""
        wanted = stages or STAGES
        tools = replace(tools, notes=Notes())
        verdicts: list[Verdict] = []
        swaps: list[Swap] = []
        for verdict in broken_at(chain, subject, wanted):
            verdicts.append(verdict)
            if verdict.mode == "enforce" and verdict.action in STOPS:
                return Ran(pieces=subject.pieces, verdicts=tuple(verdicts), stopped=verdict)
        for guard in chain.guards:
            for stage in guard.stages:
                if stage not in wanted or not _concerned(guard, stage, subject):
                    continue
                seen = await self.look(guard, stage, subject, tools)
                verdicts.append(seen.verdict)
                if not guard.enforced:
                    continue
                if seen.verdict.action in STOPS:
                    return Ran(
                        pieces=subject.pieces, verdicts=tuple(verdicts), swaps=tuple(swaps), stopped=seen.verdict
                    )
                if seen.verdict.action == "redact":
                    subject = replace(subject, pieces=redacted(subject.pieces, seen.findings, swaps))
        return Ran(pieces=subject.pieces, verdicts=tuple(verdicts), swaps=tuple(swaps))

    async def look(self, guard: Ready, stage: Stage, subject: Subject, tools: Tools) -> Seen:
        """One guard at the pieces of one stage; never raises for what the guard does."""
        at = [number for number, piece in enumerate(subject.pieces) if concerns(guard, stage, piece)]
        own = replace(subject, pieces=tuple(subject.pieces[number] for number in at))
        began = self._clock()
        outcome = await self._outcome(guard, own, tools) if at else Look()
        took = (self._clock() - began) // 1_000
        seen = seen_of(guard, stage, outcome, took, at)
        unread = missed(guard, stage, subject)
        return replace(seen, verdict=_unread(guard, seen.verdict, unread)) if unread else seen

    async def aclose(self) -> None:
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown)

    async def _outcome(self, guard: Ready, subject: Subject, tools: Tools) -> Outcome:
        plug = guard.plug
        given = guard.spec.timeout_ms
        seconds = TIMEOUT_S[plug.needs] if given is None else given / 1_000
        if plug.needs == "model" and tools.asking is not None:
            tools = replace(tools, ask=tools.asking(guard.name))
        try:
            if plug.needs == "cpu" and sum(len(piece.text) for piece in subject.pieces) <= AT_ONCE:
                return await self._looks(guard, subject, tools)
            async with asyncio.timeout(seconds):
                return await self._looks(guard, subject, tools)
        except TimeoutError:
            return CannotTell(reason=f"It took longer than {seconds * 1_000:g} ms.", cost=None)
        except TrimtabError as error:
            return CannotTell(reason=error.message[:MOST_REASON], cost=None)
        except Exception as error:  # noqa: BLE001 - a plug may fail in any way
            return CannotTell(reason=f"It failed: {type(error).__name__}.", cost=None)

    async def _looks(self, guard: Ready, subject: Subject, tools: Tools) -> Outcome:
        """At a text that came in parts twice (`parts.py`); a model reads it with blanks alone, since each look costs
        money."""
        looked = apart(subject)
        if looked is None:
            return await self._over_seams(guard, subject, tools, await self._one_look(guard, subject, tools))
        read = back(await self._one_look(guard, looked.subject, tools), looked)
        if guard.plug.needs == "model":
            return read
        seen = both(await self._one_look(guard, subject, tools), read)
        return await self._over_seams(guard, subject, tools, seen)

    async def _over_seams(self, guard: Ready, subject: Subject, tools: Tools, seen: Outcome) -> Outcome:
        """And at what is split over several texts, where it looks for what can be."""
        glue = guard.plug.seam
        if glue is None or isinstance(seen, CannotTell) or not (found := between(subject.pieces, glue)):
            return seen
        over = replace(subject, pieces=tuple(each.piece for each in found))
        return added(seen, await self._one_look(guard, over, tools), found, guard.threshold)

    async def _one_look(self, guard: Ready, subject: Subject, tools: Tools) -> Outcome:
        plug = guard.plug
        if plug.needs != "cpu":
            return checked(await cast("Awaitable[Outcome]", plug.look(subject, guard.made, tools)), subject)
        if sum(len(piece.text) for piece in subject.pieces) <= AT_ONCE:
            return checked(cast("Outcome", plug.look(subject, guard.made, tools)), subject)
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._pool(), plug.look, subject, guard.made, tools)
        return checked(cast("Outcome", made), subject)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="guard")
        return self._threads


def _concerned(guard: Ready, stage: Stage, subject: Subject) -> bool:
    return any(concerns(guard, stage, piece) for piece in subject.pieces) or bool(missed(guard, stage, subject))


def taken_out(chain: Chain, subject: Subject, tools: Tools) -> str | None:
    """The one text of a subject as guards of answers leave it, at once: None where one of them would stop it, cannot
    tell, or has to ask somebody."""
    if any(each.spec.mode == "enforce" for each in chain.broken):
        return None
    for guard in chain.at("output"):
        if not guard.acts:
            continue
        if guard.plug.needs != "cpu":
            return None
        try:
            outcome = checked(cast("Outcome", guard.plug.look(subject, guard.made, tools)), subject)
        except Exception as error:  # noqa: BLE001 - a plug may fail in any way
            outcome = CannotTell(reason=f"It failed: {type(error).__name__}.")
        seen = seen_of(guard, "output", outcome, 0, (0,))
        if seen.verdict.action in STOPS:
            return None
        if seen.verdict.action == "redact":
            subject = replace(subject, pieces=redacted(subject.pieces, seen.findings, []))
    return subject.pieces[0].text


def concerns(guard: Ready, stage: Stage, piece: Piece) -> bool:
    """Whether it looks at that piece at that stage."""
    marked = "#" in piece.place or "!" in piece.place
    return bool(piece.text) and _is_at(guard, stage, piece.stage, piece.role, marked=marked)


def missed(guard: Ready, stage: Stage, subject: Subject) -> dict[str, int]:
    """What it would have had to look at there and cannot read, counted by kind; none where it does not mind."""
    found: dict[str, int] = {}
    for each in subject.unread if guard.spec.unread != "allow" else ():
        if _is_at(guard, stage, each.stage, each.role, marked=True):
            found[each.what] = found.get(each.what, 0) + 1
    return found


def _is_at(guard: Ready, stage: Stage, of: Stage, role: str, *, marked: bool) -> bool:
    if of != stage:
        # who writes a message can mark a part of it as found, or send it as a file: that hides it from no guard that
        # looks at messages alone
        hidden = of == "retrieved" and marked and "retrieved" not in guard.stages
        if not (hidden and stage == "input"):
            return False
    return stage != "input" or not guard.spec.roles or role in guard.spec.roles


def _unread(guard: Ready, verdict: Verdict, unread: dict[str, int]) -> Verdict:
    verdict = replace(verdict, unread=unread)
    if guard.spec.unread != "block" or verdict.action in STOPS:
        return verdict
    what = ", ".join(f"{count} {kind}" for kind, count in sorted(unread.items()))
    return replace(verdict, action="block", label="unread", reason=f"It lets nothing pass that it cannot read: {what}.")


def checked(outcome: Outcome, subject: Subject) -> Outcome:
    """Itself, or what is wrong with it: a finding outside of its text would take out another one."""
    if isinstance(outcome, CannotTell):
        return outcome
    if not 0.0 <= outcome.score <= 1.0:  # NaN, too
        return CannotTell(reason=f"It gave {outcome.score}, which is no score.", cost=outcome.cost)
    for each in outcome.findings:
        if not 0 <= each.piece < len(subject.pieces):
            return CannotTell(reason="It found something in a text it was not given.", cost=outcome.cost)
        if not 0 <= each.start < each.end <= len(subject.pieces[each.piece].text):
            return CannotTell(reason="It found something outside of its text.", cost=outcome.cost)
    return outcome


def seen_of(guard: Ready, stage: Stage, outcome: Outcome, took_us: int, at: Sequence[int]) -> Seen:
    """What is decided by what a guard saw. ``at``: which of the subject's pieces it was given."""
    if isinstance(outcome, CannotTell):
        return Seen(verdict=_failed(guard, stage, outcome, took_us))
    spec = guard.spec
    action: Action = spec.action if outcome.score >= guard.threshold and outcome.score > 0 else "allow"
    counted = tuple(each for each in outcome.findings if each.score >= guard.threshold)
    if action == "redact" and not counted:
        action = "block"  # something is there, and nobody knows where
    verdict = Verdict(
        guard=guard.name,
        version=guard.version,
        kind=spec.kind,
        detector=guard.detector,
        stage=stage,
        action=action,
        mode=spec.mode,
        score=outcome.score,
        threshold=guard.threshold,
        reason=outcome.reason[:MOST_REASON] if action != "allow" else "",
        label=outcome.label[:100] if action != "allow" else "",
        found=counts(counted) if action != "allow" else {},
        took_us=took_us,
        cost=outcome.cost,
        data_class=spec.data_class if action != "allow" else "",
    )
    return Seen(verdict=verdict, findings=tuple(replace(each, piece=at[each.piece]) for each in counted))


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in findings:
        if not each.goes_on:
            found[each.kind] = found.get(each.kind, 0) + 1
    return found


def on_failure(action: Action) -> Action:
    """What a guard does that fails closed: what it does when it finds something."""
    return "block" if action == "redact" else action


def _failed(guard: Ready, stage: Stage, outcome: CannotTell, took_us: int) -> Verdict:
    spec = guard.spec
    closed = spec.on_failure == "closed"
    return Verdict(
        guard=guard.name,
        version=guard.version,
        kind=spec.kind,
        detector=guard.detector,
        stage=stage,
        action=on_failure(spec.action) if closed else "allow",
        data_class=spec.data_class if closed else "",
        mode=spec.mode,
        threshold=guard.threshold,
        reason="The guard could not tell.",
        failed=outcome.reason[:MOST_REASON] or "It did not say why.",
        took_us=took_us,
        cost=outcome.cost,
    )


def broken_at(chain: Chain, subject: Subject, stages: Sequence[Stage]) -> list[Verdict]:
    """Verdicts of guards that cannot be made any more, where there is something that they should have looked at."""
    if not chain.broken:
        return []
    return [
        verdict
        for guard in chain.broken
        for stage in stages
        if stage in (guard.spec.stages or STAGES)
        and any(each.stage == stage for each in (*subject.pieces, *subject.unread))
        for verdict in (_broken(guard, stage),)
    ]


def _broken(guard: Broken, stage: Stage) -> Verdict:
    spec = guard.spec
    closed = spec.on_failure == "closed"
    return Verdict(
        guard=guard.name,
        version=guard.version,
        kind=spec.kind,
        detector="",
        stage=stage,
        action=on_failure(spec.action) if closed else "allow",
        data_class=spec.data_class if closed else "",
        mode=spec.mode,
        reason="The guard cannot be used.",
        failed=guard.why[:MOST_REASON],
    )


# --- redaction ---


def redacted(pieces: Sequence[Piece], findings: Sequence[Finding], swaps: list[Swap]) -> tuple[Piece, ...]:
    """The pieces without what was found; what was swapped is added to ``swaps``."""
    made = list(pieces)
    by_piece: dict[int, list[Finding]] = {}
    for each in findings:
        by_piece.setdefault(each.piece, []).append(each)
    for number, found in by_piece.items():
        piece = made[number]
        cuts = piece.cuts
        if cuts:
            inorder = merged(found)
            for each in inorder:
                swaps += _fragments(piece, each)
            cuts = moved(cuts, [(each.start, each.end, len(instead_of(each))) for each in inorder])
        made[number] = replace(piece, text=without(piece.text, found, swaps), cuts=cuts)
    return tuple(made)


def _fragments(piece: Piece, found: Finding) -> list[Swap]:
    """Of what was cut in two by parts: each part's share, for whoever takes it out of a copy that is kept."""
    inside = piece.cuts[bisect_right(piece.cuts, found.start) : bisect_left(piece.cuts, found.end)]
    if not inside:
        return []
    shares = split(piece.text[found.start : found.end], [cut - found.start for cut in inside])
    return [Swap(share, instead_of(found) if at == 0 else "", restore=False) for at, share in enumerate(shares)]


def without(text: str, findings: Sequence[Finding], swaps: list[Swap] | None = None) -> str:
    """The text with a stand-in for each finding. Of those that overlap the whole stretch goes, under the name of the
    surest (then of the longest)."""
    out: list[str] = []
    end = 0
    for found in merged(findings):
        out.append(text[end : found.start])
        instead = instead_of(found)
        out.append(instead)
        if swaps is not None:
            swaps.append(Swap(text[found.start : found.end], instead, found.restore and found.instead is not None))
        end = found.end
    out.append(text[end:])
    return "".join(out)


def instead_of(found: Finding) -> str:
    return f"[{found.kind.upper()}]" if found.instead is None else found.instead


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """In order, none over another."""
    made: list[Finding] = []
    for each in sorted(findings, key=lambda found: (found.start, -found.end)):
        last = made[-1] if made else None
        if last is None or each.start >= last.end:
            made.append(each)
            continue
        surer = max(last, each, key=lambda found: (found.score, found.end - found.start))
        # a stand-in that can be undone stands for its own text alone
        instead = surer.instead if last.instead == each.instead and not (last.restore or each.restore) else None
        if each.end > last.end:
            made[-1] = replace(surer, start=last.start, end=each.end, instead=instead, restore=False)
        elif surer is not last:
            made[-1] = replace(surer, start=last.start, end=last.end, instead=instead, restore=False)
    return made
