"""Running an experiment: once each, whatever happens; errors stay errors; a budget and a refusal stop it in peace."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from sqlalchemy import Connection

from catalogs import laid
from trimtab.core.errors import Conflict
from trimtab.evaluation import cells, dataset_writes, datasets, experiments, runner, suites
from trimtab.evaluation.answers import Answer, Request
from trimtab.evaluation.budget import Slots
from trimtab.evaluation.dataset_writes import Writing
from trimtab.evaluation.datasets import DatasetEdit
from trimtab.evaluation.judging import Asking, Judging, bind
from trimtab.evaluation.runner import Ended, Parts, Run
from trimtab.evaluation.suites import SuiteEdit
from trimtab.evaluation.types import Case, Cell, Experiment, Report, Settings, Subject, SuiteScorer, SuiteSpec
from trimtab.governance import bootstrap
from trimtab.governance.audit import Actor
from trimtab.scoring.types import Tools
from trimtab.storage.database import Database

ADA = Actor("key_ada", "ada")
A, B = Subject(name="a", model="a", hash="sha256:a"), Subject(name="b", model="b", hash="sha256:b")
COST = 1_000_000
YES = Answer(output="yes", cost=COST, paid=COST, latency_ms=5.0, input_tokens=3, output_tokens=1)


class Lab:
    """A catalog with twenty cases, and a provider that counts."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.asked: Counter[tuple[str, str, str]] = Counter()
        self.keys: list[str] = []
        self.project = ""
        self.answer: Callable[[Request], Awaitable[Answer]] = yes

    async def ask(self, request: Request) -> Answer:
        self.asked[request.subject.model, request.metadata["case"], request.metadata["repeat"]] += 1
        self.keys.append(request.key)
        return await self.answer(request)

    async def prepare(self) -> None:
        def write(conn: Connection) -> str:
            project = bootstrap.ensure(conn, admin_key=None, project="default", now=1).project.id
            datasets.put(conn, DatasetEdit(project_id=project, name="qs", actor=ADA, now=1))
            new = [Case(id=f"c{n:02}", input=f"Is {n} odd?", expected="yes" if n % 2 else "no") for n in range(20)]
            dataset_writes.write(conn, Writing(project_id=project, dataset="qs", actor=ADA, now=2), add=new)
            return project

        self.project = await self.db.write(write)

    async def experiment(
        self,
        *,
        settings: Settings | None = None,
        both: bool = True,
        follows: bool = False,
        knows: bool = False,
        actor: Actor = ADA,
        **spec: Any,
    ) -> Experiment:
        told = SuiteSpec(dataset="qs", scorers=(SuiteScorer(scorer="exact"),), concurrency=4, **spec)

        def write(conn: Connection) -> Experiment:
            edit = SuiteEdit(project_id=self.project, name="quality", spec=told, actor=ADA, now=3)
            made = experiments.NewExperiment(
                suite=suites.put(conn, edit)[0],
                spec=told,
                dataset="qs",
                version=1,
                cases=20,
                subjects=tuple(
                    structs.replace(each, follows=follows, knows=knows) for each in ((A, B) if both else (A,))
                ),
                settings=settings or Settings(),
                origin="person",
                actor=actor,
                now=4,
            )
            return experiments.create(conn, made)

        return await self.db.write(write)

    async def run(self, found: Experiment) -> Ended:
        async def sleep(_: float) -> None:
            await asyncio.sleep(0)

        bound = await self.db.read(lambda conn: bind(conn, self.project, found.spec))
        await self.db.write(lambda conn: experiments.begin(conn, found.id, 5))
        judging = Judging(bound, _no_tools, self.db, Slots(4, lambda: 0.0))
        parts = Parts(db=self.db, ask=self.ask, judging=judging, now_ms=lambda: 5, now_s=lambda: 0.0, sleep=sleep)
        return await Run(found, parts).run()

    async def now(self, found: Experiment) -> Experiment:
        return await self.db.read(lambda conn: experiments.experiment(conn, self.project, found.id))

    async def cells(self, found: Experiment) -> list[Cell]:
        return await self.db.read(lambda conn: cells.listed(conn, found.id, limit=1000))


async def yes(request: Request) -> Answer:
    del request
    await asyncio.sleep(0)
    return YES


def _no_tools(asking: Asking) -> Tools:
    del asking
    return Tools()


def story(url: str, told: Callable[[Lab], Awaitable[None]]) -> None:
    async def whole() -> None:
        db = Database.open(url)
        try:
            lab = Lab(db)
            await lab.prepare()
            await told(lab)
        finally:
            await db.close()

    asyncio.run(whole())


@pytest.fixture
def url(tmp_path: Path) -> str:
    return laid(tmp_path)


def test_every_case_is_put_to_every_subject_once_and_scored(catalog_url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment(repeats=2)
        ended = await lab.run(found)
        assert (ended.state, ended.whole) == ("done", True)
        assert (len(lab.asked), set(lab.asked.values())) == (80, {1})
        assert len(set(lab.keys)) == 80, "each call has a key of its own"
        now, made = await lab.now(found), await lab.cells(found)
        assert (now.done, now.failed, now.cost) == (80, 0, 80 * COST)
        assert Counter(each.scores[0].value for each in made) == {1.0: 40, 0.0: 40}

    story(catalog_url, told)


def test_what_is_there_is_not_asked_for_again_in_the_same_run_or_another(url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment()
        await lab.run(found)
        await lab.run(found)
        assert sum(lab.asked.values()) == 40
        second = await lab.experiment()
        await lab.run(second)
        assert sum(lab.asked.values()) == 40, "the answers of the first are known"
        now, made = await lab.now(second), await lab.cells(second)
        assert (now.done, now.cost) == (40, 0)
        assert {(each.cached, each.cost) for each in made} == {(True, COST)}
        await lab.run(await lab.experiment(settings=Settings(fresh=True)))
        assert sum(lab.asked.values()) == 80
        for asked in (120, 160):
            await lab.run(await lab.experiment(follows=True))
            assert sum(lab.asked.values()) == asked, "knowledge that moves takes no answers of an earlier experiment"

    story(url, told)


def test_what_one_was_told_from_a_corpus_is_not_told_to_another(url: str) -> None:
    async def told(lab: Lab) -> None:
        for actor, asked in ((ADA, 40), (ADA, 40), (Actor(id="key_eve", name="eve"), 80)):
            await lab.run(await lab.experiment(knows=True, actor=actor))
            assert sum(lab.asked.values()) == asked, "what may be seen of it is each caller's own"

    story(url, told)


def test_a_run_that_is_cut_off_goes_on_where_it_was_with_the_same_keys(url: str) -> None:
    async def told(lab: Lab) -> None:
        found, stop = await lab.experiment(), asyncio.Event()

        async def slow(request: Request) -> Answer:
            if sum(lab.asked.values()) > 13:  # an odd one: its sibling never comes, so it is an answer and no cell yet
                stop.set()
                await asyncio.Event().wait()
            return await yes(request)

        lab.answer = slow
        cut = asyncio.ensure_future(lab.run(found))
        await stop.wait()
        cut.cancel()
        await asyncio.wait((cut,))
        before, keys = (await lab.now(found)).done, set(lab.keys)
        assert 0 < before < 40
        lab.answer = yes
        assert (await lab.run(found)).whole
        assert ((await lab.now(found)).done, (await lab.now(found)).cost) == (40, 40 * COST), (
            "none is lost from the sum"
        )
        twice = {key for key, count in Counter(lab.keys).items() if count > 1}
        assert twice <= keys
        assert len(twice) <= 4, "only what was under way is asked again, by the key that it had"

    story(url, told)


def test_errors_stay_errors_and_are_asked_for_again_only_where_that_helps(url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment(both=False)
        failures = {
            "c01": Answer(error="No.", code="bad_request"),
            "c02": Answer(error="Gone.", code="upstream_failure", retry=True, paid=COST),
            "c03": Answer(error="Busy.", code="rate_limited", retry=True),
            "c04": Answer(error="Who knows.", code="idempotency_outcome_unknown"),
        }

        async def failing(request: Request) -> Answer:
            case = request.metadata["case"]
            if case == "c03" and lab.asked["a", "c03", "0"] > 2:
                return await yes(request)
            return failures.get(case) or await yes(request)

        lab.answer = failing
        assert (await lab.run(found)).state == "done"
        asked = {case: lab.asked["a", case, "0"] for case in ("c01", "c02", "c03", "c04", "c05")}
        assert asked == {"c01": 1, "c02": runner.PASSING_TRIES, "c03": 3, "c04": 1, "c05": 1}
        made = {each.case_id: each for each in await lab.cells(found)}
        assert [made[case].state for case in ("c01", "c02", "c03", "c04")] == ["failed", "failed", "done", "failed"]
        assert all(not made[case].scores for case in ("c01", "c02", "c04")), "an error is no zero"
        assert (await lab.now(found)).failed == 3
        assert (await lab.now(found)).cost == (17 + runner.PASSING_TRIES) * COST, "each try was paid for"
        dropped = await lab.db.write(lambda conn: cells.drop_failed(conn, found.id, unknown=False))
        assert dropped == 2, "what may have been paid for is not asked for again untold"
        assert await lab.db.read(lambda conn: cells.unknown(conn, [found.id, "other"])) == {found.id: 1}
        now = await lab.now(found)
        assert (now.done, now.answered) == (18, 18)

    story(url, told)


def test_answers_that_wait_for_their_judges_are_counted_before_they_are_judged(url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment(both=False)
        seen: list[tuple[int, int]] = []

        class Slow(Judging):
            async def judge(self, *given: Any, **named: Any) -> Any:
                while not seen:  # what a reader sees, and what is there after a kill
                    now = await lab.now(found)
                    if now.answered:
                        seen.append((now.done, now.answered))
                    await asyncio.sleep(0.01)
                return await super().judge(*given, **named)

        bound = await lab.db.read(lambda conn: bind(conn, lab.project, found.spec))
        await lab.db.write(lambda conn: experiments.begin(conn, found.id, 5))
        judging = Slow(bound, _no_tools, lab.db, Slots(4, lambda: 0.0))
        parts = Parts(db=lab.db, ask=lab.ask, judging=judging, now_ms=lambda: 5, now_s=lambda: 0.0)
        assert (await Run(found, parts).run()).whole
        assert seen[0][0] == 0
        assert 1 <= seen[0][1] <= 20
        now = await lab.now(found)
        assert (now.done, now.answered) == (20, 20)

    story(url, told)


def test_a_budget_that_is_spent_is_not_resumed_in_silence(url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment(budget="0.00001")
        ended = await lab.run(found)
        end = {"reason": ended.reason, "report": None, "now": 6}
        await lab.db.write(lambda conn: experiments.end(conn, found.id, "paused", **end))  # type: ignore[arg-type]
        spent = (await lab.now(found)).cost
        for budget in (None, "0.000005"):
            again = experiments.Again(budget=budget)
            with pytest.raises(Conflict, match="are spent: nothing more would be asked for") as caught:
                await lab.db.write(
                    lambda conn, again=again: experiments.resume(conn, lab.project, found.id, again, ADA, 7)
                )
            assert caught.value.code == "budget_spent"
        assert spent >= 7 * COST
        larger = experiments.Again(budget="1")
        made = await lab.db.write(lambda conn: experiments.resume(conn, lab.project, found.id, larger, ADA, 7))
        assert made.state == "queued"

    story(url, told)


def test_the_texts_of_cases_are_shown_short_with_what_each_subject_answered(url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment()

        async def answer(request: Request) -> Answer:
            if request.subject.model == "b":
                return Answer(error="Gone.", code="bad_request")
            return msgspec.structs.replace(YES, output="long " * 200)

        lab.answer = answer
        await lab.run(found)
        first, second = await lab.db.read(lambda conn: cells.texts(conn, found, ["c03", "nothing", "c01"]))
        assert (first.case_id, first.input, first.expected, second.case_id) == ("c03", "Is 3 odd?", "yes", "c01")
        assert first.answers[0] is not None
        assert (len(first.answers[0]), first.answers[0][-1]) == (cells.SHOWN, "…")
        assert first.answers[1] == "[Gone.]"

    story(url, told)


def test_it_stops_at_its_budget_and_goes_on_with_a_larger_one(url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment(budget="0.00001")  # ten answers
        ended = await lab.run(found)
        assert (ended.state, ended.whole) == ("paused", False)
        now = await lab.now(found)
        assert 7 * COST <= now.cost <= 13 * COST, "only calls that were under way can be above it"
        larger = msgspec.structs.replace(now, spec=msgspec.structs.replace(now.spec, budget="1"))
        assert (await lab.run(larger)).whole
        assert (await lab.now(found)).cost == 40 * COST
        assert set(lab.asked.values()) == {1}

    story(url, told)


def test_a_subject_that_never_answers_ends_the_run_soon(url: str) -> None:
    async def told(lab: Lab) -> None:
        async def no(request: Request) -> Answer:
            del request
            return Answer(error="There is no such model.", code="model_not_found")

        lab.answer = no
        ended = await lab.run(await lab.experiment(repeats=5))
        assert ended.state == "failed"
        assert "There is no such model" in ended.reason
        assert sum(lab.asked.values()) < 100

    story(url, told)


def test_somebody_who_cancels_it_stops_it(url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment(repeats=10)
        written = [0]

        async def cancelling(request: Request) -> Answer:
            count = sum(lab.asked.values())
            if count == 50:
                await lab.db.write(lambda conn: experiments.cancel(conn, lab.project, found.id, ADA, 6))
                written[0] = (await lab.now(found)).done
            while count > 50 and (await lab.now(found)).done <= written[0]:  # noqa: ASYNC110  the catalog tells nobody
                await asyncio.sleep(0.01)  # until the run has written something again, and so was told
            return await yes(request)

        lab.answer = cancelling
        ended = await lab.run(found)
        assert (ended.state, ended.whole) == ("cancelled", False)
        now = await lab.now(found)
        assert 50 <= now.done == now.cost // COST < 100

    story(url, told)


def test_what_is_resumed_while_its_runner_leaves_is_not_ended_by_it(catalog_url: str) -> None:
    async def told(lab: Lab) -> None:
        found = await lab.experiment()

        def write(conn: Connection) -> tuple[bool, Experiment]:
            experiments.begin(conn, found.id, 5)
            experiments.cancel(conn, lab.project, found.id, ADA, 6)
            experiments.resume(conn, lab.project, found.id, experiments.Again(budget="1"), ADA, 7)
            told = {"reason": "", "now": 8, "revision": found.revision}
            report = Report(
                experiment=found.id, suite="quality", dataset="qs", version=1, subjects=("a", "b"), cases=20, repeats=1,
                outcome="worse", passed=False, says="", metrics=(), correction="", alpha=0.05,
            )  # fmt: skip
            ended = experiments.end(conn, found.id, "cancelled", report=report, **told)  # type: ignore[arg-type]
            assert experiments.report(conn, lab.project, found.id) is None, (
                "what it had found is not what there will be"
            )
            return ended, experiments.experiment(conn, lab.project, found.id)

        ended, now = await lab.db.write(write)
        assert (ended, now.state, now.spec.budget) == (False, "queued", "1")

    story(catalog_url, told)
