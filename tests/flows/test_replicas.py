"""Two servers with folders of their own and one PostgreSQL catalog, as on two machines: what one knows, both obey."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from live import Live, admin, live, simulated, until
from test_one_dollar import ledger, port_of, spend

from patience import PATIENCE_S

pytestmark = [pytest.mark.postgres, pytest.mark.promise]
SECRET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  paid:
    provider: sim
    model: "gpt-4o-mini?tokens=20"
    price: {{input: 1, output: 50}}
  kept: {{provider: sim, model: "gpt-4o-mini?tokens=3", cache: {{}}}}
  shared: {{provider: sim, model: "gpt-4o-mini?tokens=3", cache: {{}}}}
  slow: {{provider: sim, model: "gpt-4o-mini?tokens=40&delay_ms=25"}}
limits:
  dollar: {{measure: money, bound: 0.05, window: month, scope: {{app: [paid]}}}}
"""
ASK: dict[str, Any] = {"model": "kept", "messages": [{"role": "user", "content": "hello"}], "temperature": 0}


class Pair:
    def __init__(self, one: Live, two: Live) -> None:
        self.one = one
        self.two = two


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres: Callable[[], str]) -> Generator[Pair]:
    env = {"TRIMTAB_DATABASE_URL": postgres(), "TRIMTAB_SECRET_KEY": SECRET_KEY}
    env["TRIMTAB_DRAIN_SECONDS"] = "120"  # a stream that is let end takes as long as the machine has it take
    folders = [tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")]
    with simulated() as url:
        config = CONFIG.format(url=url)
        with live(folders[0], config, env=env) as one, live(folders[1], config, env=env) as two:
            yield Pair(one, two)


def ask(server: Live, key: str = "", body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    told = {**(admin() if not key else {"authorization": f"Bearer {key}"}), **headers}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body or ASK, headers=told, timeout=PATIENCE_S)


def test_a_budget_is_one_budget(pair: Pair) -> None:
    async def both() -> list[dict[int, int]]:
        return await asyncio.gather(*(spend(port_of(each), 20) for each in (pair.one, pair.two)))

    seen = asyncio.run(both())
    # Which of them gets how much is chance: on a busy machine one may have spent it before the other is asked.
    assert {status for each in seen for status in each} == {200, 429}, seen
    assert all(429 in each for each in seen), seen
    cost = ledger(pair.one) + ledger(pair.two)
    assert Decimal("0.04") < cost <= Decimal("0.05")


def test_a_revoked_key_is_refused_by_both_when_the_answer_comes(pair: Pair) -> None:
    for maker, other in ((pair.one, pair.two), (pair.two, pair.one)):
        made = httpx.post(
            f"{maker.url}/api/v1/projects/default/keys", json={"name": "k"}, headers=admin(), timeout=PATIENCE_S
        )
        secret, key_id = made.json()["secret"], made.json()["key"]["id"]
        assert {ask(each, secret).status_code for each in (maker, other)} == {200}, "a new one is known to both"
        gone = httpx.delete(f"{maker.url}/api/v1/projects/default/keys/{key_id}", headers=admin(), timeout=PATIENCE_S)
        assert gone.is_success
        assert {ask(each, secret).status_code for each in (other, maker)} == {401}


def test_an_answer_that_one_has_kept_the_other_gives(pair: Pair) -> None:
    body = {**ASK, "model": "shared"}
    first = ask(pair.one, body=body)
    # It is written down soon, and no call waits for that: to ask in between would have the other make one of its own.
    until(lambda: answers(pair.two, "shared") == 1, PATIENCE_S, pair.one.told)
    again = ask(pair.two, body=body)
    assert (again.json(), again.headers["trimtab-cache"][:3]) == (first.json(), "hit")


def answers(server: Live, model: str) -> int:
    """How many of the model's answers are kept where both look."""
    return sum(each["answers"] for each in server.api("/projects/default/cache")["items"] if each["name"] == model)


def test_an_idempotency_key_is_one_call_on_both(pair: Pair) -> None:
    body = {**ASK, "model": "slow", "messages": [{"role": "user", "content": "once"}]}
    with ThreadPoolExecutor(6) as threads:
        asked = [
            threads.submit(ask, each, body=body, **{"idempotency-key": "one-call"}) for each in (pair.one, pair.two) * 3
        ]
        answers = [future.result() for future in asked]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


def test_one_is_restarted_while_the_other_serves(pair: Pair) -> None:
    """A stream of the one that stops ends whole, the other answers on, and both count on when it is back."""
    body = {**ASK, "model": "slow", "stream": True}
    with (
        httpx.Client(timeout=PATIENCE_S) as client,
        client.stream("POST", f"{pair.one.url}/v1/chat/completions", json=body, headers=admin()) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        with ThreadPoolExecutor(1) as threads:
            stopping = threads.submit(pair.one.stop)
            answered = {ask(pair.two).status_code for _ in range(10)}
            told = [line for line in lines if line]
            assert stopping.result() == 0
    assert told[-1] == "data: [DONE]"
    assert answered == {200}
    pair.one.start()
    until(lambda: ask(pair.one).status_code == 200, PATIENCE_S, pair.one.told)
    asyncio.run(spend(port_of(pair.one), 4))
    assert ledger(pair.one) + ledger(pair.two) <= Decimal("0.05"), "what it gave back when it stopped was there once"
