"""Legal holds and encryption over the API: who said what is in the audit log, of whom is not, and nothing is destroyed
by mistake."""

from typing import TYPE_CHECKING

from house import House

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"


def test_what_is_held_is_not_erased_and_the_audit_log_says_why_but_not_whom(run: "Run") -> None:
    async def story(house: House) -> None:
        hold = {"subject": "user", "value": "alice@example.com", "reason": "Case 7"}
        made = await house.admin.post(f"{AT}/legal-holds", json=hold)
        assert (made.status_code, made.json()["released"]) == (201, None)
        erase = {"subject": "user", "value": "alice@example.com"}
        refused = await house.admin.post(f"{AT}/erasures", json=erase)
        assert (refused.status_code, refused.json()["code"], "Case 7" in refused.text) == (409, "legal_hold", True)
        path = f"{AT}/legal-holds/{made.json()['id']}/release"
        assert (await house.admin.post(path, json={"reason": ""})).status_code == 400
        released = await house.admin.post(path, json={"reason": "It is over."})
        assert released.json()["release_reason"] == "It is over."
        assert (await house.admin.post(path, json={"reason": "again"})).json()["code"] == "hold_released"
        assert (await house.admin.post(f"{AT}/erasures", json=erase)).status_code == 201
        log = await house.admin.get(f"{AT}/audit")
        told = {entry["action"]: entry["detail"] for entry in log.json()["items"]}
        assert told["legal_hold.set"]["reason"] == "Case 7"
        assert told["legal_hold.released"]["reason"] == "It is over."
        assert "alice" not in log.text
        assert [each["id"] for each in (await house.admin.get(f"{AT}/legal-holds")).json()["items"]] == [
            made.json()["id"]
        ]

    run(story)


def test_a_key_is_destroyed_only_by_who_writes_down_what_that_means(run: "Run") -> None:
    async def story(house: House) -> None:
        off = await house.admin.get(f"{AT}/encryption")
        assert off.json() == {"enabled": False, "keys": [], "catalog": None, "traces_since": None}
        assert (await house.admin.post(f"{AT}/encryption/rotations")).json()["code"] == "not_encrypted"
        for _ in range(2):  # to switch on what is on makes no key
            on = await house.admin.put(f"{AT}/encryption", json={"enabled": True})
            assert [key["state"] for key in on.json()["keys"]] == ["active"]
        turned = (await house.admin.post(f"{AT}/encryption/rotations")).json()["keys"]
        assert [key["state"] for key in turned] == ["active", "old"]
        old = turned[1]["id"]
        where = f"{AT}/encryption/keys/{old}/destruction"
        for confirm in ("", "yes", "destroy all of default", f"destroy {old} of other"):
            assert (await house.admin.post(where, json={"confirm": confirm})).json()["code"] == "not_confirmed"
        said = {"confirm": f"destroy {old} of default"}
        gone = await house.admin.post(where, json=said)
        assert [key["state"] for key in gone.json()["keys"]] == ["active", "destroyed"]
        assert (await house.admin.post(where, json=said)).json()["code"] == "key_destroyed"
        unknown = f"{AT}/encryption/keys/nothing/destruction"
        assert (await house.admin.post(unknown, json={"confirm": "destroy nothing of default"})).status_code == 404
        left = (await house.admin.put(f"{AT}/encryption", json={"enabled": False})).json()
        assert (left["enabled"], [key["state"] for key in left["keys"]]) == (False, ["old", "destroyed"])

    run(story)


def test_no_key_is_destroyed_while_anything_of_its_project_is_held(run: "Run") -> None:
    async def story(house: House) -> None:
        await house.admin.put(f"{AT}/encryption", json={"enabled": True})
        hold = {"subject": "session", "value": "s-1", "reason": "Case 7"}
        held = (await house.admin.post(f"{AT}/legal-holds", json=hold)).json()["id"]
        where, said = f"{AT}/encryption/keys/all/destruction", {"confirm": "destroy all of default"}
        refused = await house.admin.post(where, json=said)
        assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
        assert [key["state"] for key in (await house.admin.get(f"{AT}/encryption")).json()["keys"]] == ["active"]
        await house.admin.post(f"{AT}/legal-holds/{held}/release", json={"reason": "It is over."})
        assert (await house.admin.post(where, json=said)).status_code == 200

    run(story)
