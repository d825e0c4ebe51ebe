"""Answers found by meaning, with the real embedder: near questions hit, look-alikes and strangers do not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import PRICE, Running, provider, running
from kept import store
from upstream import WHOLE, Upstream, answers, upstream

from patience import PATIENCE_S
from trimtab.gateway.call_policy import CachePolicy, CallPolicy
from trimtab.gateway.kept.answers import Answers
from trimtab.gateway.kept.cache_store import Meaning
from trimtab.gateway.kept.semantic import PER_SPACE, SemanticIndex, Space
from trimtab.gateway.targets import Model
from trimtab.llm import embedder as embedder_module
from trimtab.llm.embedder import DIMENSION, Embedder

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
EMBEDDER = Embedder()
POLICY = CachePolicy(mode="semantic", threshold=0.85, sampled=True)
ASKED, NEAR = "How do I reset my password?", "How can I reset my password?"


def ask(text: str, system: str = "be kind", **more: Any) -> dict[str, Any]:
    return {
        "model": "fast",
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}],
        **more,
    }


@asynccontextmanager
async def semantic(
    folder: Path, policy: CachePolicy = POLICY, embedder: Embedder = EMBEDDER
) -> AsyncGenerator[tuple[Running, Answers, Upstream]]:
    async with upstream(answers(WHOLE)) as up, store(folder) as kept:
        parts: dict[str, Any] = {"answers": kept, "semantic": SemanticIndex(kept, embedder)}
        policies = {"fast": CallPolicy(cache=policy)}
        async with running([provider("lab", up.port)], [FAST], policies=policies, **parts) as g:
            yield g, kept, up


@pytest.mark.parametrize(
    ("body", "headers", "hit"),
    [
        (ask(NEAR), {}, True),
        (ask(NEAR, stream=True), {}, True),
        (ask("What is the highest mountain?"), {}, False),
        (ask("How do I not reset my password?"), {}, False),
        (ask("How do I reset my password 2?"), {}, False),
        (ask(NEAR, system="be brief"), {}, False),
        (ask(NEAR, max_tokens=5), {}, False),
        (ask(NEAR), {"authorization": "Bearer tt_second"}, False),
        (ask(NEAR), {"trimtab_cache": "namespace=other-readers"}, False),
        (ask(NEAR), {"trimtab_cache": "exact"}, False),
    ],
)
def test_only_a_question_that_means_the_same_in_the_same_place_is_answered_by_it(
    tmp_path: Path, body: dict[str, Any], headers: dict[str, str], hit: bool
) -> None:
    async def main() -> None:
        async with semantic(tmp_path) as (g, kept, up):
            await g.chat(ask(ASKED))
            await kept.flush()
            said = (await g.chat(body, **headers)).headers["trimtab-cache"]
            assert said.startswith("hit; age=0; similarity=0.9" if hit else "miss"), said
            assert len(up.requests) == (1 if hit else 2)
            note = g.spool.records[-1].cache
            assert note is not None
            if hit:
                assert note.mode == "semantic"
                assert 0.9 < note.similarity < 1

    asyncio.run(main())


def test_the_threshold_decides_and_the_one_measured_stands_where_none_is_given(tmp_path: Path) -> None:
    async def main() -> None:
        for number, (threshold, says) in enumerate(((0.9, "hit"), (0.999, "miss"), (None, "hit"))):
            policy = CachePolicy(mode="semantic", threshold=threshold, sampled=True)
            async with semantic(tmp_path / str(number), policy) as (g, kept, _):
                await g.chat(ask(ASKED))
                await kept.flush()
                assert (await g.chat(ask(NEAR))).headers["trimtab-cache"].startswith(says), threshold

    asyncio.run(main())


def test_what_was_purged_is_not_found_by_its_meaning_either(tmp_path: Path) -> None:
    async def main() -> None:
        async with semantic(tmp_path) as (g, kept, up):
            await g.chat(ask(ASKED))
            await kept.flush()
            assert (await g.chat(ask(NEAR))).headers["trimtab-cache"].startswith("hit")
            await kept.purge("prj_1", "fast")
            assert (await g.chat(ask(NEAR))).headers["trimtab-cache"] == "miss"
            assert len(up.requests) == 2

    asyncio.run(main())


def test_without_the_embedder_calls_go_on_and_the_exact_cache_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder_module, "find_spec", dict[str, None]().get)

    async def main() -> None:
        async with semantic(tmp_path, embedder=Embedder()) as (g, _, up):
            said = [(await g.chat(ask(text))).headers["trimtab-cache"] for text in (ASKED, NEAR, ASKED)]
            assert said == ["miss; reason=embedder", "miss; reason=embedder", "hit; age=0"]
            assert len(up.requests) == 2
            assert [record.cache.reason for record in g.spool.records if record.cache is not None] == [
                "embedder",
                "embedder",
                "",
            ]

    asyncio.run(main())


def test_a_question_longer_than_the_model_reads_is_compared_with_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with semantic(tmp_path) as (g, kept, up):
            for end in ("one", "two"):
                await g.chat(ask("word " * 300 + end))
                await kept.flush()
            assert len(up.requests) == 2

    asyncio.run(main())


def meaning(seq: int, vector: Any, key: bytes | None = None) -> Meaning:
    return Meaning(
        space=b"s", key=key or seq.to_bytes(24, "big"), project_id="p", name="n", expires=0, question=f"q{seq}",
        vector=vector.astype(np.float32).tobytes(), seq=seq,
    )  # fmt: skip


def test_a_space_finds_the_nearest_once_each_and_forgets() -> None:
    vectors = np.eye(DIMENSION)
    space = Space()
    space.add([meaning(n, vectors[n]) for n in range(1, 40)])
    space.add([meaning(50, vectors[1] * 0.8 + vectors[2] * 0.6, key=(7).to_bytes(24, "big"))])
    assert (space.seq, space.count) == (50, 39)
    found = space.nearest(vectors[1].astype(np.float32), 0.5)
    assert [(near.key[-1], round(near.similarity, 3), text) for near, text in found] == [
        (1, 1.0, "q1"),
        (7, 0.8, "q50"),
    ]
    space.forget((1).to_bytes(24, "big"))
    assert [near.key[-1] for near, _ in space.nearest(vectors[1].astype(np.float32), 0.5)] == [7]
    assert Space().nearest(vectors[1].astype(np.float32), 0.5) == []


def test_a_full_space_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    from trimtab.gateway.kept import semantic as module

    monkeypatch.setattr(module, "PER_SPACE", 8)
    assert PER_SPACE > 8
    vectors = np.eye(DIMENSION)
    space = Space()
    space.add([meaning(n, vectors[n]) for n in range(1, 12)])
    alive = [n for n in range(1, 12) if space.nearest(vectors[n].astype(np.float32), 0.9)]
    assert alive == list(range(4, 12))
    for n in alive:
        space.forget(n.to_bytes(24, "big"))
    space.add([meaning(99, vectors[20])])
    assert len(space.nearest(vectors[20].astype(np.float32), 0.9)) == 1


def test_an_embedder_that_hangs_keeps_one_call_waiting_and_the_next_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once something comes, it is asked again."""

    async def main() -> None:
        free, asked = asyncio.Event(), list[str]()
        real = Embedder()

        async def read(text: str) -> Any:
            asked.append(text)
            await free.wait()
            return real.loaded().run(text)

        embedder = Embedder(read=read)
        monkeypatch.setattr(embedder_module, "SOON_S", 0.05)
        async with semantic(tmp_path, embedder=embedder) as (g, kept, up):
            blind = [await g.chat(ask(text)) for text in (ASKED, NEAR, "What is the highest mountain?")]
            assert {each.status_code for each in blind} == {200}
            assert {each.headers["trimtab-cache"] for each in blind} == {"miss; reason=embedder"}
            assert asked == [ASKED], "nobody else waits for what does not come"
            free.set()
            await embedder.embed([ASKED])
            monkeypatch.setattr(embedder_module, "SOON_S", PATIENCE_S)
            assert (await g.chat(ask("Where is my parcel?"))).headers["trimtab-cache"] == "miss"
            await kept.flush()
            assert (await g.chat(ask("Where is my parcel now?"))).headers["trimtab-cache"].startswith("hit")
            assert len(up.requests) == 4

    asyncio.run(main())
