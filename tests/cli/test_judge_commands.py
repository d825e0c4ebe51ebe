"""`trimtab judges`, against a real server: pushed, compared, shown as a file, archived."""

from pathlib import Path

from shells import Shell

TONE = "kind: rubric\noptions:\n  model: fast\n  criteria: The tone is kind.\n"


def test_a_judge_is_pushed_compared_shown_and_archived(with_model: Shell, tmp_path: Path) -> None:
    file = tmp_path / "tone.yaml"
    file.write_text(TONE)
    assert "version 1; use it in suites as judge:tone" in with_model.ok(
        "judges", "push", "tone", str(file), "-m", "new"
    )
    assert "has not changed" in with_model.ok("judges", "push", "tone", str(file))
    file.write_text(TONE.replace("kind.", "firm."))
    assert with_model.json("judges", "push", "tone", str(file), "--expect", "1")["judge"]["version"] == 2
    assert "- The tone is kind.\n  + The tone is firm." in with_model.ok("judges", "diff", "tone")
    shown = tmp_path / "shown.yaml"
    shown.write_text(with_model.ok("judges", "show", "tone", "--version", "1"))
    assert with_model.json("judges", "push", "tone", str(shown))["judge"]["version"] == 3
    assert [each["version"] for each in with_model.json("judges", "versions", "tone")] == [3, 2, 1]
    assert "judge:tone@3" in with_model.ok("judges", "list")
    tried = with_model.json("scorers", "try", "judge:tone@2", "--output", "Not my problem.", "--input", "It is lost.")
    assert (tried["outcome"], tried["version"]) == ("scored", "2-rubric.1"), tried
    assert 0 <= tried["value"] <= 1
    with_model.server.settled()
    asked = with_model.json("traces", "list", "-q", "feature:trimtab.judge")
    assert [each["trace_id"] for each in asked] == tried["detail"]["traces"]
    with_model.ok("judges", "archive", "tone")
    assert with_model.json("judges", "list") == []
    with_model.ok("judges", "archive", "tone", "--restore")
    file.write_text("criteria: x\n")
    wrong = with_model.run("judges", "push", "tone", str(file))
    assert wrong.exit_code == 1
    assert "`kind` and `options`" in wrong.stderr
