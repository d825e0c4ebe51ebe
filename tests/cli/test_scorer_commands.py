"""`trimtab scorers`, against a real server: listed, shown, tried there and here."""

import json
from pathlib import Path

import pytest
from shells import Shell

from trimtab.llm.embedder import missing
from trimtab.sdk import Client


def test_scorers_are_listed_and_shown(shell: Shell) -> None:
    names = {each["name"] for each in shell.json("scorers", "list")}
    assert {"exact", "rubric", "pii_leak"} <= names
    text = shell.ok("scorers", "show", "numeric")
    assert "Needs: output, expected" in text
    assert "relative" in text
    assert "(required)" in shell.ok("scorers", "show", "one_of")
    missing = shell.run("scorers", "show", "numerc")
    assert missing.exit_code == 1
    assert "-> Did you mean numeric?" in missing.stderr


def test_an_answer_is_tried_by_flags_by_file_and_by_the_client(shell: Shell, tmp_path: Path) -> None:
    flags = ("--output", "It is about 41.9 km", "--expected", "42")
    assert shell.ok("scorers", "try", "numeric", *flags).startswith("numeric: 0 ")
    assert shell.json("scorers", "try", "numeric", *flags, "--options", '{"absolute": 0.5}')["value"] == 1
    assert "cannot score this" in shell.ok("scorers", "try", "cost", "--output", "x")
    file = tmp_path / "sample.json"
    file.write_text(json.dumps({"output": "a [2]", "context": ["one"]}))
    tried = shell.json("scorers", "try", "citation_check", "--sample", str(file), "--context", "two")
    assert tried["value"] == 0
    assert "leads nowhere" in tried["explanation"]
    with Client(shell.server.url, shell.environment["TRIMTAB_ADMIN_KEY"]) as client:
        project = shell.environment["TRIMTAB_PROJECT"]
        assert client.scorers.get(project, "exact").needs == ("output", "expected")
        assert client.scorers.try_(project, "exact", {"output": "a", "expected": "a"}).value == 1


@pytest.mark.skipif(bool(missing()), reason="the local embedder is not installed")
def test_meanings_are_compared_by_the_servers_own_embedder(shell: Shell) -> None:
    flags = ("--output", "A dog is barking.", "--expected", "The dog barks.")
    assert shell.json("scorers", "try", "embedding_similarity", *flags)["value"] > 0.7


def test_a_model_that_judges_is_called_as_any_other_and_costs(with_model: Shell) -> None:
    """The simulated model answers with whatever has the shape it was asked for."""
    options = json.dumps({"model": "fast", "criteria": "Is it kind?"})
    tried = with_model.json("scorers", "try", "rubric", "--output", "Thank you!", "--options", options)
    assert tried["outcome"] == "scored"
    assert 0 <= tried["value"] <= 1
    assert float(tried["cost"]) > 0
    away = json.dumps({"model": "nowhere", "criteria": "Is it kind?"})
    tried = with_model.json("scorers", "try", "rubric", "--output", "Thank you!", "--options", away)
    assert tried["outcome"] == "cannot_score"
    assert "nowhere" in tried["reason"]


def test_a_function_of_ones_own_runs_here(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text("def polite(output): return 'please' in output\n")
    reference = f"{tmp_path}/checks.py:polite"
    assert shell.json("scorers", "try", reference, "--output", "please")["value"] == 1
    wrong = shell.run("scorers", "try", f"{tmp_path}/checks.py:rude", "--output", "please")
    assert wrong.exit_code == 1
    assert "It has: polite" in wrong.stderr
    no_json = shell.run("scorers", "try", "exact", "--output", "a", "--options", "[1]")
    assert no_json.exit_code == 1
    assert "--options is no JSON object" in no_json.stderr
    no_sample = shell.run("scorers", "try", reference, "--sample", str(tmp_path / "checks.py"))
    assert no_sample.exit_code == 1
