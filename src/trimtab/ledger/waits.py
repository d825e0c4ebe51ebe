"""Where a call of the ledger waits: for the catalog, or for a place that another worker has (`reserve.py` counts)."""

import asyncio
from collections.abc import Sequence
from typing import Protocol, TypeVar

from trimtab.core.errors import Unavailable
from trimtab.ledger.held import Counter, Held
from trimtab.ledger.leases import Keeper
from trimtab.ledger.limit_plan import Entry, Facts, Part, Plan, Priced
from trimtab.ledger.limits import Rule, when_away
from trimtab.ledger.refusals import CannotCount, LimitReached, reached

ROUNDS = 5
"""How often a call asks for more when others take what came, before it is told to try again."""
ASK_AGAIN_NS = 200_000_000
"""For so long the catalog's no is believed without asking again."""
SOON_NS = 50_000_000
"""Instead of `ASK_AGAIN_NS` where all other workers hear at once that a place is wanted."""
FULL = 8
"""So often one after the other all others must have told that they use every place they have."""
STALE_NS = 1_200_000_000
"""So long a call waits where it is not known whether others still use their places: they tell within a second."""
IDLE_NS = 2_400_000_000
"""So long it waits for a place that another worker has and does not use, which gives it back within a second."""


Wish = tuple[Entry, Counter, int, list[Priced] | None]
"""A counter that a call falls under, the most that it may need of it, and the targets that it is about."""
Made_co = TypeVar("Made_co", covariant=True)


class Counts(Protocol[Made_co]):
    """`reserve.Limiter`."""

    @property
    def keeper(self) -> Keeper: ...

    def wishes(self, plan: Plan, facts: Facts) -> list[Wish]: ...

    def done_of(self, plan: Plan, facts: Facts, wishes: list[Wish]) -> Made_co: ...


class Reserved(Protocol):
    """`reserve.Reservation`."""

    @property
    def keeper(self) -> Keeper: ...

    def set_aside(self, part: Part, amount: int) -> None: ...


async def nothing() -> None:
    """What is waited for where there is nothing to wait for."""


async def reserve(limiter: Counts[Made_co], plan: Plan, facts: Facts) -> Made_co:
    """See `Limiter.reserve`."""
    wishes = limiter.wishes(plan, facts)
    hard = [(entry.rule, counter, need) for entry, counter, need, _ in wishes if not entry.soft]
    await enough(limiter.keeper, hard, facts.now_ns)
    return limiter.done_of(plan, facts, wishes)


async def cover(reservation: Reserved, lacking: Sequence[tuple[Part, int]]) -> None:
    """Set further amounts aside for a call that has reserved already. Raises `LimitReached` or `Unavailable`."""
    for part, amount in lacking:
        held = part.held
        for _ in range(ROUNDS):
            if held.free >= amount or held.dead:  # what a dead one had counts as spent already
                break
            await enough_of(reservation.keeper, part.entry.rule, held, amount)
        else:
            raise reached(part.entry.rule, held, amount)
        reservation.set_aside(part, amount)


async def enough(keeper: Keeper, needs: Sequence[tuple[Rule, Counter, int]], now_ns: int) -> None:
    """Return when each counter's slice at that moment has what is needed of it: then nothing was awaited since, so it
    can be taken at once. Raises `LimitReached` or `Unavailable`."""
    trusted: set[Counter] = set()
    lacking: list[tuple[Rule, Counter, int]] = []
    for _ in range(ROUNDS):
        fenced = keeper.fenced()
        lacking = [
            (rule, counter, need)
            for rule, counter, need in needs
            if counter.at(now_ns).free < need or (fenced and counter.comes_back and counter not in trusted)
        ]
        if not lacking:
            return
        told = await asyncio.gather(
            *(enough_of(keeper, rule, counter.at(now_ns), need) for rule, counter, need in lacking),
            return_exceptions=True,
        )
        for (_, counter, _), outcome in zip(lacking, told, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome:
                trusted.add(counter)
    rule, counter, need = lacking[0]
    raise reached(rule, counter.at(now_ns), need)


async def enough_of(keeper: Keeper, rule: Rule, held: Held, need: int) -> bool:
    """Ask for ``need`` of this slice; others may take what came. True where it is lent on trust: the catalog is away,
    and the rule allows it. Raises `LimitReached` or `Unavailable`. For a place that another worker does not use a call
    waits until that one has given it back."""
    waited, since, full = 0, 0, 0
    while held.counter.comes_back and waited < IDLE_NS:
        try:
            return await _ask_for(keeper, rule, held, need)
        except LimitReached:
            idle = held.free + held.elsewhere >= need
            if waited and held.heard >= since:  # all have told since they were asked, which is what they use now
                full, since = 0 if idle else full + 1, held.wanted
            # Else they told up to a second ago, and it may be over. Places move meanwhile from one worker to another.
            if held.free + held.others < need or full == FULL or (waited >= STALE_NS and not idle):
                raise
        since = since or held.wanted
        pause = SOON_NS if keeper.ask_others() else ASK_AGAIN_NS
        held.no_until = min(held.no_until, keeper.mono() + pause)
        await keeper.pause(pause / 1e9)
        waited += pause
    return await _ask_for(keeper, rule, held, need)


async def _ask_for(keeper: Keeper, rule: Rule, held: Held, need: int) -> bool:
    known = held.short and held.room + held.free < need and keeper.mono() < held.no_until
    if need > rule.bound:
        keeper.note_larger(held, rule, need)
        raise reached(rule, held, need)
    if known and held.free < need:
        raise reached(rule, held, need)
    try:
        await keeper.more(held, max(1, need - held.free))
    except Unavailable as error:
        if when_away(rule) == "refuse":
            raise CannotCount(rule, error) from error
        keeper.trust(held, need)
        return True
    if held.free < need and held.short:
        held.no_until = keeper.mono() + ASK_AGAIN_NS
        raise reached(rule, held, need)
    return False
