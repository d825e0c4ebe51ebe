"""`trimtab query`, `sql`, `views` and `dashboards`, against a real server: one call, seen in every way."""

import csv
import io
import secrets
import time
from pathlib import Path

import httpx
import msgspec
import pytest
from live import until
from shells import Shell, call

from patience import PATIENCE_S
from trimtab.cli.query import show
from trimtab.cli.traces import none_found
from trimtab.sdk.search_types import Aggregate


def ask(shell: Shell, model: str, *before: str) -> int:
    """The status of a call; ``before`` are earlier things that the user said."""
    key = shell.ok("keys", "create", "app").strip()
    messages: list[dict[str, str]] = []
    for said in before:
        messages += [{"role": "user", "content": said}, {"role": "assistant", "content": "Yes."}]
    body = {"model": model, "messages": [*messages, {"role": "user", "content": "Hello"}]}
    where = f"{shell.server.url}/v1/chat/completions"
    found = httpx.post(where, json=body, headers={"authorization": f"Bearer {key}"}, timeout=PATIENCE_S)
    shell.server.settled()
    return found.status_code


@pytest.fixture
def called(with_model: Shell) -> Shell:
    call(with_model, **{"trimtab-feature": "chat", "trimtab-user": "u1"})
    with_model.json("traces", "list")
    return with_model


def test_calls_are_printed_as_they_come_a_line_each(called: Shell) -> None:
    (trace,) = called.json("traces", "list")
    lines = called.ok("traces", "tail", "--last", "1h", "--limit", "1").splitlines()
    assert len(lines) == 1
    assert trace["trace_id"] in lines[0]
    assert called.json("traces", "tail", "-q", "feature:chat", "--last", "1h", "--limit", "1")["user"] == "u1"
    wrong = called.run("traces", "tail", "-q", "colour:red")
    assert wrong.exit_code == 1
    assert "no key colour" in wrong.stderr


def test_a_list_without_calls_says_whether_some_are_on_their_way() -> None:
    assert "on its way into the store" in none_found(1)
    assert "in the last 3 s" in none_found(2_001)
    assert "Widen --last" in none_found(0)


def test_a_call_is_counted_and_asked_for_in_sql(called: Shell) -> None:
    found = called.json("query", "--by", "feature,user", "-m", "count,tokens,top(model)")
    assert [(each["group"], each["values"][0]) for each in found["groups"]] == [(["chat", "u1"], 1)]
    text = called.ok("query", "--by", "feature", "--every", "1h")
    assert "chat" in text
    assert "P95(DURATION)" in text
    wrong = called.run("query", "-m", "p95(nothing)")
    assert wrong.exit_code == 1
    assert "duration" in wrong.stderr
    sql = "SELECT feature, count() AS calls FROM spans WHERE entry = 1 GROUP BY feature"
    assert called.json("sql", sql)["rows"] == [["chat", 1]]
    assert list(csv.reader(io.StringIO(called.ok("sql", sql, "--csv")))) == [["feature", "calls"], ["chat", "1"]]
    assert "'=x" in called.ok("sql", "SELECT '=x' AS said", "--csv")
    refused = called.run("sql", "SELECT * FROM system.tables")
    assert refused.exit_code == 1
    assert "spans, texts, ledger" in refused.stderr


def test_sessions_users_errors_and_tools_are_seen(with_model: Shell) -> None:
    shell = with_model
    for command in (["sessions", "list"], ["users", "list"], ["errors"], ["tools"]):
        assert "--last" in shell.ok(*command)
    call(shell, **{"trimtab-user": "u1", "trimtab-session": "s-1"})
    shell.json("traces", "list")
    (session,) = shell.json("sessions", "list")
    assert (session["session"], session["user"], session["calls"]) == ("s-1", "u1", 1)
    assert "s-1" in shell.ok("sessions", "list", "-q", "user:u1", "--sort", "cost")
    assert shell.json("sessions", "list", "-q", "user:nobody") == []
    told = shell.ok("sessions", "show", "s-1")
    assert "Session s-1: 1 calls, 0 failed" in told
    assert session["asked"][:20] in told
    (turn,) = shell.json("sessions", "show", "s-1")["turns"]
    missing = shell.run("sessions", "show", "s-2")
    assert missing.exit_code == 1
    assert "There is no session 's-2'" in missing.stderr
    assert [(user["user"], user["sessions"]) for user in shell.json("users", "list")] == [("u1", 1)]
    assert "u1" in shell.ok("users", "list", "--sort", "tokens")
    alike = shell.json("traces", "compare", turn["trace_id"], turn["trace_id"])
    assert {tuple(pair["differs"]) for pair in alike["pairs"]} == {()}
    compared = shell.ok("traces", "compare", turn["trace_id"], turn["trace_id"])
    assert "B less A: +0 ms, +0 tokens" in compared
    assert "request fast" in compared
    drawn = shell.json("traces", "graph", turn["trace_id"])
    assert "llm" in {node["kind"] for node in drawn["nodes"]}
    assert all(node["label"] in shell.ok("traces", "graph", turn["trace_id"]) for node in drawn["nodes"])


def test_failures_are_told_by_cause(with_model: Shell) -> None:
    for _ in range(2):
        assert ask(with_model, "fats") == 404
    with_model.json("traces", "list")
    (cause,) = with_model.json("errors")["items"]
    assert (cause["code"], cause["spans"], cause["failed"]) == ("model_not_found", 2, 2)
    told = with_model.ok("errors", "--limit", "5")
    assert cause["examples"][0]["trace_id"] in told


def test_a_decision_record_is_shown_whole(with_model: Shell, tmp_path: Path) -> None:
    """docs/routing.md says that `traces show` has a target's place in the tree and what was known of it."""
    file = tmp_path / "route.yaml"
    file.write_text("tree: {node: least_busy, of: [fast, lab/gpt-4o]}\n")
    with_model.ok("routes", "set", "smart", "--file", str(file))
    call(with_model)
    assert ask(with_model, "smart") == 200
    routed, plain = (trace["trace_id"] for trace in with_model.json("traces", "list"))
    told = with_model.ok("traces", "show", routed)
    assert "tree.of[0]" in told
    assert "under way 0" in told
    assert "BREAKER" not in told
    assert "KNOWN" not in with_model.ok("traces", "show", plain), "columns without a word are left out"


def test_what_the_cache_did_and_what_was_shortened_is_told(with_model: Shell) -> None:
    with_model.ok("cache", "set", "fast", '{"mode": "exact", "sampled": true}', "--context", '{"max_tokens": 64}')
    with_model.ok("limits", "set", "fair", "--requests", "10", "--window", "minute")
    for _ in range(2):
        assert ask(with_model, "fast", *["The tide is high. " * 30] * 3) == 200
    hit, miss = (with_model.ok("traces", "show", trace["trace_id"]) for trace in with_model.json("traces", "list"))
    assert "cache    miss" in miss
    assert "shortened to" in miss
    assert "dropped the" in miss
    assert "fair" in miss
    assert "RESERVED" in miss
    assert "cache    hit; " in hit
    assert " s old, of req_" in hit
    assert "saved $" in hit


def test_views_and_dashboards_are_kept_listed_and_travel_as_files(shell: Shell, tmp_path: Path) -> None:
    assert "None yet" in shell.ok("views", "list")
    shell.ok("views", "save", "Slow", "-q", "duration:>5s", "--columns", "started,model", "--shared")
    assert shell.json("views", "list")[0]["columns"] == ["started", "model"]
    assert "Slow" in shell.ok("views", "remove", "Slow")
    assert shell.run("views", "remove", "Slow").exit_code == 1
    assert "built in" in shell.ok("dashboards", "list")
    file = tmp_path / "board.json"
    shell.ok("dashboards", "export", "Overview", "--out", str(file))
    file.write_text(file.read_text().replace('"Overview"', '"Ours"'))
    assert "Ours" in shell.ok("dashboards", "import", str(file))
    assert shell.run("dashboards", "import", str(file)).exit_code == 1
    assert shell.json("dashboards", "import", str(file), "--replace")["version"] == 2
    shell.ok("dashboards", "remove", "Ours")
    file.write_text("[]")
    assert shell.run("dashboards", "import", str(file)).exit_code == 1


@pytest.mark.parametrize(("unpriced", "cost"), [(2, "≥ $1.5"), (0, "$1.5")])
def test_a_cost_that_prices_are_missing_from_is_a_lower_bound(
    unpriced: int, cost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = msgspec.convert(
        {
            "window": {"start": 0, "end": 1},
            "of": "traces",
            "step_ms": 0,
            "group_by": ["model"],
            "metrics": [{"name": "cost", "unit": "usd"}, {"name": "unpriced", "unit": "count"}],
            "groups": [{"group": ["a"], "values": ["1.5", unpriced]}, {"group": ["b"], "values": [None, 1]}],
            "series": [],
            "more": 0,
        },
        Aggregate,
    )
    show(found, folded=True)
    head, first, second = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert (head, first, second[0]) == (["MODEL", "COST"], ["a", *cost.split()], "b")
    assert "≥" not in second
    show(found)
    assert capsys.readouterr().out.split()[:3] == ["MODEL", "COST", "UNPRICED"]


def test_a_frameworks_error_that_is_a_whole_traceback_stays_a_line_in_the_table_and_is_told_once(shell: Shell) -> None:
    key = shell.ok("keys", "create", "app").strip()
    raised = (
        "OpenAIAPIError('Error code: 500')Traceback (most recent call last):\n\n  File \"app.py\", line 7\n" + "x" * 300
    )
    now = time.time_ns()
    trace, root, leaf = secrets.token_hex(16), "a" * 16, "b" * 16
    spans = [
        {
            "traceId": trace, "spanId": span, "parentSpanId": parent, "name": name, "kind": 1,
            "startTimeUnixNano": str(now - 10**9), "endTimeUnixNano": str(now),
            "status": {"code": 2, "message": raised},
            "attributes": [{"key": "session.id", "value": {"stringValue": "s-9"}}],
        }
        for span, parent, name in ((root, "", "RunnableSequence"), (leaf, root, "ChatOpenAI"))
    ]  # fmt: skip
    httpx.post(
        f"{shell.server.url}/v1/traces",
        json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]},
        headers={"authorization": f"Bearer {key}"},
        timeout=PATIENCE_S,
    ).raise_for_status()
    shell.server.settled()
    until(
        lambda: len(shell.json("traces", "show", trace)["trace"]["spans"]) == 2,
        PATIENCE_S,
        lambda: "both are not there",
    )
    shown = shell.ok("traces", "show", trace)
    assert shown.count("! OpenAIAPIError('Error code: 500')") == 2
    assert shown.count("x" * 300) == 1, "the way of the error is told once, of the span that failed first"
    assert max(len(line) for line in shown.split("\nError of ChatOpenAI\n")[0].splitlines()) < 120
    assert "session  s-9" in shown
    assert "RunnableSequence" in shell.ok("traces", "list"), "a foreign trace is known by its name"
