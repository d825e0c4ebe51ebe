"""Guards and what they answer for: one made from a kind, tried, watched in shadow mode, switched on, and asked about
by the reference that a user was given; a red team's run; evidence of a period."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsing import AXE, House, Visitor
from live import admin, until
from playwright.sync_api import expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser
PROJECT = "guarded"
AWS = "AKIA" + "IOSFODNN7EXAMPLQ"


class Guarded:
    """A project with a model that is given keys, and one that does as it is told."""

    def __init__(self, at: House) -> None:
        self.at = at
        self.api = httpx.Client(base_url=f"{at.url}/api/v1/projects/{PROJECT}", headers=admin(), timeout=PATIENCE_S)
        self.shop = httpx.Client(base_url=at.url, timeout=PATIENCE_S)

    def tell(self, path: str, body: Any, method: str = "POST") -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def call(self, question: str) -> str:
        """Its request id."""
        body = {"model": "quiet", "messages": [{"role": "user", "content": question}]}
        answer = self.shop.post("/v1/chat/completions", json=body)
        assert answer.is_success, answer.text
        return str(answer.headers["x-request-id"])


@pytest.fixture(scope="module")
def guarded(at: House) -> Iterator[Guarded]:
    at.project(PROJECT)
    made = Guarded(at)
    made.shop.headers["authorization"] = f"Bearer {made.tell('/keys', {'name': 'shop'})['secret']}"
    found = at.server.api("/projects/default/providers")["items"]
    url = next(each["base_url"] for each in found if each["name"] == "lab")
    made.tell("/providers", {"name": "lab", "kind": "custom", "base_url": url})
    price = {"input": "0.15", "output": "0.6"}
    models = {
        "quiet": "gpt-4o-mini?tokens=8",
        "gullible": "gpt-4o-mini?gullible=true",
        "steady": "gpt-4o-mini?text=No.",
    }
    for name, upstream in models.items():
        made.tell("/models", {"name": name, "provider": "lab", "upstream": upstream, "price": price})
    yield made
    made.api.close()
    made.shop.close()


def test_a_guard_is_made_tried_watched_and_switched_on(guarded: Guarded, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{PROJECT}/guards")
    expect(page.get_by_role("heading", name="Nothing is guarded yet")).to_be_visible()

    # from a kind, in shadow mode as it is offered
    page.get_by_role("button", name=re.compile("^secrets")).click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name", exact=True).fill("keys")
    form.get_by_role("combobox", name="Holds for every call of").fill("quiet")
    page.keyboard.press("Enter")
    form.get_by_role("textbox", name="Name", exact=True).click()
    wrong = visitor.looked_at("guards-new")
    form.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="keys", level=1)).to_be_visible()
    expect(page.get_by_test_id("guard-says")).to_contain_text("It has looked at no call in this window.")

    # tried on a text that would be HTML if it were let
    page.get_by_role("tab", name="Try it").click()
    page.get_by_role("textbox", name="Text", exact=True).fill(f"<b>My key</b> 👋🏽 is {AWS}.")
    page.get_by_role("button", name="Try it").click()
    tried = page.get_by_test_id("tried")
    expect(tried).to_contain_text("It blocks")
    expect(tried.locator("mark")).to_have_text(re.compile(AWS))
    expect(tried.get_by_label("What was found")).to_contain_text("<b>My key</b>")
    wrong += visitor.looked_at("guards-try")

    # watched
    guarded.call("Hello")
    guarded.call(f"I use {AWS}")
    guarded.at.server.settled()
    page.goto(f"{visitor.url}/p/{PROJECT}/guards/keys")
    expect(page.get_by_test_id("guard-says")).to_contain_text("It would have stopped 1 of 2 calls.")
    expect(page.get_by_role("table", name="Calls")).to_contain_text("would have stopped the call")
    wrong += visitor.looked_at("guards-shadow")

    # switched on, and asked why by the reference that a user was given
    page.get_by_role("button", name="Switch…").click()
    form.get_by_role("radio", name="Enforce").check()
    expect(form).to_contain_text("it would have stopped 1 of 2 calls")
    form.get_by_role("button", name="Switch to enforce").click()
    expect(form).to_have_count(0)
    reference = guarded.call(f"Keep {AWS} for me")
    guarded.at.server.settled()
    page.goto(f"{visitor.url}/p/{PROJECT}/guards?view=why")
    page.get_by_role("textbox", name="Reference that the user was given").fill(reference)
    page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_text("Stopped by keys")).to_be_visible()
    page.get_by_role("link", name=re.compile("its trace")).click()
    verdicts = page.get_by_test_id("guards")
    expect(verdicts).to_contain_text("Stopped by keys, at the question")
    expect(verdicts.locator("blockquote")).to_contain_text(reference)
    expect(verdicts.get_by_role("list", name="Verdicts of guards")).to_contain_text("version 2")
    wrong += visitor.looked_at("guards-trace")

    # its versions, and the list with what it stopped
    page.goto(f"{visitor.url}/p/{PROJECT}/guards/keys?view=versions")
    row = page.get_by_role("table", name="What changed").get_by_role("row", name="mode shadow enforce")
    expect(row).to_be_visible()
    page.goto(f"{visitor.url}/p/{PROJECT}/guards")
    row = page.get_by_role("row", name=re.compile("^keys"))
    expect(row).to_contain_text("stopped 1 of 1")
    expect(row).to_contain_text("would have stopped 1 of 2")
    wrong += visitor.looked_at("guards")
    assert not wrong, "\n".join(wrong)


def test_a_red_team_says_what_broke_through_of_two(guarded: Guarded, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{PROJECT}/red-team?new=1")
    form = page.get_by_role("dialog")
    form.get_by_role("combobox", name="What is attacked").fill("gullible")
    form.get_by_role("combobox", name="And beside it").fill("steady")
    form.get_by_role("checkbox", name=re.compile("^injection")).check()
    form.get_by_role("textbox", name="Attacks of each family").fill("4")
    form.get_by_role("textbox", name="Budget, in dollars").fill("1")
    expect(form.get_by_test_id("redteam-cost")).to_contain_text("8 calls")
    wrong = visitor.looked_at("redteam-start")
    form.get_by_role("button", name="Attack it").click()
    page.wait_for_url(re.compile("/red-team/[^?]+"))
    run = page.url.rsplit("/", 1)[1]
    until(lambda: guarded.api.get(f"/experiments/{run}").json()["state"] == "done", PATIENCE_S, guarded.at.server.told)
    gullible, steady = guarded.api.get(f"/redteam/{run}/report").json()["total"]
    assert gullible["broken"] >= 2
    assert steady["broken"] == 0
    for number, tally in enumerate((gullible, steady)):
        told = f"{tally['broken']} of {tally['broken'] + tally['held']} that were decided broke through."
        expect(page.get_by_test_id("total").nth(number)).to_contain_text(told)
    category = page.get_by_role("table", name="OWASP Top 10 for LLM applications")
    expect(category.get_by_role("row", name=re.compile("^LLM01"))).to_contain_text(
        f"{gullible['broken']} broken, {gullible['held']} held"
    )
    expect(category.get_by_role("row", name=re.compile("^LLM03"))).to_contain_text("not tested")
    expect(page.get_by_role("table", name="Examples").get_by_role("link").first).to_have_attribute(
        "href", re.compile("/traces/[0-9a-f]{32}")
    )
    wrong += visitor.looked_at("redteam-run")
    page.goto(f"{visitor.url}/p/{PROJECT}/red-team")
    expect(page.get_by_role("link", name="gullible and steady")).to_be_visible()
    wrong += visitor.looked_at("redteam")
    assert not wrong, "\n".join(wrong)


def test_evidence_of_a_period_is_read_and_taken_away(guarded: Guarded, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    guarded.tell("/apps/support", {"spec": {"route": "steady"}}, "PUT")
    page = visitor.go(f"/p/{PROJECT}/compliance")
    expect(page.get_by_role("heading", name="Choose a period")).to_be_visible()
    wrong = visitor.looked_at("compliance-empty")
    page.get_by_role("checkbox", name="NIST AI RMF").uncheck()
    page.get_by_role("button", name="Gather the evidence").click()
    report = page.get_by_test_id("evidence")
    expect(report.get_by_role("table", name="EU AI Act")).to_contain_text("Record-keeping")
    expect(report.get_by_role("table", name=re.compile("NIST"))).to_have_count(0)
    assert f"to={datetime.now(UTC):%Y-%m}" in page.url
    wrong += visitor.looked_at("compliance")
    for name, start in (("HTML", "<!doctype html>"), ("JSON", "{")):
        with page.expect_download() as taken:
            page.get_by_role("button", name=name, exact=True).click()
        assert Path(taken.value.path()).read_text().lower().startswith(start)
        assert taken.value.suggested_filename.endswith(f".{name.lower()}")
    page.goto(f"{visitor.url}/p/{PROJECT}/apps/support")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Its card, for auditors").click()
    expect(page.get_by_role("link", name="The app")).to_be_visible()
    wrong += visitor.looked_at("compliance-card")
    assert not wrong, "\n".join(wrong)


def test_a_guard_service_is_set_named_by_a_guard_and_removed(guarded: Guarded, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{PROJECT}/guards?view=services")
    expect(page.get_by_role("heading", name="Guards ask nobody else")).to_be_visible()
    page.get_by_role("button", name="New service").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("own")
    form.get_by_label("Address").fill("https://guards.test/look")
    form.get_by_role("textbox", name="Secret", exact=True).fill("Bearer 0123456789f00d")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    spec = {"kind": "http", "action": "flag", "mode": "off", "options": {"service": "own"}, "data_class": "personal"}
    guarded.tell("/guards/asks/versions", {"spec": spec, "expected_version": 0})
    page.reload()
    table = page.get_by_role("table", name="Guard services")
    expect(table).to_contain_text("kept, ends in f00d")
    expect(table.get_by_role("link", name="asks")).to_be_visible()
    assert "0123456789" not in page.content()
    wrong = visitor.looked_at("guard-services")

    # elsewhere it goes only with its secret given again
    page.get_by_role("button", name="Edit own").click()
    form.get_by_label("Address").fill("https://elsewhere.test/look")
    form.get_by_role("button", name="Save").click()
    expect(form).to_contain_text("It was given for the address before, and is not sent to another one")
    form.get_by_label("Forget the secret").check()
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    expect(table).to_contain_text("none is sent")
    page.get_by_role("button", name="Remove own").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 guard (asks) cannot tell from the next call on")
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("heading", name="Guards ask nobody else")).to_be_visible()
    page.goto(f"{visitor.url}/p/{PROJECT}/guards/asks?edit=1")
    expect(page.get_by_role("combobox", name="Then the call's data is at least")).to_have_value("personal")
    page.goto(f"{visitor.url}/p/{PROJECT}/guards")
    guarded.tell("/guards/asks", {"archived": True}, "PATCH")
    assert not wrong, "\n".join(wrong)
