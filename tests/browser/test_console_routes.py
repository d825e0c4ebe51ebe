"""Routes: the tree with its live targets, what it would decide, what it decided, and its editing."""

import re

import httpx
import pytest
from browsing import AXE, PHONE, House, Visitor, ask
from playwright.sync_api import expect

from patience import PATIENCE_S

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


@pytest.fixture(scope="module")
def replaying(at: House) -> str:
    """A project with a route and calls on record of both its targets."""
    at.project("replaying")
    base = "/api/v1/projects/replaying"
    [lab] = [one for one in at.server.api("/projects/default/providers")["items"] if one["name"] == "lab"]
    made: list[tuple[str, dict[str, object]]] = [
        ("providers", {"name": "lab", "base_url": lab["base_url"], "api_key": "sk-of-the-lab"}),
        ("models", {"name": "large", "provider": "lab", "upstream": "gpt-4o", "price": {"input": 5, "output": 20}}),
        ("models", {"name": "quick", "provider": "lab", "upstream": "gpt-4o-mini", "price": {"input": 1, "output": 4}}),
        ("routes", {"name": "smart", "tree": {"node": "fallback", "of": ["large", "quick"]}}),
    ]
    for kind, body in made:
        at.client.post(f"{base}/{kind}", json=body).raise_for_status()
    key = at.client.post(f"{base}/keys", json={"name": "app"}).raise_for_status().json()["secret"]
    with httpx.Client(base_url=at.url, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_S) as app:
        for model in ["smart"] * 4 + ["quick"] * 20:
            app.post("/v1/chat/completions", json=ask(model, "Which way is north?")).raise_for_status()
    at.server.settled()
    return "replaying"


def test_a_draft_is_held_against_real_calls_and_taken_into_the_editor(
    at: House, visitor: Visitor, replaying: str
) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{replaying}/routes")
    page.get_by_role("button", name="What if…").click()
    panel = page.get_by_role("region", name="What if smart were another")
    draft = panel.get_by_role("textbox", name="Draft")
    draft.fill('{"node": "cheapest", "of": ["large", "quick"]')
    expect(panel.get_by_role("button", name="What would this have done?")).to_be_disabled()
    draft.fill('{"node": "cheapest", "of": ["large", "quick"]}')
    panel.get_by_role("button", name="What would this have done?").click()
    expect(panel.get_by_role("status")).to_have_text(
        re.compile(
            r"^4 calls would go elsewhere; it would have cost about \$0\.0\d+ instead of \$0\.0\d+ \(−\d+ %\)\.$"
        )
    )
    figures = panel.get_by_role("table", name="What would have changed")
    expect(figures.get_by_role("row").nth(1)).to_contain_text(re.compile(r"Cost of them all.*\$0\.0\d+"))
    where = panel.get_by_role("table", name="Where calls would go")
    expect(where.get_by_role("row").filter(has_text="quick")).to_contain_text("20")
    changes = panel.get_by_role("table", name="Calls that change")
    expect(changes.get_by_role("row")).to_have_count(5)
    visitor.page.reload()
    expect(changes.get_by_role("row")).to_have_count(5)  # the address has it
    assert not visitor.looked_at("replay")
    panel.get_by_role("button", name="Edit the route so").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_role("textbox", name="Tree")).to_have_value(re.compile("cheapest"))
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("list", name="The tree of smart")).to_contain_text("the cheapest for this call")
    saved = at.server.api(f"/projects/{replaying}/routes/smart")
    assert saved["tree"] == {"node": "cheapest", "of": ["large", "quick"]}


def test_a_call_that_would_change_leads_to_its_trace_and_the_calls_to_their_list(
    visitor: Visitor, replaying: str
) -> None:
    page = visitor.go(f"/p/{replaying}/routes?edit=smart")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Tree").fill('"quick"')
    form.get_by_role("button", name="What would this have done?").click()
    panel = page.get_by_role("region", name="What if smart were another")
    expect(panel.get_by_role("status")).to_contain_text("4 calls would go elsewhere")
    panel.get_by_role("link", name="4 calls found").click()
    expect(page).to_have_url(re.compile("/traces"))
    expect(page.get_by_text("4 call", exact=False).first).to_be_visible()
    page.go_back()
    panel.get_by_role("table", name="Calls that change").get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/traces/.*view=decision"))
    expect(page.get_by_test_id("decision")).to_contain_text("Route smart")


def test_what_a_replay_cannot_know_and_what_it_finds_none_of_is_told(visitor: Visitor, replaying: str) -> None:
    page = visitor.go(f"/p/{replaying}/routes?replay=smart&q=feature:nobody&at=1700000000000")
    panel = page.get_by_role("region", name="What if smart were another")
    expect(panel).to_contain_text("No call of this time reached a provider")
    panel.get_by_role("textbox", name="Calls").fill('model:"quick"')
    panel.get_by_role("textbox", name="Draft").fill('"large"')
    panel.get_by_role("button", name="What would this have done?").click()
    expect(panel.get_by_role("status")).to_contain_text("what it would have cost cannot be said")
    expect(panel.get_by_role("list", name="What to bear in mind")).to_contain_text("Not enough data: lab gpt-4o has 4")
    panel.get_by_role("textbox", name="Calls").fill("model:(")
    panel.get_by_role("button", name="What would this have done?").click()
    expect(panel.get_by_role("alert")).to_be_visible()


def test_only_routes_in_sight_are_asked_about_their_last_calls(at: House, visitor: Visitor) -> None:
    at.project("many-routes")
    base = "/api/v1/projects/many-routes"
    long = "a-name-that-is-longer-than-a-phone-is-wide-" + "x" * 60
    lab = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1"}
    at.client.post(f"{base}/providers", json=lab).raise_for_status()
    at.client.post(f"{base}/models", json={"name": long, "provider": "lab"}).raise_for_status()
    for number in range(40):
        tree = {"node": "fallback", "of": [long]}
        at.client.post(f"{base}/routes", json={"name": f"route-{number:02}", "tree": tree}).raise_for_status()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url) if "/traces?" in request.url else None)
    page = visitor.go("/p/many-routes/routes")
    first = page.get_by_role("region", name="Last decisions of route-00")
    expect(first).to_contain_text("Nobody has called it")
    visitor.at_rest()
    assert not any("route-39" in url for url in asked)
    assert len(asked) < 20
    last = page.get_by_role("region", name="Last decisions of route-39")
    last.scroll_into_view_if_needed()
    expect(last).to_contain_text("Nobody has called it")
    visitor.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    visitor.at_rest()
    assert visitor.width() <= PHONE[0]
    visitor.go("/p/many-routes/providers")
    visitor.at_rest()
    assert visitor.width() <= PHONE[0]
