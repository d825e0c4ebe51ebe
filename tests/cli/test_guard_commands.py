"""`trimtab guards`, against a real server: pushed, tried, in force at once, asked about, put away."""

from pathlib import Path

from shells import Shell

FILE = "kind: secrets\naction: block\napplies_to: ['*']\n"
AWS = "AKIA" + "IOSFODNN7EXAMPLQ"


def test_a_guard_is_pushed_tried_compared_and_asked_about(with_model: Shell, tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(FILE)
    tried = with_model.run("guards", "try", str(file), f"the key is {AWS}")
    assert tried.exit_code == 1
    assert "block at input" in tried.stdout
    assert with_model.run("guards", "try", str(file), "hello").exit_code == 0
    assert "version 1; apps name it as keys@1" in with_model.ok("guards", "push", "keys", str(file), "-m", "new")
    assert "has not changed" in with_model.ok("guards", "push", "keys", str(file))
    file.write_text(FILE.replace("block", "redact"))
    assert with_model.json("guards", "push", "keys", str(file), "--expect", "1")["guard"]["version"] == 2
    assert 'action: "block" -> "redact"' in with_model.ok("guards", "diff", "keys")
    assert 'action: "redact" -> "block"' in with_model.ok("guards", "diff", "keys", "2", "1")
    shown = tmp_path / "shown.yaml"
    shown.write_text(with_model.ok("guards", "show", "keys", "--version", "1"))
    assert with_model.json("guards", "push", "keys", str(shown))["guard"]["version"] == 3
    assert [each["version"] for each in with_model.json("guards", "versions", "keys")] == [3, 2, 1]
    assert "keys@3" in with_model.ok("guards", "list")
    assert "secrets" in with_model.ok("guards", "kinds")
    options = with_model.ok("guards", "kinds", "pii")
    assert "tokenise" in options
    assert "\\n" not in options
    assert "``" not in options
    with_model.ok("apps", "set", "guarded", "--route", "fast", "--guard", "keys@2")
    assert with_model.json("apps", "show", "guarded")["spec"]["guards"] == ["keys@2"]
    with_model.ok("guards", "refusal", "Not here ({reference}).", "--language", "de")
    assert "Not here" in with_model.ok("guards", "refusals")
    with_model.ok("guards", "refusal", "--drop", "--language", "de")
    assert with_model.json("guards", "refusals") == []
    report = with_model.json("guards", "report", "keys")
    assert report["say"] == "It has looked at no call in this window."
    with_model.ok("guards", "archive", "keys")
    assert with_model.json("guards", "list") == []
    file.write_text("action: block\n")
    wrong = with_model.run("guards", "push", "keys", str(file))
    assert wrong.exit_code == 1
    assert "has no 'kind'" in wrong.stderr
    unknown = with_model.run("guards", "why", "req_000")
    assert unknown.exit_code == 1
    assert "There is no request" in unknown.stderr
