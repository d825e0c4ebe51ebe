"""The tutorial, walked as it stands: every command of docs/first-evaluation.md, in its order."""

import re
import shlex
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from live import ADMIN, Live, admin, simulated

from patience import PATIENCE_S
from trimtab.cli.main import command

PAGE = Path(__file__).parents[2] / "docs" / "first-evaluation.md"
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
"""
PROJECT = "/api/v1/projects/default"
ENDS_WITH_1 = ("eval suites/support.yaml --release support@r2", "release promote support r2 --in production")
"""r2 is worse, and so it stays out."""


def put(server: Live, method: str, path: str, body: object) -> None:
    answer = httpx.request(method, f"{server.url}{PROJECT}{path}", headers=admin(), json=body, timeout=PATIENCE_S)
    assert answer.status_code < 300, answer.text


def release(server: Live, text: str) -> None:
    put(server, "PUT", "/apps/support", {"spec": {"route": f"sim/gpt-4o-mini?text={text}"}})
    put(server, "POST", "/apps/support/releases", {"message": f"It says {text}"})


def lived(server: Live) -> None:
    """A release in production that has answered thirty people, and a second one that says something else."""
    release(server, "Your parcel is on its way, and comes on Monday.")
    put(server, "POST", "/apps/support/environments/production/rollouts", {"release": "r1", "plan": {"kind": "direct"}})
    for number in range(30):
        body = {"model": "support", "messages": [{"role": "user", "content": f"Where is parcel {number * 7919}?"}]}
        answer = httpx.post(f"{server.url}/v1/chat/completions", headers=admin(), json=body, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
    release(server, "I cannot say.")
    server.settled()


def in_ci(folder: Path, page: str, environment: dict[str, str]) -> None:
    """The job's own commands, where nobody can be asked: r3 says what production says, passes, and may go there."""
    (folder / "trimtab.yaml").write_text("name: main\n")
    (folder / "apps").mkdir()
    route = "sim/gpt-4o-mini?text=Your parcel is on its way, and comes on Monday."
    (folder / "apps" / "support.yaml").write_text(f"route: '{route}'\nparameters: {{temperature: 0.2}}\n")
    for line in re.findall(r"^      - run: trimtab (.*)$", page, re.MULTILINE):
        words = shlex.split(re.sub(r"\$\{\{.*?\}\}", "7", line))
        done = CliRunner().invoke(command, words, env=environment, input="")
        assert done.exit_code == 0, f"trimtab {line}\n{done.output}"
    assert "### PASSED" in (folder / "report.md").read_text()
    done = CliRunner().invoke(command, shlex.split("release promote support r3 --in production"), env=environment)
    assert done.exit_code == 0, done.output


def test_every_command_of_the_tutorial_works_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text()
    suite = re.search(r"`suites/support.yaml`:\n\n```yaml\n(.*?)```", page, re.DOTALL)
    assert suite is not None
    with simulated() as upstream, Live(tmp_path, CONFIG.format(url=upstream)) as server:
        server.start()
        lived(server)
        (tmp_path / "work" / "suites").mkdir(parents=True)
        (tmp_path / "work" / "suites" / "support.yaml").write_text(suite[1])
        monkeypatch.chdir(tmp_path / "work")
        environment = {"TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": ADMIN}
        outputs: dict[str, str] = {}
        for line in re.findall(r"^    trimtab (.*)$", page, re.MULTILINE):
            done = CliRunner().invoke(command, shlex.split(line), env=environment)
            assert done.exit_code == int(line in ENDS_WITH_1), f"trimtab {line}\n{done.output}"
            outputs[line] = done.output
        in_ci(tmp_path / "work", page, environment)
    worse, refused = (outputs[line] for line in ENDS_WITH_1)
    assert "NOT PASSED: worse" in worse
    assert "30 cases of support-cases@1" in worse, "the file that was exported says the same, and made no new version"
    assert "the suite support says worse" in refused
