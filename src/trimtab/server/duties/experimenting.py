"""Who runs experiments: of all processes on one catalog the one that leads (`storage/leaders.py`).

Every second, and at once when told, it looks for experiments that are queued or were left running by a process that is
no more, and runs a few of them at a time (`evaluation/runner.py`), with calls of its own through the live path. When
one ends its report is made in a thread, and written together with the verdict for the gate.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import NotFound, TrimtabError, Unavailable
from trimtab.evaluation import cache, cells, experiments, gate
from trimtab.evaluation.answers import Answer, Request, arguments_of
from trimtab.evaluation.budget import Slots
from trimtab.evaluation.judging import Asking, Bound, Judging, bind
from trimtab.evaluation.report import Facts, build
from trimtab.evaluation.report_metrics import ScorerFacts
from trimtab.evaluation.runner import Ended, Parts, Run
from trimtab.evaluation.suites import label_of
from trimtab.evaluation.types import Cell, Experiment, Report
from trimtab.scoring.types import ToolCall, Tools
from trimtab.server.duties.keeping import forget_late
from trimtab.server.inner.calls import EXPERIMENT, NOBODY, InnerAnswer, InnerCaller, InnerCalls
from trimtab.server.inner.judge_tools import JudgeTools
from trimtab.server.leading import Leadership
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

logger = logging.getLogger("trimtab.experiments")

NAME: Final = "experiments"
LOOK_S: Final = 1.0
HOLD_MS: Final = 6_000
AT_ONCE: Final = 3
"""Experiments that run at a time; others wait in the queue."""
LEAVE_WITHIN_S: Final = 8.0
"""How long calls under way may take when the server stops; what takes longer is cut, and its row says so."""
TIDY_EVERY_S: Final = 3600.0
_FRESH: Final = {b"trimtab-cache": b"no-store"}
"""An experiment wants the model's answer: repeats are there to differ, and times to be measured."""


class World(Struct, frozen=True, kw_only=True):
    """What experiments need of the server. ``holds`` says whether a key is still in force; ``expected`` what about a
    call of an experiment costs (picodollars)."""

    db: Database
    calls: InnerCalls
    tools: JudgeTools
    clock: Clock
    holds: Callable[[str], bool]
    expected: Callable[[Experiment], Awaitable[int]]


class Experimenting:
    """Runs beside a worker. For one event loop."""

    def __init__(self, world: World, *, look_s: float = LOOK_S) -> None:
        self._world = world
        self._leading = Leadership(world.db, world.clock, NAME, HOLD_MS)
        self._turns = Turns(self.turn, "the runner of experiments", look_s, logger)
        self._runs: dict[str, Run | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._tidied = float("-inf")
        self._leaving = False

    def wake(self) -> None:
        """There is something to run, or to stop."""
        self._turns.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    def stop(self) -> None:
        """Ask for nothing more: the server is about to end."""
        self._leaving = True
        for run in self._runs.values():
            if run is not None:
                run.leave()

    async def leave(self) -> None:
        """Let calls under way end, and let another lead."""
        self.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LEAVE_WITHIN_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._leading.leave()

    async def turn(self) -> bool:
        """One look at what is to be run; False, for the next comes by itself."""
        if self._leaving:
            return False
        if not await self._leading.held():
            for run in self._runs.values():
                if run is not None:
                    run.leave()
            return False
        found = await self._world.db.read(experiments.active)
        self._stop_ended({each.id for each in found})
        for each in found:
            if each.id not in self._runs and len(self._runs) < AT_ONCE:
                self._start(each)
        await self._tidy()
        return False

    def _stop_ended(self, active: set[str]) -> None:
        for name, run in self._runs.items():
            if run is not None and name not in active:
                run.leave("cancelled")

    def _start(self, found: Experiment) -> None:
        self._runs[found.id] = None
        task = asyncio.ensure_future(self._whole(found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tidy(self) -> None:
        if time.monotonic() - self._tidied >= TIDY_EVERY_S:
            self._tidied = time.monotonic()
            await self._world.db.write(lambda conn: cache.tidy(conn, self._now()))

    def _now(self) -> int:
        return self._world.clock.now_ns() // 1_000_000

    # --- one experiment ---

    async def _whole(self, found: Experiment) -> None:
        """From where it is to its end, whatever becomes of it."""
        try:
            await self._carried_out(found)
        except Unavailable as error:
            logger.info("experiment %s waits: %s", found.id, error.message)  # the next look begins it again
        except TrimtabError as error:
            await self._fail(found, error.sentence())
        except Exception as error:
            logger.exception("experiment %s met a defect", found.id)
            await self._fail(found, f"A defect: {type(error).__name__}: {error}"[:2000])
        finally:
            self._runs.pop(found.id, None)
            self._turns.wake()

    async def _fail(self, found: Experiment, reason: str) -> None:
        try:
            await self._world.db.write(
                lambda conn: experiments.end(
                    conn, found.id, "failed", reason=reason, report=None, now=self._now(), revision=found.revision
                )
            )
        except Unavailable as error:
            logger.info("experiment %s waits: %s", found.id, error.message)

    async def _carried_out(self, found: Experiment) -> None:
        db, began = self._world.db, self._now()
        if not await db.write(lambda conn: experiments.begin(conn, found.id, began)):
            return
        bound = await db.read(lambda conn: bind(conn, found.project_id, found.spec))
        if found.author != NOBODY and not self._world.holds(found.author):
            ended = Ended(
                state="paused", reason=f"The key of {found.author_name} that started it is in force no more: resume "
                "it with another.", whole=False,
            )  # fmt: skip
        else:
            ended = await self._run(found, bound)
        await forget_late(db, found.project_id, found.started or began)
        if ended.state == "running":  # this process leaves: another goes on
            await db.write(lambda conn: experiments.put_back(conn, found.id))
            return
        await self._end(found, bound, ended)

    async def _run(self, found: Experiment, bound: tuple[Bound, ...]) -> Ended:
        slots = Slots(found.spec.concurrency, time.monotonic)
        parts = Parts(
            db=self._world.db,
            ask=self._ask,
            judging=Judging(bound, self._tools, self._world.db, slots),
            now_ms=self._now,
            now_s=time.monotonic,
            expected=await self._world.expected(found),
        )
        run = self._runs[found.id] = Run(found, parts)
        if self._leaving:
            run.leave()
        logger.info("experiment %s of %s: %d answers", found.id, found.suite, found.cells)
        return await run.run()

    async def _end(self, found: Experiment, bound: tuple[Bound, ...], ended: Ended) -> None:
        now = self._now()
        report = await report_of(self._world.db, found, bound, ended, now)

        def write(conn: Connection) -> None:
            first = experiments.end(
                conn, found.id, ended.state, reason=ended.reason, report=report, now=now, revision=found.revision
            )
            if first and ended.whole:
                try:
                    gate.record(conn, found, report, bound, now)
                except NotFound as error:  # its app was removed meanwhile
                    logger.info("experiment %s says nothing to a gate: %s", found.id, error.message)

        await self._world.db.write(write)
        logger.info("experiment %s: %s, %s", found.id, ended.state, report.outcome)

    async def remake(self, found: Experiment) -> None:
        """Make the report of one that is done anew: there are more scores."""
        bound = await self._world.db.read(lambda conn: bind(conn, found.project_id, found.spec))
        now = self._now()
        report = await report_of(self._world.db, found, bound, Ended(state="done", reason="", whole=True), now)

        def write(conn: Connection) -> None:
            experiments.end(conn, found.id, "done", reason="", report=report, now=now)
            gate.record(conn, found, report, bound, now)

        await self._world.db.write(write)

    # --- what it reaches ---

    async def _ask(self, request: Request) -> Answer:
        caller = InnerCaller(
            project_id=request.project_id,
            feature=EXPERIMENT,
            key_id=request.key_id,
            tags=request.tags,
            metadata=request.metadata,
        )
        headers = {**_FRESH, b"trimtab-idempotency": b"retry-unknown"} if request.retry_unknown else _FRESH
        made = await self._world.calls.call(caller, request.body, idempotency_key=request.key, headers=headers)
        return answer_of(made)

    def _tools(self, asking: Asking) -> Tools:
        found = asking.experiment
        return self._world.tools.bound(
            found.project_id,
            key_id=found.author,
            tags=(f"experiment:{found.id}",),
            metadata={"experiment": found.id, "case": asking.case_id, "scorer": asking.scorer},
            idempotency=asking.key,
            paid=asking.paid,
        )


def answer_of(made: InnerAnswer) -> Answer:
    """What came of a call. One that was answered before a crash cost what it cost then, and how long it took is not
    known any more."""
    if made.error is not None:
        return Answer(
            error=made.error.message,
            code=made.error.code,
            retry=made.error.retry,
            trace_id=made.trace_id,
            latency_ms=made.latency_ms,
            cost=made.cost,
            paid=made.cost,
        )
    cost = made.saved if made.replayed else made.cost
    return Answer(
        output=made.text,
        tool_calls=tuple(ToolCall(name=each.name, arguments=arguments_of(each.arguments)) for each in made.tool_calls),
        finish=made.stop,
        system=made.system,
        context=made.context,
        documents=tuple(sorted({cache.document_mark(*each) for each in made.documents})),
        trace_id=made.trace_id,
        latency_ms=None if made.replayed else made.latency_ms,
        ttft_ms=None if made.replayed else made.ttft_ms,
        cost=cost,
        paid=cost,
        input_tokens=made.input_tokens,
        output_tokens=made.output_tokens,
    )


async def report_of(db: Database, found: Experiment, bound: tuple[Bound, ...], ended: Ended, now: int) -> Report:
    """What the answers that are there say. Where some are missing it says so, and passes nothing."""
    made = await db.read(lambda conn: cells.for_report(conn, found))
    wanted = set(await db.read(lambda conn: cells.ids_of(conn, cells.which(found))))
    made = [each for each in made if each.case_id in wanted]
    there = {(each.subject, each.case_id, each.repeat) for each in made}
    missing = [
        Cell(subject=number, case_id=case, repeat=repeat, state="pending")
        for case in wanted
        for number in range(len(found.subjects))
        for repeat in range(found.spec.repeats)
        if (number, case, repeat) not in there
    ]
    facts = Facts(
        experiment=found.id,
        suite=found.suite,
        dataset=found.dataset,
        version=found.version,
        subjects=tuple(each.model for each in found.subjects),
        scorers=facts_of(found, bound),
        made=now,
        against=1 if len(found.subjects) > 1 else None,
    )
    report = await asyncio.to_thread(build, facts, found.spec, [*made, *missing])
    unknown = sum(each.state == "failed" and each.error.startswith(cells.UNKNOWN) for each in made)
    report = replace(
        report, drawn_of=await _drawn_of(db, found, len(wanted)), unknown=unknown,
        warnings=(*_of_unknown(found.id, unknown), *report.warnings),
    )  # fmt: skip
    if not missing:
        return report
    why = f"It is not whole: {len(missing):,} of {found.cells:,} answers are missing. {ended.reason}".strip()
    outcome = report.outcome if report.outcome == "worse" else "not_enough_data"
    return replace(report, outcome=outcome, passed=False, warnings=(why, *report.warnings))


async def _drawn_of(db: Database, found: Experiment, here: int) -> int:
    """Of how many cases those of a run that asked for a part were drawn; 0 where it has them all."""
    if not found.settings.most_cases:
        return 0
    every = replace(cells.which(found), most=0)
    there = len(await db.read(lambda conn: cells.ids_of(conn, every)))
    return there if there > here else 0


def _of_unknown(experiment: str, unknown: int) -> tuple[str, ...]:
    if not unknown:
        return ()
    why = f"{unknown:,} answers were under way when a server died, and nobody knows whether they were paid for."
    return (f"{why} To ask again, perhaps paying twice: trimtab experiments resume {experiment} --unknown",)


def facts_of(found: Experiment, bound: tuple[Bound, ...]) -> dict[str, ScorerFacts]:
    by_label = {label_of(each): each for each in found.spec.scorers}
    return {
        each.label: ScorerFacts(
            scorer=each.name,
            kind="share" if each.scorer is None else each.scorer.kind,
            better=by_label[each.label].better or (None if each.scorer is None else each.scorer.better),
        )
        for each in bound
    }
