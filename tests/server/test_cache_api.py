"""The cache over the API: policies in force when the call returns, counts, purge, and a threshold chosen honestly."""

from typing import TYPE_CHECKING

import pytest
from house import House

from trimtab.gateway.kept.cache_store import About, Stored
from trimtab.server.config.file import parse
from trimtab.server.metrics import Gauges, Metrics
from trimtab.telemetry.records import CacheNote, CallRecord

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"


async def fast(house: House) -> None:
    body = {"name": "openai", "kind": "openai", "api_key": "sk-" + "x" * 20}
    assert (await house.admin.post(f"{AT}/providers", json=body)).status_code == 201
    made = await house.admin.post(
        f"{AT}/models", json={"name": "fast", "provider": "openai", "upstream": "gpt-4o-mini"}
    )
    assert made.status_code == 201


def test_a_policy_is_in_force_when_the_call_returns_and_gone_when_it_is_removed(run: "Run") -> None:
    async def story(house: House) -> None:
        await fast(house)
        body = {"cache": {"mode": "exact", "ttl_s": 60}, "context": {"max_tokens": 8000}}
        made = await house.admin.put(f"{AT}/policies/fast", json=body)
        assert made.status_code == 200, made.text
        assert (made.json()["source"], made.json()["in_force"]) == ("catalog", True)
        [project] = house.holder.current.policies
        policy = house.holder.current.policies[project]["fast"].policy
        assert policy.cache is not None
        assert policy.cache.ttl_s == 60
        early = await house.admin.put(f"{AT}/policies/openai%2Fgpt-9", json={"cache": {}})
        assert early.json()["in_force"] is True
        later = await house.admin.put(f"{AT}/policies/nothing", json={"cache": {}})
        assert later.json()["in_force"] is False
        listed = (await house.admin.get(f"{AT}/policies")).json()["items"]
        assert [item["name"] for item in listed] == ["fast", "nothing", "openai/gpt-9"]
        assert (await house.admin.delete(f"{AT}/policies/fast")).status_code == 204
        assert "fast" not in house.holder.current.policies[project]
        assert (await house.admin.delete(f"{AT}/policies/fast")).json()["code"] == "policy_not_found"

    run(story)


def test_an_unknown_field_is_told_what_was_probably_meant_and_which_there_are(run: "Run") -> None:
    async def story(house: House) -> None:
        below = (await house.admin.put(f"{AT}/policies/fast", json={"cache": {"ttl": 60}})).json()
        assert below["detail"] == "cache: Object contains unknown field `ttl`."
        assert below["fix"] == "Did you mean 'ttl_s'? There are: mode, sampled, scope, threshold, ttl_s."
        above = (await house.admin.put(f"{AT}/policies/fast", json={"zzz": 1})).json()
        assert above["fix"] == "There are: cache, context, expected_revision."
        other = (await house.admin.put(f"{AT}/policies/fast", json={"cache": {"ttl_s": [60]}})).json()
        assert "openapi.json" in other["fix"], "another mistake than an unknown field"

    run(story)


def test_a_number_where_an_amount_is_a_text_is_told_to_go_into_quotes(run: "Run") -> None:
    async def story(house: House) -> None:
        limit = {"name": "monthly", "measure": "money", "window": "month"}
        for bound in (50, 0.5):  # as the config file takes it
            told = (await house.admin.post(f"{AT}/limits", json={**limit, "bound": bound})).json()
            assert (told["param"], told["code"]) == ("bound", "invalid_request")
            assert told["fix"].startswith("Put it in quotes: amounts are texts here")

    run(story)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "cache"),
        ({"cache": {"ttl_s": 0}}, "cache.ttl_s"),
        ({"cache": {"threshold": 0.9}}, "cache.threshold"),
        ({"cache": {"mode": "semantic", "threshold": 0.1}}, "cache.threshold"),
        ({"context": {}}, "context"),
        ({"context": {"max_tokens": 3}}, "context.max_tokens"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_with_a_way_out(run: "Run", body: object, param: str) -> None:
    async def story(house: House) -> None:
        refused = await house.admin.put(f"{AT}/policies/fast", json=body)
        assert (refused.status_code, refused.json()["param"]) == (400, param)
        assert refused.json()["fix"]

    run(story)


def test_stats_and_purge_tell_what_is_there(run: "Run") -> None:
    async def story(house: House) -> None:
        answers = house.deps.answers
        project = next(iter(house.holder.current.access.projects.values())).id
        for number in range(3):
            key, name = bytes([number]) * 24, "fast" if number else "slow"
            at = answers.now_ms()
            answers.keep(
                Stored(
                    key=key, project_id=project, name=name, stored=at, expires=at + 60_000,
                    about=About(stream=False), body=b"x" * 100,
                )
            )  # fmt: skip
        tally = answers.tally(project, "fast")
        tally.exact, tally.misses, tally.tokens, tally.saved = 3, 1, 120, 1_500_000_000
        await answers.flush()
        found = (await house.admin.get(f"{AT}/cache", params={"days": 1})).json()
        assert [(n["name"], n["answers"], n["bytes"]) for n in found["items"]] == [("fast", 2, 200), ("slow", 1, 100)]
        assert (found["items"][0]["hit_rate"], found["items"][0]["saved"]) == (0.75, "0.0015")
        assert (found["total"]["answers"], found["total"]["tokens"]) == (3, 120)
        assert found["embedder"] == ""
        purged = await house.admin.post(f"{AT}/cache/purge", json={"name": "fast"})
        assert purged.json() == {"purged": 2}
        assert (await house.admin.post(f"{AT}/cache/purge", json={})).json() == {"purged": 1}

    run(story)


def test_a_threshold_is_chosen_only_where_the_pairs_show_it(run: "Run") -> None:
    async def story(house: House) -> None:
        same = {"asked": "How do I reset my password?", "stored": "How can I reset my password?", "same": True}
        other = {"asked": "How do I pay 50 euros?", "stored": "How do I pay 500 euros?", "same": False}
        few = (await house.admin.post(f"{AT}/cache/tune", json={"pairs": [same, other], "budget": 0.05})).json()
        assert few["threshold"] is None
        assert few["say"].startswith("Not enough data")
        many = (await house.admin.post(f"{AT}/cache/tune", json={"pairs": [same, other] * 80, "budget": 0.05})).json()
        assert many["threshold"] == 0.7
        assert many["spared"] == 80
        assert all(point["wrong"] == 0 for point in many["points"])

    run(story)


def test_the_config_file_switches_it_on_and_the_api_leaves_that_alone(run: "Run") -> None:
    text = """
providers: {lab: {base_url: "http://127.0.0.1:9/v1"}}
models:
  fast:
    provider: lab
    cache: {mode: semantic, ttl: 60, scope: user, sampled: true, threshold: 0.97}
    context: {max_tokens: 500, deduplicate: true}
policies:
  lab/any: {cache: {}}
"""

    async def story(house: House) -> None:
        listed = (await house.admin.get(f"{AT}/policies")).json()["items"]
        assert [(item["name"], item["source"], item["in_force"]) for item in listed] == [
            ("fast", "config", True),
            ("lab/any", "config", True),
        ]
        assert listed[0]["cache"] == {
            "mode": "semantic", "ttl_s": 60.0, "scope": "user", "sampled": True, "threshold": 0.97,
        }  # fmt: skip
        refused = await house.admin.put(f"{AT}/policies/fast", json={"cache": {}})
        assert (refused.status_code, refused.json()["code"]) == (409, "declared_in_config")

    run(story, config=parse(text, "t.yaml", {}))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cache: {mode: exakt}", "There is no mode 'exakt' of a cache. Did you mean 'exact'?"),
        ("cache: {ttl: 0}", "must be a number from 1 to"),
        ("cache: {sampled: maybe}", "must be true or false"),
        ("cache: {threshold: 0.9}", "A threshold belongs to a semantic cache"),
        ("context: {keep_turns: 2}", "This context policy would change nothing"),
        ("cash: {}", "Did you mean 'cache'?"),
    ],
)
def test_mistakes_in_the_config_file_are_told_with_their_line(line: str, says: str) -> None:
    text = f"providers: {{lab: {{base_url: 'http://h/v1'}}}}\nmodels:\n  fast:\n    provider: lab\n    {line}\n"
    with pytest.raises(Exception, match=r"t\.yaml:5") as refused:
        parse(text, "t.yaml", {})
    assert says in str(refused.value)


def test_prometheus_is_told_what_the_cache_did() -> None:
    metrics = Metrics(Gauges({}), lambda project: f"slug-of-{project}")
    notes = [
        CacheNote(outcome="hit", mode="exact", saved=2_500_000_000),
        CacheNote(outcome="replay", saved=None),
        CacheNote(outcome="miss", mode="exact"),
        None,
    ]
    for note in notes:
        metrics.observe(
            CallRecord(
                request_id="r", trace_id="t", span_id="s", project="p", key_id="k", front="openai_chat", model="m",
                started_ns=0, ended_ns=1, cache=note,
            )
        )  # fmt: skip
    said = metrics.text().decode()
    assert 'trimtab_cache_calls_total{mode="exact",outcome="hit",project="slug-of-p"} 1.0' in said
    assert 'trimtab_cache_calls_total{mode="",outcome="replay",project="slug-of-p"} 1.0' in said
    assert 'trimtab_cache_saved_usd_total{project="slug-of-p"} 0.0025' in said
