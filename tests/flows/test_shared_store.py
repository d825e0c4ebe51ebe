"""Two servers with folders of their own, one PostgreSQL catalog and one telemetry store, as on two machines: what one
stores the other shows, a trace whose spans come to both is whole, and each says when it is not yet."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

import httpx
import pytest
from killing import has_ended, running
from live import Live, admin, live, simulated, until
from shared_store import SharedStore, Trouble, cut, elsewhere, says

from patience import PATIENCE_S
from trimtab.telemetry.remakes import Remakes
from trimtab.telemetry.stores import Store, Value

pytestmark = [pytest.mark.postgres, pytest.mark.promise]
TELEMETRY = "trimtab.telemetry.process"
T = TypeVar("T")
SECRET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  m: {{provider: sim, model: "gpt-4o-mini?tokens=3"}}
"""


class Pair:
    def __init__(self, one: Live, two: Live, store: SharedStore) -> None:
        self.one = one
        self.two = two
        self.store = store


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres: Callable[[], str], engine: Store) -> Generator[Pair]:
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    store = SharedStore(engine, tmp_path_factory.mktemp("blobs"))
    env = {
        "TRIMTAB_DATABASE_URL": postgres(),
        "TRIMTAB_SECRET_KEY": SECRET_KEY,
        "TRIMTAB_TELEMETRY_URL": store.url,
    }
    try:
        with simulated() as url:
            config = CONFIG.format(url=url)
            with live(folders[0], config, env=env) as one, live(folders[1], config, env=env) as two:
                yield Pair(one, two, store)
    finally:
        store.close()


def ask(server: Live, text: str = "hello", **more: Any) -> httpx.Response:
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S)


def spans(server: Live, trace_id: str, *given: tuple[int, int, int]) -> None:
    """Sends spans (number, parent, input tokens) as another tool would; 0 tokens: no model was called."""
    now = time.time_ns()
    told: list[dict[str, Any]] = []
    for number, parent, tokens in given:
        attributes = [{"key": "session.id", "value": {"stringValue": f"session-{trace_id[:4]}"}}]
        if tokens:
            attributes += [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o-mini"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": tokens}},
            ]
        told.append(
            {
                "traceId": trace_id,
                "spanId": f"{number:016x}",
                "parentSpanId": f"{parent:016x}" if parent else "",
                "name": f"span {number}",
                "startTimeUnixNano": str(now + number),
                "endTimeUnixNano": str(now + number + 1_000_000),
                "attributes": attributes,
            }
        )
    body = {"resourceSpans": [{"scopeSpans": [{"spans": told}]}]}
    sent = httpx.post(f"{server.url}/v1/traces", json=body, headers=admin(), timeout=PATIENCE_S)
    assert sent.status_code == 200, sent.text


def trace(server: Live, trace_id: str) -> dict[str, Any]:
    return server.api(f"/projects/default/traces/{trace_id}")


class Engine:
    """Says something to the store without a server."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]:
        del line
        assert self._store.query(sql, {name: str(value) for name, value in params.items()}) == b""
        return []


@contextlib.contextmanager
def nothing_is_made_anew(pair: Pair) -> Generator[None]:
    """Somebody goes first: it would be done after five seconds, which may have passed before anybody looks."""
    remakes = Remakes(Engine(pair.store.engine))
    asyncio.run(remakes.go_first("a test"))
    try:
        yield
    finally:
        asyncio.run(remakes.go_first("a test", over=True))


def is_whole(server: Live, trace_id: str, count: int) -> bool:
    found = trace(server, trace_id)
    return found["updating"] is None and len(found["spans"]) == count


def test_a_call_that_one_took_the_other_shows(pair: Pair) -> None:
    answer = ask(pair.one)
    pair.one.settled()
    trace_id = answer.headers["trimtab-trace-id"]
    assert [len(trace(each, trace_id)["spans"]) for each in (pair.one, pair.two)] == [2, 2]


def test_a_trace_whose_spans_come_to_both_says_so_on_both_and_is_whole_then(pair: Pair) -> None:
    trace_id = os.urandom(16).hex()
    with nothing_is_made_anew(pair):
        spans(pair.one, trace_id, (1, 0, 0), (2, 1, 40))
        pair.one.settled()
        spans(pair.two, trace_id, (3, 1, 2), (2, 1, 40))
        pair.two.settled()
        told = [trace(each, trace_id)["updating"] for each in (pair.one, pair.two)]
    assert None not in told, told
    for each in (pair.one, pair.two):
        until(lambda each=each: is_whole(each, trace_id, 3), PATIENCE_S, each.told)
    rows = [row for row in pair.one.traces() if row["trace_id"] == trace_id]
    assert [row["tokens"]["input"] for row in rows] == [42]


def dead_letters(server: Live) -> int:
    return server.api("/status")["telemetry"]["rejected"]


def is_once(pair: Pair, trace_id: str, tokens: int) -> bool:
    """Whether lists show a trace once, with these tokens, on both."""
    rows = [[row for row in each.traces() if row["trace_id"] == trace_id] for each in (pair.one, pair.two)]
    return all([row["tokens"]["input"] for row in found] == [tokens] for found in rows)


@pytest.mark.parametrize(
    "trouble",
    [
        says(241, "Memory limit (total) exceeded: would use 3.6 GiB"),
        cut,
        elsewhere,
    ],
    ids=["memory", "cut", "a proxy's page"],
)
def test_nothing_is_lost_twice_or_set_aside_while_the_store_is_in_trouble(pair: Pair, trouble: Trouble) -> None:
    trace_id, servers = os.urandom(16).hex(), (pair.one, pair.two)
    before = [dead_letters(each) for each in servers]
    with pair.store.fails(trouble):
        answers = [ask(each) for each in servers]
        spans(pair.one, trace_id, (1, 0, 0), (2, 1, 40))
        spans(pair.two, trace_id, (3, 1, 2))
        for each in servers:
            until(lambda each=each: each.api("/status")["telemetry"]["state"] == "down", PATIENCE_S, each.told)
    assert {answer.status_code for answer in answers} == {200}
    for each in servers:
        each.settled()
        until(lambda each=each: is_whole(each, trace_id, 3), PATIENCE_S, each.told)
    until(lambda: is_once(pair, trace_id, 42), PATIENCE_S, pair.one.told)
    for answer in answers:
        assert [len(trace(each, answer.headers["trimtab-trace-id"])["spans"]) for each in servers] == [2, 2]
    assert [dead_letters(each) for each in servers] == before


def test_a_telemetry_process_that_is_killed_while_it_stores_stores_all_once(pair: Pair) -> None:
    traces = [os.urandom(16).hex() for _ in range(6)]
    pair.store.delay_s = 0.2  # so that it is on its way when the process ends
    try:
        for number, trace_id in enumerate(traces):
            for each in (pair.one, pair.two):
                spans(each, trace_id, (1, 0, 0), (2, 1, 40))
            if number % 2:
                until(lambda: len(running(pair.two.pid, TELEMETRY)) == 1, PATIENCE_S, pair.two.told)
                [pid] = running(pair.two.pid, TELEMETRY)
                os.kill(pid, signal.SIGKILL)
                until(lambda pid=pid: has_ended(pid), PATIENCE_S, pair.two.told)
                until(lambda: pair.two.api("/status")["telemetry"]["state"] == "ok", PATIENCE_S, pair.two.told)
    finally:
        pair.store.delay_s = 0.0
    for each in (pair.one, pair.two):
        each.settled()
    for trace_id in traces:
        for each in (pair.one, pair.two):
            until(lambda each=each, trace_id=trace_id: is_whole(each, trace_id, 2), PATIENCE_S, each.told)
        until(lambda trace_id=trace_id: is_once(pair, trace_id, 40), PATIENCE_S, pair.two.told)


def erase(server: Live, subject: str, value: str) -> str:
    """Asks for it; gives where its receipt is told."""
    asked = httpx.post(
        f"{server.url}/api/v1/projects/default/erasures",
        json={"subject": subject, "value": value},
        headers=admin(),
        timeout=PATIENCE_S,
    )
    assert asked.is_success, asked.text
    return f"/projects/default/erasures/{asked.json()['id']}"


def erased(server: Live, path: str) -> dict[str, Any]:
    """The receipt, once there is one."""
    until(lambda: server.api(path)["state"] in ("done", "failed"), PATIENCE_S, server.told)
    receipt = server.api(path)
    assert (receipt["state"], receipt["problem"]) == ("done", "")
    return receipt


def test_an_erasure_that_is_asked_of_one_takes_what_came_to_both(pair: Pair) -> None:
    trace_id = os.urandom(16).hex()
    spans(pair.one, trace_id, (1, 0, 0), (2, 1, 40))
    spans(pair.two, trace_id, (3, 1, 2))
    for each in (pair.one, pair.two):
        each.settled()
    erased(pair.one, erase(pair.two, "trace", trace_id))
    for table in ("spans", "span_raw"):
        left = pair.store.engine.query(f"SELECT count() FROM {table} WHERE trace_id = '{trace_id}'", {}, "TSV")
        assert left == b"0\n", (table, left)


def refused_span(server: Live, user: str) -> None:
    """One that is set aside: its id is none."""
    attributes = [{"key": "user.id", "value": {"stringValue": user}}]
    times = {"startTimeUnixNano": str(time.time_ns()), "endTimeUnixNano": str(time.time_ns())}
    span = {"traceId": os.urandom(16).hex(), "spanId": "none", "name": "refused", "attributes": attributes, **times}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    sent = httpx.post(f"{server.url}/v1/traces", json=body, headers=admin(), timeout=PATIENCE_S)
    assert "1 spans were set aside" in sent.text


def files_with(server: Live, words: str) -> list[str]:
    """Those of its data folder: spool, dead letters, large contents."""
    found = subprocess.run(["grep", "-rla", words, str(server.data)], capture_output=True, text=True, check=False)
    return found.stdout.split()


def test_an_erasure_reaches_the_data_folder_of_a_server_that_is_down_when_it_is_back(pair: Pair) -> None:
    servers, user = (pair.one, pair.two), f"user-{os.urandom(6).hex()}"
    before = [dead_letters(each) for each in servers]
    for each in servers:
        ask(each, " ".join([user, *("so long that it is no part of a row",) * 4_000]), user=user)
        refused_span(each, user)
        each.settled()
    for each, known in zip(servers, before, strict=True):
        until(lambda each=each, known=known: dead_letters(each) == known + 1, PATIENCE_S, each.told)
        assert any("/blobs/" in name for name in files_with(each, user))
    pair.two.kill()
    path = erase(pair.one, "user", user)
    until(lambda: "1 data folders" in pair.one.api(path)["problem"], PATIENCE_S, pair.one.told)
    pair.two.start()
    receipt = erased(pair.two, path)
    assert receipt["checks"]["data folders"] == "2 of 2"
    assert (receipt["rows"]["blobs"], receipt["rows"]["dead_letters"]) == (2, 2)
    assert [files_with(each, user) for each in servers] == [[], []]
