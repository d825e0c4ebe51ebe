"""The overview: six numbers, four charts, one table, and the way from each to the calls behind it."""

import re

import pytest
from browsing import House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_numbers_are_those_of_the_api(at: House, visitor: Visitor) -> None:
    totals = at.server.api("/projects/default/overview")["totals"]
    page = visitor.go("/p/default/overview")
    tiles = page.get_by_test_id("tiles")
    expect(tiles.get_by_role("link", name=re.compile("^Calls"))).to_contain_text(str(totals["calls"]))
    expect(tiles.get_by_role("link", name=re.compile("^Errors"))).to_contain_text(str(totals["errors"]))
    expect(tiles.get_by_role("link", name=re.compile("^Cost"))).to_contain_text("$0.0")
    expect(page.locator("canvas")).to_have_count(4)


def test_a_number_leads_to_the_traces_behind_it(visitor: Visitor) -> None:
    page = visitor.go("/p/default/overview?range=1h")
    page.get_by_test_id("tiles").get_by_role("link", name=re.compile("^Errors")).click()
    expect(page).to_have_url(re.compile(r"/traces\?range=1h&q=status:error"))
    expect(page.get_by_test_id("chip")).to_contain_text("status:error")
    page.go_back()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_the_grouping_and_the_sorting_are_in_the_address(visitor: Visitor) -> None:
    page = visitor.go("/p/default/overview")
    page.get_by_text("Feature", exact=True).click()
    table = page.get_by_role("table", name="Calls by feature")
    expect(table.get_by_role("row").nth(1)).to_contain_text("search")
    expect(page).to_have_url(re.compile("by=feature"))
    table.get_by_role("button", name="feature").click()
    expect(table.get_by_role("row").nth(1)).to_contain_text("digest")
    expect(page).to_have_url(re.compile("sort=group"))
    page.reload()
    expect(table.get_by_role("row").nth(1)).to_contain_text("digest")
    table.get_by_role("link", name="translate").click()
    expect(page).to_have_url(re.compile("q=feature:translate"))


def test_a_range_without_calls_is_not_shown_as_zeros(visitor: Visitor) -> None:
    page = visitor.go("/p/empty/overview")
    expect(page.get_by_role("heading", name="No call yet")).to_be_visible()


def test_whoever_has_nothing_yet_is_led_to_a_provider_first(visitor: Visitor) -> None:
    """A model has to be somebody's: without a provider the page of models leads nowhere."""
    page = visitor.go("/p/empty/overview")
    page.get_by_role("button", name="Add a provider").click()
    expect(page).to_have_url(re.compile(r"/p/empty/providers\?new=1"))


def test_dragging_on_a_chart_narrows_the_range_once(visitor: Visitor) -> None:
    page = visitor.go("/p/default/overview?range=6h")
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    page.wait_for_timeout(300)
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"start=\d+&end=\d+"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"range=6h$"))
