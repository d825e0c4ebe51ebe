"""One dollar, four workers, five hundred callers at once: never above, almost all of it usable; also while workers are
killed, and while the catalog is held."""

import asyncio
import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from killing import running
from live import ADMIN, Live, admin, live, simulated, until

from patience import PATIENCE_S
from trimtab.ledger.leases import AT_HAND

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  paid:
    provider: sim
    model: "gpt-4o-mini?tokens=20"
    price: {{input: 1, output: 50}}
limits:
  dollar: {{measure: money, bound: 1, window: month}}
"""
BODY = json.dumps(
    {"model": "paid", "messages": [{"role": "user", "content": "Count to twenty."}], "max_tokens": 40}
).encode()
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nauthorization: Bearer %b\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (ADMIN.encode(), len(BODY), BODY)
)
DOLLAR = 10**12


async def caller(port: int, seen: dict[int, int], patience: int) -> None:
    """Call until it is refused ``patience`` times in a row; a connection that breaks is opened anew."""
    left = patience
    while left:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while left:
                    writer.write(REQUEST)
                    status = await answer(reader)
                    seen[status] = seen.get(status, 0) + 1
                    if status == 200:
                        left = patience
                    else:
                        left -= 1
                        await asyncio.sleep(0.25)
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError, ConnectionError):
            left -= 1
            await asyncio.sleep(0.25)


async def answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])


async def spend(port: int, callers: int, patience: int = 2) -> dict[int, int]:
    seen: dict[int, int] = {}
    await asyncio.gather(*(caller(port, seen, patience) for _ in range(callers)))
    return seen


def port_of(server: Live) -> int:
    return int(server.url.rsplit(":", 1)[1])


def counted(server: Live) -> tuple[int, int]:
    """What the catalog says is handed out, and what of it is spent."""
    with sqlite3.connect(server.data / "catalog.sqlite") as catalog:
        granted, spent = catalog.execute("SELECT sum(granted), sum(spent) FROM limit_counters").fetchone()
    return granted, spent


def ledger(server: Live) -> Decimal:
    """The sum of every attempt's cost on record."""
    server.settled()
    now = int(time.time() * 1000)
    told: Any = server.api("/projects/default/overview", start=now - 3_600_000, end=now + 60_000)
    return Decimal(str(told["totals"]["cost"]))


@pytest.fixture
def provider() -> Any:
    with simulated() as url:
        yield url


def test_a_dollar_is_never_overspent_and_almost_all_of_it_can_be_used(tmp_path: Path, provider: str) -> None:
    with live(tmp_path, CONFIG.format(url=provider), workers=4) as server:
        seen = asyncio.run(spend(port_of(server), 500))
        cost = ledger(server)
        assert set(seen) == {200, 429}
        assert Decimal("0.98") < cost <= 1
        refused = httpx.post(f"{server.url}/v1/chat/completions", content=BODY, headers=admin(), timeout=PATIENCE_S)
        while refused.status_code == 200:  # what was in one worker's hands when others were refused pays for some more
            refused = httpx.post(f"{server.url}/v1/chat/completions", content=BODY, headers=admin(), timeout=PATIENCE_S)
        assert refused.json()["error"]["code"] == "insufficient_quota"
        assert refused.headers["x-should-retry"] == "false"
        server.settled()
        cost = ledger(server)
        assert cost <= 1
        told = server.api(f"/projects/default/traces/{refused.headers['trimtab-trace-id']}")
        [limit] = told["limits"]
        assert (limit["limit"], limit["refused"], limit["bound"]) == ("dollar", True, "1")
        assert limit["resets"] > time.time() * 1000
        [line] = told["decision"]
        assert (line["verdict"], "'dollar'" in line["budget"]) == ("skipped", True)
        server.stop()
        assert counted(server) == (int(cost * DOLLAR), int(cost * DOLLAR)), "a clean stop gives everything back"


def test_workers_that_are_killed_neither_overspend_nor_strand_it(tmp_path: Path, provider: str) -> None:
    async def story(server: Live) -> dict[int, int]:
        spending = asyncio.create_task(spend(port_of(server), 60, patience=4))
        for _ in range(2):
            await asyncio.sleep(0.7)
            os.kill(workers(server)[0], signal.SIGKILL)
        return await spending

    with live(tmp_path, CONFIG.format(url=provider), workers=3) as server:
        asyncio.run(story(server))
        until(lambda: not any(dead_journals(server)), PATIENCE_S, server.told)

        def spent() -> bool:
            """What the killed had in hand can be spent again: until no more can be, also where the catalog was slow
            to answer and calls were refused for that."""
            asyncio.run(spend(port_of(server), 60))
            return counted(server)[0] > 0.9 * DOLLAR

        until(spent, PATIENCE_S, server.told)
        cost = ledger(server)
        granted, _ = counted(server)
        assert cost <= 1
        assert granted <= DOLLAR
        killed = 2 * 60 * Decimal("0.0021")  # each caller had a call under way, at its worst
        at_hand = Decimal(1) / AT_HAND + 3 * Decimal("0.0021")
        left = Decimal(granted) / DOLLAR - cost
        assert left < killed + at_hand, "what killed calls may have cost stays counted, and no more"


def workers(server: Live) -> list[int]:
    return running(server.pid, "trimtab.server.workers")


def dead_journals(server: Live) -> list[Path]:
    """Journals beyond those of the workers that live."""
    return sorted((server.data / "run" / "limits").glob("*.cells"))[3:]


def ask(server: Live) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/chat/completions", content=BODY, headers=admin(), timeout=PATIENCE_S)


def test_while_the_catalog_is_held_money_goes_on_within_what_is_at_hand_and_rates_go_on(
    tmp_path: Path, provider: str
) -> None:
    """SQLite's write lock in other hands is what an outage looks like from here."""
    config = CONFIG.format(url=provider) + "  fair: {measure: requests, bound: 60, window: day}\n"
    with live(tmp_path, config) as server:
        assert ask(server).status_code == 200
        other = sqlite3.connect(server.data / "catalog.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            answers = [ask(server)]
            while answers[-1].status_code == 200 and len(answers) < 100:
                answers.append(ask(server))
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert 10 < len(answers) < 60, "a part of the dollar was at hand, and not all of it"
        assert (answers[-1].status_code, answers[-1].json()["error"]["code"]) == (503, "limits_unavailable")
        until(lambda: ask(server).status_code == 200, PATIENCE_S, server.told)
        cost = ledger(server)
        answered = int(cost / Decimal("0.001009"))
        server.stop()
        assert counted(server)[0] == int(cost * DOLLAR) + answered, "all of it is counted, money and requests"


def test_a_catalog_that_is_busy_for_seconds_lets_nobody_past_a_rate(tmp_path: Path, provider: str) -> None:
    config = CONFIG.format(url=provider) + "  few: {measure: requests, bound: 5, window: month, per: [user]}\n"
    with live(tmp_path, config) as server:
        assert ask(server).status_code == 200
        other = sqlite3.connect(server.data / "catalog.sqlite", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        let_go = threading.Timer(2.6, other.close)
        let_go.start()
        seen = asyncio.run(ask_at_once(port_of(server), 20, user="late"))
        let_go.join()
    assert seen == {200: 5, 429: 15}


async def ask_at_once(port: int, calls: int, user: str) -> Counter[int]:
    body = BODY[:-1] + b',"user":"%b"}' % user.encode()
    head, _, _ = REQUEST.partition(b"content-length")

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"content-length: %d\r\n\r\n%b" % (len(body), body))
        status = await answer(reader)
        writer.close()
        return status

    return Counter(await asyncio.gather(*(one() for _ in range(calls))))
