"""The judge of difficulty and semantic nodes on the real embedder."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import asked, made, names

from trimtab.gateway.routing.judge import FILE, Judge
from trimtab.gateway.routing.meanings import Meanings
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
        assert near.steps[0].value > 0.45
        code = await route.decide(asked("My Python code raises a TypeError, please correct it"))
        assert names(code) == ["big"]
        far = await route.decide(asked("Sing me a song about the sea"))
        assert (names(far), far.steps[0].took) == (["fast"], "otherwise")
        assert "below the threshold of 0.45" in far.steps[0].why

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
