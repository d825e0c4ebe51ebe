"""Who is a member of a project, and as what; and a directory that keeps an organisation's people."""

import httpx
import pytest
from browsing import AXE, Visitor
from playwright.sync_api import expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser


def test_a_member_is_added_given_another_role_and_removed(visitor: Visitor) -> None:
    page = visitor.go("/p/default/people")
    expect(page.get_by_text("Nobody is a member of this project")).to_be_visible()
    page.get_by_role("button", name="Add a member").click()
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("table", name="Members").get_by_role("row").filter(has_text="ada@example.com")
    expect(row.get_by_text("invited")).to_be_visible()
    row.get_by_label("Role of ada").click()
    page.get_by_role("option", name="operator").click()
    expect(row.get_by_label("Role of ada")).to_have_value("operator")
    row.get_by_role("button", name="Remove ada").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nobody is a member of this project")).to_be_visible()


def test_a_directory_is_switched_on_with_a_token_and_off_again(visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go("/p/default/people?view=organisation")
    expect(page.get_by_role("heading", name="People are kept by hand")).to_be_visible()
    page.get_by_role("button", name="Switch it on").click()
    form = page.get_by_role("dialog")
    form.get_by_label("What it is called").fill("Okta")
    form.get_by_role("button", name="Add a group").click()
    form.get_by_label("Group", exact=True).fill("ML team")
    wrong = visitor.looked_at("directory-form")
    form.get_by_role("button", name="Switch it on").click()
    card = page.get_by_test_id("directory")
    expect(card.get_by_role("list", name="Groups give")).to_have_text("ML team → viewer, organisation default")
    expect(card).to_contain_text(f"{visitor.url}/scim/v2")

    # a token is shown once, opens the door, and is ended
    page.get_by_role("button", name="New token").click()
    page.get_by_role("dialog").get_by_label("Name").fill("okta")
    page.get_by_role("button", name="Make it").click()
    secret = page.get_by_test_id("directory-secret").locator("pre").first.inner_text().strip()
    bearer = {"authorization": f"Bearer {secret}"}
    group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales"}
    sent = httpx.post(f"{visitor.url}/scim/v2/Groups", json=group, headers=bearer, timeout=PATIENCE_S)
    assert sent.status_code == 201, sent.text
    page.get_by_role("button", name="I have it").click()
    page.reload()
    expect(page.get_by_role("list", name="Groups that give nothing")).to_contain_text("Sales")
    expect(page.get_by_role("table", name="Tokens")).to_contain_text("okta")
    assert secret not in page.content()
    wrong += visitor.looked_at("directory")
    page.get_by_role("button", name="End the token okta").click()
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(page.get_by_text("There is no token: the provider cannot come in.")).to_be_visible()
    assert httpx.get(f"{visitor.url}/scim/v2/Groups", headers=bearer, timeout=PATIENCE_S).status_code == 401
    # whose addresses it may give
    domains = page.get_by_test_id("domains")
    expect(domains).to_contain_text("none said")
    page.get_by_role("button", name="Edit the domains").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Domains of e-mail").fill("not a domain")
    form.get_by_label("Domains of e-mail").press("Enter")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("'not a domain' is no domain of e-mail")
    form.get_by_label("Domains of e-mail").press("Backspace")
    form.get_by_label("Domains of e-mail").fill("acme.com")
    form.get_by_label("Domains of e-mail").press("Enter")
    wrong += visitor.looked_at("domains-form")
    form.get_by_role("button", name="Save").click()
    expect(domains).to_contain_text("acme.com")
    wrong += visitor.looked_at("domains")
    page.get_by_role("button", name="Switch off the directory").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch it off").click()
    expect(page.get_by_role("heading", name="People are kept by hand")).to_be_visible()
    assert not wrong, "\n".join(wrong)
