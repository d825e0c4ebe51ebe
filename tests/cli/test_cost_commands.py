"""`trimtab costs`, `prices` and `reconcile`, against a real server: from a call to a bill that agrees."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from shells import Shell, call


@pytest.fixture
def called(with_model: Shell) -> Shell:
    call(with_model, **{"trimtab-feature": "chat", "trimtab-user": "u1"})
    return with_model


def usage(shell: Shell) -> dict[str, Any]:
    (row,) = shell.json("costs", "attempts")
    return row


def test_costs_are_shown_by_feature_as_text_json_and_csv(called: Shell) -> None:
    row = usage(called)
    text = called.ok("costs", "by", "feature", "--energy")
    assert "chat" in text
    assert "Total $" in text
    (group,) = called.json("costs", "by", "feature")["groups"]
    assert (group["group"], group["totals"]["cost"]) == ("chat", row["cost"])
    (key,) = called.json("costs", "by", "key")["groups"]
    names = {each["id"]: each["name"] for each in called.json("keys", "list")}
    assert f"{names[key['group']]} ({key['group']})" in called.ok("costs", "by", "key")
    lines = called.ok("costs", "by", "feature", "--csv").splitlines()
    assert lines[0].startswith("group,label,calls")
    assert lines[1].startswith("chat,,1,1,")
    assert called.json("costs", "by", "user", "-q", "feature:none")["groups"] == []
    assert called.json("costs", "by", "feature", "--last", "7d", "--query", "feature:chat")["groups"] == [group]
    assert row["request_id"] in called.ok("costs", "top")
    assert row["price"] in called.ok("costs", "attempts", row["request_id"])
    assert "of $" in called.ok("costs", "waste")
    wrong = called.run("costs", "by", "feature", "-q", "nonsense")
    assert wrong.exit_code == 1
    assert "->" in wrong.stderr


def test_a_price_is_set_shown_ended_and_removed(with_model: Shell) -> None:
    made = with_model.json("prices", "set", "gpt-4o*", "--provider", "lab", "--input", "3", "--output", "4")
    assert with_model.json("prices", "show", "fast")["source"].startswith(f"override:{made['id']}:")
    assert made["id"] in with_model.ok("prices", "show", "lab/gpt-4o")
    assert made["id"] in with_model.ok("prices", "list")
    with_model.ok("prices", "end", made["id"], "--to", "2026-01-01")
    assert with_model.json("prices", "list")[0]["state"] == "ended"
    with_model.ok("prices", "remove", made["id"])
    assert "trimtab prices set" in with_model.ok("prices", "list")
    assert "genai-prices" in with_model.ok("prices", "book")
    assert with_model.run("prices", "set", "x", "--input", "lots", "--output", "1").exit_code == 1


def test_what_is_said_of_a_new_price_is_true_of_its_time(with_model: Shell) -> None:
    rates = ("--input", "1", "--output", "1")
    assert "Calls from now on are priced by it." in with_model.ok("prices", "set", "a", *rates)
    ended = with_model.ok("prices", "set", "b", *rates, "--from", "2026-01-01", "--to", "2026-01-01T12:30:00")
    assert "no call from now on is priced by it" in ended
    assert "from then on" in with_model.ok("prices", "set", "c", *rates, "--from", "2200-01-01")
    shown = with_model.ok("prices", "list")
    assert "2026-01-01T12:30:00Z" in shown
    assert "2200-01-01 " in shown


def test_prices_are_imported_all_or_none(with_model: Shell, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("model,provider,from,to,input,output\na,lab,2026-01-01,2026-02-01,1,2\nb,,,,0.5,0.5\n")
    assert len(with_model.json("prices", "import", str(file))) == 2
    file.write_text("model,price\na,1\n")
    wrong = with_model.run("prices", "import", str(file))
    assert wrong.exit_code == 1
    assert "'price'" in wrong.stderr
    assert len(with_model.json("prices", "list")) == 2


def test_past_calls_are_priced_anew_and_costs_follow(called: Shell) -> None:
    before = usage(called)
    called.ok("prices", "set", "gpt-4o-mini", "--input", "100", "--output", "100")
    dry = called.json("prices", "reprice", "--since", "1h", "--dry-run")
    assert (dry["state"], dry["changed"]) == ("done", 1)
    assert usage(called)["cost"] == before["cost"]
    assert "1 of 1 attempts changed" in called.ok("prices", "reprice", "--since", "1h")
    after = usage(called)
    assert after["cost"] == dry["after"]
    assert (after["booked_cost"], after["booked_price"]) == (before["cost"], before["price"])
    totals = called.json("costs", "by", "model")["totals"]
    assert (totals["cost"], totals["booked_cost"]) == (after["cost"], before["cost"])
    assert "re-priced" in called.ok("costs", "attempts", after["request_id"])
    assert "Nothing changes" in called.ok("prices", "reprice", "--since", "1h")
    assert len(called.json("prices", "repricings")) == 3


def test_an_export_that_agrees_ends_with_0_and_one_that_does_not_with_1(called: Shell, tmp_path: Path) -> None:
    row = usage(called)
    tokens = row["tokens"]
    result = {"input_tokens": tokens["input"], "output_tokens": tokens["output"], "num_model_requests": 1}
    bucket: dict[str, Any] = {"start_time": int(time.time()), "results": [{**result, "model": row["model"]}]}
    file = tmp_path / "usage.json"
    file.write_text(json.dumps({"data": [bucket]}))
    same = called.run("reconcile", str(file), "--provider", "lab", "--vendor", "openai")
    assert same.exit_code == 0, same.output
    assert "Every line agrees" in same.stdout
    assert "theirs not in the export." in called.ok(
        "reconcile", str(file), "--provider", "lab", "--vendor", "openai", "--all"
    )
    bucket["results"][0]["output_tokens"] += 10_000
    file.write_text(json.dumps({"data": [bucket]}))
    other = called.run("reconcile", str(file), "--provider", "lab", "--vendor", "openai", "--json")
    assert other.exit_code == 1
    assert json.loads(other.stdout)["lines"][0]["tokens_off"] == 10_000
    assert called.run("reconcile", str(file), "--provider", "lab", "--map", "x").exit_code == 1


def test_costs_are_shown_in_the_projects_currency(called: Shell) -> None:
    called.ok("prices", "currency", "EUR", "2")
    assert "EUR" in called.ok("costs", "by", "feature")
    called.ok("prices", "currency", "USD")
    assert "EUR" not in called.ok("costs", "by", "feature")
