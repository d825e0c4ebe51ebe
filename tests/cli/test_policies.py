"""`trimtab policies` against a real server, to the call that a policy refuses."""

from pathlib import Path

import httpx
from shells import Shell

from patience import PATIENCE_S

TEXT = """@id("stays") @reason("Personal data stays here.")
forbid(principal, action == Action::"call_model", resource)
when { context.data_class == "personal" } unless { resource.region like "eu-*" };
"""
TESTS = """- name: personal data does not leave
  expect: deny
  action: call_model
  context: {data_class: personal}
"""


def ask(shell: Shell, data_class: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {shell.environment['TRIMTAB_ADMIN_KEY']}", "trimtab-data-class": data_class}
    headers["trimtab-project"] = shell.environment["TRIMTAB_PROJECT"]
    body = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
    return httpx.post(
        f"{shell.environment['TRIMTAB_URL']}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S
    )


def test_policies_are_checked_written_in_force_at_once_and_switched_off(with_model: Shell, tmp_path: Path) -> None:
    shell, file, tests = with_model, tmp_path / "data.cedar", tmp_path / "data.tests.yaml"
    assert "permissions alone decide" in shell.ok("policies", "list")
    file.write_text(TEXT.replace("data_class", "data_clas"))
    wrong = shell.run("policies", "check", str(file))
    assert wrong.exit_code == 1
    assert f"{file}:3:16: " in wrong.stdout
    assert "Did you mean 'data_class'?" in wrong.stdout
    refused = shell.run("policies", "put", "data", str(file))
    assert refused.exit_code == 1
    assert "Line 3" in refused.stderr
    file.write_text(TEXT)
    tests.write_text(TESTS.replace("deny", "allow"))
    assert "FAIL personal data does not leave" in shell.run("policies", "check", str(file)).stdout
    tests.write_text(TESTS)
    assert "1 tests hold" in shell.ok("policies", "check", str(file))
    assert "Of " in shell.ok("policies", "plan", str(file), "--since", "1h")
    assert "version 1 in force" in shell.ok("policies", "put", "data", str(file), "--note", "first")
    answer = ask(shell, "personal")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "policy_forbidden")
    assert "Personal data stays here." in answer.json()["error"]["message"]
    assert ask(shell, "public").status_code == 200
    shell.ok("policies", "terms", "model", "fast", "--region", "eu-west-1")
    assert ask(shell, "personal").status_code == 200
    assert "eu-west-1" in shell.ok("policies", "terms")
    shell.ok("policies", "terms", "model", "fast", "--remove")
    assert "is off" in shell.ok("policies", "off", "data")
    assert ask(shell, "personal").status_code == 200
    assert "Version 1 of data" in shell.ok("policies", "on", "data")
    assert TEXT.strip() in shell.ok("policies", "show", "data")
    assert "Removed" in shell.ok("policies", "remove", "data")


def test_classes_and_marks_are_shown_and_set(shell: Shell) -> None:
    assert "public < internal" in shell.ok("policies", "classes")
    assert "open < secret; nobody says: open" in shell.ok("policies", "classes", "open", "secret", "--standard", "open")
    assert "of the class secret" in shell.ok("policies", "mark", "app", "support", "secret")
    assert "support" in shell.ok("policies", "classes")
    assert "of no class" in shell.ok("policies", "mark", "app", "support")
    assert "unknown" not in shell.ok("policies", "schema")
    assert "entity Model" in shell.ok("policies", "schema")
