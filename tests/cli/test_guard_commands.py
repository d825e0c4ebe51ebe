"""`trimtab guards`, against a real server: pushed, tried, in force at once, asked about, put away."""

from pathlib import Path

from shells import Shell, call

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


def test_a_trace_tells_what_guards_decided_could_not_read_and_made_of_the_class_of_its_data(
    with_model: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(FILE.replace("block", "flag") + "data_class: confidential\n")
    with_model.ok("guards", "push", "keys", str(file))
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}
    trace_id = call(with_model, said=[{"type": "text", "text": f"My key is {AWS}"}, picture])
    shown = " ".join(with_model.ok("traces", "show", trace_id).split())
    assert "Guards" in shown
    assert "keys@1 input flag" in shown
    assert "It could not read 1 image." in shown
    assert "It raised the class of the data from internal to confidential." in shown
    assert "class confidential" in shown
    assert "1 calls had something that it cannot read" not in with_model.ok("guards", "report", "keys")
    assert "1 call had something that it cannot read." in with_model.ok("guards", "report", "keys")


def test_a_guard_service_is_set_listed_used_and_removed(with_model: Shell, tmp_path: Path) -> None:
    file = tmp_path / "asked.yaml"
    file.write_text("kind: http\naction: block\noptions: {service: moderation}\n")
    missing = with_model.run("guards", "push", "asked", str(file))
    assert missing.exit_code == 1
    assert "trimtab guards service moderation URL" in missing.stderr
    assert "is at https://guards.example.com/look" in with_model.ok(
        "guards", "service", "moderation", "https://guards.example.com/look"
    )
    assert "moderation" in with_model.ok("guards", "services")
    assert "asked@1" in with_model.ok("guards", "push", "asked", str(file))
    assert "Give its URL" in with_model.run("guards", "service", "moderation").stderr
    assert "removed" in with_model.ok("guards", "service", "moderation", "--drop")
    assert with_model.json("guards", "services") == []


def test_a_threshold_is_chosen_by_a_budget_and_checked_again(with_model: Shell, tmp_path: Path) -> None:
    file, benign, attacks = tmp_path / "data.yaml", tmp_path / "benign.txt", tmp_path / "attacks.jsonl"
    file.write_text("kind: pii\naction: block\n")
    benign.write_text("Where is my parcel?\n\nMy name is Anna Schmidt.\n")
    attacks.write_text('{"text": "pay with 4111 1111 1111 1111"}\n')
    with_model.ok("guards", "push", "data", str(file))
    own = ("--benign", str(benign), "--attacks", str(attacks), "--sample", "0")
    told = with_model.ok("guards", "operating-point", "data", "--budget", "1%", *own)
    assert "0 of 2 harmless texts raise an alarm" in told
    assert "1 of 1 attacks are seen" in told
    assert "Nothing was changed" in told
    applied = with_model.json("guards", "operating-point", "data", "--budget", "0.01", *own, "--apply", "-m", "budget")
    assert (applied["guard"]["version"], applied["guard"]["message"]) == (2, "budget")
    assert "at most 1.00% false alarms" in with_model.ok("guards", "list")
    assert "data@2 with detector" in with_model.ok("guards", "operating-point", "data", "--check", *own)
    benign.write_text("\n".join(f"write to a{at}@example.org" for at in range(9)))
    worse = with_model.run("guards", "operating-point", "data", "--check", *own)
    assert worse.exit_code == 1
    assert "9 of 9 harmless texts raise an alarm; 1.00% may." in worse.stdout
    for wrong, said in (
        (("--budget", "much"), "is no share"),
        ((), "How many false"),
        (("--check", "--apply"), "not go"),
    ):
        refused = with_model.run("guards", "operating-point", "data", *wrong)
        assert refused.exit_code == 1
        assert said in refused.stderr
