"""A user's shell for the tests of commands that talk to a server."""

import json
from typing import Any

import httpx
from click.testing import CliRunner, Result
from live import ADMIN, Live

from patience import PATIENCE_S
from trimtab.cli.main import command


class Shell:
    """Runs commands with the environment of a user of ``server``."""

    def __init__(self, server: Live, project: str) -> None:
        self.server = server
        self.environment = {"TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": ADMIN, "TRIMTAB_PROJECT": project}

    def run(self, *arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(command, list(arguments), env={**self.environment, **environment})

    def ok(self, *arguments: str, **environment: str) -> str:
        done = self.run(*arguments, **environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "--json"))


def call(shell: Shell, said: Any = "Hello there", **headers: str) -> str:
    """One call by a client's key; returns the trace's id. ``said`` is the content of the user's message."""
    key = shell.ok("keys", "create", "app").strip()
    answer = httpx.post(
        f"{shell.server.url}/v1/chat/completions",
        json={"model": "fast", "messages": [{"role": "user", "content": said}]},
        headers={"authorization": f"Bearer {key}", **headers},
        timeout=PATIENCE_S,
    )
    answer.raise_for_status()
    shell.server.settled()
    return answer.headers["trimtab-trace-id"]
