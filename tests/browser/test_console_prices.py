"""Own prices with their days, past calls at today's prices, and the books beside a provider's bill."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from browsing import AXE, House, Visitor, ask
from playwright.sync_api import Page, expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def priced(at: House) -> str:
    """A project that has called one model, of which the book knows no price at this provider."""
    at.project("priced")
    base = "/api/v1/projects/priced"
    [lab] = [one for one in at.server.api("/projects/default/providers")["items"] if one["name"] == "lab"]
    made: list[tuple[str, dict[str, object]]] = [
        ("providers", {"name": "lab", "base_url": lab["base_url"], "api_key": "sk-of-the-lab"}),
        ("models", {"name": "fast", "provider": "lab", "upstream": "gpt-4o-mini"}),
    ]
    for kind, body in made:
        at.client.post(f"{base}/{kind}", json=body).raise_for_status()
    key = at.client.post(f"{base}/keys", json={"name": "app"}).raise_for_status().json()["secret"]
    with httpx.Client(base_url=at.url, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_S) as app:
        for _ in range(3):
            app.post("/v1/chat/completions", json=ask("fast", "Which way is north?")).raise_for_status()
    at.server.settled()
    return "priced"


def add(page: Page, **fields: str) -> None:
    form = page.get_by_role("dialog")
    for label, value in fields.items():
        form.get_by_label(label, exact=True).fill(value)
    form.get_by_role("button", name="Add").click()


def test_a_price_is_added_with_its_days_looked_up_ended_and_removed(at: House, visitor: Visitor, priced: str) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{priced}/prices")
    expect(page.get_by_role("heading", name="No price of your own")).to_be_visible()
    assert not visitor.looked_at("prices-empty")
    page.get_by_role("button", name="Add a price").click()
    add(page, Model="gpt-4o-mini*", Input="1")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Say what input and output cost")
    assert not visitor.looked_at("price-new")
    add(page, Output="4", Until="2026-01-01", From="2026-02-01")
    expect(page.get_by_role("dialog")).to_contain_text("It ends before it begins.")
    add(page, Until="", From="2026-01-01", Note="the contract")
    row = page.get_by_role("table", name="Own prices").get_by_role("row").filter(has_text="gpt-4o-mini*")
    expect(row).to_contain_text("input $1, output $4")
    expect(row).to_contain_text("2026-01-01")
    expect(row).to_contain_text("holds now")
    [kept] = at.server.api(f"/projects/{priced}/prices")["items"]
    assert kept["valid_from"] == int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)

    holds = page.get_by_role("region", name="Which price holds")
    holds.get_by_label("Model").fill("fast")
    holds.get_by_role("button", name="Look up").click()
    expect(holds.get_by_role("status")).to_contain_text("$1 in, $4 out")
    holds.get_by_label("On").fill("2025-12-31")
    holds.get_by_role("button", name="Look up").click()
    expect(holds.get_by_role("status")).to_contain_text("No price is known")
    expect(page).to_have_url(re.compile("at=2025-12-31"))
    assert not visitor.looked_at("prices")

    row.get_by_role("button", name="Another price like gpt-4o-mini*").click()
    add(page, Input="2", From="2099-01-01")
    later = page.get_by_role("table", name="Own prices").get_by_role("row").filter(has_text="2099-01-01")
    expect(later).to_contain_text("to come")
    expect(later).to_contain_text("input $2, output $4")
    later.get_by_role("button", name="Remove the price of").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(later).to_have_count(0)

    row.get_by_role("button", name="End the price of").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("2026-06-01")
    dialog.get_by_role("button", name="End it").click()
    expect(row).to_contain_text("ended")
    row.get_by_role("button", name="End the price of").click()
    dialog.get_by_role("textbox").fill("")
    dialog.get_by_role("button", name="Let it go on").click()
    expect(row).to_contain_text("holds now")


def test_past_calls_are_tried_and_then_priced_anew(at: House, visitor: Visitor, priced: str) -> None:
    base = f"/api/v1/projects/{priced}"
    at.client.post(
        f"{base}/prices", json={"prices": [{"model": "gpt-4o-mini", "rates": {"input": "3", "output": "9"}}]}
    )
    before = Decimal(at.server.api(f"/projects/{priced}/costs")["totals"]["cost"])
    page = visitor.go(f"/p/{priced}/prices")
    past = page.get_by_role("region", name="Past calls")
    past.get_by_role("button", name="See what would change").click()
    expect(past.get_by_role("status")).to_contain_text("3 rows of 3 would change")
    assert Decimal(at.server.api(f"/projects/{priced}/costs")["totals"]["cost"]) == before
    past.get_by_role("button", name="Price them anew…").click()
    page.get_by_role("dialog").get_by_role("button", name="Price them anew").click()
    expect(past.get_by_role("status")).to_contain_text("3 rows of 3 changed")
    table = past.get_by_role("table", name="Rows by price")
    expect(table).to_contain_text("input=3/output=9")
    expect(past.get_by_role("list", name="Re-pricings").get_by_role("listitem")).to_have_count(2)
    after = Decimal(at.server.api(f"/projects/{priced}/costs")["totals"]["cost"])
    assert after > before
    page.reload()
    expect(past.get_by_role("status")).to_contain_text("3 rows of 3 changed")  # the job is the server's


def test_a_model_leads_to_its_price(visitor: Visitor) -> None:
    page = visitor.go("/p/default/models")
    page.get_by_role("link", name="its price of fast, by day and tier").click()
    holds = page.get_by_role("region", name="Which price holds")
    expect(holds.get_by_role("status")).to_contain_text("$0.15 in, $0.6 out")


def test_costs_are_shown_in_another_currency(at: House, visitor: Visitor) -> None:
    at.project("euros")
    page = visitor.go("/p/euros/prices")
    panel = page.get_by_role("region", name="Currency")
    panel.get_by_label("Code").fill("eur")
    panel.get_by_label("One US dollar is").fill("nothing")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert")).to_contain_text("a positive rate")
    panel.get_by_label("One US dollar is").fill("0.92")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("button", name="Save")).to_have_attribute("aria-disabled", "true")
    assert at.server.api("/projects/euros/currency") == {"code": "EUR", "rate": "0.92", "revision": 2}


def bill(at: House, project: str, *, more: Decimal = Decimal(0)) -> str:
    """What the provider says of the calls of that project, plus some."""
    [row] = at.client.get(f"/api/v1/projects/{project}/costs", params={"group_by": "day"}).json()["groups"]
    calls, cost = row["totals"]["calls"], Decimal(row["totals"]["cost"])
    before = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%d")
    head = "Date;Model;Requests;Cost (USD)\n"
    return f"{head}{before};gpt-4o-mini;1;{more}\n{row['group']};gpt-4o-mini;{calls};{cost}\n".replace(".", ",")


def test_the_books_are_compared_with_a_bill_and_differences_have_their_causes(
    at: House, visitor: Visitor, priced: str
) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{priced}/costs")
    page.get_by_role("link", name="against a provider's bill").click()
    expect(page.get_by_role("region", name="Where exports come from")).to_be_visible()
    assert not visitor.looked_at("reconciliation-empty")
    expect(page.get_by_role("button", name="Compare with the books")).to_be_disabled()
    content = bill(at, priced, more=Decimal(7)).encode("utf-16")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose the export").click()
    chooser.value.set_files({"name": "bill.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_role("combobox", name="Cost (US dollars)")).to_have_value("Cost (USD)")
    expect(page.get_by_role("combobox", name="Day", exact=True)).to_have_value("Date")
    page.get_by_role("button", name="Compare with the books").click()
    told = page.get_by_role("status").filter(has_text="The provider bills")
    expect(told).to_contain_text(re.compile(r"The provider bills \$7\.00 more than is booked here \(\d+\.\d %\)"))
    lines = page.get_by_role("table", name="Lines of books and bill")
    expect(lines.get_by_role("row")).to_have_count(2)
    expect(lines.get_by_role("row").nth(1)).to_contain_text("not in the books")
    page.get_by_role("switch", name="Also what agrees").press("Space")
    expect(lines.get_by_role("row")).to_have_count(3)
    assert not visitor.looked_at("reconciliation")
    lines.get_by_title("What is booked here of this day").click()
    expect(page).to_have_url(re.compile(r"/costs\?.*provider:lab"))
    expect(page.get_by_test_id("cost-tiles")).to_contain_text("3 calls")


def test_a_file_that_is_no_export_is_told_what_it_is(visitor: Visitor, priced: str) -> None:
    page = visitor.go(f"/p/{priced}/reconciliation")
    for name, content, words in (
        ("empty.csv", b"", "The export is empty."),
        ("book.xlsx.csv", b"PK\x03\x04rest", "This is a spreadsheet or an archive."),
        ("data.json", b'{"data": []}', "A generic export is a CSV."),
    ):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name=re.compile("Choose the export|Another file")).click()
        chooser.value.set_files({"name": name, "mimeType": "text/csv", "buffer": content})
        expect(page.get_by_text(name)).to_be_visible()
        page.get_by_role("button", name="Compare with the books").click()
        expect(page.get_by_role("alert")).to_contain_text(words)
