"""A team's own judges over the API: versions that never change, what cannot be a judge, and their names in suites."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.evaluation.scorer_names import resolve
from trimtab.scoring.scorers import REGISTRY

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/judges"
TONE: dict[str, Any] = {"kind": "rubric", "options": {"model": "gpt-5", "criteria": "The tone is kind.\nAlways."}}
FIRMER: dict[str, Any] = {"kind": "rubric", "options": {"model": "gpt-5", "criteria": "The tone is firm.\nAlways."}}


async def push(house: House, body: dict[str, Any], name: str = "tone") -> dict[str, Any]:
    said = await house.admin.post(f"{AT}/{name}/versions", json=body)
    assert said.status_code == 201, said.text
    return said.json()


def test_a_judge_has_versions_that_never_change(run: "Run") -> None:
    async def story(house: House) -> None:
        first = await push(house, {**TONE, "message": "a start", "expected_version": 0})
        assert first["created"]
        assert (first["judge"]["version"], first["judge"]["scorer"], first["judge"]["pinned"]) == (
            1, "judge:tone", "judge:tone@1",
        )  # fmt: skip
        again = await push(house, TONE)
        assert (again["created"], again["judge"]["version"]) == (False, 1)
        second = await push(house, {**FIRMER, "expected_version": 1})
        assert second["judge"]["version"] == 2
        late = await house.admin.post(
            f"{AT}/tone/versions", json={**TONE, "options": {**TONE["options"], "scale": 3}, "expected_version": 1}
        )
        assert (late.status_code, late.json()["code"]) == (409, "version_conflict")
        assert (await house.admin.get(f"{AT}/tone", params={"version": 1})).json() == first["judge"]
        assert (await house.admin.get(f"{AT}/tone")).json() == second["judge"]
        listed = (await house.admin.get(f"{AT}/tone/versions", params={"limit": 1})).json()
        assert [each["version"] for each in listed["items"]] == [2]
        rest = (await house.admin.get(f"{AT}/tone/versions", params={"cursor": listed["cursor"]})).json()
        assert ([each["version"] for each in rest["items"]], rest["cursor"]) == ([1], None)

    run(story)


def test_versions_are_compared_field_by_field_and_texts_line_by_line(run: "Run") -> None:
    async def story(house: House) -> None:
        await push(house, TONE)
        await push(house, FIRMER)
        found = (await house.admin.get(f"{AT}/tone/diff")).json()
        assert (found["before"], found["after"]) == (1, 2)
        [change] = found["changes"]
        assert change["field"] == "criteria"
        assert change["lines"] == ["-The tone is kind.", "+The tone is firm.", " Always."]
        born = (await house.admin.get(f"{AT}/tone/diff", params={"after": 1})).json()
        assert born["before"] == 0
        assert [each["field"] for each in born["changes"]] == ["kind", "model", "criteria"]

    run(story)


def test_what_could_never_judge_is_refused(run: "Run") -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("tone", {**TONE, "kind": "exact"}, "exact"),
        ("tone", {"kind": "rubric", "options": {"model": "m"}}, "criteria"),
        ("tone", {"kind": "rubric", "options": {**TONE["options"], "scale": 99}}, "scale"),
        ("Tone", TONE, "name"),
        ("tone", {**TONE, "message": "a\0b"}, "message"),
    ]

    async def story(house: House) -> None:
        assert (await house.admin.get(f"{AT}/%00")).status_code == 404
        for name, body, word in wrong:
            said = await house.admin.post(f"{AT}/{name}/versions", json=body)
            assert said.status_code == 400
            assert word in said.text
        assert (await house.admin.get(AT)).json()["items"] == []

    run(story)


def test_an_archived_judge_takes_no_version_and_is_still_found_by_suites(run: "Run") -> None:
    async def story(house: House) -> None:
        await push(house, TONE)
        assert (await house.admin.patch(f"{AT}/tone", json={"archived": True})).json()["archived"] is not None
        assert (await house.admin.get(AT)).json()["items"] == []
        assert len((await house.admin.get(AT, params={"archived": True})).json()["items"]) == 1
        said = await house.admin.post(f"{AT}/tone/versions", json=FIRMER)
        assert (said.status_code, said.json()["code"]) == (409, "judge_archived")
        found = await house.db.read(lambda conn: resolve(conn, project, "judge:tone"))
        assert found.version.startswith("1-")
        assert (await house.admin.patch(f"{AT}/tone", json={"archived": False})).json()["archived"] is None
        trail = (await house.admin.get("/api/v1/projects/default/audit")).json()["items"]
        assert {"judge.pushed", "judge.archived", "judge.restored"} <= {each["action"] for each in trail}

    async def whole(house: House) -> None:
        nonlocal project
        project = next(iter(house.holder.current.access.projects.values())).id
        await story(house)

    project = ""
    run(whole)


def test_names_of_suites_lead_to_scorers(run: "Run") -> None:
    async def story(house: House) -> None:
        await push(house, TONE)
        await push(house, FIRMER)
        project = house.holder.current.access.projects["default"].id

        async def found(name: str, settings: dict[str, Any] | None = None) -> Any:
            return await house.db.read(lambda conn: resolve(conn, project, name, settings))

        plug = await found("exact", {"ignore_case": True})
        assert (plug.scorer, plug.version, plug.options.ignore_case) == (REGISTRY.get("exact"), "1", True)
        newest, pinned = await found("judge:tone"), await found("judge:tone@1", {"scale": 3})
        assert (newest.name, newest.version, newest.options.criteria) == (
            "judge:tone", "2-rubric.1", "The tone is firm.\nAlways.",
        )  # fmt: skip
        assert (pinned.version, pinned.options.criteria, pinned.options.scale) == (
            "1-rubric.1", "The tone is kind.\nAlways.", 3,
        )  # fmt: skip
        assert (await found("judge:tone@latest")).version == "2-rubric.1"
        huge = await house.admin.get(f"{AT}/tone", params={"version": 10**30})
        assert huge.status_code == 404
        tried = await house.admin.post(
            "/api/v1/projects/default/scorers/try", json={"scorer": "judge:tone@1", "sample": {"output": "Hello."}}
        )
        assert (tried.json()["scorer"], tried.json()["version"]) == ("judge:tone", "1-rubric.1")
        assert tried.json()["outcome"] == "cannot_score"  # this house has no model to ask
        for name, kind in (
            ("judge:tone@3", NotFound),
            ("judge:none", NotFound),
            ("nothing", NotFound),
            ("judge:tone@0", InvalidRequest),
            ("checks.py:tone", InvalidRequest),
        ):
            with pytest.raises(kind):
                await found(name)
        with pytest.raises(InvalidRequest, match="scale"):
            await found("judge:tone", {"scale": 1})
        await house.admin.post("/api/v1/projects", json={"slug": "other", "name": "Other"})
        other = AT.replace("default", "other")
        assert (await house.admin.get(other)).json()["items"] == []
        assert (await house.admin.get(f"{other}/tone")).status_code == 404
        assert (await house.admin.get(f"{other}/tone/diff")).status_code == 404

    run(story)
