"""The page of the scorers says what they are."""

from pathlib import Path

from trimtab.scoring.catalog import entries
from trimtab.scoring.reference import page

ROOT = Path(__file__).parents[2]


def test_the_page_of_scorers_is_current() -> None:
    assert (ROOT / "docs/reference/scorers.md").read_text() == page(), "run: make docs"


def test_the_guide_names_every_scorer() -> None:
    guide = (ROOT / "docs/scorers.md").read_text()
    assert [each.name for each in entries() if f"`{each.name}`" not in guide] == []


def test_every_option_has_its_line_and_no_type_is_unknown() -> None:
    text = page()
    for each in entries():
        section = text.partition(f"## {each.name}\n")[2].partition("\n## ")[0]
        for option in each.options.get("properties", {}):
            assert f"| `{option}` |" in section, (each.name, option)
    assert "$ref" not in text
