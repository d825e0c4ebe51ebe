"""`trimtab environments|rollouts|audit` and `trimtab release promote|rollback|status|approve` against a real server."""

import json
from pathlib import Path

from shells import Shell


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
