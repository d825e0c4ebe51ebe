"""Datasets: cases found, changed, imported and compared; and made of what one looks at elsewhere."""

import json
import re
from pathlib import Path

import pytest
from browsing import AXE, Visitor
from playwright.sync_api import expect
from trials import CASES, PROJECT, Trials

pytestmark = pytest.mark.browser
ALL = CASES + 1


def test_no_page_shuts_anybody_out_or_scrolls_sideways(trials: Trials, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    places = {
        "dataset": "datasets/refunds?case=case-01",
        "dataset-changes": "datasets/refunds?view=changes",
        "dataset-edit": "datasets/refunds?case=case-01&edit=1",
    }
    wrong: list[str] = []
    for name, place in places.items():
        visitor.go(f"/p/{PROJECT}/{place}")
        wrong += visitor.looked_at(name)
    visitor.go("/p/empty/datasets")
    wrong += visitor.looked_at("empty-datasets")
    assert not wrong, "\n".join(wrong)


def test_cases_are_found_by_words_and_split_and_the_address_keeps_it(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/datasets/refunds?version=2")
    found = page.get_by_role("status").filter(has_text="case")
    expect(found).to_have_text(f"{ALL} cases")
    page.get_by_role("textbox", name="Words in cases").fill("something nice")
    expect(page).to_have_url(re.compile("q=something"))
    expect(found).to_have_text("1 case fit")
    page.get_by_role("option", name=re.compile("something nice")).click()
    peek = page.get_by_test_id("peek")
    expect(peek).to_contain_text("Be kind.")
    expect(peek.get_by_role("region", name="Allowed uses")).to_contain_text("Train: not allowed")
    page.goto(f"{visitor.url}/p/{PROJECT}/datasets/refunds?version=2&split=tune")
    expect(found).to_contain_text("cases fit")


def test_what_changed_between_versions_is_told_case_by_case(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/datasets/refunds?view=changes&before=1&after=2")
    diff = page.get_by_test_id("diff")
    expect(diff.get_by_role("article")).to_have_count(1)
    expect(diff.locator("ins")).to_have_text(" at most")
    page.goto(f"{visitor.url}/p/{PROJECT}/datasets/refunds?view=duplicates")
    expect(page.get_by_test_id("duplicates")).to_contain_text("case-twin")


def test_a_case_is_added_changed_and_removed_each_as_a_version(trials: Trials, visitor: Visitor) -> None:
    trials.tell("/datasets/own", {"description": "Mine"}, "PUT")
    page = visitor.go(f"/p/{PROJECT}/datasets/own")
    page.get_by_role("button", name="Add a case").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Add it").click()
    expect(form).to_contain_text("What is asked is needed.")
    form.get_by_role("textbox", name="Asked").fill("Is this the first?")
    form.get_by_role("textbox", name="Expected", exact=True).fill("Yes.")
    form.get_by_role("textbox", name="What changed and why").fill("The first")
    form.get_by_role("button", name="Add it").click()
    expect(form).to_have_count(0)
    page.get_by_role("option", name=re.compile("Is this the first")).click()
    peek = page.get_by_test_id("peek")
    peek.get_by_role("button", name="Edit").click()
    form.get_by_role("textbox", name="Expected", exact=True).fill("Yes, it is.")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(peek.get_by_role("region", name="What is expected")).to_contain_text("Yes, it is.")
    peek.get_by_role("button", name="Remove").click()
    form.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("This version has no case")).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_role("table", name="Versions").locator("tbody tr")).to_have_count(3)


def test_a_file_is_looked_at_before_it_comes_in_and_told_what_is_wrong(
    trials: Trials, visitor: Visitor, tmp_path: Path
) -> None:
    good = tmp_path / "good.csv"
    good.write_text('question,answer,channel\n"Is it late, again?",Yes,mail\nWhere is it?,Here,chat\n')
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"input": "One"}\n{"input": ""}\n')
    trials.tell("/datasets/files", {}, "PUT")
    page = visitor.go(f"/p/{PROJECT}/datasets/files?import=1")
    form = page.get_by_role("dialog")
    form.locator("input[type=file]").set_input_files(bad)
    form.get_by_role("button", name="Import it").click()
    expect(form.get_by_role("alert")).to_contain_text("Nothing was imported")
    form.locator("input[type=file]").set_input_files(good)
    expect(form.get_by_role("region", name="The first rows")).to_contain_text("Is it late, again?")
    expect(form.get_by_role("combobox", name="input is the column")).to_have_value("question")
    form.get_by_role("button", name="Import it").click()
    expect(form).to_contain_text("Version 1 has 2 cases")
    form.get_by_role("button", name="Look at them").click()
    expect(page.get_by_role("option", name=re.compile("Where is it"))).to_be_visible()


def test_a_trace_becomes_a_case_that_remembers_it(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/traces/{trials.traces[0]}")
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("menuitem", name="Add to dataset").click()
    form = page.get_by_role("dialog")
    form.get_by_role("combobox", name="Dataset").fill("from-traffic")
    form.get_by_role("combobox", name="Expected").click()
    page.get_by_role("option", name=re.compile("What was answered")).click()
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form).to_contain_text("Version 1 has 1 new case.")
    form.get_by_role("link", name="Look at from-traffic").click()
    page.get_by_role("option", name=re.compile("When does refund 0 come")).click()
    peek = page.get_by_test_id("peek")
    expect(peek.get_by_role("region", name="What is expected")).to_contain_text("five days")
    peek.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/traces/{trials.traces[0]}"))


def test_what_a_search_finds_becomes_cases(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/traces?range=1h&q=user:user-1")
    page.get_by_role("button", name="Add these to a dataset").click()
    form = page.get_by_role("dialog")
    form.get_by_role("combobox", name="Dataset").fill("searched")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form).to_contain_text("Version 1 has 1 new case.")


def test_what_a_model_proposes_is_taken_changed_or_left_by_a_person(trials: Trials, visitor: Visitor) -> None:
    asked = [{"input": f"Return {number}?", "expected": "No."} for number in range(3)]
    upstream = "gpt-4o-mini?text=" + json.dumps({"cases": asked}, separators=(",", ":"))
    trials.tell("/models", {"name": "thinker", "provider": "lab", "upstream": upstream})
    trials.tell("/datasets/proposed", {"description": "What a model thought of"}, "PUT")
    page = visitor.go(f"/p/{PROJECT}/datasets/proposed?view=proposals")
    page.get_by_role("button", name="Let a model propose cases").click()
    form = page.get_by_role("dialog")
    form.get_by_role("combobox", name="Model").fill("thinker")
    page.get_by_role("option", name="thinker", exact=True).click()
    form.get_by_role("textbox", name="How many").fill("3")
    form.get_by_role("button", name="Propose", exact=True).click()
    expect(form).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="3 proposals")).to_be_visible()
    one = page.get_by_role("list", name="Proposals").get_by_role("article")
    expect(one).to_have_count(3)
    one.filter(has_text="Return 0?").get_by_role("button", name="Leave it").click()
    expect(one).to_have_count(2)
    one.filter(has_text="Return 1?").get_by_role("button", name="Change it").click()
    form.get_by_role("textbox", name="Expected", exact=True).fill("Never.")
    form.get_by_role("button", name="Take it so").click()
    expect(one).to_have_count(1)
    one.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("Nothing waits for a decision")).to_be_visible()
    page.get_by_role("tab", name="Cases").click()
    expect(page.get_by_role("option", name=re.compile("Return 1"))).to_contain_text("Never.")
    expect(page.get_by_role("option", name=re.compile("Return 2"))).to_be_visible()
