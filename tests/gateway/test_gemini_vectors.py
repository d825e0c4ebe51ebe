"""Answers of Gemini's embeddings that hold none, as a client of Google's sees them."""

import asyncio
from typing import Any

import pytest
from harness import PRICE, provider, running
from msgspec.structs import replace
from upstream import answers, upstream

from trimtab.gateway.targets import Model

ONE = {"content": {"parts": [{"text": "tide"}]}}
TEXT = Model(name="m", provider="lab", upstream="gemini-embedding-001", price=PRICE)


@pytest.mark.parametrize("found", [None, [], {"values": [0.5]}, "none", [None]])
@pytest.mark.parametrize(("verb", "asked"), [("embedContent", ONE), ("batchEmbedContents", {"requests": [ONE]})])
def test_an_answer_without_vectors_is_the_providers_failure(found: Any, verb: str, asked: dict[str, Any]) -> None:
    async def main() -> None:
        async with upstream(answers({"embeddings": found})) as up:
            lab = replace(provider("lab", up.port, "gemini"), kind="gemini")
            async with running([lab], [TEXT]) as g:
                told = await g.client.post(f"/v1beta/models/m:{verb}", json=asked)
                assert told.status_code == 502
                assert "no vectors" in told.json()["error"]["message"]
                record = await g.spool.one()
                assert (record.status, record.outcome) == (502, "error")

    asyncio.run(main())
