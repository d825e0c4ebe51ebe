"""Who is looked at twice, and who is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from second_look import ALLOWED

CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import second_look

def pytest_configure(config):
    config.addinivalue_line("markers", "promise: never forgiven")
    second_look.register(config)
"""
ONCE = """
    from pathlib import Path
    seen = Path(__file__).with_suffix(".seen")
    if not seen.exists():
        seen.touch()
        {how}
"""
STEADY = "def test_steady(): pass\n"
RACES = "def test_races():" + ONCE.format(how="raise AssertionError('too soon')")
IN_TEARDOWN = f"""
import pytest

@pytest.fixture
def thing():
    yield
{ONCE.format(how="raise AssertionError('left something')")}

def test_leaves(thing): pass
"""
PROMISED = "import pytest\n\n@pytest.mark.promise\n" + RACES
DIES = "def test_dies():" + ONCE.format(how="__import__('os').kill(__import__('os').getpid(), 9)")


def run(folder: Path, *tests: str, allowed: str = "2", workers: int = 0) -> "subprocess.CompletedProcess[str]":
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider --strict-markers\n")
    for number, text in enumerate(tests):
        (folder / f"test_{number}.py").write_text(text)
    spread = ["-p", "xdist", "-n", str(workers)] if workers else []
    told = os.environ | {ALLOWED: allowed, "PYTHONDONTWRITEBYTECODE": "1"}
    told = {name: value for name, value in told.items() if not name.startswith("PYTEST_")}
    told["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", *spread]
    return subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("test", [RACES, IN_TEARDOWN])
def test_what_passes_alone_is_told_and_fails_nothing(tmp_path: Path, test: str, workers: int) -> None:
    ended = run(tmp_path, STEADY, test, workers=workers)
    assert ended.returncode == 0, ended.stdout
    assert "UNSTEADY test_1.py::test_" in ended.stdout
    assert "AssertionError" in ended.stdout, "what it said the first time is still there"


@pytest.mark.parametrize(
    ("tests", "allowed", "workers"),
    [
        ((STEADY, "def test_wrong(): assert False\n"), "2", 0),
        ((STEADY, RACES), "0", 0),
        ((RACES, RACES, RACES), "2", 0),
        ((RACES, "def test_wrong(): assert False\n"), "2", 0),
        ((PROMISED,), "2", 2),
        ((RACES, "import nothing_of_that_name\n"), "2", 0),
        ((STEADY, DIES), "2", 2),
    ],
    ids=["wrong", "not asked", "too many", "one is wrong", "a promise", "does not begin", "a worker died"],
)
def test_all_else_fails_as_ever(tmp_path: Path, tests: tuple[str, ...], allowed: str, workers: int) -> None:
    ended = run(tmp_path, *tests, allowed=allowed, workers=workers)
    assert ended.returncode not in (0, 5), ended.stdout
    assert "UNSTEADY" not in ended.stdout


def test_what_is_no_number_is_said(tmp_path: Path) -> None:
    ended = run(tmp_path, STEADY, allowed="some")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "the number of tests that may be unsteady, not 'some'" in ended.stderr
