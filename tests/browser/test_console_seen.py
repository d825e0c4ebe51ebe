"""What is seen beyond single calls: sessions, users, causes, tools, findings, graphs, comparisons, dashboards."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from browsing import AXE, TOOL, House, Visitor
from playwright.sync_api import Route, expect

from patience import PATIENCE_S

pytestmark = pytest.mark.browser
P = "/p/seen"


class Seen:
    """A project of its own with two sessions in it, one of which goes wrong in several ways."""

    def __init__(self, at: House) -> None:
        self.at = at
        api = at.client
        api.post("/api/v1/projects", json={"slug": "seen", "name": "Seen"}).raise_for_status()
        lab = next(each for each in self.ask("/default/providers")["items"] if each["name"] == "lab")
        given = {"name": "lab", "dialect": "openai_chat", "base_url": lab["base_url"], "api_key": "sk-of-the-lab-1234"}
        api.post("/api/v1/projects/seen/providers", json=given).raise_for_status()
        price = {"input": 0.15, "output": 0.6}
        models = {
            "fast": "gpt-4o-mini",
            "shy": "gpt-4o-mini?text=I'm sorry, but I can't help with that.",
            "clumsy": "gpt-4o-mini?arguments={}",
            "broken": "gpt-4o-mini?fault=400",
        }
        for name, model in models.items():
            body = {"name": name, "provider": "lab", "upstream": model, "price": price}
            api.post("/api/v1/projects/seen/models", json=body).raise_for_status()
        key = api.post("/api/v1/projects/seen/keys", json={"name": "k", "role": "client"}).json()["secret"]
        self.client = httpx.Client(base_url=at.url, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_S)
        self.traces: dict[str, str] = {}
        self.call("first", "fast", "What does a trim tab do?", session="chat/1", user="ann")
        self.call("second", "fast", "And where is it fitted?", session="chat/1", user="ann")
        self.call("shy", "shy", "Please write to my bank for me.", session="sad", user="bob")
        self.call("clumsy", "clumsy", "Where is order 7?", session="sad", user="bob", tools=[TOOL])
        for number in range(2):
            self.call(f"broken-{number}", "broken", "Translate this.", session="sad", user="bob")
        at.server.settled()

    def ask(self, path: str) -> Any:
        return self.at.client.get(f"/api/v1/projects{path}").json()

    def call(self, name: str, model: str, question: str, *, session: str, user: str, **more: Any) -> None:
        body = {"model": model, "user": user, "messages": [{"role": "user", "content": question}], **more}
        if "tools" in more:
            body["tool_choice"] = "required"
        answer = self.client.post("/v1/chat/completions", json=body, headers={"trimtab-session": session})
        self.traces[name] = answer.headers["trimtab-trace-id"]


@pytest.fixture(scope="module")
def seen(at: House) -> Iterator[Seen]:
    made = Seen(at)
    yield made
    made.client.close()


@pytest.mark.usefixtures("seen")
def test_a_session_reads_as_a_conversation_and_leads_to_its_user(visitor: Visitor) -> None:
    page = visitor.go(f"{P}/sessions")
    rows = page.get_by_role("list", name="Sessions")
    expect(rows.get_by_role("listitem")).to_have_count(2)
    expect(rows).to_contain_text("2 failed")
    rows.get_by_role("link", name="What does a trim tab do?").click()
    expect(page).to_have_url(re.compile(r"/sessions/chat%2F1"))
    turns = page.get_by_test_id("turns")
    expect(turns.get_by_role("region")).to_have_count(2)
    expect(turns.get_by_role("region", name="Turn 2")).to_contain_text("And where is it fitted?")
    expect(turns.get_by_role("article", name="assistant message")).to_have_count(2)
    page.get_by_test_id("session-summary").get_by_role("link", name="ann").click()
    expect(page.get_by_test_id("user-summary")).to_contain_text("2")
    expect(page.get_by_role("table", name="Sessions")).to_contain_text("What does a trim tab do?")
    visitor.go(f"{P}/users?sort=errors")
    expect(page.get_by_role("table", name="Users").get_by_role("row").nth(1)).to_contain_text("bob")


def test_a_session_of_hundreds_of_turns_is_as_near_at_its_end_and_leads_to_what_failed(
    seen: Seen, visitor: Visitor
) -> None:
    found = seen.ask("/seen/sessions/sad")
    turn = next(each for each in found["turns"] if each["status"] == "error")

    def answer(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        first = int(asked.get("cursor", ["0"])[0])
        numbers = range(first, min(450, first + int(asked["limit"][0])))
        turns = [
            {**turn, "trace_id": f"{i:032x}", "started": turn["started"] + i * 1000, "error_message": f"No. {i + 1}!"}
            for i in numbers
        ]
        more = str(numbers.stop) if numbers.stop < 450 else None
        route.fulfill(json={**found, "turns": turns, "cursor": more})

    visitor.page.route(f"{visitor.url}/api/v1/projects/seen/sessions/sad?*", answer)
    page = visitor.go(f"{P}/sessions/sad")
    turns = page.get_by_test_id("turns").get_by_role("region")
    expect(turns).to_have_count(50)
    page.get_by_role("button", name="To the last turn").press("Enter")
    last = page.get_by_role("region", name="Turn 450")
    expect(last.get_by_text("No. 450!")).to_be_in_viewport()
    expect(last.get_by_role("link")).to_be_focused()
    expect(turns).to_have_count(450)
    expect(page.get_by_role("button", name="To the last turn")).to_have_count(0)
    page.get_by_test_id("session-summary").get_by_role("link", name="2 failed").click()
    expect(page.locator("[data-trace]")).to_have_count(2)
    assert {seen.traces["broken-0"], seen.traces["broken-1"]} == set(
        page.locator("[data-trace]").evaluate_all("rows => rows.map((row) => row.dataset.trace)")
    )


def test_errors_are_grouped_by_cause_and_lead_to_their_traces(seen: Seen, visitor: Visitor) -> None:
    page = visitor.go(f"{P}/errors")
    causes = page.get_by_role("list", name="Causes")
    expect(causes.get_by_role("button")).to_have_count(1)
    causes.get_by_role("button").click()
    expect(page).to_have_url(re.compile("cause="))
    expect(causes).to_contain_text("2 of 2 traces")
    causes.locator(f"a[href*='{seen.traces['broken-1']}']").click()
    expect(page).to_have_url(re.compile(seen.traces["broken-1"]))
    visitor.go(f"{P}/tools")
    tool = page.get_by_role("table", name="Tools").get_by_role("row").nth(1)
    expect(tool).to_contain_text("find_order")
    expect(tool).to_contain_text("1 (100 %)")
    expect(tool).to_contain_text("id is required and missing")


def test_a_finding_is_told_where_the_answer_is_read_and_people_add_their_own(seen: Seen, visitor: Visitor) -> None:
    page = visitor.go(f"{P}/traces/{seen.traces['shy']}")
    expect(page.get_by_test_id("findings")).to_contain_text("Refused")
    expect(page.get_by_label("A detector found something")).to_have_count(1)
    page.get_by_role("button", name="All scores").click()
    scores = page.get_by_role("table", name="Scores")
    expect(scores).to_contain_text("I'm sorry, but I can't help")
    form = page.get_by_role("form", name="Add a score")
    form.get_by_role("textbox", name="Value").fill("0.25")
    form.get_by_role("textbox", name="Why").fill("It could have written a draft.")
    form.get_by_role("button", name="Score this span").click()
    expect(form.get_by_role("status")).to_have_text("Recorded.")
    seen.at.server.settled()
    page.reload()
    expect(scores).to_contain_text("It could have written a draft.")
    page.get_by_text("Graph", exact=True).click()
    graph = page.get_by_test_id("agent-graph")
    expect(graph.get_by_role("button")).to_have_count(2)
    graph.get_by_role("button").nth(1).click()
    expect(page).to_have_url(re.compile("span="))


def test_two_traces_are_compared_from_either_of_them(seen: Seen, visitor: Visitor) -> None:
    page = visitor.go(f"{P}/traces/{seen.traces['first']}")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("textbox", name="Compare with trace").fill(seen.traces["shy"])
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("comparison")).to_contain_text("Spans that differ")
    pair = page.get_by_test_id("pair")
    expect(pair.get_by_test_id("diff-answer").locator("ins").first).to_be_visible()
    expect(pair.get_by_role("table", name="Numbers")).to_contain_text("shy")
    page.get_by_role("table", name="Spans side by side").get_by_role("button").nth(1).click()
    expect(page).to_have_url(re.compile("pair=1"))
    expect(pair.get_by_role("table", name="Numbers")).to_contain_text("tokens out")


@pytest.mark.usefixtures("seen")
def test_a_search_is_saved_and_found_again(visitor: Visitor) -> None:
    page = visitor.go(f"{P}/traces?q=status:error&range=1h")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="Save this view…").click()
    page.get_by_role("textbox", name="Name").fill("What failed")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    visitor.go(f"{P}/traces")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="What failed").click()
    expect(page).to_have_url(re.compile(r"q=status:error"))
    expect(page).to_have_url(re.compile(r"range=1h"))


@pytest.mark.usefixtures("seen")
def test_a_dashboard_is_changed_tile_by_tile_and_kept(visitor: Visitor) -> None:
    page = visitor.go(f"{P}/dashboards?range=1h")
    board = page.get_by_test_id("dashboard")
    expect(board.get_by_role("region", name="Calls", exact=True)).to_contain_text("6")
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_role("button", name="Tile", exact=True).click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Title").fill("Calls of users")
    form.get_by_role("textbox", name="Group by").fill("user")
    form.get_by_role("textbox", name="Group by").press("Enter")
    form.get_by_role("combobox", name="Drawn as").click()
    page.get_by_role("option", name="table").click()
    tile = board.get_by_role("region", name="Calls of users")
    expect(tile.get_by_role("row").nth(1)).to_contain_text("bob")
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Name").fill("Ours")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Ours")).to_be_visible()
    page.reload()
    expect(tile.get_by_role("row").nth(1)).to_contain_text("bob")


def test_detectors_are_switched_in_the_settings(seen: Seen, visitor: Visitor) -> None:
    page = visitor.go(f"{P}/settings")
    panel = page.get_by_role("region", name="Silent failures")
    switch = panel.get_by_role("switch", name=re.compile("much longer or shorter"))
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    found = {each["name"]: each["on"] for each in seen.ask("/seen/detectors")["items"]}
    assert not found["length_change"]


LETTER = {
    "id": 7, "kind": "span", "segment": "w0-otlp-1", "seq": 3, "at": 1_790_000_000_000, "bytes": 210, "request_id": "",
    "reason": "trace_id: 15 bytes; it must have 16.", "project": "prj_1",
}  # fmt: skip


def test_a_dead_letter_is_mended_and_sent_again_digit_by_digit(visitor: Visitor) -> None:
    """Answered here: a letter in the house would stand in the way of every other test."""
    sent: list[str] = []
    content = '{"trace_id": "ab", "start_ns": 1790000000000000001}'
    base = f"{visitor.url}/api/v1/system/dead-letters"
    visitor.answers("/system/dead-letters?limit=500", {"items": [LETTER], "cursor": None})
    visitor.answers("/system/dead-letters/7", f'{{"letter": {json.dumps(LETTER)}, "content": {content}, "wire": ""}}')

    def replay(route: Route) -> None:
        sent.append(route.request.post_data or "")
        visitor.answers("/system/dead-letters?limit=500", {"items": [], "cursor": None})
        route.fulfill(status=204)

    visitor.page.route(f"{base}/7/replay", replay)
    page = visitor.go(f"{P}/dead-letters")
    page.get_by_role("table", name="Dead letters").get_by_role("button").click()
    expect(page).to_have_url(re.compile("show=7"))
    box = page.get_by_role("textbox", name="What it held; mend it here")
    expect(box).to_have_value(re.compile("1790000000000000001"))
    box.fill('{"trace_id": }')
    expect(page.get_by_role("dialog")).to_contain_text(re.compile("JSON", re.IGNORECASE))
    box.fill(box.input_value().replace('{"trace_id": }', content.replace('"ab"', '"abcd"')))
    page.get_by_role("button", name="Send the mended one").click()
    expect(page.get_by_role("heading", name="Nothing was set aside")).to_be_visible()
    assert sent == ['{"content": {"trace_id": "abcd", "start_ns": 1790000000000000001}}']


def test_a_thousand_dead_letters_are_told_by_cause_and_sent_again_together(visitor: Visitor) -> None:
    """Answered here, as above: three pages of letters of two causes, one of which cannot be taken as it is."""
    full = [
        {**LETTER, "id": n, "kind": "call", "reason": f"The store is full: {n} bytes are missing."}
        for n in range(1, 1201)
    ]
    crowd = [*full, LETTER | {"id": 1201}]
    gone: set[int] = set()

    def listed(route: Route) -> None:
        at = int(parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])[0])
        left = [letter for letter in crowd if letter["id"] not in gone]
        more = str(at + 500) if at + 500 < len(left) else None
        route.fulfill(json={"items": left[at : at + 500], "cursor": more})

    def sent(route: Route) -> None:
        number = int(route.request.url.split("/")[-2])
        if number == 600:
            detail = {"status": 400, "detail": "It is no span.", "code": "invalid_request", "fix": "Mend it."}
            route.fulfill(status=400, content_type="application/problem+json", body=json.dumps(detail))
            return
        gone.add(number)
        route.fulfill(status=204)

    page = visitor.page
    page.add_init_script(path=AXE)
    page.route(re.compile(r"/api/v1/system/dead-letters\?"), listed)
    page.route(re.compile(r"/api/v1/system/dead-letters/\d+/replay"), sent)
    visitor.go(f"{P}/dead-letters")
    causes, told = (
        page.get_by_role("table", name="Why they were set aside"),
        page.get_by_role("search").get_by_role("status"),
    )
    expect(causes.get_by_role("row")).to_have_count(3)
    expect(causes.get_by_role("row").nth(1)).to_contain_text("1,200")
    expect(told).to_have_text("1,201 letters")
    expect(page.get_by_role("table", name="Dead letters").locator("tbody tr")).to_have_count(50)
    assert visitor.looked_at("letters-many") == []
    causes.get_by_role("button", name="The store is full").click()
    expect(page).to_have_url(re.compile("cause=call"))
    expect(told).to_have_text("1,200 letters")
    page.get_by_role("button", name="Send all 1,200 again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send them").click()
    expect(page.get_by_role("main")).to_contain_text("1,199 of 1,200 letters sent again")
    expect(page.get_by_role("alert").or_(page.get_by_text("1 letter stayed"))).to_contain_text("1 letter stayed")
    expect(page.get_by_role("main")).to_contain_text("It is no span. Mend it.")
    expect(told).to_have_count(0)  # one is left of this cause, and needs no field for words
    assert len(gone) == len(full) - 1


@pytest.mark.parametrize("half", [0, 1])
def test_the_pages_fit_and_shut_nobody_out(seen: Seen, visitor: Visitor, half: int) -> None:
    trace = f"{P}/traces/{seen.traces['shy']}"
    places = (
        f"{P}/sessions", f"{P}/sessions/chat%2F1", f"{P}/users", f"{P}/users/ann", f"{P}/errors", f"{P}/tools",
        f"{trace}?view=scores", f"{trace}?nav=graph", f"{P}/dashboards?range=1h", f"{P}/dead-letters",
        f"{P}/compare?a={seen.traces['first']}&b={seen.traces['shy']}", "/p/empty/sessions", "/p/empty/tools",
    )  # fmt: skip
    visitor.page.add_init_script(path=AXE)
    wrong: list[str] = []
    for number, place in enumerate(places):
        if number % 2 == half:
            visitor.go(place)
            wrong += visitor.looked_at(f"seen-{number}")
    assert not wrong, "\n".join(wrong)


def test_names_without_an_end_and_narrow_windows_do_not_widen_a_page(at: House, visitor: Visitor) -> None:
    one, other, here = at.traces["plain"], at.traces["fallback"], "/p/default"
    places = (f"{here}/users/{'w' * 120}", f"{here}/sessions/{'w' * 180}", f"{here}/compare?a={one}&b={other}")
    wide: list[tuple[str, int]] = []
    for place in places:
        visitor.go(place)
        for size in (1440, 1024, 700, 390):
            visitor.page.set_viewport_size({"width": size, "height": 844})
            visitor.at_rest()
            if visitor.width() > size:
                wide.append((place, size))
    assert wide == []


def test_a_narrow_tile_says_what_its_figure_lacks(visitor: Visitor) -> None:
    """A sum in two lines put what has no price below the tile's edge."""
    page = visitor.page
    page.set_viewport_size({"width": 1024, "height": 768})
    visitor.go("/p/default/dashboards")
    lacks = page.get_by_text(re.compile("^\\d+ without a price$")).first
    expect(lacks).to_be_in_viewport(ratio=1)


def test_a_trace_keeps_its_name_beside_its_buttons_in_a_narrow_window(at: House, visitor: Visitor) -> None:
    trace = at.traces["plain"]
    page = visitor.page
    page.set_viewport_size({"width": 1024, "height": 768})
    visitor.go(f"/p/default/traces/{trace}")
    name = page.get_by_role("heading", name=f"Trace {trace[:12]}")
    expect(name).to_be_visible()
    assert name.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_what_differs_is_scrolled_with_the_keyboard(seen: Seen, visitor: Visitor) -> None:
    one, other = seen.traces["first"], seen.traces["shy"]
    page = visitor.go(f"{P}/compare?a={one}&b={other}")
    for part in ("Prompt", "Answer"):
        differs = page.get_by_role("group", name=f"{part}, what differs")
        differs.focus()
        expect(differs).to_be_focused()


def test_a_comparison_asks_for_what_is_missing(at: House, visitor: Visitor) -> None:
    plain, stream = at.traces["plain"], at.traces["stream"]
    page = visitor.page
    page.add_init_script(path=AXE)
    visitor.go("/p/default/compare")
    expect(page.get_by_role("heading", name="One of the last calls")).to_be_visible()
    assert visitor.looked_at("compare-none") == []
    page.get_by_label("Trace A").fill("req_01")
    expect(page.get_by_text("A trace id has 32 hexadecimal digits.")).to_be_visible()
    page.get_by_label("Trace A").fill(f"{visitor.url}/p/default/traces/{plain}?view=cost")
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_disabled()
    page.get_by_label("Trace B").fill(stream)
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_test_id("comparison")).to_be_visible()
    expect(page).to_have_url(re.compile(f"a={plain}&b={stream}"))

    visitor.go(f"/p/default/compare?b={plain}")
    expect(page.get_by_label("Trace B")).to_have_value(plain)
    page.get_by_role("main").get_by_role("list").get_by_role("link").first.click()
    expect(page.get_by_test_id("comparison")).to_be_visible()
    expect(page).to_have_url(re.compile(f"b={plain}"))


def test_a_dashboard_that_is_not_there_is_no_other_one(at: House, visitor: Visitor) -> None:
    path = "/api/v1/projects/default/dashboards"
    made = at.client.post(path, json={"name": "قيادة of the night", "tiles": []}).json()
    page = visitor.go(f"/p/default/dashboards?id={made['id']}")
    expect(page.get_by_text("yours alone")).to_be_visible()
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_label("About").fill("What I look at first")
    at.client.delete(f"{path}/{made['id']}").raise_for_status()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Somebody removed this dashboard meanwhile.")).to_be_visible()
    expect(page.get_by_label("About")).to_have_value("What I look at first")
    page.get_by_role("button", name="Make it anew").click()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    expect(page.get_by_text("What I look at first")).to_be_visible()
    anew = next(each for each in at.client.get(path).json()["items"] if each["about"] == "What I look at first")
    expect(page).to_have_url(re.compile(f"id={anew['id']}"))
    at.client.delete(f"{path}/{anew['id']}").raise_for_status()

    visitor.go(f"/p/default/dashboards?id={made['id']}")
    expect(page.get_by_role("heading", name="There is no such dashboard")).to_be_visible()
    page.get_by_role("link", name="Overview", exact=True).last.click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(r"dashboards\?id=default"))
