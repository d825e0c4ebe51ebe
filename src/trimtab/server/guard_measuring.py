"""Texts that a guard's threshold is chosen on, fetched and judged: recorded calls, datasets, and texts that were given.

A recorded call is one text: what the guard would look at in it at that stage, all together, as in the call itself.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.evaluation import datasets
from trimtab.evaluation.cases import input_text
from trimtab.evaluation.types import Case
from trimtab.gateway.guard_texts import answer_pieces, pieces_of, subject_of
from trimtab.governance.access import Project
from trimtab.guard import points
from trimtab.guard.operating import described
from trimtab.guard.points import Named
from trimtab.guard.run import Runner, concerns
from trimtab.guard.spec import Ready
from trimtab.guard.types import Piece, Stage, Subject, Tools
from trimtab.llm.types import Message, Part, Request
from trimtab.server.bodies.guard_point import GuardTexts
from trimtab.server.case_sources import AT_ONCE, Sources
from trimtab.server.dependencies import Dependencies
from trimtab.telemetry.views import MessageView, SpanIO, Window

MONTH_MS: Final = 30 * 24 * 3600 * 1000
MOST_CASES: Final = 2_000
"""Of one dataset."""
MOST_ASKED: Final = 200
"""Texts that a guard which asks a model is shown: each is a call that costs money."""
DEADLINE_S: Final = 300.0
_ANSWERS: Final = ("output", "tool_arguments")


class Text(Struct, frozen=True, kw_only=True):
    """A text to be judged: ``subject`` is what the guard sees."""

    id: str
    subject: Subject
    attack: bool
    family: str


class Texts(Struct, frozen=True, kw_only=True):
    """``without_text``: recorded calls with nothing to look at."""

    items: list[Text]
    traffic: int
    without_text: int
    benign_datasets: tuple[str, ...]
    attack_datasets: tuple[str, ...]


async def gathered(
    deps: Dependencies,
    tenant: Project,
    guard: Ready,
    stage: Stage,
    wish: GuardTexts,
    sets: tuple[Sequence[str], Sequence[str]],
) -> Texts:
    """``sets`` are references to datasets, harmless and attacks. Raises `InvalidRequest` and `NotFound`."""
    role = guard.spec.roles[0] if guard.spec.roles else "user"
    traffic, without = await _traffic(deps, tenant, guard, stage, wish)
    items = list(traffic)
    items += [_given(text, stage, role, attack=False) for text in dict.fromkeys(wish.benign)]
    items += [_given(text, stage, role, attack=True) for text in dict.fromkeys(wish.attacks)]

    def read(conn: Connection) -> tuple[list[tuple[str, list[Case]]], list[tuple[str, list[Case]]]]:
        return [_cases(conn, tenant, each) for each in sets[0]], [_cases(conn, tenant, each) for each in sets[1]]

    benign, attacks = await deps.db.read(read)
    for found, attack in ((benign, False), (attacks, True)):
        for reference, cases in found:
            items += [_of_case(case, reference, stage, role, attack=attack) for case in cases]
    if guard.plug.needs == "model" and len(items) > MOST_ASKED:
        raise InvalidRequest(
            f"{guard.name!r} asks a model about each text, and these are {len(items):,}.",
            fix=f"Give at most {MOST_ASKED} in all: a smaller 'sample', or fewer texts.",
            param="sample",
        )
    return Texts(
        items=items,
        traffic=len(traffic),
        without_text=without,
        benign_datasets=tuple(reference for reference, _ in benign),
        attack_datasets=tuple(reference for reference, _ in attacks),
    )


async def judged(guard: Ready, stage: Stage, texts: Sequence[Text], tools: Tools) -> list[Named]:
    """In order. Raises `InvalidRequest` where it takes too long."""
    runner = Runner()
    gate = asyncio.Semaphore(AT_ONCE if guard.plug.needs in ("model", "service") else 1)

    async def one(text: Text) -> Named:
        async with gate:
            await asyncio.sleep(0)  # short texts are looked at on the event loop: others get their turn
            verdict = (await runner.look(guard, stage, text.subject, tools)).verdict
        whole = "\n".join(piece.text for piece in text.subject.pieces)
        score = None if verdict.failed else verdict.score
        return Named(id=text.id, judged=described(whole, score, attack=text.attack, family=text.family))

    try:
        async with asyncio.timeout(DEADLINE_S):
            return list(await asyncio.gather(*(one(text) for text in texts)))
    except TimeoutError as error:
        raise InvalidRequest(
            f"Judging {len(texts):,} texts took longer than {DEADLINE_S:g} s.", fix="Give a smaller 'sample'.",
            param="sample",
        ) from error  # fmt: skip
    finally:
        await runner.aclose()


# --- recorded calls ---


async def _traffic(
    deps: Dependencies, tenant: Project, guard: Ready, stage: Stage, wish: GuardTexts
) -> tuple[list[Text], int]:
    if not wish.sample:
        return [], 0
    end = deps.now() + 1
    start = max(0, end - MONTH_MS) if wish.since is None else wish.since
    if start >= end:
        raise InvalidRequest("'since' lies in the future.", fix="Give a time before now.", param="since")
    rows = await Sources(deps.reader, tenant.id).search("", Window(start=start, end=end), wish.sample)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(trace_id: str, span_id: str) -> Text | None:
        async with gate:
            found = await deps.reader.span_io(tenant.id, trace_id, span_id)
        return None if found is None else _of_call(found, guard, stage)

    found = await asyncio.gather(*(one(row.trace_id, row.span_id) for row in rows))
    kept = [each for each in found if each is not None]
    return kept, len(rows) - len(kept)


def _of_call(io: SpanIO, guard: Ready, stage: Stage) -> Text | None:
    if not io.captured:
        return None
    try:
        request = Request(model="-", messages=tuple(_message(each) for each in io.input))
        pieces = answer_pieces(_parts(io.output)) if stage in _ANSWERS else pieces_of(request)
    except (TrimtabError, msgspec.ValidationError):
        return None  # what instrumentation sent need not be messages
    wanted = tuple(piece for piece in pieces if concerns(guard, stage, piece))
    if not wanted:
        return None
    subject = replace(subject_of(request, pieces_of(request)), pieces=wanted)
    return Text(id=f"traffic:{io.trace_id}", subject=subject, attack=False, family="traffic")


def _message(view: MessageView) -> Message:
    return msgspec.convert({"role": view.role, "parts": view.parts, "name": view.name}, Message)


def _parts(said: Sequence[MessageView]) -> tuple[Part, ...]:
    return tuple(part for view in said for part in _message(view).parts)


# --- texts that were given, and datasets ---


def _given(text: str, stage: Stage, role: str, *, attack: bool) -> Text:
    subject = Subject(pieces=(Piece(stage=stage, text=text, role=role),))
    return Text(id=points.mark_of(text), subject=subject, attack=attack, family="given")


def _cases(conn: Connection, tenant: Project, reference: str) -> tuple[str, list[Case]]:
    """The reference with its version, and the cases."""
    of = datasets.resolve(conn, tenant.id, reference)
    if of.cases > MOST_CASES:
        raise InvalidRequest(
            f"The dataset {reference[:80]!r} has {of.cases:,} cases.",
            fix=f"Name one of at most {MOST_CASES:,}: trimtab datasets sample draws some.",
            param="benign_datasets",
        )
    return f"{of.dataset}@{of.number}", list(datasets.each(conn, of))


def _of_case(case: Case, reference: str, stage: Stage, role: str, *, attack: bool) -> Text:
    """At stages of answers the text is what is expected, if that is a text; else what is asked."""
    asked = input_text(case)
    text = case.expected if stage in _ANSWERS and isinstance(case.expected, str) else asked
    return Text(
        id=f"{reference}/{case.id}",
        subject=Subject(pieces=(Piece(stage=stage, text=text, role=role),), question=asked, context=case.context or ()),
        attack=attack,
        family=reference,
    )
