"""`trimtab cache` against a real server: switched on, seen, tuned, purged, switched off."""

import json
from pathlib import Path
from typing import Any

from shells import Shell


def pairs_file(folder: Path, times: int) -> Path:
    same = {"asked": "How do I reset my password?", "stored": "How can I reset my password?", "same": True}
    other = {"asked": "How do I pay 50 euros?", "stored": "How do I pay 500 euros?", "same": False}
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(pair) for pair in [same, other] * times) + "\n")
    return path


def test_a_policy_is_set_listed_and_removed(with_model: Shell) -> None:
    assert "trimtab cache set fast" in with_model.ok("cache", "policies")
    assert with_model.ok("cache", "set", "fast", '{"ttl_s": 60}', "--context", '{"max_tokens": 900}').startswith("Set")
    assert "nothing has that name yet" in with_model.ok("cache", "set", "later", "{}")
    listed: list[dict[str, Any]] = json.loads(with_model.ok("cache", "policies", "--json"))
    assert [(p["name"], p["in_force"]) for p in listed] == [("fast", True), ("later", False)]
    assert "900" in with_model.ok("cache", "policies")
    assert "Removed" in with_model.ok("cache", "remove", "fast")
    failed = with_model.run("cache", "set", "fast", "not json")
    assert failed.exit_code == 1
    assert "cannot be read" in failed.stderr


def test_what_the_cache_holds_is_shown_and_dropped(with_model: Shell) -> None:
    assert "Nothing is cached yet" in with_model.ok("cache", "stats")
    assert with_model.ok("cache", "purge").startswith("Dropped 0")


def test_tuning_says_the_threshold_or_exits_with_1_where_there_is_not_enough_data(shell: Shell, tmp_path: Path) -> None:
    few = shell.run("cache", "tune", str(pairs_file(tmp_path, 2)))
    assert few.exit_code == 1
    assert "Not enough data" in few.stdout
    enough = shell.ok("cache", "tune", str(pairs_file(tmp_path, 80)), "--budget", "0.05")
    assert "At 0.7, 0 of 80 hits are wrong" in enough
    (tmp_path / "bad.jsonl").write_text('{"asked": "a"}\n')
    bad = shell.run("cache", "tune", str(tmp_path / "bad.jsonl"))
    assert bad.exit_code == 1
    assert "Line 1 of" in bad.stderr
