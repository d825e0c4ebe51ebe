"""Config as code as a team does it: edited in git, planned, applied to staging, approved; with the real command line,
each command a process of its own, and a real server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
from live import ADMIN, Live, admin, live, simulated

from patience import PATIENCE_S

CONFIG = 'providers:\n  sim: {{base_url: "{url}/v1", api_key: k}}\n'
TOP = """models:
  small: {provider: sim, model: gpt-4o-mini, price: {input: 1, output: 2}}
  large: {provider: sim, model: gpt-4o, price: {input: 10, output: 20}}
environments:
  staging: {protection: {approvals: 1}}
"""
PROMPT = "---\nname: support\nvariables: {customer: string}\n---\n@system\nBe kind to {{ customer }}.\n"
ANSWER = "prompt: support\nroute: small\n"


def trimtab(server: Live, folder: Path, *arguments: str, key: str = ADMIN) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": key}
    argv = [sys.executable, "-m", "trimtab.cli.main", *arguments]
    return subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *named, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def call(server: Live, model: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "variables": {"customer": "Ada"}}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=admin(), timeout=PATIENCE_S)


def test_an_edit_in_git_is_planned_applied_released_and_comes_to_staging(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    for name, text in {"trimtab.yaml": TOP, "prompts/support.prompt.md": PROMPT, "apps/helpdesk.yaml": ANSWER}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Answer questions")
    with simulated() as url, live(tmp_path, CONFIG.format(url=url)) as server:
        message = git(folder, "log", "-1", "--format=%s")
        done = trimtab(server, folder, "apply", "--to", "development", "--yes", "-m", message)
        assert done.returncode == 0, done.stderr
        assert call(server, "helpdesk@development").status_code == 200
        server.settled()

        (folder / "apps/helpdesk.yaml").write_text(ANSWER.replace("small", "large"))
        git(folder, "commit", "-q", "-am", "Use the large model")
        planned = trimtab(server, folder, "plan", "--to", "staging", "--json")
        assert planned.returncode == 0, planned.stderr
        plan = json.loads(planned.stdout)
        (cost,) = plan["costs"]
        assert (cost["calls"], cost["before_model"], cost["after_model"]) == (1, "sim/gpt-4o-mini", "sim/gpt-4o")
        assert float(cost["after"]) > 9 * float(cost["before"]) > 0
        assert [each["lacking"] for each in plan["promotions"]] == [["0 of 1 approvals are given."]]
        message = git(folder, "log", "-1", "--format=%s")
        applied = trimtab(server, folder, "apply", "--to", "staging", "--plan", plan["hash"], "-m", message)
        assert applied.returncode == 5, applied.stderr
        assert "helpdesk in staging: nothing -> r2, and waits" in applied.stdout
        assert call(server, "helpdesk@staging").status_code == 404

        issued = httpx.post(
            f"{server.url}/api/v1/projects/default/keys",
            json={"name": "ben", "role": "editor"},
            headers=admin(),
            timeout=PATIENCE_S,
        ).json()["secret"]
        at = f"{server.url}/api/v1/projects/default/apps/helpdesk/releases/r2/approvals"
        given = httpx.post(
            at, json={"environment": "staging"}, headers={"authorization": f"Bearer {issued}"}, timeout=PATIENCE_S
        )
        assert given.status_code < 300, given.text
        assert trimtab(server, folder, "apply", "--to", "staging", "--yes").returncode == 0
        assert call(server, "helpdesk@staging").status_code == 200
        releases = server.api("/projects/default/apps/helpdesk/releases")["items"]
        assert [(each["number"], each["message"]) for each in releases] == [
            (2, "Use the large model"),
            (1, "Answer questions"),
        ]
        assert trimtab(server, folder, "plan", "--to", "staging", "--exit-code").returncode == 0
        acts = {each["action"] for each in server.api("/projects/default/audit")["items"]}
        assert {"folder.applied", "release.created", "release.approved", "placement.changed"} <= acts
