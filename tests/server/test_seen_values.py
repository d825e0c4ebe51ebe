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
