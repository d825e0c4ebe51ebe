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
    expect(page.get_by_role("list", name="Releases")).to_contain_text("n 3")
    wrong = visitor.looked_at("quality")
    page.get_by_role("tab", name="Users' feedback").click()
    expect(page.get_by_role("img", name=re.compile("Said something")).first).to_be_visible()
    expect(page.get_by_role("region", name="In all")).to_contain_text("3 people")
    wrong += visitor.looked_at("quality-feedback")
    page.get_by_role("tab", name="Judges").click()
    expect(page.get_by_role("region", name="judge:tone")).to_contain_text("not calibrated")
    wrong += visitor.looked_at("quality-judges")
    assert not wrong, "\n".join(wrong)
