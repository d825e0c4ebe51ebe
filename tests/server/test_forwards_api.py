"""Destinations over the API and in the config file: secrets are sealed and never shown, wrong ones are told by line."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

from trimtab.core.errors import InvalidRequest
from trimtab.governance.access import Project
from trimtab.server.config.file import parse
from trimtab.server.duties.forwarding import forward_lines
from trimtab.telemetry.forward import store
from trimtab.telemetry.forward.store import Event, State

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/forwards"
SECRET = "a-secret-nobody-may-see"
HOOK: dict[str, Any] = {
    "name": "hook",
    "kind": "webhook",
    "url": "https://1.1.1.1/hook",
    "secret": SECRET,
    "headers": {"authorization": "Bearer hidden"},
}


async def tenant(house: House) -> Project:
    return next(each for each in house.holder.current.access.projects.values() if each.slug == "default")


def test_a_destination_is_made_shown_without_its_secrets_changed_and_removed(run: "Run") -> None:
    async def story(house: House) -> None:
        made = await house.admin.post(AT, json=HOOK)
        assert made.status_code == 201, made.text
        told = made.json()
        assert (told["standing"], told["content"], told["secret_hint"], told["delivered"]) == ("idle", "off", "-see", 0)
        assert "hidden" not in made.text
        assert SECRET not in made.text
        at_rest = await house.db.read(lambda conn: store.destinations(conn))
        assert "hidden" not in at_rest[0].sealed
        assert store.destination_of(house.box, at_rest[0]).secrets.secret == SECRET
        assert (await house.admin.post(AT, json=HOOK)).status_code == 409
        masked = told["headers"]
        changed = await house.admin.patch(f"{AT}/hook", json={"headers": masked, "enabled": False, "sample": 0.5})
        assert (changed.json()["standing"], changed.json()["sample"]) == ("paused", 0.5)
        [row] = await house.db.read(lambda conn: store.destinations(conn))
        kept = store.destination_of(house.box, row)
        assert (kept.secrets.headers, kept.secrets.secret) == ({"authorization": "Bearer hidden"}, SECRET)
        assert [each["name"] for each in (await house.admin.get(AT)).json()["items"]] == ["hook"]
        assert (await house.admin.delete(f"{AT}/hook")).status_code == 204
        assert (await house.admin.get(f"{AT}/hook")).status_code == 404
        assert (await house.admin.patch(f"{AT}/hook", json={})).status_code == 404
        assert (await house.admin.get(f"{AT}/hook/events")).status_code == 404

    run(story)


WRONG: tuple[dict[str, Any], ...] = (
    {"url": "http://127.0.0.1/x"}, {"url": "http://169.254.169.254/"}, {"url": "nowhere"}, {"secret": "short"},
    {"kind": "pigeon"}, {"filter": "nosuch:1"}, {"sample": 2}, {"quiet_s": 0}, {"unknown": 1},
    {"headers": {"x": "a\nb"}}, {"name": "A B"},
    {"kind": "kafka", "url": "kafka://h:1/t", "secret": "", "headers": {}, "options": {"ssl.key.location": "/x"}},
)  # fmt: skip


def test_what_makes_no_sense_is_refused(run: "Run") -> None:
    async def story(house: House) -> None:
        for change in WRONG:
            answer = await house.admin.post(AT, json={**HOOK, **change})
            assert answer.status_code == 400, (change, answer.text)
        assert (await house.admin.get(AT)).json()["items"] == []

    run(story)


def test_a_filter_that_cannot_be_read_any_more_is_shown_with_the_way_out_and_can_be_changed(run: "Run") -> None:
    async def story(house: House) -> None:
        assert (await house.admin.post(AT, json=HOOK)).status_code == 201
        how = store.FORWARDS.update().values(how='{"filter":"(status:error"}')  # as an older version may have taken it
        await house.db.write(lambda conn: conn.execute(how))
        told = (await house.admin.get(f"{AT}/hook")).json()
        assert told["standing"] == "idle"  # nobody serves it in this house
        assert told["problem"].startswith("Its filter cannot be read any more: ")
        assert "trimtab forwards change hook --filter" in told["problem"]
        changed = await house.admin.patch(f"{AT}/hook", json={"filter": "status:error"})
        assert (changed.status_code, changed.json()["problem"]) == (200, "")

    run(story)


def test_events_are_listed_page_by_page_replayed_and_dropped(run: "Run") -> None:
    async def story(house: House) -> None:
        await house.admin.post(AT, json=HOOK)
        project = await tenant(house)
        events = [
            Event(
                id=f"evt_{number}", project_id=project.id, name="hook", state="failed", trace_id="t", at_ns=number,
                node="n", tries=3, next_try=0, status=422, problem="no", first_tried=1, last_tried=2,
            )
            for number in range(3)
        ]  # fmt: skip
        held = await house.db.write(lambda conn: store.take(conn, project.id, "hook", "me", 1, hold_ms=10, gone=""))
        assert held
        state = State(project_id=project.id, name="hook", since=1, failed=3, tries=2, problem="no")
        assert await house.db.write(lambda conn: store.settle(conn, state, "me", events, []))
        first = (await house.admin.get(f"{AT}/hook/events", params={"limit": 2})).json()
        rest = (await house.admin.get(f"{AT}/hook/events", params={"cursor": first["cursor"]})).json()
        assert [each["id"] for each in first["items"] + rest["items"]] == ["evt_0", "evt_1", "evt_2"]
        assert (await house.admin.post(f"{AT}/hook/replay", json={"event": "evt_1"})).json() == {"events": 1}
        assert (await house.admin.post(f"{AT}/hook/replay", json={"event": "evt_1"})).status_code == 404
        assert (await house.admin.delete(f"{AT}/hook/events/evt_0")).status_code == 204
        assert (await house.admin.delete(f"{AT}/hook/events/evt_0")).status_code == 404
        trail = (await house.admin.get("/api/v1/projects/default/audit")).json()["items"]
        assert [(e["action"], e["detail"]) for e in trail[:2]] == [
            ("forward.event_dropped", {"event": "evt_0"}), ("forward.replayed", {"event": "evt_1"}),
        ]  # fmt: skip
        told = (await house.admin.get(f"{AT}/hook")).json()
        assert (told["failed"], told["failed_now"], told["retrying"], told["tries"]) == (3, 1, 1, 0)
        assert (await house.admin.post(f"{AT}/hook/replay", json={})).json() == {"events": 1}

    run(story)


def test_what_the_config_file_declares_is_shown_and_cannot_be_changed_over_the_api(run: "Run") -> None:
    text = "forwards:\n  hook:\n    kind: webhook\n    url: https://1.1.1.1/x\n    secret: env:HOOK\n"
    config = parse(text, "trimtab.yaml", {"HOOK": SECRET})

    async def story(house: House) -> None:
        [told] = (await house.admin.get(AT)).json()["items"]
        assert (told["source"], told["url"], told["secret_hint"]) == ("config", "https://1.1.1.1/x", "-see")
        for answer in (
            await house.admin.post(AT, json=HOOK),
            await house.admin.patch(f"{AT}/hook", json={"enabled": False}),
            await house.admin.delete(f"{AT}/hook"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "declared_in_config")

    run(story, config=config)


def test_mistakes_in_the_file_are_told_with_their_lines() -> None:
    text = (
        "forwards:\n"
        "  a:\n    kind: pigeon\n    url: https://x.example/\n"
        "  b:\n    kind: otlp\n    url: nowhere\n"
        "  c:\n    kind: webhook\n    url: https://x.example/\n"
        "  d:\n    kind: otlp\n    url: https://x.example/\n    filter: nosuch:1\n    sample: 3\n"
        "  e:\n    kind: kafka\n    url: kafka://h:1/t\n    options: {plugin.library.paths: /x}\n"
    )
    with pytest.raises(InvalidRequest) as told:
        parse(text, "f.yaml", {})
    said = str(told.value)
    for line in ("f.yaml:3: There is no kind 'pigeon'", "f.yaml:7: ", "f.yaml:8: ", "f.yaml:15: ", "f.yaml:19: "):
        assert line in said, said


def test_metrics_have_a_line_for_each_destination() -> None:
    state = State(
        project_id="p", name="hook", since=0, delivered=12_345_678, failed=2, passed_over=3, tries=1, waiting_since=4000
    )
    text = forward_lines([state], {"p": "shop"}.__getitem__, 10_000).decode()
    labels = '{project="shop",destination="hook"}'
    for line in (
        f"trimtab_forward_delivered{labels} 12345678",
        f"trimtab_forward_failed{labels} 2",
        f"trimtab_forward_passed_over{labels} 3",
        f"trimtab_forward_lag_seconds{labels} 6",
        f"trimtab_forward_failing{labels} 1",
    ):
        assert line in text.splitlines()
    assert forward_lines([], str, 0) == b""
