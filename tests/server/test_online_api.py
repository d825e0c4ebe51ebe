"""Online rules, the trend of a score and sample sizes over the API."""

from typing import TYPE_CHECKING, Any

from house import House

from trimtab.telemetry.reader import TelemetryReader

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
LENGTH = {"kind": "online", "app": "support", "share": 0.1, "scorers": [{"scorer": "length", "name": "long"}]}


def test_a_rule_is_made_changed_and_removed_and_all_of_it_is_written_down(run: "Run") -> None:
    async def story(house: House) -> None:
        admin, where = house.admin, f"{AT}/online-rules/long"
        made = (await admin.put(where, json={"spec": LENGTH, "expected_revision": 0})).json()
        assert (made["kind"], made["spec"]["share"], made["spent"], made["revision"]) == ("online", 0.1, "0", 1)
        same = (await admin.put(where, json={"spec": LENGTH})).json()
        assert same["revision"] == 1
        paused = (await admin.put(where, json={"spec": LENGTH, "paused": True, "expected_revision": 1})).json()
        assert (paused["paused"], paused["revision"]) == (True, 2)
        stale = await admin.put(where, json={"spec": LENGTH, "expected_revision": 1})
        assert (stale.status_code, stale.json()["code"]) == (409, "rule_changed")
        await admin.put(f"{AT}/online-rules/another", json={"spec": LENGTH})
        first = (await admin.get(f"{AT}/online-rules", params={"limit": 1})).json()
        rest = (await admin.get(f"{AT}/online-rules", params={"limit": 1, "cursor": first["cursor"]})).json()
        assert [each["name"] for each in first["items"] + rest["items"]] == ["another", "long"]
        assert rest["cursor"] is None
        assert (await admin.delete(where)).status_code == 204
        assert (await admin.get(where)).status_code == 404
        assert (await admin.delete(where)).status_code == 404
        entries = (await admin.get(f"{AT}/audit", params={"limit": 50})).json()["items"]
        actions = [each["action"] for each in entries if each["subject"] == "online_rule:long"]
        assert actions == ["online_rule.removed", "online_rule.changed", "online_rule.created"]

    run(story)


def test_what_cannot_be_meant_is_refused_and_says_what(run: "Run") -> None:
    async def story(house: House) -> None:
        wrong: list[tuple[Any, int]] = [
            ({"spec": LENGTH | {"kind": "other"}}, 400),
            ({"spec": LENGTH | {"share": 0}}, 400),
            ({"spec": LENGTH | {"share": 1.5}}, 400),
            ({"spec": LENGTH | {"more": 1}}, 400),
            ({"spec": LENGTH | {"budget": "-1"}}, 400),
            ({"spec": LENGTH | {"scorers": [{"scorer": "mine.py:tone"}]}}, 400),
            ({"spec": LENGTH | {"scorers": [{"scorer": "length", "options": {"nothing": 1}}]}}, 400),
            ({"spec": {"kind": "schedule", "suite": "none", "subject": "m"}}, 404),
            ({}, 400),
        ]
        for body, status in wrong:
            answer = await house.admin.put(f"{AT}/online-rules/r", json=body)
            assert answer.status_code == status, (body, answer.text)
            assert answer.json()["fix"]
        assert (await house.admin.put(f"{AT}/online-rules/No Name", json={"spec": LENGTH})).status_code == 400

    run(story)


def test_sample_sizes_come_from_guesses_and_say_what_they_rest_on(run: "Run") -> None:
    async def story(house: House) -> None:
        async def size(**asked: Any) -> Any:
            return (await house.admin.post(f"{AT}/sample-size", json=asked)).json()

        plain = await size(margin=0.05, share=0.8, correlation=0.6)
        assert plain["cases"] == 441
        assert "441 cases" in plain["says"]
        assert (await size(margin=0.1, share=0.8, correlation=0.6))["cases"] < plain["cases"] / 3
        assert (await size(margin=0.05, share=0.8, correlation=0.9))["cases"] < plain["cases"]
        tied = await size(margin=0.05, share=0.8, correlation=0.6, group_size=3, alike=0.5)
        assert tied["cases"] == 2 * plain["cases"]
        repeated = await size(margin=0.05, share=0.8, correlation=0.6, repeats=4, wavering=1.0)
        assert repeated["cases"] < plain["cases"] / 3
        seen = await size(margin=0.05, share=0.8, correlation=0.6, cases=441)
        assert 0.045 < seen["margin_seen"] < 0.055
        numbers = await size(margin=2, kind="number", deviation=4, correlation=0)
        assert (numbers["deviation"], numbers["cases"]) == (32**0.5, 65)
        for bad in ({"margin": 2}, {"margin": 0.1, "kind": "number"}, {"margin": 0}, {"margin": 0.1, "alpha": 1}):
            assert (await house.admin.post(f"{AT}/sample-size", json=bad)).status_code == 400
        gone = await house.admin.post(f"{AT}/sample-size", json={"margin": 0.1, "experiment": "exp_x", "metric": "m"})
        assert gone.status_code == 404

    run(story)


def test_a_score_that_nobody_gave_has_no_trend_and_a_wrong_question_is_named(run: "Run", served: Any) -> None:
    async def story(house: House) -> None:
        found = (await house.admin.get(f"{AT}/quality", params={"score": "none", "app": 'a"b'})).json()
        assert (found["releases"], found["days"], found["says"]) == ([], [], "No answer in this time has a score none.")
        wrong: tuple[dict[str, Any], ...] = (
            {},
            {"score": "x", "start": 5, "end": 5},
            {"score": "x", "q": "nokey:1"},
            {"score": "x", "q": "("},
        )
        for params in wrong:
            answer = await house.admin.get(f"{AT}/quality", params=params)
            assert answer.status_code == 400, answer.text

    run(story, asker=TelemetryReader(served.socket))


class Scored:
    """Stands in for the store: ten answers that a judge scored, four of them scored by people, too."""

    async def ask(self, line: Any, sql: str, params: Any, bounds: str = "") -> list[Any]:
        del line, sql, params, bounds
        units, sums = [4, 4, 3.0, 3.0, 3.0, 4.0], [3.0, 0.0, 1.0, 0]
        people = ["support", "r1", -1, "human", *units, *sums, 0, ["key_1"]]
        judged = ["support", "r1", -1, "llm", 8, 8, 6.0, 6.0, 6.0, 8.0, 6.0, 0.0, 1.0, 0, 2, ["judge:tone@1"]]
        return [people, judged]


def test_answers_are_counted_by_who_scored_them_and_none_twice(run: "Run") -> None:
    async def story(house: House) -> None:
        found = (await house.admin.get(f"{AT}/quality", params={"score": "tone"})).json()
        assert [(each["source"], each["quality"]["n"]) for each in found["releases"]] == [("human", 4), ("llm", 8)]
        assert found["says"] == "Answers with a score tone: of people 4, of judges 8 (2 could not be scored)."

    run(story, asker=Scored())
