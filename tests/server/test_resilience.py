"""Resilience over the API and in the config file: set, shown, in force, and refused where it makes no sense."""

from typing import Any

import pytest
from house import House, Run

from trimtab.gateway.policy import BreakerPolicy, Concurrency, Hedge, Policy, Retries
from trimtab.server.config.file import ConfigRefused, parse

AT = "/api/v1/projects/default"
LAB = f"{AT}/providers/lab/resilience"
MODEL = f"{AT}/models/team%2Ffast/resilience"


async def declared(house: House, **provider: Any) -> None:
    body = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", **provider}
    assert (await house.admin.post(f"{AT}/providers", json=body)).status_code == 201
    body = {"name": "team/fast", "provider": "lab", "upstream": "up-1"}
    assert (await house.admin.post(f"{AT}/models", json=body)).status_code == 201


def of(house: House) -> Any:
    (targets,) = house.holder.current.targets.values()
    return targets


def test_a_policy_is_in_force_when_the_call_returns_and_gone_when_it_is_removed(run: Run) -> None:
    async def story(house: House) -> None:
        await declared(house)
        admin = house.admin
        put = await admin.put(LAB, json={"attempts": 3, "hedge": {"after": "p95"}})
        assert (put.status_code, put.json()["policy"]["attempts"], put.json()["source"]) == (200, 3, "catalog")
        assert of(house).providers["lab"].resilience == Policy(attempts=3, hedge=Hedge(after="p95"))
        assert (await admin.put(MODEL, json={"deadline_s": 20})).status_code == 200
        assert of(house).models["team/fast"].resilience == Policy(deadline_s=20)
        page = (await admin.get(f"{AT}/resilience")).json()
        assert (page["defaults"]["attempts"], page["defaults"]["breaker"]["failures_in_a_row"]) == (8, 10)
        listed = page["items"]
        assert [(item["subject"], item["name"]) for item in listed] == [("model", "team/fast"), ("provider", "lab")]
        assert (await admin.delete(LAB)).status_code == 204
        assert of(house).providers["lab"].resilience is None
        missing = await admin.delete(LAB)
        assert (missing.status_code, "trimtab resilience list" in missing.json()["fix"]) == (404, True)

    run(story)


@pytest.mark.parametrize(
    "body",
    [
        {"attempts": 0},
        {"attempts": "many"},
        {"tries": 3},
        {"retries": {"server": 99}},
        {"hedge": {}},
        {"breaker": {"open_s": 90}},
        {"concurrency": {"queue": 3}},
        [],
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_and_changes_nothing(run: Run, body: Any) -> None:
    async def story(house: House) -> None:
        await declared(house)
        answer = await house.admin.put(LAB, json=body)
        assert answer.status_code == 400
        assert answer.json()["fix"]
        assert of(house).providers["lab"].resilience is None

    run(story)


def test_several_keys_are_sealed_and_shown_by_their_ends_only(run: Run) -> None:
    async def story(house: House) -> None:
        keys = ["sk-first-000000001", "sk-second-00000002"]
        await declared(house, api_keys=keys)
        provider = of(house).providers["lab"]
        assert (provider.api_key, provider.api_keys) == (keys[0], tuple(keys))
        shown = (await house.admin.get(f"{AT}/providers")).json()["items"][0]
        assert (shown["key_hint"], shown["key_hints"]) == ("0001", ["0001", "0002"])
        assert "sk-" not in str(shown)
        patched = await house.admin.patch(f"{AT}/providers/lab", json={"headers": {"x-a": "b"}})
        assert patched.json()["key_hints"] == ["0001", "0002"], "what is left out stays"
        single = await house.admin.patch(f"{AT}/providers/lab", json={"api_key": "sk-third-000000003"})
        assert (single.json()["key_hint"], single.json()["key_hints"]) == ("0003", [])
        for wrong in ({"api_keys": ["a", "a"]}, {"api_keys": ["a\n"]}, {"api_key": "x", "api_keys": ["y", "z"]}):
            assert (await house.admin.patch(f"{AT}/providers/lab", json=wrong)).status_code == 400

    run(story)


def test_a_keys_priority_is_bounded_in_the_snapshot(run: Run) -> None:
    async def story(house: House) -> None:
        made = (await house.admin.post(f"{AT}/keys", json={"name": "batch", "role": "client"})).json()["key"]["id"]
        path = f"{AT}/keys/{made}/priority"
        assert (await house.admin.put(path, json={"highest": "low"})).json() == {"key": made, "highest": "low"}

        def bound() -> int | None:
            return next(p.highest_priority for p in house.holder.current.access.keys.values() if p.key_id == made)

        assert bound() == 2
        listed = {key["id"]: key["priority"] for key in (await house.admin.get(f"{AT}/keys")).json()["items"]}
        assert listed.pop(made) == "low"
        assert set(listed.values()) <= {"high"}
        assert (await house.admin.put(path, json={"highest": "high"})).status_code == 200
        assert bound() is None
        assert (await house.admin.put(path, json={"highest": "urgent"})).status_code == 400
        assert (await house.admin.put(f"{AT}/keys/none/priority", json={"highest": "low"})).status_code == 404

    run(story)


def test_a_key_is_made_with_a_bound_on_its_priority(run: Run) -> None:
    async def story(house: House) -> None:
        wanted = {"name": "nightly", "priority": "low"}
        made = (await house.admin.post(f"{AT}/keys", json=wanted)).json()["key"]
        assert made["priority"] == "low"
        (held,) = [p for p in house.holder.current.access.keys.values() if p.key_id == made["id"]]
        assert held.highest_priority == 2
        listed = (await house.admin.get(f"{AT}/keys")).json()["items"]
        assert [key["priority"] for key in listed if key["id"] == made["id"]] == ["low"]
        assert (await house.admin.post(f"{AT}/keys", json=wanted | {"priority": "urgent"})).status_code == 400
        whole = await house.admin.post("/api/v1/keys", json=wanted | {"role": "read_only"})
        assert (whole.status_code, whole.json()["param"]) == (400, "priority")

    run(story)


def test_what_no_call_goes_to_is_not_shown_as_healthy(run: Run) -> None:
    async def story(house: House) -> None:
        (project,) = house.holder.current.access.projects.values()
        lab = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
        await house.admin.post(f"{AT}/providers", json=lab)
        await house.admin.post(f"{AT}/models", json={"name": "fast", "provider": "lab", "upstream": "up-1"})
        breaker = house.deps.live.of(project.id, "lab", "up-1").breaker
        for _ in range(breaker.policy.failures_in_a_row):
            breaker.failed(house.clock.now_ns())
        for kind in ("providers", "models"):
            (item,) = (await house.admin.get(f"{AT}/{kind}")).json()["items"]
            assert item["health"] == "failing"
            assert item["last_error"] == (
                "It failed too often: no call goes to 'up-1' for 1 s more (its breaker is open)."
            )
        house.clock.advance(10)
        for kind in ("providers", "models"):
            (item,) = (await house.admin.get(f"{AT}/{kind}")).json()["items"]
            assert (item["health"], item["last_error"]) == ("unknown", "")

    run(story)


def test_targets_show_load_breaker_and_keys_without_telling_them(run: Run) -> None:
    async def story(house: House) -> None:
        (project,) = house.holder.current.access.projects.values()
        state = house.deps.live.of(project.id, "lab", "up-1")
        now = house.clock.now_ns()
        state.key_names = ("sk-first-000000001",)
        state.keys[0].set_aside(now + 5_000_000_000, "it said when to come back", now)
        for _ in range(state.breaker.policy.failures_in_a_row):
            state.breaker.failed(now)
        (shown,) = (await house.admin.get(f"{AT}/targets")).json()["items"]
        assert (shown["provider"], shown["model"], shown["breaker"], shown["opens_again_s"]) == (
            "lab",
            "up-1",
            "open",
            1,
        )
        assert shown["keys"] == [{"hint": "0001", "in_flight": 0, "set_aside_s": 5, "why": "it said when to come back"}]
        assert shown["latency_ms"] is None
        state.latency.note(250_000_000, now)
        house.clock.advance(300)
        (shown,) = (await house.admin.get(f"{AT}/targets")).json()["items"]
        assert shown["latency_ms"] == 250  # not less for that nobody called it since

    run(story)


FILE = """
providers:
  lab:
    base_url: http://127.0.0.1:9/v1
    api_keys: ["env:K1", plain-key]
    resilience:
      attempts: 4
      retries: {server: 2, timeout: 0}
      breaker: {failures_in_a_row: 3, open_s: 0.5}
      concurrency: {limit: 8, max_wait_s: 2.5}
models:
  fast:
    provider: lab
    resilience: {hedge: {after_ms: 800, max_extra_ratio: 0.1}}
"""


def test_the_config_file_says_the_same() -> None:
    config = parse(FILE, "t.yaml", {"K1": "first-key"})
    lab = config.providers["lab"]
    assert (lab.api_key, lab.api_keys) == ("first-key", ("first-key", "plain-key"))
    assert lab.resilience == Policy(
        attempts=4,
        retries=Retries(server=2, timeout=0),
        breaker=BreakerPolicy(failures_in_a_row=3, open_s=0.5),
        concurrency=Concurrency(limit=8, max_wait_s=2.5),
    )
    assert config.models["fast"].resilience == Policy(hedge=Hedge(after_ms=800, max_extra_ratio=0.1))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("resilience: {attempts: 2.5}", "resilience"),
        ("resilience: {attempts: 50}", "from 1 to 20"),
        ("resilience: {attemps: 5}", "attempts"),
        ("resilience: {hedge: {after: p50}}", "hedge"),
        ("resilience: {breaker: {open_s: 100}}", "open for longer"),
        ("api_keys: [a, a]", "twice"),
        ('api_keys: ["env:NOT_SET"]', "NOT_SET"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(line: str, what: str) -> None:
    with pytest.raises(ConfigRefused) as caught:
        parse(f"providers:\n  lab:\n    base_url: http://127.0.0.1:9/v1\n    {line}\n", "t.yaml", {})
    told = str(caught.value.mistakes[0])
    assert told.startswith("t.yaml:4")
    assert what in told


def test_what_the_file_declares_is_not_changed_over_the_api(run: Run) -> None:
    async def story(house: House) -> None:
        answer = await house.admin.put(LAB, json={"attempts": 3})
        assert answer.status_code == 409
        assert "config file" in answer.json()["detail"]
        (item, _) = (await house.admin.get(f"{AT}/resilience")).json()["items"]
        assert (item["subject"], item["source"], item["updated"]) == ("model", "config", None)

    run(story, config=parse(FILE, "t.yaml", {"K1": "first-key"}))
