"""From a suite's file to a gate: releases are put to cases through the live path, compared, and let through or not; a
server that is killed in the middle pays for nothing twice."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from click.testing import CliRunner, Result
from live import ADMIN, Live, admin, simulated, until

from patience import PATIENCE_S
from trimtab.cli.main import command

CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  slow: {{provider: sim, model: "gpt-4o-mini?text=yes&first_ms=2000"}}
"""
SUITE = """
description: Says yes where yes is right.
dataset: cases.jsonl
against: production
scorers:
  - {scorer: exact, margin: 0.1}
  - {scorer: "checks.py:short", required: false}
concurrency: 16
"""
CHECKS = """
def short(output):
    return len(output) < 10
"""
TESTS = """
def test_yes(trimtab):
    trimtab.check("quality.yaml", release="sim/gpt-4o-mini?text=yes", against="sim/gpt-4o-mini?text=maybe")

def test_no(trimtab):
    trimtab.check("quality.yaml", release="sim/gpt-4o-mini?text=no", against="sim/gpt-4o-mini?text=yes")

def test_one_answer(trimtab):
    assert trimtab.score("exact", output="yes", expected="yes").value == 1
    assert trimtab.score("checks.py:short", output="yes").value == 1
"""
PROJECT = "/api/v1/projects/default"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, str]]:
    """A server, and the simulated provider's address."""
    with (
        simulated() as upstream,
        Live(tmp_path_factory.mktemp("experiments"), CONFIG.format(url=upstream)) as server,
    ):
        yield server, upstream


@pytest.fixture
def house(lab: tuple[Live, str]) -> tuple[Live, str]:
    if not lab[0].is_running():
        lab[0].start()
    return lab


def ask(server: Live, method: str, path: str, body: Any = None) -> Any:
    answer = httpx.request(method, f"{server.url}{PROJECT}{path}", headers=admin(), json=body, timeout=PATIENCE_S)
    assert answer.status_code < 300, answer.text
    return answer.json()


def release(server: Live, text: str, temperature: float = 0.0) -> str:
    """A release of `support` that says the same to everything."""
    spec = {"route": f"sim/gpt-4o-mini?text={text}", "parameters": {"temperature": temperature}}
    ask(server, "PUT", "/apps/support", {"spec": spec})
    return ask(server, "POST", "/apps/support/releases", {"message": f"It says {text}"})["release"]["ref"]


def shell(server: Live, *arguments: str) -> Result:
    environment = {"TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": ADMIN, "CI": "1"}
    return CliRunner().invoke(command, list(arguments), env=environment)


def suite_in(folder: Path) -> str:
    rows = [{"id": f"c{n:02}", "input": f"Is {n} fine?", "expected": "yes" if n % 10 else "no"} for n in range(60)]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "checks.py").write_text(CHECKS)
    (folder / "quality.yaml").write_text(SUITE)
    return str(folder / "quality.yaml")


def test_a_worse_release_is_stopped_at_the_gate_and_a_good_one_passes(house: tuple[Live, str], tmp_path: Path) -> None:
    server, _ = house
    suite = suite_in(tmp_path)
    assert release(server, "yes") == "r1"
    promoted = shell(server, "release", "promote", "support", "r1", "--in", "production")
    assert promoted.exit_code == 0, promoted.output
    ask(server, "PUT", "/environments/production", {"protection": {"suites": ["quality"]}})

    assert release(server, "no") == "r2"
    files = {name: tmp_path / f"report.{name}" for name in ("md", "xml")}
    written = ("--markdown", str(files["md"]), "--junit", str(files["xml"]))
    worse = shell(server, "eval", suite, "--release", "support@r2", *written)
    assert worse.exit_code == 1, worse.output
    assert "NOT PASSED: worse" in worse.stdout
    told = files["md"].read_text()
    assert "| exact |" in told
    assert "| metric | support@r2 | support@r1 | difference | outcome |" in told
    assert "fine? | yes | no | yes |" in told, "a reader sees what changed: the question, what was wanted, both answers"
    assert ElementTree.parse(files["xml"]).getroot().get("failures") == "2", "of the metric and of the outcome"
    refused = shell(server, "release", "promote", "support", "r2", "--in", "production")
    assert refused.exit_code == 1
    assert "the suite quality says worse" in refused.output

    assert release(server, "yes", 0.5) == "r3"
    refused = shell(server, "release", "promote", "support", "r3", "--in", "production")
    assert "There is no fresh run of quality on r3" in refused.output
    good = shell(server, "eval", suite, "--release", "support@r3", "--json")
    assert good.exit_code == 0, good.output
    report = json.loads(good.stdout)
    assert (report["outcome"], report["subjects"]) == ("not_worse", ["support@r3", "support@r1"])
    short = next(each for each in report["metrics"] if each["name"] == "checks.py:short")
    assert (short["a"]["value"], short["a"]["unscored"]) == (1.0, 0), "a function of the folder has scored it"
    promoted = shell(server, "release", "promote", "support", "r3", "--in", "production", "--kind", "direct")
    assert promoted.exit_code == 0, promoted.output

    again = shell(server, "eval", suite, "--release", "support@r3", "--json")
    experiment = ask(server, "GET", f"/experiments/{json.loads(again.stdout)['experiment']}")
    assert experiment["cells"] == 120
    cells = ask(server, "GET", f"/experiments/{experiment['id']}/cells?limit=500")["items"]
    known = {each["subject"] for each in cells if each["cached"]}
    assert 0 in known, "r3's answers are known; production runs r3 itself now"


def test_a_suite_fails_and_passes_in_pytest(house: tuple[Live, str], tmp_path: Path) -> None:
    server, _ = house
    suite_in(tmp_path)
    (tmp_path / "test_support.py").write_text(TESTS)
    environment = {**os.environ, "TRIMTAB_URL": server.url, "TRIMTAB_ADMIN_KEY": ADMIN}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # by its name, whether or not this is installed
    plugins = ("-p", "no:cacheprovider", "-p", "trimtab.cli.pytest_plugin")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "--rootdir", str(tmp_path), str(tmp_path)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert "1 failed, 2 passed" in run.stdout, run.stdout + run.stderr
    assert "NOT PASSED: worse" in run.stdout
    assert "quality: passed" in run.stdout, "the summary says what each suite came to"


def test_the_plug_in_imports_nothing_of_ours_before_a_test_asks_for_it() -> None:
    script = "import sys, trimtab.cli.pytest_plugin; print(sorted(m for m in sys.modules if m.startswith('trimtab')))"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['trimtab', 'trimtab.cli', 'trimtab.cli.pytest_plugin']"


def test_a_server_that_is_killed_in_the_middle_pays_for_nothing_twice(house: tuple[Live, str], tmp_path: Path) -> None:
    server, upstream = house
    suite = suite_in(tmp_path)
    httpx.delete(f"{upstream}/simulated/calls", timeout=PATIENCE_S)
    begun = shell(server, "eval", suite, "--release", "slow", "--against", "", "--no-wait")
    assert begun.exit_code == 0, begun.output
    name = begun.stdout.strip()

    def done() -> int:
        return ask(server, "GET", f"/experiments/{name}")["done"]

    until(lambda: done() >= 10, PATIENCE_S, server.told)
    server.kill()
    before = asked(upstream)
    assert len(before) < 60, "it was killed in the middle"
    server.start()
    until(lambda: done() >= 60 - 16, PATIENCE_S, server.told)
    assert set(asked(upstream).values()) == {1}, "each case was asked once, those that were under way, too"
    # What a call came to that was under way nobody knows: it waits for its key, and is asked for again only if told.
    # So is one whose answer had come and was not written down yet: of each as many at most as are made at once.
    cells = ask(server, "GET", f"/experiments/{name}/cells?limit=500")["items"]
    assert sum(each["state"] == "done" for each in cells) >= 60 - 2 * 16
    assert all(each["error"].startswith("idempotency_outcome_unknown") for each in cells if each["state"] == "failed")
    server.kill()  # and nobody waits for that word


def asked(upstream: str) -> Counter[str]:
    """How often the provider was asked each question."""
    return Counter(each["asked"] for each in httpx.get(f"{upstream}/simulated/calls", timeout=PATIENCE_S).json())
