"""The judge of difficulty and semantic nodes on the real embedder."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import asked, made, names

from trimtab.gateway.routing.judge import FILE, Judge
from trimtab.gateway.routing.meanings import LEAST, MOST, OF_ONE, Meanings, Topics
from trimtab.gateway.routing.types import Escalate, Semantic, Topic
from trimtab.llm.embedder import Embedder, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "the embedder is here")

EASY = (
    "What is the capital of France?",
    "Who wrote Hamlet?",
    "How many legs does a spider have?",
    "Hello, how are you?",
)
HARD = (
    "A coil of 100 turns in a magnetic field of 0.2 T is rotated in 5 ms; what charge flows?",
    "Solve the recurrence T(n) = 3T(n/4) + n log n.",
    "What is the pH of a 0.01 M solution of a weak acid with pKa 4.7?",
)
TOPICS: Any = {
    "node": "semantic",
    "of": [
        {"name": "orders", "examples": ["Where is my parcel?", "When will my order arrive?"], "use": "own"},
        {"name": "code", "examples": ["Fix this Python function", "Why does my SQL query fail?"], "use": "big"},
    ],
    "otherwise": "fast",
}


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    made = Embedder()
    yield made
    made.close()


def test_hard_questions_are_judged_harder_than_easy_ones(embedder: Embedder) -> None:
    judge = Judge()
    easy = [judge.difficulty(vector) for vector in embedder.embed_now(EASY)]
    hard = [judge.difficulty(vector) for vector in embedder.embed_now(HARD)]
    assert max(easy) < min(hard)
    assert all(0 < each < 1 for each in easy + hard)


def test_what_everybody_asks_is_not_judged_hard(embedder: Embedder) -> None:
    """The judge that learned from exams alone sent "What is 2+2?" up each time."""
    judge = Judge()
    asked_daily = (*EASY, "What is 2+2?", "2 + 2", "How much is 7 plus 5?", "Where is my parcel?", "Thanks!")
    bound = Escalate(cheap="fast", strong="big").difficulty
    assert bound is not None
    assert {
        text: d
        for text, v in zip(asked_daily, embedder.embed_now(asked_daily), strict=True)
        if (d := judge.difficulty(v)) > bound
    } == {}


def test_a_judge_of_another_embedder_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / "difficulty.json"
    strange.write_text(FILE.read_text().replace("all-MiniLM", "other"))
    with pytest.raises(ValueError, match="was trained on other"):
        Judge(strange)


def test_a_semantic_route_goes_by_the_nearest_example(embedder: Embedder) -> None:
    async def main() -> None:
        route = made(TOPICS, meanings=Meanings(embedder))
        early = await route.decide(asked("Has my package been shipped yet?"))
        assert (names(early), early.steps[0].why) == (["fast"], "its examples are still being read")
        await route.warm()
        near = await route.decide(asked("Has my package been shipped yet?"))
        assert (names(near), near.steps[0].took) == (["own"], "orders")
        assert near.steps[0].value is not None
        assert near.steps[0].value > 0.5
        code = await route.decide(asked("My Python code raises a TypeError, please correct it"))
        assert names(code) == ["big"]
        far = await route.decide(asked("Sing me a song about the sea"))
        assert (names(far), far.steps[0].took) == (["fast"], "otherwise")
        assert "below the threshold of 0.5" in far.steps[0].why

    asyncio.run(main())


def topics(*examples: tuple[str, ...], **more: Any) -> Semantic:
    return Semantic(
        of=tuple(Topic(name=f"t{at}", examples=each, use="own") for at, each in enumerate(examples)),
        otherwise="fast",
        **more,
    )


def test_a_threshold_is_taken_from_the_examples_of_each_topic(embedder: Embedder) -> None:
    async def main() -> None:
        meanings = Meanings(embedder)
        alike = tuple(f"Where is my parcel number {n}?" for n in range(5))
        apart = ("A poem about rain", "Fix my bicycle", "Taxes of Norway", "How do I boil eggs?", "Who won the war?")
        node = topics(alike, apart, ("Only one of its kind",))
        await meanings.learn([text for topic in node.of for text in topic.examples])
        of = Topics(node, meanings)
        found: dict[str, float] = {}
        for text in (alike[0], apart[0], "Only one of its kind"):
            place, _, found[text] = of.nearest((await embedder.embed([text]))[0]) or (-1, 0.0, 0.0)
            assert text in node.of[place].examples
        assert list(found.values()) == [MOST, LEAST, OF_ONE]
        given = Topics(topics(alike, apart, threshold=0.3), meanings)
        assert (given.nearest((await embedder.embed([alike[0]]))[0]) or (0, 0, 0))[2] == 0.3
        # The same sentence twice says nothing of how alike different ones are.
        twice = Topics(topics(("Fix my bicycle", "Fix my bicycle")), meanings)
        assert (twice.nearest((await embedder.embed(["Fix my bicycle"]))[0]) or (0, 0, 0))[2] == OF_ONE

    asyncio.run(main())


def test_few_examples_strays_and_a_low_threshold_are_told(embedder: Embedder) -> None:
    async def main() -> None:
        parcels = ("Where is my parcel?", "My order has not arrived", "Track my delivery", "Is my parcel on its way?")
        bills = (
            "I was charged twice",
            "Where is my invoice?",
            "The invoice is wrong",
            "Refund my payment",
            "Pay by card",
        )
        node = topics((*parcels, "My invoice is wrong"), bills, ("Hello",), threshold=0.2)
        meanings = Meanings(embedder)
        of = Topics(node, meanings)
        early = of.advice()
        assert [said.split(" ")[2] for said in early[:1]] == ["'t2'"]
        assert "has 1 example." in early[0]
        assert "A threshold of 0.2 lets questions through" in early[1]
        assert len(early) == 2
        await meanings.learn([text for topic in node.of for text in topic.examples])
        strays = [said for said in of.advice() if "nearer to another topic's" in said]
        assert any("of 't0'" in said and "My invoice is wrong" in said for said in strays)
        sound = Topics(topics((*parcels, "Has it been sent?"), bills), meanings)
        await meanings.learn(["Has it been sent?"])
        assert not [said for said in sound.advice() if "fewer than" in said or "threshold" in said]
        route = made(TOPICS, meanings=meanings)
        assert [said.partition(": ")[0] for said in route.advice()] == ["tree", "tree"]

    asyncio.run(main())


def test_an_example_is_embedded_once_however_often_routes_change(embedder: Embedder) -> None:
    async def main() -> None:
        meanings = Meanings(embedder)
        await made(TOPICS, meanings=meanings).warm()
        known = dict(meanings._examples)  # pyright: ignore[reportPrivateUsage]
        await made(TOPICS, meanings=meanings).warm()
        assert all(meanings._examples[text] is vector for text, vector in known.items())  # pyright: ignore[reportPrivateUsage]
        assert len(known) == 4

    asyncio.run(main())
