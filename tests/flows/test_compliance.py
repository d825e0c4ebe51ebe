"""An auditor's questions, put to a server on which things happened: who approved what, what was measured, taken back
and erased, and what of that speaks to which article."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from live import ADMIN, Live, admin, simulated, until

from patience import PATIENCE_S
from trimtab.cli.main import command

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  fast: {{provider: sim, model: "gpt-4o-mini?text=yes"}}
retention: {{content: 90}}
"""
PROJECT = "/api/v1/projects/default"
NAUGHTY = "<script>alert(1)</script> & Söhne"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with simulated() as upstream, Live(tmp_path_factory.mktemp("compliance"), CONFIG.format(url=upstream)) as live:
        live.start()
        happen(live)
        yield live


def ask(server: Live, method: str, path: str, body: Any = None, key: str = "") -> Any:
    headers = {"authorization": f"Bearer {key}"} if key else admin()
    answer = httpx.request(method, f"{server.url}{PROJECT}{path}", headers=headers, json=body, timeout=PATIENCE_S)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def happen(server: Live) -> None:
    """Two releases, an approval, a way back, an evaluation, an erasure, some calls."""
    ask(server, "PUT", "/apps/support", {"spec": {"route": "fast", "description": NAUGHTY}})
    ask(server, "POST", "/apps/support/releases", {"message": "The first"})
    ask(server, "PUT", "/environments/production", {"protection": {"approvals": 1}})
    ada = ask(server, "POST", "/keys", {"name": "Ada", "role": "editor"})["secret"]
    ask(server, "POST", "/apps/support/releases/r1/approvals", {"environment": "production", "note": "Read it."}, ada)
    promote = "/apps/support/environments/production/rollouts"
    ask(server, "POST", promote, {"release": "r1", "plan": {"kind": "direct"}, "note": "Go"})
    warmer = {"route": "fast", "description": NAUGHTY, "parameters": {"temperature": 1}}
    ask(server, "PUT", "/apps/support", {"spec": warmer})
    ask(server, "POST", "/apps/support/releases", {"message": "Warmer"})
    urgent = {"release": "r2", "plan": {"kind": "canary", "steps": [{"share": 0.5}]}, "override": "The old one is down"}
    begun = ask(server, "POST", promote, urgent)["id"]
    ask(server, "POST", f"/rollouts/{begun}/rollback", {"reason": "It is too warm"})
    ask(server, "PUT", "/datasets/qs", {"licence": "CC-BY-4.0"})
    ask(
        server, "POST", "/datasets/qs/cases", {"add": [{"input": f"Is {n} fine?", "expected": "yes"} for n in range(5)]}
    )
    ask(server, "PUT", "/suites/quality", {"spec": {"dataset": "qs", "scorers": [{"scorer": "exact"}]}})
    made = ask(server, "POST", "/experiments", {"suite": "quality", "subjects": ["support@r1"], "alone": True})["id"]
    until(
        lambda: ask(server, "GET", f"/experiments/{made}")["state"] == "done", PATIENCE_S, lambda: "the experiment ends"
    )
    body = {"model": "support", "messages": [{"role": "user", "content": "Is it?"}]}
    for _ in range(3):
        called = httpx.post(f"{server.url}/v1/chat/completions", headers=admin(), json=body, timeout=PATIENCE_S)
        assert called.status_code == 200, called.text
    short = {"kind": "length", "action": "block", "stages": ["input"], "options": {"at_most": 10}}
    ask(server, "POST", "/guards/short/versions", {"spec": {**short, "applies_to": ["sim/*"]}})
    stopped = {"model": "sim/gpt-4o-mini", "messages": [{"role": "user", "content": "This is too long."}]}
    called = httpx.post(f"{server.url}/v1/chat/completions", headers=admin(), json=stopped, timeout=PATIENCE_S)
    assert called.json()["choices"][0]["finish_reason"] == "content_filter", called.text
    ask(server, "POST", "/legal-holds", {"subject": "user", "value": "held-7", "reason": "Case 2026-114"})
    ask(server, "POST", "/erasures", {"subject": "user", "value": "nobody-7"})


def shell(server: Live, *arguments: str) -> Result:
    environment = {"TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": ADMIN}
    return CliRunner().invoke(command, ["compliance", *arguments], env=environment)


def report(server: Live) -> dict[str, Any]:
    return json.loads(shell(server, "report", "--json").stdout)


def test_a_period_is_shown_by_its_records_and_nothing_is_judged(server: Live) -> None:
    until(
        lambda: sections(report(server))["operation"]["figures"]["stopped_by_guards"] == 1,
        PATIENCE_S,
        lambda: "the calls are stored",
    )
    found = report(server)
    there = sections(found)
    assert [row[0] for row in there["releases"]["rows"]] == ["support r2", "support r1"]
    assert [row[:4] for row in there["approvals"]["rows"]] == [["support r1", "production", "Ada", "Read it."]]
    assert there["overrides"]["rows"][0][3] == "The old one is down"
    (back,) = there["incidents"]["rows"]
    assert (back[0], back[2]) == ("support r2", "rolled_back")
    assert "too warm" in back[3]
    assert there["evaluations"]["rows"][0][0] == "quality"
    assert there["datasets"]["rows"][0][3] == "CC-BY-4.0"
    assert there["data"]["total"] == 1
    assert there["data"]["rows"][0][5] == "admin (TRIMTAB_ADMIN_KEY)"
    kept = {name: value for name, value in there["data"]["figures"].items() if name.startswith("kept_days_")}
    assert kept == {"kept_days_content": 90, "kept_days_ledger": "for ever", "kept_days_scores": "for ever",
                    "kept_days_spans": "for ever"}  # fmt: skip
    (hold,) = there["legal_holds"]["rows"]
    assert (hold[1:4], hold[5:]) == (["user", "Case 2026-114", "admin (TRIMTAB_ADMIN_KEY)"], ["", "", None])
    assert "held-7" not in json.dumps(found), "nor whom a hold is of"
    given = [row[2:4] for row in there["access"]["rows"] if row[0] == "key.created"]
    assert given == [["Ada", "editor"]]
    assert there["operation"]["figures"]["calls"] >= 4
    assert "nobody-7" not in json.dumps(found), "whom an erasure was about is not told again"
    assert there["audit_log"]["figures"]["as_it_was_written"] is True
    assert there["apps"]["rows"][0][2:5] == ["production", "r1", "sim/gpt-4o-mini?text=yes"]
    controls = {each["id"]: each for one in found["frameworks"] for each in one["controls"]}
    assert controls["Art. 12"]["shown"] == "shown"
    assert controls["Art. 27"]["shown"] == "not_here"
    assert controls["Art. 27"]["add"]
    assert "red_team" in controls["Art. 15"]["empty"]
    assert controls["Art. 15"]["shown"] == "partly"


def sections(found: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in found["sections"]}


def test_the_page_stands_alone_and_shows_foreign_text_as_text(server: Live, tmp_path: Path) -> None:
    page = tmp_path / "q.html"
    done = shell(server, "report", "--framework", "eu_ai_act", "--out", str(page))
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "EU AI Act" in text
    assert "NIST" not in text
    given = text[text.index('id="access"') : text.index('id="audit_log"')]
    assert "<td>Ada</td><td>editor</td>" in given
    assert " UTC</td>" in given
    assert "http" not in text.replace("https://genai", ""), "it loads nothing"
    assert all(f'id="{name}"' in text for name in sections(report(server)))


def test_cards_say_what_is_known_of_an_app_and_of_a_model(server: Live) -> None:
    app = json.loads(shell(server, "app", "support", "--json").stdout)
    parts = {each["name"]: each for each in app["parts"]}
    assert app["facts"]["newest_release"] == "r2"
    assert parts["incidents"]["total"] == 1
    assert parts["evaluations"]["total"] == 1
    model = json.loads(shell(server, "model", "fast", "--json").stdout)
    assert (model["facts"]["provider"], model["facts"]["upstream"]) == ("sim", "gpt-4o-mini?text=yes")
    assert {each["name"]: each["total"] for each in model["parts"]}["apps"] == 1
    assert shell(server, "app", "nobody").exit_code == 1
    wrong = shell(server, "report", "--framework", "soc9")
    assert "eu_ai_act" in wrong.output, "it names those there are"


def test_an_empty_period_says_that_nothing_is_there(server: Live) -> None:
    found = json.loads(shell(server, "report", "--from", "2020-01-01", "--to", "2020-02-01", "--json").stdout)
    there = sections(found)
    assert {name: there[name]["total"] for name in ("releases", "approvals", "evaluations", "operation")} == {
        "releases": 0, "approvals": 0, "evaluations": 0, "operation": 0,
    }  # fmt: skip
    controls = {each["id"]: each for one in found["frameworks"] for each in one["controls"]}
    assert controls["A.6.2.3"]["shown"] == "nothing_yet"
    assert shell(server, "report", "--from", "2020-02-01", "--to", "2020-01-01").exit_code == 1
    again = json.loads(shell(server, "report", "--from", "2020-01-01", "--to", "2020-02-01", "--json").stdout)
    assert sections(again)["releases"] == there["releases"]
