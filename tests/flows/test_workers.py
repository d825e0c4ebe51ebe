"""Several workers on one port act as one server: what one is told, all obey at once."""

import asyncio
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, children, live, simulated, until
from sqlalchemy import Connection

from patience import PATIENCE_S
from trimtab.governance import keys
from trimtab.governance import store as governance_store
from trimtab.governance.keys import Wanted
from trimtab.storage.database import Database

pytestmark = pytest.mark.promise

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  m: {{provider: sim, model: "gpt-4o-mini?tokens=3"}}
"""
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with simulated() as url, live(tmp_path_factory.mktemp("w"), CONFIG.format(url=url), workers=3) as running:
        yield running


def call(server: Live, key: str, **headers: str) -> httpx.Response:
    """One call on a connection of its own, so that any worker may get it."""
    told = {"authorization": f"Bearer {key}", "connection": "close", **headers}
    return httpx.post(f"{server.url}/v1/chat/completions", json=ASK, headers=told, timeout=PATIENCE_S)


def new_key(server: Live) -> tuple[str, str]:
    made = httpx.post(
        f"{server.url}/api/v1/projects/default/keys", json={"name": "k"}, headers=admin(), timeout=PATIENCE_S
    )
    assert made.status_code in (200, 201), made.text
    return made.json()["key"]["id"], made.json()["secret"]


def test_a_new_key_is_known_and_a_revoked_one_refused_by_every_worker_when_the_answer_comes(server: Live) -> None:
    for _ in range(3):
        key_id, secret = new_key(server)
        assert {call(server, secret).status_code for _ in range(15)} == {200}
        gone = httpx.delete(f"{server.url}/api/v1/projects/default/keys/{key_id}", headers=admin(), timeout=PATIENCE_S)
        assert gone.is_success
        assert {call(server, secret).status_code for _ in range(30)} == {401}


def test_the_last_use_of_a_key_is_known_whichever_worker_saw_it(server: Live) -> None:
    made = [new_key(server) for _ in range(12)]
    began = time.time_ns() // 1_000_000
    for _, secret in made:  # each on a connection of its own: all workers have some
        assert call(server, secret).status_code == 200
    over = time.time_ns() // 1_000_000

    def used() -> list[int | None]:
        found = {each["id"]: each["last_used"] for each in server.api("/projects/default/keys", limit=200)["items"]}
        return [found[key_id] for key_id, _ in made]

    until(lambda: None not in used(), PATIENCE_S, lambda: str(used()))
    assert all(each is not None and began - 60_000 < each <= over and each % 60_000 == 0 for each in used())


def test_every_workers_calls_arrive_in_one_store_and_one_sum_of_metrics(server: Live) -> None:
    _, secret = new_key(server)
    for number in range(30):
        assert call(server, secret, **{"trimtab-session": f"sum-{number}"}).status_code == 200
    server.settled()
    rows = [row for row in server.traces() if row["session"].startswith("sum-")]
    assert len({row["session"] for row in rows}) == len(rows) == 30
    told = {httpx.get(f"{server.url}/metrics", headers=admin(), timeout=PATIENCE_S).text for _ in range(6)}
    sums = {line.rpartition(" ")[2] for text in told for line in text.splitlines() if line.startswith("trimtab_calls")}
    assert sums, told
    spools = list((server.data / "spool").glob("w*.lock"))
    assert len({path.name.partition("~")[0] for path in spools}) == 3


def own_key(server: Live, person_id: str) -> str:
    """A key that somebody made for themselves, as after a sign-in."""

    def issue(conn: Connection) -> str:
        project = governance_store.project_by_slug(conn, "default")
        assert project is not None
        wanted = Wanted(name="own", role="client", project_id=project.id, owner_id=person_id)
        return keys.issue(conn, wanted, time.time_ns() // 1_000_000).secret

    async def story() -> str:
        db = Database.open(f"sqlite:///{server.data / 'catalog.sqlite'}")
        try:
            return await db.write(issue)
        finally:
            await db.close()

    return asyncio.run(story())


def test_who_is_deactivated_by_their_provider_is_out_in_every_worker_when_the_answer_comes(server: Live) -> None:
    where = f"{server.url}/api/v1/organisations/default/directory"
    everybody = {"roles": [{"group": "*", "role": "developer"}]}
    assert httpx.put(where, json=everybody, headers=admin(), timeout=PATIENCE_S).is_success
    made = httpx.post(f"{where}/tokens", json={"name": "idp"}, headers=admin(), timeout=PATIENCE_S).json()
    idp = {"authorization": f"Bearer {made['secret']}", "connection": "close"}
    ada = httpx.post(
        f"{made['url']}/Users", json={"userName": "ada@example.com"}, headers=idp, timeout=PATIENCE_S
    ).json()
    secret = own_key(server, ada["id"])
    new_key(server)  # a change through the API: every worker knows of all that was changed before
    assert {call(server, secret).status_code for _ in range(9)} == {200}
    off = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    assert (
        httpx.patch(f"{made['url']}/Users/{ada['id']}", json=off, headers=idp, timeout=PATIENCE_S).json()["active"]
        is False
    )
    assert {call(server, secret).status_code for _ in range(30)} == {401}


def test_a_document_that_is_closed_or_erased_is_so_in_every_worker_when_the_answer_comes(server: Live) -> None:
    one = f"{server.url}/api/v1/projects/default/corpora/handbook"

    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """On a connection of its own."""
        answer = httpx.request(
            method, one + path, json=body, headers={**admin(), "connection": "close"}, timeout=PATIENCE_S
        )
        assert answer.is_success, answer.text
        return answer.json()

    def seen(**seeker: str) -> set[int]:
        asked = {"text": "secret", "version": 1, **seeker}
        return {len(ask("POST", "/search", asked)["passages"]) for _ in range(8)}

    ask("PUT", "", {"embedder": {"model": ""}})
    ask("POST", "/documents", {"items": [{"id": name, "text": f"The secret of {name}."} for name in ("a", "b")]})
    ask("POST", "/versions", {})
    until(lambda: ask("GET", "/versions/1")["state"] == "ready", PATIENCE_S, server.told)
    assert seen() == {2}
    ask("PATCH", "/documents/a", {"access": ["user:ada"]})
    assert (seen(), seen(user="ada")) == ({1}, {2})
    ask("DELETE", "/documents/b")
    assert (seen(), seen(user="ada")) == ({0}, {1})


def test_a_worker_that_dies_is_replaced_and_the_port_answers_on(server: Live) -> None:
    workers = [pid for pid in children(server.pid) if "trimtab.server.workers" in cmdline(pid)]
    assert len(workers) == 3
    os.kill(workers[0], signal.SIGKILL)
    _, secret = new_key(server)
    assert {call(server, secret).status_code for _ in range(20)} == {200}

    def all_back() -> bool:
        return len([pid for pid in children(server.pid) if "trimtab.server.workers" in cmdline(pid)]) == 3

    until(all_back, PATIENCE_S, server.told)


def cmdline(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_a_file_in_the_folder_where_it_is_started_does_not_run_in_place_of_a_module(tmp_path: Path) -> None:
    """Whoever starts it in a folder with an `h2.py` of their own had workers that ended as soon as they began."""
    where = tmp_path / "work"
    where.mkdir()
    for name in ("h2", "httpx", "queue", "msgspec", "chdb", "trimtab"):
        (where / f"{name}.py").write_text(f"open({str(where / 'ran')!r}, 'a').write({name!r} + '\\n')\n1 / 0\n")
    with (
        simulated() as url,
        live(tmp_path, CONFIG.format(url=url), workers=2, where=where, env={"PYTHONSAFEPATH": ""}) as running,
    ):
        _, secret = new_key(running)
        assert call(running, secret).status_code == 200
        until(lambda: len(running.traces()) == 1, PATIENCE_S, running.told)
    assert not (where / "ran").exists(), (where / "ran").read_text()
