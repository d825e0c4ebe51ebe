"""``--expect``: a command that was made from what somebody else has changed since changes nothing."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from live import ADMIN
from shells import Shell

from trimtab.core.errors import Conflict
from trimtab.sdk.client import Client

COMMANDS = (
    ("retention", "set", "content=30"),
    ("projects", "set", "PROJECT", "--name", "Renamed"),
    ("policies", "classes", "public", "internal", "personal"),
    ("policies", "terms", "model", "fast", "--region", "eu"),
    ("guards", "refusal", "We cannot answer this."),
    ("directory", "set", "--label", "Okta", "--organisation", "expecting"),
    ("directory", "domains", "expecting.example", "--organisation", "expecting"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_a_change_that_was_made_from_an_older_revision_is_refused(with_model: Shell, command: tuple[str, ...]) -> None:
    shell = with_model
    said = [shell.environment["TRIMTAB_PROJECT"] if each == "PROJECT" else each for each in command]
    if "expecting" in said:
        with Client(shell.server.url, ADMIN) as client, contextlib.suppress(Conflict):
            client.people.create_organisation("expecting")
    shell.ok(*said)
    refused = shell.run(*said, "--expect", "77")
    assert refused.exit_code == 1
    assert "yours was made from 77" in refused.stderr, refused.stderr


def test_what_a_run_would_remove_is_counted_by_rules_that_are_not_set(shell: Shell) -> None:
    there = {each["kind"]: each for each in shell.json("retention", "preview", "content=1", "spans=keep")}
    assert there.keys() == {"content", "spans", "scores", "ledger"}
    assert (there["content"]["rows"], there["spans"]["before"]) == (0, None)
    assert there["content"]["before"] < 4_000_000_000_000
    assert "BEGAN BEFORE" in shell.ok("retention", "preview")
    assert "spans" not in {each["kind"] for each in shell.json("retention", "show") if each["source"] == "catalog"}


@pytest.mark.parametrize("command", ["set", "preview"])
def test_a_kind_that_is_to_be_kept_no_day_is_refused_with_what_to_do_instead(shell: Shell, command: str) -> None:
    refused = shell.run("retention", command, "content=0")
    assert refused.exit_code == 1
    assert "Give 1 to 36500 days, or content=keep for ever" in refused.stderr
    assert "trimtab projects set PROJECT --no-content" in refused.stderr
    assert "There are: content, spans" in shell.run("retention", command, "texts=3").stderr


def test_switching_one_detector_leaves_what_somebody_else_switched(shell: Shell) -> None:
    shell.ok("detectors", "off", "refusal")
    shell.ok("detectors", "off", "truncated")
    listed = json.loads(shell.ok("detectors", "list", "--json"))
    assert {each["name"] for each in listed["items"] if not each["on"]} == {"refusal", "truncated"}
    assert listed["revision"] == 3


def test_a_member_who_is_something_else_by_now_keeps_it(shell: Shell) -> None:
    shell.ok("members", "add", "expected@example.com", "--role", "viewer")
    shell.ok("members", "set", "expected@example.com", "operator", "--expect-role", "viewer")
    refused = shell.run("members", "set", "expected@example.com", "developer", "--expect-role", "viewer")
    assert refused.exit_code == 1
    assert "is 'operator' here by now" in refused.stderr


def test_the_revision_of_retention_is_shown(shell: Shell) -> None:
    shell.ok("retention", "set", "spans=90")
    assert "At revision 2." in shell.ok("retention", "show")
    shell.ok("retention", "set", "spans=80", "--expect", "2")
    assert "yours was made from 2" in shell.run("retention", "set", "spans=70", "--expect", "2").stderr
    assert {"1 day", "80 days"} <= set(re.findall(r"\d+ days?", shell.ok("retention", "set", "spans=80", "content=1")))


REMOVALS = (
    ("guards", "refusal", "--drop"),
    ("policies", "terms", "model", "fast", "--remove"),
    ("models", "remove", "fast"),
    ("providers", "remove", "lab"),
    ("limits", "remove", "fair"),
    ("roles", "remove", "expected-role"),
)


@pytest.mark.parametrize("command", REMOVALS, ids=lambda command: " ".join(command[:2]))
def test_what_somebody_changed_meanwhile_stays_where_it_is(with_model: Shell, command: tuple[str, ...]) -> None:
    shell = with_model
    shell.ok("guards", "refusal", "We cannot answer this.")
    shell.ok("policies", "terms", "model", "fast", "--region", "eu")
    if command[0] == "limits":
        shell.ok("limits", "set", "fair", "--requests", "60", "--window", "minute")
    shell.ok("roles", "set", "expected-role", "project:read")
    refused = shell.run(*command, "--expect", "77")
    assert refused.exit_code == 1
    assert "yours was made from 77" in refused.stderr, refused.stderr


def test_a_set_of_policies_is_switched_as_it_was_read(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine.cedar"
    file.write_text("permit(principal, action, resource);")
    shell.ok("policies", "put", "mine", str(file))
    shell.ok("policies", "off", "mine", "--expect", "1")
    for switch in ("on", "off"):
        refused = shell.run("policies", switch, "mine", "--expect", "1")
        assert (refused.exit_code, "yours was made from 1" in refused.stderr) == (1, True), refused.stderr
    assert "Version 1 of mine is in force" in shell.ok("policies", "on", "mine")


def test_what_is_put_away_or_ended_stays_where_somebody_changed_it_meanwhile(with_model: Shell, tmp_path: Path) -> None:
    shell = with_model
    shell.ok("environments", "set", "expected-lab", "--note")
    prompt = tmp_path / "expected-hello.prompt.md"
    prompt.write_text("Hello.")
    shell.ok("prompts", "push", str(prompt))
    project = shell.environment["TRIMTAB_PROJECT"]
    with Client(shell.server.url, ADMIN) as client:
        suite = {"dataset": "questions", "scorers": [{"scorer": "length"}]}
        client.suites.put(project, "expected", suite)
        client.apps.put(project, "expected-desk", {"route": "fast"})
        rule = {"kind": "online", "app": "support", "share": 0.1, "scorers": [{"scorer": "length"}]}
        client.online.put(project, "expected", rule)
        [price] = client.costs.add_prices(project, [{"model": "expected-*", "rates": {"input": "1", "output": "2"}}])
    for command, told in (
        (("environments", "remove", "expected-lab"), "yours was made from 77"),
        (("prompts", "archive", "expected-hello"), "you changed it from 77"),
        (("suites", "archive", "expected"), "is at revision 1"),
        (("apps", "archive", "expected-desk"), "you saw 77"),
        (("online", "remove", "expected"), "it has revision 1 now"),
        (("prices", "end", price.id, "--to", "2099-01-01"), "yours was made from 77"),
        (("prices", "remove", price.id), "yours was made from 77"),
    ):
        refused = shell.run(*command, "--expect", "77")
        assert (refused.exit_code, told in refused.stderr) == (1, True), (command, refused.stderr)
    shell.ok("prices", "remove", price.id, "--expect", "1")
    shell.ok("suites", "archive", "expected", "--expect", "1")
