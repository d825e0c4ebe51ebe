"""Running one experiment: each case put to each subject, judged, and written down, until all is there or it must stop.

    cases (in pages) -> answers (known, or asked through the live path) -> scores -> cells, written in batches

What is there already is not asked for again: neither after a crash nor in another experiment. An answer that came is
in the cache with the next batch; between that and the crash stands the idempotency key of its call. A few cases are
open at a time, so memory does not grow with the dataset; calls are made as many at once as the suite allows and the
provider bears. Errors stay errors: they are asked again where that may help, and counted where it did not.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.evaluation import cache, cells
from trimtab.evaluation.answers import Answer, Ask, Request, body_of, failure_of
from trimtab.evaluation.budget import Budget, Slots
from trimtab.evaluation.cache import Entry
from trimtab.evaluation.cells import UNKNOWN, Key
from trimtab.evaluation.judging import Judging
from trimtab.evaluation.types import Case, Cell, CellScore, Experiment, ExperimentState, Subject
from trimtab.ledger.limits import picodollars
from trimtab.storage.database import Database

logger = logging.getLogger("trimtab.evaluation")

MOST_KEYS: Final = 400
"""Answers that are looked up at once, and so how many cases make a page."""
FLUSH_S: Final = 0.25
FLUSH_AT: Final = 64
MOST_UNWRITTEN: Final = 1_000
SLOWED_TRIES: Final = 12
PASSING_TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 15.0
HOPELESS: Final = 20
"""A subject whose first so many answers all are errors that stay is not asked on."""


class Parts(Struct, frozen=True, kw_only=True):
    """What a run needs of the world. ``expected`` is about what a call costs, in picodollars."""

    db: Database
    ask: Ask
    judging: Judging
    now_ms: Callable[[], int]
    now_s: Callable[[], float]
    expected: int = 0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Ended(Struct, frozen=True, kw_only=True):
    """How a run ended. ``whole``: every answer is there."""

    state: ExperimentState
    reason: str
    whole: bool


class Run:
    """One experiment in this process. `run` it once; `leave` makes it end where it is, to go on elsewhere."""

    def __init__(self, found: Experiment, parts: Parts) -> None:
        spec = found.spec
        self._found = found
        self._parts = parts
        bound = picodollars(spec.budget, param="budget") if spec.budget else None
        self._budget = Budget(bound, found.cost, parts.expected)
        crashed = found.state == "running"  # a run that leaves in peace goes back to the queue
        self._slots = Slots(spec.concurrency, parts.now_s, extra=spec.concurrency if crashed else 0)
        self._open = asyncio.Semaphore(2 * spec.concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: Ended | None = None
        self._answers: list[Entry] = []
        self._cells: list[Cell] = []
        self._counted = found.cost
        """What the catalog says was paid. It is told with the answers, not with the cells that some never become: their
        run may end first, and then they are known to the next, which pays nothing for them."""
        self._answered = self._told_answered = found.done
        """How many answers there are, judged or not."""
        self._flush = asyncio.Event()
        self._hopeless = [0] * len(found.subjects)
        self._crash: BaseException | None = None
        self._closing = False

    @property
    def budget(self) -> Budget:
        return self._budget

    async def run(self) -> Ended:
        """To its end. Raises `Unavailable` while the catalog is away (run it again), and what a defect raises."""
        name = self._found.id
        self._budget.assume(await self._parts.db.read(lambda conn: cells.unpriced_of(conn, name)))
        writer = asyncio.ensure_future(self._write())
        try:
            await self._put_all()
            await self._settled()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            self._closing = True
            self._flush.set()
            await writer  # never cut in the middle: what it holds is paid for
            await self._write_down()
        if self._crash is not None:
            raise self._crash
        return self._ended or Ended(state="done", reason="", whole=True)

    def leave(self, state: ExperimentState = "running", reason: str = "") -> None:
        """Ask for nothing more; what is under way is kept."""
        if self._ended is None:
            self._ended = Ended(state=state, reason=reason, whole=False)

    # --- cases ---

    async def _put_all(self) -> None:
        found = self._found
        wanted = cells.which(found)
        ids = await self._parts.db.read(lambda conn: cells.ids_of(conn, wanted))
        page = max(1, min(cells.PAGE, MOST_KEYS // (len(found.subjects) * found.spec.repeats)))
        for start in range(0, len(ids), page):
            some = ids[start : start + page]
            cases = await self._parts.db.read(lambda conn, some=some: cells.cases_by_id(conn, wanted, some))
            there = await self._parts.db.read(lambda conn, some=some: cells.of_cases(conn, found.id, some))
            known = await self._known(cases, there)
            for case in cases:
                if not await self._room():
                    return
                self._start(case, there, known)

    async def _room(self) -> bool:
        """Wait until another case may be opened; False where the run ends. While the catalog is away nothing more is
        asked for than memory has room for."""
        await self._open.acquire()
        while len(self._cells) + len(self._answers) > MOST_UNWRITTEN and self._ended is None and self._crash is None:
            await self._parts.sleep(FLUSH_S)
        if self._ended is None and self._crash is None:
            return True
        self._open.release()
        return False

    def _start(self, case: Case, there: Mapping[Key, Cell], known: Mapping[str, bytes]) -> None:
        mine = {key: cell for key, cell in there.items() if key[1] == case.id}
        if len(mine) == len(self._found.subjects) * self._found.spec.repeats:
            self._open.release()
            return
        task = asyncio.ensure_future(self._case(case, mine, known))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._open.release()
        if not task.cancelled() and (error := task.exception()) is not None and self._crash is None:
            self._crash = error

    async def _settled(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _known(self, cases: Sequence[Case], there: Mapping[Key, Cell]) -> dict[str, bytes]:
        """Answers to these cases that were paid for before, by their keys."""
        keys: list[str] = []
        for case in cases:
            for number, subject in enumerate(self._found.subjects):
                with contextlib.suppress(InvalidRequest):
                    body = body_of(subject, case)
                    keys += [
                        self._cache_key(subject, body, repeat)
                        for repeat in range(self._found.spec.repeats)
                        if (number, case.id, repeat) not in there
                    ]
        if not keys:
            return {}
        return await self._parts.db.read(lambda conn: cache.find(conn, self._found.project_id, keys))

    def _cache_key(self, subject: Subject, body: Mapping[str, object], repeat: int) -> str:
        """Of a fresh run, and of a subject whose knowledge moves, its own answers alone: so that it can go on after a
        crash."""
        key = cache.answer_key(subject, body, repeat, self._found.author)
        own = self._found.settings.fresh or subject.follows
        return f"{key[:-24]}{self._found.id[-24:]}" if own else key

    # --- one case ---

    async def _case(self, case: Case, there: Mapping[Key, Cell], known: Mapping[str, bytes]) -> None:
        found = self._found
        wanted = [
            (number, case.id, repeat)
            for repeat in range(found.spec.repeats)
            for number in range(len(found.subjects))
            if (number, case.id, repeat) not in there
        ]
        made = await asyncio.gather(*(self._counted_answer(case, key, known) for key in wanted))
        answers = {key: answer for key, answer in zip(wanted, made, strict=True) if answer is not None}
        if len(answers) < len(wanted) and self._parts.judging.compares:
            return  # what is judged by its siblings waits for them; the answers that came are kept
        outputs = {key: cell.output for key, cell in there.items()} | {
            key: answer.output for key, answer in answers.items()
        }
        said = {key: cell.scores for key, cell in there.items()}
        for key, answer in answers.items():
            scores = await self._parts.judging.judge(found, case, key, answer, outputs, said, self._budget)
            if scores is None:  # what judges said is kept, and asked for no second time
                self._spent()
                return
            said[key] = scores
            self._keep(key, answer, scores)

    def _keep(self, key: Key, answer: Answer, scores: tuple[CellScore, ...]) -> None:
        subject, case_id, repeat = key
        cell = Cell(
            subject=subject,
            case_id=case_id,
            repeat=repeat,
            state="failed" if answer.error else "done",
            output=answer.output,
            error=answer.error,
            trace_id=answer.trace_id,
            latency_ms=answer.latency_ms,
            cost=answer.cost,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cached=answer.cached,
            scores=scores,
        )
        self._cells.append(cell)
        self._wake()

    async def _counted_answer(self, case: Case, key: Key, known: Mapping[str, bytes]) -> Answer | None:
        answer = await self._answer(case, key, known)
        self._answered += answer is not None
        return answer

    async def _answer(self, case: Case, key: Key, known: Mapping[str, bytes]) -> Answer | None:
        """The answer, or how it failed; None where the run ended first."""
        subject = self._found.subjects[key[0]]
        try:
            body = body_of(subject, case)
        except InvalidRequest as error:
            return Answer(error=error.sentence(), code=error.code)
        cache_key = self._cache_key(subject, body, key[2])
        if (body_known := known.get(cache_key)) is not None:
            return msgspec.structs.replace(cache.answer_of(body_known), cached=True, paid=0)
        request = Request(
            project_id=self._found.project_id,
            subject=subject,
            body=body,
            key=f"{self._found.id}:{key[0]}:{key[2]}:{cache_key[-32:]}",
            key_id=self._found.author,
            tags=(f"experiment:{self._found.id}", f"suite:{self._found.suite}"),
            metadata={"experiment": self._found.id, "case": case.id, "repeat": str(key[2])},
            retry_unknown=self._found.settings.retry_unknown,
        )
        answer = await self._asked(request)
        if answer is None:
            return None
        if not answer.error:
            self._answers.append(Entry.of_answer(cache_key, answer))
            self._wake()
        self._hope(key[0], answer)
        return answer

    # --- one call ---

    async def _asked(self, request: Request) -> Answer | None:
        """Asked until it answers, or until asking again does not help; None where the run ended."""
        slowed = passing = 0
        while True:
            async with self._slots:
                if self._ended is not None:
                    return None
                reserved = self._budget.reserve()
                if reserved is None:
                    self._spent()
                    return None
                answer = await self._parts.ask(request)
                self._budget.settle(reserved, answer.paid)
            failure = failure_of(answer)
            if failure == "none":
                self._slots.faster()
                return answer
            if failure == "unknown":
                return msgspec.structs.replace(answer, error=f"{UNKNOWN}: {answer.error}")
            if failure == "final":
                return answer
            if failure == "passing":
                passing += 1
                if passing >= PASSING_TRIES:
                    return answer
            else:
                slowed += 1
                self._slots.slower()
                if slowed >= SLOWED_TRIES:
                    return self._gave_up(answer, failure)
            await self._parts.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (slowed + passing - 1)))

    def _gave_up(self, answer: Answer, failure: str) -> Answer | None:
        """A limit of the project's own stands in the way of all that is left, and is nobody's bad answer."""
        if failure != "limit":
            return answer
        self.leave("paused", answer.error)
        return None

    def _spent(self) -> None:
        self.leave("paused", "The budget is spent: raise it to go on ('trimtab experiments resume --budget').")

    def _hope(self, number: int, answer: Answer) -> None:
        if failure_of(answer) != "final":
            self._hopeless[number] = -1 << 60  # it answers: what fails are single cases
            return
        self._hopeless[number] += 1
        if self._hopeless[number] >= HOPELESS:
            name = self._found.subjects[number].name
            self.leave("failed", f"The first {HOPELESS} calls of {name} all failed: {answer.error}")

    # --- writing ---

    def _wake(self) -> None:
        if len(self._cells) + len(self._answers) >= FLUSH_AT:
            self._flush.set()

    async def _write(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._flush.wait()
            self._flush.clear()
            try:
                await self._write_down()
            except Unavailable as error:
                logger.info("answers of the experiment %s wait to be written: %s", self._found.id, error.message)
            except Exception as error:  # noqa: BLE001  an edge: `run` raises it
                self._crash = error
                return

    async def _write_down(self) -> None:
        """What there is to write, in one transaction; a run whose experiment was ended by somebody ends."""
        answers, made = self._answers, self._cells
        verdicts = self._parts.judging.take()
        spent, answered = self._budget.spent, self._answered
        if not (answers or made or verdicts or spent > self._counted or answered > self._told_answered):
            return
        self._answers, self._cells = [], []
        now, project = self._parts.now_ms(), self._found.project_id

        def write(conn: Connection) -> ExperimentState:
            cache.keep(conn, project, [*answers, *verdicts], now)
            return cells.keep(conn, self._found.id, made, now, paid=spent - self._counted, answered=answered)

        try:
            state = await self._parts.db.write(write)
        except BaseException:
            self._answers, self._cells = answers + self._answers, made + self._cells
            self._parts.judging.put_back(verdicts)
            raise
        self._counted, self._told_answered = spent, answered
        if state not in ("queued", "running"):
            self.leave(state)
