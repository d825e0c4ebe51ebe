"""The playground: a span asked again, several models side by side, stopped, compared, saved as a prompt."""

import re

import pytest
from browsing import AXE, House, Visitor, ask
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_span_is_opened_changed_and_asked_of_several_models(at: House, visitor: Visitor) -> None:
    trace = at.call("again", ask("fast", "Where is the harbour?", temperature=0.5), feature="support")
    at.server.settled()
    page = visitor.go(f"/p/default/traces/{trace}")
    page.get_by_role("link", name="Open in playground").click()
    expect(page.get_by_role("textbox", name="Message 2, user")).to_have_value("Where is the harbour?")
    expect(page.get_by_role("textbox", name="Parameters")).to_have_value(re.compile('"temperature": 0.5'))
    page.get_by_role("textbox", name="Message 2, user").fill("Where is the lighthouse?")
    models = page.get_by_role("combobox", name="Models")
    for name in ("careful", "broken"):
        models.fill(name)
        models.press("Enter")
    page.keyboard.press("Control+Enter")
    first = page.get_by_role("article", name="Answer 1, fast")
    expect(first).to_contain_text("You asked: Where is the lighthouse?")
    expect(first).to_contain_text(re.compile(r"cost\s*\$0\.0000\d+"))
    second = page.get_by_role("article", name="Answer 2, careful")
    expect(second).to_contain_text("no price")
    expect(page.get_by_role("article", name="Answer 3, broken")).to_contain_text("HTTP 400")
    expect(page.get_by_test_id("compared")).to_contain_text("quickest:")
    first.get_by_role("switch").click()
    expect(page).to_have_url(re.compile("diff=0"))
    expect(second.get_by_test_id("answer-diff")).to_be_visible()
    at.server.settled()
    link = first.get_by_role("link", name="Trace of answer 1").get_attribute("href")
    assert link is not None
    made = at.server.api(f"/projects/default/traces/{link.rsplit('/', 1)[1]}")
    assert made["spans"][0]["feature"] == "playground"
    page.get_by_role("button", name="Save as a prompt").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("harbour")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="harbour")).to_be_visible()
    saved = at.client.get("/api/v1/projects/default/prompts/harbour/versions/1").json()
    assert saved["content"]["messages"][1]["text"] == "Where is the lighthouse?"
    assert saved["content"]["parameters"] == {"temperature": 0.5}


def test_a_run_is_stopped_and_its_call_is_cut(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/default/playground?models=lab/gpt-4o-mini%3Fdelay_ms%3D300")
    page.get_by_role("textbox", name="Message 1, user").fill("Slowly, please.")
    run = page.get_by_role("region", name="Answers").get_by_role("button", name="Run")
    run.click()
    answer = page.get_by_role("article")
    expect(answer).to_contain_text("You")
    page.get_by_role("button", name="Stop").click()
    expect(answer).to_contain_text("stopped")
    expect(run).to_be_visible()
    link = answer.get_by_role("link", name="Trace of answer 1").get_attribute("href")
    assert link is not None
    at.server.settled()
    made = at.server.api(f"/projects/default/traces/{link.rsplit('/', 1)[1]}")
    assert made["spans"][0]["status"] == "cancelled"


def test_a_prompt_is_tried_and_what_was_tried_is_its_next_version(at: House, visitor: Visitor) -> None:
    path = "/api/v1/projects/default/prompts/tried/versions"
    file = "---\nvariables: {who: {type: string, examples: [Ada]}}\n---\n@user\nI am {{ who }}."
    at.client.post(path, json={"file": file}).raise_for_status()
    page = visitor.go("/p/default/playground?prompt=tried&models=fast")
    page.get_by_label("who").fill("Bo")
    page.get_by_role("textbox", name="The file of tried").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Hello.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("article")).to_contain_text("I am Bo. Hello.")
    page.get_by_role("button", name="Save version").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("listitem", name="Version 2")).to_be_visible()
    assert "Hello." in at.client.get(f"{path}/2").json()["file"]


def test_a_project_that_keeps_content_out_says_so(at: House, visitor: Visitor) -> None:
    at.project("discreet")
    at.client.patch("/api/v1/projects/discreet", json={"capture_content": False}).raise_for_status()
    page = visitor.go("/p/discreet/playground")
    expect(page.get_by_text("This project keeps content out of traces")).to_be_visible()
    visitor.go(f"/p/default/playground?trace={'0' * 32}&span={'0' * 16}")
    expect(page.get_by_role("heading", name="This span cannot be asked again")).to_be_visible()


def test_a_project_without_models_says_so_and_leads_to_where_one_is_added(at: House, visitor: Visitor) -> None:
    at.project("nobody-to-ask")
    provider = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1"}
    at.client.post("/api/v1/projects/nobody-to-ask/providers", json=provider).raise_for_status()
    visitor.page.add_init_script(path=AXE)
    page = visitor.go("/p/nobody-to-ask/playground")
    answers = page.get_by_role("region", name="Answers")
    expect(answers).to_contain_text("No model can be asked yet")
    assert not visitor.looked_at("playground-nobody")
    answers.get_by_role("link", name="Add a model").click()
    expect(page.get_by_role("dialog").get_by_text("Add a model")).to_be_visible()
    page.go_back()
    models = page.get_by_role("combobox", name="Models")
    models.fill("lab/gpt-4o-mini")
    models.press("Enter")
    expect(answers).to_contain_text("Choose up to six models")
