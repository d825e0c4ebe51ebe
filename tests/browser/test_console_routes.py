"""Routes: the tree with its live targets, what it would decide, what it decided, and its editing."""

import re

import pytest
from browsing import House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_route_is_a_tree_with_its_targets_health(visitor: Visitor) -> None:
    page = visitor.go("/p/default/routes")
    tree = page.get_by_role("list", name="The tree of smart")
    lines = tree.get_by_role("listitem")
    expect(lines).to_have_count(7)
    expect(lines.nth(1)).to_contain_text("if feature bulk")
    expect(lines.nth(3)).to_contain_text("flaky")
    expect(lines.nth(3)).to_contain_text("failing")
    expect(lines.nth(5)).to_contain_text("fast")
    expect(lines.nth(5)).to_contain_text("healthy")


def test_its_last_decisions_lead_to_their_records(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/routes")
    last = page.get_by_role("region", name="Last decisions of smart")
    last.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(at.traces["routed"]))
    record = page.get_by_test_id("decision")
    expect(record).to_contain_text("Route smart")
    expect(record).to_contain_text("took otherwise")
    expect(record).to_contain_text("tree.otherwise.of[0]")


def test_a_dry_run_says_what_would_be_decided_and_asks_nobody(at: House, visitor: Visitor) -> None:
    before = at.server.api("/projects/default/overview")["totals"]["calls"]
    page = visitor.go("/p/default/routes?explain=smart")
    form = page.get_by_role("region", name="Explain smart")
    form.get_by_role("textbox", name="Headers").fill("trimtab-feature: bulk")
    form.get_by_role("button", name="Decide").click()
    expect(form).to_contain_text("Would be asked, in this order: cached")
    assert at.server.api("/projects/default/overview")["totals"]["calls"] == before


def test_a_route_is_added_and_the_server_names_the_node_of_a_mistake(at: House, visitor: Visitor) -> None:
    at.client.post("/api/v1/projects", json={"slug": "routed", "name": "Routed"}).raise_for_status()
    lab = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1"}
    at.client.post("/api/v1/projects/routed/providers", json=lab).raise_for_status()
    at.client.post("/api/v1/projects/routed/models", json={"name": "fast", "provider": "lab"}).raise_for_status()
    page = visitor.go("/p/routed/routes")
    expect(page.get_by_role("heading", name="No route yet")).to_be_visible()
    page.get_by_role("button", name="Add a route").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("smart")
    form.get_by_role("textbox", name="Tree").fill('{"node": "fallback", "of": ["fast", "missing"]}')
    form.get_by_role("button", name="Add").click()
    expect(form.get_by_role("alert")).to_contain_text("tree.of[1]")
    form.get_by_role("textbox", name="Tree").fill('{"node": "fallback", "of": [')
    expect(form.get_by_role("button", name="Add")).to_be_disabled()
    form.get_by_role("textbox", name="Tree").fill('{"node": "weights", "of": [{"weight": 1, "use": "fast"}]}')
    form.get_by_role("button", name="Add").click()
    expect(page.get_by_role("list", name="The tree of smart")).to_contain_text("100 %")
