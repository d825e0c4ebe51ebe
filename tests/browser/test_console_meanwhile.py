"""What somebody else changed or removed while a form was open is told in it, and nothing typed is lost."""

import re

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import Locator, Route, expect

pytestmark = pytest.mark.browser
PROJECT = "somebody-else"
AT = f"/api/v1/projects/{PROJECT}"
LAB = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
LIMIT = {"measure": "requests", "bound": "60", "window": "minute"}
SERVICE = {"url": "http://127.0.0.1:9/look"}


@pytest.fixture(scope="module")
def shared(at: House) -> House:
    """A project with one of each thing that is edited in a form over its list."""
    at.project(PROJECT)
    at.client.post(f"{AT}/providers", json=LAB).raise_for_status()
    for name in ("fast", "gone"):
        model = {"name": name, "provider": "lab", "upstream": "small"}
        at.client.post(f"{AT}/models", json=model).raise_for_status()
    at.client.post(f"{AT}/providers", json={**LAB, "name": "spare"}).raise_for_status()
    at.client.post(f"{AT}/limits", json={**LIMIT, "name": "fair"}).raise_for_status()
    at.client.post(
        f"{AT}/routes", json={"name": "smart", "tree": {"node": "fallback", "of": ["fast"]}}
    ).raise_for_status()
    at.client.put(f"{AT}/guard-services/look", json=SERVICE).raise_for_status()
    role = {"name": "writer", "permissions": ["prompt:read"]}
    at.client.post("/api/v1/organisations/default/roles", json=role).raise_for_status()
    return at


OPEN = {
    "limit": (f"{AT}/limits/fair", f"/p/{PROJECT}/limits?edit=fair", "How much", "77"),
    "model": (f"{AT}/models/gone", f"/p/{PROJECT}/models?edit=gone", "Model at the provider", "another"),
    "provider": (f"{AT}/providers/spare", f"/p/{PROJECT}/providers?edit=spare", "Base URL", "http://127.0.0.1:9/v2"),
    "route": (f"{AT}/routes/smart", f"/p/{PROJECT}/routes?edit=smart", "About", "for all"),
    "guard service": (
        f"{AT}/guard-services/look", f"/p/{PROJECT}/guards?view=services&edit=look", "Address", "http://127.0.0.1:9/x"
    ),
    "role": (
        "/api/v1/organisations/default/roles/writer", f"/p/{PROJECT}/people?view=roles&edit=writer", "What it is for",
        "Writes prompts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("thing", OPEN)
def test_what_was_typed_stays_where_the_thing_was_removed_meanwhile(
    shared: House, visitor: Visitor, thing: str
) -> None:
    where, address, field, typed = OPEN[thing]
    form = visitor.go(address).get_by_role("dialog")
    named = re.compile(field)
    box = form.get_by_role("textbox", name=named).or_(form.get_by_role("combobox", name=named)).first
    box.fill(typed)
    shared.client.delete(where).raise_for_status()
    form.get_by_role("button", name="Save", exact=True).click()
    told = form.get_by_role("alert")
    expect(told).to_contain_text("was removed by")
    expect(told).to_contain_text("What you wrote stays here")
    expect(told.get_by_role("region", name="What was done meanwhile")).to_contain_text("removed it")
    expect(box).to_have_value(typed)


def merged(told: Locator) -> None:
    expect(told).to_contain_text("was changed by")
    told.get_by_role("button", name="Put my changes on top").click()
    expect(told).to_have_count(0)


def test_the_ways_on_are_in_sight_also_where_the_refusal_does_not_say_what_was_done(
    shared: House, visitor: Visitor
) -> None:
    """As where the audit log is not to be read, or the server is of before it told: the form knows both by itself."""
    shared.client.post(f"{AT}/limits", json={**LIMIT, "name": "tall"}).raise_for_status()
    page = visitor.go(f"/p/{PROJECT}/limits?edit=tall")
    form = page.get_by_role("dialog")
    form.get_by_label("How much").fill("99")
    shared.client.put(f"{AT}/limits/tall", json={**LIMIT, "bound": "70"}).raise_for_status()

    def saved(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "meanwhile": None})

    page.route(f"{visitor.url}{AT}/limits/tall", saved)
    form.get_by_role("button", name="Save", exact=True).click()
    changed = form.get_by_role("table", name="What was changed meanwhile")
    expect(changed.get_by_role("row").filter(has_text="bound")).to_contain_text(re.compile(r"60.*70.*99", re.DOTALL))
    expect(form.get_by_role("button", name="Put my changes on top")).to_be_in_viewport()
    merged(form.get_by_role("alert"))
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form).to_have_count(0)
    assert shared.client.get(f"{AT}/limits").json()["items"][-1]["bound"] == "99"


def test_forms_of_the_settings_put_ones_own_on_top_of_what_somebody_else_saved(shared: House, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/settings")
    page.get_by_label("Name", exact=True).fill("Mine")
    shared.client.patch(AT, json={"capture_content": False}).raise_for_status()
    page.get_by_role("button", name="Save").click()
    merged(page.get_by_role("alert"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    now = shared.client.get(AT).json()
    assert (now["name"], now["capture_content"]) == ("Mine", False)


def test_days_that_are_kept_are_not_saved_over_what_somebody_else_saved(shared: House, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/retention")
    page.get_by_role("group", name="Spans").get_by_label("Days").fill("90")
    shared.client.put(f"{AT}/retention", json={"content": 10}).raise_for_status()
    page.get_by_role("button", name="Save").click()
    merged(page.get_by_role("alert"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    items = shared.client.get(f"{AT}/retention").json()["items"]
    assert {each["kind"]: each["days"] for each in items if each["kind"] in ("content", "spans")} == {
        "content": 10,
        "spans": 90,
    }


def test_a_dashboard_keeps_what_is_being_changed_where_somebody_else_saves_it(shared: House, visitor: Visitor) -> None:
    made = shared.client.post(f"{AT}/dashboards", json={"name": "Ours", "shared": True}).json()
    page = visitor.go(f"/p/{PROJECT}/dashboards?id={made['id']}")
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_label("About").fill("what we look at")
    theirs = {"name": "All of ours", "shared": True}
    shared.client.put(f"{AT}/dashboards/{made['id']}", json=theirs).raise_for_status()
    page.get_by_role("button", name="Save", exact=True).click()
    merged(page.get_by_role("alert"))
    expect(page.get_by_label("About")).to_have_value("what we look at")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    expect(page.get_by_role("heading", name="All of ours")).to_be_visible()
    now = shared.client.get(f"{AT}/dashboards/{made['id']}").json()
    assert (now["name"], now["about"]) == ("All of ours", "what we look at")


def test_what_a_browser_that_thinks_it_is_offline_removes_is_removed(at: House, visitor: Visitor) -> None:
    """A laptop without a network talks to the server that runs on it all the same."""
    provider = {"name": "lonely", "issuer": f"{at.url}/nobody", "client_id": "trimtab"}
    at.client.post("/api/v1/identity-providers", json=provider).raise_for_status()
    page = visitor.go("/p/empty/people?view=sign-in")
    page.get_by_role("button", name="Remove lonely").click()
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_test_id("provider-lonely")).to_have_count(0)
    page.evaluate("window.dispatchEvent(new Event('online'))")


def test_what_somebody_else_changed_is_shown_before_it_is_removed_all_the_same(shared: House, visitor: Visitor) -> None:
    shared.client.post(f"{AT}/limits", json={**LIMIT, "name": "brief"}).raise_for_status()
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{PROJECT}/limits")
    page.get_by_role("button", name="Delete brief").click()
    shared.client.put(f"{AT}/limits/brief", json={**LIMIT, "bound": "90"}).raise_for_status()
    asked = page.get_by_role("dialog")
    asked.get_by_role("button", name="Delete", exact=True).click()
    expect(asked.get_by_role("alert")).to_contain_text("was changed by admin")
    told = asked.get_by_role("region", name="What was done meanwhile")
    expect(told.get_by_role("row").filter(has_text="bound")).to_have_text(re.compile("bound.*60.*90"))
    expect(told.get_by_role("link", name="All that was done to it")).to_have_attribute(
        "href", f"/p/{PROJECT}/audit?subject=limit%3Abrief"
    )
    assert not visitor.looked_at("meanwhile-removed")
    # Once more meanwhile: what was not shown is not removed.
    shared.client.put(f"{AT}/limits/brief", json={**LIMIT, "bound": "95"}).raise_for_status()
    asked.get_by_role("button", name="Delete, as it is now").click()
    expect(told.get_by_role("row").filter(has_text="bound")).to_have_text(re.compile("bound.*90.*95"))
    asked.get_by_role("button", name="Delete, as it is now").click()
    expect(page.locator("[data-limit=brief]")).to_have_count(0)


def test_what_somebody_else_removed_before_one_says_so_oneself_leaves_the_list(at: House, visitor: Visitor) -> None:
    provider = {"name": "twice", "issuer": f"{at.url}/nobody", "client_id": "trimtab"}
    at.client.post("/api/v1/identity-providers", json=provider).raise_for_status()
    page = visitor.go("/p/empty/people?view=sign-in")
    page.get_by_role("button", name="Remove twice").click()
    at.client.delete("/api/v1/identity-providers/twice").raise_for_status()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_test_id("provider-twice")).to_have_count(0)
