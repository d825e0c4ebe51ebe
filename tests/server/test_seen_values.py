"""What is one value is changed only by who saw the value that it has: marks, priorities, labels, what is put away."""

from typing import Any

from house import House, Run

AT = "/api/v1/projects/default"


async def refused(house: House, method: str, where: str, body: dict[str, Any] | None, code: str, **query: Any) -> str:
    answer = await house.admin.request(method, f"{AT}/{where}", json=body, params=query)
    assert (answer.status_code, answer.json()["code"]) == (409, code), answer.text
    return answer.json()["detail"]


async def done(house: House, method: str, where: str, body: dict[str, Any] | None, **query: Any) -> Any:
    answer = await house.admin.request(method, f"{AT}/{where}", json=body, params=query)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def test_a_mark_is_changed_from_the_class_that_was_seen(run: Run) -> None:
    async def story(house: House) -> None:
        at = "data-classes/app/support"
        await done(house, "PUT", at, {"data_class": "personal", "expected_class": ""})
        told = await refused(house, "PUT", at, {"data_class": "public", "expected_class": ""}, "revision_conflict")
        assert "'personal' by now" in told
        await refused(house, "PUT", at, {"data_class": "", "expected_class": "public"}, "revision_conflict")
        [mark] = (await done(house, "GET", "data-classes", None))["marks"]
        assert mark["data_class"] == "personal"
        gone = await done(house, "PUT", at, {"data_class": "", "expected_class": "personal"})
        assert gone["marks"] == []
        await done(house, "PUT", at, {"data_class": "internal"})  # who says nothing writes over what is there

    run(story)


def test_the_priority_of_a_key_is_changed_from_what_was_seen(run: Run) -> None:
    async def story(house: House) -> None:
        issued = await done(house, "POST", "keys", {"name": "batch", "role": "client"})
        at = f"keys/{issued['key']['id']}/priority"
        await done(house, "PUT", at, {"highest": "low", "expected_highest": "high"})
        told = await refused(house, "PUT", at, {"highest": "normal", "expected_highest": "high"}, "revision_conflict")
        assert "'low' by now" in told
        shown = (await done(house, "GET", "keys", None))["items"]
        assert [each["priority"] for each in shown if each["name"] == "batch"] == ["low"]
        await done(house, "PUT", at, {"highest": "high", "expected_highest": "low"})

    run(story)


def test_a_label_that_was_moved_meanwhile_is_not_taken_away(run: Run) -> None:
    async def story(house: House) -> None:
        for text in ("One", "Two"):
            made = await house.admin.post(f"{AT}/prompts/greeting/versions", json={"file": text})
            assert made.status_code == 201, made.text
        at = "prompts/greeting/labels/production"
        await done(house, "PUT", at, {"version": 1})
        await done(house, "PUT", at, {"version": 2, "expected_version": 1})
        told = await refused(house, "DELETE", at, None, "prompt_changed", expected_version=1)
        assert "at version 2 now" in told
        await done(house, "DELETE", at, None, expected_version=2)
        assert (await house.admin.delete(f"{AT}/{at}", params={"expected_version": 2})).status_code == 404

    run(story)


def test_a_guard_with_a_newer_version_than_was_seen_is_not_put_away(run: Run) -> None:
    async def story(house: House) -> None:
        push = "guards/outside/versions"
        for action in ("block", "flag"):
            spec = {"kind": "secrets", "action": action}
            await done(house, "POST", push, {"spec": spec})
        told = await refused(
            house, "PATCH", "guards/outside", {"archived": True, "expected_version": 1}, "revision_conflict"
        )
        assert "is 2 by now" in told
        assert (await done(house, "GET", "guards/outside", None))["archived"] is None
        away = await done(house, "PATCH", "guards/outside", {"archived": True, "expected_version": 2})
        assert away["archived"] is not None

    run(story)


SUITE = {"dataset": "questions", "scorers": [{"scorer": "length"}]}
RULE = {"kind": "online", "app": "support", "share": 0.1, "scorers": [{"scorer": "length"}]}


def test_a_suite_that_was_changed_meanwhile_is_not_put_away(run: Run) -> None:
    async def story(house: House) -> None:
        at = "suites/quality"
        await done(house, "PUT", at, {"spec": SUITE})
        await done(house, "PUT", at, {"spec": {**SUITE, "description": "Another"}})
        told = await refused(house, "PATCH", at, {"archived": True, "expected_revision": 1}, "suite_changed")
        assert "at revision 2" in told
        assert (await done(house, "GET", at, None))["archived"] is None
        away = await done(house, "PATCH", at, {"archived": True, "expected_revision": 2})
        assert (away["archived"] is not None, away["revision"]) == (True, 3)
        await done(house, "PATCH", at, {"archived": False})  # who says nothing writes over what is there

    run(story)


def test_an_app_whose_draft_was_changed_meanwhile_is_not_put_away(run: Run) -> None:
    async def story(house: House) -> None:
        at = "apps/desk"
        for seed in (1, 2):
            await done(house, "PUT", at, {"spec": {"route": "fast", "parameters": {"seed": seed}}})
        told = await refused(house, "PATCH", at, {"archived": True, "expected_revision": 1}, "app_changed")
        assert "at revision 2 now" in told
        assert (await done(house, "GET", at, None))["archived"] is None
        away = await done(house, "PATCH", at, {"archived": True, "expected_revision": 2})
        assert away["archived"] is not None

    run(story)


def test_a_prompt_with_a_newer_version_or_in_another_folder_stays_where_it_is(run: Run) -> None:
    async def story(house: House) -> None:
        at = "prompts/farewell"
        for text in ("Farewell.", "Goodbye."):
            await done(house, "POST", f"{at}/versions", {"file": text})
        told = await refused(house, "PATCH", at, {"archived": True, "expected_version": 1}, "revision_conflict")
        assert "is 2 by now" in told
        await done(house, "PATCH", at, {"folder": "desk", "expected_folder": "", "expected_version": 2})
        told = await refused(house, "PATCH", at, {"folder": "shop", "expected_folder": ""}, "revision_conflict")
        assert "'desk' by now" in told
        now = await done(house, "GET", at, None)
        assert (now["folder"], now["archived"]) == ("desk", None)
        await done(house, "PATCH", at, {"folder": "shop", "archived": True, "expected_folder": "desk"})

    run(story)


def test_an_environment_that_was_protected_meanwhile_is_not_removed(run: Run) -> None:
    async def story(house: House) -> None:
        at = "environments/lab"
        made = await done(house, "PUT", at, {"expected_revision": 0})
        changed = await done(house, "PUT", at, {"protection": {"note": True}, "expected_revision": made["revision"]})
        told = await refused(house, "DELETE", at, None, "environment_changed", expected_revision=made["revision"])
        assert f"at revision {changed['revision']} now" in told
        await done(house, "DELETE", at, None, expected_revision=changed["revision"])
        anew = await done(house, "PUT", at, {})
        assert anew["revision"] > changed["revision"], "one that was made anew is not taken for the one before"
        late = {"position": 9, "expected_revision": changed["revision"]}
        await refused(house, "PUT", at, late, "environment_changed")
        wrong = await house.admin.delete(f"{AT}/{at}", params={"expected_revision": -1})
        assert wrong.status_code == 400, wrong.text

    run(story)


def test_an_environment_that_nobody_has_changed_is_at_revision_0_and_is_removed_so(run: Run) -> None:
    async def story(house: House) -> None:
        seeded = (await done(house, "GET", "environments", None))["items"]
        assert {each["revision"] for each in seeded if each["name"] == "staging"} == {0}
        at = "environments/staging"
        await refused(house, "DELETE", at, None, "environment_changed", expected_revision=1)
        await done(house, "DELETE", at, None, expected_revision=0)
        assert (await done(house, "PUT", at, {}))["revision"] > 0

    run(story)


def test_a_price_that_somebody_let_end_meanwhile_is_neither_removed_nor_ended_otherwise(run: Run) -> None:
    async def story(house: House) -> None:
        rates = {"input": "1", "output": "2"}
        added = await done(house, "POST", "prices", {"prices": [{"provider": "lab", "model": "m", "rates": rates}]})
        [price] = added["items"]
        at = f"prices/{price['id']}"
        assert price["revision"] == 1
        ended = await done(house, "PATCH", at, {"valid_to": 4_000_000_000_000, "expected_revision": 1})
        assert ended["revision"] == 2
        body = {"valid_to": None, "expected_revision": 1}
        told = await refused(house, "PATCH", at, body, "revision_conflict")
        assert "it is at revision 2" in told
        assert " by " in told
        await refused(house, "DELETE", at, None, "revision_conflict", expected_revision=1)
        [listed] = (await done(house, "GET", "prices", None))["items"]
        assert (listed["revision"], listed["valid_to"]) == (2, 4_000_000_000_000)
        await done(house, "DELETE", at, None, expected_revision=2)

    run(story)


def test_a_rule_that_was_changed_meanwhile_is_not_removed(run: Run) -> None:
    async def story(house: House) -> None:
        at = "online-rules/long"
        await done(house, "PUT", at, {"spec": RULE, "expected_revision": 0})
        await done(house, "PUT", at, {"spec": RULE, "paused": True, "expected_revision": 1})
        told = await refused(house, "DELETE", at, None, "rule_changed", expected_revision=1)
        assert "revision 2 now" in told
        await done(house, "DELETE", at, None, expected_revision=2)
        anew = await done(house, "PUT", at, {"spec": RULE})
        assert anew["revision"] > 2, "one that was made anew is not taken for the one before"
        await refused(house, "DELETE", at, None, "rule_changed", expected_revision=2)

    run(story)


def test_a_queue_that_was_changed_meanwhile_is_not_put_away(run: Run) -> None:
    async def story(house: House) -> None:
        at = "review/queues/desk"
        for choices in (["a", "b"], ["a", "c"]):
            spec = {"criteria": [{"name": "tone", "kind": "choice", "choices": choices}]}
            await done(house, "PUT", at, {"spec": spec})
        told = await refused(house, "DELETE", at, None, "revision_conflict", expected_revision=1)
        assert "at revision 2" in told
        assert (await done(house, "GET", at, None))["archived"] is None
        away = await done(house, "DELETE", at, None, expected_revision=2)
        assert (away["archived"] is not None, away["revision"]) == (True, 3)

    run(story)
