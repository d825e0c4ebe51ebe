"""Rounds of one destination: nothing is lost, nothing goes twice but what a crash cut off, whatever fails in between;
a destination that is away is left alone, and one poison event keeps nobody waiting."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from posts import OK, Receiver, Store, project
from sqlalchemy import Connection

from catalogs import laid
from trimtab.core.clock import FixedClock
from trimtab.core.errors import Unavailable
from trimtab.storage.database import Database
from trimtab.telemetry.forward import delivery as rounds
from trimtab.telemetry.forward import store
from trimtab.telemetry.forward.delivery import Delivery, Parts, backoff_s
from trimtab.telemetry.forward.material import Material, Scope
from trimtab.telemetry.forward.payload import event_id
from trimtab.telemetry.forward.types import Destination, Kind, Outcome, Secrets

S = 1_000_000_000
DAY_S = 86_400
T0 = FixedClock().now_ns()
NUMBERS = itertools.count()  # names apart: an example finds the catalog of those before it
AWAY = Outcome(verdict="away", problem="nobody is there")
FAULTY = Outcome(verdict="faulty", status=500, problem="It answered 500.")
REFUSED = Outcome(verdict="refused", status=422, problem="It answered 422.")


class Post:
    """A destination, its store, its receiver and a catalog."""

    def __init__(self, db: Database, name: str, kind: Kind = "webhook", **more: Any) -> None:
        self.db = db
        self.store = Store()
        self.receiver = Receiver()
        self.clock = FixedClock()
        secrets = Secrets(secret="s" * 16) if kind == "webhook" else Secrets()
        self.to = Destination(
            project_id="p", name=name, kind=kind, url="https://there.example/x", secrets=secrets, **more
        )

    def delivery(self) -> Delivery:
        parts = Parts(
            db=self.db,
            material=cast("Material", self.store),
            slug_of=str,
            clock=self.clock,
            rng=random.Random(1),
            pause=self._pause,
        )
        return Delivery(parts, self.to, self.receiver, "me")

    async def _pause(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def begin(self) -> None:
        now = self.clock.now_ns() // 1_000_000
        await self.db.write(lambda conn: store.ensure(conn, "p", self.to.name, now))
        assert await self.db.write(lambda conn: store.take(conn, "p", self.to.name, "me", now, hold_ms=10**12, gone=""))

    async def go(self, seconds: float = 0.0) -> None:
        """Rounds until there is nothing more at once."""
        self.clock.advance(seconds)
        while await self.delivery().round():
            pass

    async def state(self) -> store.State:
        found = await self.db.read(lambda conn: store.state(conn, "p", self.to.name))
        assert found is not None
        return found

    async def events(self) -> list[store.Event]:
        return await self.db.read(lambda conn: store.events(conn, "p", self.to.name, "", 1000))


Story = Callable[[Database], Coroutine[Any, Any, None]]


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Story], None]:
    def whole(story: Story) -> None:
        async def body() -> None:
            db = Database.open(laid(tmp_path))
            try:
                await db.write(project)
                await story(db)
            finally:
                await db.close()

        asyncio.run(body())

    return whole


def test_a_closed_trace_is_delivered_once_and_an_open_one_waits(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "one")
        await post.begin()
        post.store.come(T0 + S, "early")
        post.store.come(T0 + 30 * S, "soon")
        post.store.come(T0 + 2 * S, "rootless", rooted=False)
        await post.go(31)
        assert post.receiver.traces == ["early"]
        await post.go(20)
        assert post.receiver.traces == ["early", "soon"]
        post.store.come(T0 + 60 * S, "early", span="late")
        await post.go(100)
        assert sorted(post.receiver.traces) == ["early", "early", "rootless", "soon"]
        assert max(post.receiver.taken.values()) == 1
        assert (await post.state()).delivered == 4

    run(story)


def test_a_clock_that_was_set_back_keeps_nothing_waiting(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "ahead")
        await post.begin()
        post.clock.step(DAY_S)
        post.receiver.answer = always(AWAY)
        post.store.come(T0 + DAY_S * S + 1, "ahead")
        await post.go(40)
        assert (await post.state()).next_try > (T0 + DAY_S * S) // 1_000_000
        post.clock.step(-DAY_S)
        post.receiver.answer = always(OK)
        post.store.come(T0 + (DAY_S + 45) * S, "after")  # the clock of arrivals goes on
        delivery = post.delivery()
        for _ in range(3):
            post.clock.advance(20)
            await delivery.round()
        assert post.receiver.traces == ["ahead", "after"]

    run(story)


def test_events_and_holders_of_a_time_that_was_set_back_since_keep_nobody_waiting(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "held")
        now = T0 // 1_000_000
        ahead = now + DAY_S * 1000

        def take(holder: str, at_ms: int) -> Callable[[Connection], bool]:
            return lambda conn: store.take(conn, "p", "held", holder, at_ms, hold_ms=15_000, gone="")

        assert await db.write(take("dead", ahead))
        assert await db.write(take("me", now))
        assert not await db.write(take("other", now + 1))
        assert not await db.write(take("other", now - 1_000)), "whose clock is a second behind, or who looked before"
        event = store.Event(
            id="e", project_id="p", name="held", state="retry", trace_id="t", at_ns=T0, node="n", tries=1,
            next_try=ahead, status=0, problem="", first_tried=ahead, last_tried=ahead,
        )  # fmt: skip
        state = await post.state()
        assert await db.write(lambda conn: store.settle(conn, state, "me", [event], []))
        assert [each.id for each in await db.read(lambda conn: store.due(conn, "p", "held", now, 10))] == ["e"]

    run(story)


def test_a_destination_that_is_away_costs_a_page_and_gets_everything_when_it_is_back(
    run: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PAGE", 10)

    async def story(db: Database) -> None:
        post = Post(db, "away")
        await post.begin()
        post.receiver.answer = always(AWAY)
        for number in range(35):
            post.store.come(T0 + number + 1, f"t{number}")
        for _ in range(30):
            await post.go(400)
        state = await post.state()
        assert (state.delivered, state.failed, state.tries) == (0, 0, 30)
        assert state.problem == "nobody is there"
        assert state.waiting_since is not None
        assert state.next_try - post.clock.now_ns() // 1_000_000 <= rounds.LONGEST_S * 1000
        assert await post.events() == []
        assert post.receiver.asked <= 30 * rounds.AT_ONCE
        post.receiver.answer = always(OK)
        await post.go(400)
        assert Counter(post.receiver.traces) == Counter(f"t{number}" for number in range(35))
        assert (await post.state()).waiting_since is None

    run(story)


def test_the_lag_goes_on_when_one_of_many_is_put_aside(run: Callable[[Story], None]) -> None:
    """Nothing gets through, and after so many rounds the first is kept aside: the others wait as long as before."""

    async def story(db: Database) -> None:
        post = Post(db, "faulty")
        await post.begin()
        post.receiver.answer = always(FAULTY)
        for number in range(5):
            post.store.come(T0 + (number + 1) * S, f"t{number}")
        for _ in range(rounds.FAULTY_TRIES + 1):
            await post.go(400)
        [event] = await post.events()
        assert (event.state, event.trace_id) == ("retry", "t0")
        assert (await post.state()).waiting_since == (T0 + 2 * S) // 1_000_000
        post.receiver.answer = always(OK)
        await post.go(400)
        assert sorted(post.receiver.traces) == [f"t{number}" for number in range(5)]
        assert (await post.state()).waiting_since is None

    run(story)


def test_whatever_a_receiver_says_fits_into_any_catalog(run: Callable[[Story], None]) -> None:
    """PostgreSQL refuses a NUL: nothing of a round could be written down, and each would be sent again for ever."""

    async def story(db: Database) -> None:
        post = Post(db, "odd")
        await post.begin()
        said = Outcome(verdict="refused", status=422, problem="no\0" + "x" * 5_000)

        def answer(key: str) -> Outcome:
            return said if key == "bad" else OK

        post.receiver.answer = answer
        for number, trace_id in enumerate(("bad", "good"), 1):
            post.store.come(T0 + number, trace_id)
        await post.go(30)
        [event] = await post.events()
        for kept in (event.problem, (await post.state()).problem):
            assert kept.startswith("no\ufffdx")
            assert len(kept) == store.PROBLEM

    run(story)


def test_one_poison_event_is_tried_put_on_the_failed_list_and_replayed(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "poison")
        await post.begin()
        post.receiver.answer = only_bad
        post.store.come(T0 + 1, "bad")
        post.store.come(T0 + 2, "good")
        await post.go(30)
        assert post.receiver.traces == ["good"]
        [event] = await post.events()
        assert (event.state, event.trace_id, event.tries, event.status) == ("retry", "bad", 1, 500)
        for number in range(rounds.TRIES + 2):
            post.store.come(post.clock.now_ns(), f"more{number}")
            await post.go(400)
        [event] = await post.events()
        assert (event.state, event.tries) == ("failed", rounds.TRIES)
        assert (await post.state()).failed == 1
        post.receiver.answer = always(OK)
        now = post.clock.now_ns() // 1_000_000
        assert await db.write(lambda conn: store.replay(conn, "p", "poison", None, now)) == 1
        await post.go(1)
        assert await post.events() == []
        assert post.receiver.traces[-1] == "bad"

    run(story)


def test_where_everything_is_refused_one_is_put_aside_at_a_time(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "wrong")
        await post.begin()
        post.receiver.answer = always(REFUSED)
        for number in range(40):
            post.store.come(T0 + number + 1, f"t{number}")
        for _ in range(rounds.REFUSED_TRIES + 1):
            await post.go(400)
        assert [event.trace_id for event in await post.events()] == ["t0", "t1"] or {
            event.trace_id for event in await post.events()
        } == {"t0", "t1"}
        assert {event.state for event in await post.events()} == {"failed"}

    run(story)


def test_a_refused_batch_of_spans_is_sent_one_by_one_to_find_what_it_is_about(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "spans", kind="otlp")
        await post.begin()
        sent: list[int] = []

        def answer(key: str) -> Outcome:
            sent.append(1)
            return REFUSED if len(sent) == 1 or key == "t1" else OK

        post.receiver.answer = answer
        for number in range(3):
            post.store.come(T0 + number + 1, f"t{number}")
        await post.go(30)
        assert post.receiver.traces == ["t0", "t2"]
        assert [(event.trace_id, event.state) for event in await post.events()] == [("t1", "failed")]

    run(story)


def test_filter_and_sample_leave_out_and_count(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "some", filter="a")
        none = Post(db, "none", sample=0.0)
        for each in (post, none):
            await each.begin()
            for trace_id in ("xa", "xb", "ya"):
                each.store.come(T0 + len(each.store.arrivals) + 1, trace_id)
            await each.go(30)
        assert post.receiver.traces == ["xa", "ya"]
        assert ((await post.state()).passed_over, (await none.state()).passed_over) == (1, 3)
        assert none.receiver.asked == 0

    run(story)


def test_a_filter_that_cannot_be_read_any_more_is_told_once_and_goes_on_when_it_is_changed(
    run: Callable[[Story], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "unread", filter="(xa")
        await post.begin()
        post.store.come(T0 + 1, "xa")
        for _ in range(3):
            await post.go(30)
        told = await post.state()
        assert told.tries == 1
        assert told.problem.startswith("Its filter cannot be read any more: ")
        assert "this parenthesis is never closed" in told.problem
        assert "trimtab forwards change unread --filter" in told.problem
        assert told.waiting_since is not None
        [said] = [record for record in caplog.records if record.name == rounds.logger.name]
        assert said.exc_info is None
        post.to = replace(post.to, filter="xa")
        await post.go(1)
        assert post.receiver.traces == ["xa"]
        after = await post.state()
        assert (after.tries, after.problem, after.delivered, after.waiting_since) == (0, "", 1, None)

    run(story)


def test_an_address_that_leads_nowhere_is_failing_before_the_first_trace_and_well_once_it_leads_somewhere(
    run: Callable[[Story], None],
) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "nowhere")
        post.receiver.wrong = "there.example could not be looked up"
        await post.begin()
        for _ in range(10):
            await post.go(40)
        told = await post.state()
        assert told.tries == 10
        assert told.problem == "Nothing can be sent there: there.example could not be looked up"
        assert told.next_try - post.clock.now_ns() // 1_000_000 <= 32_000
        post.receiver.wrong = ""
        await post.go(40)
        after = await post.state()
        assert (after.tries, after.problem, post.receiver.asked) == (0, "", 0)

    run(story)


def test_what_was_erased_meanwhile_is_passed_over(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "erased")
        await post.begin()
        post.store.come(T0 + 1, "gone")
        post.store.come(T0 + 2, "here")
        post.store.gone.add("gone")
        await post.go(30)
        assert post.receiver.traces == ["here"]
        assert await post.events() == []

    run(story)


def test_who_no_longer_holds_a_destination_writes_nothing(run: Callable[[Story], None]) -> None:
    async def story(db: Database) -> None:
        post = Post(db, "lost")
        await post.begin()
        post.store.come(T0 + 1, "t")
        now = post.clock.now_ns() // 1_000_000
        later = now + 10**13
        assert await db.write(lambda conn: store.take(conn, "p", "lost", "other", later, hold_ms=1, gone=""))
        with pytest.raises(Unavailable):
            await post.go(30)
        assert (await post.state()).delivered == 0

    run(story)


def test_pauses_double_up_to_a_bound() -> None:
    rng = random.Random(3)
    assert all(0.5 * 2**n <= backoff_s(n + 1, rng) <= 2**n for n in range(8))
    assert backoff_s(50, rng) <= rounds.LONGEST_S


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.integers(0, 5), st.booleans()),
        st.tuples(st.just("wait"), st.integers(0, 30)),
        st.tuples(st.just("round"), st.sampled_from(("ok", "away", "faulty", "half"))),
        st.tuples(st.just("crash"), st.sampled_from(("ok", "half"))),
    ),
    max_size=25,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_every_closing_is_delivered_and_twice_only_where_a_crash_cut_a_round_off(
    run: Callable[[Story], None], steps: list[tuple[Any, ...]]
) -> None:
    async def story(db: Database) -> None:
        post = Post(db, f"d{next(NUMBERS)}")
        await post.begin()
        crashes, spans = 0, 0
        for step in steps:
            if step[0] == "come":
                spans += 1
                post.clock.advance(0.001)
                post.store.come(post.clock.now_ns(), f"t{step[1]}", rooted=step[2], span=str(spans))
            elif step[0] == "wait":
                post.clock.advance(step[1])
            else:
                post.receiver.answer = answers(step[1])
                if step[0] == "crash":
                    crashes += await crash(post)
                else:
                    await post.go()
        post.receiver.answer = always(OK)
        for _ in range(4):
            await post.go(1000)
        expected = {
            event_id(post.to, closing)
            for trace_id in {arrival.trace_id for arrival in post.store.arrivals}
            for closing in (await post.store.closings(scope(post), [trace_id], 0))[trace_id]
        }
        assert set(post.receiver.taken) == expected, steps
        assert all(count <= 1 + crashes for count in post.receiver.taken.values())
        assert await post.events() == []

    run(story)


def always(outcome: Outcome) -> Callable[[str], Outcome]:
    return lambda key: outcome


def only_bad(key: str) -> Outcome:
    return FAULTY if key == "bad" else OK


def answers(how: str) -> Callable[[str], Outcome]:
    if how == "half":
        return lambda key: OK if key in ("t0", "t2", "t4") else FAULTY
    return always({"ok": OK, "away": AWAY, "faulty": FAULTY}[how])


def scope(post: Post) -> Scope:
    return Scope(project="p", quiet_ns=int(post.to.quiet_s * S), root_wait_ns=int(post.to.root_wait_s * S))


async def crash(post: Post) -> int:
    """A round whose process dies before it could write down what it did: all of it is done again."""

    def dies(*args: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "settle", dies)
        try:
            await post.delivery().round()
        except KeyboardInterrupt:
            return 1
    return 0
