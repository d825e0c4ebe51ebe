"""Batches: which are under way, what they came to, what limits hold for them, and the way to call, key and limit."""

import json
import re
from typing import Any

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser

SLUG = "in-batches"
PATH = f"/api/v1/projects/{SLUG}"


class Maker:
    """An application that makes batches, in a project whose limit on money holds for them."""

    def __init__(self, at: House) -> None:
        self.at = at
        at.project(SLUG)
        lab = next(each for each in at.server.api("/projects/default/providers")["items"] if each["name"] == "lab")
        for part, body in (
            ("providers", {"name": "lab", "kind": "openai", "base_url": lab["base_url"], "api_key": "sk-batches"}),
            ("models", {"name": "small", "provider": "lab", "upstream": "gpt-4o-mini", "price": PRICE}),
            ("limits", {"name": "budget", "measure": "money", "bound": "500", "window": "month"}),
        ):
            at.client.post(f"{PATH}/{part}", json=body).raise_for_status()
        made = at.client.post(f"{PATH}/keys", json={"name": "nightly", "role": "client", "expires": None}).json()
        self.headers = {"authorization": f"Bearer {made['secret']}"}

    def make(self, how: str) -> str:
        said = [{"role": "user", "content": "Summarise the log."}]
        body = {"model": "gpt-4o-mini", "max_tokens": 1000, "messages": said}
        line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
        sent = self.post("/v1/files", files={"file": ("calls.jsonl", json.dumps(line))}, data={"purpose": "batch"})
        asked = {"input_file_id": sent["id"], "endpoint": line["url"], "completion_window": "24h"}
        return self.post("/v1/batches", json={**asked, "metadata": {"simulated": how}})["id"]

    def read(self, batch: str) -> None:
        self.at.client.get(f"/v1/batches/{batch}", headers=self.headers, timeout=PATIENCE_S).raise_for_status()

    def post(self, path: str, **given: Any) -> dict[str, Any]:
        headers = {**self.headers, "trimtab-feature": "digest"}
        answer = self.at.client.post(path, headers=headers, timeout=PATIENCE_S, **given)
        assert answer.is_success, answer.text
        return answer.json()

    def told(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.at.client.get(f"{PATH}/batches").json()["items"]}


PRICE = {"input": "1000", "output": "4000"}


def test_batches_are_listed_with_what_they_came_to_and_what_is_held_for_them(at: House, visitor: Visitor) -> None:
    maker = Maker(at)
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{SLUG}/batches")
    expect(page.get_by_role("heading", name="No batch yet")).to_be_visible()

    under_way, over = maker.make("looks=1000"), maker.make("looks=1")
    maker.read(over)
    told = maker.told()
    assert told[over]["settled"] is not None
    assert (told[under_way]["settled"], len(told[under_way]["held"])) == (None, 1)

    visitor.go(f"/p/{SLUG}/batches")
    table = page.get_by_role("table", name="Batches")
    done = table.get_by_role("row").filter(has_text=over)
    expect(done).to_contain_text("completed")
    expect(done).to_contain_text(f"${float(told[over]['cost']):.2f}")
    expect(done).to_contain_text(f"{told[over]['tokens']} tokens")
    expect(done).to_contain_text("by the provider's count")
    expect(done).to_contain_text("nothing")
    waits = table.get_by_role("row").filter(has_text=under_way)
    expect(waits).to_contain_text("not yet")
    expect(waits).to_contain_text(f"${float(told[under_way]['held'][0]['amount']):.2f} budget")
    expect(waits.get_by_role("link", name="nightly")).to_have_attribute("href", re.compile("/costs.*key_"))

    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="open").click()
    expect(page).to_have_url(re.compile("state=open"))
    expect(done).to_have_count(0)
    expect(waits).to_be_visible()
    waits.get_by_role("link", name=under_way).click()
    expect(page).to_have_url(re.compile(told[under_way]["trace_id"]))

    # What nobody can be asked about says why; so does what is lost.
    why = "Nobody could be asked: the provider answered 401, Incorrect API key provided."
    failing = {**told[under_way], "failures": 3, "why": why}
    lost = {**told[over], "id": "batch_lost", "request_id": "lost", "state": "lost", "settlement": "unknown"}
    lost |= {"cost": None, "tokens": None, "why": "The provider has forgotten it: No batch found."}
    visitor.answers(f"/projects/{SLUG}/batches*", {"items": [failing, lost, told[over]], "cursor": None})
    visitor.go(f"/p/{SLUG}/batches")
    expect(waits).to_contain_text("3 looks in a row failed")
    expect(waits).to_contain_text(why)
    gone = table.get_by_role("row").filter(has_text="batch_lost")
    expect(gone).to_contain_text("unknown")
    expect(gone).to_contain_text("nobody knows what it took")
    assert visitor.looked_at("batches") == []
