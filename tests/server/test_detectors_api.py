"""Detectors over the API: which there are, switched per project, told to the telemetry process."""

from typing import TYPE_CHECKING

from house import House

from trimtab.server.config.file import ConfigFile
from trimtab.telemetry.switches.file import SwitchFile

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/detectors"


def test_detectors_are_listed_and_switched_and_the_telemetry_process_is_told(run: "Run") -> None:
    async def story(house: House) -> None:
        found = (await house.admin.get(AT)).json()
        assert found["source"] == "catalog"
        assert all(each["on"] and each["about"] for each in found["items"])
        assert "refusal" in {each["name"] for each in found["items"]}
        changed = (await house.admin.put(AT, json={"off": ["refusal", "truncated"]})).json()
        assert {each["name"] for each in changed["items"] if not each["on"]} == {"refusal", "truncated"}
        assert (await house.admin.get(AT)).json() == changed
        (project,) = (await house.admin.get("/api/v1/projects")).json()["items"]
        switch = SwitchFile(house.folder)
        assert switch(project["id"]) == {"refusal", "truncated"}
        await house.admin.post("/api/v1/projects", json={"slug": "other"})
        other = (await house.admin.get("/api/v1/projects/other/detectors")).json()
        assert all(each["on"] for each in other["items"])
        await house.admin.put(AT, json={"off": []})
        assert switch(project["id"]) == frozenset()

    run(story)


def test_an_unknown_detector_and_a_wrong_body_are_refused(run: "Run") -> None:
    async def story(house: House) -> None:
        wrong = await house.admin.put(AT, json={"off": ["nothing"]})
        assert (wrong.status_code, wrong.json()["param"]) == (400, "off")
        assert "refusal" in wrong.json()["fix"]
        assert (await house.admin.put(AT, json={"off": "refusal"})).status_code == 400

    run(story)


def test_what_the_config_file_says_holds_and_cannot_be_changed_here(run: "Run") -> None:
    async def story(house: House) -> None:
        found = (await house.admin.get(AT)).json()
        assert found["source"] == "config"
        assert [each["name"] for each in found["items"] if not each["on"]] == ["length_change"]
        refused = await house.admin.put(AT, json={"off": []})
        assert (refused.status_code, refused.json()["code"]) == (409, "declared")

    run(story, config=ConfigFile(detectors_off=frozenset({"length_change"})))
