"""`trimtab members`, `roles`, `identity-providers` and `login` against a real server and a real identity provider."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from live import ADMIN, Live
from oidc_provider import SECRET, provider
from shells import Shell

from patience import PATIENCE_S
from trimtab.sdk import Client


def test_members_roles_and_scoped_keys_are_made_and_listed(shell: Shell) -> None:
    shell.ok("roles", "set", "writer", "project:read", "prompt:read", "prompt:write", "--about", "Writes prompts.")
    assert "Writes prompts." in shell.ok("roles", "list")
    assert "system:write  (instance only)" in shell.ok("roles", "list", "--permissions")
    shell.ok("members", "add", "ada@example.com", "--role", "writer", "--name", "Ada")
    listed = json.loads(shell.ok("members", "list", "--json"))
    assert [(each["email"], each["role"]) for each in listed] == [("ada@example.com", "writer")]
    assert "Ada is viewer now" in shell.ok("members", "set", listed[0]["id"], "viewer")
    assert "Ada is writer now" in shell.ok("members", "set", "Ada@example.com", "writer")
    missed = shell.run("members", "remove", "adaa@example.com")
    assert missed.exit_code != 0
    assert "ada@example.com" in missed.output
    assert json.loads(shell.ok("members", "remove", "ada@example.com", "--json")) == {"removed": listed[0]["id"]}
    shell.ok("roles", "remove", "writer")
    made = json.loads(shell.ok("members", "add-service", "nightly", "--role", "operator", "--json"))
    key = ("keys", "create", "k", "--role", "viewer", "--permission", "trace:read", "--model", "fast", "--json")
    issued = json.loads(shell.ok(*key, "--owner", made["id"]))["key"]
    assert (issued["owner_name"], issued["permissions"], issued["models"]) == ("nightly", ["trace:read"], ["fast"])
    assert shell.run("keys", "create", "of nobody").exit_code == 0
    assert [key["name"] for key in shell.json("keys", "list", "--owner", made["id"])] == ["k"]


def test_a_person_signs_in_on_the_command_line_and_out_again(server: Live, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    environ |= {"TRIMTAB_URL": server.url, "XDG_CONFIG_HOME": str(tmp_path)}
    trimtab = [sys.executable, "-m", "trimtab.cli.main"]

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*trimtab, *args], env=environ, text=True, capture_output=True, timeout=PATIENCE_S, check=False
        )

    with provider(f"{server.url}/api/v1/oidc/callback") as idp, Client(server.url, ADMIN) as client:
        role = {"group": "staff", "role": "viewer", "project": "default"}
        body = {"name": "idp", "issuer": idp.issuer, "client_id": "trimtab", "client_secret": SECRET, "roles": [role]}
        client.people.create_provider(body)
        assert run("projects", "list").returncode == 2 or "trimtab login" in run("projects", "list").stderr
        waiting = subprocess.Popen(
            [*trimtab, "login", "--no-browser"], env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert waiting.stderr is not None
        assert "Sign in here" in waiting.stderr.readline()
        idp.browse(waiting.stderr.readline().strip(), "ada+staff@example.com")
        out, told = waiting.communicate(timeout=PATIENCE_S)
        assert waiting.returncode == 0, told
        assert "as Ada <ada@example.com>" in out
    kept = tmp_path / "trimtab" / "sessions.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert run("projects", "list").returncode == 0
    assert run("projects", "create", "mine").returncode == 4
    assert "Signed out" in run("login", "--end").stdout
    assert run("projects", "list").returncode != 0
    assert kept.read_text() == "{}"


def test_an_identity_provider_is_switched_off_and_on_and_removed(shell: Shell) -> None:
    args = ("--issuer", "https://idp.example.com", "--client-id", "c", "--label", "Company")
    shell.ok("identity-providers", "add", "company", *args)
    (made,) = [each for each in shell.json("identity-providers", "list") if each["name"] == "company"]
    assert "changed" in shell.run("identity-providers", "off", "company", "--expect", "7").stderr
    assert "no longer sign in with company" in shell.ok("identity-providers", "off", "company", "--keep-sessions")
    assert "may sign in with company" in shell.ok("identity-providers", "on", "company")
    off = shell.json("identity-providers", "off", "company")
    assert (off["enabled"], off["label"], off["revision"]) == (False, "Company", made["revision"] + 3)
    shell.ok("identity-providers", "remove", "company", "--keep-sessions")
    assert shell.run("identity-providers", "remove", "company").exit_code == 1


@pytest.mark.parametrize("text", ["staff", "=viewer", "staff=", "staff=viewer@shop", "staff=viewer@project:"])
def test_a_role_of_a_group_that_says_nothing_is_refused(shell: Shell, text: str) -> None:
    args = ("identity-providers", "add", "x", "--issuer", "https://idp.example.com", "--client-id", "c", "--role", text)
    assert shell.run(*args).exit_code != 0


def test_a_directory_is_made_given_a_token_and_ended(shell: Shell) -> None:
    with Client(shell.server.url, ADMIN) as client:
        client.people.create_organisation("acme")
    whose = ("--organisation", "acme")
    said = shell.ok("directory", "set", "--role", "Admins=admin", "--role", "*=viewer", *whose)
    assert "organisation:acme" in said
    made = json.loads(shell.ok("directory", "tokens", "create", "okta", "--expires", "1d", "--json", *whose))
    user = {"userName": "ada@example.com", "displayName": "Ada"}
    headers = {"authorization": f"Bearer {made['secret']}"}
    assert httpx.post(f"{made['url']}/Users", json=user, headers=headers, timeout=PATIENCE_S).status_code == 201
    httpx.post(
        f"{made['url']}/Groups", json={"displayName": "Admins"}, headers=headers, timeout=PATIENCE_S
    ).raise_for_status()
    assert "people: 1, let in: 1; groups: 1" in shell.ok("directory", "show", *whose)
    assert "Admins" in shell.ok("directory", "groups", *whose)
    assert "no domains of its own" in shell.ok("directory", "domains", *whose)
    assert "1 of the people let in have another address" in shell.ok(
        "directory", "domains", "acme.com", "acme.org", *whose
    )
    assert "Domains of acme: acme.com, acme.org" in shell.ok("directory", "domains", *whose)
    other = {"userName": "ceo@other.example"}
    assert httpx.post(f"{made['url']}/Users", json=other, headers=headers, timeout=PATIENCE_S).status_code == 400
    assert shell.run("directory", "domains", "acme.com", "--any", *whose).exit_code != 0
    assert json.loads(shell.ok("directory", "domains", "--any", "--json", *whose))["domains"] == []
    listed = json.loads(shell.ok("directory", "tokens", "list", "--json", *whose))
    assert [each["name"] for each in listed] == ["okta"]
    shell.ok("directory", "tokens", "end", listed[0]["id"], *whose)
    assert httpx.get(f"{made['url']}/Users", headers=headers, timeout=PATIENCE_S).status_code == 401
    shell.ok("directory", "remove", *whose)
    assert shell.run("directory", "show", *whose).exit_code != 0
    assert shell.run("directory", "set", "--role", "Admins=admin@shop", *whose).exit_code != 0
