"""Review: a queue worked from the keyboard, and what people decided."""

import re

import pytest
from browsing import AXE, Visitor
from playwright.sync_api import Route, expect
from trials import PROJECT, STEADY, Trials

pytestmark = pytest.mark.browser


def test_no_page_shuts_anybody_out_or_scrolls_sideways(trials: Trials, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    places = {"review": "review/risky", "queue-edit": "review?edit=risky"}
    wrong: list[str] = []
    for name, place in places.items():
        visitor.go(f"/p/{PROJECT}/{place}")
        wrong += visitor.looked_at(name)
    visitor.go("/p/empty/review")
    wrong += visitor.looked_at("empty-review")
    assert not wrong, "\n".join(wrong)


def test_a_queue_is_worked_from_the_keyboard_to_its_end(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/review/risky")
    desk = page.get_by_test_id("desk")
    expect(desk.get_by_test_id("answer")).to_have_text(STEADY)
    expect(desk.get_by_role("timer")).to_contain_text("yours for")
    first = desk.get_attribute("data-item")
    page.keyboard.press("a")
    expect(desk).to_contain_text("Is the answer right?")
    expect(desk.get_by_role("status").filter(has_text="The rubric also asks")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("4")
    expect(desk.get_by_role("radio", name="pass")).to_be_checked()
    expect(desk.get_by_role("radio", name="4")).to_be_checked()
    page.keyboard.press("a")
    expect(desk).not_to_have_attribute("data-item", first or "")
    second = desk.get_attribute("data-item")
    expect(desk.get_by_role("timer")).to_be_visible()
    page.keyboard.press("c")
    field = desk.get_by_role("textbox", name="What the answer should have been")
    expect(field).to_be_focused()
    field.fill("Refunds take seven days")
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    page.keyboard.press("c")
    expect(field).to_be_focused()
    page.keyboard.type(".")
    page.keyboard.press("Control+Enter")
    expect(desk.get_by_role("status").filter(has_text="The rubric also asks")).to_be_visible()
    page.keyboard.press("2")
    expect(desk.get_by_role("radio", name="fail")).to_be_checked()
    expect(field).to_have_value("Refunds take seven days.")
    page.keyboard.press("Control+Enter")
    expect(desk).not_to_have_attribute("data-item", second or "")
    page.goto(f"{visitor.url}/p/{PROJECT}/review/risky?state=done&item={second}")
    expect(desk.get_by_test_id("correction").locator("ins")).to_have_text("seven")
    expect(desk.get_by_role("list", name="Verdicts")).to_contain_text("Is the answer right?: fail")


def test_an_answer_becomes_a_case_with_one_key(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/review/risky")
    expect(page.get_by_test_id("desk").get_by_role("timer")).to_be_visible()
    held: list[Route] = []
    datasets = f"{visitor.url}/api/v1/projects/{PROJECT}/datasets"

    def hold(route: Route) -> None:
        route.continue_() if held else held.append(route)

    page.route(datasets, hold)
    page.keyboard.press("d")
    form = page.get_by_role("dialog")
    # No name is asked for before one can be proposed: it would be mixed with what is typed meanwhile.
    expect(form.locator("[aria-busy=true]")).to_be_visible()
    expect(form.get_by_role("combobox")).to_have_count(0)
    held[0].continue_()
    expect(form.get_by_role("combobox", name="Dataset")).to_have_value(re.compile("."))
    form.get_by_role("combobox", name="Dataset").fill("reviewed")
    form.get_by_role("textbox", name="Expected").fill("Refunds take nine days.")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form).to_contain_text("Version 1 has it.")
    form.get_by_role("link", name="Look at reviewed").click()
    expect(page.get_by_test_id("peek")).to_contain_text("Refunds take nine days.")
    expect(page.get_by_test_id("peek")).to_contain_text("from a review")


def test_a_queue_is_made_says_what_it_takes_in_and_is_put_away(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/review?new=1")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name", exact=True).first.fill("audit")
    form.get_by_role("button", name="Make it").click()
    expect(form).to_have_count(0)
    row = page.get_by_role("row", name=re.compile("audit"))
    expect(row).to_contain_text("1 % at random")
    row.get_by_role("button", name="Archive audit").click()
    page.get_by_role("dialog").get_by_role("button", name="Archive it").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Archived").click()
    row.get_by_role("button", name="Take audit out of the archive").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Back to those in use").click()
    expect(row).to_be_visible()


def test_how_often_people_change_answers_is_told_with_its_interval(trials: Trials, visitor: Visitor) -> None:
    asked = {"criteria": [{"name": "right", "question": "Is the answer right?"}], "double_share": 0.0}
    trials.tell("/review/queues/told", {"spec": asked}, "PUT")
    items = trials.tell("/review/items", {"queue": "told", "trace_ids": trials.traces[:4]})["items"]
    for item, right in zip(items, (False, True, True, True), strict=True):
        said = {"decision": "approve" if right else "reject", "answers": {"right": right}}
        trials.tell(f"/review/items/{item}/verdicts", said)
    page = visitor.go(f"/p/{PROJECT}/review?view=people&by=queue")
    overrides = page.get_by_role("region", name="Overrides", exact=True)
    expect(overrides).to_contain_text("by random audit")
    row = overrides.get_by_role("row").filter(has=page.get_by_role("cell", name="told", exact=True))
    expect(row).to_contain_text("25 %")
    expect(row).to_contain_text("4.56 % to 69.9 % · n 4")
    expect(page.get_by_role("region", name="Agreement", exact=True)).to_be_visible()


def test_the_second_of_two_sees_the_first_verdict_only_after_their_own(trials: Trials, visitor: Visitor) -> None:
    asked = {"criteria": [{"name": "right", "question": "Is the answer right?"}], "double_share": 1.0}
    trials.tell("/review/queues/twice", {"spec": asked}, "PUT")
    item = trials.tell("/review/items", {"queue": "twice", "trace_ids": trials.traces[:1]})["items"][0]
    ann = trials.tell("/keys", {"name": "ann", "role": "reviewer", "expires": None})["secret"]
    said = {"decision": "approve", "answers": {"right": True}, "note": "As in the handbook."}
    where = f"{trials.api.base_url}/review/items/{item}/verdicts"
    answer = trials.shop.post(where, json=said, headers={"authorization": f"Bearer {ann}"})
    assert answer.is_success, answer.text
    page = visitor.go(f"/p/{PROJECT}/review/twice?item={item}")
    desk = page.get_by_test_id("desk")
    expect(desk.get_by_role("timer")).to_be_visible()
    expect(desk).to_contain_text("1 did.")
    expect(desk).not_to_contain_text("handbook")
    expect(desk.get_by_role("list", name="Verdicts")).to_have_count(0)
    page.keyboard.press("1")
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing waits here")).to_be_visible()
    visitor.go(f"/p/{PROJECT}/review/twice?state=done&item={item}")
    expect(desk.get_by_role("list", name="Verdicts")).to_contain_text("As in the handbook.")
    expect(desk.get_by_role("list", name="Verdicts").get_by_role("listitem")).to_have_count(2)
