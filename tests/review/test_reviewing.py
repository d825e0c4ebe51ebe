"""What sends answers to people: rules over a real store, each answer once, however often it is looked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seeing import ADA, SECOND, World, story_of

from catalogs import laid
from trimtab.review import erasing, holds, items, queues, verdicts
from trimtab.review.holds import Held, NewHold
from trimtab.review.items import NewItem
from trimtab.review.types import Criterion, QueueSpec, SendRule, Subject
from trimtab.review.verdicts import Given
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.stores import Store

RULES = (
    SendRule(name="slow", kind="search", q="feature:checkout", priority=5),
    SendRule(name="audit", kind="random", share=0.5),
    SendRule(name="unhelpful", kind="score", score="helpful", at_most=0.5),
    SendRule(name="split", kind="disputed", score="safe", spread=0.5),
    SendRule(name="angry", kind="complaint"),
    SendRule(name="blocked", kind="guard", at_most=0.5),
)


@pytest.fixture
def run(engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path) -> Callable[[Any], None]:
    url = laid(tmp_path)
    return lambda story: story_of(engine, blobs, served.socket, url, story)


def test_each_rule_sends_what_it_is_for_and_every_answer_once(run: Callable[[Any], None]) -> None:
    async def story(world: World) -> None:
        names = [each.name for each in RULES]
        for rule in RULES:
            await world.put(rule.name, QueueSpec(rules=(rule,)))
        long_ago = world.clock.now_ns() - 600 * SECOND
        old = world.call(1, feature="checkout", started_ns=long_ago, ended_ns=long_ago)
        world.clock.advance(5)
        calls = [world.call(number, app="shop", user="ada") for number in range(2, 22)]
        checkout = world.call(30, feature="checkout")
        ours = world.call(31, feature="trimtab.judge")
        world.arrive(old, checkout, ours, *calls)
        await world.say(calls[0], "helpful", 0.2, "llm", evaluator="judge:helpful")
        await world.say(calls[1], "helpful", 0.9, "llm", evaluator="judge:helpful")
        await world.say(calls[2], "safe", 1.0, "llm", evaluator="judge:safe")
        await world.say(calls[2], "safe", 0.0, "llm", evaluator="judge:safer")
        await world.say(calls[3], "thumbs", 0.0, "user", author="ada")
        await world.say(calls[4], "thumbs", 1.0, "user", author="ben")
        await world.say(calls[5], "pii", 0.0, "guard")
        feeder = world.feeder()
        for _ in range(2):
            for queue in await world.db.read(lambda conn: queues.queues(conn, world.project)):
                await feeder.feed(queue)
            world.clock.advance(20)
        found = {name: [each.trace_id for each in await world.sent(name)] for name in names}
        assert found["slow"] == [checkout.trace_id]
        assert found["unhelpful"] == [calls[0].trace_id]
        assert found["split"] == [calls[2].trace_id]
        assert found["angry"] == [calls[3].trace_id]
        assert found["blocked"] == [calls[5].trace_id]
        assert 3 <= len(found["audit"]) <= 18
        assert ours.trace_id not in found["audit"]
        (item,) = await world.sent("angry")
        assert (item.subject.input, item.subject.answer) == ("Where is my parcel?", "On its way.")
        assert [(each.name, each.source) for each in item.subject.scores] == [("thumbs", "user")]
        assert (item.app, item.due) == ("shop", item.created + 86_400_000)

        # Feedback that comes an hour later still sends its answer.
        world.clock.advance(3_600)
        await world.say(calls[7], "thumbs", 0.0, "user", author="cleo")
        (queue,) = [each for each in await world.db.read(queues.queues) if each.name == "angry"]
        assert await feeder.feed(queue) == 1

    run(story)


def test_the_leader_writes_scores_that_died_with_their_writer_and_ends_holds(
    engine: Store, blobs: FolderBlobs, served: Any, catalog_url: str
) -> None:
    async def story(world: World) -> None:
        queue = await world.put("held", QueueSpec(criteria=(Criterion(name="right"),)))
        call = world.call(1)
        world.arrive(call)
        now = world.clock.now_ns() // 1_000_000
        answer = Held(
            front="openai_chat", model="m", stream=False, content_type="application/json", body=b"{}", request="req_1",
            trace_id=call.trace_id,
        )  # fmt: skip
        item = NewItem(key="hold_1", why="asked", subject=Subject(), hold="hold_1")
        new = NewHold(id="hold_1", key_id="key_1", answer=answer, fallback="Call us.", expires=now + 1_000)
        await world.db.write(lambda conn: holds.begin(conn, queue, new, item, now))
        judged = NewItem(key="a", why="asked", subject=Subject(), trace_id=call.trace_id, span_id=call.span_id)
        sent = await world.db.write(lambda conn: items.send(conn, queue, judged, now))
        assert sent is not None
        assert await world.db.write(lambda conn: items.send(conn, queue, judged, now)) is None
        given = Given(
            item=sent, actor=ADA, decision="approve", answers={"right": True}, correction=None, note="", seconds=2.0,
            second_opinion=False, now=now,
        )  # fmt: skip
        await world.db.write(lambda conn: verdicts.give(conn, queue, given))
        world.clock.advance(60)
        feeder = world.feeder()
        await feeder.turn()
        detail = await world.reader.trace(world.project, call.trace_id)
        assert detail is not None
        assert {(each.name, each.value, each.author) for each in detail.scores} == {
            ("review", 1.0, ADA.id),
            ("right", 1.0, ADA.id),
        }
        assert await feeder.write_scores() == 0
        ended = await world.db.read(lambda conn: holds.hold(conn, world.project, "hold_1"))
        waited = await world.db.read(lambda conn: items.item(conn, world.project, ended.item))
        assert (ended.state, waited.state) == ("expired", "expired")
        await feeder.leave()

    story_of(engine, blobs, served.socket, catalog_url, story)


def test_an_erasure_leaves_decisions_and_none_of_the_words(
    engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path
) -> None:
    async def story(world: World) -> None:
        queue = await world.put("held", QueueSpec())
        now = world.clock.now_ns() // 1_000_000
        gone = NewItem(key="a", why="asked", subject=Subject(input="my secret", answer="a secret"), trace_id="t1")
        stays = NewItem(key="b", why="asked", subject=Subject(input="hello"), trace_id="t2")
        first, second = [
            await world.db.write(lambda conn, new=new: items.send(conn, queue, new, now)) for new in (gone, stays)
        ]
        assert first is not None
        assert second is not None
        given = Given(
            item=first, actor=ADA, decision="correct", answers={}, correction="a secret", note="secret", seconds=None,
            second_opinion=False, now=now,
        )  # fmt: skip
        await world.db.write(lambda conn: verdicts.give(conn, queue, given))
        for expected in (1, 0):
            found = await world.db.write(lambda conn: erasing.forget(conn, world.project, {"t1"}))
            assert found == {"review_items": expected, "holds": 0}
        after = await world.db.read(lambda conn: items.item(conn, world.project, first.id))
        said = await world.db.read(lambda conn: verdicts.verdicts(conn, first.id))
        assert "secret" not in str((after, said))
        assert (after.state, after.outcome and after.outcome.decision, said[0].decision) == (
            "done",
            "correct",
            "correct",
        )
        other = await world.db.read(lambda conn: items.item(conn, world.project, second.id))
        assert other.subject.input == "hello"

    story_of(engine, blobs, served.socket, laid(tmp_path), story)
