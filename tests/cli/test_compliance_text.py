"""What `trimtab compliance` prints can be read in a terminal of 80 columns, and of 40."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.cli.compliance_text import card_lines, report_lines

LONG = "Whether what was promised of the keeping of records was kept, and by which of the many people " * 2
SECTION = {
    "title": "The audit log",
    "total": 1234,
    "figures": {
        "as_it_was_written": True,
        "entries": 1234,
        "signed_at": 1_760_000_000_000,
        "share": 0.123456,
        "no": None,
    },
}
REPORT: dict[str, Any] = {
    "period": {"start": 1_782_864_000_000, "end": 1_790_812_800_000},
    "sections": [SECTION, {"title": LONG, "total": 0, "figures": {"head": "f" * 64}}],
    "frameworks": [
        {
            "title": "EU AI Act",
            "edition": "2024/1689",
            "controls": [
                {"id": "Art. 12", "title": "Record-keeping", "shown": "shown", "sections": ["audit_log"], "add": LONG},
                {"id": "Art. 9", "title": LONG, "shown": "not_here", "sections": [], "add": ""},
            ],
        }
    ],
}
CARD: dict[str, Any] = {
    "title": "App support",
    "about": LONG,
    "facts": {"local": False, "archived_at": None, "metadata_" + "x" * 60: "v" * 90, "route": "fast"},
    "parts": [SECTION],
}


@pytest.mark.parametrize("width", [40, 80, 100])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int) -> None:
    for lines in (report_lines(REPORT, width), card_lines(CARD, width)):
        assert all(len(line) <= width for line in lines)
    text = "".join("".join(report_lines(REPORT, width)).split())
    assert text.count("".join(LONG.split())) == 3
    assert "f" * 64 in text


def test_values_are_told_in_words_of_people() -> None:
    text = " ".join(" ".join(report_lines(REPORT, 80)).split())
    assert "as it was written yes, entries 1,234, signed 2025-10-09 08:53 UTC, share 0.1235" in text
    assert "True" not in text
    assert "records" in text
    assert "not shown here" in text
    card = "\n".join(card_lines(CARD, 80))
    assert "local" in card
    assert "no\n" in card


@given(st.text(max_size=60), st.text(max_size=200), st.integers(40, 120))
def test_any_words_fit(title: str, about: str, width: int) -> None:
    facts = {title or "x": about}
    card = {"title": title, "about": about, "facts": facts, "parts": [{**SECTION, "title": title}]}
    for line in card_lines(card, width):
        assert len(line) <= width


def test_a_period_is_told_by_its_first_and_its_last_day() -> None:
    """The end of a period is the first moment that is no more in it: the day before is what people call its last."""
    assert report_lines(REPORT, 100)[0] == "Of 2026-07-01 to 2026-09-30, both days (UTC)"
