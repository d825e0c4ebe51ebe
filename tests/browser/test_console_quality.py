"""Quality: how scores go by release, what users say and how many do, and how far judges are to be believed."""

import re

import pytest
from browsing import AXE, Visitor
from playwright.sync_api import expect
from trials import PROJECT, Trials

pytestmark = pytest.mark.browser


@pytest.fixture
def said(trials: Trials) -> Trials:
    """Some users said what they think."""
    for number, trace in enumerate(trials.traces[:3]):
        body = {"trace_id": trace, "thumbs": "down" if number == 0 else "up"}
        answer = trials.shop.post("/v1/feedback", json=body)
        assert answer.is_success, answer.text
    trials.tell("/judges/tone/versions", {"kind": "rubric", "options": {"model": "steady", "criteria": "Is it kind?"}})
    trials.at.server.settled()
    return trials


def test_the_pages_say_who_answered_and_what_that_is_worth(said: Trials, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{PROJECT}/quality?range=24h")
    expect(page.get_by_role("list", name="Releases")).to_contain_text(re.compile("n [3-9]"))
    wrong = visitor.looked_at("quality")
    page.get_by_role("tab", name="Users' feedback").click()
    expect(page.get_by_role("img", name=re.compile("Said something")).first).to_be_visible()
    expect(page.get_by_role("region", name="In all")).to_contain_text(re.compile("[3-9] people"))
    wrong += visitor.looked_at("quality-feedback")
    page.get_by_role("tab", name="Judges").click()
    expect(page.get_by_role("region", name="judge:tone")).to_contain_text("not calibrated")
    wrong += visitor.looked_at("quality-judges")
    assert not wrong, "\n".join(wrong)


def test_a_rule_scores_a_share_of_live_answers_within_its_budget(trials: Trials, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"/p/{PROJECT}/quality?view=rules&new=1")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name", exact=True).fill("days")
    form.get_by_role("button", name="Make it").click()
    expect(form).to_contain_text("Which scorers look at the answers?")
    form.get_by_role("combobox", name="Add a scorer").fill("language")
    page.get_by_role("option", name=re.compile("^language")).click()
    form.get_by_role("textbox", name=re.compile("^Share of them")).fill("20")
    form.get_by_role("textbox", name=re.compile("^Budget")).fill("0.5")
    form.get_by_role("button", name="Make it").click()
    expect(form).to_have_count(0)
    row = page.get_by_role("row", name=re.compile("^days"))
    expect(row).to_contain_text("language: 20 % of all answers")
    expect(row).to_contain_text("$0 of $0.50 a day")
    row.get_by_role("button", name="Pause days").click()
    expect(row).to_contain_text("paused")
    wrong = visitor.looked_at("quality-rules")
    row.get_by_role("button", name="Remove days").click()
    form.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("Nothing looks at live answers by itself")).to_be_visible()
    assert not wrong, "\n".join(wrong)
