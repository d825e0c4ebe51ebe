"""A model's capability card: what it was shown to do, through which dialect, with the evidence."""

import re

import pytest
from browsing import House, Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tried(at: House) -> House:
    """`fast` has a card, put there as the command does it (which takes some seconds more)."""
    results = [
        {"check": check, "front": front, "outcome": outcome, "evidence": f"{check} through {front}: {outcome}"}
        for check, front, outcome in (
            ("plain", "openai_chat", "pass"),
            ("plain", "anthropic_messages", "pass"),
            ("reasoning", "openai_chat", "not_supported"),
            ("reasoning", "anthropic_messages", "could_not_tell"),
            ("embeddings", "openai_embeddings", "pass"),
        )
    ]
    body = {"provider": "lab", "upstream": "gpt-4o-mini", "suite": "1", "results": results}
    at.client.put("/api/v1/projects/default/models/fast/card", json=body).raise_for_status()
    return at


def test_a_card_has_each_check_through_each_dialect_with_its_evidence(tried: House, visitor: Visitor) -> None:
    kept = tried.server.api("/projects/default/models/fast/card")
    page = visitor.go("/p/default/models")
    page.get_by_role("link", name="Capability card of fast").click()
    expect(page).to_have_url(re.compile(r"\?card=fast"))
    card = page.get_by_role("dialog", name="What fast can do")
    expect(card).to_contain_text(f"Card {kept['number']}, tried")
    expect(card).to_contain_text("gpt-4o-mini at lab")
    table = card.get_by_role("table", name="Checks")
    expect(table.get_by_role("columnheader", name="anthropic messages")).to_be_visible()
    row = table.get_by_role("row", name=re.compile("^plain"))
    expect(row.get_by_text("pass")).to_have_count(2)

    row.get_by_role("button", name="plain").click()
    plain = next(r for r in kept["results"] if r["check"] == "plain" and r["front"] == "openai_chat")
    evidence = card.get_by_label("Evidence of plain")
    expect(evidence).to_contain_text(plain["evidence"])
    expect(page).to_have_url(re.compile("open=.*plain"))
    page.reload()
    expect(evidence).to_contain_text(plain["evidence"])
    row.get_by_role("button", name="plain").focus()
    page.keyboard.press("Enter")
    expect(evidence).to_have_count(0)
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(page).not_to_have_url(re.compile("card="))


def test_a_failure_shows_its_evidence_unasked_and_an_old_card_says_that_it_is_one(at: House, visitor: Visitor) -> None:
    results = [
        {"check": "plain", "front": "openai_chat", "outcome": "pass", "evidence": "It said hello."},
        {"check": "tools", "front": "openai_chat", "outcome": "fail", "evidence": "It called no tool at all."},
        {"check": "images", "front": "openai_chat", "outcome": "not_supported", "evidence": "No pictures, please."},
        {"check": "stop", "front": "openai_chat", "outcome": "could_not_tell", "evidence": "A rate limit came."},
    ]
    told = {
        "model": "fast", "number": 3, "provider": "lab", "upstream": "gpt-4o", "current": False, "suite": "1",
        "made": 1_780_000_000_000, "capabilities": ["plain"], "results": results,
    }  # fmt: skip
    visitor.answers("/projects/default/models/fast/card", told)
    page = visitor.go("/p/default/models?card=fast")
    card = page.get_by_test_id("card")
    expect(card).to_contain_text("It called no tool at all.")
    expect(card).not_to_contain_text("No pictures, please.")
    expect(card).to_contain_text("pointed elsewhere since")
    for outcome in ("1 pass", "1 fail", "1 not supported", "1 could not tell"):
        expect(card.get_by_role("region", name="Summary")).to_contain_text(re.compile(outcome.replace(" ", r"\s*", 1)))


def test_a_model_that_was_never_tried_is_shown_how(at: House, visitor: Visitor, phone: Visitor) -> None:
    page = visitor.go("/p/default/models")
    page.get_by_role("link", name="Capability card of careful").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"trimtab conformance --model careful --save --url {at.url}")
    small = phone.go("/p/default/models?card=careful")
    expect(small.get_by_role("dialog")).to_contain_text("Never tried")
    assert phone.width() <= 390
