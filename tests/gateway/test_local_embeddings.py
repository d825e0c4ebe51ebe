"""Vectors made on this machine, through the gateway like any others."""

import asyncio

import openai
import pytest
from harness import KEY, running

from trimtab.gateway.targets import Model, Provider
from trimtab.llm.embedder import Embedder, missing
from trimtab.server.local_embeddings import MODEL, LocalEmbeddings

LOCAL = Provider(name="here", kind="local", dialect="openai_chat", base_url="")


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_vectors_of_this_machine_are_an_answer_like_any_other() -> None:
    async def main() -> None:
        embedder = Embedder()
        vectors = LocalEmbeddings(embedder)
        async with running([LOCAL], [Model(name="m", provider="here", upstream=MODEL)], vectors=vectors.endpoint) as g:
            client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0)
            texts = ["the tide turns", "the tide is turning", "a recipe for bread"]
            told = await client.embeddings.create(model="m", input=texts)
            first, second, third = (each.embedding for each in told.data)
            assert len(first) == 384
            near, far = (sum(a * b for a, b in zip(first, other, strict=True)) for other in (second, third))
            assert near > 0.7 > far
            record = await g.spool.one()
            assert (record.attempts[0].cost.amount, record.attempts[0].cost.price) == (0, "local:no-price")
            short = await g.client.post("/v1/embeddings", json={"model": "m", "input": "x", "dimensions": 8})
            assert (short.status_code, short.json()["error"]["param"]) == (400, "dimensions")
            other = await g.client.post("/v1/embeddings", json={"model": "here/other", "input": "x"})
            assert other.status_code == 404
        await vectors.aclose()
        embedder.close()

    asyncio.run(main())


def test_its_address_is_a_secret() -> None:
    async def main() -> None:
        embedder = Embedder()
        vectors = LocalEmbeddings(embedder)
        url = await vectors.endpoint(LOCAL)
        assert url == await vectors.endpoint(LOCAL)
        assert len(url.rpartition("/")[2]) >= 32
        await vectors.aclose()
        embedder.close()

    asyncio.run(main())
