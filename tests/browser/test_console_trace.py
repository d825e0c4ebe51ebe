"""One trace: its verdict, its spans, what was said, what it cost and why."""

import re
import time
from typing import Any

import pytest
from browsing import AXE, House, Visitor, ask
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def at_trace(at: House, name: str, query: str = "") -> str:
    return f"/p/default/traces/{at.traces[name]}{query}"


def test_the_conversation_shows_who_said_what(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "stream"))
    talk = page.get_by_test_id("conversation")
    expect(talk.get_by_label("system message")).to_contain_text("helpful support agent")
    expect(talk.get_by_label("user message")).to_contain_text("What does a trim tab do?")
    expect(talk.get_by_label("assistant message")).to_contain_text("great rudder")
    verdict = page.get_by_test_id("verdict")
    expect(verdict).to_contain_text("ok")
    expect(verdict).to_contain_text("streamed")


def test_marks_heaped_on_a_letter_paint_over_nothing(at: House, visitor: Visitor) -> None:
    """What stands above the text looks as it does above a text without them."""
    looks: list[bytes] = []
    for name, text in (("unmarked", "e"), ("marked", "e" + "\u0301" * 2_000)):
        at.call(name, ask("fast", text))
        at.server.settled()
        page = visitor.go(at_trace(at, name))
        said = page.get_by_test_id("conversation").get_by_label("user message")
        expect(said).to_contain_text("e")
        page.mouse.move(0, 0)  # else the tools of what is below it show
        looks.append(said.get_by_text("user", exact=True).screenshot(animations="disabled"))
    assert looks[0] == looks[1]


def test_a_trace_of_which_more_came_says_so_and_from_when_on_until_it_is_whole(at: House, visitor: Visitor) -> None:
    """Its rows are made anew in seconds: the answer is held here as it is before."""
    visitor.page.add_init_script(path=AXE)
    trace = at.server.api(f"/projects/default/traces/{at.traces['tool']}")
    soon = int(time.time() * 1000) + 5_000
    path = f"/projects/default/traces/{at.traces['tool']}"
    visitor.answers(path, {**trace, "updating": soon})
    page = visitor.go(at_trace(at, "tool"))
    badge = page.get_by_role("status").filter(has_text="being updated")
    expect(badge).to_be_visible()
    assert visitor.looked_at("trace-updating") == []
    badge.focus()
    expect(page.get_by_role("tooltip")).to_contain_text("More of this trace came than is shown")
    page.unroute(f"{at.url}/api/v1{path}")
    expect(badge).to_have_count(0)


def test_tool_calls_and_images_are_shown_as_such(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "tool"))
    expect(page.get_by_text("calls find_order")).to_be_visible()
    expect(page.get_by_text("1 tool on offer: find_order")).to_be_visible()
    visitor.go(at_trace(at, "image"))
    picture = page.get_by_alt_text("Sent with the message")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 1


def test_the_cost_is_shown_as_it_was_made(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "buckets", "?view=cost"))
    cost = page.get_by_test_id("cost")
    trace = at.server.api(f"/projects/default/traces/{at.traces['buckets']}")
    tokens = trace["tokens"]
    assert tokens["cache_read"] > 0
    assert tokens["reasoning"] > 0
    table = cost.get_by_role("table", name="How the cost came about")
    expect(table.get_by_role("row", name=re.compile("^cache read"))).to_contain_text("$0.075")
    expect(table.get_by_role("row", name=re.compile("^reasoning"))).to_contain_text("(as output)")
    expect(table.get_by_role("row", name=re.compile("^total"))).to_contain_text(f"${trace['cost']}")
    expect(cost).to_contain_text("override:")
    expect(cost.get_by_text("do not make the recorded cost")).to_have_count(0)


def test_an_unknown_price_is_said_and_never_shown_as_zero(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "unpriced", "?view=cost"))
    expect(page.get_by_test_id("verdict")).to_contain_text("no price")
    expect(page.get_by_test_id("cost")).to_contain_text("its cost is unknown, not zero")
    expect(page.get_by_test_id("cost").get_by_role("link", name="Set a price for careful")).to_be_visible()


def test_the_decision_record_has_each_candidate_with_its_reason(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "fallback", "?view=decision"))
    lines = page.get_by_test_id("decision").get_by_role("row")
    expect(lines.nth(1)).to_contain_text("failed")
    expect(lines.last).to_contain_text("chosen")
    expect(lines.last).to_contain_text("fast")
    expect(page.get_by_test_id("verdict")).to_contain_text("1 fallback")


def test_the_decision_view_says_what_the_cache_did_and_leads_to_the_call_answered_first(
    at: House, visitor: Visitor
) -> None:
    page = visitor.go(at_trace(at, "kept-2", "?view=decision"))
    notes = page.get_by_test_id("call-notes")
    expect(notes).to_contain_text("Answered from the cache")
    expect(notes).to_contain_text(re.compile(r"exact cache, first answered .* before, \$0\.0\d+ not paid again"))
    notes.get_by_role("link", name="The call that was answered first").click()
    expect(page.locator("[data-trace]")).to_have_count(1)
    expect(page.locator(f"[data-trace='{at.traces['kept-0']}']")).to_be_visible()
    visitor.go(at_trace(at, "kept-0", "?view=decision"))
    expect(notes).to_contain_text("Not in the cache, so a provider was asked")


def test_the_decision_view_says_how_a_conversation_was_shortened_and_which_limits_counted(
    at: House, visitor: Visitor
) -> None:
    told = at.server.api(f"/projects/default/traces/{at.traces['shortened']}")
    assert told["context"]["before"] > told["context"]["after"]
    page = visitor.go(at_trace(at, "shortened", "?view=decision"))
    notes = page.get_by_test_id("call-notes")
    expect(notes).to_contain_text(f"about {told['context']['before']} tokens sent as about {told['context']['after']}")
    for change in told["context"]["changes"]:
        expect(notes).to_contain_text(change)
    visitor.go(at_trace(at, "image", "?view=decision"))
    limits = notes.get_by_role("table", name="Limits")
    expect(limits.get_by_role("row", name=re.compile("^pace"))).to_contain_text("1 request")
    expect(limits.get_by_role("row", name=re.compile("^vision-calls"))).to_contain_text("0 requests")


def test_the_energy_of_a_call_is_a_range_and_that_of_a_cached_answer_is_none(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "plain", "?view=cost"))
    energy = page.get_by_test_id("energy")
    expect(energy).to_contain_text(re.compile(r"[\d.]+–[\d.]+ mWh, [\d.]+–[\d.]+ mg CO₂e"))
    visitor.go(at_trace(at, "kept-2", "?view=cost"))
    expect(energy).to_contain_text("0 Wh, 0 g CO₂e")
    visitor.go(at_trace(at, "buckets", "?view=cost"))
    expect(energy).to_contain_text("Energy unknown")


def test_a_failure_says_what_happened_before_anything_else(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "error"))
    expect(page.get_by_role("alert")).to_contain_text("The request is not valid.")
    expect(page.get_by_role("alert")).to_contain_text("HTTP 400")


def test_the_tree_is_walked_by_keyboard_and_the_selection_is_in_the_address(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "fallback"))
    tree = page.get_by_role("tree")
    expect(tree.get_by_role("treeitem")).to_have_count(4)
    tree.focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"span=[0-9a-f]{16}"))
    expect(page.get_by_role("alert")).to_contain_text("HTTP 500")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem")).to_have_count(1)
    expect(tree.get_by_role("treeitem")).to_contain_text("errors below")
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem")).to_have_count(4)


def test_the_timeline_shows_the_same_spans_and_survives_a_reload(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "fallback"))
    page.get_by_text("Timeline", exact=True).click()
    expect(page.get_by_role("tree", name="Timeline of spans").get_by_role("treeitem")).to_have_count(4)
    page.reload()
    expect(page.get_by_role("tree", name="Timeline of spans")).to_be_visible()


def test_the_raw_view_has_the_bytes_as_they_travelled(at: House, visitor: Visitor) -> None:
    page = visitor.go(at_trace(at, "stream", "?view=raw"))
    expect(page.get_by_text("Response, as streamed")).to_be_visible()
    expect(page.get_by_role("tabpanel")).to_contain_text("data: [DONE]")


@pytest.mark.parametrize(("name", "path"), [("plain", "/v1/chat/completions"), ("anthropic", "/v1/messages")])
def test_copy_as_curl_gives_a_command_for_the_front_that_was_called(
    at: House, visitor: Visitor, name: str, path: str
) -> None:
    page = visitor.go(at_trace(at, name))
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = str(page.evaluate("navigator.clipboard.readText()"))
    assert copied.startswith(f"curl {at.url}{path}")
    assert "$TRIMTAB_API_KEY" in copied


def test_a_trace_that_does_not_exist_is_told_apart_from_one_on_its_way(visitor: Visitor) -> None:
    page = visitor.go(f"/p/default/traces/{'0' * 31}1")
    expect(page.get_by_role("alert")).to_contain_text("There is no trace")
    just_now = f"{time.time_ns() // 1_000_000:012x}7{'0' * 3}8{'0' * 15}"
    visitor.go(f"/p/default/traces/{just_now}")
    expect(page.get_by_text("Received, indexing")).to_be_visible()


def test_a_project_that_keeps_content_out_says_so(at: House, visitor: Visitor) -> None:
    io = f"/projects/default/traces/{at.traces['plain']}/spans/*/io"
    body: dict[str, Any] = {
        "captured": False,
        "input": [],
        "output": [],
        "tools": [],
        "params": {},
        "raw_request": None,
    }
    visitor.answers(
        io, {**body, "raw_request": None, "raw_response": None, "truncated": False, "note": "", "dialect": ""}
    )
    page = visitor.go(at_trace(at, "plain"))
    expect(page.get_by_text("This project keeps content out")).to_be_visible()
    page.get_by_role("link", name="project's settings").click()
    expect(page.get_by_label("Keep the content of calls")).to_be_visible()


def test_escape_closes_what_is_open_on_top_before_it_leaves_the_page(at: House, visitor: Visitor) -> None:
    visitor.go("/p/default/traces?range=1h")
    page = visitor.go(at_trace(at, "plain"))
    page.get_by_role("button", name="Ids").click()
    expect(page.get_by_text("Request id")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Request id")).to_have_count(0)
    expect(page.get_by_test_id("verdict")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
