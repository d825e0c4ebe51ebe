"""Each thing that can be wrong is told, with the way out."""

import contextlib
import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from live import Live, live

from trimtab.cli.main import command

STATES = {"ok", "warn", "fail"}


def doctor(folder: Path, *more: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the checks by name."""
    arguments = ["doctor", "--json", "--data-dir", str(folder), *more]
    if "--port" not in more:
        arguments += ["--port", "0"]
    done = CliRunner().invoke(command, arguments, env=environment)
    report = json.loads(done.stdout)
    assert report["ok"] == (done.exit_code == 0)
    return done.exit_code, {check["name"]: check for check in report["checks"]}


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("doctor")) as server:
        yield server


def test_a_fresh_installation_is_well(tmp_path: Path) -> None:
    code, checks = doctor(tmp_path / "new")
    told = {name: check for name, check in checks.items() if check["state"] == "fail" and name != "console"}
    assert told == {}
    assert code == (1 if checks["console"]["state"] == "fail" else 0)
    assert "engine" in checks["telemetry"]["detail"]


def test_it_changes_nothing_by_looking(tmp_path: Path) -> None:
    doctor(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_fine_has_a_fix(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    _, checks = doctor(tmp_path, TRIMTAB_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert {check["state"] for check in checks.values()} <= STATES
    assert all(check["fix"] for check in checks.values() if check["state"] != "ok")


def test_providers_of_a_catalog_that_cannot_be_read_are_not_said_to_be_none(tmp_path: Path) -> None:
    """After an upgrade and before the first start the catalog is of the older schema: what it declares is not known."""
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as old:
        old.execute("CREATE TABLE alembic_version (version_num TEXT NOT NULL)")
        old.execute("INSERT INTO alembic_version VALUES ('0001')")
        old.commit()
    for where in ({}, {"TRIMTAB_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}):
        _, checks = doctor(tmp_path, **where)
        assert checks["providers"]["state"] == "warn"
        assert "cannot be read" in checks["providers"]["detail"]
    assert doctor(tmp_path / "new")[1]["providers"]["detail"] == "none declared yet"


def test_a_folder_that_others_may_read_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "chmod 700" in doctor(tmp_path)[1]["data folder"]["fix"]


def test_a_folder_inside_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    code, checks = doctor(tmp_path / "taken" / "deep")
    assert code == 1
    assert checks["data folder"]["state"] == "fail"
    assert "taken is not a folder" in checks["data folder"]["detail"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code, checks = doctor(tmp_path / "inside" / "deep")
    assert code == 1
    assert checks["data folder"]["state"] == "fail"


def test_a_key_file_that_others_may_read_is_told(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    key.write_text("x")
    key.chmod(0o644)
    assert "chmod 600" in doctor(tmp_path)[1]["secret key"]["fix"]


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, checks = doctor(tmp_path, "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "--port" in checks["port"]["fix"]


def test_a_catalog_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    code, checks = doctor(tmp_path, TRIMTAB_DATABASE_URL="postgresql://me:hunter2@127.0.0.1:9/none")
    assert code == 1
    assert checks["catalog"]["state"] == "fail"
    assert "hunter2" not in json.dumps(checks)


def test_a_config_file_with_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    config = tmp_path / "trimtab.yaml"
    config.write_text("providers:\n  lab:\n    bas_url: http://127.0.0.1:9\n")
    code, checks = doctor(tmp_path / "data", "--config", str(config))
    assert code == 1
    assert ":3" in checks["config file"]["detail"]
    assert checks["providers"]["state"] == "warn"


class Refusing(BaseHTTPRequestHandler):
    """A provider that takes no key."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_providers_that_answer_refuse_or_are_away_are_told_apart(tmp_path: Path, upstream: str, refusing: str) -> None:
    config = tmp_path / "trimtab.yaml"
    config.write_text(
        "providers:\n"
        f"  fine: {{base_url: '{upstream}/v1'}}\n"
        "  away: {base_url: 'http://127.0.0.1:9/v1'}\n"
        f"  openai: {{base_url: '{refusing}/v1', api_key: sk-wrong}}\n"
        "  local: {kind: local}\n"
    )
    code, checks = doctor(tmp_path / "data", "--config", str(config))
    states = {name.partition("/")[2]: check["state"] for name, check in checks.items() if name.startswith("provider ")}
    assert states == {"fine": "ok", "away": "fail", "openai": "fail", "local": "ok"}
    assert "valid key" in checks["provider default/openai"]["fix"]
    assert "sk-wrong" not in json.dumps(checks)
    assert code == 1


def test_a_running_server_is_recognised_and_its_stores_are_asked(lived_in: Live) -> None:
    lived_in.settled()  # a server is ready before its telemetry store is
    _, checks = doctor(lived_in.data)
    assert lived_in.url in checks["port"]["detail"]
    assert checks["catalog"]["state"] == "ok"
    assert "spans" in checks["telemetry"]["detail"]


def test_people_get_a_line_for_each_check_and_a_count(tmp_path: Path) -> None:
    told = CliRunner().invoke(command, ["doctor", "--data-dir", str(tmp_path / "new"), "--port", "0"]).stdout
    assert "ok    python" in told
    assert told.splitlines()[-1].endswith("to fix.")


def test_what_several_machines_would_not_share_is_told(tmp_path: Path) -> None:
    catalog = {"TRIMTAB_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    assert "replicas" not in doctor(tmp_path / "new")[1]
    alone = doctor(tmp_path / "new", **catalog)[1]["replicas"]
    assert alone["state"] == "warn"
    assert "TRIMTAB_SECRET_KEY" in alone["fix"]
    assert "TRIMTAB_TELEMETRY_URL" in alone["fix"]
    store = {"TRIMTAB_TELEMETRY_URL": "http://127.0.0.1:9/none", "TRIMTAB_SECRET_KEY": "00" * 32}
    assert doctor(tmp_path / "new", **catalog, **store)[1]["replicas"]["state"] == "ok"
