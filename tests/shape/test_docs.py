"""What the documentation says must be so."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from repository import ROOT, files

from trimtab.cli.reference import commands, page
from trimtab.core.errors import TrimtabError
from trimtab.llm.providers.__main__ import page as providers_page
from trimtab.server import settings
from trimtab.telemetry.conventions import CONVENTIONS

PAGES = [file for file in files() if file.suffix == ".md" and "node_modules" not in file.parts]
PROOF = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def dependencies() -> set[str]:
    """The name of each dependency that pyproject declares, of every kind."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups: list[list[str]] = [table["project"]["dependencies"], table["build-system"]["requires"]]
    groups += table["project"]["optional-dependencies"].values()
    groups += table["dependency-groups"].values()
    return {re.split(r"[^A-Za-z0-9_.-]", text, maxsplit=1)[0].lower() for group in groups for text in group}


def test_every_dependency_has_a_row_that_says_why() -> None:
    rows = re.findall(r"^\| ([a-z0-9-]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    assert set(rows) - {"dependency"} == dependencies()


def test_the_command_lines_reference_is_current() -> None:
    assert (ROOT / "docs/reference/cli.md").read_text() == page(), "run: make docs"


def test_the_page_of_providers_is_current() -> None:
    assert (ROOT / "docs/providers.md").read_text() == providers_page(), "run: make docs"


def test_the_page_of_conventions_has_the_version_of_each() -> None:
    told = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|$", (ROOT / "docs/conventions.md").read_text(), re.MULTILINE)
    assert {name: int(version) for name, version in told} == {
        name: plug.version for name, plug in CONVENTIONS.all().items()
    }


def test_every_command_has_its_section() -> None:
    text = (ROOT / "docs/reference/cli.md").read_text()
    assert [name for name, _ in commands() if f"## trimtab {name}" not in text] == []


def test_the_settings_reference_is_current() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text() == settings.table(), "run: make docs"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    targets: list[str] = LINK.findall(path.read_text())
    for target in targets:
        if "://" not in target and not target.startswith(("#", "mailto:")):
            assert (path.parent / target.partition("#")[0]).exists(), f"{target} in {path.relative_to(ROOT)}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_that_is_named_as_proof_is_there(path: Path) -> None:
    named: list[tuple[str, str]] = PROOF.findall(path.read_text())
    for file, test in named:
        assert (ROOT / file).is_file(), f"{file} in {path.relative_to(ROOT)}"
        assert not test or f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test} in {path.relative_to(ROOT)}"


def test_the_console_shows_foreign_text_as_text() -> None:
    shown = [file for file in files() if file.suffix in (".ts", ".tsx") and "console" in file.parts]
    assert shown
    assert [file.name for file in shown if "dangerouslySetInnerHTML" in file.read_text()] == []


def test_the_readme_names_the_two_commands_and_nothing_else_before_the_first_heading() -> None:
    opening = (ROOT / "README.md").read_text().partition("\n## ")[0]
    assert re.findall(r"^    (make \w+)", opening, re.MULTILINE) == ["make demo", "make test"]
    assert "docs/images/console.png" in opening


def test_decisions_are_numbered_without_gaps_and_say_what_they_must() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for decision in pages:
        text = decision.read_text()
        assert text.startswith(f"# {decision.name[:4]}: ")
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{decision.name} lacks {heading}"


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    import trimtab.core.errors as module

    drawn = set(re.findall(r"[|`]-- (\w+)", module.__doc__ or ""))
    classes = {name for name, value in vars(module).items() if isinstance(value, type) and name != "TrimtabError"}
    assert drawn == classes
    assert all(issubclass(getattr(module, name), TrimtabError) for name in classes)


def test_every_room_opens_with_an_essay() -> None:
    rooms = [folder for folder in (ROOT / "src/trimtab").iterdir() if (folder / "__init__.py").exists()]
    short = [room.name for room in rooms if len((room / "__init__.py").read_text().partition('"""')[2]) < 200]
    assert short == []


def test_every_make_target_explains_itself() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in ["setup", "run", "demo", "test", "check", "bench", "console", "docs", "help"]:
        assert re.search(rf"^{target}:.*## \S", text, re.MULTILINE), target
