"""Which mappers have read the traces of other tools, and reading those again."""

import json
import re
from typing import Any

import pytest
from browsing import AXE, Visitor
from playwright.sync_api import Request, Route, expect

pytestmark = pytest.mark.browser
P = "/p/default"
SUMS = {"spans": 9, "calls": 2, "unknown": 4, "errors": 0, "tokens": 15, "cost": "0.25", "unpriced": 2}
TRACE = "a" * 32
OLD = {"convention": "langsmith", "version": 4002, "current": 4003, "stale": True, "spans": 8, "traces": 3}
NEW = {"convention": "otel_genai", "version": 4009, "current": 4009, "stale": False, "spans": 5, "traces": 2}


class Server:
    """Answers as ours does while three traces are read again: noted in two pages, made one after the other."""

    def __init__(self, visitor: Visitor, left: int = 0) -> None:
        self.noted: list[dict[str, Any]] = []
        self.left = left
        self.waiting = 0
        self.stale = 3
        self.held = False
        """Nothing is made yet, however often it is asked."""
        visitor.page.route(re.compile(r"/api/v1/projects/default/remap(\?|$)"), self.answer)

    def answer(self, route: Route, request: Request) -> None:
        if request.method == "POST":
            asked = json.loads(request.post_data or "{}")
            first = asked["cursor"] is None
            self.noted.append(asked)
            self.waiting = 2 if first else 3
            route.fulfill(json={"traces": 2 if first else 1, "cursor": "next" if first else None})
            return
        told = {"start": 1_789_000_000_000, "end": 1_790_000_000_000, "readers": [OLD, NEW], "stale": self.stale}
        left = [{"trace_id": TRACE, "spans": 60_000, "bytes": 9_000_000}] if self.left else []
        sums = SUMS if self.stale == 3 else {**SUMS, "calls": 6, "unknown": 0, "tokens": 40}
        readers = [OLD, NEW] if self.stale else [{**OLD, "version": 4003, "stale": False}, NEW]
        route.fulfill(json={**told, "readers": readers, "waiting": self.waiting, "left": left, "comes_to": sums})
        if not self.held and self.waiting and self.noted[-1]["cursor"] == "next":  # one is made between two questions
            self.waiting -= 1
            self.stale = max(self.left, self.stale - 1)


def test_what_an_older_mapper_read_is_read_again_and_what_it_changed_is_told(visitor: Visitor) -> None:
    server = Server(visitor)
    visitor.page.add_init_script(path=AXE)
    page = visitor.go(f"{P}/mapping")
    expect(page.get_by_text("3 traces would be read otherwise today")).to_be_visible()
    row = page.get_by_role("table", name="Who has read what").get_by_role("row", name="langsmith")
    expect(row).to_contain_text("4.2")
    expect(row).to_contain_text("older")
    assert visitor.looked_at("mapping-older") == []
    page.get_by_role("button", name="Read them again").click()
    going = page.get_by_role("region", name="Reading again")
    expect(going.get_by_role("status")).to_have_text("3 traces read again: all of them.")
    changed = going.get_by_role("table", name="What changed")
    expect(changed.get_by_role("row", name="calls of models")).to_contain_text("6")
    expect(changed.get_by_role("row", name="cost")).to_have_count(0)
    assert [each["cursor"] for each in server.noted] == [None, "next"]
    assert {(each["start"], each["end"]) for each in server.noted} == {(1_789_000_000_000, 1_790_000_000_000)}
    page.mouse.move(0, 0)  # why the button is off is told above all else while the mouse is on it
    expect(page.get_by_role("tooltip")).to_have_count(0)
    assert visitor.looked_at("mapping-done") == []
    going.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Everything is read as it would be today")).to_be_visible()
    expect(going).to_have_count(0)


def test_it_goes_on_after_a_reload_and_tells_what_stays(visitor: Visitor) -> None:
    server = Server(visitor, left=1)
    page = visitor.go(f"{P}/mapping?days=7")
    page.get_by_role("button", name="Read them again").click()
    going = page.get_by_role("region", name="Reading again")
    expect(going).to_be_visible()
    page.reload()
    expect(going.get_by_role("status")).to_have_text("2 of 3 traces read again; 1 stayed as they were.")
    assert len(server.noted) >= 2
    left = page.get_by_role("table", name="What stays as it was read")
    expect(left.get_by_role("link", name=TRACE)).to_have_attribute("href", re.compile(f"traces/{TRACE}"))
    going.get_by_role("button", name="Close").click()
    expect(going).to_have_count(0)
    expect(page.get_by_role("button", name="Read them again")).to_have_attribute("aria-disabled", "false")


def test_what_was_begun_elsewhere_is_told_and_followed(visitor: Visitor) -> None:
    """By the command line, by somebody else, in another tab."""
    server = Server(visitor)
    server.noted.append({"cursor": "next"})
    server.waiting, server.stale, server.held = 2, 2, True
    page = visitor.go(f"{P}/mapping")
    told = page.get_by_role("main").get_by_role("status")
    expect(told).to_have_text("2 traces of this project are noted to be read again already.")
    server.held = False
    expect(page.get_by_text("Everything is read as it would be today")).to_be_visible()
    expect(told).to_have_text("")


def test_who_stops_while_a_page_is_noted_has_stopped(visitor: Visitor) -> None:
    server = Server(visitor)
    page = visitor.go(f"{P}/mapping")
    held: list[Route] = []
    page.route(
        re.compile(r"/api/v1/projects/default/remap$"),
        lambda route, request: held.append(route) if request.method == "POST" else route.fallback(),
    )
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/remap")):
        page.get_by_role("button", name="Read them again").click()
    going = page.get_by_role("region", name="Reading again")
    going.get_by_role("button", name="Stop here").click()
    expect(going).to_have_count(0)
    with page.expect_response(lambda response: response.request.method == "POST"):
        held[0].fulfill(json={"traces": 2, "cursor": "next"})
    assert page.evaluate("sessionStorage.getItem('trimtab.rereading.default')") is None
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/remap")):
        page.get_by_role("button", name="Read them again").click()
    assert [json.loads(each.request.post_data or "{}")["cursor"] for each in held] == [None, None]
    assert server.noted == []
    going.get_by_role("button", name="Stop here").click()
    held[1].fulfill(json={"traces": 2, "cursor": None})
