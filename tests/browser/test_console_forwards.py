"""Where closed traces go and how that fares, in the settings of a project."""

import json
from typing import Any

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import Request, Route, expect
from receivers import Answer, Receiver

pytestmark = pytest.mark.browser
NOW = 1_790_000_000_000
PROJECT = "posts"
AT = f"/api/v1/projects/{PROJECT}"
SECRET = "a-secret-of-the-tests-0123456789"


def destination(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "kind": "webhook", "url": "https://x.example/", "content": "off", "filter": "", "sample": 1.0,
        "quiet_s": 10.0, "root_wait_s": 120.0, "enabled": True, "headers": {}, "secret_hint": "", "options": {},
        "source": "catalog", "standing": "well", "problem": "", "delivered": 0, "failed": 0, "passed_over": 0,
        "retrying": 0, "failed_now": 0, "lag": 0, "tries": 0, "next_try": None, "last_delivered": None, "revision": 1,
        **more,
    }  # fmt: skip


def test_destinations_are_shown_and_what_failed_is_tried_again(visitor: Visitor) -> None:
    """Answered here: a destination of the house would have to fail first."""
    asked: list[Any] = []
    pager = destination(
        "pager", standing="failing", problem="It answered 503.", failed_now=3, failed=3, lag=61_000, tries=4
    )
    lake = destination("lake", kind="kafka", delivered=1_234_567, last_delivered=NOW)
    visitor.answers("/projects/default/forwards", {"items": [lake, pager], "cursor": None})

    def replay(route: Route, request: Request) -> None:
        asked.append(request.post_data_json)
        route.fulfill(status=201, content_type="application/json", body=json.dumps({"events": 3}))

    visitor.page.route("**/projects/default/forwards/pager/replay", replay)
    page = visitor.go("/p/default/settings")
    panel = page.get_by_role("region", name="Forwarding")
    expect(panel.get_by_role("row").nth(1)).to_contain_text("1,234,567")
    expect(panel.get_by_role("row").nth(2)).to_contain_text("It answered 503.")
    expect(panel.get_by_role("row").nth(2)).to_contain_text("61 s")
    panel.get_by_role("button", name="3, try again at pager").click()
    expect(panel.get_by_role("button", name="3, try again at pager")).to_be_enabled()
    assert asked == [{}]


def test_a_project_that_forwards_nowhere_is_told_how(visitor: Visitor) -> None:
    page = visitor.go("/p/default/settings")
    expect(page.get_by_role("region", name="Forwarding")).to_contain_text("trimtab forwards add")


def test_a_destination_is_made_tested_changed_and_removed_in_the_console(at: House, visitor: Visitor) -> None:
    at.project(PROJECT)
    visitor.page.add_init_script(path=AXE)
    away = True

    def answer(path: str, number: int) -> Answer:
        return (503 if away else 204), {}

    with Receiver(answer, SECRET) as receiver:
        page = visitor.go(f"/p/{PROJECT}/settings")
        panel = page.get_by_role("region", name="Forwarding", exact=True)
        panel.get_by_role("button", name="New destination").click()
        form = page.get_by_role("dialog")
        form.get_by_role("combobox", name="Kind").click()
        page.get_by_role("option", name="Webhook").click()
        form.get_by_role("button", name="Add").click()
        expect(form.get_by_text("An address such as https://hooks.example.com/trimtab.")).to_be_visible()
        expect(form.get_by_text("A webhook is signed with 16 to 500 characters")).to_be_visible()
        assert at.client.get(f"{AT}/forwards").json()["items"] == []

        form.get_by_role("textbox", name="Name").fill("pager")
        form.get_by_role("textbox", name="Address").fill(f"{receiver.url}/hook")
        form.get_by_role("button", name="Make one").click()
        assert form.get_by_label("Secret", exact=True).input_value().startswith("whsec_")
        form.get_by_label("Secret", exact=True).fill(SECRET)
        form.get_by_role("textbox", name="Headers").fill("x-team: sails and sheets")
        form.get_by_role("textbox", name="Only traces that match").fill("status:")
        assert visitor.looked_at("forward-form") == []
        form.get_by_role("button", name="Add").click()
        expect(form.get_by_role("alert")).to_be_visible()  # the server says what is wrong with the search
        form.get_by_role("textbox", name="Only traces that match").fill("status:error")
        form.get_by_role("button", name="Add").click()
        expect(form).to_have_count(0)

        panel.get_by_role("button", name="Test pager").click()
        expect(panel.get_by_role("alert")).to_contain_text("Test of pager: it did not arrive")
        expect(panel.get_by_role("alert")).to_contain_text("503")
        away = False
        panel.get_by_role("button", name="Test pager").click()
        expect(panel.get_by_role("status")).to_contain_text("Delivered (204).")
        assert [event["type"] for event in receiver.events] == ["test"]  # its signature was looked at there
        assert receiver.headers[-1]["x-team"] == "sails and sheets"
        assert visitor.looked_at("forward-tested") == []

    panel.get_by_role("button", name="Edit pager").click()
    expect(form.get_by_label("Secret (one ending in 6789 is kept)")).to_have_value("")
    expect(form.get_by_role("textbox", name="Headers")).to_have_value("x-team: ••••••••")
    assert SECRET not in page.content()
    assert "sails and sheets" not in page.content()
    form.get_by_role("textbox", name="Share of them").fill("12.5")
    at.client.patch(f"{AT}/forwards/pager", json={"filter": "status:ok"}).raise_for_status()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("was changed by")
    form.get_by_role("button", name="Put my changes on top").click()
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    now = at.client.get(f"{AT}/forwards/pager").json()
    assert (now["sample"], now["filter"], now["secret_hint"]) == (0.125, "status:ok", "6789")

    panel.get_by_role("button", name="Remove pager").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove it").click()
    expect(panel).to_contain_text("Closed traces go nowhere else.")
    assert at.client.get(f"{AT}/forwards").json()["items"] == []


def test_what_was_typed_stays_where_the_destination_was_removed_meanwhile(at: House, visitor: Visitor) -> None:
    made = {"name": "gone", "kind": "otlp", "url": "http://127.0.0.1:9/v1/traces"}
    at.client.post("/api/v1/projects/empty/forwards", json=made).raise_for_status()
    page = visitor.go("/p/empty/settings?edit=gone")
    form = page.get_by_role("dialog")
    address = form.get_by_role("textbox", name="Address")
    address.fill("http://127.0.0.1:9/v2")
    at.client.delete("/api/v1/projects/empty/forwards/gone").raise_for_status()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("What you wrote stays here")
    expect(address).to_have_value("http://127.0.0.1:9/v2")


def test_what_was_not_delivered_is_shown_tried_again_and_given_up(visitor: Visitor) -> None:
    """Answered here, as above."""
    visitor.page.add_init_script(path=AXE)
    asked: list[tuple[str, Any]] = []
    there = [
        {
            "id": f"e{number}", "state": state, "trace_id": f"{number}" * 32, "tries": 10 - number, "next_try": NOW,
            "status": 500, "problem": "Boom in the receiver.", "first_tried": NOW, "last_tried": NOW,
        }
        for number, state in enumerate(("failed", "retry"), 1)
    ]  # fmt: skip
    visitor.answers(
        "/projects/default/forwards", {"items": [destination("pager", failed_now=1, retrying=1)], "cursor": None}
    )
    visitor.answers("/projects/default/forwards/pager/events?*", {"items": there, "cursor": None})

    def told(route: Route, request: Request) -> None:
        asked.append((request.method, request.post_data_json if request.method == "POST" else request.url[-2:]))
        status, body = (201, {"events": 1}) if request.method == "POST" else (204, None)
        route.fulfill(status=status, content_type="application/json", body=json.dumps(body) if body else "")

    visitor.page.route("**/projects/default/forwards/pager/replay", told)
    visitor.page.route("**/projects/default/forwards/pager/events/e2", told)
    page = visitor.go("/p/default/settings")
    page.get_by_role("button", name="show 2 not delivered to pager").click()
    shown = page.get_by_role("dialog")
    expect(shown.get_by_role("row").nth(1)).to_contain_text("Boom in the receiver.")
    expect(shown.get_by_role("row").nth(2)).to_contain_text("is tried again")
    assert visitor.looked_at("forward-events") == []
    shown.get_by_role("button", name=f"Try {'1' * 32} again").click()
    shown.get_by_role("button", name=f"Give up {'2' * 32}").click()
    page.get_by_role("button", name="Give it up").click()
    expect(page.get_by_role("button", name="Give it up")).to_have_count(0)
    assert asked == [("POST", {"event": "e1"}), ("DELETE", "e2")]
