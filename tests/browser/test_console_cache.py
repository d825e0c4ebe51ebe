"""The cache: what it saved, by called name, and its purge."""

import re

import pytest
from browsing import House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_hits_misses_and_savings_are_those_of_the_api_and_a_purge_leaves_the_counts(
    at: House, visitor: Visitor
) -> None:
    page = visitor.go("/p/default/cache")
    expect(page.get_by_test_id("cache-tiles")).to_contain_text("2 of 3 look-ups")
    row = page.get_by_role("table", name="Cache by name").get_by_role("row").nth(1)
    expect(row).to_contain_text("kept")
    expect(row).to_contain_text("67 %")
    expect(row).to_contain_text(re.compile(r"\$0\.0\d+"))
    row.get_by_role("button", name="Purge kept").click()
    page.get_by_role("dialog").get_by_role("button", name="Purge").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    kept = at.server.api("/projects/default/cache")["items"][0]
    assert (kept["answers"], kept["exact"], kept["misses"]) == (0, 2, 1)


def test_a_project_that_keeps_nothing_is_shown_how(visitor: Visitor) -> None:
    page = visitor.go("/p/empty/cache")
    expect(page.get_by_role("heading", name="Nothing is cached yet")).to_be_visible()
