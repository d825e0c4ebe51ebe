"""Releases on a whole server with two workers: approved, rolled out, taken back by themselves when they are worse in
any way, promoted by themselves when they are not; and the way back, in force everywhere when its answer comes."""

import itertools
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from live import ADMIN, Live, live, simulated, until

from patience import PATIENCE_S
from trimtab.core.errors import TrimtabError
from trimtab.sdk import Client

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  m-good: {{provider: sim, model: "gpt-4o-mini?tokens=6", price: {{input: 1, output: 1}}}}
  m-failing: {{provider: sim, model: "gpt-4o-mini?fault=500", price: {{input: 1, output: 1}}}}
  m-slower: {{provider: sim, model: "gpt-4o-mini?tokens=6&first_ms=300", price: {{input: 1, output: 1}}}}
  m-dearer: {{provider: sim, model: "gpt-4o-mini?tokens=6&cached=0", price: {{input: 20, output: 20}}}}
  m-refusing: {{provider: sim, model: "gpt-4o-mini?text=I'm sorry, but I can't help with that request."}}
  m-fine: {{provider: sim, model: "gpt-4o-mini?tokens=5", price: {{input: 1, output: 1}}}}
  m-long: {{provider: sim, model: "gpt-4o-mini?tokens=40&delay_ms=100"}}
"""
GUARDS = {"failing": "errors", "slower": "latency", "dearer": "cost", "refusing": "silent"}
"""What watches each kind of degradation; an app of that name suffers it."""
PROJECT = "default"
AT_ONCE = 8
BETWEEN_S = 0.05
"""How long a user thinks between two calls. Without a pause, calls took both processors until a verdict came."""
HTTP = httpx.Client(timeout=PATIENCE_S, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
"""One for all calls: to make one costs more than the calls do."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with simulated() as url, live(tmp_path_factory.mktemp("r"), CONFIG.format(url=url), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Iterator[Client]:
    with Client(server.url, ADMIN) as client:
        yield client


def editor(server: Live, admin: Client, name: str) -> Client:
    return Client(server.url, admin.create_key(PROJECT, name, role="editor").secret)


def release(client: Client, app: str, route: str) -> str:
    client.apps.put(PROJECT, app, {"route": f"m-{route}"})
    return client.release(app, f"to {route}", project=PROJECT).release.ref


def ask(server: Live, model: str, user: str) -> httpx.Response:
    """On a connection of its own, so that any worker may get it."""
    headers = {"authorization": f"Bearer {ADMIN}", "connection": "close", "trimtab-user": user}
    body = {"model": model, "messages": [{"role": "user", "content": "hello there"}]}
    return HTTP.post(f"{server.url}/v1/chat/completions", json=body, headers=headers)


@contextmanager
def traffic(server: Live, apps: list[str]) -> Generator[None]:
    """Users of these apps, each calling once, until the block ends."""
    ended = threading.Event()
    numbers = itertools.count()

    def users(app: str) -> None:
        while not ended.wait(BETWEEN_S):
            answer = ask(server, app, f"user-{next(numbers)}")
            assert answer.status_code in (200, 500, 502, 503), answer.text

    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(users, app) for app, _ in zip(itertools.cycle(apps), range(AT_ONCE), strict=False)]
        try:
            yield
        finally:
            ended.set()
            for run in runs:
                run.result()


def state(client: Client, app: str) -> str:
    return next(iter(client.rollouts.list(PROJECT, app=app))).state


def plan(*guards: dict[str, Any], steps: int) -> dict[str, Any]:
    rules = [f"{each['metric']} worse -> rollback" for each in guards]
    rules.append("all not_worse and samples and held -> next")
    shares = [0.5] if steps == 1 else [0.3, 0.6]
    return {
        "kind": "canary",
        "steps": [{"share": share, "hold_s": 0, "samples": 10} for share in shares],
        "rules": {"guards": list(guards), "rules": rules},
    }


def test_a_candidate_that_is_worse_is_taken_back_by_itself_and_one_that_is_not_promoted(
    server: Live, admin: Client
) -> None:
    admin.rollouts.set_environment(PROJECT, "production", protection={"approvals": 1, "note": True})
    apps = [*GUARDS, "fine"]
    with editor(server, admin, "ada") as ada, editor(server, admin, "bob") as bob:
        for app in apps:
            release(ada, app, "good")
            bob.rollouts.approve(PROJECT, app, "r1")
            ada.rollouts.start(PROJECT, app, "production", "r1", plan={"kind": "direct"}, note="first")
            assert release(ada, app, app) == "r2"
            with pytest.raises(TrimtabError, match="0 of 1 approvals"):
                ada.rollouts.start(PROJECT, app, "production", "r2", plan={"kind": "canary"}, note="try")
            bob.rollouts.approve(PROJECT, app, "r2", note="read it")
        with traffic(server, apps):
            for app in apps:
                guard = {"metric": GUARDS.get(app, "errors")} | ({"margin": 0.3} if app == "fine" else {})
                wanted = plan(guard, steps=2 if app == "fine" else 1)
                ada.rollouts.start(PROJECT, app, "production", "r2", plan=wanted, note="try it")
            until(lambda: all(state(ada, app) in ("promoted", "rolled_back") for app in apps), PATIENCE_S, server.told)
        for app in GUARDS:
            taken_back(server, ada, app)
        promoted(ada)


def taken_back(server: Live, ada: Client, app: str) -> None:
    found = next(iter(ada.rollouts.list(PROJECT, app=app)))
    assert (found.state, found.evidence and found.evidence["rule"]) == (
        "rolled_back", f"{GUARDS[app]} worse -> rollback",
    ), app  # fmt: skip
    evidence = found.evidence or {}
    assert [(each["metric"], each["outcome"]) for each in evidence["evidence"]] == [(GUARDS[app], "worse")]
    assert evidence["reason"] == found.reason
    assert {ask(server, app, f"later-{n}").status_code for n in range(8)} == {200}
    subject = f"rollout:{app}@production:{found.id}"
    trail = [(e.action, e.actor_name) for e in ada.rollouts.audit(PROJECT, subject=subject)]
    assert trail == [("rollout.rolled_back", "rollout controller"), ("rollout.started", "ada")]
    done = {e.action for e in ada.rollouts.audit(PROJECT, subject=f"release:{app}@r2")}
    assert done == {"release.created", "release.approved"}


def promoted(ada: Client) -> None:
    found = next(iter(ada.rollouts.list(PROJECT, app="fine")))
    assert (found.state, found.step) == ("promoted", 1)
    subject = f"rollout:fine@production:{found.id}"
    trail = [(e.action, e.actor_name) for e in ada.rollouts.audit(PROJECT, subject=subject)]
    assert trail == [
        ("rollout.promoted", "rollout controller"),
        ("rollout.advanced", "rollout controller"),
        ("rollout.started", "ada"),
    ]
    now = {each.environment: each.stable for each in ada.rollouts.placements(PROJECT, "fine")}
    assert now["production"] == 2


def test_a_rollback_is_in_force_on_every_worker_when_its_answer_comes_and_streams_under_way_finish(
    server: Live, admin: Client
) -> None:
    admin.rollouts.set_environment(PROJECT, "staging", protection={})
    release(admin, "desk", "good")
    admin.rollouts.start(PROJECT, "desk", "staging", "r1", plan={"kind": "direct"})
    release(admin, "desk", "long")
    admin.rollouts.start(PROJECT, "desk", "staging", "r2", plan={"kind": "direct"})
    body = {"model": "desk@staging", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {ADMIN}"}
    url = f"{server.url}/v1/chat/completions"
    with httpx.stream("POST", url, json=body, headers=headers, timeout=PATIENCE_S) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        admin.rollouts.roll_back(PROJECT, "desk", "staging", reason="too long")
        models = Counter(ask(server, "desk@staging", f"u{n}").json()["usage"]["completion_tokens"] for n in range(20))
        assert models == {6: 20}
        rest = [first, *(line for line in lines if line.startswith("data:"))]
        assert rest[-1] == "data: [DONE]"
        assert len(rest) > 40


def test_a_controller_that_dies_is_followed_by_another(server: Live, admin: Client) -> None:
    """kill -9 of the whole server in the middle of a canary: the next one takes the candidate back."""
    admin.rollouts.set_environment(PROJECT, "development", protection={})
    release(admin, "crash", "good")
    admin.rollouts.start(PROJECT, "crash", "development", "r1", plan={"kind": "direct"})
    release(admin, "crash", "failing")
    admin.rollouts.start(PROJECT, "crash", "development", "r2", plan=plan({"metric": "errors"}, steps=1))
    server.kill()
    server.start()
    with Client(server.url, ADMIN) as again, traffic(server, ["crash@development"]):
        until(lambda: state(again, "crash") == "rolled_back", PATIENCE_S, server.told)
