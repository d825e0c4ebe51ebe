"""Nobody saves over what somebody else saved: one way for everything of the catalog that is replaced whole."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from house import House, Run, make_house
from sqlalchemy import text
from test_people_api import come_in
from things import ORGANISATION, PROJECT, THINGS, Thing, found, furnished, made, revision_of

from trimtab.governance import edits
from trimtab.governance.edits import Edit
from trimtab.storage.database import Work

APPLIED = "models: {fast: {provider: lab, model: applied}}\n"


def each_thing(function: Callable[..., None], things: Sequence[Thing] = THINGS) -> Callable[..., None]:
    return pytest.mark.parametrize("thing", things, ids=lambda thing: thing.name)(function)


def each_that_goes(function: Callable[..., None]) -> Callable[..., None]:
    return each_thing(function, [each for each in THINGS if not each.stays])


async def told_of(house: House, meanwhile: dict[str, Any]) -> list[str]:
    """Who did what the refusal says was done meanwhile, by the entries of the audit log that it leads to."""
    slug = meanwhile["project"]
    log = "/api/v1/audit" if slug is None else f"/api/v1/projects/{slug}/audit"
    page = await house.admin.get(log, params={"subject": meanwhile["subject"], "limit": 50})
    fits = [each for each in page.json()["items"] if each["action"].startswith(tuple(meanwhile["actions"]))]
    newest = fits[: meanwhile["entries"]]
    assert all(each["detail"]["from"] != each["detail"]["to"] for each in newest), newest
    return [each["actor_name"] for each in newest]


@each_thing
def test_a_save_over_what_somebody_else_saved_is_refused_with_who_and_when(run: Run, thing: Thing) -> None:
    async def story(house: House) -> None:
        opened = await made(house, thing)
        somebody = await house.admin.post("/api/v1/members", json={"email": "grace@example.com", "role": "admin"})
        grace = await come_in(house, somebody.json()["id"])
        theirs = await grace.request(thing.verb, thing.at, json={**thing.other, "expected_revision": opened})
        assert (theirs.status_code, theirs.json()["revision"]) == (200, opened + 1), theirs.text
        before = await found(house, thing)
        mine = await house.admin.request(thing.verb, thing.at, json={**thing.one, "expected_revision": opened})
        assert (mine.status_code, mine.json()["code"]) == (409, "revision_conflict"), mine.text
        told = mine.json()
        assert f"at revision {opened + 1}" in told["detail"]
        assert " by grace <grace@example.com> at " in told["detail"]
        assert "UTC" in told["detail"]
        assert "expected_revision" in told["fix"]
        assert await told_of(house, told["meanwhile"]) == ["grace <grace@example.com>"]
        assert told["meanwhile"]["revision"] == opened + 1
        assert await found(house, thing) == before
        # the ways out: on top of what there is now, or knowingly over it
        again = await house.admin.request(thing.verb, thing.at, json={**thing.one, "expected_revision": opened + 1})
        assert (again.status_code, again.json()["revision"]) == (200, opened + 2)

    run(story)


@each_thing
def test_clients_that_know_of_no_revision_write_as_they_did(run: Run, thing: Thing) -> None:
    async def story(house: House) -> None:
        opened = await made(house, thing)
        for body in (thing.other, thing.one):
            answer = await house.admin.request(thing.verb, thing.at, json=body)
            assert answer.status_code == 200, answer.text
        assert await revision_of(house, thing) == opened + 2

    run(story)


@each_that_goes
def test_what_was_removed_and_made_anew_is_not_taken_for_what_was_opened(run: Run, thing: Thing) -> None:
    async def story(house: House) -> None:
        opened = await made(house, thing)
        for user in (f"{PROJECT}/routes/smart", f"{PROJECT}/models/fast"):
            if thing.name == "provider":
                await house.admin.delete(user)
        removed = await house.admin.delete(thing.at)
        assert removed.status_code == 204, removed.text
        gone = await house.admin.request(thing.verb, thing.at, json={**thing.one, "expected_revision": opened})
        assert (gone.status_code, gone.json()["code"]) == (409, "revision_conflict"), gone.text
        assert "was removed by" in gone.json()["detail"]
        meanwhile = gone.json()["meanwhile"]
        assert (len(await told_of(house, meanwhile)), meanwhile["revision"]) == (1, 0)
        await made(house, thing)
        stale = await house.admin.request(thing.verb, thing.at, json={**thing.other, "expected_revision": opened})
        assert (stale.status_code, stale.json()["code"]) == (409, "revision_conflict"), stale.text

    run(story)


@each_that_goes
def test_what_somebody_changed_is_not_removed_by_who_saw_it_before(run: Run, thing: Thing) -> None:
    async def story(house: House) -> None:
        opened = await made(house, thing)
        for user in (f"{PROJECT}/routes/smart", f"{PROJECT}/models/fast"):
            if thing.name == "provider":
                await house.admin.delete(user)
        away = thing.away or thing.at
        changed = await house.admin.request(thing.verb, thing.at, json={**thing.other, "expected_revision": opened})
        assert changed.status_code == 200, changed.text
        before = await found(house, thing)
        for unfit in (0, -1, "x"):
            wrong = await house.admin.delete(away, params={"expected_revision": unfit})
            assert wrong.status_code == 400, wrong.text
        stale = await house.admin.delete(away, params={"expected_revision": opened})
        assert (stale.status_code, stale.json()["code"]) == (409, "revision_conflict"), stale.text
        assert "UTC" in stale.json()["detail"]
        assert await found(house, thing) == before
        gone = await house.admin.delete(away, params={"expected_revision": opened + 1})
        assert gone.status_code == 204, gone.text
        again = await house.admin.delete(away, params={"expected_revision": opened + 1})
        assert again.status_code in (404, 409), again.text

    run(story)


@each_thing
def test_what_is_to_be_new_is_refused_where_it_is_there(run: Run, thing: Thing) -> None:
    async def story(house: House) -> None:
        await made(house, thing)
        twice = await house.admin.request(thing.verb, thing.at, json={**thing.other, "expected_revision": 0})
        assert (twice.status_code, twice.json()["code"]) == (409, "revision_conflict"), twice.text
        wrong = await house.admin.request(thing.verb, thing.at, json={**thing.other, "expected_revision": -1})
        assert (wrong.status_code, wrong.json()["param"]) == (400, "expected_revision"), wrong.text

    run(story)


@each_thing
def test_saving_what_is_there_already_makes_no_new_revision(run: Run, thing: Thing) -> None:
    async def story(house: House) -> None:
        opened = await made(house, thing)
        first = await house.admin.request(thing.verb, thing.at, json={**thing.other, "expected_revision": opened})
        again = await house.admin.request(thing.verb, thing.at, json={**thing.other, "expected_revision": opened + 1})
        assert again.status_code == 200, again.text
        # what has secrets seals them anew each time, and routes and dashboards count each time they are written
        wanted = first.json()["revision"] + thing.counts
        assert again.json()["revision"] == wanted

    run(story)


@each_thing
def test_what_is_read_while_somebody_saves_is_never_the_old_with_the_new_revision(run: Run, thing: Thing) -> None:
    """Saved after the first, the second, ... of the reads that an answer is made of."""

    async def story(house: House) -> None:
        opened = await made(house, thing)
        reading, left = house.db.read, -1

        async def read(work: Work[Any]) -> Any:
            nonlocal left
            told = await reading(work)
            left -= 1
            if left == 0:
                saved = await house.admin.request(thing.verb, thing.at, json=bodies[opened % 2])
                assert saved.status_code == 200, saved.text
            return told

        bodies = (thing.one, thing.other)
        house.db.read = read
        for nth in (1, 2, 3):
            opened = await revision_of(house, thing)
            left = nth
            shown = await found(house, thing)
            left = -1
            now = await found(house, thing)
            assert shown is not None
            assert now is not None
            assert (shown["revision"] < now["revision"]) or shown == now, (nth, shown, now)

    run(story)


def test_what_is_not_there_and_never_was_is_not_found(run: Run) -> None:
    async def story(house: House) -> None:
        answer = await house.admin.patch(f"{PROJECT}/models/nothing", json={"upstream": "x", "expected_revision": 3})
        assert answer.status_code == 404
        assert "'nothing'" in answer.json()["detail"]

    run(story)


def test_what_was_made_before_revisions_were_kept_is_at_the_first(run: Run) -> None:
    async def story(house: House) -> None:
        (_, model, *_) = THINGS
        await made(house, model)
        await house.db.write(lambda conn: conn.execute(text("DELETE FROM edits")))
        assert await revision_of(house, model) == 1
        first = await house.admin.patch(model.at, json={**model.other, "expected_revision": 1})
        assert (first.status_code, first.json()["revision"]) == (200, 2)
        second = await house.admin.patch(model.at, json={**model.one, "expected_revision": 1})
        assert second.status_code == 409

    run(story)


def test_of_two_who_save_at_once_one_is_refused(catalog_url: str, tmp_path: Path) -> None:
    """On either catalog, all sent together, again and again."""

    async def story() -> None:
        house = await make_house(tmp_path / "data", url=catalog_url)
        try:
            for thing in THINGS:
                await made(house, thing)
                for _ in range(3):
                    opened = await revision_of(house, thing)
                    bodies = [{**body, "expected_revision": opened} for body in (thing.one, thing.other) * 2]
                    sent = (house.admin.request(thing.verb, thing.at, json=body) for body in bodies)
                    answers = await asyncio.gather(*sent)
                    told = [answer.status_code for answer in answers]
                    assert set(told) == {200, 409}, [answer.text for answer in answers]
                    assert await revision_of(house, thing) == opened + 1, (thing.name, told)
                    won = [answer.json() for answer in answers if answer.status_code == 200]
                    assert sum(each["revision"] == opened + 1 for each in won) == 1, (thing.name, won)
        finally:
            await house.close()

    asyncio.run(story())


def test_of_two_who_make_the_same_at_once_one_is_refused(catalog_url: str, tmp_path: Path) -> None:
    async def story() -> list[int]:
        house = await make_house(tmp_path / "data", url=catalog_url)
        try:
            await furnished(house)
            bodies = [{"cache": {"ttl_s": 60 + number}, "expected_revision": 0} for number in range(4)]
            answers = await asyncio.gather(*(house.admin.put(f"{PROJECT}/policies/fast", json=body) for body in bodies))
            return sorted(answer.status_code for answer in answers)
        finally:
            await house.close()

    assert asyncio.run(story()) == [200, 409, 409, 409]


def test_revisions_of_one_place_and_kind_are_not_those_of_another(run: Run) -> None:
    async def story(house: House) -> None:
        (_, model, *_) = THINGS
        await made(house, model)
        project = (await house.admin.get(PROJECT)).json()["id"]
        assert await house.db.read(lambda conn: edits.revisions(conn, project, "model")) == {"fast": 1}
        assert await house.db.read(lambda conn: edits.revisions(conn, project, "route")) == {}
        assert await house.db.read(lambda conn: edits.revisions(conn, "another", "model")) == {}
        other = Edit(place="another", kind="model", name="fast", expected=0)
        await house.db.write(lambda conn: edits.expect(conn, other, there=False))

    run(story)


def test_what_config_as_code_applied_is_not_saved_over_either(run: Run) -> None:
    """And what somebody saved since a plan was made is not applied over."""
    models = "models: {fast: {provider: lab, model: %s, resilience: {attempts: %d}}}\nlimits: {fair: %s}\n"
    limit = "{measure: requests, bound: %d, window: minute}"

    async def story(house: House) -> None:
        (_, model, fair, _, _, _, resilience, *_) = THINGS
        await furnished(house)
        await house.admin.delete(model.at)

        async def applied(
            upstream: str, attempts: int, bound: int, verb: str = "apply", **more: Any
        ) -> tuple[int, dict[str, Any]]:
            files = {"trimtab.yaml": models % (upstream, attempts, limit % bound)}
            answer = await house.admin.post(f"{PROJECT}/{verb}", json={"files": files, **more})
            return answer.status_code, answer.json()

        assert (await applied("a", 2, 1))[0] == 200
        opened = {each.name: await revision_of(house, each) for each in (model, fair, resilience)}
        assert (await applied("b", 2, 2))[0] == 200
        assert await revision_of(house, model) == opened["model"] + 1
        assert await revision_of(house, resilience) == opened["model resilience"]
        for thing in (model, fair):
            body = {**thing.one, "expected_revision": opened[thing.name]}
            mine = await house.admin.request(thing.verb, thing.at, json=body)
            assert (mine.status_code, mine.json()["code"]) == (409, "revision_conflict"), mine.text
            assert len(await told_of(house, mine.json()["meanwhile"])) == 1, mine.text
        (status, plan) = await applied("c", 3, 3, "plan")
        assert (status, len(plan["changes"])) == (200, 2)
        assert await revision_of(house, model) == opened["model"] + 1
        saved = await house.admin.patch(model.at, json={"upstream": "by hand"})
        assert saved.status_code == 200
        (status, refused) = await applied("c", 3, 3, plan=plan["hash"])
        assert (status, refused["code"]) == (409, "plan_moved")
        assert "model fast was changed on the server since" in refused["detail"]

    run(story)


def test_what_governs_and_was_applied_is_not_saved_over_either(run: Run) -> None:
    files = {
        "trimtab.yaml": """
name: main
data: {classes: [public, applied], providers: {lab: {region: applied}}, models: {fast: {region: applied}}}
refusals: {default: Applied., default@helpdesk/de: Angewandt.}
""",
        "policies/mine.cedar": 'permit(principal, action == Action::"call_tool", resource);\n',
    }
    names = (
        "list of data classes", "data terms of provider", "data terms of model", "set of policies",
        "guard refusal default",
    )  # fmt: skip
    things = [each for each in THINGS if each.name in names]

    async def story(house: House) -> None:
        opened = {each.name: await made(house, each) for each in things}
        assert set(opened) == set(names)
        german = {"app": "helpdesk", "language": "de", "text": "Nein."}
        second = await house.admin.put(f"{PROJECT}/guard-refusals", json={**german, "expected_revision": 0})
        answer = await house.admin.post(f"{PROJECT}/apply", json={"files": files})
        assert (answer.status_code, len(answer.json()["changes"])) == (200, 6), answer.text
        for thing in things:
            mine = {**thing.one, "expected_revision": opened[thing.name]}
            late = await house.admin.request(thing.verb, thing.at, json=mine)
            assert (late.status_code, late.json().get("code")) == (409, "revision_conflict"), (thing.name, late.text)
            assert len(await told_of(house, late.json()["meanwhile"])) == 1, (thing.name, late.text)
        late = await house.admin.put(
            f"{PROJECT}/guard-refusals", json={**german, "expected_revision": second.json()["revision"]}
        )
        assert (late.status_code, late.json().get("code")) == (409, "revision_conflict"), late.text
        assert late.json()["meanwhile"]["subject"] == "guard-refusal:default@helpdesk/de"
        assert len(await told_of(house, late.json()["meanwhile"])) == 1, late.text

    run(story)


@pytest.mark.parametrize(
    ("name", "besides"),
    [
        ("organisation", ("PUT", f"{ORGANISATION}/domains", {"domains": ["besides.example"]})),
        ("list of domains", ("PATCH", ORGANISATION, {"name": "Besides"})),
        ("data terms of model", ("POST", f"{PROJECT}/apply", {"files": {"trimtab.yaml": APPLIED}})),
        ("guard refusal default", ("PUT", f"{PROJECT}/guard-refusals", {"language": "de", "text": "Nein."})),
    ],
)
def test_who_changed_it_is_told_and_not_who_changed_what_goes_by_the_same_name(
    run: Run, name: str, besides: tuple[str, str, dict[str, Any]]
) -> None:
    (thing,) = (each for each in THINGS if each.name == name)

    async def story(house: House) -> None:
        opened = await made(house, thing)
        theirs = await house.admin.request(thing.verb, thing.at, json=thing.other)
        assert theirs.status_code == 200, theirs.text
        somebody = await house.admin.post("/api/v1/members", json={"email": "grace@example.com", "role": "admin"})
        grace = await come_in(house, somebody.json()["id"])
        verb, at, body = besides
        assert (await grace.request(verb, at, json=body)).status_code == 200
        mine = await house.admin.request(thing.verb, thing.at, json={**thing.one, "expected_revision": opened})
        (who,) = await told_of(house, mine.json()["meanwhile"])
        assert f" by {who} at " in mine.json()["detail"]

    run(story)


def test_a_saved_view_is_not_saved_over_and_nobody_is_told_of_what_another_keeps_for_themselves(run: Run) -> None:
    async def story(house: House) -> None:
        made = (await house.admin.post(f"{PROJECT}/views", json={"name": "slow", "q": "duration:>1s"})).json()
        at, changed = f"{PROJECT}/views/{made['id']}", {"name": "slow", "q": "duration:>2s"}
        assert made["revision"] == 1
        first = await house.admin.put(at, json={**changed, "expected_revision": 1})
        assert (first.status_code, first.json()["revision"]) == (200, 2)
        late = await house.admin.put(at, json={**changed, "q": "duration:>3s", "expected_revision": 1})
        assert (late.status_code, late.json()["code"]) == (409, "revision_conflict")
        assert "The saved view 'slow' was changed by" in late.json()["detail"]
        assert (await house.admin.get(at)).json()["revision"] == 2
        issued = await house.admin.post(f"{PROJECT}/keys", json={"name": "bot", "role": "editor"})
        bot = house.client(issued.json()["secret"])
        theirs = await bot.put(at, json={**changed, "expected_revision": 1})
        assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found"), theirs.text
        assert (await house.admin.delete(at)).status_code == 204
        gone = await house.admin.put(at, json={**changed, "expected_revision": 2})
        assert (gone.status_code, gone.json()["code"]) == (409, "revision_conflict")
        assert "was removed by" in gone.json()["detail"]

    run(story)


def test_what_its_owner_takes_out_of_the_project_nobody_else_removes(run: Run) -> None:
    """Also where both are at it: who removes it has seen it while it was shared."""

    async def story(house: House) -> None:
        made = (await house.admin.post(f"{PROJECT}/views", json={"name": "slow", "shared": True})).json()
        at = f"{PROJECT}/views/{made['id']}"
        issued = await house.admin.post(f"{PROJECT}/keys", json={"name": "bot", "role": "editor"})
        bot, owner = house.client(issued.json()["secret"]), house.admin
        writing, begun = house.db.write, False

        async def write(work: Work[Any]) -> Any:
            nonlocal begun
            if not begun:
                begun = True
                taken = await owner.put(at, json={"name": "slow", "shared": False})
                assert taken.status_code == 200, taken.text
            return await writing(work)

        house.db.write = write
        assert (await bot.delete(at)).status_code == 404
        assert begun
        assert (await owner.get(at)).json()["shared"] is False

    run(story)


def test_the_dashboard_that_a_project_begins_with_is_everybodys_however_many_change_it_first(
    catalog_url: str, tmp_path: Path
) -> None:
    at = f"{PROJECT}/dashboards/default"

    async def story() -> None:
        house = await make_house(tmp_path / "data", url=catalog_url)
        try:
            bodies = [{"name": "Overview", "about": f"{number}"} for number in range(4)]
            answers = await asyncio.gather(*(house.admin.put(at, json=body) for body in bodies))
            assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
            assert sorted(answer.json()["revision"] for answer in answers) == [1, 2, 3, 4]
            assert (await house.admin.put(at, json={"name": "Mine", "shared": False})).json()["shared"] is True
            issued = await house.admin.post(f"{PROJECT}/keys", json={"name": "bot", "role": "editor"})
            seen = (await house.client(issued.json()["secret"]).get(at)).json()
            assert (seen["name"], seen["source"], seen["revision"]) == ("Mine", "catalog", 5)
        finally:
            await house.close()

    asyncio.run(story())


def test_a_dashboard_that_a_file_replaced_is_not_saved_over(run: Run) -> None:
    async def story(house: House) -> None:
        at = f"{PROJECT}/dashboards"
        made = (await house.admin.post(at, json={"name": "Mine", "shared": True})).json()
        file = (await house.admin.get(f"{at}/{made['id']}/export")).json()
        body = {"file": file, "replace": True, "shared": True}
        again = await house.admin.post(f"{at}/import", json=body)
        assert (again.json()["id"], again.json()["revision"]) == (made["id"], 2), again.text
        late = await house.admin.put(f"{at}/{made['id']}", json={"name": "Mine", "expected_revision": 1})
        assert (late.status_code, late.json()["code"]) == (409, "revision_conflict")

    run(story)


def test_a_role_that_somebody_else_gave_a_member_meanwhile_is_not_taken_from_them(run: Run) -> None:
    async def story(house: House) -> None:
        at = f"{PROJECT}/members"
        made = (await house.admin.post(at, json={"email": "ada@example.com", "role": "viewer"})).json()
        theirs = await house.admin.patch(f"{at}/{made['id']}", json={"role": "operator", "expected_role": "viewer"})
        assert theirs.status_code == 200, theirs.text
        mine = await house.admin.patch(f"{at}/{made['id']}", json={"role": "developer", "expected_role": "viewer"})
        assert (mine.status_code, mine.json()["code"]) == (409, "revision_conflict")
        assert "is 'operator' here by now" in mine.json()["detail"]
        assert mine.json()["param"] == "expected_role"
        assert [each["role"] for each in (await house.admin.get(at)).json()["items"]] == ["operator"]
        assert (await house.admin.patch(f"{at}/{made['id']}", json={"role": "viewer"})).status_code == 200

    run(story)


def test_who_may_see_a_document_is_not_said_over_what_somebody_else_said(run: Run) -> None:
    async def story(house: House) -> None:
        at = f"{PROJECT}/corpora/handbook"
        assert (await house.admin.put(at, json={})).status_code == 200
        text = {"items": [{"id": "leave", "text": "Thirty days."}]}
        assert (await house.admin.post(f"{at}/documents", json=text)).status_code == 200
        closed = {"access": ["group:hr", "user:ada"], "expected_access": []}
        assert (await house.admin.patch(f"{at}/documents/leave", json=closed)).status_code == 200
        late = await house.admin.patch(f"{at}/documents/leave", json={**closed, "access": ["role:viewer"]})
        assert (late.status_code, late.json()["code"]) == (409, "revision_conflict")
        assert "group:hr, user:ada" in late.json()["detail"]
        same = {"access": [], "expected_access": ["user:ada", "group:hr"]}
        assert (await house.admin.patch(f"{at}/documents/leave", json=same)).json()["document"]["access"] == []

    run(story)


def test_changes_of_a_destination_that_come_at_once_are_all_made(run: Run) -> None:
    """What a change leaves out stays as somebody else makes it in the same moment."""

    async def story(house: House) -> None:
        (thing,) = (each for each in THINGS if each.name == "forward")
        await made(house, thing)
        parts = [{"sample": 0.5}, {"content": "full"}, {"quiet_s": 20}, {"headers": {"x-team": "one"}}]
        answers = await asyncio.gather(*(house.admin.patch(thing.at, json=part) for part in parts))
        assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
        now = (await house.admin.get(thing.at)).json()
        assert (now["sample"], now["content"], now["quiet_s"], list(now["headers"])) == (0.5, "full", 20, ["x-team"])
        assert now["revision"] == 5

    run(story)
