"""Who may not read content: every way out is walked, and none tells what was said; numbers, names and verdicts stay.

The server holds somebody's words in every place that it keeps words in (`planting.py`). A person with a role without
``content:read`` asks every route that answers anything; so does the administrator, whose answers do tell, so that the
walk is known to look where the words are.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from live import Live, admin, live, simulated, until
from planting import Planter

from patience import PATIENCE_S
from trimtab.governance.permissions import GRANTS, INSTANCE_ONLY
from trimtab.server.api import all_routes

MARK = "ZQWORDSZQ"
USER = "u-planted"
PROJECT = "/api/v1/projects/default"
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
  careful: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
"""
FAILED = {
    "traceId": "ef" * 16, "spanId": "ab" * 8, "name": "look up", "kind": 3,
    "startTimeUnixNano": str(time.time_ns() - 10**9), "endTimeUnixNano": str(time.time_ns()),
    "status": {"code": 2, "message": f"cannot find {MARK}"},
    "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
                   {"key": "gen_ai.tool.name", "value": {"stringValue": "look up"}}],
}  # fmt: skip
"""An application's tool that says in its error what it was asked."""
BLIND: list[str] = sorted(GRANTS["editor"] - INSTANCE_ONLY - {"self", "content:read"})
"""All that may be read and made in a project, but for content."""
ASKED = {
    "runSql": [
        {"sql": "SELECT * FROM spans"}, {"sql": "SELECT * FROM texts"}, {"sql": "SELECT * FROM scores"},
        {"sql": "SELECT trace_id, text FROM texts WHERE text LIKE '%zqwords%'"},
    ],
    "searchCorpus": [{"text": "who wrote a letter", "mode": "words"}],
    "replayRoute": [{"tree": {"node": "fallback", "of": ["quick"]}}],
}  # fmt: skip
"""What is posted because it has no room in an address, and tells of calls."""
TELLING = {
    "listTraces", "getTrace", "getSpanIO", "listSessions", "getSession", "compareTraces", "exportRows",
    "runSql", "openSpanInPlayground", "listScores", "listCauses", "listCases", "getCase", "listReviewItems",
    "getReviewItem", "exportCases", "getDocument", "searchCorpus",
}  # fmt: skip
"""Where an administrator reads what was said: the walk does look where the words are."""
CLIENT = httpx.Client(timeout=PATIENCE_S)
"""One for all: to make one costs more than most questions."""
REFUSED = {"openSpanInPlayground", "exportCases"}
"""Where nothing but texts would be left."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, dict[str, str]]]:
    with simulated() as url, live(tmp_path_factory.mktemp("blind"), CONFIG.format(url=url)) as server:
        made = Planter(server, MARK, USER).everywhere()
        failed = {"resourceSpans": [{"scopeSpans": [{"spans": [FAILED]}]}]}
        assert ask(server, admin(), "POST", "/v1/traces", failed).status_code == 200
        published = ask(server, admin(), "POST", f"{PROJECT}/corpora/plants/versions", {})
        assert published.status_code == 200, published.text
        score = {"name": "tone", "value": 1, "trace_id": made["trace"], "explanation": f"{MARK} explained"}
        assert ask(server, admin(), "POST", f"{PROJECT}/scores", score).status_code < 300
        server.settled()
        search = ASKED["searchCorpus"][0]
        there = f"{PROJECT}/corpora/plants/search"
        until(lambda: ask(server, admin(), "POST", there, search).status_code == 200, PATIENCE_S, server.told)
        yield server, made


def ask(server: Live, who: dict[str, str], method: str, path: str, body: Any = None) -> httpx.Response:
    return CLIENT.request(method, f"{server.url}{path}", json=body, headers=who, timeout=PATIENCE_S)


def somebody(server: Live, name: str, permissions: list[str] | None, role: str = "editor") -> dict[str, str]:
    """A key with these permissions of its role; None: all of them."""
    body = {"name": name, "role": role, "permissions": permissions}
    made = ask(server, admin(), "POST", f"{PROJECT}/keys", body)
    assert made.status_code == 201, made.text
    return {"authorization": f"Bearer {made.json()['secret']}"}


def names(server: Live, made: dict[str, str]) -> dict[str, str]:
    """What stands in the addresses of the routes."""

    def first(path: str, key: str) -> str:
        return str(ask(server, admin(), "GET", f"{PROJECT}{path}").json()["items"][0][key])

    trace = ask(server, admin(), "GET", f"{PROJECT}/traces/{made['trace']}").json()
    cases = ask(server, admin(), "GET", f"{PROJECT}/datasets/plants/versions/latest/cases").json()["items"]
    return {
        "project": "default", "organisation": "default", "trace_id": made["trace"],
        "span_id": trace["spans"][0]["span_id"], "session": f"s-{USER}", "user": USER, "dataset": "plants",
        "version": "latest", "corpus": "plants", "document": "letter",
        "case": next(each["id"] for each in cases if MARK in str(each["input"])),
        "experiment": made["experiment"], "suite": "plants", "item": first("/review/items", "id"),
        "hold": first("/holds", "id"), "queue": "risky", "request_id": trace["spans"][0]["request_id"],
    }  # fmt: skip


def walk(server: Live, made: dict[str, str]) -> Iterator[tuple[str, str, str, Any]]:
    """Operation, method, path and body of every question that can be asked about what was planted."""
    known = names(server, made)
    for handler in all_routes():
        operation, path = handler.opt["operation"].id, next(iter(handler.paths))
        method = next(iter(handler.http_methods))
        if handler.opt["permission"] is None or (method != "GET" and operation not in ASKED):
            continue
        files = ["none"]
        if operation == "exportRows":
            files = ["spans.jsonl", "scores.jsonl", "ledger.jsonl", "content.jsonl"]
        for file in files:
            at = {**known, "file": file}
            url = re.sub(r"\{(\w+):\w+\}", lambda found: at.get(found[1], "none"), path)  # noqa: B023
            if operation == "tailTraces":
                url += "?since=never"  # what it tells is looked at by itself
            elif operation == "compareTraces":
                url += f"?a={made['trace']}&b={made['trace']}"
            elif operation == "diffDataset":
                url += "?from=1&to=2"
            for body in ASKED.get(operation, [None]):
                yield operation, method, url, body


def test_no_way_out_tells_who_may_not_read_content_what_was_said(planted: tuple[Live, dict[str, str]]) -> None:
    server, made = planted
    blind = somebody(server, "blind", BLIND)
    telling: set[str] = set()
    leaks: list[tuple[str, str, str]] = []
    for operation, method, path, body in walk(server, made):
        answer = ask(server, blind, method, path, body)
        if MARK.lower() in answer.text.lower():
            leaks.append((operation, path, answer.text))
        assert answer.status_code < 500, (operation, answer.text)
        if answer.status_code == 403 and "/projects/" in path:
            assert answer.json()["code"] == "content_withheld", (operation, answer.text)
            assert operation in REFUSED or path.endswith("content.jsonl"), (operation, answer.text)
        if operation in TELLING and MARK.lower() in ask(server, admin(), method, path, body).text.lower():
            telling.add(operation)
    assert leaks == []
    assert telling == TELLING


def test_a_key_of_an_application_reads_what_it_searches_and_no_calls(planted: tuple[Live, dict[str, str]]) -> None:
    server, made = planted
    search = ASKED["searchCorpus"][0]
    where = f"{PROJECT}/corpora/plants/search"
    whole, narrow = somebody(server, "app", None, "client"), somebody(server, "ranks", ["knowledge:search"], "client")
    (passage,) = ask(server, whole, "POST", where, search).json()["passages"]
    assert (MARK in passage["text"], passage["withheld"], "letter" in passage["terms"]) == (True, False, True)
    (bare,) = ask(server, narrow, "POST", where, search).json()["passages"]
    assert (bare["text"], bare["terms"], bare["withheld"]) == ("", {}, True)
    same = ("document", "chunk", "title", "score", "words_rank")
    assert [bare[name] for name in same] == [passage[name] for name in same]
    for path in (f"traces/{made['trace']}", "traces", "scores", "corpora/plants/documents/letter"):
        assert ask(server, whole, "GET", f"{PROJECT}/{path}").status_code == 403, path


def test_what_is_withheld_says_so_and_numbers_names_and_verdicts_stay(planted: tuple[Live, dict[str, str]]) -> None:
    server, made = planted
    blind = somebody(server, "counting", BLIND)
    trace = made["trace"]
    mine = ask(server, blind, "GET", f"{PROJECT}/traces/{trace}").json()
    theirs = ask(server, admin(), "GET", f"{PROJECT}/traces/{trace}").json()
    span, other = mine["spans"][0], theirs["spans"][0]
    assert (span["withheld"], other["withheld"], span["input_preview"]) == (True, False, "")
    emptied = {"input_preview", "output_preview", "error_message", "withheld"}
    assert {k: v for k, v in span.items() if k not in emptied} == {k: v for k, v in other.items() if k not in emptied}
    score = next(each for each in mine["scores"] if each["name"] == "tone")
    assert (score["value"], score["explanation"], score["withheld"]) == (1, "", True)
    io = ask(server, blind, "GET", f"{PROJECT}/traces/{trace}/spans/{span['span_id']}/io").json()
    assert (io["withheld"], io["captured"], io["input"], io["raw_request"]) == (True, True, [], "")
    counted = {"sql": "SELECT count(), sum(output_tokens) FROM spans"}
    both = [ask(server, who, "POST", f"{PROJECT}/sql", counted).json()["rows"] for who in (blind, admin())]
    assert both[0] == both[1]
    assert int(both[0][0][0]) > 0


def test_a_search_by_words_is_refused_with_the_way_out_and_one_by_keys_is_not(
    planted: tuple[Live, dict[str, str]],
) -> None:
    server, _ = planted
    blind = somebody(server, "searching", BLIND)
    for path in ("traces", "facets", "sessions", "aggregate", "costs", "export/spans.jsonl", "traces/live"):
        for q in ("zqwordszq", f'-status:ok "{MARK}"'):
            refused = httpx.get(f"{server.url}{PROJECT}/{path}", params={"q": q}, headers=blind, timeout=PATIENCE_S)
            assert (refused.status_code, refused.json()["code"]) == (403, "content_withheld"), (path, refused.text)
            assert "content:read" in refused.json()["fix"]
    tree = {"node": "fallback", "of": ["quick"]}
    for path, body in (("replay", {"tree": tree}), ("policy-plan", {})):
        asked = ask(server, blind, "POST", f"{PROJECT}/{path}", {**body, "q": MARK})
        assert (asked.status_code, asked.json()["code"]) == (403, "content_withheld"), (path, asked.text)
    found = httpx.get(f"{server.url}{PROJECT}/traces", params={"q": f"user:{USER}"}, headers=blind, timeout=PATIENCE_S)
    assert len(found.json()["rows"]) >= 3
    live_events: list[str] = []
    url = f"{server.url}{PROJECT}/traces/live?since=0"
    with httpx.stream("GET", url, headers=blind, timeout=PATIENCE_S) as told:
        for line in told.iter_lines():
            if line.startswith("data: "):
                live_events.append(line)
                break
    rows = json.loads(live_events[0].removeprefix("data: "))["rows"]
    assert len(rows) >= 3
    assert all(row["withheld"] for row in rows if row["model"] == "quick")
    assert MARK not in live_events[0]


def test_unmasking_gives_one_trace_for_its_reason_and_the_log_says_who_and_why(
    planted: tuple[Live, dict[str, str]],
) -> None:
    server, made = planted
    trusted = somebody(server, "trusted", None, "auditor")
    blind = somebody(server, "not trusted", BLIND)
    path = f"{PROJECT}/traces/{made['trace']}"
    why = {"reason": "complaint 4711"}
    assert ask(server, blind, "POST", f"{path}/unmask", why).status_code == 403
    for bad in ({}, {"reason": "  "}, {"reason": "a\nb c"}, {"reason": "x" * 501}):
        assert ask(server, trusted, "POST", f"{path}/unmask", bad).status_code == 400, bad
    assert ask(server, trusted, "POST", f"{PROJECT}/traces/{'0' * 32}/unmask", why).status_code == 404
    assert MARK not in ask(server, trusted, "GET", path).text
    shown = ask(server, trusted, "POST", f"{path}/unmask", why)
    assert MARK in shown.text
    assert not shown.json()["spans"][0]["withheld"]
    assert MARK in ask(server, trusted, "GET", path).text
    span = shown.json()["spans"][0]["span_id"]
    assert MARK in ask(server, trusted, "GET", f"{path}/spans/{span}/io").text
    assert MARK not in ask(server, trusted, "GET", f"{PROJECT}/traces").text, "one trace, not the list"
    assert MARK not in ask(server, blind, "GET", path).text, "for one person, not for all"
    log = ask(server, admin(), "GET", f"{PROJECT}/audit?action=content.unmasked").json()["items"]
    assert [(each["actor_name"], each["subject"], each["detail"]["reason"]) for each in log] == [
        ("trusted", f"trace:{made['trace']}", "complaint 4711")
    ]


def test_reads_stand_in_the_log_once_an_hour_where_the_project_wants_it(planted: tuple[Live, dict[str, str]]) -> None:
    server, made = planted
    reader = somebody(server, "reader", ["project:read", "trace:read", "content:read", "sql:read"])
    path = f"{PROJECT}/traces/{made['trace']}"

    def told() -> list[tuple[str, str]]:
        log = ask(server, admin(), "GET", f"{PROJECT}/audit?action=content.read").json()["items"]
        said = [(each["actor_name"], each["subject"]) for each in reversed(log)]
        assert all(name.startswith("admin") for name, subject in said if subject.startswith("export:"))
        return [each for each in said if not each[1].startswith("export:")]  # files, which the test above took

    ask(server, reader, "GET", path)
    assert told() == []
    assert ask(server, admin(), "PATCH", PROJECT, {"audit_reads": "secret"}).status_code == 400
    assert ask(server, admin(), "PATCH", PROJECT, {"audit_reads": "personal"}).json()["audit_reads"] == "personal"
    ask(server, reader, "GET", path)
    assert told() == [], "it is of no such class"
    assert ask(server, admin(), "PATCH", PROJECT, {"audit_reads": "all"}).status_code == 200
    span = ask(server, reader, "GET", path).json()["spans"][0]["span_id"]
    for again in (path, f"{path}/spans/{span}/io", path, f"{PROJECT}/traces", f"{PROJECT}/traces"):
        assert ask(server, reader, "GET", again).status_code == 200
    ask(server, reader, "POST", f"{PROJECT}/sql", {"sql": "SELECT 1"})
    trace = f"trace:{made['trace']}"
    assert told() == [("reader", trace), ("reader", "traces"), ("reader", "sql")]
    blind = somebody(server, "sees nothing", BLIND)
    ask(server, blind, "GET", path)
    assert len(told()) == 3, "who is shown no texts read none"
