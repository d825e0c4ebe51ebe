"""Roles of one's own, programs as members, identity providers; and what an auditor may not read until they say why."""

import pytest
from browsing import House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PROJECT = "who"


def test_a_role_a_program_and_a_provider_are_made_and_taken_away(at: House, visitor: Visitor) -> None:
    at.project(PROJECT)
    page = visitor.go(f"/p/{PROJECT}/people?view=roles")
    page.get_by_role("button", name="As a start for a new role: reviewer").click()
    page.get_by_label("Name").fill("prompt-writer")
    page.get_by_label("change prompts").check()
    page.get_by_role("button", name="Make the role").click()
    row = page.get_by_role("table", name="Roles").get_by_role("row").filter(has_text="prompt-writer")
    expect(row.get_by_text("7 permissions")).to_be_visible()

    page.get_by_role("tab", name="Service accounts").click()
    page.get_by_role("button", name="New service account").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Create a key of nightly").click()
    page.get_by_label("Name").fill("import")
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_test_id("secret")).to_contain_text("tt_")
    page.get_by_role("button", name="I have it").click()
    keys = f"/api/v1/projects/{PROJECT}/keys"
    (made,) = at.client.get(keys).json()["items"]
    at.client.put(f"{keys}/{made['id']}/priority", json={"highest": "low"}).raise_for_status()
    page.reload()
    page.get_by_role("button", name="Replace import").click()
    page.get_by_role("button", name="Make the new key").click()
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_role("button", name="Revoke import")).to_have_count(2)
    page.get_by_role("button", name="Remove nightly").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No program is a member here")).to_be_visible()
    held = at.client.get(keys).json()["items"]
    assert [(key["state"], key["priority"]) for key in held] == [("revoked", "low")] * 2

    page.get_by_role("tab", name="Sign-in").click()
    page.get_by_role("button", name="Add a provider").click()
    page.get_by_label("Name", exact=True).fill("company")
    page.get_by_label("Issuer").fill(f"{at.url}/nobody")
    page.get_by_label("Client id").fill("trimtab")
    page.get_by_role("button", name="Add a group").click()
    page.get_by_label("Group", exact=True).fill("ml")
    page.get_by_role("button", name="Add", exact=True).click()
    card = page.get_by_test_id("provider-company")
    expect(card.get_by_text("ml → viewer, organisation default")).to_be_visible()
    card.get_by_role("button", name="Test company").click()
    expect(card.get_by_role("alert")).to_contain_text("oidc_metadata")
    card.get_by_role("button", name="Remove company").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("People sign in with a key")).to_be_visible()


def test_an_auditor_reads_a_trace_once_they_say_why_and_is_shown_a_second_factor(at: House, stranger: Visitor) -> None:
    made = at.client.post("/api/v1/projects/default/keys", json={"name": "audit", "role": "auditor"}).json()
    stranger.log_in(made["secret"])
    page = stranger.go(f"/p/default/traces/{at.traces['plain']}")
    expect(page.get_by_text("Withheld: you may not read what was said")).to_be_visible()
    page.get_by_role("button", name="Unmask with a reason").click()
    page.get_by_label("Reason").fill("complaint 4711")
    page.get_by_role("button", name="Unmask this trace").click()
    expect(page.get_by_text("How do I reset my password?").first).to_be_visible()
    stranger.go("/p/default/account")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("img", name="QR code of the secret")).to_be_visible()
    told = at.client.get("/api/v1/projects/default/audit", params={"action": "content.unmasked"}).json()["items"]
    assert told[0]["detail"]["reason"] == "complaint 4711"
    at.client.delete(f"/api/v1/projects/default/keys/{made['key']['id']}").raise_for_status()
