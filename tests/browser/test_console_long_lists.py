"""Pages of things that a project may have hundreds of: what fits a page at once, the rest when asked for, and the one
that is looked for."""

import re

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SLUG = "hundreds"
MANY = 64
AT_ONCE = 50


def furnish(at: House) -> None:
    """Many routes, and two service accounts of which one has keys."""
    at.project(SLUG)
    path = f"/api/v1/projects/{SLUG}"
    lab = next(each for each in at.server.api("/projects/default/providers")["items"] if each["name"] == "lab")

    def made(part: str, **body: object) -> str:
        answer = at.client.post(f"{path}/{part}", json=body)
        assert answer.is_success, answer.text
        return str(answer.json().get("id"))

    made("providers", name="lab", kind="custom", base_url=lab["base_url"])
    made("models", name="fast", provider="lab", upstream="gpt-4o-mini")
    for number in range(MANY):
        tree = {"node": "fallback", "of": ["fast"]}
        made("routes", name=f"team-{number:02}", about=f"Of department {number % 8}", tree=tree)
    owner = made("service-accounts", name="nightly", role="viewer")
    made("service-accounts", name="idle", role="viewer")
    made("keys", name="of the nightly job", role="viewer", owner=owner, expires=None)
    made("keys", name="of nobody", role="client", expires=None)


def test_hundreds_of_routes_are_drawn_in_portions_and_found_by_words(at: House, visitor: Visitor) -> None:
    furnish(at)
    page = visitor.page
    page.add_init_script(path=AXE)
    visitor.go(f"/p/{SLUG}/routes")
    cards, told = page.get_by_role("article"), page.get_by_role("search").get_by_role("status")
    expect(cards).to_have_count(AT_ONCE)
    expect(told).to_have_text(f"{MANY} routes")
    assert visitor.looked_at("routes-many") == []
    page.get_by_role("button", name=f"Show more ({MANY - AT_ONCE} left)").click()
    expect(cards).to_have_count(MANY)

    page.keyboard.press("/")
    page.keyboard.type("department 7 team-6")
    expect(told).to_have_text("1 route fits")
    expect(cards).to_contain_text("team-63")
    expect(page).to_have_url(re.compile(r"[?&]find=department"))
    cards.get_by_role("button", name="Explain").click()
    expect(page).to_have_url(re.compile(r"find=department.*explain=team-63|explain=team-63.*find=department"))
    page.get_by_label("Words in routes").fill("nobody")
    expect(told).to_have_text("0 routes fit")
    page.get_by_role("button", name="Show all").click()
    expect(told).to_have_text(f"{MANY} routes")
    # What a link has open is there, wherever it stands in the list.
    visitor.go(f"/p/{SLUG}/routes?explain=team-63")
    expect(page.get_by_role("article", name="Route team-63")).to_be_visible()
    expect(cards).to_have_count(AT_ONCE + 1)

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if f"/{SLUG}/keys" in request.url else None)
    visitor.go(f"/p/{SLUG}/people?view=service")
    expect(page.get_by_test_id("account-nightly")).to_contain_text("of the nightly job")
    expect(page.get_by_test_id("account-idle")).to_contain_text("It has no key")
    expect(page.get_by_role("main")).not_to_contain_text("of nobody")
    lists = [url for url in asked if "/api/v1/" in url]
    assert lists
    assert all("owner=" in url for url in lists), f"each account's own keys are asked for: {lists}"
