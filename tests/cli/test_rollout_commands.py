"""`trimtab environments|rollouts|audit` and `trimtab release promote|rollback|status|approve` against a real server."""

import hashlib
import json
import time
from pathlib import Path

from shells import Shell

from patience import PATIENCE_S
from trimtab.cli.audit import in_words


def two_releases(shell: Shell) -> None:
    shell.ok("apps", "set", "support", "--route", "fast", "--param", "temperature=0.1")
    shell.ok("release", "create", "support", "-m", "first")
    shell.ok("apps", "set", "support", "--route", "fast", "--param", "temperature=0.7")
    shell.ok("release", "create", "support", "-m", "warmer")


def test_a_release_is_promoted_rolled_out_and_taken_back_from_the_shell(with_model: Shell) -> None:
    shell = with_model
    two_releases(shell)
    assert "nothing -> r1, promoted" in shell.ok("release", "promote", "support", "r1", "--in", "staging")
    shell.ok("release", "promote", "support", "r1", "-m", "first")
    steps = ("--kind", "canary", "--step", "5%:10m:100", "--step", "50%:1h")
    made = shell.json("release", "promote", "support", "latest", *steps, "-m", "warmer")
    assert made["plan"]["steps"] == [{"share": 0.05, "hold_s": 600.0}, {"share": 0.5, "hold_s": 3600.0}]
    assert "canary to r2, running at 5 %" in shell.ok("release", "status", "support")
    assert "running at 50 %" in shell.ok("rollouts", "advance", made["id"], "-m", "fine")
    assert "held at 50 %" in shell.ok("rollouts", "hold", made["id"])
    told = shell.ok("rollouts", "show", made["id"])
    assert "Step 2 of 2" in told
    assert "Can be done: resume" in told.replace("advance, ", "")
    assert made["id"] in shell.ok("rollouts", "list", "--open")
    assert "promoted" in shell.ok("rollouts", "promote", made["id"], "-m", "good")
    assert "r1 on every worker" in shell.ok("release", "rollback", "support", "-m", "odd answers")
    assert shell.json("rollouts", "list", "--open") == []
    trail = shell.ok("audit", "list", "--subject", "placement:support@production")
    assert ["r2 -> r1" in line for line in trail.splitlines() if "odd answers" in line] == [True]
    assert "warmer" in shell.ok("audit", "list", "--subject", "release:support@r2")
    assert "r2 5 % -> 50 %" in shell.ok("audit", "list", "--action", "rollout.advanced")
    for told in (shell.ok("release", "status", "support"), shell.ok("release", "status")):
        runs = next(line.split() for line in told.splitlines() if "production" in line)
        assert (runs[:3], runs[5]) == (["support", "production", "r1"], "admin")
        assert " ".join(runs[3:5]) == trail.splitlines()[1][:19]
    assert "rollout.advanced" in shell.ok("audit", "list", "--action", "rollout.*", "--last", "1h")


def test_the_audit_log_is_verified_exported_and_held_against_a_checkpoint_that_was_kept(
    with_model: Shell, tmp_path: Path
) -> None:
    shell = with_model
    two_releases(shell)
    found = shell.json("audit", "verify")
    until = time.monotonic() + PATIENCE_S
    while found["signed"] < found["entries"] and time.monotonic() < until:  # some seconds after it was written
        time.sleep(0.1)
        found = shell.json("audit", "verify")
    assert found["ok"]
    assert found["entries"] == found["signed"] > 3
    assert "as they were written; signed up to entry" in shell.ok("audit", "verify")
    kept = tmp_path / "kept.json"
    kept.write_text(shell.ok("audit", "checkpoint"))
    shell.ok("audit", "verify", "--checkpoint", str(kept))
    forged = json.loads(kept.read_text())
    kept.write_text(json.dumps({**forged, "hash": "0" * 64}))
    assert "signature that does not fit" in shell.run("audit", "verify", "--checkpoint", str(kept)).output
    kept.write_text("{}")
    assert "This is no checkpoint" in shell.run("audit", "verify", "--checkpoint", str(kept)).output
    said = shell.ok("audit", "export", "-o", str(tmp_path / "audit.jsonl"))
    assert f"audit.jsonl: {found['entries']:,} entries, and the newest checkpoint" in said
    *lines, last = (json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines())
    assert [line["seq"] for line in lines] == list(range(1, found["entries"] + 1))
    assert last["checkpoint"]["key"] == found["key"]
    for line, before in zip(lines, [{"hash": ""}, *lines], strict=False):  # by what docs/audit.md says, and no more
        told = [1, forged["chain"], *(line[name] for name in ("seq", "prev", "id", "at", "actor", "actor_name"))]
        told += [line["action"], line["subject"], line["text"]]
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        assert line["hash"] == hashlib.sha256(body.encode()).hexdigest()
        assert line["prev"] == before["hash"]
    assert shell.json("audit", "verify", "--instance")["ok"]


def test_a_protected_environment_is_set_up_and_a_release_approved_from_the_shell(
    with_model: Shell, tmp_path: Path
) -> None:
    shell = with_model
    two_releases(shell)
    freezes = tmp_path / "freezes.json"
    freezes.write_text(json.dumps([{"name": "party", "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}]))
    told = shell.ok("environments", "set", "production", "--approvals", "1", "--note", "--freezes", str(freezes))
    assert told == "production demands 1 approval, a note, no freeze (party).\n"
    assert shell.ok("environments", "set", "production", "--no-note").startswith("production demands 1 approval, no")
    assert "1 approval" in shell.ok("environments", "list")
    refused = shell.run("release", "promote", "support", "r1")
    assert refused.exit_code == 1
    assert "0 of 1 approvals" in refused.stderr
    key = shell.ok("keys", "create", "bob", "--role", "editor").splitlines()[0]
    assert "met: 1 of 1 approvals" in shell.ok(
        "release", "approve", "support", "r1", "-m", "read it", TRIMTAB_ADMIN_KEY=key
    )
    assert "promoted" in shell.ok("release", "promote", "support", "r1")
    by_default = shell.json("release", "promote", "support", "r2", "--override", "to try it")
    assert (by_default["plan"].get("kind", "canary"), by_default["state"]) == ("canary", "running")
    shell.ok("release", "rollback", "support", "-m", "odd answers")
    listed = shell.ok("release", "list", "support")
    assert "rolled back from production" in listed
    assert "odd answers" in shell.ok("release", "show", "support", "r2")
    segments = ("--kind", "segments", "--segment", "user=ada", "--override", "only for ada")
    assert "running for its segment" in shell.ok("release", "promote", "support", "r2", *segments)
    shell.ok("release", "rollback", "support")
    shadow = ("--kind", "shadow", "--share", "0.5", "--budget", "1", "--override", "only copies")
    assert "running with copies of 50 %" in shell.ok("release", "promote", "support", "r2", *shadow)
    shell.ok("release", "rollback", "support")
    assert "lacks: 0 of 1" in shell.ok("release", "approve", "support", "r1", "--withdraw", TRIMTAB_ADMIN_KEY=key)
    assert "Removed staging" in shell.ok("environments", "remove", "staging")
    for wrong in (("--step", "5"), ("--kind", "segments", "--segment", "ada")):
        assert shell.run("release", "promote", "support", "r2", *wrong).exit_code == 1


def test_a_verdict_in_the_audit_trail_is_told_in_words() -> None:
    """What our own evaluation writes down of a gate is a record for programs."""
    assert in_words('{"experiment": "exp_1", "says": "r2 is worse than r1."}') == "r2 is worse than r1."
    assert in_words("Read all 42 answers") == "Read all 42 answers"
    assert in_words("{so it goes") == "{so it goes"
    assert in_words('{"says": 3}') == '{"says": 3}'
