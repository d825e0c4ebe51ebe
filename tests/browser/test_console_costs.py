"""Costs: the sum and how sure it is, by any dimension, what is wasted, and the way to the calls behind it."""

import re
from decimal import Decimal

import pytest
from browsing import House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_sum_is_that_of_the_books_and_says_what_it_lacks(at: House, visitor: Visitor) -> None:
    totals = at.server.api("/projects/default/costs")["totals"]
    assert Decimal(totals["cost"]) > 0
    assert totals["unpriced"] > 0
    page = visitor.go("/p/default/costs")
    tiles = page.get_by_test_id("cost-tiles")
    expect(tiles).to_contain_text("≥ $0.0")
    expect(tiles).to_contain_text(f"{totals['calls']} calls")
    expect(tiles).to_contain_text("set a price for them")


def test_the_grouping_is_in_the_address_and_a_group_narrows_the_page(visitor: Visitor) -> None:
    page = visitor.go("/p/default/costs?by=feature")
    table = page.get_by_role("table", name="Costs by feature")
    expect(table.get_by_role("row").nth(1)).to_contain_text("search")
    table.get_by_role("button", name="translate").click()
    expect(page).to_have_url(re.compile("q=feature:translate"))
    expect(page.get_by_role("textbox", name="Filter")).to_have_value("feature:translate")
    expect(table.get_by_role("row")).to_have_count(2)
    page.go_back()
    expect(table.get_by_role("row").nth(4)).to_be_visible()


def test_the_calls_of_a_group_are_found_with_as_many_as_the_row_says(visitor: Visitor) -> None:
    page = visitor.go("/p/default/costs?by=feature&range=24h")
    row = page.get_by_role("table", name="Costs by feature").get_by_role("row").filter(has_text="translate")
    many = int(row.get_by_title("See these calls").inner_text())
    row.get_by_title("See these calls").click()
    expect(page).to_have_url(re.compile("/traces"))
    expect(page.get_by_text(f"{many} call", exact=False).first).to_be_visible()


@pytest.mark.parametrize("by", ["asked", "name"])
def test_a_name_can_be_chosen(by: str, visitor: Visitor) -> None:
    page = visitor.go(f"/p/default/costs?by={by}")
    table = page.get_by_role("table", name=f"Costs by {by}")
    table.get_by_role("button", name="fast").first.click()
    expect(page.get_by_role("textbox", name="Filter")).to_have_value(re.compile(f"^{by}:"))
    expect(table.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_what_has_no_price_is_shown_when_asked_for(visitor: Visitor) -> None:
    page = visitor.go("/p/default/costs")
    page.get_by_role("button", name="see which").click()
    expect(page.get_by_role("textbox", name="Filter")).to_have_value("priced:false")
    expect(page.get_by_test_id("cost-tiles")).to_contain_text("no price")


def test_a_key_leads_to_its_costs(at: House, visitor: Visitor) -> None:
    at.client.post("/api/v1/projects/default/keys", json={"name": "spender"}).raise_for_status()
    page = visitor.go("/p/default/keys")
    page.get_by_role("row").filter(has_text="spender").get_by_role("link", name="its costs").click()
    expect(page.get_by_role("textbox", name="Filter")).to_have_value(re.compile("^key:key_"))
    expect(page.get_by_text("No attempts in this range match the filter.")).to_be_visible()  # it has made no call


def test_waste_is_named_with_its_amount(visitor: Visitor) -> None:
    page = visitor.go("/p/default/costs")
    waste = page.get_by_role("region", name="Waste")
    expect(waste).to_contain_text(re.compile("Asked again|Failed|Asked before|Nothing"))
    expect(waste).not_to_contain_text("undefined")


def test_the_dearest_call_leads_to_its_trace(visitor: Visitor) -> None:
    page = visitor.go("/p/default/costs")
    calls = page.get_by_role("table", name="Most expensive calls")
    calls.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}"))


def test_the_page_downloads_what_it_shows(visitor: Visitor) -> None:
    page = visitor.go("/p/default/costs?by=model&range=1h")
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    lines = started.value.path().read_text().splitlines()
    assert lines[0].startswith("group,label,calls")
    assert any(line.startswith("gpt-4o-mini") for line in lines[1:])


def test_energy_is_told_when_asked_as_a_range_with_the_unknown_counted(at: House, visitor: Visitor) -> None:
    told = at.client.get("/api/v1/projects/default/costs", params={"energy": "true"}).json()["energy"]
    assert told["unknown"] > 0
    page = visitor.go("/p/default/costs")
    energy = page.get_by_test_id("energy")
    expect(page.get_by_test_id("cost-tiles")).to_be_visible()
    expect(energy).to_have_count(0)
    page.get_by_role("button", name="Energy").click()
    expect(page).to_have_url(re.compile("energy=1"))
    expect(energy).to_contain_text(re.compile(r"[\d.]+–[\d.]+ m?Wh"))
    expect(energy).to_contain_text(f"{told['known']} attempts with an estimate")
    expect(energy).to_contain_text(re.compile("attempts?, not in the sums"))
    page.get_by_role("button", name="Energy").click()
    expect(energy).to_have_count(0)
    visitor.go("/p/default/costs?energy=1&q=model:gpt-4o%3F*")
    expect(energy).to_contain_text("nobody has an estimate")


def test_a_filter_that_does_not_parse_is_told_so(visitor: Visitor) -> None:
    page = visitor.go("/p/default/costs?q=nonsense:1")
    expect(page.get_by_role("alert")).to_contain_text("nonsense")


def test_a_project_without_calls_is_shown_how_to_make_one(visitor: Visitor) -> None:
    page = visitor.go("/p/empty/costs")
    expect(page.get_by_role("heading", name="No call yet")).to_be_visible()
