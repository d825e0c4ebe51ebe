"""What sends answers to people, and sees to it that nothing they said is lost: one process of all on a catalog.

Every few seconds it reads what came to the store since (spans by when they ended, scores by when they were written,
both with an overlap, for some come late), asks each queue's rules, and sends what fits. An item has the key of its
answer, so reading again sends nothing twice; a sampled share is a hash of that key, so it is the same whoever reads.

Besides: holds whose time is up end with their fallback; scores of verdicts that were not durable are written again;
what users said before its answer arrived is moved to where that is; judges are held against people where those have
said more.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.review import holds, items, queues, verdicts
from trimtab.review.types import Queue, SendRule, Verdict
from trimtab.server.duties.calibrating import Calibrating
from trimtab.server.inner.calls import OURS
from trimtab.server.leading import Leadership
from trimtab.server.review_subjects import answer_of, new_item, subject_of
from trimtab.storage import leaders
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns
from trimtab.telemetry.feedback import FeedbackBook
from trimtab.telemetry.score_book import ScoreBook
from trimtab.telemetry.scores.types import OF_PEOPLE, Score
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.search.score_versions import newest
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Reader, SpanRow, Window

logger = logging.getLogger("trimtab.reviewing")
NAME: Final = "reviewing"
LOOK_S: Final = 3.0
OVERLAP_NS: Final = 120 * 10**9
LONGEST_NS: Final = 3_600 * 10**9
"""A call that ran for longer is not looked for by when it ended."""
FAR_MS: Final = 90 * 86_400_000
"""How long after its answer a score may come, and still send it to people."""
AT_ONCE: Final = 100
"""Answers that a rule sends in one turn."""
MOST_FOUND: Final = 2_000
KEYS_AT_ONCE: Final = 500
DISPUTED_NS: Final = 7 * 86_400 * 10**9
"""How long after the first another may say otherwise, and the two be seen to differ."""
_TRAFFIC: Final = f"NOT startsWith(feature, '{OURS}')"
"""What this server asks itself (experiments, judges) nobody waits for."""
_DRAWN: Final = "cityHash64(span_id, {salt:String}) % 1000000 < {draw:Int64}"
LATE_MS: Final = 10_000
SETTLE_EVERY_NS: Final = 10 * 10**9
CALIBRATE_EVERY_NS: Final = 30 * 10**9
KEEP_HOLDS_MS: Final = 30 * 86_400_000


class Parts(Struct, frozen=True, kw_only=True):
    """``asker`` answers statements of the telemetry store."""

    db: Database
    reader: Reader
    asker: Any
    scores: ScoreBook
    feedback: FeedbackBook
    calibrating: Calibrating
    clock: Clock


class Place(Struct, frozen=True, array_like=True):
    """An answer that a rule may send; ``at_ns`` is the place in time that the rule has read up to with it."""

    trace_id: str
    span_id: str
    at_ns: int


class Read(Struct, frozen=True, array_like=True):
    """How far a rule has read, Unix ns. ``all``: up to then it has read everything, and looks back a little in the next
    turn for what comes late; else it goes on exactly there."""

    at_ns: int
    all: bool


class Reviewing:
    """Runs beside a worker. For one event loop."""

    def __init__(self, parts: Parts, *, look_s: float = LOOK_S) -> None:
        self._parts = parts
        self._leading = Leadership(parts.db, parts.clock, NAME)
        self._turns = Turns(self.turn, "the review feeder", look_s, logger)
        self._settled_ns = 0
        self._calibrated_ns = 0

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    async def leave(self) -> None:
        """Let another lead, now."""
        await self._leading.leave()

    async def turn(self) -> bool:
        """One look at everything; False, for the next comes by itself."""
        if not await self._leading.held():
            return False
        await self._step(self.expire)
        await self._step(self.write_scores)
        await self._step(self.settle)
        await self._step(self.calibrate)
        for each in await self._parts.db.read(queues.queues):
            if each.spec.rules and await self._leading.held():
                await self._step(self._feeding(each))
        return False

    async def _step(self, step: Callable[[], Awaitable[object]]) -> None:
        """What cannot be done now is done in another turn, and keeps nothing else from being done."""
        try:
            await step()
        except Unavailable as error:
            logger.debug("a step of review waits: %s", error.message)
        except Exception:  # an edge: one queue that is broken must not keep others from being fed
            logger.exception("a step of review failed")

    def _now(self, conn: Connection) -> int:
        return leaders.now_ms(conn, self._parts.clock.now_ns() // 1_000_000)

    # --- what was said is not lost ---

    async def expire(self) -> None:
        """Holds whose time is up end with their fallback."""

        def write(conn: Connection) -> int:
            now = self._now(conn)
            holds.forget(conn, now - KEEP_HOLDS_MS)
            return holds.expire(conn, now)

        ended = await self._parts.db.write(write)
        if ended:
            logger.info("%d held answers were not looked at in time; their users get the fallback", ended)

    async def write_scores(self) -> int:
        """Those of verdicts whose writer died before they were durable."""
        before = self._parts.clock.now_ns() // 1_000_000 - LATE_MS
        late = await self._parts.db.read(lambda conn: verdicts.unscored(conn, before))
        for verdict in late:
            await score_verdict(self._parts.db, self._parts.scores, verdict, self._parts.clock.now_ns())
        return len(late)

    async def settle(self) -> None:
        """Feedback that came before its answer goes to where that is."""
        now_ns = self._parts.clock.monotonic_ns()
        if self._settled_ns and now_ns < self._settled_ns + SETTLE_EVERY_NS:
            return
        for project in await self._parts.feedback.unsettled(self._parts.clock.now_ns()):
            await self._parts.feedback.settle(project, self._parts.clock.now_ns())
        self._settled_ns = now_ns

    async def calibrate(self) -> None:
        """Judges are held against people where those have said more."""
        now_ns = self._parts.clock.monotonic_ns()
        if self._calibrated_ns and now_ns < self._calibrated_ns + CALIBRATE_EVERY_NS:
            return
        self._calibrated_ns = now_ns
        await self._parts.calibrating.follow()

    # --- rules ---

    def _feeding(self, queue: Queue) -> Callable[[], Awaitable[int]]:
        async def feed() -> int:
            return await self.feed(queue)

        return feed

    async def feed(self, queue: Queue) -> int:
        """Ask each rule of a queue once; how many items were new. Raises `Unavailable` while the store is away."""
        now_ns = self._parts.clock.now_ns()
        standing = await self._parts.db.read(
            lambda conn: queues.standing(conn, queue.project_id, queue.name, now_ns // 1_000_000)
        )
        sent = 0
        state: dict[str, Any] = {
            name: at for name, at in queue.state.items() if name in {each.name for each in queue.spec.rules}
        }
        for rule in queue.spec.rules:
            read = msgspec.convert(state.get(rule.name) or (queue.updated * 1_000_000, False), Read)
            if standing.open + sent >= queue.spec.most_open:
                state[rule.name] = (now_ns, False)  # what comes while the queue is full is not sent later
                continue
            try:
                places, through = await self._found(queue, rule, read, now_ns)
            except InvalidRequest as error:
                logger.warning("the rule %s of the queue %s cannot be asked: %s", rule.name, queue.name, error.message)
                continue
            sent += await self._send(queue, rule, places)
            state[rule.name] = msgspec.to_builtins(through)
        if state != queue.state:
            await self._parts.db.write(lambda conn: queues.remember(conn, queue, state))
        return sent

    async def _found(self, queue: Queue, rule: SendRule, read: Read, now_ns: int) -> tuple[list[Place], Read]:
        """What the rule finds that the queue has not been sent, oldest first, and how far it has read then."""
        statement = _of_spans if rule.kind in ("search", "random") else _of_scores
        since = max(0, read.at_ns - OVERLAP_NS * read.all)
        sql, params = statement(queue, rule, since, now_ns)
        found: list[Place] = await self._parts.asker.ask(Place, sql, params)
        fresh: list[Place] = []
        for at in range(0, len(found), KEYS_AT_ONCE):
            part = {f"{each.trace_id}/{each.span_id}"[:200]: each for each in found[at : at + KEYS_AT_ONCE]}
            known = await self._parts.db.read(lambda conn, keys=tuple(part): items.known(conn, queue, keys))
            fresh += [each for key, each in part.items() if key not in known]
        if len(fresh) > AT_ONCE:
            return fresh[:AT_ONCE], Read(fresh[AT_ONCE - 1].at_ns, False)
        if len(found) == MOST_FOUND:
            return fresh, Read(found[-1].at_ns, False)
        return fresh, Read(now_ns, True)

    async def _send(self, queue: Queue, rule: SendRule, places: Sequence[Place]) -> int:
        sent = 0
        for place in places:
            found = await self._parts.reader.trace(queue.project_id, place.trace_id)
            row: SpanRow | None = None if found is None else answer_of(found, place.span_id)
            if found is None or row is None:
                continue
            subject = await subject_of(self._parts.reader, queue.project_id, found, row)
            item = new_item(row, subject, rule.name, rule.priority)
            made = await self._parts.db.write(lambda conn, item=item: items.send(conn, queue, item, self._now(conn)))
            sent += made is not None
        return sent


async def score_verdict(db: Database, scores: ScoreBook, verdict: Verdict, now_ns: int) -> None:
    """Write a verdict's scores durably, then that they are."""

    def read(conn: Connection) -> list[Score]:
        found = items.item(conn, verdict.project_id, verdict.item)
        return verdicts.scores_of(queues.queue(conn, verdict.project_id, found.queue), found, verdict, now_ns)

    made = await db.read(read)
    if made:
        await scores.write(verdict.project_id, made)
    await db.write(lambda conn: verdicts.mark_scored(conn, verdict, now_ns // 1_000_000))


def _of_spans(queue: Queue, rule: SendRule, since_ns: int, now_ns: int) -> tuple[str, dict[str, Value]]:
    """Answers that ended since then, oldest first."""
    window = Window(start=max(0, since_ns - LONGEST_NS) // 1_000_000, end=now_ns // 1_000_000 + 60_000)
    condition = compile_query(rule.q, queue.project_id, window, stored=True)
    params: dict[str, Value] = {**condition.params, **_draw(queue, rule), "since": since_ns}
    sql = (
        f"SELECT trace_id, span_id, start_ns + duration_ns AS ended FROM spans WHERE {condition.sql}"  # noqa: S608
        f" AND start_ns + duration_ns >= {{since:Int64}} AND status = 'ok' AND {_TRAFFIC} AND {_DRAWN}"
        f" ORDER BY ended, span_id LIMIT {MOST_FOUND}"
    )
    return sql, params


def _draw(queue: Queue, rule: SendRule) -> dict[str, Value]:
    """A share of the answers, always the same ones: by a hash of each with the names of queue and rule."""
    return {"salt": f"{queue.name}/{rule.name}", "draw": round(rule.share * 1_000_000)}


def _of_scores(queue: Queue, rule: SendRule, since_ns: int, now_ns: int) -> tuple[str, dict[str, Value]]:
    """Answers of which something was said since then, in the order in which it was written."""
    window = Window(start=max(0, now_ns // 1_000_000 - FAR_MS), end=now_ns // 1_000_000 + 60_000)
    condition = compile_query(rule.q, queue.project_id, window, stored=True)
    params: dict[str, Value] = {**condition.params, **_draw(queue, rule), "since": since_ns}
    of_span = "if(target = 'span', span_id, '')"
    if rule.kind == "disputed":
        params |= {"named": rule.score, "spread": repr(rule.spread), "old": max(0, since_ns - DISPUTED_NS)}
        said = newest(
            ("trace_id", of_span, "version", "assumeNotNull(value)", "concat(evaluator, '/', author)"),
            "valid = 1 AND target != 'session' AND value IS NOT NULL AND name = {named:String}"
            " AND at_ns >= {old:Int64}",
        )
        having = " HAVING max(n3) - min(n3) >= {spread:Float64} AND uniqExact(n4) > 1 AND at >= {since:Int64}"
    else:
        said = newest(("trace_id", of_span, "version"), f"{_fits(rule, params)} AND version >= {{since:UInt64}}")
        having = ""
    by_answer = f"SELECT n0 AS trace_id, n1 AS said_of, toInt64(max(n2)) AS at FROM ({said}) GROUP BY n0, n1{having}"  # noqa: S608
    sql = (
        f"SELECT trace_id, span_id, at FROM spans INNER JOIN ({by_answer}) AS said USING (trace_id)"  # noqa: S608
        f" WHERE {condition.sql} AND (said_of = '' OR said_of = span_id) AND {_TRAFFIC} AND {_DRAWN}"
        f" ORDER BY at, span_id LIMIT {MOST_FOUND}"
    )
    return sql, params


def _fits(rule: SendRule, params: dict[str, Value]) -> str:
    """Which scores a rule is about."""
    found = ["valid = 1 AND target != 'session'"]
    if rule.kind == "complaint":
        found.append("source = 'user'")
    elif rule.kind == "guard":
        found.append("source = 'guard'")
    else:
        found.append(f"source NOT IN {OF_PEOPLE}")
    if rule.score:
        params["named"] = rule.score
        found.append("name = {named:String}")
    at_most = 0.4 if rule.kind == "complaint" and rule.at_most is None and rule.at_least is None else rule.at_most
    for bound, sign, name in ((at_most, "<=", "most"), (rule.at_least, ">=", "least")):
        if bound is not None:
            params[name] = repr(float(bound))
            found.append(f"value {sign} {{{name}:Float64}}")
    return " AND ".join(found)
