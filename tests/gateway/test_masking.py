"""What a provider repeats of our secrets inside a stream reaches nobody: no client, no record."""

import asyncio

import pytest
from harness import PRICE, provider, running
from upstream import delta, streams, upstream

from trimtab.gateway.targets import Model

SECRET = "sk-very-secret-key-of-ours"
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
ERROR = f'data: {{"error": {{"message": "the key {SECRET} is out of money", "type": "server_error"}}}}\n\n'


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize(("path", "more"), [("/v1/chat/completions", {}), ("/v1/messages", {"max_tokens": 9})])
def test_an_error_inside_a_stream_never_tells_our_key(path: str, more: dict[str, int], after: int) -> None:
    async def main() -> None:
        script = streams(*(delta("word ") for _ in range(after)), ERROR)
        body = {"model": "fast", "stream": True, "messages": [{"role": "user", "content": "Hi"}], **more}
        async with upstream(script) as up, running([provider("lab", up.port, api_key=SECRET)], [FAST]) as g:
            told = await g.client.post(path, json=body)
            assert "out of money" in told.text
            assert "[hidden]" in told.text
            assert SECRET not in told.text
            record = await g.spool.one()
            assert record.attempts
            assert all(SECRET.encode() not in attempt.response for attempt in record.attempts)
            assert SECRET not in repr((record.fault, [attempt.fault for attempt in record.attempts]))

    asyncio.run(main())
