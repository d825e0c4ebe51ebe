"""Rooms look only downward, and every room has its place."""

import subprocess
import sys
import tomllib

import pytest
from repository import ROOT

from patience import PATIENCE_S


def test_the_rooms_look_only_downward() -> None:
    """In a process of its own: import-linter silences every logger that its process has made so far."""
    say = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    said = subprocess.run([sys.executable, "-c", say], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_room_is_placed() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract for contract in contracts if contract["type"] == "layers"]
    assert layers["exhaustive"] is True
    placed = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    there = {folder.name for folder in (ROOT / "src/trimtab").iterdir() if (folder / "__init__.py").exists()}
    assert placed == there


@pytest.mark.parametrize("module", ["trimtab.telemetry.process", "trimtab.telemetry.mapping.process"])
def test_a_process_that_has_no_catalog_holds_no_library_for_one(module: str) -> None:
    """SQLAlchemy would be 14 MB in each of them, httpx 4 MB."""
    say = f"import sys, {module}; print(*sorted({{'sqlalchemy', 'alembic', 'litestar', 'httpx'}} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert said.stdout.split() == []


def test_a_supervisor_of_workers_imports_nothing_of_what_answers_calls() -> None:
    """It would be 30 MB."""
    away = {"uvicorn", "litestar", "trimtab.server.wiring"}
    say = f"import sys, trimtab.server.up; print(*sorted({away} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert said.stdout.split() == []
