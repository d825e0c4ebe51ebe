"""A queue worked from the command line, and feedback given from it."""

import json
from pathlib import Path

from live import until
from shells import Shell, call

from patience import PATIENCE_S


def _is_put_away_and_taken_out(shell: Shell) -> None:
    assert "revision 1, not 7" in shell.run("review", "archive", "doubtful", "--expect", "7").output
    assert "doubtful: archived." in shell.ok("review", "archive", "doubtful", "--expect", "1")
    assert "doubtful" not in shell.ok("review", "queues")
    assert "doubtful (archived)" in shell.ok("review", "queues", "--archived")
    (away,) = shell.json("review", "queues", "--archived")
    assert "doubtful: restored." in shell.ok("review", "restore", "doubtful")
    (back,) = shell.json("review", "queues")
    assert (back["archived"], back["spec"]) == (None, away["spec"])


def test_a_queue_is_made_filled_and_worked_off(with_model: Shell, tmp_path: Path) -> None:
    shell = with_model
    spec = tmp_path / "queue.json"
    spec.write_text(json.dumps({"criteria": [{"name": "right"}], "rules": [{"name": "audit", "kind": "random"}]}))
    assert "revision 1" in shell.ok("review", "put", "doubtful", str(spec))
    trace = call(shell)
    by_the_rule = ["review", "list", "--queue", "doubtful"]
    until(lambda: shell.json(*by_the_rule) != [], PATIENCE_S, shell.server.told)
    assert "Sent 0; 1 were there already" in shell.ok("review", "send", "doubtful", trace)
    (listed,) = shell.json("review", "list", "--queue", "doubtful")
    assert (listed["trace_id"], listed["why"]) == (trace, ["audit", "by_hand"])
    shown = shell.ok("review", "next", "doubtful")
    assert listed["id"] in shown
    assert "[answer]" in shown
    assert "right: true or false" in shown
    assert f"review verdict {listed['id']} approve|correct|reject|skip --answer right=..." in shown
    said = ("review", "verdict", listed["id"], "correct", "--answer", "right=false", "--correction", "Not so.")
    assert "Taken." in shell.ok(*said)
    assert "Nothing waits for you here." in shell.ok("review", "next", "doubtful")
    assert "100.0 (" in shell.ok("review", "overrides")
    assert "by random audits of 1: 100.0" in shell.ok("review", "overrides", "--by", "rule")
    assert "No item was judged by two people" in shell.ok("review", "agreement", "doubtful")
    assert "No answer was held." in shell.ok("review", "holds")
    assert "Taken: score_" in shell.ok("feedback", "add", trace, "--thumbs", "down", "--user", "ada")
    shell.server.settled()
    assert "Users said something of 1 of" in shell.ok("feedback", "summary")
    for now in ((), ("--now",)):
        assert "There is no judge 'nosuch'" in shell.run("review", "calibration", "nosuch", *now).output
        assert "Use one of: " in shell.run("review", "calibration", "scorer:nosuch", *now).output
    _is_put_away_and_taken_out(shell)
    assert "People have judged no answer" in shell.ok("review", "calibration", "scorer:rubric", "--now")
