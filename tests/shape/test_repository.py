"""What must not be in the repository: places of a machine, secrets, things that were fetched."""

import re
from pathlib import Path

import pytest
from repository import ROOT, files

MAX_BYTES = 1_000_000
DESCRIBED = {"schemas/openapi.json": 3_000_000, "console/src/api/schema.d.ts": 3_000_000, "uv.lock": 2_000_000}
"""Made by programs: from the code, with a test that holds them to it, and of what every extra installs."""
TEXT = {".py", ".md", ".ts", ".tsx", ".toml", ".yaml", ".yml", ".json", ".sh", ".css", ".html", ".mjs", ".js", ""}
HERE = Path(__file__)

# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(?:" + "|".join(("work/" + r"\w", "home/" + r"\w", "Users/" + r"\w", "opt/" + "wheels")) + ")"
)
SECRETS = re.compile(r"sk-" + r"(?:proj|ant)-[A-Za-z0-9_-]{20,}|AKIA" + r"[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY")


def text_files() -> list[Path]:
    return [file for file in files() if file.suffix in TEXT and file != HERE]


def test_no_file_names_a_place_of_one_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in text_files()
        for match in MACHINE_PATHS.finditer(file.read_text(errors="replace"))
    ]
    assert found == []


def test_no_file_holds_what_looks_like_a_real_secret() -> None:
    assert [str(f.relative_to(ROOT)) for f in text_files() if SECRETS.search(f.read_text(errors="replace"))] == []


def test_no_file_is_so_large_that_it_must_have_been_fetched() -> None:
    sizes = {str(file.relative_to(ROOT)): file.stat().st_size for file in files()}
    assert [name for name, size in sizes.items() if size > DESCRIBED.get(name, MAX_BYTES)] == []


@pytest.mark.parametrize("pattern", ["*.gguf", "*.whl", "*.sqlite", "*.pyc", "*.onnx"])
def test_no_built_or_fetched_thing_is_kept(pattern: str) -> None:
    assert [str(f.relative_to(ROOT)) for f in files() if f.match(pattern)] == []


def test_scripts_that_are_run_can_be_run() -> None:
    for name in (".ci/run", "scripts/find_python.sh", "scripts/chromium.sh"):
        assert (ROOT / name).stat().st_mode & 0o111, name
