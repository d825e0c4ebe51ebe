"""Limits and budgets: how far each is used, when it will be used up, and the rules themselves."""

import re

import httpx
import pytest
from browsing import AXE, House, Visitor, ask
from live import until
from playwright.sync_api import expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser


def test_a_limit_shows_what_is_used_of_its_bound(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/limits")
    pace = page.locator("[data-limit=pace]")
    calls = at.server.api("/projects/default/overview")["totals"]["calls"]
    hits = at.server.api("/projects/default/cache")["total"]["exact"]
    expect(pace).to_contain_text(f"{calls - hits} of 1,000 requests")
    expect(pace.get_by_role("progressbar")).to_be_visible()
    expect(pace.get_by_text("config file")).to_be_visible()
    spend = page.locator("[data-limit=search-spend]")
    expect(spend).to_contain_text("$5.00 each month, for each key, of feature search")
    expect(spend).to_contain_text(re.compile(r"\$0\.0\d+ of \$5\.00"))


def test_a_limit_leads_to_what_filled_it(visitor: Visitor) -> None:
    page = visitor.go("/p/default/limits")
    page.locator("[data-limit=search-spend]").get_by_role("link", name="What filled it").first.click()
    expect(page).to_have_url(re.compile(r"/costs\?.*feature"))
    expect(page.get_by_role("textbox", name="Filter")).to_have_value(re.compile(r"^feature:search key:key_"))
    expect(page.get_by_role("table", name="Costs by user").get_by_role("row").nth(1)).to_contain_text("$0.0")


def test_a_limit_that_was_used_up_leads_to_the_calls_it_refused(at: House, visitor: Visitor) -> None:
    at.project("refusing")
    made = [
        ("providers", {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-nobody-looks-at-it"}),
        ("models", {"name": "fast", "provider": "lab"}),
        ("limits", {"name": "only-one", "measure": "requests", "window": "day", "bound": "1"}),
    ]
    for kind, body in made:
        at.client.post(f"/api/v1/projects/refusing/{kind}", json=body).raise_for_status()
    key = at.client.post("/api/v1/projects/refusing/keys", json={"name": "app"}).raise_for_status().json()["secret"]
    bearer = {"authorization": f"Bearer {key}"}
    body = ask("fast", "May I?")
    with httpx.Client(base_url=at.url, headers=bearer, timeout=PATIENCE_S) as app:
        codes = [app.post("/v1/chat/completions", json=body).status_code for _ in range(2)]
    assert codes[1] == 429
    at.server.settled()
    visitor.page.add_init_script(path=AXE)
    page = visitor.go("/p/refusing/limits")
    expect(page.get_by_role("table", name="Events of limits")).to_contain_text("1 of 1 request")
    spent = page.get_by_test_id("spent-only-one")
    expect(spent).to_contain_text(re.compile("Calls are refused since .*, until it begins anew in .*429 limit_reached"))
    assert not visitor.looked_at("limits-spent")
    for leads in (page.get_by_role("link", name="refused since"), spent.get_by_role("link", name="Calls that were")):
        leads.click()
        expect(page).to_have_url(re.compile("error.*limit_reached"))
        told = page.get_by_text(re.compile("The limit 'only-one' of 1 request per day is reached"))
        expect(told.first).to_be_visible()
        page.go_back()
    spent.get_by_role("button", name="Raise it").click()
    form = page.get_by_role("dialog")
    form.get_by_label("How much").fill("9")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("[data-limit=only-one]")).to_contain_text("1 of 9 requests")
    expect(spent).to_have_count(0)


def test_a_limit_below_what_a_single_call_asks_for_tells_of_it(at: House, visitor: Visitor) -> None:
    at.project("too-tight")
    made = [
        ("providers", {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-nobody-looks-at-it"}),
        ("models", {"name": "fast", "provider": "lab"}),
        ("limits", {"name": "tight", "measure": "tokens", "window": "month", "bound": "500"}),
    ]
    for kind, body in made:
        at.client.post(f"/api/v1/projects/too-tight/{kind}", json=body).raise_for_status()
    key = at.client.post("/api/v1/projects/too-tight/keys", json={"name": "app"}).raise_for_status().json()["secret"]
    with httpx.Client(base_url=at.url, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_S) as app:
        refused = app.post("/v1/chat/completions", json=ask("fast", "May I?", max_tokens=4000))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "larger_than_limit")
    at.server.settled()
    told_of = "/projects/too-tight/limit-events"
    until(lambda: bool(at.server.api(told_of)["items"]), PATIENCE_S, lambda: "No event tells of it.")
    visitor.page.add_init_script(path=AXE)
    page = visitor.go("/p/too-tight/limits")
    told = page.get_by_test_id("larger-tight")
    expect(told).to_contain_text(re.compile(r"one of .* might have used 4,\d+ tokens.*400 larger_than_limit"))
    expect(page.get_by_role("table", name="Events of limits")).to_contain_text("larger than the whole limit")
    assert not visitor.looked_at("limits-larger")
    told.get_by_role("link", name="Calls that were too large").click()
    expect(page.get_by_text("more than the whole limit 'tight' of 500 tokens per month").first).to_be_visible()
    page.go_back()
    told.get_by_role("button", name="Raise it").click()
    form = page.get_by_role("dialog")
    form.get_by_label("How much").fill("9000")
    form.get_by_role("button", name="Save").click()
    expect(told).to_have_count(0)


def test_a_budget_burns_down_over_its_window(visitor: Visitor) -> None:
    page = visitor.go("/p/default/limits")
    spend = page.locator("[data-limit=search-spend]")
    spend.get_by_role("button", name="Burn-down").first.click()
    chart = spend.get_by_role("img", name="Burn-down of search-spend")
    expect(chart).to_have_accessible_name(re.compile(r"\$0\.0\d+ of \$5\.00 used"))
    expect(chart).to_be_visible()


def test_what_is_used_up_comes_first_and_is_told_in_words(visitor: Visitor) -> None:
    page = visitor.go("/p/default/limits")
    first = page.get_by_role("list", name="Limits").get_by_role("listitem").first
    expect(first).to_contain_text("vision-calls")
    expect(first).to_contain_text("used up")
    expect(page.get_by_role("table", name="Events of limits")).to_contain_text("soft limit passed")


def test_a_budget_says_which_models_it_will_refuse_before_it_is_there(visitor: Visitor) -> None:
    """The first that tells of it would otherwise be an application's error."""
    page = visitor.go("/p/default/limits?new=1")
    form = page.get_by_role("dialog")
    expect(form).to_contain_text("No price is known of broken, careful")
    form.get_by_text("Only tell").click()
    expect(form).not_to_contain_text("No price is known")


def test_a_limit_is_added_changed_and_deleted(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/empty/limits")
    expect(page.get_by_role("heading", name="Nothing is limited yet")).to_be_visible()
    page.get_by_role("button", name="Add a limit").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("team budget")
    form.get_by_role("button", name="Add").click()
    expect(form).to_contain_text("Lower-case letters")
    expect(form).to_contain_text("US dollars, for example")
    form.get_by_role("textbox", name="Name").fill("team-budget")
    form.get_by_role("textbox", name="How much").fill("25")
    form.get_by_role("button", name="Add").click()
    card = page.locator("[data-limit=team-budget]")
    expect(card).to_contain_text("$25.00 each month")
    card.get_by_role("button", name="Edit team-budget").click()
    form.get_by_role("textbox", name="How much").fill("30")
    form.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("$30.00 each month")
    assert at.server.api("/projects/empty/limits")["items"][0]["bound"] == "30"
    card.get_by_role("button", name="Delete team-budget").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Nothing is limited yet")).to_be_visible()
    assert at.server.api("/projects/empty/limits")["items"] == []


def test_what_the_server_refuses_is_told_in_the_form(visitor: Visitor) -> None:
    page = visitor.go("/p/empty/limits?new=1")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("night")
    form.get_by_role("textbox", name="How much").fill("5")
    form.get_by_role("textbox", name="Time zone").fill("Atlantis/Deep")
    form.get_by_role("button", name="Add").click()
    expect(form.get_by_role("alert")).to_contain_text("Atlantis/Deep")


def test_a_limit_that_somebody_changed_meanwhile_is_not_written_over(at: House, visitor: Visitor) -> None:
    at.project("shared-limits")
    limits = "/api/v1/projects/shared-limits/limits"
    rule = {"measure": "requests", "window": "day", "bound": "5"}
    at.client.post(limits, json={"name": "calls", **rule}).raise_for_status()
    visitor.page.clock.install()
    page = visitor.go("/p/shared-limits/limits")
    page.locator("[data-limit=calls]").get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="How much").fill("7")
    at.client.put(f"{limits}/calls", json={**rule, "bound": "9"}).raise_for_status()
    with page.expect_response(lambda each: each.url.endswith(limits)):
        page.clock.fast_forward(16_000)
    expect(page.locator("[data-limit=calls]")).to_contain_text("of 9 requests")
    form.get_by_role("button", name="Save").click()
    told = form.get_by_role("alert")
    expect(told).to_contain_text("was changed by")
    expect(told.get_by_role("row", name="bound")).to_have_text("bound597")
    assert at.server.api("/projects/shared-limits/limits")["items"][0]["bound"] == "9"
    told.get_by_role("button", name="Put my changes on top").click()
    expect(told).to_have_count(0)
    expect(form.get_by_role("textbox", name="How much")).to_have_value("7")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    assert at.server.api("/projects/shared-limits/limits")["items"][0]["bound"] == "7"
