"""Bytes that are no UTF-8: JSON's decoder raises `UnicodeDecodeError` for them, which is none of its own errors."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest
from harness import PRICE, provider, running
from upstream import WHOLE, answers, upstream

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.carried_batch import Uncountable, bound_of, input_file_of
from trimtab.gateway.counting import with_member
from trimtab.gateway.kept.cache_key import canonical
from trimtab.gateway.targets import Model

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
ASK = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
BAD = b'{"\xff": 1, "model": "fast"}'


def test_a_header_of_metadata_that_is_none_says_nothing() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            header = {b"trimtab-metadata": b'{"team": "\xff"}', b"trimtab-feature": b"search"}
            answer = await g.client.post("/v1/chat/completions", json=ASK, headers=header)
            record = await g.spool.one()
        assert (answer.status_code, record.metadata, record.feature) == (200, {}, "search")

    asyncio.run(main())


def test_a_body_to_be_counted_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="not a JSON object"):
        with_member(BAD, "max_tokens", b"1")


@pytest.mark.parametrize("line", [b'{"url": "\xff", "body": {"model": "fast"}}', b'{"body": {"model": "\xff"}}'])
def test_a_line_of_a_batch_cannot_be_counted(line: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield line

    with pytest.raises(Uncountable):
        asyncio.run(bound_of(pieces()))


def test_a_batch_whose_file_is_none_names_no_file() -> None:
    assert input_file_of(b'{"input_file_id": "\xff"}') == ""


def test_a_body_has_no_place_in_the_cache() -> None:
    assert canonical(BAD) is None


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("identity", 400), ("", 400)])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
def test_a_compressed_body_is_told_to_come_as_it_is(path: str, encoding: str, status: int) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            body = gzip.compress(json.dumps(ASK).encode())
            headers = {"content-encoding": encoding} if encoding else {}
            answer = await g.client.post(path, content=body, headers=headers)
        assert (answer.status_code, "without the header 'content-encoding'" in answer.text) == (status, status == 415)
        assert up.requests == []

    asyncio.run(main())


def test_a_body_that_is_as_it_is_in_spite_of_its_header_is_read() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            answer = await g.client.post("/v1/chat/completions", json=ASK, headers={"content-encoding": "gzip"})
        assert (answer.status_code, len(up.requests)) == (200, 1)

    asyncio.run(main())
