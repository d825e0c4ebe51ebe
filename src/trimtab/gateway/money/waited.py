"""Where a call waits for its limits, or for its size (`spending.py` reserves what is at hand)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from trimtab.gateway.call import Call
from trimtab.gateway.carried_batch import Uncountable
from trimtab.gateway.carried_size import Size
from trimtab.gateway.deadline import exceeded, left_s
from trimtab.gateway.route import MAX_MODEL_NAME, Target
from trimtab.ledger.limit_plan import Facts, Plan, Priced, ProjectLimits
from trimtab.ledger.refusals import REFUSALS
from trimtab.ledger.reserve import Limiter, Reservation
from trimtab.ledger.types import LimitNote
from trimtab.ledger.unreserved import Unreserved
from trimtab.ledger.worst import by_length, dearest, searching


class Purse(Protocol):
    """`spending.Spending`."""

    @property
    def limiter(self) -> Limiter: ...

    @property
    def now(self) -> Callable[[], int]: ...

    @property
    def observe(self) -> Callable[[str, str, str], None]: ...

    def follow(self, every: Mapping[str, ProjectLimits]) -> None: ...

    def worst(self, project: str, target: Target, now_ns: int, tier: str = "") -> Priced: ...

    def reserved(self, call: Call, project: str, reservation: Reservation) -> None: ...


async def reserve_carried(
    spending: Purse,
    call: Call,
    every: Mapping[str, ProjectLimits],
    target: Target,
    size_of: Callable[[Target], Awaitable[Size]],
) -> None:
    """See `Spending.reserve_carried`."""
    spending.follow(every)
    assert call.project is not None
    assert call.principal is not None
    project, app = call.project.id, call.head.model[:MAX_MODEL_NAME]
    limits = every.get(project)
    plan = None if limits is None else spending.limiter.plan(limits, call.principal.key_id, app)
    if plan is None or not plan.entries:
        return
    try:
        size = await size_of(target) if plan.sized else Size()
    except Uncountable:
        if not plan.lenient:
            raise
        size = Size()  # nor is its price known, and the limits say what then
    priced = spending.worst(project, target, call.started_ns, size.tier)
    if size.model:  # priced as what works on it; counted, as its row will be, under what was called
        worsts = [
            spending.worst(
                project,
                Target(replace(target.model, name=name, upstream=name, price=price), target.provider),
                call.started_ns,
                size.tier,
            ).worst
            for name, price in ((size.model, size.price), *size.also)
        ]
        priced = replace(priced, worst=dearest(worsts))
    if priced.worst is not None and size.longest:
        priced = replace(priced, worst=searching(by_length(priced.worst, size.longest), size.searches))
    if priced.worst is not None and priced.worst.fixed:  # by the picture, and it makes several
        priced = replace(priced, worst=replace(priced.worst, fixed=priced.worst.fixed * size.choices))
    facts = Facts(
        plan.key,
        app,
        call.caller.feature,
        call.caller.user,
        (priced,),
        size.input,
        size.output if not size.open else (size.output or 0) + size.open * plan.most_output,
        size.choices,
        call.started_ns,
    )
    reservation = spending.limiter.reserve_now(plan, facts)
    if reservation is None:
        await reserve(spending, call, plan, facts, (target,))
    else:
        spending.reserved(call, project, reservation)


async def reserve(spending: Purse, call: Call, plan: Plan, facts: Facts, targets: Sequence[Target]) -> Sequence[Target]:
    """Reserve with the catalog's help. A target whose own limit says no, or whose price nobody knows, is passed
    over where another one is left."""
    assert call.project is not None
    refused: list[LimitNote] = []
    while True:
        try:
            async with asyncio.timeout(left_s(call, spending.now())):
                reservation = await spending.limiter.reserve(plan, facts)
            break
        except TimeoutError:
            raise exceeded(call, "its limits were being counted.") from None
        except REFUSALS as error:
            names = {each.model for each in spending.limiter.refused(plan, facts, error)}
            for target in targets:
                if target.model.name in names:
                    by = "budget" if error.rule.measure == "money" else "limit"
                    call.note(target, "skipped", error.message, by)
            spending.observe(call.project.id, error.rule.name, "refused")
            targets = [target for target in targets if target.model.name not in names]
            if not targets:
                call.reservation = Unreserved(refused=tuple(refused))
                raise
            refused.append(error.note)
            facts.targets = [each for each in facts.targets if each.model not in names]
    reservation.refused = tuple(refused)
    spending.reserved(call, call.project.id, reservation)
    return targets
