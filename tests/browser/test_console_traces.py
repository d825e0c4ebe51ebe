"""The list of traces: search, facets, keyboard, peek, live, pages."""

import re
import time
from urllib.parse import parse_qs, urlparse

import pytest
from browsing import House, Visitor, ask
from playwright.sync_api import Page, Route, expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser
LIST = "/p/default/traces?range=1h"


def rows(page: Page) -> list[str]:
    return [str(row.get_attribute("data-trace")) for row in page.locator("[data-trace]").all()]


def test_every_call_is_listed_newest_first(at: House, visitor: Visitor) -> None:
    page = visitor.go(LIST)
    expect(page.locator("[data-trace]").first).to_be_visible()
    wanted = [row["trace_id"] for row in at.server.traces()]
    assert rows(page) == wanted[: len(rows(page))]


def test_a_typed_search_becomes_chips_and_narrows_the_list(at: House, visitor: Visitor) -> None:
    page = visitor.go(LIST)
    expect(page.locator("[data-trace]").first).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type("sta")
    expect(page.get_by_role("option", name=re.compile("^status:"))).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.type("err")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("chip")).to_have_text("status:error")
    expect(page).to_have_url(re.compile("q=status:error"))
    wanted = [row["trace_id"] for row in at.server.traces(q="status:error")]
    expect(page.locator("[data-trace]")).to_have_count(len(wanted))
    assert rows(page) == wanted
    assert at.traces["error"] in wanted
    page.get_by_role("button", name="Remove status:error").click()
    expect(page.locator("[data-trace]").nth(5)).to_be_visible()


def test_values_that_no_facet_has_are_completed_from_the_server(visitor: Visitor) -> None:
    page = visitor.go(LIST)
    expect(page.locator("[data-trace]").first).to_be_visible()
    page.get_by_role("combobox", name="Search").press_sequentially("-http_status:>=500 -name:")
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    value = options.first.locator("span").first.inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    chip = page.get_by_test_id("chip").nth(1)
    expect(chip).to_contain_text("-name:")
    expect(chip).to_contain_text(value)


def test_words_are_looked_for_in_what_was_said(at: House, visitor: Visitor) -> None:
    page = visitor.go(LIST)
    page.get_by_role("combobox", name="Search").fill("refund policy")
    page.keyboard.press("Enter")
    expect(page.locator("[data-trace]")).to_have_count(1)
    assert rows(page) == [at.traces["buckets"]]


def test_tab_leads_from_the_search_bar_to_what_stands_beside_it(visitor: Visitor) -> None:
    """Its open list is no stop on the way: the focus went down with it, and began anew from nowhere."""
    page = visitor.go(LIST)
    search = page.get_by_role("combobox", name="Search")
    search.focus()
    expect(page.get_by_role("listbox", name="Completions")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Time range")).to_be_focused()
    expect(page.get_by_role("listbox", name="Completions")).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(search).to_be_focused()


def test_a_facet_and_the_search_bar_are_one_state(visitor: Visitor) -> None:
    page = visitor.go(LIST)
    facets = page.get_by_role("complementary", name="Filters")
    expect(facets.get_by_role("button", name=re.compile("^search"))).to_be_visible()
    more = facets.get_by_role("button", name=re.compile(r"^\d+ more$"))
    while more.count():
        more.first.click()  # what other tests call makes the rare ones rarer
    facets.get_by_role("button", name=re.compile("^vision")).click()
    expect(page.get_by_test_id("chip")).to_have_text("feature:vision")
    expect(page.locator("[data-trace]")).to_have_count(1)
    expect(facets.get_by_role("button", name=re.compile("^vision"))).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page.get_by_test_id("chip")).to_have_count(0)


def test_a_search_that_does_not_parse_says_why(visitor: Visitor) -> None:
    page = visitor.go(f"{LIST}&q=colour:red")
    expect(page.get_by_role("alert")).to_contain_text("there is no key colour:")


def test_the_keyboard_walks_peeks_opens_and_comes_back(at: House, visitor: Visitor) -> None:
    page = visitor.go(f"{LIST}&q=feature:search")
    expect(page.locator("[data-trace]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    peek = page.get_by_test_id("peek")
    expect(peek).to_contain_text("sailing")
    second = rows(page)[1]
    expect(page).to_have_url(re.compile(f"peek={second}"))
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(f"peek={rows(page)[2]}"))
    page.keyboard.press("Escape")
    expect(peek).to_have_count(0)
    page.keyboard.press("Enter")
    expect(peek).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}"))
    expect(page.get_by_role("tree")).to_be_visible()
    page.keyboard.press("Escape")
    expect(peek).to_be_visible()


def test_a_new_call_appears_by_itself_while_live(at: House, visitor: Visitor) -> None:
    page = visitor.go(LIST)
    expect(page.locator("[data-trace]").first).to_be_visible()
    trace = at.call("live", ask("fast", "Is this live?"), feature="live")
    expect(page.locator("[data-trace]").first).to_have_attribute("data-trace", trace)


def test_the_list_says_whether_it_is_told_or_asks(at: House, visitor: Visitor) -> None:
    """A stream that cannot be had is asked for again later; until then the list is asked for, and nothing is missed."""
    page = visitor.go(LIST)
    state = page.get_by_test_id("live")
    expect(state).to_have_attribute("data-state", "live")
    expect(state).to_have_text("Live")
    state.click()
    expect(state).to_have_text("Paused")
    visitor.page.route(f"{visitor.url}/api/v1/projects/default/traces/live?*", lambda route: route.fulfill(status=429))
    visitor.go(LIST)
    expect(state).to_have_attribute("data-state", "polling")
    expect(state).to_have_text("Live, asking")
    trace = at.call("asked", ask("fast", "Is this asked for?"), feature="live")
    expect(page.locator("[data-trace]").first).to_have_attribute("data-trace", trace)


def test_a_paused_list_stands_still(at: House, visitor: Visitor) -> None:
    page = visitor.go(f"{LIST}&live=0")
    expect(page.locator("[data-trace]").first).to_be_visible()
    before = rows(page)[0]
    at.call("paused", ask("fast", "Is this paused?"), feature="live")
    at.server.settled()
    page.wait_for_timeout(2000)
    assert rows(page)[0] == before
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("[data-trace]").first).to_have_attribute("data-trace", at.traces["paused"])


def test_what_is_received_but_not_yet_stored_is_said(at: House, visitor: Visitor) -> None:
    page = at.server.api("/projects/default/traces")
    visitor.answers("/projects/default/traces?*", {**page, "behind_ms": 4200})
    shown = visitor.go(f"{LIST}&live=0")
    expect(shown.get_by_text("received, indexing: 4.20 s behind")).to_be_visible()


def test_older_pages_come_as_one_scrolls(at: House, visitor: Visitor) -> None:
    first = at.server.api("/projects/default/traces", limit=1)
    row = first["rows"][0]
    asked: list[str] = []

    def page_of(number: int) -> dict[str, object]:
        ids = range(number * 100, number * 100 + 100)
        made = [{**row, "trace_id": f"{i:032x}", "started": row["started"] - i * 1000} for i in ids]
        return {"rows": made, "cursor": str(number + 1) if number < 9 else None, "behind_ms": 0}

    def answer(route: Route) -> None:
        cursor = parse_qs(urlparse(route.request.url).query).get("cursor", [""])[0]
        asked.append(cursor)
        route.fulfill(json=page_of(int(cursor or 0)))

    visitor.page.route(f"{visitor.url}/api/v1/projects/default/traces?*", answer)
    page = visitor.go(f"{LIST}&live=0")
    expect(page.locator("[data-trace]").first).to_be_visible()
    page.get_by_test_id("trace-list").focus()
    last = page.locator(f"[data-trace='{999:032x}']")
    until = time.monotonic() + PATIENCE_S
    while not last.count() and time.monotonic() < until:  # each page comes when the end of those before is reached
        page.keyboard.press("End")
        page.wait_for_timeout(50)
    expect(page.get_by_text("1,000 calls")).to_be_visible()
    expect(last).to_be_visible()
    assert asked == ["", *[str(n) for n in range(1, 10)]]
    assert page.locator("[data-trace]").count() < 80


def test_a_list_with_no_calls_teaches_the_first_one(at: House, visitor: Visitor) -> None:
    page = visitor.go("/p/empty/traces")
    expect(page.get_by_role("heading", name="No call yet")).to_be_visible()
    expect(page.get_by_role("button", name="Create a key")).to_be_visible()


def test_a_search_that_finds_nothing_offers_the_way_back(visitor: Visitor) -> None:
    page = visitor.go(f"{LIST}&q=user:nobody")
    expect(page.get_by_role("heading", name="No call matches")).to_be_visible()
    page.get_by_role("button", name="Clear the search").last.click()
    expect(page.locator("[data-trace]").first).to_be_visible()


def test_of_thousands_of_values_the_filters_say_how_to_find_the_others(visitor: Visitor) -> None:
    values = [{"value": f"model {number}", "count": 10} for number in range(20)]
    visitor.answers("/projects/default/facets?*", [{"key": "model", "values": values}])
    page = visitor.go(f"{LIST}&live=0")
    models = page.get_by_role("group", name="model")
    expect(models.get_by_role("button")).to_have_count(7)
    models.get_by_role("button", name="14 more").press("Enter")
    expect(models).to_contain_text("The 20 most frequent. Type model: in the search for others.")


def test_calls_that_arrive_do_not_move_what_is_being_read(at: House, visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 1440, "height": 420})
    page = visitor.go(LIST)
    expect(page.locator("[data-trace]").first).to_be_visible()
    listing = page.get_by_test_id("trace-list")
    listing.evaluate("list => list.scrollTo({top: 180})")
    page.wait_for_timeout(200)
    read = page.locator(f"[data-trace='{at.traces['more-3']}']")
    before = read.bounding_box()
    assert before is not None
    at.call("held", ask("fast", "Does this push?"), feature="live")
    pill = page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    after = read.bounding_box()
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2
    pill.click()
    expect(page.locator(f"[data-trace='{at.traces['held']}']")).to_be_in_viewport()
    expect(pill).to_have_count(0)


def test_calls_that_arrive_leave_the_row_in_place_that_is_open_beside_the_list(at: House, visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 1440, "height": 420})
    page = visitor.go(LIST)
    row = page.locator("[data-trace]").nth(2)
    row.click()
    expect(page.get_by_test_id("peek")).to_be_visible()
    visitor.at_rest()
    opened = page.locator("[data-trace][aria-selected=true]")
    before = opened.bounding_box()
    assert before is not None
    at.call("beside", ask("fast", "Does this push what is open?"), feature="live")
    pill = page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    after = opened.bounding_box()
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2
    pill.click()
    expect(page.locator(f"[data-trace='{at.traces['beside']}']")).to_be_in_viewport()
    expect(pill).to_have_count(0)


def test_calls_that_arrive_leave_the_row_in_place_that_the_keyboard_stands_on(at: House, visitor: Visitor) -> None:
    page = visitor.go(LIST)
    expect(page.locator("[data-trace]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    standing = page.locator("[data-trace][aria-selected=true]")
    expect(standing).to_have_count(1)
    before = standing.get_attribute("data-trace"), standing.bounding_box()
    newest = at.call("walked", ask("fast", "Does this push who walks?"), feature="live")
    pill = page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    assert (standing.get_attribute("data-trace"), standing.bounding_box()) == before
    assert rows(page)[0] != newest
    page.keyboard.press("Escape")
    expect(page.locator("[data-trace]").first).to_have_attribute("data-trace", newest)
    expect(pill).to_have_count(0)


def test_who_reads_further_down_keeps_the_rows_however_many_arrive(at: House, visitor: Visitor) -> None:
    """More between two looks than a page holds: the list is read anew, but not while it is read."""
    row = at.server.api("/projects/default/traces", limit=1)["rows"][0]
    flooded: list[str] = []

    def answer(route: Route) -> None:
        if "cursor=" in route.request.url:
            return route.fulfill(json={"rows": [], "cursor": None, "behind_ms": 0})
        first = 1_000 if flooded else 0
        ids = range(first + 99, first - 1, -1)
        made = [{**row, "trace_id": f"{i:032x}", "started": row["started"] + i} for i in ids]
        return route.fulfill(json={"rows": made, "cursor": "1", "behind_ms": 0})

    visitor.page.route(f"{visitor.url}/api/v1/projects/default/traces?*", answer)
    visitor.page.route(f"{visitor.url}/api/v1/projects/default/traces/live?*", lambda route: route.fulfill(status=429))
    page = visitor.go(LIST)
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "polling")
    expect(page.locator(f"[data-trace='{99:032x}']")).to_be_visible()
    page.get_by_test_id("trace-list").evaluate("list => list.scrollTo({top: 1800})")
    read = page.locator(f"[data-trace='{40:032x}']")
    expect(read).to_be_in_viewport()
    before = read.bounding_box()
    flooded.append("from now on")
    pill = page.get_by_role("button", name="100 new")
    expect(pill).to_be_visible()
    assert read.bounding_box() == before
    pill.click()
    expect(page.locator(f"[data-trace='{1_099:032x}']")).to_be_in_viewport()
    expect(read).to_have_count(0)
    expect(pill).to_have_count(0)


def test_what_is_written_from_right_to_left_is_read_so_and_hides_nothing(at: House, visitor: Visitor) -> None:
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "obey me")
    question = f"مرحبا، أين طلبي رقم 7؟ \u202elive\u202c {tags}"
    trace = at.call("arabic", ask("fast", question, user="علي 7"), feature="digest")
    at.server.settled()
    page = visitor.go(f"/p/default/traces/{trace}")
    said = page.get_by_role("article", name="user message")
    expect(said).to_contain_text("U+202E")
    expect(said).to_contain_text("unseen: obey me")
    expect(said).not_to_contain_text("\u202e")
    box = said.bounding_box()
    assert box
    first = page.evaluate(
        """() => {
          const body = document.querySelector("article[aria-label='user message']");
          const walk = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) if (walk.currentNode.data.startsWith("مرحبا")) {
            const range = document.createRange();
            range.setStart(walk.currentNode, 0);
            range.setEnd(walk.currentNode, 1);
            return range.getBoundingClientRect().right;
          }
        }"""
    )
    assert first > box["x"] + box["width"] - 40, "it begins at the right"

    visitor.go('/p/default/traces?range=1h&q=user:"علي 7"')
    cell = page.locator(f"[data-trace='{trace}'] [dir=auto]").first
    expect(cell).to_contain_text("مرحبا")
    assert cell.evaluate("(cell) => getComputedStyle(cell).direction") == "rtl"
