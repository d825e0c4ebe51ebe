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


def test_what_holds_for_a_name_is_set_changed_and_removed(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/empty/cache")
    section = page.get_by_role("region", name="What holds by name", exact=True)
    section.get_by_role("button", name="Add a name").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Called name").fill("openai/gpt-4o")
    form.get_by_text("The same meaning").click()
    form.get_by_label("Keep for (minutes)").fill("0")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_text("Minutes above 0.")).to_be_visible()
    form.get_by_label("Keep for (minutes)").fill("90")
    form.get_by_role("switch", name="Shorten long conversations").click(force=True)
    form.get_by_label("Tokens of a conversation at most").fill("4000")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    row = section.get_by_role("row").nth(1)
    expect(row).to_contain_text("the same meaning, 90 min")
    expect(row).to_contain_text("at most 4000 tokens, the last 2 turns whole")
    [kept] = at.server.api("/projects/empty/policies")["items"]
    assert kept["cache"] == {"mode": "semantic", "ttl_s": 5400.0}
    row.get_by_role("button", name="Edit what holds for openai/gpt-4o").click()
    form.get_by_role("switch", name="Keep answers and give them again").click(force=True)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    expect(row.get_by_role("cell").nth(1)).to_have_text("off")
    row.get_by_role("button", name="Remove what holds for openai/gpt-4o").click()
    form.get_by_role("button", name="Remove").click()
    expect(section).to_contain_text("No name yet")
    assert at.server.api("/projects/empty/policies")["items"] == []


def test_what_somebody_changed_or_removed_meanwhile_is_told_and_nothing_typed_is_lost(
    at: House, visitor: Visitor
) -> None:
    at.project("shared-cache")
    where = "/api/v1/projects/shared-cache/policies/fast"
    at.client.put(where, json={"cache": {"mode": "exact", "ttl_s": 3600}}).raise_for_status()
    page = visitor.go("/p/shared-cache/cache")
    page.get_by_role("button", name="Edit what holds for fast").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Keep for (minutes)").fill("90")
    at.client.put(where, json={"cache": {"mode": "exact", "ttl_s": 1800}}).raise_for_status()
    form.get_by_role("button", name="Save").click()
    told = form.get_by_role("alert")
    expect(told).to_contain_text("was changed by")
    expect(told.get_by_role("row", name="minutes")).to_have_text(re.compile("60.*30.*90"))
    told.get_by_role("button", name="Put my changes on top").click()
    expect(told).to_have_count(0)
    at.client.delete(where).raise_for_status()
    form.get_by_role("button", name="Save").click()
    expect(told).to_contain_text("was removed by")
    expect(form.get_by_label("Keep for (minutes)")).to_have_value("90")
    assert at.server.api("/projects/shared-cache/policies")["items"] == []
