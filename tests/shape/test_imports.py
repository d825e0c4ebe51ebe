"""Rooms look only downward, and every room has its place."""

import tomllib

from importlinter.cli import lint_imports
from repository import ROOT


def test_the_rooms_look_only_downward() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_every_room_is_placed() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract for contract in contracts if contract["type"] == "layers"]
    assert layers["exhaustive"] is True
    placed = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    there = {folder.name for folder in (ROOT / "src/trimtab").iterdir() if (folder / "__init__.py").exists()}
    assert placed == there
