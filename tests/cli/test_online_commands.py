"""`trimtab online` and `trimtab quality` against a real server."""

import json
from pathlib import Path

from shells import Shell

RULE = """
kind: online
app: support
share: 0.25
scorers:
  - scorer: length
    name: long
"""


def test_a_rule_is_put_shown_paused_resumed_and_deleted(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "long.yaml"
    file.write_text(RULE)
    assert "None: trimtab online put" in shell.ok("online", "list")
    assert "in force (revision 1)" in shell.ok("online", "put", "long", str(file), "--expect", "0")
    assert "25 % of support: long" in shell.ok("online", "list")
    shown = tmp_path / "shown.yaml"
    shown.write_text(shell.ok("online", "show", "long"))
    assert "revision 1" in shell.ok("online", "put", "long", str(shown)), (
        "what is shown can be put, and changes nothing"
    )
    assert "long is paused." in shell.ok("online", "pause", "long")
    assert "paused" in shell.ok("online", "list")
    assert "long goes on." in shell.ok("online", "resume", "long")
    assert json.loads(shell.ok("online", "show", "long", "--json"))["revision"] == 3
    assert "its scores stay" in shell.ok("online", "remove", "long")
    assert json.loads(shell.ok("online", "list", "--json")) == []


def test_what_is_no_rule_is_refused_with_a_way_out(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    for text, said in (
        ("- 1", "is no rule"),
        ("a: [", "cannot be read"),
        ("kind: schedule\nsuite: none\nsubject: m", "none"),
    ):
        file.write_text(text)
        done = shell.run("online", "put", "bad", str(file))
        assert done.exit_code != 0
        assert said in done.output


def test_a_score_without_answers_has_an_empty_trend(shell: Shell) -> None:
    assert "No answer in this time has a score tone." in shell.ok("quality", "tone", "--by-day", "--days", "3")
    assert json.loads(shell.ok("quality", "tone", "--app", "support", "--json"))["releases"] == []
