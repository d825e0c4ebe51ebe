"""Prompts: found, written as the file they are, previewed, saved, compared, labelled; and nobody's work overwritten."""

import re

import pytest
from browsing import AXE, House, Visitor
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

SUPPORT = """---
name: support
folder: desk/eu
description: Answers a customer's question.
variables:
  customer: {type: string, description: Whom we talk to, examples: [Ada]}
  tone: {type: string, default: friendly, enum: [friendly, formal]}
parameters: {temperature: 0.2}
---
@system
Be {{ tone }}. Refunds up to 50 need nobody's leave.

@user
I am {{ customer }}.
"""


def project(at: House, slug: str) -> str:
    """A project of its own with a model, and `support` at version 2, of which `production` is version 1."""
    at.project(slug)
    path = f"/api/v1/projects/{slug}"
    lab = {"name": "lab", "base_url": "http://127.0.0.1:9/v1"}
    model = {"name": "fast", "provider": "lab", "price": {"input": 1, "output": 2}}
    later = SUPPORT.replace("up to 50", "of up to 50").replace("0.2", "0.4")
    for where, body in (
        ("providers", lab),
        ("models", model),
        ("prompts/tone/versions", {"file": "Be kind."}),
        ("prompts/support/versions", {"file": SUPPORT, "message": "First words"}),
        ("prompts/support/versions", {"file": later, "message": "Say it better"}),
    ):
        at.client.post(f"{path}/{where}", json=body).raise_for_status()
    at.client.put(f"{path}/prompts/support/labels/production", json={"version": 1}).raise_for_status()
    return slug


def type_at_end(page: Page, text: str) -> None:
    page.get_by_role("textbox", name=re.compile("The file of")).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_prompts_are_found_by_folder_label_and_words(at: House, visitor: Visitor) -> None:
    slug = project(at, "found")
    page = visitor.go(f"/p/{slug}/prompts")
    rows = page.get_by_role("list", name="Prompts").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("production v1")
    expect(rows.first).to_contain_text("Say it better")
    facets = page.get_by_role("navigation", name="Folders and labels")
    facets.get_by_role("link", name="desk").click()
    expect(page).to_have_url(re.compile("folder=desk"))
    expect(rows).to_have_count(1)
    page.go_back()
    expect(rows).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("kind")
    expect(page).to_have_url(re.compile("q=kind"))
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("tone")
    page.get_by_role("textbox", name="Search prompts").fill("")
    expect(rows).to_have_count(2)
    page.get_by_role("textbox", name="Search prompts").blur()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="support")).to_be_visible()


def test_a_file_is_edited_previewed_and_saved_as_the_next_version(at: House, visitor: Visitor) -> None:
    slug = project(at, "edited")
    page = visitor.go(f"/p/{slug}/prompts/support?model=fast")
    preview = page.get_by_test_id("preview")
    expect(preview).to_contain_text("I am Ada.")
    expect(preview).to_contain_text("estimate")
    expect(preview).to_contain_text(re.compile(r"about \d+ tokens"))
    page.get_by_label("customer").fill("Bo")
    expect(preview).to_contain_text("I am Bo.")
    type_at_end(page, "{{ missing }}")
    wrong = page.get_by_role("alert")
    expect(wrong).to_contain_text("Line 2")
    expect(wrong).to_contain_text("'missing' is not declared")
    for _ in range(len("{{ missing }}") + 2):  # the editor closes no brackets by itself, so this is all
        page.keyboard.press("Backspace")
    page.keyboard.type("!")
    expect(preview).to_contain_text("I am Bo")
    page.keyboard.press("Control+s")
    page.get_by_role("dialog").get_by_role("textbox", name="What changed, and why").fill("Louder")
    page.keyboard.press("Enter")
    expect(page.get_by_text("version 3", exact=True)).to_be_visible()
    saved = at.client.get(f"/api/v1/projects/{slug}/prompts/support/versions/3").json()
    assert saved["version"]["message"] == "Louder"
    assert saved["content"]["messages"][1]["text"].endswith("!")
    expect(page.get_by_role("button", name="Save version")).to_have_attribute("aria-disabled", "true")


def test_what_somebody_saved_meanwhile_is_shown_and_never_overwritten_unseen(at: House, visitor: Visitor) -> None:
    slug = project(at, "meanwhile")
    path = f"/api/v1/projects/{slug}/prompts/support/versions"
    page = visitor.go(f"/p/{slug}/prompts/support")
    expect(page.get_by_test_id("preview")).to_contain_text("I am Ada.")
    type_at_end(page, "Mine.")
    at.client.post(path, json={"file": SUPPORT + "Theirs.\n", "message": "Quicker"}).raise_for_status()
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("saved version 3")
    expect(dialog).to_contain_text("Quicker")
    expect(dialog.locator("del")).to_contain_text(["Theirs"])
    expect(dialog.locator("ins")).to_contain_text(["Mine"])
    dialog.get_by_role("button", name="Save mine over version 3").click()
    expect(page.get_by_text("version 4", exact=True)).to_be_visible()
    assert "Mine." in at.client.get(f"{path}/4").json()["file"]
    type_at_end(page, " More.")
    page.get_by_role("link", name="History").click()
    asked = page.get_by_role("dialog", name="Leave without saving?")
    asked.get_by_role("button", name="Keep editing").click()
    at.client.post(path, json={"file": SUPPORT + "Again theirs.\n"}).raise_for_status()
    page.get_by_role("button", name="Save version").click()
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_role("button", name="Take theirs").click()
    expect(page.get_by_test_id("preview")).to_contain_text("Again theirs.")
    assert at.client.get(f"/api/v1/projects/{slug}/prompts/support").json()["newest"] == 5


def test_versions_are_compared_blamed_and_labelled(at: House, visitor: Visitor) -> None:
    slug = project(at, "labelled")
    page = visitor.go(f"/p/{slug}/prompts/support?view=history")
    newest = page.get_by_role("listitem", name="Version 2")
    newest.get_by_role("link", name="What changed").click()
    expect(page.get_by_test_id("diff")).to_contain_text("parameter 'temperature' went from 0.2 to 0.4")
    expect(page.locator("[data-mark=added]")).to_contain_text("of up to 50")
    page.get_by_role("link", name="Blame").click()
    rows = page.get_by_role("table", name="Lines of system").get_by_role("row")
    expect(rows.first).to_contain_text("v2")
    expect(page.get_by_role("table", name="Lines of user").get_by_role("row").first).to_contain_text("v1")
    page.get_by_role("link", name="History").click()
    newest.get_by_role("button", name="Label").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="production (now v1)").click()
    expect(dialog).to_contain_text("moves from version 1 to version 2")
    dialog.get_by_role("button", name="Move it").click()
    expect(newest).to_contain_text("production")
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(page.get_by_text("archived", exact=True)).to_be_visible()
    assert at.client.get(f"/api/v1/projects/{slug}/prompts/support").json()["archived"] is not None


def test_a_foreign_file_is_read_looked_at_and_saved(at: House, visitor: Visitor) -> None:
    at.project("foreign")
    page = visitor.go("/p/foreign/prompts")
    expect(page.get_by_role("heading", name="No prompt yet")).to_be_visible()
    page.get_by_role("button", name="New prompt").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("movie")
    dialog.get_by_text("A file from elsewhere").click()
    dialog.get_by_role("textbox", name="Its text").fill(
        "---\nname: movie\ninputs:\n  title: {type: string, default: Jaws}\n---\nsystem:\nJudge {{title}}.\n"
    )
    dialog.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("not saved yet")).to_be_visible()
    expect(page.get_by_test_id("preview")).to_contain_text("Judge Jaws.")
    page.get_by_role("button", name="Save version").click()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("version 1", exact=True)).to_be_visible()
    assert at.client.get("/api/v1/projects/foreign/prompts/movie").json()["newest"] == 1


def test_the_pages_of_prompts_and_the_playground_shut_nobody_out(at: House, visitor: Visitor) -> None:
    slug = project(at, "looked-at")
    visitor.page.add_init_script(path=AXE)
    trace = at.traces["tool"]
    span = at.server.api(f"/projects/default/traces/{trace}")["spans"][0]["span_id"]
    wrong: list[str] = []
    for name, place in {
        "prompts-empty": "/p/empty/prompts",
        "prompt": f"/p/{slug}/prompts/support?model=fast",
        "playground-span": f"/p/default/playground?trace={trace}&span={span}",
    }.items():
        visitor.go(place)
        visitor.at_rest()
        wrong += visitor.looked_at(name)
    assert not wrong, "\n".join(wrong)
