"""`trimtab accounting`: the suite through the real doors of a real server."""

import json
from pathlib import Path
from typing import Any

from live import until
from shells import Shell

from patience import PATIENCE_S
from trimtab.telemetry.accounting import cases


def test_a_server_counts_every_token_of_the_suite_once(shell: Shell) -> None:
    done = shell.run("accounting", "--json")
    assert "invented traces" in done.stderr, "what a command leaves in a project is said"
    found = json.loads(done.stdout)
    assert [line for line in found["cases"] if line["wrong"]] == []
    assert found["right"] == len(found["cases"]) > 50


def test_the_payloads_can_be_taken_elsewhere_and_an_unknown_convention_is_named(shell: Shell, tmp_path: Path) -> None:
    said = shell.ok("accounting", "--write", str(tmp_path), "--convention", "mlflow")
    assert f"Wrote {len(cases()['mlflow'])} payloads" in said
    assert {file.stem for file in tmp_path.iterdir()} == {f"mlflow.{case.id}" for case in cases()["mlflow"]}
    held = json.loads((tmp_path / "mlflow.cached.json").read_text())
    assert held["expected"]["cache_read"] == 60
    assert held["otlp"]["resourceSpans"]
    wrong = shell.run("accounting", "--convention", "nobody")
    assert wrong.exit_code == 1
    assert "openinference" in wrong.stderr


def test_foreign_traces_are_read_again_on_demand_and_count_the_same(shell: Shell) -> None:
    first = shell.json("accounting", "--convention", "langsmith")
    trace = first["cases"][1]["trace_id"]

    def tokens() -> Any:
        return shell.server.api(f"/projects/{shell.environment['TRIMTAB_PROJECT']}/traces/{trace}")["tokens"]

    before = tokens()
    assert shell.json("remap", "--since", "1h") == {"traces": 0}
    assert f"{len(first['cases'])} traces" in shell.ok("remap", "--since", "1h", "--everything")
    shell.server.settled()
    until(lambda: tokens() == before, PATIENCE_S, shell.server.told)  # its rows are away for a moment
