"""Knowledge at the console: a corpus is made, filled, published and searched; an app takes it into its release; the
trace of a call shows what it was answered from."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from browsing import AXE, House, Visitor
from live import admin, until
from playwright.sync_api import expect

from patience import PATIENCE_MS, PATIENCE_S

pytestmark = pytest.mark.browser
PROJECT = "library"
TEXT = "# Returns\n\nReturns are free for thirty days.\n\n# Warranty\n\nKettles have a warranty of two years."
SECRET = "The warranty budget for kettles is one million."


class Library:
    """A project with a model that says what it was asked."""

    def __init__(self, at: House) -> None:
        self.at = at
        self.api = httpx.Client(base_url=f"{at.url}/api/v1/projects/{PROJECT}", headers=admin(), timeout=PATIENCE_S)

    def tell(self, path: str, body: Any, method: str = "POST") -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def publish(self) -> int:
        """The number of the version, once it can be searched."""
        number = self.tell("/corpora/handbook/versions", {})["version"]["number"]

        def ready() -> bool:
            return self.api.get(f"/corpora/handbook/versions/{number}").json()["state"] == "ready"

        until(ready, PATIENCE_S, self.at.server.told)
        return int(number)


@pytest.fixture(scope="module")
def library(at: House) -> Iterator[Library]:
    at.project(PROJECT)
    made = Library(at)
    found = at.server.api("/projects/default/providers")["items"]
    url = next(each["base_url"] for each in found if each["name"] == "lab")
    made.tell("/providers", {"name": "lab", "kind": "custom", "base_url": url})
    made.tell("/models", {"name": "echo", "provider": "lab", "upstream": "gpt-4o-mini"})
    yield made
    made.api.close()


def test_a_corpus_is_made_filled_published_and_searched(library: Library, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{PROJECT}/knowledge")
    expect(page.get_by_role("heading", name="No corpus yet")).to_be_visible()

    # made, and a text pasted
    page.get_by_role("button", name="New corpus").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("handbook")
    form.get_by_role("textbox", name="What it is").fill("What we tell customers")
    form.get_by_role("button", name="Make it").click()
    form.get_by_role("textbox", name="Title").fill("Returns and warranty")
    form.get_by_role("textbox", name="Text").fill(TEXT)
    form.get_by_role("textbox", name="Source").fill("https://kettles.test/help")
    wrong = visitor.looked_at("knowledge-add")
    form.get_by_role("button", name="Add and publish").click()
    expect(form).to_have_count(0)
    expect(page.get_by_role("link", name="Returns and warranty")).to_be_visible()

    # built, with a document besides that not everybody may see
    secret = {"id": "budget", "text": SECRET, "title": "Budget", "access": ["user:ada"]}
    library.tell("/corpora/handbook/documents", {"items": [secret]})
    library.publish()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_role("table", name="Versions")).to_contain_text("ready", timeout=PATIENCE_MS)
    page.get_by_role("tab", name="Freshness").click()
    expect(page.get_by_text("Documents may be of any age here.")).to_be_visible()
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("Documents are stale after, in days").fill("90")
    page.get_by_label("Owner").fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It is saved, and holds.")).to_be_visible()
    wrong += visitor.looked_at("knowledge-settings")

    # somebody else saves first: what they changed is told, and goes together with what is in the form
    page.get_by_label("What it is").fill("What we tell everybody")
    library.tell("/corpora/handbook", {"owner": "Bob"}, "PUT")
    page.get_by_role("button", name="Save").click()
    clash = page.get_by_role("region", name="Changed by somebody else")
    expect(clash).to_contain_text("Bob")
    wrong += visitor.looked_at("knowledge-conflict")
    clash.get_by_role("button", name="Keep my changes over theirs").click()
    expect(page.get_by_label("Owner")).to_have_value("Bob")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It is saved, and holds.")).to_be_visible()
    kept = library.api.get("/corpora/handbook").json()
    assert (kept["owner"], kept["description"]) == ("Bob", "What we tell everybody")
    page.get_by_role("tab", name="Freshness").click()
    expect(page.get_by_text("No document is older than it may be.")).to_be_visible()

    # searched: as nobody, and as somebody
    page.goto(f"{visitor.url}/p/{PROJECT}/knowledge/handbook?view=search")
    page.get_by_role("textbox", name="A question").fill("How long is the warranty?")
    page.keyboard.press("Enter")
    passages = page.get_by_role("list", name="Passages")
    expect(passages).to_contain_text("Kettles have a warranty of two years.")
    expect(passages).not_to_contain_text("one million")
    page.get_by_role("textbox", name="As the end user").fill("ada")
    page.keyboard.press("Enter")
    expect(passages).to_contain_text("one million")
    wrong += visitor.looked_at("knowledge-search")
    page.get_by_role("button", name="Open the document budget").click()
    expect(page.get_by_role("dialog").get_by_label("What it says")).to_contain_text(SECRET)

    # who may only read is told why nothing can be searched
    me = library.at.server.api("/me")
    visitor.answers("/me", me | {"permissions": [each for each in me["permissions"] if each != "knowledge:search"]})
    page.goto(f"{visitor.url}/p/{PROJECT}/knowledge/handbook?view=search&q=warranty")
    expect(page.get_by_role("heading", name="You may read here, and not search")).to_be_visible()
    expect(page.get_by_role("textbox", name="A question")).to_have_count(0)
    assert not wrong, "\n".join(wrong)


def test_an_app_takes_a_corpus_into_its_release_and_a_trace_shows_its_sources(
    library: Library, visitor: Visitor
) -> None:
    visitor.page.add_init_script(path=AXE)
    returns = {"id": "returns-and-warranty", "text": TEXT, "kind": "markdown"}
    library.tell("/corpora/handbook", {"description": "What we tell customers"}, "PUT")
    library.tell("/corpora/handbook/documents", {"items": [returns]})
    version = library.publish()
    library.tell("/apps/desk", {"spec": {"route": "echo"}}, "PUT")
    page = visitor.go(f"/p/{PROJECT}/apps/desk?view=draft")
    knowledge = page.get_by_role("group", name="Knowledge", exact=True)
    offered = knowledge.get_by_role("button", name="handbook")
    expect(offered).to_be_visible(timeout=PATIENCE_MS)
    offered.click()
    knowledge.get_by_text("4 passages at most, by meaning and words").click()
    knowledge.get_by_role("textbox", name="Passages at most").fill("2")
    wrong = visitor.looked_at("knowledge-draft")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    made = library.tell("/apps/desk/releases", {"message": "It knows the handbook"})["release"]
    assert made["changes"][-1].startswith(f"Looks things up in handbook (version {version}): up to 2 passages")
    page.goto(f"{visitor.url}/p/{PROJECT}/apps/desk/releases/r1")
    expect(page.get_by_role("region", name="Knowledge")).to_contain_text(f"version {version}, 2 passages at most")

    body = {"model": "desk@r1", "messages": [{"role": "user", "content": "How long is the warranty?"}]}
    key = library.tell("/keys", {"name": "shop", "role": "editor"})["secret"]
    answer = httpx.post(
        f"{library.at.url}/v1/chat/completions",
        json=body,
        headers={"authorization": f"Bearer {key}"},
        timeout=PATIENCE_S,
    )
    assert "warranty of two years" in answer.text, answer.text
    library.at.server.settled()
    trace = answer.headers["trimtab-trace-id"]
    page.goto(f"{visitor.url}/p/{PROJECT}/traces/{trace}")
    below = page.get_by_role("region", name="Sources of the answer")
    below.get_by_text("[1]").click()
    expect(below).to_contain_text(f"handbook, version {version}: returns-and-warranty")
    expect(below).to_contain_text("open to whoever may search")
    wrong += visitor.looked_at("knowledge-answer")
    page.goto(f"{visitor.url}/p/{PROJECT}/traces/{trace}?view=decision")
    expect(page.get_by_test_id("call-notes")).to_contain_text(f"of handbook, version {version}")
    page.get_by_role("link", name=re.compile("of handbook, version")).click()
    sources = page.get_by_role("list", name="Sources")
    expect(sources).to_contain_text("Kettles have a warranty of two years.")
    expect(sources).to_contain_text("[1]")
    wrong += visitor.looked_at("knowledge-sources")
    assert not wrong, "\n".join(wrong)
