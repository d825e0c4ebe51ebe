"""Coming in: with a key, with a link, and not at all."""

import re

import pytest
from browsing import House, Visitor
from live import ADMIN
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_stranger_is_led_to_the_login_page_and_back_to_where_they_wanted(stranger: Visitor) -> None:
    page = stranger.go("/p/default/traces?range=1h&q=status:error")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.get_by_label("Admin or read-only key").fill(ADMIN)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/p/default/traces\?range=1h&q=status:error$"))


def test_a_wrong_key_is_refused_with_the_way_out(stranger: Visitor) -> None:
    page = stranger.go("/login")
    page.get_by_label("Admin or read-only key").fill("tt_" + "x" * 40)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("key", re.IGNORECASE))
    expect(page).to_have_url(re.compile(r"/login$"))


def test_a_login_link_opens_the_console_once_and_leaves_no_token_in_the_address(at: House, stranger: Visitor) -> None:
    link = at.client.post("/api/v1/login-links").json()["url"]
    token = link.partition("token=")[2]
    page = stranger.go(f"/login?token={token}")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert token not in page.url
    page.go_back()
    assert token not in page.url

    stranger.context.clear_cookies()
    stranger.go(f"/login?token={token}")
    expect(page.get_by_text("This login link was used already")).to_be_visible()
    assert token not in page.url


def test_logging_out_ends_the_session(alone: Visitor) -> None:
    page = alone.go("/p/default/settings")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Admin or read-only key")).to_be_visible()
    alone.go("/p/default/overview")
    expect(page).to_have_url(re.compile(r"/login\?next="))


def test_a_session_that_ends_under_an_open_page_leads_to_the_login_page(alone: Visitor) -> None:
    page = alone.go("/p/default/models")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    alone.context.clear_cookies()
    page.get_by_role("link", name="Keys").click()
    expect(page).to_have_url(re.compile(r"/login\?next="))


def test_a_session_that_ends_under_an_edit_says_so_once_and_lets_it_be_finished(at: House, alone: Visitor) -> None:
    page = alone.go("/p/default/limits?new=1")
    form = page.get_by_role("dialog", name="Add a limit")
    form.get_by_role("textbox", name="Name").fill("late-save")
    form.get_by_role("textbox", name="How much").fill("3")
    alone.context.clear_cookies()
    ended = page.get_by_role("dialog", name="Your session has ended")
    expect(ended.get_by_role("link", name="Sign in in another tab")).to_have_attribute("href", "/login")
    ended.get_by_role("button", name="Keep editing").click()
    expect(ended).to_be_hidden()
    with page.expect_response(lambda each: each.status == 401):
        pass  # what the page asks every few seconds is refused, and asks nobody again
    expect(page.get_by_test_id("server-status")).to_contain_text("Signed out")
    expect(ended).to_be_hidden()
    alone.log_in()
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form).to_be_hidden()
    expect(page.locator("[data-limit=late-save]")).to_contain_text("$3.00 each month")
    at.client.delete("/api/v1/projects/default/limits/late-save").raise_for_status()


def test_the_foot_of_the_sidebar_keeps_its_width_when_the_server_is_away(alone: Visitor) -> None:
    page = alone.go("/p/default/limits")
    expect(page.get_by_test_id("server-status")).to_contain_text("recorded")
    alone.page.route("**/api/v1/**", lambda route: route.abort())
    foot = page.get_by_test_id("server-status")
    expect(foot).to_contain_text("The Trimtab server does not answer.")
    box, side = foot.bounding_box(), page.get_by_role("complementary").first.bounding_box()
    assert box
    assert side
    assert box["x"] + box["width"] <= side["x"] + side["width"]


def test_a_read_only_key_sees_and_is_told_why_it_cannot_change(at: House, stranger: Visitor) -> None:
    issued = at.client.post("/api/v1/projects/default/keys", json={"name": "viewer", "role": "read_only"}).json()
    stranger.log_in(issued["secret"])
    page = stranger.go("/p/default/models")
    add = page.get_by_role("button", name="Add a model")
    expect(add).to_have_attribute("aria-disabled", "true")
    add.hover()
    expect(page.get_by_text("It takes the permission model:write, which you do not have here.")).to_be_visible()
