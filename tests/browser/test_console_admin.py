"""What is changed in the console: keys, providers, models, projects."""

import re

import httpx
import pytest
from browsing import House, Visitor, ask
from playwright.sync_api import expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser


def test_a_key_is_shown_once_works_at_once_and_ends_at_once(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/keys")
    page.get_by_role("button", name="Create a key").first.click()
    page.get_by_label("Name").fill("browser test")
    page.get_by_role("button", name="Create", exact=True).click()
    secret = page.get_by_test_id("secret").locator("pre").inner_text().strip()
    headers = {"authorization": f"Bearer {secret}"}
    body = ask("fast", "May I?")
    assert (
        httpx.post(f"{at.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S).status_code == 200
    )

    page.get_by_role("link", name="Use it in a snippet").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(secret)
    page.go_back()
    row = page.get_by_role("row", name=re.compile("browser test"))
    expect(row).to_contain_text("active")
    assert secret not in page.content()

    dialog = page.get_by_role("dialog")
    row.get_by_role("button", name="Priority").click()
    dialog.get_by_role("radio", name="Low").check()
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("priority at most low")

    row.get_by_role("button", name="Revoke").click()
    expect(dialog).to_contain_text("refused from this moment on")
    dialog.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    assert (
        httpx.post(f"{at.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S).status_code == 401
    )
    page.get_by_role("switch", name=re.compile("Show ended")).click()
    expect(row).to_contain_text("revoked")


def test_a_provider_and_a_model_are_added_tried_changed_and_removed(at: House, visitor: Visitor) -> None:
    at.project("workshop")
    upstream = at.server.api("/projects/default/providers")["items"][0]["base_url"]
    page = visitor.go("/p/workshop/providers")
    page.get_by_role("button", name="Add a provider").first.click()
    page.get_by_role("combobox", name="Kind").click()
    page.get_by_role("option", name="Any compatible server").click()
    page.get_by_label("Name").fill("lab2")
    page.get_by_label("Base URL").fill("nonsense")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("An address such as")).to_be_visible()
    page.get_by_label("Base URL").fill(upstream)
    page.get_by_label("API key", exact=True).fill("sk-secret-of-lab-2222")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("list", name="Providers")).to_contain_text("••••2222")
    assert "sk-secret-of-lab-2222" not in page.content()

    visitor.go("/p/workshop/models?new=1")
    page.get_by_label("Name").fill("team/quick")
    page.get_by_role("combobox", name="Model at the provider").fill("gpt-4o-mini")
    page.get_by_role("switch", name="Use my own price").click()
    page.get_by_label("Input").fill("1")
    page.get_by_label("Output").fill("2.5")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("listitem").filter(has_text="team/quick")
    expect(row).to_contain_text("$1 in, $2.5 out")

    row.get_by_role("button", name="Test").click()
    expect(row).to_contain_text("answered in")
    row.get_by_role("link", name="Open its trace").click()
    expect(page.get_by_test_id("verdict")).to_be_visible()
    page.go_back()

    row.get_by_role("button", name="Edit team/quick").click()
    page.get_by_label("Output").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("$3 out")
    row.get_by_role("button", name="Delete team/quick").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No model can be called yet")).to_be_visible()


def test_unsaved_edits_are_not_lost_without_asking(visitor: Visitor) -> None:
    page = visitor.go("/p/default/models?new=1")
    page.get_by_label("Name").fill("half done")
    page.keyboard.press("Escape")
    ask_first = page.get_by_role("dialog", name="Leave without saving?")
    expect(ask_first).to_be_visible()
    ask_first.get_by_role("button", name="Keep editing").click()
    expect(page.get_by_label("Name")).to_have_value("half done")
    page.get_by_role("button", name="Cancel").click()
    ask_first.get_by_role("button", name="Leave").click()
    expect(page.get_by_label("Name")).to_have_count(0)


def test_what_the_config_file_declares_is_changed_there(visitor: Visitor) -> None:
    page = visitor.go("/p/default/models")
    row = page.get_by_role("listitem").filter(has_text="careful").first
    expect(row).to_contain_text("config file")
    edit = row.get_by_role("button", name="Edit careful")
    expect(edit).to_have_attribute("aria-disabled", "true")
    edit.hover()
    expect(page.get_by_text("It is declared in the config file; change it there.").first).to_be_visible()


def test_a_test_call_that_fails_says_why_and_leads_to_its_trace(visitor: Visitor) -> None:
    page = visitor.go("/p/default/models")
    row = page.get_by_role("listitem").filter(has_text="broken").first
    row.get_by_role("button", name="Test").click()
    expect(row.get_by_role("alert")).to_contain_text("The request is not valid.")
    row.get_by_role("link", name="Open its trace").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("error")


def test_a_project_is_made_and_its_switch_keeps_content_out(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/overview")
    page.get_by_role("button", name=re.compile("^Default project")).click()
    page.get_by_role("menuitem", name="New project").click()
    page.get_by_label("Name", exact=True).fill("Quiet Place")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page).to_have_url(re.compile("/p/quiet-place/overview"))
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("switch", name="Keep the content of calls").click()
    page.get_by_role("link", name="Keys").click()
    expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
    page.get_by_role("button", name="Keep editing").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert at.server.api("/projects/quiet-place")["capture_content"] is False
    words = page.get_by_role("switch", name="Find messages by their words")
    expect(words).to_be_checked()
    words.click()
    expect(words).not_to_be_checked()
    assert at.server.api("/projects/quiet-place/search/text-index") == {"on": False}


def test_snippets_carry_this_address_and_the_chosen_model(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/connect?model=careful")
    for name in ("OpenAI, Python", "OpenAI, Node", "Anthropic, Python", "LangChain", "LlamaIndex", "curl"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel")).to_contain_text(at.url)
        expect(page.get_by_role("tabpanel")).to_contain_text("careful")
    page.get_by_role("tab", name="Environment").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(f"OPENAI_BASE_URL={at.url}/v1")
