"""`trimtab query`, `sql`, `views` and `dashboards`, against a real server: one call, seen in every way."""

import csv
import io
from pathlib import Path

import pytest
from shells import Shell, call

from trimtab.cli.traces import none_found


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
