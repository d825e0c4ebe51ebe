"""How long data is kept, what goes for its age, and erasing one person's data, with its receipt."""

import json
import re
from typing import Any

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import Request, Route, expect

from patience import PATIENCE_MS

pytestmark = pytest.mark.browser
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def kept(at: House) -> House:
    """A project of its own with calls of two users."""
    at.project("kept")
    lab = next(each for each in at.server.api("/projects/default/providers")["items"] if each["name"] == "lab")
    api = at.client
    given = {"name": "lab", "dialect": "openai_chat", "base_url": lab["base_url"], "api_key": "sk-of-the-lab-1234"}
    api.post("/api/v1/projects/kept/providers", json=given).raise_for_status()
    model = {"name": "fast", "provider": "lab", "upstream": "gpt-4o-mini"}
    api.post("/api/v1/projects/kept/models", json=model).raise_for_status()
    key = api.post("/api/v1/projects/kept/keys", json={"name": "k", "role": "client"}).json()["secret"]
    for user in ("ann", "ann", "bob"):
        body = {"model": "fast", "user": user, "messages": [{"role": "user", "content": f"I am {user}"}]}
        headers = {"authorization": f"Bearer {key}"}
        api.post("/v1/chat/completions", json=body, headers=headers).raise_for_status()
    at.server.settled()
    return at


def test_rules_are_changed_with_what_would_go_beside_them(kept: House, visitor: Visitor) -> None:
    page = visitor.go("/p/kept/retention")
    content = page.get_by_role("group", name="Content")
    expect(content).to_contain_text("kept for ever")
    content.get_by_label("Days").fill("0")
    expect(content).to_contain_text("Whole days, 1 to 36,500")
    content.get_by_label("Days").fill("30")
    expect(content).to_contain_text("0 rows are over age now")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_attribute("aria-disabled", "true")
    rules = {each["kind"]: each["days"] for each in kept.server.api("/projects/kept/retention")["items"]}
    assert rules == {"content": 30, "spans": None, "scores": None, "ledger": None}
    page.reload()
    expect(content.get_by_label("Days")).to_have_value("30")


@pytest.mark.usefixtures("kept")
def test_what_would_go_is_said_before_it_goes(visitor: Visitor) -> None:
    """Answered here: no row of the house is old enough."""
    now = 1_790_000_000_000
    items = [{"kind": kind, "before": None, "rows": 0} for kind in ("content", "scores", "ledger")]
    items.append({"kind": "spans", "before": now - 7 * DAY_MS, "rows": 1234})
    visitor.answers("/projects/kept/retention/preview?*", {"items": items})
    run: dict[str, Any] = {
        "id": "run_1", "state": "running", "started": now, "finished": None, "removed": [], "blobs": 0,
        "blob_bytes": 0, "problem": "",
    }  # fmt: skip
    gone = {"kind": "spans", "table": "spans", "before": now, "rows": 1234}
    done = {**run, "state": "done", "finished": now + 5, "removed": [gone], "blobs": 3, "blob_bytes": 4096}
    asked: list[str] = []

    def answer(route: Route, request: Request) -> None:
        method = request.method
        asked.append(method)
        started = "POST" in asked
        shown = [done] if asked.count("GET") > 2 and started else [run] if started else []
        page: dict[str, Any] = {"items": shown, "cursor": None}
        route.fulfill(status=201 if method == "POST" else 200, json=run if method == "POST" else page)

    visitor.page.route(re.compile("/retention/runs"), answer)
    page = visitor.go("/p/kept/retention")
    expect(page.get_by_role("heading", name="No run yet")).to_be_visible()
    expect(page.get_by_role("group", name="Spans")).to_contain_text("1,234 rows are over age now")
    page.get_by_role("button", name="Remove it now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1,234 rows of spans, from before")
    dialog.get_by_role("button", name="Remove").click()
    runs = page.get_by_role("table", name="Runs")
    expect(runs).to_contain_text("running")
    expect(runs).to_contain_text("1,234 rows of spans")
    expect(runs).to_contain_text("done")


def test_a_user_is_erased_after_what_goes_was_read_and_the_receipt_is_kept(kept: House, visitor: Visitor) -> None:
    page = visitor.go("/p/kept/erasures")
    expect(page.get_by_role("heading", name="Nothing was erased yet")).to_be_visible()
    page.get_by_role("button", name="Erase…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The user, exactly as your application sends it").fill("ann")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("2 traces of this user are in the store")
    expect(dialog).to_contain_text("The ledger keeps usage and cost")
    dialog.get_by_role("button", name="Erase for good").click()
    detail = page.get_by_test_id("erasure")
    expect(detail).to_contain_text("done", timeout=PATIENCE_MS)
    expect(detail).to_contain_text("What was looked at in the end")
    expect(page).to_have_url(re.compile("show=era_"))
    visitor.page.add_init_script(path=AXE)
    page.reload()
    expect(detail).to_contain_text("done")
    assert not visitor.looked_at("erasure-done")
    with page.expect_download() as downloading:
        detail.get_by_role("link", name=re.compile("^Receipt")).click()
    receipt = json.loads(downloading.value.path().read_text())
    assert (receipt["state"], receipt["traces"]) == ("done", 2)
    assert "ann" not in json.dumps(receipt["digest"])
    assert {row["user"] for row in kept.server.traces("kept")} == {"bob"}
    page.keyboard.press("Escape")
    expect(page.get_by_role("table", name="Erasures").get_by_role("row")).to_have_count(2)
