"""What surrounds every page: palette, help, appearance, server state, a phone."""

import re

import pytest
from browsing import House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_palette_goes_anywhere(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/overview")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("provid")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Providers")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type(at.traces["plain"])
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("verdict")).to_be_visible()


def test_a_question_mark_explains_the_keys_and_the_search(visitor: Visitor) -> None:
    page = visitor.go("/p/default/traces")
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("status:error")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_appearance_is_switched_and_kept(visitor: Visitor) -> None:
    page = visitor.go("/p/default/settings")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name=re.compile("^Appearance")).click()
    page.get_by_role("menuitem", name="Dark").click()
    assert page.evaluate(background) != light
    page.reload()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    assert page.evaluate(background) != light


def test_nothing_moves_for_whoever_wants_no_motion(visitor: Visitor) -> None:
    page = visitor.go("/p/default/traces?range=1h")
    visitor.at_rest()
    page.evaluate("""() => {
        window.moved = [];
        for (const kind of ["transitionrun", "animationiteration"]) {
            document.addEventListener(kind, (event) => window.moved.push(`${kind} of ${event.target.className}`));
        }
    }""")
    page.emulate_media(color_scheme="dark")
    visitor.at_rest()
    page.get_by_role("button", name=re.compile("^Appearance")).hover()
    visitor.at_rest()
    assert page.evaluate("window.moved") == []
    assert page.evaluate("document.getAnimations().length") == 0
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "down", "waiting": 120, "detail": "gone"}, ["Store down", "120 records safe on disk"]),
        ({"state": "full", "waiting": 3}, ["Store full", "3 records safe on disk"]),
        ({"waiting": 5200, "behind_ms": 8000}, ["Indexing", "5,200 waiting, 8.00 s behind"]),
        ({"rejected": 2}, ["Records set aside", "2 records unreadable"]),
    ],
)
def test_the_state_of_the_store_is_always_in_sight(
    at: House, visitor: Visitor, change: dict[str, object], words: list[str]
) -> None:
    status = at.server.api("/status")
    visitor.answers("/status", {**status, "telemetry": {**status["telemetry"], **change}})
    page = visitor.go("/p/default/keys")
    for text in words:
        expect(page.get_by_test_id("server-status")).to_contain_text(text)


def test_a_problem_shows_its_way_out(visitor: Visitor) -> None:
    problem = {
        "type": "about:blank", "title": "Unavailable", "status": 409, "code": "store_away", "request_id": "req_1",
        "detail": "The telemetry store does not answer.", "fix": "It is being restarted; try again in a moment.",
    }  # fmt: skip
    visitor.answers("/projects/default/models*", problem, status=409)
    page = visitor.go("/p/default/models")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The telemetry store does not answer.")
    expect(alert).to_contain_text("It is being restarted; try again in a moment.")
    expect(alert).to_contain_text("req_1")


def test_an_unknown_address_says_so(visitor: Visitor) -> None:
    page = visitor.go("/nowhere/at/all")
    expect(page.get_by_text("There is no page at this address")).to_be_visible()


def test_a_phone_reaches_every_page_by_the_menu(phone: Visitor) -> None:
    page = phone.go("/p/default/overview")
    page.get_by_role("button", name="Open the menu").click()
    page.get_by_role("link", name="Traces").click()
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
    page.locator("[data-trace]").first.click()
    expect(page.get_by_test_id("verdict")).to_be_visible()
    page.get_by_role("button", name="Traces").click()
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
