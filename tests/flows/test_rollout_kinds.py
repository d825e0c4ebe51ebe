"""Segments and A/B tests on a whole server: who gets the candidate, and how their rules end them."""

import hashlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from live import ADMIN, Live, live, simulated, until

from patience import PATIENCE_S
from trimtab.sdk import Client
from trimtab.sdk.rollout_types import Rollout

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  m-stable: {{provider: sim, model: "gpt-4o-mini?tokens=6", price: {{input: 1, output: 1}}}}
  m-candidate: {{provider: sim, model: "gpt-4o-mini?tokens=5", price: {{input: 1, output: 1}}}}
  m-failing: {{provider: sim, model: "gpt-4o-mini?fault=500", resilience: {{attempts: 1}}}}
"""
STABLE, CANDIDATE = 6, 5
"""Tokens of their answers, by which they are told apart."""
PROJECT, WHERE = "default", "development"
STARTED = ("rollout.started", "admin (TRIMTAB_ADMIN_KEY)")
AT_ONCE = 6
ROUND = 24
HTTP = httpx.Client(timeout=PATIENCE_S, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with simulated() as url, live(tmp_path_factory.mktemp("k"), CONFIG.format(url=url)) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Iterator[Client]:
    with Client(server.url, ADMIN) as client:
        yield client


def begun(admin: Client, app: str, candidate: str, plan: dict[str, Any]) -> Rollout:
    """A rollout of the app's second release, beside a first one that is fine."""
    admin.apps.put(PROJECT, app, {"route": "m-stable"})
    admin.release(app, "first", project=PROJECT)
    admin.rollouts.start(PROJECT, app, WHERE, "r1", plan={"kind": "direct"})
    admin.apps.put(PROJECT, app, {"route": f"m-{candidate}"})
    admin.release(app, "second", project=PROJECT)
    return admin.rollouts.start(PROJECT, app, WHERE, "r2", plan=plan)


def ask(server: Live, app: str, user: str, tags: str = "") -> int:
    """How many tokens the answer has; 0 where there was none."""
    headers = {"authorization": f"Bearer {ADMIN}", "trimtab-user": user, "trimtab-tags": tags}
    body = {"model": f"{app}@{WHERE}", "messages": [{"role": "user", "content": "hello there"}]}
    answer = HTTP.post(f"{server.url}/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code in (200, 500, 502, 503), answer.text
    return answer.json()["usage"]["completion_tokens"] if answer.status_code == 200 else 0


def all_of(server: Live, app: str, users: list[str], tags: str = "") -> dict[str, int]:
    def one(user: str) -> int:
        return ask(server, app, user, tags)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(users, pool.map(one, users), strict=True))


def now(admin: Client, app: str) -> Rollout:
    return next(iter(admin.rollouts.list(PROJECT, app=app)))


def ended(server: Live, admin: Client, app: str, names: tuple[str, ...]) -> Rollout:
    """The rollout as its rules ended it, while more and more users of these names call."""
    rounds = iter(range(100_000))

    def decided() -> bool:
        number = next(rounds)
        all_of(server, app, [f"{names[at % len(names)]}-{number}-{at}" for at in range(ROUND)])
        return now(admin, app).state != "running"

    until(decided, PATIENCE_S, server.told)
    return now(admin, app)


def all_get(server: Live, app: str, users: list[str], tokens: int) -> None:
    """What the controller decided is in the catalog a moment before it is in force."""
    until(lambda: set(all_of(server, app, users).values()) == {tokens}, PATIENCE_S, server.told)


def trail(admin: Client, rollout: Rollout) -> list[tuple[str, str]]:
    subject = f"rollout:{rollout.app}@{WHERE}:{rollout.id}"
    return [(each.action, each.actor_name) for each in admin.rollouts.audit(PROJECT, subject=subject)]


def has_candidate(rollout: Rollout, user: str, share: float) -> bool:
    """As docs/rollouts.md says it, with nothing of the program's own."""
    told = hashlib.blake2b(f"{rollout.id}{user}".encode()).digest()
    return int.from_bytes(told[:8], "big") < share * 2**64


def test_segments_get_the_candidate_and_nobody_else_until_a_person_promotes_it(server: Live, admin: Client) -> None:
    """Who is listed in every dimension that lists something."""
    segment = {"user": ["team-*", "ada"], "tags": ["internal"]}
    begun(admin, "inner", "candidate", {"kind": "segments", "segment": segment})
    tagged = all_of(server, "inner", ["team-1", "ada", "adam", "my-team-1"], tags="beta,internal")
    assert tagged == {"team-1": CANDIDATE, "ada": CANDIDATE, "adam": STABLE, "my-team-1": STABLE}
    assert all_of(server, "inner", ["team-1", "ada"], tags="beta") == {"team-1": STABLE, "ada": STABLE}
    running = now(admin, "inner")
    assert running.state == "running"
    promoted = admin.rollouts.move(PROJECT, running.id, "promote", reason="the team likes it")
    assert promoted.state == "promoted"
    assert set(all_of(server, "inner", ["team-1", "adam", "guest"]).values()) == {CANDIDATE}


def test_a_candidate_that_fails_for_its_segment_is_taken_back_by_the_default_rules(server: Live, admin: Client) -> None:
    begun(admin, "broken", "failing", {"kind": "segments", "segment": {"user": ["team-*"]}})
    found = ended(server, admin, "broken", ("team", "guest"))
    assert (found.state, (found.evidence or {})["rule"]) == ("rolled_back", "errors worse -> rollback")
    errors = next(each for each in (found.evidence or {})["evidence"] if each["metric"] == "errors")
    assert (errors["stable"]["value"], errors["candidate"]["value"], errors["outcome"]) == (0, 1, "worse")
    assert trail(admin, found) == [
        ("rollout.rolled_back", "rollout controller"),
        STARTED,
    ]
    all_get(server, "broken", ["team-1", "guest"], STABLE)


def test_an_ab_test_is_split_as_written_sticks_to_users_and_is_promoted_by_its_rules(
    server: Live, admin: Client
) -> None:
    """No call can have the rule hold before 40 of the candidate: the first 30 users are looked at in peace."""
    rules = {
        "guards": [{"metric": "errors", "margin": 0.3}],
        "rules": ["errors worse -> rollback", "errors not_worse and samples 40 -> promote"],
    }
    begun(admin, "split", "candidate", {"kind": "ab", "share": 0.5, "rules": rules})
    rollout = now(admin, "split")
    users = [f"reader-{at}" for at in range(30)]
    first = all_of(server, "split", users)
    assert first == {user: CANDIDATE if has_candidate(rollout, user, 0.5) else STABLE for user in users}
    some = users[:4]
    assert all_of(server, "split", some) == {user: first[user] for user in some}
    found = ended(server, admin, "split", ("later",))
    assert (found.state, (found.evidence or {})["rule"]) == ("promoted", rules["rules"][1])
    assert trail(admin, found) == [
        ("rollout.promoted", "rollout controller"),
        STARTED,
    ]
    all_get(server, "split", users[:8], CANDIDATE)


def test_an_ab_test_whose_candidate_fails_ends_by_the_default_rule(server: Live, admin: Client) -> None:
    begun(admin, "lost", "failing", {"kind": "ab", "share": 0.5})
    found = ended(server, admin, "lost", ("reader",))
    assert (found.state, (found.evidence or {})["rule"]) == ("rolled_back", "errors worse -> rollback")
    all_get(server, "lost", [f"reader-{at}" for at in range(8)], STABLE)
