"""Who scores live traffic and starts scheduled suites: of all processes on one catalog the one that leads.

Every few seconds it reads, for each rule (`evaluation/online.py`), the answers that ended since, with an overlap, for
some come late; of them the rule's share, always the same ones by a hash of the trace. Each is judged by the rule's
scorers, and what they say is written as scores of the span. A score's id is made of span, name and the scorer's
version, and a judge's question has an idempotency key of the same: an answer read again, or a crash in the middle,
neither scores nor pays twice. What could not be scored is a score without a value, and its reason is its explanation.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.evaluation import online, scorer_names
from trimtab.evaluation.online import UNSCORED, OnlineSpec, Rule, RuleState, ScheduleSpec
from trimtab.evaluation.samples import of_span
from trimtab.evaluation.scorer_names import Resolved
from trimtab.scoring.judge import judge
from trimtab.scoring.types import CannotScore, Sample, Verdict
from trimtab.server.inner.calls import OURS
from trimtab.server.inner.judge_tools import JudgeTools
from trimtab.server.leading import Leadership
from trimtab.storage import leaders
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns
from trimtab.telemetry.score_book import ScoreBook
from trimtab.telemetry.scores.types import MAX_EXPLANATION, Score, check, id_for
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Reader, TraceDetail, Window

logger = logging.getLogger("trimtab.online")
T = TypeVar("T")
NAME: Final = "online"
LOOK_S: Final = 3.0
HOLD_MS: Final = 10_000
OVERLAP_NS: Final = 120 * 10**9
LONGEST_NS: Final = 3_600 * 10**9
"""A call that ran for longer is not looked for by when it ended."""
MOST_FOUND: Final = 500
AT_ONCE: Final = 8
RETRIEVERS: Final = 10
MAX_LABEL: Final = 500
_DRAWN: Final = "cityHash64(trace_id, {salt:String}) % 1000000 < {draw:Int64}"


class Parts(Struct, frozen=True, kw_only=True):
    """``queue`` queues the experiment that a schedule asks for, in the transaction it is given, and says its id."""

    db: Database
    reader: Reader
    asker: Any
    scores: ScoreBook
    tools: JudgeTools
    queue: Callable[[Connection, Rule, ScheduleSpec], str]
    queued: Callable[[], None]
    clock: Clock


class Place(Struct, frozen=True, array_like=True):
    trace_id: str
    span_id: str
    ended_ns: int


class Named(Struct, frozen=True, kw_only=True):
    """A scorer of a rule, ready to judge; ``name`` is that of its scores."""

    name: str
    found: Resolved


class Tally(Struct, kw_only=True):
    """What a rule did in one turn. ``spent`` counts from what it had spent that day."""

    budget: int | None
    spent: int
    unpriced: int = 0
    scored: int = 0
    unscored: int = 0
    passed_over: int = 0

    def paid(self, cost: int | None) -> None:
        self.spent += cost or 0
        self.unpriced += cost is None

    @property
    def is_spent(self) -> bool:
        return self.budget is not None and self.spent >= self.budget


class ScoringLive:
    """Runs beside a worker. For one event loop."""

    def __init__(self, parts: Parts, *, look_s: float = LOOK_S) -> None:
        self._parts = parts
        self._leading = Leadership(parts.db, parts.clock, NAME, HOLD_MS)
        self._turns = Turns(self.turn, "the scorer of live traffic", look_s, logger)
        self._done: dict[str, None] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    async def leave(self) -> None:
        """Let another lead, now."""
        await self._leading.leave()

    async def turn(self) -> bool:
        """One look at every rule; whether one of them has more to do at once."""
        if not await self._leading.held():
            return False
        more = False
        for each in await self._parts.db.read(online.rules):
            if each.paused or not await self._leading.held():
                continue
            more = await self._step(each) or more
        return more

    async def _step(self, each: Rule) -> bool:
        """What cannot be done now is done in another turn, and keeps no other rule from going on."""
        try:
            if isinstance(each.spec, ScheduleSpec):
                await self.start(each)
                return False
            return await self.score(each)
        except Unavailable as error:
            logger.debug("the rule %s waits: %s", each.name, error.message)
        except TrimtabError as error:
            await self._trouble(each, error.sentence())
        except Exception as error:  # an edge: one rule that is broken must not keep others from going on
            logger.exception("the rule %s failed", each.name)
            await self._trouble(each, f"A defect: {type(error).__name__}: {error}"[:1000])
        return False

    async def _trouble(self, each: Rule, why: str) -> None:
        if each.state.trouble != why:
            state = replace(each.state, trouble=why)
            await self._parts.db.write(lambda conn: online.remember(conn, each, state))

    def _now(self, conn: Connection) -> int:
        return leaders.now_ms(conn, self._parts.clock.now_ns() // 1_000_000)

    # --- schedules ---

    async def start(self, each: Rule) -> str:
        """Queue a schedule's experiment if it is due: its id, or empty. What stands in its way stands in its state."""

        def write(conn: Connection) -> str:
            now = self._now(conn)
            held = online.rule(conn, each.project_id, each.name)
            if held.revision != each.revision or not online.due(held, now) or not isinstance(held.spec, ScheduleSpec):
                return ""
            made, trouble = "", ""
            try:
                with conn.begin_nested():
                    made = self._parts.queue(conn, held, held.spec)
            except Unavailable:
                raise
            except TrimtabError as error:
                trouble = error.sentence()
            online.remember(conn, held, online.after_run(held, now, experiment=made, trouble=trouble))
            return made

        made = await self._parts.db.write(write)
        if made:
            logger.info("the schedule %s queued %s", each.name, made)
            self._parts.queued()
        return made

    # --- live traffic ---

    async def score(self, each: Rule) -> bool:
        """Judge what a rule finds, oldest first; if there is more. Raises `Unavailable` while there is no store."""
        spec = each.spec
        assert isinstance(spec, OnlineSpec)
        now_ns = self._parts.clock.now_ns()
        state = each.state.on(now_ns // 1_000_000)
        scorers = await self._parts.db.read(lambda conn: _resolved(conn, each, spec))
        since = max(state.from_ns, state.read_ns - OVERLAP_NS * state.all)
        sql, params = _of_spans(each, spec, since, now_ns)
        found: list[Place] = await self._parts.asker.ask(Place, sql, params)
        known = await self._known(each.project_id, scorers, found)
        fresh = [place for place in found if not all(_id(each.project_id, place, one) in known for one in scorers)]
        tally = Tally(budget=online.budget_of(spec), spent=state.spent)
        part = fresh[: AT_ONCE * 4]
        try:
            for at in range(0, len(part), AT_ONCE):
                await asyncio.gather(
                    *(self._judged(each, place, scorers, known, tally) for place in part[at : at + AT_ONCE])
                )
        except Unavailable:  # the day's budget counts what was paid, also where it could not be written down
            await self._keep(each, replace(state, spent=tally.spent, unpriced=state.unpriced + tally.unpriced))
            raise
        through, whole = _through(found, fresh, part, now_ns)
        await self._keep(each, _counted(state, tally, through, whole=whole, now=now_ns // 1_000_000))
        return not whole

    async def _keep(self, each: Rule, state: RuleState) -> None:
        def write(conn: Connection) -> None:
            if not online.remember(conn, each, state):
                online.charge(conn, each, state)

        if state != each.state:
            await self._parts.db.write(write)

    async def _known(self, project: str, scorers: Sequence[Named], found: Sequence[Place]) -> set[str]:
        """Ids of scores that are there already, or on their way."""
        ids = [_id(project, place, one) for place in found for one in scorers]
        known = {each for each in ids if each in self._done}
        wanted = [place for place in found if not all(_id(project, place, one) in known for one in scorers)]
        for at in range(0, len(wanted), 100):
            part = wanted[at : at + 100]
            params: dict[str, Value] = {"project": project}
            params |= {f"t{number}": place.trace_id for number, place in enumerate(part)}
            traces = ", ".join(f"{{t{number}:String}}" for number in range(len(part)))
            sql = (
                "SELECT DISTINCT id FROM scores WHERE project = {project:String}"  # noqa: S608  our own text around placeholders
                f" AND trace_id IN ({traces}) AND startsWith(key, 'online:')"
            )
            known |= {line[0] for line in await self._parts.asker.ask(list[Any], sql, params)}
        return known

    async def _judged(self, each: Rule, place: Place, scorers: Sequence[Named], known: set[str], tally: Tally) -> None:
        """Every scorer's word on one answer, written durably."""
        waiting = [one for one in scorers if _id(each.project_id, place, one) not in known]
        if tally.is_spent:
            models = [one for one in waiting if one.found.scorer.source == "llm"]
            tally.passed_over += bool(models)
            self._remember({_id(each.project_id, place, one) for one in models})  # not counted again, nor judged later
            waiting = [one for one in waiting if one not in models]
        if not waiting:
            return
        trace = await self._parts.reader.trace(each.project_id, place.trace_id)
        sample = None if trace is None else await self._sample(each.project_id, trace, place)
        if sample is None:  # erased meanwhile
            self._remember({_id(each.project_id, place, one) for one in waiting})
            return
        made: list[Score] = []
        for one in waiting:
            verdict = await self._verdict(each, place, one, sample, tally)
            if isinstance(verdict, CannotScore):
                tally.unscored += 1
            else:
                tally.scored += 1
            made.append(_score(each, place, one, verdict, self._parts.clock.now_ns()))
        await self._parts.scores.write(each.project_id, made)
        self._remember({score.id for score in made})

    async def _verdict(self, each: Rule, place: Place, one: Named, sample: Sample, tally: Tally) -> Verdict:
        tools = self._parts.tools.bound(
            each.project_id,
            tags=(f"online:{each.name}",),
            metadata={"rule": each.name, "trace": place.trace_id, "scorer": one.found.name},
            idempotency=_key(place, one),
            paid=tally.paid,
        )
        return await judge(one.found.scorer, sample, one.found.options, tools)

    async def _sample(self, project: str, trace: TraceDetail, place: Place) -> Sample | None:
        row = next((span for span in trace.spans if span.span_id == place.span_id), None)
        io = None if row is None else await self._parts.reader.span_io(project, place.trace_id, place.span_id)
        if row is None or io is None:
            return None
        context: list[str] = []
        retrievers = [span for span in trace.spans if span.kind == "retriever"]
        for span in retrievers[:RETRIEVERS]:
            texts = await self._parts.reader.span_io(project, place.trace_id, span.span_id)
            for message in texts.output if texts else ():
                context += [part["text"] for part in message.parts if isinstance(part.get("text"), str)]
        return of_span(row, io, trace.spans, context=context if retrievers else None)

    def _remember(self, ids: set[str]) -> None:
        """What is on its way to the store, for as long as that may take."""
        self._done |= dict.fromkeys(ids)
        for old in list(self._done)[: max(0, len(self._done) - 20_000)]:
            del self._done[old]


def _resolved(conn: Connection, each: Rule, spec: OnlineSpec) -> list[Named]:
    return [
        Named(
            name=one.name or one.scorer,
            found=scorer_names.resolve(conn, each.project_id, one.scorer, one.options),
        )
        for one in spec.scorers
    ]


def _key(place: Place, one: Named) -> str:
    return f"online:{place.trace_id}:{place.span_id}:{one.name}:{one.found.name}:{one.found.version}"


def _id(project: str, place: Place, one: Named) -> str:
    return id_for(project, _key(place, one))


def _of_spans(each: Rule, spec: OnlineSpec, since_ns: int, now_ns: int) -> tuple[str, dict[str, Value]]:
    """Answers that ended since then, oldest first: the share of them that is the rule's, and none of our own."""
    window = Window(start=max(0, since_ns - LONGEST_NS) // 1_000_000, end=now_ns // 1_000_000 + 60_000)
    condition = compile_query(online.search_of(spec), each.project_id, window, stored=True)
    params: dict[str, Value] = {
        **condition.params,
        "since": since_ns,
        "salt": each.name,
        "draw": round(spec.share * 1_000_000),
        "ours": OURS,
    }
    sql = (
        f"SELECT trace_id, span_id, start_ns + duration_ns AS ended FROM spans WHERE {condition.sql}"  # noqa: S608
        " AND start_ns + duration_ns >= {since:Int64} AND status = 'ok' AND NOT startsWith(feature, {ours:String})"
        f" AND {_DRAWN} ORDER BY ended, span_id LIMIT {MOST_FOUND}"
    )
    return sql, params


def _through(found: list[Place], fresh: list[Place], part: list[Place], now_ns: int) -> tuple[int, bool]:
    """How far everything was read, and whether that is all there is now."""
    if len(fresh) > len(part):
        return part[-1].ended_ns, False
    if len(found) == MOST_FOUND:
        return found[-1].ended_ns, False
    return now_ns, True


def _counted(state: RuleState, tally: Tally, through: int, *, whole: bool, now: int) -> RuleState:
    did = tally.scored + tally.unscored + tally.passed_over
    return replace(
        state,
        # What is read up to moves on its own: it is written when something was done, or now and then.
        read_ns=through if did or not whole or through - state.read_ns > OVERLAP_NS // 4 else state.read_ns,
        all=whole,
        spent=tally.spent,
        unpriced=state.unpriced + tally.unpriced,
        scored=state.scored + tally.scored,
        unscored=state.unscored + tally.unscored,
        passed_over=state.passed_over + tally.passed_over,
        last=now if did else state.last,
        trouble="",
    )


def _score(each: Rule, place: Place, one: Named, verdict: Verdict, now_ns: int) -> Score:
    key = _key(place, one)
    failed = isinstance(verdict, CannotScore)
    return check(
        Score(
            id=id_for(each.project_id, key),
            target="span",
            trace_id=place.trace_id,
            span_id=place.span_id,
            name=one.name,
            value=None if failed else verdict.value,
            label=UNSCORED if failed else verdict.label[:MAX_LABEL],
            explanation=(verdict.reason if failed else verdict.explanation)[:MAX_EXPLANATION],
            source=one.found.scorer.source,
            evaluator=one.found.name,
            evaluator_version=one.found.version,
            author=f"online:{each.name}",
            at_ns=now_ns,
            key=key[:200],
            version=now_ns,
        )
    )
