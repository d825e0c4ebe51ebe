"""The config file while the server runs."""

import logging
import os
from pathlib import Path

import pytest

from trimtab.server.config.file import ConfigFile, load
from trimtab.server.config.watch import ConfigWatch

GOOD = 'providers:\n  lab: {base_url: "http://127.0.0.1:9/v1"}\nmodels:\n  fast: {provider: lab}\n'
MORE = GOOD + "  slow: {provider: lab}\nroutes:\n  smart: {tree: {node: fallback, of: [fast, slow]}}\n"
BAD = MORE.replace("fallback", "fallbak")


def written(file: Path, text: str) -> None:
    """As a careful editor writes: a new file in the old one's place, so that it is another one whatever the clock."""
    aside = file.with_suffix(".new")
    aside.write_text(text)
    os.replace(aside, file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "t.yaml"
    found.write_text(GOOD)
    return found


def test_a_changed_file_comes_into_force_once(file: Path) -> None:
    watch = ConfigWatch(load(file), file)
    assert watch.check() is False
    written(file, MORE)
    assert watch.check() is True
    assert (set(watch.config.models), set(watch.config.routes), watch.reloads) == ({"fast", "slow"}, {"smart"}, 1)
    assert watch.check() is False


def test_a_bad_file_changes_nothing_and_is_told_once_with_its_line(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ConfigWatch(load(file), file)
    before = watch.config
    written(file, BAD)
    with caplog.at_level(logging.ERROR):
        assert [watch.check() for _ in range(3)] == [False] * 3
    assert watch.config is before
    assert f"{file}:7: The route 'smart', tree.node: Invalid value 'fallbak'" in watch.trouble
    assert len(caplog.records) == 1
    assert "CANNOT be used" in caplog.text
    written(file, MORE)
    assert watch.check() is True
    assert watch.trouble == ""


def test_a_file_that_is_gone_is_a_bad_file(file: Path) -> None:
    watch = ConfigWatch(load(file), file)
    file.unlink()
    assert watch.check() is False
    assert "cannot be read" in watch.trouble
    assert "fast" in watch.config.models


def test_another_project_needs_a_restart(file: Path) -> None:
    watch = ConfigWatch(load(file), file)
    written(file, "project: other\n" + GOOD)
    assert watch.check() is False
    assert "now of the project 'other'" in watch.trouble


def test_asking_again_reads_the_file_though_it_looks_the_same(file: Path) -> None:
    watch = ConfigWatch(load(file), file)
    assert watch.check(again=True) is False
    assert watch.reloads == 0
    assert ConfigWatch(ConfigFile(), None).check(again=True) is False
