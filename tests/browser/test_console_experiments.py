"""Suites, experiments and scorers: what it costs before it runs, what it found, and on which cases."""

import re

import pytest
from browsing import AXE, Visitor
from playwright.sync_api import expect
from trials import PROJECT, STEADY, Trials

from patience import PATIENCE_MS

pytestmark = pytest.mark.browser
LENGTH = {"scorer": "length", "options": {"unit": "words"}}


def test_no_page_shuts_anybody_out_or_scrolls_sideways(trials: Trials, visitor: Visitor) -> None:
    visitor.page.add_init_script(path=AXE)
    places = {
        "experiment": f"experiments/{trials.experiment}?case=case-01",
        "suite-edit": "suites/refunds?edit=1",
        "scorers": "scorers",
    }
    wrong: list[str] = []
    for name, place in places.items():
        visitor.go(f"/p/{PROJECT}/{place}")
        wrong += visitor.looked_at(name)
    visitor.go("/p/empty/experiments")
    wrong += visitor.looked_at("empty-experiments")
    assert not wrong, "\n".join(wrong)


def test_the_outcome_is_said_first_and_the_cases_that_got_worse_are_on_top(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/experiments/{trials.experiment}")
    outcome = page.get_by_test_id("outcome")
    expect(outcome.get_by_role("heading")).to_contain_text("worse")
    expect(outcome.get_by_role("heading")).to_contain_text("not passed")
    metric = page.locator("[data-metric=contains]")
    expect(metric.get_by_test_id("missing").first).to_contain_text("1 could not be scored")
    expect(metric.get_by_role("img", name=re.compile("newer minus steady"))).to_be_visible()
    changed = page.get_by_role("list", name="Changed cases").get_by_role("listitem").first
    expect(changed).to_contain_text("How long does refund number")
    expect(changed.locator("ins")).to_have_text("three")
    expect(changed.locator("del")).to_have_text("five")
    cases = page.get_by_role("listbox", name="Cases, worst first")
    cases.get_by_role("option").first.click()
    expect(page).to_have_url(re.compile("case=case-01"))
    peek = page.get_by_test_id("peek")
    expect(peek).to_contain_text("How long does refund number 1 take?")
    expect(peek.get_by_test_id("answer-diff").locator("ins")).to_have_text("three")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("case=case-02"))
    page.reload()
    expect(peek).to_contain_text("How long does refund number 2 take?")
    page.keyboard.press("Escape")
    expect(peek).to_have_count(0)


def test_a_run_says_what_it_costs_and_then_runs_to_its_end(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/suites/refunds?run=1&a=steady")
    form = page.get_by_role("dialog")
    expect(form.get_by_test_id("estimate")).to_contain_text("are there already and cost nothing")
    form.get_by_role("button", name="Run it").click()
    expect(page).to_have_url(re.compile("/experiments/"))
    expect(page.get_by_test_id("outcome")).to_contain_text("passed", timeout=PATIENCE_MS)


def test_a_suite_is_made_with_a_scorer_and_its_options(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/suites?new=1&dataset=refunds")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("format")
    form.get_by_role("button", name="Make it").click()
    expect(form).to_contain_text("Add at least one scorer.")
    form.get_by_role("combobox", name="Add a scorer").fill("regex")
    page.get_by_role("option", name=re.compile("^regex")).click()
    form.get_by_role("button", name="Options").click()
    form.get_by_role("textbox", name="Pattern").fill("days")
    form.get_by_role("textbox", name="At least").fill("0.8")
    form.get_by_role("button", name="Make it").click()
    expect(page).to_have_url(re.compile("/suites/format"))
    said = page.get_by_role("region", name="What it asks")
    expect(said).to_contain_text("at least 0.8")
    expect(said).to_contain_text('"pattern":"days"')


def test_a_scorer_is_tried_on_one_answer(trials: Trials, visitor: Visitor) -> None:
    page = visitor.go(f"/p/{PROJECT}/scorers?try=exact")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Answer").fill("five days")
    form.get_by_role("button", name="Judge it").click()
    expect(form).to_contain_text("It cannot score this")
    form.get_by_role("textbox", name="Expected").fill("five days")
    form.get_by_role("button", name="Judge it").click()
    expect(form.get_by_test_id("result")).to_contain_text("1")


def test_a_run_that_was_cancelled_goes_on_where_it_stopped(trials: Trials, visitor: Visitor) -> None:
    # Slow enough that nobody comes too late to cancel it, until it is told otherwise.
    slow = f"gpt-4o-mini?text={STEADY}&first_ms=3000"
    price = {"input": "0.15", "output": "0.6"}
    trials.tell("/models", {"name": "hesitant", "provider": "lab", "upstream": slow, "price": price})
    trials.tell("/suites/one-by-one", {"spec": {"dataset": "refunds", "scorers": [LENGTH], "concurrency": 1}}, "PUT")
    run = trials.tell("/experiments", {"suite": "one-by-one", "subjects": ["hesitant"], "cases": 20})["id"]
    page = visitor.go(f"/p/{PROJECT}/experiments/{run}")
    outcome = page.get_by_test_id("outcome")
    expect(outcome).to_contain_text("drawn: it says nothing to a gate")
    outcome.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    expect(outcome.get_by_role("heading")).to_contain_text("cancelled", timeout=PATIENCE_MS)
    trials.tell("/models/hesitant", {"upstream": f"gpt-4o-mini?text={STEADY}"}, "PATCH")
    outcome.get_by_role("button", name="Resume").click()
    expect(outcome).to_contain_text("20 of 20 answers", timeout=PATIENCE_MS)
    expect(outcome.get_by_role("heading")).to_contain_text("20 of 31 cases", timeout=PATIENCE_MS)


def test_a_budget_is_raised_and_what_wavers_is_shown(trials: Trials, visitor: Visitor) -> None:
    # Of twelve cases asked three times, each answer one of two by chance: that all agree happens once in 4^12.
    tree = {"node": "weights", "of": [{"weight": 1, "use": "steady"}, {"weight": 1, "use": "newer"}]}
    trials.tell("/routes", {"name": "wavering", "tree": tree})
    spec = {"dataset": "refunds", "scorers": [{"scorer": "contains"}], "repeats": 3, "budget": "0.000000001"}
    trials.tell("/suites/wavering", {"spec": spec}, "PUT")
    run = trials.tell("/experiments", {"suite": "wavering", "subjects": ["wavering"], "cases": 12})["id"]
    page = visitor.go(f"/p/{PROJECT}/experiments/{run}")
    outcome = page.get_by_test_id("outcome")
    expect(outcome.get_by_role("heading")).to_contain_text("paused", timeout=PATIENCE_MS)
    outcome.get_by_role("button", name="Resume…").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name=re.compile("Budget")).fill("a lot")
    form.get_by_role("button", name="Go on").click()
    expect(form).to_contain_text("US dollars, for example")
    form.get_by_role("textbox", name=re.compile("Budget")).fill("1")
    form.get_by_role("button", name="Go on").click()
    expect(outcome).to_contain_text("36 of 36 answers", timeout=PATIENCE_MS)
    steady = page.get_by_role("region", name="How steady it is")
    all_of_three = steady.get_by_role("row", name=re.compile("Contains wavering 3"))
    expect(all_of_three).to_contain_text(re.compile(r" %, .* to .*, n 1[12]"), timeout=PATIENCE_MS)
    steady.get_by_role("button", name=re.compile("^Show")).click()
    expect(page).to_have_url(re.compile("cases=flaky"))
    expect(page.get_by_role("listbox", name="Cases, worst first").get_by_role("option").first).to_contain_text(
        re.compile(r"wavering [12]/3")
    )
