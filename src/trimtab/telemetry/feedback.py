"""What users say of the answers they got, as scores of source ``user``. docs/feedback.md says what each kind becomes.

A client knows its answer by the request's id (``x-request-id``), by the trace's (``trimtab-trace-id``), or by the id in
the answer's body. A score lies by its trace, and what was said must be durable before the span has arrived, or while
the store is away: then it is written under the trace that the id stands for (a request that begins a trace gives it
its own digits), marked as pending, and `FeedbackBook.settle` moves it to where the span turns out to be. Nothing is
kept but in the spool and the store.

The same person's word on the same answer is one: said again it replaces what it said before.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.governance.sealing import Keyring
from trimtab.telemetry.score_book import Asker, ScoreLine
from trimtab.telemetry.scores.feedback_summary import FeedbackGroup, FeedbackSummary, summarize
from trimtab.telemetry.scores.types import MAX_EXPLANATION, Score, Target, check, id_for
from trimtab.telemetry.search.score_versions import newest_rows
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

BY: Final = "trimtab/feedback"
VERSION: Final = "1"
PENDING: Final = "pending"
RESPONSE: Final = "response:"
"""Before the id of a response whose trace is not known yet, where the id of a trace stands."""
NEAR_NS: Final = 3_600 * 10**9
SETTLED_WITHIN_NS: Final = 7 * 24 * 3_600 * 10**9
"""What was said of a call that did not arrive for so long stays where it is."""
RESPONSE_WITHIN_NS: Final = 90 * 24 * 3_600 * 10**9
AT_ONCE: Final = 200
PAGES: Final = 10
"""Of `AT_ONCE` scores that wait, in one turn of settling a project."""
_PENDING: Final = (
    f"source = 'user' AND evaluator = '{BY}' AND evaluator_version = '{PENDING}' AND valid = 1"
    " AND version >= {since:Int64}"
)
"""By when it was written here: when it was said is for the client to say, and may lie in any future."""
_REQUEST = re.compile(r"req_([0-9a-f]{32})")
_ID = re.compile(r"[!-~]{1,180}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


class Feedback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One user's word on one answer, which is named by one of ``request_id`` (``x-request-id``), ``trace_id`` (with
    ``span_id`` where a trace has several answers) and ``response_id`` (the ``id`` in the answer's body).

    At least one of: ``thumbs``; ``rating`` on a ``scale`` (1 to 5 unless told); ``correction``, what the answer should
    have been; ``comment``; ``outcome``, what came of it in a word (``ticket_reopened``), with ``good`` where that is
    good or bad news. ``user`` is whoever says it. ``idempotency_key``: the same again is the same feedback; without it,
    the same user's word on the same answer is. ``at`` is Unix milliseconds, now if left out."""

    request_id: Annotated[str, Meta(max_length=200)] = ""
    trace_id: Annotated[str, Meta(max_length=200)] = ""
    span_id: Annotated[str, Meta(max_length=200)] = ""
    response_id: Annotated[str, Meta(max_length=200)] = ""
    thumbs: Literal["up", "down"] | None = None
    rating: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    scale: tuple[float, float] = (1.0, 5.0)
    correction: Annotated[str, Meta(max_length=MAX_EXPLANATION)] = ""
    comment: Annotated[str, Meta(max_length=MAX_EXPLANATION)] = ""
    outcome: Annotated[str, Meta(max_length=100)] = ""
    good: bool | None = None
    user: Annotated[str, Meta(max_length=200)] = ""
    idempotency_key: Annotated[str, Meta(max_length=200)] = ""
    at: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Place(Struct, frozen=True):
    """Where an answer is; without a span it is the trace as a whole. ``pending``: it has not arrived yet."""

    trace_id: str
    span_id: str = ""
    pending: bool = False


class Origin(Struct, frozen=True):
    """In which project, through which key, and when (Unix ns)."""

    project: str
    key_id: str
    now_ns: int


def checked(said: Feedback) -> Feedback:
    """The feedback, if it is of one answer and says something. Raises `InvalidRequest`."""
    named = [name for name in ("request_id", "trace_id", "response_id") if getattr(said, name)]
    if len(named) != 1:
        raise _wrong(
            "request_id",
            "Feedback is of one answer: give exactly one of 'request_id', 'trace_id' and 'response_id'.",
            "Every answer carries 'x-request-id' and 'trimtab-trace-id' as headers, and an 'id' in its body.",
        )
    value: str = getattr(said, named[0])
    if not _ID.fullmatch(value) or (said.span_id and not _ID.fullmatch(said.span_id)):
        raise _wrong(named[0], f"{named[0]} is no id of an answer.", "Take it from the answer as it is.")
    if said.request_id and not _REQUEST.fullmatch(said.request_id):
        raise _wrong("request_id", "This is no id of a request.", "Take the header 'x-request-id': req_ and 32 digits.")
    if said.span_id and not said.trace_id:
        raise _wrong("span_id", "A span is named with its trace.", "Give 'trace_id', too, or leave 'span_id' out.")
    if not (said.thumbs or said.rating is not None or said.correction or said.comment or said.outcome):
        raise _wrong("thumbs", "This feedback says nothing.", "Give thumbs, rating, correction, comment or outcome.")
    low, high = said.scale
    if said.rating is not None and not (low < high and low <= said.rating <= high):
        raise _wrong(
            "rating", f"The rating {said.rating:g} is not on the scale from {low:g} to {high:g}.",
            "Give the scale's ends as 'scale', e.g. [0, 10]; it is [1, 5] if left out.",
        )  # fmt: skip
    if said.outcome and not _WORD.fullmatch(said.outcome):
        raise _wrong("outcome", "An outcome is a word: a-z, 0-9, '_', '.' and '-'.", "Write e.g. ticket_reopened.")
    if said.good is not None and not said.outcome:
        raise _wrong("good", "'good' is about an outcome, and there is none.", "Give 'outcome', or thumbs instead.")
    return said


def scores_of(said: Feedback, place: Place, origin: Origin, number: int = 0) -> list[Score]:
    """A score for each thing that was said: values are shares in [0, 1], 1 is good. A comment explains the first of
    the others; alone it is a score with a label. ``number`` is its place among several of one request."""
    found: list[tuple[str, float | None, str, str]] = []
    if said.thumbs is not None:
        found.append(("thumbs", 1.0 if said.thumbs == "up" else 0.0, said.thumbs, ""))
    if said.rating is not None:
        low, high = said.scale
        found.append(("rating", (said.rating - low) / (high - low), f"{said.rating:g} of {low:g} to {high:g}", ""))
    if said.outcome:
        found.append(("outcome", None if said.good is None else float(said.good), said.outcome, ""))
    if said.comment:
        if found:
            found[0] = (*found[0][:3], said.comment)
        else:
            found.append(("comment", None, "comment", said.comment))
    if said.correction:
        found.append(("correction", None, "corrected", said.correction))
    return [_score(said, place, origin, number, *each) for each in found]


def _score(
    said: Feedback, place: Place, origin: Origin, number: int, name: str, value: float | None, label: str, why: str
) -> Score:
    target: Target = "span" if place.span_id else "trace"
    trace = said.request_id.removeprefix("req_") or said.trace_id.lower()  # the same where the request begins it
    answer = said.response_id or f"{trace}/{said.span_id.lower()}"
    who = said.user or origin.key_id
    key = said.idempotency_key or f"{answer}\0{who}"
    return check(
        Score(
            id=id_for(origin.project, f"feedback\0{name}\0{key}"),
            target=target,
            trace_id=place.trace_id,
            span_id=place.span_id,
            name=name,
            value=value,
            label=label,
            explanation=why,
            source="user",
            evaluator=BY,
            evaluator_version=PENDING if place.pending else VERSION,
            author=who,
            at_ns=origin.now_ns if said.at is None else said.at * 1_000_000,
            key=said.idempotency_key,
            version=origin.now_ns + number,
        )
    )


class _Found(Struct, frozen=True, array_like=True):
    request_id: str
    response_id: str
    trace_id: str
    span_id: str


class FeedbackBook:
    """``keep`` writes scores durably (`ScoreBook.write`); ``keys`` open what lies encrypted."""

    def __init__(
        self, asker: Asker, keep: Callable[[str, list[Score]], Awaitable[None]], keys: Callable[[], Keyring] = Keyring
    ) -> None:
        self._keys = keys
        self._asker = asker
        self._ask = asker.ask
        self._keep = keep
        self._walked: dict[str, tuple[int, str]] = {}
        """By project, down to which score (version, id) settling has looked."""

    async def write(self, said: Sequence[Feedback], origin: Origin) -> list[list[str]]:
        """All of it or nothing, durable when this returns; the ids of the scores that each became. Raises
        `InvalidRequest`, with its number where there are several."""
        for number, each in enumerate(said):
            try:
                checked(each)
            except InvalidRequest as error:
                if len(said) == 1:
                    raise
                where = f"[{number}].{error.param}"
                raise InvalidRequest(error.message, fix=error.fix, param=where, code=error.code) from error
        places = await self._places(origin.project, said, origin.now_ns)
        made = [scores_of(each, place, origin, n) for n, (each, place) in enumerate(zip(said, places, strict=True))]
        await self._keep(origin.project, [score for scores in made for score in scores])
        return [[score.id for score in scores] for scores in made]

    async def summarize(self, project: str, q: str, window: Window, group_by: FeedbackGroup) -> FeedbackSummary:
        return await summarize(self._asker, project, q, window, group_by)

    async def unsettled(self, now_ns: int) -> list[str]:
        """The projects in which something may wait for its answer, in one question. Raises `Unavailable`."""
        sql = f"SELECT DISTINCT project FROM scores WHERE {_PENDING} ORDER BY project"  # noqa: S608
        found = await self._ask(tuple[str], sql, {"since": max(0, now_ns - SETTLED_WITHIN_NS)})
        return [project for (project,) in found]

    async def settle(self, project: str, now_ns: int) -> int:
        """Move what was said before its span arrived to where that is; how many scores. Raises `Unavailable`.

        A turn looks at the newest and goes on with the older ones from where the turn before ended, so that feedback
        on answers that never come (a client may name any) keeps no other from its answer for long."""
        moved, after = 0, None
        for page in range(PAGES):
            pending = await self._pending(project, after, now_ns)
            moved += await self._settle(project, pending, now_ns)
            if len(pending) < AT_ONCE:
                self._walked.pop(project, None)  # the end: the next turn begins anew
                return moved
            last = (pending[-1].version, pending[-1].id)
            before = self._walked.get(project) if page == 0 else None
            after = min(last, before) if before else last
        if after is not None:
            self._walked[project] = after
        return moved

    async def _pending(self, project: str, after: tuple[int, str] | None, now_ns: int) -> list[Score]:
        params: dict[str, Value] = {"project": project, "since": max(0, now_ns - SETTLED_WITHIN_NS)}
        where = _PENDING
        if after is not None:
            where += " AND (version, id) < ({after_ns:Int64}, {after_id:String})"
            params["after_ns"], params["after_id"] = after
        sql = f"{newest_rows(', '.join(ScoreLine.__struct_fields__), where)} ORDER BY version DESC, id DESC"
        ring = self._keys()
        return [line.opened(ring).score() for line in await self._ask(ScoreLine, f"{sql} LIMIT {AT_ONCE}", params)]

    async def _settle(self, project: str, pending: Sequence[Score], now_ns: int) -> int:
        if not pending:
            return 0
        names = [_name_of(score.trace_id) for score in pending]
        found = await self._find(project, names, now_ns)
        moved: list[Score] = []
        for score, name in zip(pending, names, strict=True):
            place = found.get(name)
            if place is not None:
                moved += _moved(score, place)
        if moved:
            await self._keep(project, moved)
        return len(moved)

    async def _places(self, project: str, said: Sequence[Feedback], now_ns: int) -> list[Place]:
        """Where each answer is. That the store cannot be asked now must not lose what a user says."""
        names = [each.request_id or each.response_id for each in said if not each.trace_id]
        try:
            found = await self._find(project, names, now_ns) if names else {}
        except Unavailable:
            found = dict[str, Place]()
        return [_place(each, found) for each in said]

    async def _find(self, project: str, names: Sequence[str], now_ns: int) -> dict[str, Place]:
        """By the ids of requests and responses, those whose calls have arrived."""
        requests = sorted({name for name in names if _REQUEST.fullmatch(name)})
        responses = sorted({name for name in names if name and not _REQUEST.fullmatch(name)})
        found: dict[str, Place] = {}
        for ids, column in ((requests, "request_id"), (responses, "response_id")):
            for at in range(0, len(ids), AT_ONCE):
                part = ids[at : at + AT_ONCE]
                params: dict[str, Value] = {"project": project, **_window(part, now_ns)}
                params |= {f"i{number}": each for number, each in enumerate(part)}
                within = ", ".join(f"{{i{number}:String}}" for number in range(len(part)))
                sql = (
                    "SELECT request_id, response_id, trace_id, span_id FROM spans WHERE project = {project:String}"  # noqa: S608
                    " AND entry = 1 AND start_ns >= {start:Int64} AND start_ns < {end:Int64}"
                    f" AND {column} IN ({within}) ORDER BY start_ns LIMIT {2 * AT_ONCE}"
                )
                for line in await self._ask(_Found, sql, params):
                    found[getattr(line, column)] = Place(line.trace_id, line.span_id)
        return found


def _window(ids: Sequence[str], now_ns: int) -> dict[str, Value]:
    """When the calls began, as far as their ids tell: those of requests have the millisecond in them."""
    known = [int(found[1][:12], 16) * 1_000_000 for each in ids if (found := _REQUEST.fullmatch(each))]
    if len(known) == len(ids):
        last = (1 << 63) - 1 - NEAR_NS
        return {"start": max(0, min(*known, last) - NEAR_NS), "end": min(max(known), last) + NEAR_NS}
    return {"start": max(0, now_ns - RESPONSE_WITHIN_NS), "end": now_ns + NEAR_NS}


def _place(said: Feedback, found: dict[str, Place]) -> Place:
    if said.trace_id:
        return Place(said.trace_id.lower(), said.span_id.lower())
    name = said.request_id or said.response_id
    if name in found:
        return found[name]
    digits = _REQUEST.fullmatch(name)
    return Place(digits[1] if digits else f"{RESPONSE}{name}", "", pending=True)


def _name_of(trace_id: str) -> str:
    """The id of the request or response that a pending score was written under."""
    return trace_id.removeprefix(RESPONSE) if trace_id.startswith(RESPONSE) else f"req_{trace_id}"


def _moved(score: Score, place: Place) -> list[Score]:
    """The score where its answer is. What the user has said since is later than the version that is taken back."""
    there = replace(
        score, target="span", trace_id=place.trace_id, span_id=place.span_id, evaluator_version=VERSION,
        version=score.version + 1,
    )  # fmt: skip
    if score.trace_id == place.trace_id:
        return [there]
    return [replace(score, valid=False, version=score.version + 1), there]


def _wrong(param: str, message: str, fix: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param, code="feedback_invalid")
