"""Money is shown in one way: in the currency of the project, with the same sum on every page that tells it."""

import csv
import io
import re
import time
from decimal import Decimal
from typing import Any

import pytest
from browsing import AXE, House, Visitor, ask
from live import ADMIN
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser

SLUG = "euros-everywhere"


def spend(at: House) -> float:
    """A project that pays in euros, two to the dollar, a limit it has, and what three calls of it cost."""
    at.project(SLUG)
    lab = next(each for each in at.server.api("/projects/default/providers")["items"] if each["name"] == "lab")
    path = f"/api/v1/projects/{SLUG}"
    price = {"input": "10000", "output": "40000"}
    for part, body in (
        ("providers", {"name": "lab", "kind": "custom", "base_url": lab["base_url"]}),
        ("models", {"name": "dear", "provider": "lab", "upstream": "gpt-4o-mini", "price": price}),
        ("limits", {"name": "month", "measure": "money", "bound": "2500", "window": "month"}),
    ):
        at.client.post(f"{path}/{part}", json=body).raise_for_status()
    at.client.patch(f"{path}/currency", json={"code": "EUR", "rate": "2"}).raise_for_status()
    made = at.client.post(f"{path}/keys", json={"name": "app", "role": "client", "expires": None}).json()
    for number in range(3):
        headers = {"authorization": f"Bearer {made['secret']}"}
        body = ask("dear", f"Question {number} of the shop", user="ada", max_tokens=40)
        answer = at.client.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.is_success, answer.text
    at.server.settled()
    now = int(time.time() * 1000)
    window = {"start": now - 3_600_000, "end": now + 60_000}
    return float(at.server.api(f"/projects/{SLUG}/costs", **window, group_by="day")["totals"]["cost"])


def test_every_page_shows_the_same_sum_in_the_currency_of_the_project(at: House, visitor: Visitor) -> None:
    dollars = spend(at)
    euros, of_books = f"EUR {2 * dollars:.2f}", f"${dollars:.2f}"
    assert dollars > 1, "so dear that two decimals tell it"
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{SLUG}/overview?range=1h")
    expect(page.get_by_test_id("tiles")).to_contain_text(euros)
    expect(page.get_by_role("region", name="Over time")).to_contain_text("EUR")
    for path in ("costs?range=1h", "users?range=1h", "users/ada?range=1h"):
        visitor.go(f"/p/{SLUG}/{path}")
        expect(page.get_by_role("main")).to_contain_text(euros)
        expect(page.get_by_role("main")).not_to_contain_text("$")
    visitor.go(f"/p/{SLUG}/limits")
    card = page.locator("[data-limit=month]")
    expect(card).to_contain_text(f"{euros} of EUR 5,000.00")
    page.get_by_role("button", name="Edit month").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("How much")).to_have_value("2500")  # what it holds is dollars, and the form says so
    expect(form).to_contain_text("US dollars: EUR 5,000.00")
    assert visitor.looked_at("limit-in-euros") == []
    visitor.go(f"/p/{SLUG}/traces?range=1h")
    expect(page.get_by_role("gridcell").get_by_text(re.compile(r"EUR \d")).first).to_be_visible()

    # The next project has its own: no sum of it is told in this one's.
    page.evaluate(
        "history.pushState({}, '', '/p/default/overview?range=1h'); dispatchEvent(new PopStateEvent('popstate'))"
    )
    expect(page.get_by_test_id("tiles")).to_contain_text("$")
    expect(page.get_by_test_id("tiles")).not_to_contain_text("EUR")
    assert of_books not in page.get_by_test_id("tiles").inner_text()


def total(rows: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(row["totals"]["cost"]) for row in rows), Decimal(0))


def test_whoever_is_asked_tells_the_same_sum_whatever_the_time_zone(at: House, browser: Browser) -> None:
    """The costs by each group, as JSON and as CSV, the overview, users, single traces: and both pages, in two zones."""
    at.server.settled()
    now = int(time.time() * 1000)
    window = {"start": now - 3_600_000, "end": now}

    def asked(path: str, **more: Any) -> Any:
        return at.server.api(f"/projects/default/{path}", **window, **more)

    whole = asked("costs", group_by="day")["totals"]
    booked = Decimal(whole["cost"])
    assert booked > 0
    seen = asked("overview", group_by="model")
    assert Decimal(seen["totals"]["cost"]) == booked
    assert [seen["totals"][each] for each in ("calls", "unpriced")] == [whole["calls"], whole["unpriced"]]
    assert sum(Decimal(step["cost"]) for step in seen["series"]) == booked
    assert sum(Decimal(row["cost"]) for row in asked("costs", group_by="model")["series"]) == booked
    for by in ("model", "asked", "feature", "user", "key", "provider", "outcome", "day", "price", "tier"):
        report = asked("costs", group_by=by)
        assert total(report["groups"]) + Decimal(report["rest"]) == booked, by
        path = "/api/v1/projects/default/costs.csv"
        rows = csv.DictReader(io.StringIO(at.client.get(path, params={**window, "group_by": by}).text))
        assert sum(Decimal(row["cost_usd"]) for row in rows) == booked, by
    users = {each["user"]: Decimal(each["cost"] or 0) for each in asked("users", limit=100)["items"]}
    assert users == {
        row["group"]: Decimal(row["totals"]["cost"])
        for row in asked("costs", group_by="user", limit=1000)["groups"] if row["group"]
    }  # fmt: skip
    spent = sum(Decimal(row["cost"] or 0) for row in at.server.traces() if window["start"] <= row["started"] < now)
    assert spent == booked

    told: list[list[str]] = []
    for zone in ("UTC", "Pacific/Auckland"):
        context = browser.new_context(timezone_id=zone, reduced_motion="reduce")
        visitor = Visitor(context, at.url)
        visitor.log_in(ADMIN)
        page = visitor.page
        shown: list[str] = []
        for path, label in (("overview", "Totals"), ("costs", "Totals")):
            visitor.go(f"/p/default/{path}?start={window['start']}&end={window['end']}")
            tiles = page.get_by_role("region", name=label)
            expect(tiles).to_contain_text("≥ $")
            shown.append(next(iter(re.findall(r"≥ \$[\d.,]+", tiles.inner_text()))))
        told.append(shown)
        context.close()
    assert len({amount for shown in told for amount in shown}) == 1, told
