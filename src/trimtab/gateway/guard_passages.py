"""Guards at the passages that were found for a call: each is looked at by itself, so that one that is stopped is left
out and the others go on.

A passage is one text to them, of all that the model and the client are shown of it: its title, its source and its
words, each on a line. What they take out is taken out of each.

A passage that guards would stop a call for is taken out of it; the verdict says so, as a redaction: the call itself
goes on.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.gateway.apps.knowledge import Passage
from trimtab.gateway.guarded import Guards
from trimtab.guard.parts import joined, split
from trimtab.guard.run import STOPS, Ran
from trimtab.guard.types import Piece, Subject, Verdict

STAGE: Final = "retrieved"
LINE: Final = "\n"


class Looked(Struct, frozen=True):
    """A passage as it may go on; ``left_out`` says why it may not, empty where it may."""

    passage: Passage
    left_out: str = ""


async def look(guards: Guards | None, passages: Sequence[Passage]) -> list[Looked]:
    """The passages, in that order. What guards decided is added to what is known of the call."""
    if guards is None or not passages or not (guards.chain.broken or guards.chain.at(STAGE)):
        return [Looked(each) for each in passages]
    ran = await asyncio.gather(*(guards.runner.run(guards.chain, _subject(guards, each), guards.tools, STAGE)
                                 for each in passages))  # fmt: skip
    verdicts = [verdict for each in ran for verdict in _told(each)]
    for each in ran:
        kept = () if each.stopped is not None else each.swaps
        guards.take(replace(each, verdicts=(), swaps=kept))
    guards.verdicts += _merged(verdicts)
    return [_looked(one, each) for one, each in zip(passages, ran, strict=True)]


def informed(guards: Guards | None, texts: Sequence[str]) -> None:
    """What the model was given counts as the context of its answer, for guards that look at that."""
    if guards is not None and texts:
        guards.subject = replace(guards.subject, context=(*guards.subject.context, *texts))


def _subject(guards: Guards, passage: Passage) -> Subject:
    labels = [" ".join(each.split()) for each in (passage.title, passage.source)]
    text, cuts = joined([*(each and each + LINE for each in labels), passage.text])
    piece = Piece(stage=STAGE, text=text, role="user", place="knowledge", cuts=cuts)
    return replace(guards.subject, pieces=(piece,), unread=())


def _looked(passage: Passage, ran: Ran) -> Looked:
    if ran.stopped is not None:
        by = ran.stopped
        why = by.reason or by.failed
        told = f"The guard {by.guard}@{by.version} would {by.action}{f': {why}' if why else ''}"[:500]
        return Looked(replace(passage, title="", source="", text=""), told)
    if not ran.swaps:
        return Looked(passage)
    title, source, text = split(ran.pieces[0].text, ran.pieces[0].cuts)
    return Looked(replace(passage, title=title.rstrip(LINE), source=source.rstrip(LINE), text=text))


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
