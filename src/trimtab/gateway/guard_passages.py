"""Guards at the passages that were found for a call: each is looked at by itself, so that one that is stopped is left
out and the others go on.

A passage that guards would stop a call for is taken out of it; the verdict says so, as a redaction: the call itself
goes on.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.gateway.guarded import Guards
from trimtab.guard.run import STOPS, Ran
from trimtab.guard.types import Piece, Subject, Verdict

STAGE: Final = "retrieved"


class Looked(Struct, frozen=True):
    """A passage as it may go on; ``left_out`` says why it may not, empty where it may."""

    text: str
    left_out: str = ""


async def look(guards: Guards | None, texts: Sequence[str]) -> list[Looked]:
    """The passages, in that order. What guards decided is added to what is known of the call."""
    if guards is None or not texts or not (guards.chain.broken or guards.chain.at(STAGE)):
        return [Looked(text) for text in texts]
    ran = await asyncio.gather(*(guards.runner.run(guards.chain, _subject(guards, text), guards.tools, STAGE)
                                 for text in texts))  # fmt: skip
    verdicts = [verdict for each in ran for verdict in _told(each)]
    for each in ran:
        kept = () if each.stopped is not None else each.swaps
        guards.take(replace(each, verdicts=(), swaps=kept))
    guards.verdicts += _merged(verdicts)
    return [_looked(each) for each in ran]


def informed(guards: Guards | None, texts: Sequence[str]) -> None:
    """What the model was given counts as the context of its answer, for guards that look at that."""
    if guards is not None and texts:
        guards.subject = replace(guards.subject, context=(*guards.subject.context, *texts))


def _subject(guards: Guards, text: str) -> Subject:
    return replace(guards.subject, pieces=(Piece(stage=STAGE, text=text, role="user", place="knowledge"),))


def _looked(ran: Ran) -> Looked:
    if ran.stopped is None:
        return Looked(ran.pieces[0].text)
    by = ran.stopped
    why = by.reason or by.failed
    return Looked("", f"The guard {by.guard}@{by.version} would {by.action}{f': {why}' if why else ''}"[:500])


def _told(ran: Ran) -> list[Verdict]:
    return [
        replace(each, action="redact", label="passage left out")
        if each.mode == "enforce" and each.action in STOPS
        else each
        for each in ran.verdicts
    ]


def _merged(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """One line for all passages that a guard had nothing against, with the time it took for them."""
    found: dict[tuple[str, int], Verdict] = {}
    others: list[Verdict] = []
    for each in verdicts:
        if each.action != "allow" or each.failed:
            others.append(each)
            continue
        key = (each.guard, each.version)
        so_far = found.get(key)
        if so_far is not None:
            cost = None if each.cost is None or so_far.cost is None else each.cost + so_far.cost
            each = replace(
                so_far, took_us=so_far.took_us + each.took_us, cost=cost, score=max(so_far.score, each.score)
            )
        found[key] = each
    return [*found.values(), *others]
